//! Routers, services and middlewares as Traefik's API shows them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use swarmgate_config::checked::{Checked, Configuration, Status};
use swarmgate_config::name::QName;
use swarmgate_config::routing::{LoadBalancer, Middleware, Router, Service};
use swarmgate_config::secret;

use super::Scene;
use super::json::{prune, prune_here};
use super::list::{Key, Page, status_text};
use super::redact::redact;

/// `/api/http/routers`.
pub(super) fn routers(scene: &Scene<'_>) -> Result<Page, String> {
    let query = &scene.query;
    let (service, middleware) = (query.get("serviceName"), query.get("middlewareName"));
    let bare_service = service.split_once('@').map_or(service, |(name, _)| name);
    let mut rows: Vec<_> = scene
        .configuration
        .routers
        .iter()
        .filter(|(name, router)| {
            let written = router.value.service.as_deref().unwrap_or_default();
            let rule = router.value.rule.as_deref().unwrap_or_default();
            let of_service = service.is_empty()
                || written == service
                || (!written.contains('@') && written == bare_service);
            let of_middleware = middleware.is_empty()
                || router.value.middlewares.iter().any(|other| other == middleware);
            of_service
                && of_middleware
                && query.wants(router.status)
                && query.finds(&[&name.to_string(), rule])
        })
        .collect();
    query.sort(&mut rows, |(name, router)| {
        let text = |text: &Option<String>| Key::Text(text.clone().unwrap_or_default());
        let key = match query.get("sortBy") {
            "provider" => Key::Text(name.provider().to_owned()),
            "priority" => Key::Number(router.priority),
            "status" => Key::Text(status_text(router.status).to_owned()),
            "rule" => text(&router.value.rule),
            "service" => text(&router.value.service),
            "entryPoints" => count(router.value.entry_points.len()),
            _ => Key::Number(0),
        };
        (key, name.to_string())
    });
    query.page(rows, |(name, router)| named(name, show_router(name, router), Some(router.priority)))
}

/// `/api/http/services`.
pub(super) fn services(scene: &Scene<'_>) -> Result<Page, String> {
    let query = &scene.query;
    let mut rows = filtered(scene, &scene.configuration.services);
    query.sort(&mut rows, |(name, service)| {
        let servers = service.value.load_balancer.as_ref().map_or(0, |lb| lb.servers.len());
        let key = match query.get("sortBy") {
            "type" => Key::Text(service_type(&service.value).unwrap_or_default().to_owned()),
            "servers" => count(servers),
            "provider" => Key::Text(name.provider().to_owned()),
            "status" => Key::Text(status_text(service.status).to_owned()),
            _ => Key::Number(0),
        };
        (key, name.to_string())
    });
    query.page(rows, |(name, service)| full_service(name, service))
}

/// `/api/http/middlewares`.
pub(super) fn middlewares(scene: &Scene<'_>) -> Result<Page, String> {
    let query = &scene.query;
    let mut rows = filtered(scene, &scene.configuration.middlewares);
    query.sort(&mut rows, |(name, middleware)| {
        let key = match query.get("sortBy") {
            "type" => Key::Text(middleware_type(&middleware.value)),
            "provider" => Key::Text(name.provider().to_owned()),
            "status" => Key::Text(status_text(middleware.status).to_owned()),
            _ => Key::Number(0),
        };
        (key, name.to_string())
    });
    query.page(rows, |(name, middleware)| full_middleware(name, middleware))
}

/// `/api/http/routers/{id}`.
pub(super) fn router(scene: &Scene<'_>, id: &str) -> Option<Value> {
    let (name, router) = find(&scene.configuration.routers, id)?;
    Some(named(name, show_router(name, router), Some(router.priority)))
}

/// `/api/http/services/{id}`.
pub(super) fn service(scene: &Scene<'_>, id: &str) -> Option<Value> {
    find(&scene.configuration.services, id).map(|(name, service)| full_service(name, service))
}

/// `/api/http/middlewares/{id}`.
pub(super) fn middleware(scene: &Scene<'_>, id: &str) -> Option<Value> {
    let (name, middleware) = find(&scene.configuration.middlewares, id)?;
    Some(full_middleware(name, middleware))
}

