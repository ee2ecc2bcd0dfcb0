//! A stack that makes a network of its own where it means the one that the proxy is on.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::world::has_labels;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let (Some(own), Some((proxy_stack, proxy))) = (world.own_networks(), world.proxy()) else {
        return;
    };
    for stack in world.stacks.iter().filter(|stack| stack.file != proxy_stack.file) {
        for service in &stack.services {
            if !has_labels(service.read_labels(stack.engine)) {
                continue;
            }
            let names = stack.networks_of(service).unwrap_or_default();
            if names.iter().any(|name| own.contains(name)) {
                continue;
            }
            // The same key there and here, and neither says external or name.
            let shared = service.networks.iter().find(|(key, _)| {
                let here = stack.networks.get(key);
                let made = here.is_some_and(|n| !n.external && n.name.is_none());
                made && (proxy.networks.iter().any(|(other, _)| other == key) || own.contains(key))
            });
            let Some((key, at)) = shared else { continue };
            let at = stack.networks.get(key).map_or(*at, |network| network.at);
            let theirs = proxy_stack.network_name(key);
            let message = format!(
                "the network {key:?} is made anew for this stack, as {:?}: the proxy is on {theirs:?}",
                stack.network_name(key)
            );
            // It says all that there is to say about this service's networks.
            notes.retain(|note| {
                let same = note.at == Some(service.at);
                !(same && matches!(note.id, "network-not-attached" | "network-prefix"))
            });
            notes.push(
                Note::error("network-not-external", Some(at), message)
                    .needle(key)
                    .expected(format!("{key}: {{external: true, name: {theirs}}}")),
            );
        }
    }
}
