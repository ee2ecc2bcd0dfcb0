//! `stripPrefix`: cuts the first fitting prefix off the path and tells the server which.

use http::header::{HeaderName, HeaderValue};
use http::request;
use swarmgate_config::routing;

use super::path::{self, Path};
use super::{Context, Edit, Flow};

const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// A built `stripPrefix` (Traefik: StripPrefix).
#[derive(Debug)]
pub struct StripPrefix {
    /// In the order in which they are tried: decoded text, and the header that tells of it.
    prefixes: Vec<(Vec<u8>, HeaderValue)>,
    /// What is left always begins with exactly one more slash.
    force_slash: bool,
}

impl StripPrefix {
    pub(super) fn build(written: &routing::StripPrefix) -> Result<Self, String> {
        let prefixes = written
            .prefixes
            .iter()
            .map(|prefix| {
                let prefix = prefix.trim();
                match HeaderValue::from_bytes(prefix.as_bytes()) {
                    Ok(value) => Ok((prefix.as_bytes().to_vec(), value)),
                    Err(_) => Err(format!(
                        "prefix {prefix:?} has a control character; expected plain text like \
                         \"/api\""
                    )),
                }
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { prefixes, force_slash: written.force_slash.unwrap_or_default() })
    }

    fn finish(&self, rest: Vec<u8>) -> Vec<u8> {
        if self.force_slash {
            let rest = rest.strip_prefix(b"/").unwrap_or(&rest);
            [b"/", rest].concat()
        } else {
            path::lead_with_slash(rest)
        }
    }
}

/// What follows the first `count` decoded bytes of an escaped path.
fn after(raw: &[u8], count: usize) -> Vec<u8> {
    let mut rest = raw;
    for _ in 0..count {
        let step = if rest.first() == Some(&b'%') { 3 } else { 1 };
        rest = rest.get(step..).unwrap_or_default();
    }
    rest.to_vec()
}

impl Edit for StripPrefix {
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        if let Some(plain) = path::plain(head) {
            for (prefix, value) in &self.prefixes {
                if let Some(rest) = plain.as_bytes().strip_prefix(&prefix[..]) {
                    let rest = self.finish(rest.to_vec());
                    if !path::is_clean(&rest) {
                        return path::refused();
                    }
                    head.headers.append(X_FORWARDED_PREFIX, value.clone());
                    return path::set_escaped(head, rest);
                }
            }
            return Flow::Next;
        }
        let old = Path::of(head);
        for (prefix, value) in &self.prefixes {
            if let Some(rest) = old.decoded.strip_prefix(&prefix[..]) {
                let new = Path {
                    decoded: self.finish(rest.to_vec()),
                    raw: old.raw.as_deref().map(|raw| self.finish(after(raw, prefix.len()))),
                };
                head.headers.append(X_FORWARDED_PREFIX, value.clone());
                return path::set_clean(head, new);
            }
        }
        Flow::Next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::{build, send};

