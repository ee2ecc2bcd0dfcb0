//! A body's bytes, taken out of its framing (RFC 9112 sections 6 and 7).

use bytes::{Buf, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::Error;
use super::framing::Framing;

/// Chunk extensions of one body, bytes: they carry nothing for anybody, but cost time.
const MOST_EXTENSIONS: u32 = 16 * 1024;

/// The trailer section, bytes.
const MOST_TRAILERS: usize = 16 * 1024;

/// Trailer lines.
const MOST_TRAILER_LINES: usize = 64;

/// Takes a body out of what is read from a connection.
#[derive(Debug)]
pub enum Decoder {
    /// The body is over.
    Done,
    /// So many bytes are missing.
    Length(u64),
    /// Within chunks.
    Chunked(Chunked),
    /// Everything until the connection ends.
    UntilClose,
    /// It was malformed: nobody can tell what follows.
    Broken,
}

/// What a look at the bytes gave.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Bytes of the body.
    Data(Bytes),
    /// The trailers; nothing follows.
    Trailers(HeaderMap),
    /// The connection has to be read first.
    More,
    /// The body is over.
    End,
}

/// Where within chunks.
#[derive(Debug, Default)]
pub struct Chunked {
    place: Place,
    /// Of the size, or of the data that is left.
    size: u64,
    digits: u8,
    extensions: u32,
    trailers: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Size,
    /// After the size: white space, or the line's end.
    AfterSize,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// The beginning of a trailer line.
    Trailer,
    /// Within a trailer line.
    TrailerLine,
    /// After a trailer line's CR.
    TrailerLf,
    /// After the CR of the empty line.
    LastLf,
}

impl From<Framing> for Decoder {
    fn from(framing: Framing) -> Self {
        match framing {
            Framing::Length(0) | Framing::Unclear => Self::Done,
            Framing::Length(length) => Self::Length(length),
            Framing::Chunked => Self::Chunked(Chunked::default()),
            Framing::UntilClose => Self::UntilClose,
        }
    }
}

impl Decoder {
    /// Whether the body is over.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// How many bytes are missing, if that is known.
    pub fn left(&self) -> Option<u64> {
        match self {
            Self::Done => Some(0),
            Self::Length(left) => Some(*left),
            Self::Chunked(_) | Self::UntilClose | Self::Broken => None,
        }
    }

    /// How many bytes are certainly still to come: tells how much to read at once.
    pub fn expected(&self) -> u64 {
        match self {
            Self::Done | Self::Broken => 0,
            Self::Length(left) => *left,
            Self::Chunked(chunked) if chunked.place == Place::Data => chunked.size,
            Self::Chunked(_) => 0,
            // An answer without a length tends to be large.
            Self::UntilClose => u64::MAX,
        }
    }

    /// Takes what it can from `read`.
    ///
    /// # Errors
    /// Malformed chunks.
    pub fn decode(&mut self, read: &mut Bytes) -> Result<Step, Error> {
        match self {
            Self::Done => Ok(Step::End),
            Self::Broken => Err(Error::BadChunk("nothing is known of what follows")),
            _ if read.is_empty() => Ok(Step::More),
            Self::Length(left) => {
                let data = take(read, left);
                if *left == 0 {
                    *self = Self::Done;
                }
                Ok(Step::Data(data))
            }
            Self::UntilClose => Ok(Step::Data(std::mem::take(read))),
            Self::Chunked(chunked) => {
                let step = chunked.decode(read);
                match step {
                    Ok(Step::End | Step::Trailers(_)) => *self = Self::Done,
                    Ok(Step::Data(_) | Step::More) => {}
                    Err(_) => *self = Self::Broken,
                }
                step
            }
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// The body is not over.
    pub fn end(&mut self) -> Result<(), Error> {
        match self {
            Self::Done | Self::UntilClose => {
                *self = Self::Done;
                Ok(())
            }
            Self::Length(_) | Self::Chunked(_) | Self::Broken => Err(Error::Ended),
        }
    }
}

/// Up to `left` bytes of `read`.
fn take(read: &mut Bytes, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(read.len());
    *left -= length as u64;
    if length == read.len() { std::mem::take(read) } else { read.split_to(length) }
}

/// Whether a field may come after the body: not if it says how to read, route or answer the message
/// (RFC 9110 section 6.5.1; the names are those that Go refuses, too).
fn may_trail(name: &HeaderName) -> bool {
    const NEVER: [&str; 22] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "max-forwards",
        "pragma",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "realm",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];
    let name = name.as_str();
    !name.starts_with("if-") && !NEVER.contains(&name)
}

impl Chunked {
    fn decode(&mut self, read: &mut Bytes) -> Result<Step, Error> {
        loop {
            if self.place == Place::Data && !read.is_empty() {
                let data = take(read, &mut self.size);
                if self.size == 0 {
                    self.place = Place::DataCr;
                }
                return Ok(Step::Data(data));
            }
            let Some(byte) = read.first().copied() else { return Ok(Step::More) };
            read.advance(1);
            if self.step(byte)? {
                return self.end();
            }
        }
    }

