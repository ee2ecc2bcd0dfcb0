//! The entry points as routers see them: which are the default ones, what each adds to its
//! routers, and to which ones plain requests are redirected.

use std::collections::BTreeMap;

use crate::install::{Address, EntryPoint, Install, Protocol};
use crate::routing::{Observability, RouterTls};

/// All TCP entry points.
pub(super) struct EntryPoints {
    points: BTreeMap<String, Point>,
    /// Those of a router that names none.
    pub(super) default: Vec<String>,
}

/// One entry point.
pub(super) struct Point {
    /// What a router on it gets in addition (Traefik's model); `None`: nothing.
    pub(super) model: Option<Model>,
    /// The entry point whose plain requests are redirected here with scheme `https`.
    pub(super) redirected_from: Option<String>,
}

/// What an entry point adds to its routers.
pub(super) struct Model {
    pub(super) middlewares: Vec<String>,
    pub(super) tls: Option<RouterTls>,
    pub(super) observability: Option<Observability>,
    pub(super) rule_syntax: Option<String>,
}

impl EntryPoints {
    pub(super) fn new(install: &Install) -> Self {
        let all = install.entry_points_or_default();
        let default_syntax = install.default_rule_syntax();
        let points = all
            .iter()
            .filter(|(_, point)| is_tcp(point))
            .map(|(name, point)| {
                let http = &point.http;
                let modelled = !http.middlewares.is_empty()
                    || http.tls.is_some()
                    || http.encoded_characters.is_some()
                    || point.observability.is_some()
                    || default_syntax.is_some();
                let model = modelled.then(|| Model {
                    middlewares: http.middlewares.clone(),
                    tls: http.tls.clone(),
                    observability: point.observability.clone(),
                    rule_syntax: default_syntax.map(str::to_owned),
                });
                let redirected_from = all
                    .iter()
                    .find(|(_, other)| leads_to(other, name, point))
                    .map(|(other, _)| other.clone());
                (name.clone(), Point { model, redirected_from })
            })
            .collect();
        Self { points, default: install.default_entry_points() }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Point> {
        self.points.get(name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.points.keys().map(String::as_str)
    }
}

fn is_tcp(point: &EntryPoint) -> bool {
    Address::parse(&point.address).is_ok_and(|address| address.protocol == Protocol::Tcp)
}

/// Whether `from` redirects to the entry point `name` over HTTPS.
fn leads_to(from: &EntryPoint, name: &str, point: &EntryPoint) -> bool {
    let Some(to) = from.http.redirections.as_ref().and_then(|r| r.entry_point.as_ref()) else {
        return false;
    };
    if to.scheme != "https" {
        return false;
    }
    match to.to.strip_prefix(':') {
        // The port of the address is what Traefik would print for a name as well.
        Some(port) => Address::parse(&point.address)
            .is_ok_and(|address| address.port != 0 && port.parse() == Ok(address.port)),
        None => to.to == name,
    }
}
