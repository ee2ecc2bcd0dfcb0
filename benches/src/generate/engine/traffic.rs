//! Requests on connections: begun, answered, failed.

use super::super::connection::State;
use super::super::outcome::Cause;
use super::super::speech::{Begun, Seen};
use super::Engine;
use crate::poll::Ready;

impl Engine {
    /// A socket is ready.
    pub(super) fn on_ready(&mut self, ready: Ready) {
        let slot = ready.token;
        let Some(connection) = self.slots.get_mut(slot).and_then(|slot| slot.connection.as_mut())
        else {
            return;
        };
        let mut result = Ok(State::Open);
        // An error comes with room to write, which means nothing then.
        if ready.write && !ready.closed {
            result = connection.flush().map(|()| State::Open);
        }
        if ready.read && result.is_ok() {
            result = connection.read(ready.closed, &mut self.scratch, &mut self.seen);
        }
        if result == Ok(State::Open) && connection.established() && !connection.greeted() {
            let upgrade = self.requests.next();
            result = connection.greet(upgrade, &mut self.scratch).map(|()| State::Open);
        }
        self.settle(slot, result);
    }

    /// Counts what was seen on a connection, and goes on with it.
    pub(super) fn settle(&mut self, slot: usize, result: Result<State, Cause>) {
        let mut seen = std::mem::take(&mut self.seen);
        if !seen.is_empty() {
            let now = self.now();
            let served = seen.len() as u64;
            for seen in seen.drain(..) {
                match seen {
                    Seen::Answered(begun, body) => self.record.answered(begun, now, body),
                    Seen::Failed(begun, cause) => self.record.failed(Some(begun.due), cause),
                    Seen::Again(begun) => self.again.push_back(begun.due),
                }
            }
            if let Some(connection) =
                self.slots.get_mut(slot).and_then(|slot| slot.connection.as_mut())
            {
                connection.served += served;
            }
        }
        self.seen = seen;
        match result {
            Ok(State::Open) => self.go_on(slot),
            Ok(State::Ended) => self.ended(slot),
            Err(cause) => self.lost(slot, cause),
        }
    }

    /// A connection is open: what can be done with it now?
    pub(super) fn go_on(&mut self, slot: usize) {
        self.note_established(slot);
        let Some(place) = self.slots.get(slot) else { return };
        let Some(connection) = &place.connection else { return };
        if connection.speech.finished() && !connection.speech.busy() {
            if connection.speech.target_closes() && !self.hold {
                let now = self.now();
                if let Some(place) = self.slots.get_mut(slot) {
                    place.closing.get_or_insert(now);
                }
            } else {
                self.recycle(slot);
            }
        } else if self.single {
            self.begin_assigned(slot);
        } else if self.open_loop() {
            self.offer(slot);
        } else {
            self.fill(slot);
        }
    }

    /// Closed loop: begins as many requests as there is room for.
    fn fill(&mut self, slot: usize) {
        let now = self.now();
        let Some(place) = self.slots.get_mut(slot) else { return };
        let Some(connection) = &mut place.connection else { return };
        if !connection.established() {
            return;
        }
        for _ in 0..connection.speech.room() {
            if self.hold && std::mem::replace(&mut place.begun, true) {
                break;
            }
            let due = self.again.pop_front().unwrap_or(now);
            connection.begin(Begun { due, sent: now }, self.requests.next(), &mut self.scratch);
        }
        if let Err(cause) = connection.send(&mut self.scratch) {
            self.lost(slot, cause);
        }
    }

    /// One connection per request: begins the one that this connection is for. In the clear it
    /// goes out with the connection's last packet; the kernel holds it back until then.
    pub(super) fn begin_assigned(&mut self, slot: usize) {
        let now = self.now();
        let Some(place) = self.slots.get_mut(slot) else { return };
        let Some(connection) = &mut place.connection else { return };
        let may = connection.session().is_none_or(|session| session.ready());
        if !may || connection.speech.room() == 0 {
            return;
        }
        let Some(due) = place.assigned.take() else { return };
        connection.begin(Begun { due, sent: now }, self.requests.next(), &mut self.scratch);
        if let Err(cause) = connection.send(&mut self.scratch) {
            self.lost(slot, cause);
        }
    }

    /// Open loop: sends what is due, as far as connections are free.
    pub(super) fn dispatch(&mut self) {
        let Some(mut schedule) = self.schedule.take() else { return };
        loop {
            let now = self.now();
            let again = self.again.front().copied();
            let due = again.unwrap_or_else(|| schedule.due());
            if due > now || (again.is_none() && due >= self.until) {
                break;
            }
            let Some(slot) = self.take_free() else {
                schedule.wait(now);
                break;
            };
            if self.again.pop_front().is_none() {
                let (due, waited) = schedule.take();
                self.record.left(due, now, waited);
            }
            self.begin_due(slot, due, now);
        }
        self.schedule = Some(schedule);
    }

    fn begin_due(&mut self, slot: usize, due: u64, now: u64) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        if self.single {
            place.assigned = Some(due);
            self.open(slot);
            return;
        }
        let Some(connection) = &mut place.connection else { return };
        connection.begin(Begun { due, sent: now }, self.requests.next(), &mut self.scratch);
        if let Err(cause) = connection.send(&mut self.scratch) {
            self.lost(slot, cause);
        }
    }

    /// Puts a connection among the free, once for each request that it can take.
    pub(super) fn offer(&mut self, slot: usize) {
        let room = self.room(slot);
        let Some(place) = self.slots.get_mut(slot) else { return };
        while place.offered < room {
            place.offered += 1;
            self.free.push_back(slot);
        }
    }

    /// The connection that is free for the longest time.
    fn take_free(&mut self) -> Option<usize> {
        while let Some(slot) = self.free.pop_front() {
            if let Some(place) = self.slots.get_mut(slot) {
                place.offered = place.offered.saturating_sub(1);
            }
            // It may have been lost since.
            if self.room(slot) > 0 {
                return Some(slot);
            }
        }
        None
    }

    fn room(&self, slot: usize) -> usize {
        let Some(place) = self.slots.get(slot) else { return 0 };
        match &place.connection {
            None => usize::from(self.single && place.assigned.is_none() && !place.delayed),
            Some(connection) if !self.single && connection.established() => {
                connection.speech.room()
            }
            Some(_) => 0,
        }
    }
}
