//! `metrics`: what is counted, and where it can be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `metrics`. Only Prometheus is served; the others are accepted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Metrics {
    /// Requests to the proxy's own services are counted, too.
    pub add_internals: bool,
    pub prometheus: Option<Prometheus>,
    pub otlp: Option<serde_json::Value>,
    pub datadog: Option<serde_json::Value>,
    #[serde(rename = "statsD")]
    pub stats_d: Option<serde_json::Value>,
    #[serde(rename = "influxDB2")]
    pub influx_db2: Option<serde_json::Value>,
}

/// `metrics.prometheus`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Prometheus {
    /// Count by entry point.
    pub add_entry_points_labels: bool,
    /// Count by router.
    pub add_routers_labels: bool,
    /// Count by service.
    pub add_services_labels: bool,
    /// Upper bounds of the histograms' buckets, seconds; `+Inf` is always there.
    pub buckets: Vec<f64>,
    /// Where `/metrics` is, without `manual_routing`.
    pub entry_point: String,
    /// No router is made for `prometheus@internal`.
    pub manual_routing: bool,
    /// Labels of the `..._requests_total` counters: label -> header whose value it shows.
    pub header_labels: BTreeMap<String, String>,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            add_entry_points_labels: true,
            add_routers_labels: false,
            add_services_labels: true,
            buckets: vec![0.1, 0.3, 1.2, 5.0],
            entry_point: "traefik".into(),
            manual_routing: false,
            header_labels: BTreeMap::new(),
        }
    }
}

impl Prometheus {
    /// Labels that the counters have of themselves; `__...` belongs to Prometheus.
    const TAKEN: &[&str] = &["code", "method", "protocol", "entrypoint", "router", "service"];

    /// Why a header label cannot be shown: its name is none for Prometheus, or is taken.
    pub fn bad_label(name: &str) -> Option<&'static str> {
        let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
        if Self::TAKEN.contains(&name) {
            Some("the counters have a label of that name")
        } else if name.starts_with("__") {
            Some("names that begin with __ are Prometheus' own")
        } else if !name.starts_with(letter)
            || !name.chars().all(|c| letter(c) || c.is_ascii_digit())
        {
            Some("that is no name for a label")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names() {
        for good in ["agent", "X_Test", "_a", "a1"] {
            assert_eq!(Prometheus::bad_label(good), None, "{good}");
        }
        for bad in ["", "1a", "user-agent", "a b", "\u{e9}", "__a", "code", "router"] {
            assert!(Prometheus::bad_label(bad).is_some(), "{bad}");
        }
    }
}
