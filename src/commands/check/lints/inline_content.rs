//! `content:` of a config, which compose knows and `docker stack deploy` refuses.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;
use crate::commands::check::yaml::Node;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in context.world.stacks.iter().filter(|stack| stack.engine == Engine::Swarm) {
        for section in ["configs", "secrets"] {
            for entry in stack.root.get(section).map(Node::pairs).unwrap_or_default() {
                let Some(content) = entry.node.pair("content") else { continue };
                let message = format!(
                    "docker stack deploy refuses content: of {section} (seen with Docker 28.2)"
                );
                notes.push(
                    Note::warning("compose-only", Some(content.at), message)
                        .needle("content")
                        .expected("file: and a file beside the stack"),
                );
            }
        }
    }
}
