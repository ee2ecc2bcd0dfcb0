//! Labels outside of `deploy` belong to containers, where the Swarm provider does not look; in a
//! compose project it is the other way round.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;
use crate::commands::check::world::is_traefik;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        for service in &stack.services {
            let (others, here, id, message, expected) = match stack.engine {
                Engine::Swarm => (
                    &service.labels,
                    &service.deploy_labels,
                    "labels-outside-deploy",
                    "labels outside of deploy belong to the containers: the Swarm provider does \
                     not read them",
                    "the labels below deploy:",
                ),
                Engine::Compose => (
                    &service.deploy_labels,
                    &service.labels,
                    "labels-inside-deploy",
                    "labels below deploy are for Swarm services: compose gives them to no \
                     container",
                    "the labels below labels: of the service itself",
                ),
            };
            let Some(first) = others.iter().find(|label| is_traefik(&label.key)) else { continue };
            let note = if here.iter().any(|label| is_traefik(&label.key)) {
                Note::warning(id, Some(first.at), message)
            } else {
                Note::error(id, Some(first.at), message)
            };
            notes.push(note.needle(&first.key).expected(expected));
        }
    }
}
