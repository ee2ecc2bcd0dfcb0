//! What is wrong with an object: the text that the API shows, and what would have been right.

use std::collections::BTreeMap;

use crate::finding::{Finding, ObjectKind, Origin, Severity};
use crate::name::QName;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// As Traefik words it, where Traefik has a word for it.
    pub(super) text: String,
    pub(super) expected: Option<String>,
}

impl Trouble {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), expected: None }
    }

    /// A reference to nothing; an object of that name that another provider defines is shown.
    pub(super) fn missing<T>(text: String, name: &QName, known: &BTreeMap<QName, T>) -> Self {
        let trouble = Self::new(text);
        match known.range(QName::new(name.name(), "")..).next() {
            Some((found, _)) if found.name() == name.name() => {
                trouble.expected(format!("{found}, if that one is meant"))
            }
            _ => trouble,
        }
    }

    pub(super) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    pub(super) fn finding(
        &self,
        severity: Severity,
        origin: &Origin,
        kind: ObjectKind,
        name: impl Into<String>,
    ) -> Finding {
        let finding = Finding::new(severity, origin.clone(), self.text.clone()).on(kind, name);
        match &self.expected {
            Some(expected) => finding.expected(expected.clone()),
            None => finding,
        }
    }
}
