//! A connection's bytes: those read and not used yet, and those that wait to be written.

use std::io::{self, IoSlice};
use std::mem;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::head::Input;
use super::{Error, buffer};

/// When at least so many bytes are expected, they are read where they stay, bytes.
const BULK: u64 = 8 * 1024;

/// How much is read at once then, at least and at most, bytes.
const BULK_READ: std::ops::RangeInclusive<usize> = 16 * 1024..=128 * 1024;

/// Data up to this size is copied behind a head, so that both leave in one piece, bytes.
const SMALL: usize = 16 * 1024;

/// An incomplete head up to this size is looked at with each line, bytes: so what is no HTTP is
/// told soon, however slowly it comes.
const SHORT: usize = 2 * 1024;

/// One connection.
#[derive(Debug)]
pub struct Wire<S> {
    stream: S,
    read: Bytes,
    /// A head that is not complete, or room for bulk reads; neither: no capacity.
    room: BytesMut,
    /// How long that head was when it was looked at last, bytes.
    looked: usize,
    unsent: Unsent,
    /// The stream may keep written bytes back, as TLS does, until it is flushed.
    unflushed: bool,
    written: u64,
}

/// What waits to be written, in this order.
#[derive(Debug, Default)]
struct Unsent {
    head: Vec<u8>,
    /// How much of `head` has been written.
    sent: usize,
    body: Bytes,
    tail: &'static [u8],
}

impl Unsent {
    fn is_empty(&self) -> bool {
        self.head.len() == self.sent && self.body.is_empty() && self.tail.is_empty()
    }

    fn slices(&self) -> [IoSlice<'_>; 3] {
        let head = self.head.get(self.sent..).unwrap_or_default();
        [IoSlice::new(head), IoSlice::new(&self.body), IoSlice::new(self.tail)]
    }

    fn advance(&mut self, mut length: usize) {
        let of_head = length.min(self.head.len() - self.sent);
        self.sent += of_head;
        length -= of_head;
        let of_body = length.min(self.body.len());
        self.body.advance(of_body);
        length -= of_body;
        if self.body.is_empty() {
            // An empty rest would keep the whole buffer from being used again.
            self.body = Bytes::new();
        }
        self.tail = self.tail.get(length..).unwrap_or_default();
        if self.head.len() == self.sent && !self.head.is_empty() {
            buffer::give(mem::take(&mut self.head));
            self.sent = 0;
        }
    }
}

impl<S> Wire<S> {
    /// Around a stream of which `read` has been read already.
    pub fn new(stream: S, read: Bytes) -> Self {
        let unsent = Unsent::default();
        Self {
            stream,
            read,
            room: BytesMut::new(),
            looked: 0,
            unsent,
            unflushed: false,
            written: 0,
        }
    }

    /// How many bytes have been written, ever.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// The stream.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream, and what was read from it and not used.
    pub fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.read)
    }

    /// What was read and not used yet.
    pub fn read(&mut self) -> &mut Bytes {
        &mut self.read
    }

    /// Whether nothing was read that is not used yet.
    pub fn is_read_empty(&self) -> bool {
        self.read.is_empty() && self.room.is_empty()
    }

    /// Whether everything has been written.
    pub fn is_flushed(&self) -> bool {
        self.unsent.is_empty() && !self.unflushed
    }

    /// Whether a large piece of data waits, which has to leave before the next.
    pub fn is_full(&self) -> bool {
        !self.unsent.body.is_empty() || self.unsent.head.len() - self.unsent.sent >= SMALL
    }

    /// Where heads and other small things are appended to what will be written. Only while
    /// [`Wire::is_full`] says no.
    pub fn out(&mut self) -> &mut Vec<u8> {
        if self.unsent.head.capacity() == 0 {
            self.unsent.head = buffer::take();
        }
        &mut self.unsent.head
    }

    /// Appends data and `tail` to what will be written. Only while [`Wire::is_full`] says no.
    pub fn queue(&mut self, data: Bytes, tail: &'static [u8]) {
        if data.len() <= SMALL {
            let out = self.out();
            out.extend_from_slice(&data);
            out.extend_from_slice(tail);
        } else {
            self.unsent.body = data;
            self.unsent.tail = tail;
        }
    }

    /// Drops what waits to be written: the other side does not listen any more.
    pub fn discard(&mut self) {
        self.unsent = Unsent::default();
        self.unflushed = false;
    }

    /// Gives memory back that an idle connection does not need.
    pub fn rest(&mut self) {
        if self.room.is_empty() {
            self.room = BytesMut::new();
        }
    }
}

/// Empty lines before a head, which say nothing (RFC 9112 section 2.2).
fn empty_lines(bytes: &[u8]) -> usize {
    let mut length = 0;
    loop {
        length += match bytes.get(length..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([b'\n', ..]) => 1,
            _ => return length,
        };
    }
}

/// Whether an empty line ends after the first `from` bytes: the head is complete then.
fn has_empty_line(bytes: &[u8], from: usize) -> bool {
    let seen = bytes.get(from.saturating_sub(2)..).unwrap_or_default();
    seen.windows(2).any(|pair| pair == b"\n\n") || seen.windows(3).any(|end| end == b"\n\r\n")
}

fn within(limit: usize, length: usize) -> Result<(), Error> {
    if length > limit { Err(Error::HeadTooLarge) } else { Ok(()) }
}

