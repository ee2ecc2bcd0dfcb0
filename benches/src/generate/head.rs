//! The head of an HTTP/1 answer: its status, and where its body ends.

use memchr::{memchr, memmem};

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// After so many bytes.
    Length(u64),
    /// With the last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// What a head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub status: u16,
    pub end: End,
    /// The server closes after this answer.
    pub close: bool,
    /// Bytes of the head with its empty line.
    pub size: usize,
}

/// What is not a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHttp;

/// Reads the head at the begin of `bytes`; `None` while it is not whole.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Head, NotHttp>> {
    let size = memmem::find(bytes, b"\r\n\r\n")? + 4;
    Some(bytes.get(..size).and_then(parse).ok_or(NotHttp))
}

fn parse(head: &[u8]) -> Option<Head> {
    let version = head.get(..9)?;
    let mut close = match version {
        b"HTTP/1.1 " => false,
        b"HTTP/1.0 " => true,
        _ => return None,
    };
    let status = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    let (mut length, mut chunked) = (None, false);
    let mut rest = head.get(12..)?;
    while let Some(line_end) = memchr(b'\n', rest) {
        let line = rest.get(..line_end)?;
        rest = rest.get(line_end + 1..)?;
        // Only three names matter: a look at the first byte spares the others.
        if !matches!(line.first(), Some(b'c' | b'C' | b't' | b'T')) {
            continue;
        }
        let Some(colon) = memchr(b':', line) else { continue };
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?.trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            length = Some(std::str::from_utf8(value).ok()?.parse().ok()?);
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            chunked = value.eq_ignore_ascii_case(b"chunked");
        } else if name.eq_ignore_ascii_case(b"connection") {
            close = value.eq_ignore_ascii_case(b"close")
                || (close && !value.eq_ignore_ascii_case(b"keep-alive"));
        }
    }
    let end = match (status, chunked, length) {
        (100..200 | 204 | 304, ..) => End::Length(0),
        (_, true, _) => End::Chunked,
        (_, false, Some(length)) => End::Length(length),
        (_, false, None) => End::Close,
    };
    Some(Head { status, end, close: close || end == End::Close, size: head.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Status, end, whether the server closes; `None`: no head.
    type Expected = Option<(u16, End, bool)>;

    #[test]
    fn heads_are_read() {
        let table: &[(&str, Expected)] = &[
            ("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", Some((200, End::Length(12), false))),
            ("HTTP/1.1 200\r\ncontent-length:12\r\n\r\n", Some((200, End::Length(12), false))),
            (
                "HTTP/1.1 200 OK\r\nTRANSFER-ENCODING: Chunked\r\nConnection: close\r\n\r\n",
                Some((200, End::Chunked, true)),
            ),
            ("HTTP/1.1 200 OK\r\nDate: x\r\n\r\n", Some((200, End::Close, true))),
            ("HTTP/1.1 204 No Content\r\n\r\n", Some((204, End::Length(0), false))),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", Some((200, End::Length(1), true))),
            (
                "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\n",
                Some((200, End::Length(1), false)),
            ),
            (
                "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
                Some((502, End::Length(0), false)),
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", None),
            ("HTTP/2 200\r\n\r\n", None),
            ("SSH-2.0\r\n\r\n", None),
            ("\r\n\r\n", None),
        ];
        for (text, expected) in table {
            let head = read(text.as_bytes()).unwrap().ok();
            assert_eq!(head.map(|head| (head.status, head.end, head.close)), *expected, "{text}");
        }
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n"), None);
    }
}
