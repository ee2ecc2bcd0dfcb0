//! The load generator: one thread, non-blocking sockets, requests made beforehand.
//!
//! [`run`] puts a [`Work`] on a target and counts; [`hold`] opens idle connections and keeps them.

mod outcome;
mod work;

use std::io;

pub use outcome::{Failures, Outcome, Tls};
pub use work::{Kind, Pace, Reuse, Wire, Work};

/// Puts `work` on its target and returns what was seen. The calling thread does all of it; it
/// returns at the latest after warm-up, duration and two time-outs.
///
/// `at_start` and `at_end` run just before and just after the measured part, so that the caller
/// can read the proxy's clocks there.
///
/// # Errors
/// A work that cannot be done (no host, a name that no certificate can have, a pace of 0), or
/// sockets that the kernel does not give. What the target does wrong is no error but is counted in
/// [`Outcome::failures`].
pub fn run(work: &Work, at_start: impl FnMut(), at_end: impl FnMut()) -> io::Result<Outcome> {
    let _ = (work, at_start, at_end);
    Err(io::Error::other("the generator is not written yet"))
}

/// Connections that were opened, had one request each, and are kept open until this is dropped.
#[derive(Debug)]
pub struct Held {
    open: usize,
    failures: Failures,
}

impl Held {
    /// How many are open at this time. One that the target closed since is found out here.
    pub fn open(&mut self) -> usize {
        self.open
    }

    /// What went wrong while they were opened: their connections are not counted by
    /// [`Held::open`].
    #[must_use]
    pub fn failures(&self) -> Failures {
        self.failures
    }
}

/// Opens `n` connections to `work`'s target (its wire, hosts and paths; pace and reuse do not
/// matter), at most 64 at a time, makes one request on each and keeps them open and silent.
/// Raises this process's limit of open files to the highest it may.
///
/// # Errors
/// As [`run`]; also when so many files may not be open.
pub fn hold(work: &Work, n: usize) -> io::Result<Held> {
    let _ = (work, n);
    Err(io::Error::other("the generator is not written yet"))
}
