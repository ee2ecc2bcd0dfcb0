//! A service behind the proxy that is also published: whoever knows the port goes past the proxy.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::proxy::is_proxy;
use crate::commands::check::stack::Engine;
use crate::commands::check::world::is_traefik;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        for service in stack.services.iter().filter(|service| !is_proxy(service)) {
            // Where no overlay network leads to it, the proxy goes that way, too.
            let on_nodes = stack.networks_of(service).is_none_or(|networks| {
                networks.iter().all(|name| matches!(name.as_str(), "bridge" | "none"))
            });
            if stack.engine == Engine::Swarm && on_nodes {
                continue;
            }
            let labels = service.read_labels(stack.engine);
            let on = labels.iter().any(|label| {
                is_traefik(&label.key) && label.key.to_ascii_lowercase().contains(".http.")
            });
            let ports: Vec<u16> = labels
                .iter()
                .filter(|label| label.key.to_ascii_lowercase().ends_with("server.port"))
                .filter_map(|label| label.value.trim().parse().ok())
                .collect();
            for port in &service.ports {
                if !on || port.local || !ports.contains(&port.target) {
                    continue;
                }
                let outside = port.published.unwrap_or(port.target);
                let message = format!(
                    "port {} of service {:?} is published as {outside}: clients reach it past the \
                     proxy, its middlewares and its TLS",
                    port.target, service.key
                );
                notes.push(
                    Note::warning("published-backend", Some(port.at), message)
                        .expected("no ports: here; the proxy reaches it by the network"),
                );
            }
        }
    }
}
