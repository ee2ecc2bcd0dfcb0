//! Tables of the matchers (reference: HTTP routing §3, §4, §5) and the proof that the index
//! changes nothing.

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use swarmgate_config::check::check;
use swarmgate_config::checked::Route;
use swarmgate_config::finding::Origin;
use swarmgate_config::install::Install;
use swarmgate_config::name::QName;
use swarmgate_config::routing::{Configuration, Router, Service, Written};
use swarmgate_config::rule::{self, Syntax};

use super::{Request, Table};
use crate::canonical;

fn route_of(rule: &str, syntax: Syntax) -> Route {
    let parsed = rule::parse_as(rule, syntax).unwrap_or_else(|error| panic!("{rule:?}: {error}"));
    Route {
        router: QName::new("r", "test"),
        rule: Arc::new(parsed),
        priority: 0,
        tls: None,
        middlewares: Vec::new(),
        service: QName::new("s", "test"),
        children: Vec::new(),
        recursion_guard: None,
        access_log: true,
        metrics: true,
    }
}

fn table<'t>(rules: impl IntoIterator<Item = &'t str>) -> Table {
    table_of(rules.into_iter().map(|rule| (rule, Syntax::V3)))
}

pub(super) fn table_of<'t>(rules: impl IntoIterator<Item = (&'t str, Syntax)>) -> Table {
    let routes: Vec<Route> =
        rules.into_iter().map(|(rule, syntax)| route_of(rule, syntax)).collect();
    let (table, wrong) = Table::build(routes.iter().enumerate());
    assert_eq!(wrong, []);
    table
}

/// A request as a client sends it.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) host: String,
    /// The host as middlewares have left it.
    pub(super) left: Option<String>,
    pub(super) target: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) ip: IpAddr,
}

fn sent(host: &str, target: &str) -> Sent {
    Sent {
        method: "GET".into(),
        host: host.into(),
        left: None,
        target: target.into(),
        headers: Vec::new(),
        ip: IpAddr::from([192, 0, 2, 1]),
    }
}

impl Sent {
    pub(super) fn with<T>(&self, ask: impl FnOnce(&Request<'_>) -> T) -> T {
        let (path, query) = match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (self.target.as_str(), None),
        };
        let canonical = canonical::path(path, true);
        let path = canonical::routing_path(canonical.as_deref().unwrap_or(path));
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            headers.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        ask(&Request {
            method: &Method::from_bytes(self.method.as_bytes()).unwrap(),
            host: &canonical::host(&self.host),
            host_as_sent: self.left.as_ref().unwrap_or(&self.host),
            path: &path,
            query,
            headers: &headers,
            client_ip: self.ip,
        })
    }

    fn matches_v2(&self, rule: &str) -> bool {
        let table = table_of([(rule, Syntax::V2)]);
        self.with(|request| table.find(request)).is_some()
    }

    fn matches(&self, rule: &str) -> bool {
        let table = table([rule]);
        self.with(|request| table.find(request)).is_some()
    }
}

