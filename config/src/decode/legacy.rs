//! Options of v2 that v3 removed: accepted, because a v2 file must start, and explained.

use super::de::parse_bool;
use super::patterns::matches;
use super::tree::{ROOT, Tree};
use crate::finding::{Finding, Severity};

/// What becomes of a removed option.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    /// It still works.
    Works,
    /// It has no effect, and the model knows it.
    Dead,
    /// It has no effect, and the model does not know it.
    Cut,
}

const OPTIONS: &[(&str, Fate, &str)] = &[
    ("providers.docker.swarmMode", Fate::Works, "providers.swarm"),
    ("providers.docker.swarmModeRefreshSeconds", Fate::Works, "providers.swarm.refreshSeconds"),
    ("providers.docker.tls.caOptional", Fate::Dead, "remove it"),
    ("providers.swarm.tls.caOptional", Fate::Dead, "remove it"),
    ("providers.http.tls.caOptional", Fate::Dead, "remove it"),
    ("providers.consul.namespace", Fate::Dead, "providers.consul.namespaces"),
    ("providers.consulCatalog.namespace", Fate::Dead, "providers.consulCatalog.namespaces"),
    ("providers.nomad.namespace", Fate::Dead, "providers.nomad.namespaces"),
    ("providers.marathon", Fate::Cut, "the provider is gone, remove it"),
    ("providers.rancher", Fate::Cut, "the provider is gone, remove it"),
    ("pilot", Fate::Cut, "remove it"),
    ("hub", Fate::Cut, "remove it"),
    ("experimental.http3", Fate::Dead, "entryPoints.<name>.http3"),
    ("entryPoints.*.enableHTTP3", Fate::Cut, "entryPoints.<name>.http3"),
    ("tracing.jaeger", Fate::Dead, "tracing.otlp"),
    ("tracing.zipkin", Fate::Dead, "tracing.otlp"),
    ("tracing.datadog", Fate::Dead, "tracing.otlp"),
    ("tracing.instana", Fate::Dead, "tracing.otlp"),
    ("tracing.haystack", Fate::Dead, "tracing.otlp"),
    ("tracing.elastic", Fate::Dead, "tracing.otlp"),
    ("tracing.spanNameLimit", Fate::Dead, "remove it"),
    ("metrics.influxDB", Fate::Cut, "metrics.influxDB2"),
];

/// Routing keys, which Traefik passes over in a file of install configuration.
const ROUTING_KEYS: &[&str] = &["http", "tcp", "udp", "tls"];

/// Says what is old, and cuts out what the model does not know.
pub(super) fn resolve(tree: &mut Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, index) in matches(tree, OPTIONS.iter().map(|(pattern, ..)| *pattern)) {
        let Some((_, fate, instead)) = OPTIONS.get(index) else { continue };
        let scalar = tree.node(id).scalars.last().map(|scalar| scalar.text.to_string());
        // `swarmMode: false` asks for what v3 does.
        let asks_nothing = scalar.as_deref().and_then(parse_bool) == Some(false);
        if *fate == Fate::Cut {
            tree.node_mut(id).removed = true;
        }
        if asks_nothing {
            continue;
        }
        let path = tree.path(id);
        let message = match fate {
            Fate::Works => format!("{path} is of Traefik v2: it works here as it did there"),
            Fate::Dead | Fate::Cut => format!("{path} is of Traefik v2: it has no effect"),
        };
        let finding = Finding::new(Severity::Warning, tree.origin(id), message);
        findings.push(finding.expected(format!("in v3: {instead}")));
    }
    if tree.source.is_file() {
        for id in tree.children(ROOT).collect::<Vec<_>>() {
            let name = tree.node(id).name.to_ascii_lowercase();
            if ROUTING_KEYS.contains(&name.as_str()) {
                let message = format!(
                    "{name} is routing configuration, which is not read from this file: it has no \
                     effect"
                );
                let finding = Finding::new(Severity::Warning, tree.origin(id), message);
                findings.push(
                    finding.expected("it in a file of its own that providers.file.filename names"),
                );
                tree.node_mut(id).removed = true;
            } else if name.starts_with("x-") {
                // Holds YAML anchors.
                tree.node_mut(id).removed = true;
            }
        }
    }
    findings
}
