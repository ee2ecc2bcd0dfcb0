//! Templates of v2's rules: text with `{name}` or `{name:expression}` in it, as a regular
//! expression (gorilla/mux, which Traefik v2 matched with).

use super::go_regex;
use super::lexer::shortened;
use super::parser::Admit;

/// What a template is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The whole host, whatever its case.
    Host,
    /// The whole path.
    Path,
    /// The path's beginning.
    Prefix,
    /// `name=value`, both decoded.
    Query,
}

impl Kind {
    /// What a variable without an expression of its own stands for.
    fn default(self) -> &'static str {
        match self {
            Self::Host => "[^.]+",
            Self::Path | Self::Prefix => "[^/]+",
            Self::Query => ".*",
        }
    }
}

/// The regular expression that a template stands for; each variable is a group. The variables'
/// names come to `names`.
pub(super) fn expression<'t>(
    template: &'t str,
    kind: Kind,
    admit: &mut Admit<'_>,
    names: &mut Vec<&'t str>,
) -> Result<String, String> {
    let mut regex = String::with_capacity(template.len().saturating_mul(2));
    regex.push_str(if kind == Kind::Host { "(?i)^" } else { "^" });
    let mut rest = template;
    while let Some((before, inside, after)) = next_variable(rest, template)? {
        regex.push_str(&go_regex::quote(before));
        let (name, pattern) = inside.split_once(':').unwrap_or((inside, kind.default()));
        if name.is_empty() || pattern.is_empty() {
            return Err(format!(
                "missing name or pattern in \"{{{}}}\"; expected {{name}} or {{name:expression}}",
                shortened(inside)
            ));
        }
        // By itself: `a)(b` must not end the group around it.
        go_regex::translate(pattern)
            .map_err(|error| format!("compiling {:?}: {error}", shortened(pattern)))?;
        regex.push_str(&format!("({pattern})"));
        names.push(name);
        rest = after;
    }
    regex.push_str(&go_regex::quote(rest));
    if kind == Kind::Query && template.split_once('=').is_some_and(|(_, value)| value.is_empty()) {
        regex.push_str(kind.default());
    }
    if kind != Kind::Prefix {
        regex.push('$');
    }
    admit(&regex).map_err(|error| format!("compiling {:?}: {error}", shortened(template)))?;
    Ok(regex)
}

/// The text before the next variable, what stands between its braces, and what follows.
fn next_variable<'t>(
    rest: &'t str,
    whole: &str,
) -> Result<Option<(&'t str, &'t str, &'t str)>, String> {
    let unbalanced = || format!("unbalanced braces in {:?}", shortened(whole));
    let Some(open) = rest.find(['{', '}']) else { return Ok(None) };
    let (before, after) = rest.split_at_checked(open).ok_or_else(unbalanced)?;
    let inside = after.strip_prefix('{').ok_or_else(unbalanced)?;
    let mut depth = 1_usize;
    let close = inside.char_indices().find_map(|(at, c)| {
        match c {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        (depth == 0).then_some(at)
    });
    let (inside, after) =
        inside.split_at_checked(close.ok_or_else(unbalanced)?).ok_or_else(unbalanced)?;
    Ok(Some((before, inside, after.strip_prefix('}').ok_or_else(unbalanced)?)))
}

#[cfg(test)]
mod tests {
    use super::{Kind, expression};
    use crate::rule::go_regex;

    fn of(template: &str, kind: Kind) -> Result<String, String> {
        let mut admit = |regex: &str| go_regex::translate(regex).map(drop);
        expression(template, kind, &mut admit, &mut Vec::new())
    }

    #[test]
    fn expressions() {
        let table = [
            ("a.test", Kind::Host, r"(?i)^a\.test$"),
            ("{sub}.test", Kind::Host, r"(?i)^([^.]+)\.test$"),
            ("{sub:[a-z]{2,3}}.{top:a|b}", Kind::Host, r"(?i)^([a-z]{2,3})\.(a|b)$"),
            ("^x.+$", Kind::Host, r"(?i)^\^x\.\+\$$"),
            ("/a/{id}/b", Kind::Path, "^/a/([^/]+)/b$"),
            ("/a/{id:[0-9]+}", Kind::Prefix, "^/a/([0-9]+)"),
            ("/{a}{b}", Kind::Prefix, "^/([^/]+)([^/]+)"),
            ("/{a:b:c}", Kind::Path, "^/(b:c)$"),
            ("/{a:(b|c)}", Kind::Path, "^/((b|c))$"),
            ("k=v", Kind::Query, "^k=v$"),
            ("k=", Kind::Query, "^k=.*$"),
            ("k={v}", Kind::Query, "^k=(.*)$"),
            ("k={v:(?:a|b)}c", Kind::Query, "^k=((?:a|b))c$"),
            ("k={v:[{]}}", Kind::Query, "^k=([{]})$"),
            ("/é", Kind::Path, "^/é$"),
        ];
        for (template, kind, expected) in table {
            assert_eq!(of(template, kind).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn refused() {
        for (template, error) in [
            ("/{a", "unbalanced braces in \"/{a\""),
            ("/a}", "unbalanced braces in \"/a}\""),
            ("/}a{", "unbalanced braces"),
            ("/{}", "missing name or pattern in \"{}\""),
            ("/{:a}", "missing name or pattern in \"{:a}\""),
            ("/{a:}", "missing name or pattern in \"{a:}\""),
            ("/{a:(}", "compiling \"(\": error parsing regexp: missing closing )"),
            ("/{a:x)(y}", "compiling \"x)(y\": error parsing regexp: unexpected )"),
        ] {
            let found = of(template, Kind::Path).expect_err(template);
            assert!(found.starts_with(error), "{template}: {found}");
        }
    }
}
