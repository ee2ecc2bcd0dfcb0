//! `addPrefix`: puts a text before the path.

use http::request;
use swarmgate_config::routing;

use super::escape::{self, Part};
use super::path::{self, Path};
use super::{Context, Edit, Flow};

/// A built `addPrefix` (Traefik: AddPrefix).
#[derive(Debug)]
pub struct AddPrefix {
    /// Decoded text, with its leading slash.
    prefix: Vec<u8>,
    /// The same as it is sent.
    escaped: Vec<u8>,
}

impl AddPrefix {
    pub(super) fn build(written: &routing::AddPrefix) -> Result<Self, String> {
        if written.prefix.is_empty() {
            return Err("prefix cannot be empty".into());
        }
        let prefix = path::lead_with_slash(written.prefix.clone().into_bytes());
        let escaped = escape::escape(&prefix, Part::Path);
        Ok(Self { prefix, escaped })
    }
}

impl Edit for AddPrefix {
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        if let Some(plain) = path::plain(head) {
            let query = head.uri.query().map_or(0, str::len);
            let mut longer = Vec::with_capacity(self.escaped.len() + plain.len() + query + 1);
            longer.extend_from_slice(&self.escaped);
            longer.extend_from_slice(plain.as_bytes());
            return path::set_escaped(head, longer);
        }
        let old = Path::of(head);
        let put_before = |old: &[u8]| [&self.prefix[..], old].concat();
        let new =
            Path { decoded: put_before(&old.decoded), raw: old.raw.as_deref().map(put_before) };
        path::set(head, new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::{build, send};

    #[test]
    fn adds() {
        // Prefix, request target, target sent on: all seen with Traefik 3.7.15.
        let table = [
            ("/pre", "/x?q=1", "/pre/x?q=1"),
            ("pre", "/x", "/pre/x"),
            ("/pre/", "/x", "/pre//x"),
            ("/x/..", "/x", "/x/../x"),
            ("/a%20b", "/x", "/a%2520b/x"),
            ("/a%20b", "/x%2Fy", "/a%2520b/x/y"),
            ("/é", "/x", "/%C3%A9/x"),
            ("/é", "/x%2Fy", "/%C3%A9/x/y"),
            ("/a?b", "/x", "/a%3Fb/x"),
            ("/a?b", "/x%2Fy?z", "/a%3Fb/x/y?z"),
            ("/a!b", "/x", "/a%21b/x"),
            ("/a!b", "/x!", "/a!b/x!"),
            ("/pre", "/x!y", "/pre/x!y"),
            ("/pre", "/x|y", "/pre/x%7Cy"),
            ("/pre", "/x?", "/pre/x?"),
            ("/pre", "/?", "/pre/?"),
            ("/pre", "/", "/pre/"),
            ("/pre", "/%C3%A9", "/pre/%C3%A9"),
            ("/pre", "/a%2Fb/%FF", "/pre/a%2Fb/%FF"),
        ];
        for (prefix, target, expected) in table {
            let middleware = build(&format!(r#"{{"addPrefix":{{"prefix":"{prefix}"}}}}"#)).unwrap();
            let sent = send(&[&middleware], "h.test", target).expect_next();
            assert_eq!(sent.uri.to_string(), expected, "{prefix} {target}");
            assert!(sent.headers.is_empty());
        }
    }

    #[test]
    fn wants_a_prefix() {
        assert_eq!(AddPrefix::build(&Default::default()).unwrap_err(), "prefix cannot be empty");
    }
}
