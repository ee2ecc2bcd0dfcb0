//! What the generator is asked to do.

use std::net::SocketAddr;
use std::time::Duration;

/// What is spoken on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// HTTP/1.1 in the clear.
    Plain,
    /// HTTP/1.1 over TLS 1.3.
    Tls,
    /// HTTP/2 over TLS 1.3 (ALPN `h2`).
    TlsHttp2,
}

/// What a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A GET and its answer.
    Get,
    /// A masked binary WebSocket frame of 64 bytes and its echo, on a connection that was upgraded
    /// once ([`Wire::TlsHttp2`] cannot; [`Reuse`] is not looked at).
    WebSocketEcho,
}

/// How many requests a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reuse {
    /// As many as the target lets it.
    KeepAlive,
    /// One (`Connection: close`; the next connection is made when the target has closed). With TLS,
    /// sessions are resumed by tickets as a browser does.
    ConnectionPerRequest,
    /// One, with a full TLS handshake.
    HandshakePerRequest,
}

/// When requests begin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// Each connection (HTTP/2: stream) begins the next when the last is answered: as fast as can be.
    Closed,
    /// On a fixed schedule, whatever the target does. Latency counts from the time that the
    /// schedule names, so that waiting for a free connection counts (no coordinated omission), and
    /// so do the up to 50 microseconds by which the generator may be behind.
    Open {
        /// Requests per second over all connections.
        rate: f64,
    },
}

/// One load on one target.
///
/// Make it with [`Work::new`] and set what differs:
/// `Work { connections: 64, ..Work::new(address) }`.
#[derive(Debug, Clone)]
pub struct Work {
    /// Where to.
    pub target: SocketAddr,
    /// What is spoken.
    pub wire: Wire,
    /// What a request is.
    pub kind: Kind,
    /// `Host`s, in turn (also the TLS server names). Request `i` takes host `i % hosts` and path
    /// `i % paths`, `i` going through all of `0..max(hosts, paths)` in an order that jumps.
    pub hosts: Vec<String>,
    /// Paths with their queries, in turn.
    pub paths: Vec<String>,
    /// Connections at the same time.
    pub connections: usize,
    /// HTTP/2: streams at the same time on each connection (fewer if the target allows fewer).
    pub streams: usize,
    /// How many requests a connection carries.
    pub reuse: Reuse,
    /// When requests begin.
    pub pace: Pace,
    /// Not measured, before.
    pub warm_up: Duration,
    /// Measured.
    pub duration: Duration,
    /// A request, or the opening of a connection, that takes longer has failed.
    pub timeout: Duration,
    /// Added to what each request sends anyway: `Host`, `User-Agent`, `Accept`, `Accept-Encoding`.
    pub request_headers: Vec<(String, String)>,
    /// The status that each answer must have; `None`: 2xx. Any other is a failure.
    pub expected_status: Option<u16>,
    /// Bytes that each body must have, if known; any other length is a failure.
    pub expected_body: Option<u64>,
}

impl Work {
    /// Keep-alive GETs of `/small` with `Host: bench.test` over 64 connections, as fast as can be:
    /// 0.5 s of warm-up, 3 s measured, time-out 5 s.
    #[must_use]
    pub fn new(target: SocketAddr) -> Self {
        Self {
            target,
            wire: Wire::Plain,
            kind: Kind::Get,
            hosts: vec!["bench.test".to_owned()],
            paths: vec!["/small".to_owned()],
            connections: 64,
            streams: 16,
            reuse: Reuse::KeepAlive,
            pace: Pace::Closed,
            warm_up: Duration::from_millis(500),
            duration: Duration::from_secs(3),
            timeout: Duration::from_secs(5),
            request_headers: Vec::new(),
            expected_status: None,
            expected_body: None,
        }
    }
}
