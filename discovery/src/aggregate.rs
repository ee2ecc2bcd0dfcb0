//! Latest of each provider -> one merged configuration, bursts throttled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::check::Merged;
use swarmgate_config::routing::Configuration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::provider::{Provider, Update};

/// So many changes of one provider pass at once before the throttle holds the next ones together:
/// a deployment is a handful of changes, and a throttle is for floods.
const BURST: u32 = 4;

/// Runs all providers and calls `apply` with the merged configuration after each change, on the
/// control-plane runtime. Unchanged configurations are dropped. A provider has [`BURST`] changes
/// that are applied at once and regains one each `throttle`; when it has none left, its changes
/// wait together for the next.
///
/// Never returns; dropping it stops the providers. Must run inside a tokio runtime.
pub async fn aggregate(
    providers: Vec<Box<dyn Provider>>,
    throttle: Duration,
    mut apply: impl FnMut(&Merged) + Send,
) {
    let (sender, mut updates) = mpsc::channel::<Update>(16);
    let mut running = JoinSet::new();
    for provider in providers {
        let name = provider.name().to_owned();
        let run = provider.run(sender.clone());
        running.spawn(async move {
            run.await;
            name
        });
    }
    drop(sender);

    // An absurdly long throttle must not overflow the clock.
    let throttle = throttle.min(Duration::from_secs(30 * 86_400));
    let mut merged = Merged::new();
    let mut slots: BTreeMap<Arc<str>, Slot> = BTreeMap::new();
    let mut open = true;
    loop {
        let due = slots.values().filter_map(|slot| slot.due(throttle)).min();
        let wait = async {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            update = updates.recv(), if open => match update {
                Some(update) => slots.entry(update.provider).or_default().offer(update.configuration),
                None => open = false,
            },
            () = wait => {}
            Some(ended) = running.join_next(), if !running.is_empty() => match ended {
                Ok(name) => tracing::debug!(provider = name, "Provider ended"),
                // Its last configuration goes on serving.
                Err(error) => tracing::error!(%error, "A provider broke down"),
            },
        }
        let now = Instant::now();
        let mut changed = false;
        for (provider, slot) in &mut slots {
            if let Some(configuration) = slot.take(now, throttle) {
                merged.insert(provider.clone(), configuration);
                changed = true;
            }
        }
        if changed {
            apply(&merged);
        }
    }
}

/// One provider's configurations on their way.
#[derive(Default)]
struct Slot {
    applied: Option<Arc<Configuration>>,
    pending: Option<Arc<Configuration>>,
    /// When all of the burst is there again: one [`BURST`]th of the way back for each change.
    recovered: Option<Instant>,
}

impl Slot {
    fn offer(&mut self, configuration: Arc<Configuration>) {
        if self.applied.as_ref().is_some_and(|applied| *applied == configuration) {
            tracing::debug!("Skipping unchanged configuration");
            // What was waiting has been taken back before anybody saw it.
            self.pending = None;
        } else {
            self.pending = Some(configuration);
        }
    }

    /// When something is waiting: the time at which it may pass.
    fn due(&self, throttle: Duration) -> Option<Instant> {
        let recovered = self.pending.as_ref().and(self.recovered)?;
        Some(recovered.checked_sub(throttle * (BURST - 1)).unwrap_or(recovered))
    }

