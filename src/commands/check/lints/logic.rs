//! Which rules imply or exclude each other, as far as that can be told from their text.

use swarmgate_config::rule::{Expr, Matcher, go_regex};

/// More alternatives than anybody writes by hand.
const MOST: usize = 64;

/// A matcher and whether it is negated.
pub type Literal = (bool, Matcher);

/// The rule as alternatives of which each is a list of conditions; `None`: too many.
pub fn alternatives(expr: &Expr) -> Option<Vec<Vec<Literal>>> {
    match expr {
        Expr::Match { negated, matcher } => Some(vec![vec![(*negated, matcher.clone())]]),
        Expr::Or(left, right) => {
            let mut all = alternatives(left)?;
            all.extend(alternatives(right)?);
            (all.len() <= MOST).then_some(all)
        }
        Expr::And(left, right) => {
            let (left, right) = (alternatives(left)?, alternatives(right)?);
            if left.len().saturating_mul(right.len()) > MOST {
                return None;
            }
            let both = left.iter().flat_map(|one| {
                right.iter().map(move |other| one.iter().chain(other).cloned().collect())
            });
            Some(both.collect())
        }
    }
}

/// Two conditions that cannot both hold.
pub fn contradiction(all: &[Literal]) -> Option<(String, String)> {
    for (index, one) in all.iter().enumerate() {
        for other in all.iter().skip(index.saturating_add(1)) {
            if excludes(one, other) {
                return Some((shown(one), shown(other)));
            }
        }
    }
    None
}

fn excludes(one: &Literal, other: &Literal) -> bool {
    match (one, other) {
        ((false, a), (false, b)) => match (a, b) {
            (
                Matcher::Host(a) | Matcher::HostHeader(a),
                Matcher::Host(b) | Matcher::HostHeader(b),
            ) => !same_host(a, b),
            (Matcher::Method(a), Matcher::Method(b)) => a != b,
            (Matcher::Path(a), Matcher::Path(b)) => a != b,
            (Matcher::Path(path), Matcher::PathPrefix(prefix))
            | (Matcher::PathPrefix(prefix), Matcher::Path(path)) => !path.starts_with(prefix),
            (Matcher::PathPrefix(a), Matcher::PathPrefix(b)) => {
                !a.starts_with(b.as_str()) && !b.starts_with(a.as_str())
            }
            (Matcher::Host(host), Matcher::HostRegexp(regex))
            | (Matcher::HostRegexp(regex), Matcher::Host(host)) => {
                matches(regex, &canonical(host)) == Some(false)
            }
            _ => false,
        },
        ((false, a), (true, b)) | ((true, b), (false, a)) => implies(a, b),
        _ => false,
    }
}

/// Whether every request that `narrow` takes is taken by `wide` as well.
pub fn covers(wide: &[Vec<Literal>], narrow: &[Vec<Literal>]) -> bool {
    !narrow.is_empty()
        && narrow.iter().all(|narrow| {
            wide.iter().any(|wide| {
                wide.iter().all(|condition| {
                    narrow.iter().any(|given| match (given, condition) {
                        ((false, a), (false, b)) => implies(a, b),
                        ((true, a), (true, b)) => implies(b, a),
                        _ => false,
                    })
                })
            })
        })
}

/// Whether the first holds only where the second does.
fn implies(a: &Matcher, b: &Matcher) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (Matcher::Host(a) | Matcher::HostHeader(a), Matcher::Host(b) | Matcher::HostHeader(b)) => {
            same_host(a, b)
        }
        (Matcher::Host(host), Matcher::HostRegexp(regex)) => {
            matches(regex, &canonical(host)) == Some(true)
        }
        (Matcher::Path(a) | Matcher::PathPrefix(a), Matcher::PathPrefix(b)) => {
            a.starts_with(b.as_str())
        }
        (Matcher::Path(path), Matcher::PathRegexp(regex)) => matches(regex, path) == Some(true),
        _ => false,
    }
}

fn matches(regex: &str, text: &str) -> Option<bool> {
    go_regex::compile(regex).ok().map(|regex| regex.is_match(&go_regex::text(text.as_bytes())))
}

