//! All series there are, and what is left of those that are gone.
//!
//! A router's series goes when the router has gone and its last figures have been read once, as
//! with Traefik. What it had counted stays in the sums of its entry point and of its service:
//! counters do not go backwards.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::series::{Names, RouteSeries, Tally};

/// All series.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// The requests that no router took, by entry point; `None`: they are not counted.
    unrouted: Vec<Option<Arc<RouteSeries>>>,
    routed: HashMap<(usize, Names), Arc<RouteSeries>>,
    free: Vec<usize>,
    places: usize,
    made: u64,
    /// Of series that are gone, by entry point and by service.
    past: Vec<Tally>,
    past_services: HashMap<Arc<str>, Tally>,
}

/// Everything counted until now.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Gathered {
    /// By number.
    pub entry_points: Vec<Tally>,
    /// By name and service.
    pub routers: BTreeMap<Names, Tally>,
    /// By name.
    pub services: BTreeMap<Arc<str>, Tally>,
}

/// Which sums are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub entry_points: bool,
    pub routers: bool,
    pub services: bool,
}

impl Registry {
    /// `counted`: for each entry point, whether requests that no router took are counted.
    pub fn new(counted: impl IntoIterator<Item = bool>) -> Self {
        let mut registry = Self::default();
        for (entry_point, counted) in counted.into_iter().enumerate() {
            let unrouted = counted.then(|| registry.make(entry_point, None));
            registry.unrouted.push(unrouted);
            registry.past.push(Tally::default());
        }
        registry
    }

    fn make(&mut self, entry_point: usize, names: Option<Names>) -> Arc<RouteSeries> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places += 1;
            self.places - 1
        });
        self.made += 1;
        RouteSeries::new(place, self.made, entry_point, names)
    }

    /// The series of a router: the one it had, or a new one.
    pub fn routed(&mut self, entry_point: usize, names: Names) -> Arc<RouteSeries> {
        let key = (entry_point, names);
        if let Some(series) = self.routed.get(&key) {
            series.leaving.store(false, Ordering::Relaxed);
            return Arc::clone(series);
        }
        let series = self.make(entry_point, Some(key.1.clone()));
        self.routed.insert(key, Arc::clone(&series));
        series
    }

    /// The series of the requests that no router of this entry point takes.
    pub fn unrouted(&self, entry_point: usize) -> Option<&Arc<RouteSeries>> {
        self.unrouted.get(entry_point)?.as_ref()
    }

    /// Reads everything. Returns whether series went.
    pub fn gather(&mut self, wanted: Wanted) -> (Gathered, bool) {
        let gone = self.bury();
        let mut gathered = Gathered { entry_points: self.past.clone(), ..Gathered::default() };
        gathered
            .services
            .extend(self.past_services.iter().map(|(k, v)| (Arc::clone(k), v.clone())));
        let all = self.unrouted.iter().flatten().chain(self.routed.values());
        for series in all {
            series.with_cells(|cells| {
                if wanted.entry_points
                    && let Some(tally) = gathered.entry_points.get_mut(series.entry_point)
                {
                    tally.add(cells, false);
                }
                let Some((router, service)) = &series.names else { return };
                if wanted.routers && !router.is_empty() {
                    let names = (Arc::clone(router), Arc::clone(service));
                    gathered.routers.entry(names).or_default().add(cells, false);
                }
                if wanted.services {
                    gathered.services.entry(Arc::clone(service)).or_default().add(cells, true);
                }
            });
        }
        gathered.routers.retain(|_, tally| !tally.is_empty());
        gathered.services.retain(|_, tally| !tally.is_empty());
        (gathered, gone)
    }

    /// Takes out the series whose routers were gone already when the metrics were last read.
    fn bury(&mut self) -> bool {
        let Self { routed, free, past, past_services, .. } = self;
        let before = routed.len();
        routed.retain(|(entry_point, (_, service)), series| {
            // Snapshots and their requests hold it as long as there is a router.
            if Arc::strong_count(series) > 1 || !series.leaving.swap(true, Ordering::Relaxed) {
                return true;
            }
            series.with_cells(|cells| {
                if let Some(tally) = past.get_mut(*entry_point) {
                    tally.add(cells, false);
                }
                past_services.entry(Arc::clone(service)).or_default().add(cells, true);
            });
            free.push(series.place);
            false
        });
        if routed.len() == before {
            return false;
        }
        let alive: HashSet<&Arc<str>> = routed.keys().map(|(_, (_, service))| service).collect();
        past_services.retain(|service, _| alive.contains(service));
        true
    }
}
