//! A client's connection: what it is doing, when that is too long, and the stream beneath it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::{io, mem};

use bytes::{Buf, Bytes};
use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::balance::Server;
use crate::clock;
use crate::pool::Lease;
use crate::settings::Settings;

/// A request's head is expected and has begun, or the connection is new.
const HEAD: u8 = 0;
/// A request is being answered.
const BUSY: u8 = 1;
/// Between requests; the next byte begins a head.
const IDLE: u8 = 2;
/// Between requests of an HTTP/2 connection, whose frames need not begin anything.
const QUIET: u8 = 3;
/// Bytes pass both ways, for as long as they like.
const TUNNEL: u8 = 4;
/// One side of a tunnel has ended: the other may finish, but not be silent for ever.
const HALF_TUNNEL: u8 = 5;
/// The last answer is out; what the client still sends is read and thrown away for a moment.
const LINGERING: u8 = 6;

/// A write of so many bytes shows that the client takes an answer whose last bytes wait in a
/// buffer; less may be an HTTP/2 control frame. Bytes.
const PROGRESS: usize = 512;

/// How long a client that is still sending a body may take to notice that it is not wanted.
/// Closing at once would reset the connection, and with it the answer on its way.
const LINGER: std::time::Duration = std::time::Duration::from_secs(1);

/// Shared between the connection's task and the stream below hyper, which has to be `Send`; both
/// live on one thread, so relaxed loads and stores are plain moves.
#[derive(Debug, Default)]
pub struct Activity {
    phase: AtomicU8,
    deadline: AtomicU32,
    read_ticks: AtomicU32,
    idle_ticks: AtomicU32,
    unread: AtomicBool,
}

impl Activity {
    /// Part of a request's body was not read: the connection has to linger before it is closed.
    pub fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    fn enter(&self, phase: u8, ticks: u32) {
        self.phase.store(phase, Ordering::Relaxed);
        let deadline = if ticks == 0 { 0 } else { clock::after_ticks(ticks) };
        self.deadline.store(deadline, Ordering::Relaxed);
    }

    /// Bytes came from the client; none: it has ended its side.
    fn has_read(&self, bytes: usize) {
        match self.phase.load(Ordering::Relaxed) {
            // The next head has begun: it has to be complete within the read time-out.
            IDLE if bytes > 0 => self.enter(HEAD, self.read_ticks.load(Ordering::Relaxed)),
            TUNNEL if bytes == 0 => self.half_close(),
            HALF_TUNNEL if bytes > 0 => self.half_close(),
            _ => {}
        }
    }

    fn has_written(&self, bytes: usize) {
        let phase = self.phase.load(Ordering::Relaxed);
        if bytes >= PROGRESS && matches!(phase, IDLE | QUIET) || phase == HALF_TUNNEL {
            self.enter(phase, self.idle_ticks.load(Ordering::Relaxed));
        }
    }

    fn half_close(&self) {
        self.enter(HALF_TUNNEL, self.idle_ticks.load(Ordering::Relaxed));
    }
}

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
    /// HTTP/2: many requests at once, and frames between requests are no heads.
    pub multiplexed: Cell<bool>,
    activity: Arc<Activity>,
    opened: u32,
    in_flight: Cell<u32>,
    requests: Cell<u32>,
    waker: RefCell<Option<Waker>>,
    draining: Cell<bool>,
    closing: Cell<bool>,
    killed: Cell<bool>,
    tunnel: RefCell<Option<Rc<tokio::sync::Notify>>>,
    /// The server's connection that knows this client (NTLM, Negotiate) and nobody else's.
    own_lease: RefCell<Option<Lease>>,
    registry: Rc<Registry>,
    slot: usize,
}

/// The open connections of one entry point on one thread.
#[derive(Debug, Default)]
pub struct Registry {
    slots: RefCell<Vec<Option<Weak<Connection>>>>,
    free: RefCell<Vec<usize>>,
    emptied: tokio::sync::Notify,
}

impl Registry {
    /// Accepts a connection into the registry; it leaves by being dropped.
    pub fn open(
        self: &Rc<Self>,
        peer: SocketAddr,
        settings: Arc<Settings>,
        activity: Arc<Activity>,
    ) -> Rc<Connection> {
        let mut slots = self.slots.borrow_mut();
        let slot = self.free.borrow_mut().pop().unwrap_or_else(|| {
            slots.push(None);
            slots.len() - 1
        });
        let connection = Rc::new(Connection::new(peer, settings, activity, Rc::clone(self), slot));
        if let Some(place) = slots.get_mut(slot) {
            *place = Some(Rc::downgrade(&connection));
        }
        connection
    }

