//! `headers`: custom headers, CORS and security headers.

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
    /// Whether any option says something, be it one without effect. Traefik refuses it otherwise.
    pub fn is_defined(&self) -> bool {
        let on = [self.ssl_redirect, self.ssl_temporary_redirect, self.ssl_force_host];
        let text = [&self.feature_policy, &self.ssl_host];
        let living = Self {
            feature_policy: None,
            ssl_redirect: None,
            ssl_temporary_redirect: None,
            ssl_host: None,
            ssl_force_host: None,
            ..self.clone()
        };
        on.contains(&Some(true))
            || text.into_iter().flatten().any(|text| !text.is_empty())
            || living != Self::default()
    }

    /// Whether any option about other origins is set: preflights are not the service's, then.
    pub fn has_cors(&self) -> bool {
        let lists = [
            &self.access_control_allow_headers,
            &self.access_control_allow_methods,
            &self.access_control_allow_origin_list,
            &self.access_control_allow_origin_list_regex,
            &self.access_control_expose_headers,
        ];
        self.access_control_allow_credentials
            || self.access_control_max_age.is_some()
            || self.add_vary_header
            || lists.into_iter().any(|list| !list.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defined() {
        // Options, whether they say anything, whether of other origins.
        for (options, defined, cors) in [
            ("{}", false, false),
            (r#"{"frameDeny":false}"#, false, false),
            (r#"{"sslRedirect":false}"#, false, false),
            (r#"{"featurePolicy":"","sslHost":""}"#, false, false),
            (r#"{"sslRedirect":true}"#, true, false),
            (r#"{"sslForceHost":true}"#, true, false),
            (r#"{"featurePolicy":"x"}"#, true, false),
            (r#"{"isDevelopment":true}"#, true, false),
            (r#"{"stsSeconds":-1}"#, true, false),
            (r#"{"accessControlMaxAge":0}"#, true, true),
            (r#"{"addVaryHeader":true}"#, true, true),
            (r#"{"accessControlAllowCredentials":true}"#, true, true),
            (r#"{"accessControlAllowHeaders":[""]}"#, true, true),
            (r#"{"accessControlAllowOriginListRegex":["x"]}"#, true, true),
        ] {
            let headers: Headers = serde_json::from_str(options).unwrap();
            assert_eq!((headers.is_defined(), headers.has_cors()), (defined, cors), "{options}");
        }
    }
}
