//! Labels outside of `deploy` belong to containers, where the Swarm provider does not look; in a
//! compose project it is the other way round.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::{Engine, Stack};
use crate::commands::check::world::{has_labels, is_traefik};

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        let mut told = false;
        for service in &stack.services {
            let (others, here) = match stack.engine {
                Engine::Swarm => (&service.labels, &service.deploy_labels),
                Engine::Compose => (&service.deploy_labels, &service.labels),
            };
            let Some(first) = others.iter().find(|label| is_traefik(&label.key)) else { continue };
            let (id, message, expected) = words(context, stack);
            let mut expected = expected.to_owned();
            if !stack.sure {
                expected.push_str(doubt(stack));
            }
            // The other engine may be meant, or both.
            let harmless = !stack.sure || has_labels(here) || read_both(context, stack);
            let note = match harmless {
                true => Note::warning(id, Some(first.at), message),
                false => Note::error(id, Some(first.at), message),
            };
            notes.push(note.needle(&first.key).expected(expected));
            told = true;
        }
        guessed(stack, told, notes);
    }
}

/// Whether the proxy also has the provider that reads the containers of a Swarm's services.
fn read_both(context: &Context<'_>, stack: &Stack) -> bool {
    let of_containers =
        context.world.providers().iter().any(|(_, _, engine)| *engine == Engine::Compose);
    context.world.known && stack.engine == Engine::Swarm && of_containers
}

fn words(context: &Context<'_>, stack: &Stack) -> (&'static str, &'static str, &'static str) {
    match stack.engine {
        Engine::Swarm if read_both(context, stack) => (
            "labels-outside-deploy",
            "labels outside of deploy belong to the containers: not the Swarm provider reads them, \
             but the docker provider, on the proxy's own node only",
            "the labels below deploy:",
        ),
        Engine::Swarm => (
            "labels-outside-deploy",
            "labels outside of deploy belong to the containers: the Swarm provider does not read \
             them",
            "the labels below deploy:",
        ),
        Engine::Compose => (
            "labels-inside-deploy",
            "labels below deploy are for Swarm services: compose gives them to no container",
            "the labels below labels: of the service itself",
        ),
    }
}

/// How to say that it is the other engine.
fn doubt(stack: &Stack) -> &'static str {
    match stack.engine {
        Engine::Swarm => "; or --compose, if `docker compose` runs the file",
        Engine::Compose => "; or --swarm, if `docker stack deploy` runs the file",
    }
}

/// The engine matters and hardly anything tells it: that is worth a note.
fn guessed(stack: &Stack, told: bool, notes: &mut Vec<Note>) {
    let first = stack.services.iter().find(|service| has_labels(service.read_labels(stack.engine)));
    let Some(first) = first.filter(|_| !stack.sure && !told) else { return };
    let (message, expected) = match stack.engine {
        Engine::Swarm => (
            "taken as a stack for a Swarm, which the file does not say clearly",
            "--compose, if `docker compose` runs the file",
        ),
        Engine::Compose => (
            "taken as a compose project, which the file does not say clearly",
            "--swarm, if `docker stack deploy` runs the file: then labels belong below deploy:",
        ),
    };
    notes.push(Note::info("engine-guessed", Some(first.at), message).expected(expected));
}
