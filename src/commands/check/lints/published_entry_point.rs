//! Entry points whose port the proxy's service does not publish.

use std::collections::{BTreeMap, BTreeSet};

use swarmgate_config::install::Address;

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::world::World;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let Some((stack, proxy)) = world.proxy().filter(|_| world.known) else { return };
    if stack.networks_of(proxy).is_none() {
        return;
    }
    let used: BTreeSet<&String> = world
        .checked
        .routers
        .iter()
        .filter(|(name, router)| {
            // What the proxy says of itself is often meant for nobody outside.
            let service = router.value.service.as_deref().unwrap_or_default();
            !name.is_internal() && !service.ends_with("@internal")
        })
        .flat_map(|(_, router)| &router.using)
        .collect();
    for (name, point) in world.install.entry_points_or_default() {
        let Ok(address) = Address::parse(&point.address) else { continue };
        let published = proxy.ports.iter().any(|port| port.target == address.port);
        if published || !used.contains(&name) || address.port == 0 || name == "traefik" {
            continue;
        }
        let at = proxy.node.pair("ports").map_or(proxy.at, |pair| pair.at);
        let message = format!(
            "entry point {name:?} listens on port {}, which service {:?} does not publish",
            address.port, proxy.key
        );
        let expected =
            format!("- {{target: {0}, published: {0}, mode: host}} below ports:", address.port);
        notes.push(Note::warning("not-published", Some(at), message).expected(expected));
    }
}

/// Two proxies that publish one port.
pub fn across(worlds: &[World], notes: &mut Vec<Note>) {
    let mut seen: BTreeMap<(u16, bool), String> = BTreeMap::new();
    for world in worlds {
        let Some((stack, proxy)) = world.proxy() else { continue };
        let swarm = stack.engine == crate::commands::check::stack::Engine::Swarm;
        for port in &proxy.ports {
            let Some(published) = port.published else { continue };
            let name = stack.own_name(proxy);
            match seen.get(&(published, swarm)) {
                Some(other) if *other != name => {
                    let message = format!("port {published} is published by {other:?} already");
                    notes.push(
                        Note::warning("port-taken", Some(port.at), message)
                            .expected("one proxy, or other ports"),
                    );
                }
                _ => {
                    seen.insert((published, swarm), name);
                }
            }
        }
    }
}
