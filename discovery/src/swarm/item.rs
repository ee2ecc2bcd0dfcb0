//! One Swarm service as listed -> an item with its networks, VIP and tasks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use bollard::models::{
    EndpointSpecModeEnum, Service, ServiceSpec, ServiceUpdateStatusStateEnum, TaskSpec,
};
use swarmgate_config::decode::Labels;
use swarmgate_config::finding::{Finding, Severity};
use swarmgate_config::legacy;

use super::place::{self, Nodes};
use crate::build::item::label_origin;
use crate::build::name::normalize;
use crate::build::network::{self, Facts, choose};
use crate::build::{Balance, Item, Targets, needs_members};
use crate::engine::answer::{Attachment, Task};

/// A network of Swarm scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// Its name.
    pub name: String,
    /// Whether it is the routing mesh's.
    pub ingress: bool,
}

/// Networks by id.
pub type Overlays = BTreeMap<String, Overlay>;

/// An enabled service, decoded once per listing.
#[derive(Debug)]
pub struct Candidate {
    service: Service,
    /// Its name.
    pub name: String,
    labels: BTreeMap<String, String>,
    decoded: Labels,
    /// Whether addresses of tasks are needed.
    pub wants_tasks: bool,
    /// Whether no overlay network leads there, but addresses of nodes may.
    pub on_nodes: bool,
    balance: Balance,
    runs: bool,
    vips: Vec<(String, IpAddr)>,
    targets: Vec<String>,
    /// The id of the network that leads there.
    network: Option<String>,
    /// What was noticed while it was chosen.
    findings: Vec<Finding>,
}

/// What decides about networks.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The provider's option `network`.
    pub network: Option<&'a str>,
    /// Networks of Swarm scope.
    pub overlays: &'a Overlays,
    /// Networks we are attached to ourselves.
    pub own: Option<&'a BTreeSet<String>>,
}

/// What a listing knows beside the services.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What decides about networks.
    pub around: Around<'a>,
    /// Tasks by service.
    pub tasks: &'a HashMap<&'a str, Vec<&'a Task>>,
    /// Addresses of nodes; or why they cannot be listed.
    pub nodes: Result<&'a Nodes, &'a str>,
}

/// Name of a listed service, its labels; `None` for an answer without a specification.
pub fn identity(service: &Service) -> Option<(String, BTreeMap<String, String>)> {
    let spec = service.spec.as_ref()?;
    let labels = spec.labels.clone().unwrap_or_default().into_iter().collect();
    Some((spec.name.clone()?, labels))
}

/// Whether nothing has been changed in between. The counts of tasks do not count.
pub fn same_version(one: &Service, other: &Service) -> bool {
    let index = |service: &Service| service.version.as_ref().and_then(|version| version.index);
    index(one).is_some() && index(one) == index(other)
}

/// What is looked at of a service, without what passes quickly.
pub fn excerpt(service: &Service) -> Service {
    let spec = service.spec.as_ref().map(|spec| ServiceSpec {
        name: spec.name.clone(),
        labels: spec.labels.clone(),
        mode: spec.mode.clone(),
        networks: spec.networks.clone(),
        endpoint_spec: spec.endpoint_spec.clone(),
        task_template: spec.task_template.as_ref().map(|template| TaskSpec {
            networks: template.networks.clone(),
            ..TaskSpec::default()
        }),
        ..ServiceSpec::default()
    });
    Service {
        id: service.id.clone(),
        version: service.version.clone(),
        created_at: service.created_at.clone(),
        spec,
        endpoint: service.endpoint.clone(),
        ..Service::default()
    }
}

/// Whether it runs to completion instead of serving.
pub fn is_job(service: &Service) -> bool {
    let mode = service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
    mode.is_some_and(|mode| mode.replicated_job.is_some() || mode.global_job.is_some())
}

/// Whether its tasks are on their way to another state.
pub fn is_unsettled(service: &Service) -> bool {
    let status = service.service_status.as_ref();
    let differs = status.is_some_and(|status| status.running_tasks != status.desired_tasks);
    let updating =
        service.update_status.as_ref().and_then(|update| update.state).is_some_and(|state| {
            matches!(
                state,
                ServiceUpdateStatusStateEnum::UPDATING
                    | ServiceUpdateStatusStateEnum::ROLLBACK_STARTED
            )
        });
    differs || updating
}

