//! The loop behind both engine providers: subscribe, list, follow events, resync, reconnect.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::Configuration;
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::Backoff;
use super::events::Events;
use super::reach::reach;
use super::{Cause, Endpoint, Engine, Event, Failure};
use crate::provider::{Update, Updates};

/// Events that come together are answered by one listing.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// After a change: when to look again while tasks are on their way. Starting and dying tasks cause
/// no Swarm event, and until a first task is known to run its service answers 503.
const SERIES: [Duration; 16] = {
    let mut series = [Duration::from_millis(250); 16];
    let mut step = 8;
    while step < 16 {
        series[step] = Duration::from_millis(if step < 12 { 500 } else { 1000 });
        step += 1;
    }
    series
};
/// After the series, and for how long.
const SERIES_TAIL: Duration = Duration::from_secs(5);
const SERIES_TAIL_STEPS: usize = 60;
/// A connection that lasted so long was a good one.
const GOOD: Duration = Duration::from_secs(30);
/// [`Settings::quiet`].
pub const QUIET: Duration = Duration::from_secs(300);

/// What an event means to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing.
    None,
    /// Something we list may have changed.
    Change,
}

/// What a listing found.
#[derive(Debug)]
pub struct Listing {
    /// The whole configuration.
    pub configuration: Configuration,
    /// Whether something is on its way that no event will announce.
    pub unsettled: bool,
}

/// An engine provider's own part.
pub trait Source: Send {
    /// Event types to subscribe to.
    fn event_types(&self) -> &'static [&'static str];

    /// What an event means; may note what to refresh.
    fn meaning(&mut self, event: &Event) -> Meaning;

    /// A new connection: forget what belongs to the old one.
    fn connected(&mut self);

    /// The slow resync: forget what is only kept because events tell of its changes, if they do.
    /// `blind`: none can be read.
    fn resync(&mut self, blind: bool);

    /// Lists everything.
    fn list(&mut self, engine: &Engine) -> impl Future<Output = Result<Listing, Failure>> + Send;
}

/// How to follow.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The engine, or several managers of one Swarm: one of them is followed, and when it is lost
    /// the next.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The newest API version to speak, if somebody wants another than ours.
    pub newest_api: Option<(u16, u16)>,
    /// Limit of a call; zero for none.
    pub timeout: Duration,
    /// Whether to go on after the first listing.
    pub watch: bool,
    /// The slow resync behind the events.
    pub refresh: Duration,
    /// After so long without an event, the stream is opened anew: whoever passes it on may have lost
    /// its other half without a word.
    pub quiet: Duration,
}

/// Follows an engine until nobody reads the updates.
pub async fn follow(mut source: impl Source, settings: Settings, updates: Updates) {
    let mut sender = Sender { settings: &settings, updates, last: None };
    let mut backoff = Backoff::default();
    // What was said of each engine last.
    let mut reported: BTreeMap<&str, Failure> = BTreeMap::new();
    // Why each of the engines was left, since one of them was followed last.
    let mut lost: Vec<(Arc<Endpoint>, Failure)> = Vec::new();
    // How often one was lost soon after it had been found.
    let mut broken_off = 0_usize;
    for endpoint in settings.endpoints.iter().cycle() {
        let mut since: Option<Instant> = None;
        let followed = round(&mut source, &mut sender, endpoint, &lost, &mut since).await;
        let Err(failure) = followed else { return };
        match since {
            Some(since) if since.elapsed() >= GOOD => {
                backoff.reset();
                broken_off = 0;
            }
            Some(_) => broken_off = broken_off.saturating_add(1),
            None => {}
        }
        if since.is_some() {
            lost.clear();
        }
        let text = endpoint.text.as_str();
        if since.is_some() || reported.get(text) != Some(&failure) {
            let provider = &*settings.provider;
            tracing::error!(provider, endpoint = text, "Provider error: {failure}");
            reported.insert(text, failure.clone());
        }
        let cause = failure.cause;
        lost.push((Arc::clone(endpoint), failure));
        // Another manager may know all the same: no reason to wait, nor to alarm anybody yet. Ones
        // that break off again and again are no reason to hurry, either.
        let all = lost.len() >= settings.endpoints.len();
        if !all && broken_off <= settings.endpoints.len() {
            continue;
        }
        if all {
            if !sender.failed(&lost).await {
                return;
            }
            lost.clear();
        }
        let wait = backoff.wait(cause);
        tracing::debug!(provider = &*settings.provider, ?wait, "Trying the engine again");
        let closed = sender.updates.clone();
        tokio::select! {
            () = sleep(wait) => {}
            () = closed.closed() => return,
        }
    }
}

struct Sender<'a> {
    settings: &'a Settings,
    updates: Updates,
    last: Option<Arc<Configuration>>,
}

