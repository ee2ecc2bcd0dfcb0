//! Configurations of several items -> one, with the older definition kept in a conflict.
//!
//! Traefik removes a name that is defined twice with different settings, so that any stack can
//! take another one's router down. Here the first by time of creation keeps the name, and the
//! newcomer gets a finding. Load balancers that are equal but for their servers are joined.

use std::collections::BTreeSet;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::{Configuration, Map, Service, SwarmBackend};

/// Adds one item's configuration to those of the older items.
pub fn merge(provider: &str, whole: &mut Configuration, mut item: Configuration) {
    whole.findings.append(&mut item.findings);
    let mut conflicts = Conflicts { provider, findings: Vec::new() };

    let services = conflicts.join(
        ObjectKind::Service,
        "HTTP service",
        &mut whole.services,
        item.services,
        join_services,
    );
    let same = |_: &mut _, _: &_| false;
    let middlewares = conflicts.join(
        ObjectKind::Middleware,
        "HTTP middleware",
        &mut whole.middlewares,
        item.middlewares,
        same,
    );
    // A router of the newcomer must not run into the other's service or past its own protection.
    item.routers.retain(|name, router| {
        let own = |reference: &str| match reference.rsplit_once('@') {
            Some((name, at)) if at == provider => name.to_owned(),
            Some(_) => String::new(),
            None => reference.to_owned(),
        };
        let router_value = &router.value;
        let lost = router_value
            .service
            .iter()
            .map(|service| own(service))
            .find(|service| services.contains(service))
            .or_else(|| {
                router_value
                    .middlewares
                    .iter()
                    .map(|middleware| own(middleware))
                    .find(|middleware| middlewares.contains(middleware))
            });
        let Some(lost) = lost else { return true };
        let message = format!(
            "left out, because {lost:?} is defined differently by somebody else, see its finding"
        );
        let finding = Finding::new(Severity::Error, router.origin.clone(), message)
            .on(ObjectKind::Router, format!("{name}@{provider}"));
        conflicts.findings.push(finding);
        false
    });
    conflicts
        .join(ObjectKind::Router, "HTTP router", &mut whole.routers, item.routers, |_, _| false);
    conflicts.join(
        ObjectKind::ServersTransport,
        "HTTP servers transport",
        &mut whole.servers_transports,
        item.servers_transports,
        |_, _| false,
    );
    conflicts.join(
        ObjectKind::TlsOptions,
        "TLS options",
        &mut whole.tls_options,
        item.tls_options,
        |_, _| false,
    );
    conflicts.join(
        ObjectKind::TlsStore,
        "TLS store",
        &mut whole.tls_stores,
        item.tls_stores,
        |_, _| false,
    );
    whole.certificates.append(&mut item.certificates);
    whole.findings.append(&mut conflicts.findings);
}

struct Conflicts<'a> {
    provider: &'a str,
    findings: Vec<Finding>,
}

impl Conflicts<'_> {
    /// Moves the newcomer's objects over; returns the names it did not get.
    fn join<T: Clone + PartialEq>(
        &mut self,
        kind: ObjectKind,
        words: &str,
        whole: &mut Map<T>,
        item: Map<T>,
        combine: impl Fn(&mut T, &T) -> bool,
    ) -> BTreeSet<String> {
        let mut refused = BTreeSet::new();
        for (name, newcomer) in item {
            breathe();
            match whole.entry(name) {
                Entry::Vacant(vacant) => {
                    vacant.insert(newcomer);
                }
                Entry::Occupied(mut held) => {
                    let same = held.get().value == newcomer.value;
                    if same || combine(Arc::make_mut(&mut held.get_mut().value), &newcomer.value) {
                        continue;
                    }
                    let name = held.key().clone();
                    let holder = owner(&held.get().origin);
                    let message = format!(
                        "{words} defined multiple times with different configurations: {name:?} \
                         is kept as the older {holder} defines it, this definition is ignored"
                    );
                    self.findings.push(
                        Finding::new(Severity::Error, newcomer.origin.clone(), message)
                            .on(kind, format!("{name}@{}", self.provider))
                            .expected("another name, or equal settings"),
                    );
                    refused.insert(name);
                }
            }
        }
        refused
    }
}

fn owner(origin: &Origin) -> String {
    match origin {
        Origin::Label { service, .. } => format!("{service:?}"),
        other => other.to_string(),
    }
}

/// Joins the servers of two services that are otherwise equal.
fn join_services(held: &mut Service, newcomer: &Service) -> bool {
    let (Some(balancer), Some(newcomer_balancer)) =
        (&mut held.load_balancer, &newcomer.load_balancer)
    else {
        return false;
    };
    // Lent to the comparison instead of copying the held servers each time.
    let servers = std::mem::replace(&mut balancer.servers, newcomer_balancer.servers.clone());
    let swarm = std::mem::replace(&mut balancer.swarm, newcomer_balancer.swarm);
    let equal = held == newcomer;
    let Some(held) = &mut held.load_balancer else { return false };
    held.servers = servers;
    held.swarm = swarm;
    if !equal {
        return false;
    }
    let newcomer = newcomer_balancer;
    let empty = |swarm: &Option<SwarmBackend>| swarm.is_some_and(|swarm| swarm.running_tasks == 0);
    if empty(&newcomer.swarm) && !newcomer.servers.is_empty() && !held.servers.is_empty() {
        // A VIP without tasks behind it must not take a share of the requests.
        return true;
    }
    if empty(&held.swarm) {
        held.servers.clear();
    }
    for server in &newcomer.servers {
        if !held.servers.contains(server) {
            held.servers.push(server.clone());
        }
    }
    held.swarm = match (held.swarm, newcomer.swarm) {
        (Some(a), Some(b)) => Some(SwarmBackend {
            vip: (a.vip || a.running_tasks == 0) && b.vip,
            running_tasks: a.running_tasks.saturating_add(b.running_tasks),
        }),
        // A fixed URL beside tasks: it serves, however many tasks run.
        _ => None,
    };
    true
}