/// Whether some of its tasks may be older than its specification.
fn is_updating(service: &Service) -> bool {
    use ServiceUpdateStatusStateEnum::{PAUSED, ROLLBACK_PAUSED, ROLLBACK_STARTED, UPDATING};
    let state = service.update_status.as_ref().and_then(|update| update.state);
    state.is_some_and(|state| {
        matches!(state, UPDATING | PAUSED | ROLLBACK_STARTED | ROLLBACK_PAUSED)
    })
}

fn is_dnsrr(service: &Service) -> bool {
    let mode = |spec: &bollard::models::EndpointSpec| spec.mode;
    let current = service.endpoint.as_ref().and_then(|endpoint| endpoint.spec.as_ref());
    let written = service.spec.as_ref().and_then(|spec| spec.endpoint_spec.as_ref());
    current.and_then(mode).or_else(|| written.and_then(mode)) == Some(EndpointSpecModeEnum::DNSRR)
}

fn vips(service: &Service) -> Vec<(String, IpAddr)> {
    let listed = service.endpoint.as_ref().and_then(|endpoint| endpoint.virtual_ips.as_ref());
    let read = |vip: &bollard::models::ServiceEndpointVirtualIps| {
        Some((vip.network_id.clone()?, address(vip.addr.as_deref()?)?))
    };
    listed.map(|list| list.iter().filter_map(read).collect()).unwrap_or_default()
}

/// Networks (by id or name) that the specification asks for.
fn targets(service: &Service) -> Vec<String> {
    let Some(spec) = &service.spec else { return Vec::new() };
    let template = spec.task_template.as_ref().and_then(|template| template.networks.as_ref());
    // `Spec.Networks` is the deprecated place.
    let networks = template.filter(|list| !list.is_empty()).or(spec.networks.as_ref());
    let names = networks.map(|list| list.iter().filter_map(|entry| entry.target.clone()).collect());
    names.unwrap_or_default()
}

/// IPv6 only where there is no IPv4.
fn attached_at(attachment: &Attachment) -> Option<IpAddr> {
    let addresses: Vec<IpAddr> =
        attachment.addresses.iter().filter_map(|text| address(text)).collect();
    addresses.iter().find(|ip| ip.is_ipv4()).or(addresses.first()).copied()
}

/// `10.0.1.5/24` or `10.0.1.5`.
fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.split('/').next()?.parse().ok()?;
    (!address.is_unspecified()).then_some(address)
}

impl Candidate {
    /// Decodes the labels of an enabled service and sees what it needs.
    pub fn new(
        service: Service,
        name: String,
        labels: BTreeMap<String, String>,
        decoded: Labels,
    ) -> Self {
        let status = service.service_status.as_ref();
        let runs = status.and_then(|status| status.running_tasks).is_some_and(|tasks| tasks > 0);
        let (vips, targets) = (vips(&service), targets(&service));
        let balance = match decoded.lb_swarm {
            _ if is_dnsrr(&service) => Balance::Members,
            // Tasks run, so nothing is being allocated any more: its networks know no VIPs.
            _ if runs && vips.is_empty() => Balance::Members,
            Some(false) => Balance::Members,
            Some(true) => Balance::Vip,
            None => Balance::Auto,
        };
        let picky = decoded
            .configuration
            .services
            .values()
            .any(|service| service.value.load_balancer.as_ref().is_some_and(needs_members));
        let wants_tasks = balance == Balance::Members || (balance == Balance::Auto && picky);
        Self {
            service,
            name,
            labels,
            decoded,
            wants_tasks,
            on_nodes: false,
            balance,
            runs,
            vips,
            targets,
            network: None,
            findings: Vec::new(),
        }
    }

    /// What it names of networks, ids or names, that none of these has.
    pub fn strangers(&self, overlays: &Overlays) -> impl Iterator<Item = &str> {
        let named = self.vips.iter().map(|(id, _)| id).chain(&self.targets);
        named.map(String::as_str).filter(|target| {
            !overlays.contains_key(*target)
                && !overlays.values().any(|overlay| overlay.name == *target)
        })
    }

