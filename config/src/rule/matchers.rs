//! The matchers' names and spellings, how many arguments each takes, and which are valid.

use super::lexer::shortened;
use super::parser::Admit;
use super::{Matcher, ip_range::IpRange};
use crate::decode::suggest::closest;

/// Matchers' names, as documented.
pub(super) type Names = &'static [&'static str];

/// Names of v3.
const NAMES: Names = &[
    "Host",
    "HostRegexp",
    "Method",
    "Path",
    "PathPrefix",
    "PathRegexp",
    "Header",
    "HeaderRegexp",
    "Query",
    "QueryRegexp",
    "ClientIP",
];

/// Names of v2 and what they are called now.
const FORMER: [(&str, &str); 3] =
    [("Headers", "Header"), ("HeadersRegexp", "HeaderRegexp"), ("HostHeader", "Host")];

/// What is expected of hosts, paths and addresses.
pub(super) const ASCII: &str = "ASCII only; write an international name in its xn-- form";
pub(super) const ROOTED: &str = "it to start with a '/'";
pub(super) const ADDRESS: &str = "an IP address or a CIDR such as 10.0.0.0/8";

/// Resolves the four spellings: as documented, lower, UPPER, and First upper only.
pub(super) fn spelled(names: Names, name: &str) -> Option<&'static str> {
    let known = names.iter().copied().find(|known| known.eq_ignore_ascii_case(name))?;
    let lower = |text: &str| !text.bytes().any(|b| b.is_ascii_uppercase());
    let upper = |text: &str| !text.bytes().any(|b| b.is_ascii_lowercase());
    let (first, rest) = name.split_at_checked(1)?;
    let spelled = name == known || lower(name) || upper(name) || (upper(first) && lower(rest));
    spelled.then_some(known)
}

/// What to say of a name that is no matcher; `None` when it is one.
pub(super) fn unknown(name: &str) -> Option<String> {
    let former = FORMER.iter().find(|(former, _)| former.eq_ignore_ascii_case(name));
    let known = spelled(NAMES, name).is_some();
    (!known).then(|| match former {
        Some((_, now)) => format!(
            "unsupported function: {name}; expected {now}, which is its name in the v3 rule syntax"
        ),
        None => unsupported(NAMES, name),
    })
}

/// A name that no syntax has.
pub(super) fn unsupported(names: Names, name: &str) -> String {
    let name_shown = shortened(name);
    match closest(name, names) {
        Some(closest) => format!(
            "unsupported function: {name_shown}; expected a matcher, did you mean {closest}?"
        ),
        None => {
            format!("unsupported function: {name_shown}; expected one of {}", names.join(", "))
        }
    }
}

/// An argument that says nothing.
pub(super) fn empty(canonical: &str) -> String {
    format!("{canonical}: found an empty string; expected a value")
}

/// An argument that cannot be.
pub(super) fn wrong(canonical: &str, what: &str, text: &str, expected: &str) -> String {
    format!("{canonical}: {what}{:?}; expected {expected}", shortened(text))
}

/// Whether a regular expression can be had, else why not.
pub(super) fn admitted(canonical: &str, regex: &str, admit: &mut Admit<'_>) -> Result<(), String> {
    admit(regex).map_err(|error| format!("{canonical}: compiling {:?}: {error}", shortened(regex)))
}

/// Whether `ClientIP` takes it.
pub(super) fn is_address(text: &str) -> bool {
    IpRange::parse(text).is_some()
}

/// Makes a matcher of a call, or says what is wrong with it.
pub(super) fn build(
    name: &str,
    arguments: Vec<String>,
    admit: &mut Admit<'_>,
) -> Result<Matcher, String> {
    let Some(canonical) = spelled(NAMES, name) else {
        return Err(unknown(name).unwrap_or_default());
    };
    let wanted = match canonical {
        "Header" | "HeaderRegexp" => 2..=2,
        "Query" | "QueryRegexp" => 1..=2,
        _ => 1..=1,
    };
    if !wanted.contains(&arguments.len()) {
        let expected = match (wanted.start(), wanted.end()) {
            (1, 1) => "1",
            (2, 2) => "2",
            _ => "1 or 2",
        };
        let found = match arguments.len() {
            0 => "no argument",
            1 => "1 argument",
            2 => "2 arguments",
            _ => "3 or more arguments",
        };
        // v2 took several.
        let several = match (expected, arguments.as_slice()) {
            ("1", [first, second, ..]) => {
                let [first, second] = [first, second].map(|text| shortened(text));
                format!(", or {canonical}(`{first}`) || {canonical}(`{second}`) for one of several")
            }
            _ => String::new(),
        };
        return Err(format!(
            "{canonical}: unexpected number of parameters: {found}; expected {expected}{several}"
        ));
    }
    if arguments.iter().any(String::is_empty) {
        return Err(empty(canonical));
    }
    let mut arguments = arguments.into_iter();
    let first = arguments.next().unwrap_or_default();
    let second = arguments.next();
    let wrong =
        |what: &str, text: &str, expected: &str| Err(wrong(canonical, what, text, expected));
    let mut regex = |text: &str| admitted(canonical, text, admit);
    Ok(match canonical {
        "Host" | "HostRegexp" if !first.is_ascii() => {
            return wrong("invalid value ", &first, ASCII);
        }
        "Host" => Matcher::Host(first),
        "HostRegexp" => {
            regex(&first)?;
            Matcher::HostRegexp(first)
        }
        "Method" => Matcher::Method(first.to_uppercase()),
        "Path" | "PathPrefix" if !first.starts_with('/') => {
            return wrong("path ", &first, ROOTED);
        }
        "Path" => Matcher::Path(first),
        "PathPrefix" => Matcher::PathPrefix(first),
        "PathRegexp" => {
            regex(&first)?;
            Matcher::PathRegexp(first)
        }
        "Header" => Matcher::Header { name: first, value: second.unwrap_or_default() },
        "HeaderRegexp" => {
            let second = second.unwrap_or_default();
            regex(&second)?;
            Matcher::HeaderRegexp { name: first, regex: second }
        }
        "Query" => Matcher::Query { key: first, value: second },
        "QueryRegexp" => {
            if let Some(second) = &second {
                regex(second)?;
            }
            Matcher::QueryRegexp { key: first, regex: second }
        }
        _ if !is_address(&first) => return wrong("", &first, ADDRESS),
        _ => Matcher::ClientIp(first),
    })
}
