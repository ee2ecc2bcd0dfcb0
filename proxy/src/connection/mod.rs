//! A client's connection, as its worker and its requests see it.

mod activity;
mod drive;
mod registry;
mod stream;

use std::cell::{Cell, OnceCell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;

pub use self::activity::Activity;
use self::activity::{BUSY, HEAD, IDLE, QUIET, TUNNEL};
pub use self::drive::{Drivable, drive, unless_ended, unless_killed};
pub use self::registry::Registry;
pub use self::stream::{ClientStream, Stream};
use crate::balance::Server;
use crate::clock;
use crate::pool::Lease;
use crate::settings::Settings;
use crate::tls::{Agreed, Set};

/// One client connection, as its worker and its requests see it.
#[derive(Debug)]
pub struct Connection {
    /// The client.
    pub peer: SocketAddr,
    /// The client's address for `X-Real-Ip` and `X-Forwarded-For`.
    pub peer_value: HeaderValue,
    /// The entry point.
    pub settings: Arc<Settings>,
    /// TLS version and cipher, once the handshake is done.
    pub tls: Cell<Option<TlsInfo>>,
    /// What its handshake has settled, where that was not held by the built-in TLS options.
    pub agreed: OnceCell<Box<Agreed>>,
    /// The server name that the client sent in its handshake, if it sent one.
    pub server_name: OnceCell<Box<str>>,
    /// HTTP/2: many requests at once, and frames between requests are no heads.
    pub multiplexed: Cell<bool>,
    activity: Rc<Activity>,
    opened: u32,
    in_flight: Cell<u32>,
    requests: Cell<u32>,
    waker: RefCell<Option<Waker>>,
    draining: Cell<bool>,
    closing: Cell<bool>,
    killed: Cell<bool>,
    idling: Cell<Idling>,
    tunnel: Cell<bool>,
    /// The server's connection that knows this client (NTLM, Negotiate) and nobody else's.
    own_lease: RefCell<Option<Lease>>,
    registry: Rc<Registry>,
    slot: usize,
}

/// A connection of this age is no short one, ticks.
const LONG_LIVED: u32 = 4;

/// What the log tells of a TLS connection.
#[derive(Clone, Copy, Debug)]
pub struct TlsInfo {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// Name of the cipher suite.
    pub cipher: &'static str,
}

/// An address as a header's value.
fn printed(ip: IpAddr) -> HeaderValue {
    let mut text = Vec::with_capacity(16);
    match ip {
        // Most are; the general way of printing costs as much as a small request's routing.
        IpAddr::V4(ip) => {
            let mut digits = itoa::Buffer::new();
            for (number, octet) in ip.octets().into_iter().enumerate() {
                if number > 0 {
                    text.push(b'.');
                }
                text.extend_from_slice(digits.format(octet).as_bytes());
            }
        }
        IpAddr::V6(ip) => text.extend_from_slice(ip.to_string().as_bytes()),
    }
    // An address prints as visible ASCII.
    HeaderValue::from_maybe_shared(Bytes::from(text))
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

/// How long an HTTP/1 connection has been between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Idling {
    /// It is not, or not for a whole tick.
    No,
    /// The last sweep saw it so.
    Seen,
    /// For more than a tick: what serves requests is to be given back.
    Rest,
}

impl Connection {
    /// A connection just accepted.
    fn new(
        peer: SocketAddr,
        settings: Arc<Settings>,
        activity: Rc<Activity>,
        registry: Rc<Registry>,
        slot: usize,
    ) -> Self {
        let ip = peer.ip().to_canonical();
        let peer = SocketAddr::new(ip, peer.port());
        let peer_value = printed(ip);
        let read = settings.read_timeout.map_or(0, clock::ticks);
        activity.read_ticks.set(read);
        let idle = settings.idle_timeout.map_or(0, clock::ticks);
        activity.idle_ticks.set(idle);
        activity.enter(HEAD, read);
        Self {
            peer,
            peer_value,
            settings,
            tls: Cell::new(None),
            agreed: OnceCell::new(),
            server_name: OnceCell::new(),
            multiplexed: Cell::new(false),
            activity,
            opened: clock::now(),
            in_flight: Cell::new(0),
            requests: Cell::new(0),
            waker: RefCell::new(None),
            draining: Cell::new(false),
            closing: Cell::new(false),
            killed: Cell::new(false),
            idling: Cell::new(Idling::No),
            tunnel: Cell::new(false),
            own_lease: RefCell::new(None),
            registry,
            slot,
        }
    }

    /// The TLS options that its handshake was held by, if not the built-in ones.
    pub fn tls_options(&self) -> Option<&Arc<Set>> {
        self.agreed.get().map(|agreed| &agreed.set)
    }

    /// Turns it into an HTTP/2 connection: between requests only the idle time-out counts.
    pub fn multiplex(&self) {
        self.multiplexed.set(true);
        self.activity.phase.set(QUIET);
        self.set_deadline(self.settings.idle_timeout);
    }

    /// A request's head has arrived. Returns how many requests there were, this one included.
    pub fn begin_request(&self) -> u32 {
        self.in_flight.set(self.in_flight.get() + 1);
        let requests = self.requests.get().saturating_add(1);
        self.requests.set(requests);
        self.activity.phase.set(BUSY);
        self.idling.set(Idling::No);
        self.set_deadline(self.settings.write_timeout);
        requests
    }

    /// An answer has been handed over completely, or was given up.
    pub fn end_request(&self) {
        let in_flight = self.in_flight.get().saturating_sub(1);
        self.in_flight.set(in_flight);
        if in_flight == 0 && !self.tunnel.get() {
            let phase = if self.multiplexed.get() { QUIET } else { IDLE };
            self.activity.phase.set(phase);
            self.set_deadline(self.settings.idle_timeout);
        }
    }

    /// The rest of an unwanted body has been read: the next byte begins a head.
    pub fn await_request(&self) {
        self.activity.phase.set(IDLE);
        self.set_deadline(self.settings.idle_timeout);
    }

    /// Part of a request's body was not read: the connection lingers before it is closed.
    pub fn leave_unread(&self) {
        self.activity.leave_unread();
    }

    /// Whether it lingers before it is closed.
    pub fn has_unread(&self) -> bool {
        self.activity.unread.get()
    }

    /// Whether the connection is to end as soon as nothing is in flight.
    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Keeps a server's connection that has authenticated this client.
    pub fn keep_own(&self, lease: Lease) {
        *self.own_lease.borrow_mut() = Some(lease);
    }

    /// The connection kept by [`Connection::keep_own`], if it leads to this server and is usable.
    pub fn take_own(&self, server: &Server) -> Option<Lease> {
        let mut own = self.own_lease.borrow_mut();
        own.take_if(|lease| lease.server().number == server.number)
            .and_then(|mut lease| lease.is_alive().then_some(lease))
    }

    /// The connection has become a tunnel: no time-out applies while both sides are open.
    pub fn become_tunnel(&self) {
        self.activity.enter(TUNNEL, 0);
        self.tunnel.set(true);
    }

    /// Whether the answer to request number `requests` is the connection's last.
    pub fn should_close(&self, requests: u32) -> bool {
        self.draining.get()
            || self.settings.max_requests.is_some_and(|most| requests >= most)
            || self
                .settings
                .max_age
                .is_some_and(|age| clock::now().wrapping_sub(self.opened) >= clock::ticks(age))
    }

    /// From now on each answer is the connection's last. An idle HTTP/1 connection stays open for
    /// the moment: a request may be on its way, and closing now would lose it.
    pub fn drain(&self) {
        self.draining.set(true);
        self.wake();
    }

    /// Ends the connection after the requests in flight, at once if there are none.
    pub fn close(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// Ends the connection now.
    pub fn kill(&self) {
        self.killed.set(true);
        self.wake();
    }

    /// Ends the connection if it has been silent for too long, and notes whether it idles.
    pub fn sweep(&self) {
        let lives_on = clock::now().wrapping_sub(self.opened) >= LONG_LIVED;
        if clock::reached(self.activity.deadline.get()) {
            self.kill();
            return;
        }
        if lives_on && self.activity.lives_on() {
            self.wake();
        }
        if self.activity.phase.get() == IDLE {
            match self.idling.get() {
                Idling::No => self.idling.set(Idling::Seen),
                Idling::Seen => {
                    self.idling.set(Idling::Rest);
                    self.wake();
                }
                Idling::Rest => {}
            }
        }
    }

    /// It rests no longer.
    pub fn wake_up(&self) {
        self.idling.set(Idling::No);
    }

    /// Whether it has been between requests for so long that it should hold nothing but its socket.
    pub fn should_rest(&self) -> bool {
        self.idling.get() == Idling::Rest
    }

    fn set_deadline(&self, timeout: Option<Duration>) {
        self.activity.deadline.set(timeout.map_or(0, clock::after));
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_printed() {
        for text in ["127.0.0.1", "10.20.0.255", "::1", "2001:db8::ff00:42:8329"] {
            assert_eq!(printed(text.parse().expect("an address")), text);
        }
    }
}
