//! Whole conversations: how bytes are cut into reads must not matter, and what is passed on must
//! read the same for anybody.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::decode::{Decoder, Step};
use super::encode::{self, CHUNK_END, Delimiter};
use super::{Error, Wire, head};

const LIMIT: usize = 64 * 1024;

/// A connection whose reads give these pieces, one by one.
struct Pieces<'p>(std::vec::IntoIter<&'p [u8]>);

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(piece) = self.0.next() else { return Poll::Ready(Ok(())) };
        let (now, later) = piece.split_at(piece.len().min(buffer.remaining()));
        buffer.put_slice(now);
        if !later.is_empty() {
            let rest: Vec<_> = std::iter::once(later).chain(self.0.by_ref()).collect();
            self.0 = rest.into_iter();
        }
        Poll::Ready(Ok(()))
    }
}

fn wire<'p>(pieces: Vec<&'p [u8]>) -> Wire<Pieces<'p>> {
    Wire::new(Pieces(pieces.into_iter()), Bytes::new())
}

fn now<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the pieces are always there"),
    }
}

/// A message with its body; the body is `None` where it is malformed or cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    first: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

/// Reads a body to its end. `None`: it is malformed or cut off.
fn body(
    wire: &mut Wire<Pieces<'_>>,
    mut decoder: Decoder,
    cx: &mut Context<'_>,
) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        match decoder.decode(wire.read()).ok()? {
            Step::Data(data) => body.extend_from_slice(&data),
            Step::Trailers(_) | Step::End => return Some(body),
            Step::More => {
                if now(wire.poll_more(cx, decoder.expected())).ok()? == 0 {
                    decoder.end().ok()?;
                }
            }
        }
    }
}

/// The requests that a client says in these pieces, as far as they go, and as they are passed on.
fn requests(pieces: Vec<&[u8]>) -> (Vec<Message>, Vec<u8>) {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut wire, mut messages, mut passed_on) = (wire(pieces), Vec::new(), Vec::new());
    while let Ok(Some(head)) = now(wire.poll_head(&mut cx, LIMIT, head::request)) {
        if head.framing == super::framing::Framing::Unclear {
            break;
        }
        let body = body(&mut wire, Decoder::from(head.framing), &mut cx);
        let parts = head.parts;
        if let Some(body) = &body {
            pass_on(&mut passed_on, &parts, body);
        }
        let first = format!("{} {} {:?}", parts.method, parts.uri, parts.version);
        let complete = body.is_some();
        messages.push(Message { first, headers: parts.headers, body });
        if !complete || !head.keep {
            break;
        }
    }
    (messages, passed_on)
}

fn pass_on(out: &mut Vec<u8>, head: &http::request::Parts, body: &[u8]) {
    let mut headers = head.headers.clone();
    headers.remove(TRANSFER_ENCODING);
    let sized = headers.contains_key(CONTENT_LENGTH);
    let delimiter = if sized || body.is_empty() { Delimiter::AsIs } else { Delimiter::Chunks };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    // As everybody behind the parser sees it: `http://a?b` asks for the root.
    let root = if target.starts_with('?') { "/" } else { "" };
    encode::request(out, &head.method, &[root, target], &headers, None, delimiter);
    if delimiter == Delimiter::Chunks {
        encode::chunk_size(out, body.len());
        out.extend_from_slice(body);
        out.extend_from_slice(CHUNK_END);
        encode::last_chunk(out, None);
    } else {
        out.extend_from_slice(body);
    }
}

/// The answers that a server says in these pieces, as far as they go.
fn answers(pieces: Vec<&[u8]>) -> Vec<Message> {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut wire, mut messages) = (wire(pieces), Vec::new());
    let parse = |input: head::Input<'_>| head::answer(input, &Method::GET);
    while let Ok(Some(head)) = now(wire.poll_head(&mut cx, LIMIT, parse)) {
        let body = body(&mut wire, Decoder::from(head.framing), &mut cx);
        let first = format!("{} {:?}", head.parts.status, head.parts.version);
        let complete = body.is_some();
        messages.push(Message { first, headers: head.parts.headers, body });
        if !complete || !head.keep {
            break;
        }
    }
    messages
}

