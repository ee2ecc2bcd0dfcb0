//! Planned containers as an engine would list them, through the provider's own sieve.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use bollard::models::{
    ContainerSummary, ContainerSummaryHostConfig, ContainerSummaryNetworkSettings,
    ContainerSummaryStateEnum, EndpointSettings, PortSummary, PortSummaryTypeEnum,
};
use swarmgate_config::breath::look;
use swarmgate_config::routing::Skipped;

use super::elders::Elders;
use super::item::{self, Surroundings};
use super::{Docker, DockerSource};
use crate::build;
use crate::engine::last::Last;
use crate::engine::own::Own;
use crate::offline::{Addresses, Left, Outcome, Planned};

/// See [`crate::offline::docker`].
pub fn offline(options: Docker, planned: &[Planned], own: Option<BTreeSet<String>>) -> Outcome {
    let source = DockerSource {
        provider: options.settings.provider.clone(),
        options,
        own: Own::fixed(own),
        host: Some(Ipv4Addr::LOCALHOST.into()),
        skipped: Skipped::default(),
        last: Last::default(),
        elders: Elders::default(),
    };
    let mut addresses = Addresses::default();
    let listed: Vec<ContainerSummary> = planned
        .iter()
        .enumerate()
        .map(|(number, planned)| listed(number, planned, &mut addresses))
        .collect();
    let mut findings = Vec::new();
    let mut left = Vec::new();
    let mut items = Vec::new();
    let surroundings = Surroundings {
        provider: &source.provider,
        network: source.options.rules.network.as_deref(),
        own: source.own.networks(),
        use_bind_port_ip: source.options.use_bind_port_ip,
        host: Ipv4Addr::LOCALHOST.into(),
        all: &listed,
    };
    for summary in &listed {
        look();
        match source.sift(summary, &mut findings, &mut Vec::new()) {
            Some((candidate, idle)) => items.push(candidate.into_item(surroundings, idle)),
            None => left.push((item::name(summary).unwrap_or_default(), why(&source, summary))),
        }
    }
    let rule = &source.options.rules.default_rule;
    let mut configuration = build::build(&source.provider, items, rule);
    configuration.findings.append(&mut findings);
    Outcome { configuration, left, addresses: addresses.by_address }
}

/// Why the sieve kept a container back. All of them run and are healthy.
fn why(source: &DockerSource, summary: &ContainerSummary) -> Left {
    let labels = summary.labels.clone().unwrap_or_default().into_iter().collect();
    let name = item::name(summary).unwrap_or_default();
    let enable =
        item::decode(&source.provider, &name, &labels, &source.options.rules.legacy).enable;
    if enable.unwrap_or(source.options.rules.exposed_by_default) {
        Left::Constraints
    } else {
        Left::Disabled
    }
}

fn listed(number: usize, planned: &Planned, addresses: &mut Addresses) -> ContainerSummary {
    let networks = planned
        .networks
        .keys()
        .map(|name| {
            let address = addresses.next(name).to_string();
            (
                name.clone(),
                EndpointSettings { ip_address: Some(address), ..EndpointSettings::default() },
            )
        })
        .collect();
    let ports = planned.ports.iter().map(|port| PortSummary {
        private_port: *port,
        typ: Some(PortSummaryTypeEnum::TCP),
        ..PortSummary::default()
    });
    ContainerSummary {
        id: Some(format!("{number:08}")),
        names: Some(vec![format!("/{}", planned.name)]),
        labels: Some(planned.labels.clone().into_iter().collect()),
        created: i64::try_from(number).ok(),
        state: Some(ContainerSummaryStateEnum::RUNNING),
        status: Some("Up".into()),
        ports: Some(ports.collect()),
        host_config: planned.host.then(|| ContainerSummaryHostConfig {
            network_mode: Some("host".into()),
            ..ContainerSummaryHostConfig::default()
        }),
        network_settings: Some(ContainerSummaryNetworkSettings { networks: Some(networks) }),
        ..ContainerSummary::default()
    }
}