    /// Chooses the network that leads there; true: a VIP is still to come. A fresh service is listed
    /// before its VIPs are allocated, and so is one that has just got another network.
    pub fn place(&mut self, around: Around<'_>) -> bool {
        let overlays = around.overlays;
        let known = self.targets.iter().any(|target| {
            overlays.contains_key(target)
                || overlays.values().any(|overlay| overlay.name == *target)
        });
        let led_to = known || self.vips.iter().any(|(id, _)| overlays.contains_key(id));
        // The host's network is not among those of the Swarm.
        if !led_to && (!self.targets.is_empty() || !place::published(&self.service).is_empty()) {
            self.on_nodes = true;
            self.wants_tasks = true;
            self.balance = Balance::Members;
        }
        self.network = self.choose(around);
        known && !is_dnsrr(&self.service) && self.vip().is_none()
    }

    /// The service as listed.
    pub fn service(&self) -> &Service {
        &self.service
    }

    fn choose(&mut self, around: Around<'_>) -> Option<String> {
        let Around { provider, network: wanted, overlays, own } = around;
        let mut ids: BTreeSet<&str> = self.vips.iter().map(|(id, _)| id.as_str()).collect();
        for (id, overlay) in overlays {
            if self.targets.iter().any(|target| target == id || *target == overlay.name) {
                ids.insert(id);
            }
        }
        let attached_to: Vec<(&str, &Overlay)> =
            ids.into_iter().filter_map(|id| Some((id, overlays.get(id)?))).collect();
        let attached: BTreeMap<String, bool> = attached_to
            .iter()
            .map(|(_, overlay)| (overlay.name.clone(), overlay.ingress))
            .collect();
        let (chosen, remarks) = choose(Facts {
            service: &self.name,
            label: "traefik.swarm.network",
            stack: self.labels.get("com.docker.stack.namespace").map(String::as_str),
            // The provider's is for those that have networks.
            wanted: self.decoded.network.as_deref().or(wanted.filter(|_| !self.on_nodes)),
            attached: &attached,
            own,
        });
        let id = attached_to.iter().find(|(_, overlay)| chosen == Some(overlay.name.as_str()));
        let id = id.map(|(id, _)| (*id).to_owned());
        self.findings = network::findings(remarks, &label_origin(provider, &self.name, ""));
        id
    }

    fn vip(&self) -> Option<IpAddr> {
        let network = self.network.as_deref()?;
        self.vips.iter().find(|(id, _)| id == network).map(|(_, vip)| *vip)
    }

    /// Sees whether some of its tasks may be on other networks than the chosen one, as while it moves
    /// from one network to another: behind a VIP there are only those that have arrived. `before`:
    /// what [`Candidate::arrived`] said last.
    pub fn compare(&mut self, before: Option<&Option<String>>) {
        if !self.runs || self.network.is_none() {
            return;
        }
        self.wants_tasks |= self.vip().is_none()
            || match before {
                Some(network) => *network != self.network,
                None => is_updating(&self.service),
            };
    }

    /// The network that all of its running tasks are on, if that is so.
    pub fn arrived(&self, known: Known<'_>) -> Option<String> {
        self.network.clone().filter(|_| !self.members(known).1)
    }

    /// Addresses of its running tasks on the chosen network; of those that are not there yet on
    /// another that leads to them, and whether there are such.
    fn members(&self, known: Known<'_>) -> (Vec<IpAddr>, bool) {
        let Around { overlays, own, .. } = known.around;
        let tasks = known.tasks.get(self.id()).map(Vec::as_slice).unwrap_or_default();
        let mut away = false;
        let leads_there = |attachment: &&Attachment| {
            overlays.get(&attachment.network.id).is_some_and(|overlay| {
                !overlay.ingress && own.is_none_or(|own| own.contains(&overlay.name))
            })
        };
        let mut member = |task: &Task| {
            let network = self.network.as_deref()?;
            let attachments = &task.networks_attachments;
            let there = attachments.iter().find(|attachment| attachment.network.id == network);
            there.and_then(attached_at).or_else(|| {
                let elsewhere = attachments.iter().filter(leads_there).find_map(attached_at);
                away |= elsewhere.is_some();
                elsewhere
            })
        };
        let running = tasks.iter().filter(|task| task.status.state == "running");
        let mut members: Vec<IpAddr> = running.filter_map(|task| member(task)).collect();
        members.sort_unstable();
        members.dedup();
        (members, away)
    }

    /// The service's id.
    pub fn id(&self) -> &str {
        self.service.id.as_deref().unwrap_or_default()
    }

