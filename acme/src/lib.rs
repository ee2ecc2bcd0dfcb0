//! Swarmgate's ACME client: which certificate is wanted next, and how it is got.

use std::collections::BTreeMap;
use std::sync::Arc;

use swarmgate_config::checked::Wanted;
use swarmgate_config::finding::Finding;
use swarmgate_config::install::CertificateResolver;
use swarmgate_config::routing::Domain;
use tokio::sync::watch;

/// A certificate held by a resolver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldCertificate {
    /// The resolver's name.
    pub resolver: String,
    /// The names as stored.
    pub domain: Domain,
    /// PEM chain, leaf first.
    pub chain_pem: String,
    /// PEM private key.
    pub key_pem: String,
}

/// The pending HTTP-01 answers; cheap to clone, read by the data plane.
#[derive(Clone, Debug, Default)]
pub struct Challenges {}

impl Challenges {
    /// The key authorization for a token, if an order waits for it.
    pub fn lookup(&self, _host: &str, _token: &str) -> Option<Arc<str>> {
        None
    }
}

/// All resolvers.
#[derive(Debug)]
pub struct Acme {}

impl Acme {
    /// Opens the storages. A resolver whose storage cannot be used is left out and explained.
    pub fn open(_resolvers: &BTreeMap<String, CertificateResolver>) -> (Self, Vec<Finding>) {
        (Self {}, Vec::new())
    }

    /// The HTTP-01 answers, to be handed to the data plane.
    pub fn challenges(&self) -> Challenges {
        Challenges::default()
    }

    /// What is held at the moment (after [`Acme::open`]: what the storages hold).
    pub fn held(&self) -> Vec<HeldCertificate> {
        Vec::new()
    }

    /// Orders and renews until `wanted` is closed; calls `on_change` with everything held after
    /// each arrival, and `on_findings` with the present troubles (empty when there are none).
    pub async fn run(
        self,
        _wanted: watch::Receiver<Vec<Wanted>>,
        _on_change: impl Fn(Vec<HeldCertificate>) + Send + Sync + 'static,
        _on_findings: impl Fn(Vec<Finding>) + Send + Sync + 'static,
    ) {
    }
}
