//! What Prometheus reads: every request counted once at its entry point, router and service.

use std::net::TcpStream;

use swarmgate_testkit::client::{self, Client, Trust};
use swarmgate_testkit::eventually::eventually;

use crate::harness::{Harness, LIMIT, request};

const ON: &str = "metrics: {prometheus: {addRoutersLabels: true}}";

fn page(harness: &Harness) -> String {
    let response = client::get(harness.api, "localhost", "/metrics").expect("the page");
    assert_eq!(response.status, 200, "{}", response.text());
    response.text()
}

/// The value of one sample: a name and its labels in order.
fn value(page: &str, sample: &str) -> Option<f64> {
    let value = page.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))?;
    Some(value.parse().expect("a number"))
}

/// Waits until each sample has its value: a request is counted just after its answer.
#[track_caller]
fn shows(harness: &Harness, samples: &[(&str, f64)]) {
    eventually("the samples", LIMIT, || {
        let page = page(harness);
        for (sample, expected) in samples {
            if value(&page, sample) != Some(*expected) {
                let traefik: Vec<&str> =
                    page.lines().filter(|line| line.starts_with("traefik_")).collect();
                return Err(format!("not {sample} {expected}:\n{}", traefik.join("\n")));
            }
        }
        Ok(())
    });
}

#[test]
fn requests_of_all_kinds() {
    let harness = Harness::with("", &[ON]);
    for _ in 0..3 {
        assert_eq!(harness.ask("hasty.test", &["bytes 1000"]).expect("an answer").status, 200);
    }
    assert_eq!(harness.ask("hasty.test", &["status 404", "bytes 7"]).expect("one").status, 404);
    let mut client = harness.connect();
    let post = "POST / HTTP/1.1\r\nHost: hasty.test\r\nX-Do: bytes 1\r\nContent-Length: 10\r\n\r\n0123456789";
    assert_eq!(client.exchange(post).expect("an answer").status, 200);
    let odd = "PROPFIND / HTTP/1.1\r\nHost: hasty.test\r\nX-Do: bytes 2\r\n\r\n";
    assert_eq!(client.exchange(odd).expect("an answer").status, 200);
    assert_eq!(harness.ask("dead.test", &[]).expect("an answer").status, 502);
    assert_eq!(harness.ask("empty.test", &[]).expect("an answer").status, 503);

    let of = |scope: &str, family: &str, code: u16, method: &str| {
        let labels = format!("code=\"{code}\",method=\"{method}\",protocol=\"http\"");
        match scope {
            "router" => format!(
                "traefik_router_{family}{{{labels},router=\"hasty@file\",service=\"hasty@file\"}}"
            ),
            _ => format!("traefik_service_{family}{{{labels},service=\"hasty@file\"}}"),
        }
    };
    let mut expected = Vec::new();
    for scope in ["router", "service"] {
        expected.extend([
            (of(scope, "requests_total", 200, "GET"), 3.0),
            (of(scope, "request_duration_seconds_count", 200, "GET"), 3.0),
            (of(scope, "responses_bytes_total", 200, "GET"), 3_000.0),
            (of(scope, "requests_bytes_total", 200, "GET"), 0.0),
            (of(scope, "requests_total", 404, "GET"), 1.0),
            (of(scope, "responses_bytes_total", 404, "GET"), 7.0),
            (of(scope, "requests_total", 200, "POST"), 1.0),
            (of(scope, "requests_bytes_total", 200, "POST"), 10.0),
            (of(scope, "responses_bytes_total", 200, "POST"), 1.0),
            (of(scope, "requests_total", 200, "EXTENSION_METHOD"), 1.0),
        ]);
    }
    let of_web = |code: u16, method: &str| {
        format!(
            "traefik_entrypoint_requests_total{{code=\"{code}\",entrypoint=\"web\",method=\"{method}\",protocol=\"http\"}}"
        )
    };
    let dead = r#"{code="502",method="GET",protocol="http",service="dead@file"}"#;
    expected.extend([
        (of_web(200, "POST"), 1.0),
        (of_web(502, "GET"), 1.0),
        (of_web(503, "GET"), 1.0),
        (format!("traefik_service_requests_total{dead}"), 1.0),
    ]);
    let expected: Vec<(&str, f64)> =
        expected.iter().map(|(sample, value)| (sample.as_str(), *value)).collect();
    shows(&harness, &expected);

    let bucket = of("service", "request_duration_seconds_bucket", 200, "GET");
    let bucket = bucket.trim_end_matches('}');
    let page = page(&harness);
    assert_eq!(value(&page, &format!("{bucket},le=\"+Inf\"}}")), Some(3.0), "{page}");
    assert!(value(&page, &format!("{bucket},le=\"0.1\"}}")).is_some(), "{page}");
    assert!(value(&page, "process_resident_memory_bytes").is_some_and(|bytes| bytes > 1e6));
    assert!(value(&page, "traefik_config_reloads_total").is_some_and(|count| count >= 1.0));
    assert!(value(&page, "traefik_config_last_reload_success").is_some_and(|at| at > 1e9));
}

