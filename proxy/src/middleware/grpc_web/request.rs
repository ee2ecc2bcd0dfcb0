//! A request's body out of base64, however the stream is cut.

use std::task::{Context, Poll, ready};

use bytes::Bytes;

use crate::body::{Made, RequestBody, RequestBodyError};
use crate::http1::Error;

/// A body that arrives in base64 (RFC 4648 section 4).
#[derive(Debug)]
pub(super) struct Decoded {
    body: RequestBody,
    quantum: Quantum,
    begun: bool,
}

/// Four letters are three bytes; these are the letters that have come so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Quantum {
    bits: u32,
    letters: u8,
    padding: u8,
}

/// What is not base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl Quantum {
    /// Decodes some letters. Line breaks do not count; another part may follow padding, as clients
    /// send each message by itself.
    pub(super) fn decode(
        &mut self,
        letters: &[u8],
        decoded: &mut Vec<u8>,
    ) -> Result<(), Malformed> {
        for letter in letters {
            let six = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'a'..=b'z' => letter - b'a' + 26,
                b'0'..=b'9' => letter - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                b'\r' | b'\n' => continue,
                b'=' if self.letters >= 2 => {
                    self.padding += 1;
                    if self.letters + self.padding == 4 {
                        let [_, bytes @ ..] = (self.bits << (6 * self.padding)).to_be_bytes();
                        decoded.extend(bytes.iter().take(usize::from(self.letters) - 1));
                        *self = Self::default();
                    }
                    continue;
                }
                _ => return Err(Malformed),
            };
            if self.padding > 0 {
                return Err(Malformed);
            }
            self.bits = self.bits << 6 | u32::from(six);
            self.letters += 1;
            if self.letters == 4 {
                let [_, bytes @ ..] = self.bits.to_be_bytes();
                decoded.extend(bytes);
                *self = Self::default();
            }
        }
        Ok(())
    }

    /// Whether nothing is missing.
    pub(super) fn is_whole(self) -> bool {
        self == Self::default()
    }
}

impl Decoded {
    pub(super) fn new(body: RequestBody) -> Self {
        Self { body, quantum: Quantum::default(), begun: false }
    }
}

fn malformed() -> RequestBodyError {
    RequestBodyError::Client(Error::Malformed("the body is not base64"))
}

impl Made for Decoded {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RequestBodyError>>> {
        loop {
            let letters = ready!(self.body.poll_data(cx));
            self.begun = true;
            return Poll::Ready(match letters {
                Some(Ok(letters)) => {
                    let mut decoded = Vec::with_capacity(letters.len() / 4 * 3 + 3);
                    match self.quantum.decode(&letters, &mut decoded) {
                        Err(Malformed) => Some(Err(malformed())),
                        Ok(()) if decoded.is_empty() => continue,
                        Ok(()) => Some(Ok(Bytes::from(decoded))),
                    }
                }
                None if !self.quantum.is_whole() => {
                    self.quantum = Quantum::default();
                    Some(Err(malformed()))
                }
                end => end,
            });
        }
    }

    fn untouched(&mut self) -> Option<&mut RequestBody> {
        (!self.begun).then_some(&mut self.body)
    }
}
