//! `replacePath`: another path instead of the one that was asked for.

use http::header::{HeaderName, HeaderValue};
use http::{StatusCode, request};
use swarmgate_config::routing;

use super::escape;
use super::path::{self, Path};
use super::{Context, Edit, Flow};
use crate::respond;

const X_REPLACED_PATH: HeaderName = HeaderName::from_static("x-replaced-path");

/// A built `replacePath` (Traefik: ReplacePath).
#[derive(Debug)]
pub struct ReplacePath {
    /// As it was written, with its escapes.
    path: Vec<u8>,
}

impl ReplacePath {
    pub(super) fn build(written: &routing::ReplacePath) -> Result<Self, String> {
        Ok(Self { path: written.path.clone().into_bytes() })
    }
}

impl Edit for ReplacePath {
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        tell(head);
        match unescaped(&self.path) {
            Ok(path) => path::set(head, path),
            Err(answer) => answer,
        }
    }
}

/// Tells the server which path was asked for.
pub(super) fn tell(head: &mut request::Parts) {
    // A URI's path is made of characters that a header can have.
    if let Ok(old) = HeaderValue::from_str(head.uri.path()) {
        head.headers.append(X_REPLACED_PATH, old);
    }
}

/// A path by its escaped form; a broken escape is answered as Traefik does.
pub(super) fn unescaped(escaped: &[u8]) -> Result<Path, Flow> {
    match escape::unescape(escaped) {
        Some(decoded) => Ok(Path { decoded, raw: Some(escaped.to_vec()) }),
        None => {
            let message = format!("invalid URL escape {:?}\n", broken(escaped));
            let answer = respond::error(StatusCode::INTERNAL_SERVER_ERROR, message);
            Err(Flow::Answer(Box::new(answer)))
        }
    }
}

/// The first broken escape.
fn broken(escaped: &[u8]) -> String {
    let mut rest = escaped;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        rest = rest.get(at..).unwrap_or_default();
        let escape = rest.get(..3).unwrap_or(rest);
        if escape::unescape(escape).is_none() {
            return String::from_utf8_lossy(escape).into_owned();
        }
        rest = rest.get(3..).unwrap_or_default();
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::{build, send, send_with};

    #[test]
    fn replaces() {
        // Path, target, target sent on, X-Replaced-Path.
        let table = [
            ("/new", "/old", "/new", "/old"),
            ("/new", "/old/a%2Fb?q=1", "/new?q=1", "/old/a%2Fb"),
            ("/a%2Fb", "/old", "/a%2Fb", "/old"),
            ("/new path%2Fx?q=1", "/old?r=2", "/new%20path/x%3Fq=1?r=2", "/old"),
            ("", "/old?r=2", "/?r=2", "/old"),
            ("/x/../y", "/old", "/x/../y", "/old"),
            ("/é", "/old", "/%C3%A9", "/old"),
        ];
        for (path, target, expected, told) in table {
            let options = serde_json::json!({"replacePath": {"path": path}}).to_string();
            let sent = send(&[&build(&options).unwrap()], "h.test", target).expect_next();
            assert_eq!(sent.uri.to_string(), expected, "{path} {target}");
            assert_eq!(sent.headers[X_REPLACED_PATH], told, "{path} {target}");
        }
    }

    #[test]
    fn broken_escapes() {
        for (path, escape) in [("/%zz", "%zz"), ("/%41/%4", "%4"), ("/a%", "%"), ("/%é", "%é")] {
            let options = serde_json::json!({"replacePath": {"path": path}}).to_string();
            let middleware = build(&options).unwrap();
            let answer = send(&[&middleware], "h.test", "/x").expect_answer();
            assert_eq!(answer.status(), 500);
            let text = format!("invalid URL escape {escape:?}\n");
            assert_eq!(answer.into_body().into_own(), text.as_bytes());
        }
    }

    #[test]
    fn tells_behind_what_was_told_before() {
        let middleware = build(r#"{"replacePath":{"path":"/b"}}"#).unwrap();
        let sent = send_with(&[&middleware, &middleware], "h.test", "/a", false, |_| {});
        let sent = sent.expect_next();
        let told: Vec<_> = sent.headers.get_all(X_REPLACED_PATH).iter().collect();
        assert_eq!(told, ["/a", "/b"]);
    }
}