/// A reader that knows nothing but lines, lengths and chunks of the plainest kind; it panics at
/// everything else. Returns the bodies.
fn plain_reader(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    fn line<'b>(bytes: &mut &'b [u8]) -> &'b str {
        let end = bytes.windows(2).position(|pair| pair == b"\r\n").expect("a line");
        let (line, rest) = bytes.split_at(end);
        *bytes = &rest[2..];
        assert!(!line.contains(&b'\r') && !line.contains(&b'\n') && !line.contains(&0));
        // Only the framing has to be text.
        std::str::from_utf8(line).unwrap_or("x: y")
    }
    fn take<'b>(bytes: &mut &'b [u8], length: usize) -> &'b [u8] {
        let (taken, rest) = bytes.split_at(length);
        *bytes = rest;
        taken
    }
    let mut bodies = Vec::new();
    while !bytes.is_empty() {
        let first = line(&mut bytes);
        assert_eq!(first.split(' ').count(), 3, "{first:?}");
        let (mut lengths, mut chunked, mut body) = (Vec::new(), 0, Vec::new());
        loop {
            let field = line(&mut bytes);
            if field.is_empty() {
                break;
            }
            let (name, value) = field.split_once(": ").expect("a field");
            match name.to_ascii_lowercase().as_str() {
                "content-length" => lengths.push(value.parse::<usize>().expect("a length")),
                "transfer-encoding" => {
                    assert_eq!(value, "chunked");
                    chunked += 1;
                }
                _ => {}
            }
        }
        assert!(lengths.len() + chunked <= 1, "{lengths:?} {chunked}");
        if chunked == 1 {
            loop {
                let length = usize::from_str_radix(line(&mut bytes), 16).expect("a size");
                body.extend_from_slice(take(&mut bytes, length));
                assert_eq!(line(&mut bytes), "");
                if length == 0 {
                    break;
                }
            }
        } else {
            body.extend_from_slice(take(&mut bytes, lengths.first().copied().unwrap_or(0)));
        }
        bodies.push(body);
    }
    bodies
}

/// Cuts at these places.
fn cut<'b>(bytes: &'b [u8], places: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    let (mut pieces, mut from) = (Vec::new(), 0);
    for place in places.into_iter().chain([bytes.len()]) {
        if place > from {
            pieces.push(&bytes[from..place]);
            from = place;
        }
    }
    pieces
}

/// Words of which conversations are made, good ones and bad ones.
const WORDS: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /a?b HTTP/1.1\r\n",
    "POST / HTTP/1.0\r\n",
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 204 No\r\n",
    "HTTP/1.0 200 OK\r\n",
    "HTTP/1.1 103 X\r\n",
    "Host: a\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 05\r\n",
    "Content-Length: 6\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length:\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked \r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding\t: chunked\r\n",
    "Connection: close\r\n",
    "Connection: keep-alive, Content-Length\r\n",
    " folded: x\r\n",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "5\r\nhello\r\n",
    "5;a=b\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "5\nhello\n",
    "0x5\r\nhello\r\n",
    "0\r\n\r\n",
    "0\r\nContent-Length: 5\r\n\r\n",
    "0\r\nA: b\r\n\r\n",
    "hello",
    "\u{e9}",
];

/// Whole conversations, so that what is behind their ends is seen, too.
const GOOD: &[&str] = &[
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nhello",
];

fn conversation() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        3 => prop::sample::select(GOOD),
        4 => prop::sample::select(WORDS),
    ];
    let words = prop::collection::vec(word, 1..12).prop_map(|words| words.concat().into_bytes());
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (words, changes).prop_map(|(mut bytes, changes)| {
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes
    })
}

fn places() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..20)
}

/// Some thousands of cases; more if `PROPTEST_CASES` says so.
fn config() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig { cases: usual.cases.max(3000), failure_persistence: None, ..usual }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn pieces_do_not_matter(bytes in conversation(), places in places()) {
        let whole = requests(vec![&bytes]);
        prop_assert_eq!(&requests(cut(&bytes, &places)), &whole);
        prop_assert_eq!(&requests(bytes.chunks(1).collect()), &whole);
        let whole = answers(vec![&bytes]);
        prop_assert_eq!(&answers(cut(&bytes, &places)), &whole);
        prop_assert_eq!(&answers(bytes.chunks(1).collect()), &whole);
    }

    /// Whatever a client says: who reads what we pass on sees as many requests as we, with the same
    /// bodies.
    #[test]
    fn what_is_passed_on_reads_the_same(bytes in conversation()) {
        let (messages, passed_on) = requests(vec![&bytes]);
        let bodies: Vec<_> = messages.into_iter().filter_map(|message| message.body).collect();
        prop_assert_eq!(plain_reader(&passed_on), bodies);
    }
}

