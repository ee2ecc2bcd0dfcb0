//! The whole way from what is written to the router that takes a request, against a naive scan:
//! rules of both syntaxes that are aimed at the requests, so that most of these are taken.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::HeaderValue;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use swarmgate_config::check::check;
use swarmgate_config::finding::Origin;
use swarmgate_config::install::{EntryPoint, Install};
use swarmgate_config::routing::{Configuration, Router, ServersTransport, Service, Written};
use swarmgate_config::rule::Syntax;
use swarmgate_config::rule::go_regex::quote;

use super::tests::{Sent, any_request, any_rule, table_of};
use crate::canonical;
use crate::connection::Registry;
use crate::serve::way::{Way, find};
use crate::settings::Settings;
use crate::snapshot::{Snapshot, Target};
use crate::worker::ThreadSnapshot;

/// What the middlewares of a router do to a request before the routers below see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Add,
    Strip,
    Header,
    Host,
}

impl Change {
    const ALL: [Self; 5] = [Self::Nothing, Self::Add, Self::Strip, Self::Header, Self::Host];

    /// The middleware that does so.
    fn middleware(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Nothing => None,
            Self::Add => Some(("add", r#"{"addPrefix":{"prefix":"/b"}}"#)),
            Self::Strip => Some(("strip", r#"{"stripPrefix":{"prefixes":["/a"]}}"#)),
            Self::Header => Some(("header", r#"{"headers":{"customRequestHeaders":{"X":"w"}}}"#)),
            Self::Host => Some(("host", r#"{"headers":{"customRequestHeaders":{"Host":"c.b"}}}"#)),
        }
    }

    /// The request as it is then. `None`: that is not said in a line, and shown elsewhere.
    fn of(self, sent: &Sent) -> Option<Sent> {
        let mut sent = sent.clone();
        let (path, query) = match sent.target.split_once('?') {
            Some((path, query)) => (path, format!("?{query}")),
            None => (&*sent.target, String::new()),
        };
        let path = canonical::path(path, true).unwrap_or_else(|| path.to_owned());
        match self {
            Self::Nothing => {}
            Self::Add => sent.target = format!("/b{path}{query}"),
            // Escapes are stripped, too; segments of points are refused; of "/a" nothing is left.
            Self::Strip if path == "/a" || path.contains("%2F") || path.contains('.') => {
                return None;
            }
            Self::Strip => {
                let rest = path.strip_prefix("/a").unwrap_or(&path);
                let rest = rest.strip_prefix('/').unwrap_or(rest);
                sent.target = format!("/{rest}{query}");
            }
            Self::Header => sent.headers = vec![("x".into(), b"w".to_vec())],
            // v2's templates look at it, all others at the host that was asked for.
            Self::Host => sent.left = Some("c.b".into()),
        }
        Some(sent)
    }
}

/// A router to be, and those below it.
#[derive(Clone, Debug)]
struct Raw {
    /// The request that its rule is aimed at.
    at: u8,
    /// The matchers of its rule.
    picks: Vec<u8>,
    twist: u8,
    v2: bool,
    priority: Option<i64>,
    random: String,
    change: Change,
    below: Vec<Raw>,
}

#[derive(Debug)]
struct Spec {
    name: String,
    rule: String,
    syntax: Syntax,
    priority: Option<i64>,
    /// All its matchers hold where it holds.
    plain: bool,
    change: Change,
    below: Vec<Spec>,
}

fn any_raw(below: impl Strategy<Value = Vec<Raw>>) -> impl Strategy<Value = Raw> {
    let priority = prop::option::weighted(0.4, prop::sample::select(vec![-1, 0, 1, 20, 20, 40]));
    (
        any::<u8>(),
        prop::collection::vec(any::<u8>(), 1..4),
        0..12_u8,
        any::<bool>(),
        priority,
        any_rule(),
        prop::sample::select(Change::ALL.to_vec()),
        below,
    )
        .prop_map(|(at, picks, twist, v2, priority, random, change, below)| Raw {
            at,
            picks,
            twist,
            v2,
            priority,
            random,
            change,
            below,
        })
}

/// Roots, a third of them with others below.
fn any_routers() -> impl Strategy<Value = Vec<Raw>> {
    let leaf = any_raw(Just(Vec::new())).boxed();
    let some = |of: BoxedStrategy<Raw>| prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(of, 1..5)];
    let middle = any_raw(some(leaf)).boxed();
    prop::collection::vec(any_raw(some(middle)), 0..25)
}

/// A matcher that holds for the request.
fn aimed(sent: &Sent, pick: u8, syntax: Syntax) -> String {
    let host = canonical::host(&sent.host).into_owned();
    let path = sent.with(|seen| String::from_utf8(seen.path.to_vec()).unwrap());
    let ends: Vec<usize> = path.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    let prefix = &path[..ends[usize::from(pick / 16) % ends.len()]];
    let header = sent.headers.first().map(|(_, value)| String::from_utf8(value.clone()).unwrap());
    let not = |given: bool| if given { "" } else { "!" };
    let (no_header, no_query) = (not(header.is_some()), not(sent.target.contains("k=v")));
    let value = header.unwrap_or_else(|| "v".into());
    let (method, ip) = (&sent.method, sent.ip);
    let below = host.find('.').map(|dot| &host[dot..]);
    let bare = canonical::split_port(sent.left.as_ref().unwrap_or(&sent.host));
    match (syntax, pick % 12) {
        (_, 0..=2) if host.is_empty() => "!Host(`a`)".into(),
        (Syntax::V3, 0) => format!("Host(`{host}`)"),
        (Syntax::V3, 1) => match below {
            Some(below) => format!("Host(`*{below}`)"),
            None => "Host(`*`)".into(),
        },
        (Syntax::V3, 2) => format!("HostRegexp(`^{}`)", quote(&host)),
        (Syntax::V3, 3) => format!("Path(`{path}`)"),
        (Syntax::V3, 4) => format!("PathPrefix(`{prefix}`)"),
        (Syntax::V3, 5) => format!("PathRegexp(`^{}`)", quote(prefix)),
        (Syntax::V3, 6) => format!("Method(`{method}`)"),
        (Syntax::V3, 7) => format!("{no_header}Header(`X`, `{value}`)"),
        (Syntax::V3, 8) => format!("{no_header}HeaderRegexp(`x`, `^{value}$`)"),
        (Syntax::V3, 9) => format!("{no_query}Query(`k`, `v`)"),
        (Syntax::V3, 10) => format!("{no_query}QueryRegexp(`k`, `^.$`)"),
        (Syntax::V3, _) => format!("ClientIP(`{ip}/8`)"),
        (Syntax::V2, 0) => format!("Host(`zz`, `{host}`)"),
        (Syntax::V2, 1) => format!("HostHeader(`{host}`)"),
        (Syntax::V2, 2) => match bare.split_once('.') {
            Some((first, rest)) if !first.is_empty() => format!("HostRegexp(`{{x}}.{rest}`)"),
            _ => "HostRegexp(`zz`, `{x:.*}`)".into(),
        },
        (Syntax::V2, 3) => format!("Path(`/zz`, `{path}`)"),
        (Syntax::V2, 4) => format!("PathPrefix(`{prefix}`, `/zz/{{x}}`)"),
        (Syntax::V2, 5) => "Path(`/{x:.*}`)".into(),
        (Syntax::V2, 6) => format!("Method(`ZZ`, `{method}`)"),
        (Syntax::V2, 7) => format!("{no_header}Headers(`X`, `{value}`)"),
        (Syntax::V2, 8) => format!("{no_header}HeadersRegexp(`X`, `^{value}$`)"),
        (Syntax::V2, 9) => format!("{no_query}Query(`k=v`)"),
        (Syntax::V2, 10) => format!("{no_query}Query(`k={{x:v+}}`)"),
        (Syntax::V2, _) => format!("ClientIP(`203.0.113.9`, `{ip}`)"),
    }
}

fn spec(raw: &Raw, name: String, requests: &[Sent]) -> Spec {
    let request = &requests[usize::from(raw.at) % requests.len()];
    let syntax = if raw.v2 && raw.twist != 0 { Syntax::V2 } else { Syntax::V3 };
    let all: Vec<String> = raw.picks.iter().map(|pick| aimed(request, *pick, syntax)).collect();
    let rule = all.join(" && ");
    let rule = match raw.twist {
        0 => raw.random.clone(),
        1 => format!("!(!({rule}))"),
        2 => format!("({rule}) || Path(`/nowhere`)"),
        _ => rule,
    };
    let change = if raw.below.is_empty() { Change::Nothing } else { raw.change };
    // Those below are aimed at the requests as they then are.
    let changed = |sent: &Sent| change.of(sent).unwrap_or_else(|| sent.clone());
    let changed: Vec<Sent> = requests.iter().map(changed).collect();
    let below = raw.below.iter().enumerate();
    let below = below.map(|(number, raw)| spec(raw, format!("{name}-{number:02}"), &changed));
    let below = below.collect();
    Spec { below, name, rule, syntax, priority: raw.priority, plain: raw.twist > 2, change }
}

fn write(specs: &[Spec], parent: Option<&str>, into: &mut Configuration) {
    let origin = Origin::Internal;
    for spec in specs {
        let router = Router {
            rule: Some(spec.rule.clone()),
            rule_syntax: (spec.syntax == Syntax::V2).then(|| "v2".into()),
            priority: spec.priority,
            service: spec.below.is_empty().then(|| "s".into()),
            middlewares: spec
                .change
                .middleware()
                .map(|(name, _)| name.into())
                .into_iter()
                .collect(),
            parent_refs: parent.map(str::to_owned).into_iter().collect(),
            ..Router::default()
        };
        let object = Written { value: Arc::new(router), origin: origin.clone() };
        into.routers.insert(spec.name.clone(), object);
        write(&spec.below, Some(&spec.name), into);
    }
}

fn built(specs: &[Spec]) -> Snapshot {
    let mut written = Configuration::default();
    let service = Service { load_balancer: Some(Default::default()), ..Service::default() };
    let object = Written { value: Arc::new(service), origin: Origin::Internal };
    written.services.insert("s".into(), object);
    for (name, options) in Change::ALL.into_iter().filter_map(Change::middleware) {
        let value = Arc::new(serde_json::from_str(options).unwrap());
        let object = Written { value, origin: Origin::Internal };
        written.middlewares.insert(name.into(), object);
    }
    write(specs, None, &mut written);
    let checked = check(&Install::default(), &[(Arc::from("file"), Arc::new(written))].into());
    Snapshot::build(checked, &ServersTransport::default(), &["http"], None)
}

/// The routers that take the request, from the top down, on the way that requests go.
fn taken(snapshot: &Rc<ThreadSnapshot>, settings: &Arc<Settings>, sent: &Sent) -> Vec<String> {
    let peer = SocketAddr::new(sent.ip, 1);
    let connection = Rc::<Registry>::default().open(peer, Arc::clone(settings), Rc::default());
    let (path, query) = sent.target.split_once('?').unwrap_or((&sent.target, ""));
    let path = canonical::path(path, true).unwrap_or_else(|| path.to_owned());
    let mut request = http::Request::builder()
        .method(&*sent.method)
        .uri(format!("{}?{query}", path.replace('é', "%C3%A9")));
    for (name, value) in &sent.headers {
        request = request.header(name, &**value);
    }
    let (mut head, ()) = request.body(()).unwrap().into_parts();
    let hosts = (&*canonical::host(&sent.host), &*sent.host);
    let found = find(snapshot, 0, &connection, &head, hosts);
    let host = HeaderValue::from_str(&sent.host).unwrap();
    let mut found = found.map(|number| Way::new(Rc::clone(snapshot), number, None, host));
    let mut names = Vec::new();
    while let Some(way) = found {
        let route = way.route().unwrap();
        names.push(route.name.trim_end_matches("@file").to_owned());
        let (_, answer) = way.pass(&connection, &mut head, 0);
        assert!(answer.is_none(), "{sent:?}: {answer:?}");
        found = match &route.target {
            Target::Children(children) => way.below(children, &connection, &head),
            _ => None,
        };
    }
    names
}

/// The same, one rule after the other. `None`: what a middleware does is not said here.
fn scanned<'s>(specs: &'s [Spec], sent: &Sent) -> Option<Vec<&'s Spec>> {
    let mut order: Vec<&Spec> = specs.iter().collect();
    order.sort_by_key(|spec| {
        let length = i64::try_from(spec.rule.len()).unwrap();
        (-spec.priority.filter(|it| *it != 0).unwrap_or(length), spec.name.clone())
    });
    let holds = |spec: &Spec| {
        let table = table_of([(&*spec.rule, spec.syntax)]);
        sent.with(|request| table.scan(request).is_some())
    };
    let Some(first) = order.into_iter().find(|spec| holds(spec)) else { return Some(Vec::new()) };
    let mut found = vec![first];
    if !first.below.is_empty() {
        found.extend(scanned(&first.below, &first.change.of(sent)?)?);
    }
    Some(found)
}

/// All matchers of both syntaxes.
const MATCHERS: [&str; 17] = [
    "Host(`*",
    "Host(`",
    "HostRegexp(`",
    "Path(`",
    "PathPrefix(`",
    "PathRegexp(`",
    "Method(`",
    "Header(`",
    "HeaderRegexp(`",
    "Query(`k`",
    "QueryRegexp(`",
    "ClientIP(`",
    "HostHeader(`",
    "HostRegexp(`{",
    "Headers(`",
    "HeadersRegexp(`",
    "Query(`k=",
];

#[test]
fn the_index_equals_the_scan_where_requests_hit() {
    let (asked, hit, layered) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
    let changed: RefCell<Vec<u32>> = RefCell::new(vec![0; Change::ALL.len()]);
    let address = SocketAddr::from(([127, 0, 0, 1], 80));
    let settings = Arc::new(Settings::new("http", address, &EntryPoint::default()).unwrap());
    let won: RefCell<BTreeMap<&str, u32>> = RefCell::default();
    let mut runner =
        TestRunner::new(Config { source_file: Some(file!()), ..Config::with_cases(600) });
    let cases = (any_routers(), prop::collection::vec(any_request(), 1..6));
    let outcome = runner.run(&cases, |(raw, requests)| {
        let specs: Vec<Spec> = raw
            .iter()
            .enumerate()
            .map(|(number, raw)| spec(raw, format!("r{number:02}"), &requests))
            .collect();
        let snapshot = built(&specs);
        for router in snapshot.checked.routers.values() {
            prop_assert!(router.errors.is_empty(), "{:?}", router);
        }
        let snapshot = Rc::new(ThreadSnapshot::from(snapshot));
        for sent in &requests {
            let Some(expected) = scanned(&specs, sent) else { continue };
            let names: Vec<&str> = expected.iter().map(|spec| &*spec.name).collect();
            prop_assert_eq!(taken(&snapshot, &settings, sent), names, "{:?}", sent);
            asked.set(asked.get() + 1);
            if expected.last().is_some_and(|last| last.below.is_empty()) {
                hit.set(hit.get() + 1);
                layered.set(layered.get() + u32::from(expected.len() > 1));
                for spec in &expected {
                    changed.borrow_mut()[spec.change as usize] += 1;
                }
            }
            for spec in expected.into_iter().filter(|spec| spec.plain) {
                for part in spec.rule.split(" && ") {
                    for matcher in MATCHERS.iter().filter(|it| part.starts_with(**it)) {
                        *won.borrow_mut().entry(matcher).or_default() += 1;
                    }
                }
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    let (asked, hit, layered) = (asked.get(), hit.get(), layered.get());
    let changed = changed.into_inner();
    println!("{hit} of {asked} requests hit, {layered} of them below another router: {changed:?}");
    assert!(hit * 10 > asked * 7, "only {hit} of {asked} requests hit");
    assert!(layered * 20 > asked, "only {layered} of {asked} requests hit below another router");
    for (change, times) in Change::ALL.iter().zip(&changed) {
        assert!(*times >= 10, "only {times} requests hit behind {change:?}");
    }
    let won = won.borrow();
    for matcher in MATCHERS {
        let count = won.get(matcher).copied().unwrap_or_default();
        assert!(count >= 20, "{matcher} only won {count} times: {won:?}");
    }
}
