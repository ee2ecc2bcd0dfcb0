//! Middlewares that change bodies or hand the client's certificate on.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::routing::is_default;

/// `compress`; presence alone turns it on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Compress {
    #[serde(skip_serializing_if = "is_default")]
    pub excluded_content_types: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub included_content_types: Vec<String>,
    /// 0 and less: the default, 1024.
    #[serde(skip_serializing_if = "is_default")]
    pub min_response_body_bytes: i64,
    /// In order of preference; an empty list is none at all, and the default stays.
    #[serde(skip_serializing_if = "is_default", deserialize_with = "encodings")]
    pub encodings: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub default_encoding: String,
}

impl Default for Compress {
    fn default() -> Self {
        Self {
            excluded_content_types: Vec::new(),
            included_content_types: Vec::new(),
            min_response_body_bytes: 0,
            encodings: ["gzip", "br", "zstd"].map(String::from).into(),
            default_encoding: String::new(),
        }
    }
}

fn encodings<'de, D: Deserializer<'de>>(written: D) -> Result<Vec<String>, D::Error> {
    let encodings = Vec::deserialize(written)?;
    Ok(if encodings.is_empty() { Compress::default().encodings } else { encodings })
}

/// `contentType`; presence alone turns it on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ContentType {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_detect: Option<bool>,
}

/// `buffering`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Buffering {
    #[serde(skip_serializing_if = "is_default")]
    pub max_request_body_bytes: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub mem_request_body_bytes: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub max_response_body_bytes: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub mem_response_body_bytes: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub retry_expression: String,
}

/// `errors`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Errors {
    #[serde(skip_serializing_if = "is_default")]
    pub status: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub status_rewrites: BTreeMap<String, i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub service: String,
    #[serde(skip_serializing_if = "is_default")]
    pub query: String,
    #[serde(skip_serializing_if = "is_default")]
    pub error_request_headers: Vec<String>,
}

/// `grpcWeb`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct GrpcWeb {
    #[serde(skip_serializing_if = "is_default")]
    pub allow_origins: Vec<String>,
}

/// `passTLSClientCert`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct PassTlsClientCert {
    #[serde(skip_serializing_if = "is_default")]
    pub pem: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<TlsClientCertInfo>,
}

/// `passTLSClientCert.info`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct TlsClientCertInfo {
    #[serde(skip_serializing_if = "is_default")]
    pub not_after: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub not_before: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub sans: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub serial_number: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<DistinguishedName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<DistinguishedName>,
}

/// Parts of a certificate's subject or issuer to hand on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct DistinguishedName {
    #[serde(skip_serializing_if = "is_default")]
    pub country: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub province: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub locality: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub organization: bool,
    /// Subject only.
    #[serde(skip_serializing_if = "is_default")]
    pub organizational_unit: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub common_name: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub serial_number: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub domain_component: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_that_nobody_lists() {
        let all = ["gzip", "br", "zstd"];
        for (written, expected) in [
            ("{}", &all[..]),
            (r#"{"encodings":[]}"#, &all),
            (r#"{"encodings":["br"]}"#, &["br"]),
            (r#"{"encodings":[""]}"#, &[""]),
        ] {
            let compress: Compress = serde_json::from_str(written).unwrap();
            assert_eq!(compress.encodings, expected, "{written}");
            let shown = serde_json::to_value(&compress).unwrap();
            assert_eq!(shown, serde_json::json!({ "encodings": expected }), "{written}");
        }
    }
}
