//! Services: which can be served, and which only in part.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::internal;
use super::middlewares::{CHAIN_LIMIT, Middlewares};
use super::trouble::Trouble;
use crate::breath::breathe;
use crate::checked::{Checked, Status};
use crate::finding::{Findings, ObjectKind, Severity};
use crate::install::Install;
use crate::name::QName;
use crate::routing::{LoadBalancer, ServersTransport, Service, Written};

/// The strategies of Traefik; the first is the one that is served.
const STRATEGIES: [&str; 4] = ["wrr", "p2c", "hrw", "leasttime"];

pub(super) struct Services<'a> {
    written: BTreeMap<QName, Entry<'a>>,
    internal: [(&'static str, bool); 7],
    /// Those that were asked for and nobody has written.
    others: HashMap<QName, Answer>,
}

/// A service that somebody has written.
struct Entry<'a> {
    written: &'a Written<Service>,
    known: Option<Answer>,
    used_by: Vec<QName>,
}

/// The middlewares around a service, or why it cannot serve.
type Answer = Result<Arc<[QName]>, Trouble>;

impl<'a> Services<'a> {
    pub(super) fn new(
        install: &Install,
        written: impl Iterator<Item = (QName, &'a Written<Service>)>,
    ) -> Self {
        let entry = |(name, written)| (name, Entry { written, known: None, used_by: Vec::new() });
        Self {
            written: written.map(entry).collect(),
            internal: internal::services(install),
            others: HashMap::new(),
        }
    }

    /// Whether it can serve; the middlewares around it. `by`: the router that uses it, if it is one.
    pub(super) fn ask(
        &mut self,
        name: &QName,
        by: Option<&QName>,
        middlewares: &mut Middlewares<'_>,
        transports: &BTreeMap<QName, ServersTransport>,
    ) -> Answer {
        let Some(entry) = self.written.get_mut(name) else {
            if let Some(known) = self.others.get(name) {
                return known.clone();
            }
            let answer = match name.is_internal() {
                true => own(&self.internal, name),
                false => {
                    let text = format!("the service \"{name}\" does not exist");
                    Err(Trouble::missing(text, name, &self.written))
                }
            };
            self.others.insert(name.clone(), answer.clone());
            return answer;
        };
        if let Some(by) = by
            && entry.used_by.last() != Some(by)
        {
            // Most services have one router.
            if entry.used_by.is_empty() {
                entry.used_by.reserve_exact(1);
            }
            entry.used_by.push(by.clone());
        }
        let known = entry.known.get_or_insert_with(|| match name.is_internal() {
            true => own(&self.internal, name),
            false => check(name, &entry.written.value, middlewares, transports),
        });
        known.clone()
    }

    /// All services as the API shows them, defaults filled in.
    pub(super) fn finish(self, findings: &mut Findings) -> BTreeMap<QName, Checked<Service>> {
        self.written
            .into_iter()
            .map(|(name, entry)| {
                breathe();
                let Entry { written, known, used_by } = entry;
                let mut checked = Checked {
                    value: shown(&name, &written.value),
                    origin: written.origin.clone(),
                    status: Status::Enabled,
                    errors: Vec::new(),
                    used_by,
                    using: Vec::new(),
                    priority: 0,
                };
                let mut say = |severity: Severity, trouble: Trouble| {
                    checked.status = match severity {
                        Severity::Error => Status::Disabled,
                        _ => Status::Warning,
                    };
                    checked.errors.push(trouble.text.clone());
                    let kind = ObjectKind::Service;
                    findings.push(trouble.finding(
                        severity,
                        &written.origin,
                        kind,
                        name.to_string(),
                    ));
                };
                match known {
                    Some(Err(trouble)) => say(Severity::Error, trouble),
                    _ => {
                        for trouble in in_part(&name, &written.value) {
                            say(Severity::Warning, trouble);
                        }
                    }
                }
                (name, checked)
            })
            .collect()
    }
}

/// One of the proxy's own services.
fn own(internal: &[(&'static str, bool)], name: &QName) -> Answer {
    match internal.iter().find(|(known, _)| *known == name.name()) {
        Some((_, true)) => Ok(Arc::from([])),
        Some((known, false)) => {
            let names = match *known {
                "prometheus" => "metrics.prometheus",
                "rest" => "providers.rest",
                "acme-http" => "a certificate resolver with httpChallenge",
                "dashboard" => "api with dashboard",
                other => other,
            };
            Err(Trouble::new(format!("{known} is not enabled"))
                .expected(format!("the install configuration to have {names}")))
        }
        None => Err(Trouble::new(format!("unknown internal service {name}"))),
    }
}

fn check(
    name: &QName,
    service: &Service,
    middlewares: &mut Middlewares<'_>,
    transports: &BTreeMap<QName, ServersTransport>,
) -> Answer {
    let kinds = kinds(service);
    match kinds.as_slice() {
        ["loadBalancer"] => {}
        [] => {
            return Err(Trouble::new(format!(
                "the service \"{name}\" does not have any type defined"
            )));
        }
        [kind] => {
            return Err(Trouble::new(format!("the service \"{name}\": {kind} is not served yet")));
        }
        kinds => {
            return Err(Trouble::new(format!(
                "cannot create service \"{name}\": multi-types service not supported, consider \
                 declaring two different pieces of service instead"
            ))
            .expected(format!("one of {}, not all", kinds.join(", "))));
        }
    }
    if let Some(balancer) = &service.load_balancer {
        load_balancer(name, balancer, transports)?;
    }
    let mut around = Vec::new();
    for reference in &service.middlewares {
        let flat = middlewares.flatten(&QName::resolve(reference, name.provider()))?;
        if around.len() + flat.len() > CHAIN_LIMIT {
            return Err(Trouble::new(format!(
                "service \"{name}\" has more than {CHAIN_LIMIT} middlewares"
            )));
        }
        around.extend(flat.iter().cloned());
    }
    Ok(around.into())
}

fn kinds(service: &Service) -> Vec<&'static str> {
    [
        ("loadBalancer", service.load_balancer.is_some()),
        ("weighted", service.weighted.is_some()),
        ("highestRandomWeight", service.highest_random_weight.is_some()),
        ("mirroring", service.mirroring.is_some()),
        ("failover", service.failover.is_some()),
    ]
    .into_iter()
    .filter_map(|(kind, set)| set.then_some(kind))
    .collect()
}

fn load_balancer(
    name: &QName,
    balancer: &LoadBalancer,
    transports: &BTreeMap<QName, ServersTransport>,
) -> Result<(), Trouble> {
    if let Some(strategy) = balancer.strategy.as_deref().filter(|strategy| !strategy.is_empty())
        && !STRATEGIES.contains(&strategy)
    {
        return Err(Trouble::new(format!(
            "unsupported load-balancer strategy \"{strategy}\" of service \"{name}\""
        ))
        .expected(format!("one of {}", STRATEGIES.join(", "))));
    }
    if let Some(reference) = balancer.servers_transport.as_deref().filter(|name| !name.is_empty()) {
        let transport = QName::resolve(reference, name.provider());
        let default = transport.is_internal() && transport.name() == "default";
        if !default && !transports.contains_key(&transport) {
            return Err(Trouble::new(format!("servers transport not found {transport}"))
                .expected("the name of one in a file's http.serversTransports"));
        }
    }
    for server in &balancer.servers {
        if !is_server_url(&server.url) {
            return Err(Trouble::new(format!(
                "error parsing server URL {:?} of service \"{name}\"",
                server.url
            ))
            .expected("http://host:port or https://host:port"));
        }
    }
    Ok(())
}

/// `scheme://host[:port]`, a path allowed behind it. The scheme is looked at by the data plane.
fn is_server_url(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, after)| after);
    let (host, port) = match host_and_port.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host_and_port, None),
    };
    let bracketed = host.starts_with('[') && host.ends_with(']');
    !scheme.is_empty()
        && !host.is_empty()
        && (bracketed || !host.contains([':', '[', ']']))
        && !host.contains(|c: char| c.is_whitespace() || c.is_control())
        && port.is_none_or(|port| {
            port.is_empty()
                || (port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok())
        })
}

