//! The matchers of Traefik v2, which take several arguments and templates (`ruleSyntax: v2`).
//!
//! A front end to the matchers of v3: what means the same there becomes that matcher, the rest one
//! of the template matchers (reference: HTTP routing §7).

use std::collections::{HashMap, HashSet};

use super::lexer::shortened;
use super::matchers::{ADDRESS, ASCII, Names, ROOTED, admitted, empty, is_address, spelled, wrong};
use super::parser::Admit;
use super::template::{Kind, expression};
use super::{Matcher, Template};

/// Names of v2, as documented.
const NAMES: Names = &[
    "Host",
    "HostHeader",
    "HostRegexp",
    "Path",
    "PathPrefix",
    "Method",
    "Headers",
    "HeadersRegexp",
    "Query",
    "ClientIP",
];

/// Names that only v3 has, and what v2 has for them.
const LATER: [(&str, &str); 4] = [
    ("PathRegexp", "Path or PathPrefix with a template such as `/{name:[a-z]+}`"),
    ("Header", "Headers"),
    ("HeaderRegexp", "HeadersRegexp"),
    ("QueryRegexp", "Query with a template such as `name={value:[a-z]+}`"),
];

/// What a call means: one of these holds, or all of them.
pub(super) struct Call {
    pub(super) all: bool,
    pub(super) matchers: Vec<Matcher>,
}

/// What to say of a name that is no matcher; `None` when it is one.
pub(super) fn unknown(name: &str) -> Option<String> {
    let later = LATER.iter().find(|(later, _)| later.eq_ignore_ascii_case(name));
    let known = spelled(NAMES, name).is_some();
    (!known).then(|| match later {
        Some((_, instead)) => format!(
            "unsupported function: {name}; expected {instead}, in the v2 rule syntax of this router"
        ),
        None => super::matchers::unsupported(NAMES, name),
    })
}

/// Makes matchers of a call, or says what is wrong with it.
pub(super) fn build(
    name: &str,
    arguments: Vec<String>,
    admit: &mut Admit<'_>,
) -> Result<Call, String> {
    let Some(canonical) = spelled(NAMES, name) else {
        return Err(unknown(name).unwrap_or_default());
    };
    if arguments.is_empty() {
        return Err(format!(
            "{canonical}: unexpected number of parameters: no argument; expected 1 or more"
        ));
    }
    if arguments.iter().any(String::is_empty) {
        return Err(empty(canonical));
    }
    let mut template = |text: String, kind: Kind| {
        let regex = expression(&text, kind, admit, &mut Vec::new())
            .map_err(|error| format!("{canonical}: {error}"))?;
        Ok(Template { text, regex })
    };
    let (all, matchers): (bool, Result<Vec<Matcher>, String>) = match canonical {
        "Host" | "HostHeader" => {
            (false, arguments.into_iter().map(|it| host(canonical, it)).collect())
        }
        "HostRegexp" => {
            let each = arguments.into_iter().map(|text| match text.is_ascii() {
                true => template(text, Kind::Host).map(Matcher::HostTemplate),
                false => Err(wrong(canonical, "invalid value ", &text, ASCII)),
            });
            (false, each.collect())
        }
        "Path" | "PathPrefix" => {
            let whole = canonical == "Path";
            let each = arguments.into_iter().map(|text| {
                if !text.starts_with('/') {
                    return Err(wrong(canonical, "path ", &text, ROOTED));
                }
                Ok(match (text.contains(['{', '}']), whole) {
                    (true, true) => Matcher::PathTemplate(template(text, Kind::Path)?),
                    (true, false) => Matcher::PathPrefixTemplate(template(text, Kind::Prefix)?),
                    (false, true) => Matcher::Path(text),
                    (false, false) => Matcher::PathPrefix(text),
                })
            });
            (false, each.collect())
        }
        "Method" => {
            let each = arguments.into_iter().map(|text| Ok(Matcher::Method(text.to_uppercase())));
            (false, each.collect())
        }
        "Headers" | "HeadersRegexp" => {
            let regexp = canonical == "HeadersRegexp";
            let each = pairs(canonical, arguments)?.into_iter().map(|(name, value)| {
                if !regexp {
                    return Ok(Matcher::Header { name, value });
                }
                admitted(canonical, &value, admit)?;
                Ok(Matcher::HeaderRegexp { name, regex: value })
            });
            (true, each.collect())
        }
        "Query" => (true, queries(&arguments, admit)),
        _ => {
            let each = arguments.into_iter().map(|text| match is_address(&text) {
                true => Ok(Matcher::ClientIp(text)),
                false => Err(wrong(canonical, "", &text, ADDRESS)),
            });
            (false, each.collect())
        }
    };
    Ok(Call { all, matchers: matchers? })
}

