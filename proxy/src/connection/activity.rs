//! What a connection is doing, and until when it may go on doing it.

use std::cell::Cell;
use std::time::Duration;

use tokio::net::TcpStream;

use crate::{clock, listen};

/// A request's head is expected and has begun, or the connection is new.
pub(super) const HEAD: u8 = 0;
/// A request is being answered.
pub(super) const BUSY: u8 = 1;
/// Between requests; the next byte begins a head.
pub(super) const IDLE: u8 = 2;
/// Between requests of an HTTP/2 connection, whose frames need not begin anything.
pub(super) const QUIET: u8 = 3;
/// Bytes pass both ways, for as long as they like.
pub(super) const TUNNEL: u8 = 4;
/// One side of a tunnel has ended: the other may finish, but not be silent for ever.
pub(super) const HALF_TUNNEL: u8 = 5;
/// The last answer is out; what the client still sends is read and thrown away for a moment.
pub(super) const LINGERING: u8 = 6;

/// A write of so many bytes shows that the client takes an answer whose last bytes wait in a
/// buffer; less may be an HTTP/2 control frame. Bytes.
const PROGRESS: usize = 512;

/// How long a client that is still sending a body may take to notice that it is not wanted.
/// Closing at once would reset the connection, and with it the answer on its way.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// Shared between the connection and the stream below TLS and HTTP.
#[derive(Debug, Default)]
pub struct Activity {
    pub(super) phase: Cell<u8>,
    pub(super) deadline: Cell<u32>,
    pub(super) read_ticks: Cell<u32>,
    pub(super) idle_ticks: Cell<u32>,
    pub(super) unread: Cell<bool>,
    probing: Cell<Probing>,
}

/// Whether the kernel probes a silent client, so that one that is gone is noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Probing {
    /// Not yet: a timer for each short connection would be a fiftieth of what it costs.
    #[default]
    Not,
    /// The connection is no short one.
    Due,
    /// It does, or refused to.
    Set,
}

impl Activity {
    /// Part of a request's body was not read: the connection has to linger before it is closed.
    pub fn leave_unread(&self) {
        self.unread.set(true);
    }

    /// The connection lives on: when its task runs next, it asks the kernel to probe. True: that is
    /// news, and the task is to be woken.
    pub(super) fn lives_on(&self) -> bool {
        let news = self.probing.get() == Probing::Not;
        if news {
            self.probing.set(Probing::Due);
        }
        news
    }

    /// Has the kernel probe the client if the connection has lived long enough.
    pub fn probe_if_due(&self, socket: &TcpStream) {
        if self.probing.get() == Probing::Due {
            self.probe_now(socket);
        }
    }

    /// Has the kernel probe the client.
    pub(super) fn probe_now(&self, socket: &TcpStream) {
        if self.probing.replace(Probing::Set) != Probing::Set {
            // A socket that refuses is on its way out.
            let _ = listen::probe(socket);
        }
    }

    pub(super) fn enter(&self, phase: u8, ticks: u32) {
        self.phase.set(phase);
        let deadline = if ticks == 0 { 0 } else { clock::after_ticks(ticks) };
        self.deadline.set(deadline);
    }

    /// Bytes came from the client; none: it has ended its side.
    pub fn has_read(&self, bytes: usize) {
        match self.phase.get() {
            // The next head has begun: it has to be complete within the read time-out.
            IDLE if bytes > 0 => self.enter(HEAD, self.read_ticks.get()),
            TUNNEL if bytes == 0 => self.half_close(),
            HALF_TUNNEL if bytes > 0 => self.half_close(),
            _ => {}
        }
    }

    /// Bytes went to the client.
    pub fn has_written(&self, bytes: usize) {
        let phase = self.phase.get();
        if bytes >= PROGRESS && matches!(phase, IDLE | QUIET) || phase == HALF_TUNNEL {
            self.enter(phase, self.idle_ticks.get());
        }
    }

    /// The client was told that nothing more comes.
    pub fn has_shut_down(&self) {
        if self.phase.get() == TUNNEL {
            self.half_close();
        }
    }

    pub(super) fn half_close(&self) {
        self.enter(HALF_TUNNEL, self.idle_ticks.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(phase: u8) -> Activity {
        let activity = Activity::default();
        activity.read_ticks.set(40);
        activity.idle_ticks.set(80);
        activity.phase.set(phase);
        activity
    }

    /// Phase before, an event (bytes read, or written), phase after, ticks until the deadline.
    #[test]
    fn what_bytes_change() {
        let (read, written) = (Activity::has_read as fn(&Activity, usize), Activity::has_written);
        let written = written as fn(&Activity, usize);
        let table = [
            ("a head begins", IDLE, read, 1, HEAD, Some(40)),
            ("a head goes on: its time does not", HEAD, read, 1, HEAD, None),
            ("an answer is being read: HTTP/1", IDLE, written, PROGRESS, IDLE, Some(80)),
            ("an answer is being read: HTTP/2", QUIET, written, PROGRESS, QUIET, Some(80)),
            ("the answer to a PING", QUIET, written, 17, QUIET, None),
            ("frames between requests", QUIET, read, 17, QUIET, None),
            ("a request is being answered", BUSY, written, 100_000, BUSY, None),
            ("the client has ended", IDLE, read, 0, IDLE, None),
            ("bytes of a tunnel", TUNNEL, read, 1, TUNNEL, None),
            ("bytes of a tunnel back", TUNNEL, written, 1, TUNNEL, None),
            ("the client ends its side", TUNNEL, read, 0, HALF_TUNNEL, Some(80)),
            ("the server still speaks", HALF_TUNNEL, written, 1, HALF_TUNNEL, Some(80)),
            ("the client still speaks", HALF_TUNNEL, read, 1, HALF_TUNNEL, Some(80)),
            ("lingering has its time", LINGERING, read, 1, LINGERING, None),
        ];
        for (name, before, event, bytes, after, ticks) in table {
            let activity = activity(before);
            event(&activity, bytes);
            assert_eq!(activity.phase.get(), after, "{name}");
            let deadline = activity.deadline.get();
            assert_eq!(deadline, ticks.map_or(0, clock::after_ticks), "{name}");
        }
    }

    #[test]
    fn no_time_out_is_no_deadline() {
        let activity = activity(IDLE);
        activity.read_ticks.set(0);
        activity.has_read(1);
        assert_eq!(activity.deadline.get(), 0);
    }
}