/// What a service asks for and does not get yet, though it serves.
fn in_part(name: &QName, service: &Service) -> Vec<Trouble> {
    let Some(balancer) = &service.load_balancer else { return Vec::new() };
    let strategy = balancer.strategy.as_deref().unwrap_or_default();
    [
        (
            balancer.sticky.as_ref().is_some_and(|sticky| sticky.cookie.is_some()),
            "sticky",
            "a client may reach any server",
        ),
        (balancer.health_check.is_some(), "healthCheck", "all servers count as healthy"),
        (
            balancer.passive_health_check.is_some(),
            "passiveHealthCheck",
            "all servers count as healthy",
        ),
        (!matches!(strategy, "" | "wrr"), "strategy", "servers are taken in turn (wrr)"),
    ]
    .into_iter()
    .filter(|(set, _, _)| *set)
    .map(|(_, option, consequence)| {
        Trouble::new(format!(
            "service \"{name}\": loadBalancer.{option} is known but not served yet: {consequence}"
        ))
    })
    .collect()
}

/// The reference to a transport qualified; those to middlewares stay as they were written, as
/// Traefik shows them.
fn shown(name: &QName, service: &Arc<Service>) -> Arc<Service> {
    let mut shown = Arc::clone(service);
    let qualified = |reference: &str| QName::resolve(reference, name.provider()).to_string();
    let transport =
        shown.load_balancer.as_ref().and_then(|balancer| balancer.servers_transport.as_deref());
    if let Some(transport) = transport {
        let transport = Some(transport).filter(|name| !name.is_empty()).map(qualified);
        if let Some(balancer) = &mut Arc::make_mut(&mut shown).load_balancer {
            balancer.servers_transport = transport;
        }
    }
    shown
}
