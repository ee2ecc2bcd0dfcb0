//! The Swarm provider: services of a Swarm manager, each behind its VIP unless single tasks are
//! needed. One listing is at most three calls, however many services there are; what seldom changes
//! (our own container's networks, addresses of nodes) is asked for when events say so.

mod item;
mod offline;
mod place;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bollard::models::Service;
use swarmgate_config::breath::{breathe, look};
use swarmgate_config::finding::{Finding, ObjectKind, Severity, bounded};
use swarmgate_config::routing::{Left, Skipped, rules_in};

pub use self::offline::offline;

use self::item::{Candidate, Known, Overlay, Overlays};
use self::place::Nodes;
use crate::build::item::{disabled_findings, label_origin};
use crate::build::{self, Item, Rules};
use crate::engine::answer::{Task, Tolerant};
use crate::engine::follow::{Listing, Meaning, Settings, Source, follow};
use crate::engine::last::Last;
use crate::engine::remarks::Remarks;
use crate::engine::{Cause, Engine, Event, Failure, own};
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
            own: self.own,
            own_networks: None,
            own_known: false,
            skipped: Skipped::shared(),
            nodes: None,
            last: Last::default(),
            remarks: Remarks::default(),
        };
        Box::pin(follow(source, self.settings, updates))
    }
}

struct SwarmSource {
    provider: Arc<str>,
    rules: Rules,
    own: Vec<String>,
    own_networks: Option<BTreeSet<String>>,
    own_known: bool,
    /// Which services make no routes; all configurations share it.
    skipped: Skipped,
    /// Addresses of nodes, once they are needed; or why they cannot be listed.
    nodes: Option<Result<Nodes, String>>,
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
                self.own_known = false;
                Meaning::Change
            }
            kind => {
                if kind == "node" {
                    self.nodes = None;
                }
                Meaning::Change
            }
        }
    }

    fn connected(&mut self) {
        self.own_known = false;
        self.nodes = None;
    }

    async fn list(&mut self, engine: &Engine) -> Result<Listing, Failure> {
        let mut listed = engine.services().await?;
        self.last.recall(&mut listed);
        let networks = engine.swarm_networks().await?;
        let networks = self.remarks.entries(&self.provider, "network", networks);
        if !self.own_known {
            let networks = own::networks(engine, &self.own).await?;
            self.own_networks = networks.as_ref().map(own::names);
            self.own_known = true;
        }
        let overlays: Overlays = networks
            .into_iter()
            .filter_map(|network| {
                let ingress = network.ingress.unwrap_or_default();
                Some((network.id?, Overlay { name: network.name?, ingress }))
            })
            .collect();
        let mut findings = listed.findings(&self.provider);
        let mut left = listed.left(&self.provider);
        let mut unsettled = false;
        let mut candidates = Vec::new();
        for service in listed.entries {
            look();
            if let Some((mut candidate, moving)) = self.sift(service, &mut findings, &mut left) {
                unsettled |= candidate.place(&overlays) || moving;
                candidates.push(candidate);
            }
        }
        let kept = candidates.iter().map(|it| (it.id(), it.service()));
        self.last.keep(kept, item::same_version, item::excerpt);
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
        if self.nodes.is_none() && candidates.iter().any(|candidate| candidate.on_nodes) {
            self.nodes = Some(nodes(engine, &self.provider, &mut self.remarks).await?);
        }
        let none = Nodes::new();
        let known = Known {
            provider: &self.provider,
            network: self.rules.network.as_deref(),
            overlays: &overlays,
            own: self.own_networks.as_ref(),
            tasks: &by_service,
            nodes: match &self.nodes {
                None => Ok(&none),
                Some(Ok(nodes)) => Ok(nodes),
                Some(Err(why)) => Err(why),
            },
        };
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
        Ok(Listing { configuration, unsettled })
    }
}

/// Addresses of nodes. A socket proxy may forbid to list them: then whoever needs them says so.
async fn nodes(
    engine: &Engine,
    provider: &str,
    remarks: &mut Remarks,
) -> Result<Result<Nodes, String>, Failure> {
    match engine.nodes().await {
        Ok(listed) => Ok(Ok(remarks
            .entries(provider, "node", listed)
            .into_iter()
            .filter_map(|node| Some((node.address()?, node.id)).map(|(at, id)| (id, at)))
            .collect())),
        Err(failure) if failure.cause == Cause::Unreachable => Err(failure),
        Err(failure) => Ok(Err(failure.message)),
    }
}

impl SwarmSource {
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
