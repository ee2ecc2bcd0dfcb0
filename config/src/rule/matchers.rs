//! The matchers' names and spellings, how many arguments each takes, and which are valid.

use super::lexer::shortened;
use super::parser::Admit;
use super::{Matcher, ip_range::IpRange};
use crate::decode::suggest::closest;

/// Names of v3, as documented.
const NAMES: [&str; 11] = [
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

/// Resolves the four spellings: as documented, lower, UPPER, and First upper only.
fn known(name: &str) -> Option<&'static str> {
    let known = NAMES.into_iter().find(|known| known.eq_ignore_ascii_case(name))?;
    let lower = |text: &str| !text.bytes().any(|b| b.is_ascii_uppercase());
    let upper = |text: &str| !text.bytes().any(|b| b.is_ascii_lowercase());
    let (first, rest) = name.split_at_checked(1)?;
    let spelled = name == known || lower(name) || upper(name) || (upper(first) && lower(rest));
    spelled.then_some(known)
}

/// What to say of a name that is no matcher; `None` when it is one.
pub(super) fn unknown(name: &str) -> Option<String> {
    if known(name).is_some() {
        return None;
    }
    let mut message = format!("unsupported function: {}", shortened(name));
    if let Some((_, now)) = FORMER.iter().find(|(former, _)| former.eq_ignore_ascii_case(name)) {
        message.push_str(&format!("; expected {now}, which is its name in the v3 rule syntax"));
    } else if let Some(closest) = closest(name, &NAMES) {
        message.push_str(&format!("; expected a matcher, did you mean {closest}?"));
    } else {
        message.push_str(&format!("; expected one of {}", NAMES.join(", ")));
    }
    Some(message)
}

/// Makes a matcher of a call, or says what is wrong with it.
pub(super) fn build(
    name: &str,
    arguments: Vec<String>,
    admit: &mut Admit<'_>,
) -> Result<Matcher, String> {
    let Some(canonical) = known(name) else {
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
        return Err(format!("{canonical}: found an empty string; expected a value"));
    }
    let mut arguments = arguments.into_iter();
    let first = arguments.next().unwrap_or_default();
    let second = arguments.next();
    let wrong = |what: &str, text: &str, expected: &str| {
        Err(format!("{canonical}: {what}{:?}; expected {expected}", shortened(text)))
    };
    let mut regex = |text: &str| {
        admit(text)
            .map_err(|error| format!("{canonical}: compiling {:?}: {error}", shortened(text)))
    };
    Ok(match canonical {
        "Host" | "HostRegexp" if !first.is_ascii() => {
            return wrong(
                "invalid value ",
                &first,
                "ASCII only; write an international name in its xn-- form",
            );
        }
        "Host" => Matcher::Host(first),
        "HostRegexp" => {
            regex(&first)?;
            Matcher::HostRegexp(first)
        }
        "Method" => Matcher::Method(first.to_uppercase()),
        "Path" | "PathPrefix" if !first.starts_with('/') => {
            return wrong("path ", &first, "it to start with a '/'");
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
        _ => {
            if IpRange::parse(&first).is_none() {
                return wrong("", &first, "an IP address or a CIDR such as 10.0.0.0/8");
            }
            Matcher::ClientIp(first)
        }
    })
}
