//! What metrics and access log tell of error pages and of denials: who was asked, and what he said.

use std::fs;

use serde_json::Value;
use swarmgate_testkit::client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;

use crate::stage::{LIMIT, Stage};

const ROUTERS: &str = "in: {rule: 'Host(`in.test`)', service: app, middlewares: [pages]}
    closed: {rule: 'Host(`closed.test`)', service: app, middlewares: [users]}
    hidden: {rule: 'Host(`hidden.test`)', service: app, middlewares: [pages, users]}
    asked: {rule: 'Host(`asked.test`)', service: app, middlewares: [auth]}
    redirected: {rule: 'Host(`redirected.test`)', service: app, middlewares: [away]}
    rewritten: {rule: 'Host(`rewritten.test`)', service: app, middlewares: [rewriting]}
    twice: {rule: 'Host(`twice.test`)', service: app, middlewares: [outer, pages]}
    nobody: {rule: 'Host(`nobody.test`)', service: nobody, middlewares: [pages]}
    lonely: {rule: 'Host(`lonely.test`)', service: nobody}
    dead: {rule: 'Host(`dead.test`)', service: app, middlewares: [to-dead]}
    own: {rule: 'Host(`own.test`)', service: app, middlewares: [to-own]}
    tried: {rule: 'Host(`tried.test`)', service: app, middlewares: [again, pages]}
    quiet: {rule: 'Host(`quiet.test`)', service: app, middlewares: [pages], observability: {metrics: false}}
    parent: {rule: 'Host(`parent.test`)', middlewares: [pages]}
    child: {rule: 'PathPrefix(`/`)', service: app, parentRefs: [parent]}";
const MIDDLEWARES: &str =
    "pages: {errors: {status: ['401', '500-599'], service: other, query: '/{status}'}}
    outer: {errors: {status: ['500-599'], service: second, query: '/{status}'}}
    rewriting: {errors: {status: ['500'], service: other, query: '/', statusRewrites: {'500': 200}}}
    to-dead: {errors: {status: ['500'], service: dead, query: '/'}}
    to-own: {errors: {status: ['500'], service: 'ping@internal', query: '/'}}
    again: {retry: {attempts: 2, initialInterval: 1ms, status: ['500']}}
    users: {basicAuth: {users: ['bob:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/']}}
    auth: {forwardAuth: {address: 'http://{OTHER}/', trustForwardHeader: false}}
    away: {redirectScheme: {scheme: https}}";

/// What was added to the metrics, `code service` or `code router`, and the line of the log.
#[derive(Debug, PartialEq)]
struct Told {
    services: Vec<String>,
    routers: Vec<String>,
    /// Service, server, status of the server.
    log: [Value; 3],
}

struct House {
    stage: Stage,
    api: u16,
    /// Where nobody listens.
    dead: u16,
    asked: usize,
}

impl House {
    fn new() -> Self {
        let (api, dead) = (ports::free(), ports::free());
        let services = format!(
            "\n    nobody: {{loadBalancer: {{servers: []}}}}\n    second: {{loadBalancer: {{servers: [{{url: 'UPSTREAM'}}]}}}}\n    dead: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{dead}'}}]}}}}"
        );
        let address = format!("--entryPoints.traefik.address=127.0.0.1:{api}");
        let arguments = [
            "--accessLog.filePath=access.log",
            "--accessLog.format=json",
            "--metrics.prometheus.addRoutersLabels=true",
            "--api.insecure=true",
            "--ping=true",
            &address,
        ];
        let stage = Stage::set_over(ROUTERS, MIDDLEWARES, &services, &arguments);
        Self { stage, api, dead, asked: 0 }
    }

    /// `scope`: `service` or `router`. Family, labels, value; nothing of the stage's own.
    fn samples(&self, family: &str) -> Vec<(String, u64)> {
        let page = client::get(self.api, "localhost", "/metrics").expect("the page").text();
        let lines = page.lines().filter_map(|line| line.strip_prefix(&format!("{family}{{")));
        let lines = lines.filter(|line| !line.contains("router=\"ready@file\""));
        let samples = lines.map(|line| {
            let (labels, value) = line.rsplit_once("} ").expect("a sample");
            let of = |name: &str| {
                let value = labels.split(&format!("{name}=\"")).nth(1);
                value.and_then(|it| it.split('"').next()).unwrap_or_default().to_owned()
            };
            let owner = if family.contains("router") { of("router") } else { of("service") };
            (format!("{} {} {owner}", of("method"), of("code")), value.parse().expect("a number"))
        });
        samples.collect()
    }

    /// What is told of one request: a method, a host and orders.
    fn tell(&mut self, method: &str, host: &str, lines: &[&str]) -> Told {
        self.asked += 1;
        let target = format!("/{}", self.asked);
        let count = |family: &str| self.samples(family);
        let families = ["traefik_service_requests_total", "traefik_router_requests_total"];
        let before = families.map(count);
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        let length = if method == "POST" { "Content-Length: 2\r\n\r\nhi" } else { "\r\n" };
        let request = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{lines}{length}");
        self.stage.connect().exchange(request).expect("an answer");
        let path = self.stage.process.directory().join("access.log");
        // It is written when all is counted.
        let line = eventually("its line", LIMIT, || {
            let text = fs::read_to_string(&path).unwrap_or_default();
            let lines = text.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
            let mut lines = lines.filter(|line| line["RequestPath"] == *target);
            lines.next().ok_or(text.clone())
        });
        let added = |number: usize| -> Vec<String> {
            let mut added = Vec::new();
            for (name, value) in count(families[number]) {
                let earlier = before[number].iter().find(|(known, _)| *known == name);
                let earlier = earlier.map_or(0, |(_, value)| *value);
                added.extend((earlier..value).map(|_| name.clone()));
            }
            added.sort();
            added
        };
        let told = eventually("it is counted", LIMIT, || {
            let told = (added(0), added(1));
            match host != "quiet.test" && told.1.is_empty() {
                true => Err(format!("{told:?}")),
                false => Ok(told),
            }
        });
        let log = ["ServiceName", "ServiceAddr", "OriginStatus"].map(|key| line[key].clone());
        Told { services: told.0, routers: told.1, log }
    }
}

