//! `redirectScheme`: redirects to another scheme or port of the same URL.

use http::header::HeaderName;
use http::request;
use swarmgate_config::routing;

use super::{Context, Edit, Flow, redirect};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// A built `redirectScheme` (Traefik: RedirectScheme).
#[derive(Debug)]
pub struct RedirectScheme {
    /// As written, `://` appended.
    scheme: String,
    /// `:port`, or nothing.
    port: String,
    permanent: bool,
}

impl RedirectScheme {
    pub(super) fn build(written: &routing::RedirectScheme) -> Result<Self, String> {
        if written.scheme.is_empty() {
            return Err("you must provide a target scheme".into());
        }
        let port = match (written.scheme.as_str(), written.port.as_deref().unwrap_or_default()) {
            (_, "") | ("http", "80") | ("https", "443") => String::new(),
            (_, port) => format!(":{port}"),
        };
        Ok(Self { scheme: format!("{}://", written.scheme), port, permanent: written.permanent })
    }
}

fn is_one_of(text: &[u8], words: [&[u8]; 2]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Cuts `:port` off; the brackets of an IPv6 address stay.
fn split_port(host: &[u8]) -> (&[u8], &[u8]) {
    let from = if host.starts_with(b"[") {
        host.iter().position(|byte| *byte == b']').unwrap_or(host.len())
    } else {
        0
    };
    let colon = host.iter().skip(from).position(|byte| *byte == b':').map(|at| from + at);
    let (name, port) = host.split_at(colon.unwrap_or(host.len()));
    match port {
        // `h:` has no port. `h:x` and `a:b:c` are no hosts: kept, for the URL parser to refuse.
        b":" => (name, b""),
        _ if port.iter().skip(1).all(u8::is_ascii_digit) => (name, port),
        _ => (host, b""),
    }
}

impl Edit for RedirectScheme {
    /// The client's URL has the scheme of the connection, or of `X-Forwarded-Proto` where the
    /// entry point let that through. Its port is left out where it is the scheme's own, and never
    /// goes into the target.
    fn on_request(&self, head: &mut request::Parts, context: &Context<'_>) -> Flow {
        let scheme = match head.headers.get(X_FORWARDED_PROTO).map(|value| value.as_bytes()) {
            Some(proto) if is_one_of(proto, [b"https", b"wss"]) => "https://",
            Some(proto) if is_one_of(proto, [b"http", b"ws"]) => "http://",
            _ if context.tls => "https://",
            _ => "http://",
        };
        let (host, port) = split_port(super::host(head, context));
        let port = match (scheme, port) {
            ("https://", b":443") | ("http://", b":80") => b"",
            (_, port) => port,
        };
        if self.scheme == scheme && self.port.as_bytes() == port {
            return Flow::Next;
        }
        // Without a host, browsers would take the first path segment for one.
        if host.is_empty() {
            return super::path::refused();
        }
        let target = super::target(head);
        let target =
            [self.scheme.as_bytes(), host, self.port.as_bytes(), target.as_bytes()].concat();
        redirect::to(&target, self.permanent, &head.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::{build, send_with};

    const HTTPS: &str = r#"{"scheme":"https"}"#;
    const PORT: &str = r#"{"scheme":"https","port":"8443"}"#;

    fn send(options: &str, tls: bool, host: &str, proto: &str) -> Option<String> {
        let middleware = build(&format!(r#"{{"redirectScheme":{options}}}"#)).unwrap();
        let flow = send_with(&[&middleware], host, "/x?q;r", tls, |head| {
            if !proto.is_empty() {
                head.headers.insert(X_FORWARDED_PROTO, proto.parse().unwrap());
            }
        });
        if !flow.is_answer() {
            return None;
        }
        let answer = flow.expect_answer();
        Some(match answer.headers().get("location") {
            Some(location) => location.to_str().unwrap().to_owned(),
            None => answer.status().as_u16().to_string(),
        })
    }

    #[test]
    fn schemes_and_ports() {
        // Options, TLS, host, Location without the path (None: goes on): seen with 3.7.15.
        let table: &[(&str, bool, &str, Option<&str>)] = &[
            (HTTPS, false, "h", Some("https://h")),
            (HTTPS, false, "h:80", Some("https://h")),
            (HTTPS, false, "h:443", Some("https://h")),
            (HTTPS, false, "h:8443", Some("https://h")),
            (HTTPS, true, "h", None),
            (HTTPS, true, "h:443", None),
            (HTTPS, true, "h:80", Some("https://h")),
            (HTTPS, true, "h:8443", Some("https://h")),
            (PORT, false, "h", Some("https://h:8443")),
            (PORT, false, "h:8443", Some("https://h:8443")),
            (PORT, true, "h", Some("https://h:8443")),
            (PORT, true, "h:443", Some("https://h:8443")),
            (PORT, true, "h:8443", None),
            (r#"{"scheme":"https","port":"443"}"#, true, "h", None),
            (r#"{"scheme":"https","port":"443"}"#, false, "h", Some("https://h")),
            (r#"{"scheme":"HTTPS","port":"443"}"#, false, "h", Some("https://h:443")),
            (r#"{"scheme":"HTTPS","port":"443"}"#, true, "h", Some("https://h:443")),
            (r#"{"scheme":"http"}"#, false, "h", None),
            (r#"{"scheme":"http"}"#, false, "h:80", None),
            (r#"{"scheme":"http"}"#, false, "h:81", Some("http://h")),
            (r#"{"scheme":"http"}"#, true, "h", Some("http://h")),
            (r#"{"scheme":"http","port":"80"}"#, true, "h:80", Some("http://h")),
            (r#"{"scheme":"http","port":"81"}"#, false, "h", Some("http://h:81")),
            (r#"{"scheme":"http","port":"81"}"#, false, "h:81", None),
            (r#"{"scheme":"foo","port":"80"}"#, false, "h", Some("foo://h:80")),
            (HTTPS, false, "RS.Test.", Some("https://RS.Test.")),
            (HTTPS, false, "a~b", Some("https://a~b")),
            (HTTPS, false, "[::1]", Some("https://[::1]")),
            // Traefik answers 502 here, having lost the brackets.
            (HTTPS, false, "[::1]:80", Some("https://[::1]")),
            (PORT, false, "[::1]:80", Some("https://[::1]:8443")),
        ];
        for (options, tls, host, expected) in table {
            let expected = expected.map(|start| format!("{start}/x?q;r"));
            assert_eq!(send(options, *tls, host, ""), expected, "{options} {tls} {host}");
        }
    }

    #[test]
    fn hosts_that_are_none() {
        for (host, status) in [
            ("a:b:c", "502"),
            ("h:x", "502"),
            ("a%41", "502"),
            ("a b", "502"),
            ("[::1", "502"),
            // Traefik redirects to `https:///x`, which browsers read as the host `x`.
            ("", "400"),
        ] {
            assert_eq!(send(HTTPS, false, host, "").as_deref(), Some(status), "{host:?}");
        }
    }

    #[test]
    fn forwarded_proto() {
        let table = [
            (false, "https", true),
            (false, "HTTPS", true),
            (false, "wss", true),
            (false, "http", false),
            (false, "foo", false),
            (false, "https, http", false),
            (true, "ws", false),
            (true, "http", false),
            (true, "foo", true),
        ];
        for (tls, proto, passes) in table {
            assert_eq!(send(HTTPS, tls, "h", proto).is_none(), passes, "{tls} {proto}");
        }
    }

    #[test]
    fn wants_a_scheme() {
        let error = build(r#"{"redirectScheme":{"port":"1"}}"#).unwrap_err();
        assert_eq!(error, "you must provide a target scheme");
    }
}