/// v2 knows no wildcards: a star is a letter.
fn host(canonical: &str, text: String) -> Result<Matcher, String> {
    if !text.is_ascii() {
        return Err(wrong(canonical, "invalid value ", &text, ASCII));
    }
    Ok(match canonical {
        "HostHeader" => Matcher::HostHeader(text),
        _ if text.starts_with('*') => Matcher::HostName(text),
        _ => Matcher::Host(text),
    })
}

/// Names and values in turn; of a name that comes twice the last value counts.
fn pairs(canonical: &str, arguments: Vec<String>) -> Result<Vec<(String, String)>, String> {
    let odd = arguments.len() % 2 == 1;
    if odd {
        return Err(format!(
            "{canonical}: number of parameters must be multiple of 2, got {}; expected names and \
             values in turn",
            arguments.len()
        ));
    }
    let mut pairs: Vec<(String, String)> = Vec::with_capacity(arguments.len() / 2);
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut rest = arguments.into_iter();
    while let (Some(name), Some(value)) = (rest.next(), rest.next()) {
        match places.get(&name).and_then(|place| pairs.get_mut(*place)) {
            Some(earlier) => earlier.1 = value,
            None => {
                places.insert(name.clone(), pairs.len());
                pairs.push((name, value));
            }
        }
    }
    Ok(pairs)
}

/// `name=value` each. What has no `=` counts as a name or a value by its place, as in v2.
fn queries(arguments: &[String], admit: &mut Admit<'_>) -> Result<Vec<Matcher>, String> {
    let mut parts: Vec<&str> = Vec::with_capacity(arguments.len().saturating_mul(2));
    for argument in arguments {
        match argument.split_once('=') {
            Some((name, value)) => parts.extend([name, value]),
            None => parts.push(argument),
        }
    }
    if parts.len() % 2 == 1 {
        let bare = arguments.iter().find(|argument| !argument.contains('='));
        return Err(format!(
            "Query: number of parameters must be multiple of 2: {:?} has no value; expected \
             name=value",
            shortened(bare.map(String::as_str).unwrap_or_default())
        ));
    }
    let mut matchers = Vec::with_capacity(parts.len() / 2);
    let mut taken: HashSet<String> = HashSet::new();
    for pair in parts.chunks(2) {
        let text = pair.join("=");
        let key = text.split_once('=').map_or(&*text, |(key, _)| key).to_owned();
        let mut names = Vec::new();
        let regex = expression(&text, Kind::Query, admit, &mut names)
            .map_err(|error| format!("Query: {error}"))?;
        // Within one template a name may come twice, as in v2.
        if let Some(twice) = names.iter().find(|name| taken.contains(**name)) {
            return Err(format!(
                "Query: duplicated route variable {:?}; expected another name in {:?}",
                shortened(twice),
                shortened(&text)
            ));
        }
        taken.extend(names.into_iter().map(str::to_owned));
        matchers.push(Matcher::QueryTemplate { key, template: Template { text, regex } });
    }
    Ok(matchers)
}
