//! Services that are not deployed yet, led through the providers' own code: what a stack file
//! would become (`swarmgate check`). No engine is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use swarmgate_config::finding::Finding;
use swarmgate_config::install::{Docker, Install};
use swarmgate_config::legacy::Context;
use swarmgate_config::routing::Configuration;

use crate::provider::{self, Surroundings};
use crate::{docker, file, swarm};

/// How many tasks a service will have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// So many, wherever there is room.
    Replicated(u32),
    /// One on each node.
    Global,
    /// It runs to completion.
    Job,
}

/// A service of a stack, or a container of a compose project, as its file describes it.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its own name: `myapp_web` in Swarm, `myapp-web-1` as a container.
    pub name: String,
    /// Labels of the service (Swarm) or of the container.
    pub labels: BTreeMap<String, String>,
    /// Networks by their names in the engine; true for the routing mesh's `ingress`.
    pub networks: BTreeMap<String, bool>,
    /// How many tasks.
    pub mode: Mode,
    /// `endpoint_mode: dnsrr`.
    pub dnsrr: bool,
    /// It shares its host's network.
    pub host: bool,
    /// Container ports that are exposed or published; containers only.
    pub ports: Vec<u16>,
    /// Ports that are published on the nodes (`mode: host`), by the container's; services only.
    pub published: BTreeMap<u16, u16>,
}

/// Why a service leads to no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// `traefik.enable` or `exposedByDefault` says so.
    Disabled,
    /// The constraints do not match its labels.
    Constraints,
    /// It is a job.
    Job,
}

/// What a provider would send.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Its configuration; addresses in it are made up.
    pub configuration: Configuration,
    /// Services that were left out, by name.
    pub left: Vec<(String, Left)>,
    /// The network that each made-up address belongs to.
    pub addresses: BTreeMap<IpAddr, String>,
}

/// What the Swarm provider would send for these services, in order of their creation. `name` is
/// `swarm`, or `docker` for v2's swarm mode; `own` are the networks of the proxy's container,
/// where they are known.
pub fn swarm(
    name: &str,
    install: &Install,
    services: &[Planned],
    own: Option<BTreeSet<String>>,
) -> Outcome {
    let mut findings = Vec::new();
    let Some(settings) = settings(name, install) else { return Outcome::default() };
    let refresh = settings.refresh_seconds;
    let legacy = Context::of(install);
    match provider::swarm(
        name,
        &settings,
        refresh,
        &Surroundings::default(),
        &legacy,
        &mut findings,
    ) {
        Ok(provider) => with(findings, swarm::offline(name, provider.rules, services, own)),
        Err(message) => refused(name, message, findings),
    }
}

/// What the Docker provider would send for these containers.
pub fn docker(install: &Install, containers: &[Planned], own: Option<BTreeSet<String>>) -> Outcome {
    let mut findings = Vec::new();
    let Some(settings) = settings("docker", install) else { return Outcome::default() };
    let legacy = Context::of(install);
    match provider::docker(&settings, &Surroundings::default(), &legacy, &mut findings) {
        Ok(provider) => with(findings, docker::offline(provider, containers, own)),
        Err(message) => refused("docker", message, findings),
    }
}

/// What the file provider would send for these files, in the order in which they are read.
pub fn files(files: Vec<Configuration>) -> Configuration {
    file::joined(files)
}

/// A provider's settings; certificates towards the engine lie where the proxy runs, not here.
fn settings(name: &str, install: &Install) -> Option<Docker> {
    let given = match name {
        "swarm" => install.providers.swarm.as_ref(),
        _ => install.providers.docker.as_ref(),
    };
    given.map(|given| Docker { tls: None, ..given.clone() })
}

fn with(mut findings: Vec<Finding>, mut outcome: Outcome) -> Outcome {
    outcome.configuration.findings.append(&mut findings);
    outcome
}

fn refused(name: &str, message: String, mut findings: Vec<Finding>) -> Outcome {
    findings.push(provider::refused(name, message));
    with(findings, Outcome::default())
}

/// Addresses that are told apart, each for one service in one network.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    given: u32,
    /// Network by address.
    pub by_address: BTreeMap<IpAddr, String>,
}

