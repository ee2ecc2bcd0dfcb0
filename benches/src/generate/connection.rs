//! One connection: its socket, TLS if there is any, and the protocol on top.

use std::os::fd::OwnedFd;

use super::outcome::Cause;
use super::socket::{self, Got};
use super::speech::{Begun, Seen, Speech};
use super::tls::Session;

/// From this many bytes of body on, they are taken off the socket without being copied.
const WORTH_SKIPPING: u64 = 32 << 10;

/// Memory that all connections share, one at a time.
#[derive(Debug)]
pub(super) struct Scratch {
    /// What is read. Its far end is touched only if so much comes at once.
    input: Vec<u8>,
    /// What a protocol wants to send.
    plain: Vec<u8>,
    /// The same as records.
    sealed: Vec<u8>,
}

impl Scratch {
    pub fn new() -> Self {
        Self { input: vec![0; 256 << 10], plain: Vec::new(), sealed: Vec::new() }
    }
}

/// Whether a connection can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    /// The target has closed it, in good order.
    Ended,
}

/// A connection to the target.
#[derive(Debug)]
pub(super) struct Connection {
    socket: OwnedFd,
    session: Option<Box<Session>>,
    pub speech: Speech,
    /// The socket is connected.
    connected: bool,
    /// The hello is sent.
    greeted: bool,
    /// The begin of a record whose rest has not come.
    record: Vec<u8>,
    /// Bytes that wait for room in the socket.
    waiting: Vec<u8>,
    /// When it was opened, in nanoseconds since the run's begin.
    pub opened: u64,
    /// Answers and failures of single requests on it.
    pub served: u64,
}

impl Connection {
    pub fn new(socket: OwnedFd, session: Option<Session>, speech: Speech, opened: u64) -> Self {
        Self {
            socket,
            session: session.map(Box::new),
            speech,
            connected: false,
            greeted: false,
            record: Vec::new(),
            waiting: Vec::new(),
            opened,
            served: 0,
        }
    }

    /// Requests can be sent: the connection is made, TLS is agreed on.
    pub fn established(&self) -> bool {
        self.connected && self.session.as_ref().is_none_or(|session| session.ready())
    }

    /// Its TLS, if it has any.
    pub fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Sends the first bytes of TLS, or of the protocol. `upgrade`: the request that asks for it,
    /// where the protocol needs one.
    ///
    /// # Errors
    /// Why the connection has failed.
    pub fn greet(&mut self, upgrade: &[u8], scratch: &mut Scratch) -> Result<(), Cause> {
        if let Some(session) = &mut self.session
            && !session.ready()
        {
            scratch.sealed.clear();
            session.advance(&mut [], &mut scratch.sealed, |_| Ok(()))?;
            return self.put(&scratch.sealed);
        }
        if !std::mem::replace(&mut self.greeted, true) {
            scratch.plain.clear();
            self.speech.hello(upgrade, &mut scratch.plain);
            self.send(scratch)?;
        }
        Ok(())
    }

    /// The protocol has had its hello.
    pub fn greeted(&self) -> bool {
        self.greeted
    }

    /// Begins a request; it goes out with [`Connection::send`].
    pub fn begin(&mut self, begun: Begun, request: &[u8], scratch: &mut Scratch) {
        self.speech.begin(begun, request, &mut scratch.plain);
    }

    /// Sends what the protocol wants to send, and clears it.
    ///
    /// # Errors
    /// Why the connection has failed.
    pub fn send(&mut self, scratch: &mut Scratch) -> Result<(), Cause> {
        if scratch.plain.is_empty() {
            return Ok(());
        }
        let result = match &mut self.session {
            None => self.put(&scratch.plain),
            Some(session) => {
                scratch.sealed.clear();
                session
                    .encrypt(&scratch.plain, &mut self.record, &mut scratch.sealed)
                    .and_then(|()| self.put(&scratch.sealed))
            }
        };
        scratch.plain.clear();
        result
    }

