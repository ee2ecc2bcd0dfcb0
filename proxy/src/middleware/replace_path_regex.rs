//! `replacePathRegex`: rewrites paths that match a pattern.

use std::sync::Arc;

use http::request;
use regex::Regex;
use swarmgate_config::routing;
use swarmgate_config::rule::go_regex;

use super::path;
use super::replace_path::{tell, unescaped};
use super::template::Template;
use super::{Context, Edit, Flow};

/// A built `replacePathRegex` (Traefik: ReplacePathRegex).
#[derive(Debug)]
pub struct ReplacePathRegex {
    regex: Arc<Regex>,
    replacement: Template,
}

impl ReplacePathRegex {
    pub(super) fn build(written: &routing::ReplacePathRegex) -> Result<Self, String> {
        let regex = go_regex::compile(written.regex.trim())?;
        let replacement = Template::parse(written.replacement.trim(), &regex);
        Ok(Self { regex, replacement })
    }
}

impl Edit for ReplacePathRegex {
    /// The pattern sees the escaped path; all matches are replaced. A result that cleaning would
    /// change is refused: a server might resolve it into a path that another router protects.
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        let Some(replaced) = self.replacement.replace_all(&self.regex, head.uri.path()) else {
            return Flow::Next;
        };
        tell(head);
        match unescaped(replaced.as_bytes()) {
            Ok(path) => path::set_clean(head, path),
            Err(answer) => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::middleware::tests::{build, send};

    fn options(regex: &str, replacement: &str) -> String {
        let options = serde_json::json!({"regex": regex, "replacement": replacement});
        serde_json::json!({ "replacePathRegex": options }).to_string()
    }

    #[test]
    fn replaces() {
        // Regex, replacement, target, target sent on, X-Replaced-Path ("": none).
        let table = [
            ("^/foo/(.*)", "/bar/$1", "/foo/x?q=1", "/bar/x?q=1", "/foo/x"),
            ("^/foo/(.*)", "/bar/${1}z", "/foo/x", "/bar/xz", "/foo/x"),
            ("a", "b", "/aaa", "/bbb", "/aaa"),
            ("^/nope", "/x", "/foo", "/foo", ""),
            ("^/foo/(.*)", "/bar/$1", "/foo/a%2Fb", "/bar/a%2Fb", "/foo/a%2Fb"),
            ("^/foo", "/a?b", "/foo?q", "/a%3Fb?q", "/foo"),
            ("^.*$", "", "/foo", "/", "/foo"),
            (" ^/foo ", " /bar ", "/foo", "/bar", "/foo"),
            ("^/(?P<who>[a-z]+)$", "/users/${who}", "/ann", "/users/ann", "/ann"),
        ];
        for (regex, replacement, target, expected, told) in table {
            let middleware = build(&options(regex, replacement)).unwrap();
            let sent = send(&[&middleware], "h.test", target).expect_next();
            assert_eq!(sent.uri.to_string(), expected, "{regex} {replacement} {target}");
            let header = sent.headers.get("x-replaced-path").map_or("", |it| it.to_str().unwrap());
            assert_eq!(header, told, "{regex} {replacement} {target}");
        }
    }

    #[test]
    fn answers() {
        let table = [
            ("^/foo", "/e/../x", "/foo", 400),
            ("^/foo/(.*)", "/$1", "/foo//x", 400),
            ("^/foo/(.*)", "/$1", "/foo/../x", 400),
            ("^/foo", "/%zz", "/foo", 500),
        ];
        for (regex, replacement, target, status) in table {
            let middleware = build(&options(regex, replacement)).unwrap();
            let answer = send(&[&middleware], "h.test", target).expect_answer();
            assert_eq!(answer.status(), status, "{regex} {replacement} {target}");
        }
    }

    #[test]
    fn bad_patterns() {
        let error = build(&options("(", "x")).unwrap_err();
        assert!(error.contains("missing closing )"), "{error}");
    }
}