    /// Finishes the item.
    pub fn into_item(mut self, known: Known<'_>) -> Item {
        let Known { around, tasks, nodes } = known;
        let origin = label_origin(around.provider, &self.name, "");
        let mut findings = std::mem::take(&mut self.findings);
        if is_dnsrr(&self.service) && self.decoded.lb_swarm == Some(true) {
            let message = "lbswarm=true has no effect: a service with endpoint mode dnsrr has no \
                           VIP, so its tasks are balanced here";
            findings.push(
                Finding::new(Severity::Warning, origin.clone(), message)
                    .expected("endpoint mode vip, or no label lbswarm"),
            );
        }
        let vip = self.vip();
        let (mut members, away) = self.members(known);
        if away {
            self.balance = Balance::Members;
            let network = self.network.as_deref().and_then(|id| around.overlays.get(id));
            let message = format!(
                "some of its tasks are not on network {:?} yet: until they are, requests go to the \
                 tasks themselves, on networks that they have",
                network.map(|overlay| overlay.name.as_str()).unwrap_or_default()
            );
            findings.push(Finding::new(Severity::Info, origin.clone(), message));
        }
        let tasks: &[&Task] = tasks.get(self.id()).map(Vec::as_slice).unwrap_or_default();
        let mut unreachable = self.network.is_none().then(|| {
            "it is attached to no overlay network, so there is no address to reach it at; expected \
             a network that the proxy is attached to as well, or its port published with mode: host"
                .to_owned()
        });
        let mut published = None;
        if self.on_nodes {
            let none = Nodes::new();
            let found = place::on_nodes(tasks, nodes.unwrap_or(&none));
            if let (Ok(_), Some(node), false) = (nodes, &found.unknown, found.members.is_empty()) {
                let message = format!(
                    "the address of its node {node} is not known: its task there gets no requests"
                );
                findings.push(Finding::new(Severity::Warning, origin, message));
            }
            unreachable = match (nodes, found.unknown) {
                (Err(why), _) => Some(format!(
                    "it is only reachable on its nodes, and they cannot be listed: {why}"
                )),
                (Ok(_), Some(node)) if found.members.is_empty() => {
                    Some(format!("the address of its node {node} is not known"))
                }
                _ => None,
            };
            members = found.members;
            published = (!found.host).then(|| place::published(&self.service));
        }
        let counted = self.service.service_status.as_ref().and_then(|status| status.running_tasks);
        let running = match (counted, vip) {
            // A VIP that is still to come: nothing can be sent there yet.
            (_, None) if self.balance != Balance::Members && !self.wants_tasks => 0,
            (Some(counted), _) => u32::try_from(counted).unwrap_or(u32::MAX),
            (None, Some(_)) => 1,
            (None, None) => u32::try_from(members.len()).unwrap_or(u32::MAX),
        };
        let global = self.service.spec.as_ref().and_then(|spec| spec.mode.as_ref());
        let global = global.is_some_and(|mode| mode.global.is_some());
        Item {
            id: self.service.id.clone().unwrap_or_default(),
            base_name: normalize(&self.name),
            // Traefik takes the name of each task, which makes rules of replicas differ.
            container_name: if global { self.name.clone() } else { format!("{}.1", self.name) },
            created: sortable(self.service.created_at.as_deref().unwrap_or_default()),
            own_name: self.name,
            labels: self.labels,
            decoded: self.decoded,
            targets: Targets {
                vip,
                members,
                balance: self.balance,
                running: Some(running),
                published,
                unreachable,
                ..Targets::default()
            },
            findings,
        }
    }
}

/// Decodes a service's labels, those of Traefik v1 included.
pub fn decode(
    provider: &str,
    name: &str,
    labels: &BTreeMap<String, String>,
    context: &legacy::Context,
) -> Labels {
    legacy::decode(provider, name, true, labels, context)
}

/// Go cuts trailing zeros of the fraction, which breaks sorting by text.
fn sortable(timestamp: &str) -> String {
    let plain = timestamp.trim_end_matches('Z');
    let (seconds, fraction) = plain.split_once('.').unwrap_or((plain, ""));
    format!("{seconds}.{fraction:0<9}")
}

#[cfg(test)]
mod tests {
    use super::sortable;

    #[test]
    fn times_sort() {
        let times = ["2025-01-01T00:00:00Z", "2025-01-01T00:00:00.12Z", "2025-01-01T00:00:00.123Z"];
        let keys: Vec<String> = times.iter().map(|time| sortable(time)).collect();
        assert!(keys.is_sorted(), "{keys:?}");
    }
}