    /// The socket has room: sends what waits for it.
    ///
    /// # Errors
    /// Why the connection has failed.
    pub fn flush(&mut self) -> Result<(), Cause> {
        self.connected = true;
        if self.waiting.is_empty() {
            return Ok(());
        }
        let sent = socket::write(&self.socket, &self.waiting).map_err(|_| self.broken())?;
        self.waiting.drain(..sent);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Cause> {
        let mut sent = 0;
        if self.waiting.is_empty() && !bytes.is_empty() {
            sent = socket::write(&self.socket, bytes).map_err(|_| self.broken())?;
            self.connected |= sent > 0;
        }
        self.waiting.extend_from_slice(bytes.get(sent..).unwrap_or_default());
        Ok(())
    }

    /// Reads all that has come and tells what it finished. `closed`: the target has closed, so
    /// that reading goes on until its end shows.
    ///
    /// # Errors
    /// Why the connection has failed.
    pub fn read(
        &mut self,
        closed: bool,
        scratch: &mut Scratch,
        seen: &mut Vec<Seen>,
    ) -> Result<State, Cause> {
        let whole = scratch.input.len();
        loop {
            let skippable = if self.session.is_none() { self.speech.skippable() } else { 0 };
            let (got, room) = if skippable >= WORTH_SKIPPING {
                let room = whole.min(usize::try_from(skippable).unwrap_or(whole));
                let buffer = scratch.input.get_mut(..room).unwrap_or_default();
                let got = socket::discard(&self.socket, buffer).map_err(|_| self.broken())?;
                if let Got::Bytes(length) = got {
                    self.speech.skip(length as u64, seen);
                }
                (got, room)
            } else {
                let kept = self.record.len();
                let buffer = scratch.input.get_mut(kept..).unwrap_or_default();
                let room = buffer.len();
                let got = socket::read(&self.socket, buffer).map_err(|_| self.broken())?;
                if let Got::Bytes(length) = got
                    && self.take(length, scratch, seen)? == State::Ended
                {
                    return Ok(State::Ended);
                }
                (got, room)
            };
            match got {
                Got::Nothing => return Ok(State::Open),
                Got::End => {
                    self.speech.ended(seen);
                    return Ok(State::Ended);
                }
                // A short read has emptied the socket: what comes later has its own event.
                Got::Bytes(length) if length < room && !closed => return Ok(State::Open),
                Got::Bytes(_) => {}
            }
        }
    }

    /// Looks at `length` new bytes in the shared memory, behind room for the record's begin.
    fn take(
        &mut self,
        length: usize,
        scratch: &mut Scratch,
        seen: &mut Vec<Seen>,
    ) -> Result<State, Cause> {
        self.connected = true;
        let Scratch { input, plain, sealed } = scratch;
        let Some(session) = &mut self.session else {
            let bytes = input.get(..length).unwrap_or_default();
            let result = self.speech.feed(bytes, plain, seen);
            return result.and_then(|()| self.send(scratch)).map(|()| State::Open);
        };
        let kept = self.record.len();
        let bytes = input.get_mut(..kept + length).unwrap_or_default();
        if let Some(front) = bytes.get_mut(..kept) {
            front.copy_from_slice(&self.record);
        }
        sealed.clear();
        let speech = &mut self.speech;
        let progress = session.advance(bytes, sealed, |data| speech.feed(data, plain, seen))?;
        self.record.clear();
        self.record.extend_from_slice(bytes.get(progress.taken..).unwrap_or_default());
        self.put(&scratch.sealed)?;
        if progress.closed {
            scratch.plain.clear();
            self.speech.ended(seen);
            // The socket's end is close behind, and who closes first keeps the port for a while.
            let awaited = self.speech.finished() && self.speech.target_closes();
            return Ok(if awaited { State::Open } else { State::Ended });
        }
        self.send(scratch).map(|()| State::Open)
    }

    /// What a broken socket means.
    fn broken(&self) -> Cause {
        if self.established() { Cause::Reset } else { Cause::Connect }
    }
}
