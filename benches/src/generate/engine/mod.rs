//! The generator's event loop: phases, the schedule, who is ready.

mod lifecycle;
mod traffic;

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::connection::{Connection, Scratch};
use super::record::Record;
use super::requests::Requests;
use super::schedule::Schedule;
use super::speech::Seen;
use super::work::{Kind, Pace, Reuse, Wire, Work};
use super::{Outcome, socket, tls};
use crate::poll::Poller;

/// How often time-outs are looked for, in nanoseconds.
const SWEEP: u64 = 50_000_000;
/// Open loop: nobody is woken for less than this, in nanoseconds, or the wake-ups would cost more
/// than the requests. One that is due sooner leaves then, or with the next event; its latency
/// counts from when it was due.
const GRAIN: u64 = 50_000;
/// A connection that was lost is opened again after this, in nanoseconds: a target that refuses
/// all is not stormed.
const RETRY: u64 = 10_000_000;
/// A target that said it would close has this long, in nanoseconds; then it is done here.
const LINGER: u64 = 1_000_000_000;
/// Connections that are being opened at a time: fewer than any target's queue.
const OPENING: usize = 64;
/// Holding must have opened all its connections after this.
const HOLDING: Duration = Duration::from_secs(60);

/// The place of one connection after another.
#[derive(Debug, Default)]
struct Slot {
    connection: Option<Connection>,
    /// How often it is in the list of the free.
    offered: usize,
    /// One connection per request: when the request is due for which this one is opened.
    assigned: Option<u64>,
    /// It is being opened.
    opening: bool,
    /// It has been opened once, or could not be.
    tried: bool,
    /// TLS was counted.
    shook_hands: bool,
    /// It waits to be opened again.
    delayed: bool,
    /// Since when the target is expected to close it.
    closing: Option<u64>,
    /// Holding: its one request has begun.
    begun: bool,
}

/// Where in the run we are; times are nanoseconds since its begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Connections are opened, at most until then.
    Opening(u64),
    WarmUp(u64),
    Measured(u64),
    /// Open loop: what was due in the measured part is awaited.
    Draining(u64),
    Done,
}

/// The generator at work.
#[derive(Debug)]
pub(super) struct Engine {
    work: Work,
    /// One connection per request.
    single: bool,
    /// Each connection makes one request and stays.
    hold: bool,
    requests: Requests,
    tls: Option<(Arc<ClientConfig>, Vec<ServerName<'static>>)>,
    poller: Poller,
    slots: Vec<Slot>,
    scratch: Scratch,
    seen: Vec<Seen>,
    begin: Instant,
    record: Record,
    schedule: Option<Schedule>,
    /// No request begins that is due from then on.
    until: u64,
    /// Open loop: connections that can take a request.
    free: VecDeque<usize>,
    /// When requests were due that the target gave back unseen.
    again: VecDeque<u64>,
    to_open: VecDeque<usize>,
    /// Slots to be opened later, and when.
    later: VecDeque<(u64, usize)>,
    opening: usize,
    tried: usize,
    swept: u64,
}

impl Engine {
    /// # Errors
    /// A work that cannot be done; no descriptor.
    pub fn new(work: &Work, hold: bool) -> io::Result<Self> {
        check(work)?;
        socket::raise_limit();
        let tls = match work.wire {
            Wire::Plain => None,
            Wire::Tls | Wire::TlsHttp2 => Some((tls::config(work)?, tls::names(work)?)),
        };
        Ok(Self {
            work: work.clone(),
            single: !hold && work.reuse != Reuse::KeepAlive && work.kind == Kind::Get,
            hold,
            requests: Requests::new(work)?,
            tls,
            poller: Poller::new()?,
            slots: (0..work.connections).map(|_| Slot::default()).collect(),
            scratch: Scratch::new(),
            seen: Vec::new(),
            begin: Instant::now(),
            record: Record::new(matches!(work.pace, Pace::Open { .. }) && !hold)?,
            schedule: None,
            until: u64::MAX,
            free: VecDeque::new(),
            again: VecDeque::new(),
            to_open: (0..work.connections).collect(),
            later: VecDeque::new(),
            opening: 0,
            tried: 0,
            swept: 0,
        })
    }

