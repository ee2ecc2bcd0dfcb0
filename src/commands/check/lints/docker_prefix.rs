//! `traefik.docker.*` on a Swarm service: works, and Traefik v3 warns about it on every poll.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let today = world
        .providers()
        .iter()
        .any(|(name, _, engine)| *name == "swarm" && *engine == Engine::Swarm);
    if !world.known || !today {
        return;
    }
    for stack in world.stacks.iter().filter(|stack| stack.engine == Engine::Swarm) {
        for label in stack.services.iter().flat_map(|service| &service.deploy_labels) {
            let Some(rest) = label.key.strip_prefix("traefik.docker.") else { continue };
            let message = "the prefix traefik.docker is the old one for Swarm services";
            notes.push(
                Note::info("docker-prefix", Some(label.at), message)
                    .needle(&label.key)
                    .expected(format!("traefik.swarm.{rest}={}", label.value)),
            );
        }
    }
}
