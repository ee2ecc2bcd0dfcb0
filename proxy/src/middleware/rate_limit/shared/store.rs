//! A store by its options: one Redis or a cluster of them, which all limits with equal ones share.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use swarmgate_config::routing::{self, ServersTransport};
use swarmgate_config::secret;

use super::cluster::Cluster;
use super::connection::Failure;
use super::node::{Access, Node};
use super::resp::Reply;
use crate::tls;

/// "No limit" is a day: nothing hangs for ever.
const NO_LIMIT: Duration = Duration::from_secs(86_400);

/// So many servers of a cluster may be written; the others are learnt from them.
const MOST_ENDPOINTS: usize = 100;

/// The stores in use, by their options: limits with equal ones share a store, as long as any is
/// left.
static STORES: Mutex<Vec<(routing::Redis, Weak<Store>)>> = Mutex::new(Vec::new());

/// A Redis, or a cluster of them.
pub(super) enum Store {
    /// All keys are here.
    One(Node),
    /// What several endpoints mean.
    Cluster(Cluster),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(node) => write!(f, "Redis at {}", node.access),
            Self::Cluster(cluster) => fmt::Debug::fmt(cluster, f),
        }
    }
}

impl Store {
    /// The store with these options, or what is wrong with them. Reads the files of `tls`; connects
    /// to nothing.
    pub(super) fn of(written: &routing::Redis) -> Result<Arc<Self>, String> {
        // Nothing panics while it holds it.
        let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
        stores.retain(|(_, store)| store.strong_count() > 0);
        let known = stores.iter().find(|(known, _)| known == written);
        if let Some(store) = known.and_then(|(_, store)| store.upgrade()) {
            return Ok(store);
        }
        let store = Arc::new(Self::new(written)?);
        stores.push((written.clone(), Arc::downgrade(&store)));
        Ok(store)
    }

    fn new(written: &routing::Redis) -> Result<Self, String> {
        let tls = written.tls.as_ref().map(client_config).transpose()?;
        let limit = |written: Option<swarmgate_config::scalar::Duration>, otherwise, none| {
            written.map_or(otherwise, |written| written.positive().unwrap_or(none))
        };
        let (three, five) = (Duration::from_secs(3), Duration::from_secs(5));
        let threads = available_parallelism().map_or(1, usize::from);
        let most = [written.pool_size, written.max_active_conns];
        let most = most.iter().filter_map(|most| usize::try_from(*most).ok().filter(|it| *it > 0));
        let lanes = most.chain([threads]).min().unwrap_or(1);
        let several = written.endpoints.len() > 1;
        let node = |endpoint: &str| -> Result<Node, String> {
            let Some((host, port)) = address(endpoint) else {
                return Err(format!(
                    "redis.endpoints: {:?} is no address; expected host and port such as \"redis:6379\"",
                    shown(endpoint)
                ));
            };
            let tls = match &tls {
                None => None,
                Some(config) => {
                    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
                        format!(
                            "redis.endpoints: {host:?} is no name that a certificate could have"
                        )
                    })?;
                    Some((Arc::clone(config), name))
                }
            };
            let access = Access {
                host: host.to_owned(),
                port,
                tls,
                username: written.username.clone(),
                password: written.password.clone(),
                cluster: several,
                // A cluster has only one database.
                db: if several { 0 } else { written.db },
                dial: limit(written.dial_timeout, five, five),
                read: limit(written.read_timeout, three, NO_LIMIT),
                write: limit(written.write_timeout, three, NO_LIMIT),
            };
            Ok(Node::new(access, lanes))
        };
        match written.endpoints.as_slice() {
            [] => node("127.0.0.1:6379").map(Self::One),
            [endpoint] => node(endpoint).map(Self::One),
            endpoints if endpoints.len() > MOST_ENDPOINTS => Err(format!(
                "redis.endpoints has {} of them; expected {MOST_ENDPOINTS} at most",
                endpoints.len()
            )),
            endpoints => {
                let nodes: Result<_, _> = endpoints.iter().map(|endpoint| node(endpoint)).collect();
                nodes.map(|nodes| Self::Cluster(Cluster::new(nodes)))
            }
        }
    }

    /// Has it run a command on this key. `command` is asked for again where it is sent again.
    pub(super) async fn ask(
        &self,
        key: &[u8],
        command: impl Fn() -> Vec<u8>,
    ) -> Result<Reply, Failure> {
        match self {
            Self::One(node) => node.ask(command, false).await,
            Self::Cluster(cluster) => cluster.ask(key, command).await,
        }
    }
}

/// Host (without brackets) and port.
fn address(endpoint: &str) -> Option<(&str, u16)> {
    let (host, port) = endpoint.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']')?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let odd = |letter: char| letter.is_whitespace() || matches!(letter, '/' | '@' | '[' | ']');
    if host.contains(odd) || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Go takes nobody for this machine.
    let host = if host.is_empty() { "localhost" } else { host };
    Some((host, port.parse().ok().filter(|port| *port > 0)?))
}

/// An endpoint without the password that somebody may have put into it.
fn shown(endpoint: &str) -> String {
    match endpoint.rsplit_once('@') {
        Some((_, host)) => format!("{}@{host}", secret::HIDDEN),
        None => endpoint.to_owned(),
    }
}

