//! Groups that a bare mention turns on and `false` turns off, whatever stands below them
//! (Traefik: install configuration, decoding, "struct set by presence").

use super::de::parse_bool;
use super::patterns::matches;
use super::text::quote;
use super::tree::{Shape, Tree};
use crate::finding::{Finding, Severity};

/// The groups of the install configuration.
pub(super) const INSTALL: &[&str] = &[
    "api",
    "ping",
    "log.otlp",
    "log.otlp.http",
    "log.otlp.grpc",
    "log",
    "accessLog",
    "accessLog.otlp",
    "accessLog.otlp.http",
    "accessLog.otlp.grpc",
    "tracing",
    "tracing.otlp",
    "tracing.otlp.http",
    "tracing.otlp.grpc",
    "metrics.prometheus",
    "metrics.otlp",
    "metrics.otlp.http",
    "metrics.otlp.grpc",
    "metrics.datadog",
    "metrics.statsD",
    "metrics.influxDB2",
    "hostResolver",
    "ocsp",
    "providers.docker",
    "providers.swarm",
    "providers.rest",
    "providers.http",
    "providers.consul",
    "providers.etcd",
    "providers.zooKeeper",
    "providers.redis",
    "providers.ecs",
    "providers.nomad",
    "providers.consulCatalog",
    "providers.knative",
    "providers.kubernetesIngress",
    "providers.kubernetesIngressNGINX",
    "providers.kubernetesCRD",
    "providers.kubernetesGateway",
    "entryPoints.*.http.tls",
    "entryPoints.*.http3",
    "entryPoints.*.proxyProtocol",
    "certificatesResolvers.*.acme.httpChallenge",
    "certificatesResolvers.*.acme.tlsChallenge",
    "certificatesResolvers.*.acme.dnsChallenge",
    "certificatesResolvers.*.tailscale",
    "experimental.fastProxy",
    "tcpServersTransport.tls",
    // Of v2; without effect today, see `legacy`.
    "metrics.influxDB",
    "pilot",
    "hub",
];

/// The groups of the routing configuration.
pub(super) const ROUTING: &[&str] = &[
    "http.routers.*.tls",
    "http.services.*.loadBalancer.sticky",
    "http.services.*.loadBalancer.sticky.cookie",
    "http.services.*.weighted.sticky",
    "http.services.*.weighted.sticky.cookie",
    "http.services.*.weighted.healthCheck",
    "http.services.*.highestRandomWeight.healthCheck",
    "http.services.*.mirroring.healthCheck",
    "http.services.*.failover.healthCheck",
    "http.middlewares.*.compress",
    "http.middlewares.*.contentType",
];

/// Applies the rule to the tree: afterwards such a group is either a plain group or gone.
///
/// The findings tell of values that switch off without saying `false`.
pub(super) fn resolve(tree: &mut Tree, groups: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, _) in matches(tree, groups.iter().copied()) {
        let node = tree.node(id);
        let Some(scalar) = node.scalars.last().filter(|_| node.shape != Shape::List) else {
            continue;
        };
        let text = scalar.text.to_string();
        if text.is_empty() || text.eq_ignore_ascii_case("true") {
            let node = tree.node_mut(id);
            node.scalars.clear();
            node.shape = Shape::Map;
            continue;
        }
        if parse_bool(&text) != Some(false) {
            let message = format!(
                "{} turns {} off, as everything but true does here",
                quote(&text),
                quote(&node.name)
            );
            let finding = Finding::new(Severity::Warning, tree.origin(id), message);
            findings.push(finding.expected("true or false"));
        }
        tree.node_mut(id).removed = true;
    }
    findings
}
