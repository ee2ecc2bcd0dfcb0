//! `rateLimit.redis` against a real Redis: what instances share, also with real Traefik, and what
//! happens while the store is away.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::certificates::{self, Certificate};
use swarmgate_testkit::client::{self, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;
use swarmgate_testkit::{ports, real};

use crate::stage::{LIMIT, Stage};

pub const ROUTERS: &str = "a: {rule: 'Host(`a.test`)', service: app, middlewares: [slow]}
    b: {rule: 'Host(`b.test`)', service: app, middlewares: [slow]}";

/// Three requests at once and one an hour, counted by `X-Key`.
pub fn slow(redis: &str) -> String {
    format!(
        "slow: {{rateLimit: {{average: 1, period: 1h, burst: 3, redis: {{{redis}}}, \
         sourceCriterion: {{requestHeaderName: X-Key}}}}}}"
    )
}

pub fn redis_server(what: &str) -> Option<PathBuf> {
    let found = real::program("redis-server");
    if found.is_none() {
        real::skip(what, "redis-server not found");
    }
    found
}

/// A store that keeps nothing on disk.
pub fn redis(program: &Path, port: u16, more: &[&str]) -> Running {
    let port_text = port.to_string();
    let mut running = Launch::new(program)
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--port", &port_text])
        .args(more.iter().copied())
        .start();
    running.wait_listening(port);
    running
}

/// Sends commands, one in a line, and returns what comes until the store hangs up.
pub fn tell(port: u16, commands: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a time-out");
    write!(stream, "{commands}\r\nQUIT\r\n").expect("it takes commands");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}

pub fn get(web: u16, host: &str, key: &str) -> Response {
    let mut client = client::Client::connect(("127.0.0.1", web)).expect("it listens");
    client.set_timeout(LIMIT).expect("a time-out");
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nX-Key: {key}\r\n\r\n");
    client.exchange(request).expect("an answer")
}

pub fn becomes(web: u16, key: &str, status: u16) {
    eventually("the store's state shows", LIMIT, || match get(web, "a.test", key).status {
        found if found == status => Ok(()),
        other => Err(other.to_string()),
    });
}

#[test]
fn instances_and_routers_share_a_limit() {
    let Some(program) = redis_server("a shared rateLimit") else { return };
    let port = ports::free();
    let _redis = redis(&program, port, &[]);
    let options = slow(&format!("endpoints: ['127.0.0.1:{port}']"));
    let (one, two) = (Stage::set(ROUTERS, &options), Stage::set(ROUTERS, &options));
    for (web, host) in [(one.web, "a.test"), (two.web, "a.test"), (one.web, "b.test")] {
        assert_eq!(get(web, host, "k").status, 200, "{}", one.process.output());
    }
    for web in [one.web, two.web] {
        let refused = get(web, "b.test", "k");
        assert_eq!((refused.status, refused.text().as_str()), (429, "Too Many Requests"));
        let seconds: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
        assert!((3500..=3600).contains(&seconds), "{seconds}");
        assert!(refused.header("x-retry-in").expect("an exact time").starts_with("59m"));
    }
    assert_eq!(get(two.web, "a.test", "other").status, 200);
    // As Traefik keeps it, for as long as it counts.
    let stored = tell(port, "HMGET rate:slow@file:k last tokens\r\nTTL rate:slow@file:k");
    let lines: Vec<&str> = stored.lines().collect();
    let [_, _, last, _, tokens, ttl, ..] = lines[..] else { panic!("{stored}") };
    assert_eq!(last.len(), 16, "{stored}");
    let tokens: f64 = tokens.parse().expect("a number");
    assert!((0.0..0.1).contains(&tokens), "{stored}");
    let ttl: u64 = ttl.trim_start_matches(':').parse().expect("a number");
    assert!((10_700..=10_800).contains(&ttl), "{stored}");
}

#[test]
fn all_threads_count_together_over_few_connections() {
    let Some(program) = redis_server("a shared rateLimit and its connections") else { return };
    let port = ports::free();
    let _redis = redis(&program, port, &[]);
    let stage =
        Stage::set(ROUTERS, &slow(&format!("endpoints: ['127.0.0.1:{port}'], poolSize: 1")));
    let before = stage.upstream.requests();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let status = get(stage.web, "a.test", "k").status;
                    assert!(status == 200 || status == 429, "{status}");
                }
            });
        }
    });
    assert_eq!(stage.upstream.requests() - before, 3);
    let clients = tell(port, "CLIENT LIST");
    // One of them asks.
    assert_eq!(
        clients.matches("addr=").count() - clients.matches("laddr=").count(),
        2,
        "{clients}"
    );
}

