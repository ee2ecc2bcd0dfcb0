//! Planned services as a manager would list them, through the provider's own sieve.

use std::collections::{BTreeSet, HashMap};

use bollard::models::{
    EndpointPortConfig, EndpointPortConfigPublishModeEnum, EndpointSpec, EndpointSpecModeEnum,
    NetworkAttachmentConfig, Service, ServiceEndpoint, ServiceEndpointVirtualIps,
    ServiceServiceStatus, ServiceSpec, ServiceSpecMode, ServiceSpecModeReplicated, TaskSpec,
};
use swarmgate_config::breath::look;
use swarmgate_config::routing::Skipped;

use super::SwarmSource;
use super::item::{self, Around, Known, Overlay, Overlays};
use super::place::{KnownNodes, Nodes};
use crate::build::{self, Item, Rules};
use crate::engine::answer::{AttachedNetwork, AttachedSpec, Attachment, Task, TaskStatus};
use crate::engine::last::Last;
use crate::engine::own::Own;
use crate::engine::remarks::Remarks;
use crate::offline::{Addresses, Left, Mode, Outcome, Planned};

/// The node that all tasks run on.
const NODE: &str = "node";

/// More tasks than anybody needs to see.
const MOST_TASKS: u32 = 100;

/// Networks that each node has for itself.
const OF_NODES: &[&str] = &["host", "bridge", "none"];

/// See [`crate::offline::swarm`].
pub fn offline(
    provider: &str,
    rules: Rules,
    planned: &[Planned],
    own: Option<BTreeSet<String>>,
) -> Outcome {
    let source = SwarmSource {
        provider: provider.into(),
        rules,
        own: Own::fixed(own),
        skipped: Skipped::default(),
        overlays: None,
        strange: BTreeSet::new(),
        nodes: KnownNodes::default(),
        arrived: HashMap::new(),
        last: Last::default(),
        remarks: Remarks::default(),
    };
    // A network's name is its id here.
    let overlays: Overlays = planned
        .iter()
        .flat_map(|service| &service.networks)
        .filter(|(name, _)| !OF_NODES.contains(&name.as_str()))
        .map(|(name, ingress)| (name.clone(), Overlay { name: name.clone(), ingress: *ingress }))
        .collect();
    let around = Around {
        provider: &source.provider,
        network: source.rules.network.as_deref(),
        overlays: &overlays,
        own: source.own.networks(),
    };
    let mut addresses = Addresses::default();
    let mut findings = Vec::new();
    let mut left = Vec::new();
    let mut candidates = Vec::new();
    let mut tasks = Vec::new();
    for (number, planned) in planned.iter().enumerate() {
        look();
        let service = listed(number, planned, &mut addresses);
        let why = why_left(&source, &service);
        match source.sift(service, &mut findings, &mut Vec::new()) {
            Some((mut candidate, _)) => {
                candidate.place(around);
                if candidate.wants_tasks {
                    tasks.extend(tasks_of(candidate.id(), planned, &mut addresses));
                }
                candidates.push(candidate);
            }
            None => left.push((planned.name.clone(), why)),
        }
    }
    let mut by_service: HashMap<&str, Vec<&Task>> = HashMap::new();
    for task in &tasks {
        by_service.entry(&task.service_id).or_default().push(task);
    }
    let nodes = Nodes::from([(NODE.to_owned(), addresses.next("host"))]);
    let known = Known { around, tasks: &by_service, nodes: Ok(&nodes) };
    let items: Vec<Item> = candidates
        .into_iter()
        .map(|candidate| {
            look();
            candidate.into_item(known)
        })
        .collect();
    let mut configuration = build::build(provider, items, &source.rules.default_rule);
    configuration.findings.append(&mut findings);
    Outcome { configuration, left, addresses: addresses.by_address }
}