    #[test]
    fn strips() {
        // Options, request target, target sent on and X-Forwarded-Prefix: seen with 3.7.15.
        let foo = r#"["/foo"]"#;
        let table: &[(&str, &str, &str, &str)] = &[
            (foo, "/foobar", "/bar", "/foo"),
            (foo, "/foo", "/", "/foo"),
            (foo, "/foo?", "/?", "/foo"),
            (foo, "/foo?a=1", "/?a=1", "/foo"),
            (foo, "/foo/", "/", "/foo"),
            (foo, "/foo.bar", "/.bar", "/foo"),
            (foo, "/foo/a%2Fb", "/a%2Fb", "/foo"),
            (foo, "/foo%2Fbar", "/bar", "/foo"),
            (foo, "/FOO/x", "/FOO/x", ""),
            (foo, "/zzz", "/zzz", ""),
            (foo, "/zz%20z!", "/zz%20z!", ""),
            (foo, "/foo/a!b", "/a!b", "/foo"),
            (foo, "/foo%00", "/%00", "/foo"),
            (foo, "/foo/x%2F..%2Fy", "/x%2F..%2Fy", "/foo"),
            (foo, "/foo/x%2F%2Fy", "/x%2F%2Fy", "/foo"),
            (foo, "/foo/x/", "/x/", "/foo"),
            (foo, "//foo/x", "//foo/x", ""),
            (r#"["/foo/"]"#, "/foo%2Fbar", "/bar", "/foo/"),
            (r#"["/foo","/foobar"]"#, "/foobar/x", "/bar/x", "/foo"),
            (r#"["/foobar","/foo"]"#, "/foobar/x", "/x", "/foobar"),
            (r#"["/foobar","/foo"]"#, "/foo/x", "/x", "/foo"),
            (r#"["/a b"]"#, "/a%20b/c", "/c", "/a b"),
            (r#"["/a b"]"#, "/a%20b/c%2Fd", "/c%2Fd", "/a b"),
            (r#"["/é"]"#, "/%C3%A9/c%2Fd", "/c%2Fd", "/é"),
            (r#"[" /foo "]"#, "/foo/x", "/x", "/foo"),
            (r#"["/"]"#, "/x/", "/x/", "/"),
            (r#"["/"]"#, "/", "/", "/"),
            (r#"["/"]"#, "//x", "/x", "/"),
            (r#"["/a%20b"]"#, "/a%20b/x", "/a%20b/x", ""),
            (r#"["/a%20b"]"#, "/a%2520b/x", "/x", "/a%20b"),
            ("[]", "/x", "/x", ""),
            (r#"["/foo"],"forceSlash":true"#, "/foo", "/", "/foo"),
            (r#"["/foo"],"forceSlash":true"#, "/foobar", "/bar", "/foo"),
            (r#"["/foo"],"forceSlash":true"#, "/foo/x", "/x", "/foo"),
            (r#"["/foo"],"forceSlash":true"#, "/foo%2Fx", "/x", "/foo"),
        ];
        for (prefixes, target, expected, header) in table {
            let middleware =
                build(&format!(r#"{{"stripPrefix":{{"prefixes":{prefixes}}}}}"#)).unwrap();
            let sent = send(&[&middleware], "h.test", target).expect_next();
            assert_eq!(sent.uri.to_string(), *expected, "{prefixes} {target}");
            let told = sent.headers.get(X_FORWARDED_PREFIX).map_or(&b""[..], |v| v.as_bytes());
            assert_eq!(told, header.as_bytes(), "{prefixes} {target}");
        }
    }

    #[test]
    fn refuses_what_a_server_might_resolve() {
        for force in ["", r#","forceSlash":true"#] {
            let options = format!(r#"{{"stripPrefix":{{"prefixes":["/foo"]{force}}}}}"#);
            let middleware = build(&options).unwrap();
            for target in [
                "/foo./x",
                "/foo../x",
                "/foo..",
                "/foo%2F%2Fbar",
                "/foo%2F../x",
                "/foo%2F..%2Fx",
                "/foo//x",
                "/foo/../x",
                "/foo/./x",
                "/foo//",
                "/foo/x//",
                "/foo/..",
                "/foo/.",
            ] {
                let answer = send(&[&middleware], "h.test", target).expect_answer();
                assert_eq!(answer.status(), 400, "{target}");
                assert_eq!(answer.headers()["content-type"], "text/plain; charset=utf-8");
            }
        }
    }

    #[test]
    fn tells_of_an_empty_prefix_and_keeps_a_trusted_one() {
        let empty = build(r#"{"stripPrefix":{"prefixes":[""]}}"#).unwrap();
        let foo = build(r#"{"stripPrefix":{"prefixes":["/foo"]}}"#).unwrap();
        let sent = send(&[&foo, &empty], "h.test", "/foo/x").expect_next();
        let told: Vec<_> = sent.headers.get_all(X_FORWARDED_PREFIX).iter().collect();
        assert_eq!(told, ["/foo", ""]);
    }

    proptest::proptest! {
        #[test]
        fn what_goes_on_is_clean(target in "/foo[/.a%2EF5C0-9!|é]{0,24}", force: bool) {
            let options = format!(r#"{{"stripPrefix":{{"prefixes":["/foo"],"forceSlash":{force}}}}}"#);
            let middleware = build(&options).unwrap();
            if target.parse::<http::Uri>().is_ok() {
                let flow = send(&[&middleware], "h.test", &target);
                if !flow.is_answer() {
                    let sent = flow.expect_next();
                    proptest::prop_assert!(path::is_clean(sent.uri.path().as_bytes()));
                }
            }
        }
    }

    #[test]
    fn control_characters_are_refused() {
        let error = build(r#"{"stripPrefix":{"prefixes":["/a\r\nX: y"]}}"#).unwrap_err();
        assert!(error.contains("control character"), "{error}");
    }
}
