//! v1 rules -> v3 rules and what v1 put into rules but does to the path.
//!
//! `Matcher:arg,arg;Matcher:arg`: `;` means and, `,` means or within a matcher (v1: matchers and
//! modifiers). Templates in braces are those of gorilla/mux: `{name}`, `{name:expression}`.

use crate::decode::text::quote;
use crate::rule::go_regex;

/// A translated rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rule {
    /// In v3 syntax.
    pub text: String,
    /// Prefixes to strip, the longest first: the first one that fits is taken.
    pub strip: Vec<String>,
    /// Expressions of prefixes to strip.
    pub strip_regex: Vec<String>,
    pub add_prefix: Option<String>,
    pub replace_path: Option<String>,
    /// Expression and replacement.
    pub replace_path_regex: Option<(String, String)>,
    /// What v1 does otherwise, or not at all.
    pub remarks: Vec<String>,
}

/// The matchers and modifiers of v1, as it spells them.
const NAMES: &[&str] = &[
    "Host",
    "HostRegexp",
    "Path",
    "PathStrip",
    "PathStripRegex",
    "PathPrefix",
    "PathPrefixStrip",
    "PathPrefixStripRegex",
    "Method",
    "Headers",
    "HeadersRegexp",
    "Query",
    "AddPrefix",
    "ReplacePath",
    "ReplacePathRegex",
];

/// What a name in a template stands for when it has no expression: one label, one path segment.
pub(super) const LABEL: &str = "[^.]+";
pub(super) const SEGMENT: &str = "[^/]+";

/// Translates a rule; the error says what is wrong with it.
pub(super) fn translate(v1: &str) -> Result<Rule, String> {
    let mut rule = Rule::default();
    // Each an `or` of several, or one.
    let mut terms: Vec<Vec<String>> = Vec::new();
    for part in v1.split(';').filter(|part| !part.is_empty()) {
        let (name, arguments) = call(part)?;
        let mut paths = |whole: bool, template: bool| -> Result<Vec<String>, String> {
            let mut term = Vec::with_capacity(arguments.len());
            let mut expressions = Vec::new();
            for argument in &arguments {
                match expression(argument, SEGMENT)? {
                    Some(regex) => {
                        let end = if whole { "$" } else { "" };
                        term.push(format!("PathRegexp({})", string(&format!("^{regex}{end}"))));
                        expressions.push(format!("^{regex}"));
                    }
                    None => {
                        let matcher = if whole { "Path" } else { "PathPrefix" };
                        term.push(format!("{matcher}({})", string(argument)));
                        if template {
                            expressions.push(format!("^{}", go_regex::quote(argument)));
                        }
                    }
                }
            }
            terms.push(term);
            Ok(expressions)
        };
        match name {
            "Path" => drop(paths(true, false)?),
            "PathPrefix" => drop(paths(false, false)?),
            "PathStrip" | "PathPrefixStrip" => {
                paths(name == "PathStrip", false)?;
                // v1 strips these letter by letter, whatever they match.
                let plain = arguments.iter().filter(|argument| !argument.contains('{'));
                rule.strip.extend(plain.map(|argument| (*argument).to_owned()));
            }
            "PathStripRegex" | "PathPrefixStripRegex" => {
                let expressions = paths(name == "PathStripRegex", true)?;
                rule.strip_regex.extend(expressions);
            }
            "Host" => {
                let wild = |host: &&&str| **host == "*" || host.starts_with("*.");
                if let Some(host) = arguments.iter().find(wild) {
                    rule.remarks.push(format!(
                        "Host:{host} matched nothing in v1, which took the star as a letter; here \
                         it stands for any name"
                    ));
                }
                terms.push(each("Host", &arguments));
            }
            "Method" => terms.push(each("Method", &arguments)),
            "HostRegexp" => {
                let mut term = Vec::with_capacity(arguments.len());
                for argument in &arguments {
                    let regex = match expression(argument, LABEL)? {
                        Some(regex) => regex,
                        None => go_regex::quote(argument),
                    };
                    term.push(format!("HostRegexp({})", string(&format!("^{regex}$"))));
                }
                terms.push(term);
            }
            "Headers" | "HeadersRegexp" => {
                let matcher = if name == "Headers" { "Header" } else { "HeaderRegexp" };
                for pair in arguments.chunks(2) {
                    let [key, value] = pair else {
                        return Err(format!(
                            "{name} has {} arguments; expected names and values in turn",
                            arguments.len()
                        ));
                    };
                    terms.push(vec![format!("{matcher}({}, {})", string(key), string(value))]);
                }
            }
            "Query" => {
                for argument in &arguments {
                    terms.push(vec![query(argument)?]);
                }
            }
            "AddPrefix" => rule.add_prefix = last(&arguments),
            "ReplacePath" => rule.replace_path = last(&arguments),
            "ReplacePathRegex" => {
                let text = last(&arguments).unwrap_or_default();
                match text.split_once(' ') {
                    Some((regex, replacement)) if !replacement.contains(' ') => {
                        rule.replace_path_regex = Some((regex.into(), replacement.into()));
                    }
                    _ => rule.remarks.push(format!(
                        "ReplacePathRegex {} has no effect, as in v1: expected an expression, one \
                         blank and a replacement",
                        quote(&text)
                    )),
                }
            }
            other => {
                if let Some(known) = NAMES.iter().find(|known| known.eq_ignore_ascii_case(other)) {
                    return Err(format!(
                        "unknown function {}; expected {known}, spelled so",
                        quote(other)
                    ));
                }
                return Err(format!(
                    "unknown function {}; expected one of {}",
                    quote(other),
                    NAMES.join(", ")
                ));
            }
        }
    }
    if v1.split(';').all(str::is_empty) {
        return Err("empty rule".into());
    }
    rule.strip.sort_by_key(|prefix| std::cmp::Reverse(prefix.len()));
    rule.text = join(terms);
    Ok(rule)
}

