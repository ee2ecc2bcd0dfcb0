//! Configurations of several items -> one, with the older definition kept in a conflict.
//!
//! Traefik removes a name that is defined twice with different settings, so that any stack can
//! take another one's router down. Here the first by time of creation keeps the name, and the
//! newcomer gets a finding. Load balancers that are equal but for their servers are joined.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{Finding, Findings, ObjectKind, Origin, Severity};
use swarmgate_config::routing::{
    Configuration, Left, Map, Middleware, Router, Server, Service, SwarmBackend, Written,
};

use super::strangers::{Echo, Name, Strangers, writer};

/// Who adds a configuration.
#[derive(Debug)]
pub struct Newcomer {
    /// The item's own name.
    pub name: Arc<str>,
    /// The stack or compose project that it was deployed with.
    pub stack: Option<Arc<str>>,
    /// Whether its labels describe routers.
    pub routed: bool,
    /// What its labels name, and what could not be decoded.
    pub unreadable: BTreeSet<Name>,
    /// The rules that its labels hold.
    pub rules: String,
}

/// So many routers and services that one item lost are noted beside those that were left out.
const LOSSES: usize = 3;

/// The configurations of the items so far.
#[derive(Debug)]
pub struct Merger<'a> {
    provider: &'a Arc<str>,
    whole: Configuration,
    findings: Findings,
    strangers: Strangers,
    /// Services of several items; a server may be there twice.
    joined: BTreeSet<String>,
}

impl<'a> Merger<'a> {
    /// Nothing yet.
    pub fn new(provider: &'a Arc<str>) -> Self {
        Self {
            provider,
            whole: Configuration::default(),
            findings: Findings::default(),
            strangers: Strangers::default(),
            joined: BTreeSet::new(),
        }
    }

    /// All together.
    pub fn finish(mut self) -> Configuration {
        self.leave_out_astray();
        for name in std::mem::take(&mut self.joined) {
            let Some(service) = self.whole.services.get_mut(&name) else { continue };
            if let Some(balancer) = &mut Arc::make_mut(&mut service.value).load_balancer {
                each_once(&mut balancer.servers);
            }
        }
        self.whole.findings = self.findings.finish();
        self.whole
    }

