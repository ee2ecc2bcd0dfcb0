//! What threads count, and the page that comes of it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::*;

static NONE: LazyLock<HeaderMap> = LazyLock::new(HeaderMap::new);

fn metrics(options: &str) -> Arc<Metrics> {
    let written = serde_json::from_str(&format!("{{\"prometheus\":{options}}}")).unwrap();
    Metrics::new(&written, [("web", true), ("secure", true), ("quiet", false)]).unwrap()
}

fn name(text: &str) -> Arc<str> {
    text.into()
}

/// The page without `process_*` and without the comments.
fn samples(metrics: &Metrics) -> Vec<String> {
    let page = metrics.page(&[], &[], &BTreeMap::new());
    let lines = page.lines().filter(|line| line.starts_with("traefik_"));
    lines.filter(|line| !line.starts_with("traefik_open")).map(str::to_owned).collect()
}

/// The samples whose name begins so.
fn only(metrics: &Metrics, prefix: &str) -> Vec<String> {
    let all = samples(metrics).into_iter().filter(|line| line.starts_with(prefix));
    all.map(|line| line.trim_start_matches(prefix).to_owned()).collect()
}

/// A `GET` that a server answers at once.
fn get(thread: &Rc<ThreadMetrics>, series: &Arc<RouteSeries>, status: u16) -> Measured {
    let mut measured = thread.begin(0, Instant::now(), &Method::GET, &NONE, None);
    measured.routed(Some(series), &NONE);
    measured.served();
    measured.answered(StatusCode::from_u16(status).unwrap(), &NONE);
    measured
}

