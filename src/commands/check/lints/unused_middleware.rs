//! Middlewares that no router among the files uses.

use std::collections::HashSet;

use super::Context;
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    let chained: HashSet<&str> = world
        .checked
        .middlewares
        .values()
        .filter_map(|middleware| middleware.value.chain.as_ref())
        .flat_map(|chain| chain.middlewares.iter().map(String::as_str))
        .collect();
    for (name, middleware) in &world.checked.middlewares {
        let used = !middleware.used_by.is_empty()
            || name.is_internal()
            || world.assumed.contains(name)
            || chained.contains(&**name.text());
        if used {
            continue;
        }
        let message = format!("no router among these files uses the middleware {:?}", name.name());
        notes.push(Note::info("unused-middleware", context.spot(&middleware.origin), message));
    }
}
