//! What a request is counted under: its code, method and protocol, folded to known words and
//! packed into one number.
//!
//! Nothing in it is as the client wrote it, so that a client cannot make new series at will.

use http::header::{ACCEPT, CONNECTION, CONTENT_TYPE, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

/// Methods that have a name in the metrics; the last stands for all others.
const METHODS: [&str; 11] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "CONNECT",
    "OPTIONS",
    "TRACE",
    "PRI",
    "EXTENSION_METHOD",
];

/// What a request speaks above HTTP; the order is that of Traefik's questions.
const PROTOCOLS: [&str; 5] = ["http", "websocket", "sse", "grpc-web", "grpc"];
const HTTP: u8 = 0;
const WEBSOCKET: u8 = 1;
const SSE: u8 = 2;
const GRPC_WEB: u8 = 3;
const GRPC: u8 = 4;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A gRPC answer that does not tell its status (`UNKNOWN`).
const GRPC_UNKNOWN: u16 = 2;
/// The largest gRPC status (`UNAUTHENTICATED`).
const GRPC_LAST: u16 = 16;

/// A request's method and protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    method: u8,
    protocol: u8,
}

impl Kind {
    /// `headers` as the client sent them: `Connection` and `Upgrade` are still there.
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        let name = method.as_str();
        let last = METHODS.len() - 1;
        let method = METHODS.iter().position(|known| *known == name).unwrap_or(last);
        Self { method: u8::try_from(method).unwrap_or_default(), protocol: protocol(headers) }
    }

    /// The code under which an answer is counted: the gRPC status of gRPC, 0 for a connection that
    /// is no longer HTTP (as Traefik says), else the HTTP status.
    pub fn code(self, status: StatusCode, headers: &HeaderMap) -> u16 {
        match self.protocol {
            GRPC | GRPC_WEB => headers.get(GRPC_STATUS).map_or(GRPC_UNKNOWN, grpc_code),
            _ if status == StatusCode::SWITCHING_PROTOCOLS => 0,
            _ => status.as_u16(),
        }
    }

    /// The gRPC status in the trailers of a gRPC answer.
    pub fn code_of_trailers(self, trailers: &HeaderMap) -> Option<u16> {
        matches!(self.protocol, GRPC | GRPC_WEB)
            .then(|| trailers.get(GRPC_STATUS).map(grpc_code))
            .flatten()
    }

    /// The same of a request for a page that is made in place of this one.
    pub fn of_page(self) -> Self {
        let protocol = if self.protocol == WEBSOCKET { HTTP } else { self.protocol };
        Self { method: 0, protocol }
    }

    /// The key of a request with this code.
    pub fn key(self, code: u16, counted: Counted) -> Key {
        let code = u32::from(code.min(999));
        let (method, protocol) = (u32::from(self.method), u32::from(self.protocol));
        Key(code << 9 | method << 5 | protocol << 2 | counted as u32)
    }
}

/// Where a request is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Counted {
    /// At its entry point and its router: no service took part in the answer, or one that says
    /// something else.
    Router = 0,
    /// At its service alone, whose answer is not the client's.
    Service = 1,
    /// At all of them.
    Everywhere = 2,
}

impl Counted {
    /// Whether entry point and router count it.
    pub fn by_router(self) -> bool {
        self != Self::Service
    }

    /// Whether the service counts it.
    pub fn by_service(self) -> bool {
        self != Self::Router
    }
}

/// Code, method, protocol, and where it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key(u32);

impl Key {
    pub fn code(self) -> u16 {
        u16::try_from(self.0 >> 9).unwrap_or_default()
    }

    pub fn method(self) -> &'static str {
        METHODS.get((self.0 >> 5 & 0xf) as usize).copied().unwrap_or_default()
    }

    pub fn protocol(self) -> &'static str {
        PROTOCOLS.get((self.0 >> 2 & 0x7) as usize).copied().unwrap_or_default()
    }

    /// Where it is counted.
    pub fn counted(self) -> Counted {
        match self.0 & 0x3 {
            0 => Counted::Router,
            1 => Counted::Service,
            _ => Counted::Everywhere,
        }
    }

    /// The same, wherever it is counted.
    pub fn anyhow(self) -> Self {
        Self(self.0 & !0x3)
    }

    /// The same with the first code of its class (404 -> 400): for a server that invents codes.
    pub fn folded(self) -> Self {
        Self(u32::from(self.code() / 100 * 100) << 9 | self.0 & 0x1ff)
    }
}

fn grpc_code(value: &HeaderValue) -> u16 {
    let code = value.to_str().ok().and_then(|text| text.trim().parse().ok());
    code.filter(|code| *code <= GRPC_LAST).unwrap_or(GRPC_UNKNOWN)
}

