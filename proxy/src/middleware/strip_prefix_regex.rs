//! `stripPrefixRegex`: cuts off what matches at the beginning of the path.

use std::sync::Arc;

use http::header::HeaderValue;
use http::request;
use regex::Regex;
use swarmgate_config::routing;
use swarmgate_config::rule::go_regex;

use super::path::{self, Path};
use super::strip_prefix::strip;
use super::{Context, Edit, Flow};

/// A built `stripPrefixRegex` (Traefik: StripPrefixRegex).
#[derive(Debug)]
pub struct StripPrefixRegex {
    /// In the order in which they are tried.
    regexes: Vec<Arc<Regex>>,
}

impl StripPrefixRegex {
    pub(super) fn build(written: &routing::StripPrefixRegex) -> Result<Self, String> {
        let regexes = written.regex.iter().map(|regex| go_regex::compile(regex));
        Ok(Self { regexes: regexes.collect::<Result<_, _>>()? })
    }
}

impl Edit for StripPrefixRegex {
    /// Each pattern is searched in the decoded path; what its leftmost match found counts only where
    /// the path begins with it.
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        let decoded = Path::of(head).decoded;
        let text = go_regex::text(&decoded);
        for regex in &self.regexes {
            let found = regex.find(&text).map(|found| found.as_str().as_bytes());
            let Some(found) = found.filter(|it| !it.is_empty() && decoded.starts_with(it)) else {
                continue;
            };
            // A control character cannot be told in a header.
            return match HeaderValue::from_bytes(found) {
                Ok(told) => strip(head, found.len(), told, false),
                Err(_) => path::refused(),
            };
        }
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use crate::middleware::strip_prefix::X_FORWARDED_PREFIX;
    use crate::middleware::tests::{build, send};

    #[test]
    fn strips() {
        // Regexes, target, target sent on, X-Forwarded-Prefix ("": none).
        let table: &[(&str, &str, &str, &str)] = &[
            (r#"["/foo/[a-z0-9]+/[0-9]+/"]"#, "/foo/abc/123/x?q", "/x?q", "/foo/abc/123/"),
            (r#"["^/v[0-9]+"]"#, "/v12/x", "/x", "/v12"),
            (r#"["^/v[0-9]+"]"#, "/v1", "/", "/v1"),
            (r#"["^/v[0-9]+"]"#, "/v1x", "/x", "/v1"),
            (r#"["/b"]"#, "/a/b", "/a/b", ""),
            (r#"["x*"]"#, "/xx", "/xx", ""),
            (r#"["/nope","/a"]"#, "/a/b", "/b", "/a"),
            (r#"["^/a b"]"#, "/a%20b/c%2Fd", "/c%2Fd", "/a b"),
            (r#"["^/a."]"#, "/a%2Fb", "/b", "/a/"),
            (r#"["^/\\pL+"]"#, "/%C3%A9/x", "/x", "/é"),
            (r#"["^/.\u002d?"]"#, "/%FF/x", "/%FF/x", ""),
            ("[]", "/a", "/a", ""),
        ];
        for (regex, target, expected, told) in table {
            let middleware = build(&format!(r#"{{"stripPrefixRegex":{{"regex":{regex}}}}}"#));
            let sent = send(&[&middleware.unwrap()], "h.test", target).expect_next();
            assert_eq!(sent.uri.to_string(), *expected, "{regex} {target}");
            let header = sent.headers.get(X_FORWARDED_PREFIX).map_or(&b""[..], |it| it.as_bytes());
            assert_eq!(header, told.as_bytes(), "{regex} {target}");
        }
    }

    #[test]
    fn refuses_what_a_server_might_resolve_or_read_as_two_lines() {
        let middleware = build(r#"{"stripPrefixRegex":{"regex":["(?s)^/f.o?"]}}"#).unwrap();
        for target in ["/foo/../x", "/foo..", "/foo//x", "/f%0Ao/x"] {
            let answer = send(&[&middleware], "h.test", target).expect_answer();
            assert_eq!(answer.status(), 400, "{target}");
        }
    }

    #[test]
    fn bad_patterns() {
        let error = build(r#"{"stripPrefixRegex":{"regex":["ok","("]}}"#).unwrap_err();
        assert!(error.contains("missing closing )"), "{error}");
    }
}
