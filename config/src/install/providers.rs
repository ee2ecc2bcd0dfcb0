//! `providers`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scalar::Duration;

/// The providers that Traefik knows, in the order in which they win among equal priorities, best
/// first (Traefik: `providers.precedence`).
pub const PRECEDENCE: [&str; 17] = [
    "kubernetesgateway",
    "kubernetescrd",
    "kubernetes",
    "kubernetesingressnginx",
    "swarm",
    "docker",
    "file",
    "redis",
    "knative",
    "consul",
    "consulcatalog",
    "nomad",
    "etcd",
    "ecs",
    "http",
    "zookeeper",
    "rest",
];

/// `providers`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Providers {
    pub providers_throttle_duration: Duration,
    pub precedence: Vec<String>,
    pub docker: Option<Docker>,
    pub swarm: Option<Docker>,
    pub file: Option<File>,
    pub http: Option<Http>,
    pub rest: Option<Rest>,
    /// Not served yet, as all below.
    pub consul: Option<serde_json::Value>,
    pub etcd: Option<serde_json::Value>,
    pub zoo_keeper: Option<serde_json::Value>,
    pub redis: Option<serde_json::Value>,
    pub consul_catalog: Option<serde_json::Value>,
    pub nomad: Option<serde_json::Value>,
    pub ecs: Option<serde_json::Value>,
    pub knative: Option<serde_json::Value>,
    pub kubernetes_ingress: Option<serde_json::Value>,
    #[serde(rename = "kubernetesIngressNGINX")]
    pub kubernetes_ingress_nginx: Option<serde_json::Value>,
    #[serde(rename = "kubernetesCRD")]
    pub kubernetes_crd: Option<serde_json::Value>,
    pub kubernetes_gateway: Option<serde_json::Value>,
    pub plugin: Option<serde_json::Value>,
}

impl Default for Providers {
    fn default() -> Self {
        Self {
            providers_throttle_duration: Duration::from_secs(2),
            precedence: Vec::new(),
            docker: None,
            swarm: None,
            file: None,
            http: None,
            rest: None,
            consul: None,
            etcd: None,
            zoo_keeper: None,
            redis: None,
            consul_catalog: None,
            nomad: None,
            ecs: None,
            knative: None,
            kubernetes_ingress: None,
            kubernetes_ingress_nginx: None,
            kubernetes_crd: None,
            kubernetes_gateway: None,
            plugin: None,
        }
    }
}

/// `providers.docker` and `providers.swarm`: the same options but for the last two.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Docker {
    /// `unix:///var/run/docker.sock` when unset; `tcp://` and `http://` too. Several with commas
    /// between them: managers of one Swarm, of which one is asked.
    pub endpoint: String,
    /// HTTP Basic, only with a password.
    pub username: Option<String>,
    /// HTTP Basic.
    pub password: Option<String>,
    /// TLS towards the engine.
    pub tls: Option<ClientTls>,
    /// No limit when 0.
    pub http_client_timeout: Duration,
    /// Whether to follow changes after the first listing.
    pub watch: bool,
    /// Whether containers without `traefik.enable` are exposed.
    pub exposed_by_default: bool,
    /// Constraints expression over labels.
    pub constraints: Option<String>,
    /// Go template of the rule of routers that have none.
    pub default_rule: Option<String>,
    /// Network that leads to the servers.
    pub network: Option<String>,
    /// Docker only.
    #[serde(rename = "useBindPortIP")]
    pub use_bind_port_ip: bool,
    /// Whether a service without healthy containers is kept.
    pub allow_empty_services: bool,
    /// Swarm only: the slow resync behind the events.
    pub refresh_seconds: Option<Duration>,
    /// v2's `providers.docker.swarmMode`: the Swarm provider under the provider name `docker`.
    pub swarm_mode: bool,
    /// v2's name of `refreshSeconds`.
    pub swarm_mode_refresh_seconds: Option<Duration>,
}

impl Default for Docker {
    fn default() -> Self {
        Self {
            endpoint: "unix:///var/run/docker.sock".into(),
            username: None,
            password: None,
            tls: None,
            http_client_timeout: Duration::default(),
            watch: true,
            exposed_by_default: true,
            constraints: None,
            default_rule: None,
            network: None,
            use_bind_port_ip: false,
            allow_empty_services: false,
            refresh_seconds: None,
            swarm_mode: false,
            swarm_mode_refresh_seconds: None,
        }
    }
}

/// A client's TLS: each a path or the PEM itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ClientTls {
    pub ca: Option<String>,
    pub cert: Option<String>,
    pub key: Option<String>,
    pub insecure_skip_verify: bool,
    /// v2; without effect.
    pub ca_optional: Option<bool>,
}

/// `providers.file`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct File {
    pub filename: Option<String>,
    pub directory: Option<String>,
    pub watch: bool,
    pub debug_log_generated_template: bool,
}

impl Default for File {
    fn default() -> Self {
        Self { filename: None, directory: None, watch: true, debug_log_generated_template: false }
    }
}

/// `providers.http`: routing configuration that an HTTP server hands out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Http {
    /// Where it is; without it the provider does not run.
    pub endpoint: String,
    /// Between one request and the next; has to be more than zero.
    pub poll_interval: Duration,
    /// For one request.
    pub poll_timeout: Duration,
    /// Headers of the request.
    pub headers: BTreeMap<String, String>,
    /// The longest answer in bytes; negative is Traefik's "no limit".
    pub max_response_body_size: i64,
    /// TLS towards the server.
    pub tls: Option<ClientTls>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            poll_interval: Duration::from_secs(5),
            poll_timeout: Duration::from_secs(5),
            headers: BTreeMap::new(),
            max_response_body_size: -1,
            tls: None,
        }
    }
}

/// `providers.rest`: routing configuration that somebody puts to `/api/providers/rest`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Rest {
    /// Whether a router on the entry point `traefik` leads there.
    pub insecure: bool,
}