/// Why the sieve would keep a service back, if it does.
fn why_left(source: &SwarmSource, service: &Service) -> Left {
    let Some((name, labels)) = item::identity(service) else { return Left::Disabled };
    let enable = item::decode(&source.provider, &name, &labels, &source.rules.legacy).enable;
    if !enable.unwrap_or(source.rules.exposed_by_default) {
        Left::Disabled
    } else if !source.rules.constraint.matches(&labels) {
        Left::Constraints
    } else {
        Left::Job
    }
}

fn running(planned: &Planned) -> u32 {
    match planned.mode {
        Mode::Replicated(replicas) => replicas,
        Mode::Global | Mode::Job => 1,
    }
}

/// A service as listed. Those before it are older.
fn listed(number: usize, planned: &Planned, addresses: &mut Addresses) -> Service {
    let dnsrr = planned.dnsrr.then_some(EndpointSpecModeEnum::DNSRR);
    let spec = dnsrr.map(|mode| EndpointSpec { mode: Some(mode), ..EndpointSpec::default() });
    let targets = planned.networks.iter().filter(|(_, ingress)| !**ingress);
    let networks = targets
        .map(|(name, _)| name.as_str())
        .chain(planned.host.then_some("host"))
        .map(|name| NetworkAttachmentConfig {
            target: Some(name.to_owned()),
            ..NetworkAttachmentConfig::default()
        })
        .collect();
    let ports = planned.published.iter().map(|(target, published)| EndpointPortConfig {
        target_port: Some((*target).into()),
        published_port: Some((*published).into()),
        publish_mode: Some(EndpointPortConfigPublishModeEnum::HOST),
        ..EndpointPortConfig::default()
    });
    let ports = Some(ports.collect());
    let overlays = planned.networks.keys().filter(|name| !OF_NODES.contains(&name.as_str()));
    let vips = overlays.filter(|_| !planned.dnsrr).map(|name| {
        let address = addresses.next(name);
        ServiceEndpointVirtualIps {
            network_id: Some(name.clone()),
            addr: Some(format!("{address}/24")),
        }
    });
    let virtual_ips = vips.collect();
    let mut mode = ServiceSpecMode::default();
    match planned.mode {
        Mode::Replicated(replicas) => {
            mode.replicated = Some(ServiceSpecModeReplicated { replicas: Some(replicas.into()) });
        }
        Mode::Global => mode.global = Some(HashMap::new()),
        Mode::Job => mode.replicated_job = Some(Default::default()),
    }
    let count = u64::from(running(planned));
    Service {
        id: Some(format!("{number:08}")),
        created_at: Some(format!("2000-01-01T00:00:00.{:09}Z", number.min(999_999_999))),
        spec: Some(ServiceSpec {
            name: Some(planned.name.clone()),
            labels: Some(planned.labels.clone().into_iter().collect()),
            task_template: Some(TaskSpec { networks: Some(networks), ..TaskSpec::default() }),
            mode: Some(mode),
            endpoint_spec: spec.clone(),
            ..ServiceSpec::default()
        }),
        endpoint: Some(ServiceEndpoint { spec, ports, virtual_ips: Some(virtual_ips) }),
        service_status: Some(ServiceServiceStatus {
            running_tasks: Some(count),
            desired_tasks: Some(count),
            ..ServiceServiceStatus::default()
        }),
        ..Service::default()
    }
}

fn tasks_of(id: &str, planned: &Planned, addresses: &mut Addresses) -> Vec<Task> {
    (0..running(planned).min(MOST_TASKS))
        .map(|slot| Task {
            id: format!("{id}.{slot}"),
            service_id: id.to_owned(),
            status: TaskStatus { state: "running".into() },
            desired_state: "running".into(),
            node_id: NODE.into(),
            networks_attachments: planned
                .networks
                .keys()
                .map(String::as_str)
                .chain(planned.host.then_some("host"))
                .map(|name| Attachment {
                    network: AttachedNetwork {
                        id: name.to_owned(),
                        spec: AttachedSpec { name: name.to_owned() },
                    },
                    addresses: vec![format!("{}/24", addresses.next(name))],
                })
                .collect(),
        })
        .collect()
}