#[test]
fn real_traefik_shares_it() {
    let what = "a rateLimit shared with Traefik";
    let (Some(program), Some(traefik)) = (redis_server(what), real::traefik(what)) else { return };
    let port = ports::free();
    let _redis = redis(&program, port, &[]);
    let options = slow(&format!("endpoints: ['127.0.0.1:{port}']"));
    let ours = Stage::set(ROUTERS, &options);
    let (web, upstream) = (ports::free(), Upstream::start("theirs"));
    let routing = format!(
        "http:
  routers:
    {ROUTERS}
  middlewares:
    {options}
  services:
    app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}
",
        upstream.url()
    );
    let mut theirs = Launch::new(&traefik)
        .file("routing.yml", &routing)
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg("--providers.file.filename=routing.yml")
        .start();
    theirs.wait_listening(web);
    becomes(web, "ready", 200);
    // The clocks of both are this machine's.
    for web in [web, ours.web, web] {
        assert_eq!(get(web, "a.test", "k").status, 200, "{}", theirs.output());
    }
    for web in [web, ours.web] {
        assert_eq!(get(web, "b.test", "k").status, 429);
    }
    let keys = tell(port, "KEYS *k");
    assert_eq!(keys.matches("rate:").count(), 1, "{keys}");
    drop(theirs);
}

