//! `retry`: who tries again, how often, and what is left of the tries that failed.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::Client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;

use crate::stage::{LIMIT, Stage, request};

/// Routers over services that the stage does not have: dead servers, and one live among them.
fn stage(arguments: &[&str]) -> Stage {
    let dead = ports::free();
    let live = "status: {rule: 'Host(`status.test`)', service: app, middlewares: [status]}
    small: {rule: 'Host(`small.test`)', service: app, middlewares: [small]}
    any: {rule: 'Host(`any.test`)', service: app, middlewares: [any]}
    slow: {rule: 'Host(`slow.test`)', service: app, middlewares: [slow]}
    brief: {rule: 'Host(`brief.test`)', service: app, middlewares: [brief]}
    dead: {rule: 'Host(`dead.test`)', service: dead, middlewares: [network]}
    paused: {rule: 'Host(`paused.test`)', service: dead, middlewares: [paused]}
    mixed: {rule: 'Host(`mixed.test`)', service: mixed, middlewares: [network]}
    three: {rule: 'Host(`three.test`)', service: three, middlewares: [network]}
    rate: {rule: 'Host(`rate.test`)', service: app, middlewares: [status, auth]}";
    let middlewares = "status: {retry: {attempts: 3, status: [500-503]}}
    small: {retry: {attempts: 3, status: ['503'], maxRequestBodyBytes: 10}}
    any: {retry: {attempts: 3, status: ['503'], retryNonIdempotentMethod: true}}
    slow: {retry: {attempts: 3, status: ['503'], initialInterval: 400ms}}
    brief: {retry: {attempts: 100, status: ['503'], timeout: 1s, initialInterval: 100ms}}
    network: {retry: {attempts: 3}}
    paused: {retry: {attempts: 4, initialInterval: 200ms}}
    auth: {basicAuth: {users: ['a:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=']}}";
    let services = format!(
        "
    dead: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{dead}'}}]}}}}
    three: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{dead}'}}, {{url: 'http://127.0.0.1:{dead}/b'}}, {{url: 'http://127.0.0.1:{dead}/c'}}]}}}}
    mixed: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{dead}'}}, {{url: 'http://127.0.0.1:{dead}/b'}}, {{url: 'http://127.0.0.1:{dead}/c'}}, {{url: 'UPSTREAM'}}]}}}}"
    );
    Stage::set_over(live, middlewares, &services, arguments)
}

fn post(host: &str, body: &str, orders: &[&str]) -> String {
    let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
    let length = body.len();
    format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n{orders}\r\n{body}")
}

#[test]
fn statuses() {
    let stage = stage(&[]);
    let hits = |text: &str| {
        let before = stage.upstream.requests();
        let answer = stage.connect().exchange(text).expect("an answer");
        (answer.status, stage.upstream.requests() - before)
    };
    let get = |host: &str, orders: &[&str]| request(host, orders);
    let put = |host: &str, body: &str, orders: &[&str]| {
        post(host, body, orders).replacen("POST", "PUT", 1)
    };
    for (text, expected) in [
        (get("status.test", &["status 200"]), (200, 1)),
        (get("status.test", &["status 404"]), (404, 1)),
        (get("status.test", &["status 503"]), (503, 3)),
        (get("status.test", &["fails 2 500 a"]), (200, 3)),
        (get("status.test", &["fails 1 502 b"]), (200, 2)),
        (get("status.test", &["status 504"]), (504, 1)),
        (post("status.test", "hello", &["status 503"]), (503, 1)),
        (put("status.test", "hello", &["status 503"]), (503, 3)),
        (put("status.test", "hello", &["fails 2 503 c"]), (200, 3)),
        (put("small.test", "0123456789", &["status 503"]), (503, 3)),
        (put("small.test", "0123456789a", &["status 503"]), (503, 1)),
        (post("any.test", "hello", &["fails 2 503 d"]), (200, 3)),
        // Answered by a middleware behind it: nobody is asked.
        (get("rate.test", &[]), (401, 0)),
    ] {
        assert_eq!(hits(&text), expected, "{text}");
    }
}

