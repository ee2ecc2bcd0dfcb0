//! What could not be read of an engine's minor lists: networks, tasks, nodes.
//!
//! Such a list is asked for only now and then, and what was read of it counts until it is asked for
//! again; so does what could not be read.

use std::collections::BTreeMap;

use swarmgate_config::finding::{Finding, Origin, Severity};

use super::answer::Tolerant;

/// More than anybody would read.
const MOST: usize = 20;

/// Findings on the latest list of each kind.
#[derive(Debug, Default)]
pub struct Remarks {
    by_kind: BTreeMap<&'static str, Vec<Finding>>,
}

impl Remarks {
    /// What could be read of a list; the rest is noted. `kind`: what is listed, as in `a task`.
    pub fn entries<T>(
        &mut self,
        provider: &str,
        kind: &'static str,
        listed: Tolerant<T>,
    ) -> Vec<T> {
        let origin = Origin::Provider { provider: provider.into() };
        let count = listed.unreadable.len();
        let mut findings: Vec<Finding> = listed
            .unreadable
            .iter()
            .take(MOST)
            .map(|it| {
                let message = format!(
                    "the engine's description of {kind} {:?} cannot be read, it is left out: {}",
                    it.name, it.why
                );
                Finding::new(Severity::Warning, origin.clone(), message)
            })
            .collect();
        if count > MOST {
            let message = format!("{} more of its {kind}s cannot be read", count - MOST);
            findings.push(Finding::new(Severity::Warning, origin, message));
        }
        self.by_kind.insert(kind, findings);
        listed.entries
    }

    /// All of them.
    pub fn findings(&self) -> impl Iterator<Item = Finding> {
        self.by_kind.values().flatten().cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::answer::{List, NetworkSummary, tolerant};

    #[test]
    fn the_latest_list_of_each_kind_is_told() {
        let list = |entries: serde_json::Value| {
            let serde_json::Value::Array(entries) = entries else { panic!() };
            tolerant::<NetworkSummary>(List { entries, mended: false }, |_| {})
        };
        let mut remarks = Remarks::default();
        let networks = list(serde_json::json!([
            {"Id": "a", "Name": "public", "IPAM": 7, "Created": "yesterday", "Ingress": null},
            {"Id": 3, "Name": "odd"},
        ]));
        let read = remarks.entries("swarm", "network", networks);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].name.as_deref(), Some("public"));
        let told: Vec<String> = remarks.findings().map(|it| it.to_string()).collect();
        assert!(told[0].contains("description of network \"odd\" cannot be read"), "{told:?}");
        let many = (0..50).map(|n| serde_json::json!({"Id": n})).collect();
        remarks.entries("swarm", "task", list(many));
        assert_eq!(remarks.findings().count(), 1 + MOST + 1);
        remarks.entries("swarm", "task", list(serde_json::json!([])));
        assert_eq!(remarks.findings().count(), 1);
    }
}
