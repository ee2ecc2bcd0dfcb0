//! Heads: bytes -> request and answer heads (RFC 9112 sections 2 to 5).
//!
//! Names and values stay where they were read: the map holds slices of one allocation.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version,
    request, response,
};

use super::Error;
use super::framing::{self, Framing};
use crate::present::Present;

/// Header lines for which there is room on the stack; more need an allocation.
const USUAL_LINES: usize = 64;

/// Header lines that are understood at all.
pub const MOST_LINES: usize = 4096;

/// Room for the forwarding headers that a request gets on its way.
const ADDED: usize = 8;

/// The longest target that [`Uri`] takes, bytes.
const LONGEST_TARGET: usize = 65_534;

/// A request's head.
#[derive(Debug)]
pub struct RequestHead {
    /// Method, target, version, headers.
    pub parts: request::Parts,
    /// What of the headers needs a look.
    pub present: Present,
    /// Where its body ends.
    pub framing: Framing,
    /// Whether another request may follow.
    pub keep: bool,
}

/// An answer's head.
#[derive(Debug)]
pub struct AnswerHead {
    /// Status, version, headers.
    pub parts: response::Parts,
    /// What of the headers needs a look.
    pub present: Present,
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the connection may be used again.
    pub keep: bool,
}

/// What was read up to now, and how to keep it: the bytes themselves if they are shared already,
/// else a copy.
#[derive(Clone, Copy, Debug)]
pub enum Input<'b> {
    /// Bytes of a buffer that will be reused.
    Borrowed(&'b [u8]),
    /// Bytes that can be kept.
    Shared(&'b Bytes),
}

impl<'b> Input<'b> {
    /// The bytes.
    pub fn bytes(self) -> &'b [u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    fn keep(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => Bytes::clone(bytes),
        }
    }
}

/// Calls `parse` with room for header lines, first a little, then more.
fn with_room<'b, T>(
    mut parse: impl FnMut(&mut [MaybeUninit<httparse::Header<'b>>]) -> Result<T, httparse::Error>,
) -> Result<T, Error> {
    let mut usual = [const { MaybeUninit::uninit() }; USUAL_LINES];
    let parsed = match parse(&mut usual) {
        Err(httparse::Error::TooManyHeaders) => {
            let mut many = vec![MaybeUninit::uninit(); MOST_LINES];
            parse(&mut many)
        }
        parsed => parsed,
    };
    parsed.map_err(|error| match error {
        httparse::Error::TooManyHeaders => Error::HeadTooLarge,
        httparse::Error::Version => Error::Version,
        httparse::Error::HeaderName => Error::Malformed("a header name is malformed"),
        httparse::Error::HeaderValue => Error::Malformed("a header value is malformed"),
        httparse::Error::NewLine => Error::Malformed("a line ends in a strange way"),
        httparse::Error::Status => Error::Malformed("the status is malformed"),
        httparse::Error::Token => Error::Malformed("the first line is malformed"),
    })
}

/// Where a part of a buffer lies within it.
fn within(buffer: &[u8], part: &[u8]) -> std::ops::Range<usize> {
    let start = part.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr()).min(buffer.len());
    start..start.saturating_add(part.len()).min(buffer.len())
}

fn map(
    fields: &[httparse::Header<'_>],
    buffer: &[u8],
    kept: &Bytes,
    room: usize,
) -> Result<(HeaderMap, Present), Error> {
    let mut headers = HeaderMap::with_capacity(fields.len() + room);
    let mut present = Present::default();
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| Error::Malformed("a header name is malformed"))?;
        let value = HeaderValue::from_maybe_shared(kept.slice(within(buffer, field.value)))
            .map_err(|_| Error::Malformed("a header value is malformed"))?;
        present = present.and(Present::name(&name));
        headers.try_append(name, value).map_err(|_| Error::HeadTooLarge)?;
    }
    Ok((headers, present))
}

