//! Explanations of configurations as people write them, and the proof that they tell what is served.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http::HeaderValue;
use proptest::prelude::*;
use swarmgate_config::check::check;
use swarmgate_config::decode::{Format, decode_routing_file};
use swarmgate_config::install::{EntryPoint, Install};
use swarmgate_config::routing::Configuration;

use super::*;

struct House {
    settings: Vec<Arc<Settings>>,
    addresses: Vec<(String, SocketAddr)>,
    snapshot: Snapshot,
    certificates: Certificates,
    install: Install,
}

impl House {
    /// Entry points `web` (80) and `websecure` (443), and the given routing configuration.
    fn new(routing: &str) -> Self {
        let routing = decode_routing_file("f.yml", routing, Format::Yaml).unwrap();
        Self::of(routing)
    }

    fn of(routing: Configuration) -> Self {
        let mut install = Install::default();
        let mut settings = Vec::new();
        let mut addresses = Vec::new();
        for (name, port) in [("web", 80), ("websecure", 443)] {
            let written = EntryPoint { address: format!(":{port}"), ..EntryPoint::default() };
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            settings.push(Arc::new(Settings::new(name, address, &written).unwrap()));
            addresses.push((name.to_owned(), address));
            install.entry_points.insert(name.into(), written);
        }
        let merged = [(Arc::from("file"), Arc::new(routing))].into();
        let checked = check(&install, &merged);
        let snapshot =
            Snapshot::build(checked, &install.servers_transport, &["web", "websecure"], None);
        let (certificates, _) = Certificates::build(&[], None);
        Self { settings, addresses, snapshot, certificates, install }
    }

