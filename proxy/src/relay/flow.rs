//! One direction of a tunnel: what one side says, the other hears, and in the end that it is over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffer::Buffer;
use super::splice::{Failed, Moved, Splice, State};
use super::{Direction, Event, Side};

/// After copying so much in one go the task lets others run. Bytes.
const BURST: u64 = 2 * 1024 * 1024;

/// A go of splicing that moves less than this was not worth it: the next bytes are copied. Bytes.
const BULK: usize = 32 * 1024;

/// Where there was no pipe, another try is made after so many bytes.
const RETRY: u64 = 16 * 1024 * 1024;

/// A direction's state. Idle, it holds neither buffer nor pipe.
#[derive(Debug)]
pub(super) struct Flow {
    direction: Direction,
    /// What was read before the tunnel began.
    first: Bytes,
    /// Bytes read and not yet written.
    buffer: Option<Buffer>,
    splice: Option<Splice>,
    /// There was no pipe when one was needed: until so many bytes have passed, they are copied.
    copies_until: u64,
    /// The destination may keep bytes back: it has to be told that there are no more for now.
    unflushed: bool,
    ending: Ending,
    /// Bytes written.
    pub(super) passed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The source may say more.
    No,
    /// The source has ended; the destination has to hear it.
    Begun,
    /// It has heard it.
    Done,
}

impl Flow {
    pub(super) fn new(direction: Direction, first: Bytes) -> Self {
        Self {
            direction,
            first,
            buffer: None,
            splice: None,
            copies_until: 0,
            unflushed: false,
            ending: Ending::No,
            passed: 0,
        }
    }

    /// Ready when the source has ended and the destination has heard everything.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Side,
        to: &mut Side,
        seen: &impl Fn(Direction, Event),
    ) -> Poll<io::Result<()>> {
        let before = self.passed;
        loop {
            if self.ending == Ending::Done {
                return Poll::Ready(Ok(()));
            }
            ready!(self.poll_write_held(cx, to, seen))?;
            if self.ending == Ending::Begun {
                ready!(Pin::new(&mut *to).poll_shutdown(cx))?;
                self.ending = Ending::Done;
                seen(self.direction, Event::ShutDown);
                return Poll::Ready(Ok(()));
            }
            // Splicing has its own limit.
            if self.splice.is_none() && self.passed.saturating_sub(before) >= BURST {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            match (&mut self.splice, &*from, &*to) {
                (Some(splice), Side::Plain(source), Side::Plain(destination)) => {
                    match ready!(splice.poll(cx, source, destination)) {
                        Ok(moved) => self.has_moved(moved, seen),
                        Err(Failed::NoPipe(_)) => {
                            self.copies_until = self.passed.saturating_add(RETRY);
                            self.splice = None;
                        }
                        Err(failed) => return Poll::Ready(Err(failed.into())),
                    }
                }
                _ => ready!(self.poll_read(cx, from, to, seen))?,
            }
        }
    }

    /// Writes what was read.
    fn poll_write_held(
        &mut self,
        cx: &mut Context<'_>,
        to: &mut Side,
        seen: &impl Fn(Direction, Event),
    ) -> Poll<io::Result<()>> {
        loop {
            let rest = match &self.buffer {
                _ if !self.first.is_empty() => &self.first[..],
                Some(buffer) => buffer.rest(),
                None => return Poll::Ready(Ok(())),
            };
            if rest.is_empty() {
                self.buffer = None;
                return Poll::Ready(Ok(()));
            }
            let written = ready!(Pin::new(&mut *to).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            if !self.first.is_empty() {
                self.first.advance(written.min(self.first.len()));
                if self.first.is_empty() {
                    // The buffer that it was part of is not needed any more.
                    self.first = Bytes::new();
                }
            } else if let Some(buffer) = &mut self.buffer {
                buffer.written(written);
            }
            self.unflushed = true;
            self.has_written(written, seen);
        }
    }

    /// Reads into a buffer, which it has only if there was something to read.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        from: &mut Side,
        to: &mut Side,
        seen: &impl Fn(Direction, Event),
    ) -> Poll<io::Result<()>> {
        let mut buffer = Buffer::take();
        let mut room = ReadBuf::new(buffer.room());
        let Poll::Ready(read) = Pin::new(&mut *from).poll_read(cx, &mut room) else {
            drop(buffer);
            if self.unflushed {
                ready!(Pin::new(&mut *to).poll_flush(cx))?;
                self.unflushed = false;
            }
            return Poll::Pending;
        };
        read?;
        let bytes = room.filled().len();
        seen(self.direction, Event::Read(bytes));
        if bytes == 0 {
            self.ending = Ending::Begun;
            return Poll::Ready(Ok(()));
        }
        let all = buffer.filled(bytes);
        self.buffer = Some(buffer);
        // More is waiting. Once this is written, it need not be copied.
        let plain = matches!((from, to), (Side::Plain(_), Side::Plain(_)));
        if all && plain && self.passed >= self.copies_until {
            self.splice = Some(Splice::until_end());
        }
        Poll::Ready(Ok(()))
    }

    fn has_moved(&mut self, moved: Moved, seen: &impl Fn(Direction, Event)) {
        if moved.read > 0 {
            seen(self.direction, Event::Read(moved.read));
        }
        if moved.written > 0 {
            self.has_written(moved.written, seen);
        }
        match moved.state {
            State::Going => {
                let held = self.splice.as_ref().map_or(0, Splice::held);
                if held == 0 && moved.read < BULK {
                    self.splice = None;
                }
            }
            State::Complete | State::Ended => {
                self.splice = None;
                self.ending = Ending::Begun;
                seen(self.direction, Event::Read(0));
            }
        }
    }

    fn has_written(&mut self, bytes: usize, seen: &impl Fn(Direction, Event)) {
        self.passed = self.passed.saturating_add(bytes as u64);
        seen(self.direction, Event::Written(bytes));
    }
}