#[test]
fn no_router_and_tls() {
    let harness = Harness::with("", &[ON]);
    assert_eq!(client::get(harness.secure, "nobody.test", "/").expect("an answer").status, 404);
    let roots = Trust::Roots(&harness.certificate.pem);
    let address = ("127.0.0.1", harness.secure);
    let mut tls = Client::connect_tls(address, "tls.test", roots).expect("TLS");
    for _ in 0..2 {
        assert_eq!(tls.exchange(request("tls.test", &[])).expect("an answer").status, 200);
    }
    let labels = r#"method="GET",protocol="http""#;
    let secure = |code: u16| {
        format!(
            "traefik_entrypoint_requests_total{{code=\"{code}\",entrypoint=\"secure\",{labels}}}"
        )
    };
    shows(&harness, &[(&secure(404), 1.0), (&secure(200), 2.0)]);
    let page = page(&harness);
    let of = |name: &str| -> Vec<&str> {
        page.lines().filter(|line| line.starts_with(&format!("{name}{{"))).collect()
    };
    let line = of("traefik_entrypoint_requests_tls_total");
    assert_eq!(line.len(), 1, "{line:?}");
    assert!(line[0].contains("{entrypoint=\"secure\",tls_cipher=\"TLS_"), "{line:?}");
    assert!(line[0].ends_with("tls_version=\"1.3\"} 2"), "{line:?}");
    let certificates = of("traefik_tls_certs_not_after");
    assert_eq!(certificates.len(), 1, "{certificates:?}");
    assert!(certificates[0].contains("sans=\"tls.test\""), "{certificates:?}");
}

