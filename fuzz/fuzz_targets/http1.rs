//! HTTP/1.1: how bytes are cut into reads does not matter, and what is passed on reads the same.
//! The first byte says how to cut and from which side the rest comes.
#![no_main]

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method};
use libfuzzer_sys::fuzz_target;
use swarmgate_proxy::http1::decode::{Decoder, Step};
use swarmgate_proxy::http1::encode::{self, CHUNK_END, Delimiter};
use swarmgate_proxy::http1::framing::Framing;
use swarmgate_proxy::http1::{Wire, head};
use tokio::io::{AsyncRead, ReadBuf};

const LIMIT: usize = 64 * 1024;

/// A connection whose reads give so many bytes at most.
struct Cut<'b> {
    bytes: &'b [u8],
    most: usize,
}

impl AsyncRead for Cut<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.bytes.len().min(self.most).min(buffer.remaining());
        let (now, later) = self.bytes.split_at(length);
        buffer.put_slice(now);
        self.bytes = later;
        Poll::Ready(Ok(()))
    }
}

fn now<T>(poll: Poll<T>) -> T {
    match poll {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("the bytes are always there"),
    }
}

/// A message; its body is `None` where it is malformed or cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Message {
    first: String,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

fn body(wire: &mut Wire<Cut<'_>>, mut decoder: Decoder, cx: &mut Context<'_>) -> Option<Vec<u8>> {
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

fn wire(bytes: &[u8], most: usize) -> Wire<Cut<'_>> {
    Wire::new(Cut { bytes, most }, Bytes::new())
}

/// The requests of a client, as far as they go, and as they are passed on.
fn requests(bytes: &[u8], most: usize) -> (Vec<Message>, Vec<u8>) {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut wire, mut messages, mut passed_on) = (wire(bytes, most), Vec::new(), Vec::new());
    while let Ok(Some(head)) = now(wire.poll_head(&mut cx, LIMIT, head::request)) {
        if head.framing == Framing::Unclear {
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

/// The answers of a server, as far as they go.
fn answers(bytes: &[u8], most: usize) -> Vec<Message> {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut wire, mut messages) = (wire(bytes, most), Vec::new());
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

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let most = usize::from(choice >> 1).max(1);
    if choice & 1 == 1 {
        assert_eq!(answers(bytes, usize::MAX), answers(bytes, most));
        return;
    }
    let (whole, passed_on) = requests(bytes, usize::MAX);
    assert_eq!((&whole, &passed_on), (&requests(bytes, most).0, &requests(bytes, most).1));
    // Each message that is passed on is one message for whoever reads it: no more, no fewer, and
    // its body is the body. `Connection` and the version end a conversation; each hop has its own.
    let complete = whole.iter().filter(|message| message.body.is_some()).count();
    let mut rest: &[u8] = &passed_on;
    let mut found = 0;
    while !rest.is_empty() {
        let mut cx = Context::from_waker(Waker::noop());
        let mut wire = wire(rest, usize::MAX);
        let head = now(wire.poll_head(&mut cx, usize::MAX, head::request));
        let head = head.expect("ours is well-formed").expect("and complete");
        let body = body(&mut wire, Decoder::from(head.framing), &mut cx);
        let expected = whole.get(found).and_then(|message| message.body.clone());
        assert_eq!(body, expected, "message {found}");
        let (stream, read) = wire.into_parts();
        let left = stream.bytes.len() + read.len();
        rest = &rest[rest.len() - left..];
        found += 1;
    }
    assert_eq!(found, complete);
});
