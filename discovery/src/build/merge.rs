//! Configurations of several items -> one, with the older definition kept in a conflict.
//!
//! Traefik removes a name that is defined twice with different settings, so that any stack can
//! take another one's router down. Here the first by time of creation keeps the name, and the
//! newcomer gets a finding. Load balancers that are equal but for their servers are joined.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::{
    Configuration, Left, Map, Middleware, Router, Service, SwarmBackend, Written,
};

/// The configurations of the items so far.
#[derive(Debug)]
pub struct Merger<'a> {
    provider: &'a str,
    whole: Configuration,
    /// The stacks of services whose item was deployed as part of one.
    stacks: BTreeMap<String, Arc<str>>,
}

impl<'a> Merger<'a> {
    /// Nothing yet.
    pub fn new(provider: &'a str) -> Self {
        Self { provider, whole: Configuration::default(), stacks: BTreeMap::new() }
    }

    /// What was found so far.
    pub fn findings(&self) -> &[Finding] {
        &self.whole.findings
    }

    /// Notes what an item lost.
    pub fn skip(&mut self, lost: Vec<Left>) {
        for left in lost {
            self.whole.skipped.push(left);
        }
    }

    /// All together.
    pub fn finish(self) -> Configuration {
        self.whole
    }

    /// Adds one item's configuration to those of the older items. `stack`: the stack or compose
    /// project that it was deployed with. `routed`: whether its labels describe routers.
    pub fn add(&mut self, mut item: Configuration, stack: Option<Arc<str>>, routed: bool) {
        let provider = self.provider;
        let whole = &mut self.whole;
        whole.findings.append(&mut item.findings);
        let mut conflicts = Conflicts { provider, findings: Vec::new() };

        let foreign = foreign(provider, whole, &item, &self.stacks, stack.as_ref(), routed);
        if let Some(stack) = &stack {
            for name in item.services.keys().filter(|name| !whole.services.contains_key(*name)) {
                self.stacks.insert(name.clone(), Arc::clone(stack));
            }
        }
        let services = conflicts.join(
            ObjectKind::Service,
            "HTTP service",
            &mut whole.services,
            item.services,
            |name, held, newcomer| {
                if foreign.contains(name) { Join::Refused } else { join_services(held, newcomer) }
            },
        );
        let broken = broken_chains(provider, &whole.middlewares, &item.middlewares);
        for (name, through) in &broken {
            let Some(chain) = item.middlewares.remove(name) else { continue };
            let message = format!(
                "left out, because {through:?} is defined differently by somebody else, see its \
                 finding"
            );
            conflicts.say(chain.origin.clone(), ObjectKind::Middleware, name, message, None);
        }
        let mut middlewares = conflicts.join(
            ObjectKind::Middleware,
            "HTTP middleware",
            &mut whole.middlewares,
            item.middlewares,
            equal_only,
        );
        middlewares.extend(broken.into_iter().map(|(name, _)| name));
        // A router of the newcomer must not run into the other's service or past its own
        // protection.
        item.routers.retain(|name, router| {
            let lost = router
                .value
                .service
                .iter()
                .map(|service| own(provider, service))
                .find(|service| services.contains(*service))
                .or_else(|| {
                    let used = router.value.middlewares.iter();
                    used.map(|name| own(provider, name)).find(|name| middlewares.contains(*name))
                });
            let Some(lost) = lost else { return true };
            let message = format!(
                "left out, because {lost:?} is defined differently by somebody else, see its \
                 finding"
            );
            conflicts.say(router.origin.clone(), ObjectKind::Router, name, message, None);
            false
        });
        conflicts.join(
            ObjectKind::Router,
            "HTTP router",
            &mut whole.routers,
            item.routers,
            equal_only,
        );
        conflicts.join(
            ObjectKind::ServersTransport,
            "HTTP servers transport",
            &mut whole.servers_transports,
            item.servers_transports,
            equal_only,
        );
        conflicts.join(
            ObjectKind::TlsOptions,
            "TLS options",
            &mut whole.tls_options,
            item.tls_options,
            equal_only,
        );
        conflicts.join(
            ObjectKind::TlsStore,
            "TLS store",
            &mut whole.tls_stores,
            item.tls_stores,
            equal_only,
        );
        whole.certificates.append(&mut item.certificates);
        whole.findings.append(&mut conflicts.findings);
    }
}

/// A reference's bare name, if it means an object of this provider; else nothing.
fn own<'r>(provider: &str, reference: &'r str) -> &'r str {
    match reference.rsplit_once('@') {
        Some((name, at)) if at == provider => name,
        Some(_) => "",
        None => reference,
    }
}

/// Services that another stack holds and that the item's own routers lead to, otherwise than that
/// stack's: a copy of a stack under another host. Their servers must not be mixed, however equal
/// the labels are; equal routers mean that it is wanted.
fn foreign(
    provider: &str,
    whole: &Configuration,
    item: &Configuration,
    stacks: &BTreeMap<String, Arc<str>>,
    stack: Option<&Arc<str>>,
    routed: bool,
) -> BTreeSet<String> {
    if !routed {
        return BTreeSet::new();
    }
    let held = |name: &str| whole.services.contains_key(name) && stacks.get(name) != stack;
    let same = |name: &str, router: &Written<Router>| {
        whole.routers.get(name).is_some_and(|other| other.value == router.value)
    };
    item.routers
        .iter()
        .filter(|(name, router)| !same(name, router))
        .filter_map(|(_, router)| Some(own(provider, router.value.service.as_deref()?)))
        .filter(|service| held(service))
        .map(str::to_owned)
        .collect()
}