#[test]
fn each_try_gets_the_whole_request() {
    let stage = stage(&[]);
    let body = "0123456789".repeat(100_000);
    let text =
        post("any.test", &body, &["fails 2 503 a"]).replace("Host:", "X-Other: a b\r\nHost:");
    let seen = stage.connect().exchange(text).expect("an answer").json();
    assert_eq!(seen["body"].as_str().map(str::len), Some(1_000_000));
    assert_eq!(seen["framing"], "length");
    let headers = seen["headers"].to_string();
    assert_eq!(headers.matches("X-Other").count(), 1);
    assert_eq!(headers.matches("X-Forwarded-For").count(), 1, "{headers}");

    // Chunks, and more than is kept: it is sent once, and whole.
    let mut client = stage.connect();
    client
        .send("PUT / HTTP/1.1\r\nHost: small.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    for _ in 0..100 {
        client.send("5\r\nhello\r\n").unwrap();
        thread::sleep(Duration::from_millis(2));
    }
    client.send("0\r\n\r\n").unwrap();
    let seen = client.response("PUT").unwrap().json();
    assert_eq!(seen["body"], "hello".repeat(100));
    assert_eq!(seen["framing"], "chunked");
}

#[test]
fn nothing_of_a_failed_try_is_seen() {
    let stage = stage(&[]);
    let answer =
        stage.get("status.test", &["fails 2 503 a", "header Set-Cookie: x=1", "early 103 Link: y"]);
    assert_eq!(answer.status, 200);
    let cookies = answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    assert_eq!(cookies.count(), 1);
    // The last try's interim answers are passed on.
    assert_eq!(answer.informational.len(), 1);
    let early = stage.get("status.test", &["early 103 Link: y"]);
    assert_eq!(early.informational.len(), 0);
}

#[test]
fn connections_of_failed_tries_are_used_again() {
    let stage = stage(&[]);
    let before = stage.upstream.connections();
    for number in 0..20 {
        let key = format!("fails 2 503 {number}");
        assert_eq!(stage.get("status.test", &[&key]).status, 200);
    }
    let after = stage.upstream.connections();
    // One for each thread of the proxy, and some for answers that had not come whole.
    assert!(after - before <= 30, "{} connections for 60 requests", after - before);
    // Large answers are not read: those connections are closed, and nothing is left open.
    for _ in 0..10 {
        assert_eq!(stage.get("status.test", &["status 503", "bytes 5000000"]).status, 503);
    }
    eventually("connections are closed", LIMIT, || match stage.upstream.open() {
        open @ ..16 => Ok(open),
        open => Err(format!("{open} are open")),
    });
}

#[test]
fn servers_that_cannot_be_reached() {
    let stage = stage(&[]);
    let begun = Instant::now();
    let answer = stage.get("dead.test", &[]);
    assert_eq!((answer.status, answer.text().as_str()), (502, "Bad Gateway"));
    assert!(begun.elapsed() < Duration::from_secs(5));
    // Three pauses of 200, 252 and 317 ms, each half to one and a half times as long.
    let begun = Instant::now();
    assert_eq!(stage.get("paused.test", &[]).status, 502);
    assert!(begun.elapsed() >= Duration::from_millis(380), "{:?}", begun.elapsed());
    // Three of four servers are dead, and a request alone asks three: each try takes the next one,
    // with its body.
    for _ in 0..6 {
        let answer = stage.connect().exchange(post("mixed.test", "hello", &[])).expect("an answer");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["body"], "hello");
    }
}

/// A server that accepts, reads and closes: each try is one connection.
#[test]
fn what_was_sent_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, accepted) = std::sync::mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 1000];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"");
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    let services = format!(
        "
    closing: {{loadBalancer: {{servers: [{{url: 'http://127.0.0.1:{port}'}}]}}}}"
    );
    let stage = Stage::set_over(
        "closing: {rule: 'Host(`closing.test`)', service: closing, middlewares: [network]}",
        "network: {retry: {attempts: 5}}",
        &services,
        &[],
    );
    let answer = stage.connect().exchange(post("closing.test", "hello", &[])).expect("an answer");
    assert_eq!(answer.status, 502);
    assert_eq!(accepted.try_iter().count(), 1);
}

