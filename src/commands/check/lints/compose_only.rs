//! What compose knows and `docker stack deploy` refuses: keys at the top and of services; and
//! `include` and `extends` of a compose file that could not be followed.

use super::Context;
use crate::commands::check::note::Note;
use crate::commands::check::stack::{Engine, Stack};
use crate::commands::check::yaml::Pair;

const TOP: &[&str] = &["name", "include", "models"];
const SERVICE: &[&str] = &["extends", "profiles"];
/// Those that are gone from the tree once they are followed.
const FOLLOWED: &[&str] = &["include", "extends"];

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    for stack in &context.world.stacks {
        let top = TOP.iter().filter_map(|key| stack.root.pair(key));
        let of_services = stack
            .services
            .iter()
            .flat_map(|service| SERVICE.iter().filter_map(|key| service.node.pair(key)));
        for pair in top.chain(of_services) {
            notes.extend(note(stack, pair));
        }
    }
}

fn note(stack: &Stack, pair: &Pair) -> Option<Note> {
    let key = pair.key.as_str();
    let note = match stack.engine {
        Engine::Swarm => {
            let message = format!("docker stack deploy refuses {key}: (seen with Docker 28.2)");
            let note = Note::warning("compose-only", Some(pair.at), message);
            note.expected(match key {
                "name" => "the stack's name as the last word of docker stack deploy",
                "include" => "docker stack deploy -c A -c B, and --merge here",
                "extends" => "an anchor and a merge: <<: *base",
                _ => "a file without it",
            })
        }
        Engine::Compose if FOLLOWED.contains(&key) => {
            let message =
                format!("{key}: cannot be followed from here: what it brings is not looked at");
            Note::warning("not-followed", Some(pair.at), message)
                .expected("a file below the folders of those given, and a service in it")
        }
        Engine::Compose => return None,
    };
    Some(note.needle(key))
}