/// `/api/rawdata`: everything by qualified name; kinds of which there is nothing are absent.
pub(super) fn raw_data(configuration: &Configuration) -> Value {
    fn all<T>(
        objects: &BTreeMap<QName, Checked<T>>,
        show: impl Fn(&QName, &Checked<T>) -> Map<String, Value>,
    ) -> Map<String, Value> {
        objects.iter().map(|(name, it)| (name.to_string(), show(name, it).into())).collect()
    }
    let mut data = Map::new();
    for (kind, objects) in [
        ("routers", all(&configuration.routers, show_router)),
        ("middlewares", all(&configuration.middlewares, |_, it| show_middleware(it))),
        ("services", all(&configuration.services, |_, it| show_service(it))),
    ] {
        if !objects.is_empty() {
            data.insert(kind.into(), objects.into());
        }
    }
    data.into()
}

fn filtered<'a, T>(
    scene: &Scene<'_>,
    objects: &'a BTreeMap<QName, Checked<T>>,
) -> Vec<(&'a QName, &'a Checked<T>)> {
    objects
        .iter()
        .filter(|(name, it)| {
            scene.query.wants(it.status) && scene.query.finds(&[&name.to_string()])
        })
        .collect()
}

/// Only a qualified name finds anything.
fn find<'a, T>(
    objects: &'a BTreeMap<QName, Checked<T>>,
    id: &str,
) -> Option<(&'a QName, &'a Checked<T>)> {
    let (name, provider) = id.rsplit_once('@')?;
    objects.get_key_value(&QName::new(name, provider))
}

fn count(number: usize) -> Key {
    Key::Number(i64::try_from(number).unwrap_or(i64::MAX))
}

fn object(value: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}

/// What only the lists add to an object.
fn named(name: &QName, mut shown: Map<String, Value>, priority: Option<i64>) -> Value {
    shown.insert("name".into(), name.to_string().into());
    shown.insert("provider".into(), name.provider().into());
    if let Some(priority) = priority {
        // JavaScript loses the last digits of the highest priorities.
        shown.insert("priorityStr".into(), priority.to_string().into());
    }
    shown.into()
}

fn with_status<T>(shown: &mut Map<String, Value>, it: &Checked<T>) {
    if !it.errors.is_empty() {
        shown.insert("error".into(), it.errors.as_slice().into());
    }
    shown.insert("status".into(), status_text(it.status).into());
    if !it.used_by.is_empty() {
        let mut users: Vec<String> = it.used_by.iter().map(QName::to_string).collect();
        users.sort();
        shown.insert("usedBy".into(), users.into());
    }
}

fn show_router(name: &QName, router: &Checked<Router>) -> Map<String, Value> {
    let mut shown = object(&router.value);
    if router.priority != 0 {
        shown.insert("priority".into(), router.priority.into());
    }
    if shown.get("rule").is_some_and(|rule| rule == "") {
        shown.remove("rule");
    }
    if name.is_internal() {
        shown.entry("ruleSyntax").or_insert_with(|| "default".into());
    }
    if let Some(Value::Object(tls)) = shown.get_mut("tls")
        && router.status != Status::Disabled
    {
        tls.entry("options").or_insert_with(|| "default".into());
    }
    let written = router.value.observability.as_ref();
    let on = |option: Option<Option<bool>>| option.flatten().unwrap_or(true);
    let verbosity = written.and_then(|written| written.trace_verbosity.as_deref());
    if router.value.parent_refs.is_empty() {
        let observability = json!({
            "accessLogs": on(written.map(|written| written.access_logs)),
            "metrics": on(written.map(|written| written.metrics)),
            "tracing": on(written.map(|written| written.tracing)),
            "traceVerbosity": verbosity.unwrap_or("minimal"),
        });
        shown.insert("observability".into(), observability);
    } else if let Some(Value::Object(written)) = shown.get_mut("observability") {
        // Routers below others have none; theirs is shown as written.
        written.entry("traceVerbosity").or_insert_with(|| "minimal".into());
    }
    with_status(&mut shown, router);
    if !router.using.is_empty() {
        let mut using = router.using.clone();
        using.sort();
        shown.insert("using".into(), using.into());
    }
    shown
}

/// The kinds of services, as the configuration and as `type` spell them.
const SERVICE_KINDS: [(&str, &str); 5] = [
    ("loadBalancer", "loadbalancer"),
    ("weighted", "weighted"),
    ("highestRandomWeight", "highestrandomweight"),
    ("mirroring", "mirroring"),
    ("failover", "failover"),
];

