//! Booleans and numbers where `docker stack deploy` wants texts: it refuses the file.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::Engine;
use crate::commands::check::yaml::{Node, Value};

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in context.world.stacks.iter().filter(|stack| stack.engine == Engine::Swarm) {
        for service in &stack.services {
            for path in [&["labels"][..], &["deploy", "labels"], &["environment"]] {
                let pairs = service.node.path(path).map(Node::pairs).unwrap_or_default();
                for pair in pairs {
                    if let Value::Bool(value) = pair.node.value {
                        let message = format!(
                            "{:?} is a boolean here, not a text: docker stack deploy refuses the \
                             file",
                            pair.key
                        );
                        notes.push(
                            Note::error("unquoted", Some(pair.at), message)
                                .needle(&pair.key)
                                .expected(format!("{}: \"{value}\"", pair.key)),
                        );
                    }
                }
            }
            for key in ["command", "entrypoint"] {
                for word in service.node.get(key).map(Node::elements).unwrap_or_default() {
                    if let Value::Bool(_) | Value::Number(_) = word.value {
                        let text = word.text().unwrap_or_default();
                        let message = format!(
                            "the word {text} of {key} is no text: docker stack deploy refuses the \
                             file"
                        );
                        notes.push(
                            Note::error("unquoted", Some(word.at), message)
                                .expected(format!("\"{text}\"")),
                        );
                    }
                }
            }
        }
    }
}