    fn view<T>(&self, look: impl FnOnce(View<'_>) -> T) -> T {
        let server_name = HeaderValue::from_static("here");
        look(View {
            settings: &self.settings,
            addresses: &self.addresses,
            snapshot: &self.snapshot,
            certificates: &self.certificates,
            install: &self.install,
            server_name: &server_name,
        })
    }

    fn ask(&self, url: &str) -> Explanation {
        let question = Question { url: url.into(), ..Question::default() };
        self.view(|view| walk::explain(view, &question)).unwrap_or_else(|e| panic!("{url}: {e}"))
    }
}

const SHOP: &str = "
http:
  services:
    shop: {loadBalancer: {servers: [{url: 'http://10.0.0.1:8080'}]}}
  middlewares:
    strip: {stripPrefix: {prefixes: [/api]}}
    both: {chain: {middlewares: [strip, tag]}}
    tag: {headers: {customRequestHeaders: {X-Tag: a}, customResponseHeaders: {X-Out: b}}}
    away: {redirectScheme: {scheme: https, permanent: true}}
  routers:
    api: {rule: 'Host(`a.test`) && PathPrefix(`/api`)', service: shop, middlewares: [both]}
    away: {rule: 'Host(`away.test`)', service: shop, middlewares: [away, tag], entryPoints: [web]}
    shop: {rule: 'Host(`a.test`)', service: shop, entryPoints: [web]}
    safe: {rule: 'Host(`safe.test`)', service: shop, tls: {}}
    odd: {rule: 'Host(`odd.test`)', service: nowhere}
";

#[test]
fn outcomes() {
    let house = House::new(SHOP);
    // URL, kind of outcome, router, part of the text.
    let table = [
        ("http://a.test/api/x?y", "forwarded", "api@file", "GET /x?y goes to http://10.0.0.1:8080"),
        ("http://a.test/", "forwarded", "shop@file", "GET / goes to"),
        ("http://A.test:80/api/../z", "forwarded", "shop@file", "GET /z goes to"),
        (
            "http://away.test/x",
            "answered",
            "away@file",
            "301 Moved Permanently, Location: https://away.test/x",
        ),
        ("https://safe.test/", "forwarded", "safe@file", "goes to"),
        ("http://safe.test/", "notFound", "", "404"),
        ("http://b.test/", "notFound", "", "404"),
        ("http://a.test/%zz", "refused", "", "400"),
    ];
    for (url, kind, router, text) in table {
        let told = house.ask(url);
        assert_eq!(told.outcome.kind, kind, "{url}: {told:?}");
        assert_eq!(told.router.as_ref().map_or("", |it| &it.name), router, "{url}");
        assert!(told.outcome.text.contains(text), "{url}: {:?}", told.outcome);
        // What is printed can be read back.
        let printed = serde_json::to_value(&told).unwrap();
        assert_eq!(serde_json::from_value::<Explanation>(printed).unwrap(), told, "{url}");
    }
}

#[test]
fn middlewares_and_what_they_do() {
    let told = House::new(SHOP).ask("http://a.test/api/x");
    let told: Vec<_> =
        told.middlewares.iter().map(|it| (&*it.name, &*it.kind, it.effects.join("; "))).collect();
    let strip = "the path /api/x becomes /x; sets the request's X-Forwarded-Prefix: /api";
    let tag = "sets the request's X-Tag: a; sets the answer's X-Out: b";
    let expected =
        [("strip@file", "stripPrefix", strip.to_owned()), ("tag@file", "headers", tag.to_owned())];
    assert_eq!(told, expected);
    let told = House::new(SHOP).ask("http://away.test/");
    assert!(told.middlewares[0].answers && told.middlewares[1].unreached, "{told:?}");
}

#[test]
fn headers_and_what_they_do() {
    let house = House::new(
        "http:
  services: {s: {loadBalancer: {servers: [{url: 'http://10.0.0.1:80'}]}}}
  middlewares:
    safe: {headers: {stsSeconds: 5, frameDeny: true, customResponseHeaders: {Server: ''}}}
    cors: {headers: {accessControlAllowOriginList: ['*'], addVaryHeader: true}}
    host: {headers: {allowedHosts: [other.test]}}
  routers:
    plain: {rule: 'Host(`a.test`)', service: s, middlewares: [safe, cors]}
    tls: {rule: 'Host(`a.test`)', service: s, tls: {}, middlewares: [safe]}
    host: {rule: 'Host(`b.test`)', service: s, middlewares: [host]}
",
    );
    let removed = "removes the answer's Server";
    let frame = "sets the answer's X-Frame-Options: DENY";
    let sts = "sets the answer's Strict-Transport-Security: max-age=5";
    let origin = "sets the answer's Access-Control-Allow-Origin: *";
    for (url, expected) in [
        (
            "http://a.test/",
            vec![vec![removed, frame], vec![origin, "sets the answer's Vary: Origin"]],
        ),
        ("https://a.test/", vec![vec![removed, frame, sts]]),
        ("http://b.test/", vec![vec!["answers 500 Internal Server Error"]]),
    ] {
        let told = house.ask(url);
        let told: Vec<Vec<&str>> = told
            .middlewares
            .iter()
            .map(|it| it.effects.iter().map(String::as_str).collect())
            .collect();
        assert_eq!(told, expected, "{url}");
    }
}

#[test]
fn where_nothing_matches() {
    let house = House::new(SHOP);
    let table = [
        ("http://safe.test/", "only with TLS: router safe@file takes it"),
        ("https://a.test/x", "\"web\" takes it over http: router shop@file"),
        ("http://a.tets/", "spelled alike: a.test"),
        ("http://www.a.test/", "spelled alike: a.test"),
        ("http://nobody.example/", "no router serves the host \"nobody.example\""),
    ];
    for (url, hint) in table {
        let told = house.ask(url);
        assert!(told.hints.iter().any(|it| it.contains(hint)), "{url}: {:?}", told.hints);
    }
    let odd = house.ask("http://odd.test/");
    assert_eq!(odd.disabled[0].router, "odd@file");
    assert!(odd.disabled[0].errors[0].contains("nowhere"), "{odd:?}");
}

#[test]
fn certificates() {
    let house = House::new(SHOP);
    let told = house.ask("https://safe.test/").certificate.unwrap();
    assert_eq!((&*told.chosen_by, &*told.source), ("default", "generated"));
    assert_eq!(told.server_name.as_deref(), Some("safe.test"));
    assert_eq!(house.ask("https://10.0.0.1/").certificate.unwrap().server_name, None);
    assert_eq!(house.ask("http://safe.test/").certificate, None);
}

#[test]
fn long_rules_are_cut() {
    let hosts: Vec<String> = (0..5_000).map(|number| format!("Host(`h{number}.test`)")).collect();
    let rule = hosts.join(" || ");
    let service = "services: {s: {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}}";
    let routers = format!("routers: {{r: {{rule: '({rule}) && Path(`/x`)', service: s}}}}");
    let house = House::new(&format!("http: {{{service}, {routers}}}"));
    let told = house.ask("http://h7.test/y");
    assert_eq!(told.considered[0].failed[0].part, "Path(`/x`)");
    assert!(told.considered[0].rule.len() < 2_010, "{}", told.considered[0].rule.len());
    let told = house.ask("http://h7.tset/x");
    assert!(told.hints.iter().any(|it| it.contains("h7.test")), "{:?}", told.hints);
    assert_eq!(brief(&"é".repeat(2_000)).chars().count(), 1_003);
}

#[test]
fn entry_points() {
    let house = House::new(SHOP);
    let table = [
        ("http://a.test", "web", "port 80"),
        ("https://a.test", "websecure", "port 443"),
        ("http://a.test:443", "websecure", "port 443"),
        ("https://a.test:8443", "websecure", "guess"),
        ("http://a.test:8080", "web", "guess"),
    ];
    for (url, name, because) in table {
        let point = house.ask(url).entry_point.unwrap();
        assert_eq!(point.name, name, "{url}");
        assert!(point.because.contains(because), "{url}: {}", point.because);
    }
    let asked = |name: &str| Question {
        url: "http://a.test".into(),
        entry_point: name.into(),
        ..Question::default()
    };
    let told = house.view(|view| walk::explain(view, &asked("websecure"))).unwrap();
    assert_eq!(told.entry_point.unwrap().name, "websecure");
    let error = house.view(|view| walk::explain(view, &asked("wbe"))).unwrap_err();
    assert!(error.contains("web, websecure"), "{error}");
}

#[test]
fn routes_are_listed() {
    let house = House::new(SHOP);
    let list = |host: &str, entry_point: &str| {
        let listed = house.view(|view| routes::list(view, host, entry_point)).unwrap();
        let names = listed.routes.iter().map(|it| format!("{}/{}", it.entry_point, it.router));
        (names.collect::<Vec<_>>(), listed)
    };
    let (names, all) = list("", "");
    let expected = [
        "web/api@file",
        "web/away@file",
        "web/safe@file",
        "web/shop@file",
        "websecure/api@file",
        "websecure/safe@file",
    ];
    assert_eq!(names, expected);
    assert_eq!(all.routes[0].middlewares, ["strip@file", "tag@file"]);
    assert_eq!(all.routes[0].servers, ["http://10.0.0.1:8080"]);
    assert!(all.routes[2].tls && !all.routes[0].tls);
    assert_eq!(all.disabled[0].router, "odd@file");
    assert_eq!(list("a.test", "").0, ["web/api@file", "web/shop@file", "websecure/api@file"]);
    assert_eq!(list("a.test", "websecure").0, ["websecure/api@file"]);
    assert_eq!(list("c.test", "").0.len(), 0);
    let error = house.view(|view| routes::list(view, "", "wbe")).unwrap_err();
    assert!(error.contains("web, websecure"), "{error}");
}

fn any_part() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "Host(`a.test`)",
        "Host(`b.test`)",
        "Host(`*.test`)",
        "HostRegexp(`^[ab]`)",
        "!Host(`a.test`)",
        "PathPrefix(`/x`)",
        "Path(`/x/y`)",
        "PathRegexp(`y$`)",
        "!PathPrefix(`/x`)",
        "Method(`GET`)",
        "Query(`k`)",
        "Header(`X-A`,`1`)",
        "ClientIP(`192.0.2.0/24`)",
        "Host(`a.test`) || Path(`/z`)",
    ])
    .prop_map(|part| format!("({part})"))
}

