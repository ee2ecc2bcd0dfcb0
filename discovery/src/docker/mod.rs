//! The Docker provider: containers of one engine, by its events. One listing is one call.

mod elders;
mod item;
mod offline;

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::models::ContainerSummary;
use swarmgate_config::breath::look;
use swarmgate_config::finding::{Finding, bounded};
use swarmgate_config::routing::{Left, Skipped, rules_in};

pub use self::offline::offline;

use self::elders::Elders;
use self::item::{Candidate, Surroundings};
use crate::build::item::disabled_findings;
use crate::build::{self, Item, Rules};
use crate::engine::follow::{Listing, Meaning, Settings, Source, follow};
use crate::engine::last::Last;
use crate::engine::own::Own;
use crate::engine::transport::resolve;
use crate::engine::{Engine, Event, Failure};
use crate::provider::{Provider, Updates};

/// Resolving the host's name must not hold a listing up.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(2);

/// The provider.
#[derive(Debug)]
pub struct Docker {
    /// How to follow the engine.
    pub settings: Settings,
    /// What decides about containers.
    pub rules: Rules,
    /// `useBindPortIP`.
    pub use_bind_port_ip: bool,
    /// `allowEmptyServices`.
    pub allow_empty_services: bool,
    /// Ids that may be our own container's.
    pub own: Vec<String>,
}

impl Provider for Docker {
    fn name(&self) -> &str {
        &self.settings.provider
    }

    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let settings = self.settings.clone();
        let source = DockerSource {
            provider: settings.provider.clone(),
            own: Own::new(self.own.clone()),
            options: *self,
            host: None,
            skipped: Skipped::shared(),
            last: Last::default(),
            elders: Elders::default(),
        };
        Box::pin(follow(source, settings, updates))
    }
}

struct DockerSource {
    provider: Arc<str>,
    options: Docker,
    own: Own,
    host: Option<IpAddr>,
    /// Which containers make no routes; all configurations share it.
    skipped: Skipped,
    /// Containers as they were described last.
    last: Last<ContainerSummary>,
    elders: Elders,
}

impl Source for DockerSource {
    fn event_types(&self) -> &'static [&'static str] {
        &["container", "network"]
    }

    fn meaning(&mut self, event: &Event) -> Meaning {
        match event.kind.as_str() {
            "container" => {
                let moved = matches!(
                    event.action.as_str(),
                    "start" | "die" | "destroy" | "rename" | "pause" | "unpause"
                ) || event.action.starts_with("health_status");
                if moved { Meaning::Change } else { Meaning::None }
            }
            "network" => {
                self.own.forget();
                Meaning::Change
            }
            _ => Meaning::Change,
        }
    }

    fn connected(&mut self) {
        self.own.forget();
        self.host = None;
    }

    fn resync(&mut self, blind: bool) {
        if blind {
            self.own.forget();
        }
    }

    async fn list(&mut self, engine: &Engine) -> Result<Listing, Failure> {
        let mut listed = engine.containers().await?;
        self.last.recall(&mut listed);
        self.own.renew(engine).await?;
        let mut findings = listed.findings(&self.provider);
        let mut left = listed.left(&self.provider);
        let mut kept = Vec::new();
        for summary in &listed.entries {
            look();
            if let Some(candidate) = self.sift(summary, &mut findings, &mut left) {
                kept.push(candidate);
            }
        }
        if self.host.is_none() && listed.entries.iter().any(item::is_host) {
            self.host = Some(host_address().await);
        }
        let surroundings = Surroundings {
            provider: &self.provider,
            network: self.options.rules.network.as_deref(),
            own: self.own.networks(),
            use_bind_port_ip: self.options.use_bind_port_ip,
            host: self.host.unwrap_or(Ipv4Addr::LOCALHOST.into()),
            all: &listed.entries,
        };
        let entries = kept.iter().map(|(candidate, _)| candidate.summary);
        let entries = entries.filter_map(|it| Some((it.id.as_deref()?, it)));
        self.last.keep(entries, |_, _| false, item::excerpt);
        let now = Instant::now();
        let mut items: Vec<Item> = Vec::with_capacity(kept.len());
        let mut identities = Vec::with_capacity(kept.len());
        for (candidate, idle) in kept {
            look();
            identities.push(candidate.identity());
            items.push(candidate.into_item(surroundings, idle));
        }
        // Replicas first, then each: all of them are as old as the oldest.
        for (identity, item) in identities.iter().zip(&items) {
            self.elders.since(identity.clone(), item.created.clone(), now);
        }
        for (identity, item) in identities.into_iter().zip(&mut items) {
            item.created = self.elders.since(identity, std::mem::take(&mut item.created), now);
        }
        self.elders.forget(now);
        let mut configuration =
            build::build(&self.provider, items, &self.options.rules.default_rule);
        configuration.findings.append(&mut findings);
        configuration.findings = bounded(configuration.findings);
        left.extend(configuration.skipped.list());
        self.skipped.replace(left);
        configuration.skipped = self.skipped.clone();
        Ok(Listing { configuration, unsettled: false })
    }
}

impl DockerSource {
    /// Keeps a container that is enabled, allowed, running and healthy. True: it is none of the
    /// last two, but its service may be kept without it.
    fn sift<'a>(
        &self,
        summary: &'a ContainerSummary,
        findings: &mut Vec<Finding>,
        left: &mut Vec<Left>,
    ) -> Option<(Candidate<'a>, bool)> {
        let name = item::name(summary)?;
        let labels = summary.labels.clone().unwrap_or_default().into_iter().collect();
        let decoded = item::decode(&self.provider, &name, &labels, &self.options.rules.legacy);
        let rules = &self.options.rules;
        let mut skip = |reason: &str| {
            left.push(Left::new(&self.provider, &name, reason, rules_in(&labels)));
        };
        if !decoded.enable.unwrap_or(rules.exposed_by_default) {
            findings.extend(disabled_findings(&self.provider, &name, &labels, &decoded));
            tracing::debug!(container = name, "Filtering disabled container");
            skip(build::disabled_reason(decoded.enable));
            return None;
        }
        if !rules.constraint.matches(&labels) {
            tracing::debug!(container = name, "Container pruned by constraint expression");
            skip(build::CONSTRAINT);
            return None;
        }
        let mut idle = false;
        if !item::is_running(summary) {
            if decoded.allow_non_running != Some(true) {
                tracing::debug!(container = name, "Filtering non running container");
                skip("it does not run");
                return None;
            }
            idle = true;
        } else if !item::is_healthy(summary) && decoded.allow_non_running != Some(true) {
            if !self.options.allow_empty_services {
                tracing::debug!(container = name, "Filtering unhealthy or starting container");
                skip("its health check does not hold");
                return None;
            }
            idle = true;
        }
        Some((Candidate { summary, name, labels, decoded }, idle))
    }
}

/// Where containers in host network mode are, seen from a container; else this host itself.
async fn host_address() -> IpAddr {
    for name in ["host.docker.internal", "host.containers.internal"] {
        if let Ok(Ok(addresses)) = tokio::time::timeout(RESOLVE_TIMEOUT, resolve(name)).await
            && let Some(address) = addresses.into_iter().next()
        {
            return address;
        }
    }
    Ipv4Addr::LOCALHOST.into()
}
