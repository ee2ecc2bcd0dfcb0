//! The one view of a request that everything behind it shares, or why there is none.

use std::borrow::Cow;

use http::header::{CACHE_CONTROL, CONNECTION, EXPECT, HOST};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, Response, StatusCode, Uri, Version, request};

use crate::body::Body;
use crate::canonical;
use crate::connection::Connection;
use crate::forward::{headers, rounds};
use crate::http1::framing;
use crate::http1::head::MOST_LINES;
use crate::middleware::RawQuery;
use crate::present::Present;
use crate::respond;

/// Ends the connection behind an answer.
pub const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The connection's last answer: who sends this may mean what follows differently, too.
pub fn closing(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(CONNECTION, CLOSE);
    answer
}

/// Why a request gets no further than its head.
#[derive(Clone, Copy, Debug)]
pub enum Refusal {
    /// `CONNECT` is a forward proxy's.
    Connect,
    /// `OPTIONS *` asks about the server as a whole.
    ServerWide,
    /// Only `OPTIONS` may have `*` for its target.
    NoPath,
    /// `Expect` of something else than `100-continue`.
    Expectation,
    /// Several `Host` lines.
    ManyHosts,
    /// A `Host` with characters that hosts do not have.
    BadHost,
    /// HTTP/1.1 without `Host`.
    NoHost,
    /// A target, or a length, that everybody would read differently.
    BadTarget,
    /// A `Transfer-Encoding` that we do not know.
    BadFraming,
    /// More header lines than anybody has a use for, by HTTP/2; the engine of HTTP/1.1 counts them
    /// itself.
    ManyLines,
    /// A header that a CGI-style server takes for one of ours.
    AliasHeader,
    /// It has come from ourselves too often.
    Circle,
}

impl Refusal {
    /// What the client is told.
    pub fn answer(self) -> Response<Body> {
        let bad = |why: &'static str| {
            let mut answer = respond::error(StatusCode::BAD_REQUEST, why);
            answer.headers_mut().remove("x-content-type-options");
            closing(answer)
        };
        match self {
            Self::Connect => closing(respond::bare(StatusCode::NOT_IMPLEMENTED)),
            Self::ServerWide => respond::bare(StatusCode::OK),
            Self::NoPath => respond::not_found(),
            Self::Expectation => closing(respond::bare(StatusCode::EXPECTATION_FAILED)),
            Self::ManyHosts => bad("400 Bad Request: too many Host headers"),
            Self::BadHost => bad("400 Bad Request: malformed Host header"),
            Self::NoHost => bad("400 Bad Request: missing required Host header"),
            Self::BadTarget => closing(respond::bare(StatusCode::BAD_REQUEST)),
            Self::BadFraming => {
                let mut answer = respond::bare(StatusCode::NOT_IMPLEMENTED);
                *answer.body_mut() = Body::from("Unsupported transfer encoding");
                // A cache that passed it on might keep this for others: 501 may be kept unasked.
                answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                closing(answer)
            }
            Self::ManyLines => respond::bare(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Self::AliasHeader => respond::error(StatusCode::BAD_REQUEST, "Bad Request\n"),
            Self::Circle => respond::bare(StatusCode::LOOP_DETECTED),
        }
    }
}

/// The one view of a request that everything behind it shares: its host as sent, and the upgrade
/// that is asked for.
pub fn settle(
    connection: &Connection,
    server_name: &HeaderValue,
    head: &mut request::Parts,
    present: Present,
) -> Result<(Option<HeaderValue>, Option<headers::Upgrade>), Refusal> {
    refuse(head, present)?;
    if present.any(Present::MANAGED) && !rounds::count(&mut head.headers, server_name) {
        return Err(Refusal::Circle);
    }
    if !headers::treat_aliases(&mut head.headers, connection.settings.alias_headers) {
        return Err(Refusal::AliasHeader);
    }
    let host = take_host(head)?;
    canonicalise(head, connection)?;
    let upgrade = headers::arrive(
        &mut head.headers,
        connection,
        server_name,
        host.as_ref(),
        head.version,
        present,
    );
    Ok((host, upgrade))
}

/// The same for somebody who only asks what would become of a request: the host, or the answer.
pub(crate) fn imagine(
    connection: &Connection,
    server_name: &HeaderValue,
    head: &mut request::Parts,
) -> Result<HeaderValue, Box<Response<Body>>> {
    let present = Present::of(&head.headers);
    let settled = settle(connection, server_name, head, present);
    let (host, _) = settled.map_err(|refusal| Box::new(refusal.answer()))?;
    Ok(host.unwrap_or_else(|| HeaderValue::from_static("")))
}

/// What no router gets to see.
fn refuse(head: &mut request::Parts, present: Present) -> Result<(), Refusal> {
    // A map of headers has an end, and panics behind it: we and servers add to it.
    if head.headers.len() > MOST_LINES {
        return Err(Refusal::ManyLines);
    }
    if head.version == Version::HTTP_2
        && present.any(Present::CONTENT_LENGTH)
        && framing::settle_length(&mut head.headers).is_err()
    {
        return Err(Refusal::BadTarget);
    }
    if present.any(Present::TRANSFER_ENCODING) && !headers::is_framing_clear(&head.headers) {
        return Err(Refusal::BadFraming);
    }
    if head.method == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    if head.uri.path() == "*" {
        let server_wide = head.method == Method::OPTIONS;
        return Err(if server_wide { Refusal::ServerWide } else { Refusal::NoPath });
    }
    if head.uri.scheme().is_none() && head.uri.authority().is_some() {
        // Only CONNECT names an authority alone (RFC 9112 section 3.2.3).
        return Err(Refusal::BadTarget);
    }
    if !present.any(Present::EXPECT) {
        return Ok(());
    }
    match head.headers.get(EXPECT) {
        Some(expect) if !expect.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Refusal::Expectation)
        }
        _ => Ok(()),
    }
}