    /// One byte outside of data; true: it was the last.
    fn step(&mut self, byte: u8) -> Result<bool, Error> {
        use Place::{
            AfterSize, Data, DataCr, DataLf, Extension, LastLf, Size, SizeLf, Trailer, TrailerLf,
            TrailerLine,
        };
        self.place = match (self.place, byte) {
            (Size, digit) if digit.is_ascii_hexdigit() => {
                // Sixteen digits fill the number.
                if self.digits == 16 {
                    return Err(Error::BadChunk("the size is too large"));
                }
                self.digits += 1;
                let digit = char::from(digit).to_digit(16).unwrap_or_default();
                self.size = self.size << 4 | u64::from(digit);
                Size
            }
            (Size, _) if self.digits == 0 => {
                return Err(Error::BadChunk("the size is no hexadecimal number"));
            }
            (Size | AfterSize, b' ' | b'\t') => {
                self.count_extension()?;
                AfterSize
            }
            (Size | AfterSize, b';') => Extension,
            (Size | AfterSize | Extension, b'\r') => SizeLf,
            (Extension, b'\n') => return Err(Error::BadChunk("a line ends without CR")),
            (Extension, _) => {
                self.count_extension()?;
                Extension
            }
            (SizeLf, b'\n') => {
                self.digits = 0;
                if self.size == 0 { Trailer } else { Data }
            }
            (DataCr, b'\r') => DataLf,
            (DataLf, b'\n') => Size,
            (Trailer, b'\r') => LastLf,
            (LastLf, b'\n') => return Ok(true),
            (TrailerLine, b'\r') => TrailerLf,
            (Trailer | TrailerLine, byte) if byte != b'\n' => {
                self.push_trailer(byte)?;
                TrailerLine
            }
            (TrailerLf, b'\n') => {
                self.push_trailer(b'\r')?;
                self.push_trailer(b'\n')?;
                Trailer
            }
            (Size | AfterSize, _) => {
                return Err(Error::BadChunk("the size is followed by rubbish"));
            }
            _ => return Err(Error::BadChunk("a line does not end where it should")),
        };
        Ok(false)
    }

    fn count_extension(&mut self) -> Result<(), Error> {
        self.extensions += 1;
        if self.extensions > MOST_EXTENSIONS {
            return Err(Error::BadChunk("the extensions are too long"));
        }
        Ok(())
    }

    fn push_trailer(&mut self, byte: u8) -> Result<(), Error> {
        if self.trailers.len() >= MOST_TRAILERS {
            return Err(Error::BadChunk("the trailers are too long"));
        }
        self.trailers.push(byte);
        Ok(())
    }

