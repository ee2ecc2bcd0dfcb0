//! The series of one router on one entry point, to which every thread adds its own cells.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::cell::{Cell, Count, Totals};
use super::key::{Counted, Key};

/// TLS version and cipher suite.
pub(super) type Tls = (&'static str, &'static str);

/// The same, and where it is counted.
pub(super) type TlsKey = (Tls, Counted);

/// What is counted for one router on one entry point, or for a service that is asked for pages; the snapshot's routes hold it, so that a
/// request finds it without searching. It lasts as long as the router, whatever else changes.
#[derive(Debug)]
pub struct RouteSeries {
    /// Its place in the threads' tables; free again when the router is gone.
    pub(super) place: usize,
    /// Never given twice.
    pub(super) number: u64,
    /// Number of the entry point.
    pub(super) entry_point: usize,
    /// Qualified names of router (of pages none) and service; `None`: the requests that no router
    /// took.
    pub(super) names: Option<Names>,
    /// The router was gone when the metrics were last read: next time so is its series.
    pub(super) leaving: AtomicBool,
    cells: Mutex<Cells>,
}

/// Router and service.
pub(super) type Names = (Arc<str>, Arc<str>);

/// What the threads have made, in no order; each of them has cells of its own for a key.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub requests: Vec<(Key, Cell)>,
    pub tls: Vec<(TlsKey, Arc<Count>)>,
    pub labelled: Vec<((Key, u32), Arc<Count>)>,
    pub retries: Vec<Arc<Count>>,
}

impl RouteSeries {
    pub(super) fn new(
        place: usize,
        number: u64,
        entry_point: usize,
        names: Option<Names>,
    ) -> Arc<Self> {
        let (leaving, cells) = (AtomicBool::new(false), Mutex::default());
        Arc::new(Self { place, number, entry_point, names, leaving, cells })
    }

    /// Adds or reads cells.
    pub(super) fn with_cells<R>(&self, with: impl FnOnce(&mut Cells) -> R) -> R {
        with(&mut self.cells.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Sums over the threads, and over routers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub requests: HashMap<Key, Totals>,
    pub tls: HashMap<Tls, u64>,
    /// By key and number of the header labels' values.
    pub labelled: HashMap<(Key, u32), u64>,
    pub retries: u64,
}

impl Tally {
    /// Adds a series as it is now; `of_service`: what its service counts, not its router.
    pub fn add(&mut self, cells: &Cells, of_service: bool) {
        let counts = |counted: Counted| match of_service {
            true => counted.by_service(),
            false => counted.by_router(),
        };
        let counts_key = |key: &Key| counts(key.counted());
        for (key, cell) in cells.requests.iter().filter(|(key, _)| counts_key(key)) {
            self.requests.entry(key.anyhow()).or_default().add(cell);
        }
        for ((tls, counted), count) in &cells.tls {
            if counts(*counted) {
                let sum = self.tls.entry(*tls).or_default();
                *sum = sum.wrapping_add(count.get());
            }
        }
        for ((key, set), count) in cells.labelled.iter().filter(|((key, _), _)| counts_key(key)) {
            let sum = self.labelled.entry((key.anyhow(), *set)).or_default();
            *sum = sum.wrapping_add(count.get());
        }
        for count in &cells.retries {
            self.retries = self.retries.wrapping_add(count.get());
        }
    }

    /// Whether nothing was ever counted.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty() && self.retries == 0
    }
}
