//! `forwardAuth`: connections, bodies, tunnels, and what people are told.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::Client;
use swarmgate_testkit::eventually::eventually;

use crate::stage::{LIMIT, Stage};

const ROUTERS: &str = "in: {rule: 'Host(`in.test`)', service: app, middlewares: [auth]}
    two: {rule: 'Host(`two.test`)', service: app, middlewares: [auth]}";
const AUTH: &str =
    "auth: {forwardAuth: {address: 'http://{OTHER}/verify', trustForwardHeader: false,
      authResponseHeaders: [Remote-User], addAuthCookiesToResponse: [session]}}";

/// `GET /` with these header lines.
fn get(host: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
}

fn named<'j>(seen: &'j serde_json::Value, name: &str) -> Option<&'j str> {
    let headers = seen["headers"].as_array()?;
    let found = headers.iter().find(|pair| pair[0].as_str() == Some(name))?;
    found[1].as_str()
}

/// As with Authelia, tinyauth and oauth2-proxy: sent to sign in, then let in by a cookie and known by
/// a header.
#[test]
fn a_login() {
    let stage = Stage::set(ROUTERS, AUTH);
    let mut client = stage.connect();
    let stranger = get(
        "in.test",
        &[
            "Remote-User: admin",
            "X-Other-Do: status 302",
            "X-Other-Do: header Location: https://login.test/?rd=https%3A%2F%2Fin.test%2F",
            "X-Other-Do: header Set-Cookie: csrf=1; Path=/; HttpOnly",
            "X-Other-Do: body",
        ],
    );
    let sent_away = client.exchange(stranger).expect("an answer");
    assert_eq!(sent_away.status, 302);
    assert_eq!(
        sent_away.header("location"),
        Some("https://login.test/?rd=https%3A%2F%2Fin.test%2F")
    );
    assert_eq!(sent_away.header("set-cookie"), Some("csrf=1; Path=/; HttpOnly"));
    assert_eq!(stage.upstream.requests(), 1, "only the stage's own");

    let known = get(
        "in.test",
        &[
            "Remote-User: admin",
            "Cookie: session=1",
            "X-Other-Do: header Remote-User: bob",
            "X-Other-Do: header Set-Cookie: session=2; Path=/",
        ],
    );
    let welcomed = client.exchange(known).expect("an answer");
    assert_eq!(welcomed.status, 200);
    assert_eq!(named(&welcomed.json(), "Remote-User"), Some("bob"));
    assert_eq!(welcomed.header("set-cookie"), Some("session=2; Path=/"));
    let asked = stage.other.last_head().expect("it was asked");
    assert_eq!(asked.first, "GET /verify HTTP/1.1");
    assert_eq!(asked.header("x-forwarded-host"), Some("in.test"));
    assert_eq!(asked.header("x-forwarded-uri"), Some("/"));
    assert_eq!(asked.header("cookie"), Some("session=1"));
}

