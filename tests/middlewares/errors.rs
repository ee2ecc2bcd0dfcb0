//! `errors`: whose connections, bodies and counts are let go, and when.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use swarmgate_testkit::eventually::eventually;

use crate::stage::{LIMIT, Stage};

const ROUTERS: &str = "in: {rule: 'Host(`in.test`)', service: app, middlewares: [pages]}
    few: {rule: 'Host(`few.test`)', service: app, middlewares: [pages, one]}";
const PAGES: &str =
    "pages: {errors: {status: ['500-599', '429'], service: other, query: '/{status}'}}
    one: {inFlightReq: {amount: 1}}";

fn get(host: &str, lines: &[&str]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
    format!("GET /a HTTP/1.1\r\nHost: {host}\r\n{lines}\r\n")
}

#[test]
fn connections_are_kept_whatever_is_dropped() {
    let mut stage = Stage::set(ROUTERS, PAGES);
    let mut client = stage.connect();
    let mut ask = |stage: &Stage, orders: &[&str]| {
        let answer = client.exchange(get("in.test", orders)).expect("an answer");
        assert_eq!((answer.status, &answer.json()["name"]), (500, &"other".into()), "{orders:?}");
        // What was dropped is read while nobody waits for it.
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(stage.other.connections(), 1);
    };
    ask(&stage, &["X-Do: status 500"]);
    let before = stage.upstream.connections();
    for orders in [
        &["X-Do: status 500", "X-Do: bytes 100000"][..],
        &["X-Do: status 500", "X-Do: drip 5"],
        &["X-Do: status 500", "X-Do: trailer X-T: v"],
        &["X-Do: status 500"],
    ] {
        ask(&stage, orders);
        assert_eq!(stage.upstream.connections(), before, "{orders:?}");
    }
    // So much is not worth reading.
    ask(&stage, &["X-Do: status 500", "X-Do: bytes 50000000"]);
    ask(&stage, &["X-Do: status 500"]);
    assert_eq!(stage.upstream.connections(), before + 1);
    stage.change(ROUTERS, &format!("{PAGES}\n    more: {{addPrefix: {{prefix: /x}}}}"));
    ask(&stage, &["X-Do: status 500"]);
}

#[test]
fn head_gets_no_body() {
    let stage = Stage::set(ROUTERS, PAGES);
    let mut client = stage.connect();
    for _ in 0..3 {
        let lines = ["X-Do: status 500", "X-Other-Do: bytes 5000"];
        let request = get("in.test", &lines).replacen("GET", "HEAD", 1);
        let answer = client.exchange(request).expect("an answer");
        assert_eq!((answer.status, answer.header("content-length")), (500, Some("5000")));
        assert_eq!(stage.other.last_head().expect("it was asked").first, "GET /500 HTTP/1.1");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(stage.other.connections(), 1);
}

#[test]
fn a_body_that_nobody_read_is_no_request() {
    let stage = Stage::set(ROUTERS, PAGES);
    let mut client = stage.connect();
    // The server answers before the body has come, and closes.
    let body = "GET /smuggled HTTP/1.1\r\nHost: in.test\r\n\r\n".repeat(20_000);
    let request = format!(
        "POST / HTTP/1.1\r\nHost: in.test\r\nX-Do: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = client.exchange(request).expect("an answer");
    assert_eq!((answer.status, &answer.json()["target"]), (502, &"/502".into()));
    assert_eq!(answer.json()["framing"], "none");
    assert_eq!(client.rest().map_or(0, |rest| rest.len()), 0);
    let last = stage.upstream.last_head().expect("it was asked");
    assert!(!last.first.contains("smuggled"), "{last:?}");
    // The body of one that is read is not sent to the page.
    let mut client = stage.connect();
    let request = "POST / HTTP/1.1\r\nHost: in.test\r\nX-Do: status 500\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    let answer = client.exchange(request).expect("an answer");
    assert_eq!((&answer.json()["framing"], &answer.json()["body"]), (&"none".into(), &"".into()));
}

#[test]
fn an_upgrade_that_fails_gets_a_page() {
    let stage = Stage::set(ROUTERS, PAGES);
    let upgrade = |more: &str| {
        get("in.test", &["Connection: Upgrade", "Upgrade: echo", more, "X-Other-Do: header X-P: p"])
    };
    let answer = stage.connect().exchange(upgrade("X-Do: deny\r\nX-Do: status 503"));
    let answer = answer.expect("an answer");
    assert_eq!((answer.status, answer.header("x-p")), (503, Some("p")));
    let asked = stage.other.last_head().expect("it was asked");
    assert_eq!((asked.header("upgrade"), asked.header("connection")), (None, None));
    let mut client = stage.connect();
    client.send(upgrade("X-A: b")).expect("sent");
    assert_eq!(client.head().expect("an answer").first, "HTTP/1.1 101 Switching Protocols");
    client.send("ping").expect("sent");
    assert_eq!(client.bytes(10).expect("an echo"), b"hello ping");
}

#[test]
fn what_was_held_for_the_dropped_answer_is_let_go() {
    let stage = Stage::set(ROUTERS, PAGES);
    let mut stream = TcpStream::connect(("127.0.0.1", stage.web)).expect("it listens");
    let orders = ["X-Do: status 500", "X-Other-Do: bytes 100000000"];
    stream.write_all(get("few.test", &orders).as_bytes()).expect("sent");
    stream.read_exact(&mut [0]).expect("a page begins");
    // Nobody reads it; the service is free all the same.
    let answer = stage.connect().exchange(get("few.test", &[])).expect("an answer");
    assert_eq!(answer.status, 200);
}

#[test]
fn a_page_that_does_not_come_holds_nothing_of_the_service() {
    let stage = Stage::set(ROUTERS, PAGES);
    let mut stream = TcpStream::connect(("127.0.0.1", stage.web)).expect("it listens");
    let request = get("few.test", &["X-Do: status 500", "X-Other-Do: silent"]);
    stream.write_all(request.as_bytes()).expect("sent");
    eventually("the page is asked for", LIMIT, || match stage.other.open() {
        1 => Ok(()),
        open => Err(format!("{open} connections")),
    });
    let answer = stage.connect().exchange(get("few.test", &[])).expect("an answer");
    assert_eq!(answer.status, 200);
}

#[test]
fn a_client_that_leaves_takes_its_page_along() {
    let stage = Stage::set(ROUTERS, PAGES);
    let mut stream = TcpStream::connect(("127.0.0.1", stage.web)).expect("it listens");
    let request = get("in.test", &["X-Do: status 500", "X-Other-Do: silent"]);
    stream.write_all(request.as_bytes()).expect("sent");
    let open = |wanted: usize| {
        eventually("the page's connection", LIMIT, || match stage.other.open() {
            open if open == wanted => Ok(()),
            open => Err(format!("{open} of {wanted}")),
        });
    };
    open(1);
    drop(stream);
    open(0);
}
