//! Services that no overlay network leads to: their tasks answer on their nodes' own addresses, in
//! the host's network or behind ports published with `mode: host`.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{EndpointPortConfigPublishModeEnum, Service};

use crate::engine::answer::Task;

/// Addresses of nodes by id.
pub type Nodes = HashMap<String, IpAddr>;

/// Container port -> the node's port, of those that are published with `mode: host`.
pub fn published(service: &Service) -> BTreeMap<u16, u16> {
    let current = service.endpoint.as_ref().and_then(|endpoint| endpoint.ports.as_ref());
    let written = service.spec.as_ref().and_then(|spec| spec.endpoint_spec.as_ref());
    let ports = current.or(written.and_then(|spec| spec.ports.as_ref()));
    let number = |port: Option<i64>| u16::try_from(port?).ok().filter(|port| *port != 0);
    ports
        .into_iter()
        .flatten()
        .filter(|port| port.publish_mode == Some(EndpointPortConfigPublishModeEnum::HOST))
        // One that the node chooses is not known from here.
        .filter_map(|port| Some((number(port.target_port)?, number(port.published_port)?)))
        .collect()
}

/// Where running tasks are, on their nodes.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OnNodes {
    /// The nodes' addresses, each once.
    pub members: Vec<IpAddr>,
    /// Whether the tasks are in the host's network: then they need no published port.
    pub host: bool,
    /// A node whose address is not known.
    pub unknown: Option<String>,
}

/// Finds them.
pub fn on_nodes(tasks: &[&Task], nodes: &Nodes) -> OnNodes {
    let mut found = OnNodes::default();
    for task in tasks.iter().filter(|task| task.status.state == "running") {
        let attached =
            |attachment: &crate::engine::answer::Attachment| attachment.network.spec.name == "host";
        found.host |= task.networks_attachments.iter().any(attached);
        match nodes.get(&task.node_id) {
            Some(address) => found.members.push(*address),
            None => found.unknown = Some(task.node_id.clone()),
        }
    }
    found.members.sort_unstable();
    found.members.dedup();
    found
}