#[test]
fn hosts() {
    // Rule's host, request's host, whether they meet.
    let rows = [
        ("example.test", "EXAMPLE.test:99", true),
        ("EXAMPLE.test", "example.test", true),
        ("example.test", "example.test.", true),
        ("example.test", "example.test.:80", true),
        ("example.test.", "example.test", true),
        ("example.test.", "example.test.", true),
        ("example.test", "example.test..", false),
        ("example.test..", "example.test", false),
        ("::1", "[::1]:80", true),
        ("::1", "[::1]", true),
        ("[::1]", "[::1]", false),
        ("*", "any", true),
        ("*", "", true),
        ("*.example.test", "a.example.test", true),
        ("*.example.test", "A.EXAMPLE.test.", true),
        ("*.example.test.", "a.example.test", true),
        ("*.example.test", "*.example.test", true),
        ("*.example.test", ".example.test", true),
        ("*.example.test", "a.b.example.test", false),
        ("*.example.test", "example.test", false),
        ("*.example.test", "::1%25.example.test", false),
        ("*.example.test", "[::1%25.example.test]:80", false),
        ("*example.test", "aexample.test", false),
        ("*example.test", "example.test", false),
        ("a.*.test", "a.b.test", false),
        ("a.*.test", "a.*.test", true),
        ("a", "", false),
        (".", "", false),
        ("*.", "test", true),
        ("*.", "a.", true),
        ("*.", "a.test", false),
        ("*.", "", false),
    ];
    for (rule, host, expected) in rows {
        let positive = format!("Host(`{rule}`)");
        assert_eq!(sent(host, "/").matches(&positive), expected, "{positive} {host:?}");
        let negative = format!("!Host(`{rule}`)");
        assert_eq!(sent(host, "/").matches(&negative), !expected, "{negative} {host:?}");
    }
    for (rule, host, expected) in [
        ("^ex$", "EX", true),
        ("^ex$", "ex.", false),
        ("^EX$", "ex", false),
        ("(?i)^EX$", "ex", true),
        ("amp", "example.test", true),
        (".*", "", true),
        ("^$", "", true),
        ("^.+$", "", false),
        // The absent CNAME counts.
        ("^$", "a.test", true),
        ("^(b.test)?$", "a.test", true),
    ] {
        let rule = format!("HostRegexp(`{rule}`)");
        assert_eq!(sent(host, "/").matches(&rule), expected, "{rule} {host:?}");
    }
}

#[test]
fn paths() {
    let rows = [
        ("Path(`/a`)", "/a", true),
        ("Path(`/a`)", "/a/", false),
        ("Path(`/a`)", "/A", false),
        ("Path(`/a`)", "/a?x=1", true),
        ("PathPrefix(`/foo`)", "/foobar", true),
        ("PathPrefix(`/foo`)", "/fo", false),
        ("PathPrefix(`/foo bar`)", "/foo%20bar", true),
        ("PathPrefix(`/foo bar`)", "/foo+bar", false),
        ("PathPrefix(`/foo%20bar`)", "/foo%20bar", false),
        ("PathPrefix(`/foo%2Fbar`)", "/foo%2fbar", true),
        ("PathPrefix(`/foo%2Fbar`)", "/foo/bar", false),
        ("PathPrefix(`/foo%2fbar`)", "/foo%2fbar", false),
        ("Path(`/é`)", "/%c3%a9", true),
        ("Path(`/é`)", "/é", true),
        ("Path(`/a;b`)", "/a;b", true),
        ("Path(`/a;b`)", "/a%3Bb", false),
        ("Path(`/a$b`)", "/a%24b", false),
        ("Path(`/100%25`)", "/100%25", true),
        ("PathPrefix(`/`)", "*", false),
        ("Path(`/b`)", "/a/%2e%2E/b", true),
        ("PathRegexp(`b+`)", "/abbc", true),
        ("PathRegexp(`^/.$`)", "/%FF", true),
        ("PathRegexp(`^/..$`)", "/%FF", false),
        ("PathRegexp(`^/.$`)", "/é", true),
        ("PathRegexp(`^/..$`)", "/é", false),
    ];
    for (rule, target, expected) in rows {
        assert_eq!(sent("h", target).matches(rule), expected, "{rule} {target}");
    }
}

#[test]
fn methods() {
    for (rule, method, expected) in [
        ("Method(`get`)", "GET", true),
        ("Method(`GET`)", "get", false),
        ("Method(`get`)", "get", false),
        ("Method(`FOO`)", "FOO", true),
        ("Method(`HEAD`)", "GET", false),
    ] {
        let request = Sent { method: method.into(), ..sent("h", "/") };
        assert_eq!(request.matches(rule), expected, "{rule} {method}");
    }
}

