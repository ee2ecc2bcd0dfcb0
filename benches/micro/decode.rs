//! Reading what people wrote: rules, labels, files.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput};
use swarmgate_config::decode::{Format, decode_labels, decode_routing_file};
use swarmgate_config::rule;
use swarmgate_testkit::many;

const RULES: &[(&str, &str)] = &[
    ("host", "Host(`shop.example.com`)"),
    ("usual", "Host(`shop.example.com`) && (PathPrefix(`/api`) || PathPrefix(`/static`))"),
    (
        "long",
        "(Host(`a.example.com`) || Host(`b.example.com`) || HostRegexp(`^[a-z]+\\.c\\.test$`)) && \
         !PathPrefix(`/private`) && (Method(`GET`) || Method(`HEAD`)) && \
         (Header(`X-Tenant`, `blue`) || Query(`tenant`, `blue`)) && ClientIP(`10.0.0.0/8`)",
    ),
];

/// Runs them all.
pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("rule");
    for (name, text) in RULES {
        assert!(rule::parse(text).is_ok(), "{text}");
        group.bench_function(format!("parse/{name}"), |bencher| {
            bencher.iter(|| rule::parse(black_box(text)));
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("decode");
    group.sample_size(10).measurement_time(Duration::from_secs(2));
    let count = 1_000;
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(format!("labels/{count} services"), |bencher| {
        let services: Vec<(String, Vec<(String, String)>)> =
            (0..count).map(|n| (format!("stack{n}_app"), many::labels(n))).collect();
        bencher.iter(|| {
            for (service, labels) in &services {
                let labels = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
                let decoded = decode_labels("swarm", service, labels);
                assert_eq!(decoded.configuration.routers.len(), 2);
                black_box(decoded);
            }
        });
    });
    group.bench_function(format!("file/{count} routers"), |bencher| {
        let text = many::host_routers(count);
        bencher.iter(|| {
            let decoded = decode_routing_file("many.yml", &text, Format::Yaml).expect("YAML");
            assert_eq!(decoded.routers.len(), count);
            decoded
        });
    });
    group.finish();
}
