//! A tree of routing configuration -> its objects, each decoded on its own.
//!
//! What is wrong spoils the object that it stands in and no other.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;

use super::de::decode_all;
use super::error::unknown_key;
use super::suggest::closest;
use super::tree::{Id, ROOT, Tree};
use super::{presence, unserved};
use crate::breath::breathe;
use crate::finding::{Finding, ObjectKind, Severity};
use crate::routing::{Configuration, Map, Written};

/// More errors of one object than anybody would repair at a time.
const ERRORS_PER_OBJECT: usize = 8;

/// More findings of one source than anybody would read; the rest is counted.
const MOST_FINDINGS: usize = 100;

/// Objects that were refused, by kind and lower-case name.
pub(super) type Refused = BTreeSet<(ObjectKind, String)>;

/// The groups of `http` that hold objects.
const SECTIONS: &[(&str, ObjectKind)] = &[
    ("routers", ObjectKind::Router),
    ("services", ObjectKind::Service),
    ("middlewares", ObjectKind::Middleware),
    ("serversTransports", ObjectKind::ServersTransport),
];

/// Reads the objects out of one tree.
pub(super) struct Reader<'a, 's> {
    pub tree: &'a mut Tree<'s>,
    /// Names the objects in findings: `web@swarm`.
    pub provider: &'a str,
    pub refused: Refused,
    pub findings: Vec<Finding>,
}

impl Reader<'_, '_> {
    /// Reads everything.
    pub fn read(&mut self) -> Configuration {
        self.presence();
        self.check_sections();
        for (id, finding) in unserved::routing(self.tree) {
            let finding = self.on_object(id, finding);
            self.findings.push(finding);
        }
        let mut configuration = Configuration {
            routers: self.objects(&["http", "routers"], ObjectKind::Router),
            services: self.objects(&["http", "services"], ObjectKind::Service),
            middlewares: self.objects(&["http", "middlewares"], ObjectKind::Middleware),
            servers_transports: self
                .objects(&["http", "serversTransports"], ObjectKind::ServersTransport),
            tls_options: self.objects(&["tls", "options"], ObjectKind::TlsOptions),
            tls_stores: self.objects(&["tls", "stores"], ObjectKind::TlsStore),
            ..Configuration::default()
        };
        if let Some(list) = self.section(&["tls", "certificates"]) {
            for id in self.tree.children(list).collect::<Vec<_>>() {
                let name = self.tree.node(id).name.clone().into_owned();
                if let Some(written) = self.object(id, ObjectKind::Certificate, &name) {
                    configuration.certificates.push(written);
                }
            }
        }
        configuration.findings = self.take_findings();
        configuration
    }

