//! The data plane as a whole: bound, started, given snapshots and certificates, stopped.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use swarmgate_config::checked;
use swarmgate_config::install::{EntryPoint, Install};
use tokio::sync::watch;

use crate::explain::{self, Explanation, Question, Routes};
use crate::internal::{ChallengeLookup, State, rest};
use crate::listen::listen;
use crate::observe::{AccessLog, Metrics};
use crate::retire::Retirement;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::tls::{Certificates, Store};
use crate::worker::{self, Shared};

/// How often a replaced snapshot is looked at. Data-plane threads let go of it within their next
/// sweep, but for requests that still wait for their answer.
const RETIREMENT: Duration = Duration::from_millis(500);

/// What the data plane is started with.
pub struct Options {
    /// The install configuration.
    pub install: Arc<Install>,
    /// The entry points, defaults filled in, by name, with the address each listens on.
    pub entry_points: Vec<(String, EntryPoint, SocketAddr)>,
    /// Data-plane threads.
    pub threads: usize,
    /// HTTP-01 answers.
    pub challenges: ChallengeLookup,
    /// Where the REST provider takes configurations, if there is one.
    pub rest: Option<rest::Put>,
    /// Where finished requests are told.
    pub access_log: Option<AccessLog>,
    /// This machine's name.
    pub host_name: String,
}

/// Why the data plane cannot start.
#[derive(Debug)]
pub struct BindError {
    /// The entry point.
    pub entry_point: String,
    /// What was tried.
    pub address: SocketAddr,
    /// What is wrong.
    pub cause: Cause,
}

/// What is wrong with an entry point.
#[derive(Debug)]
pub enum Cause {
    /// The socket.
    Io(io::Error),
    /// An option.
    Settings(String),
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { entry_point, address, cause } = self;
        match cause {
            Cause::Io(error) if error.kind() == io::ErrorKind::AddrInUse => write!(
                f,
                "entry point {entry_point:?}: the address {address} is in use by another process"
            ),
            Cause::Io(error) if error.kind() == io::ErrorKind::PermissionDenied => write!(
                f,
                "entry point {entry_point:?}: no permission to listen on {address} (ports below \
                 1024 need CAP_NET_BIND_SERVICE)"
            ),
            Cause::Io(error) => {
                write!(f, "entry point {entry_point:?}: cannot listen on {address}: {error}")
            }
            Cause::Settings(error) => write!(f, "entry point {entry_point:?}: {error}"),
        }
    }
}

impl std::error::Error for BindError {}

/// A running data plane.
pub struct Proxy {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<io::Result<()>>>>,
    retirement: Retirement<Snapshot>,
    install: Arc<Install>,
}

