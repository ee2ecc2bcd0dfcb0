//! A stack whose labels the proxy cannot see, because it has no provider for them.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;
use crate::commands::check::world::has_labels;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    if !world.known {
        return;
    }
    let providers = world.providers();
    for stack in &world.stacks {
        if providers.iter().any(|(_, _, engine)| *engine == stack.engine) {
            continue;
        }
        let Some(service) =
            stack.services.iter().find(|service| has_labels(service.read_labels(stack.engine)))
        else {
            continue;
        };
        let at = world.proxy().map_or(service.at, |(_, proxy)| proxy.at);
        let (words, option) = match stack.engine {
            Engine::Swarm => ("Swarm services", "providers.swarm"),
            Engine::Compose => ("containers", "providers.docker"),
        };
        let message = format!(
            "the install configuration ({}) has no provider for {words}, so the labels of service \
             {:?} are not read",
            world.from, service.key
        );
        notes.push(
            Note::error("no-provider", Some(at), message)
                .expected(format!("{option}, e.g. --{option}=true")),
        );
    }
}
