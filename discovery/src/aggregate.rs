//! Latest of each provider -> one merged configuration, bursts throttled.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use swarmgate_config::check::Merged;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::Configuration;
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::provider::{Provider, Update};

/// So many changes of one provider pass at once before the throttle holds the next ones together:
/// a deployment is a handful of changes, and a throttle is for floods.
const BURST: u32 = 4;

/// Runs all providers and calls `apply` with the merged configuration after each change, on the
/// control-plane runtime. Unchanged configurations are dropped. A provider has [`BURST`] changes
/// that are applied at once and regains one each `throttle`; when it has none left, its changes
/// wait together for the next. Changes of findings alone (an engine is away, and back) have a burst of
/// their own, so that the first deployment after a restart waits for nothing.
///
/// Never returns; dropping it stops the providers. Must run inside a tokio runtime.
pub async fn aggregate(
    providers: Vec<Box<dyn Provider>>,
    throttle: Duration,
    mut apply: impl FnMut(&Merged) + Send,
) {
    let (sender, mut updates) = mpsc::channel::<Update>(16);
    let mut running = JoinSet::new();
    let mut names: HashMap<Id, Arc<str>> = HashMap::new();
    for provider in providers {
        let name = provider.name().into();
        let task = running.spawn(provider.run(sender.clone()));
        names.insert(task.id(), name);
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
            Some(ended) = running.join_next_with_id(), if !running.is_empty() => {
                let id = ended.as_ref().map_or_else(JoinError::id, |(id, ())| *id);
                let name = names.remove(&id).unwrap_or_default();
                match ended {
                    Ok(_) => tracing::debug!(provider = &*name, "Provider ended"),
                    Err(error) => {
                        tracing::error!(provider = &*name, %error, "A provider broke down");
                        // What it has said before it did.
                        while let Ok(update) = updates.try_recv() {
                            slots.entry(update.provider).or_default().offer(update.configuration);
                        }
                        let slot = slots.entry(name.clone()).or_default();
                        slot.offer(broken(&name, slot.latest()));
                    }
                }
            }
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

/// What a provider that broke down said last, and that nothing will follow.
fn broken(provider: &Arc<str>, latest: Option<&Configuration>) -> Arc<Configuration> {
    let mut configuration = latest.cloned().unwrap_or_default();
    let message = "the provider broke down: what it found last keeps serving, and changes are not \
                   seen any more";
    let origin = Origin::Provider { provider: Arc::clone(provider) };
    let finding = Finding::new(Severity::Error, origin, message).expected("a restart");
    configuration.findings.push(finding.on(ObjectKind::Provider, provider.to_string()));
    Arc::new(configuration)
}

/// Whether nothing but findings differs.
fn route_alike(a: &Configuration, b: &Configuration) -> bool {
    a.routers == b.routers
        && a.services == b.services
        && a.middlewares == b.middlewares
        && a.servers_transports == b.servers_transports
        && a.certificates == b.certificates
        && a.tls_options == b.tls_options
        && a.tls_stores == b.tls_stores
}

/// One provider's configurations on their way.
#[derive(Default)]
struct Slot {
    applied: Option<Arc<Configuration>>,
    pending: Option<Arc<Configuration>>,
    /// Whether what is pending only brings other findings.
    findings_only: bool,
    /// When all of the burst is there again: one [`BURST`]th of the way back for each change.
    recovered: Option<Instant>,
    /// The same for changes of findings alone.
    findings_recovered: Option<Instant>,
}

impl Slot {
    fn offer(&mut self, configuration: Arc<Configuration>) {
        let alike =
            self.applied.as_ref().is_some_and(|applied| route_alike(applied, &configuration));
        let told = self.applied.as_ref().map(|applied| &applied.findings);
        if alike && told == Some(&configuration.findings) {
            tracing::debug!("Skipping unchanged configuration");
            // What was waiting has been taken back before anybody saw it.
            self.pending = None;
        } else {
            self.pending = Some(configuration);
            self.findings_only = alike;
        }
    }

    fn latest(&self) -> Option<&Configuration> {
        self.pending.as_deref().or(self.applied.as_deref())
    }

    fn recovered(&mut self) -> &mut Option<Instant> {
        if self.findings_only { &mut self.findings_recovered } else { &mut self.recovered }
    }

    /// When something is waiting: the time at which it may pass.
    fn due(&self, throttle: Duration) -> Option<Instant> {
        let recovered = if self.findings_only { self.findings_recovered } else { self.recovered };
        let recovered = self.pending.as_ref().and(recovered)?;
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
        let recovered = self.recovered();
        *recovered = Some(recovered.map_or(now, |recovered| recovered.max(now)) + throttle);
        Some(configuration)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Mutex;

    use swarmgate_config::routing::{Router, Written};

    use super::*;
    use crate::provider::Updates;

    /// Sends numbered configurations at given milliseconds.
    struct Script {
        name: &'static str,
        steps: Vec<(u64, u32)>,
        end: bool,
    }

    /// A number that breaks whoever is to send it.
    const BREAKS: u32 = 666;

    /// Numbers from 100 on differ in a finding alone from the one a hundred before.
    fn numbered(number: u32) -> Arc<Configuration> {
        let mut configuration = Configuration::default();
        let router = Written { value: Arc::new(Router::default()), origin: Origin::Internal };
        configuration.routers.insert((number % 100).to_string(), router);
        if number >= 100 {
            let message = number.to_string();
            configuration.findings.push(Finding::new(Severity::Info, Origin::Internal, message));
        }
        Arc::new(configuration)
    }

    /// As [`numbered`]'s parameter; `!` if the provider broke down.
    fn shown(configuration: &Configuration) -> String {
        let name = configuration.routers.keys().next().cloned().unwrap_or_default();
        match configuration.findings.last() {
            Some(finding) if finding.message.contains("broke down") => format!("{name}!"),
            Some(finding) => finding.message.clone(),
            None => name,
        }
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
                    assert_ne!(*number, BREAKS, "the provider breaks down, as it should");
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
                .map(|(name, configuration)| format!("{name}={}", shown(configuration)))
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
            (
                "an engine that is away and back leaves the burst alone",
                &[
                    (0, 1),
                    (100, 101),
                    (200, 201),
                    (300, 301),
                    (400, 1),
                    (500, 2),
                    (600, 3),
                    (700, 4),
                ],
                &[
                    (0, "a=1"),
                    (100, "a=101"),
                    (200, "a=201"),
                    (300, "a=301"),
                    (400, "a=1"),
                    (500, "a=2"),
                    (600, "a=3"),
                    (700, "a=4"),
                ],
            ),
            (
                "a flood of findings waits, and a change with it does not",
                &[
                    (0, 1),
                    (10, 101),
                    (20, 201),
                    (30, 301),
                    (40, 401),
                    (50, 501),
                    (60, 601),
                    (70, 2),
                ],
                &[
                    (0, "a=1"),
                    (10, "a=101"),
                    (20, "a=201"),
                    (30, "a=301"),
                    (40, "a=401"),
                    (70, "a=2"),
                ],
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
    async fn a_provider_that_broke_down_says_so() {
        let applied = play(vec![
            ("a", vec![(0, 1), (100, BREAKS)], false),
            ("b", vec![(50, BREAKS)], false),
            ("c", vec![(200, 7)], true),
        ])
        .await;
        let expected = [(0, "a=1"), (50, "a=1,b=!"), (100, "a=1!,b=!"), (200, "a=1!,b=!,c=7")];
        assert_eq!(applied, seen(&expected));
    }

    #[tokio::test(start_paused = true)]
    async fn a_provider_that_ended_keeps_its_configuration() {
        let applied = play(vec![("a", vec![(0, 1), (100, 2)], true)]).await;
        assert_eq!(applied, seen(&[(0, "a=1"), (100, "a=2")]));
    }
}
