//! Header rewriting: what a browser sends and a server answers, on its way through.

use criterion::{BatchSize, Criterion};
use http::{HeaderMap, HeaderName, HeaderValue};
use swarmgate_proxy::measure::Client;

const REQUEST: &[(&str, &str)] = &[
    ("host", "shop.example.com"),
    ("connection", "keep-alive"),
    ("sec-ch-ua", "\"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\""),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", "\"Linux\""),
    ("upgrade-insecure-requests", "1"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"),
    ("sec-fetch-site", "same-origin"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("referer", "https://shop.example.com/basket"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9,de;q=0.8"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
];

const ANSWER: &[(&str, &str)] = &[
    ("date", "Thu, 20 Nov 2025 10:00:00 GMT"),
    ("server", "gunicorn"),
    ("content-type", "text/html; charset=utf-8"),
    ("content-length", "5120"),
    ("connection", "keep-alive"),
    ("keep-alive", "timeout=5"),
    ("cache-control", "private, max-age=0"),
    ("etag", "\"33a64df551425fcc\""),
    ("vary", "Accept-Encoding, Cookie"),
    ("set-cookie", "theme=dark; Path=/; Secure; HttpOnly"),
];

/// For what is added on the way, as the reader of heads leaves it.
const ROOM: usize = 8;

/// A copy with room for more.
fn fresh(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len() + ROOM);
    copy.extend(headers.iter().map(|(name, value)| (name.clone(), value.clone())));
    copy
}

fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    lines.iter().map(pair).collect()
}

/// Runs them all. Each works on a fresh copy, which is not counted.
pub fn all(criterion: &mut Criterion) {
    let client = Client::new().expect("defaults are valid");
    let host = HeaderValue::from_static("shop.example.com");
    let sent = map(REQUEST);
    let mut arrived = sent.clone();
    client.arrive(&mut arrived, &host);
    assert!(arrived.contains_key("x-forwarded-host"), "{arrived:?}");
    let answer = map(ANSWER);

    let mut group = criterion.benchmark_group("headers");
    let mut measure = |name: &str, from: &HeaderMap, rewrite: &dyn Fn(&mut HeaderMap)| {
        group.bench_function(name, |bencher| {
            bencher.iter_batched_ref(|| fresh(from), rewrite, BatchSize::SmallInput);
        });
    };
    measure("arrive", &sent, &|headers| {
        client.arrive(headers, &host);
    });
    measure("depart", &arrived, &|headers| client.depart(headers));
    measure("clean_answer", &answer, &|headers| client.clean_answer(headers));
    group.finish();
}