impl<S: AsyncRead + Unpin> Wire<S> {
    /// Reads a head with `parse`; `None`: the connection ended before its first byte.
    ///
    /// # Errors
    /// What `parse` says; an end within the head; a head of more than `limit` bytes.
    pub fn poll_head<T>(
        &mut self,
        cx: &mut Context<'_>,
        limit: usize,
        mut parse: impl FnMut(Input<'_>) -> Result<Option<(T, Bytes)>, Error>,
    ) -> Poll<Result<Option<T>, Error>> {
        if !self.read.is_empty() {
            // A pipelined head, or one that came with what told the protocol.
            let read = mem::take(&mut self.read);
            if let Some((head, rest)) = parse(Input::Shared(&read))? {
                within(limit, read.len() - rest.len().min(read.len()))?;
                self.read = rest;
                return Poll::Ready(Ok(Some(head)));
            }
            self.room.extend_from_slice(read.get(empty_lines(&read)..).unwrap_or_default());
            self.looked = self.room.len();
        }
        loop {
            if self.room.len() > limit {
                return Poll::Ready(Err(Error::HeadTooLarge));
            }
            let (stream, room, looked) = (&mut self.stream, &mut self.room, &mut self.looked);
            let step = buffer::with_scratch(|scratch| {
                let mut read = ReadBuf::new(scratch);
                ready!(Pin::new(stream).poll_read(cx, &mut read))?;
                let read = read.filled();
                if read.is_empty() {
                    let ended = if room.is_empty() { Ok(None) } else { Err(Error::Ended) };
                    return Poll::Ready(ended.map(Some));
                }
                if room.is_empty() {
                    if let Some(done) = parse(Input::Borrowed(read))? {
                        let length = read.len() - done.1.len().min(read.len());
                        return Poll::Ready(within(limit, length).map(|()| Some(Some(done))));
                    }
                    room.extend_from_slice(read.get(empty_lines(read)..).unwrap_or_default());
                    *looked = room.len();
                    return Poll::Ready(Ok(None));
                }
                // The other side may send byte by byte, and each look is as long as the head. So it
                // is looked at when it is complete, and at line ends as long as that costs little.
                let before = room.len();
                let line_ended = read.contains(&b'\n');
                room.extend_from_slice(read);
                let empty = empty_lines(room);
                room.advance(empty);
                let due = room.len() <= SHORT || room.len() >= looked.saturating_mul(2);
                if line_ended && (due || empty > 0 || has_empty_line(room, before)) {
                    *looked = room.len();
                    if let Some(done) = parse(Input::Borrowed(room))? {
                        let length = room.len() - done.1.len().min(room.len());
                        return Poll::Ready(within(limit, length).map(|()| Some(Some(done))));
                    }
                }
                Poll::Ready(Ok(None))
            });
            match ready!(step)? {
                None => {}
                Some(None) => return Poll::Ready(Ok(None)),
                Some(Some((head, rest))) => {
                    self.room = BytesMut::new();
                    self.read = rest;
                    return Poll::Ready(Ok(Some(head)));
                }
            }
        }
    }

    /// Whether a part of a head has been read.
    pub fn has_begun(&self) -> bool {
        !self.is_read_empty()
    }

    /// Looks whether the other side has something to say between messages. Ready: it has ended, or
    /// failed. Pending: it is silent, or what it said is kept.
    pub fn poll_ended(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.is_read_empty() {
            if !matches!(ready!(self.poll_more(cx, 0)), Ok(1..)) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// Reads more of a body, of which `expected` bytes are certainly to come. Only while everything
    /// read before is used. Returns how many came; 0: the connection has ended.
    pub fn poll_more(&mut self, cx: &mut Context<'_>, expected: u64) -> Poll<io::Result<usize>> {
        if expected >= BULK {
            let wanted = usize::try_from(expected).unwrap_or(usize::MAX);
            let wanted = wanted.clamp(*BULK_READ.start(), *BULK_READ.end());
            if self.room.capacity() < *BULK_READ.start() {
                self.room.reserve(wanted);
            }
            let length = ready!(pin!(self.stream.read_buf(&mut self.room)).poll(cx))?;
            self.read = self.room.split().freeze();
            return Poll::Ready(Ok(length));
        }
        let stream = &mut self.stream;
        self.read = ready!(buffer::with_scratch(|scratch| {
            let mut read = ReadBuf::new(scratch);
            ready!(Pin::new(stream).poll_read(cx, &mut read))?;
            Poll::Ready(io::Result::Ok(Bytes::copy_from_slice(read.filled())))
        }))?;
        Poll::Ready(Ok(self.read.len()))
    }
}

impl<S: AsyncWrite + Unpin> Wire<S> {
    /// Writes what waits.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_flushed() {
            return Poll::Ready(Ok(()));
        }
        while !self.unsent.is_empty() {
            let stream = Pin::new(&mut self.stream);
            let unsent = &self.unsent;
            let written = if unsent.body.is_empty() && unsent.tail.is_empty() {
                let head = unsent.head.get(unsent.sent..).unwrap_or_default();
                ready!(stream.poll_write(cx, head))?
            } else {
                ready!(stream.poll_write_vectored(cx, &unsent.slices()))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.unsent.advance(written);
            self.written = self.written.wrapping_add(written as u64);
        }
        // TLS keeps records of its own.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }
}
