//! `/api/entrypoints`: the install configuration's entry points with their defaults filled in.

use serde_json::{Value, json};
use swarmgate_config::install::EntryPoint;

use super::Scene;
use super::json::prune;
use super::list::{Key, Page};

pub(super) fn list(scene: &Scene<'_>) -> Result<Page, String> {
    let entry_points = scene.state.install.entry_points_or_default();
    let mut rows: Vec<(String, EntryPoint)> =
        entry_points.into_iter().filter(|(name, _)| scene.query.finds(&[name])).collect();
    scene.query.sort(&mut rows, |(name, _)| (Key::Number(0), name.clone()));
    scene.query.page(rows, |(name, written)| show(&name, &written))
}

pub(super) fn one(scene: &Scene<'_>, name: &str) -> Option<Value> {
    let entry_points = scene.state.install.entry_points_or_default();
    entry_points.get(name).map(|written| show(name, written))
}

fn show(name: &str, written: &EntryPoint) -> Value {
    let mut shown = serde_json::to_value(written).unwrap_or_default();
    prune(&mut shown);
    default(&mut shown, "udp", json!({ "timeout": "3s" }));
    if let Some(http) = shown.get_mut("http") {
        // Traefik shows this one even where it is false.
        let sanitize = written.http.sanitize_path.unwrap_or(true);
        default(http, "sanitizePath", sanitize.into());
        default(http, "maxHeaderBytes", 1_048_576.into());
    }
    if let Some(http2) = shown.get_mut("http2") {
        default(http2, "maxConcurrentStreams", 250.into());
        default(http2, "maxDecoderHeaderTableSize", 4_096.into());
        default(http2, "maxEncoderHeaderTableSize", 4_096.into());
    }
    if let Value::Object(shown) = &mut shown {
        shown.insert("name".into(), name.into());
    }
    shown
}

fn default(object: &mut Value, key: &str, value: Value) {
    if let Value::Object(map) = object {
        map.entry(key).or_insert(value);
    }
}
