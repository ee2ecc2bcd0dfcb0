//! What it costs to compress an answer: a small one, a page, a stream of events.

use std::hint::black_box;

use criterion::Criterion;
use swarmgate_proxy::measure::encoded;

/// Something like a page: it becomes about a quarter.
fn page(length: usize) -> Vec<u8> {
    let words =
        ["the", "<div class=\"row\">", "gate", "</div>", "answers", "\"name\":", "value", "a"];
    let mut state = 7_u64;
    let mut text = String::new();
    while text.len() < length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(words[(state >> 61) as usize]);
        if state >> 32 & 3 == 0 {
            text.push_str(&(state >> 50).to_string());
        }
        text.push(' ');
    }
    text.truncate(length);
    text.into_bytes()
}

/// Runs them all.
pub fn all(criterion: &mut Criterion) {
    let (small, large) = (page(1024), page(64 * 1024));
    let pieces: Vec<&[u8]> = large.chunks(16 * 1024).collect();
    let events: Vec<&[u8]> = large.chunks(512).collect();
    let mut group = criterion.benchmark_group("compress");
    for name in ["gzip", "br", "zstd"] {
        let mut measure = |what: &str, pieces: &[&[u8]], length: Option<u64>| {
            group.bench_function(format!("{name}/{what}"), |bencher| {
                bencher.iter(|| encoded(name, black_box(pieces), length).expect("it is served"));
            });
        };
        measure("1 KiB", &[&small], Some(1024));
        measure("64 KiB", &pieces, Some(64 * 1024));
        measure("128 events", &events, None);
    }
    group.finish();
}
