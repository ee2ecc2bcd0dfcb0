//! A service with routes that the provider's constraints leave out.

use swarmgate_discovery::offline::Left;

use super::Context;
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    for (provider, name, why) in &world.left {
        let Some((stack, service)) = world.service(name).filter(|_| *why == Left::Constraints)
        else {
            continue;
        };
        let labels = service.read_labels(stack.engine);
        let routed = labels.iter().find(|label| {
            let key = label.key.to_ascii_lowercase();
            key.starts_with("traefik.http.") || (key == "traefik.enable" && label.value == "true")
        });
        let Some(routed) = routed else { continue };
        let given = world.providers();
        let constraints = given
            .iter()
            .find(|(known, ..)| known == provider)
            .and_then(|(_, settings, _)| settings.constraints.clone())
            .unwrap_or_default();
        let message = format!(
            "the provider's constraints leave service {:?} out: {constraints}",
            service.key
        );
        notes.push(
            Note::warning("constraints", Some(routed.at), message)
                .needle(&routed.key)
                .expected("labels that match the constraints"),
        );
    }
}