    fn end(&mut self) -> Result<Step, Error> {
        let mut lines = std::mem::take(&mut self.trailers);
        if lines.is_empty() {
            return Ok(Step::End);
        }
        lines.extend_from_slice(b"\r\n");
        let mut fields = [httparse::EMPTY_HEADER; MOST_TRAILER_LINES];
        let bad = || Error::BadChunk("malformed trailers");
        let httparse::Status::Complete((_, fields)) =
            httparse::parse_headers(&lines, &mut fields).map_err(|_| bad())?
        else {
            return Err(bad());
        };
        let mut trailers = HeaderMap::with_capacity(fields.len());
        for field in fields {
            let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| bad())?;
            let value = HeaderValue::from_bytes(field.value).map_err(|_| bad())?;
            if may_trail(&name) {
                trailers.append(name, value);
            }
        }
        if trailers.is_empty() {
            return Ok(Step::End);
        }
        Ok(Step::Trailers(trailers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body, its trailers and what is left.
    type Decoded<B> = (B, usize, B);

    /// What the pieces decode to; `None`: it is not complete; an error: it is malformed.
    fn decode(framing: Framing, pieces: &[&[u8]]) -> Result<Option<Decoded<Vec<u8>>>, ()> {
        let mut decoder = Decoder::from(framing);
        let (mut body, mut trailers, mut rest) = (Vec::new(), 0, Vec::new());
        for piece in pieces {
            let mut read = Bytes::copy_from_slice(piece);
            loop {
                match decoder.decode(&mut read).map_err(drop)? {
                    Step::Data(data) => body.extend_from_slice(&data),
                    Step::Trailers(map) => trailers += map.len(),
                    Step::More | Step::End => break,
                }
            }
            rest.extend_from_slice(&read);
        }
        Ok(decoder.is_done().then_some((body, trailers, rest)))
    }

    #[test]
    fn chunks() {
        type Case = (&'static [u8], Result<Option<Decoded<&'static [u8]>>, ()>);
        let table: &[Case] = &[
            (b"0\r\n\r\n", Ok(Some((b"", 0, b"")))),
            (b"5\r\nhello\r\n0\r\n\r\n", Ok(Some((b"hello", 0, b"")))),
            (b"5\r\nhello\r\n0\r\n\r\nGET /", Ok(Some((b"hello", 0, b"GET /")))),
            (b"5;a=b\r\nhello\r\n1 ;x\r\n!\r\n00\r\n\r\n", Ok(Some((b"hello!", 0, b"")))),
            (b"A\r\n0123456789\r\n0\r\nA: b\r\nC: d\r\n\r\n", Ok(Some((b"0123456789", 2, b"")))),
            (b"0\r\nContent-Length: 5\r\nA: b\r\nhost: c\r\n\r\n", Ok(Some((b"", 1, b"")))),
            (b"0\r\nTransfer-Encoding: chunked\r\nIf-Match: *\r\n\r\n", Ok(Some((b"", 0, b"")))),
            (b"a\r\n0123456789\r\n0\r\n", Ok(None)),
            (b"5\r\nhel", Ok(None)),
            (b"", Ok(None)),
            (b"\r\n", Err(())),
            (b"g\r\n", Err(())),
            (b"-1\r\n", Err(())),
            (b"0x5\r\nhello\r\n0\r\n\r\n", Err(())),
            (b" 5\r\nhello\r\n0\r\n\r\n", Err(())),
            (b"5\nhello\r\n0\r\n\r\n", Err(())),
            (b"5 5\r\nhello\r\n0\r\n\r\n", Err(())),
            (b"5;a\nb\r\nhello\r\n0\r\n\r\n", Err(())),
            (b"5\r\rhello\r\n0\r\n\r\n", Err(())),
            (b"5\r\nhelloo\r\n0\r\n\r\n", Err(())),
            (b"5\r\nhello\n0\r\n\r\n", Err(())),
            (b"5\r\nhello\r\n0\r\n\n", Err(())),
            (b"0\r\nA: b\n\r\n", Err(())),
            (b"0\r\nA b\r\n\r\n", Err(())),
            (b"0\r\n A: b\r\n\r\n", Err(())),
            (b"10000000000000000\r\n", Err(())),
            (b"00000000000000005\r\nhello", Err(())),
        ];
        for (bytes, expected) in table {
            let expected = expected.map(|body| {
                body.map(|(body, trailers, rest)| (body.into(), trailers, rest.into()))
            });
            let name = String::from_utf8_lossy(bytes);
            assert_eq!(decode(Framing::Chunked, &[bytes]), expected, "{name:?}");
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(decode(Framing::Chunked, &single), expected, "{name:?} byte by byte");
        }
    }

    /// What follows malformed chunks is nothing, even if it would have been fine without the fault.
    #[test]
    fn a_broken_body_stays_broken() {
        let mut decoder = Decoder::from(Framing::Chunked);
        let mut read = Bytes::from_static(b"1\r\nax\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        assert_eq!(decoder.decode(&mut read).ok(), Some(Step::Data(Bytes::from_static(b"a"))));
        for _ in 0..3 {
            assert!(decoder.decode(&mut read).is_err());
            assert!(!decoder.is_done() && decoder.left().is_none());
        }
        assert!(decoder.end().is_err());
    }

    #[test]
    fn lengths() {
        let whole = |body: &[u8], rest: &[u8]| Ok(Some((body.to_vec(), 0, rest.to_vec())));
        assert_eq!(decode(Framing::Length(0), &[b"GET /"]), whole(b"", b"GET /"));
        assert_eq!(decode(Framing::Length(3), &[b"ab", b"cGET /"]), whole(b"abc", b"GET /"));
        assert_eq!(decode(Framing::Length(u64::MAX), &[b"ab"]), Ok(None));
        let mut until_close = Decoder::from(Framing::UntilClose);
        let mut read = Bytes::from_static(b"ab");
        assert_eq!(until_close.decode(&mut read).ok(), Some(Step::Data(Bytes::from_static(b"ab"))));
        assert!(!until_close.is_done() && until_close.end().is_ok() && until_close.is_done());
        assert!(Decoder::from(Framing::Length(1)).end().is_err());
    }

    #[test]
    fn nothing_grows_without_bound() {
        let long = vec![b'x'; MOST_TRAILERS + 1];
        for begin in [&b"5;"[..], b"0\r\n"] {
            assert_eq!(decode(Framing::Chunked, &[begin, &long]), Err(()));
        }
        let lines = b"A: b\r\n".repeat(MOST_TRAILER_LINES + 1);
        assert_eq!(decode(Framing::Chunked, &[b"0\r\n", &lines, b"\r\n"]), Err(()));
    }
}
