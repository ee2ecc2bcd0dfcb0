//! The one way in which a middleware changes the path: both forms of it are kept in step.
//!
//! A path has a decoded form, which options are compared with and added to, and the escaped form
//! that was sent. After a change the escaped form is kept where it still means the decoded one;
//! otherwise the decoded one is printed anew (Traefik: what Go's `url.URL` does).

use std::borrow::Cow;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{StatusCode, Uri, request};

use super::escape::{self, Part};
use super::{Flow, RawQuery};
use crate::canonical;
use crate::respond;

/// The path was cut down to nothing. A URI in origin form cannot say so: it shows `/`, which is
/// also what the server gets, but a prefix that is put before it gets no slash.
#[derive(Clone, Copy, Debug)]
struct Nothing;

/// The path in both forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// Every escape decoded.
    pub decoded: Vec<u8>,
    /// As sent, where that differs from what printing `decoded` gives.
    pub raw: Option<Vec<u8>>,
}

impl Path {
    /// Reads the request's path.
    pub fn of(head: &request::Parts) -> Self {
        if head.extensions.get::<Nothing>().is_some() {
            return Self { decoded: Vec::new(), raw: None };
        }
        Self::parse(head.uri.path())
    }

    fn parse(escaped: &str) -> Self {
        let escaped = escaped.as_bytes();
        if escape::is_plain(escaped, Part::Path) {
            return Self { decoded: escaped.to_vec(), raw: None };
        }
        // A broken escape was refused at the door; should one come by, it stands for itself.
        let decoded = escape::unescape(escaped).unwrap_or_else(|| escaped.to_vec());
        Self { decoded, raw: Some(escaped.to_vec()) }
    }

    fn print(self) -> Vec<u8> {
        escape::print(&self.decoded, self.raw, Part::Path)
    }
}

/// What rules see of the path as the middlewares left it.
pub fn routing_path(head: &request::Parts) -> Cow<'_, [u8]> {
    match head.extensions.get::<Nothing>() {
        Some(Nothing) => Cow::Borrowed(b""),
        None => canonical::routing_path(head.uri.path()),
    }
}

/// Whether the request's path has one form only, and thus may be changed as text.
pub(super) fn plain(head: &request::Parts) -> Option<&str> {
    let path = head.uri.path();
    let one_form =
        escape::is_plain(path.as_bytes(), Part::Path) && head.extensions.get::<Nothing>().is_none();
    one_form.then_some(path)
}

/// Gives the request a new path; the query stays.
pub(super) fn set(head: &mut request::Parts, path: Path) -> Flow {
    set_escaped(head, path.print())
}

/// As [`set`], but a path that is no fixed point of cleaning (`//`, `.` and `..` segments) is
/// refused: a server might resolve it into one that another router protects.
pub(super) fn set_clean(head: &mut request::Parts, path: Path) -> Flow {
    let escaped = path.print();
    if !is_clean(&escaped) {
        return refused();
    }
    set_escaped(head, escaped)
}

/// As [`set`], for a path that is escaped already. Empty means nothing is left.
pub(super) fn set_escaped(head: &mut request::Parts, mut escaped: Vec<u8>) -> Flow {
    if escaped.is_empty() {
        head.extensions.insert(Nothing);
        escaped.push(b'/');
    } else if head.extensions.get::<Nothing>().is_some() {
        head.extensions.remove::<Nothing>();
    }
    if let Some(query) = head.uri.query() {
        escaped.reserve_exact(query.len() + 1);
        escaped.push(b'?');
        escaped.extend_from_slice(query.as_bytes());
    }
    match PathAndQuery::from_maybe_shared(Bytes::from(escaped)) {
        Ok(target) => {
            if head.extensions.get::<RawQuery>().is_some() {
                head.extensions.remove::<RawQuery>();
            }
            head.uri = Uri::from(target);
            Flow::Next
        }
        // Everything illegal was escaped, so it can only have grown too long.
        Err(_) => Flow::Answer(Box::new(respond::text(StatusCode::URI_TOO_LONG))),
    }
}

/// The answer to a path that must not go on.
pub(super) fn refused() -> Flow {
    Flow::Answer(Box::new(respond::error(StatusCode::BAD_REQUEST, "Bad Request\n")))
}

/// Whether cleaning would leave the escaped path as it is. A trailing slash is clean, and so is
/// the empty path.
pub(super) fn is_clean(escaped: &[u8]) -> bool {
    let Some(rest) = escaped.strip_prefix(b"/") else { return escaped.is_empty() };
    let mut segments = rest.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if segment == b"." || segment == b".." || (segment.is_empty() && !last) {
            return false;
        }
    }
    true
}

/// Puts a `/` in front of what is not empty and has none.
pub(super) fn lead_with_slash(mut path: Vec<u8>) -> Vec<u8> {
    if path.first().is_some_and(|byte| *byte != b'/') {
        path.insert(0, b'/');
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clean_paths() {
        let clean = ["", "/", "/a", "/a/", "/a/b", "/.a", "/a.", "/...", "/%2F..%2F", "/a..b/"];
        let unclean = ["//", "/a//b", "/./", "/.", "/..", "/../a", "/a/..", "/a/.", "/a//", "a"];
        for path in clean {
            assert!(is_clean(path.as_bytes()), "{path:?}");
        }
        for path in unclean {
            assert!(!is_clean(path.as_bytes()), "{path:?}");
        }
    }

    #[test]
    fn forms() {
        let table: &[(&str, &str, Option<&str>)] = &[
            ("/a/b", "/a/b", None),
            ("/a%20b", "/a b", Some("/a%20b")),
            ("/a!b", "/a!b", Some("/a!b")),
            ("/a%zzb", "/a%zzb", Some("/a%zzb")),
        ];
        for (escaped, decoded, raw) in table {
            let path = Path::parse(escaped);
            assert_eq!(path.decoded, decoded.as_bytes(), "{escaped}");
            assert_eq!(path.raw.as_deref(), raw.map(str::as_bytes), "{escaped}");
        }
    }

    #[test]
    fn a_path_that_grows_too_long_is_answered() {
        let (mut head, ()) = http::Request::new(()).into_parts();
        let flow = set_escaped(&mut head, vec![b'/'; 70_000]);
        assert!(matches!(flow, Flow::Answer(answer) if answer.status() == 414));
        assert_eq!(head.uri.path(), "/");
    }

    #[test]
    fn the_query_stays() {
        for (target, expected) in
            [("/a?", "/b?"), ("/a?x;y%zz", "/b?x;y%zz"), ("/a", "/b"), ("/?q=/a", "/b?q=/a")]
        {
            let (mut head, ()) =
                http::Request::builder().uri(target).body(()).unwrap().into_parts();
            assert!(matches!(set_escaped(&mut head, b"/b".to_vec()), Flow::Next));
            assert_eq!(head.uri.to_string(), expected, "{target}");
        }
    }
}