impl Addresses {
    /// The next one.
    pub fn next(&mut self, network: &str) -> IpAddr {
        self.given = self.given.saturating_add(1);
        let first = u32::from(Ipv4Addr::new(10, 0, 0, 1));
        let address = IpAddr::V4(Ipv4Addr::from(first.saturating_add(self.given)));
        self.by_address.insert(address, network.to_owned());
        address
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(name: &str, labels: &str) -> Planned {
        let labels = labels.split_whitespace().filter_map(|label| label.split_once('='));
        Planned {
            name: name.into(),
            labels: labels.map(|(key, value)| (key.into(), value.into())).collect(),
            networks: [("public".into(), false)].into(),
            mode: Mode::Replicated(2),
            dnsrr: false,
            host: false,
            ports: vec![],
            published: BTreeMap::new(),
        }
    }

    const PORT: &str = "traefik.http.services.s.loadbalancer.server.port=80";

    fn install(constraints: &str) -> Install {
        let settings = Docker {
            exposed_by_default: false,
            constraints: Some(constraints.into()),
            ..Docker::default()
        };
        let mut install = Install::default();
        install.providers.swarm = Some(settings.clone());
        install.providers.docker = Some(settings);
        install
    }

    /// Network and VIP or tasks of the only service.
    fn backend(outcome: &Outcome) -> (Vec<&str>, Option<(bool, u32)>) {
        let service = outcome.configuration.services.values().next();
        let balancer = service.and_then(|service| service.value.load_balancer.as_ref());
        let Some(balancer) = balancer else { return (Vec::new(), None) };
        let network = |url: &str| {
            let address = url.strip_prefix("http://")?.rsplit_once(':')?.0.parse().ok()?;
            outcome.addresses.get(&address).map(String::as_str)
        };
        let networks = balancer.servers.iter().filter_map(|server| network(&server.url)).collect();
        (networks, balancer.swarm.map(|swarm| (swarm.vip, swarm.running_tasks)))
    }

    #[test]
    fn services_of_a_swarm() {
        let enabled = format!("traefik.enable=true {PORT}");
        let web = || planned("app_web", &enabled);
        let table = [
            ("a VIP", web(), vec!["public"], Some((true, 2))),
            ("DNSRR", Planned { dnsrr: true, ..web() }, vec!["public"; 2], Some((false, 2))),
            ("global", Planned { mode: Mode::Global, ..web() }, vec!["public"], Some((true, 1))),
            (
                "no task",
                Planned { mode: Mode::Replicated(0), ..web() },
                vec!["public"],
                Some((true, 0)),
            ),
        ];
        for (case, planned, networks, expected) in table {
            let outcome = swarm("swarm", &install(""), &[planned], None);
            assert_eq!(backend(&outcome), (networks, expected), "{case}");
            assert!(outcome.left.is_empty(), "{case}: {:?}", outcome.left);
            assert!(outcome.configuration.findings.is_empty(), "{case}: {outcome:?}");
        }
    }

    #[test]
    fn services_on_their_nodes() {
        let enabled = format!("traefik.enable=true {PORT}");
        let web = || Planned { networks: [].into(), ..planned("app_web", &enabled) };
        let bridge = || Planned { networks: [("bridge".into(), false)].into(), ..web() };
        let table = [
            ("the host's network", Planned { host: true, ..web() }, Some(80)),
            ("published", Planned { published: [(80, 8080)].into(), ..web() }, Some(8080)),
            ("bridge", Planned { published: [(80, 8080)].into(), ..bridge() }, Some(8080)),
            ("another port", Planned { published: [(81, 8080)].into(), ..bridge() }, None),
            ("nowhere", web(), None),
        ];
        for (case, planned, port) in table {
            let outcome = swarm("swarm", &install(""), &[planned], None);
            let servers = outcome.configuration.services.values().filter_map(|service| {
                let balancer = service.value.load_balancer.as_ref()?;
                balancer.servers.first()?.url.rsplit_once(':')?.1.parse::<u16>().ok()
            });
            assert_eq!(servers.collect::<Vec<_>>(), Vec::from_iter(port), "{case}: {outcome:?}");
            assert_eq!(outcome.configuration.findings.is_empty(), port.is_some(), "{case}");
        }
    }

    #[test]
    fn what_is_left_out() {
        let enabled = format!("traefik.enable=true {PORT}");
        let job = Planned { mode: Mode::Job, ..planned("job", &enabled) };
        let table = [
            (planned("off", PORT), "", Left::Disabled),
            (planned("other", &enabled), "Label(`tier`, `public`)", Left::Constraints),
            (job, "", Left::Job),
        ];
        for (planned, constraints, why) in table {
            let name = planned.name.clone();
            let outcome =
                swarm("swarm", &install(constraints), std::slice::from_ref(&planned), None);
            assert_eq!(outcome.left, [(name.clone(), why)], "{name}");
            assert!(outcome.configuration.services.is_empty(), "{name}");
            if why != Left::Job {
                let outcome = docker(&install(constraints), &[planned], None);
                assert_eq!(outcome.left, [(name, why)]);
            }
        }
    }

    #[test]
    fn containers_and_refused_settings() {
        let mut container = planned("app-web-1", "traefik.enable=true");
        container.ports = vec![9000, 8000];
        let outcome = docker(&install(""), &[container.clone()], None);
        let servers: Vec<String> = outcome
            .configuration
            .services
            .values()
            .filter_map(|service| service.value.load_balancer.as_ref())
            .flat_map(|balancer| balancer.servers.iter().map(|server| server.url.clone()))
            .collect();
        assert_eq!(servers.len(), 1);
        assert!(servers.iter().all(|url| url.ends_with(":8000")), "{servers:?}");

        let outcome = swarm("swarm", &install("tier=="), &[container], None);
        assert_eq!(outcome.configuration.findings.len(), 1, "{outcome:?}");
        assert!(swarm("swarm", &Install::default(), &[], None).configuration.findings.is_empty());
    }

    #[test]
    fn the_first_in_the_list_is_the_older() {
        let label = |host: &str| {
            format!("traefik.enable=true {PORT} traefik.http.routers.r.rule=Host(`{host}`)")
        };
        let services = [planned("one_web", &label("a")), planned("two_web", &label("b"))];
        let outcome = swarm("swarm", &install(""), &services, None);
        let rule =
            outcome.configuration.routers.get("r").and_then(|router| router.value.rule.clone());
        assert_eq!(rule.as_deref(), Some("Host(`a`)"));
    }
}
