//! HTTP/2 as a hostile client writes it (RFC 9113, RFC 7541): frames of any kind, and a reader that
//! only counts.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const PRIORITY_UPDATE: u8 = 16;

pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// Of a head without body.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

pub const FLOW_CONTROL_ERROR: u32 = 3;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: [u8; 4] = 8_u32.to_be_bytes();
pub const INITIAL_WINDOW_SIZE: u16 = 4;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One that nobody blocks for long.
const WRITE: Duration = Duration::from_secs(2);

/// What came back so far.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    /// Answers with 200, and with anything else.
    pub ok: usize,
    pub other: usize,
    /// Streams that were reset, by the error's code.
    pub resets: HashMap<u32, usize>,
    pub goaway: Option<u32>,
    pub ended: bool,
}

/// A connection whose answers are counted, or not even read.
pub struct Peer {
    stream: TcpStream,
    heard: Arc<Mutex<Heard>>,
}

impl Peer {
    /// One that reads.
    pub fn new(port: u16, settings: &[(u16, u32)]) -> Self {
        let peer = Self::deaf(port, settings);
        let (mut stream, heard) = (peer.stream.try_clone().expect("a copy"), peer.heard.clone());
        thread::spawn(move || {
            // What ends it does not matter here.
            let _ = listen(&mut stream, &heard);
            lock(&heard).ended = true;
        });
        peer
    }

    /// One that never reads.
    pub fn deaf(port: u16, settings: &[(u16, u32)]) -> Self {
        let mut peer = Self::silent(port);
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        peer.send(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat()).expect("sent");
        peer
    }

    /// One that has said nothing yet, and never reads.
    pub fn silent(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_nodelay(true).expect("an option");
        stream.set_write_timeout(Some(WRITE)).expect("an option");
        Self { stream, heard: Arc::default() }
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    pub fn heard(&self) -> Heard {
        lock(&self.heard).clone()
    }

    /// Waits for something to have been heard; what was heard until then, or in so long.
    pub fn wait(&self, limit: Duration, enough: impl Fn(&Heard) -> bool) -> Heard {
        let begun = Instant::now();
        loop {
            let heard = self.heard();
            if enough(&heard) || heard.ended || begun.elapsed() > limit {
                return heard;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // The reader's copy would keep it open.
        let _ = self.stream.shutdown(std::net::Shutdown::Both);
    }
}

fn lock(heard: &Mutex<Heard>) -> MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn listen(stream: &mut TcpStream, heard: &Mutex<Heard>) -> io::Result<()> {
    /// Index 8 of the static table is `:status: 200`.
    const OK: u8 = 0x88;
    let mut reader = io::BufReader::with_capacity(1 << 16, stream);
    loop {
        let mut head = [0; 9];
        reader.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; length];
        reader.read_exact(&mut payload)?;
        let number = |from: usize| {
            let bytes = payload.get(from..from + 4).and_then(|bytes| bytes.try_into().ok());
            u32::from_be_bytes(bytes.unwrap_or_default())
        };
        let mut heard = lock(heard);
        match head[3] {
            HEADERS if payload.first() == Some(&OK) => heard.ok += 1,
            HEADERS => heard.other += 1,
            RST_STREAM => *heard.resets.entry(number(0)).or_default() += 1,
            GOAWAY => heard.goaway = Some(number(4)),
            _ => {}
        }
    }
}

pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame's length").to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The stream of a client's request number so and so, from 0.
pub fn stream(number: usize) -> u32 {
    u32::try_from(number).expect("a stream") * 2 + 1
}

/// A header line without indexing and without Huffman codes.
pub fn line(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0][..], &text(name), &text(value)].concat()
}

/// The same, to be remembered under index 62.
pub fn remembered(name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[0x40][..], &text(name), &text(value)].concat()
}

/// What is remembered under index 62.
pub const AGAIN: u8 = 0x80 | 62;

fn text(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() + 4);
    // An integer with a prefix of seven bits.
    match text.len() {
        short @ 0..127 => bytes.push(short as u8),
        long => {
            bytes.push(127);
            let mut rest = long - 127;
            while rest >= 128 {
                bytes.push((rest % 128) as u8 | 128);
                rest /= 128;
            }
            bytes.push(rest as u8);
        }
    }
    bytes.extend(text);
    bytes
}

/// The block of a `GET` for `p.test`, and what orders the upstream gets; more may follow.
pub fn get(orders: &[&str]) -> Vec<u8> {
    get_from("p.test", orders)
}

/// The same for another host.
pub fn get_from(host: &str, orders: &[&str]) -> Vec<u8> {
    let mut block = [
        line(b":method", b"GET"),
        line(b":scheme", b"http"),
        line(b":path", b"/"),
        line(b":authority", host.as_bytes()),
    ]
    .concat();
    for order in orders {
        block.extend(line(b"x-do", order.as_bytes()));
    }
    block
}

/// A request's head in as many frames as it needs, without a body.
pub fn request(stream: u32, block: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let pieces = block.chunks(16_000);
    let last = pieces.len().saturating_sub(1);
    for (number, piece) in pieces.enumerate() {
        let (kind, end) = if number == 0 { (HEADERS, END_STREAM) } else { (CONTINUATION, 0) };
        let whole = if number == last { END_HEADERS } else { 0 };
        bytes.extend(frame(kind, end | whole, stream, piece));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(line(b"a", b"bc"), b"\0\x01a\x02bc");
        let long = line(b"a", &[b'x'; 300]);
        // RFC 7541 section 5.1: 300 - 127 = 173 = 45 + 128.
        assert_eq!(long[..6], [0, 1, b'a', 127, 173, 1]);
        assert_eq!(frame(PING, 1, 0, b"12345678").len(), 17);
    }

    #[test]
    fn long_heads_are_split() {
        let bytes = request(1, &[0; 40_000]);
        assert_eq!((bytes[3], bytes[4]), (HEADERS, END_STREAM));
        let second = 9 + 16_000;
        assert_eq!((bytes[second + 3], bytes[second + 4]), (CONTINUATION, 0));
        let third = second * 2;
        assert_eq!((bytes[third + 3], bytes[third + 4]), (CONTINUATION, END_HEADERS));
    }
}
