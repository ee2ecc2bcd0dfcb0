//! What Traefik serves and Swarmgate does not yet: accepted, and said so.
//!
//! One table for the install configuration and one for the routing configuration. Kinds of
//! middlewares and services are not here: a router that uses an unserved one is disabled by
//! [`crate::check`], because half of it could be a router without its protection.

use super::patterns::matches;
use super::tree::{Id, Shape, Tree};
use crate::finding::{Finding, Severity};

type Table = [(&'static str, &'static str)];

const INSTALL: &Table = &[
    ("metrics.otlp", "metrics are told to Prometheus only"),
    ("metrics.datadog", "metrics are told to Prometheus only"),
    ("metrics.statsD", "metrics are told to Prometheus only"),
    ("metrics.influxDB2", "metrics are told to Prometheus only"),
    ("tracing", "no traces are sent"),
    ("experimental", "nothing in it has an effect"),
    ("hostResolver", "CNAMEs are not followed"),
    ("ocsp", "no OCSP answers are stapled"),
    ("spiffe", "no SPIFFE identities are fetched"),
    ("tcpServersTransport", "TCP routers are not served"),
    ("providers.consul", "nothing is read from it"),
    ("providers.etcd", "nothing is read from it"),
    ("providers.zooKeeper", "nothing is read from it"),
    ("providers.redis", "nothing is read from it"),
    ("providers.consulCatalog", "nothing is read from it"),
    ("providers.nomad", "nothing is read from it"),
    ("providers.ecs", "nothing is read from it"),
    ("providers.knative", "nothing is read from it"),
    ("providers.kubernetesIngress", "nothing is read from it"),
    ("providers.kubernetesIngressNGINX", "nothing is read from it"),
    ("providers.kubernetesCRD", "nothing is read from it"),
    ("providers.kubernetesGateway", "nothing is read from it"),
    ("providers.plugin", "plugins are not run"),
    ("entryPoints.*.http3", "clients get HTTP/2"),
    ("entryPoints.*.udp", "UDP routers are not served"),
    ("entryPoints.*.proxyProtocol", "PROXY protocol headers are not understood"),
    ("entryPoints.*.http2.maxDecoderHeaderTableSize", "the default size is used"),
    ("entryPoints.*.http2.maxEncoderHeaderTableSize", "the default size is used"),
    ("api.debug", "there are no debug endpoints"),
    ("log.otlp", "the log goes to its file or to standard output"),
    ("log.compress", "rotated files stay as they are"),
    ("accessLog.otlp", "the access log goes to its file or to standard output"),
    ("accessLog.dualOutput", "the access log goes to one place"),
    ("certificatesResolvers.*.tailscale", "this resolver gets no certificates"),
    ("certificatesResolvers.*.acme.tlsChallenge", "only the HTTP-01 challenge is"),
    ("certificatesResolvers.*.acme.dnsChallenge", "only the HTTP-01 challenge is"),
    ("serversTransport.spiffe", "no SPIFFE identities are fetched"),
];

const ROUTING: &Table = &[
    ("http.serversTransports.*.spiffe", "no SPIFFE identities are fetched"),
    ("tls.stores.*.defaultGeneratedCert", "the self-signed certificate stands in for it"),
];

/// Options that Traefik itself accepts without any effect.
const ROUTING_DEAD: &Table = &[
    ("http.middlewares.*.headers.featurePolicy", "use permissionsPolicy"),
    ("http.middlewares.*.headers.sslRedirect", "use a redirectScheme middleware"),
    ("http.middlewares.*.headers.sslTemporaryRedirect", "use a redirectScheme middleware"),
    ("http.middlewares.*.headers.sslHost", "use a redirectRegex middleware"),
    ("http.middlewares.*.headers.sslForceHost", "use a redirectRegex middleware"),
];

/// Findings about the install configuration, each with its node.
pub(super) fn install(tree: &Tree) -> Vec<(Id, Finding)> {
    scan(tree, INSTALL, "known but not served yet")
}

/// Findings about the routing configuration, each with its node.
pub(super) fn routing(tree: &Tree) -> Vec<(Id, Finding)> {
    let mut findings = scan(tree, ROUTING, "known but not served yet");
    findings.extend(scan(tree, ROUTING_DEAD, "accepted as in Traefik, where it has no effect"));
    if let Some(transports) = keyed(tree, &["http", "serversTransports"]) {
        let message = "servers transports cannot be given by labels, as in Traefik";
        let finding = Finding::new(Severity::Warning, tree.origin(transports), message);
        findings.push((transports, finding.expected("a file with http.serversTransports")));
    }
    findings
}

fn keyed(tree: &Tree, names: &[&str]) -> Option<Id> {
    if tree.source.is_file() {
        return None;
    }
    let id = tree.nearest(names);
    (tree.names(id).len() == names.len()).then_some(id)
}

fn scan(tree: &Tree, table: &Table, what: &str) -> Vec<(Id, Finding)> {
    matches(tree, table.iter().map(|(pattern, _)| *pattern))
        .into_iter()
        .filter(|(id, _)| !says_nothing(tree, *id))
        .map(|(id, index)| {
            let consequence = table.get(index).map_or("", |(_, consequence)| *consequence);
            let path = tree.path(id);
            let message = format!("{path} is {what}: {consequence}");
            (id, Finding::new(Severity::Warning, tree.origin(id), message))
        })
        .collect()
}

/// `false`, `0`, `keep` and empty values ask for what happens anyway.
fn says_nothing(tree: &Tree, id: Id) -> bool {
    let node = tree.node(id);
    match node.shape {
        Shape::List => !tree.has_children(id),
        _ if tree.has_children(id) => false,
        _ => node
            .scalars
            .last()
            .is_some_and(|scalar| matches!(&*scalar.text, "" | "false" | "0" | "keep")),
    }
}
