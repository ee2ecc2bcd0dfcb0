//! Rules: parsing ends, errors are short, and regular expressions that are accepted compile.
#![no_main]

use libfuzzer_sys::fuzz_target;
use swarmgate_config::rule::{self, Expr, Matcher, go_regex};

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
            | Matcher::QueryRegexp { regex: Some(regex), .. } => {
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

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match rule::parse(text) {
        Ok(expr) => {
            for domain in rule::domains(&expr) {
                assert!(domain.is_ascii() && domain == domain.to_ascii_lowercase(), "{domain}");
            }
            regexes(&expr);
            assert_eq!(rule::parse(text).as_ref(), Ok(&expr));
        }
        Err(error) => assert!(error.message.len() < 4_096, "{error}"),
    }
});