    /// Does the work.
    ///
    /// # Errors
    /// epoll does not work.
    pub fn run(
        mut self,
        mut at_start: impl FnMut(),
        mut at_end: impl FnMut(),
    ) -> io::Result<Outcome> {
        // A request leaves when it is due, not up to 50 microseconds later; refused, it does.
        let _ = rustix::thread::set_current_timer_slack(NonZeroU64::new(1));
        let timeout = nanos(self.work.timeout);
        if self.single && self.open_loop() {
            // Nothing is opened before a request is due.
            self.to_open.clear();
            for slot in 0..self.slots.len() {
                self.offer(slot);
            }
        }
        let mut phase = Phase::Opening(timeout);
        loop {
            let now = self.now();
            phase = match phase {
                Phase::Opening(until) if self.single || self.all_tried() || now >= until => {
                    if let Pace::Open { rate } = self.work.pace {
                        self.schedule = Some(Schedule::new(now, rate));
                    }
                    Phase::WarmUp(now + nanos(self.work.warm_up))
                }
                Phase::WarmUp(until) if now >= until => {
                    at_start();
                    let now = self.now();
                    self.record.start(now);
                    Phase::Measured(now + nanos(self.work.duration))
                }
                Phase::Measured(until) if now >= until => {
                    self.record.stop(now);
                    at_end();
                    self.until = now;
                    if self.open_loop() { Phase::Draining(now + timeout) } else { Phase::Done }
                }
                Phase::Draining(until) if now >= until || self.drained() => {
                    self.give_up();
                    Phase::Done
                }
                phase => phase,
            };
            let next = match phase {
                Phase::Done => break,
                Phase::Opening(next)
                | Phase::WarmUp(next)
                | Phase::Measured(next)
                | Phase::Draining(next) => next,
            };
            self.turn(next)?;
        }
        Ok(self.record.outcome)
    }

    /// Opens all connections and makes a request on each.
    ///
    /// # Errors
    /// epoll does not work.
    pub fn open_all(&mut self) -> io::Result<()> {
        self.record.start(0);
        let deadline = nanos(HOLDING.max(self.work.timeout));
        while !self.slots.iter().all(|slot| slot.tried && !slot.is_busy()) {
            if self.now() >= deadline {
                self.sweep(u64::MAX);
                break;
            }
            self.turn(deadline)?;
        }
        Ok(())
    }

    /// Looks at what has happened since, without waiting.
    ///
    /// # Errors
    /// epoll does not work.
    pub fn look(&mut self) -> io::Result<()> {
        loop {
            let count = self.poller.wait(Duration::ZERO)?;
            if count == 0 {
                return Ok(());
            }
            self.handle(count);
        }
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.slots.iter().filter(|slot| slot.connection.is_some()).count()
    }

    /// What was seen until now.
    pub fn outcome(&self) -> &Outcome {
        &self.record.outcome
    }

    /// One turn of the loop, which waits at most until `next`.
    fn turn(&mut self, next: u64) -> io::Result<()> {
        let now = self.now();
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.sweep(now);
        }
        self.open_waiting(now);
        self.dispatch();
        let now = self.now();
        let mut wake = next.min(self.swept + SWEEP);
        if let Some((at, _)) = self.later.front() {
            wake = wake.min(*at);
        }
        if let Some(schedule) = &self.schedule
            && !self.free.is_empty()
            && schedule.due() < self.until
        {
            wake = wake.min(schedule.due().max(now + GRAIN));
        }
        let count = self.poller.wait(Duration::from_nanos(wake.saturating_sub(now)))?;
        self.handle(count);
        Ok(())
    }

    fn handle(&mut self, count: usize) {
        for index in 0..count {
            if let Some(ready) = self.poller.ready(index) {
                self.on_ready(ready);
            }
        }
    }

    fn now(&self) -> u64 {
        nanos(self.begin.elapsed())
    }

    fn open_loop(&self) -> bool {
        matches!(self.work.pace, Pace::Open { .. }) && !self.hold
    }

    fn all_tried(&self) -> bool {
        self.tried == self.slots.len()
    }

    /// All that was due has its end.
    fn drained(&self) -> bool {
        let left = self.schedule.as_ref().is_some_and(|schedule| schedule.due() < self.until);
        !left
            && self.again.is_empty()
            && self.slots.iter().all(|slot| slot.assigned.is_none() && !slot.is_busy())
    }

    /// Counts what was due and has no end.
    fn give_up(&mut self) {
        let now = self.now();
        for slot in &self.slots {
            let outstanding = slot.connection.iter().flat_map(|open| open.speech.outstanding());
            for due in outstanding.map(|begun| begun.due).chain(slot.assigned) {
                self.record.unanswered(due, now);
            }
        }
        for due in std::mem::take(&mut self.again) {
            self.record.unanswered(due, now);
        }
        if let Some(schedule) = &mut self.schedule {
            while schedule.due() < self.until {
                self.record.unanswered(schedule.take().0, now);
            }
        }
    }
}

impl Slot {
    fn is_busy(&self) -> bool {
        self.connection.as_ref().is_some_and(|connection| connection.speech.busy())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 4).min(u64::MAX / 4)
}

fn check(work: &Work) -> io::Result<()> {
    let wrong = match work {
        Work { connections: 0, .. } => "a load needs a connection",
        Work { wire: Wire::TlsHttp2, streams: 0, .. } => "a load needs a stream",
        Work { pace: Pace::Open { rate }, .. } if !(rate.is_finite() && *rate > 0.0) => {
            "an open loop needs a rate above 0"
        }
        Work { wire: Wire::Plain, reuse: Reuse::HandshakePerRequest, .. } => "handshakes need TLS",
        Work { wire: Wire::TlsHttp2, kind: Kind::WebSocketEcho, .. } => {
            "WebSockets are spoken over HTTP/1.1 only"
        }
        _ => return Ok(()),
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, wrong))
}