#[test]
fn headers() {
    let headers = vec![
        ("X-A".to_owned(), b"v".to_vec()),
        ("x-a".to_owned(), b"w, v2".to_vec()),
        ("x-b".to_owned(), b"\xff1".to_vec()),
        ("host".to_owned(), b"h".to_vec()),
        ("transfer-encoding".to_owned(), b"chunked".to_vec()),
    ];
    let request = Sent { headers, ..sent("h", "/") };
    for (rule, expected) in [
        ("Header(`x-a`,`v`)", true),
        ("Header(`X-A`,`V`)", false),
        ("Header(`X-A`,`w, v2`)", true),
        ("Header(`X-A`,`v2`)", false),
        ("Header(`X-C`,`v`)", false),
        ("!Header(`X-C`,`v`)", true),
        ("Header(`Host`,`h`)", false),
        ("HeaderRegexp(`Host`,`.*`)", false),
        ("HeaderRegexp(`Transfer-Encoding`,`.*`)", false),
        ("Header(`not a name`,`v`)", false),
        ("HeaderRegexp(`X-A`,`2$`)", true),
        ("HeaderRegexp(`X-A`,`^2`)", false),
        ("HeaderRegexp(`X-B`,`^.1$`)", true),
        ("HeaderRegexp(`X-C`,`.*`)", false),
    ] {
        assert_eq!(request.matches(rule), expected, "{rule}");
    }
}

/// Of `Connection` only `Upgrade` is left when rules are asked.
#[test]
fn connection_headers() {
    let table: &[(&[(&str, &str)], bool)] = &[
        (&[("connection", "Upgrade"), ("upgrade", "websocket")], true),
        (&[("connection", "keep-alive, upgrade"), ("upgrade", "websocket")], true),
        (&[("connection", "close")], false),
        (&[("connection", "Upgrade")], false),
        (&[("upgrade", "websocket")], false),
        (&[("connection", "upgraded"), ("upgrade", "websocket")], false),
    ];
    for (headers, expected) in table {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec()));
        let request = Sent { headers: headers.collect(), ..sent("h", "/") };
        for (rule, possible) in [
            ("HeaderRegexp(`Connection`,`.*`)", true),
            ("HeaderRegexp(`Connection`,`(?i)upgrade`)", true),
            ("Header(`connection`,`Upgrade`)", true),
            ("Header(`Connection`,`upgrade`)", false),
            ("HeaderRegexp(`Connection`,`close`)", false),
        ] {
            assert_eq!(request.matches(rule), *expected && possible, "{rule} {request:?}");
        }
    }
}

#[test]
fn queries() {
    let rows = [
        ("Query(`k`)", "/?k", true),
        ("Query(`k`)", "/?k=", true),
        ("Query(`k`)", "/?k=1", false),
        ("Query(`k`)", "/?k=1&k", true),
        ("Query(`k`)", "/", false),
        ("Query(`k`)", "/?", false),
        ("Query(`k`,`v`)", "/?k=v", true),
        ("Query(`k`,`v`)", "/?K=v", false),
        ("Query(`k`,`v`)", "/?k=V", false),
        ("Query(`k`,`v`)", "/?k=x&k=v", true),
        ("Query(`k`,`a b`)", "/?k=a+b", true),
        ("Query(`k`,`a b`)", "/?k=a%20b", true),
        ("Query(`k`,`a+b`)", "/?k=a%2Bb", true),
        ("Query(`k k`,`v`)", "/?%6b+k=v", true),
        ("Query(`k`,`a=b`)", "/?k=a=b", true),
        ("Query(`k`,`v`)", "/?bad=%zz&k=v", true),
        ("Query(`k`,`v`)", "/?k=v%", false),
        ("Query(`k`,`v`)", "/?k=v;x", false),
        ("QueryRegexp(`k`)", "/?k=1", false),
        ("QueryRegexp(`k`)", "/?k", true),
        ("QueryRegexp(`k`,`^[0-9]+$`)", "/?k=12", true),
        ("QueryRegexp(`k`,`^[0-9]+$`)", "/?k=1x", false),
        ("QueryRegexp(`k`,`.*`)", "/?j=1", false),
        ("QueryRegexp(`k`,`^a b$`)", "/?k=a%20b", true),
        ("QueryRegexp(`k`,`^.$`)", "/?k=%FF", true),
    ];
    for (rule, target, expected) in rows {
        assert_eq!(sent("h", target).matches(rule), expected, "{rule} {target}");
    }
}