/// Reads a request's head. `None`: it is not complete. Returns what follows it, too.
///
/// # Errors
/// The head is malformed, or its framing.
pub fn request(input: Input<'_>) -> Result<Option<(RequestHead, Bytes)>, Error> {
    let buffer = input.bytes();
    let read = with_room(|room| {
        let mut parsed = httparse::Request::new(&mut []);
        let status = parsed.parse_with_uninit_headers(buffer, room)?;
        let httparse::Status::Complete(length) = status else { return Ok(Ok(None)) };
        Ok(own_request(&parsed, input, length).map(Some))
    });
    match read {
        Err(Error::Version) if !names_a_version(buffer) => {
            Err(Error::Malformed("the HTTP version is malformed"))
        }
        read => read?,
    }
}

/// Whether the request line ends with `HTTP/` and two digits: a version, though none of ours.
fn names_a_version(buffer: &[u8]) -> bool {
    let line = buffer.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|l| !l.is_empty());
    let word = line.unwrap_or_default().rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    match word.strip_prefix(b"HTTP/") {
        Some([major, b'.', minor]) => major.is_ascii_digit() && minor.is_ascii_digit(),
        _ => false,
    }
}

fn own_request(
    parsed: &httparse::Request<'_, '_>,
    input: Input<'_>,
    length: usize,
) -> Result<(RequestHead, Bytes), Error> {
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version)
    else {
        return Err(Error::Malformed("the first line is malformed"));
    };
    let buffer = input.bytes();
    let mut kept = input.keep();
    let (mut parts, ()) = Request::new(()).into_parts();
    parts.method = Method::from_bytes(method.as_bytes())
        .map_err(|_| Error::Malformed("the method is malformed"))?;
    parts.version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    parts.uri = uri(target, &kept, within(buffer, target.as_bytes()))?;
    let (headers, present) = map(parsed.headers, buffer, &kept, ADDED)?;
    parts.headers = headers;
    let (framing, keep) = framing::of_request(parts.version, &mut parts.headers, present)?;
    let rest = kept.split_off(length.min(kept.len()));
    Ok((RequestHead { parts, present, framing, keep }, rest))
}

fn uri(target: &str, kept: &Bytes, at: std::ops::Range<usize>) -> Result<Uri, Error> {
    const BAD: Error = Error::Malformed("the request target is malformed");
    if target.len() > LONGEST_TARGET {
        return Err(Error::TargetTooLong);
    }
    // A fragment is never sent (RFC 9112 section 3.2); `Uri` would silently drop it.
    if target.as_bytes().contains(&b'#') {
        return Err(BAD);
    }
    Uri::from_maybe_shared(kept.slice(at)).or_else(|_| {
        // Characters that should have been escaped: as Go, we do it.
        let escaped = escape(target.as_bytes());
        if escaped.len() > LONGEST_TARGET {
            return Err(Error::TargetTooLong);
        }
        Uri::try_from(escaped).map_err(|_| BAD)
    })
}

/// Escapes what [`Uri`] refuses although others send it raw.
fn escape(target: &[u8]) -> Vec<u8> {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    let mut escaped = Vec::with_capacity(target.len() + 16);
    for byte in target.iter().copied() {
        if matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | b'\\')
            || !byte.is_ascii_graphic()
        {
            let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
            escaped.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            escaped.push(byte);
        }
    }
    escaped
}

/// Reads the head of an answer to a request with this method. `None`: it is not complete. Returns
/// what follows it, too.
///
/// # Errors
/// The head is malformed, or its framing.
pub fn answer(input: Input<'_>, method: &Method) -> Result<Option<(AnswerHead, Bytes)>, Error> {
    let buffer = input.bytes();
    with_room(|room| {
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let status = config.parse_response_with_uninit_headers(&mut parsed, buffer, room)?;
        let httparse::Status::Complete(length) = status else { return Ok(Ok(None)) };
        Ok(own_answer(&parsed, input, length, method).map(Some))
    })?
}

