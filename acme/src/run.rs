//! The loop of each resolver: asks the plan, starts what it says, waits for what happens.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use swarmgate_config::checked::Wanted;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::Domain;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use tokio::time::sleep;

use crate::challenge::http01::Challenges;
use crate::hub::Hub;
use crate::names::{self, Name};
use crate::order::{self, Issued, Job, Trouble};
use crate::plan::{self, Action, Failure, Held, Key, Situation};
use crate::resolver::{Orders, Resolver};
use crate::{HeldCertificate, account, certificate};

/// The clock may jump and machines sleep: whatever the plan says, it is asked this often.
const LONGEST_SLEEP: i64 = 3600;

/// How soon a storage that could not be written is tried again.
const SAVE_AGAIN: i64 = 60;

/// What a task under way is for.
#[derive(Clone, Debug)]
struct Work {
    key: Key,
    /// The names under which its certificate is stored.
    domain: Domain,
    renewal: bool,
    started: Instant,
}

/// One resolver at work.
pub(crate) struct Loop {
    resolver: Arc<Resolver>,
    hub: Arc<Hub>,
    challenges: Challenges,
    /// Side by side: what is stored, and what the plan sees of it.
    certificates: Vec<HeldCertificate>,
    held: Vec<Held>,
    failures: BTreeMap<Key, Failure>,
    /// For messages: who wants these names.
    routers: BTreeMap<Key, String>,
    tasks: JoinSet<Result<Issued, Trouble>>,
    works: BTreeMap<task::Id, Work>,
}

impl Loop {
    pub(crate) fn new(resolver: Arc<Resolver>, hub: Arc<Hub>, challenges: Challenges) -> Self {
        let certificates = resolver.storage.certificates(&resolver.name);
        let held = certificates.iter().map(seen).collect();
        Self {
            resolver,
            hub,
            challenges,
            certificates,
            held,
            failures: BTreeMap::new(),
            routers: BTreeMap::new(),
            tasks: JoinSet::new(),
            works: BTreeMap::new(),
        }
    }

    /// Works until `wanted` is closed. `elsewhere`: names that other certificates cover.
    pub(crate) async fn run(
        mut self,
        mut wanted: watch::Receiver<Vec<Wanted>>,
        mut elsewhere: watch::Receiver<HashSet<String>>,
    ) {
        let resolver = Arc::clone(&self.resolver);
        let Some(orders) = &resolver.orders else { return };
        let mut elsewhere_open = true;
        let mut sets = Vec::new();
        let mut reread = true;
        loop {
            if std::mem::take(&mut reread) {
                let wanted = wanted.borrow_and_update();
                self.routers.clear();
                sets.clear();
                for ours in wanted.iter().filter(|wanted| wanted.resolver == resolver.name) {
                    let names = names::set(names_of(&ours.domain));
                    self.routers.entry(Key::new(&names)).or_insert_with(|| ours.router.to_string());
                    sets.push(names);
                }
            }
            let covered = elsewhere.borrow_and_update().clone();
            let pause = self.look(orders, &sets, &covered);
            tokio::select! {
                change = wanted.changed() => match change {
                    Ok(()) => reread = true,
                    Err(_) => return,
                },
                change = elsewhere.changed(), if elsewhere_open => elsewhere_open = change.is_ok(),
                Some(done) = self.tasks.join_next_with_id() => match done {
                    Ok((id, result)) => self.done(orders, id, result).await,
                    Err(error) => {
                        let message = format!("the order broke down: {error}");
                        let trouble = Trouble { message, retry_after: None };
                        self.done(orders, error.id(), Err(trouble)).await;
                    }
                },
                () = sleep(pause) => {
                    if resolver.storage.dirty() {
                        account::save(&resolver).await;
                    }
                }
            }
        }
    }

    /// Asks the plan and starts what it says; how long to sleep if nothing happens.
    fn look(
        &mut self,
        orders: &Orders,
        wanted: &[Vec<Name>],
        elsewhere: &HashSet<String>,
    ) -> Duration {
        let now = now();
        let in_flight: BTreeSet<Key> = self.works.values().map(|work| work.key.clone()).collect();
        let plan = plan::plan(&Situation {
            now,
            held: &self.held,
            wanted,
            elsewhere,
            in_flight: &in_flight,
            failures: &self.failures,
            duration: orders.duration,
        });
        // What is not asked for any more is forgotten, but not before its time: a router that
        // comes and goes does not get around the back-off.
        self.failures.retain(|key, failure| {
            failure.next > now || in_flight.contains(key) || plan.candidates.contains(key)
        });
        for (key, action) in plan.actions {
            self.start(key, action);
        }
        self.tell(&plan.candidates, plan.refused);

        let mut pause = plan.look_again.saturating_sub(now).clamp(1, LONGEST_SLEEP);
        if self.resolver.storage.dirty() {
            pause = pause.min(SAVE_AGAIN);
        }
        Duration::from_secs(pause.unsigned_abs())
    }

    fn start(&mut self, key: Key, action: Action) {
        let (job, domain, renewal) = match action {
            Action::Order { names, uncovered } => {
                let names = names.into_iter().map(|name| name.ascii).collect();
                (Job { names, keep: None }, domain_of(&uncovered), false)
            }
            Action::Renew { index } => {
                let (Some(held), Some(certificate)) =
                    (self.held.get(index), self.certificates.get(index))
                else {
                    return;
                };
                let names = plan::renewal_names(held);
                let keep = Some(certificate.key_pem.clone());
                (Job { names, keep }, certificate.domain.clone(), true)
            }
        };
        let names = job.names.join(", ");
        let resolver = Arc::clone(&self.resolver);
        let challenges = self.challenges.clone();
        tracing::info!(resolver = resolver.name, names, renewal, "ordering a certificate");
        let handle = self.tasks.spawn(async move {
            match &resolver.orders {
                Some(orders) => order::obtain(&resolver, orders, &challenges, job).await,
                None => Err(Trouble { message: "nothing to order with".into(), retry_after: None }),
            }
        });
        self.works.insert(handle.id(), Work { key, domain, renewal, started: Instant::now() });
    }