/// The host as sent: of the target if it is in absolute form or HTTP/2, else the `Host` line, of
/// which there has to be exactly one in HTTP/1.1 (RFC 9112 section 3.2).
fn take_host(head: &mut request::Parts) -> Result<Option<HeaderValue>, Refusal> {
    let mut lines = head.headers.get_all(HOST).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(Refusal::ManyHosts);
    }
    if first.is_some_and(|host| !is_host(host.as_bytes())) {
        return Err(Refusal::BadHost);
    }
    if let Some(authority) = head.uri.authority() {
        let without_user = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(without_user).map_err(|_| Refusal::BadHost)?;
        head.headers.insert(HOST, host.clone());
        return Ok(Some(host));
    }
    match first {
        Some(host) => Ok(Some(host.clone())),
        None if head.version == Version::HTTP_11 => Err(Refusal::NoHost),
        None => Ok(None),
    }
}

/// Characters that a host (with port) can have; the rest would be read differently by somebody.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(byte))
}

/// Whether a path has an escape that is denied; its digits may be of either case.
pub(crate) fn has_denied_escape(path: &str, denied: &[[u8; 2]]) -> bool {
    !denied.is_empty()
        && path.as_bytes().windows(3).any(|window| match window {
            [b'%', high, low] => {
                denied.contains(&[high.to_ascii_uppercase(), low.to_ascii_uppercase()])
            }
            _ => false,
        })
}

/// Reduces the target to path and query in canonical form, so that matching, middlewares and the
/// server see the same.
fn canonicalise(head: &mut request::Parts, connection: &Connection) -> Result<(), Refusal> {
    let settings = &connection.settings;
    if canonical::has_broken_escape(head.uri.path()) {
        return Err(Refusal::BadTarget);
    }
    let path = canonical::path(head.uri.path(), settings.sanitize_path);
    let query = head
        .uri
        .query()
        .and_then(|query| canonical::query(query, settings.encode_query_semicolons));
    let changed = match (&path, &query) {
        (None, None) => {
            if head.uri.authority().is_none() && head.uri.scheme().is_none() {
                return Ok(());
            }
            match head.uri.path_and_query() {
                None => PathAndQuery::from_static("/"),
                Some(target) if target.as_str().starts_with('/') => target.clone(),
                // `http://a.test?b`: its empty path is `/` (RFC 9110 section 4.2.3), and has to be
                // written so for whoever reads it next.
                Some(target) => {
                    let text = format!("/{}", target.as_str());
                    PathAndQuery::try_from(text).map_err(|_| Refusal::BadTarget)?
                }
            }
        }
        _ => {
            let path = path.as_deref().unwrap_or(head.uri.path());
            let query = query.as_deref().or(head.uri.query());
            let text = match query {
                Some(query) => Cow::Owned(format!("{path}?{query}")),
                None => Cow::Borrowed(path),
            };
            PathAndQuery::try_from(&*text).map_err(|_| Refusal::BadTarget)?
        }
    };
    if query.is_some()
        && let Some(as_sent) = head.uri.query()
    {
        // Redirects show it so.
        let as_sent = RawQuery(as_sent.to_owned());
        head.extensions.insert(as_sent);
    }
    head.uri = Uri::from(changed);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_escapes() {
        let table: &[(&str, &[[u8; 2]], bool)] = &[
            ("/a%2Fb", &[], false),
            ("/a%2Fb", &[*b"2F"], true),
            ("/a%2fb", &[*b"2F"], true),
            ("/a%5Cb", &[*b"2F"], false),
            ("/a%5Cb", &[*b"2F", *b"5C"], true),
            ("/a2Fb", &[*b"2F"], false),
            ("/%", &[*b"2F"], false),
        ];
        for (path, denied, expected) in table {
            assert_eq!(has_denied_escape(path, denied), *expected, "{path} {denied:?}");
        }
    }

    #[test]
    fn absolute_targets() {
        let client = crate::measure::Client::new().unwrap();
        for (target, expected) in [
            ("http://a.test", "/"),
            ("http://a.test?b", "/?b"),
            ("http://a.test?b;c", "/?b&c"),
            ("http://a.test/?b", "/?b"),
            ("http://a.test/c/../d?b", "/d?b"),
        ] {
            let (mut head, ()) = http::Request::new(()).into_parts();
            head.uri = target.parse().unwrap();
            let host = client.settle(&mut head).unwrap().0;
            assert_eq!(
                (head.uri.to_string().as_str(), &host),
                (expected, &HeaderValue::from_static("a.test"))
            );
            assert_eq!(head.uri.path_and_query().unwrap().as_str(), expected);
        }
    }

    #[test]
    fn header_lines_without_end() {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.uri = Uri::from_static("/");
        head.version = Version::HTTP_2;
        for number in 0..=MOST_LINES {
            assert!(refuse(&mut head, Present::default()).is_ok(), "{number}");
            head.headers.append("x-line", HeaderValue::from_static("v"));
        }
        let refused = refuse(&mut head, Present::default()).unwrap_err();
        assert_eq!(refused.answer().status(), StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }

    #[test]
    fn hosts() {
        for good in ["a.test", "a.test:80", "[::1]:80", "A_b.test", ""] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in ["a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "\u{e9}", "a\tb"] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