/// Seen with Traefik 3.7.15, each beside it in the side-by-side test.
#[test]
fn matchers_of_v2() {
    let six = Sent { headers: vec![("x-a".into(), b"1".to_vec())], ..sent("[::3]", "/") };
    assert!(six.matches_v2("HostRegexp(`[::3]`)") && six.matches_v2("Headers(`X-A`, `1`)"));
    let rows = [
        ("Host(`x`, `A.b`)", "a.B.:80", "/", true),
        ("Host(`*.b`)", "a.b", "/", false),
        ("Host(`*.b`)", "*.b.", "/", true),
        ("!Host(`a`, `b`)", "b", "/", false),
        ("HostRegexp(`{sub:[a-z]+}.b`)", "AB.b:80", "/", true),
        ("HostRegexp(`{sub:[a-z]+}.b`)", "ab.b.", "/", false),
        ("HostRegexp(`{sub}.b`)", "a.c.b", "/", false),
        ("HostRegexp(`{sub:(?:x|y)}.b`)", "y.b:80", "/", true),
        ("HostRegexp(`b:{port:[0-9]+}`)", "b:80", "/", false),
        ("HostRegexp(`^b.+$`)", "bcd", "/", false),
        ("HostRegexp(`{all:.*}`)", "", "/", true),
        ("Path(`/x`, `/y/{id:[0-9]+}`)", "a", "/y/12", true),
        ("Path(`/x`, `/y/{id:[0-9]+}`)", "a", "/y/12/", false),
        ("Path(`/{a}/{a}`)", "a", "/b/c", true),
        ("Path(`/{a}`)", "a", "/b%2Fc", true),
        ("Path(`/{a}`)", "a", "/%FF", true),
        ("PathPrefix(`/y/{id:[0-9]+}`)", "a", "/y/12x", true),
        ("PathPrefix(`/z/{id}/`)", "a", "/z/x", false),
        ("Method(`post`, `get`)", "a", "/", true),
        ("Query(`a=b`)", "a", "/?a=b&a=c", true),
        ("Query(`a=b`)", "a", "/?a=c&a=b", false),
        ("Query(`a=b`)", "a", "/?a=%zz&a=b", true),
        ("Query(`a=b`, `c=`)", "a", "/?c&a=b", true),
        ("Query(`a=b`, `c=`)", "a", "/?a=b", false),
        ("Query(`a=`)", "a", "/?a=x%0Ay", false),
        ("Query(`a=b.c`)", "a", "/?a=bxc", false),
        ("Query(`{k}=v`)", "a", "/?%7Bk%7D=v", true),
        ("!Query(`a=b`, `c=d`)", "a", "/?a=b", true),
        ("ClientIP(`10.0.0.0/8`, `192.0.2.1`)", "a", "/", true),
    ];
    for (rule, host, target, expected) in rows {
        let found = sent(host, target).matches_v2(rule);
        assert_eq!(found, expected, "{rule} {host:?} {target}");
    }
}

#[test]
fn client_addresses() {
    for (rule, ip, expected) in [
        ("ClientIP(`10.0.0.1`)", "10.0.0.1", true),
        ("ClientIP(`10.0.0.1`)", "::ffff:10.0.0.1", true),
        ("ClientIP(`10.0.0.0/8`)", "10.9.9.9", true),
        ("ClientIP(`10.0.0.0/8`)", "11.0.0.0", false),
        ("ClientIP(`::1`)", "::1", true),
        ("ClientIP(`0.0.0.0/0`)", "::1", false),
    ] {
        let mut request = sent("h", "/");
        request.ip = ip.parse().unwrap();
        request.headers.push(("x-forwarded-for".into(), b"10.0.0.1".to_vec()));
        assert_eq!(request.matches(rule), expected, "{rule} {ip}");
    }
}