    fn take(&mut self, now: Instant, throttle: Duration) -> Option<Arc<Configuration>> {
        if self.due(throttle).is_some_and(|due| now < due) {
            return None;
        }
        let mut configuration = self.pending.take()?;
        // Nobody else looks at it yet, unless its provider keeps it.
        if let (Some(new), Some(applied)) = (Arc::get_mut(&mut configuration), &self.applied) {
            new.share(applied);
        }
        self.applied = Some(configuration.clone());
        self.recovered =
            Some(self.recovered.map_or(now, |recovered| recovered.max(now)) + throttle);
        Some(configuration)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Mutex;

    use swarmgate_config::finding::{Finding, Origin, Severity};

    use super::*;
    use crate::provider::Updates;

    /// Sends numbered configurations at given milliseconds.
    struct Script {
        name: &'static str,
        steps: Vec<(u64, u32)>,
        end: bool,
    }

    fn numbered(number: u32) -> Arc<Configuration> {
        let finding = Finding::new(Severity::Info, Origin::Internal, number.to_string());
        Arc::new(Configuration { findings: vec![finding], ..Configuration::default() })
    }

    impl Provider for Script {
        fn name(&self) -> &str {
            self.name
        }

        fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> {
            Box::pin(async move {
                let start = Instant::now();
                for (at, number) in &self.steps {
                    sleep_until(start + Duration::from_millis(*at)).await;
                    let update =
                        Update { provider: self.name.into(), configuration: numbered(*number) };
                    updates.send(update).await.unwrap();
                }
                if !self.end {
                    std::future::pending::<()>().await;
                }
            })
        }
    }

    type Seen = Vec<(u64, String)>;
    /// A provider's name, what it sends when, and whether it ends then.
    type Part = (&'static str, Vec<(u64, u32)>, bool);
    /// A case, what is sent when, what is applied when.
    type Case<'a> = (&'a str, &'a [(u64, u32)], &'a [(u64, &'a str)]);

    /// What was applied when: milliseconds and `a=1,b=2`.
    async fn play(scripts: Vec<Part>) -> Seen {
        let providers = scripts
            .into_iter()
            .map(|(name, steps, end)| Box::new(Script { name, steps, end }) as Box<dyn Provider>)
            .collect();
        let seen = Mutex::new(Vec::new());
        let start = Instant::now();
        let work = aggregate(providers, Duration::from_secs(2), |merged| {
            let text: Vec<String> = merged
                .iter()
                .map(|(name, configuration)| {
                    format!("{name}={}", configuration.findings[0].message)
                })
                .collect();
            let at = u64::try_from(start.elapsed().as_millis()).unwrap();
            seen.lock().unwrap().push((at, text.join(",")));
        });
        tokio::time::timeout(Duration::from_secs(60), work).await.unwrap_err();
        seen.into_inner().unwrap()
    }

    fn seen(list: &[(u64, &str)]) -> Seen {
        list.iter().map(|(at, text)| (*at, (*text).to_owned())).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn throttle() {
        let table: &[Case<'_>] = &[
            ("a lone change passes at once", &[(100, 1)], &[(100, "a=1")]),
            ("unchanged is dropped", &[(0, 1), (5_000, 1), (9_000, 1)], &[(0, "a=1")]),
            (
                "a handful of changes passes at once",
                &[(0, 1), (100, 2), (200, 3), (1_900, 4)],
                &[(0, "a=1"), (100, "a=2"), (200, "a=3"), (1_900, "a=4")],
            ),
            (
                "a flood waits together for the next credit",
                &[(0, 1), (100, 2), (200, 3), (300, 4), (400, 5), (500, 6), (2_100, 7), (2_200, 8)],
                &[
                    (0, "a=1"),
                    (100, "a=2"),
                    (200, "a=3"),
                    (300, "a=4"),
                    (2_000, "a=6"),
                    (4_000, "a=8"),
                ],
            ),
            (
                "credits come back one by one",
                &[(0, 1), (100, 2), (200, 3), (300, 4), (2_500, 5), (2_600, 6)],
                &[
                    (0, "a=1"),
                    (100, "a=2"),
                    (200, "a=3"),
                    (300, "a=4"),
                    (2_500, "a=5"),
                    (4_000, "a=6"),
                ],
            ),
            (
                "what is taken back while it waits was never there",
                &[(0, 1), (10, 2), (20, 3), (30, 4), (100, 5), (200, 4), (9_000, 6)],
                &[(0, "a=1"), (10, "a=2"), (20, "a=3"), (30, "a=4"), (9_000, "a=6")],
            ),
        ];
        for (case, steps, expected) in table {
            assert_eq!(play(vec![("a", steps.to_vec(), false)]).await, seen(expected), "{case}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn providers_do_not_wait_for_each_other() {
        let applied =
            play(vec![("a", vec![(0, 1), (100, 2)], false), ("b", vec![(200, 7)], true)]).await;
        assert_eq!(applied, seen(&[(0, "a=1"), (100, "a=2"), (200, "a=2,b=7")]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_ended_keeps_its_configuration() {
        let applied = play(vec![("a", vec![(0, 1), (100, 2)], true)]).await;
        assert_eq!(applied, seen(&[(0, "a=1"), (100, "a=2")]));
    }
}