/// Its own services are not counted, and ask nobody who does not want metrics.
#[test]
fn what_is_not_counted() {
    let harness = Harness::with("", &[ON]);
    let answer = client::get(harness.api, "localhost", "/metrics").expect("the page");
    let kind = answer.header("content-type").unwrap_or_default();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    assert_eq!(client::get(harness.api, "localhost", "/ping").expect("ping").status, 200);
    let posted = client::exchange(
        ("127.0.0.1", harness.api),
        "POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(posted.expect("an answer").status, 200);
    let overview = client::get(harness.api, "localhost", "/api/overview").expect("it").json();
    assert_eq!(overview["features"]["metrics"], "Prometheus");
    let page = page(&harness);
    assert!(!page.contains("code=\"200\",entrypoint=\"traefik\""), "{page}");

    let without = Harness::start();
    assert_eq!(client::get(without.api, "localhost", "/metrics").expect("an answer").status, 404);
    let overview = client::get(without.api, "localhost", "/api/overview").expect("it").json();
    assert_eq!(overview["features"]["metrics"], "");
}

#[test]
fn header_labels_and_switches() {
    let metrics = "metrics: {addInternals: true, prometheus: {addEntryPointsLabels: false, \
                   buckets: [0.5, 9], headerLabels: {agent: User-Agent}}}";
    let harness = Harness::with("", &[metrics]);
    let ask = "GET / HTTP/1.1\r\nHost: hasty.test\r\nUser-Agent: one \"two\"\r\n\r\n";
    assert_eq!(harness.connect().exchange(ask).expect("an answer").status, 200);
    assert_eq!(client::get(harness.api, "localhost", "/ping").expect("ping").status, 200);
    let labels = r#"code="200",method="GET",protocol="http",service="hasty@file""#;
    let requests = format!("traefik_service_requests_total{{agent=\"one \\\"two\\\"\",{labels}}}");
    let bucket = format!("traefik_service_request_duration_seconds_bucket{{{labels},le=\"9\"}}");
    shows(&harness, &[(&requests, 1.0), (&bucket, 1.0)]);
    let page = page(&harness);
    assert!(!page.contains("traefik_entrypoint_") && !page.contains("traefik_router_"), "{page}");
    assert!(!page.contains("le=\"0.1\""), "{page}");
}

/// One of two servers refuses connections: one request of two is tried on the other.
#[test]
fn retries() {
    let harness = Harness::with("", &[ON]);
    for _ in 0..2 {
        assert_eq!(harness.ask("base-dead.test", &[]).expect("an answer").status, 200);
    }
    let of = |family: &str, labels: &str| {
        format!("traefik_service_{family}{{{labels}service=\"base-dead@file\"}}")
    };
    let requests = of("requests_total", r#"code="200",method="GET",protocol="http","#);
    shows(&harness, &[(&of("retries_total", ""), 1.0), (&requests, 2.0)]);
}

#[test]
fn clients_that_leave_and_connections_that_change() {
    let harness = Harness::with("", &[ON]);
    let mut leaving = harness.connect();
    leaving.send("GET /left HTTP/1.1\r\nHost: raw.test\r\n\r\n").expect("sent");
    let server = harness.accept_raw();
    drop(leaving);
    let mut upgraded = harness.connect();
    upgraded
        .send(
            "GET / HTTP/1.1\r\nHost: hasty.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
        .expect("sent");
    let head = upgraded.head().expect("a head");
    assert!(head.first.starts_with("HTTP/1.1 101 "), "{head:?}");
    drop(upgraded);
    shows(
        &harness,
        &[
            (
                r#"traefik_service_requests_total{code="499",method="GET",protocol="http",service="raw@file"}"#,
                1.0,
            ),
            (
                r#"traefik_service_requests_total{code="0",method="GET",protocol="websocket",service="hasty@file"}"#,
                1.0,
            ),
        ],
    );
    drop(server);
    let idle: Vec<TcpStream> = (0..5)
        .map(|_| TcpStream::connect(("127.0.0.1", harness.secure)).expect("it listens"))
        .collect();
    let open = r#"traefik_open_connections{entrypoint="secure",protocol="TCP"}"#;
    shows(&harness, &[(open, 5.0)]);
    drop(idle);
    shows(&harness, &[(open, 0.0)]);
}

/// The series of a router that goes is shown once more, then no longer; sums stay.
#[test]
fn a_router_that_goes() {
    let harness = Harness::with("", &[ON]);
    for _ in 0..2 {
        assert_eq!(harness.ask("hasty.test", &["status 418"]).expect("an answer").status, 418);
    }
    let entry_point = r#"traefik_entrypoint_requests_total{code="418",entrypoint="web",method="GET",protocol="http"}"#;
    shows(&harness, &[(entry_point, 2.0)]);
    let reloads = value(&page(&harness), "traefik_config_reloads_total");
    let url = harness.upstream.url();
    harness.process.replace_file(
        "routing.yml",
        &format!(
            "http:
  routers: {{app: {{rule: 'Host(`app.test`)', service: app}}}}
  services: {{app: {{loadBalancer: {{servers: [{{url: '{url}'}}]}}}}}}
"
        ),
    );
    eventually("its series go", LIMIT, || {
        let page = page(&harness);
        match page.contains("hasty@file") {
            true => Err(page),
            false => Ok(()),
        }
    });
    let page = page(&harness);
    assert_eq!(value(&page, entry_point), Some(2.0), "{page}");
    assert!(page.contains("router=\"app@file\""), "{page}");
    assert!(value(&page, "traefik_config_reloads_total") > reloads, "{page}");
}
