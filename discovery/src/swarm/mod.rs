//! The Swarm provider: services of a Swarm manager, each behind its VIP unless single tasks are
//! needed. One listing is one call, two where tasks' addresses are needed, however many services there
//! are; what seldom changes (networks, our own container's among them, addresses of nodes) is asked
//! for when events say so, or when somebody names what is not known yet.

mod item;
mod offline;
mod place;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bollard::models::Service;
use swarmgate_config::breath::{breathe, look};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::{Left, Skipped, rules_in};

pub use self::offline::offline;

use self::item::{Around, Candidate, Known, Overlay, Overlays};
use self::place::Nodes;
use crate::build::item::{disabled_findings, label_origin};
use crate::build::{self, Item, Rules};
use crate::engine::answer::Task;
use crate::engine::follow::{Listing, Meaning, Settings, Source, follow};
use crate::engine::own::Own;
use crate::engine::{Cause, Engine, Event, Failure};
use crate::provider::{Provider, Updates};

/// The provider.
#[derive(Debug)]
pub struct Swarm {
    /// How to follow the engine.
    pub settings: Settings,
    /// What decides about services.
    pub rules: Rules,
    /// Ids that may be our own container's.
    pub own: Vec<String>,
}

impl Provider for Swarm {
    fn name(&self) -> &str {
        &self.settings.provider
    }

    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let source = SwarmSource {
            provider: self.settings.provider.clone(),
            rules: self.rules,
            own: Own::new(self.own),
            skipped: Skipped::shared(),
            overlays: None,
            strange: BTreeSet::new(),
            nodes: None,
            nodes_fresh: false,
            arrived: HashMap::new(),
        };
        Box::pin(follow(source, self.settings, updates))
    }
}

struct SwarmSource {
    provider: Arc<str>,
    rules: Rules,
    own: Own,
    /// Which services make no routes; all configurations share it.
    skipped: Skipped,
    /// Networks of Swarm scope, until they may have changed.
    overlays: Option<Overlays>,
    /// What services name as networks and is none of them: the host's, say.
    strange: BTreeSet<String>,
    /// Addresses of nodes as they were listed last, once they are needed.
    nodes: Option<Nodes>,
    nodes_fresh: bool,
    /// By service the network that all of its tasks were on at the last listing; none while they are
    /// on their way.
    arrived: HashMap<String, Option<String>>,
}

impl Source for SwarmSource {
    fn event_types(&self) -> &'static [&'static str] {
        &["service", "network", "node", "config", "container"]
    }

    fn meaning(&mut self, event: &Event) -> Meaning {
        match event.kind.as_str() {
            "container" => {
                // Tasks of this node: their number changes without any Swarm event.
                let task = event.actor.attributes.contains_key("com.docker.swarm.service.id");
                let moved = matches!(event.action.as_str(), "start" | "die" | "kill")
                    || event.action.starts_with("health_status");
                if task && moved { Meaning::Change } else { Meaning::None }
            }
            "network" => {
                // We may have been attached somewhere.
                self.own.forget();
                self.overlays = None;
                Meaning::Change
            }
            kind => {
                if kind == "node" {
                    self.nodes_fresh = false;
                }
                Meaning::Change
            }
        }
    }

    fn connected(&mut self) {
        self.own.forget();
        self.overlays = None;
        self.nodes_fresh = false;
    }

    fn resync(&mut self, blind: bool) {
        self.overlays = None;
        if blind {
            self.own.forget();
            self.nodes_fresh = false;
        }
    }

    async fn list(&mut self, engine: &Engine) -> Result<Listing, Failure> {
        let listed = engine.services().await?;
        let mut findings = listed.findings(&self.provider);
        let mut left = listed.left(&self.provider);
        let mut unsettled = false;
        let mut candidates = Vec::new();
        for service in listed.entries {
            look();
            if let Some((candidate, moving)) = self.sift(service, &mut findings, &mut left) {
                unsettled |= moving;
                candidates.push(candidate);
            }
        }
        // Behind the services: a network that one of them names is there by then.
        let overlays = self.overlays(engine, &candidates).await?;
        self.own.renew(engine).await?;
        let around = Around {
            provider: &self.provider,
            network: self.rules.network.as_deref(),
            overlays: &overlays,
            own: self.own.networks(),
        };
        for candidate in &mut candidates {
            look();
            unsettled |= candidate.place(around);
            candidate.compare(self.arrived.get(candidate.id()));
        }
        let ids: Vec<String> = candidates
            .iter()
            .filter(|candidate| candidate.wants_tasks)
            .map(|candidate| candidate.id().to_owned())
            .collect();
        let tasks = if ids.is_empty() { Vec::new() } else { engine.tasks(&ids).await? };
        let mut by_service: HashMap<&str, Vec<&Task>> = HashMap::new();
        for task in &tasks {
            breathe();
            by_service.entry(&task.service_id).or_default().push(task);
        }
        let mut refused = None;
        if self.asks_for_nodes(&candidates, &by_service) {
            refused = list_nodes(engine, &mut self.nodes).await?;
            self.nodes_fresh = refused.is_none();
        }
        let none = Nodes::new();
        let known = Known {
            around,
            tasks: &by_service,
            nodes: match (&self.nodes, &refused) {
                (Some(nodes), _) => Ok(nodes),
                (None, Some(why)) => Err(why),
                (None, None) => Ok(&none),
            },
        };
        if let (Some(why), true) = (&refused, self.nodes.is_some()) {
            let message = format!("the nodes cannot be listed, their last addresses count: {why}");
            let origin = Origin::Provider { provider: self.provider.clone() };
            let finding = Finding::new(Severity::Warning, origin, message);
            findings.push(finding.on(ObjectKind::Provider, self.provider.to_string()));
        }
        let arrived: HashMap<String, Option<String>> = candidates
            .iter()
            .map(|candidate| (candidate.id().to_owned(), candidate.arrived(known)))
            .collect();
        let items: Vec<Item> = candidates
            .into_iter()
            .map(|candidate| {
                look();
                candidate.into_item(known)
            })
            .collect();
        let mut configuration = build::build(&self.provider, items, &self.rules.default_rule);
        configuration.findings.append(&mut findings);
        left.extend(configuration.skipped.list());
        self.skipped.replace(left);
        configuration.skipped = self.skipped.clone();
        self.overlays = Some(overlays);
        self.arrived = arrived;
        Ok(Listing { configuration, unsettled })
    }
}