fn own_answer(
    parsed: &httparse::Response<'_, '_>,
    input: Input<'_>,
    length: usize,
    method: &Method,
) -> Result<(AnswerHead, Bytes), Error> {
    const BAD: Error = Error::Malformed("the status is malformed");
    let (Some(code), Some(minor)) = (parsed.code, parsed.version) else { return Err(BAD) };
    let buffer = input.bytes();
    let mut kept = input.keep();
    let (mut parts, ()) = Response::new(()).into_parts();
    parts.status = StatusCode::from_u16(code).map_err(|_| BAD)?;
    parts.version = if minor == 0 { Version::HTTP_10 } else { Version::HTTP_11 };
    let (headers, present) = map(parsed.headers, buffer, &kept, 0)?;
    parts.headers = headers;
    let (framing, keep) =
        framing::of_answer(method, parts.status, parts.version, &parts.headers, present)?;
    let rest = kept.split_off(length.min(kept.len()));
    Ok((AnswerHead { parts, present, framing, keep }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Option<(RequestHead, Bytes)>, Error> {
        request(Input::Borrowed(text.as_bytes()))
    }

    #[test]
    fn good_requests() {
        // Text, method, target, a header, what follows.
        let table = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", "a", ""),
            ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nGET", "GET", "/", "a", "GET"),
            ("get /?q HTTP/1.0\nhost:a \n\n", "get", "/?q", "a", ""),
            (
                "PURGE http://b/x HTTP/1.1\r\nhOsT: \t a b\t\r\n\r\n",
                "PURGE",
                "http://b/x",
                "a b",
                "",
            ),
            ("OPTIONS * HTTP/1.1\r\nHost:\r\n\r\n", "OPTIONS", "*", "", ""),
            (
                "GET /<a>`|\"?<b> HTTP/1.1\r\nHost: a\r\n\r\n",
                "GET",
                "/%3Ca%3E%60%7C%22?%3Cb%3E",
                "a",
                "",
            ),
        ];
        for (text, method, target, host, rest) in table {
            let (head, follows) = of(text).expect(text).expect("complete");
            assert_eq!(head.parts.method.as_str(), method, "{text}");
            assert_eq!(head.parts.uri.to_string(), target, "{text}");
            assert_eq!(head.parts.headers["host"], host, "{text}");
            assert_eq!(follows, rest, "{text}");
            for shorter in 0..text.len() - rest.len() {
                let part = text.get(..shorter).expect("ASCII");
                assert!(matches!(of(part), Ok(None)), "{part:?}");
            }
        }
    }

    #[test]
    fn bad_requests() {
        let table = [
            "GET /\r\n\r\n",
            "GET  / HTTP/1.1\r\n\r\n",
            "G@T / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1 \r\n\r\n",
            "GET / HTTP/11\r\n\r\n",
            "GET / nonsense\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n",
            "GET / HTTP/1.1\r\nA: \u{1}\r\n\r\n",
            "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n",
            "GET / HTTP/1.1\r\nA\r\n\r\n",
            "GET / HTTP/1.1\r\n: a\r\n\r\n",
            "GET /#a HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        ];
        for text in table {
            assert!(matches!(of(text), Err(Error::Malformed(_) | Error::BadLength)), "{text:?}");
        }
        for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9"] {
            let text = format!("GET / {version}\r\n\r\n");
            assert!(matches!(of(&text), Err(Error::Version)), "{text:?}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(LONGEST_TARGET));
        assert!(matches!(of(&long), Err(Error::TargetTooLong)));
    }

    #[test]
    fn many_lines() {
        let with = |lines: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(lines));
        for lines in [USUAL_LINES, USUAL_LINES + 1, MOST_LINES] {
            let (head, _) = of(&with(lines)).expect("valid").expect("complete");
            assert_eq!(head.parts.headers.len(), lines);
        }
        assert!(matches!(of(&with(MOST_LINES + 1)), Err(Error::HeadTooLarge)));
    }

    #[test]
    fn answers() {
        let of = |text: &str| answer(Input::Borrowed(text.as_bytes()), &Method::GET);
        let (head, rest) =
            of("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").expect("valid").expect("complete");
        assert_eq!(
            (head.parts.status, head.framing, head.keep),
            (StatusCode::OK, Framing::Length(2), true)
        );
        assert_eq!(rest, "hi");
        let (head, _) = of("HTTP/1.0 599\r\n\r\n").expect("valid").expect("complete");
        assert_eq!(
            (head.parts.status.as_u16(), head.framing, head.keep),
            (599, Framing::UntilClose, false)
        );
        for bad in [
            "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/3.1 200 OK\r\n\r\n",
            "hello",
            "SSH-2.0\r\n",
            "HTTP/1.1 099 X\r\n\r\n",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
        for text in ["HTTP/1.1 200 OK\r\nA: b\r\n", "HTT", ""] {
            assert!(matches!(of(text), Ok(None)), "{text}");
        }
    }
}
