//! Large answers, whose bytes go from socket to socket past us: what is around them stays right.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use swarmgate_testkit::client::{Client, Trust};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::upstream::pattern;

use crate::harness::{Harness, LIMIT, request};

const LARGE: usize = 6_000_000;

fn large(length: usize) -> String {
    request("app.test", &[&format!("bytes {length}")])
}

#[test]
fn large_and_small_answers_take_turns() {
    let harness = Harness::start();
    let before = harness.upstream.connections();
    let mut client = harness.connect();
    // Pipelined: what is behind a large answer's request stays there until it is over.
    let lengths = [LARGE, 1, 131_071, 131_072, 200_000, 0, LARGE];
    let text: String = lengths.into_iter().map(large).collect();
    client.send(text).unwrap();
    for length in lengths {
        assert!(client.response("GET").unwrap().body == pattern(length), "{length}");
    }
    // A client that reads slowly.
    client.send(large(LARGE)).unwrap();
    let head = client.head().unwrap();
    assert_eq!(head.header("content-length"), Some(&*LARGE.to_string()));
    let mut body = Vec::new();
    while body.len() < LARGE {
        std::thread::sleep(Duration::from_millis(2));
        let piece = (LARGE - body.len()).min(100_000);
        body.extend(client.bytes(piece).unwrap());
    }
    assert!(body == pattern(LARGE));
    assert_eq!(client.exchange(request("app.test", &[])).unwrap().status, 200);
    let made = harness.upstream.connections() - before;
    assert!(made <= 1, "{made} connections where one is enough");
}

#[test]
fn large_answers_to_others() {
    let harness = Harness::start();
    // TLS and HTTP/1.0 take another way; the bytes are the same.
    let trust = Trust::Roots(&harness.certificate.pem);
    let mut tls = Client::connect_tls(("127.0.0.1", harness.secure), "tls.test", trust).unwrap();
    let text = large(LARGE).replace("app.test", "tls.test");
    assert!(tls.exchange(text).unwrap().body == pattern(LARGE));
    let old = large(LARGE).replace("HTTP/1.1", "HTTP/1.0");
    assert!(harness.connect().exchange(old).unwrap().body == pattern(LARGE));
    let mut client = harness.connect();
    let text = large(LARGE).replace("GET", "HEAD");
    let response = client.exchange(text).unwrap();
    assert_eq!(response.header("content-length"), Some(&*LARGE.to_string()));
    assert_eq!(client.exchange(request("app.test", &[])).unwrap().status, 200);
}

#[test]
fn a_large_answer_that_breaks_off() {
    let harness = Harness::start();
    for sent in [0, 1, 100_000, LARGE - 1] {
        let mut client = harness.connect();
        client.send(request("raw.test", &[])).unwrap();
        let (_, mut server) = harness.accept_raw();
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
        let feed = std::thread::spawn(move || {
            server.get_mut().write_all(head.as_bytes()).unwrap();
            server.get_mut().write_all(&pattern(LARGE)[..sent]).unwrap();
        });
        assert!(client.head().unwrap().first.contains("200"));
        let body = client.rest().unwrap();
        assert!(body == pattern(LARGE)[..sent], "{} of {sent} bytes", body.len());
        feed.join().unwrap();
    }
    harness.is_well();
}

#[test]
fn a_client_that_leaves_a_large_answer() {
    let harness = Harness::start();
    for taken in [1, 1_000_000] {
        let mut client = harness.connect();
        client.send(request("raw.test", &[])).unwrap();
        let (_, mut server) = harness.accept_raw();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
        let feed = std::thread::spawn(move || {
            server.get_ref().set_write_timeout(Some(LIMIT)).unwrap();
            server.get_mut().write_all(head.as_bytes()).unwrap();
            let block = vec![b'x'; 100_000];
            loop {
                if let Err(error) = server.get_mut().write_all(&block) {
                    return error.kind();
                }
            }
        });
        assert!(client.head().unwrap().first.contains("200"));
        client.bytes(taken).unwrap();
        drop(client);
        let ended = feed.join().unwrap();
        assert!(matches!(ended, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{ended:?}");
    }
    // Nor does it stay when the server is silent.
    let mut client = harness.connect();
    client.send(request("raw.test", &[])).unwrap();
    let (_, mut server) = harness.accept_raw();
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nx";
    server.get_mut().write_all(head.as_bytes()).unwrap();
    assert!(client.head().unwrap().first.contains("200"));
    client.bytes(1).unwrap();
    drop(client);
    assert!(matches!(server.read(&mut [0; 8]), Ok(0) | Err(_)));
    harness.is_well();
}

/// What a server says behind a large answer is left in the socket: it is not the next one's answer.
#[test]
fn bytes_beyond_a_large_answer_are_nobodys() {
    let harness = Harness::start();
    for apart in [false, true] {
        let mut client = harness.connect();
        client.send(request("raw.test", &[])).unwrap();
        let (_, mut server) = harness.accept_raw();
        let feed = std::thread::spawn(move || {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
            server.get_mut().write_all(head.as_bytes()).unwrap();
            let mut body = pattern(LARGE);
            let stale = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale";
            if apart {
                server.get_mut().write_all(&body).unwrap();
                std::thread::sleep(Duration::from_millis(20));
                let _ = server.get_mut().write_all(stale);
            } else {
                body.extend_from_slice(stale);
                let _ = server.get_mut().write_all(&body);
            }
            server
        });
        assert!(client.response("GET").unwrap().body == pattern(LARGE));
        let _server = feed.join().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        client.send(request("raw.test", &[])).unwrap();
        let (_, mut fresh) = harness.accept_raw();
        let answer = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfresh";
        fresh.get_mut().write_all(answer.as_bytes()).unwrap();
        assert_eq!(client.response("GET").unwrap().text(), "fresh", "apart: {apart}");
    }
}

#[test]
fn a_large_answer_is_logged_once_with_its_size() {
    let harness = Harness::with("", &["accessLog: {filePath: access.log, format: json}"]);
    let mut client = harness.connect();
    assert_eq!(client.exchange(large(LARGE)).unwrap().body.len(), LARGE);
    client.send(large(10 * LARGE)).unwrap();
    client.head().unwrap();
    client.bytes(1).unwrap();
    drop(client);
    let path = harness.process.directory().join("access.log");
    let sizes = || -> Vec<u64> {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let sizes = lines.map(|line: serde_json::Value| line["DownstreamContentSize"].as_u64());
        // The harness's own requests come before.
        sizes.flatten().skip_while(|size| *size != LARGE as u64).collect()
    };
    eventually("both are logged", LIMIT, || match &sizes()[..] {
        [_whole, part] if *part < 10 * LARGE as u64 => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_large_answer_is_finished_while_stopping() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client.send(large(10 * LARGE)).unwrap();
    client.head().unwrap();
    let mut body = client.bytes(1000).unwrap();
    harness.process.signal("TERM");
    std::thread::sleep(Duration::from_millis(1500));
    body.extend(client.bytes(10 * LARGE - 1000).unwrap());
    assert!(body == pattern(10 * LARGE));
    assert_eq!(client.rest().unwrap(), b"");
    let mut process = harness.process;
    assert!(process.wait(LIMIT).expect("it ends").success());
}