fn service_type(service: &Service) -> Option<&'static str> {
    let set = [
        service.load_balancer.is_some(),
        service.weighted.is_some(),
        service.highest_random_weight.is_some(),
        service.mirroring.is_some(),
        service.failover.is_some(),
    ];
    SERVICE_KINDS.iter().zip(set).find(|(_, set)| *set).map(|((_, kind), _)| *kind)
}

fn show_service(service: &Checked<Service>) -> Map<String, Value> {
    let mut shown = object(&service.value);
    if let Some(Value::Object(balancer)) = shown.get_mut("loadBalancer") {
        if balancer.get("strategy").is_none_or(|strategy| strategy == "") {
            balancer.insert("strategy".into(), "wrr".into());
        }
        balancer.entry("passHostHeader").or_insert(true.into());
        let flushing = balancer.entry("responseForwarding").or_insert_with(|| json!({}));
        if let Value::Object(flushing) = flushing {
            flushing.entry("flushInterval").or_insert_with(|| "100ms".into());
        }
        if let Some(sticky) = balancer.get_mut("sticky") {
            if let Some(Value::Object(cookie)) = sticky.get_mut("cookie")
                && cookie.get("path").is_none_or(Value::is_null)
            {
                cookie.insert("path".into(), "/".into());
            }
            prune(sticky);
        }
        if let Some(check) = balancer.get_mut("healthCheck") {
            let follows = check.get("followRedirects").and_then(Value::as_bool).unwrap_or(true);
            prune(check);
            if let Value::Object(check) = check {
                check.retain(|key, value| key != "headers" || *value != json!({}));
                check.entry("mode").or_insert_with(|| "http".into());
                check.entry("interval").or_insert_with(|| "30s".into());
                check.entry("timeout").or_insert_with(|| "5s".into());
                check.insert("followRedirects".into(), follows.into());
            }
        }
        if let Some(passive) = balancer.get_mut("passiveHealthCheck") {
            prune(passive);
        }
    }
    for value in shown.values_mut() {
        redact_servers(value);
    }
    with_status(&mut shown, service);
    if let Some(balancer) = &service.value.load_balancer {
        let servers: Map<String, Value> = servers_up(balancer)
            .map(|(url, up)| (url, if up { "UP" } else { "DOWN" }.into()))
            .collect();
        if !servers.is_empty() {
            shown.insert("serverStatus".into(), servers.into());
        }
        if let Some(swarm) = balancer.swarm {
            let swarm = json!({ "vip": swarm.vip, "runningTasks": swarm.running_tasks });
            shown.insert("swarm".into(), swarm);
        }
    }
    shown
}

/// The servers' URLs, and whether each is up. Without active health checks all are; a Swarm service
/// without a running task has none that is.
pub(in crate::internal) fn servers_up(
    balancer: &LoadBalancer,
) -> impl Iterator<Item = (String, bool)> {
    let up = balancer.swarm.is_none_or(|swarm| swarm.running_tasks > 0);
    balancer.servers.iter().map(move |server| (secret::url(&server.url), up))
}

fn redact_servers(value: &mut Value) {
    if let Some(Value::Array(servers)) = value.get_mut("servers") {
        servers.iter_mut().for_each(redact);
    }
}

fn full_service(name: &QName, service: &Checked<Service>) -> Value {
    let mut shown = show_service(service);
    // Traefik tells the servers' states in rawdata, too, but the type only here.
    if let Some(kind) = service_type(&service.value) {
        shown.insert("type".into(), kind.into());
    }
    named(name, shown, None)
}

fn middleware_type(middleware: &Middleware) -> String {
    middleware.kinds().first().map(|kind| kind.to_ascii_lowercase()).unwrap_or_default()
}

fn show_middleware(middleware: &Checked<Middleware>) -> Map<String, Value> {
    let mut shown = object(&middleware.value);
    for (kind, options) in &mut shown {
        redact(options);
        // What is left of these was written: Go has pointers there, and shows their zeros.
        if !matches!(&**kind, "contentType" | "forwardAuth" | "headers" | "retry" | "stripPrefix") {
            prune_here(options);
        }
    }
    with_status(&mut shown, middleware);
    shown
}

fn full_middleware(name: &QName, middleware: &Checked<Middleware>) -> Value {
    let mut shown = show_middleware(middleware);
    let kind = middleware_type(&middleware.value);
    if !kind.is_empty() {
        shown.insert("type".into(), kind.into());
    }
    named(name, shown, None)
}
