//! v1 constraints (`tag==blue`, `tag!=us-*`) -> an expression of v3 over the label `traefik.tags`.

use crate::decode::text::quote;
use crate::rule::go_regex;

/// All constraints must hold. The error names the one that cannot be read.
pub(super) fn expression(constraints: &[&str]) -> Result<String, String> {
    let mut terms = Vec::with_capacity(constraints.len());
    for constraint in constraints {
        let wrong = || format!("{} is no constraint", quote(constraint));
        let (key, glob, must) = match (constraint.split_once("=="), constraint.split_once("!=")) {
            (Some((key, glob)), _) => (key, glob, true),
            (None, Some((key, glob))) => (key, glob, false),
            (None, None) => return Err(wrong()),
        };
        if key.trim() != "tag" || glob.trim().is_empty() || glob.contains('`') {
            return Err(wrong());
        }
        let mut regex = String::new();
        for c in glob.trim().chars() {
            match c {
                '*' => regex.push_str("[^,]*"),
                '?' => regex.push_str("[^,]"),
                other => regex.push_str(&go_regex::quote(other.encode_utf8(&mut [0; 4]))),
            }
        }
        let not = if must { "" } else { "!" };
        terms.push(format!(r"{not}LabelRegex(`traefik.tags`, `(^|,)\s*{regex}\s*(,|$)`)"));
    }
    Ok(terms.join(" && "))
}

#[cfg(test)]
mod tests {
    use super::expression;

    #[test]
    fn constraints() {
        let table: &[(&[&str], Result<&str, &str>)] = &[
            (&["tag==blue"], Ok(r"LabelRegex(`traefik.tags`, `(^|,)\s*blue\s*(,|$)`)")),
            (
                &["tag!=us-*", "tag==a.b"],
                Ok(concat!(
                    r"!LabelRegex(`traefik.tags`, `(^|,)\s*us-[^,]*\s*(,|$)`)",
                    r" && LabelRegex(`traefik.tags`, `(^|,)\s*a\.b\s*(,|$)`)"
                )),
            ),
            (&["name==x"], Err("\"name==x\" is no constraint")),
            (&["tag=x"], Err("\"tag=x\" is no constraint")),
            (&["tag=="], Err("\"tag==\" is no constraint")),
        ];
        for (constraints, expected) in table {
            let made = expression(constraints);
            assert_eq!(made.as_deref().map_err(String::as_str), *expected, "{constraints:?}");
        }
    }
}
