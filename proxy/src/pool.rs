//! Connections to servers, pooled per data-plane thread.
//!
//! A Swarm VIP balances connections, not requests. Its connections are therefore taken
//! oldest-first, the pool grows to the number of running tasks before it reuses one, no connection
//! outlives a change of that number, and each has a maximum age. An ordinary server's connections
//! are taken newest-first, so that a pool that grew in a peak shrinks again.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::hash::{BuildHasherDefault, Hasher};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::unconstrained;

use crate::balance::Server;
use crate::clock;
use crate::forward::ServerStream;
use crate::http1::Wire;

/// Maximum age of a connection to a VIP, before spreading: new tasks get their share within it. Few
/// clients use few connections, some of which lead to the same task; only opening others evens that
/// out, and one in ten seconds costs nothing.
const MAX_AGE: Duration = Duration::from_secs(10);

/// For so long after a VIP's tasks have changed, its connections live only [`SETTLING_AGE`]: the
/// engine tells of a task before every node's balancer knows it, and connections opened in between
/// all lead to the older ones.
const SETTLING: Duration = Duration::from_secs(15);

/// See [`SETTLING`].
const SETTLING_AGE: Duration = Duration::from_secs(2);

/// A VIP's pool does not grow beyond this for the number of tasks alone.
const MOST_GROWN: u32 = 128;

/// The pools of one thread, by server number.
#[derive(Debug, Default)]
pub struct Pools {
    servers: RefCell<HashMap<u64, Rc<Pool>, BuildHasherDefault<NumberHasher>>>,
}

#[derive(Debug)]
struct Pool {
    server: Arc<Server>,
    idle: RefCell<VecDeque<Box<ServerConnection>>>,
    /// Idle and leased ones.
    open: Cell<u32>,
}

/// A connection to a server.
#[derive(Debug)]
struct ServerConnection {
    wire: Wire<ServerStream>,
    too_old: u32,
    /// While it is idle.
    unused_too_long: u32,
}

impl ServerConnection {
    /// Whether it is open and silent, as far as the event loop knows. No system call.
    fn is_alive(&mut self) -> bool {
        // A task that has used up its turn would see every connection as silent.
        let looking = unconstrained(poll_fn(|cx| self.wire.poll_ended(cx)));
        let silent = pin!(looking).poll(&mut Context::from_waker(Waker::noop())).is_pending();
        silent && self.wire.is_read_empty()
    }
}

/// A connection taken out of a pool, or a new one. Dropping it without [`Lease::give_back`] closes
/// the connection.
#[derive(Debug)]
pub struct Lease {
    connection: Option<Box<ServerConnection>>,
    pool: Rc<Pool>,
    /// It has carried a request before.
    reused: bool,
    /// The server knows it by the client's credentials (NTLM, Negotiate): it must not be pooled.
    bound: bool,
}

impl Pool {
    fn close_one(&self) {
        self.open.set(self.open.get().saturating_sub(1));
    }
}

impl Pools {
    /// An unused connection, if there is one that should be reused now.
    pub fn take(&self, server: &Server) -> Option<Lease> {
        let servers = self.servers.borrow();
        let pool = servers.get(&server.number)?;
        let tasks = server.vip_tasks();
        if tasks > 0 && pool.open.get() < tasks.min(MOST_GROWN) {
            return None;
        }
        loop {
            let mut idle = pool.idle.borrow_mut();
            let mut connection = if tasks > 0 { idle.pop_front() } else { idle.pop_back() }?;
            drop(idle);
            if connection.is_alive() && !clock::reached(connection.too_old) {
                return Some(Lease {
                    connection: Some(connection),
                    pool: Rc::clone(pool),
                    reused: true,
                    bound: false,
                });
            }
            pool.close_one();
        }
    }

    /// Counts a new connection.
    pub fn lease(&self, server: &Arc<Server>, stream: ServerStream) -> Lease {
        let mut servers = self.servers.borrow_mut();
        let pool = servers.entry(server.number).or_insert_with(|| {
            let idle = RefCell::default();
            Rc::new(Pool { server: Arc::clone(server), idle, open: Cell::new(0) })
        });
        let open = pool.open.get().saturating_add(1);
        pool.open.set(open);
        let too_old = match server.vip_tasks() {
            0 => 0,
            _ if server.built.elapsed() < SETTLING => clock::after(SETTLING_AGE),
            // Spread by a quarter, so that connections opened together do not end together.
            _ => clock::after(MAX_AGE - MAX_AGE / 8 * (open % 3)),
        };
        let wire = Wire::new(stream, Bytes::new());
        Lease {
            connection: Some(Box::new(ServerConnection { wire, too_old, unused_too_long: 0 })),
            pool: Rc::clone(pool),
            reused: false,
            bound: false,
        }
    }

