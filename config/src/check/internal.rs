//! The proxy's own routers, services and middlewares (reference: HTTP routing §14, §16).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::Origin;
use crate::install::{Address, Install, RedirectEntryPoint};
use crate::name::normalize;
use crate::routing::{
    Configuration, Middleware, RedirectRegex, RedirectScheme, Router, Service, StripPrefix, Written,
};

/// Where HTTP-01 challenges are answered.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Its plain name is reserved: no model of an entry point touches it, or a certificate could not
/// be got where the entry point has `tls` or a middleware that refuses.
pub(super) const ACME: &str = "acme-http";

/// The configuration of the provider `internal`.
pub(super) fn configuration(install: &Install) -> Configuration {
    let mut made = Configuration::default();
    challenges(install, &mut made);
    redirections(install, &mut made);
    let mut router =
        |name: &str, entry_point: &str, prefix: &str, priority, middlewares: &[&str]| {
            made.routers.insert(
                name.into(),
                written(Router {
                    entry_points: vec![entry_point.into()],
                    rule: Some(format!("PathPrefix(`{prefix}`)")),
                    priority: Some(priority),
                    middlewares: middlewares.iter().map(|name| (*name).to_owned()).collect(),
                    ..generated(format!("{name}@internal"))
                }),
            );
        };
    if let Some(ping) = install.ping.as_ref().filter(|ping| !ping.manual_routing) {
        router("ping", &ping.entry_point, "/ping", i64::MAX, &[]);
    }
    if let Some(prometheus) = install.prometheus().filter(|it| !it.manual_routing) {
        router("prometheus", &prometheus.entry_point, "/metrics", i64::MAX, &[]);
    }
    if install.providers.rest.as_ref().is_some_and(|rest| rest.insecure) {
        router("rest", "traefik", "/api/providers", i64::MAX, &[]);
    }
    if let Some(api) = install.api.as_ref().filter(|api| api.insecure) {
        let entry_point = install.v1.api_entry_point.as_deref().unwrap_or("traefik");
        router("api", entry_point, "/api", i64::MAX - 1, &[]);
        if api.dashboard {
            let middlewares = ["dashboard_redirect@internal", "dashboard_stripprefix@internal"];
            router("dashboard", entry_point, "/", i64::MAX - 2, &middlewares);
            dashboard_middlewares(&mut made);
        }
    }
    for name in services(install).into_iter().filter_map(|(name, on)| on.then_some(name)) {
        made.services.insert(name.into(), written(Service::default()));
    }
    of_v1(install, &mut made);
    made
}

/// What hung on entry points in v1.
fn of_v1(install: &Install, made: &mut Configuration) {
    let of_v1 = &install.v1.routing;
    made.routers.extend(of_v1.routers.clone());
    made.middlewares.extend(of_v1.middlewares.clone());
    made.certificates.extend(of_v1.certificates.iter().cloned());
    made.tls_options.extend(of_v1.tls_options.clone());
    made.tls_stores.extend(of_v1.tls_stores.clone());
}

