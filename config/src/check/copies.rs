//! The copies that entry points make of their routers (Traefik: models).

use super::entry_points::{EntryPoints, Model};
use super::internal;
use crate::name::QName;
use crate::routing::{Observability, Router};

/// A router under the name of one copy, on some of its entry points.
pub(super) struct Copy<'m> {
    pub(super) name: QName,
    pub(super) entry_points: Vec<&'m str>,
    pub(super) model: Option<&'m Model>,
}

/// One copy for each entry point with a model, and the router itself on the others (Traefik:
/// only a router on several entry points is renamed).
pub(super) fn copies<'m>(
    name: &QName,
    router: &'m Router,
    entry_points: &'m EntryPoints,
) -> Vec<Copy<'m>> {
    let mut wanted: Vec<&str> = Vec::new();
    let written =
        if router.entry_points.is_empty() { &entry_points.default } else { &router.entry_points };
    for entry_point in written {
        if !wanted.contains(&entry_point.as_str()) {
            wanted.push(entry_point);
        }
    }
    let exempt = name.is_internal() && name.name() == internal::ACME;
    let several = wanted.len() > 1;
    let mut copies = Vec::new();
    let mut rest = Vec::new();
    for entry_point in wanted {
        let model = entry_points.get(entry_point).and_then(|point| point.model.as_ref());
        match model.filter(|_| !exempt) {
            Some(model) => {
                let name = if several {
                    QName::new(format!("{entry_point}-{}", name.name()), name.provider())
                } else {
                    name.clone()
                };
                copies.push(Copy { name, entry_points: vec![entry_point], model: Some(model) });
            }
            None => rest.push(entry_point),
        }
    }
    if !rest.is_empty() || copies.is_empty() {
        copies.push(Copy { name: name.clone(), entry_points: rest, model: None });
    }
    copies
}

/// The router's own, else the entry point's, else everything on.
pub(super) fn observability(
    own: Option<&Observability>,
    model: Option<&Observability>,
) -> Observability {
    fn pick<T>(
        own: Option<&Observability>,
        model: Option<&Observability>,
        field: impl Fn(&Observability) -> Option<T>,
        default: T,
    ) -> Option<T> {
        own.and_then(&field).or_else(|| model.and_then(&field)).or(Some(default))
    }
    Observability {
        access_logs: pick(own, model, |o| o.access_logs, true),
        metrics: pick(own, model, |o| o.metrics, true),
        tracing: pick(own, model, |o| o.tracing, true),
        trace_verbosity: pick(own, model, |o| o.trace_verbosity.clone(), "minimal".into()),
    }
}