impl Proxy {
    /// Opens all sockets and starts the threads. Until the first [`Proxy::apply`] every request is
    /// answered 404, as with Traefik.
    pub fn start(options: Options) -> Result<Self, BindError> {
        let Options { install, entry_points, threads, challenges, rest, access_log, host_name } =
            options;
        let threads = threads.max(1);
        let metrics = metrics(&install, &entry_points);
        let mut settings = Vec::with_capacity(entry_points.len());
        let mut addresses = Vec::with_capacity(entry_points.len());
        let mut sockets: Vec<Vec<(usize, TcpListener)>> = (0..threads).map(|_| vec![]).collect();
        for (number, (name, written, address)) in entry_points.into_iter().enumerate() {
            let fail = |cause| BindError { entry_point: name.clone(), address, cause };
            let compiled =
                Settings::new(&name, address, &written).map_err(|e| fail(Cause::Settings(e)))?;
            let listeners = open(address, threads, !written.reuse_port)
                .map_err(|error| fail(Cause::Io(error)))?;
            if let Some(Ok(address)) = listeners.first().map(TcpListener::local_addr) {
                addresses.push((name.clone(), address));
            }
            for (thread, listener) in sockets.iter_mut().zip(listeners) {
                thread.push((number, listener));
            }
            settings.push(Arc::new(compiled));
        }
        let general = |cause| BindError {
            entry_point: String::new(),
            address: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            cause,
        };
        let store = Arc::new(Store::default());
        let tls = store
            .server_config()
            .map_err(|error| general(Cause::Settings(format!("TLS: {error}"))))?;
        let state = State {
            install: Arc::clone(&install),
            challenges,
            rest,
            started: std::time::SystemTime::now(),
            terminating: std::sync::atomic::AtomicBool::new(false),
            metrics: metrics.clone(),
            in_force: std::sync::OnceLock::new(),
        };
        let snapshot = Snapshot::empty(metrics, Arc::clone(&store));
        let shared = Arc::new(Shared {
            snapshot: ArcSwap::from_pointee(snapshot),
            settings,
            addresses,
            tls,
            store,
            state: Arc::new(state),
            access_log,
            server_name: HeaderValue::from_str(&host_name)
                .unwrap_or_else(|_| HeaderValue::from_static("swarmgate")),
        });
        // Weakly: it is part of what it looks at.
        let _ = shared.state.in_force.set(Arc::downgrade(&shared));
        let retirement =
            Retirement::start(RETIREMENT).map_err(|error| general(Cause::Io(error)))?;
        let (stop, stopped) = watch::channel(false);
        let threads = sockets
            .into_iter()
            .enumerate()
            .map(|(index, listeners)| {
                worker::spawn(index, Arc::clone(&shared), listeners, stopped.clone())
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(|error| general(Cause::Io(error)))?;
        Ok(Self { shared, stop, threads: Mutex::new(threads), retirement, install })
    }

    /// Entry points and the addresses they really listen on.
    pub fn addresses(&self) -> &[(String, SocketAddr)] {
        &self.shared.addresses
    }

    /// Builds the next snapshot from checked configuration, off the data-plane threads, and swaps
    /// it in. Returns what is in force now, with the troubles of building it.
    pub fn apply(&self, checked: checked::Configuration) -> Arc<checked::Configuration> {
        let names: Vec<&str> = self.shared.settings.iter().map(|s| s.name.as_str()).collect();
        let previous = self.shared.snapshot.load_full();
        let next =
            Snapshot::build(checked, &self.install.servers_transport, &names, Some(&previous));
        let in_force = Arc::clone(&next.checked);
        self.shared.snapshot.store(Arc::new(next));
        self.retirement.retire(previous);
        if let Some(metrics) = &self.shared.state.metrics {
            metrics.reloaded();
        }
        in_force
    }

    /// What would become of a request, and why. Not for a data-plane thread.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn explain(&self, question: &Question) -> Result<Explanation, String> {
        explain::explain(&self.shared, question)
    }

    /// The routes of a host and an entry point; empty means all. Not for a data-plane thread.
    ///
    /// # Errors
    /// What is wrong with the question.
    pub fn routes(&self, host: &str, entry_point: &str) -> Result<Routes, String> {
        explain::routes(&self.shared, host, entry_point)
    }

    /// Swaps the certificates.
    pub fn set_certificates(&self, certificates: Certificates) {
        self.shared.store.set(Arc::new(certificates));
    }

    /// Stops: unhealthy at once, then each entry point accepts for its grace, drains and closes.
    /// Blocks until every thread has ended; a second call finds nothing to do.
    pub fn stop(&self) -> io::Result<()> {
        self.shared.state.terminating.store(true, Ordering::Relaxed);
        // All threads may have ended by themselves, which their results tell.
        let _ = self.stop.send(true);
        let threads =
            std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            match thread.join() {
                Ok(result) => result?,
                Err(_) => return Err(io::Error::other("a data-plane thread panicked")),
            }
        }
        Ok(())
    }
}

/// The metrics, if the install configuration wants any.
fn metrics(
    install: &Install,
    entry_points: &[(String, EntryPoint, SocketAddr)],
) -> Option<Arc<Metrics>> {
    let written = install.metrics.as_ref()?;
    let counted = |point: &EntryPoint| {
        point.observability.as_ref().is_none_or(|written| written.metrics != Some(false))
    };
    let entry_points = entry_points.iter();
    Metrics::new(written, entry_points.map(|(name, point, _)| (name.as_str(), counted(point))))
}

/// `[::]` serves IPv4 too, but not every container has IPv6: then it is `0.0.0.0`.
fn open(address: SocketAddr, count: usize, exclusive: bool) -> io::Result<Vec<TcpListener>> {
    match listen(address, count, exclusive) {
        Err(error)
            if address.ip() == Ipv6Addr::UNSPECIFIED
                && error.kind() != io::ErrorKind::AddrInUse
                && error.kind() != io::ErrorKind::PermissionDenied =>
        {
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port()));
            listen(address, count, exclusive)
        }
        opened => opened,
    }
}
