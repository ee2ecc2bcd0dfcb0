//! Connections: opened, lost, opened again.

use super::super::connection::Connection;
use super::super::echo::Echo;
use super::super::expected::Expected;
use super::super::http1::Http1;
use super::super::http2::Http2;
use super::super::outcome::Cause;
use super::super::socket;
use super::super::speech::Speech;
use super::super::tls::Session;
use super::super::work::{Kind, Wire};
use super::{Engine, LINGER, OPENING, RETRY, nanos};

impl Engine {
    /// Opens what waits for it, as many at a time as targets can queue.
    pub(super) fn open_waiting(&mut self, now: u64) {
        while let Some(&(at, slot)) = self.later.front()
            && at <= now
        {
            self.later.pop_front();
            if let Some(place) = self.slots.get_mut(slot) {
                place.delayed = false;
            }
            self.enqueue(slot);
        }
        // One connection per request opens as many as the work has at any time.
        let limit = if self.single { self.slots.len() } else { OPENING };
        while self.opening < limit
            && let Some(slot) = self.to_open.pop_front()
        {
            self.open(slot);
        }
    }

    /// Opens a slot's connection.
    pub(super) fn open(&mut self, slot: usize) {
        let now = self.now();
        if let Some(place) = self.slots.get_mut(slot) {
            if self.single && place.assigned.is_none() {
                place.assigned = Some(self.again.pop_front().unwrap_or(now));
            }
            place.opening = true;
            place.shook_hands = false;
            place.closing = None;
            self.opening += 1;
        }
        match self.connect(slot, now) {
            Ok(()) if self.single => self.begin_assigned(slot),
            Ok(()) => {}
            Err(cause) => self.lost(slot, cause),
        }
    }

    fn connect(&mut self, slot: usize, now: u64) -> Result<(), Cause> {
        let work = &self.work;
        let socket = socket::open(work.target, slot).map_err(|_| Cause::Connect)?;
        self.poller.add(&socket, slot).map_err(|_| Cause::Connect)?;
        let session = match &self.tls {
            None => None,
            Some((config, names)) => {
                let name = names.get(slot % names.len().max(1)).ok_or(Cause::Tls)?;
                Some(Session::new(config, name.clone())?)
            }
        };
        let speech = match (work.kind, work.wire) {
            (Kind::WebSocketEcho, _) => Speech::Echo(Box::new(Echo::new())),
            (Kind::Get, Wire::TlsHttp2) => {
                Speech::Http2(Box::new(Http2::new(work.streams, self.single, Expected::of(work))))
            }
            (Kind::Get, Wire::Plain | Wire::Tls) => {
                Speech::Http1(Http1::new(self.single, Expected::of(work)))
            }
        };
        let mut connection = Connection::new(socket, session, speech, now);
        let upgrade = match work.kind {
            Kind::WebSocketEcho => self.requests.next(),
            Kind::Get => &[],
        };
        connection.greet(upgrade, &mut self.scratch)?;
        self.record.connected();
        if let Some(place) = self.slots.get_mut(slot) {
            place.connection = Some(connection);
        }
        Ok(())
    }

    /// Counts a connection that has become usable.
    pub(super) fn note_established(&mut self, slot: usize) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        let Some(connection) = &place.connection else { return };
        if !connection.established() {
            return;
        }
        if let Some(session) = connection.session()
            && !std::mem::replace(&mut place.shook_hands, true)
        {
            self.record.shook_hands(session.resumed(), || session.negotiated());
        }
        // A WebSocket is open when it is upgraded; one request's connection has no room any more.
        if connection.speech.room() > 0 || self.single {
            self.note_tried(slot);
        }
    }

    fn note_tried(&mut self, slot: usize) {
        let Some(place) = self.slots.get_mut(slot) else { return };
        if std::mem::take(&mut place.opening) {
            self.opening = self.opening.saturating_sub(1);
        }
        if !std::mem::replace(&mut place.tried, true) {
            self.tried += 1;
        }
    }

    /// The target has closed a connection in good order.
    pub(super) fn ended(&mut self, slot: usize) {
        // The session may have come and gone in one read.
        self.note_established(slot);
        let Some(connection) = self.slots.get(slot).and_then(|slot| slot.connection.as_ref())
        else {
            return;
        };
        let established = connection.established();
        if connection.speech.busy() {
            self.lost(slot, if established { Cause::Reset } else { Cause::Connect });
        } else if !established || connection.served == 0 {
            self.lost(slot, Cause::Connect);
        } else {
            self.recycle(slot);
        }
    }

    /// A connection has failed, or could not be opened: what was on it has failed with it.
    pub(super) fn lost(&mut self, slot: usize, cause: Cause) {
        let now = self.now();
        self.note_tried(slot);
        let Some(place) = self.slots.get_mut(slot) else { return };
        let outstanding =
            place.connection.take().map(|lost| lost.speech.outstanding()).unwrap_or_default();
        let assigned = place.assigned.take();
        if outstanding.is_empty() {
            self.record.failed(assigned, cause);
        }
        let timeout = nanos(self.work.timeout);
        for begun in outstanding {
            // Of many streams only those are late that are; the others have to move.
            if cause == Cause::Timeout && now.saturating_sub(begun.sent) < timeout && !self.hold {
                self.again.push_back(begun.due);
            } else {
                self.record.failed(Some(begun.due), cause);
            }
        }
        if !self.hold {
            place.delayed = true;
            self.later.push_back((now + RETRY, slot));
        }
    }

    /// A connection has done its service: the next takes its place at once.
    pub(super) fn recycle(&mut self, slot: usize) {
        self.note_tried(slot);
        if let Some(place) = self.slots.get_mut(slot) {
            place.connection = None;
        }
        if !self.hold {
            self.enqueue(slot);
        }
    }

    /// A slot without a connection gets one as soon as it is needed.
    fn enqueue(&mut self, slot: usize) {
        if self.single && self.open_loop() {
            self.offer(slot);
        } else {
            self.to_open.push_back(slot);
        }
    }

    /// Looks for connections that have waited too long.
    pub(super) fn sweep(&mut self, now: u64) {
        let timeout = nanos(self.work.timeout);
        for slot in 0..self.slots.len() {
            let Some(place) = self.slots.get(slot) else { return };
            let Some(connection) = &place.connection else { continue };
            let oldest = connection.speech.outstanding().iter().map(|begun| begun.sent).min();
            let since = oldest.or_else(|| place.opening.then_some(connection.opened));
            if since.is_some_and(|since| now.saturating_sub(since) >= timeout) {
                self.lost(slot, Cause::Timeout);
            } else if place.closing.is_some_and(|since| now.saturating_sub(since) >= LINGER) {
                self.recycle(slot);
            }
        }
    }
}
