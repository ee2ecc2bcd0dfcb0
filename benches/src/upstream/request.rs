//! The head of a request, as far as the upstream cares.

use std::ops::Range;

use memchr::{memchr, memmem};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    /// Where the path is, from the head's begin.
    pub path: Range<usize>,
    /// No body is to be sent (HEAD).
    pub head_only: bool,
    /// The connection ends with the answer.
    pub close: bool,
    /// `Upgrade: websocket`: where the value of `Sec-WebSocket-Key` is.
    pub websocket: Option<Range<usize>>,
    /// Bytes of the request's body, which follow the head.
    pub body: u64,
    /// Bytes of the head with its empty line.
    pub size: usize,
}

/// Why a head cannot be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bad {
    /// Not HTTP/1.
    NotHttp,
    /// A body of unknown length: this upstream reads none.
    Chunked,
}

/// Reads the head at the begin of `bytes`; `None` while it is not whole.
pub(super) fn read(bytes: &[u8]) -> Option<Result<Request, Bad>> {
    let size = memmem::find(bytes, b"\r\n\r\n")? + 4;
    Some(bytes.get(..size).ok_or(Bad::NotHttp).and_then(parse))
}

fn parse(head: &[u8]) -> Result<Request, Bad> {
    let line_end = memchr(b'\r', head).ok_or(Bad::NotHttp)?;
    let line = head.get(..line_end).unwrap_or_default();
    let method_end = memchr(b' ', line).ok_or(Bad::NotHttp)?;
    let from = method_end + 1;
    let length = memchr(b' ', line.get(from..).unwrap_or_default()).ok_or(Bad::NotHttp)?;
    let version = line.get(from + length + 1..).unwrap_or_default();
    let mut request = Request {
        path: from..from + length,
        head_only: line.starts_with(b"HEAD "),
        close: match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(Bad::NotHttp),
        },
        websocket: None,
        body: 0,
        size: head.len(),
    };
    let (mut upgrade, mut key) = (false, 0..0);
    let mut at = line_end + 2;
    while let Some(rest) = head.get(at..)
        && let Some(length) = memchr(b'\n', rest)
    {
        let line = rest.get(..length).unwrap_or_default().trim_ascii_end();
        // Few names matter: a look at the first byte spares the others.
        if matches!(line.first(), Some(b'c' | b'C' | b'u' | b'U' | b's' | b'S' | b't' | b'T'))
            && let Some(colon) = memchr(b':', line)
        {
            let name = line.get(..colon).unwrap_or_default();
            let value = line.get(colon + 1..).unwrap_or_default().trim_ascii_start();
            if name.eq_ignore_ascii_case(b"connection") {
                request.close = match value {
                    value if value.eq_ignore_ascii_case(b"close") => true,
                    value if value.eq_ignore_ascii_case(b"keep-alive") => false,
                    _ => request.close,
                };
            } else if name.eq_ignore_ascii_case(b"content-length") {
                request.body = std::str::from_utf8(value)
                    .ok()
                    .and_then(|value| value.parse().ok())
                    .ok_or(Bad::NotHttp)?;
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                return Err(Bad::Chunked);
            } else if name.eq_ignore_ascii_case(b"upgrade") {
                upgrade = value.eq_ignore_ascii_case(b"websocket");
            } else if name.eq_ignore_ascii_case(b"sec-websocket-key") {
                let end = at + line.len();
                key = end - value.len()..end;
            }
        }
        at += length + 1;
    }
    if upgrade {
        request.websocket = Some(key);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request as expected: path, close, body.
    type Expected = Option<Result<(&'static str, bool, u64), Bad>>;

    #[test]
    fn heads_are_read() {
        let table: &[(&str, Expected)] = &[
            ("GET /small HTTP/1.1\r\nHost: a\r\n", None),
            ("GET /small HTTP/1.1\r\nHost: a\r\n\r\n", Some(Ok(("/small", false, 0)))),
            ("GET /1k?a=b HTTP/1.0\r\n\r\n", Some(Ok(("/1k?a=b", true, 0)))),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", Some(Ok(("/", false, 0)))),
            ("GET / HTTP/1.1\r\nconnection:close\r\n\r\n", Some(Ok(("/", true, 0)))),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", Some(Ok(("/", false, 5)))),
            ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", Some(Err(Bad::NotHttp))),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", Some(Err(Bad::Chunked))),
            ("\r\n\r\n", Some(Err(Bad::NotHttp))),
            ("GET /\r\n\r\n", Some(Err(Bad::NotHttp))),
            ("GET / HTTP/2.0\r\n\r\n", Some(Err(Bad::NotHttp))),
        ];
        for (head, expected) in table {
            let read = read(head.as_bytes()).map(|read| {
                read.map(|request| (&head[request.path.clone()], request.close, request.body))
            });
            assert_eq!(&read, expected, "{head:?}");
        }
    }

    #[test]
    fn an_upgrade_names_its_key() {
        let head = "GET /ws HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Key:  abc= \r\nCookie: x\r\n\r\n";
        let request = read(head.as_bytes()).unwrap().unwrap();
        assert_eq!(&head[request.websocket.unwrap()], "abc=");
        let other = "GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n";
        assert_eq!(read(other.as_bytes()).unwrap().unwrap().websocket, None);
    }

    #[test]
    fn only_the_head_is_counted() {
        let request = read(b"HEAD / HTTP/1.1\r\n\r\nGET").unwrap().unwrap();
        assert_eq!((request.size, request.head_only), (19, true));
    }
}
