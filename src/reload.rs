//! Configuration's last steps: merged routing and held certificates -> check -> data plane.
//!
//! Everything here happens on the control plane. Whatever changes (a provider, a certificate, a
//! trouble with one), the whole is checked again and swapped in at once.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use swarmgate_acme::HeldCertificate;
use swarmgate_config::breath::breathe;
use swarmgate_config::check::{Merged, check};
use swarmgate_config::checked::Wanted;
use swarmgate_config::finding::{Finding, ObjectKind, Severity, bounded};
use swarmgate_config::install::Install;
use swarmgate_config::routing;
use swarmgate_proxy::Proxy;
use swarmgate_proxy::tls::{Certificates, PemCertificate};
use tokio::sync::watch;

use crate::log;

/// Joins what the providers, ACME and the install configuration say, and hands it to the proxy.
pub struct Reload {
    install: Arc<Install>,
    proxy: Arc<Proxy>,
    wanted: watch::Sender<Vec<Wanted>>,
    /// Names whose certificates come from files: no resolver needs to order them.
    covered: watch::Sender<HashSet<String>>,
    inputs: Mutex<Inputs>,
}

#[derive(Default)]
struct Inputs {
    merged: Merged,
    held: Vec<HeldCertificate>,
    /// Findings of the start; they stay.
    install: Vec<Finding>,
    acme: Vec<Finding>,
    /// What the certificates in force were built from.
    certificates: Option<(Vec<PemCertificate>, Option<PemCertificate>)>,
    certificate_findings: Vec<Finding>,
    said: Said,
}

impl Reload {
    /// `held` is what ACME's storages hold at the start, `findings` what was found until now.
    pub fn new(
        install: Arc<Install>,
        proxy: Arc<Proxy>,
        wanted: watch::Sender<Vec<Wanted>>,
        covered: watch::Sender<HashSet<String>>,
        held: Vec<HeldCertificate>,
        findings: Vec<Finding>,
    ) -> Self {
        let mut said = Said::default();
        said.replace(&findings);
        let inputs = Inputs { held, install: findings, said, ..Inputs::default() };
        Self { install, proxy, wanted, covered, inputs: Mutex::new(inputs) }
    }

    /// The providers' configuration has changed.
    pub fn routing(&self, merged: &Merged) {
        self.change(|inputs| inputs.merged = merged.clone());
    }

    /// The certificates that ACME holds have changed.
    pub fn certificates(&self, held: Vec<HeldCertificate>) {
        self.change(|inputs| inputs.held = held);
    }

    /// ACME's troubles have changed.
    pub fn acme_findings(&self, findings: Vec<Finding>) {
        self.change(|inputs| inputs.acme = findings);
    }

    /// Applies the configuration as it is: before the providers have spoken, that is the proxy's
    /// own routers.
    pub fn apply(&self) {
        self.change(|_| ());
    }

    fn change(&self, change: impl FnOnce(&mut Inputs)) {
        let mut inputs = self.inputs.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut inputs);
        let mut checked = check(&self.install, &inputs.merged);
        self.renew_certificates(&mut inputs, &checked.certificates, checked.default_store.as_ref());
        let Inputs { install, acme, certificate_findings, .. } = &*inputs;
        for findings in [install, acme, certificate_findings] {
            // Thousands of certificates may be in trouble at once.
            checked.findings.append(&mut bounded(findings.clone()));
        }
        let wanted = std::mem::take(&mut checked.wanted);
        let in_force = self.proxy.apply(checked);
        inputs.said.say(&in_force.findings);
        self.wanted.send_if_modified(|present| {
            let changed = *present != wanted;
            *present = wanted;
            changed
        });
    }

    /// Rebuilds the certificates if what they are built from has changed. Files come first: a
    /// certificate that somebody named by hand wins over one that was ordered.
    fn renew_certificates(
        &self,
        inputs: &mut Inputs,
        written: &[routing::Written<routing::Certificate>],
        store: Option<&routing::TlsStore>,
    ) {
        let mut findings = Vec::new();
        let mut certificates = Vec::new();
        for certificate in written {
            match swarmgate_proxy::tls::read(&certificate.value) {
                Ok(pem) => certificates.push(pem),
                Err(error) => findings.push(
                    Finding::new(Severity::Error, certificate.origin.clone(), error)
                        .on(ObjectKind::Certificate, certificate.value.cert_file.clone()),
                ),
            }
        }
        certificates.extend(inputs.held.iter().map(|held| PemCertificate {
            chain: held.chain_pem.clone(),
            key: held.key_pem.clone(),
            source: format!("resolver {}", held.resolver),
        }));
        let default = store.and_then(|store| store.default_certificate.as_ref()).and_then(|c| {
            swarmgate_proxy::tls::read(c)
                .map_err(|error| {
                    findings.push(
                        Finding::new(
                            Severity::Error,
                            swarmgate_config::finding::Origin::Internal,
                            format!("tls.stores.default.defaultCertificate: {error}"),
                        )
                        .on(ObjectKind::TlsStore, "default"),
                    );
                })
                .ok()
        });
        let sources = (certificates, default);
        if inputs.certificates.as_ref() != Some(&sources) {
            let (built, troubles) = Certificates::build(&sources.0, sources.1.as_ref());
            self.covered.send_replace(built.covered_without_resolvers());
            self.proxy.set_certificates(built);
            inputs.certificates = Some(sources);
            findings.extend(troubles);
            inputs.certificate_findings = findings;
        } else {
            // Built from the same: its troubles are the same, those of reading may not be.
            for finding in findings {
                if !inputs.certificate_findings.contains(&finding) {
                    inputs.certificate_findings.push(finding);
                }
            }
        }
    }
}

/// Which findings have been said: their hashes, since a configuration of 10,000 routers may have as
/// many of them.
#[derive(Default)]
struct Said {
    hashes: HashSet<u64>,
    state: RandomState,
}

impl Said {
    /// Logs findings that were not there before; one that went away and comes back is said again.
    fn say(&mut self, findings: &[Finding]) {
        for finding in findings {
            breathe();
            if !self.hashes.contains(&self.state.hash_one(finding)) {
                log::finding(finding);
            }
        }
        self.replace(findings);
    }

    fn replace(&mut self, findings: &[Finding]) {
        let hashes = findings.iter().inspect(|_| breathe());
        self.hashes = hashes.map(|finding| self.state.hash_one(finding)).collect();
    }
}
