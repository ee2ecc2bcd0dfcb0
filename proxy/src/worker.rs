//! A data-plane thread: its own runtime, listeners, connections and pools; nothing on a request's
//! way crosses to another thread.

use std::cell::RefCell;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::{io, thread};

use arc_swap::ArcSwap;
use http::HeaderValue;
use rustls::ServerConfig;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;

use crate::accept;
use crate::clock;
use crate::connection::Registry;
use crate::helpers;
use crate::internal::State;
use crate::listen::Listener;
use crate::observe::metrics::ThreadMetrics;
use crate::observe::{AccessLog, Metrics};
use crate::pool::Pools;
use crate::resolve::Resolver;
use crate::settings::Settings;
use crate::snapshot::Snapshot;
use crate::tls::Store;

/// What all threads share.
pub struct Shared {
    /// What requests are answered by.
    pub snapshot: ArcSwap<Snapshot>,
    /// Entry points in order.
    pub settings: Vec<Arc<Settings>>,
    /// Entry points and the addresses they really listen on.
    pub addresses: Vec<(String, SocketAddr)>,
    /// TLS of every entry point.
    pub tls: Arc<ServerConfig>,
    /// The certificates behind it.
    pub store: Arc<Store>,
    /// For the proxy's own services.
    pub state: Arc<State>,
    /// Where finished requests are told, if anywhere.
    pub access_log: Option<AccessLog>,
    /// `X-Forwarded-Server`: this machine's name.
    pub server_name: HeaderValue,
}

/// One thread's own.
pub struct Worker {
    /// Common to all threads.
    pub shared: Arc<Shared>,
    /// Connections to servers.
    pub pools: Rc<Pools>,
    /// Names of servers.
    pub resolver: Resolver,
    /// Client connections, by entry point.
    pub registries: Vec<Rc<Registry>>,
    /// Where its requests are counted, if anywhere.
    pub metrics: Option<Rc<ThreadMetrics>>,
    current: RefCell<Rc<ThreadSnapshot>>,
}

/// A thread's own handle on a snapshot: requests count on it without touching a counter that other
/// threads touch.
#[derive(Debug)]
pub struct ThreadSnapshot(Arc<Snapshot>);

#[cfg(test)]
impl From<Snapshot> for ThreadSnapshot {
    fn from(snapshot: Snapshot) -> Self {
        Self(Arc::new(snapshot))
    }
}

impl std::ops::Deref for ThreadSnapshot {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl Worker {
    /// The snapshot in force.
    pub fn snapshot(&self) -> Rc<ThreadSnapshot> {
        let latest = self.shared.snapshot.load();
        let mut current = self.current.borrow_mut();
        if !Arc::ptr_eq(&latest, &current.0) {
            *current = Rc::new(ThreadSnapshot(Arc::clone(&latest)));
        }
        Rc::clone(&current)
    }
}

/// A thread's stack, bytes; what it does not use costs nothing. Middlewares that stand around others
/// are as many calls within each other, and a router may have a thousand of them.
const STACK: usize = 16 << 20;

/// Starts a thread that serves the given listeners (entry point number, socket) until `stop`
/// turns true and everything has drained.
pub fn spawn(
    index: usize,
    shared: Arc<Shared>,
    listeners: Vec<(usize, TcpListener)>,
    stop: watch::Receiver<bool>,
) -> io::Result<thread::JoinHandle<io::Result<()>>> {
    let builder = thread::Builder::new().name(format!("data-{index}")).stack_size(STACK);
    builder.spawn(move || run(shared, listeners, stop))
}

fn run(
    shared: Arc<Shared>,
    listeners: Vec<(usize, TcpListener)>,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(helpers::MOST)
        .build_local(LocalOptions::default())?;
    let current = RefCell::new(Rc::new(ThreadSnapshot(shared.snapshot.load_full())));
    let registries = shared.settings.iter().map(|_| Rc::new(Registry::default())).collect();
    let metrics = shared.state.metrics.as_ref().map(Metrics::thread);
    let worker = Rc::new(Worker {
        shared,
        metrics,
        pools: Rc::new(Pools::default()),
        resolver: Resolver::default(),
        registries,
        current,
    });
    runtime.block_on(async {
        tokio::task::spawn_local(sweep(Rc::clone(&worker)));
        let mut serving = Vec::with_capacity(listeners.len());
        for (entry_point, listener) in listeners {
            let listener = Listener::new(listener)?;
            let worker = Rc::clone(&worker);
            let stop = stop.clone();
            serving.push(tokio::task::spawn_local(accept::serve(
                worker,
                entry_point,
                listener,
                stop,
            )));
        }
        for entry_point in serving {
            if let Err(error) = entry_point.await {
                return Err(io::Error::other(error));
            }
        }
        Ok(())
    })
}

/// Advances the clock and ends what has waited too long.
async fn sweep(worker: Rc<Worker>) {
    let mut interval = tokio::time::interval(clock::TICK);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut last = tokio::time::Instant::now();
    loop {
        let now = interval.tick().await;
        let ticks = now.duration_since(last).as_millis() / clock::TICK.as_millis();
        if let Ok(ticks) = u32::try_from(ticks)
            && ticks > 0
        {
            clock::advance(ticks);
            last += clock::TICK * ticks;
        }
        for registry in &worker.registries {
            registry.each(crate::connection::Connection::sweep);
        }
        worker.pools.sweep();
        if let Some(metrics) = &worker.metrics {
            for (entry_point, registry) in worker.registries.iter().enumerate() {
                metrics.open_connections(entry_point, registry.len());
            }
            metrics.sweep();
        }
        // An idle thread must not keep an old snapshot alive.
        drop(worker.snapshot());
    }
}
