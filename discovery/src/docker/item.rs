//! One container as listed -> an item with its name, ports and address. The listing alone holds
//! all of it, so no container is inspected.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bollard::models::{
    ContainerSummary, ContainerSummaryStateEnum, PortSummary, PortSummaryTypeEnum,
};
use swarmgate_config::decode::Labels;
use swarmgate_config::finding::{Finding, Severity};
use swarmgate_config::legacy;

use super::elders::Identity;
use crate::build::item::label_origin;
use crate::build::name::normalize;
use crate::build::network::{self, Facts, choose};
use crate::build::{Balance, Item, Targets};

/// An enabled container, decoded once per listing.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// As listed.
    pub summary: &'a ContainerSummary,
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What they say.
    pub decoded: Labels,
}

/// What a provider's settings and surroundings add.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The provider's name.
    pub provider: &'a str,
    /// The provider's option `network`.
    pub network: Option<&'a str>,
    /// Networks we are attached to ourselves.
    pub own: Option<&'a BTreeSet<String>>,
    /// `useBindPortIP`.
    pub use_bind_port_ip: bool,
    /// Where containers in host network mode are.
    pub host: IpAddr,
    /// All containers, for `network: container:<x>`.
    pub all: &'a [ContainerSummary],
}

/// A container's name: the one that is no link's alias.
pub fn name(summary: &ContainerSummary) -> Option<String> {
    let names = summary.names.as_ref()?;
    let bare = |name: &String| name.trim_start_matches('/').to_owned();
    names.iter().map(bare).find(|name| !name.contains('/')).or_else(|| names.first().map(bare))
}

/// Decodes a container's labels, those of Traefik v1 included.
pub fn decode(
    provider: &str,
    name: &str,
    labels: &BTreeMap<String, String>,
    context: &legacy::Context,
) -> Labels {
    legacy::decode(provider, name, false, labels, context)
}

/// Whether it runs.
pub fn is_running(summary: &ContainerSummary) -> bool {
    summary.state == Some(ContainerSummaryStateEnum::RUNNING)
}

/// Whether its health check, if it has one, holds. The listing tells it in words:
/// `Up 5 minutes (healthy)`, `(unhealthy)`, `(health: starting)`; of Podman `(starting)`.
pub fn is_healthy(summary: &ContainerSummary) -> bool {
    let status = summary.status.as_deref().unwrap_or_default();
    !["(unhealthy)", "(health: starting)", "(starting)"].iter().any(|end| status.ends_with(end))
}

/// Whether it shares the host's network.
pub fn is_host(summary: &ContainerSummary) -> bool {
    mode(summary) == "host"
}

fn mode(summary: &ContainerSummary) -> &str {
    let host_config = summary.host_config.as_ref();
    host_config.and_then(|config| config.network_mode.as_deref()).unwrap_or_default()
}

/// What is looked at of a container.
pub fn excerpt(summary: &ContainerSummary) -> ContainerSummary {
    ContainerSummary {
        id: summary.id.clone(),
        names: summary.names.clone(),
        labels: summary.labels.clone(),
        created: summary.created,
        state: summary.state,
        status: summary.status.clone(),
        ports: summary.ports.clone(),
        host_config: summary.host_config.clone(),
        network_settings: summary.network_settings.clone(),
        ..ContainerSummary::default()
    }
}

