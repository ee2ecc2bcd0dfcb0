//! Forms of Traefik v2's rules that v3 accepts and takes for something else: templates in braces,
//! `Query` with one text.

use super::rule::{LABEL, SEGMENT, expression, string};
use crate::rule::{Expr, Matcher};

/// Nobody repairs more of one rule at a time.
const MOST: usize = 5;

/// The matchers of a rule that look like v2's, each with the v3 form of what v2 made of it.
pub(crate) fn former(rule: &Expr) -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(rule, &mut found);
    found
}

fn collect(rule: &Expr, found: &mut Vec<(String, String)>) {
    if found.len() >= MOST {
        return;
    }
    match rule {
        Expr::And(left, right) | Expr::Or(left, right) => {
            collect(left, found);
            collect(right, found);
        }
        Expr::Match { matcher, .. } => found.extend(today(matcher)),
    }
}

fn today(matcher: &Matcher) -> Option<(String, String)> {
    let (name, text) = match matcher {
        Matcher::Host(text) => ("Host", text),
        Matcher::HostRegexp(text) => ("HostRegexp", text),
        Matcher::Path(text) => ("Path", text),
        Matcher::PathPrefix(text) => ("PathPrefix", text),
        Matcher::Query { key, value: None } => {
            let (name, value) = key.split_once('=').filter(|(name, _)| !name.is_empty())?;
            let today = format!("Query({}, {})", string(name), string(value));
            return Some((format!("Query({})", string(key)), today));
        }
        _ => return None,
    };
    if !has_template(text) {
        return None;
    }
    let (default, matcher, end) = match name {
        "Host" | "HostRegexp" => (LABEL, "HostRegexp", "$"),
        "Path" => (SEGMENT, "PathRegexp", "$"),
        _ => (SEGMENT, "PathRegexp", ""),
    };
    let regex = expression(text, default).ok()??;
    let today = format!("{matcher}({})", string(&format!("^{regex}{end}")));
    Some((format!("{name}({})", string(text)), today))
}

/// Whether there is `{name}` or `{name:...}`: neither a repetition nor `\p{Greek}` nor `\x{e9}`.
fn has_template(text: &str) -> bool {
    text.match_indices('{').any(|(at, _)| {
        let before = text.get(..at).unwrap_or_default();
        let after = text.get(at.saturating_add(1)..).unwrap_or_default();
        let named = after.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        named && after.contains('}') && ![r"\p", r"\P", r"\x"].iter().any(|it| before.ends_with(it))
    })
}

#[cfg(test)]
mod tests {
    use super::former;
    use crate::rule;

    #[test]
    fn forms_of_v2() {
        let table: &[(&str, &[(&str, &str)])] = &[
            ("Host(`a.test`) && Path(`/x`)", &[]),
            (
                "HostRegexp(`{sub:[a-z]+}.a.test`)",
                &[("HostRegexp(`{sub:[a-z]+}.a.test`)", r"HostRegexp(`^[a-z]+\.a\.test$`)")],
            ),
            (r"HostRegexp(`^[a-z]{2,3}\p{Greek}\x{e9}$`)", &[]),
            ("Host(`{sub}.a`)", &[("Host(`{sub}.a`)", r"HostRegexp(`^[^.]+\.a$`)")]),
            ("Path(`/d/{id}`)", &[("Path(`/d/{id}`)", "PathRegexp(`^/d/[^/]+$`)")]),
            (
                "!PathPrefix(`/e/{id:[0-9]+}`) || Query(`a=b`)",
                &[
                    ("PathPrefix(`/e/{id:[0-9]+}`)", "PathRegexp(`^/e/[0-9]+`)"),
                    ("Query(`a=b`)", "Query(`a`, `b`)"),
                ],
            ),
            ("Query(`a`, `b=c`) || Query(`=`) || PathRegexp(`^/{x}`)", &[]),
            ("Path(`/{`) || Path(`/{a`)", &[]),
        ];
        for (text, expected) in table {
            let found = former(&rule::parse(text).unwrap());
            let found: Vec<(&str, &str)> =
                found.iter().map(|(was, today)| (was.as_str(), today.as_str())).collect();
            assert_eq!(found, *expected, "{text}");
            for (_, today) in found {
                assert!(rule::parse(today).is_ok(), "{today}");
            }
        }
    }
}
