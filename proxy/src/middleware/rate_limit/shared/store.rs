//! A Redis: who it is, and the connections to it that all threads and all limits share.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use swarmgate_config::routing::{self, ServersTransport};
use swarmgate_config::secret;
use tokio::sync::{mpsc, oneshot};

use super::connection::{self, Failure, Job};
use super::resp::Reply;
use crate::tls;

/// So many commands wait for a connection to take them; who comes then waits for a place.
const QUEUE: usize = 1024;

/// "No limit" is a day: nothing hangs for ever.
const NO_LIMIT: Duration = Duration::from_secs(86_400);

/// The stores in use, by their options: limits with equal ones share a store, as long as any is
/// left.
static STORES: Mutex<Vec<(routing::Redis, Weak<Store>)>> = Mutex::new(Vec::new());

/// Threads in the order in which they came here.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static THREAD: Cell<usize> = Cell::new(THREADS.fetch_add(1, Ordering::Relaxed));
}

/// How the store is reached.
pub(super) struct Access {
    /// Without brackets.
    pub host: String,
    pub port: u16,
    pub tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub username: String,
    pub password: String,
    pub db: i64,
    pub dial: Duration,
    pub read: Duration,
    pub write: Duration,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// One connection at a time, made when somebody needs it.
#[derive(Default)]
struct Lane {
    /// To whoever drives the connection; closed when it has ended.
    jobs: ArcSwapOption<mpsc::Sender<Job>>,
    /// Held while one is made: no two for the same lane.
    opening: Mutex<()>,
}

/// A Redis.
pub(super) struct Store {
    access: Arc<Access>,
    /// Each thread goes by one of them.
    lanes: Box<[Lane]>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis at {}", self.access)
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
        let endpoint = match written.endpoints.as_slice() {
            [] => "127.0.0.1:6379",
            [endpoint] => endpoint,
            several => {
                return Err(format!(
                    "redis.endpoints has {} of them, which means a Redis Cluster, and that is not \
                     served yet; expected one such as \"redis:6379\"",
                    several.len()
                ));
            }
        };
        let Some((host, port)) = address(endpoint) else {
            return Err(format!(
                "redis.endpoints: {:?} is no address; expected host and port such as \"redis:6379\"",
                shown(endpoint)
            ));
        };
        let tls = match &written.tls {
            None => None,
            Some(tls) => {
                let name = ServerName::try_from(host.to_owned()).map_err(|_| {
                    format!("redis.endpoints: {host:?} is no name that a certificate could have")
                })?;
                Some((client_config(tls)?, name))
            }
        };
        let limit = |written: Option<swarmgate_config::scalar::Duration>, otherwise, none| {
            written.map_or(otherwise, |written| written.positive().unwrap_or(none))
        };
        let (three, five) = (Duration::from_secs(3), Duration::from_secs(5));
        let access = Access {
            host: host.to_owned(),
            port,
            tls,
            username: written.username.clone(),
            password: written.password.clone(),
            db: written.db,
            dial: limit(written.dial_timeout, five, five),
            read: limit(written.read_timeout, three, NO_LIMIT),
            write: limit(written.write_timeout, three, NO_LIMIT),
        };
        let threads = available_parallelism().map_or(1, usize::from);
        let most = [written.pool_size, written.max_active_conns];
        let most = most.iter().filter_map(|most| usize::try_from(*most).ok().filter(|it| *it > 0));
        let lanes = most.chain([threads]).min().unwrap_or(1);
        let lanes = (0..lanes).map(|_| Lane::default()).collect();
        Ok(Self { access: Arc::new(access), lanes })
    }

    /// Has it run a command. `command` is asked for again where the connection ended before there
    /// was an answer: a store that was restarted, or one that hangs up on who says nothing for long.
    pub(super) async fn ask(&self, command: impl Fn() -> Vec<u8>) -> Result<Reply, Failure> {
        let mut failure = Failure::Ended("there is no connection".into());
        for _ in 0..2 {
            match self.ask_once(command()).await {
                Err(Failure::Ended(why)) => failure = Failure::Ended(why),
                other => return other,
            }
        }
        Err(failure)
    }

    async fn ask_once(&self, command: Vec<u8>) -> Result<Reply, Failure> {
        let ended = || Failure::Ended("the connection ended".into());
        let (answer, answered) = oneshot::channel();
        let jobs = self.lane().ok_or_else(ended)?.jobs(&self.access);
        jobs.send(Job { command, answer }).await.map_err(|_| ended())?;
        // Whoever drives the connection answers in time, or goes away with it.
        answered.await.unwrap_or_else(|_| Err(ended()))
    }

    fn lane(&self) -> Option<&Lane> {
        let number = THREAD.get().checked_rem(self.lanes.len())?;
        self.lanes.get(number)
    }
}

impl Lane {
    /// Where commands go; a new connection if there is none. It is this thread's then.
    fn jobs(&self, access: &Arc<Access>) -> Arc<mpsc::Sender<Job>> {
        let open = || self.jobs.load_full().filter(|jobs| !jobs.is_closed());
        if let Some(jobs) = open() {
            return jobs;
        }
        // Nothing panics while it holds it, and nobody waits.
        let _opening = self.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(jobs) = open() {
            return jobs;
        }
        let (jobs, received) = mpsc::channel(QUEUE);
        tokio::task::spawn_local(connection::run(Arc::clone(access), received));
        let jobs = Arc::new(jobs);
        self.jobs.store(Some(Arc::clone(&jobs)));
        jobs
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

    #[test]
    fn options() {
        let store = Store::new(&written("{}")).unwrap();
        assert_eq!(format!("{store:?}"), "Redis at 127.0.0.1:6379");
        let access = &store.access;
        assert_eq!((access.read, access.write), (Duration::from_secs(3), Duration::from_secs(3)));
        assert_eq!(access.dial, Duration::from_secs(5));
        let text = r#"{"endpoints":["[::1]:7"],"readTimeout":"0s","writeTimeout":"-1s","dialTimeout":"0s",
            "tls":{"insecureSkipVerify":true}}"#;
        let store = Store::new(&written(text)).unwrap();
        let access = &store.access;
        assert_eq!((access.read, access.write), (NO_LIMIT, NO_LIMIT));
        assert_eq!(access.dial, Duration::from_secs(5));
        assert!(access.tls.as_ref().unwrap().0.alpn_protocols.is_empty());
        assert_eq!(format!("{store:?}"), "Redis at [::1]:7");
        for (text, lanes) in [(r#"{"poolSize":1}"#, 1), (r#"{"maxActiveConns":1,"poolSize":9}"#, 1)]
        {
            assert_eq!(Store::new(&written(text)).unwrap().lanes.len(), lanes, "{text}");
        }
        assert!(!Store::new(&written(r#"{"poolSize":-1}"#)).unwrap().lanes.is_empty());
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
            (r#"{"endpoints":["a:1","b:2"]}"#, "has 2 of them, which means a Redis Cluster"),
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
