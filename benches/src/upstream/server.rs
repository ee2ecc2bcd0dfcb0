//! The upstream's event loop: one read and one write per request.

use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};

use super::answer::{Answers, Which};
use super::echo::{accept, echo};
use super::request::{self, Bad};
use crate::poll::{Poller, Ready};

/// Bytes read at once.
const READ: usize = 64 << 10;
/// A head, or a frame, that is longer closes its connection.
const LONGEST_PART: usize = 2 << 20;
/// How often `stop` and the clock are looked at when nothing happens.
const TICK: Duration = Duration::from_millis(100);
/// The listener's token; connections have theirs from 0.
const LISTENER: usize = usize::MAX;

/// What is still to be sent.
#[derive(Debug)]
enum Pending {
    Nothing,
    /// An answer from this byte on.
    Answer {
        which: Which,
        head_only: bool,
        from: usize,
    },
    /// Bytes of a WebSocket.
    Bytes(Vec<u8>),
}

/// A client: a proxy's connection.
#[derive(Debug)]
struct Client {
    socket: OwnedFd,
    pending: Pending,
    /// The begin of a request or frame whose rest has not come.
    part: Vec<u8>,
    /// Bytes of a request's body that are still to come.
    body: u64,
    websocket: bool,
    /// No more is read; closed when what is pending is sent.
    closing: bool,
}

/// Whether a connection goes on.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    Stay,
    Close,
}

/// Serves clients of `listener` until `stop`.
pub(super) fn serve(listener: &TcpListener, stop: &AtomicBool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut poller = Poller::new()?;
    poller.add(listener, LISTENER)?;
    let mut answers = Answers::new();
    let mut clients: Vec<Option<Client>> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut buffer = vec![0; READ];
    let mut waiting = false;
    while !stop.load(Ordering::Relaxed) {
        let count = poller.wait(TICK)?;
        answers.tell_time();
        // Out of descriptors, connections stay in the queue without a new edge: try again.
        if waiting {
            waiting = take_clients(listener, &poller, &mut clients, &mut free);
        }
        for index in 0..count {
            let Some(ready) = poller.ready(index) else { continue };
            if ready.token == LISTENER {
                waiting = take_clients(listener, &poller, &mut clients, &mut free);
            } else if let Some(place) = clients.get_mut(ready.token)
                && let Some(client) = place
                && client.on_ready(ready, &answers, &mut buffer) == Then::Close
            {
                *place = None;
                free.push(ready.token);
            }
        }
    }
    Ok(())
}

/// Accepts all that wait; true if some could not be taken.
fn take_clients(
    listener: &TcpListener,
    poller: &Poller,
    clients: &mut Vec<Option<Client>>,
    free: &mut Vec<usize>,
) -> bool {
    loop {
        match accept_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC) {
            Ok(socket) => {
                let token = free.pop().unwrap_or_else(|| {
                    clients.push(None);
                    clients.len() - 1
                });
                if poller.add(&socket, token).is_ok()
                    && let Some(place) = clients.get_mut(token)
                {
                    *place = Some(Client::new(socket));
                } else {
                    free.push(token);
                }
            }
            Err(Errno::WOULDBLOCK) => return false,
            Err(Errno::INTR | Errno::CONNABORTED) => {}
            Err(_) => return true,
        }
    }
}