/// Lists the nodes' addresses, or tells why that is refused. What was listed before goes on counting
/// whatever happens: addresses seldom change.
///
/// # Errors
/// When nothing was listed before and it may be soon: a service must not vanish because the Swarm has
/// no leader right now.
async fn list_nodes(engine: &Engine, nodes: &mut Option<Nodes>) -> Result<Option<String>, Failure> {
    match engine.nodes().await {
        Ok(listed) => {
            let listed = listed.into_iter();
            let addresses = listed.filter_map(|node| Some((node.address()?, node.id)));
            *nodes = Some(addresses.map(|(at, id)| (id, at)).collect());
            Ok(None)
        }
        Err(failure) if matches!(failure.cause, Cause::Unreachable | Cause::NotManager) => {
            Err(failure)
        }
        // A socket proxy may forbid it: then whoever needs them says so.
        Err(failure) if nodes.is_some() || failure.is_for_good() => Ok(Some(failure.message)),
        Err(failure) => Err(failure),
    }
}

impl SwarmSource {
    /// Whether somebody needs addresses of nodes that are not known, or no longer for certain.
    fn asks_for_nodes(&self, candidates: &[Candidate], tasks: &HashMap<&str, Vec<&Task>>) -> bool {
        let known = |task: &&Task| {
            self.nodes.as_ref().is_some_and(|nodes| nodes.contains_key(&task.node_id))
        };
        candidates.iter().filter(|candidate| candidate.on_nodes).any(|candidate| {
            let tasks = tasks.get(candidate.id());
            !self.nodes_fresh || tasks.is_some_and(|tasks| !tasks.iter().all(known))
        })
    }

    /// Networks of Swarm scope, listed anew only where they may have changed.
    async fn overlays(
        &mut self,
        engine: &Engine,
        candidates: &[Candidate],
    ) -> Result<Overlays, Failure> {
        if let Some(overlays) = self.overlays.take() {
            let mut strangers = candidates.iter().flat_map(|it| it.strangers(&overlays));
            let known = strangers.all(|stranger| self.strange.contains(stranger));
            drop(strangers);
            if known {
                return Ok(overlays);
            }
        }
        let networks = engine.swarm_networks().await?;
        let overlays: Overlays = networks
            .into_iter()
            .filter_map(|network| {
                let ingress = network.ingress.unwrap_or_default();
                Some((network.id?, Overlay { name: network.name?, ingress }))
            })
            .collect();
        let strangers = candidates.iter().flat_map(|it| it.strangers(&overlays));
        self.strange = strangers.map(str::to_owned).collect();
        Ok(overlays)
    }

    /// Keeps a service that is enabled, allowed and no job, and tells whether it is on its way.
    fn sift(
        &self,
        service: Service,
        findings: &mut Vec<Finding>,
        left: &mut Vec<Left>,
    ) -> Option<(Candidate, bool)> {
        let (name, labels) = item::identity(&service)?;
        let decoded = item::decode(&self.provider, &name, &labels, &self.rules.legacy);
        let mut skip = |reason: &str| {
            left.push(Left::new(&self.provider, &name, reason, rules_in(&labels)));
        };
        if !decoded.enable.unwrap_or(self.rules.exposed_by_default) {
            findings.extend(disabled_findings(&self.provider, &name, &labels, &decoded));
            tracing::debug!(container = name, "Filtering disabled container");
            skip(build::disabled_reason(decoded.enable));
            return None;
        }
        if !self.rules.constraint.matches(&labels) {
            tracing::debug!(container = name, "Container pruned by constraint expression");
            skip(build::CONSTRAINT);
            return None;
        }
        if item::is_job(&service) {
            skip("it is a job, which serves no requests");
            if decoded.enable == Some(true) {
                let message = "a job serves no requests, so its labels are ignored";
                let origin = label_origin(&self.provider, &name, "");
                findings.push(
                    Finding::new(Severity::Warning, origin, message)
                        .on(ObjectKind::Service, format!("{name}@{}", self.provider)),
                );
            }
            return None;
        }
        let unsettled = item::is_unsettled(&service);
        let labels: BTreeMap<String, String> = labels;
        Some((Candidate::new(service, name, labels, decoded), unsettled))
    }
}
