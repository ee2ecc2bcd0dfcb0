//! Route lookup: one, 100 and 10,000 hosts; 10,000 paths of one host.
//!
//! Hits rotate over all routers in random order. `last` is a router without a host, after all
//! others in precedence; `miss` is a request for a host or path of nobody.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use criterion::Criterion;
use http::{HeaderMap, Method};
use swarmgate_config::checked::Route;
use swarmgate_config::name::QName;
use swarmgate_config::rule;
use swarmgate_proxy::route::{Request, Table};
use swarmgate_testkit::many;

/// A table and the requests that are looked up in it.
pub struct Case {
    table: Table,
    /// Host and path.
    targets: Vec<(String, String)>,
    method: Method,
    headers: HeaderMap,
}

impl Case {
    /// Rules in order of precedence.
    fn new(rules: impl Iterator<Item = String>, targets: Vec<(String, String)>) -> Self {
        let routes: Vec<Route> = rules.map(|rule| route(&rule)).collect();
        let (table, wrong) = Table::build(routes.iter().enumerate());
        assert_eq!(wrong, [], "the rules are valid");
        Self { table, targets, method: Method::GET, headers: HeaderMap::new() }
    }

    /// `count` hosts, all asked for.
    pub fn hosts(count: usize) -> Self {
        let targets = shuffled(count).map(|n| (many::host(n), "/index.html".to_owned()));
        Self::new((0..count).map(host_rule), targets.collect())
    }

    /// `count` hosts, and one router that takes all others.
    fn last_host(count: usize) -> Self {
        let rules = (0..count).map(host_rule).chain(["PathPrefix(`/`)".to_owned()]);
        Self::new(rules, vec![stranger()])
    }

    fn no_host(count: usize) -> Self {
        Self::new((0..count).map(host_rule), vec![stranger()])
    }

    /// `count` paths of one host, all asked for.
    pub fn paths(count: usize) -> Self {
        let targets =
            shuffled(count).map(|n| (many::HOST.to_owned(), format!("{}/17", many::path(n))));
        Self::new((0..count).map(path_rule), targets.collect())
    }

    fn last_path(count: usize) -> Self {
        let rules = (0..count).map(path_rule).chain([format!("Host(`{}`)", many::HOST)]);
        Self::new(rules, vec![(many::HOST.to_owned(), "/elsewhere".to_owned())])
    }

    fn no_path(count: usize) -> Self {
        let target = (many::HOST.to_owned(), "/elsewhere".to_owned());
        Self::new((0..count).map(path_rule), vec![target])
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Request number `turn`, the first again after the last.
    pub fn request(&self, turn: usize) -> Request<'_> {
        let (host, path) = &self.targets[turn % self.targets.len()];
        Request {
            method: &self.method,
            host,
            host_as_sent: host,
            path: path.as_bytes(),
            query: None,
            headers: &self.headers,
            client_ip: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 17)),
        }
    }

    /// The router that takes it.
    pub fn find(&self, request: &Request<'_>) -> Option<usize> {
        self.table.find(request)
    }
}

fn host_rule(number: usize) -> String {
    format!("Host(`{}`)", many::host(number))
}

fn path_rule(number: usize) -> String {
    format!("Host(`{}`) && PathPrefix(`{}`)", many::HOST, many::path(number))
}

fn stranger() -> (String, String) {
    ("nobody.customers.example.com".to_owned(), "/index.html".to_owned())
}

fn route(rule: &str) -> Route {
    Route {
        router: QName::new("router", "file"),
        rule: Arc::new(rule::parse(rule).expect("a valid rule")),
        priority: 0,
        tls: None,
        middlewares: Vec::new(),
        service: QName::new("service", "file"),
        children: Vec::new(),
        recursion_guard: None,
        access_log: true,
        metrics: true,
    }
}

/// All numbers below `count` once, in an order that no cache foresees and that is always the same.
fn shuffled(count: usize) -> impl Iterator<Item = usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for place in (1..count).rev() {
        // xorshift: no crate is needed for an order.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        numbers.swap(place, (state % (place as u64 + 1)) as usize);
    }
    numbers.into_iter()
}

/// Runs them all.
pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup");
    let mut measure = |name: String, build: &dyn Fn() -> Case, found: bool| {
        // A filter must not have to wait for tables that it leaves out.
        let mut case = None;
        group.bench_function(name, |bencher| {
            let case = case.get_or_insert_with(build);
            for turn in 0..case.len() {
                assert_eq!(case.find(&case.request(turn)).is_some(), found, "request {turn}");
            }
            let mut turn = 0;
            bencher.iter(|| {
                let request = case.request(turn);
                turn += 1;
                black_box(case.find(black_box(&request)))
            });
        });
    };
    for count in [1, 100, 10_000] {
        measure(format!("hosts/{count}/hit"), &|| Case::hosts(count), true);
        measure(format!("hosts/{count}/last"), &|| Case::last_host(count), true);
        measure(format!("hosts/{count}/miss"), &|| Case::no_host(count), false);
    }
    measure("paths/10000/hit".into(), &|| Case::paths(10_000), true);
    measure("paths/10000/last".into(), &|| Case::last_path(10_000), true);
    measure("paths/10000/miss".into(), &|| Case::no_path(10_000), false);
    group.finish();
}
