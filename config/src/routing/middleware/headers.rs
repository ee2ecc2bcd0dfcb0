//! `headers`: custom headers (served), CORS and security headers (not served yet).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::routing::is_default;

/// `headers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Headers {
    /// Set on the request; an empty value removes the header.
    #[serde(skip_serializing_if = "is_default")]
    pub custom_request_headers: BTreeMap<String, String>,
    /// Set on the response; an empty value removes the header.
    #[serde(skip_serializing_if = "is_default")]
    pub custom_response_headers: BTreeMap<String, String>,

    #[serde(skip_serializing_if = "is_default")]
    pub access_control_allow_credentials: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub access_control_allow_headers: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub access_control_allow_methods: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub access_control_allow_origin_list: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub access_control_allow_origin_list_regex: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub access_control_expose_headers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_control_max_age: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub add_vary_header: bool,

    #[serde(skip_serializing_if = "is_default")]
    pub allowed_hosts: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub hosts_proxy_headers: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub ssl_proxy_headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "is_default")]
    pub sts_seconds: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub sts_include_subdomains: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub sts_preload: bool,
    #[serde(rename = "forceSTSHeader", skip_serializing_if = "is_default")]
    pub force_sts_header: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub frame_deny: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub custom_frame_options_value: String,
    #[serde(skip_serializing_if = "is_default")]
    pub content_type_nosniff: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub browser_xss_filter: bool,
    #[serde(rename = "customBrowserXSSValue", skip_serializing_if = "is_default")]
    pub custom_browser_xss_value: String,
    #[serde(skip_serializing_if = "is_default")]
    pub content_security_policy: String,
    #[serde(skip_serializing_if = "is_default")]
    pub content_security_policy_report_only: String,
    #[serde(skip_serializing_if = "is_default")]
    pub public_key: String,
    #[serde(skip_serializing_if = "is_default")]
    pub referrer_policy: String,
    #[serde(skip_serializing_if = "is_default")]
    pub permissions_policy: String,
    #[serde(skip_serializing_if = "is_default")]
    pub is_development: bool,

    // Traefik v3 accepts these and does nothing with them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_redirect: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_temporary_redirect: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_host: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssl_force_host: Option<bool>,
}

impl Headers {
    /// Whether any option is set that is served: custom request or response headers.
    pub fn sets_served_options(&self) -> bool {
        !self.custom_request_headers.is_empty() || !self.custom_response_headers.is_empty()
    }
}
