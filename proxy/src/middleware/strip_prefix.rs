//! `stripPrefix`: cuts the first fitting prefix off the path and tells the server which.

use http::header::{HeaderName, HeaderValue};
use http::request;
use swarmgate_config::routing;

use super::path::{self, Path};
use super::{Context, Edit, Flow};

pub(super) const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

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
            .map(|prefix| match HeaderValue::from_bytes(prefix.as_bytes()) {
                Ok(value) => Ok((prefix.as_bytes().to_vec(), value)),
                Err(_) => Err(format!(
                    "prefix {prefix:?} has a control character; expected plain text like \"/api\""
                )),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { prefixes, force_slash: written.force_slash.unwrap_or_default() })
    }
}

impl Edit for StripPrefix {
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        if let Some(plain) = path::plain(head) {
            let fits = |(prefix, _): &&(Vec<u8>, _)| plain.as_bytes().starts_with(prefix);
            return match self.prefixes.iter().find(fits) {
                Some((prefix, told)) => strip(head, prefix.len(), told.clone(), self.force_slash),
                None => Flow::Next,
            };
        }
        let decoded = Path::of(head).decoded;
        match self.prefixes.iter().find(|(prefix, _)| decoded.starts_with(prefix)) {
            Some((prefix, told)) => strip(head, prefix.len(), told.clone(), self.force_slash),
            None => Flow::Next,
        }
    }
}

/// Cuts the first `count` bytes of the decoded path off, and tells of it. `force_slash`: what is left
/// begins with exactly one slash more.
pub(super) fn strip(
    head: &mut request::Parts,
    count: usize,
    told: HeaderValue,
    force_slash: bool,
) -> Flow {
    if let Some(plain) = path::plain(head) {
        let rest = finish(plain.as_bytes().get(count..).unwrap_or_default().to_vec(), force_slash);
        if !path::is_clean(&rest) {
            return path::refused();
        }
        head.headers.append(X_FORWARDED_PREFIX, told);
        return path::set_escaped(head, rest);
    }
    let old = Path::of(head);
    let new = Path {
        decoded: finish(old.decoded.get(count..).unwrap_or_default().to_vec(), force_slash),
        raw: old.raw.as_deref().map(|raw| finish(after(raw, count), force_slash)),
    };
    head.headers.append(X_FORWARDED_PREFIX, told);
    path::set_clean(head, new)
}

fn finish(rest: Vec<u8>, force_slash: bool) -> Vec<u8> {
    if force_slash {
        let rest = rest.strip_prefix(b"/").unwrap_or(&rest);
        [b"/", rest].concat()
    } else {
        path::lead_with_slash(rest)
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
