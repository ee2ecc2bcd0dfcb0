//! All routes, as they are in force: what `swarmgate routes` prints.

use http::{HeaderMap, Method};
use serde::{Deserialize, Serialize};
use swarmgate_config::breath::breathe;
use swarmgate_config::checked::{self, Status};
use swarmgate_config::name::QName;
use swarmgate_config::routing::Service;
use swarmgate_config::secret;

use super::answer::{Disabled, Lost};
use super::{View, brief, effect, near, walk};
use crate::canonical;
use crate::route;
use crate::snapshot::{Route, Target};

/// So many servers of a route are listed.
const SERVERS: usize = 20;

/// Beyond so many rows, routers below others are left out: those below several are told for each.
const LAYERED: usize = 20_000;

/// All routes, those that do not serve beneath.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Routes {
    /// By entry point, best priority first.
    pub routes: Vec<Row>,
    /// Routers that do not serve.
    pub disabled: Vec<Disabled>,
    /// Containers and services that were left out.
    pub skipped: Vec<Lost>,
    /// How many more of them the providers did not keep.
    pub skipped_more: usize,
}

/// A router on one entry point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Row {
    /// The entry point's name.
    pub entry_point: String,
    /// The router's priority.
    pub priority: i64,
    /// Its rule.
    pub rule: String,
    /// Its qualified name.
    pub router: String,
    /// Its middlewares as they are run, chains taken apart.
    pub middlewares: Vec<String>,
    /// Its service's qualified name.
    pub service: String,
    /// The service's servers.
    pub servers: Vec<String>,
    /// How many servers are not listed.
    pub servers_more: usize,
    /// Running tasks of a Swarm service; absent for others.
    pub running_tasks: Option<u32>,
    /// Whether the one server is a Swarm VIP.
    pub vip: bool,
    /// Whether it is for TLS connections; the others are for plain ones.
    pub tls: bool,
    /// Who gets its certificate.
    pub cert_resolver: Option<String>,
    /// `enabled` or `warning`.
    pub status: String,
    /// What is wrong with it, though it serves.
    pub errors: Vec<String>,
    /// The router that it is below, and that it gets its requests from; mostly none.
    pub below: Option<String>,
}

/// Lists them; a host or entry point that is not empty is a filter.
pub(super) fn list(view: View<'_>, host: &str, entry_point: &str) -> Result<Routes, String> {
    if !entry_point.is_empty() && !view.settings.iter().any(|it| it.name == entry_point) {
        let names: Vec<&str> = view.settings.iter().map(|it| it.name.as_str()).collect();
        return Err(format!(
            "there is no entry point {entry_point:?}; expected one of {}",
            names.join(", ")
        ));
    }
    let host = canonical::host(host);
    let headers = HeaderMap::new();
    let seen = route::Request {
        method: &Method::GET,
        host: &host,
        host_as_sent: &host,
        path: b"/",
        query: None,
        headers: &headers,
        client_ip: [192, 0, 2, 1].into(),
    };
    let checked = &*view.snapshot.checked;
    let mut listed = Routes::default();
    for (settings, tables) in view.settings.iter().zip(&view.snapshot.entry_points) {
        if !entry_point.is_empty() && settings.name != entry_point {
            continue;
        }
        let mut rows: Vec<(Row, &Route)> = Vec::new();
        for (tls, table) in [(false, &tables.plain), (true, &tables.tls)] {
            for (number, for_host) in table.numbers(&seen) {
                breathe();
                if !host.is_empty() && !for_host {
                    continue;
                }
                let Some(route) = view.snapshot.routes.get(number) else { continue };
                let mut row = row(checked, route, tls);
                row.entry_point.clone_from(&settings.name);
                rows.push((row, route));
            }
        }
        // Both tables are in order of precedence; a stable sort keeps what decides between equals.
        rows.sort_by_key(|(row, _)| std::cmp::Reverse(row.priority));
        for (row, route) in rows {
            // One that is below several is told once for each of these.
            let mut open = vec![(row, route, 0_usize)];
            while let Some((row, route, depth)) = open.pop() {
                breathe();
                if let Target::Children(children) = &route.target
                    && depth < super::MOST
                    && listed.routes.len() < LAYERED
                {
                    let numbers: Vec<usize> =
                        children.numbers(&seen).map(|(number, _)| number).collect();
                    for number in numbers.into_iter().rev() {
                        let Some(child) = view.snapshot.routes.get(number) else { continue };
                        let mut below = self::row(checked, child, row.tls);
                        below.entry_point.clone_from(&row.entry_point);
                        below.below = Some(row.router.clone());
                        below.cert_resolver.clone_from(&row.cert_resolver);
                        open.push((below, child, depth.saturating_add(1)));
                    }
                }
                listed.routes.push(row);
            }
        }
    }
    listed.disabled = disabled(view, &host, entry_point);
    if host.is_empty() {
        for skipped in &checked.skipped {
            listed.skipped.extend(skipped.list().into_iter().map(|left| Lost {
                provider: left.provider.to_string(),
                service: left.service,
                reason: left.reason,
            }));
            listed.skipped_more = listed.skipped_more.saturating_add(skipped.more());
        }
    } else {
        listed.skipped = near::skipped(checked, &host);
    }
    Ok(listed)
}