    /// The findings so far, bounded.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        let mut findings = std::mem::take(&mut self.findings);
        let more = findings.len().saturating_sub(MOST_FINDINGS);
        if more > 0 {
            let worst = findings.iter().skip(MOST_FINDINGS).map(|f| f.severity).max();
            findings.truncate(MOST_FINDINGS);
            let origin = self.tree.origin(ROOT);
            let severity = worst.unwrap_or(Severity::Warning);
            findings.push(Finding::new(
                severity,
                origin,
                format!("{more} more findings like these"),
            ));
        }
        findings
    }

    fn presence(&mut self) {
        for finding in presence::resolve(self.tree, presence::ROUTING) {
            self.findings.push(finding);
        }
    }

    /// Keys of `http` and `tls` that hold no objects. A mistyped section spoils the object that
    /// it was meant for: half a router may be a router without its protection.
    fn check_sections(&mut self) {
        let http: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        for (group, known) in [("http", http), ("tls", vec!["certificates", "options", "stores"])] {
            let is_tls = group == "tls";
            let Some(group) = self.descend(&[group]) else { continue };
            if let Some(scalar) = self.tree.node(group).scalars.first() {
                let message = format!("{} cannot stand alone", super::text::quote(&scalar.text));
                let origin = self.tree.origin(group);
                self.findings.push(Finding::new(Severity::Error, origin, message));
            }
            for section in self.tree.children(group).collect::<Vec<_>>() {
                let name = self.tree.node(section).name.clone().into_owned();
                if known.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                    continue;
                }
                let finding = unknown_key(self.tree, section, &known, Severity::Error);
                // Nothing close: the guess is what lets least through.
                let kind = match (is_tls, closest(&name, &known)) {
                    (true, Some("certificates")) => ObjectKind::Certificate,
                    (true, Some("stores")) => ObjectKind::TlsStore,
                    (true, _) => ObjectKind::TlsOptions,
                    (false, meant) => SECTIONS
                        .iter()
                        .find(|(section, _)| Some(*section) == meant)
                        .map_or(ObjectKind::Router, |(_, kind)| *kind),
                };
                let objects: Vec<Id> = self.tree.children(section).collect();
                if objects.is_empty() {
                    self.findings.push(finding);
                    continue;
                }
                for object in objects {
                    let name = self.tree.node(object).name.clone().into_owned();
                    self.refuse(kind, &name, finding.clone());
                }
            }
        }
    }

    /// Marks an object as refused and says why.
    pub fn refuse(&mut self, kind: ObjectKind, name: &str, finding: Finding) {
        self.findings.push(finding.on(kind, self.qualified(name)));
        self.refused.insert((kind, name.to_lowercase()));
    }

    fn qualified(&self, name: &str) -> String {
        format!("{}@{}", super::text::shorten(name, 200), self.provider)
    }

    fn descend(&self, names: &[&str]) -> Option<Id> {
        let mut at = ROOT;
        for name in names {
            at = self.tree.child(at, name)?;
        }
        Some(at)
    }

    /// A group of objects, unless it is a single value.
    fn section(&mut self, names: &[&str]) -> Option<Id> {
        let section = self.descend(names)?;
        let node = self.tree.node(section);
        let Some(scalar) = node.scalars.first() else { return Some(section) };
        let message = format!(
            "{} cannot stand alone, but it is set to {}",
            super::text::quote(&node.name),
            super::text::quote(&scalar.text)
        );
        let finding = Finding::new(Severity::Error, self.tree.origin(section), message);
        self.findings.push(finding.expected("objects below it"));
        None
    }

    fn objects<T>(&mut self, section: &[&str], kind: ObjectKind) -> Map<T>
    where
        T: for<'t> Deserialize<'t>,
    {
        let Some(section) = self.section(section) else { return Map::new() };
        let ids: Vec<Id> = self.tree.children(section).collect();
        let mut objects: Vec<(String, Written<T>)> = Vec::with_capacity(ids.len());
        for id in ids {
            let name = self.tree.node(id).name.clone().into_owned();
            breathe();
            if let Some(written) = self.object(id, kind, &name) {
                objects.push((name, written));
            }
        }
        // Collected at once, a map's nodes are full; filled in order, they are half empty. Of two
        // equal names the last one counts, either way.
        objects.into_iter().collect()
    }

    fn object<T>(&mut self, id: Id, kind: ObjectKind, name: &str) -> Option<Written<T>>
    where
        T: for<'t> Deserialize<'t>,
    {
        let already =
            !self.refused.is_empty() && self.refused.contains(&(kind, name.to_lowercase()));
        let origin = self.tree.origin(id);
        match decode_all::<T>(self.tree, id, ERRORS_PER_OBJECT) {
            Ok(_) if already => None,
            Ok(value) => Some(Written { value: Arc::new(value), origin }),
            Err(errors) => {
                for error in errors {
                    let finding = error.finding(self.tree, Severity::Error);
                    self.refuse(kind, name, finding);
                }
                None
            }
        }
    }

    /// Names the object that a node belongs to.
    fn on_object(&self, id: Id, finding: Finding) -> Finding {
        let names = self.tree.names(id);
        match names.as_slice() {
            [group, section, name, ..] if group.eq_ignore_ascii_case("http") => {
                let kind = SECTIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(section));
                match kind {
                    Some((_, kind)) => finding.on(*kind, self.qualified(name)),
                    None => finding,
                }
            }
            _ => finding,
        }
    }
}
