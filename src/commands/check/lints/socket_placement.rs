//! Only a manager's engine knows the Swarm's services.

use super::{Context, socket};
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let Some((stack, proxy)) = world.proxy().filter(|_| world.known) else { return };
    let asks_here = world.providers().iter().any(|(_, settings, engine)| {
        *engine == Engine::Swarm && socket::path(&settings.endpoint).is_some()
    });
    if !asks_here || stack.engine != Engine::Swarm {
        return;
    }
    let manager = proxy.placement.iter().any(|condition| {
        let condition: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
        condition == "node.role==manager" || condition == "node.role!=worker"
            // Whoever places by hand knows the node.
            || ["node.hostname==", "node.id==", "node.labels."].iter().any(|s| condition.starts_with(s))
    });
    if manager || proxy.environment.iter().any(|label| label.key == "DOCKER_HOST") {
        return;
    }
    let message = format!(
        "service {:?} reads the Swarm from its own node's engine, and may be placed on a worker, \
         which knows no services",
        proxy.key
    );
    notes.push(
        Note::warning("socket-placement", Some(proxy.at), message)
            .expected("deploy.placement.constraints: [node.role == manager]"),
    );
}
