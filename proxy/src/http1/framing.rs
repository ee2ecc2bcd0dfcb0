//! Where a body ends (RFC 9112 section 6.3). The most attacked rule of HTTP: whoever reads it
//! differently from us could hide a request in a body, so only one reading is accepted.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Version};

use super::Error;
use crate::present::Present;

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After the last chunk.
    Chunked,
    /// When the connection ends; answers only.
    UntilClose,
    /// Nobody can tell: the transfer encoding is none that we understand.
    Unclear,
}

/// A request's framing, and whether the connection may carry another request afterwards. Headers
/// that would tell another reader something else are removed.
///
/// # Errors
/// A `Content-Length` that is no number, or several different ones; a transfer encoding in HTTP/1.0.
pub fn of_request(
    version: Version,
    headers: &mut HeaderMap,
    present: Present,
) -> Result<(Framing, bool), Error> {
    let keep = keeps_alive(version, headers, present);
    if !present.any(Present::CONTENT_LENGTH.and(Present::TRANSFER_ENCODING)) {
        return Ok((Framing::Length(0), keep));
    }
    let length = length(headers)?;
    if let Some(length) = length {
        write_once(headers, length);
    }
    match chunked(headers) {
        None => Ok((Framing::Length(length.unwrap_or(0)), keep)),
        Some(_) if version == Version::HTTP_10 => {
            Err(Error::Malformed("a transfer encoding in HTTP/1.0"))
        }
        Some(false) => Ok((Framing::Unclear, false)),
        // Who sends both may mean another end than we do: nothing follows on this connection.
        Some(true) => {
            let clear = headers.remove(CONTENT_LENGTH).is_none();
            Ok((Framing::Chunked, keep && clear))
        }
    }
}

/// An answer's framing, and whether the connection may carry another exchange afterwards.
///
/// # Errors
/// A `Content-Length` that is no number, or several different ones.
pub fn of_answer(
    method: &Method,
    status: StatusCode,
    version: Version,
    headers: &HeaderMap,
    present: Present,
) -> Result<(Framing, bool), Error> {
    let keep = keeps_alive(version, headers, present);
    if *method == Method::HEAD {
        // It is passed on as it is, so it has to mean one thing.
        length(headers)?;
        return Ok((Framing::Length(0), keep));
    }
    let bodiless = status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if bodiless {
        return Ok((Framing::Length(0), keep));
    }
    let length = length(headers)?;
    let chunked = present.any(Present::TRANSFER_ENCODING).then(|| chunked(headers)).flatten();
    match (chunked, length) {
        (Some(false), _) => Ok((Framing::Unclear, false)),
        // RFC 9112 section 6.1: both, or chunks in HTTP/1.0, are suspect: nothing follows.
        (Some(true), Some(_)) => Ok((Framing::Chunked, false)),
        (Some(true), None) if version == Version::HTTP_10 => Ok((Framing::Chunked, false)),
        (Some(true), None) => Ok((Framing::Chunked, keep)),
        (None, Some(length)) => Ok((Framing::Length(length), keep)),
        (None, None) => Ok((Framing::UntilClose, false)),
    }
}