    /// Closes what was unused for too long or is dead; forgets servers that no snapshot names.
    pub fn sweep(&self) {
        self.servers.borrow_mut().retain(|_, pool| {
            // The pool's own handle is the only one left: no snapshot names the server.
            let orphan = Arc::strong_count(&pool.server) <= 1;
            pool.idle.borrow_mut().retain_mut(|connection| {
                let kept = !orphan
                    && connection.is_alive()
                    && !clock::reached(connection.unused_too_long)
                    && !clock::reached(connection.too_old);
                if !kept {
                    pool.close_one();
                }
                kept
            });
            pool.open.get() > 0
        });
    }

    /// Closes every unused connection.
    pub fn clear(&self) {
        self.servers.borrow_mut().clear();
    }
}

impl Lease {
    /// The connection's bytes. Only before it is given back or taken apart.
    pub fn wire(&mut self) -> Option<&mut Wire<ServerStream>> {
        self.connection.as_mut().map(|connection| &mut connection.wire)
    }

    /// Where it leads.
    pub fn server(&self) -> &Arc<Server> {
        &self.pool.server
    }

    /// Whether it has carried a request before.
    pub fn is_reused(&self) -> bool {
        self.reused
    }

    /// Whether it belongs to one client.
    pub fn is_bound(&self) -> bool {
        self.bound
    }

    /// Makes it one client's own, and used.
    pub fn bind(mut self) -> Self {
        self.bound = true;
        self.reused = true;
        self
    }

    /// Whether it is open and silent, as far as the event loop knows.
    pub fn is_alive(&mut self) -> bool {
        self.connection.as_mut().is_some_and(|connection| connection.is_alive())
    }

    /// Whether the kernel knows that the server has hung up. Costs a system call.
    pub fn has_hung_up(&self) -> bool {
        self.connection.as_ref().is_none_or(|connection| connection.wire.stream().has_hung_up())
    }

    /// Puts the connection back. Only between requests.
    pub fn give_back(mut self) {
        let limits = &self.pool.server.limits;
        let mut idle = self.pool.idle.borrow_mut();
        if idle.len() < limits.max_idle
            && let Some(mut connection) = self.connection.take_if(|c| !clock::reached(c.too_old))
        {
            connection.unused_too_long = clock::after(limits.idle);
            idle.push_back(connection);
        }
    }

    /// Takes the connection apart for a tunnel: its stream, what was read from it and not used, and
    /// what counts it as open until it is dropped.
    pub fn into_parts(mut self) -> Option<(ServerStream, Bytes, Counted)> {
        let (stream, read) = self.connection.take()?.wire.into_parts();
        Some((stream, read, Counted(Rc::clone(&self.pool))))
    }
}

/// Counts a connection that has left its pool for good as open.
#[derive(Debug)]
pub struct Counted(Rc<Pool>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.close_one();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.connection.take().is_some() {
            self.pool.close_one();
        }
    }
}