#[test]
fn time_and_pauses() {
    let stage = stage(&[]);
    let begun = Instant::now();
    assert_eq!(stage.get("slow.test", &["fails 2 503 a"]).status, 200);
    assert!(begun.elapsed() >= Duration::from_millis(450), "{:?}", begun.elapsed());
    let before = stage.upstream.requests();
    let begun = Instant::now();
    assert_eq!(stage.get("brief.test", &["status 503"]).status, 503);
    let (hits, elapsed) = (stage.upstream.requests() - before, begun.elapsed());
    assert!(elapsed >= Duration::from_secs(1), "{elapsed:?}");
    assert!((2..=20).contains(&hits), "{hits} hits in {elapsed:?}");
}

#[test]
fn a_client_that_leaves_is_not_tried_for() {
    let stage = stage(&[]);
    let before = stage.upstream.requests();
    let mut client = stage.connect();
    client.send(request("brief.test", &["status 503"])).unwrap();
    eventually("the upstream is asked", LIMIT, || match stage.upstream.requests() - before {
        0 => Err("not yet".to_owned()),
        _ => Ok(()),
    });
    drop(client);
    thread::sleep(Duration::from_millis(300));
    let soon = stage.upstream.requests();
    thread::sleep(Duration::from_millis(700));
    assert_eq!(stage.upstream.requests(), soon);
}

#[test]
fn upgrades_pass() {
    let stage = stage(&[]);
    let mut client = stage.connect();
    client
        .send("GET / HTTP/1.1\r\nHost: status.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        .unwrap();
    assert!(client.head().unwrap().first.starts_with("HTTP/1.1 101 "));
    client.send("ping").unwrap();
    assert_eq!(client.bytes(10).unwrap(), b"hello ping");
}

#[test]
fn tries_are_counted() {
    let traefik = ports::free();
    let address = format!("--entryPoints.traefik.address=127.0.0.1:{traefik}");
    let stage = stage(&["--metrics.prometheus=true", &address]);
    assert_eq!(stage.get("status.test", &["fails 2 503 a"]).status, 200);
    assert_eq!(stage.get("dead.test", &[]).status, 502);
    // The proxy has tries of its own; with those of the middleware they are no product: the first
    // two tries are one server's each, the last one has three servers.
    assert_eq!(stage.get("three.test", &[]).status, 502);
    eventually("the tries are counted", LIMIT, || {
        let page = Client::connect(("127.0.0.1", traefik))
            .and_then(|mut client| {
                client.exchange(request("h.test", &[]).replace(" / ", " /metrics "))
            })
            .map_err(|error| error.to_string())?;
        let page = page.text();
        for line in [
            "traefik_service_retries_total{service=\"app@file\"} 2",
            "traefik_service_retries_total{service=\"dead@file\"} 2",
            "traefik_service_retries_total{service=\"three@file\"} 4",
        ] {
            if !page.lines().any(|other| other == line) {
                return Err(format!("{line} is not in {page}"));
            }
        }
        Ok(())
    });
}

#[test]
fn tries_without_end_hold_nobody_else_up() {
    let stage = Stage::set(
        "endless: {rule: 'Host(`endless.test`)', service: app, middlewares: [endless, closed]}",
        "endless: {retry: {attempts: 9223372036854775807, status: ['403']}}
    closed: {ipAllowList: {sourceRange: [10.0.0.0/8]}}",
    );
    // On every thread: each connection is somebody's.
    let mut waiting: Vec<Client> = (0..16).map(|_| stage.connect()).collect();
    for client in &mut waiting {
        client.send(request("endless.test", &[])).expect("it is sent");
    }
    for _ in 0..10 {
        assert_eq!(stage.get("ready.test", &[]).status, 200);
    }
}