impl Candidate<'_> {
    /// Whose age it has, beside others of its kind.
    pub fn identity(&self) -> Identity {
        let compose = |key: &str| self.labels.get(key).filter(|value| !value.is_empty()).cloned();
        match (compose("com.docker.compose.project"), compose("com.docker.compose.service")) {
            (Some(project), Some(service)) => (Some(project), service),
            _ => (None, self.name.clone()),
        }
    }

    /// Finishes the item. `idle`: it does not run or is not healthy, yet may keep its service.
    pub fn into_item(self, surroundings: Surroundings<'_>, idle: bool) -> Item {
        let mut targets = Targets { balance: Balance::Members, ..Targets::default() };
        let mut findings = Vec::new();
        let ports = self.summary.ports.as_deref().unwrap_or_default();
        targets.default_port = default_port(ports);
        if surroundings.use_bind_port_ip && !idle {
            targets.bindings = bindings(ports);
            if targets.bindings.is_empty() {
                let message = format!(
                    "Unable to find a binding for container {:?}, falling back on its internal \
                     IP/Port.",
                    self.name
                );
                let origin = label_origin(surroundings.provider, &self.name, "");
                findings.push(Finding::new(Severity::Info, origin, message));
            }
        }
        if !idle {
            match self.address(surroundings, &mut findings) {
                Some(address) => targets.members.push(address),
                None => {
                    targets.unreachable = Some(format!(
                        "unable to find the IP address for the container {:?}: the server is \
                         ignored",
                        self.name
                    ));
                }
            }
        }
        let compose = |key: &str| self.labels.get(key).filter(|value| !value.is_empty());
        let base =
            match (compose("com.docker.compose.project"), compose("com.docker.compose.service")) {
                (Some(project), Some(service)) => normalize(&format!("{service}_{project}")),
                _ => normalize(&self.name),
            };
        Item {
            id: self.summary.id.clone().unwrap_or_default(),
            base_name: base,
            container_name: self.name.clone(),
            created: format!("{:020}", self.summary.created.unwrap_or_default().max(0)),
            own_name: self.name,
            labels: self.labels,
            decoded: self.decoded,
            targets,
            findings,
        }
    }

    fn address(
        &self,
        surroundings: Surroundings<'_>,
        findings: &mut Vec<Finding>,
    ) -> Option<IpAddr> {
        let mut summary = self.summary;
        let mut wanted = self.decoded.network.clone();
        if let Some(other) = mode(summary).strip_prefix("container:") {
            summary = surroundings.all.iter().find(|container| {
                container.id.as_deref().is_some_and(|id| !other.is_empty() && id.starts_with(other))
                    || name(container).as_deref() == Some(other)
            })?;
            let labels = summary.labels.as_ref();
            let theirs = labels.and_then(|labels| labels.get("traefik.docker.network"));
            wanted = theirs.cloned().or(wanted);
        }
        if is_host(summary) {
            return Some(surroundings.host);
        }
        let networks = summary.network_settings.as_ref()?.networks.as_ref()?;
        let addresses: BTreeMap<&str, IpAddr> = networks
            .iter()
            .filter_map(|(name, endpoint)| {
                let parse = |text: &Option<String>| text.as_deref()?.parse::<IpAddr>().ok();
                let address = parse(&endpoint.ip_address)
                    .or_else(|| parse(&endpoint.global_ipv6_address))
                    .filter(|address| !address.is_unspecified())?;
                Some((name.as_str(), address))
            })
            .collect();
        let attached =
            addresses.keys().map(|name| ((*name).to_owned(), *name == "ingress")).collect();
        let (chosen, remarks) = choose(Facts {
            service: &self.name,
            label: "traefik.docker.network",
            stack: self.labels.get("com.docker.compose.project").map(String::as_str),
            wanted: wanted.as_deref().or(surroundings.network),
            attached: &attached,
            own: surroundings.own,
        });
        let origin = label_origin(surroundings.provider, &self.name, "");
        findings.extend(network::findings(remarks, &origin));
        addresses.get(chosen?).copied()
    }
}

/// The lowest port; of TCP if there is one. (Traefik takes 100/udp before 8081/tcp.)
fn default_port(ports: &[PortSummary]) -> Option<u16> {
    let number = |port: &PortSummary| port.private_port;
    let tcp = |port: &&PortSummary| {
        matches!(port.typ, None | Some(PortSummaryTypeEnum::EMPTY | PortSummaryTypeEnum::TCP))
    };
    let lowest = ports.iter().filter(tcp).map(number).min();
    lowest.or_else(|| ports.iter().map(number).min()).filter(|port| *port != 0)
}

/// Host address and port by container port, where the host address is a definite one.
fn bindings(ports: &[PortSummary]) -> BTreeMap<u16, (IpAddr, u16)> {
    let mut found: BTreeMap<u16, (IpAddr, u16)> = BTreeMap::new();
    for port in ports {
        let ip = port.ip.as_ref().and_then(|ip| ip.to_string().parse::<IpAddr>().ok());
        let (Some(ip), Some(public)) = (ip, port.public_port) else { continue };
        if ip.is_unspecified() || public == 0 {
            continue;
        }
        let binding = (ip, public);
        // Several: always the same one, IPv4 before IPv6.
        found
            .entry(port.private_port)
            .and_modify(|held| *held = binding.min(*held))
            .or_insert(binding);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_in_words() {
        let table = [
            ("Up 5 minutes", true),
            ("Up 5 minutes (healthy)", true),
            ("Up 5 minutes (unhealthy)", false),
            ("Up 2 seconds (health: starting)", false),
            ("Up 2 seconds (starting)", false),
            ("", true),
        ];
        for (status, expected) in table {
            let summary =
                ContainerSummary { status: Some(status.into()), ..ContainerSummary::default() };
            assert_eq!(is_healthy(&summary), expected, "{status}");
        }
    }
}