/// What there is to tell of a route.
fn row(checked: &checked::Configuration, route: &Route, tls: bool) -> Row {
    let name = QName::resolve(&route.name, "");
    let service = QName::resolve(&route.service, "");
    let leads_on = matches!(route.target, Target::Children(_));
    let names = effect::names(checked, &name, &service);
    let mut row = Row {
        router: route.name.to_string(),
        service: if leads_on { String::new() } else { route.service.to_string() },
        tls,
        middlewares: names.iter().map(ToString::to_string).collect(),
        ..Row::default()
    };
    if let Some(router) = checked.routers.get(&name) {
        row.priority = router.priority;
        row.rule = brief(router.value.rule.as_deref().unwrap_or_default());
        row.status = walk::status(router.status).into();
        row.errors.clone_from(&router.errors);
        let resolver = router.value.tls.as_ref().and_then(|it| it.cert_resolver.clone());
        row.cert_resolver = resolver.filter(|_| tls);
    }
    if let Some(service) = checked.services.get(&service) {
        row.fill(&service.value);
        if service.status > Status::Enabled && row.status == "enabled" {
            row.status = walk::status(service.status).into();
        }
        row.errors.extend(service.errors.iter().cloned());
    }
    row
}

impl Row {
    fn fill(&mut self, service: &Service) {
        let Some(balancer) = &service.load_balancer else { return };
        self.servers =
            balancer.servers.iter().take(SERVERS).map(|it| secret::url(&it.url)).collect();
        self.servers_more = balancer.servers.len().saturating_sub(SERVERS);
        self.running_tasks = balancer.swarm.map(|swarm| swarm.running_tasks);
        self.vip = balancer.swarm.is_some_and(|swarm| swarm.vip);
    }
}

fn disabled(view: View<'_>, host: &str, entry_point: &str) -> Vec<Disabled> {
    let checked = &*view.snapshot.checked;
    if !host.is_empty() {
        return near::disabled(checked, host);
    }
    let wanted = checked.routers.iter().filter(|(_, router)| {
        breathe();
        let on = &router.value.entry_points;
        router.status == Status::Disabled
            && (entry_point.is_empty() || on.iter().any(|name| name == entry_point))
    });
    let told = wanted.map(|(name, router)| Disabled {
        router: name.to_string(),
        rule: brief(router.value.rule.as_deref().unwrap_or_default()),
        origin: router.origin.to_string(),
        errors: router.errors.clone(),
    });
    told.collect()
}
