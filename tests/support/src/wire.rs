//! HTTP/1.1 as bytes: heads and bodies exactly as they came, shared by the client and the upstream.

use std::io::{self, BufRead, Read};

/// Longest line and longest body that a test ever needs; keeps a broken peer from filling memory.
const LINE_LIMIT: u64 = 2 << 20;
const BODY_LIMIT: u64 = 256 << 20;

/// The first line and the header lines, names spelled as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// `GET / HTTP/1.1` or `HTTP/1.1 200 OK`.
    pub first: String,
    /// Header lines in order. Bytes outside ASCII become the character of the same number.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first line with this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// All lines with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Reads a head; `None` at the end of the stream.
    ///
    /// # Errors
    /// The stream's own, or when it ends within the head.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(stream)? else { return Ok(None) };
        let mut head = Self { first, headers: Vec::new() };
        loop {
            match line(stream)? {
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
                Some(line) if line.is_empty() => return Ok(Some(head)),
                Some(line) => head.headers.push(match line.split_once(':') {
                    Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
                    None => (line, String::new()),
                }),
            }
        }
    }

    /// How the body's end is told.
    pub fn framing(&self) -> Framing {
        let chunked = self
            .all("transfer-encoding")
            .any(|value| value.to_ascii_lowercase().contains("chunked"));
        match self.header("content-length").and_then(|value| value.parse().ok()) {
            _ if chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::Unknown,
        }
    }
}

/// The first of `headers` with this name.
pub fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Framing {
    Length(u64),
    Chunked,
    /// Nothing said: no body of a request, all until the end of an answer.
    Unknown,
}

/// A line without its end; `None` at the end of the stream.
///
/// # Errors
/// The stream's own, or when it ends within the line.
pub fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    stream.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut bytes)?;
    match bytes.pop() {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(io::ErrorKind::UnexpectedEof.into()),
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(Some(latin1(&bytes)))
}

/// One chunk of a chunked body; `None` is the last one, whose trailers are still to be read.
///
/// # Errors
/// The stream's own, or a length that is none.
pub fn chunk(stream: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let size = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let digits = size.split(';').next().unwrap_or_default().trim();
    let size = u64::from_str_radix(digits, 16)
        .map_err(|_| io::Error::other(format!("not a chunk length: {size:?}")))?;
    if size == 0 {
        return Ok(None);
    }
    let data = exactly(stream, size)?;
    match line(stream)?.as_deref() {
        Some("") => Ok(Some(data)),
        other => Err(io::Error::other(format!("after a chunk: {other:?}"))),
    }
}

/// The trailer lines after the last chunk.
///
/// # Errors
/// The stream's own.
pub fn trailers(stream: &mut impl BufRead) -> io::Result<Vec<(String, String)>> {
    let mut trailers = Vec::new();
    while let Some(line) = line(stream)?.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        trailers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok(trailers)
}

/// A body and its trailers.
pub type Body = (Vec<u8>, Vec<(String, String)>);

/// The whole body.
///
/// # Errors
/// The stream's own, or when it ends too early.
pub fn body(stream: &mut impl BufRead, framing: Framing) -> io::Result<Body> {
    match framing {
        Framing::Length(length) => Ok((exactly(stream, length)?, Vec::new())),
        Framing::Chunked => {
            let mut whole = Vec::new();
            while let Some(data) = chunk(stream)? {
                whole.extend_from_slice(&data);
            }
            Ok((whole, trailers(stream)?))
        }
        Framing::Unknown => {
            let mut whole = Vec::new();
            stream.by_ref().take(BODY_LIMIT).read_to_end(&mut whole)?;
            Ok((whole, Vec::new()))
        }
    }
}

fn exactly(stream: &mut impl BufRead, length: u64) -> io::Result<Vec<u8>> {
    if length > BODY_LIMIT {
        return Err(io::Error::other(format!("{length} bytes are too many for a test")));
    }
    let mut data = Vec::new();
    stream.by_ref().take(length).read_to_end(&mut data)?;
    if (data.len() as u64) < length {
        let got = data.len();
        let text = format!("{got} of {length} bytes");
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
    }
    Ok(data)
}

/// Bytes as characters of the same number, so that nothing is lost on the way into JSON.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_heads_as_they_came() {
        let mut bytes = &b"GET /\xff HTTP/1.1\r\nX-a:  b \r\nx-A: c\n\r\nrest"[..];
        let head = Head::read(&mut bytes).unwrap().unwrap();
        assert_eq!(head.first, "GET /\u{ff} HTTP/1.1");
        assert_eq!(head.headers, [("X-a".into(), "b".into()), ("x-A".into(), "c".into())]);
        assert_eq!(head.all("X-A").collect::<Vec<_>>(), ["b", "c"]);
        assert_eq!(bytes, b"rest");
    }

    #[test]
    fn bodies_end_where_they_say() {
        let table: [(&[u8], Framing, Option<&str>, &str); 6] = [
            (b"abcdef", Framing::Length(3), Some("abc"), ""),
            (b"abc", Framing::Length(4), None, ""),
            (b"abc", Framing::Unknown, Some("abc"), ""),
            (b"2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n", Framing::Chunked, Some("abc"), ""),
            (b"1\r\na\r\n0\r\nT: v\r\n\r\n", Framing::Chunked, Some("a"), "v"),
            (b"zz\r\n", Framing::Chunked, None, ""),
        ];
        for (mut bytes, framing, expected, trailer) in table {
            let got = body(&mut bytes, framing);
            match (got, expected) {
                (Ok((data, trailers)), Some(text)) => {
                    assert_eq!(data, text.as_bytes());
                    assert_eq!(header(&trailers, "t").unwrap_or_default(), trailer);
                }
                (Err(_), None) => {}
                (got, expected) => panic!("{framing:?}: {got:?} instead of {expected:?}"),
            }
        }
    }
}