/// Leaves one line without leading zeros, which some would read as octal.
fn write_once(headers: &mut HeaderMap, length: u64) {
    let mut lines = headers.get_all(CONTENT_LENGTH).iter();
    let first = lines.next().map(HeaderValue::as_bytes).unwrap_or_default();
    if lines.next().is_some() || matches!(first, [b'0', _, ..]) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// Makes the `Content-Length` of an HTTP/2 request, whose frames delimit its body, one that an
/// HTTP/1.1 server reads as we do.
///
/// # Errors
/// It is no number, or there are several different ones.
pub fn settle_length(headers: &mut HeaderMap) -> Result<(), Error> {
    if let Some(length) = length(headers)? {
        write_once(headers, length);
    }
    Ok(())
}

/// `None`: no `Transfer-Encoding`; true: it is `chunked` and nothing else.
fn chunked(headers: &HeaderMap) -> Option<bool> {
    let mut lines = headers.get_all(TRANSFER_ENCODING).iter();
    let first = lines.next()?;
    let only = lines.next().is_none();
    Some(only && first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
}

/// The one `Content-Length`; equal ones count as one.
fn length(headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let mut length = None;
    for line in headers.get_all(CONTENT_LENGTH) {
        let digits = line.as_bytes().trim_ascii();
        let value = number(digits).ok_or(Error::BadLength)?;
        if length.is_some_and(|length| length != value) {
            return Err(Error::BadLength);
        }
        length = Some(value);
    }
    Ok(length)
}

/// Digits only: no sign, no list.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// RFC 9112 section 9.3.
fn keeps_alive(version: Version, headers: &HeaderMap, present: Present) -> bool {
    let mut keep = version == Version::HTTP_11;
    if !present.any(Present::CONNECTION) {
        return keep;
    }
    for line in headers.get_all(CONNECTION) {
        for option in line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            if option.eq_ignore_ascii_case(b"close") {
                return false;
            }
            keep |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
    keep
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderName;

    fn map(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
                (name, HeaderValue::from_str(value).expect("a value"))
            })
            .collect()
    }

    #[test]
    fn requests() {
        use Framing::{Chunked, Length, Unclear};
        const CL: &str = "content-length";
        const TE: &str = "transfer-encoding";
        type Case = (Version, &'static [(&'static str, &'static str)], Option<(Framing, bool)>);
        let table: &[Case] = &[
            (Version::HTTP_11, &[], Some((Length(0), true))),
            (Version::HTTP_10, &[], Some((Length(0), false))),
            (Version::HTTP_10, &[("connection", "Keep-Alive")], Some((Length(0), true))),
            (Version::HTTP_11, &[("connection", "foo, Close")], Some((Length(0), false))),
            (Version::HTTP_11, &[("connection", "keep-alive, close")], Some((Length(0), false))),
            (Version::HTTP_11, &[(CL, "12")], Some((Length(12), true))),
            (Version::HTTP_11, &[(CL, " 12 ")], Some((Length(12), true))),
            (Version::HTTP_11, &[(CL, "12"), (CL, "12")], Some((Length(12), true))),
            (Version::HTTP_11, &[(CL, "012")], Some((Length(12), true))),
            (Version::HTTP_11, &[(CL, "12"), (CL, "0012")], Some((Length(12), true))),
            (Version::HTTP_11, &[(CL, "18446744073709551615")], Some((Length(u64::MAX), true))),
            (Version::HTTP_11, &[(CL, "18446744073709551616")], None),
            (Version::HTTP_11, &[(CL, "12"), (CL, "13")], None),
            (Version::HTTP_11, &[(CL, "12, 12")], None),
            (Version::HTTP_11, &[(CL, "+12")], None),
            (Version::HTTP_11, &[(CL, "-1")], None),
            (Version::HTTP_11, &[(CL, "0x1")], None),
            (Version::HTTP_11, &[(CL, "")], None),
            (Version::HTTP_11, &[(TE, "chunked")], Some((Chunked, true))),
            (Version::HTTP_11, &[(TE, "Chunked ")], Some((Chunked, true))),
            (Version::HTTP_11, &[(TE, "chunked"), (CL, "5")], Some((Chunked, false))),
            (
                Version::HTTP_11,
                &[(TE, "chunked"), (CL, "5"), ("connection", "close")],
                Some((Chunked, false)),
            ),
            (Version::HTTP_11, &[(TE, "chunked"), (CL, "x")], None),
            (Version::HTTP_11, &[(TE, "chunked"), (TE, "chunked")], Some((Unclear, false))),
            (Version::HTTP_11, &[(TE, "gzip, chunked")], Some((Unclear, false))),
            (Version::HTTP_11, &[(TE, "chunked, identity")], Some((Unclear, false))),
            (Version::HTTP_11, &[(TE, "xchunked")], Some((Unclear, false))),
            (Version::HTTP_11, &[(TE, "identity")], Some((Unclear, false))),
            (Version::HTTP_11, &[(TE, "")], Some((Unclear, false))),
            (Version::HTTP_10, &[(TE, "chunked")], None),
        ];
        for (version, lines, expected) in table {
            let mut headers = map(lines);
            let present = Present::of(&headers);
            let seen = of_request(*version, &mut headers, present).ok();
            assert_eq!(seen, *expected, "{version:?} {lines:?}");
            assert!(headers.get_all(CL).iter().count() < 2 || seen.is_none(), "{lines:?}");
            if let Some((Length(length @ 1..), _)) = seen {
                let trimmed = headers[CL].to_str().expect("digits").trim();
                assert_eq!(trimmed, length.to_string(), "{lines:?}");
            }
            if matches!(seen, Some((Chunked, _))) {
                assert!(!headers.contains_key(CL), "{lines:?}");
            }
        }
    }

    #[test]
    fn answers() {
        use Framing::{Chunked, Length, Unclear, UntilClose};
        const CL: (&str, &str) = ("content-length", "5");
        const TE: (&str, &str) = ("transfer-encoding", "chunked");
        type Case = (
            Method,
            u16,
            Version,
            &'static [(&'static str, &'static str)],
            Option<(Framing, bool)>,
        );
        let table: &[Case] = &[
            (Method::GET, 200, Version::HTTP_11, &[CL], Some((Length(5), true))),
            (Method::GET, 200, Version::HTTP_10, &[CL], Some((Length(5), false))),
            (Method::GET, 200, Version::HTTP_11, &[], Some((UntilClose, false))),
            (Method::GET, 200, Version::HTTP_11, &[TE], Some((Chunked, true))),
            (Method::GET, 200, Version::HTTP_11, &[TE, CL], Some((Chunked, false))),
            (Method::GET, 200, Version::HTTP_11, &[TE, TE], Some((Unclear, false))),
            (Method::HEAD, 200, Version::HTTP_11, &[CL], Some((Length(0), true))),
            (Method::HEAD, 200, Version::HTTP_11, &[TE], Some((Length(0), true))),
            (Method::HEAD, 200, Version::HTTP_11, &[CL, ("content-length", "6")], None),
            (Method::GET, 200, Version::HTTP_10, &[TE], Some((Chunked, false))),
            (
                Method::GET,
                200,
                Version::HTTP_10,
                &[TE, ("connection", "keep-alive")],
                Some((Chunked, false)),
            ),
            (Method::GET, 204, Version::HTTP_11, &[CL], Some((Length(0), true))),
            (Method::GET, 304, Version::HTTP_11, &[CL], Some((Length(0), true))),
            (Method::GET, 103, Version::HTTP_11, &[], Some((Length(0), true))),
            (Method::GET, 200, Version::HTTP_11, &[CL, ("content-length", "6")], None),
        ];
        for (method, status, version, lines, expected) in table {
            let status = StatusCode::from_u16(*status).expect("a status");
            let headers = map(lines);
            let present = Present::of(&headers);
            let seen = of_answer(method, status, *version, &headers, present).ok();
            assert_eq!(seen, *expected, "{method} {status} {lines:?}");
        }
    }
}