impl Sender<'_> {
    async fn send(&self, configuration: Arc<Configuration>) -> bool {
        let provider = self.settings.provider.clone();
        self.updates.send(Update { provider, configuration }).await.is_ok()
    }

    async fn listed(&mut self, mut configuration: Configuration) -> bool {
        if let Some(last) = &self.last {
            configuration.share(last);
        }
        let configuration = Arc::new(configuration);
        self.last = Some(configuration.clone());
        self.send(configuration).await
    }

    /// The last good configuration again, with a finding that says why it may be old.
    async fn failed(&self, lost: &[(Arc<Endpoint>, Failure)]) -> bool {
        let provider = &self.settings.provider;
        let mut configuration = self.last.as_ref().map(|last| (**last).clone()).unwrap_or_default();
        let stays = if self.last.is_some() { "what was found last keeps serving; " } else { "" };
        let told: Vec<String> = lost
            .iter()
            .map(|(endpoint, failure)| format!("engine {}: {failure}; ", endpoint.text))
            .collect();
        let message = format!("{}{stays}it is tried again and again", told.concat());
        let wrong_node = lost.iter().all(|(_, failure)| failure.cause == Cause::NotManager);
        let severity = if wrong_node { Severity::Error } else { Severity::Warning };
        let origin = Origin::Provider { provider: provider.clone() };
        let finding =
            Finding::new(severity, origin, message).on(ObjectKind::Provider, provider.to_string());
        configuration.findings.push(finding);
        self.send(Arc::new(configuration)).await
    }
}

/// One connection. `Ok` when nobody reads any more. `since` is set after the first listing.
async fn round(
    source: &mut impl Source,
    sender: &mut Sender<'_>,
    endpoint: &Arc<Endpoint>,
    lost: &[(Arc<Endpoint>, Failure)],
    since: &mut Option<Instant>,
) -> Result<(), Failure> {
    let settings = sender.settings;
    let engine = reach(endpoint, settings.timeout, settings.newest_api).await?;
    if let Some((from, _)) = lost.last() {
        let (from, to) = (&from.text, &endpoint.text);
        tracing::warn!(provider = &*settings.provider, from, to, "Another manager is asked");
    }
    source.connected();
    let closed = sender.updates.clone();
    if !settings.watch {
        let listing = source.list(&engine).await?;
        if sender.listed(listing.configuration).await {
            closed.closed().await;
        }
        return Ok(());
    }
    // First subscribe, then list: nothing can change in between unseen.
    let types = source.event_types();
    let mut stream = Stream::open(&engine, types, settings).await?;
    let mut step = 0;
    let mut early = true;
    let mut fresh = true;
    loop {
        let began = Instant::now();
        let mut listing = source.list(&engine).await?;
        let listed = Instant::now();
        let cost = listed.duration_since(began);
        since.get_or_insert_with(Instant::now);
        listing.configuration.findings.extend(stream.finding(settings));
        if !sender.listed(listing.configuration).await {
            return Ok(());
        }
        if fresh && !listing.unsettled {
            // The engine answers an instant before it subscribes; one early look covers that.
            step = SERIES.len() - 1;
        }
        fresh = false;
        let mut next = settings.refresh;
        if listing.unsettled || early {
            let soon = SERIES.get(step).copied().unwrap_or(SERIES_TAIL);
            if step < SERIES.len() + SERIES_TAIL_STEPS {
                // Listing is to take a small part of the time, also of a slow engine's.
                next = next.min(soon.max(cost * 4));
            }
            step = step.saturating_add(1);
        } else {
            step = 0;
        }
        early = false;
        let due = Instant::now() + next;
        loop {
            let renewal = stream.renewal;
            tokio::select! {
                event = stream.next() => {
                    if source.meaning(&event?) == Meaning::None {
                        continue;
                    }
                    // Under a storm of events, listings take at most half of the time.
                    let rested = listed + cost.min(Duration::from_secs(1));
                    let until = rested.max(Instant::now() + DEBOUNCE);
                    loop {
                        tokio::select! {
                            event = stream.next() => { source.meaning(&event?); }
                            () = sleep_until(until) => break,
                        }
                    }
                    step = 0;
                    early = true;
                    break;
                }
                () = sleep_until(due) => {
                    if next == settings.refresh {
                        source.resync(stream.events.is_err());
                    }
                    break;
                }
                () = sleep_until(renewal) => {
                    // The old one ends when the new one has begun.
                    let renewed = Stream::open(&engine, types, settings).await?;
                    if stream.events.is_err() {
                        source.resync(true);
                    }
                    if renewed.events.is_ok() {
                        (step, early, fresh) = (0, true, true);
                    }
                    stream = renewed;
                    break;
                }
                () = closed.closed() => return Ok(()),
            }
        }
    }
}

/// The engine's events, or why there are none.
struct Stream {
    events: Result<Events, Failure>,
    /// When it is opened anew.
    renewal: Instant,
    quiet: Duration,
}

impl Stream {
    /// Opens it. A proxy that forbids it for good leaves the slow resync, which is all that Traefik's
    /// Swarm provider knows; it is asked again at each.
    async fn open(engine: &Engine, types: &[&str], settings: &Settings) -> Result<Self, Failure> {
        let (events, quiet) = match engine.events(types).await {
            Ok(events) => (Ok(events), settings.quiet),
            Err(failure) if failure.is_for_good() => (Err(failure), settings.refresh),
            Err(failure) => return Err(failure),
        };
        // An absurdly long time must not overflow the clock.
        let quiet = quiet.min(Duration::from_secs(30 * 86_400));
        Ok(Self { events, renewal: Instant::now() + quiet, quiet })
    }

