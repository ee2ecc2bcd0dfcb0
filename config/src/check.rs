//! As written -> checked: links resolved, entry points' models applied, findings per object.
//!
//! Traefik's rule holds: what is wrong with a router, or with anything it needs, takes this router
//! out and no other (reference: HTTP routing §8-§16). What is not served yet is never silently
//! left out where it protects: the router is disabled instead.

mod copies;
mod entry_points;
mod internal;
mod layers;
mod middlewares;
mod providers;
mod routers;
mod services;
#[cfg(test)]
mod tests;
mod tls;
mod trouble;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use self::entry_points::EntryPoints;
use self::layers::Layers;
use self::middlewares::Middlewares;
use self::routers::{Links, Mounted, Parsed};
use self::services::Services;
use self::tls::Tls;
use crate::breath::breathe;
use crate::checked;
use crate::finding::{Finding, Findings, ObjectKind, Severity};
use crate::install::{Install, PRECEDENCE};
use crate::name::QName;
use crate::routing::{self, Map, Written};
use crate::rule::go_regex::Allowance;

/// The latest configuration of each provider, by provider name.
pub type Merged = BTreeMap<Arc<str>, Arc<routing::Configuration>>;

/// Checks the merged configuration against the install configuration.
///
/// Never fails: what is broken is disabled and explained, everything else serves.
pub fn check(install: &Install, merged: &Merged) -> checked::Configuration {
    let internal = internal::configuration(install);
    let internal_name: Arc<str> = Arc::from("internal");
    let providers: Vec<(&Arc<str>, &routing::Configuration)> = merged
        .iter()
        .map(|(provider, configuration)| (provider, &**configuration))
        .chain([(&internal_name, &internal)])
        .collect();
    // However much is wrong: bounded. The objects keep their own errors.
    let mut findings = Findings::default();
    for (_, configuration) in &providers {
        findings.extend(configuration.findings.iter().cloned());
    }

    let servers_transports = all(&providers, |configuration| &configuration.servers_transports)
        .map(|(name, written)| (name, (*written.value).clone()))
        .collect();
    let tls_options = all(&providers, |configuration| &configuration.tls_options);
    let regexes = RefCell::new(Allowance::default());
    let written = all(&providers, |configuration| &configuration.middlewares);
    let mut links = Links {
        install,
        entry_points: Arc::new(EntryPoints::new(install)),
        middlewares: Middlewares::new(written, &regexes),
        regexes: &regexes,
        services: Services::new(install, all(&providers, |configuration| &configuration.services)),
        transports: &servers_transports,
        tls: Tls::new(install, tls_options, &mut findings),
        layers: Layers::new(&providers),
        pages: BTreeMap::new(),
    };
    let mut mounted = Mounted { findings, ..Mounted::default() };
    // Growing moves all of them, at once.
    mounted.routers.reserve(providers.iter().map(|(_, written)| written.routers.len()).sum());
    for (name, written) in links.layers.bottom_up() {
        let place = links.layers.place(&name, &written.value, &providers, &links.entry_points);
        mounted.add_child(name, written, place, &mut links);
    }
    let mut parsed: Vec<Parsed<'_>> = Vec::with_capacity(mounted.routers.capacity());
    for (name, written) in all(&providers, |configuration| &configuration.routers) {
        if written.value.parent_refs.is_empty() {
            parsed.push(mounted.parse(name, written, &links));
        }
    }
    let entry_points = Arc::clone(&links.entry_points);
    links.tls.share_names(&parsed, &entry_points);
    for router in parsed {
        mounted.add(&router, &mut links);
    }
    let Links { middlewares, services, tls, pages, .. } = links;
    let Mounted { routers, routes, mut findings, .. } = mounted;
    // Collected at once, a map's nodes are full.
    let routers = routers.into_iter().inspect(|_| breathe()).collect();
    let services = services.finish(&mut findings);
    let middlewares = middlewares.finish(&mut findings);
    let default_store = default_store(&providers, &mut findings);
    let (tls_options, handshakes, wanted) = tls.finish();
    let certificates =
        providers.iter().flat_map(|(_, written)| written.certificates.iter().cloned()).collect();

    checked::Configuration {
        routers,
        services,
        middlewares,
        servers_transports,
        routes: in_precedence(install, routes),
        pages,
        certificates,
        tls_options,
        handshakes,
        default_store,
        wanted,
        findings: findings.finish(),
        providers: providers::providers(install, merged),
        regexes: regexes.into_inner().finish(),
        skipped: merged.values().map(|written| written.skipped.clone()).collect(),
    }
}

/// All objects of one kind under their qualified names.
fn all<'a, T: 'a>(
    providers: &[(&'a Arc<str>, &'a routing::Configuration)],
    kind: impl Fn(&'a routing::Configuration) -> &'a Map<T>,
) -> impl Iterator<Item = (QName, &'a Written<T>)> {
    let kinds: Vec<(&Arc<str>, &Map<T>)> =
        providers.iter().map(|(provider, written)| (*provider, kind(written))).collect();
    kinds.into_iter().flat_map(|(provider, objects)| {
        objects.iter().map(move |(name, written)| {
            breathe();
            (QName::new(name, provider), written)
        })
    })
}

/// The store `default`; several providers that define it cancel each other, as in Traefik.
fn default_store(
    providers: &[(&Arc<str>, &routing::Configuration)],
    findings: &mut Findings,
) -> Option<routing::TlsStore> {
    let mut stores = providers.iter().filter_map(|(_, written)| written.tls_stores.get("default"));
    let first = stores.next()?;
    if stores.next().is_some() {
        findings.push(
            Finding::new(
                Severity::Error,
                first.origin.clone(),
                "the TLS store default is defined by several providers: none of them counts",
            )
            .on(ObjectKind::TlsStore, "default")
            .expected("one definition"),
        );
        return None;
    }
    Some((*first.value).clone())
}

/// Best first: priority, then the provider's precedence, then the name.
fn in_precedence(
    install: &Install,
    routes: HashMap<String, Vec<checked::Route>>,
) -> BTreeMap<String, Vec<checked::Route>> {
    let sorted = routes.into_iter().map(|(entry_point, mut routes)| {
        sort(install, &mut routes, |route| route);
        (entry_point, routes)
    });
    sorted.collect()
}

/// The same for routes that others share.
fn sort<R>(install: &Install, routes: &mut [R], route: impl Fn(&R) -> &checked::Route) {
    let written = &install.providers.precedence;
    let rank = |provider: &str| {
        let place = if written.is_empty() {
            PRECEDENCE.iter().position(|known| *known == provider)
        } else {
            written.iter().position(|known| known.eq_ignore_ascii_case(provider))
        };
        place.unwrap_or(usize::MAX)
    };
    let mut ranks: Vec<(String, usize)> = Vec::new();
    for it in &*routes {
        breathe();
        let provider = route(it).router.provider();
        if !ranks.iter().any(|(known, _)| known == provider) {
            ranks.push((provider.to_owned(), rank(provider)));
        }
    }
    let rank = |route: &checked::Route| {
        let provider = route.router.provider();
        ranks.iter().find(|(known, _)| known == provider).map(|(_, rank)| *rank)
    };
    routes.sort_by(|a, b| {
        breathe();
        let (a, b) = (route(a), route(b));
        b.priority
            .cmp(&a.priority)
            .then_with(|| rank(a).cmp(&rank(b)))
            .then_with(|| a.router.cmp(&b.router))
    });
}