/// Name and arguments. Empty arguments fall out, as in v1.
fn call(part: &str) -> Result<(&str, Vec<&str>), String> {
    let (name, rest) = part.split_once(':').unwrap_or((part, ""));
    let name = name.trim();
    let arguments: Vec<&str> =
        rest.split(',').filter(|argument| !argument.is_empty()).map(str::trim).collect();
    if name.is_empty() || arguments.is_empty() {
        let what = if name.is_empty() { "no function in" } else { "no arguments in" };
        return Err(format!("{what} {}; expected Host:example.com and the like", quote(part)));
    }
    Ok((name, arguments))
}

fn last(arguments: &[&str]) -> Option<String> {
    arguments.last().map(|argument| (*argument).to_owned())
}

fn each(matcher: &str, arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(|argument| format!("{matcher}({})", string(argument))).collect()
}

fn query(argument: &str) -> Result<String, String> {
    let Some((key, value)) = argument.split_once('=') else {
        return Err(format!("Query {} has no value; expected key=value", quote(argument)));
    };
    let key = string(key);
    Ok(match (value, expression(value, ".*")?) {
        // An empty value means any.
        ("", _) => format!("QueryRegexp({key}, `.*`)"),
        (_, Some(regex)) => format!("QueryRegexp({key}, {})", string(&format!("^{regex}$"))),
        (value, None) => format!("Query({key}, {})", string(value)),
    })
}

/// All terms hold; of several within one term, one.
fn join(terms: Vec<Vec<String>>) -> String {
    let alone = terms.len() == 1;
    let texts: Vec<String> = terms
        .into_iter()
        .map(|term| match term.len() {
            0 | 1 => term.concat(),
            _ if alone => term.join(" || "),
            _ => format!("({})", term.join(" || ")),
        })
        .collect();
    match texts.is_empty() {
        // Only modifiers: every request.
        true => "PathPrefix(`/`)".into(),
        false => texts.join(" && "),
    }
}

/// A template as a regular expression without anchors; `None`: it has no braces.
pub(super) fn expression(template: &str, default: &str) -> Result<Option<String>, String> {
    if !template.contains(['{', '}']) {
        return Ok(None);
    }
    let wrong = || format!("unbalanced braces in {}", quote(template));
    let mut regex = String::with_capacity(template.len().saturating_mul(2));
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, after) = rest.split_at_checked(open).ok_or_else(wrong)?;
        regex.push_str(&go_regex::quote(before));
        let inside = after.strip_prefix('{').ok_or_else(wrong)?;
        let mut depth = 1_usize;
        let close = inside.char_indices().find_map(|(at, c)| {
            match c {
                '{' => depth = depth.saturating_add(1),
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 0).then_some(at)
        });
        let close = close.ok_or_else(wrong)?;
        let name = inside.get(..close).ok_or_else(wrong)?;
        rest = inside.get(close.saturating_add(1)..).unwrap_or_default();
        let pattern = name.split_once(':').map_or(default, |(_, pattern)| pattern);
        match pattern {
            "" => regex.push_str(default),
            _ if pattern.contains('|') => regex.push_str(&format!("(?:{pattern})")),
            _ => regex.push_str(pattern),
        }
    }
    regex.push_str(&go_regex::quote(rest));
    Ok(Some(regex))
}

/// A string of the rule language: in backquotes, or in double quotes where it has one itself.
pub(super) fn string(text: &str) -> String {
    if text.contains(['`', '\r']) {
        // JSON's escapes are Go's.
        serde_json::Value::from(text).to_string()
    } else {
        format!("`{text}`")
    }
}
