//! What every peer is configured to do: where it listens, where it forwards, how many routes lead
//! there.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::Certificate;

/// The one host of a site that has one.
const ONE: &str = "app.load.test";

/// The routes to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routes {
    /// One host.
    One,
    /// So many hosts, a route each, all to the same upstream.
    Hosts(usize),
    /// One host with so many path rules, all to the same upstream.
    Paths(usize),
}

/// The `i`th host of a site with many.
#[must_use]
pub fn host(i: usize) -> String {
    format!("h{i:05}.load.test")
}

/// The `i`th path prefix of a site with many. All have the same length: none is another's prefix.
#[must_use]
pub fn path(i: usize) -> String {
    format!("/p{i:05}")
}

impl Routes {
    /// The hosts that requests rotate over.
    #[must_use]
    pub fn hosts(self) -> Vec<String> {
        match self {
            Self::Hosts(n) => (0..n).map(host).collect(),
            Self::One | Self::Paths(_) => vec![ONE.to_owned()],
        }
    }

    /// The paths that requests rotate over; `one` when the routes do not look at paths.
    #[must_use]
    pub fn paths(self, one: &str) -> Vec<String> {
        match self {
            Self::Paths(n) => (0..n).map(|i| format!("{}/page", path(i))).collect(),
            Self::One | Self::Hosts(_) => vec![one.to_owned()],
        }
    }
}

/// What a load asks of a peer, beside forwarding HTTP/1.1 with keep-alive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Looks at requests: more than one route, or an end of a connection that it must see.
    pub http: bool,
    /// TLS, HTTP/1.1 within.
    pub tls: bool,
    /// HTTP/2 over TLS.
    pub http2: bool,
    /// Upgrades to WebSocket.
    pub upgrade: bool,
    /// Access log.
    pub log: bool,
    /// New routers while it runs.
    pub live_file: bool,
}

/// One peer's work.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where requests are forwarded to.
    pub upstream: SocketAddr,
    /// Where it listens in the clear.
    pub plain: SocketAddr,
    /// Where it listens with TLS, when the load needs it.
    pub tls: Option<(SocketAddr, Certificate)>,
    /// Where its Prometheus metrics are served, when the load wants log and metrics.
    pub metrics: Option<SocketAddr>,
    /// Its access log, when the load wants it.
    pub access_log: Option<PathBuf>,
    /// The routes.
    pub routes: Routes,
    /// So many client connections at the same time must be possible.
    pub connections: usize,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A site with everything on fixed ports, for configurations under test.
    pub fn everything(routes: Routes) -> Site {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        Site {
            upstream: at(9000),
            plain: at(8000),
            tls: Some((
                at(8443),
                Certificate {
                    chain: "/c/chain.pem".into(),
                    key: "/c/key.pem".into(),
                    both: "/c/both.pem".into(),
                },
            )),
            metrics: Some(at(8080)),
            access_log: Some("/l/access.log".into()),
            routes,
            connections: 64,
        }
    }

    /// A site with nothing but HTTP.
    pub fn plain(routes: Routes) -> Site {
        Site { tls: None, metrics: None, access_log: None, ..everything(routes) }
    }

    #[test]
    fn rotation() {
        let cases = [
            (Routes::One, 1, 1, "app.load.test", "/1k"),
            (Routes::Hosts(3), 3, 1, "h00002.load.test", "/1k"),
            (Routes::Paths(3), 1, 3, "app.load.test", "/p00002/page"),
        ];
        for (routes, hosts, paths, last_host, last_path) in cases {
            let (seen_hosts, seen_paths) = (routes.hosts(), routes.paths("/1k"));
            assert_eq!((seen_hosts.len(), seen_paths.len()), (hosts, paths), "{routes:?}");
            assert_eq!(seen_hosts.last().unwrap(), last_host);
            assert_eq!(seen_paths.last().unwrap(), last_path);
        }
    }
}
