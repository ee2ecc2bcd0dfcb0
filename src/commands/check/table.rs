//! What would be served, as rows: entry points, routers, services, middlewares.

use std::net::IpAddr;

use swarmgate_config::checked::Status;
use swarmgate_config::name::QName;
use swarmgate_config::routing::{RouterTls, Service};

use super::stack::{PORT_OF_IMAGE, Stack};
use super::world::World;

/// A table with a title.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What the rows are.
    pub title: &'static str,
    /// Names of the columns.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Whether the object serves.
    pub status: Status,
    /// A text per column.
    pub cells: Vec<String>,
}

/// All tables of a world that have rows.
pub fn tables(world: &World) -> Vec<Table> {
    let all = [entry_points(world), routers(world), services(world), middlewares(world)];
    all.into_iter().filter(|table| !table.rows.is_empty()).collect()
}

fn entry_points(world: &World) -> Table {
    let mut table =
        Table { title: "ENTRY POINTS", columns: vec!["NAME", "ADDRESS", "ADDS"], rows: Vec::new() };
    if !world.known {
        return table;
    }
    for (name, point) in world.install.entry_points_or_default() {
        let http = &point.http;
        let mut adds = Vec::new();
        if let Some(to) = http.redirections.as_ref().and_then(|all| all.entry_point.as_ref()) {
            adds.push(format!("redirection to {}", to.to));
        }
        if let Some(tls) = &http.tls {
            adds.push(match tls.cert_resolver.as_deref().filter(|name| !name.is_empty()) {
                Some(resolver) => format!("TLS by {resolver}"),
                None => "TLS".to_owned(),
            });
        }
        if !http.middlewares.is_empty() {
            adds.push(http.middlewares.join(", "));
        }
        let cells = vec![name, point.address.clone(), adds.join("; ")];
        table.rows.push(Row { status: Status::Enabled, cells });
    }
    table
}

fn routers(world: &World) -> Table {
    let mut table = Table {
        title: "ROUTERS",
        columns: vec!["NAME", "ENTRY POINTS", "TLS", "PRIORITY", "RULE", "MIDDLEWARES", "SERVICE"],
        rows: Vec::new(),
    };
    for (name, router) in &world.checked.routers {
        if name.is_internal() {
            continue;
        }
        let value = &router.value;
        let entry_points =
            if router.using.is_empty() { &value.entry_points } else { &router.using };
        let middlewares: Vec<String> = value.middlewares.iter().map(|m| bare(m, name)).collect();
        let service = value.service.as_deref().unwrap_or_default();
        table.rows.push(Row {
            status: router.status,
            cells: vec![
                name.to_string(),
                entry_points.join(", "),
                tls(value.tls.as_deref()),
                router.priority.to_string(),
                value.rule.clone().unwrap_or_default(),
                middlewares.join(", "),
                bare(service, name),
            ],
        });
    }
    table
}

/// A reference without the provider it shares with the router.
fn bare(reference: &str, by: &QName) -> String {
    match reference.rsplit_once('@') {
        Some((name, provider)) if provider == by.provider() => name.to_owned(),
        _ => reference.to_owned(),
    }
}

fn tls(tls: Option<&RouterTls>) -> String {
    match tls {
        None => String::new(),
        Some(tls) => match tls.cert_resolver.as_deref().filter(|name| !name.is_empty()) {
            Some(resolver) => resolver.to_owned(),
            None => "yes".to_owned(),
        },
    }
}

fn services(world: &World) -> Table {
    let mut table = Table {
        title: "SERVICES",
        columns: vec!["NAME", "PORT", "NETWORK", "MODE", "TASKS"],
        rows: Vec::new(),
    };
    for (name, service) in &world.checked.services {
        if name.is_internal() || world.assumed.contains(name) {
            continue;
        }
        let [port, network, mode, tasks] = targets(world, name, &service.value);
        let cells = vec![name.to_string(), port, network, mode, tasks];
        table.rows.push(Row { status: service.status, cells });
    }
    table
}

/// Port, network, mode and number of tasks.
fn targets(world: &World, name: &QName, service: &Service) -> [String; 4] {
    let Some(balancer) = &service.load_balancer else {
        return [String::new(), String::new(), "over services".to_owned(), String::new()];
    };
    let tasks = balancer.swarm.map(|swarm| swarm.running_tasks.to_string()).unwrap_or_default();
    let mut ports: Vec<String> = Vec::new();
    let mut networks: Vec<String> = Vec::new();
    let mut add = |list: usize, text: String| {
        let list = if list == 0 { &mut ports } else { &mut networks };
        if !list.contains(&text) {
            list.push(text);
        }
    };
    for server in balancer.servers.iter().take(100) {
        let made_up = address(&server.url).and_then(|(scheme, ip, port)| {
            let key = (name.provider().to_owned(), ip);
            Some((scheme, world.addresses.get(&key)?, port))
        });
        match made_up {
            Some((_, network, PORT_OF_IMAGE)) => {
                add(0, "the image's".to_owned());
                add(1, network.clone());
            }
            Some((scheme, network, port)) => {
                let scheme = if scheme == "http" { String::new() } else { format!("{scheme} ") };
                add(0, format!("{scheme}{port}"));
                add(1, network.clone());
            }
            None => add(0, server.url.clone()),
        }
    }
    let mode = match (&balancer.swarm, balancer.servers.len()) {
        (Some(swarm), _) if swarm.vip => "VIP".to_owned(),
        (Some(_), _) => "tasks".to_owned(),
        (None, 0) => "no server".to_owned(),
        (None, 1) => "server".to_owned(),
        (None, count) => format!("{count} servers"),
    };
    [ports.join(", "), networks.join(", "), mode, tasks]
}

/// Scheme, address and port of `http://10.0.0.2:80`.
fn address(url: &str) -> Option<(&str, IpAddr, u16)> {
    let (scheme, rest) = url.split_once("://")?;
    let socket: std::net::SocketAddr = rest.parse().ok()?;
    Some((scheme, socket.ip(), socket.port()))
}

fn middlewares(world: &World) -> Table {
    let mut table =
        Table { title: "MIDDLEWARES", columns: vec!["NAME", "KIND", "USED BY"], rows: Vec::new() };
    for (name, middleware) in &world.checked.middlewares {
        if name.is_internal() || world.assumed.contains(name) {
            continue;
        }
        let used: Vec<String> =
            middleware.used_by.iter().take(20).map(|by| bare(&by.to_string(), name)).collect();
        let cells = vec![name.to_string(), middleware.value.kinds().join(", "), used.join(", ")];
        table.rows.push(Row { status: middleware.status, cells });
    }
    table
}

/// One line about a stack: `stack myapp (Swarm): 6 services`.
pub fn about(stack: &Stack) -> String {
    let engine = match stack.engine {
        super::stack::Engine::Swarm => "Swarm stack",
        super::stack::Engine::Compose => "compose project",
    };
    let count = stack.services.len();
    let services = if count == 1 { "1 service".to_owned() } else { format!("{count} services") };
    format!("{engine} {:?}, {services}", stack.name)
}
