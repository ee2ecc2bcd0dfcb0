//! A second look: mistakes that hide behind others, and middlewares that no router builds.
//!
//! The proxy stops at an object's first mistake, and builds what is used. A person would need as
//! many runs as there are mistakes; so the labels that were refused are taken away, and the real
//! path is gone once more.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use swarmgate_config::check::{self, Merged};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::name::QName;
use swarmgate_config::routing::{Router, Written};

use super::built;
use super::place;
use super::world::World;

/// A service's own name and the key of one of its labels.
pub type Label = (Arc<str>, Arc<str>);

/// Each look may show one mistake more of the same object.
const MOST_LOOKS: usize = 4;

/// What made-up routers are called: nobody types it.
const PROBE: &str = "\u{1}";

/// What a second look may add; anything else may come of the labels that were taken away.
const ADDED: &[&str] = &[
    "unknown-key",
    "bad-port",
    "bad-rule",
    "unknown-entry-point",
    "unknown-middleware",
    "middleware",
    "not-served",
];

/// The findings that `first` has not, after a world was built of `merged`.
pub fn look(world: &mut World, merged: &Merged, first: &[Finding]) -> Vec<Finding> {
    let mut refused: BTreeSet<Label> = first.iter().filter_map(refused_label).collect();
    let unused = world.checked.middlewares.iter().any(|(name, middleware)| {
        middleware.used_by.is_empty() && !name.is_internal() && !world.assumed.contains(name)
    });
    if refused.is_empty() && !unused {
        return Vec::new();
    }
    let (install, assumed) = (world.install.clone(), world.assumed.clone());
    let mut second = merged.clone();
    for _ in 0..MOST_LOOKS {
        let before = refused.len();
        if before == 0 {
            break;
        }
        for (name, outcome) in world.deployed(&refused) {
            let findings = &outcome.configuration.findings;
            refused.extend(findings.iter().filter_map(refused_label));
            second.insert(name.into(), Arc::new(outcome.configuration));
        }
        if refused.len() == before {
            break;
        }
    }
    if !world.known {
        world.assume_entry_points(&second);
    }
    world.assume_objects(&mut second);
    probe(&mut second);
    let checked = check::check(&world.install, &second);
    world.install = install;
    world.assumed = assumed;

    let known: HashSet<(&Origin, &str)> =
        first.iter().map(|finding| (&finding.origin, finding.message.as_str())).collect();
    // Without one of its labels an object may lack something.
    let spoiled: HashSet<&String> = first
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .filter_map(|finding| finding.object.as_ref())
        .filter(|(kind, _)| *kind == ObjectKind::Middleware)
        .map(|(_, name)| name)
        .collect();
    let used: HashSet<String> = checked
        .middlewares
        .iter()
        .filter(|(_, middleware)| middleware.used_by.iter().any(|by| !by.name().starts_with(PROBE)))
        .map(|(name, _)| name.to_string())
        .collect();
    let built = built::look(&checked);
    let mut added: Vec<Finding> = Vec::new();
    for mut finding in checked.findings.into_iter().chain(built) {
        let new = finding.severity == Severity::Error
            && !known.contains(&(&finding.origin, finding.message.as_str()))
            && ADDED.contains(&place::id(&finding));
        let of_nobody = matches!(finding.origin, Origin::Internal);
        if !new || of_nobody {
            continue;
        }
        if let Some((ObjectKind::Middleware, name)) = &finding.object {
            if spoiled.contains(name) {
                continue;
            }
            // Nobody asks for it here; another stack may.
            if !used.contains(name) {
                finding.severity = match place::id(&finding) {
                    "not-served" => Severity::Info,
                    _ => Severity::Warning,
                };
            }
        }
        added.push(finding);
    }
    added
}

/// The label that an error is about, if it is one label.
fn refused_label(finding: &Finding) -> Option<Label> {
    let Origin::Label { service, label, .. } = &finding.origin else { return None };
    let one = finding.severity == Severity::Error
        && !label.is_empty()
        && matches!(place::id(finding), "unknown-key" | "bad-port");
    one.then(|| (service.clone(), label.clone()))
}

/// A router for each middleware, which has it built.
fn probe(merged: &mut Merged) {
    for (provider, written) in merged.iter_mut() {
        if written.middlewares.is_empty() {
            continue;
        }
        let names: Vec<String> = written.middlewares.keys().cloned().collect();
        let written = Arc::make_mut(written);
        for name in names {
            let router = Router {
                rule: Some("Path(`/`)".to_owned()),
                middlewares: vec![QName::new(&name, provider).to_string()],
                service: Some("noop@internal".to_owned()),
                ..Router::default()
            };
            let written_router = Written { value: Arc::new(router), origin: Origin::Internal };
            written.routers.insert(format!("{PROBE}{name}"), written_router);
        }
    }
}
