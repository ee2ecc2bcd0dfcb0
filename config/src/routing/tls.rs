//! The `tls` section of the routing configuration as written.

use serde::{Deserialize, Serialize};

use super::Domain;

/// A certificate and its key: each a path to PEM, or the PEM itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Certificate {
    pub cert_file: String,
    pub key_file: String,
    pub stores: Vec<String>,
}

/// `tls.options.<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct TlsOptions {
    pub min_version: Option<String>,
    pub max_version: Option<String>,
    pub cipher_suites: Vec<String>,
    pub curve_preferences: Vec<String>,
    pub client_auth: Option<ClientAuth>,
    pub sni_strict: bool,
    pub alpn_protocols: Vec<String>,
    pub disable_session_tickets: bool,
    pub prefer_server_cipher_suites: Option<bool>,
}

/// `clientAuth` of TLS options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ClientAuth {
    pub ca_files: Vec<String>,
    pub client_auth_type: Option<String>,
}

/// `tls.stores.<name>`; only `default` has a meaning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct TlsStore {
    pub default_certificate: Option<Certificate>,
    pub default_generated_cert: Option<DefaultGeneratedCert>,
}

/// `defaultGeneratedCert` of a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct DefaultGeneratedCert {
    pub resolver: Option<String>,
    pub domain: Option<Domain>,
}
