//! One item -> its own configuration: servers filled in, routers and services linked by Traefik's
//! rules (reference: Docker provider, service and router definition).
//!
//! Better than Traefik in two ways: what cannot be served is left out alone (a missing port never
//! takes a middleware with it), and a router that names a service elsewhere (`api@internal`)
//! needs no port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{Finding, ObjectKind, Severity};
use swarmgate_config::routing::{Configuration, LoadBalancer, Router, Service, Written};

use super::item::Item;
use super::servers;
use super::template::{Data, Template};

/// More findings of one item than anybody would read; the rest is counted.
const MOST_FINDINGS: usize = 100;

/// More servers than one item may have, over all of its services: ten thousand services of a
/// thousand tasks each are within what labels can ask for.
const MOST_SERVERS: usize = 100_000;

/// Links one item.
pub fn link(provider: &str, item: &Item, default_rule: &Template) -> Configuration {
    let mut linker = Linker {
        provider,
        default_rule,
        configuration: item.decoded.configuration.clone(),
        failed: BTreeMap::new(),
        default_rule_of_item: None,
        unsaid: 0,
        item,
    };
    linker.configuration.findings.extend(linker.item.findings.iter().cloned());
    let http_is_empty = linker.configuration.routers.is_empty()
        && linker.configuration.services.is_empty()
        && linker.configuration.middlewares.is_empty()
        && linker.item.declared("routers").is_empty()
        && linker.item.declared("services").is_empty();
    if !(linker.item.decoded.has_tcp_or_udp && http_is_empty) {
        linker.services();
        linker.routers();
    }
    linker.finish()
}

struct Linker<'a> {
    provider: &'a str,
    default_rule: &'a Template,
    item: &'a Item,
    configuration: Configuration,
    /// Services that labels name, or that would have been made, and why they do not serve.
    failed: BTreeMap<String, String>,
    /// The default rule as it renders here: the same for all of the item's routers.
    default_rule_of_item: Option<Result<String, String>>,
    /// Findings beyond [`MOST_FINDINGS`].
    unsaid: usize,
}