/// The internal services by name, and whether what they need is switched on.
pub(super) fn services(install: &Install) -> [(&'static str, bool); 7] {
    let api = install.api.as_ref();
    [
        ("acme-http", challenge_entry_points(install).next().is_some()),
        ("api", api.is_some()),
        ("dashboard", api.is_some_and(|api| api.dashboard)),
        ("noop", true),
        ("ping", install.ping.is_some()),
        ("prometheus", install.prometheus().is_some()),
        ("rest", install.providers.rest.is_some()),
    ]
}

fn written<T>(value: T) -> Written<T> {
    Written { value: Arc::new(value), origin: Origin::Internal }
}

fn generated(service: String) -> Router {
    Router { service: Some(service), rule_syntax: Some("default".into()), ..Router::default() }
}

fn challenge_entry_points(install: &Install) -> impl Iterator<Item = &str> {
    install
        .certificates_resolvers
        .values()
        .filter_map(|resolver| resolver.acme.as_ref()?.http_challenge.as_ref())
        .filter_map(|challenge| challenge.entry_point.as_deref())
        .filter(|name| !name.is_empty())
}

fn challenges(install: &Install, made: &mut Configuration) {
    let names: BTreeSet<&str> = challenge_entry_points(install).collect();
    let bypassed =
        |name: &&str| install.entry_points.get(*name).is_some_and(|point| point.allow_acme_bypass);
    let (bypass, plain): (Vec<&str>, Vec<&str>) = names.into_iter().partition(bypassed);
    for (name, entry_points, priority) in
        [(ACME, plain, Some(i64::MAX)), ("acme-http-bypass", bypass, None)]
    {
        if entry_points.is_empty() {
            continue;
        }
        let router = Router {
            entry_points: entry_points.into_iter().map(str::to_owned).collect(),
            rule: Some(format!("PathPrefix(`{CHALLENGES}`)")),
            priority,
            ..generated("acme-http@internal".into())
        };
        made.routers.insert(name.into(), written(router));
    }
}

fn redirections(install: &Install, made: &mut Configuration) {
    for (name, point) in &install.entry_points {
        let Some(to) = point.http.redirections.as_ref().and_then(|r| r.entry_point.as_ref()) else {
            continue;
        };
        // An unknown target was reported when the install configuration was read; the routers
        // work, nothing is redirected.
        let Some(port) = port(install, to) else { continue };
        let router_name = normalize(&format!("{name}-to-{}", to.to));
        let middleware_name = format!("redirect-{router_name}");
        let mut rule = "HostRegexp(`^.+$`)".to_owned();
        if point.allow_acme_bypass {
            rule.push_str(&format!(" && !PathPrefix(`{CHALLENGES}`)"));
        }
        let router = Router {
            entry_points: vec![name.clone()],
            rule: Some(rule),
            priority: Some(to.priority),
            middlewares: vec![middleware_name.clone()],
            ..generated("noop@internal".into())
        };
        let middleware = Middleware {
            redirect_scheme: Some(RedirectScheme {
                scheme: to.scheme.clone(),
                port: Some(port),
                permanent: to.permanent,
            }),
            ..Middleware::default()
        };
        made.routers.insert(router_name, written(router));
        made.middlewares.insert(middleware_name, written(middleware));
    }
}

/// The port to print: that of the named entry point's address, or the digits behind the colon.
fn port(install: &Install, to: &RedirectEntryPoint) -> Option<String> {
    if let Some(digits) = to.to.strip_prefix(':') {
        return digits.parse::<u16>().ok().map(|port| port.to_string());
    }
    let target = install.entry_points.get(&to.to)?;
    Address::parse(&target.address).ok().map(|address| address.port.to_string())
}

/// `/` leads to `/dashboard/`; the dashboard itself sees stripped paths.
fn dashboard_middlewares(made: &mut Configuration) {
    let redirect = RedirectRegex {
        regex: r"^(https?://(?:\[[0-9A-Za-z:.]+\]|[0-9A-Za-z._-]+)(?::[0-9]+)?)/$".into(),
        replacement: "${1}/dashboard/".into(),
        permanent: true,
    };
    let strip = StripPrefix {
        prefixes: vec!["/dashboard/".into(), "/dashboard".into()],
        ..StripPrefix::default()
    };
    let middlewares: BTreeMap<&str, Middleware> = [
        (
            "dashboard_redirect",
            Middleware { redirect_regex: Some(redirect), ..Middleware::default() },
        ),
        (
            "dashboard_stripprefix",
            Middleware { strip_prefix: Some(strip), ..Middleware::default() },
        ),
    ]
    .into();
    for (name, middleware) in middlewares {
        made.middlewares.insert(name.into(), written(middleware));
    }
}
