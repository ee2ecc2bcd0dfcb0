//! Bodies flow both ways as they come, however large.

use std::time::{Duration, Instant};

use swarmgate_testkit::upstream::pattern;
use swarmgate_testkit::wire::header;

use crate::harness::{Harness, LIMIT, request};

#[test]
fn both_ways_at_once() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: app.test\r\nX-Do: duplex\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    for word in ["one", "two", "three"] {
        client.send(format!("{:x}\r\n{word}\r\n", word.len())).unwrap();
        if word == "one" {
            assert_eq!(client.head().unwrap().first, "HTTP/1.1 200 OK");
        }
        // The echo comes while the request is not finished.
        assert_eq!(client.chunk().unwrap().unwrap(), word.as_bytes());
    }
    client.send("0\r\n\r\n").unwrap();
    assert_eq!(client.chunk().unwrap(), None);
}

#[test]
fn the_beginning_arrives_before_the_end() {
    let harness = Harness::start();
    let mut client = harness.connect();
    let start = Instant::now();
    client.send(request("app.test", &["drip 500", "body abcdef"])).unwrap();
    client.head().unwrap();
    assert_eq!(client.chunk().unwrap().unwrap(), b"ab");
    assert!(start.elapsed() < Duration::from_millis(450), "{:?}", start.elapsed());
    assert_eq!(client.chunk().unwrap().unwrap(), b"cd");
    assert!(start.elapsed() >= Duration::from_millis(450), "{:?}", start.elapsed());
}

#[test]
fn large_bodies_cost_no_memory() {
    const LENGTH: usize = 64 << 20;
    let harness = Harness::start();
    let before = harness.process.resident_kib().unwrap();

    let response = harness.ask("app.test", &[&format!("bytes {LENGTH}")]).unwrap();
    assert_eq!(response.status, 200);
    assert!(response.body == pattern(LENGTH), "the answer's bytes were changed");

    let mut client = harness.connect();
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: app.test\r\nX-Do: count\r\nContent-Length: {LENGTH}\r\n\r\n"
        ))
        .unwrap();
    let block = pattern(1 << 20);
    for _ in 0..LENGTH >> 20 {
        client.send(&block).unwrap();
    }
    let response = client.response("POST").unwrap();
    assert_eq!(response.json()["body"], LENGTH.to_string());

    let grown = harness.process.resident_kib().unwrap().saturating_sub(before);
    assert!(grown < 24 << 10, "{grown} KiB more than before");
}

#[test]
fn a_slow_reader_holds_the_upstream_back() {
    const LENGTH: usize = 128 << 20;
    let harness = Harness::start();
    let before = harness.process.resident_kib().unwrap();
    let mut client = harness.connect();
    client.send(request("app.test", &[&format!("bytes {LENGTH}")])).unwrap();
    client.head().unwrap();
    std::thread::sleep(Duration::from_millis(700));
    let grown = harness.process.resident_kib().unwrap().saturating_sub(before);
    assert!(grown < 16 << 10, "{grown} KiB are held for a client that does not read");
    let rest = client.bytes(LENGTH).unwrap();
    assert!(rest == pattern(LENGTH), "the answer's bytes were changed");
}

#[test]
fn a_client_that_leaves_frees_the_upstream() {
    let harness = Harness::start();
    for orders in [["silent", "x"], ["drip 60000", "body abcdef"]] {
        let mut client = harness.connect();
        client.send(request("app.test", &orders)).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        let open = harness.upstream.open();
        assert!(open >= 1);
        drop(client);
        if orders[0] == "silent" {
            swarmgate_testkit::eventually::eventually("the upstream is let go", LIMIT, || {
                match harness.upstream.open() {
                    now if now < open => Ok(()),
                    now => Err(format!("{now} connections open")),
                }
            });
        }
    }
    harness.is_well();
}

#[test]
fn trailers_of_an_answer_pass_to_those_who_ask() {
    let harness = Harness::start();
    // RFC 9110 section 6.5.1: trailers are for those who say that they take them.
    let text = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: TE\r\nTE: trailers\r\nX-Do: trailer X-Sum: 42\r\nX-Do: body abc\r\n\r\n";
    let response = harness.connect().exchange(text).unwrap();
    assert_eq!((response.status, response.text()), (200, "abc".into()));
    assert_eq!(header(&response.trailers, "x-sum"), Some("42"));
}
