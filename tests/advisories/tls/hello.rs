//! A client's hello, taken from a good client and cut, padded and changed at will (RFC 5246,
//! RFC 8446).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use swarmgate_testkit::client::{Greeting, TlsClient};

use crate::house::LIMIT;

pub const SERVER_HELLO: u8 = 2;
pub const CERTIFICATE_REQUEST: u8 = 13;
const DONE: u8 = 14;

const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// The hello of a client of this version and this server name, without its record.
pub fn hello(name: &str, version: &str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let (name, version) = (name.to_owned(), version.to_owned());
    let client = std::thread::spawn(move || {
        let greeting = Greeting { version: &version, ..Greeting::default() };
        let client = TlsClient::new(greeting).expect("a client");
        assert!(client.connect(address, &name).is_err());
    });
    let (mut stream, _) = listener.accept().expect("a client");
    let mut head = [0; 5];
    stream.read_exact(&mut head).expect("a record");
    let mut message = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
    stream.read_exact(&mut message).expect("a record");
    drop(stream);
    client.join().expect("the client");
    message
}

/// The hello with a server name that no client would send: it has as many bytes as that of a good
/// one that is asked for in its place.
pub fn hello_named(name: &str, version: &str) -> Vec<u8> {
    let good: String = name.chars().map(|sign| if sign == '.' { '.' } else { 'x' }).collect();
    // A dot at the end is no good one's either.
    let good = good.strip_suffix('.').map(|start| format!("{start}x")).unwrap_or(good);
    let mut message = hello(&good, version);
    let found = message.windows(good.len()).position(|part| part == good.as_bytes());
    let at = found.expect("the name is in it");
    message[at..at + name.len()].copy_from_slice(name.as_bytes());
    message
}

/// The hello with so many bytes of padding (RFC 7685).
pub fn padded(message: &[u8], bytes: usize) -> Vec<u8> {
    // Behind type, length, version and randomness: session, suites, compression.
    let mut at = 4 + 2 + 32;
    at += 1 + usize::from(message[at]);
    at += 2 + usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    at += 1 + usize::from(message[at]);
    let extensions = usize::from(u16::from_be_bytes([message[at], message[at + 1]]));
    let two = |number: usize| u16::try_from(number).expect("two bytes").to_be_bytes();
    let body = [
        &message[4..at],
        &two(extensions + 4 + bytes),
        &two(21),
        &two(bytes),
        &vec![0; bytes],
        &message[at + 2..],
    ]
    .concat();
    let length = u32::try_from(body.len()).expect("three bytes").to_be_bytes();
    [&message[..1], &length[1..], &body].concat()
}

/// A message in records of so many bytes each.
pub fn records(message: &[u8], each: usize) -> Vec<u8> {
    message.chunks(each).flat_map(|piece| record(HANDSHAKE, piece)).collect()
}

fn record(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a record").to_be_bytes();
    [&[kind, 3, 3][..], &length, payload].concat()
}

pub fn alert(level: u8, code: u8) -> Vec<u8> {
    record(ALERT, &[level, code])
}

/// Sends these bytes, each piece in a write of its own.
pub fn send(port: u16, pieces: &[&[u8]]) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_nodelay(true).expect("an option");
    stream.set_read_timeout(Some(LIMIT)).expect("an option");
    for (number, piece) in pieces.iter().enumerate() {
        if number > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    stream
}

/// The kinds of the messages that come back before anything is encrypted; none where the handshake
/// is refused.
pub fn answer(mut stream: TcpStream) -> Vec<u8> {
    let (mut kinds, mut handshake) = (Vec::new(), Vec::new());
    let mut head = [0; 5];
    while stream.read_exact(&mut head).is_ok() {
        let mut payload = vec![0; usize::from(u16::from_be_bytes([head[3], head[4]]))];
        if head[0] != HANDSHAKE || stream.read_exact(&mut payload).is_err() {
            break;
        }
        handshake.extend(payload);
        while let [kind, one, two, three, rest @ ..] = &handshake[..] {
            let length = u32::from_be_bytes([0, *one, *two, *three]) as usize;
            if rest.len() < length {
                break;
            }
            kinds.push(*kind);
            handshake.drain(..4 + length);
        }
        if kinds.contains(&DONE) {
            break;
        }
    }
    kinds
}

/// Reads until the other side ends the connection; whether it did.
pub fn ends(mut stream: TcpStream) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    match stream.read_to_end(&mut Vec::new()) {
        Ok(_) => true,
        Err(error) => !matches!(error.kind(), TimedOut | WouldBlock),
    }
}
