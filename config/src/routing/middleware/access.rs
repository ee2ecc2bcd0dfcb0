//! Middlewares that decide who may pass.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::routing::is_default;

/// `basicAuth`. Its `Debug` shows no hashes.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct BasicAuth {
    #[serde(skip_serializing_if = "is_default")]
    pub users: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub users_file: String,
    #[serde(skip_serializing_if = "is_default")]
    pub realm: String,
    #[serde(skip_serializing_if = "is_default")]
    pub remove_header: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub header_field: String,
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("users", &format_args!("[{} of them]", self.users.len()))
            .field("users_file", &self.users_file)
            .field("realm", &self.realm)
            .field("remove_header", &self.remove_header)
            .field("header_field", &self.header_field)
            .finish()
    }
}

/// `digestAuth`: as `basicAuth`, but users are `name:realm:hash`.
pub type DigestAuth = BasicAuth;

/// `forwardAuth`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ForwardAuth {
    #[serde(skip_serializing_if = "is_default")]
    pub address: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ForwardAuthTls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_forward_header: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub auth_response_headers: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub auth_response_headers_regex: String,
    #[serde(skip_serializing_if = "is_default")]
    pub auth_request_headers: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub add_auth_cookies_to_response: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub header_field: String,
    #[serde(skip_serializing_if = "is_default")]
    pub forward_body: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_body_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_response_body_size: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub preserve_location_header: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub preserve_request_method: bool,
    #[serde(rename = "authSigninURL", skip_serializing_if = "is_default")]
    pub auth_signin_url: String,
}

impl Default for ForwardAuth {
    fn default() -> Self {
        Self {
            address: String::new(),
            tls: None,
            trust_forward_header: None,
            auth_response_headers: Vec::new(),
            auth_response_headers_regex: String::new(),
            auth_request_headers: Vec::new(),
            add_auth_cookies_to_response: Vec::new(),
            header_field: String::new(),
            forward_body: false,
            max_body_size: Some(-1),
            max_response_body_size: None,
            preserve_location_header: false,
            preserve_request_method: false,
            auth_signin_url: String::new(),
        }
    }
}

/// `forwardAuth.tls`: each a path or the PEM itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ForwardAuthTls {
    #[serde(skip_serializing_if = "is_default")]
    pub ca: String,
    #[serde(skip_serializing_if = "is_default")]
    pub cert: String,
    #[serde(skip_serializing_if = "is_default")]
    pub key: String,
    #[serde(skip_serializing_if = "is_default")]
    pub insecure_skip_verify: bool,
    /// v2; without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_optional: Option<bool>,
}

/// `ipStrategy`: which address counts as the client's.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct IpStrategy {
    #[serde(skip_serializing_if = "is_default")]
    pub depth: i64,
    #[serde(rename = "excludedIPs", skip_serializing_if = "is_default")]
    pub excluded_ips: Vec<String>,
    #[serde(rename = "ipv6Subnet", skip_serializing_if = "Option::is_none")]
    pub ipv6_subnet: Option<i64>,
}

/// `ipAllowList`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct IpAllowList {
    #[serde(skip_serializing_if = "is_default")]
    pub source_range: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reject_status_code: Option<i64>,
}

/// `ipWhiteList`: the older name of `ipAllowList`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct IpWhiteList {
    #[serde(skip_serializing_if = "is_default")]
    pub source_range: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
}

/// `encodedCharacters`: escapes that are let through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct EncodedCharacters {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_slash: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_back_slash: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_null_character: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_semicolon: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_percent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_question_mark: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_encoded_hash: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_hashes() {
        let written = BasicAuth { users: vec!["bob:$apr1$x$y".into()], ..Default::default() };
        let text = format!("{written:?}");
        assert!(text.contains("[1 of them]") && !text.contains("apr1"), "{text}");
    }
}
