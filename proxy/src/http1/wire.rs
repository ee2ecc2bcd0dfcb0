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

/// One connection.
#[derive(Debug)]
pub struct Wire<S> {
    stream: S,
    read: Bytes,
    /// A head that is not complete, or room for bulk reads; neither: no capacity.
    room: BytesMut,
    unsent: Unsent,
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
        Self { stream, read, room: BytesMut::new(), unsent: Unsent::default(), written: 0 }
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
        self.unsent.is_empty()
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
    }

    /// Gives memory back that an idle connection does not need.
    pub fn rest(&mut self) {
        if self.room.is_empty() {
            self.room = BytesMut::new();
        }
    }
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
            self.room.extend_from_slice(&read);
        }
        loop {
            if self.room.len() > limit {
                return Poll::Ready(Err(Error::HeadTooLarge));
            }
            let (stream, room) = (&mut self.stream, &mut self.room);
            let step = buffer::with_scratch(|scratch| {
                let mut read = ReadBuf::new(scratch);
                ready!(Pin::new(stream).poll_read(cx, &mut read))?;
                let read = read.filled();
                if read.is_empty() {
                    let ended = if room.is_empty() { Ok(None) } else { Err(Error::Ended) };
                    return Poll::Ready(ended.map(Some));
                }
                if room.is_empty()
                    && let Some(done) = parse(Input::Borrowed(read))?
                {
                    let length = read.len() - done.1.len().min(read.len());
                    return Poll::Ready(within(limit, length).map(|()| Some(Some(done))));
                }
                // A client may send byte by byte: only a line's end can complete a head.
                let line_ended = !room.is_empty() && read.contains(&b'\n');
                room.extend_from_slice(read);
                if line_ended && let Some(done) = parse(Input::Borrowed(room))? {
                    let length = room.len() - done.1.len().min(room.len());
                    return Poll::Ready(within(limit, length).map(|()| Some(Some(done))));
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
        if self.unsent.is_empty() {
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
            self.unsent.advance(written);
            self.written = self.written.wrapping_add(written as u64);
        }
        // TLS keeps records of its own.
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}
