//! Services that no overlay network leads to: their tasks answer on their nodes' own addresses, in
//! the host's network or behind ports published with `mode: host`.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{EndpointPortConfigPublishModeEnum, Service};

use crate::engine::answer::Task;
use crate::engine::remarks::Remarks;
use crate::engine::{Cause, Engine, Failure};

/// Addresses of nodes by id.
pub type Nodes = HashMap<String, IpAddr>;

/// So many times a listing waits for a first list of nodes; then whoever needs it has to do without.
const PATIENCE: u8 = 5;

/// Addresses of nodes as they were listed last. They go on counting whatever happens: they seldom
/// change, and a service must not vanish because the Swarm has no leader right now.
#[derive(Debug, Default)]
pub struct KnownNodes {
    addresses: Option<Nodes>,
    fresh: bool,
    failed: u8,
}

impl KnownNodes {
    /// The addresses, once they have been listed.
    pub fn addresses(&self) -> Option<&Nodes> {
        self.addresses.as_ref()
    }

    /// Something may have changed: list them anew.
    pub fn forget(&mut self) {
        self.fresh = false;
    }

    /// Lists them if they may have changed, or one of the tasks is on a node that is not known.
    /// Gives why that is refused: a socket proxy may forbid it.
    ///
    /// # Errors
    /// When they were never listed and may be soon.
    pub async fn renew(
        &mut self,
        engine: &Engine,
        provider: &str,
        remarks: &mut Remarks,
        tasks: &[&Task],
    ) -> Result<Option<String>, Failure> {
        let known = |nodes: &Nodes| tasks.iter().all(|task| nodes.contains_key(&task.node_id));
        if self.fresh && self.addresses.as_ref().is_some_and(known) {
            return Ok(None);
        }
        match engine.nodes().await {
            Ok(listed) => {
                let listed = remarks.entries(provider, "node", listed).into_iter();
                let addresses = listed.filter_map(|node| Some((node.address()?, node.id)));
                self.addresses = Some(addresses.map(|(at, id)| (id, at)).collect());
                self.fresh = true;
                self.failed = 0;
                Ok(None)
            }
            Err(failure) if matches!(failure.cause, Cause::Unreachable | Cause::NotManager) => {
                Err(failure)
            }
            Err(failure)
                if self.addresses.is_none() && !failure.is_for_good() && self.failed < PATIENCE =>
            {
                self.failed = self.failed.saturating_add(1);
                Err(failure)
            }
            Err(failure) => Ok(Some(failure.message)),
        }
    }
}

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