#[test]
fn off_unless_asked_for() {
    let written: install::Metrics = serde_json::from_str(r#"{"addInternals":true}"#).unwrap();
    assert!(Metrics::new(&written, [("web", true)]).is_none());
}

/// As Traefik 3.7.15 printed its own; the first family is ours alone.
#[test]
fn the_whole_page() {
    let metrics = metrics(r#"{"addRoutersLabels":true,"buckets":[5,0.1,0.1]}"#);
    let (one, two) = (metrics.thread(), metrics.thread());
    let series = metrics.series(0, &name("app@file"), &name("app@file")).unwrap();
    let begun = Instant::now().checked_sub(Duration::from_secs(1)).unwrap();
    let mut slow = one.begin(0, begun, &Method::POST, &NONE, None);
    slow.routed(Some(&series), &NONE);
    slow.served();
    slow.received(10);
    slow.answered(StatusCode::OK, &NONE);
    slow.sent(11);
    drop(slow);
    get(&one, &series, 200).sent(1_000_000);
    get(&two, &series, 200).sent(500_000);
    drop(get(&two, &series, 502));
    let mut redirected = one.begin(0, Instant::now(), &Method::GET, &NONE, None);
    redirected.routed(Some(&series), &NONE);
    redirected.answered(StatusCode::FOUND, &NONE);
    drop(redirected);
    let mut missed = one.begin(1, Instant::now(), &Method::GET, &NONE, Some(("1.3", "SUITE")));
    missed.unrouted(&NONE);
    missed.answered(StatusCode::NOT_FOUND, &NONE);
    drop(missed);
    one.open_connections(0, 3);
    two.open_connections(0, 4);
    metrics.reloaded();
    metrics.reloaded();
    let certificate = |cn: &str, sans: &[&str]| CertificateInfo {
        common_name: cn.into(),
        sans: sans.iter().map(|san| (*san).to_owned()).collect(),
        serial_number: "270449838431213427561176295012143183649855006179".into(),
        expires: 1_802_997_819,
        ..Default::default()
    };
    let certificates = [
        certificate("tls.test", &["b.test", "tls.test"]),
        certificate("a.test", &[]),
        certificate("tls.test", &["b.test", "tls.test"]),
    ];
    let server = |url: &str, up: bool| ServerUp { service: "hc@file".into(), url: url.into(), up };
    let servers =
        [server("http://b:2", false), server("http://a:1", true), server("http://a:1", true)];
    let providers = [("swarm".to_owned(), false), ("file".to_owned(), true)].into();
    let page = metrics.page(&certificates, &servers, &providers);
    let (process, rest) = page.split_at(page.find("# HELP swarmgate").unwrap());
    assert!(process.contains("\nprocess_resident_memory_bytes "), "{process}");
    let mut lines: Vec<String> = rest.lines().map(str::to_owned).collect();
    for line in &mut lines {
        // What depends on the clock.
        let time = ["_seconds_sum{", "traefik_config_last_reload_success "];
        if !line.starts_with('#') && time.iter().any(|part| line.contains(part)) {
            let (name, value) = line.rsplit_once(' ').unwrap();
            assert!(value.parse::<f64>().unwrap() > 0.0, "{line}");
            *line = format!("{name} TIME");
        }
    }
    let page = lines.join("\n") + "\n";
    let golden = include_str!("page.golden");
    assert!(page == golden, "expected:\n{golden}\ngot:\n{page}");
}

#[test]
fn levels_are_switched_apart() {
    let table = [
        (r#"{}"#, [true, false, true]),
        (r#"{"addEntryPointsLabels":false}"#, [false, false, true]),
        (r#"{"addRoutersLabels":true,"addServicesLabels":false}"#, [true, true, false]),
    ];
    for (options, expected) in table {
        let metrics = metrics(options);
        let series = metrics.series(0, &name("r@file"), &name("s@file")).unwrap();
        drop(get(&metrics.thread(), &series, 200));
        let shown = ["traefik_entrypoint_", "traefik_router_", "traefik_service_"]
            .map(|prefix| !only(&metrics, prefix).is_empty());
        assert_eq!(shown, expected, "{options}");
    }
}

#[test]
fn what_is_not_counted() {
    let metrics = metrics(r#"{"addRoutersLabels":true}"#);
    let thread = metrics.thread();
    assert!(metrics.series(0, &name("api@internal"), &name("api@internal")).is_none());
    assert!(metrics.series(0, &name("mine@file"), &name("api@internal")).is_none());
    let begin = |entry_point| thread.begin(entry_point, Instant::now(), &Method::GET, &NONE, None);
    // Refused before there was a router; a router that is not counted; no router where those are
    // not counted; an entry point that is not there.
    drop(begin(0));
    begin(0).routed(None, &NONE);
    begin(2).unrouted(&NONE);
    begin(7).unrouted(&NONE);
    assert!(only(&metrics, "traefik_entrypoint_").is_empty());
    let written = r#"{"addInternals":true,"prometheus":{}}"#;
    let all = Metrics::new(&serde_json::from_str(written).unwrap(), [("web", true)]).unwrap();
    assert!(all.series(0, &name("api@internal"), &name("api@internal")).is_some());
}

#[test]
fn a_client_that_leaves() {
    let metrics = metrics("{}");
    let thread = metrics.thread();
    let series = metrics.series(0, &name("r@file"), &name("s@file")).unwrap();
    thread.begin(0, Instant::now(), &Method::GET, &NONE, None).routed(Some(&series), &NONE);
    let expected = r#"{code="499",entrypoint="web",method="GET",protocol="http"} 1"#;
    assert_eq!(only(&metrics, "traefik_entrypoint_requests_total"), [expected]);
}

#[test]
fn grpc_tells_its_status_late() {
    let metrics = metrics(r#"{"addServicesLabels":false}"#);
    let thread = metrics.thread();
    let series = metrics.series(0, &name("r@file"), &name("s@file")).unwrap();
    let of = |pairs: &[(HeaderName, &'static str)]| -> HeaderMap {
        let pairs = pairs.iter().cloned();
        pairs.map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
    };
    let sent = of(&[(CONTENT_TYPE, "application/grpc")]);
    let mut measured = thread.begin(0, Instant::now(), &Method::POST, &sent, None);
    measured.routed(Some(&series), &NONE);
    measured.answered(StatusCode::OK, &NONE);
    measured.trailers(&of(&[(HeaderName::from_static("grpc-status"), "5")]));
    drop(measured);
    let sent = of(&[(ACCEPT, "text/event-stream")]);
    let mut measured = thread.begin(0, Instant::now(), &Method::GET, &sent, None);
    measured.routed(Some(&series), &NONE);
    measured.answered(StatusCode::OK, &NONE);
    measured.trailers(&of(&[(HeaderName::from_static("grpc-status"), "5")]));
    drop(measured);
    assert_eq!(
        only(&metrics, "traefik_entrypoint_requests_total"),
        [
            r#"{code="200",entrypoint="web",method="GET",protocol="sse"} 1"#,
            r#"{code="5",entrypoint="web",method="POST",protocol="grpc"} 1"#,
        ]
    );
}

#[test]
fn header_labels_are_of_the_requests_alone() {
    let metrics = metrics(r#"{"headerLabels":{"agent":"User-Agent","Zone":"X-Zone"}}"#);
    let thread = metrics.thread();
    let series = metrics.series(0, &name("r@file"), &name("s@file")).unwrap();
    for (agent, times) in [("curl", 2), ("a\"b", 1)] {
        for _ in 0..times {
            let mut measured = get(&thread, &series, 200);
            let headers: HeaderMap =
                [(USER_AGENT, HeaderValue::from_str(agent).unwrap())].into_iter().collect();
            measured.labelled(&headers);
        }
    }
    let rest = r#"code="200",entrypoint="web",method="GET",protocol="http"} "#;
    assert_eq!(
        only(&metrics, "traefik_entrypoint_requests_total"),
        [
            format!(r#"{{Zone="",agent="a\"b",{rest}1"#),
            format!(r#"{{Zone="",agent="curl",{rest}2"#),
        ]
    );
    assert_eq!(only(&metrics, "traefik_entrypoint_responses_bytes_total"), [format!("{{{rest}0")]);
}

#[test]
fn retries_and_tls_are_the_services_too() {
    let metrics = metrics(r#"{"addEntryPointsLabels":false}"#);
    let thread = metrics.thread();
    let series = metrics.series(1, &name("r@file"), &name("s@file")).unwrap();
    for _ in 0..2 {
        let mut measured =
            thread.begin(1, Instant::now(), &Method::GET, &NONE, Some(("1.2", "A_SUITE")));
        measured.routed(Some(&series), &NONE);
        measured.served();
        measured.retried(2);
    }
    assert_eq!(only(&metrics, "traefik_service_retries_total"), [r#"{service="s@file"} 4"#]);
    assert_eq!(
        only(&metrics, "traefik_service_requests_tls_total"),
        [r#"{service="s@file",tls_cipher="A_SUITE",tls_version="1.2"} 2"#]
    );
}

/// A series outlives changes of the configuration, and goes with its router: once more it is
/// shown. Sums do not go backwards.
#[test]
fn routers_come_and_go() {
    let metrics = metrics(r#"{"addRoutersLabels":true}"#);
    let thread = metrics.thread();
    let (a, b, s) = (name("a@file"), name("b@file"), name("s@file"));
    let entry_point = || only(&metrics, "traefik_entrypoint_requests_total");
    let routers = || -> Vec<String> {
        let all = only(&metrics, "traefik_router_requests_total").into_iter();
        all.filter_map(|line| line.split("router=\"").nth(1).map(str::to_owned)).collect()
    };
    let service = || only(&metrics, "traefik_service_requests_total");
    let shown = |count: u32, owner: &str| {
        let labels = r#"method="GET",protocol="http""#;
        match owner {
            "web" => format!(r#"{{code="200",entrypoint="web",{labels}}} {count}"#),
            _ => format!(r#"{{code="200",{labels},service="{owner}"}} {count}"#),
        }
    };

    let old = metrics.series(0, &a, &s).unwrap();
    let kept = metrics.series(0, &b, &s).unwrap();
    drop(get(&thread, &old, 200));
    drop(get(&thread, &kept, 200));
    let again = metrics.series(0, &a, &s).unwrap();
    assert!(Arc::ptr_eq(&old, &again));
    drop(old);
    assert_eq!(routers().len(), 2);
    assert_eq!(routers().len(), 2, "it is still there");

    drop(again);
    assert_eq!(routers().len(), 2, "once more");
    let back = metrics.series(0, &a, &s).unwrap();
    assert_eq!(routers().len(), 2, "it came back in time");
    drop(get(&thread, &back, 200));
    let place = back.place;
    drop(back);
    assert_eq!(routers().len(), 2, "once more");
    assert_eq!(routers(), ["b@file\",service=\"s@file\"} 1"]);
    assert_eq!(entry_point(), [shown(3, "web")]);
    assert_eq!(service(), [shown(3, "s@file")]);

    // Its place is taken by another router, whose requests are not the old one's.
    thread.sweep();
    let new = metrics.series(0, &a, &name("t@file")).unwrap();
    assert_eq!(new.place, place);
    drop(get(&thread, &new, 200));
    assert_eq!(entry_point(), [shown(4, "web")]);
    assert_eq!(service(), [shown(3, "s@file"), shown(1, "t@file")]);

    drop((kept, new));
    assert_eq!(service().len(), 2, "once more");
    assert!(service().is_empty(), "a service that nobody leads to is gone");
    assert_eq!(entry_point(), [shown(4, "web")]);
}

/// A request that ends after its router's series has gone is nobody's.
#[test]
fn late_requests() {
    let metrics = metrics("{}");
    let thread = metrics.thread();
    let series = metrics.series(0, &name("a@file"), &name("s@file")).unwrap();
    let late = get(&thread, &series, 200);
    drop(series);
    for _ in 0..3 {
        samples(&metrics);
    }
    drop(late);
    thread.sweep();
    assert!(only(&metrics, "traefik_entrypoint_").is_empty());
}

/// 10,000 odd requests: the number of series stays bounded.
#[test]
fn clients_and_servers_cannot_make_series_at_will() {
    let metrics = metrics(r#"{"headerLabels":{"agent":"User-Agent"}}"#);
    let thread = metrics.thread();
    let series = metrics.series(0, &name("a@file"), &name("s@file")).unwrap();
    for number in 0..10_000u32 {
        let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
        let method = if number % 2 == 0 { Method::GET } else { method };
        let mut measured = thread.begin(0, Instant::now(), &method, &NONE, None);
        measured.routed(Some(&series), &NONE);
        let status = StatusCode::from_u16(100 + (number % 900) as u16).unwrap();
        measured.answered(status, &NONE);
        let agent = HeaderValue::from_str(&number.to_string()).unwrap();
        measured.labelled(&[(USER_AGENT, agent)].into_iter().collect());
    }
    let of = |family: &str| only(&metrics, &format!("traefik_entrypoint_{family}"));
    let counts = of("request_duration_seconds_count");
    assert!(counts.len() < 1_000, "{}", counts.len());
    assert!(of("requests_total").len() < 6_000, "{}", of("requests_total").len());
    for family in ["request_duration_seconds_count", "requests_total"] {
        let all: f64 = of(family)
            .iter()
            .map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap())
            .sum();
        assert_eq!(all, 10_000.0, "{family}");
    }
    assert!(counts.iter().any(|line| line.contains("EXTENSION_METHOD")));
    assert!(counts.iter().all(|line| !line.contains("\"M")));
}

#[test]
fn a_request_of_a_known_kind_allocates_no_series() {
    let metrics = metrics("{}");
    let thread = metrics.thread();
    let series = metrics.series(0, &name("a@file"), &name("s@file")).unwrap();
    for _ in 0..1_000 {
        drop(get(&thread, &series, 200));
    }
    assert_eq!(series.with_cells(|cells| cells.requests.len()), 1);
}

/// A service whose answer the client does not get, and one that gives a page in its place.
#[test]
fn pages_are_counted_where_they_come_from() {
    let metrics = metrics(r#"{"addRoutersLabels":true}"#);
    let thread = metrics.thread();
    let series = metrics.series(0, &name("r@file"), &name("s@file")).unwrap();
    let pages = metrics.series_of_page(&name("p@file")).unwrap();
    let tls = Some(("1.3", "SUITE"));
    for method in [Method::POST, Method::GET] {
        let mut measured = thread.begin(0, Instant::now(), &method, &NONE, tls);
        measured.routed(Some(&series), &NONE);
        measured.received(5);
        measured.served();
        measured.told(StatusCode::INTERNAL_SERVER_ERROR, &NONE);
        measured.let_go(1000);
        measured.served_page(Some(&pages));
        measured.retried(2);
        measured.told(StatusCode::OK, &NONE);
        measured.answered(StatusCode::NOT_FOUND, &NONE);
        measured.sent(70);
    }
    // Denied before its service; and one whose client leaves while the page is asked for.
    let mut denied = thread.begin(0, Instant::now(), &Method::GET, &NONE, tls);
    denied.routed(Some(&series), &NONE);
    denied.served_page(Some(&pages));
    drop(denied);
    // A router that is not counted.
    let mut quiet = thread.begin(0, Instant::now(), &Method::GET, &NONE, tls);
    quiet.routed(None, &NONE);
    quiet.served_page(Some(&pages));
    quiet.told(StatusCode::OK, &NONE);
    drop(quiet);
    let of = |code: u16, method: &str, owner: &str, value: u32| {
        // In the order of the alphabet.
        let (before, behind) = match owner.starts_with("entrypoint") {
            true => (format!("{owner},"), String::new()),
            false => (String::new(), format!(",{owner}")),
        };
        format!(r#"{{code="{code}",{before}method="{method}",protocol="http"{behind}}} {value}"#)
    };
    let (web, router) = (r#"entrypoint="web""#, r#"router="r@file",service="s@file""#);
    let (service, page) = (r#"service="s@file""#, r#"service="p@file""#);
    let shown = |family: &str| {
        let mut lines = only(&metrics, &format!("traefik_{family}"));
        lines.sort();
        lines
    };
    assert_eq!(
        shown("service_requests_total"),
        [
            of(200, "GET", page, 2),
            of(499, "GET", page, 1),
            of(500, "GET", service, 1),
            of(500, "POST", service, 1),
        ]
    );
    assert_eq!(
        shown("service_responses_bytes_total"),
        [
            of(200, "GET", page, 140),
            of(499, "GET", page, 0),
            of(500, "GET", service, 1000),
            of(500, "POST", service, 1000),
        ]
    );
    assert_eq!(
        shown("service_requests_bytes_total"),
        [
            of(200, "GET", page, 0),
            of(499, "GET", page, 0),
            of(500, "GET", service, 5),
            of(500, "POST", service, 5),
        ]
    );
    for (family, owner) in [("entrypoint", web), ("router", router)] {
        let expected =
            [of(404, "GET", owner, 1), of(404, "POST", owner, 1), of(499, "GET", owner, 1)];
        assert_eq!(shown(&format!("{family}_requests_total")), expected);
    }
    assert_eq!(shown("service_retries_total"), [r#"{service="p@file"} 4"#]);
    let tls = |owner: &str, count: u32| {
        format!(r#"{{{owner},tls_cipher="SUITE",tls_version="1.3"}} {count}"#)
    };
    assert_eq!(shown("service_requests_tls_total"), [tls(page, 3), tls(service, 2)]);
    assert_eq!(shown("entrypoint_requests_tls_total"), [tls(web, 3)]);

    // It goes with those who ask it.
    drop(pages);
    assert_eq!(shown("service_retries_total").len(), 1, "once more");
    assert!(shown("service_retries_total").is_empty());
}
