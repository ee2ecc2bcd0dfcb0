//! epoll, edge-triggered: who is ready, with a time-out finer than a millisecond.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

/// Events taken from the kernel at once.
const AT_ONCE: usize = 256;

/// What a ready socket is ready for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// The number that [`Poller::add`] was given.
    pub token: usize,
    /// There may be something to read (also: the end, an error).
    pub read: bool,
    /// There may be room to write.
    pub write: bool,
    /// The other side has closed, or the socket has an error: read until it shows.
    pub closed: bool,
}

/// An epoll instance with room for its events.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<Event>,
}

impl Poller {
    /// # Errors
    /// The process has no descriptor left.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(AT_ONCE),
        })
    }

    /// Tells from now on when `socket` becomes readable, writable or closed. It is forgotten when
    /// it is closed.
    ///
    /// # Errors
    /// The kernel has no memory for it.
    pub fn add(&self, socket: impl AsFd, token: usize) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        Ok(epoll::add(&self.epoll, socket, EventData::new_u64(token as u64), flags)?)
    }

    /// Waits until something is ready, at most for `timeout`, and returns how much is.
    ///
    /// # Errors
    /// Those of the kernel, except an interruption: nothing is ready then.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<usize> {
        let timeout = Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        self.events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), Some(&timeout)) {
            Ok(count) => Ok(count),
            Err(rustix::io::Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    /// The `index`th of what the last wait found.
    pub fn ready(&self, index: usize) -> Option<Ready> {
        let event = self.events.get(index)?;
        let (flags, data) = (event.flags, event.data);
        let closed = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        Some(Ready {
            token: data.u64() as usize,
            read: closed || flags.contains(EventFlags::IN),
            write: flags.contains(EventFlags::OUT),
            closed,
        })
    }
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("epoll", &self.epoll).finish_non_exhaustive()
    }
}