/// Seen with Traefik 3.7.15, but for the status of a server that cannot be reached.
#[test]
fn who_was_asked() {
    let mut house = House::new();
    let app = house.stage.upstream.address().to_string();
    let other = house.stage.other.address().to_string();
    let dead = format!("127.0.0.1:{}", house.dead);
    let [failing, page_fails] = ["X-Do: status 500", "X-Other-Do: status 503"];
    let none = || [Value::Null, Value::Null, 0.into()];
    let by =
        |service: &str, server: &str, status: u16| [service.into(), server.into(), status.into()];
    type Row<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str], &'a [&'a str], [Value; 3]);
    let table: &[Row<'_>] = &[
        (
            "GET",
            "in.test",
            &[],
            &["GET 200 app@file"],
            &["GET 200 in@file"],
            by("app@file", &app, 200),
        ),
        (
            "GET",
            "in.test",
            &[failing],
            &["GET 200 other@file", "GET 500 app@file"],
            &["GET 500 in@file"],
            by("other@file", &other, 200),
        ),
        (
            "POST",
            "in.test",
            &[failing, "X-Other-Do: status 418"],
            &["GET 418 other@file", "POST 500 app@file"],
            &["POST 500 in@file"],
            by("other@file", &other, 418),
        ),
        ("GET", "closed.test", &[], &[], &["GET 401 closed@file"], none()),
        (
            "GET",
            "hidden.test",
            &[],
            &["GET 200 other@file"],
            &["GET 401 hidden@file"],
            by("other@file", &other, 200),
        ),
        ("GET", "asked.test", &["X-Other-Do: status 403"], &[], &["GET 403 asked@file"], none()),
        (
            "GET",
            "asked.test",
            &[],
            &["GET 200 app@file"],
            &["GET 200 asked@file"],
            by("app@file", &app, 200),
        ),
        ("GET", "redirected.test", &[], &[], &["GET 302 redirected@file"], none()),
        (
            "GET",
            "rewritten.test",
            &[failing],
            &["GET 200 other@file", "GET 500 app@file"],
            &["GET 200 rewritten@file"],
            by("other@file", &other, 200),
        ),
        (
            "GET",
            "twice.test",
            &[failing, page_fails],
            &["GET 500 app@file", "GET 500 second@file", "GET 503 other@file"],
            &["GET 500 twice@file"],
            by("second@file", &app, 500),
        ),
        (
            "GET",
            "nobody.test",
            &[],
            &["GET 200 other@file"],
            &["GET 503 nobody@file"],
            by("other@file", &other, 200),
        ),
        ("GET", "lonely.test", &[], &[], &["GET 503 lonely@file"], none()),
        (
            "GET",
            "dead.test",
            &[failing],
            &["GET 500 app@file", "GET 502 dead@file"],
            &["GET 500 dead@file"],
            by("dead@file", &dead, 0),
        ),
        (
            "GET",
            "own.test",
            &[failing],
            &["GET 500 app@file"],
            &["GET 500 own@file"],
            by("app@file", &app, 500),
        ),
        (
            "GET",
            "tried.test",
            &[failing, "X-Other-Do: status 500"],
            &["GET 500 app@file", "GET 500 app@file", "GET 500 other@file", "GET 500 other@file"],
            &["GET 500 tried@file"],
            by("other@file", &other, 500),
        ),
        ("GET", "quiet.test", &[failing], &[], &[], by("other@file", &other, 200)),
        (
            "GET",
            "parent.test",
            &[failing],
            &["GET 200 other@file", "GET 500 app@file"],
            &["GET 500 child@file"],
            by("other@file", &other, 200),
        ),
    ];
    for (method, host, lines, services, routers, log) in table {
        let told = house.tell(method, host, lines);
        let text = |these: &[&str]| these.iter().map(ToString::to_string).collect();
        let expected = Told { services: text(services), routers: text(routers), log: log.clone() };
        assert_eq!(told, expected, "{method} {host} {lines:?}");
    }
    // What each has said, in bytes; the client got the page alone.
    house.tell("GET", "in.test", &["X-Do: status 501", "X-Do: bytes 1000", "X-Other-Do: bytes 70"]);
    let bytes = |family: &str, owner: &str| {
        let samples = house.samples(family);
        samples.iter().find(|(name, _)| name == owner).map(|(_, value)| *value)
    };
    assert_eq!(bytes("traefik_service_responses_bytes_total", "GET 501 app@file"), Some(1000));
    assert_eq!(bytes("traefik_router_responses_bytes_total", "GET 501 in@file"), Some(70));
}
