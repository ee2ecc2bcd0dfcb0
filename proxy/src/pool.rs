//! Connections to servers, pooled per data-plane thread.
//!
//! A Swarm VIP balances connections, not requests. Its connections are therefore taken
//! oldest-first, the pool grows to the number of running tasks before it reuses one, no connection
//! outlives a change of that number, and each has a maximum age. An ordinary server's connections
//! are taken newest-first, so that a pool that grew in a peak shrinks again.

use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1::SendRequest;

use crate::balance::Server;
use crate::body::RequestBody;
use crate::clock;

/// Maximum age of a connection to a VIP, before spreading: new tasks get their share within it.
const MAX_AGE: Duration = Duration::from_secs(60);

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
    servers: RefCell<HashMap<u64, Pool, BuildHasherDefault<NumberHasher>>>,
}

#[derive(Debug)]
struct Pool {
    server: Arc<Server>,
    idle: VecDeque<Idle>,
    /// Idle and leased ones.
    open: u32,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestBody>,
    too_old: u32,
    unused_too_long: u32,
}

/// A connection taken out of a pool, or a new one. Dropping it without [`Lease::give_back`] closes
/// the connection.
#[derive(Debug)]
pub struct Lease {
    /// The connection; `None` only once given back.
    sender: Option<SendRequest<RequestBody>>,
    server: Arc<Server>,
    too_old: u32,
    pools: Rc<Pools>,
    /// It has carried a request before.
    pub reused: bool,
    /// The server knows it by the client's credentials (NTLM, Negotiate): it must not be pooled.
    pub bound: bool,
}

impl Pools {
    /// An unused connection, if there is one that should be reused now.
    pub fn take(self: &Rc<Self>, server: &Arc<Server>) -> Option<Lease> {
        let mut servers = self.servers.borrow_mut();
        let pool = servers.get_mut(&server.number)?;
        let tasks = server.vip_tasks();
        if tasks > 0 && pool.open < tasks.min(MOST_GROWN) {
            return None;
        }
        loop {
            let idle = if tasks > 0 { pool.idle.pop_front() } else { pool.idle.pop_back() }?;
            if idle.sender.is_ready() && !clock::reached(idle.too_old) {
                return Some(Lease {
                    sender: Some(idle.sender),
                    server: Arc::clone(server),
                    too_old: idle.too_old,
                    pools: Rc::clone(self),
                    reused: true,
                    bound: false,
                });
            }
            pool.open = pool.open.saturating_sub(1);
        }
    }

    /// Counts a new connection.
    pub fn lease(self: &Rc<Self>, server: &Arc<Server>, sender: SendRequest<RequestBody>) -> Lease {
        let mut servers = self.servers.borrow_mut();
        let pool = match servers.entry(server.number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(Pool { server: Arc::clone(server), idle: VecDeque::new(), open: 0 })
            }
        };
        pool.open = pool.open.saturating_add(1);
        let too_old = match server.vip_tasks() {
            0 => 0,
            _ if server.built.elapsed() < SETTLING => clock::after(SETTLING_AGE),
            // Spread by a quarter, so that connections opened together do not end together.
            _ => clock::after(MAX_AGE - MAX_AGE / 8 * (pool.open % 3)),
        };
        Lease {
            sender: Some(sender),
            server: Arc::clone(server),
            too_old,
            pools: Rc::clone(self),
            reused: false,
            bound: false,
        }
    }

    /// Closes what was unused for too long or is dead; forgets servers that no snapshot names.
    pub fn sweep(&self) {
        self.servers.borrow_mut().retain(|_, pool| {
            let before = pool.idle.len();
            // The pool's own handle is the only one left: no snapshot names the server.
            let orphan = Arc::strong_count(&pool.server) <= 1;
            pool.idle.retain(|idle| {
                !orphan
                    && idle.sender.is_ready()
                    && !clock::reached(idle.unused_too_long)
                    && !clock::reached(idle.too_old)
            });
            let closed = (before - pool.idle.len()) as u32;
            pool.open = pool.open.saturating_sub(closed);
            pool.open > 0
        });
    }

    /// Closes every unused connection.
    pub fn clear(&self) {
        self.servers.borrow_mut().clear();
    }
}

