//! Service -> server: the servers of a load balancer and whose turn it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use swarmgate_config::routing::SwarmBackend;
use swarmgate_config::secret;

/// The longest schedule that weights may make; beyond it they are scaled down.
const LONGEST_SCHEDULE: u64 = 1024;

/// One server: where to connect, and how.
///
/// It outlives snapshots in which its key does not change, and with it its connections.
#[derive(Debug)]
pub struct Server {
    /// Distinguishes pools; never reused within the process.
    pub number: u64,
    /// What it was built from.
    pub key: ServerKey,
    /// Name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `host[:port]` as written, for `Host` when the client's is not passed.
    pub authority: HeaderValue,
    /// TLS towards it.
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    /// The path of the URL when it is kept, without a final slash.
    pub prefix: Option<String>,
    /// Limits of its connections.
    pub limits: Limits,
    /// When it was built; a VIP is built anew whenever its number of running tasks changes.
    pub built: Instant,
}

/// What makes two servers the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerKey {
    /// The URL as written.
    pub url: String,
    /// Whether its path is kept.
    pub preserve_path: bool,
    /// Qualified name of the transport; empty for the default one.
    pub transport: String,
    /// A Swarm VIP's running tasks. The connections of a task, or of an ordinary server, do not
    /// depend on how many others there are.
    pub vip_tasks: Option<u32>,
}

/// Limits of connections to a server (Traefik: servers transport).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// To establish a connection.
    pub dial: Duration,
    /// From the request's end to the answer's head.
    pub response_header: Option<Duration>,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// How many unused ones are kept per thread.
    pub max_idle: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dial: Duration::from_secs(30),
            response_header: None,
            idle: Duration::from_secs(90),
            max_idle: 200,
        }
    }
}

/// TLS and limits of a servers transport, built once per snapshot.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Qualified name; empty for the default one.
    pub name: String,
    /// For `https` servers.
    pub tls: Arc<ClientConfig>,
    /// Name to expect instead of the URL's host.
    pub server_name: Option<String>,
    /// Limits.
    pub limits: Limits,
}

impl Server {
    /// Builds a server from its URL; the error says what is wrong with it.
    pub fn build(key: ServerKey, transport: &Transport) -> Result<Self, String> {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let wrong = |what: &str| format!("server URL {:?}: {what}", secret::url(&key.url));
        let uri: Uri = key.url.parse().map_err(|_| wrong("expected scheme://host:port"))?;
        let scheme = uri.scheme().cloned().ok_or_else(|| wrong("the scheme is missing"))?;
        let authority: Authority =
            uri.authority().cloned().ok_or_else(|| wrong("the host is missing"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("the host is missing"));
        }
        let secure = scheme == Scheme::HTTPS;
        if !secure && scheme != Scheme::HTTP {
            return Err(wrong("only the schemes http and https are served yet"));
        }
        let tls = if secure {
            let name = transport.server_name.clone().unwrap_or_else(|| host.clone());
            let name = ServerName::try_from(name)
                .map_err(|_| wrong("the host is not a name that a certificate can have"))?;
            Some((Arc::clone(&transport.tls), name))
        } else {
            None
        };
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let without_user = authority.as_str().rsplit('@').next().unwrap_or_default();
        let authority = HeaderValue::from_str(without_user)
            .map_err(|_| wrong("the host has a character that a header cannot carry"))?;
        let prefix = key
            .preserve_path
            .then(|| uri.path().trim_end_matches('/').to_owned())
            .filter(|path| !path.is_empty());
        Ok(Self {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            host,
            port,
            authority,
            tls,
            prefix,
            limits: transport.limits,
            built: Instant::now(),
            key,
        })
    }

    /// Running tasks behind a Swarm VIP: the pool grows to so many connections before it reuses
    /// one, because the VIP balances connections. 0 for an ordinary server.
    pub fn vip_tasks(&self) -> u32 {
        self.key.vip_tasks.unwrap_or(0)
    }
}

/// A load balancer over servers.
#[derive(Debug)]
pub struct Balancer {
    /// The servers with a positive weight.
    pub servers: Box<[Arc<Server>]>,
    /// Indices into `servers`: each as often as its weight says, interleaved.
    schedule: Box<[u32]>,
    position: AtomicUsize,
    /// The server sees the client's `Host`.
    pub pass_host: bool,
    /// What the Swarm provider knows.
    pub swarm: Option<SwarmBackend>,
}

impl Balancer {
    /// `servers` with their weights; those of weight 0 or less are left out.
    pub fn new(
        servers: Vec<(Arc<Server>, i64)>,
        pass_host: bool,
        swarm: Option<SwarmBackend>,
    ) -> Self {
        let (servers, weights): (Vec<_>, Vec<u64>) = servers
            .into_iter()
            .filter_map(|(server, weight)| {
                u64::try_from(weight).ok().filter(|w| *w > 0).map(|weight| (server, weight))
            })
            .unzip();
        Self {
            schedule: schedule(&weights),
            servers: servers.into(),
            position: AtomicUsize::new(0),
            pass_host,
            swarm,
        }
    }

    /// Whether nothing can answer: no server, or a Swarm service without a running task.
    pub fn is_empty(&self) -> bool {
        self.servers.is_empty() || self.swarm.is_some_and(|swarm| swarm.running_tasks == 0)
    }

    /// The next server in turn.
    pub fn next(&self) -> Option<&Arc<Server>> {
        match &*self.servers {
            [] => None,
            [one] => Some(one),
            many => {
                // Two threads may take the same turn; no turn is worth a locked instruction.
                let position = self.position.load(Ordering::Relaxed);
                self.position.store(position.wrapping_add(1), Ordering::Relaxed);
                let turn = self.schedule.get(position.checked_rem(self.schedule.len())?)?;
                many.get(*turn as usize)
            }
        }
    }
}

/// Earliest deadline first: a server of weight w has deadlines at 1/w, 2/w, ...
fn schedule(weights: &[u64]) -> Box<[u32]> {
    let divisor = weights.iter().copied().reduce(gcd).unwrap_or(1).max(1);
    let mut weights: Vec<u64> = weights.iter().map(|weight| weight / divisor).collect();
    let total = weights.iter().fold(0u64, |sum, weight| sum.saturating_add(*weight));
    let longest = LONGEST_SCHEDULE.max(weights.len() as u64);
    if total > longest {
        for weight in &mut weights {
            *weight =
                ((u128::from(*weight) * u128::from(longest) / u128::from(total)) as u64).max(1);
        }
    }
    let mut turns: Vec<(f64, u32)> = weights
        .iter()
        .enumerate()
        .flat_map(|(index, weight)| {
            let weight = *weight;
            (1..=weight).map(move |turn| (turn as f64 / weight as f64, index as u32))
        })
        .collect();
    turns.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    turns.into_iter().map(|(_, index)| index).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules() {
        let table: &[(&[u64], &[u32])] = &[
            (&[], &[]),
            (&[1], &[0]),
            (&[1, 1], &[0, 1]),
            (&[5, 5, 5], &[0, 1, 2]),
            (&[3, 1, 1], &[0, 0, 0, 1, 2]),
            (&[2, 1], &[0, 0, 1]),
        ];
        for (weights, expected) in table {
            assert_eq!(&*schedule(weights), *expected, "{weights:?}");
        }
        let huge = schedule(&[u64::MAX, 1]);
        assert!(huge.len() as u64 <= LONGEST_SCHEDULE + 1);
        assert_eq!(huge.iter().filter(|index| **index == 1).count(), 1);
    }
}