impl Linker<'_> {
    fn qualified(&self, name: &str) -> String {
        format!("{name}@{}", self.provider)
    }

    fn finish(mut self) -> Configuration {
        if self.unsaid > 0 {
            let message = format!("{} more findings like these", self.unsaid);
            let origin = self.item.origin(self.provider);
            self.configuration.findings.push(Finding::new(Severity::Error, origin, message));
        }
        self.configuration
    }

    fn report(&mut self, severity: Severity, kind: ObjectKind, name: &str, message: String) {
        if self.configuration.findings.len() >= MOST_FINDINGS {
            self.unsaid = self.unsaid.saturating_add(1);
            return;
        }
        let origin = match kind {
            ObjectKind::Router => self.configuration.routers.get(name).map(|r| r.origin.clone()),
            ObjectKind::Service => self.configuration.services.get(name).map(|s| s.origin.clone()),
            _ => None,
        };
        let origin = origin.unwrap_or_else(|| self.item.origin(self.provider));
        let finding = Finding::new(severity, origin, message).on(kind, self.qualified(name));
        self.configuration.findings.push(finding);
    }

    /// Names among `declared` that did not survive decoding; the decoder has reported them.
    fn spoiled(&self, section: &str, decoded: &[&String]) -> Vec<String> {
        let known: BTreeSet<String> = decoded.iter().map(|name| name.to_lowercase()).collect();
        let declared = self.item.declared(section);
        let lost = declared.into_iter().filter(|name| !known.contains(&name.to_lowercase()));
        lost.map(str::to_owned).collect()
    }

    fn services(&mut self) {
        let names: Vec<&String> = self.configuration.services.keys().collect();
        for name in self.spoiled("services", &names) {
            self.failed.insert(name, "its labels could not be used".into());
        }
        let mut made_up = false;
        if self.configuration.services.is_empty() && self.failed.is_empty() {
            made_up = true;
            let value =
                Service { load_balancer: Some(LoadBalancer::default()), ..Service::default() };
            let value = Arc::new(value);
            let origin = self.item.origin(self.provider);
            let name = self.item.base_name.clone();
            self.configuration.services.insert(name, Written { value, origin });
        }
        let targets = self.item.targets.clone();
        let mut reports = Vec::new();
        let mut servers = 0_usize;
        for (name, service) in &mut self.configuration.services {
            breathe();
            let result = match &mut Arc::make_mut(&mut service.value).load_balancer {
                Some(balancer) => servers::fill(balancer, &targets).and_then(|()| {
                    servers = servers.saturating_add(balancer.servers.len());
                    if servers > MOST_SERVERS {
                        balancer.servers = Vec::new();
                        return Err(format!("with it there are more than {MOST_SERVERS} servers"));
                    }
                    Ok(())
                }),
                None => Err("load-balancer is not defined".into()),
            };
            if let Err(reason) = result {
                reports.push((name.clone(), reason));
            }
        }
        // A service nobody asked for by name is only missed by routers that need it.
        let needed = !made_up || self.default_service_needed();
        let described =
            !self.item.declared("routers").is_empty() || !self.item.declared("services").is_empty();
        for (name, reason) in reports {
            if needed {
                let severity = if described { Severity::Error } else { Severity::Warning };
                let mut message = format!("service {name:?} error: {reason}");
                if reason == "port is missing" {
                    message.push_str(&format!(
                        "; add the label traefik.http.services.{name}.loadbalancer.server.port"
                    ));
                }
                self.report(severity, ObjectKind::Service, &name, message);
            }
            self.configuration.services.remove(&name);
            self.failed.insert(name, reason);
        }
    }

    /// Whether some router, written or made up, would lead to the made-up service.
    fn default_service_needed(&self) -> bool {
        let base = &self.item.base_name;
        let routers = &self.configuration.routers;
        if routers.is_empty() {
            return self.item.declared("routers").is_empty();
        }
        routers.values().any(|router| match &router.value.service {
            None => true,
            Some(service) => service == base || *service == self.qualified(base),
        })
    }

    /// All service names of this item, served or not: linking must not depend on a mistake.
    fn service_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.configuration.services.keys().cloned().collect();
        names.extend(self.failed.keys().cloned());
        names.sort();
        names
    }

    fn routers(&mut self) {
        let services = self.service_names();
        if self.configuration.routers.is_empty() && self.item.declared("routers").is_empty() {
            if services.len() > 1 {
                let name = self.item.base_name.clone();
                let message =
                    "Could not create a router for the container: too many services".to_owned();
                self.report(Severity::Info, ObjectKind::Router, &name, message);
                return;
            }
            // The service's own finding explains why there is no router either.
            if !self.failed.is_empty() {
                return;
            }
            let origin = self.item.origin(self.provider);
            let router = Written { value: Arc::new(Router::default()), origin };
            self.configuration.routers.insert(self.item.base_name.clone(), router);
        }
        let names: Vec<String> = self.configuration.routers.keys().cloned().collect();
        for name in names {
            if let Err(message) = self.router(&name, &services) {
                self.report(Severity::Error, ObjectKind::Router, &name, message);
                self.configuration.routers.remove(&name);
            }
        }
    }

    fn router(&mut self, name: &str, services: &[String]) -> Result<(), String> {
        let data = Data {
            name: &self.item.base_name,
            container_name: &self.item.container_name,
            labels: &self.item.labels,
        };
        let Some(router) = self.configuration.routers.get_mut(name) else { return Ok(()) };
        let router = Arc::make_mut(&mut router.value);
        if router.rule.as_ref().is_none_or(|rule| rule.is_empty()) {
            let rendered =
                self.default_rule_of_item.get_or_insert_with(|| self.default_rule.render(data));
            let rule = rendered
                .clone()
                .map_err(|error| format!("Error while parsing default rule: {error}"))?;
            if rule.trim().is_empty() {
                return Err("Undefined rule: the default rule renders to nothing".into());
            }
            router.rule = Some(rule);
            router.default_rule = true;
        }
        let service = match &router.service {
            Some(service) if !service.is_empty() => service.clone(),
            _ => match services {
                [only] => {
                    router.service = Some(only.clone());
                    only.clone()
                }
                several => {
                    // Each such router says so: the list must not be as long as the labels.
                    let mut quoted: Vec<String> =
                        several.iter().take(10).map(|name| format!("{name:?}")).collect();
                    if several.len() > 10 {
                        quoted.push("...".to_owned());
                    }
                    return Err(format!(
                        "Router {name} cannot be linked automatically with multiple Services: \
                         [{}]",
                        quoted.join(" ")
                    ));
                }
            },
        };
        let own = service.strip_suffix(&format!("@{}", self.provider)).unwrap_or(&service);
        match self.failed.get(own) {
            Some(reason) => Err(format!("left out, because service {own:?} error: {reason}")),
            None => Ok(()),
        }
    }
}
