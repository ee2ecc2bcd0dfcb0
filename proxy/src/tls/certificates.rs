//! All certificates of one moment, by the names they answer to.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::sign::CertifiedKey;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::info::CertificateInfo;
use super::parse::Parsed;
use super::{PemCertificate, generated};

/// All certificates of one moment; immutable.
#[derive(Debug, Default)]
pub struct Certificates {
    /// By whole name.
    exact: HashMap<Box<str>, Choice>,
    /// `*.w.test` under `w.test`.
    wildcard: HashMap<Box<str>, Choice>,
    /// Served where no name fits; the generated one when absent.
    default: Option<Arc<CertifiedKey>>,
    infos: Vec<CertificateInfo>,
}

/// The certificates of one name: ECDSA for those who can, and the other kind for those who cannot.
#[derive(Debug, Default)]
struct Choice {
    ecdsa: Option<Arc<CertifiedKey>>,
    other: Option<Arc<CertifiedKey>>,
}

impl Choice {
    fn offer(&mut self, parsed: &Parsed) {
        let place = if parsed.is_ecdsa() { &mut self.ecdsa } else { &mut self.other };
        place.get_or_insert_with(|| Arc::clone(&parsed.key));
    }

    fn pick(&self, schemes: &[SignatureScheme]) -> Option<&Arc<CertifiedKey>> {
        match (&self.ecdsa, &self.other) {
            (Some(ecdsa), Some(other)) => {
                Some(if ecdsa.key.choose_scheme(schemes).is_some() { ecdsa } else { other })
            }
            (only, None) | (None, only) => only.as_ref(),
        }
    }
}

impl Certificates {
    /// Parses the certificates. One that cannot be used is left out and explained. `default` is
    /// served where no name fits; without it a self-signed one, made once per process.
    ///
    /// Of two with the same set of names the first stays, but within one resolver the one that
    /// lasts longer: a renewed certificate takes over from its predecessor.
    pub fn build(
        certificates: &[PemCertificate],
        default: Option<&PemCertificate>,
    ) -> (Self, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut kept: HashMap<String, Parsed> = HashMap::new();
        for written in certificates {
            match Parsed::read(written) {
                Err(error) => findings.push(unusable(written, &error)),
                Ok(parsed) => match kept.entry(parsed.identity()) {
                    Entry::Vacant(place) => {
                        place.insert(parsed);
                    }
                    Entry::Occupied(mut place) => {
                        let first = place.get();
                        if first.info.source == parsed.info.source
                            && first.info.expires < parsed.info.expires
                        {
                            place.insert(parsed);
                        } else {
                            tracing::debug!(
                                source = parsed.info.source,
                                first = first.info.source,
                                names = first.identity(),
                                "skipping a certificate: the same names were given before"
                            );
                        }
                    }
                },
            }
        }

        // Traefik walks the identities in descending order and takes the first that has the name.
        let mut sorted: Vec<(String, Parsed)> = kept.into_iter().collect();
        sorted.sort_by(|a, b| b.0.cmp(&a.0));
        let mut built = Self::default();
        for (_, parsed) in &sorted {
            for name in &parsed.names {
                match name.strip_prefix("*.") {
                    Some(parent) => built.wildcard.entry(parent.into()).or_default().offer(parsed),
                    None => built.exact.entry(name.as_str().into()).or_default().offer(parsed),
                }
            }
        }

        match default.map(|written| (written, Parsed::read(written))) {
            None => {}
            Some((written, Err(error))) => findings.push(unusable(written, &error)),
            Some((_, Ok(parsed))) => {
                built.default = Some(Arc::clone(&parsed.key));
                if !sorted.iter().any(|(_, other)| other.info.name == parsed.info.name) {
                    built.infos.push(parsed.info);
                }
            }
        }
        built.infos.extend(sorted.into_iter().map(|(_, parsed)| parsed.info));
        built.infos.sort_by(|a, b| (&a.common_name, &a.name).cmp(&(&b.common_name, &b.name)));
        // Made now, so that no handshake waits for it.
        if built.default.is_none() {
            generated::certificate();
        }
        (built, findings)
    }

    /// What the API tells, by common name.
    pub fn infos(&self) -> &[CertificateInfo] {
        &self.infos
    }

    /// Names for which no resolver needs to get a certificate: those of certificates that came
    /// from elsewhere, wildcards written `*.parent`.
    pub fn covered_without_resolvers(&self) -> HashSet<String> {
        self.infos
            .iter()
            .filter(|info| !info.source.starts_with("resolver "))
            .flat_map(|info| info.sans.iter().chain(std::iter::once(&info.common_name)))
            .filter(|name| !name.is_empty())
            .map(|name| name.to_lowercase())
            .collect()
    }

    /// The certificate for a server name (lower-case), fitting the client's signature schemes:
    /// by whole name, then by wildcard for exactly one label.
    pub(super) fn by_name(
        &self,
        name: &str,
        schemes: &[SignatureScheme],
    ) -> Option<&Arc<CertifiedKey>> {
        let by_wildcard = || self.wildcard.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(by_wildcard)?.pick(schemes)
    }

    /// What a client with modern signature schemes is shown for a server name (lower-case), and by
    /// what it was chosen: `name`, `wildcard` or `default`.
    pub fn shown(&self, server_name: Option<&str>) -> Option<(CertificateInfo, &'static str)> {
        // All schemes that the provider knows: the client of an explanation can do everything.
        let schemes = super::provider().signature_verification_algorithms.supported_schemes();
        let found = server_name.and_then(|name| {
            let by = if self.exact.contains_key(name) { "name" } else { "wildcard" };
            self.by_name(name, &schemes).map(|key| (key, by))
        });
        let (key, by) = match found {
            Some(found) => found,
            None => (self.fallback()?, "default"),
        };
        let leaf = key.cert.first()?;
        let (_, x509) = X509Certificate::from_der(leaf).ok()?;
        let mut info = CertificateInfo::read(&x509, leaf, "generated");
        if let Some(known) = self.infos.iter().find(|known| known.name == info.name) {
            info.source.clone_from(&known.source);
        }
        Some((info, by))
    }

    /// The certificate for everybody else.
    pub(super) fn fallback(&self) -> Option<&Arc<CertifiedKey>> {
        self.default.as_ref().or_else(|| generated::certificate())
    }
}

fn unusable(written: &PemCertificate, error: &str) -> Finding {
    let origin = match written.source.strip_prefix("file ") {
        Some(file) => Origin::File { file: file.into(), line: None, column: None },
        None => Origin::Internal,
    };
    let message = format!("unable to parse certificate ({}): {error}", written.source);
    Finding::new(Severity::Error, origin, message)
        .on(ObjectKind::Certificate, written.source.clone())
        .expected("a PEM certificate chain, leaf first, and its PEM private key")
}