    /// Adds one item's configuration to those of the older items.
    pub fn add(&mut self, mut item: Configuration, newcomer: Newcomer) {
        let provider = self.provider;
        let Newcomer { name: own_name, stack, routed, unreadable, rules } = newcomer;
        self.strangers.item(&own_name, stack.as_ref());
        let whole = &mut self.whole;
        let findings = std::mem::take(&mut item.findings);
        let most = findings.len().saturating_add(MOST_FINDINGS);
        let mut conflicts = Conflicts { provider, findings, most };

        // Names that an older item wrote and could not get are not to be had.
        let strangers = &self.strangers;
        let kept_for = |kind| {
            let own_name = &own_name;
            move |name: &str| strangers.holder(own_name, kind, name)
        };
        let (kind, words) = (ObjectKind::Middleware, "HTTP middleware");
        let mut middlewares = conflicts.withhold(
            kind,
            words,
            &whole.middlewares,
            &mut item.middlewares,
            kept_for(kind),
        );
        let (kind, words) = (ObjectKind::Service, "HTTP service");
        let mut services =
            conflicts.withhold(kind, words, &whole.services, &mut item.services, kept_for(kind));
        let (kind, words) = (ObjectKind::Router, "HTTP router");
        conflicts.withhold(kind, words, &whole.routers, &mut item.routers, kept_for(kind));

        // What the item could not describe itself, others have described for themselves.
        let lost = |names: &BTreeSet<String>, held: &Map<Middleware>, name: &str| {
            names.contains(name)
                || (held.contains_key(name)
                    && unreadable.contains(&(ObjectKind::Middleware, name.to_lowercase())))
        };
        let broken = broken_chains(provider, &whole.middlewares, &item.middlewares, |name| {
            lost(&middlewares, &whole.middlewares, name)
        });
        for (name, through) in broken {
            let Some(chain) = item.middlewares.remove(&name) else { continue };
            conflicts.left_out(chain.origin.clone(), ObjectKind::Middleware, &name, &through);
            middlewares.insert(name);
        }
        let echoes = item.middlewares.iter().filter_map(|(name, written)| {
            let held = whole.middlewares.get(name)?;
            let echo = Echo::of(provider, name, written)?;
            (held.value == written.value).then_some(echo)
        });
        let echoes: Vec<Echo> = echoes.collect();
        middlewares.extend(conflicts.join(
            ObjectKind::Middleware,
            "HTTP middleware",
            &mut whole.middlewares,
            std::mem::take(&mut item.middlewares),
            equal_only,
        ));
        let past_protection = |references: &[String]| {
            let mut names = references.iter().map(|name| own(provider, name));
            let lost = names.find(|name| lost(&middlewares, &whole.middlewares, name));
            lost.map(str::to_owned)
        };
        item.services.retain(|name, service| {
            let Some(lost) = past_protection(&service.value.middlewares) else { return true };
            conflicts.left_out(service.origin.clone(), ObjectKind::Service, name, &lost);
            services.insert(name.clone());
            false
        });
        let Neighbours { foreign, guests } =
            neighbours(provider, whole, &item, &self.strangers, stack.as_ref(), routed);
        let joined = &mut self.joined;
        services.extend(conflicts.join(
            ObjectKind::Service,
            "HTTP service",
            &mut whole.services,
            item.services,
            |name, held, newcomer| {
                if foreign.contains(name) {
                    return Join::Refused;
                }
                let join = join_services(held, newcomer);
                if matches!(join, Join::Joined) && !joined.contains(name) {
                    joined.insert(name.to_owned());
                }
                join
            },
        ));
        for (name, guest) in guests {
            if !services.contains(&name) {
                self.findings.push(guest);
            }
        }
        // A router of the newcomer must not run into the other's service or past its own
        // protection.
        item.routers.retain(|name, router| {
            let lost = router
                .value
                .service
                .iter()
                .map(|service| own(provider, service))
                .find(|service| services.contains(*service))
                .map(str::to_owned)
                .or_else(|| past_protection(&router.value.middlewares));
            let Some(lost) = lost else { return true };
            conflicts.left_out(router.origin.clone(), ObjectKind::Router, name, &lost);
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
        self.strangers.taken(&own_name, ObjectKind::Middleware, &middlewares);
        self.strangers.taken(&own_name, ObjectKind::Service, &services);
        self.strangers.unreadable(&own_name, unreadable);
        self.strangers.echo(echoes);
        for loss in conflicts.findings.iter().filter(|finding| is_loss(finding)).take(LOSSES) {
            let left = Left::new(provider, &own_name, loss.to_string(), rules.as_str());
            self.whole.skipped.push(left);
        }
        self.findings.extend(conflicts.findings);
    }

    /// Takes out what would lead to a stranger, now that all names are given.
    fn leave_out_astray(&mut self) {
        let mut noted: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for astray in self.strangers.astray(self.provider, &self.whole) {
            breathe();
            let name = &astray.name;
            let mut rule = None;
            let origin = match (astray.echo, astray.kind) {
                (Some(origin), _) => Some(origin),
                (None, ObjectKind::Middleware) => {
                    self.whole.middlewares.remove(name).map(|it| it.origin.clone())
                }
                (None, ObjectKind::Service) => {
                    self.whole.services.remove(name).map(|it| it.origin.clone())
                }
                _ => self.whole.routers.remove(name).map(|it| {
                    rule = it.value.rule.clone();
                    it.origin.clone()
                }),
            };
            let Some(origin) = origin else { continue };
            let finding = left_out(self.provider, origin, astray.kind, name, &astray.through);
            if let Some(item) = writer(&finding.origin).filter(|_| is_loss(&finding)) {
                let noted = noted.entry(Arc::clone(item)).or_default();
                *noted = noted.saturating_add(1);
                if *noted <= LOSSES {
                    let rule = rule.unwrap_or_default();
                    let left = Left::new(self.provider, item, finding.to_string(), rule);
                    self.whole.skipped.push(left);
                }
            }
            self.findings.push(finding);
        }
    }
}

/// Whether a router or service is missing because of what this says.
fn is_loss(finding: &Finding) -> bool {
    match finding.object {
        Some((ObjectKind::Router, _)) => finding.severity == Severity::Error,
        Some((ObjectKind::Service, _)) => finding.severity >= Severity::Warning,
        _ => false,
    }
}

/// A reference's bare name, if it means an object of this provider; else nothing.
pub(super) fn own<'r>(provider: &str, reference: &'r str) -> &'r str {
    match reference.rsplit_once('@') {
        Some((name, at)) if at == provider => name,
        Some(_) => "",
        None => reference,
    }
}

/// What an item has in common with other stacks.
struct Neighbours {
    /// Services that another stack holds and that the item's own routers lead to, otherwise than
    /// that stack's: a copy of a stack under another host. Their servers must not be mixed, however
    /// equal the labels are; equal routers mean that it is wanted.
    foreign: BTreeSet<String>,
    /// Services of another stack to which the item adds its servers without having such a router:
    /// what is said of it.
    guests: Vec<(String, Finding)>,
}

