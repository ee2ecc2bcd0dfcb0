//! HTTP/1.1 on one connection: one request at a time, its answer read to its end.

use super::expected::Expected;
use super::head::{self, End, Head};
use super::outcome::Cause;
use super::speech::{Begun, Seen};

/// A head that is longer is not read.
const LONGEST_HEAD: usize = 64 << 10;

/// Where in an answer the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    /// So many bytes of the body, or of a chunk's data, are to come.
    Body(u64),
    UntilClose,
    Chunk(Chunk),
}

/// Where in a chunked body (RFC 9112 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    /// In a size, which is so much until now, of so many digits.
    Size(u64, u8),
    /// Behind a size, before the line's end.
    Extension(u64),
    Data(u64),
    /// Behind the data: what is left of its line's end.
    DataEnd(u8),
    /// In the trailers: bytes in this line until now, without its end.
    Trailer(u64),
}

/// The protocol's state.
#[derive(Debug)]
pub(super) struct Http1 {
    /// The connection carries one request.
    single: bool,
    expected: Expected,
    current: Option<Begun>,
    stage: Stage,
    /// The begin of a head whose rest has not come.
    part: Vec<u8>,
    status: u16,
    body: u64,
    /// The target closes after this answer.
    closes: bool,
    finished: bool,
}

impl Http1 {
    /// `single`: no second request begins.
    pub fn new(single: bool, expected: Expected) -> Self {
        Self {
            single,
            expected,
            current: None,
            stage: Stage::Head,
            part: Vec::new(),
            status: 0,
            body: 0,
            closes: false,
            finished: false,
        }
    }

    pub fn room(&self) -> usize {
        usize::from(self.current.is_none() && !self.finished)
    }

    pub fn begin(&mut self, begun: Begun) {
        self.current = Some(begun);
        self.stage = Stage::Head;
        self.body = 0;
    }

    pub fn outstanding(&self) -> Option<Begun> {
        self.current
    }

    pub fn finished(&self) -> bool {
        self.finished
    }

    pub fn target_closes(&self) -> bool {
        self.closes
    }

    pub fn skippable(&self) -> u64 {
        match self.stage {
            Stage::Body(left) => left,
            _ => 0,
        }
    }

    pub fn skip(&mut self, bytes: u64, seen: &mut Vec<Seen>) {
        if let Stage::Body(left) = self.stage {
            let left = left.saturating_sub(bytes);
            self.body += bytes;
            self.stage = Stage::Body(left);
            if left == 0 {
                self.complete(seen);
            }
        }
    }

