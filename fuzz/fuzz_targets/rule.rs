//! Rules, read as v3's and as v2's: parsing ends, errors are short, and regular expressions that are
//! accepted compile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use swarmgate_config::rule::{self, Expr, Matcher, Syntax, Template, go_regex};

fn regexes(expr: &Expr) {
    match expr {
        Expr::And(left, right) | Expr::Or(left, right) => {
            regexes(left);
            regexes(right);
        }
        Expr::Match { matcher, .. } => match matcher {
            Matcher::HostRegexp(regex)
            | Matcher::PathRegexp(regex)
            | Matcher::HeaderRegexp { regex, .. }
            | Matcher::QueryRegexp { regex: Some(regex), .. }
            | Matcher::HostTemplate(Template { regex, .. })
            | Matcher::PathTemplate(Template { regex, .. })
            | Matcher::PathPrefixTemplate(Template { regex, .. })
            | Matcher::QueryTemplate { template: Template { regex, .. }, .. } => {
                // One that is too large is refused, in words of bounded length.
                if let Err(error) = go_regex::compile(regex) {
                    assert!(error.len() < 4_096, "{error}");
                }
            }
            Matcher::Path(path) | Matcher::PathPrefix(path) => assert!(path.starts_with('/')),
            _ => {}
        },
    }
}

fn read(text: &str, syntax: Syntax) {
    match rule::parse_as(text, syntax) {
        Ok(expr) => {
            for domain in rule::domains(&expr) {
                assert!(domain.is_ascii() && domain == domain.to_ascii_lowercase(), "{domain}");
            }
            regexes(&expr);
            assert_eq!(rule::parse_as(text, syntax).as_ref(), Ok(&expr));
        }
        Err(error) => assert!(error.message.len() < 4_096, "{error}"),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    read(text, Syntax::V3);
    read(text, Syntax::V2);
});