/// Server numbers are consecutive: they need no mixing.
#[derive(Debug, Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use swarmgate_config::routing::ServersTransport;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::runtime::{Builder, LocalOptions};

    use super::*;
    use crate::balance::{Limits, ServerKey, Transport};

    fn server(vip_tasks: Option<u32>, max_idle: usize) -> Arc<Server> {
        let transport = Transport {
            name: String::new(),
            tls: crate::tls::client_config(&ServersTransport::default()).expect("valid"),
            server_name: None,
            limits: Limits { max_idle, ..Limits::default() },
        };
        let url = "http://10.0.0.1:80".into();
        let key = ServerKey { url, preserve_path: false, transport: String::new(), vip_tasks };
        Arc::new(Server::build(key, &transport).expect("a server"))
    }

    fn on_a_thread(test: impl AsyncFnOnce(Rc<Pools>)) {
        let runtime =
            Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
        runtime.expect("a runtime").block_on(test(Rc::default()));
    }

    /// A new connection, and the server's end of it.
    async fn open(pools: &Rc<Pools>, server: &Arc<Server>) -> (Lease, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        (
            pools.lease(server, ServerStream::Plain(near.expect("connected"))),
            far.expect("accepted").0,
        )
    }

    /// Which of the server's ends a request on this connection arrives at.
    async fn end_of(mut lease: Lease, ends: &mut [TcpStream]) -> usize {
        let wire = lease.wire().expect("open");
        wire.out().push(b'G');
        std::future::poll_fn(|cx| wire.poll_flush(cx)).await.expect("written");
        for (number, end) in ends.iter_mut().enumerate() {
            let read = tokio::time::timeout(Duration::from_millis(50), end.read_u8());
            if matches!(read.await, Ok(Ok(_))) {
                return number;
            }
        }
        panic!("the request is nowhere");
    }

    /// Waits until the event loop has seen what the other side did.
    async fn turn() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// Grows to one connection a task, then takes the oldest: requests reach every task.
    #[test]
    fn a_vip_gets_a_connection_for_each_task() {
        on_a_thread(async |pools| {
            let vip = server(Some(3), 10);
            let mut ends = Vec::new();
            for _ in 0..3 {
                assert!(pools.take(&vip).is_none(), "{} connections are not enough", ends.len());
                let (lease, end) = open(&pools, &vip).await;
                lease.give_back();
                ends.push(end);
            }
            let lease = pools.take(&vip).expect("three are enough");
            assert!(lease.is_reused());
            lease.give_back();
            // The oldest has just been used, so it is the next one's turn.
            let lease = pools.take(&vip).expect("three are enough");
            assert_eq!(end_of(lease, &mut ends).await, 1);
            // One is gone: it is replaced before another is used again.
            assert!(pools.take(&vip).is_none());
        });
    }

    /// Just after its tasks changed, a VIP's connections may all lead to the older tasks: they are
    /// soon replaced. Later they live longer, and an ordinary server's live as long as they are used.
    #[test]
    fn connections_of_a_changed_vip_are_soon_replaced() {
        let settled = Instant::now().checked_sub(SETTLING);
        for (vip_tasks, built, kept) in
            [(Some(1), None, false), (Some(1), settled, true), (None, None, true)]
        {
            on_a_thread(async |pools| {
                let mut server = server(vip_tasks, 10);
                if let (Some(built), Some(server)) = (built, Arc::get_mut(&mut server)) {
                    server.built = built;
                }
                let (lease, _end) = open(&pools, &server).await;
                lease.give_back();
                clock::advance(clock::ticks(SETTLING_AGE) + 2);
                assert_eq!(pools.take(&server).is_some(), kept, "{vip_tasks:?} {built:?}");
            });
        }
    }

    #[test]
    fn an_ordinary_server_is_asked_on_the_newest() {
        on_a_thread(async |pools| {
            let server = server(None, 2);
            assert!(pools.take(&server).is_none());
            let (mut leases, mut ends) = (Vec::new(), Vec::new());
            for _ in 0..3 {
                let (lease, end) = open(&pools, &server).await;
                leases.push(lease);
                ends.push(end);
            }
            for lease in leases {
                lease.give_back();
            }
            // Two are kept, the third was too many.
            assert_eq!(ends[2].read(&mut [0]).await.expect("closed"), 0);
            let lease = pools.take(&server).expect("idle ones");
            assert_eq!(end_of(lease, &mut ends).await, 1);
        });
    }

    /// What the server has closed is not taken, and what no snapshot names is closed.
    #[test]
    fn dead_connections_and_orphans_go() {
        on_a_thread(async |pools| {
            let server = server(None, 10);
            let mut ends = Vec::new();
            for _ in 0..2 {
                let (lease, end) = open(&pools, &server).await;
                lease.give_back();
                ends.push(end);
            }
            drop(ends.pop());
            turn().await;
            let mut lease = pools.take(&server).expect("one is left");
            assert!(lease.is_alive() && !lease.has_hung_up());
            // The kernel knows before the event loop does.
            drop(ends.pop());
            assert!(lease.is_alive() && lease.has_hung_up());
            drop(lease);
            let (lease, mut end) = open(&pools, &server).await;
            lease.give_back();
            let (lease, talkative) = open(&pools, &server).await;
            lease.give_back();
            let mut ends = [talkative];
            ends[0].write_all(b"HTTP/1.1 408").await.expect("sent");
            turn().await;
            let lease = pools.take(&server).expect("the silent one is left");
            lease.give_back();
            assert_eq!(ends[0].read(&mut [0]).await.expect("closed"), 0);
            drop(server);
            pools.sweep();
            assert_eq!(end.read(&mut [0]).await.expect("closed"), 0);
            assert!(pools.servers.borrow().is_empty());
        });
    }
}