#[test]
fn connections_are_kept_and_outlive_a_change() {
    let mut stage = Stage::set(ROUTERS, AUTH);
    let mut client = stage.connect();
    for host in ["in.test", "two.test", "in.test"] {
        assert_eq!(client.exchange(get(host, &[])).expect("an answer").status, 200);
        let denied = get(host, &["X-Other-Do: status 403", "X-Other-Do: bytes 5000"]);
        assert_eq!(client.exchange(denied).expect("an answer").body.len(), 5000);
        // Its body has nowhere to go.
        let head = get(host, &["X-Other-Do: status 403", "X-Other-Do: bytes 5000"]);
        let head = head.replacen("GET", "HEAD", 1);
        let headless = client.exchange(head).expect("an answer");
        assert_eq!((headless.status, headless.header("content-length")), (403, Some("5000")));
        // What nobody gets is read while nobody waits for it.
        thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(stage.other.connections(), 1);
    stage.change(ROUTERS, &format!("{AUTH}\n    more: {{addPrefix: {{prefix: /x}}}}"));
    assert_eq!(client.exchange(get("in.test", &[])).expect("an answer").status, 200);
    // Each data-plane thread has connections of its own; this client's thread has had one.
    assert_eq!(stage.other.connections(), 1);
    // One that has died under a request is replaced.
    stage.other.drop_connections();
    assert_eq!(client.exchange(get("in.test", &[])).expect("an answer").status, 200);
    assert_eq!(stage.other.connections(), 2);
}

#[test]
fn a_denial_is_not_held() {
    let stage = Stage::set(ROUTERS, AUTH);
    let before = stage.process.resident_kib().expect("it runs");
    let mut stream = TcpStream::connect(("127.0.0.1", stage.web)).expect("it listens");
    let large = get("in.test", &["X-Other-Do: status 403", "X-Other-Do: bytes 100000000"]);
    stream.write_all(large.as_bytes()).expect("sent");
    stream.read_exact(&mut [0]).expect("an answer begins");
    thread::sleep(Duration::from_millis(500));
    let grown = stage.process.resident_kib().expect("it runs").saturating_sub(before);
    assert!(grown < 20_000, "{grown} KiB");
    // What is let through needs no body, however long.
    let passes = get("in.test", &["X-Other-Do: bytes 100000000"]);
    let answer = Client::connect(("127.0.0.1", stage.web)).expect("it listens").exchange(passes);
    assert_eq!(answer.expect("an answer").status, 200);
    let grown = stage.process.resident_kib().expect("it runs").saturating_sub(before);
    assert!(grown < 20_000, "{grown} KiB");
    assert_eq!(stage.upstream.requests(), 2, "the stage's own, and one");
}

#[test]
fn bodies_are_sent_twice() {
    let stage = Stage::set(
        ROUTERS,
        "auth: {forwardAuth: {address: 'http://{OTHER}/', forwardBody: true, maxBodySize: 1000000,
          preserveRequestMethod: true}}",
    );
    let body = "0123456789".repeat(50_000);
    let chunked: String = body
        .as_bytes()
        .chunks(7_000)
        .map(|chunk| format!("{:x}\r\n{}\r\n", chunk.len(), String::from_utf8_lossy(chunk)))
        .collect();
    let requests = [
        (format!("Content-Length: {}\r\n\r\n{body}", body.len()), "length"),
        (format!("Transfer-Encoding: chunked\r\n\r\n{chunked}0\r\n\r\n"), "chunked"),
    ];
    for (rest, framing) in requests {
        for denied in ["", "X-Other-Do: status 403\r\n"] {
            let request = format!("POST / HTTP/1.1\r\nHost: in.test\r\n{denied}{rest}");
            let answer = stage.connect().exchange(request).expect("an answer");
            let seen = answer.json();
            assert_eq!(seen["name"], if denied.is_empty() { "app" } else { "other" });
            assert_eq!((&seen["framing"], &seen["method"]), (&framing.into(), &"POST".into()));
            assert!(seen["body"].as_str() == Some(&body), "{framing}, denied: {denied:?}");
        }
    }
    // One that waits to be asked for its body is asked.
    let mut client = stage.connect();
    client
        .send(
            "POST / HTTP/1.1\r\nHost: in.test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        )
        .expect("sent");
    assert_eq!(client.head().expect("a word").first, "HTTP/1.1 100 Continue");
    client.send("hi").expect("sent");
    assert_eq!(client.response("POST").expect("an answer").json()["body"], "hi");
    // One that is too long is not read to its end, and nothing behind it is a request.
    let (app, other) = (stage.upstream.requests(), stage.other.requests());
    let long = "GET /smuggled HTTP/1.1\r\nHost: in.test\r\n\r\n".repeat(50_000);
    let request =
        format!("POST / HTTP/1.1\r\nHost: in.test\r\nContent-Length: {}\r\n\r\n{long}", long.len());
    let mut client = stage.connect();
    assert_eq!(client.exchange(request).expect("an answer").status, 401);
    assert_eq!(client.rest().map_or(0, |rest| rest.len()), 0);
    assert_eq!((stage.upstream.requests(), stage.other.requests()), (app, other));
}

#[test]
fn tunnels() {
    let stage = Stage::set(ROUTERS, AUTH);
    let upgrade = |more: &str| {
        format!(
            "GET / HTTP/1.1\r\nHost: in.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n{more}\r\n"
        )
    };
    let mut client = stage.connect();
    client.send(upgrade("X-Other-Do: header Set-Cookie: session=2\r\n")).expect("sent");
    let head = client.head().expect("an answer");
    assert_eq!(head.first, "HTTP/1.1 101 Switching Protocols");
    // Nobody edits a 101.
    assert_eq!(head.header("set-cookie"), None);
    client.send("ping").expect("sent");
    assert_eq!(client.bytes(10).expect("an echo"), b"hello ping");
    let asked = stage.other.last_head().expect("it was asked");
    assert_eq!((asked.header("connection"), asked.header("upgrade")), (None, None));

    let denied = stage.connect().exchange(upgrade("X-Other-Do: status 403\r\n"));
    assert_eq!(denied.expect("an answer").status, 403);
}

