//! Just enough HTTP/2 to say what a library would refuse to send (RFC 9113, RFC 7541).

use std::io;
use std::time::Duration;

use swarmgate_testkit::client::Client;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const GOAWAY: u8 = 7;

pub const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const SETTINGS: u8 = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

pub struct Http2(Client);

impl Http2 {
    pub fn new(mut client: Client) -> io::Result<Self> {
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        client.set_timeout(Duration::from_secs(5))?;
        let mut connection = Self(client);
        connection.send(SETTINGS, 0, 0, b"")?;
        Ok(connection)
    }

    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.send(frame)
    }

    /// A request's head; `end`: there is no body.
    pub fn request(&mut self, stream: u32, fields: &[(&str, &str)], end: bool) -> io::Result<()> {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.send(HEADERS, flags, stream, &block(fields))
    }

    /// A request's head with further lines, encoded by the caller; there is no body.
    pub fn request_with(
        &mut self,
        stream: u32,
        fields: &[(&str, &str)],
        lines: &[u8],
    ) -> io::Result<()> {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, &[&block(fields), lines].concat())
    }

    /// The next frame that says something about a request.
    pub fn frame(&mut self) -> io::Result<Frame> {
        loop {
            let head = self.0.bytes(9)?;
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            let payload = self.0.bytes(length)?;
            if matches!(head[3], DATA | HEADERS | RST_STREAM | GOAWAY) {
                return Ok(Frame { kind: head[3], flags: head[4], stream, payload });
            }
        }
    }

    /// The status of the answer on this stream.
    pub fn status(&mut self, stream: u32) -> io::Result<u16> {
        loop {
            let frame = self.frame()?;
            if (frame.kind, frame.stream) != (HEADERS, stream) {
                continue;
            }
            // From the static table, or a literal of its name there, by Huffman's code or not.
            return match &*frame.payload {
                [0x88, ..] => Ok(200),
                [0x8d, ..] => Ok(404),
                [0x08 | 0x48, 0x83, 0x69, 0x90, 0xff, ..] => Ok(431),
                [0x08 | 0x48, 3, b'4', b'3', b'1', ..] => Ok(431),
                other => Err(io::Error::other(format!("another status: {other:x?}"))),
            };
        }
    }

    /// Whether the next frames are a 200 on this stream; `false` for a reset, an end or another
    /// status.
    pub fn is_ok(&mut self, stream: u32) -> bool {
        // Index 8 of the static table is `:status: 200`.
        const OK: u8 = 0x88;
        let frame = self.frame();
        matches!(frame, Ok(frame) if frame.kind == HEADERS && frame.stream == stream
            && frame.payload.first() == Some(&OK))
    }
}

/// `GET http://app.test/` with these fields in addition.
pub fn get<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields =
        vec![(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "app.test")];
    fields.extend(more);
    fields
}

/// Literals without indexing and without Huffman codes.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "longer lengths take more than a byte");
            block.push(text.len() as u8);
            block.extend(text.bytes());
        }
    }
    block
}