    /// Calls `visit` with each open connection.
    pub fn each(&self, visit: impl Fn(&Connection)) {
        let mut index = 0;
        loop {
            // The borrow ends before the visit, which may close the connection.
            let connection = match self.slots.borrow().get(index) {
                Some(slot) => slot.as_ref().and_then(Weak::upgrade),
                None => return,
            };
            if let Some(connection) = connection {
                visit(&connection);
            }
            index += 1;
        }
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.slots.borrow().len() - self.free.borrow().len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until none is open.
    pub async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.is_empty() {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Ok(mut slots) = self.registry.slots.try_borrow_mut()
            && let Some(slot) = slots.get_mut(self.slot)
        {
            *slot = None;
        }
        self.registry.free.borrow_mut().push(self.slot);
        if self.registry.is_empty() {
            self.registry.emptied.notify_waiters();
        }
    }
}

/// What the log tells of a TLS connection.
#[derive(Clone, Copy, Debug)]
pub struct TlsInfo {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// Name of the cipher suite.
    pub cipher: &'static str,
}

impl Connection {
    /// A connection just accepted.
    fn new(
        peer: SocketAddr,
        settings: Arc<Settings>,
        activity: Arc<Activity>,
        registry: Rc<Registry>,
        slot: usize,
    ) -> Self {
        let ip = peer.ip().to_canonical();
        let peer = SocketAddr::new(ip, peer.port());
        // An address prints as visible ASCII.
        let peer_value = HeaderValue::from_str(&ip.to_string())
            .unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        let read = settings.read_timeout.map_or(0, clock::ticks);
        activity.read_ticks.store(read, Ordering::Relaxed);
        let idle = settings.idle_timeout.map_or(0, clock::ticks);
        activity.idle_ticks.store(idle, Ordering::Relaxed);
        activity.enter(HEAD, read);
        Self {
            peer,
            peer_value,
            settings,
            tls: Cell::new(None),
            multiplexed: Cell::new(false),
            activity,
            opened: clock::now(),
            in_flight: Cell::new(0),
            requests: Cell::new(0),
            waker: RefCell::new(None),
            draining: Cell::new(false),
            closing: Cell::new(false),
            killed: Cell::new(false),
            tunnel: RefCell::new(None),
            own_lease: RefCell::new(None),
            registry,
            slot,
        }
    }

    /// Turns it into an HTTP/2 connection: between requests only the idle time-out counts.
    pub fn multiplex(&self) {
        self.multiplexed.set(true);
        self.activity.phase.store(QUIET, Ordering::Relaxed);
        self.set_deadline(self.settings.idle_timeout);
    }

    /// A request's head has arrived. Returns how many requests there were, this one included.
    pub fn begin_request(&self) -> u32 {
        self.in_flight.set(self.in_flight.get() + 1);
        let requests = self.requests.get().saturating_add(1);
        self.requests.set(requests);
        self.activity.phase.store(BUSY, Ordering::Relaxed);
        self.set_deadline(self.settings.write_timeout);
        requests
    }

    /// An answer has been handed over completely, or was given up.
    pub fn end_request(&self) {
        let in_flight = self.in_flight.get().saturating_sub(1);
        self.in_flight.set(in_flight);
        if in_flight == 0 && self.tunnel.borrow().is_none() {
            let phase = if self.multiplexed.get() { QUIET } else { IDLE };
            self.activity.phase.store(phase, Ordering::Relaxed);
            self.set_deadline(self.settings.idle_timeout);
        }
    }

    /// For bodies that are not read to their end.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Keeps a server's connection that has authenticated this client.
    pub fn keep_own(&self, lease: Lease) {
        *self.own_lease.borrow_mut() = Some(lease);
    }

    /// The connection kept by [`Connection::keep_own`], if it leads to this server and is usable.
    pub fn take_own(&self, server: &Server) -> Option<Lease> {
        let mut own = self.own_lease.borrow_mut();
        own.take_if(|lease| lease.leads_to(server)).filter(Lease::is_ready)
    }

