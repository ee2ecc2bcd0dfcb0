//! Metrics: what is counted of requests, and the page that Prometheus reads (Traefik: metrics).
//!
//! A request is counted once, by the thread that served it, in a cell of its router's series
//! ([`thread`]); what the entry point and the service have counted is summed up when the metrics
//! are read ([`registry`]).

mod cell;
mod header_labels;
mod key;
mod print;
mod process;
mod registry;
mod series;
#[cfg(test)]
mod tests;
mod text;
mod thread;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use swarmgate_config::install;

use self::cell::Count;
use self::header_labels::HeaderLabels;
use self::print::Facts;
use self::registry::{Registry, Wanted};
pub use self::series::RouteSeries;
pub use self::thread::{Measured, ThreadMetrics};
use crate::tls::CertificateInfo;

/// A server whose health is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerUp {
    /// Qualified name of its service.
    pub service: String,
    /// As configured, without credentials.
    pub url: String,
    /// It gets requests.
    pub up: bool,
}

/// The process's metrics.
#[derive(Debug)]
pub struct Metrics {
    wanted: Wanted,
    add_internals: bool,
    /// Upper bounds of the histograms: seconds as written, and the same in nanoseconds.
    bounds: Vec<f64>,
    nanoseconds: Box<[u64]>,
    header_labels: Option<HeaderLabels>,
    entry_points: Vec<String>,
    registry: Mutex<Registry>,
    /// How many times series have gone.
    buried: AtomicU64,
    /// Open connections by entry point, of each thread.
    open: Mutex<Vec<Arc<[Count]>>>,
    reloads: AtomicU64,
    /// Seconds since 1970; 0: never.
    reloaded: AtomicU64,
}

impl Metrics {
    /// `entry_points` in the order of their numbers; the flag says whether requests that no router
    /// takes are counted there. `None`: nobody wants to know.
    pub fn new<'e>(
        written: &install::Metrics,
        entry_points: impl IntoIterator<Item = (&'e str, bool)>,
    ) -> Option<Arc<Self>> {
        let prometheus = written.prometheus.as_ref()?;
        let mut bounds: Vec<f64> =
            prometheus.buckets.iter().copied().filter(|bound| bound.is_finite()).collect();
        bounds.sort_by(f64::total_cmp);
        bounds.dedup();
        let (names, counted): (Vec<String>, Vec<bool>) =
            entry_points.into_iter().map(|(name, counted)| (name.to_owned(), counted)).unzip();
        Some(Arc::new(Self {
            wanted: Wanted {
                entry_points: prometheus.add_entry_points_labels,
                routers: prometheus.add_routers_labels,
                services: prometheus.add_services_labels,
            },
            add_internals: written.add_internals,
            // Below zero becomes zero, and what is too large the largest.
            nanoseconds: bounds.iter().map(|bound| (bound * 1e9) as u64).collect(),
            bounds,
            header_labels: HeaderLabels::new(&prometheus.header_labels),
            entry_points: names,
            registry: Mutex::new(Registry::new(counted)),
            buried: AtomicU64::new(0),
            open: Mutex::default(),
            reloads: AtomicU64::new(0),
            reloaded: AtomicU64::new(0),
        }))
    }

    /// One thread's part.
    pub fn thread(self: &Arc<Self>) -> Rc<ThreadMetrics> {
        let open: Arc<[Count]> = self.entry_points.iter().map(|_| Count::default()).collect();
        self.open.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&open));
        let registry = self.registry();
        let numbers = 0..self.entry_points.len();
        let unrouted = numbers.map(|entry_point| registry.unrouted(entry_point)).collect();
        Rc::new(ThreadMetrics::new(Arc::clone(self), open, unrouted))
    }

    /// The series of a router on an entry point, the same as long as somebody holds it. `None`:
    /// its service is one of the proxy's own, which are not counted unless somebody asked for it.
    pub fn series(
        &self,
        entry_point: usize,
        router: &Arc<str>,
        service: &Arc<str>,
    ) -> Option<Arc<RouteSeries>> {
        if service.ends_with("@internal") && !self.add_internals {
            return None;
        }
        let names = (Arc::clone(router), Arc::clone(service));
        Some(self.registry().routed(entry_point, names))
    }

    /// The series of a service that is asked for pages: what it answers is counted at the service,
    /// and nowhere else.
    pub fn series_of_page(&self, service: &Arc<str>) -> Option<Arc<RouteSeries>> {
        // No router is called so, and no entry point has this number.
        self.series(usize::MAX, &Arc::from(""), service)
    }

    /// Another configuration is in force.
    pub fn reloaded(&self) {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        let now = UNIX_EPOCH.elapsed().unwrap_or_default().as_secs();
        self.reloaded.store(now, Ordering::Relaxed);
    }

    /// The page for Prometheus. `certificates` is what TLS serves now, `servers` are those that
    /// somebody looks after; `providers` says by name whether each is up.
    ///
    /// Costs time in proportion to the series: with 10,000 routers tens of milliseconds, which no
    /// data-plane thread has.
    pub fn page(
        &self,
        certificates: &[CertificateInfo],
        servers: &[ServerUp],
        providers: &BTreeMap<String, bool>,
    ) -> String {
        let (gathered, gone) = self.registry().gather(self.wanted);
        if gone {
            self.buried.fetch_add(1, Ordering::Relaxed);
        }
        let mut open = vec![0u64; self.entry_points.len()];
        for thread in self.open.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            for (sum, count) in open.iter_mut().zip(thread.iter()) {
                *sum = sum.saturating_add(count.get());
            }
        }
        let labels = self.header_labels.as_ref();
        print::print(&Facts {
            gathered: &gathered,
            wanted: self.wanted,
            entry_points: &self.entry_points,
            open: &open,
            bounds: &self.bounds,
            header_labels: &labels.map(|it| it.names().collect::<Vec<_>>()).unwrap_or_default(),
            header_values: &labels.map(HeaderLabels::values).unwrap_or_default(),
            reloads: self.reloads.load(Ordering::Relaxed),
            last_reload: Some(self.reloaded.load(Ordering::Relaxed)).filter(|at| *at > 0),
            certificates,
            servers,
            providers,
            process: &process::figures(),
        })
    }

    /// What the page is.
    pub const CONTENT_TYPE: &str = text::CONTENT_TYPE;

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn header_labels(&self) -> Option<&HeaderLabels> {
        self.header_labels.as_ref()
    }

    fn bounds(&self) -> &[u64] {
        &self.nanoseconds
    }

    fn buried(&self) -> u64 {
        self.buried.load(Ordering::Relaxed)
    }
}