    /// The next event. May be dropped and called again without losing one.
    async fn next(&mut self) -> Result<Event, Failure> {
        match &mut self.events {
            Ok(events) => {
                let event = events.next().await?;
                self.renewal = Instant::now() + self.quiet;
                Ok(event)
            }
            Err(_) => std::future::pending().await,
        }
    }

    fn finding(&self, settings: &Settings) -> Option<Finding> {
        let failure = self.events.as_ref().err()?;
        let message = format!(
            "the engine's events may not be read ({failure}): changes are seen every {:?}",
            settings.refresh
        );
        let provider = &settings.provider;
        let origin = Origin::Provider { provider: provider.clone() };
        let finding = Finding::new(Severity::Warning, origin, message);
        Some(finding.on(ObjectKind::Provider, provider.to_string()).expected("/events allowed"))
    }
}

#[cfg(test)]
mod tests {
    use swarmgate_config::install::Docker;
    use swarmgate_testkit::engine::{Engine as Simulated, Fault};
    use tokio::sync::mpsc;

    use super::super::DockerVariables;
    use super::*;

    /// Lists nothing; says from which listing on all is settled.
    struct Empty {
        listings: usize,
        settled: usize,
        resyncs: Vec<bool>,
    }

    impl Source for &mut Empty {
        fn event_types(&self) -> &'static [&'static str] {
            &["service"]
        }

        fn meaning(&mut self, _: &Event) -> Meaning {
            Meaning::Change
        }

        fn connected(&mut self) {}

        fn resync(&mut self, blind: bool) {
            self.resyncs.push(blind);
        }

        async fn list(&mut self, _: &Engine) -> Result<Listing, Failure> {
            self.listings += 1;
            let unsettled = self.listings < self.settled;
            Ok(Listing { configuration: Configuration::default(), unsettled })
        }
    }

    /// Follows for a while.
    async fn play(
        engine: &Simulated,
        (quiet, refresh, time): (u64, u64, u64),
        settled: usize,
    ) -> Empty {
        let settings = Docker { endpoint: engine.endpoint(), ..Docker::default() };
        let endpoints = Endpoint::from_settings(&settings, &DockerVariables::default()).unwrap();
        let settings = Settings {
            provider: "swarm".into(),
            endpoints: endpoints.into_iter().map(Arc::new).collect(),
            newest_api: None,
            timeout: Duration::ZERO,
            watch: true,
            refresh: Duration::from_millis(refresh),
            quiet: Duration::from_millis(quiet),
        };
        let (sender, mut updates) = mpsc::channel(16);
        let mut source = Empty { listings: 0, settled, resyncs: Vec::new() };
        let reading = async { while updates.recv().await.is_some() {} };
        tokio::select! {
            () = follow(&mut source, settings, sender) => {}
            () = reading => {}
            () = sleep(Duration::from_millis(time)) => {}
        }
        source
    }

    #[tokio::test]
    async fn a_quiet_stream_is_opened_anew() {
        let engine = Simulated::start_temporary().unwrap();
        let source = play(&engine, (300, 60_000, 1_400), 0).await;
        let streams = engine.calls("GET /events");
        assert!((3..=5).contains(&streams), "{streams}");
        // Each is followed by a listing.
        assert!(source.listings >= streams, "{} {streams}", source.listings);
        assert!(source.resyncs.is_empty(), "{:?}", source.resyncs);

        let engine = Simulated::start_temporary().unwrap();
        play(&engine, (60_000, 60_000, 800), 0).await;
        assert_eq!(engine.calls("GET /events"), 1);
    }

    #[tokio::test]
    async fn without_events_there_is_the_resync() {
        let engine = Simulated::start_temporary().unwrap();
        engine.fault("/events", Fault::Status(403, "forbidden".into()));
        let source = play(&engine, (60_000, 200, 1_500), 0).await;
        assert!(source.listings >= 4, "{}", source.listings);
        assert!(engine.calls("GET /events") >= 3, "it is asked again");
        assert!(source.resyncs.contains(&true), "{:?}", source.resyncs);
        // An engine that has troubles of its own is connected to anew.
        engine.clear_faults();
        engine.fault("/events", Fault::Status(500, "boom".into()));
        assert_eq!(play(&engine, (60_000, 200, 300), 0).await.listings, 0);
    }

    #[tokio::test]
    async fn what_is_unsettled_at_first_is_looked_at_soon() {
        let engine = Simulated::start_temporary().unwrap();
        // Settled, there is one early look after a second.
        for (settled, at_least, at_most) in [(0, 1, 1), (100, 3, 4)] {
            let source = play(&engine, (60_000, 60_000, 900), settled).await;
            assert!((at_least..=at_most).contains(&source.listings), "{}", source.listings);
        }
    }
}
