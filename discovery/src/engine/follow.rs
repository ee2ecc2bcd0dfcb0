//! The loop behind both engine providers: subscribe, list, follow events, resync, reconnect.

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
    /// The engine.
    pub endpoint: Arc<Endpoint>,
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
    let mut reported: Option<Failure> = None;
    loop {
        let mut since = None;
        let Err(failure) = round(&mut source, &mut sender, &mut since).await else { return };
        if since.is_some_and(|since: Instant| since.elapsed() >= GOOD) {
            backoff.reset();
        }
        if since.is_some() || reported.as_ref() != Some(&failure) {
            let endpoint = &settings.endpoint.text;
            tracing::error!(provider = &*settings.provider, endpoint, "Provider error: {failure}");
            reported = Some(failure.clone());
        }
        if !sender.failed(&failure).await {
            return;
        }
        let wait = backoff.wait(failure.cause);
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
    async fn failed(&self, failure: &Failure) -> bool {
        let provider = &self.settings.provider;
        let mut configuration = self.last.as_ref().map(|last| (**last).clone()).unwrap_or_default();
        let stays = if self.last.is_some() { "what was found last keeps serving; " } else { "" };
        let message = format!(
            "engine {}: {failure}; {stays}it is tried again and again",
            self.settings.endpoint.text
        );
        let severity =
            if failure.cause == Cause::NotManager { Severity::Error } else { Severity::Warning };
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
    since: &mut Option<Instant>,
) -> Result<(), Failure> {
    let settings = sender.settings;
    let engine = reach(&settings.endpoint, settings.timeout).await?;
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
