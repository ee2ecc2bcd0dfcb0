//! Connections that are opened, used once, and kept.

use std::io;

use super::engine::Engine;
use super::{Failures, Work};

/// Connections that were opened, had one request each, and are kept open until this is dropped.
#[derive(Debug)]
pub struct Held {
    engine: Engine,
}

impl Held {
    /// How many are open at this time. One that the target has closed since is found out here.
    pub fn open(&mut self) -> usize {
        // epoll fails only for reasons that would have shown when they were opened.
        let _ = self.engine.look();
        self.engine.connections()
    }

    /// What went wrong while they were opened: such connections are not held.
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.engine.outcome().failures
    }
}

/// Opens `n` connections to `work`'s target (its wire, hosts and paths; pace and reuse do not
/// matter), at most 64 at a time, makes one request on each and keeps them open and silent.
/// Raises this process's limit of open files to the highest it may. Takes at most a minute, or
/// the work's time-out if that is longer.
///
/// # Errors
/// As [`run`](super::run). Connections that could not be opened are no error but are missing, and
/// counted in [`Held::failures`].
pub fn hold(work: &Work, n: usize) -> io::Result<Held> {
    let work = Work { connections: n, ..work.clone() };
    let mut engine = Engine::new(&work, true)?;
    engine.open_all()?;
    Ok(Held { engine })
}
