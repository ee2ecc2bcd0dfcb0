//! The same label twice in a list: the last one wins without a word.

use std::collections::HashMap;

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::world::is_traefik;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        for service in &stack.services {
            let mut seen: HashMap<String, (&str, u32)> = HashMap::new();
            for label in service.read_labels(stack.engine) {
                if !is_traefik(&label.key) {
                    continue;
                }
                let key = label.key.to_lowercase();
                if let Some((value, line)) = seen.get(&key)
                    && *value != label.value
                {
                    let message = format!(
                        "this label stands in line {line} already, with another value: the last one counts"
                    );
                    notes.push(
                        Note::warning("duplicate-label", Some(label.at), message)
                            .needle(&label.key)
                            .expected("one of them"),
                    );
                }
                seen.insert(key, (&label.value, label.at.line));
            }
        }
    }
}
