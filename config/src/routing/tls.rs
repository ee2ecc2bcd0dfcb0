//! The `tls` section of the routing configuration as written.

use serde::{Deserialize, Serialize};

use super::{Domain, is_default};

/// A certificate and its key: each a path to PEM, or the PEM itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Certificate {
    #[serde(skip_serializing_if = "is_default")]
    pub cert_file: String,
    #[serde(skip_serializing_if = "is_default")]
    pub key_file: String,
    #[serde(skip_serializing_if = "is_default")]
    pub stores: Vec<String>,
}

/// `tls.options.<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct TlsOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub cipher_suites: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub curve_preferences: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth: Option<ClientAuth>,
    #[serde(skip_serializing_if = "is_default")]
    pub sni_strict: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub alpn_protocols: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub disable_session_tickets: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefer_server_cipher_suites: Option<bool>,
}

/// `clientAuth` of TLS options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ClientAuth {
    #[serde(skip_serializing_if = "is_default")]
    pub ca_files: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_auth_type: Option<String>,
}

/// `tls.stores.<name>`; only `default` has a meaning.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct TlsStore {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_certificate: Option<Certificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_generated_cert: Option<DefaultGeneratedCert>,
}

/// `defaultGeneratedCert` of a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct DefaultGeneratedCert {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolver: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
}
