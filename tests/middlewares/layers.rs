//! Layered routers: a child sees what its parent's middlewares left, keeps what it remembers over a
//! change elsewhere, and is told in the access log and by `explain`.

use swarmgate_testkit::process::Launch;

use crate::stage::{LIMIT, Stage, request};

const ROUTERS: &str =
    "top: {rule: 'Host(`l.test`)', middlewares: [mark, strip], observability: {accessLogs: true}}
    quiet: {rule: 'Host(`q.test`)', observability: {accessLogs: false}}
    leaf: {rule: 'Path(`/inner`) && Header(`X-Mark`, `seen`)', service: app, parentRefs: [top]}
    slow: {rule: 'Path(`/slow`)', service: app, parentRefs: [top, quiet], middlewares: [slow]}
    plain: {rule: 'PathPrefix(`/`)', service: app, priority: -1}";
const MIDDLEWARES: &str = "mark: {headers: {customRequestHeaders: {X-Mark: seen}, customResponseHeaders: {X-Parent: passed}}}
    strip: {stripPrefix: {prefixes: [/outer]}}
    slow: {rateLimit: {average: 1, period: 1h, burst: 2}}";

fn at(host: &str, path: &str, orders: &[&str]) -> String {
    request(host, orders).replacen("GET / ", &format!("GET {path} "), 1)
}

fn status(stage: &Stage, host: &str, path: &str) -> u16 {
    stage.connect().exchange(at(host, path, &[])).expect("an answer").status
}

#[test]
fn a_child_sees_what_its_parent_left() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let answer = stage.connect().exchange(at("l.test", "/outer/inner", &[])).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("x-parent"), Some("passed"));
    assert_eq!(answer.json()["target"], "/inner");
    // No child takes it: there is no way back to the router for everything.
    let lost = stage.connect().exchange(at("l.test", "/nowhere", &[])).unwrap();
    assert_eq!((lost.status, lost.header("x-parent")), (404, Some("passed")));
    // A body goes through both, and a connection may become a tunnel.
    let post = "POST /inner HTTP/1.1\r\nHost: l.test\r\nContent-Length: 5\r\n\r\nhello";
    let answer = stage.connect().exchange(post).unwrap();
    assert_eq!(answer.json()["body"], "hello");
    let upgrade =
        "GET /inner HTTP/1.1\r\nHost: l.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    assert_eq!(stage.connect().exchange(upgrade).unwrap().status, 101);
}

#[test]
fn a_change_elsewhere_forgets_nothing() {
    let mut stage = Stage::set(ROUTERS, MIDDLEWARES);
    assert_eq!(status(&stage, "l.test", "/slow"), 200);
    // The same router below another one: its limit is its own, whichever way one comes.
    assert_eq!(status(&stage, "q.test", "/slow"), 200);
    assert_eq!(status(&stage, "l.test", "/slow"), 429);
    stage.change(
        &format!("{ROUTERS}\n    more: {{rule: 'Path(`/more`)', service: app, parentRefs: [top]}}"),
        MIDDLEWARES,
    );
    assert_eq!(status(&stage, "l.test", "/more"), 200);
    assert_eq!(status(&stage, "l.test", "/slow"), 429);
    // Without its parent it is gone, and the router for everything takes over.
    stage.change(&ROUTERS.replace("[top, quiet]", "[gone]"), MIDDLEWARES);
    assert_eq!(status(&stage, "q.test", "/slow"), 200);
}

#[test]
fn the_way_is_told() {
    let log = ["--accesslog=true", "--accesslog.format=json"];
    let mut stage = Stage::set_with(ROUTERS, MIDDLEWARES, &log);
    assert_eq!(status(&stage, "q.test", "/slow"), 200);
    assert_eq!(status(&stage, "l.test", "/nowhere"), 404);
    assert_eq!(status(&stage, "l.test", "/inner"), 200);
    stage.process.wait_output("\"RouterName\":\"top@file -\\u003e leaf@file\"");
    let output = stage.process.output();
    let lines: Vec<&str> = output.lines().filter(|line| line.contains("RouterName")).collect();
    let lost = lines.iter().find(|line| line.contains("/nowhere")).expect("it is logged");
    assert!(
        lost.contains("\"RouterName\":\"top@file\"") && !lost.contains("ServiceName"),
        "{lost}"
    );
    assert!(!lines.iter().any(|line| line.contains("quiet@file")), "the root's word counts");

    let explain = |path: &str| {
        let url = format!("http://l.test:{}{path}", stage.web);
        Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .args(["explain", &url, "--pid", &stage.process.pid().to_string()])
            .run(LIMIT)
            .stdout
    };
    let told = explain("/outer/inner");
    for part in [
        "the routers below top@file see the path /inner",
        "✓ leaf@file",
        "and 1 of lower priority for this host",
        "Service      app@file",
        "GET /inner goes to",
    ] {
        assert!(told.contains(part), "{part:?} not in\n{told}");
    }
    let told = explain("/nowhere");
    for part in [
        "✗ slow@file (priority 13): Path(`/slow`): the path is /nowhere",
        "404: no router below top@file takes it",
    ] {
        assert!(told.contains(part), "{part:?} not in\n{told}");
    }
    let listed = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .args(["routes", "--pid", &stage.process.pid().to_string()])
        .run(LIMIT);
    assert!(listed.stdout.contains("below top@file"), "{}", listed.stdout);
}

/// v2's templates look at the host as it is now, everything else at the client's.
#[test]
fn a_child_of_v2_sees_the_host_that_its_parent_made() {
    let routers = "root: {rule: 'HostRegexp(`^[ab]\\.v2\\.test$`)', middlewares: [host]}
    made: {rule: 'HostRegexp(`{x}.made.test`) && Path(`/made`)', ruleSyntax: v2, service: app, parentRefs: [root]}
    sent: {rule: 'HostRegexp(`{x}.v2.test`) && Path(`/sent`)', ruleSyntax: v2, service: app, parentRefs: [root]}
    name: {rule: 'Host(`a.v2.test`) && Path(`/name`)', ruleSyntax: v2, service: app, parentRefs: [root]}";
    let host = "host: {headers: {customRequestHeaders: {Host: 'A.made.test:99'}}}";
    let stage = Stage::set(routers, host);
    for (path, expected, told) in [
        ("/made", 200, "✓ made@file"),
        ("/sent", 404, "404: no router below root@file takes it"),
        ("/name", 200, "✓ name@file"),
    ] {
        assert_eq!(status(&stage, "a.v2.test", path), expected, "{path}");
        let url = format!("http://a.v2.test:{}{path}", stage.web);
        let explained = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
            .args(["explain", &url, "--pid", &stage.process.pid().to_string()])
            .run(LIMIT)
            .stdout;
        assert!(explained.contains(told), "{told:?} not in\n{explained}");
    }
}