/// A host as requests are compared: lower-case, without the last dot.
pub fn canonical(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn same_host(a: &str, b: &str) -> bool {
    canonical(a) == canonical(b)
}

fn shown((negated, matcher): &Literal) -> String {
    format!("{}{}", if *negated { "!" } else { "" }, text(matcher))
}

/// A matcher as people write it.
pub fn text(matcher: &Matcher) -> String {
    let call = |name: &str, arguments: &[&str]| {
        let quoted: Vec<String> = arguments.iter().map(|text| format!("`{text}`")).collect();
        format!("{name}({})", quoted.join(", "))
    };
    match matcher {
        Matcher::Host(host) | Matcher::HostName(host) => call("Host", &[host]),
        Matcher::HostHeader(host) => call("HostHeader", &[host]),
        Matcher::HostRegexp(regex) => call("HostRegexp", &[regex]),
        Matcher::Method(method) => call("Method", &[method]),
        Matcher::Path(path) => call("Path", &[path]),
        Matcher::PathPrefix(path) => call("PathPrefix", &[path]),
        Matcher::PathRegexp(regex) => call("PathRegexp", &[regex]),
        Matcher::Header { name, value } => call("Header", &[name, value]),
        Matcher::HeaderRegexp { name, regex } => call("HeaderRegexp", &[name, regex]),
        Matcher::Query { key, value } => match value {
            Some(value) => call("Query", &[key, value]),
            None => call("Query", &[key]),
        },
        Matcher::QueryRegexp { key, regex } => match regex {
            Some(regex) => call("QueryRegexp", &[key, regex]),
            None => call("QueryRegexp", &[key]),
        },
        Matcher::ClientIp(range) => call("ClientIP", &[range]),
        Matcher::HostTemplate(template) => call("HostRegexp", &[&template.text]),
        Matcher::PathTemplate(template) => call("Path", &[&template.text]),
        Matcher::PathPrefixTemplate(template) => call("PathPrefix", &[&template.text]),
        Matcher::QueryTemplate { template, .. } => call("Query", &[&template.text]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use swarmgate_config::rule::parse;

    fn parts(rule: &str) -> Vec<Vec<Literal>> {
        alternatives(&parse(rule).unwrap()).unwrap()
    }

    #[test]
    fn covered_rules() {
        let table = [
            ("Host(`a`)", "Host(`A.`)", true),
            ("Host(`a`)", "Host(`a`) && PathPrefix(`/x`)", true),
            ("Host(`a`) && PathPrefix(`/x`)", "Host(`a`)", false),
            ("Host(`a`) || Host(`b`)", "Host(`b`) && Path(`/`)", true),
            ("Host(`a`)", "Host(`a`) || Host(`b`)", false),
            ("PathPrefix(`/`)", "Host(`a`) && Path(`/x`)", true),
            ("PathPrefix(`/`)", "Host(`a`)", false),
            ("HostRegexp(`^.+\\.a$`)", "Host(`x.a`)", true),
            ("HostRegexp(`^.+\\.a$`)", "Host(`x.b`)", false),
            ("!Path(`/x`)", "!PathPrefix(`/x`)", true),
            ("!PathPrefix(`/x`)", "!Path(`/x`)", false),
        ];
        for (wide, narrow, expected) in table {
            assert_eq!(covers(&parts(wide), &parts(narrow)), expected, "{wide} covers {narrow}");
        }
    }

    #[test]
    fn contradictions() {
        let table = [
            ("Host(`a`) && Host(`b`)", true),
            ("Host(`a`) && Host(`A`)", false),
            ("Path(`/a`) && PathPrefix(`/b`)", true),
            ("PathPrefix(`/a`) && PathPrefix(`/a/b`)", false),
            ("Method(`GET`) && Method(`POST`)", true),
            ("Host(`a`) && !Host(`a`)", true),
            ("Host(`a`) && HostRegexp(`^b$`)", true),
            ("Path(`/x`) && !PathPrefix(`/`)", true),
        ];
        for (rule, expected) in table {
            let found = parts(rule).iter().all(|all| contradiction(all).is_some());
            assert_eq!(found, expected, "{rule}");
        }
    }
}
