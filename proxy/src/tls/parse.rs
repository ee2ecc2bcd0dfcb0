//! PEM text -> a certificate that rustls can serve, with the names it answers to.

use std::sync::Arc;

use rustls::SignatureAlgorithm;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::info::{CertificateInfo, common_name};
use super::{PemCertificate, provider};

/// A certificate ready to be served.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) key: Arc<CertifiedKey>,
    /// Common name and SANs: lower-case, sorted, without repetition.
    pub(super) names: Vec<String>,
    pub(super) info: CertificateInfo,
}

impl Parsed {
    /// Parses chain and key and checks that they belong together. The error says which half is
    /// wrong and why.
    pub(super) fn read(written: &PemCertificate) -> Result<Self, String> {
        let chain = CertificateDer::pem_slice_iter(written.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("the certificate is not PEM: {error}"))?;
        let leaf = chain.first().ok_or("the certificate holds no CERTIFICATE section of PEM")?;
        let (_, x509) = X509Certificate::from_der(leaf)
            .map_err(|error| format!("the certificate is not X.509: {error}"))?;
        let info = CertificateInfo::read(&x509, leaf, &written.source);

        // The common name counts even when the SANs leave it out; so it does in Traefik.
        let mut names: Vec<String> = info.sans.iter().map(|name| name.to_lowercase()).collect();
        let common = common_name(x509.subject()).to_lowercase();
        if !common.is_empty() {
            names.push(common);
        }
        names.sort();
        names.dedup();

        let key = PrivateKeyDer::from_pem_slice(written.key.as_bytes()).map_err(|error| {
            format!("the key is not a PEM private key in PKCS#8, PKCS#1 or SEC1 form: {error}")
        })?;
        let key = CertifiedKey::from_der(chain, key, provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                "the private key does not belong to the certificate".to_owned()
            }
            error => format!("the private key cannot be used: {error}"),
        })?;
        Ok(Self { key: Arc::new(key), names, info })
    }

    /// Traefik's identity of a certificate: two with the same names are the same.
    pub(super) fn identity(&self) -> String {
        self.names.join(",")
    }

    /// ECDSA signs an order of magnitude faster than RSA.
    pub(super) fn is_ecdsa(&self) -> bool {
        self.key.key.algorithm() == SignatureAlgorithm::ECDSA
    }
}