fn protocol(headers: &HeaderMap) -> u8 {
    // Most requests have an `Accept`; few of the words looked for are in it.
    if headers.contains_key(UPGRADE)
        && has_word(headers, &CONNECTION, b"upgrade")
        && has_word(headers, &UPGRADE, b"websocket")
    {
        return WEBSOCKET;
    }
    if has_word(headers, &ACCEPT, b"text/event-stream") {
        return SSE;
    }
    match headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes) {
        Some(kind) if kind.starts_with(b"application/grpc-web") => GRPC_WEB,
        Some(kind) if kind.starts_with(b"application/grpc") => GRPC,
        _ => HTTP,
    }
}

/// Whether a word is in the comma-separated list of a header's first line, in any case.
fn has_word(headers: &HeaderMap, name: &HeaderName, word: &[u8]) -> bool {
    headers.get(name).is_some_and(|line| {
        line.as_bytes()
            .split(|byte| *byte == b',')
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
            })
            .collect()
    }

    #[test]
    fn methods() {
        for (sent, shown) in [
            ("GET", "GET"),
            ("PATCH", "PATCH"),
            ("CONNECT", "CONNECT"),
            ("PRI", "PRI"),
            ("get", "EXTENSION_METHOD"),
            ("PROPFIND", "EXTENSION_METHOD"),
            ("QUERY", "EXTENSION_METHOD"),
            ("X-ANYTHING", "EXTENSION_METHOD"),
        ] {
            let method = Method::from_bytes(sent.as_bytes()).unwrap();
            let key = Kind::of(&method, &HeaderMap::new()).key(200, Counted::Router);
            assert_eq!((key.method(), key.protocol(), key.code()), (shown, "http", 200), "{sent}");
        }
    }

    #[test]
    fn protocols() {
        let table: &[(&[(&str, &str)], &str)] = &[
            (&[], "http"),
            (&[("connection", "Upgrade"), ("upgrade", "websocket")], "websocket"),
            (&[("connection", "keep-alive, upgrade"), ("upgrade", "WebSocket")], "websocket"),
            (&[("connection", "Upgrade"), ("upgrade", "other")], "http"),
            (&[("upgrade", "websocket")], "http"),
            (&[("accept", "text/event-stream")], "sse"),
            (&[("accept", "text/html, TEXT/event-stream")], "sse"),
            (&[("accept", "text/event-stream;q=1")], "http"),
            (&[("content-type", "application/grpc")], "grpc"),
            (&[("content-type", "application/grpc+proto")], "grpc"),
            (&[("content-type", "application/grpc-web-text")], "grpc-web"),
            (&[("content-type", "application/json")], "http"),
            (&[("accept", "text/event-stream"), ("content-type", "application/grpc")], "sse"),
        ];
        for (lines, shown) in table {
            let lines: Vec<(&'static str, &str)> = lines.to_vec();
            let kind = Kind::of(&Method::GET, &headers(&lines));
            assert_eq!(kind.key(200, Counted::Everywhere).protocol(), *shown, "{lines:?}");
        }
    }

    #[test]
    fn codes() {
        let http = Kind { method: 0, protocol: HTTP };
        let grpc = Kind { method: 0, protocol: GRPC };
        let table = [
            (http, 404, None, 404),
            (http, 200, Some("5"), 200),
            (http, 101, None, 0),
            (grpc, 200, Some("5"), 5),
            (grpc, 200, Some("0"), 0),
            (grpc, 200, Some("77"), 2),
            (grpc, 200, Some("x"), 2),
            (grpc, 200, None, 2),
            (grpc, 502, None, 2),
        ];
        for (kind, status, told, code) in table {
            let status = StatusCode::from_u16(status).unwrap();
            let lines: Vec<_> = told.iter().map(|told| ("grpc-status", *told)).collect();
            assert_eq!(kind.code(status, &headers(&lines)), code, "{status} {told:?}");
        }
        assert_eq!(grpc.code_of_trailers(&headers(&[("grpc-status", "7")])), Some(7));
        assert_eq!(grpc.code_of_trailers(&headers(&[])), None);
        assert_eq!(http.code_of_trailers(&headers(&[("grpc-status", "7")])), None);
    }

    #[test]
    fn packing() {
        for code in [0, 5, 200, 999, u16::MAX] {
            for (method, name) in METHODS.iter().enumerate() {
                for (protocol, word) in PROTOCOLS.iter().enumerate() {
                    for counted in [Counted::Router, Counted::Service, Counted::Everywhere] {
                        let kind = Kind { method: method as u8, protocol: protocol as u8 };
                        let key = kind.key(code, counted);
                        assert_eq!(key.code(), code.min(999));
                        assert_eq!((key.method(), key.protocol()), (*name, *word));
                        assert_eq!(key.counted(), counted);
                        assert_eq!(key.anyhow(), kind.key(code, Counted::Router));
                        let folded = key.folded();
                        assert_eq!(folded.code(), code.min(999) / 100 * 100);
                        assert_eq!((folded.method(), folded.counted()), (*name, counted));
                    }
                }
            }
        }
    }
}
