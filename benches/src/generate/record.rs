//! What is counted while the measured part runs.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use super::outcome::{Cause, Outcome, Tls};
use super::speech::Begun;

/// Latencies from 1 ns to 2 minutes, to three digits.
const LONGEST: u64 = 120_000_000_000;
/// A request that leaves so much behind schedule is late, in nanoseconds.
const LATE: u64 = 1_000_000;

/// The counters.
#[derive(Debug)]
pub(super) struct Record {
    /// Latencies count by when requests were due, not by when they were answered.
    by_due: bool,
    /// The measured part runs.
    measuring: bool,
    /// The measured part, in nanoseconds since the run's begin; its end is open while it runs.
    from: u64,
    to: u64,
    /// The thread's CPU time at the measured part's begin.
    cpu: Duration,
    pub outcome: Outcome,
}

impl Record {
    /// `by_due`: for an open loop.
    ///
    /// # Errors
    /// The histogram cannot be made.
    pub fn new(by_due: bool) -> io::Result<Self> {
        let latency = Histogram::new_with_bounds(1, LONGEST, 3).map_err(io::Error::other)?;
        let outcome = Outcome {
            requests: 0,
            failures: super::Failures::default(),
            bytes: 0,
            elapsed: Duration::ZERO,
            latency,
            generator_cpu: Duration::ZERO,
            connects: 0,
            full_handshakes: 0,
            resumed_handshakes: 0,
            late: 0,
            late_for_connection: 0,
            unanswered: 0,
            tls: None,
        };
        Ok(Self {
            by_due,
            measuring: false,
            from: u64::MAX,
            to: u64::MAX,
            cpu: Duration::ZERO,
            outcome,
        })
    }

    /// The measured part begins.
    pub fn start(&mut self, now: u64) {
        self.measuring = true;
        self.from = now;
        self.cpu = thread_cpu();
    }

    /// The measured part ends.
    pub fn stop(&mut self, now: u64) {
        self.measuring = false;
        self.to = now;
        self.outcome.elapsed = Duration::from_nanos(now.saturating_sub(self.from));
        self.outcome.generator_cpu = thread_cpu().saturating_sub(self.cpu);
    }

    /// What is due at `due` belongs to the measured part.
    pub fn covers(&self, due: u64) -> bool {
        self.by_due && (self.from..self.to).contains(&due)
    }

    pub fn answered(&mut self, begun: Begun, now: u64, body: u64) {
        if self.measuring {
            self.outcome.requests += 1;
            self.outcome.bytes += body;
        }
        if self.covers(begun.due) || (self.measuring && !self.by_due) {
            self.outcome.latency.saturating_record(now.saturating_sub(begun.due).max(1));
        }
    }

    /// `due`: of the request, if it was one that failed and not a connection without.
    pub fn failed(&mut self, due: Option<u64>, cause: Cause) {
        if self.measuring || due.is_some_and(|due| self.covers(due)) {
            self.outcome.failures.add(cause);
        }
    }

    /// A request on a schedule leaves.
    pub fn left(&mut self, due: u64, now: u64, waited_for_connection: bool) {
        if self.covers(due) && now.saturating_sub(due) > LATE {
            self.outcome.late += 1;
            self.outcome.late_for_connection += u64::from(waited_for_connection);
        }
    }

    /// A request on a schedule has no end by `now`, when the generator gives up.
    pub fn unanswered(&mut self, due: u64, now: u64) {
        if self.covers(due) {
            self.outcome.unanswered += 1;
            self.outcome.latency.saturating_record(now.saturating_sub(due).max(1));
        }
    }

    pub fn connected(&mut self) {
        self.outcome.connects += u64::from(self.measuring);
    }

    /// A TLS handshake is done.
    pub fn shook_hands(&mut self, resumed: bool, negotiated: impl FnOnce() -> Tls) {
        if self.measuring {
            let count = match resumed {
                true => &mut self.outcome.resumed_handshakes,
                false => &mut self.outcome.full_handshakes,
            };
            *count += 1;
        }
        // The words cost more than the rest of a request: once is enough.
        self.outcome.tls.get_or_insert_with(negotiated);
    }
}

/// The CPU time of this thread.
fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}
