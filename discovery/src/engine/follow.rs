//! The loop behind both engine providers: subscribe, list, follow events, resync, reconnect.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::Configuration;
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::Backoff;
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
    let mut events = engine.events(source.event_types()).await?;
    // The engine answers an instant before it subscribes; one early look covers that.
    let mut step = SERIES.len() - 1;
    let mut early = true;
    loop {
        let began = Instant::now();
        let listing = source.list(&engine).await?;
        let listed = Instant::now();
        let cost = listed.duration_since(began);
        since.get_or_insert_with(Instant::now);
        if !sender.listed(listing.configuration).await {
            return Ok(());
        }
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
            tokio::select! {
                event = events.next() => {
                    if source.meaning(&event?) == Meaning::None {
                        continue;
                    }
                    // Under a storm of events, listings take at most half of the time.
                    let rested = listed + cost.min(Duration::from_secs(1));
                    let until = rested.max(Instant::now() + DEBOUNCE);
                    loop {
                        tokio::select! {
                            event = events.next() => { source.meaning(&event?); }
                            () = sleep_until(until) => break,
                        }
                    }
                    step = 0;
                    early = true;
                    break;
                }
                () = sleep_until(due) => break,
                () = closed.closed() => return Ok(()),
            }
        }
    }
}
