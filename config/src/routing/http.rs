//! HTTP routers, services and servers transports as written.
//!
//! There may be ten thousand of them: what few of them have is boxed.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::is_default;
use crate::rule::Syntax;
use crate::scalar::Duration;

/// `http.routers.<name>` (Traefik: routing configuration, HTTP routers).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Router {
    /// Names of entry points; empty means the default ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entry_points: Vec<String>,
    /// References to middlewares, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
    /// Reference to a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The rule's text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Parents of a layered router.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parent_refs: Vec<String>,
    /// `v2` or `v3`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_syntax: Option<String>,
    /// Explicit priority; `None` or 0 means the rule's length in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i64>,
    /// TLS, if the router is for TLS connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Box<RouterTls>>,
    /// Per-router observability; checked routers share what is equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observability: Option<Arc<Observability>>,
    /// The rule was rendered from the provider's default rule.
    #[serde(skip)]
    pub default_rule: bool,
}

impl Router {
    /// The syntax of its rule, where the check has filled in the default one. Rules that providers
    /// render are ours; an unknown word means v3, as in Traefik.
    pub fn syntax(&self) -> Syntax {
        match self.rule_syntax.as_deref() {
            Some("v2") if !self.default_rule => Syntax::V2,
            _ => Syntax::V3,
        }
    }
}

/// `tls` of a router.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouterTls {
    /// Reference to TLS options.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<String>,
    /// Name of a certificate resolver of the install configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert_resolver: Option<String>,
    /// Certificates to order; empty means the rule's hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<Domain>,
}

/// The names of one certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Domain {
    /// The first name.
    pub main: String,
    /// Further names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sans: Vec<String>,
}

/// `observability` of a router or entry point.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Observability {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracing: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_verbosity: Option<String>,
}

/// `http.services.<name>`: exactly one of its kinds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Balances over servers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<LoadBalancer>,
    /// Balances over services (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weighted: Option<Box<serde_json::Value>>,
    /// Highest random weight over services (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub highest_random_weight: Option<Box<serde_json::Value>>,
    /// Copies requests (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirroring: Option<Box<serde_json::Value>>,
    /// Falls back (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failover: Option<Box<serde_json::Value>>,
    /// Middlewares around the service (not served yet).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub middlewares: Vec<String>,
}

/// `loadBalancer` of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LoadBalancer {
    /// Sticky sessions (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sticky: Option<Box<Sticky>>,
    /// The servers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<Server>,
    /// The label form: one server whose address the provider fills in.
    #[serde(skip_serializing)]
    pub server: Option<Box<LabelServer>>,
    /// `wrr` when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Active health check (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<Box<HealthCheck>>,
    /// Passive health check (not served yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passive_health_check: Option<Box<PassiveHealthCheck>>,
    /// Whether the server sees the client's `Host`; true when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass_host_header: Option<bool>,
    /// Flushing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_forwarding: Option<ResponseForwarding>,
    /// Reference to a servers transport.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub servers_transport: Option<String>,
    /// Set by the Swarm provider where the servers are, or stand for, Swarm tasks.
    #[serde(skip)]
    pub swarm: Option<SwarmBackend>,
}

/// What the Swarm provider knows of a service beside its addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwarmBackend {
    /// The one server is the service's VIP: Swarm balances connections behind it.
    pub vip: bool,
    /// Running tasks. 0 means: answer 503, whatever the servers say.
    pub running_tasks: u32,
}

/// One server of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Server {
    /// `scheme://host[:port]`.
    pub url: String,
    /// 1 when unset; 0 or less takes the server out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<i64>,
    /// Whether the URL's path is put before the request's.
    #[serde(skip_serializing_if = "is_default")]
    pub preserve_path: bool,
}

/// `loadbalancer.server` of the label form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelServer {
    /// Container port, as text because Traefik takes it so.
    pub port: Option<String>,
    /// `http` (default), `https` or `h2c`.
    pub scheme: Option<String>,
    /// A whole URL; excludes port and scheme.
    pub url: Option<String>,
    /// As [`Server::weight`].
    pub weight: Option<i64>,
    /// As [`Server::preserve_path`].
    pub preserve_path: Option<bool>,
}

/// `sticky` of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Sticky {
    /// The cookie; presence alone turns it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<Cookie>,
}

/// `sticky.cookie`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Cookie {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub secure: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub http_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_site: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub max_age: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
}

/// `healthCheck` of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct HealthCheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_interval: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follow_redirects: Option<bool>,
    #[serde(skip_serializing_if = "is_default")]
    pub headers: BTreeMap<String, String>,
}

/// `passiveHealthCheck` of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct PassiveHealthCheck {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_window: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_failed_attempts: Option<i64>,
}

/// `responseForwarding` of a load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResponseForwarding {
    /// 100 ms when unset; negative flushes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flush_interval: Option<Duration>,
}

/// `http.serversTransports.<name>`, also the install configuration's `serversTransport`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ServersTransport {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_name: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub insecure_skip_verify: bool,
    #[serde(rename = "rootCAs", skip_serializing_if = "is_default")]
    pub root_cas: Vec<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub certificates: Vec<Certificate>,
    #[serde(skip_serializing_if = "is_default")]
    pub cipher_suites: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_idle_conns_per_host: Option<i64>,
    #[serde(rename = "disableHTTP2", skip_serializing_if = "is_default")]
    pub disable_http2: bool,
    #[serde(rename = "peerCertURI", skip_serializing_if = "Option::is_none")]
    pub peer_cert_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forwarding_timeouts: Option<ForwardingTimeouts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe: Option<serde_json::Value>,
}

use super::Certificate;

/// `forwardingTimeouts` of a servers transport.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ForwardingTimeouts {
    /// 30 s when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<Duration>,
    /// No limit when unset or 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_header_timeout: Option<Duration>,
    /// 90 s when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idle_conn_timeout: Option<Duration>,
    /// HTTP/2: no ping when unset or 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_idle_timeout: Option<Duration>,
    /// HTTP/2: 15 s when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ping_timeout: Option<Duration>,
}
