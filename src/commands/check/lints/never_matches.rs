//! Rules that are well-formed and match no request.

use swarmgate_config::rule::{self, Expr, Matcher, Syntax};

use super::{Context, logic};
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for (name, router) in &context.world.checked.routers {
        if name.is_internal() {
            continue;
        }
        // Its texts are another language.
        if router.value.syntax() == Syntax::V2 {
            continue;
        }
        let Some(Ok(expr)) = router.value.rule.as_deref().map(rule::parse) else { continue };
        let (at, needle) = context.option(&router.origin, "rule");
        if let Some((text, why, expected)) = leaf(&expr) {
            let message = format!("{text} never matches: {why}");
            let mut note = Note::warning("rule-never-matches", at, message).expected(expected);
            note.needle = Some(text);
            notes.push(note);
            continue;
        }
        let alternatives = logic::alternatives(&expr);
        let Some(alternatives) = alternatives else { continue };
        let contradictions: Vec<(String, String)> =
            alternatives.iter().filter_map(|all| logic::contradiction(all)).collect();
        if let (true, Some((one, other))) =
            (contradictions.len() == alternatives.len(), contradictions.first())
        {
            let message = format!(
                "the rule of router {:?} matches no request: {one} and {other} cannot both hold",
                name.name()
            );
            let mut note = Note::error("rule-never-matches", at, message);
            note.needle = needle;
            notes.push(note.expected(format!("{one} || {other}, if either is meant")));
        }
    }
}

/// A matcher that no request satisfies: its text, why, what was meant.
fn leaf(expr: &Expr) -> Option<(String, String, String)> {
    match expr {
        Expr::And(left, right) | Expr::Or(left, right) => leaf(left).or_else(|| leaf(right)),
        Expr::Match { negated: true, .. } => None,
        Expr::Match { matcher, .. } => {
            let text = logic::text(matcher);
            let (why, expected) = match matcher {
                Matcher::Host(host) | Matcher::HostHeader(host) => of_host(host)?,
                Matcher::Path(path) | Matcher::PathPrefix(path) => {
                    let kind =
                        if matches!(matcher, Matcher::Path(_)) { "Path" } else { "PathPrefix" };
                    of_path(kind, path)?
                }
                _ => return None,
            };
            Some((text, why, expected))
        }
    }
}

fn of_host(host: &str) -> Option<(String, String)> {
    let say = |why: &str, expected: String| Some((why.to_owned(), expected));
    if let Some((_, rest)) = host.split_once("://") {
        let bare = rest.split('/').next().unwrap_or_default();
        return say("a host has no scheme", format!("Host(`{bare}`)"));
    }
    // A star alone, or as the first label, is a wildcard; after that it would be a letter.
    let rest = if host == "*" { "" } else { host.strip_prefix("*.").unwrap_or(host) };
    if rest.contains('*') {
        let escaped = host.replace('.', "\\.").replace('*', "[^.]+");
        return say(
            "Host knows wildcards only as its first label",
            format!("HostRegexp(`^{escaped}$`)"),
        );
    }
    if host.contains('{') {
        return say("Host knows no patterns", "HostRegexp with a regular expression".into());
    }
    if let Some((bare, path)) = host.split_once('/') {
        return say("a host has no path", format!("Host(`{bare}`) && PathPrefix(`/{path}`)"));
    }
    if host.contains(',') {
        let hosts: Vec<String> =
            host.split(',').map(|host| format!("Host(`{}`)", host.trim())).collect();
        return say("it is one host", hosts.join(" || "));
    }
    if host.contains(char::is_whitespace) {
        return say("a host has no spaces", format!("Host(`{}`)", host.trim()));
    }
    let (bare, port) = host.rsplit_once(':')?;
    let is_port = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if is_port && !bare.contains(':') {
        return say("the port is no part of the host", format!("Host(`{bare}`)"));
    }
    None
}

fn of_path(kind: &str, path: &str) -> Option<(String, String)> {
    if let Some((bare, _)) = path.split_once('?') {
        return Some((
            "the query is no part of the path".into(),
            format!("{kind}(`{bare}`) && Query(...)"),
        ));
    }
    if path.contains('{') {
        return Some((
            format!("{kind} knows no patterns"),
            "PathRegexp with a regular expression".into(),
        ));
    }
    if path.ends_with('*') {
        let bare = path.trim_end_matches('*');
        return Some((format!("{kind} knows no wildcards"), format!("PathPrefix(`{bare}`)")));
    }
    None
}
