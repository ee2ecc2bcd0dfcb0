//! The engine's socket, which the provider needs, is not mounted.

use super::Context;
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let Some((_, proxy)) = world.proxy().filter(|_| world.known) else { return };
    for (name, settings, _) in world.providers() {
        let Some(path) = path(&settings.endpoint) else { continue };
        if proxy.environment.iter().any(|label| label.key == "DOCKER_HOST") {
            continue;
        }
        let mounted = proxy.mounts.iter().any(|mount| covers(&mount.target, path));
        if mounted {
            continue;
        }
        let message = format!(
            "the {name} provider asks the engine at {path}, which is not mounted into service {:?}",
            proxy.key
        );
        notes.push(
            Note::error("socket-not-mounted", Some(proxy.at), message)
                .expected(format!("- {path}:{path} below volumes:")),
        );
    }
}

/// The path of a unix endpoint.
pub fn path(endpoint: &str) -> Option<&str> {
    let endpoint = if endpoint.is_empty() { "unix:///var/run/docker.sock" } else { endpoint };
    endpoint.strip_prefix("unix://").filter(|path| !path.is_empty())
}

/// Whether a mount brings a path; `/run` and `/var/run` are one folder in most images.
pub fn covers(target: &str, path: &str) -> bool {
    let plain = |path: &str| path.trim_end_matches('/').replacen("/var/run", "/run", 1);
    let (target, path) = (plain(target), plain(path));
    path == target || path.strip_prefix(&target).is_some_and(|rest| rest.starts_with('/'))
}
