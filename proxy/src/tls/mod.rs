//! TLS of entry points: which certificate a ClientHello gets.

use std::sync::Arc;

use rustls::ServerConfig;
use swarmgate_config::finding::Finding;

/// A certificate to serve: PEM chain (leaf first) and PEM key, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PemCertificate {
    pub chain: String,
    pub key: String,
    /// For messages: `file /certs/a.pem`, `resolver letsencrypt`.
    pub source: String,
}

/// What the API tells of a served certificate (Traefik's `/api/certificates`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct CertificateInfo {
    /// SHA-256 of the DER, hex.
    pub name: String,
    pub sans: Vec<String>,
    /// RFC 3339.
    pub not_after: String,
    /// RFC 3339.
    pub not_before: String,
    pub serial_number: String,
    pub common_name: String,
    #[serde(rename = "issuerCN")]
    pub issuer_cn: String,
    /// `enabled`, `warning` or `expired`.
    pub status: String,
    /// As [`PemCertificate::source`].
    #[serde(skip)]
    pub source: String,
}

/// All certificates of one moment; immutable.
#[derive(Debug, Default)]
pub struct Certificates {}

impl Certificates {
    /// Parses the certificates. One that cannot be used is left out and explained. `default` is
    /// served where no name fits; without it a self-signed one, made once per process.
    pub fn build(
        _certificates: &[PemCertificate],
        _default: Option<&PemCertificate>,
    ) -> (Self, Vec<Finding>) {
        (Self::default(), Vec::new())
    }

    /// What the API tells.
    pub fn infos(&self) -> &[CertificateInfo] {
        &[]
    }
}

/// The certificates in force, swapped whole; one per process, read at each handshake.
#[derive(Debug, Default)]
pub struct Store {}

impl Store {
    /// Swaps the certificates.
    pub fn set(&self, _certificates: Arc<Certificates>) {}

    /// The certificates in force.
    pub fn get(&self) -> Arc<Certificates> {
        Arc::default()
    }

    /// The rustls configuration that asks this store: TLS 1.2 and 1.3, ALPN `h2` and `http/1.1`,
    /// tickets shared by all threads.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        Err(rustls::Error::General("not built yet".into()))
    }
}
