//! `certificatesResolvers.<name>`.

use serde::{Deserialize, Serialize};

use crate::scalar::Duration;

/// `certificatesResolvers.<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct CertificateResolver {
    pub acme: Option<Acme>,
    pub tailscale: Option<serde_json::Value>,
}

/// `certificatesResolvers.<name>.acme`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Acme {
    /// Contact of the account.
    pub email: Option<String>,
    /// Directory URL.
    pub ca_server: String,
    /// Path of `acme.json`.
    pub storage: String,
    /// `EC256`, `EC384`, `RSA2048`, `RSA4096` (default), `RSA8192`.
    pub key_type: Option<String>,
    /// CN of the wanted topmost issuer.
    pub preferred_chain: Option<String>,
    /// ACME profile.
    pub profile: Option<String>,
    /// E-mail SANs.
    pub email_addresses: Vec<String>,
    /// Leave the CN out of the CSR.
    pub disable_common_name: bool,
    /// Hours; decides when renewal begins.
    pub certificates_duration: i64,
    /// Whole time of one HTTP exchange with the CA.
    pub client_timeout: Duration,
    /// Time to the head of the CA's answer.
    pub client_response_header_timeout: Duration,
    /// Time for the CA to issue.
    pub certificate_timeout: Duration,
    /// Roots of a private CA: paths or PEM.
    pub ca_certificates: Vec<String>,
    /// Trust the public roots as well.
    pub ca_system_cert_pool: bool,
    /// Name to expect in the CA's own certificate.
    pub ca_server_name: Option<String>,
    /// External account binding.
    pub eab: Option<Eab>,
    /// HTTP-01.
    pub http_challenge: Option<HttpChallenge>,
    /// TLS-ALPN-01; not served yet.
    pub tls_challenge: Option<serde_json::Value>,
    /// DNS-01; not served yet.
    pub dns_challenge: Option<serde_json::Value>,
}

impl Default for Acme {
    fn default() -> Self {
        Self {
            email: None,
            ca_server: "https://acme-v02.api.letsencrypt.org/directory".into(),
            storage: "acme.json".into(),
            key_type: None,
            preferred_chain: None,
            profile: None,
            email_addresses: Vec::new(),
            disable_common_name: false,
            certificates_duration: 2160,
            client_timeout: Duration::from_secs(120),
            client_response_header_timeout: Duration::from_secs(30),
            certificate_timeout: Duration::from_secs(30),
            ca_certificates: Vec::new(),
            ca_system_cert_pool: false,
            ca_server_name: None,
            eab: None,
            http_challenge: None,
            tls_challenge: None,
            dns_challenge: None,
        }
    }
}

/// `acme.eab`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Eab {
    pub kid: String,
    /// base64url without padding.
    pub hmac_encoded: String,
}

/// `acme.httpChallenge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct HttpChallenge {
    pub entry_point: Option<String>,
    pub delay: Duration,
}
