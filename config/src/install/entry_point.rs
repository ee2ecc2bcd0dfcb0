//! `entryPoints.<name>`.

use serde::{Deserialize, Serialize};

use crate::routing::{EncodedCharacters, Observability, RouterTls, is_default};
use crate::scalar::Duration;

/// `entryPoints.<name>`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct EntryPoint {
    /// `[host]:port[/tcp|/udp]`.
    #[serde(skip_serializing_if = "is_default")]
    pub address: String,
    #[serde(skip_serializing_if = "is_default")]
    pub as_default: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub reuse_port: bool,
    #[serde(rename = "allowACMEByPass", skip_serializing_if = "is_default")]
    pub allow_acme_bypass: bool,
    pub transport: Transport,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<ProxyProtocol>,
    pub forwarded_headers: ForwardedHeaders,
    pub http: EntryPointHttp,
    pub http2: Http2,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http3: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp: Option<serde_json::Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Observability>,
}

/// `entryPoints.<name>.transport`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Transport {
    pub life_cycle: LifeCycle,
    pub responding_timeouts: RespondingTimeouts,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive_max_time: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_alive_max_requests: Option<i64>,
}

/// `transport.lifeCycle`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct LifeCycle {
    #[serde(skip_serializing_if = "is_default")]
    pub request_accept_grace_timeout: Duration,
    pub grace_time_out: Duration,
}

impl Default for LifeCycle {
    fn default() -> Self {
        Self {
            request_accept_grace_timeout: Duration::default(),
            grace_time_out: Duration::from_secs(10),
        }
    }
}

/// `transport.respondingTimeouts`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct RespondingTimeouts {
    pub read_timeout: Duration,
    #[serde(skip_serializing_if = "is_default")]
    pub write_timeout: Duration,
    pub idle_timeout: Duration,
}

impl Default for RespondingTimeouts {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::default(),
            idle_timeout: Duration::from_secs(180),
        }
    }
}

/// `proxyProtocol`; not served yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ProxyProtocol {
    #[serde(skip_serializing_if = "is_default")]
    pub insecure: bool,
    #[serde(rename = "trustedIPs", skip_serializing_if = "is_default")]
    pub trusted_ips: Vec<String>,
}

/// `forwardedHeaders`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ForwardedHeaders {
    #[serde(skip_serializing_if = "is_default")]
    pub insecure: bool,
    #[serde(rename = "trustedIPs", skip_serializing_if = "is_default")]
    pub trusted_ips: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub connection: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub not_append_x_forwarded_for: bool,
}

/// `entryPoints.<name>.http`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct EntryPointHttp {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirections: Option<Redirections>,
    #[serde(skip_serializing_if = "is_default")]
    pub middlewares: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<RouterTls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// All are let through when unset (the middleware of the same name denies them).
    pub encoded_characters: Option<EncodedCharacters>,
    #[serde(skip_serializing_if = "is_default")]
    pub encode_query_semicolons: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sanitize_path: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_header_bytes: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alias_headers_strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub underscore_headers_strategy: Option<String>,
}

/// `http.redirections`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Redirections {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_point: Option<RedirectEntryPoint>,
}

/// `http.redirections.entryPoint`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RedirectEntryPoint {
    /// Name of an entry point, or `:port`.
    pub to: String,
    /// `https` when unset.
    pub scheme: String,
    /// True when unset.
    pub permanent: bool,
    /// 2^63 - 2 when unset.
    pub priority: i64,
}

impl Default for RedirectEntryPoint {
    fn default() -> Self {
        Self { to: String::new(), scheme: "https".into(), permanent: true, priority: i64::MAX - 1 }
    }
}

/// `http2`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Http2 {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_concurrent_streams: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_decoder_header_table_size: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_encoder_header_table_size: Option<i64>,
}
