//! Whatever the outside writes, decoding comes to an end and says something of bounded size.

use proptest::prelude::*;

use super::install::Fixture;
use crate::decode::{Format, Labels, decode_labels, decode_routing_file, load_install};

/// Words that lead deep into the model, words that nobody knows, and signs that mean something.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "http", "routers", "services", "middlewares", "tls", "stores", "default", "r", "R",
            "rule", "entrypoints", "loadbalancer", "server", "servers", "port", "url", "headers",
            "customrequestheaders", "domains", "main", "sans", "sticky", "cookie", "compress",
            "enable", "enabled", "docker", "swarm", "network", "lbswarm", "tcp", "frontend",
            "entryPoints", "providers", "api", "ping", "log", "level", "address", "web", "0", "[0]",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
        1 => prop::sample::select(vec!["", "[", "]", "a[0]", "a[0", "é", "\u{0}", "Ⱥ"])
            .prop_map(str::to_owned),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 0..9).prop_map(|words| words.join("."))
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec!["true", "false", "", "1", "-1", "80", "a,b", "1s", "{{x}}", "x"])
            .prop_map(str::to_owned),
        "\\PC{0,20}",
    ]
}

fn labels(pairs: &[(String, String)]) -> Labels {
    decode_labels("swarm", "s", pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn labels_of_any_kind(pairs in prop::collection::vec((key(), value()), 0..12)) {
        let pairs: Vec<(String, String)> =
            pairs.into_iter().map(|(key, value)| (format!("traefik.{key}"), value)).collect();
        let decoded = labels(&pairs);
        prop_assert!(decoded.configuration.findings.len() <= 120);
        for finding in &decoded.configuration.findings {
            prop_assert!(finding.to_string().len() < 4_000);
        }
        // The order in which an engine tells labels means nothing.
        let mut reversed = pairs;
        reversed.reverse();
        reversed.dedup_by(|a, b| a.0 == b.0);
        let mut keys: Vec<&String> = reversed.iter().map(|(key, _)| key).collect();
        keys.sort();
        keys.dedup();
        if keys.len() == reversed.len() {
            let mut sorted = reversed.clone();
            sorted.sort();
            prop_assert_eq!(labels(&reversed), labels(&sorted));
        }
    }

    #[test]
    fn an_object_is_either_decoded_or_refused(pairs in prop::collection::vec((key(), value()), 1..6)) {
        let pairs: Vec<(String, String)> = pairs
            .into_iter()
            .map(|(key, value)| (format!("traefik.http.routers.r.{key}"), value))
            .collect();
        let decoded = labels(&pairs);
        let refused = decoded.refused.iter().any(|(_, name)| name == "r");
        prop_assert!(refused != decoded.configuration.routers.contains_key("r"));
    }

    #[test]
    fn flags_of_any_kind(words in prop::collection::vec((key(), value(), 0..4_u8), 0..8)) {
        let arguments: Vec<String> = words
            .into_iter()
            .flat_map(|(key, value, form)| match form {
                0 => vec![format!("--{key}={value}")],
                1 => vec![format!("-{key}"), value],
                2 => vec![format!("--{key}")],
                _ => vec![value],
            })
            .collect();
        let mut sources = Fixture::new().sources(&[], &[]);
        sources.arguments = arguments;
        match load_install(&sources) {
            Ok(loaded) => prop_assert!(loaded.findings.len() < 200),
            Err(findings) => prop_assert!(!findings.is_empty() && findings.len() < 200),
        }
    }

    #[test]
    fn variables_of_any_kind(pairs in prop::collection::vec((key(), value()), 0..8)) {
        let mut sources = Fixture::new().sources(&[], &[]);
        sources.variables = pairs
            .into_iter()
            .map(|(key, value)| {
                (format!("TRAEFIK_{}", key.to_uppercase().replace('.', "_")), value.into())
            })
            .collect();
        if let Err(findings) = load_install(&sources) {
            prop_assert!(!findings.is_empty());
        }
    }

    #[test]
    fn files_of_any_kind(text in prop_oneof!["(\\PC|\n| ){0,80}", yaml_like()]) {
        for format in [Format::Yaml, Format::Toml] {
            if let Ok(configuration) = decode_routing_file("f", &text, format) {
                for finding in &configuration.findings {
                    prop_assert!(finding.to_string().len() < 4_000);
                }
            }
        }
    }
}

/// Text that is YAML more often than not: indented keys, flow signs, anchors.
fn yaml_like() -> impl Strategy<Value = String> {
    let line = (
        0..5_usize,
        word(),
        prop_oneof![
            value(),
            prop::sample::select(vec![
                "&a",
                "*a",
                "!t x",
                "{a: 1}",
                "[a, {b: c}]",
                "|",
                "<<",
                "- x",
                "~"
            ])
            .prop_map(str::to_owned),
        ],
        prop::sample::select(vec!["", "- ", "<<: *a\n"]),
    );
    prop::collection::vec(line, 0..14).prop_map(|lines| {
        lines
            .into_iter()
            .map(|(depth, word, value, before)| {
                format!("{}{before}{word}: {value}\n", "  ".repeat(depth))
            })
            .collect()
    })
}
