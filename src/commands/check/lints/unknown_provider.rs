//! `auth@docker` where the proxy has no provider of that name: what v2's swarm mode called
//! `docker` is `swarm` in v3.

use super::Context;
use crate::commands::check::closest;
use crate::commands::check::note::Note;

/// Adds it to the notes about what does not exist.
pub fn explain(context: &Context<'_>, notes: &mut [Note]) {
    let world = context.world;
    let Some(providers) = world.provider_names() else { return };
    let checked = &world.checked;
    for note in notes {
        let middleware = note.id == "unknown-middleware";
        if !middleware && note.id != "unknown-service" {
            continue;
        }
        let Some(name) = note.message.split('"').nth(1) else { continue };
        let Some((bare, provider)) = name.rsplit_once('@') else { continue };
        if providers.contains(&provider) || note.message.contains("has no provider") {
            continue;
        }
        let has = |other: &&str| {
            let name = swarmgate_config::name::QName::new(bare, other);
            match middleware {
                true => checked.middlewares.contains_key(&name),
                false => checked.services.contains_key(&name),
            }
        };
        let meant = providers.iter().find(|other| has(other)).copied();
        let meant = meant.or_else(|| closest(provider, &providers));
        // What v2's swarm mode was called.
        let of_v2 = || providers.iter().find(|name| provider == "docker" && **name == "swarm");
        let meant = meant.or_else(|| of_v2().copied());
        let message = format!("{}: the proxy has no provider {provider:?}", note.message);
        note.expected = Some(match meant.filter(|_| !bare.is_empty()) {
            Some(meant) => format!("{bare}@{meant}"),
            None => {
                let own: Vec<&str> =
                    providers.iter().copied().filter(|name| *name != "internal").collect();
                format!("a provider of the proxy: {}", own.join(", "))
            }
        });
        note.message = message;
    }
}