fn any_router() -> impl Strategy<Value = (String, i64)> {
    let rule = prop::collection::vec(any_part(), 1..4);
    (rule, any::<bool>(), -2_i64..60).prop_map(|(parts, and, priority)| {
        (parts.join(if and { " && " } else { " || " }), priority)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// The router that is told is the one that the data plane's own lookup gives, and the first of
    /// those considered that matches.
    #[test]
    fn the_chosen_router_is_the_real_one(
        routers in prop::collection::vec(any_router(), 0..40),
        host in prop::sample::select(vec!["a.test", "b.test", "c.test", "A.TEST.", "d"]),
        path in prop::sample::select(vec!["/", "/x", "/x/y", "/z", "//x/./y", "/x?k", "/%78"]),
        header in any::<bool>(),
    ) {
        let service = "    s: {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}\n";
        let mut text = format!("http:\n  services:\n{service}  routers: {{}}\n");
        if !routers.is_empty() {
            text = format!("http:\n  services:\n{service}  routers:\n");
        }
        for (number, (rule, priority)) in routers.iter().enumerate() {
            text.push_str(&format!(
                "    r{number}: {{rule: '{rule}', priority: {priority}, service: s, entryPoints: [web]}}\n"
            ));
        }
        let house = House::new(&text);
        let question = Question {
            url: format!("http://{host}{path}"),
            headers: if header { vec!["X-A: 1".into()] } else { Vec::new() },
            ..Question::default()
        };
        let told = house.view(|view| walk::explain(view, &question)).unwrap();

        let (bare, query) = path.split_once('?').map_or((path, None), |(p, q)| (p, Some(q)));
        let clean = crate::canonical::path(bare, true);
        let seen_path = crate::canonical::routing_path(clean.as_deref().unwrap_or(bare));
        let mut headers = http::HeaderMap::new();
        if header {
            headers.insert("x-a", HeaderValue::from_static("1"));
        }
        let found = house.snapshot.entry_points[0].plain.find(&crate::route::Request {
            method: &http::Method::GET,
            host: &crate::canonical::host(host),
            host_as_sent: host,
            path: &seen_path,
            query,
            headers: &headers,
            client_ip: [192, 0, 2, 1].into(),
        });
        let expected = found.map(|number| house.snapshot.routes[number].name.to_string());
        prop_assert_eq!(told.router.as_ref().map(|it| it.name.clone()), expected.clone());
        let first = told.considered.iter().find(|it| it.matches).map(|it| it.router.clone());
        prop_assert_eq!(first, expected);
        for it in &told.considered {
            prop_assert_eq!(it.matches, it.failed.is_empty());
        }
    }
}

#[test]
fn handshakes_by_other_options() {
    let house = House::new(
        "
http:
  services: {s: {loadBalancer: {servers: [{url: 'http://10.0.0.1'}]}}}
  routers:
    strict: {rule: 'Host(`a.test`)', service: s, entryPoints: [websecure], tls: {options: modern}}
    wild: {rule: 'Host(`*.w.test`)', service: s, entryPoints: [websecure], tls: {options: modern}, priority: 900}
    exact: {rule: 'Host(`x.w.test`) && Path(`/x`)', service: s, entryPoints: [websecure], tls: {}}
    wide: {rule: 'PathPrefix(`/wide`)', service: s, entryPoints: [websecure], tls: {}, priority: 1000}
    broken: {rule: 'Host(`broken.test`)', service: s, entryPoints: [websecure], tls: {options: nope}}
    plain: {rule: 'Host(`a.test`)', service: s, entryPoints: [web]}
tls: {options: {modern: {minVersion: VersionTLS13}}}
",
    );
    // URL, kind of outcome, status, part of the text.
    let table = [
        ("https://a.test/", "forwarded", None, "goes to"),
        ("http://a.test/", "forwarded", None, "goes to"),
        ("https://A.test./", "forwarded", None, "goes to"),
        ("https://b.test/wide", "forwarded", None, "goes to"),
        ("https://a.test/wide", "refused", Some(421), "router wide@file serves a.test by default"),
        ("https://y.w.test/", "forwarded", None, "goes to"),
        ("https://x.w.test/", "refused", Some(421), "is held by the options default, router wild"),
        ("https://x.w.test/z", "refused", Some(421), "by modern@file only"),
        ("https://broken.test/wide", "refused", None, "cannot be served"),
        ("https://broken.test/", "refused", None, "cannot be served"),
    ];
    for (url, kind, status, text) in table {
        let outcome = house.ask(url).outcome;
        assert_eq!((&*outcome.kind, outcome.status), (kind, status), "{url}: {outcome:?}");
        assert!(outcome.text.contains(text), "{url}: {outcome:?}");
    }
}
