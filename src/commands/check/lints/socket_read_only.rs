//! `:ro` on the engine's socket protects the file, not the engine.

use super::{Context, socket};
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for service in context.world.stacks.iter().flat_map(|stack| &stack.services) {
        let socket = service
            .mounts
            .iter()
            .find(|mount| mount.read_only && socket::covers(&mount.target, "/var/run/docker.sock"));
        let Some(mount) = socket else { continue };
        let message = "read-only keeps the socket's file from being replaced, not the engine from \
                       being commanded: whoever is in the container can still start containers";
        notes.push(
            Note::info("socket-read-only", Some(mount.at), message)
                .needle(":ro")
                .expected("a socket proxy that lets only GET pass, where that matters"),
        );
    }
}