#[test]
fn precedence_is_the_callers_order() {
    let table = table([
        "PathPrefix(`/first`)",
        "Host(`*.b`) && Path(`/x`)",
        "Host(`a.b`)",
        "Host(`*.b`)",
        "Host(`*`)",
    ]);
    for (host, target, expected) in [
        ("a.b", "/first", Some(0)),
        ("a.b", "/x", Some(1)),
        ("a.b", "/", Some(2)),
        ("c.b", "/", Some(3)),
        ("", "/", Some(4)),
    ] {
        assert_eq!(sent(host, target).with(|request| table.find(request)), expected);
    }
    assert_eq!(table.len(), 5);
    assert_eq!(sent("a", "/").with(|request| Table::default().find(request)), None);
}

/// Ten thousand rules under one host are no scan: only those asked count.
#[test]
fn many_paths_under_one_host_are_indexed() {
    let rules: Vec<String> = (0..10_000)
        .map(|i| match i % 3 {
            0 => format!("Host(`h`) && Path(`/p{i}`)"),
            1 => format!("Host(`h`) && PathPrefix(`/p{i}/`)"),
            _ => format!("(Host(`h`) || Host(`g`)) && (Path(`/p{i}`) || PathPrefix(`/q/p{i}`))"),
        })
        .collect();
    let table = table(rules.iter().map(String::as_str));
    for (target, expected, most) in [
        ("/p9999", Some(9999), 1),
        ("/p1/x", Some(1), 1),
        ("/q/p9998/x", Some(9998), 4),
        ("/nothing", None, 0),
    ] {
        let asked = std::cell::Cell::new(0);
        let found = sent("h", target).with(|request| {
            table.index.first(request.host, request.path, |rank| {
                asked.set(asked.get() + 1);
                table.entries[rank as usize].rule.holds(request)
            })
        });
        assert_eq!(found.map(|rank| rank as usize), expected, "{target}");
        assert!(asked.get() <= most, "{target}: asked {}", asked.get());
    }
}

fn any_host() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a", "b", "a.b", "c.b", "a.c.b", ".b", "b.", "a.b.", "a.b..", "*.b", "*.c.b", "*.b.", "*.",
        "*", "*b", "::1", "A.B",
    ])
    .prop_map(str::to_owned)
}

fn any_path() -> impl Strategy<Value = String> {
    "/(a|b|ab|/|%41|%2F|é|\\.){0,5}"
}

fn any_matcher() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any_host().prop_map(|host| format!("Host(`{host}`)")),
        1 => Just("HostRegexp(`^a`)".to_owned()),
        1 => Just("HostRegexp(`^$`)".to_owned()),
        3 => any_path().prop_map(|path| format!("Path(`{path}`)")),
        4 => any_path().prop_map(|path| format!("PathPrefix(`{path}`)")),
        1 => Just("PathRegexp(`b$`)".to_owned()),
        1 => Just("Method(`GET`)".to_owned()),
        1 => Just("Header(`X`,`v`)".to_owned()),
        1 => Just("Header(`Host`,`a`)".to_owned()),
        1 => Just("Query(`k`,`v`)".to_owned()),
        1 => Just("ClientIP(`10.0.0.0/8`)".to_owned()),
    ]
}

pub(super) fn any_rule() -> impl Strategy<Value = String> {
    any_matcher().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.join(" && ")),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|all| format!("({})", all.join(" || "))),
            inner.prop_map(|one| format!("!({one})")),
        ]
    })
}