impl Client {
    fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            pending: Pending::Nothing,
            part: Vec::new(),
            body: 0,
            websocket: false,
            closing: false,
        }
    }

    fn on_ready(&mut self, ready: Ready, answers: &Answers, buffer: &mut [u8]) -> Then {
        // What came while an answer waited for room is read after it: its edge has passed.
        let mut read = ready.read;
        if !matches!(self.pending, Pending::Nothing) {
            if !ready.write && !ready.closed {
                return Then::Stay;
            }
            match self.flush(answers) {
                Ok(true) => read = true,
                Ok(false) => return Then::Stay,
                Err(_) => return Then::Close,
            }
        }
        if self.closing {
            return Then::Close;
        }
        if read { self.read(answers, buffer) } else { Then::Stay }
    }

    /// Reads until there is no more, or an answer does not fit into the socket.
    fn read(&mut self, answers: &Answers, buffer: &mut [u8]) -> Then {
        // Requests that came behind one whose answer had to wait.
        if !self.part.is_empty() {
            let mut part = std::mem::take(&mut self.part);
            if self.take(&mut part, answers) == Then::Close {
                return Then::Close;
            }
        }
        while matches!(self.pending, Pending::Nothing) {
            let room = buffer.len();
            let length = match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Then::Close,
                Ok((length, _)) => length,
                Err(Errno::WOULDBLOCK) => return Then::Stay,
                Err(Errno::INTR) => continue,
                Err(_) => return Then::Close,
            };
            let bytes = buffer.get_mut(..length).unwrap_or_default();
            let then = if self.part.is_empty() {
                self.take(bytes, answers)
            } else {
                let mut part = std::mem::take(&mut self.part);
                part.extend_from_slice(bytes);
                self.take(&mut part, answers)
            };
            if then == Then::Close {
                return Then::Close;
            }
            // A short read has emptied the socket: what comes later has its own edge.
            if length < room {
                break;
            }
        }
        Then::Stay
    }

    /// Answers what is whole in `bytes`; the rest becomes `part`.
    fn take(&mut self, bytes: &mut [u8], answers: &Answers) -> Then {
        let mut at = 0;
        while at < bytes.len() && matches!(self.pending, Pending::Nothing) && !self.closing {
            let rest = bytes.get_mut(at..).unwrap_or_default();
            if self.body > 0 {
                let skipped = self.body.min(rest.len() as u64);
                self.body -= skipped;
                at += skipped as usize;
                continue;
            }
            if self.websocket {
                let mut out = Vec::new();
                let echoed = echo(rest, &mut out);
                at += echoed.taken;
                self.closing = echoed.close;
                self.pending = Pending::Bytes(out);
                if echoed.taken == 0 && !echoed.close {
                    self.pending = Pending::Nothing;
                    break;
                }
            } else {
                match request::read(rest) {
                    None => break,
                    Some(Err(bad)) => {
                        self.closing = true;
                        self.pending = Pending::Bytes(refusal(bad).to_vec());
                    }
                    Some(Ok(request)) => {
                        at += request.size;
                        self.body = request.body;
                        self.closing = request.close;
                        if let Some(key) = request.websocket {
                            self.websocket = true;
                            let key = rest.get(key).unwrap_or_default();
                            self.pending = Pending::Bytes(accept(key));
                        } else {
                            let path = rest.get(request.path).unwrap_or_default();
                            let (which, head_only) = (Which::of(path), request.head_only);
                            self.pending = Pending::Answer { which, head_only, from: 0 };
                        }
                    }
                }
            }
            match self.flush(answers) {
                Ok(true) if self.closing => return Then::Close,
                Ok(_) => {}
                Err(_) => return Then::Close,
            }
        }
        let rest = bytes.get(at..).unwrap_or_default();
        if rest.len() > LONGEST_PART {
            return Then::Close;
        }
        if !rest.is_empty() {
            self.part = rest.to_vec();
        }
        Then::Stay
    }

    /// Sends what is pending; true when all of it is gone.
    fn flush(&mut self, answers: &Answers) -> Result<bool, Errno> {
        loop {
            let bytes = match &self.pending {
                Pending::Nothing => return Ok(true),
                Pending::Answer { which, head_only, from } => {
                    answers.bytes(*which, *head_only).get(*from..).unwrap_or_default()
                }
                Pending::Bytes(bytes) => bytes,
            };
            if bytes.is_empty() {
                self.pending = Pending::Nothing;
                return Ok(true);
            }
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) if sent == bytes.len() => {
                    self.pending = Pending::Nothing;
                    return Ok(true);
                }
                Ok(sent) => match &mut self.pending {
                    Pending::Nothing => {}
                    Pending::Answer { from, .. } => *from += sent,
                    Pending::Bytes(bytes) => drop(bytes.drain(..sent)),
                },
                Err(Errno::WOULDBLOCK) => return Ok(false),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn refusal(bad: Bad) -> &'static [u8] {
    match bad {
        Bad::NotHttp => {
            b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        }
        Bad::Chunked => {
            b"HTTP/1.1 411 Length Required\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        }
    }
}
