//! The loads: what is done with each peer, as one table.

use crate::generate::{Kind, Reuse, Wire, Work};
use crate::peer::{Needs, Routes};

/// What is done and measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Each connection asks again as soon as it is answered: cost and throughput.
    Closed,
    /// Half of what the slower of Swarmgate and HAProxy can do, on a fixed schedule: latency.
    Open,
    /// So many connections with one request each, then silent: memory.
    Idle(usize),
    /// So many routers appear while requests come on a fixed schedule.
    Apply(usize),
}

/// One load.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// In arguments and in JSON.
    pub name: &'static str,
    /// In the report.
    pub title: &'static str,
    /// What is done.
    pub task: Task,
    /// What a request is.
    pub kind: Kind,
    /// What is spoken with the client. The upstream always gets HTTP/1.1 in the clear.
    pub wire: Wire,
    /// What the proxy has to choose from.
    pub routes: Routes,
    /// Which answer: `/small` 12 bytes, `/1k`, `/1m`.
    pub path: &'static str,
    /// Client connections.
    pub connections: usize,
    /// Streams on each, with HTTP/2.
    pub streams: usize,
    /// Requests per connection.
    pub reuse: Reuse,
    /// Access log and metrics on.
    pub logged: bool,
}

/// Keep-alive requests for a small answer; the other loads differ from it.
const SMALL: Load = Load {
    name: "keep-alive",
    title: "keep-alive, small",
    task: Task::Closed,
    kind: Kind::Get,
    wire: Wire::Plain,
    routes: Routes::One,
    path: "/small",
    connections: 64,
    streams: 1,
    reuse: Reuse::KeepAlive,
    logged: false,
};

/// How many routes "many" are.
pub const MANY: usize = 10_000;

/// All of them, in the report's order. `keep-alive` is first: `open-loop` builds on it.
pub const LOADS: [Load; 17] = [
    SMALL,
    Load { name: "1k", title: "1 KiB", path: "/1k", ..SMALL },
    Load { name: "1m", title: "1 MiB", path: "/1m", ..SMALL },
    Load {
        name: "connections",
        title: "one connection per request",
        reuse: Reuse::ConnectionPerRequest,
        ..SMALL
    },
    Load { name: "tls", title: "TLS keep-alive", wire: Wire::Tls, ..SMALL },
    Load {
        name: "handshakes",
        title: "TLS full handshakes",
        wire: Wire::Tls,
        reuse: Reuse::HandshakePerRequest,
        ..SMALL
    },
    Load { name: "tls-1m", title: "TLS 1 MiB", wire: Wire::Tls, path: "/1m", ..SMALL },
    Load {
        name: "http2",
        title: "HTTP/2 over TLS, 16 × 16 streams",
        wire: Wire::TlsHttp2,
        connections: 16,
        streams: 16,
        ..SMALL
    },
    Load { name: "hosts", title: "10,000 host routers", routes: Routes::Hosts(MANY), ..SMALL },
    Load {
        name: "paths",
        title: "one host, 10,000 path rules",
        routes: Routes::Paths(MANY),
        ..SMALL
    },
    Load { name: "idle", title: "10,000 idle connections", task: Task::Idle(10_000), ..SMALL },
    Load {
        name: "idle-tls",
        title: "10,000 idle TLS connections",
        task: Task::Idle(10_000),
        wire: Wire::Tls,
        ..SMALL
    },
    Load {
        name: "websocket",
        title: "WebSocket echo, 64 bytes",
        kind: Kind::WebSocketEcho,
        ..SMALL
    },
    Load { name: "logged", title: "access log and Prometheus on", logged: true, ..SMALL },
    Load { name: "open-loop", title: "half the knee, open loop", task: Task::Open, ..SMALL },
    Load { name: "apply-1000", title: "1,000 routers appear", task: Task::Apply(1000), ..SMALL },
    Load { name: "apply-10000", title: "10,000 routers appear", task: Task::Apply(MANY), ..SMALL },
];

impl Load {
    /// The load of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        LOADS.iter().find(|load| load.name == name)
    }

    /// What a peer must be able to do for it.
    #[must_use]
    pub fn needs(&self) -> Needs {
        Needs {
            http: self.routes != Routes::One
                || self.reuse != Reuse::KeepAlive
                || matches!(self.task, Task::Idle(_)),
            tls: self.wire != Wire::Plain,
            http2: self.wire == Wire::TlsHttp2,
            upgrade: self.kind == Kind::WebSocketEcho,
            log: self.logged,
            live_file: matches!(self.task, Task::Apply(_)),
        }
    }

    /// Client connections at the same time.
    #[must_use]
    pub fn most_connections(&self) -> usize {
        match self.task {
            Task::Idle(n) => n + self.connections,
            Task::Closed | Task::Open | Task::Apply(_) => self.connections,
        }
    }

    /// Bytes of a good answer.
    #[must_use]
    pub fn body(&self) -> u64 {
        match self.path {
            "/1k" => 1 << 10,
            "/1m" => 1 << 20,
            _ => 12,
        }
    }

    /// The generator's part of it, as fast as can be; times are left as they are by default.
    #[must_use]
    pub fn work(&self, target: std::net::SocketAddr) -> Work {
        Work {
            wire: self.wire,
            kind: self.kind,
            hosts: self.routes.hosts(),
            paths: self.routes.paths(self.path),
            connections: self.connections,
            streams: self.streams,
            reuse: self.reuse,
            expected_body: (self.kind == Kind::Get).then(|| self.body()),
            ..Work::new(target)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Peer;

    #[test]
    fn names_are_unique_and_lead_back() {
        for load in &LOADS {
            assert_eq!(Load::named(load.name).map(|found| found.title), Some(load.title));
        }
        assert!(Load::named("keepalive").is_none());
    }

    #[test]
    fn who_does_what() {
        let relayed: Vec<_> = LOADS
            .iter()
            .filter(|load| Peer::Relay.can(load.needs()).is_ok())
            .map(|load| load.name)
            .collect();
        assert_eq!(relayed, ["keep-alive", "1k", "1m", "websocket", "open-loop"]);
        for load in &LOADS {
            assert!(Peer::Swarmgate.can(load.needs()).is_ok(), "{}", load.name);
            assert!(Peer::Traefik.can(load.needs()).is_ok(), "{}", load.name);
        }
    }

    #[test]
    fn work_says_what_the_load_says() {
        let at = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
        let work = Load::named("http2").unwrap().work(at);
        assert_eq!((work.connections, work.streams, work.wire), (16, 16, Wire::TlsHttp2));
        let work = Load::named("hosts").unwrap().work(at);
        assert_eq!((work.hosts.len(), work.paths.len()), (MANY, 1));
        assert_eq!(work.expected_body, Some(12));
        assert_eq!(Load::named("tls-1m").unwrap().work(at).expected_body, Some(1 << 20));
        assert_eq!(Load::named("websocket").unwrap().work(at).expected_body, None);
    }
}
