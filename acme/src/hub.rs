//! Where the resolvers' loops report to, and from where the house hears of it.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use swarmgate_config::finding::Finding;

use crate::HeldCertificate;

/// Where all loops report to.
pub(crate) struct Hub {
    held: Mutex<BTreeMap<String, Vec<HeldCertificate>>>,
    findings: Mutex<BTreeMap<String, Vec<Finding>>>,
    on_change: Box<dyn Fn(Vec<HeldCertificate>) + Send + Sync>,
    on_findings: Box<dyn Fn(Vec<Finding>) + Send + Sync>,
}

impl Hub {
    pub(crate) fn new(
        held: BTreeMap<String, Vec<HeldCertificate>>,
        on_change: impl Fn(Vec<HeldCertificate>) + Send + Sync + 'static,
        on_findings: impl Fn(Vec<Finding>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            held: Mutex::new(held),
            findings: Mutex::default(),
            on_change: Box::new(on_change),
            on_findings: Box::new(on_findings),
        }
    }

    // Both call back under the lock, so that an older state is never told after a newer.

    /// Everything that a resolver holds now.
    pub(crate) fn changed(&self, resolver: &str, certificates: Vec<HeldCertificate>) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.insert(resolver.to_owned(), certificates);
        (self.on_change)(held.values().flatten().cloned().collect());
    }

    /// Everything that is wrong with a resolver now.
    pub(crate) fn found(&self, resolver: &str, new: Vec<Finding>) {
        let mut findings = self.findings.lock().unwrap_or_else(PoisonError::into_inner);
        let old = findings.insert(resolver.to_owned(), new.clone()).unwrap_or_default();
        if old != new {
            (self.on_findings)(findings.values().flatten().cloned().collect());
        }
    }
}
