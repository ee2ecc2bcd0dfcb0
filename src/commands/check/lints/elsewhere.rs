//! References to what no file here defines, while the proxy is not among the files: another stack
//! may have it, unless a name here is nearly the same.

use std::collections::BTreeSet;

use swarmgate_config::finding::{Origin, Severity};
use swarmgate_config::name::QName;

use super::Context;
use crate::commands::check::closest;
use crate::commands::check::note::Note;

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let world = context.world;
    if world.known {
        return;
    }
    let mut told = BTreeSet::new();
    let mut look = |kind: &'static str, reference: &str, by: &QName, origin: &Origin| {
        let name = QName::resolve(reference, by.provider());
        let own = name.provider() == by.provider();
        if !own || !world.assumed.contains(&name) || !told.insert((kind, name.clone())) {
            return;
        }
        let known: Vec<&str> = match kind {
            "service" | "page" => names(world.checked.services.keys(), &name, &world.assumed),
            _ => names(world.checked.middlewares.keys(), &name, &world.assumed),
        };
        let (option, id) = match kind {
            "service" => ("service", "unknown-service"),
            "page" => ("errors.service", "unknown-service"),
            "chain" => ("chain.middlewares", "unknown-middleware"),
            _ => ("middlewares", "unknown-middleware"),
        };
        let (at, value) = context.option(origin, option);
        let kind = if matches!(kind, "service" | "page") { "service" } else { "middleware" };
        // Two letters that changed places are a slip, too.
        let near = closest(name.name(), &known)
            .or_else(|| known.iter().find(|known| letters(known) == letters(name.name())).copied());
        let (severity, expected) = match near {
            Some(near) => (Severity::Warning, format!("{near}, unless another stack defines it")),
            None => (Severity::Info, "another stack that defines it".to_owned()),
        };
        let message = format!("the {kind} \"{name}\" is not defined among these files");
        let mut note = Note::new(severity, id, at, message).expected(expected);
        note.needle = Some(name.name().to_owned());
        // Behind the key, where the value stands.
        if let (Origin::Label { label, .. }, Some(_)) = (origin, value) {
            let prefix =
                label.split('.').take(4).map(|part| part.chars().count().saturating_add(1));
            note.skip = prefix.sum::<usize>().saturating_add(option.len());
        }
        notes.push(note);
    };
    for (by, router) in &world.checked.routers {
        for reference in &router.value.middlewares {
            look("middleware", reference, by, &router.origin);
        }
        if let Some(reference) = &router.value.service {
            look("service", reference, by, &router.origin);
        }
    }
    for (by, middleware) in &world.checked.middlewares {
        for reference in middleware.value.chain.iter().flat_map(|chain| &chain.middlewares) {
            look("chain", reference, by, &middleware.origin);
        }
        if let Some(errors) = &middleware.value.errors {
            look("page", &errors.service, by, &middleware.origin);
        }
    }
}

fn letters(name: &str) -> Vec<char> {
    let mut letters: Vec<char> = name.to_lowercase().chars().collect();
    letters.sort_unstable();
    letters
}

/// What the files define beside a name, in its provider.
fn names<'a>(
    all: impl Iterator<Item = &'a QName>,
    beside: &QName,
    assumed: &BTreeSet<QName>,
) -> Vec<&'a str> {
    all.filter(|known| known.provider() == beside.provider() && !assumed.contains(*known))
        .map(QName::name)
        .collect()
}