/// What becomes of two definitions of one name that are not equal.
enum Join {
    /// They have become one.
    Joined,
    /// They contradict each other.
    Conflict,
    /// They may be equal, and yet are not to be one.
    Refused,
}

fn equal_only<T: PartialEq>(_: &str, held: &mut Arc<T>, newcomer: &Arc<T>) -> Join {
    if held == newcomer { Join::Joined } else { Join::Conflict }
}

struct Conflicts<'a> {
    provider: &'a str,
    findings: Vec<Finding>,
}

/// More conflicts of one item than anybody would read; the rest is counted.
const MOST_FINDINGS: usize = 100;

impl Conflicts<'_> {
    fn say(
        &mut self,
        origin: Origin,
        kind: ObjectKind,
        name: &str,
        message: String,
        expected: Option<&str>,
    ) {
        if self.findings.len() > MOST_FINDINGS {
            return;
        }
        let message = if self.findings.len() == MOST_FINDINGS {
            "more definitions of this service are ignored like these".to_owned()
        } else {
            message
        };
        let finding = Finding::new(Severity::Error, origin, message)
            .on(kind, format!("{name}@{}", self.provider));
        self.findings.push(match expected {
            Some(expected) => finding.expected(expected),
            None => finding,
        });
    }

    /// Moves the newcomer's objects over; returns the names it did not get.
    fn join<T>(
        &mut self,
        kind: ObjectKind,
        words: &str,
        whole: &mut Map<T>,
        item: Map<T>,
        join: impl Fn(&str, &mut Arc<T>, &Arc<T>) -> Join,
    ) -> BTreeSet<String> {
        let mut refused = BTreeSet::new();
        for (name, newcomer) in item {
            breathe();
            match whole.entry(name) {
                Entry::Vacant(vacant) => {
                    vacant.insert(newcomer);
                }
                Entry::Occupied(mut held) => {
                    let name = held.key().clone();
                    let holder = owner(&held.get().origin);
                    let (message, expected) =
                        match join(&name, &mut held.get_mut().value, &newcomer.value) {
                            Join::Joined => continue,
                            Join::Conflict => (
                                format!(
                                    "{words} defined multiple times with different \
                                     configurations: {name:?} is kept as the older {holder} \
                                     defines it, this definition is ignored"
                                ),
                                "another name, or equal settings",
                            ),
                            Join::Refused => (
                                format!(
                                    "{words} {name:?} is already that of the older {holder}, of \
                                     another stack and with other routers: the servers are not \
                                     mixed, this definition is ignored"
                                ),
                                "another name, or routers equal to the other stack's",
                            ),
                        };
                    self.say(newcomer.origin.clone(), kind, &name, message, Some(expected));
                    refused.insert(name);
                }
            }
        }
        refused
    }
}

/// Chains of the newcomer that lead to a middleware which it does not get, or to such a chain, with
/// what they lead to: they would do something else than it wrote. (A chain that an older item
/// defines in just the same way means that item's middlewares.)
fn broken_chains(
    provider: &str,
    held: &Map<Middleware>,
    item: &Map<Middleware>,
) -> Vec<(String, String)> {
    let conflicts = |(name, middleware): &(&String, &Written<Middleware>)| {
        held.get(*name).is_some_and(|held| held.value != middleware.value)
    };
    let mut open: Vec<String> =
        item.iter().filter(conflicts).map(|(name, _)| name.clone()).collect();
    let mut broken = Vec::new();
    if open.is_empty() {
        return broken;
    }
    let mut leads_to: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, middleware) in item.iter().filter(|(name, _)| !held.contains_key(*name)) {
        breathe();
        for reference in middleware.value.chain.iter().flat_map(|chain| &chain.middlewares) {
            leads_to.entry(own(provider, reference)).or_default().push(name);
        }
    }
    let mut known: BTreeSet<&str> = BTreeSet::new();
    while let Some(lost) = open.pop() {
        for chain in leads_to.get(lost.as_str()).into_iter().flatten().copied() {
            breathe();
            if known.insert(chain) {
                broken.push((chain.to_owned(), lost.clone()));
                open.push(chain.to_owned());
            }
        }
    }
    broken
}

fn owner(origin: &Origin) -> String {
    match origin {
        Origin::Label { service, .. } => format!("{service:?}"),
        other => other.to_string(),
    }
}

/// Joins the servers of two services that are otherwise equal.
fn join_services(held: &mut Arc<Service>, newcomer: &Arc<Service>) -> Join {
    if held == newcomer || join_servers(Arc::make_mut(held), newcomer) {
        Join::Joined
    } else {
        Join::Conflict
    }
}

fn join_servers(held: &mut Service, newcomer: &Service) -> bool {
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