fn neighbours(
    provider: &str,
    whole: &Configuration,
    item: &Configuration,
    strangers: &Strangers,
    stack: Option<&Arc<str>>,
    routed: bool,
) -> Neighbours {
    let holder = |name: &str| {
        let held = whole.services.get(name)?;
        (strangers.stack(&held.origin) != stack).then_some(&held.origin)
    };
    let same = |name: &str, router: &Written<Router>| {
        whole.routers.get(name).is_some_and(|other| other.value == router.value)
    };
    let (mut foreign, mut shared) = (BTreeSet::new(), BTreeSet::new());
    if routed {
        for (name, router) in &item.routers {
            breathe();
            let Some(service) = router.value.service.as_deref() else { continue };
            let service = own(provider, service);
            if same(name, router) {
                shared.insert(service);
            } else if holder(service).is_some() {
                foreign.insert(service.to_owned());
            }
        }
    }
    let mut guests = Vec::new();
    for (name, service) in &item.services {
        if guests.len() >= MOST_FINDINGS || foreign.contains(name) || shared.contains(&**name) {
            continue;
        }
        let Some(holder) = holder(name) else { continue };
        let whose = match strangers.stack(holder) {
            Some(stack) => format!("{}, of stack {:?}", owner(holder), &**stack),
            None => owner(holder),
        };
        let message = format!(
            "its servers are added to service {name:?} of the older {whose}, and get a share of \
             that service's requests"
        );
        let finding = Finding::new(Severity::Warning, service.origin.clone(), message)
            .on(ObjectKind::Service, format!("{name}@{provider}"))
            .expected("another name, unless that is meant");
        guests.push((name.clone(), finding));
    }
    Neighbours { foreign, guests }
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
    /// As many findings at most.
    most: usize,
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
        if self.findings.len() > self.most {
            return;
        }
        let message = if self.findings.len() == self.most {
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

    fn left_out(&mut self, origin: Origin, kind: ObjectKind, name: &str, through: &str) {
        let Finding { origin, message, .. } = left_out(self.provider, origin, kind, name, through);
        self.say(origin, kind, name, message, None);
    }

    /// Takes those of the newcomer's objects away whose names are kept for somebody else, and
    /// returns their names.
    fn withhold<'s, T>(
        &mut self,
        kind: ObjectKind,
        words: &str,
        whole: &Map<T>,
        item: &mut Map<T>,
        kept_for: impl Fn(&str) -> Option<&'s Arc<str>>,
    ) -> BTreeSet<String> {
        let mut withheld = BTreeSet::new();
        item.retain(|name, newcomer| {
            breathe();
            let Some(holder) = kept_for(name).filter(|_| !whole.contains_key(name)) else {
                return true;
            };
            let message = format!(
                "{words} {name:?} is that of the older {holder:?}, whose labels for it cannot be \
                 read: this definition is ignored all the same"
            );
            self.say(newcomer.origin.clone(), kind, name, message, Some("another name"));
            withheld.insert(name.clone());
            false
        });
        withheld
    }

    /// Moves the newcomer's objects over; returns the names it did not get.
    fn join<T>(
        &mut self,
        kind: ObjectKind,
        words: &str,
        whole: &mut Map<T>,
        item: Map<T>,
        mut join: impl FnMut(&str, &mut Arc<T>, &Arc<T>) -> Join,
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

/// Why an object that leads to something of somebody else's is not served.
fn left_out(
    provider: &str,
    origin: Origin,
    kind: ObjectKind,
    name: &str,
    through: &str,
) -> Finding {
    let message = format!(
        "left out, because {through:?} is defined differently by somebody else, see its finding"
    );
    Finding::new(Severity::Error, origin, message).on(kind, format!("{name}@{provider}"))
}

/// Chains of the newcomer that lead to a middleware which it does not get, or to such a chain, with
/// what they lead to: they would do something else than it wrote. `lost`: what it does not get,
/// whatever `item` says.
fn broken_chains(
    provider: &str,
    held: &Map<Middleware>,
    item: &Map<Middleware>,
    lost: impl Fn(&str) -> bool,
) -> Vec<(String, String)> {
    let conflicts = |(name, middleware): &(&String, &Written<Middleware>)| {
        held.get(*name).is_some_and(|held| held.value != middleware.value)
    };
    let mut broken = Vec::new();
    let mut leads_to: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, middleware) in item {
        for reference in middleware.value.chain.iter().flat_map(|chain| &chain.middlewares) {
            breathe();
            leads_to.entry(own(provider, reference)).or_default().push(name);
        }
    }
    if leads_to.is_empty() {
        return broken;
    }
    let mut open: Vec<String> =
        item.iter().filter(conflicts).map(|(name, _)| name.clone()).collect();
    open.extend(leads_to.keys().filter(|name| lost(name)).map(|name| (*name).to_owned()));
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
    // What is there twice goes in the end: looking for each would take the square of the time.
    held.servers.extend(newcomer.servers.iter().cloned());
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

/// Takes out servers that are there more than once.
fn each_once(servers: &mut Vec<Server>) {
    let mut seen = HashSet::with_capacity(servers.len());
    servers.retain(|server| {
        breathe();
        seen.insert((server.url.clone(), server.weight, server.preserve_path))
    });
}
