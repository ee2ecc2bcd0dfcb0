//! Heads and chunks, as bytes for a connection (RFC 9112 sections 3 to 7).

use http::header::{CONNECTION, CONTENT_LENGTH, DATE, HOST, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};

use super::date;
use crate::present::Present;

/// How the body that follows a head is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// The headers say it already, or there is no body.
    AsIs,
    /// By this length, whatever the headers say.
    Length(u64),
    /// By chunks.
    Chunks,
    /// There is none, or the connection's end delimits it: the headers say nothing.
    None,
}

/// A request's head. `host` replaces the map's `Host`.
pub fn request(
    out: &mut Vec<u8>,
    method: &Method,
    target: &[&str],
    headers: &HeaderMap,
    host: Option<&HeaderValue>,
    delimiter: Delimiter,
) {
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    for part in target {
        out.extend_from_slice(part.as_bytes());
    }
    out.extend_from_slice(b" HTTP/1.1\r\n");
    if let Some(host) = host {
        field(out, &HOST, host);
    }
    for (name, value) in headers {
        if host.is_some() && name == HOST || replaced(name, delimiter) {
            continue;
        }
        field(out, name, value);
    }
    end(out, delimiter);
}

/// What an answer's head has to say besides its headers.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The client's version.
    pub version: Version,
    /// Whether another request may follow.
    pub keep: bool,
    /// How the body is delimited.
    pub delimiter: Delimiter,
}

/// An answer's head. Adds `Date` where it is missing.
pub fn answer(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap, facts: Facts) {
    status_line(out, facts.version, status);
    let (mut dated, mut connection) = (false, false);
    for (name, value) in headers {
        if replaced(name, facts.delimiter) {
            continue;
        }
        dated |= name == DATE;
        connection |= name == CONNECTION;
        field(out, name, value);
    }
    if !dated {
        out.extend_from_slice(b"Date: ");
        date::put(out);
        out.extend_from_slice(b"\r\n");
    }
    if !connection && status != StatusCode::SWITCHING_PROTOCOLS {
        match (facts.keep, facts.version) {
            (true, Version::HTTP_10) => out.extend_from_slice(b"Connection: keep-alive\r\n"),
            (false, Version::HTTP_11) => out.extend_from_slice(b"Connection: close\r\n"),
            _ => {}
        }
    }
    end(out, facts.delimiter);
}