    async fn done(&mut self, orders: &Orders, id: task::Id, result: Result<Issued, Trouble>) {
        let Some(work) = self.works.remove(&id) else { return };
        let names = work.key.0.join(", ");
        let seconds = work.started.elapsed().as_secs_f64();
        let trouble = match result {
            Ok(issued) => {
                let resolver = self.resolver.name.as_str();
                tracing::info!(
                    resolver,
                    names,
                    seconds,
                    renewal = work.renewal,
                    "got a certificate"
                );
                let expires = self.keep(&work, issued).await;
                if plan::due(expires, orders.duration) > now() {
                    self.failures.remove(&work.key);
                    return;
                }
                // Renewing it at once would go on for ever.
                let message = "the CA's certificate is past its time for renewal already; is the \
                               clock right?";
                Trouble { message: message.into(), retry_after: None }
            }
            Err(trouble) => trouble,
        };
        let count = self.failures.get(&work.key).map_or(0, |failure| failure.count);
        let count = count.saturating_add(1);
        let asked = trouble.retry_after.unwrap_or_default().as_secs();
        let wait = plan::back_off(count).max(i64::try_from(asked).unwrap_or(i64::MAX));
        let next = now().saturating_add(wait);
        tracing::error!(
            providerName = format!("{}.acme", self.resolver.name),
            domains = names,
            seconds,
            next = moment(next),
            error = trouble.message,
            "Unable to obtain ACME certificate for domains"
        );
        self.failures.insert(work.key, Failure { count, next, message: trouble.message });
    }

    /// Stores a certificate and passes it on; its validity.
    async fn keep(&mut self, work: &Work, issued: Issued) -> Option<(i64, i64)> {
        let certificate = HeldCertificate {
            resolver: self.resolver.name.clone(),
            domain: work.domain.clone(),
            chain_pem: issued.chain_pem,
            key_pem: issued.key_pem,
        };
        self.resolver.storage.put(&certificate);
        let held = seen(&certificate);
        let validity = held.validity;
        // As in the storage: in the place of all with the same names.
        let mut old = self.certificates.iter().map(|old| old.domain != certificate.domain);
        self.held.retain(|_| old.next().unwrap_or(true));
        self.certificates.retain(|old| old.domain != certificate.domain);
        self.certificates.push(certificate);
        self.held.push(held);
        // Served first, written second: a full disk holds up no client.
        self.hub.changed(&self.resolver.name, self.certificates.clone());
        account::save(&self.resolver).await;
        validity
    }

    /// How a trouble's message begins.
    fn lacking(&self, key: &Key) -> String {
        let names = key.0.join(", ");
        match self.routers.get(key) {
            Some(router) => {
                format!(
                    "resolver {}: no certificate for {names} (router {router})",
                    self.resolver.name
                )
            }
            None => format!("resolver {}: {names} cannot be renewed", self.resolver.name),
        }
    }

    /// Reports the present troubles.
    fn tell(&self, candidates: &BTreeSet<Key>, refused: Vec<(Key, String)>) {
        let name = self.resolver.name.as_str();
        let mut findings = Vec::new();
        let mut add = |severity, origin, message| {
            findings.push(Finding::new(severity, origin, message).on(ObjectKind::Resolver, name));
        };
        for (key, reason) in refused {
            let message = format!("{}: {reason}", self.lacking(&key));
            add(Severity::Error, Origin::Internal, message);
        }
        let under_way = |key: &Key| self.works.values().any(|work| work.key == *key);
        for (key, failure) in &self.failures {
            if candidates.contains(key) || under_way(key) {
                let message = format!(
                    "{}: {} (try {}, next try {})",
                    self.lacking(key),
                    failure.message,
                    failure.count,
                    moment(failure.next)
                );
                add(Severity::Error, Origin::Internal, message);
            }
        }
        if self.resolver.storage.dirty() {
            let path = self.resolver.storage.path().display().to_string();
            let message = format!(
                "{path} cannot be written: what resolver {name} got is served from memory and \
                 lost at a restart"
            );
            add(
                Severity::Error,
                Origin::File { file: path.into(), line: None, column: None },
                message,
            );
        }
        self.hub.found(name, findings);
    }
}

/// What the plan sees of a stored certificate.
fn seen(certificate: &HeldCertificate) -> Held {
    let facts = certificate::facts(&certificate.chain_pem);
    if let Err(error) = &facts {
        tracing::warn!(
            resolver = certificate.resolver,
            main = certificate.domain.main,
            "a stored certificate cannot be read and will be renewed: {error}"
        );
    }
    let facts = facts.ok();
    Held {
        stored: names::set(names_of(&certificate.domain)),
        validity: facts.as_ref().map(|facts| facts.validity),
        certified: facts.map(|facts| facts.names).unwrap_or_default(),
    }
}

fn names_of(domain: &Domain) -> impl Iterator<Item = &String> {
    std::iter::once(&domain.main).chain(&domain.sans)
}

fn domain_of(names: &[Name]) -> Domain {
    let mut written = names.iter().map(|name| name.written.clone());
    Domain { main: written.next().unwrap_or_default(), sans: written.collect() }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn moment(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).ok();
    moment.and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default()
}
