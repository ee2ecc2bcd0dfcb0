//! Which providers know what is true now: what each has said of itself.

use std::collections::BTreeMap;

use super::Merged;
use crate::finding::{ObjectKind, Severity};
use crate::install::Install;

/// Each provider that is configured or has spoken: whether its latest configuration is whole and
/// up to date. One that has not spoken yet, or does not run, is not.
pub(super) fn providers(install: &Install, merged: &Merged) -> BTreeMap<String, bool> {
    let written = &install.providers;
    let configured = [
        ("docker", written.docker.is_some()),
        ("file", written.file.is_some()),
        ("http", written.http.is_some()),
        ("swarm", written.swarm.is_some()),
    ];
    let mut up: BTreeMap<String, bool> = BTreeMap::new();
    for (name, _) in configured.iter().filter(|(_, configured)| *configured) {
        up.insert((*name).to_owned(), false);
    }
    // It waits until somebody speaks.
    if written.rest.is_some() {
        up.insert("rest".to_owned(), true);
    }
    for (name, configuration) in merged {
        let about = |(kind, object): &(ObjectKind, String)| {
            *kind == ObjectKind::Provider && **object == **name
        };
        let trouble = configuration.findings.iter().any(|finding| {
            finding.severity >= Severity::Warning && finding.object.as_ref().is_some_and(about)
        });
        up.insert(name.to_string(), !trouble);
    }
    up
}
