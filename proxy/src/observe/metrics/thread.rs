//! A data-plane thread's part: counting a request costs it a few loads and stores in cells that
//! only this thread writes. Nothing is allocated or locked but when a request is the first of its
//! kind.

use std::cell::{Cell as Slot, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use http::{HeaderMap, Method, StatusCode};

use super::Metrics;
use super::cell::{Cell, Count, Sample};
use super::header_labels::KnownSets;
use super::key::{Counted, Key, Kind};
use super::series::{Cells, RouteSeries, Tls, TlsKey};

/// How many keys a series tells apart on one thread; codes beyond are counted by their class.
const MOST_KEYS: usize = 512;

/// The same for keys with header labels; values beyond are counted as `other`.
const MOST_LABELLED: usize = 4_096;

/// A client that left before its answer (Traefik: client closed request).
const CLIENT_GONE: u16 = 499;

/// The metrics as one data-plane thread sees them.
#[derive(Debug)]
pub struct ThreadMetrics {
    metrics: Arc<Metrics>,
    /// By the series' places.
    mine: RefCell<Vec<Option<Rc<Mine>>>>,
    /// Of the requests that no router takes, by entry point.
    unrouted: Vec<Option<Rc<Mine>>>,
    sets: KnownSets,
    /// Open connections by entry point.
    open: Arc<[Count]>,
    /// How many times series had gone when this thread last looked.
    buried: Slot<u64>,
}

/// This thread's cells of one series.
#[derive(Debug)]
struct Mine {
    series: Weak<RouteSeries>,
    number: u64,
    requests: RefCell<Vec<(Key, Cell)>>,
    tls: RefCell<Vec<(TlsKey, Arc<Count>)>>,
    labelled: RefCell<HashMap<(Key, u32), Arc<Count>>>,
    retries: RefCell<Option<Arc<Count>>>,
}

impl Mine {
    fn new(series: &Arc<RouteSeries>) -> Self {
        Self {
            series: Arc::downgrade(series),
            number: series.number,
            requests: RefCell::default(),
            tls: RefCell::default(),
            labelled: RefCell::default(),
            retries: RefCell::default(),
        }
    }

    /// Shows a new cell to those who read the metrics. The series of a router that has gone is
    /// read no more.
    fn show(&self, add: impl FnOnce(&mut Cells)) {
        if let Some(series) = self.series.upgrade() {
            series.with_cells(add);
        }
    }

    fn count(&self, key: Key, sample: &Sample, bounds: &[u64]) -> Key {
        let mut requests = self.requests.borrow_mut();
        let find = |requests: &[(Key, Cell)], key| requests.iter().position(|(k, _)| *k == key);
        let (key, found) = match find(&requests, key) {
            None if requests.len() >= MOST_KEYS => (key.folded(), find(&requests, key.folded())),
            found => (key, found),
        };
        match found.and_then(|place| requests.get(place)) {
            Some((_, cell)) => cell.add(sample, bounds),
            None => {
                let cell = Cell::new(bounds.len());
                cell.add(sample, bounds);
                requests.push((key, cell.clone()));
                self.show(|cells| cells.requests.push((key, cell)));
            }
        }
        key
    }

    fn count_tls(&self, tls: Tls, counted: Counted) {
        let key = (tls, counted);
        let mut known = self.tls.borrow_mut();
        if let Some((_, count)) = known.iter().find(|(other, _)| *other == key) {
            return count.add(1);
        }
        let count = one();
        known.push((key, Arc::clone(&count)));
        self.show(|cells| cells.tls.push((key, count)));
    }

    fn count_labelled(&self, key: Key, set: u32) {
        let mut known = self.labelled.borrow_mut();
        let mut label = (key, set);
        if known.len() >= MOST_LABELLED && !known.contains_key(&label) {
            label.1 = 0;
        }
        if let Some(count) = known.get(&label) {
            return count.add(1);
        }
        let count = one();
        known.insert(label, Arc::clone(&count));
        self.show(|cells| cells.labelled.push((label, count)));
    }

    fn count_retries(&self, retries: u32) {
        let mut known = self.retries.borrow_mut();
        let count = known.get_or_insert_with(|| {
            let count = Arc::<Count>::default();
            self.show(|cells| cells.retries.push(Arc::clone(&count)));
            count
        });
        count.add(u64::from(retries));
    }
}

fn one() -> Arc<Count> {
    let count = Count::default();
    count.add(1);
    Arc::new(count)
}

impl ThreadMetrics {
    /// `unrouted`: the series of the requests that no router takes, by entry point.
    pub(super) fn new(
        metrics: Arc<Metrics>,
        open: Arc<[Count]>,
        unrouted: Vec<Option<&Arc<RouteSeries>>>,
    ) -> Self {
        let unrouted =
            unrouted.into_iter().map(|series| series.map(|it| Rc::new(Mine::new(it)))).collect();
        let (mine, sets, buried) = (RefCell::default(), KnownSets::default(), Slot::new(0));
        Self { metrics, mine, unrouted, sets, open, buried }
    }

    /// A request whose head was read at `begun`. `headers` as the client sent them; `tls` is the
    /// version and cipher suite of its connection.
    pub fn begin(
        self: &Rc<Self>,
        entry_point: usize,
        begun: Instant,
        method: &Method,
        headers: &HeaderMap,
        tls: Option<(&'static str, &'static str)>,
    ) -> Measured {
        Measured {
            thread: Rc::clone(self),
            begun,
            entry_point,
            to: None,
            kind: Kind::of(method, headers),
            code: CLIENT_GONE,
            asked: None,
            retries: 0,
            set: 0,
            tls,
            received: 0,
            watched: None,
            sent: 0,
        }
    }

    /// How many connections of an entry point are open on this thread now.
    pub fn open_connections(&self, entry_point: usize, open: usize) {
        if let Some(count) = self.open.get(entry_point) {
            count.set(open as u64);
        }
    }

    /// Lets go of the cells of routers that are gone; to be called now and then.
    pub fn sweep(&self) {
        let buried = self.metrics.buried();
        if self.buried.replace(buried) == buried {
            return;
        }
        for place in self.mine.borrow_mut().iter_mut() {
            place.take_if(|mine| mine.series.strong_count() == 0);
        }
    }

    /// This thread's cells of a series.
    fn mine(&self, series: &Arc<RouteSeries>) -> Rc<Mine> {
        let mut all = self.mine.borrow_mut();
        if let Some(Some(mine)) = all.get(series.place)
            && mine.number == series.number
        {
            return Rc::clone(mine);
        }
        if all.len() <= series.place {
            all.resize(series.place.saturating_add(1), None);
        }
        let mine = Rc::new(Mine::new(series));
        if let Some(place) = all.get_mut(series.place) {
            *place = Some(Rc::clone(&mine));
        }
        mine
    }
}

/// A request that is being counted. It is counted when it is dropped, with what it was told until
/// then; without any word of a router it is not counted at all.
#[derive(Debug)]
pub struct Measured {
    thread: Rc<ThreadMetrics>,
    begun: Instant,
    entry_point: usize,
    to: Option<Rc<Mine>>,
    kind: Kind,
    code: u16,
    /// The service that was asked last, as far as it is not counted yet.
    asked: Option<Asked>,
    retries: u32,
    /// Number of the header labels' values.
    set: u32,
    tls: Option<Tls>,
    received: u64,
    watched: Option<Arc<AtomicU64>>,
    sent: u64,
}

/// A service that was asked.
#[derive(Debug)]
struct Asked {
    /// `None`: the router's own.
    page: Option<Page>,
    /// What it answers; `None`: what the client gets.
    code: Option<u16>,
}

/// A service that was asked for a page.
#[derive(Debug)]
struct Page {
    at: Rc<Mine>,
    begun: Instant,
}

impl Measured {
    /// The router that takes it; `None`: a router whose requests are not counted. `headers` may be
    /// shown as labels.
    pub fn routed(&mut self, series: Option<&Arc<RouteSeries>>, headers: &HeaderMap) {
        self.to = series.map(|series| self.thread.mine(series));
        self.labelled(headers);
    }

    /// A router below that one takes it on; it is counted there, if it is counted at all.
    pub fn relayed(&mut self, series: Option<&Arc<RouteSeries>>, headers: &HeaderMap) {
        if self.to.is_some() {
            self.routed(series, headers);
        }
    }

    /// No router takes it.
    pub fn unrouted(&mut self, headers: &HeaderMap) {
        self.labelled(headers);
        self.to = self.thread.unrouted.get(self.entry_point).cloned().flatten();
    }

    /// The request's headers have changed: middlewares saw them.
    pub fn labelled(&mut self, headers: &HeaderMap) {
        if let Some(labels) = self.thread.metrics.header_labels() {
            self.set = labels.number(headers, &self.thread.sets);
        }
    }

    /// It has come as far as its service, whoever answers now.
    pub fn served(&mut self) {
        // Its own is asked again: the tries are one request. A page that nobody saw is another one.
        if self.asked.as_ref().is_some_and(|asked| asked.page.is_some()) {
            self.let_go(0);
        }
        self.asked = Some(Asked { page: None, code: None });
    }

    /// Somebody asks another service for a page in place of an answer. `series`: that service's.
    pub fn served_page(&mut self, series: Option<&Arc<RouteSeries>>) {
        self.let_go(0);
        // Where the router is not counted, nothing of it is.
        let at = series.filter(|_| self.to.is_some()).map(|series| self.thread.mine(series));
        let page = at.map(|at| Page { at, begun: Instant::now() });
        self.asked = page.map(|page| Asked { page: Some(page), code: None });
    }

    /// What the service answers.
    pub fn told(&mut self, status: StatusCode, headers: &HeaderMap) {
        if let Some(asked) = &mut self.asked {
            let kind = if asked.page.is_some() { self.kind.of_page() } else { self.kind };
            asked.code = Some(kind.code(status, headers));
        }
    }

    /// The client gets something else than the service's answer, of so many bytes, if that is known.
    pub fn let_go(&mut self, bytes: u64) {
        if let (Some(asked), Some(mine)) = (self.asked.take(), self.to.clone()) {
            self.count_service(&mine, &asked, bytes);
        }
    }

    /// It was sent to another server, or on another connection, so many times more.
    pub fn retried(&mut self, times: u32) {
        match self.asked.as_ref().and_then(|asked| asked.page.as_ref()) {
            Some(page) if times > 0 => page.at.count_retries(times),
            _ => self.retries = self.retries.saturating_add(times),
        }
    }

    /// A middleware has its service asked once more.
    pub fn tried_again(&mut self) {
        self.retries = self.retries.saturating_add(1);
    }

    /// The head of the answer.
    pub fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.code = self.kind.code(status, headers);
    }

    /// The trailers of the answer: gRPC tells its status there.
    pub fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(code) = self.kind.code_of_trailers(trailers) {
            self.code = code;
            if let Some(asked) = &mut self.asked {
                asked.code = Some(code);
            }
        }
    }

    /// So many bytes of its body came.
    pub fn received(&mut self, bytes: u64) {
        self.received = self.received.saturating_add(bytes);
    }

    /// The bytes of its body are counted there.
    pub fn received_by(&mut self, counter: Arc<AtomicU64>) {
        self.watched = Some(counter);
    }

    /// So many bytes of the answer's body went.
    pub fn sent(&mut self, bytes: u64) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// Counts at the service alone.
    fn count_service(&self, router: &Rc<Mine>, asked: &Asked, sent: u64) {
        let (kind, sample, mine) = match &asked.page {
            None => (self.kind, self.sample(sent), router),
            Some(Page { at, begun }) => {
                let sample = Sample { duration: begun.elapsed(), received: 0, sent };
                (self.kind.of_page(), sample, at)
            }
        };
        let code = asked.code.unwrap_or(self.code);
        self.count(mine, kind.key(code, Counted::Service), &sample);
    }

    fn sample(&self, sent: u64) -> Sample {
        let watched = self.watched.as_ref().map_or(0, |watched| watched.load(Ordering::Relaxed));
        let received = self.received.saturating_add(watched);
        Sample { duration: self.begun.elapsed(), received, sent }
    }

    fn count(&self, mine: &Mine, key: Key, sample: &Sample) {
        let metrics = &self.thread.metrics;
        let counted = key.counted();
        let key = mine.count(key, sample, metrics.bounds());
        if let Some(tls) = self.tls {
            mine.count_tls(tls, counted);
        }
        if metrics.header_labels().is_some() {
            mine.count_labelled(key, self.set);
        }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let Some(mine) = self.to.take() else { return };
        let sample = self.sample(self.sent);
        let asked = self.asked.take();
        let everywhere =
            |asked: &Asked| asked.page.is_none() && asked.code.is_none_or(|code| code == self.code);
        let counted = match asked.as_ref().is_some_and(everywhere) {
            true => Counted::Everywhere,
            false => Counted::Router,
        };
        self.count(&mine, self.kind.key(self.code, counted), &sample);
        if let Some(asked) = asked.filter(|_| counted == Counted::Router) {
            self.count_service(&mine, &asked, self.sent);
        }
        if self.retries > 0 {
            mine.count_retries(self.retries);
        }
    }
}