/// How many bytes the parser is shown until a head is complete or refused.
fn looked_at(pieces: Vec<&[u8]>, limit: usize) -> (usize, Result<bool, Error>) {
    let (mut cx, mut wire, mut looked) = (Context::from_waker(Waker::noop()), wire(pieces), 0);
    let polled = now(wire.poll_head(&mut cx, limit, |input| {
        looked += input.bytes().len();
        head::request(input)
    }));
    (looked, polled.map(|head| head.is_some()))
}

/// The worst that a client can do with small segments costs no more than a few looks at each byte.
#[test]
fn slow_heads_cost_little() {
    const LARGE: usize = 200_000;
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n", "x".repeat(LARGE));
    let lines = "a:\r\n".repeat(1000) + "\r\n";
    let (empty, feeds) = (b"\r\n".repeat(50_000), b"\n".repeat(50_000));
    let begin = [long.as_bytes()].into_iter();
    let table: [(&str, Vec<&[u8]>, bool); 4] = [
        ("a long line, then short ones", begin.chain(lines.as_bytes().chunks(4)).collect(), true),
        ("empty lines", empty.chunks(2).collect(), false),
        ("empty lines in halves", empty.chunks(1).collect(), false),
        ("line feeds", feeds.chunks(1).collect(), false),
    ];
    for (name, pieces, complete) in table {
        let bytes: usize = pieces.iter().map(|piece| piece.len()).sum();
        let (looked, result) = looked_at(pieces, 2 * LARGE);
        assert_eq!(result.ok(), Some(complete), "{name}");
        assert!(looked < 10 * bytes, "{name}: {looked} for {bytes}");
    }
    let endless = [&b"GET / HTTP/1.1\r\n"[..], &b"a: b\r\n".repeat(LARGE)].concat();
    let (looked, result) = looked_at(endless.chunks(6).collect(), LARGE);
    assert!(matches!(result, Err(Error::HeadTooLarge)), "{result:?}");
    assert!(looked < 10 * LARGE, "{looked}");
}

/// What is no HTTP is told at its first line's end, however it is cut.
#[test]
fn nonsense_is_told_soon() {
    for text in ["hello\r\n", "GET /\r\n", "\r\nGET / HTTP/3.0\r\n", "GET / HTTP/1.1\r\nA b\r\n"] {
        let mut cx = Context::from_waker(Waker::noop());
        let pieces = text.as_bytes().chunks(1).collect();
        let polled = now(wire(pieces).poll_head(&mut cx, LIMIT, head::request));
        assert!(
            matches!(polled, Err(Error::Malformed(_) | Error::Version)),
            "{text:?}: {polled:?}"
        );
    }
}

/// A stream that keeps what is written until it is flushed, and takes several tries for that.
#[derive(Default)]
struct Keeping {
    kept: Vec<u8>,
    left: Vec<u8>,
    tries: u32,
}

impl AsyncWrite for Keeping {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.kept.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.tries += 1;
        if self.tries < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let kept = std::mem::take(&mut self.kept);
        self.left.extend(kept);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Written is not sent: TLS keeps records while the socket takes none.
#[tokio::test]
async fn what_the_stream_keeps_is_flushed() {
    let mut wire = Wire::new(Keeping::default(), Bytes::new());
    wire.out().extend_from_slice(b"head ");
    wire.queue(Bytes::from(vec![b'x'; 100_000]), b" tail");
    assert!(wire.is_full() && !wire.is_flushed());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(wire.poll_flush(&mut cx).is_pending());
    assert!(!wire.is_full() && !wire.is_flushed(), "it is written, but not sent");
    poll_fn(|cx| wire.poll_flush(cx)).await.expect("sent");
    assert!(wire.is_flushed());
    assert_eq!((wire.stream().left.len(), wire.written()), (100_010, 100_010));
}