    /// The connection has become a tunnel: no time-out applies while both sides are open, and
    /// `killed` tells it to end.
    pub fn become_tunnel(&self, killed: Rc<tokio::sync::Notify>) {
        self.activity.enter(TUNNEL, 0);
        *self.tunnel.borrow_mut() = Some(killed);
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
        if let Some(tunnel) = &*self.tunnel.borrow() {
            tunnel.notify_waiters();
            tunnel.notify_one();
        }
        self.wake();
    }

    /// Ends the connection if it has been silent for too long.
    pub fn sweep(&self) {
        if clock::reached(self.activity.deadline.load(Ordering::Relaxed)) {
            self.kill();
        }
    }

    fn set_deadline(&self, timeout: Option<std::time::Duration>) {
        self.activity.deadline.store(timeout.map_or(0, clock::after), Ordering::Relaxed);
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// Drives one of hyper's connections until it ends, drains or is killed.
pub async fn drive<C: Drivable>(connection: &Connection, hyper: C) {
    let mut hyper = std::pin::pin!(hyper);
    let mut told = false;
    std::future::poll_fn(move |cx| {
        if connection.killed.get() {
            return Poll::Ready(());
        }
        {
            let mut waker = connection.waker.borrow_mut();
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                *waker = Some(cx.waker().clone());
            }
        }
        // HTTP/2 can say which requests will still be answered (GOAWAY), HTTP/1 cannot.
        let close =
            connection.closing.get() || (connection.draining.get() && connection.multiplexed.get());
        if close && !mem::replace(&mut told, true) {
            hyper.as_mut().graceful_shutdown();
        }
        // hyper's error is about this one connection, which is over either way.
        hyper.as_mut().poll(cx).map(|_| ())
    })
    .await;
}

/// Waits for `step`, a part of the connection's beginning, unless the connection is ended first: it
/// has no request yet that could be lost.
pub async fn unless_ended<F: Future>(connection: &Connection, step: F) -> Option<F::Output> {
    let mut step = std::pin::pin!(step);
    std::future::poll_fn(move |cx| {
        if connection.killed.get() || connection.closing.get() {
            return Poll::Ready(None);
        }
        *connection.waker.borrow_mut() = Some(cx.waker().clone());
        step.as_mut().poll(cx).map(Some)
    })
    .await
}

/// hyper's connections: futures that can be told to finish.
pub trait Drivable: Future {
    /// Finishes what is in flight, takes nothing new.
    fn graceful_shutdown(self: Pin<&mut Self>);
}

/// A client's stream: bytes that were read to tell the protocol are read again, and each read
/// shows that the client is alive.
#[derive(Debug)]
pub struct Stream<S> {
    inner: S,
    read_already: Bytes,
    activity: Arc<Activity>,
}

impl<S> Stream<S> {
    /// `read_already` comes first.
    pub fn new(inner: S, read_already: Bytes, activity: Arc<Activity>) -> Self {
        Self { inner, read_already, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read_already.is_empty() {
            let length = self.read_already.len().min(buffer.remaining());
            buffer.put_slice(&self.read_already[..length]);
            self.read_already.advance(length);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.activity.has_read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.activity.has_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices))?;
        self.activity.has_written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let phase = this.activity.phase.load(Ordering::Relaxed);
        if phase != LINGERING {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            if phase == TUNNEL {
                this.activity.half_close();
            }
            if matches!(phase, TUNNEL | HALF_TUNNEL)
                || !this.activity.unread.load(Ordering::Relaxed)
            {
                return Poll::Ready(Ok(()));
            }
            // The sweep ends it when the time is over.
            this.activity.enter(LINGERING, clock::ticks(LINGER));
        }
        let mut waste = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut waste);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(phase: u8) -> Activity {
        let activity = Activity::default();
        activity.read_ticks.store(40, Ordering::Relaxed);
        activity.idle_ticks.store(80, Ordering::Relaxed);
        activity.phase.store(phase, Ordering::Relaxed);
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
            assert_eq!(activity.phase.load(Ordering::Relaxed), after, "{name}");
            let deadline = activity.deadline.load(Ordering::Relaxed);
            assert_eq!(deadline, ticks.map_or(0, clock::after_ticks), "{name}");
        }
    }

    #[test]
    fn no_time_out_is_no_deadline() {
        let activity = activity(IDLE);
        activity.read_ticks.store(0, Ordering::Relaxed);
        activity.has_read(1);
        assert_eq!(activity.deadline.load(Ordering::Relaxed), 0);
    }
}
