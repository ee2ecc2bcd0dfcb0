//! WebSocket on one connection: a frame of 64 bytes is sent, its echo awaited, again and again.

use super::head;
use super::outcome::Cause;
use super::speech::{Begun, Seen};
use crate::frame::{self, BINARY, CLOSE, PING, PONG};

/// Bytes of a frame's payload.
pub(super) const PAYLOAD: usize = 64;
/// The masking key: any will do, and one is enough (RFC 6455 wants it unforeseeable for the sake
/// of old proxies that take a payload for a request).
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
/// More than this between two frames is no echo.
const LONGEST_PART: usize = 64 << 10;

/// The protocol's state.
#[derive(Debug)]
pub(super) struct Echo {
    upgraded: bool,
    current: Option<Begun>,
    payload: [u8; PAYLOAD],
    /// The whole frame that is sent.
    sent: Vec<u8>,
    /// Bytes whose rest has not come.
    part: Vec<u8>,
}

impl Echo {
    pub fn new() -> Self {
        let payload = std::array::from_fn(|at| at as u8);
        let mut sent = Vec::new();
        frame::write(&mut sent, true, BINARY, Some(MASK), &payload);
        Self { upgraded: false, current: None, payload, sent, part: Vec::new() }
    }

    pub fn room(&self) -> usize {
        usize::from(self.upgraded && self.current.is_none())
    }

    pub fn begin(&mut self, begun: Begun, out: &mut Vec<u8>) {
        self.current = Some(begun);
        out.extend_from_slice(&self.sent);
    }

    pub fn outstanding(&self) -> Option<Begun> {
        self.current
    }

    pub fn feed(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Cause> {
        if self.part.is_empty() {
            let taken = self.take(bytes, out, seen)?;
            self.part.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        } else {
            let mut part = std::mem::take(&mut self.part);
            part.extend_from_slice(bytes);
            let taken = self.take(&part, out, seen)?;
            part.drain(..taken);
            self.part = part;
        }
        if self.part.len() > LONGEST_PART { Err(Cause::Protocol) } else { Ok(()) }
    }

    /// Looks at what is whole in `bytes`, and returns how much that is.
    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Vec<Seen>,
    ) -> Result<usize, Cause> {
        let mut taken = 0;
        if !self.upgraded {
            let Some(head) = head::read(bytes) else { return Ok(0) };
            let head = head.map_err(|_| Cause::Protocol)?;
            if head.status != 101 {
                return Err(Cause::Status);
            }
            self.upgraded = true;
            taken = head.size;
        }
        while let Some(rest) = bytes.get(taken..)
            && let Some(header) = frame::header(rest)
        {
            if header.payload > LONGEST_PART as u64 {
                return Err(Cause::Protocol);
            }
            let end = header.size + header.payload as usize;
            let Some(payload) = rest.get(header.size..end) else { break };
            taken += end;
            match header.opcode {
                PING => frame::write(out, true, PONG, Some(MASK), payload),
                PONG => {}
                CLOSE => return Err(Cause::Reset),
                BINARY if header.last && header.mask.is_none() && payload == self.payload => {
                    let begun = self.current.take().ok_or(Cause::Protocol)?;
                    seen.push(Seen::Answered(begun, PAYLOAD as u64));
                }
                _ => return Err(Cause::Protocol),
            }
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: Begun = Begun { due: 1, sent: 2 };
    const ACCEPTED: &[u8] = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n";

    fn of(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, true, opcode, None, payload);
        bytes
    }

    #[test]
    fn an_echo_is_an_answer() {
        let payload: Vec<u8> = (0..64).collect();
        let bytes = [of(PING, b"x"), of(PONG, b"y"), of(BINARY, &payload)].concat();
        for piece in [1, 3, 1000] {
            let (mut echo, mut out, mut seen) = (Echo::new(), Vec::new(), Vec::new());
            assert_eq!(echo.room(), 0);
            for bytes in ACCEPTED.chunks(piece) {
                echo.feed(bytes, &mut out, &mut seen).unwrap();
            }
            assert_eq!(echo.room(), 1);
            echo.begin(BEGUN, &mut out);
            assert_eq!((out.len(), echo.room()), (70, 0));
            out.clear();
            for bytes in bytes.chunks(piece) {
                echo.feed(bytes, &mut out, &mut seen).unwrap();
            }
            assert_eq!(seen, [Seen::Answered(BEGUN, 64)]);
            assert_eq!((out.first(), out.len(), echo.room()), (Some(&0x8a), 7, 1));
        }
    }

    #[test]
    fn anything_else_is_not() {
        let refused = b"HTTP/1.1 403 X\r\nContent-Length: 0\r\n\r\n".to_vec();
        let with = |bytes: Vec<u8>| [ACCEPTED.to_vec(), bytes].concat();
        let table = [
            (refused, Cause::Status),
            (b"x\r\n\r\n".to_vec(), Cause::Protocol),
            (with(of(BINARY, &[0; 64])), Cause::Protocol),
            (with(of(1, b"text")), Cause::Protocol),
            (with(of(CLOSE, &[3, 232])), Cause::Reset),
            (with(vec![0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0]), Cause::Protocol),
        ];
        for (bytes, cause) in table {
            let mut echo = Echo::new();
            echo.current = Some(BEGUN);
            let result = echo.feed(&bytes, &mut Vec::new(), &mut Vec::new());
            assert_eq!(result, Err(cause), "{bytes:?}");
        }
    }
}
