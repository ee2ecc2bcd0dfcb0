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
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity, bounded};
use swarmgate_config::routing::{Left, Skipped, rules_in};

pub use self::offline::offline;

use self::item::{Around, Candidate, Known, Overlay, Overlays};
use self::place::KnownNodes;
use crate::build::item::{disabled_findings, label_origin};
use crate::build::{self, Item, Rules};
use crate::engine::answer::{Task, Tolerant};
use crate::engine::follow::{Listing, Meaning, Settings, Source, follow};
use crate::engine::last::Last;
use crate::engine::own::Own;
use crate::engine::remarks::Remarks;
use crate::engine::{Engine, Event, Failure};
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
            nodes: KnownNodes::default(),
            arrived: HashMap::new(),
            last: Last::default(),
            remarks: Remarks::default(),
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
    /// Addresses of nodes, once they are needed.
    nodes: KnownNodes,
    /// By service the network that all of its tasks were on at the last listing; none while they are
    /// on their way.
    arrived: HashMap<String, Option<String>>,
    /// Services as they were described last.
    last: Last<Service>,
    remarks: Remarks,
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
                    self.nodes.forget();
                }
                Meaning::Change
            }
        }
    }

    fn connected(&mut self) {
        self.own.forget();
        self.overlays = None;
        self.nodes.forget();
    }

    fn resync(&mut self, blind: bool) {
        self.overlays = None;
        if blind {
            self.own.forget();
            self.nodes.forget();
        }
    }

    async fn list(&mut self, engine: &Engine) -> Result<Listing, Failure> {
        let mut listed = engine.services().await?;
        self.last.recall(&mut listed);
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
        let kept = candidates.iter().map(|it| (it.id(), it.service()));
        self.last.keep(kept, item::same_version, item::excerpt);
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
        let tasks = if ids.is_empty() { Tolerant::default() } else { engine.tasks(&ids).await? };
        let tasks = self.remarks.entries(&self.provider, "task", tasks);
        let mut by_service: HashMap<&str, Vec<&Task>> = HashMap::new();
        for task in &tasks {
            breathe();
            by_service.entry(&task.service_id).or_default().push(task);
        }
        let on_nodes = || candidates.iter().filter(|candidate| candidate.on_nodes);
        let asked: Vec<&Task> = on_nodes()
            .filter_map(|candidate| by_service.get(candidate.id()))
            .flatten()
            .copied()
            .filter(|task| task.status.state == "running")
            .collect();
        let refused = match on_nodes().next() {
            Some(_) => self.nodes.renew(engine, &self.provider, &mut self.remarks, &asked).await?,
            None => None,
        };
        let known = Known {
            around,
            tasks: &by_service,
            nodes: self.nodes.addresses().ok_or(refused.as_deref().unwrap_or_default()),
        };
        if let (Some(why), Ok(_)) = (&refused, known.nodes) {
            let message = format!("the nodes cannot be listed, their last addresses count: {why}");
            let origin = Origin::Provider { provider: self.provider.clone() };
            findings.push(Finding::new(Severity::Warning, origin, message));
        }
        let arrived: HashMap<String, Option<String>> = candidates
            .iter()
            .map(|candidate| {
                breathe();
                (candidate.id().to_owned(), candidate.arrived(known))
            })
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
        configuration.findings.extend(self.remarks.findings());
        configuration.findings = bounded(configuration.findings);
        left.extend(configuration.skipped.list());
        self.skipped.replace(left);
        configuration.skipped = self.skipped.clone();
        self.overlays = Some(overlays);
        self.arrived = arrived;
        Ok(Listing { configuration, unsettled })
    }
}

impl SwarmSource {
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
        let networks = self.remarks.entries(&self.provider, "network", networks);
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
        let Some((name, labels)) = item::identity(&service) else {
            let id = service.id.as_deref().unwrap_or("?");
            let message = "the engine's description has no name, it is left out";
            let origin = label_origin(&self.provider, id, "");
            findings.push(Finding::new(Severity::Warning, origin, message));
            return None;
        };
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
