//! The install ("static") configuration as written.

mod acme;
mod address;
mod defaults;
mod entry_point;
mod metrics;
mod observe;
mod providers;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use self::acme::*;
pub use self::address::*;
pub use self::entry_point::*;
pub use self::metrics::*;
pub use self::observe::*;
pub use self::providers::*;
use crate::legacy::Facts;
use crate::routing::ServersTransport;

/// Everything that is read once at start (Traefik: install configuration).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Install {
    pub entry_points: BTreeMap<String, EntryPoint>,
    pub providers: Providers,
    pub certificates_resolvers: BTreeMap<String, CertificateResolver>,
    pub servers_transport: ServersTransport,
    pub api: Option<Api>,
    pub ping: Option<Ping>,
    pub log: Option<Log>,
    pub access_log: Option<AccessLog>,
    pub core: Option<Core>,
    pub global: Option<Global>,
    pub metrics: Option<Metrics>,
    /// Not served yet, as the five below.
    pub tracing: Option<serde_json::Value>,
    pub experimental: Option<serde_json::Value>,
    pub host_resolver: Option<serde_json::Value>,
    pub ocsp: Option<serde_json::Value>,
    pub spiffe: Option<serde_json::Value>,
    pub tcp_servers_transport: Option<serde_json::Value>,
    /// What v1 flags ask for beyond all of this.
    #[serde(skip)]
    pub v1: Facts,
}

/// `core`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Core {
    pub default_rule_syntax: Option<String>,
    #[serde(rename = "strictTLSOptions")]
    pub strict_tls_options: bool,
}

/// `global`; accepted, without effect: Swarmgate calls nobody.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Global {
    pub check_new_version: Option<bool>,
    pub send_anonymous_usage: Option<bool>,
    pub not_append_x_forwarded_for: Option<bool>,
}