impl Lease {
    /// The connection.
    pub fn sender(&mut self) -> Option<&mut SendRequest<RequestBody>> {
        self.sender.as_mut()
    }

    /// Whether it is a connection to this server.
    pub fn leads_to(&self, server: &Server) -> bool {
        self.server.number == server.number
    }

    /// Whether it is between requests.
    pub fn is_ready(&self) -> bool {
        self.sender.as_ref().is_some_and(SendRequest::is_ready)
    }

    /// Puts the connection back, if it is between requests at this moment.
    ///
    /// Returns the lease when it is not (yet): the answer was not read to its end, the request was
    /// not sent to its end, or the connection is closed.
    pub fn give_back(mut self) -> Result<(), Self> {
        match &self.sender {
            Some(sender) if sender.is_ready() => {}
            _ => return Err(self),
        }
        let mut servers = self.pools.servers.borrow_mut();
        if let Some(pool) = servers.get_mut(&self.server.number)
            && pool.idle.len() < self.server.limits.max_idle
            && !clock::reached(self.too_old)
            && let Some(sender) = self.sender.take()
        {
            pool.idle.push_back(Idle {
                sender,
                too_old: self.too_old,
                unused_too_long: clock::after(self.server.limits.idle),
            });
        }
        drop(servers);
        Ok(())
    }

    /// Waits until the connection is between requests and gives it back; closes it if that takes
    /// longer than `patience`.
    pub fn give_back_later(mut self, patience: Duration) {
        if self.sender.as_ref().is_none_or(SendRequest::is_closed) {
            return;
        }
        tokio::task::spawn_local(async move {
            let ready = match &mut self.sender {
                Some(sender) => {
                    tokio::time::timeout(patience, std::future::poll_fn(|cx| sender.poll_ready(cx)))
                        .await
                }
                None => return,
            };
            if matches!(ready, Ok(Ok(()))) {
                drop(self.give_back());
            }
        });
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.sender.take().is_some()
            && let Ok(mut servers) = self.pools.servers.try_borrow_mut()
            && let Some(pool) = servers.get_mut(&self.server.number)
        {
            pool.open = pool.open.saturating_sub(1);
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

    use http::Request;
    use hyper::client::conn::http1;
    use hyper_util::rt::TokioIo;
    use swarmgate_config::routing::ServersTransport;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};
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
    async fn open(pools: &Rc<Pools>, server: &Arc<Server>) -> (Lease, DuplexStream) {
        let (near, far) = duplex(4096);
        let (mut sender, connection) = http1::handshake(TokioIo::new(near)).await.expect("HTTP");
        tokio::task::spawn_local(connection);
        std::future::poll_fn(|cx| sender.poll_ready(cx)).await.expect("ready");
        (pools.lease(server, sender), far)
    }

    /// Which of the server's ends a request on this connection arrives at.
    async fn end_of(mut lease: Lease, ends: &mut [DuplexStream]) -> usize {
        let answer = lease.sender().expect("open").send_request(Request::default());
        tokio::task::spawn_local(answer);
        for (number, end) in ends.iter_mut().enumerate() {
            let read = tokio::time::timeout(Duration::from_millis(50), end.read_u8());
            if matches!(read.await, Ok(Ok(_))) {
                return number;
            }
        }
        panic!("the request is nowhere");
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
                assert!(lease.give_back().is_ok());
                ends.push(end);
            }
            let lease = pools.take(&vip).expect("three are enough");
            assert!(lease.reused);
            assert!(lease.give_back().is_ok());
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
                assert!(lease.give_back().is_ok());
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
                assert!(lease.give_back().is_ok());
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
                assert!(lease.give_back().is_ok());
                ends.push(end);
            }
            drop(ends.pop());
            tokio::task::yield_now().await;
            let lease = pools.take(&server).expect("one is left");
            assert!(lease.is_ready() && lease.give_back().is_ok());
            drop(server);
            pools.sweep();
            assert_eq!(ends[0].read(&mut [0]).await.expect("closed"), 0);
            assert!(pools.servers.borrow().is_empty());
        });
    }
}