#[test]
fn a_store_that_goes_and_comes() {
    let Some(program) = redis_server("a rateLimit whose store goes") else { return };
    let port = ports::free();
    let stage = Stage::set(ROUTERS, &slow(&format!("endpoints: ['127.0.0.1:{port}']")));
    for _ in 0..2 {
        let refused = get(stage.web, "a.test", "k");
        assert_eq!(refused.status, 500);
        assert_eq!(refused.text(), "Could not insert/update bucket\n");
        assert_eq!(refused.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
    }
    let told = || stage.process.output().matches("Could not insert/update bucket").count();
    let lines = eventually("the log says so", LIMIT, || match told() {
        0 => Err("it does not".into()),
        lines => Ok(lines),
    });
    assert_eq!(lines, 1);
    for round in 0..3 {
        let running = redis(&program, port, &[]);
        // A new store knows nobody.
        becomes(stage.web, &format!("first {round}"), 200);
        for expected in [200, 200, 200, 429] {
            assert_eq!(get(stage.web, "a.test", "k").status, expected, "{round}");
        }
        drop(running);
        becomes(stage.web, "k", 500);
    }
    assert_eq!(stage.get("ready.test", &[]).status, 200);
}

#[test]
fn a_restart_between_two_requests_is_not_seen() {
    let Some(program) = redis_server("a rateLimit whose store is restarted") else { return };
    let port = ports::free();
    let first = redis(&program, port, &[]);
    let stage = Stage::set(ROUTERS, &slow(&format!("endpoints: ['127.0.0.1:{port}']")));
    assert_eq!(get(stage.web, "a.test", "k").status, 200);
    drop(first);
    let _second = redis(&program, port, &[]);
    assert_eq!(get(stage.web, "a.test", "k").status, 200);
}

#[test]
fn a_store_that_says_nothing_holds_nobody_else_up() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let redis = format!("endpoints: ['127.0.0.1:{port}'], readTimeout: 1s, writeTimeout: 0s");
    let stage = Stage::set(ROUTERS, &slow(&redis));
    let web = stage.web;
    let begun = Instant::now();
    let waiting: Vec<_> =
        (0..20).map(|_| thread::spawn(move || get(web, "a.test", "k").status)).collect();
    for _ in 0..20 {
        assert_eq!(stage.get("ready.test", &[]).status, 200);
    }
    // Some clients do not wait.
    for _ in 0..20 {
        let mut client = stage.connect();
        client.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").expect("it takes it");
    }
    assert!(waiting.iter().any(|one| !one.is_finished()), "{:?}", begun.elapsed());
    for one in waiting {
        assert_eq!(one.join().expect("no panic"), 500);
    }
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn a_password_that_nobody_else_hears() {
    let Some(program) = redis_server("a rateLimit with a password") else { return };
    let port = ports::free();
    let edge = ["--user", "edge", "on", ">l1mits", "~rate:*", "+@all"];
    let acl = [&["--requirepass", "0pen-sesame"][..], &edge].concat();
    let _redis = redis(&program, port, &acl);
    let api = ports::free();
    let routers = "a: {rule: 'Host(`a.test`)', service: app, middlewares: [right]}
    b: {rule: 'Host(`b.test`)', service: app, middlewares: [wrong]}
    c: {rule: 'Host(`c.test`)', service: app, middlewares: [none]}
    d: {rule: 'Host(`d.test`)', service: app, middlewares: [named]}";
    let limit = |name: &str, more: &str| {
        format!(
            "{name}: {{rateLimit: {{average: 9, redis: {{endpoints: ['127.0.0.1:{port}']{more}}}}}}}"
        )
    };
    let limits = [
        limit("right", ", password: 0pen-sesame, db: 3"),
        limit("wrong", ", password: wr0ng-sesame"),
        limit("none", ""),
        limit("named", ", username: edge, password: l1mits"),
    ];
    let arguments =
        [format!("--entryPoints.traefik.address=127.0.0.1:{api}"), "--api.insecure=true".into()];
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let stage = Stage::set_with(routers, &limits.join("\n    "), &arguments);
    for (host, status) in [("a.test", 200), ("b.test", 500), ("c.test", 500), ("d.test", 200)] {
        assert_eq!(get(stage.web, host, "k").status, status, "{host}: {}", stage.process.output());
    }
    let stored = tell(port, "AUTH 0pen-sesame\r\nSELECT 3\r\nKEYS *");
    assert!(stored.contains("rate:right@file:127.0.0.1"), "{stored}");
    let shown = client::get(api, "h.test", "/api/http/middlewares").expect("an answer").text();
    assert!(shown.contains("\"username\":\"edge\"") && shown.contains("xxxx"), "{shown}");
    let said = stage.process.output();
    assert!(said.contains("WRONGPASS") && said.contains("NOAUTH"), "{said}");
    for text in [shown, said] {
        assert!(!text.contains("sesame") && !text.contains("l1mits"), "{text}");
    }
}

#[test]
fn tls() {
    let Some(program) = redis_server("a rateLimit over TLS") else { return };
    over_tls(&program, &certificates::self_signed(&["localhost"]));
    over_tls(&program, &certificates::self_signed_authority(&["localhost"]));
}

fn over_tls(program: &Path, certificate: &Certificate) {
    let port = ports::free();
    let port_text = port.to_string();
    let _redis = {
        let mut running = Launch::new(program)
            .file("redis.pem", &certificate.pem)
            .file("redis.key", &certificate.key)
            .args(["--bind", "127.0.0.1", "--save", "", "--port", "0", "--tls-port", &port_text])
            .args(["--tls-cert-file", "redis.pem", "--tls-key-file", "redis.key"])
            .args(["--tls-ca-cert-file", "redis.pem", "--tls-auth-clients", "no"])
            .start();
        running.wait_listening(port);
        running
    };
    let routers = "a: {rule: 'Host(`a.test`)', service: app, middlewares: [known]}
    b: {rule: 'Host(`b.test`)', service: app, middlewares: [unknown]}
    c: {rule: 'Host(`c.test`)', service: app, middlewares: [lenient]}
    d: {rule: 'Host(`d.test`)', service: app, middlewares: [other]}";
    let limit = |name: &str, host: &str, tls: &str| {
        format!(
            "{name}: {{rateLimit: {{average: 9, redis: {{endpoints: ['{host}:{port}'], tls: {{{tls}}}}}}}}}"
        )
    };
    let ca = format!("ca: \"{}\"", certificate.pem.trim().replace('\n', "\\n"));
    let limits = [
        limit("known", "localhost", &ca),
        limit("unknown", "localhost", "insecureSkipVerify: false"),
        limit("lenient", "127.0.0.1", "insecureSkipVerify: true"),
        limit("other", "127.0.0.1", &ca),
    ];
    let stage = Stage::set(routers, &limits.join("\n    "));
    for (host, status) in [("a.test", 200), ("b.test", 500), ("c.test", 200), ("d.test", 500)] {
        assert_eq!(get(stage.web, host, "k").status, status, "{host}: {}", stage.process.output());
    }
}
