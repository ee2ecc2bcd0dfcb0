//! A router on the entry point for HTTPS that has no TLS: it only answers plain HTTP there.

use std::collections::BTreeSet;

use swarmgate_config::install::Address;

use super::Context;
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    if !world.known {
        return;
    }
    let entry_points = world.install.entry_points_or_default();
    let secure: BTreeSet<&str> = entry_points
        .iter()
        .filter(|(name, point)| {
            let port = Address::parse(&point.address).map_or(0, |address| address.port);
            let named = matches!(name.to_ascii_lowercase().as_str(), "websecure" | "https");
            port == 443 || port == 8443 || named
        })
        .map(|(name, _)| name.as_str())
        .collect();
    // Those that also serve TLS are told by the proxy itself: something redirects to them.
    let with_tls: BTreeSet<(&str, String)> = world
        .checked
        .routes
        .iter()
        .flat_map(|(entry_point, routes)| {
            routes
                .iter()
                .filter(|route| route.tls.is_some())
                .map(|route| (entry_point.as_str(), route.router.to_string()))
        })
        .collect();
    for (name, router) in &world.checked.routers {
        if name.is_internal() || router.value.tls.is_some() {
            continue;
        }
        let Some(on) = router.using.iter().find(|on| secure.contains(on.as_str())) else {
            continue;
        };
        if with_tls.contains(&(on.as_str(), name.to_string())) {
            continue;
        }
        let written = router.using.len() == 1;
        let (at, needle) = context.option(&router.origin, "entrypoints");
        let message = format!(
            "router {:?} is on entry point {on:?} and has no tls: clients that speak TLS get 404",
            name.name()
        );
        let resolver = world.install.certificates_resolvers.keys().next();
        let (option, value) = match resolver {
            Some(resolver) => ("tls.certresolver", resolver.as_str()),
            None => ("tls", "true"),
        };
        let mut note = if written {
            Note::warning("https-without-tls", at, message)
        } else {
            Note::info("https-without-tls", at, message)
        };
        note.needle = needle;
        notes.push(note.expected(format!("traefik.http.routers.{}.{option}={value}", name.name())));
    }
}