pub(super) fn any_request() -> impl Strategy<Value = Sent> {
    let header = prop::sample::select(vec!["v", "w"]);
    let host = any_host().prop_map(|host| if host == "*" { String::new() } else { host });
    (host, any_path(), any::<bool>(), prop::option::of(header), any::<bool>(), any::<bool>())
        .prop_map(|(host, path, post, header, query, inside)| Sent {
            left: None,
            method: if post { "POST" } else { "GET" }.into(),
            host,
            target: if query { format!("{path}?k=v") } else { path },
            headers: header
                .into_iter()
                .map(|value| ("x".to_owned(), value.as_bytes().to_vec()))
                .collect(),
            ip: IpAddr::from(if inside { [10, 0, 0, 1] } else { [192, 0, 2, 1] }),
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn lookup_equals_the_scan(
        rules in prop::collection::vec(any_rule(), 0..60),
        requests in prop::collection::vec(any_request(), 1..20),
    ) {
        let table = table(rules.iter().map(String::as_str));
        for request in &requests {
            let (found, scanned) = request.with(|request| (table.find(request), table.scan(request)));
            prop_assert_eq!(found, scanned, "{:?}", request);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Who asks why is told what lookup does.
    #[test]
    fn the_explaining_walk_equals_the_lookup(
        rules in prop::collection::vec(any_rule(), 0..40),
        requests in prop::collection::vec(any_request(), 1..10),
    ) {
        let table = table(rules.iter().map(String::as_str));
        for request in &requests {
            request.with(|request| {
                let walked: Vec<_> = table.walk(request).collect();
                let chosen = walked.iter().find(|it| it.failure.is_none()).map(|it| it.number);
                prop_assert_eq!(chosen, table.find(request));
                for it in &walked {
                    let Some(failure) = &it.failure else {
                        prop_assert!(it.for_host, "what holds could hold for this host");
                        continue;
                    };
                    if !it.for_host {
                        continue;
                    }
                    prop_assert!(!failure.parts.is_empty() && failure.parts.len() <= 3);
                    for part in &failure.parts {
                        prop_assert!(part.matcher < failure.matchers);
                    }
                }
                Ok(())
            })?;
        }
    }
}

#[test]
fn the_first_part_that_fails() {
    // Rule, request target, places of the failing matchers, what the request has.
    type Row<'a> = (&'a str, &'a str, &'a [usize], &'a str);
    let rows: [Row<'_>; 9] = [
        ("Host(`a.b`) && PathPrefix(`/api`)", "/x", &[1], "the path is /x"),
        ("(Host(`a.b`) || Host(`c`)) && Path(`/y`)", "/x", &[2], "the path is /x"),
        ("Host(`c`) || Host(`d`)", "/x", &[0, 1], "the host is a.b"),
        ("!Host(`a.b`)", "/", &[0], "the host is a.b"),
        ("Path(`/`) && Method(`POST`)", "/", &[1], "the method is GET"),
        ("Query(`k`,`v`)", "/", &[0], "the query has no k"),
        ("Query(`k`,`v`)", "/?k=w%0A", &[0], "the query's k is \"w\\n\""),
        ("Header(`X-A`,`v`)", "/", &[0], "the request has no header x-a"),
        ("ClientIP(`10.0.0.0/8`)", "/", &[0], "the client is 192.0.2.1"),
    ];
    for (rule, target, places, fact) in rows {
        let table = table([rule]);
        let request = sent("a.b", target);
        let failure = request.with(|request| table.entries[0].rule.failure(request));
        let failure = failure.unwrap_or_else(|| panic!("{rule} holds"));
        let found: Vec<usize> = failure.parts.iter().map(|part| part.matcher).collect();
        assert_eq!(found, places, "{rule}");
        assert_eq!(failure.parts[0].fact, fact, "{rule}");
    }
    let many: Vec<String> = (0..50).map(|number| format!("Host(`h{number}`)")).collect();
    let table = table([many.join(" || ").as_str()]);
    let failure = sent("a", "/").with(|request| table.entries[0].rule.failure(request)).unwrap();
    assert_eq!((failure.parts.len(), failure.more, failure.matchers), (3, 47, 50));
}

/// A rule as a router of many has it: hosts and paths that nearly meet, and something more.
fn any_usual_rule() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        6 => prop::sample::select(vec!["Host(`a.b`)", "Host(`c.b`)", "Host(`*.b`)"]),
        1 => prop::sample::select(vec![
            "HostRegexp(`^[ac]`)", "Host(`a.b`) || Host(`c.b.`)", "!Host(`a.b`)", "Host(`*`)",
        ]),
    ];
    let path = prop_oneof![
        2 => any_long_path().prop_map(|path| format!("Path(`{path}`)")),
        3 => any_long_path().prop_map(|path| format!("PathPrefix(`{path}`)")),
        1 => (any_long_path(), any_long_path())
            .prop_map(|(one, other)| format!("Path(`{one}`) || PathPrefix(`{other}`)")),
        1 => Just("PathRegexp(`a$`)".to_owned()),
    ];
    let more = prop_oneof![
        5 => Just(""),
        1 => prop::sample::select(vec![
            "Method(`GET`)", "!Method(`GET`)", "Header(`X`,`v`)", "HeaderRegexp(`X`,`[vw]`)",
            "Query(`k`,`v`)", "ClientIP(`10.0.0.0/8`)",
        ]),
    ];
    (prop::option::weighted(0.9, host), prop::option::weighted(0.8, path), more).prop_map(
        |(host, path, more)| {
            let parts: Vec<String> = host
                .map(str::to_owned)
                .into_iter()
                .chain(path)
                .chain((!more.is_empty()).then(|| more.to_owned()))
                .map(|part| format!("({part})"))
                .collect();
            if parts.is_empty() { "PathPrefix(`/`)".to_owned() } else { parts.join(" && ") }
        },
    )
}

fn any_long_path() -> impl Strategy<Value = String> {
    "/(api/)?(version/)?(a|b|ab|/|-){0,6}"
}

fn any_usual_request() -> impl Strategy<Value = Sent> {
    let host = prop::sample::select(vec!["a.b", "c.b", "d.b", "a.b.", "e", ""]);
    (any_request(), host, any_long_path()).prop_map(|(request, host, path)| {
        let query = request.target.split_once('?').map(|(_, query)| format!("?{query}"));
        let target = format!("{path}{}", query.unwrap_or_default());
        Sent { host: host.to_owned(), target, ..request }
    })
}

/// Routers with and without a priority of their own, checked as they would be.
fn checked(routers: &[(String, Option<i64>)]) -> (Table, Vec<String>) {
    let mut written = Configuration::default();
    let service = Service { load_balancer: Some(Default::default()), ..Service::default() };
    let origin = Origin::Internal;
    let object = Written { value: Arc::new(service), origin: origin.clone() };
    written.services.insert("s".into(), object);
    for (number, (rule, priority)) in routers.iter().enumerate() {
        let router = Router {
            rule: Some(rule.clone()),
            priority: *priority,
            service: Some("s".into()),
            ..Router::default()
        };
        let object = Written { value: Arc::new(router), origin: origin.clone() };
        written.routers.insert(format!("r{number:03}"), object);
    }
    let merged = [(Arc::from("file"), Arc::new(written))].into();
    let checked = check(&Install::default(), &merged);
    let routes: Vec<&Route> = checked.routes.values().flatten().collect();
    let (table, wrong) = Table::build(routes.iter().copied().enumerate());
    assert_eq!(wrong, []);
    (table, routes.iter().map(|route| route.router.name().to_owned()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// From what is written to the router that takes a request: the highest priority, then the
    /// first name, of all whose rules hold by themselves.
    #[test]
    fn many_routers_of_few_hosts(
        routers in prop::collection::vec(
            (any_usual_rule(), prop::option::weighted(0.3, -3_i64..60)), 0..150,
        ),
        requests in prop::collection::vec(any_usual_request(), 1..30),
    ) {
        let (all, names) = checked(&routers);
        let mut alone: Vec<(i64, String, Table)> = routers
            .iter()
            .enumerate()
            .map(|(number, (rule, priority))| {
                let length = i64::try_from(rule.len()).unwrap();
                let priority = priority.filter(|priority| *priority != 0).unwrap_or(length);
                (-priority, format!("r{number:03}"), table([rule.as_str()]))
            })
            .collect();
        alone.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        for request in &requests {
            request.with(|seen| {
                let found = all.find(seen).map(|number| &names[number]);
                let expected = alone.iter().find(|(_, _, rule)| rule.scan(seen).is_some());
                prop_assert_eq!(found, expected.map(|(_, name, _)| name), "{:?}", request);
                Ok(())
            })?;
        }
    }
}
