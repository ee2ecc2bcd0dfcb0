//! Labels: whatever a service says, decoding ends, an object is decoded or refused and not both,
//! what is told is bounded, and the order of labels means nothing.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use swarmgate_config::decode::{Labels, decode_labels};
use swarmgate_config::finding::ObjectKind;

fn decode<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Labels {
    decode_labels("swarm", "s", labels)
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // An engine tells a map: no key twice.
    let labels: BTreeMap<&str, &str> =
        text.lines().map(|line| line.split_once('=').unwrap_or((line, ""))).collect();
    let decoded = decode(labels.iter().map(|(key, value)| (*key, *value)));
    assert!(decoded.configuration.findings.len() <= 201);
    for finding in &decoded.configuration.findings {
        assert!(finding.to_string().len() < 64 * 1024);
    }
    for (kind, name) in &decoded.refused {
        let known = match kind {
            ObjectKind::Router => decoded.configuration.routers.keys().any(|key| key == name),
            ObjectKind::Service => decoded.configuration.services.keys().any(|key| key == name),
            ObjectKind::Middleware => {
                decoded.configuration.middlewares.keys().any(|key| key == name)
            }
            _ => false,
        };
        assert!(!known, "{kind:?} {name} is decoded and refused");
    }
    let reversed = decode(labels.iter().rev().map(|(key, value)| (*key, *value)));
    assert_eq!(decoded, reversed);
});
