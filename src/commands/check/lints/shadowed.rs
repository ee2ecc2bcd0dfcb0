//! Routers that never get a request, because another one with a higher place takes all of theirs.

use std::collections::{BTreeMap, BTreeSet};

use swarmgate_config::checked::Route;
use swarmgate_config::rule::Matcher;

use super::Context;
use super::logic::{self, Literal};
use crate::commands::check::note::Note;

/// So many comparisons in all: 10,000 routers of one host are another problem.
const MOST: usize = 200_000;

struct Read<'a> {
    route: &'a Route,
    parts: Vec<Vec<Literal>>,
}

pub fn lint(context: &Context<'_>, notes: &mut Vec<Note>) {
    let mut left = MOST;
    let mut told = BTreeSet::new();
    for (entry_point, routes) in &context.world.checked.routes {
        for tls in [false, true] {
            let read: Vec<Read<'_>> = routes
                .iter()
                .filter(|route| route.tls.is_some() == tls && !route.router.is_internal())
                .filter_map(|route| Some(Read { route, parts: logic::alternatives(&route.rule)? }))
                .collect();
            // Those before it that could take its requests: of its first host, or of none.
            let mut by_host: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
            for (index, later) in read.iter().enumerate() {
                let keys: BTreeSet<Option<String>> =
                    later.parts.iter().map(|part| host(part)).collect();
                let candidates = keys.iter().chain([&None]).filter_map(|key| by_host.get(key));
                let mut candidates: Vec<usize> = candidates.flatten().copied().collect();
                candidates.sort_unstable();
                candidates.dedup();
                let shadow = candidates.into_iter().filter_map(|at| read.get(at)).find(|earlier| {
                    left = left.saturating_sub(1);
                    left > 0 && logic::covers(&earlier.parts, &later.parts)
                });
                if let Some(earlier) = shadow
                    && told.insert(later.route.router.clone())
                {
                    notes.extend(note(context, entry_point, earlier.route, later.route));
                }
                for key in keys {
                    by_host.entry(key).or_default().push(index);
                }
            }
        }
    }
}

/// The host that a list of conditions asks for.
fn host(part: &[Literal]) -> Option<String> {
    part.iter().find_map(|literal| match literal {
        (false, Matcher::Host(host) | Matcher::HostHeader(host)) => Some(logic::canonical(host)),
        _ => None,
    })
}

fn note(context: &Context<'_>, on: &str, earlier: &Route, later: &Route) -> Option<Note> {
    let routers = &context.world.checked.routers;
    let (first, second) = (routers.get(&earlier.router)?, routers.get(&later.router)?);
    if earlier.service == later.service && first.value.middlewares == second.value.middlewares {
        // Nobody is missing anything.
        return None;
    }
    let (there, _) = context.option(&first.origin, "rule");
    let (at, needle) = context.option(&second.origin, "rule");
    let place = match (there, at) {
        (Some(there), Some(at)) if there.file != at.file => {
            format!(" ({}:{})", context.sources.shown(there.file), there.line)
        }
        (Some(there), _) => format!(" (line {})", there.line),
        _ => String::new(),
    };
    let same = first.value.rule == second.value.rule && earlier.priority == later.priority;
    let across = there.zip(at).is_some_and(|(there, at)| there.file != at.file);
    let (id, why) = match (same, across) {
        (true, true) => ("duplicate-host", "has the same rule and comes first".to_owned()),
        (true, false) => ("duplicate-rule", "has the same rule and comes first by name".to_owned()),
        _ => (
            "rule-shadowed",
            format!(
                "takes all of its requests first: its priority is {}, this one's {}",
                earlier.priority, later.priority
            ),
        ),
    };
    let message = format!(
        "router {:?} never gets a request on entry point {on:?}: router {:?}{place} {why}",
        later.router.name(),
        earlier.router.name(),
    );
    let mut note =
        Note::warning(id, at, message).expected("another rule, or a priority of its own");
    note.needle = needle;
    Some(note)
}
