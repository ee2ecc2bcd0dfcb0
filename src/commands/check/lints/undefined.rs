//! Networks, volumes, configs and secrets that a service names and the file does not define.

use super::Context;
use crate::commands::check::closest;
use crate::commands::check::note::Note;
use crate::commands::check::yaml::Node;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        let defined = |section: &str, name: &str| {
            stack.root.get(section).is_some_and(|node| node.pair(name).is_some())
        };
        let note = |section: &str, name: &str, at, service: &str| {
            let known: Vec<&str> = stack
                .root
                .get(section)
                .map(Node::pairs)
                .unwrap_or_default()
                .iter()
                .map(|pair| pair.key.as_str())
                .collect();
            let one = section.trim_end_matches('s');
            let message = format!(
                "service {service:?} names the {one} {name:?}, which the file does not define: the \
                 client refuses the file"
            );
            let expected = match closest(name, &known) {
                Some(known) => known.to_owned(),
                None => format!("{name} below {section}: at the top of the file"),
            };
            Note::error("undefined", Some(at), message).needle(name).expected(expected)
        };
        for service in &stack.services {
            for (name, at) in &service.networks {
                if !matches!(name.as_str(), "" | "default") && !defined("networks", name) {
                    notes.push(note("networks", name, *at, &service.key));
                }
            }
            for mount in &service.mounts {
                let named = mount.kind == "volume" && !mount.source.is_empty();
                if named && !defined("volumes", &mount.source) {
                    notes.push(note("volumes", &mount.source, mount.at, &service.key));
                }
            }
            for mounted in &service.configs {
                if !mounted.source.is_empty() && !defined(mounted.section, &mounted.source) {
                    notes.push(note(mounted.section, &mounted.source, mounted.at, &service.key));
                }
            }
        }
    }
}
