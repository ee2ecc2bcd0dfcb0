//! Swarmgate's ACME client: which certificate is wanted next, and how it is got.
//!
//! - `plan`: pure; what is held, wanted and failed -> what to do now.
//! - `run`: the loop that asks the plan and does what it says, one per resolver.
//! - `order`, `account`: the protocol's steps over instant-acme; `ca`: the way to the CA.
//! - `challenge`: answers that wait for the CA; `store`: Traefik's `acme.json`.
//!
//! The data plane sees two things of all this: [`Challenges`], and the certificates that
//! [`Acme::run`] hands on.

mod account;
mod ca;
mod certificate;
mod challenge;
mod hub;
mod key;
mod names;
mod order;
mod plan;
mod resolver;
mod run;
mod store;

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::join_all;
use swarmgate_config::checked::Wanted;
use swarmgate_config::finding::Finding;
use swarmgate_config::install::CertificateResolver;
use swarmgate_config::routing::Domain;
use tokio::sync::watch;

pub use self::challenge::http01::Challenges;
use self::resolver::{Resolver, Storages};

/// A certificate held by a resolver.
#[derive(Clone, PartialEq, Eq)]
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

/// Without the key: what is printed for debugging ends in logs.
impl fmt::Debug for HeldCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldCertificate")
            .field("resolver", &self.resolver)
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

/// All resolvers.
#[derive(Debug)]
pub struct Acme {
    resolvers: Vec<Arc<Resolver>>,
    challenges: Challenges,
    elsewhere: Option<watch::Receiver<HashSet<String>>>,
}

impl Acme {
    /// Opens the storages. A resolver whose storage cannot be used is left out and explained; one
    /// that cannot order (no challenge, a broken option) still gives what it has stored.
    ///
    /// Reads files and blocks meanwhile: call it at the start.
    pub fn open(resolvers: &BTreeMap<String, CertificateResolver>) -> (Self, Vec<Finding>) {
        let env = |name: &str| std::env::var(name).ok();
        let mut storages = Storages::new();
        let (mut usable, mut findings) = (Vec::new(), Vec::new());
        for (name, written) in resolvers {
            let (resolver, found) = resolver::read(name, written, &mut storages, &env);
            usable.extend(resolver.map(Arc::new));
            findings.extend(found);
        }
        let acme = Self { resolvers: usable, challenges: Challenges::default(), elsewhere: None };
        (acme, findings)
    }

    /// Names that need no certificate from anybody, because certificates of files (or the
    /// default certificate) cover them: lower-case, wildcards as `*.parent`. Not those that
    /// resolvers got: each resolver looks after its own.
    #[must_use]
    pub fn covered_elsewhere(mut self, names: watch::Receiver<HashSet<String>>) -> Self {
        self.elsewhere = Some(names);
        self
    }

    /// The HTTP-01 answers, to be handed to the data plane.
    pub fn challenges(&self) -> Challenges {
        self.challenges.clone()
    }

    /// What is held at the moment (after [`Acme::open`]: what the storages hold).
    pub fn held(&self) -> Vec<HeldCertificate> {
        self.by_resolver().into_values().flatten().collect()
    }

    /// Orders and renews until `wanted` is closed; calls `on_change` with everything held after
    /// each arrival, and `on_findings` with the present troubles (empty when there are none)
    /// whenever they change. Both are called one at a time and should return soon.
    pub async fn run(
        self,
        wanted: watch::Receiver<Vec<Wanted>>,
        on_change: impl Fn(Vec<HeldCertificate>) + Send + Sync + 'static,
        on_findings: impl Fn(Vec<Finding>) + Send + Sync + 'static,
    ) {
        let hub = Arc::new(hub::Hub::new(self.by_resolver(), on_change, on_findings));
        let (_nothing, none) = watch::channel(HashSet::new());
        let elsewhere = self.elsewhere.unwrap_or(none);
        // Not as tasks of their own: when this future is dropped, so is at once all that the two
        // callbacks hold.
        let loops = self.resolvers.into_iter().map(|resolver| {
            let resolver_loop = run::Loop::new(resolver, Arc::clone(&hub), self.challenges.clone());
            AssertUnwindSafe(resolver_loop.run(wanted.clone(), elsewhere.clone())).catch_unwind()
        });
        for ended in join_all(loops).await {
            if ended.is_err() {
                tracing::error!("an ACME resolver broke down");
            }
        }
        // Without a resolver that orders there is nothing to do but to wait for the end.
        let mut wanted = wanted;
        while wanted.changed().await.is_ok() {}
    }

    fn by_resolver(&self) -> BTreeMap<String, Vec<HeldCertificate>> {
        let certificates = |resolver: &Arc<Resolver>| {
            (resolver.name.clone(), resolver.storage.certificates(&resolver.name))
        };
        self.resolvers.iter().map(certificates).collect()
    }
}
