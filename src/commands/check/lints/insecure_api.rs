//! The open API, published.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let Some((stack, proxy)) = world.proxy().filter(|_| world.known) else { return };
    if !world.install.api.as_ref().is_some_and(|api| api.insecure) {
        return;
    }
    let Some(port) = proxy.ports.iter().find(|port| port.target == 8080 && !port.local) else {
        return;
    };
    let message = "api.insecure shows the API and dashboard to everybody who reaches port 8080";
    let note = match stack.engine {
        // Whoever develops wants just that.
        Engine::Compose => Note::info("insecure-api", Some(port.at), message),
        Engine::Swarm => Note::warning("insecure-api", Some(port.at), message),
    };
    notes.push(
        note.expected("no published port 8080, or a router to api@internal with authentication"),
    );
}