    pub fn feed(&mut self, mut bytes: &[u8], seen: &mut Vec<Seen>) -> Result<(), Cause> {
        while !bytes.is_empty() {
            if self.current.is_none() {
                // Nothing was asked.
                return Err(Cause::Protocol);
            }
            let taken = match self.stage {
                Stage::Head => self.head(bytes, seen)?,
                Stage::Body(left) => {
                    let taken = left.min(bytes.len() as u64);
                    self.skip(taken, seen);
                    taken as usize
                }
                Stage::UntilClose => {
                    self.body += bytes.len() as u64;
                    bytes.len()
                }
                Stage::Chunk(chunk) => self.chunk(chunk, bytes, seen)?,
            };
            bytes = bytes.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    pub fn ended(&mut self, seen: &mut Vec<Seen>) {
        if self.current.is_some() && self.stage == Stage::UntilClose {
            self.complete(seen);
        }
    }

    /// Takes of a head what is there.
    fn head(&mut self, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<usize, Cause> {
        if self.part.is_empty() {
            return match head::read(bytes) {
                Some(head) => self.begin_body(head.map_err(|_| Cause::Protocol)?, seen),
                None => self.keep(bytes),
            };
        }
        let before = self.part.len();
        self.keep(bytes)?;
        match head::read(&self.part) {
            Some(head) => {
                self.part.clear();
                let size = self.begin_body(head.map_err(|_| Cause::Protocol)?, seen)?;
                Ok(size.saturating_sub(before))
            }
            None => Ok(bytes.len()),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<usize, Cause> {
        if self.part.len() + bytes.len() > LONGEST_HEAD {
            return Err(Cause::Protocol);
        }
        self.part.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// A head is whole: returns its size.
    fn begin_body(&mut self, head: Head, seen: &mut Vec<Seen>) -> Result<usize, Cause> {
        // 100, 103: the answer itself is still to come. 101 was not asked for.
        if (100..200).contains(&head.status) {
            return if head.status == 101 { Err(Cause::Protocol) } else { Ok(head.size) };
        }
        self.status = head.status;
        self.closes |= head.close;
        self.stage = match head.end {
            End::Length(length) => Stage::Body(length),
            End::Chunked => Stage::Chunk(Chunk::Size(0, 0)),
            End::Close => Stage::UntilClose,
        };
        if self.stage == Stage::Body(0) {
            self.complete(seen);
        }
        Ok(head.size)
    }

    /// One step in a chunked body: how many bytes it took.
    fn chunk(&mut self, chunk: Chunk, bytes: &[u8], seen: &mut Vec<Seen>) -> Result<usize, Cause> {
        let Some(&byte) = bytes.first() else { return Ok(0) };
        let after_size = |size| if size > 0 { Chunk::Data(size) } else { Chunk::Trailer(0) };
        let mut taken = 1;
        let next = match (chunk, byte) {
            (Chunk::Size(size, 1..), b'\n') | (Chunk::Extension(size), b'\n') => after_size(size),
            (Chunk::Size(size, 1..), b'\r' | b';' | b' ' | b'\t') => Chunk::Extension(size),
            (Chunk::Size(size, digits @ 0..15), byte) => {
                let digit = char::from(byte).to_digit(16).ok_or(Cause::Protocol)?;
                Chunk::Size(size << 4 | u64::from(digit), digits + 1)
            }
            (Chunk::Size(..), _) => return Err(Cause::Protocol),
            (Chunk::Extension(size), _) => Chunk::Extension(size),
            (Chunk::Data(left), _) => {
                let data = left.min(bytes.len() as u64);
                self.body += data;
                taken = data as usize;
                if data < left { Chunk::Data(left - data) } else { Chunk::DataEnd(2) }
            }
            (Chunk::DataEnd(2), b'\r') => Chunk::DataEnd(1),
            (Chunk::DataEnd(1), b'\n') => Chunk::Size(0, 0),
            (Chunk::DataEnd(_), _) => return Err(Cause::Protocol),
            (Chunk::Trailer(0), b'\n') => {
                self.complete(seen);
                return Ok(taken);
            }
            (Chunk::Trailer(_), b'\n') => Chunk::Trailer(0),
            (Chunk::Trailer(length), b'\r') => Chunk::Trailer(length),
            (Chunk::Trailer(length), _) => Chunk::Trailer(length + 1),
        };
        self.stage = Stage::Chunk(next);
        Ok(taken)
    }

    /// The answer has come to its end.
    fn complete(&mut self, seen: &mut Vec<Seen>) {
        let Some(begun) = self.current.take() else { return };
        self.stage = Stage::Head;
        self.finished = self.single || self.closes;
        seen.push(match self.expected.judge(Some(self.status), self.body) {
            Some(cause) => Seen::Failed(begun, cause),
            None => Seen::Answered(begun, self.body),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: Begun = Begun { due: 1, sent: 2 };

    /// What is seen of `answer`, in pieces of `piece` bytes.
    fn seen_of(
        answer: &str,
        piece: usize,
        expected: Option<u64>,
    ) -> (Result<(), Cause>, Vec<Seen>) {
        let (mut speech, mut seen) =
            (Http1::new(false, Expected { body: expected, ..Expected::default() }), Vec::new());
        speech.begin(BEGUN);
        for bytes in answer.as_bytes().chunks(piece) {
            if let Err(cause) = speech.feed(bytes, &mut seen) {
                return (Err(cause), seen);
            }
        }
        speech.ended(&mut seen);
        (Ok(()), seen)
    }

    #[test]
    fn answers_are_read_in_any_pieces() {
        let good = |length| Some(Seen::Answered(BEGUN, length));
        let bad = |cause| Some(Seen::Failed(BEGUN, cause));
        let table: &[(&str, Option<u64>, Option<Seen>)] = &[
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", None, good(5)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some(5), good(5)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", Some(6), bad(Cause::Body)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", None, good(0)),
            ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", None, None),
            ("HTTP/1.1 404 X\r\nContent-Length: 1\r\n\r\nx", None, bad(Cause::Status)),
            ("HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", None, bad(Cause::Status)),
            ("HTTP/1.1 204 X\r\n\r\n", None, good(0)),
            ("HTTP/1.1 200 OK\r\n\r\nuntil the end", None, good(13)),
            (
                "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                None,
                good(1),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
                Some(15),
                good(15),
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
                None,
                good(0),
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", None, None),
        ];
        for (answer, expected_body, expected) in table {
            for piece in [1, 2, 3, 7, 50, 1000] {
                let (result, seen) = seen_of(answer, piece, *expected_body);
                assert_eq!(result, Ok(()), "{answer:?} by {piece}");
                let expected: Vec<Seen> = expected.iter().copied().collect();
                assert_eq!(seen, expected, "{answer:?} by {piece}");
            }
        }
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let table = [
            "SSH-2.0-x\r\n\r\n",
            "HTTP/1.1 101 X\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff",
        ];
        for answer in table {
            for piece in [1, 1000] {
                assert_eq!(seen_of(answer, piece, None).0, Err(Cause::Protocol), "{answer:?}");
            }
        }
        let long = "x".repeat(LONGEST_HEAD + 1);
        assert_eq!(seen_of(&long, 1000, None).0, Err(Cause::Protocol));
    }

    #[test]
    fn a_body_may_be_skipped() {
        let (mut speech, mut seen) =
            (Http1::new(false, Expected { body: Some(100), ..Expected::default() }), Vec::new());
        speech.begin(BEGUN);
        speech.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nab", &mut seen).unwrap();
        assert_eq!(speech.skippable(), 98);
        speech.skip(90, &mut seen);
        assert!(seen.is_empty());
        speech.skip(8, &mut seen);
        assert_eq!(seen, [Seen::Answered(BEGUN, 100)]);
        assert_eq!((speech.room(), speech.finished()), (1, false));
    }

    #[test]
    fn a_connection_ends_when_it_should() {
        let table = [
            (true, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true, false),
            (false, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, false),
            (
                false,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                true,
                true,
            ),
        ];
        for (single, answer, finished, closes) in table {
            let (mut speech, mut seen) = (Http1::new(single, Expected::default()), Vec::new());
            speech.begin(BEGUN);
            speech.feed(answer.as_bytes(), &mut seen).unwrap();
            assert_eq!((speech.finished(), speech.target_closes()), (finished, closes), "{answer}");
        }
    }
}