fn client_config(written: &routing::ForwardAuthTls) -> Result<Arc<ClientConfig>, String> {
    let certificate = match (written.cert.is_empty(), written.key.is_empty()) {
        (true, true) => None,
        (false, false) => Some(routing::Certificate {
            cert_file: written.cert.clone(),
            key_file: written.key.clone(),
            ..routing::Certificate::default()
        }),
        _ => return Err("redis.tls: cert and key belong together; expected both or none".into()),
    };
    let transport = ServersTransport {
        insecure_skip_verify: written.insecure_skip_verify,
        root_cas: Some(written.ca.clone()).filter(|ca| !ca.is_empty()).into_iter().collect(),
        certificates: certificate.into_iter().collect(),
        ..ServersTransport::default()
    };
    let config = tls::client_config(&transport).map_err(|error| format!("redis.tls: {error}"))?;
    let mut config = Arc::unwrap_or_clone(config);
    // It is not HTTP that is spoken.
    config.alpn_protocols.clear();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(options: &str) -> routing::Redis {
        serde_json::from_str(options).unwrap()
    }

    #[test]
    fn addresses() {
        let table = [
            ("redis:6379", Some(("redis", 6379))),
            ("127.0.0.1:1", Some(("127.0.0.1", 1))),
            ("[::1]:6379", Some(("::1", 6379))),
            (":6379", Some(("localhost", 6379))),
            ("redis", None),
            ("redis:", None),
            ("redis:0", None),
            ("redis:+1", None),
            ("redis:65536", None),
            ("::1:6379", None),
            ("redis://redis:6379", None),
            ("u:p@redis:6379", None),
            ("a b:1", None),
            ("", None),
        ];
        for (endpoint, expected) in table {
            assert_eq!(address(endpoint), expected, "{endpoint}");
        }
    }

    fn one(store: &Store) -> &Node {
        let Store::One(node) = store else { panic!("{store:?}") };
        node
    }

    fn access_of(store: &Store) -> &Access {
        &one(store).access
    }

    fn lanes_of(store: &Store) -> usize {
        one(store).lanes()
    }

    #[test]
    fn options() {
        let store = Store::new(&written("{}")).unwrap();
        assert_eq!(format!("{store:?}"), "Redis at 127.0.0.1:6379");
        let access = access_of(&store);
        assert_eq!((access.read, access.write), (Duration::from_secs(3), Duration::from_secs(3)));
        assert_eq!(access.dial, Duration::from_secs(5));
        let text = r#"{"endpoints":["[::1]:7"],"readTimeout":"0s","writeTimeout":"-1s","dialTimeout":"0s",
            "tls":{"insecureSkipVerify":true}}"#;
        let store = Store::new(&written(text)).unwrap();
        let access = access_of(&store);
        assert_eq!((access.read, access.write), (NO_LIMIT, NO_LIMIT));
        assert_eq!(access.dial, Duration::from_secs(5));
        assert!(access.tls.as_ref().unwrap().0.alpn_protocols.is_empty());
        assert_eq!(format!("{store:?}"), "Redis at [::1]:7");
        for (text, lanes) in [(r#"{"poolSize":1}"#, 1), (r#"{"maxActiveConns":1,"poolSize":9}"#, 1)]
        {
            assert_eq!(lanes_of(&Store::new(&written(text)).unwrap()), lanes, "{text}");
        }
        assert!(lanes_of(&Store::new(&written(r#"{"poolSize":-1}"#)).unwrap()) > 0);
        let several = r#"{"endpoints":["a:1","[::1]:2"],"db":3}"#;
        let several = Store::new(&written(several)).unwrap();
        assert_eq!(format!("{several:?}"), "Redis Cluster at a:1, [::1]:2");
    }

    #[test]
    fn equal_options_are_one_store() {
        let (one, other) = (r#"{"endpoints":["one:1"]}"#, r#"{"endpoints":["one:1"],"db":2}"#);
        let first = Store::of(&written(one)).unwrap();
        assert!(Arc::ptr_eq(&first, &Store::of(&written(one)).unwrap()));
        assert!(!Arc::ptr_eq(&first, &Store::of(&written(other)).unwrap()));
        let gone = Arc::downgrade(&first);
        drop(first);
        assert!(gone.upgrade().is_none());
        Store::of(&written(one)).unwrap();
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            (r#"{"endpoints":["redis"]}"#, "\"redis\" is no address; expected host and port"),
            (r#"{"endpoints":["a:1","b"]}"#, "\"b\" is no address"),
            (&format!(r#"{{"endpoints":["a:1"{}]}}"#, r#","b:1""#.repeat(100)), "has 101 of them"),
            (r#"{"endpoints":["redis://u:hidden@redis:1"]}"#, "\"xxxx@redis:1\" is no address"),
            (r#"{"tls":{"cert":"a"}}"#, "redis.tls: cert and key belong together"),
            (r#"{"tls":{"ca":"/nowhere/ca.pem"}}"#, "redis.tls: rootCAs: the root CA /nowhere"),
        ] {
            let error = Store::new(&written(options)).map(drop).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}