#[test]
fn a_client_that_leaves_asks_no_more() {
    let stage = Stage::set(ROUTERS, AUTH);
    let mut stream = TcpStream::connect(("127.0.0.1", stage.web)).expect("it listens");
    stream.write_all(get("in.test", &["X-Other-Do: silent"]).as_bytes()).expect("sent");
    eventually("it is asked", LIMIT, || match stage.other.open() {
        1 => Ok(()),
        open => Err(format!("{open} connections")),
    });
    drop(stream);
    eventually("it is asked no more", LIMIT, || match stage.other.open() {
        0 => Ok(()),
        open => Err(format!("{open} connections")),
    });
    assert_eq!(stage.upstream.requests(), 1, "only the stage's own");
}

#[test]
fn who_it_was_is_logged_and_nothing_else() {
    let stage = Stage::set_with(
        ROUTERS,
        "auth: {forwardAuth: {address: 'http://me:hunter2@{OTHER}/', headerField: Remote-User}}",
        &["--accessLog.filePath=access.log", "--log.level=DEBUG", "--api.insecure=true"],
    );
    let ask = |lines: &[&str]| stage.connect().exchange(get("in.test", lines));
    let secret = "Cookie: session=letmein";
    let user = "X-Other-Do: header Remote-User: bob";
    assert_eq!(ask(&[secret, user]).expect("an answer").status, 200);
    assert_eq!(ask(&[secret, user, "X-Other-Do: status 403"]).expect("an answer").status, 403);
    assert_eq!(ask(&[secret, "X-Other-Do: reset"]).expect("an answer").status, 500);
    let path = stage.process.directory().join("access.log");
    let log = eventually("all lines", LIMIT, || {
        let text = fs::read_to_string(&path).unwrap_or_default();
        if text.contains("\" 500 ") { Ok(text) } else { Err(text) }
    });
    assert_eq!(log.matches(" - bob [").count(), 2, "{log}");
    let output = eventually("it says why", LIMIT, || {
        let output = stage.process.output();
        if output.contains("does not say whether") { Ok(output) } else { Err(output) }
    });
    assert!(output.contains("xxxx@"), "{output}");
    for hidden in ["letmein", "hunter2", "bWU6aHVudGVyMg"] {
        assert!(!log.contains(hidden) && !output.contains(hidden), "{hidden}:\n{log}{output}");
    }
}

#[test]
fn what_cannot_be_asked_is_not_served() {
    for (options, expected) in [
        ("address: ''", "address is missing"),
        ("address: 'auth:80'", "expected"),
        ("address: 'https://{OTHER}/', tls: {ca: nowhere.pem}", "tls.ca: the root CA nowhere.pem"),
        ("address: 'http://{OTHER}/', authResponseHeadersRegex: '('", "missing closing )"),
    ] {
        let auth = format!("auth: {{forwardAuth: {{headerField: X-User, {options}}}}}");
        let stage = Stage::set(ROUTERS, &auth);
        assert_eq!(stage.get("in.test", &[]).status, 404, "{options}");
        eventually("it says so", LIMIT, || {
            let output = stage.process.output();
            if output.contains(expected) { Ok(()) } else { Err(output) }
        });
    }
}

#[test]
fn asking_takes_no_longer_than_it_may() {
    let stage = Stage::set(ROUTERS, AUTH);
    let mut client = stage.connect();
    client.set_timeout(Duration::from_secs(60)).expect("a time-out");
    let start = Instant::now();
    let answer = client.exchange(get("in.test", &["X-Other-Do: silent"])).expect("an answer");
    let waited = start.elapsed();
    assert_eq!(answer.status, 500);
    assert!((29..50).contains(&waited.as_secs()), "{waited:?}");
    assert_eq!(stage.upstream.requests(), 1, "only the stage's own");
}