/// An interim answer (1xx), without what would tell of a body or of this hop.
pub fn interim(out: &mut Vec<u8>, status: StatusCode, headers: &HeaderMap) {
    status_line(out, Version::HTTP_11, status);
    let hop = Present::CONNECTION
        .and(Present::CONTENT_LENGTH)
        .and(Present::TRANSFER_ENCODING)
        .and(Present::HOP)
        .and(Present::TE)
        .and(Present::TRAILER);
    for (name, value) in headers {
        if !Present::name(name).any(hop) {
            field(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(out: &mut Vec<u8>, version: Version, status: StatusCode) {
    let line: &[u8] = match (version, status) {
        (Version::HTTP_11, StatusCode::OK) => b"HTTP/1.1 200 OK\r\n",
        _ => {
            out.extend_from_slice(match version {
                Version::HTTP_10 => b"HTTP/1.0 ",
                _ => b"HTTP/1.1 ",
            });
            out.extend_from_slice(status.as_str().as_bytes());
            out.push(b' ');
            match status.canonical_reason() {
                Some(reason) => out.extend_from_slice(reason.as_bytes()),
                None => {
                    out.extend_from_slice(b"status code ");
                    out.extend_from_slice(status.as_str().as_bytes());
                }
            }
            b"\r\n"
        }
    };
    out.extend_from_slice(line);
}

fn replaced(name: &HeaderName, delimiter: Delimiter) -> bool {
    match delimiter {
        Delimiter::AsIs => false,
        Delimiter::Length(_) | Delimiter::Chunks | Delimiter::None => {
            *name == CONTENT_LENGTH || *name == TRANSFER_ENCODING
        }
    }
}

fn end(out: &mut Vec<u8>, delimiter: Delimiter) {
    match delimiter {
        Delimiter::AsIs | Delimiter::None => {}
        Delimiter::Length(length) => {
            out.extend_from_slice(b"Content-Length: ");
            decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Delimiter::Chunks => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

/// One field line, the name in the spelling that Go and most others use: `X-Real-Ip`.
fn field(out: &mut Vec<u8>, name: &HeaderName, value: &HeaderValue) {
    let (name, value) = (name.as_str().as_bytes(), value.as_bytes());
    out.reserve(name.len() + value.len() + 4);
    let start = out.len();
    out.extend_from_slice(name);
    let mut first = true;
    for byte in out.iter_mut().skip(start) {
        if first {
            byte.make_ascii_uppercase();
        }
        first = *byte == b'-';
    }
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

fn decimal(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The line before a chunk's data; [`CHUNK_END`] follows the data.
pub fn chunk_size(out: &mut Vec<u8>, length: usize) {
    const HEX: [u8; 16] = *b"0123456789abcdef";
    let mut digits = [b'0'; 16];
    let (mut rest, mut at) = (length, digits.len());
    while at > 0 && (rest > 0 || at == digits.len()) {
        at -= 1;
        if let (Some(place), Some(digit)) = (digits.get_mut(at), HEX.get(rest & 15)) {
            *place = *digit;
        }
        rest >>= 4;
    }
    out.extend_from_slice(digits.get(at..).unwrap_or_default());
    out.extend_from_slice(b"\r\n");
}

/// After a chunk's data.
pub const CHUNK_END: &[u8] = b"\r\n";

/// The last chunk, with trailers if there are any.
pub fn last_chunk(out: &mut Vec<u8>, trailers: Option<&HeaderMap>) {
    out.extend_from_slice(b"0\r\n");
    for (name, value) in trailers.into_iter().flatten() {
        field(out, name, value);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn requests() {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("a.test"));
        headers.insert("x-real-ip", HeaderValue::from_static("10.0.0.1"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        let with = |host: Option<&'static str>, delimiter| {
            let host = host.map(HeaderValue::from_static);
            text(|out| {
                let target = ["/base", "/path?query"];
                request(out, &Method::POST, &target, &headers, host.as_ref(), delimiter);
            })
        };
        assert_eq!(
            with(None, Delimiter::AsIs),
            "POST /base/path?query HTTP/1.1\r\nHost: a.test\r\nX-Real-Ip: 10.0.0.1\r\n\
             Content-Length: 7\r\n\r\n"
        );
        assert_eq!(
            with(Some("b.test"), Delimiter::Chunks),
            "POST /base/path?query HTTP/1.1\r\nHost: b.test\r\nX-Real-Ip: 10.0.0.1\r\n\
             Transfer-Encoding: chunked\r\n\r\n"
        );
    }

    #[test]
    fn answers() {
        let mut headers = HeaderMap::new();
        headers.insert(DATE, HeaderValue::from_static("today"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("7"));
        let with = |status, version, keep, delimiter| {
            let facts = Facts { version, keep, delimiter };
            text(|out| answer(out, status, &headers, facts))
        };
        let (ok, v10, v11) = (StatusCode::OK, Version::HTTP_10, Version::HTTP_11);
        let table = [
            (
                with(ok, v11, true, Delimiter::AsIs),
                "HTTP/1.1 200 OK\r\nDate: today\r\nContent-Length: 7\r\n\r\n",
            ),
            (
                with(ok, v11, false, Delimiter::Length(8)),
                "HTTP/1.1 200 OK\r\nDate: today\r\nConnection: close\r\nContent-Length: 8\r\n\r\n",
            ),
            (
                with(ok, v10, true, Delimiter::Length(8)),
                "HTTP/1.0 200 OK\r\nDate: today\r\nConnection: keep-alive\r\n\
                 Content-Length: 8\r\n\r\n",
            ),
            (with(ok, v10, false, Delimiter::None), "HTTP/1.0 200 OK\r\nDate: today\r\n\r\n"),
            (
                with(StatusCode::NOT_FOUND, v11, true, Delimiter::Chunks),
                "HTTP/1.1 404 Not Found\r\nDate: today\r\nTransfer-Encoding: chunked\r\n\r\n",
            ),
        ];
        for (seen, expected) in table {
            assert_eq!(seen, expected);
        }
        let facts = Facts { version: v11, keep: true, delimiter: Delimiter::AsIs };
        let undated = text(|out| answer(out, ok, &HeaderMap::new(), facts));
        assert!(undated.contains("\r\nDate: ") && undated.contains(" GMT\r\n"), "{undated}");
    }

    #[test]
    fn chunks() {
        for (length, expected) in
            [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (0xabcde, "abcde\r\n")]
        {
            assert_eq!(text(|out| chunk_size(out, length)), expected);
        }
        assert_eq!(text(|out| chunk_size(out, usize::MAX)), "ffffffffffffffff\r\n");
        assert_eq!(text(|out| last_chunk(out, None)), "0\r\n\r\n");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("1"));
        assert_eq!(text(|out| last_chunk(out, Some(&trailers))), "0\r\nX-Sum: 1\r\n\r\n");
    }
}
