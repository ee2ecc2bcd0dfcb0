//! Clients that mean no good: slow, oversized, malformed, smuggling.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::Client;

use crate::harness::Harness;

const HASTY: &str = "{respondingTimeouts: {readTimeout: 1s, idleTimeout: 1s}}";

fn closed_after(client: &mut Client) -> (Vec<u8>, Duration) {
    let start = Instant::now();
    let rest = client.rest().unwrap_or_default();
    (rest, start.elapsed())
}

#[test]
fn slow_clients_are_cut_off() {
    let harness = Harness::with(HASTY, &[]);
    let table: [(&str, &str, &str); 3] = [
        ("nothing at all", "", ""),
        ("half a head", "GET / HTTP/1.1\r\nHost: app.te", ""),
        ("idle after a request", "GET / HTTP/1.1\r\nHost: app.test\r\n\r\n", "HTTP/1.1 200"),
    ];
    for (name, text, begins) in table {
        let mut client = harness.connect();
        client.send(text).unwrap();
        let (rest, took) = closed_after(&mut client);
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.starts_with(begins), "{name}: {rest:?}");
        let fits = Duration::from_millis(500)..Duration::from_secs(5);
        assert!(fits.contains(&took), "{name}: closed after {took:?}");
    }
    harness.is_well();
}

#[test]
fn a_head_in_drops_is_cut_off_too() {
    let harness = Harness::with(HASTY, &[]);
    let mut client = harness.connect();
    let start = Instant::now();
    client.send("GET / HTTP/1.1\r\nHost: app.test\r\n").unwrap();
    // A byte now and then does not buy more time.
    while start.elapsed() < Duration::from_secs(6) {
        std::thread::sleep(Duration::from_millis(100));
        if client.send("X").is_err() {
            break;
        }
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    harness.is_well();
}

#[test]
fn a_body_that_stalls_is_cut_off() {
    let harness = Harness::with(HASTY, &[]);
    let mut client = harness.connect();
    client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 100\r\n\r\nabc").unwrap();
    let start = Instant::now();
    let status = client.response("POST").map(|response| response.status);
    assert!(matches!(status, Ok(504) | Err(_)), "{status:?}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    harness.is_well();
}

#[test]
fn waiting_for_the_upstream_is_not_slow() {
    let harness = Harness::with(HASTY, &[]);
    let response = harness.ask("app.test", &["slow 2500", "body late"]).unwrap();
    assert_eq!((response.status, response.text()), (200, "late".into()));
}

#[test]
fn heads_have_a_limit() {
    let harness = Harness::start();
    for (bytes, status) in [(100_000, 200), (1_000_000, 200), (1_100_000, 431)] {
        let mut client = harness.connect();
        let line = format!("X-Big: {}\r\n", "x".repeat(10_000));
        let lines = line.repeat(bytes / line.len());
        let text = format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Do: body ok\r\n{lines}\r\n");
        let got = client.exchange(text).map(|response| response.status);
        assert_eq!(got.ok(), Some(status), "{bytes} bytes");
    }
    harness.is_well();
}

#[test]
fn header_lines_have_a_limit() {
    let harness = Harness::start();
    for (count, status) in [(90, 200), (1000, 200), (5000, 431)] {
        let lines: String = (0..count).map(|number| format!("X-{number}: v\r\n")).collect();
        let text = format!("GET / HTTP/1.1\r\nHost: app.test\r\nX-Do: body ok\r\n{lines}\r\n");
        let response = harness.connect().exchange(text).unwrap();
        assert_eq!(response.status, status, "{count} lines");
    }
}

#[test]
fn malformed_requests_never_reach_the_upstream() {
    let harness = Harness::start();
    let before = harness.upstream.requests();
    for text in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nHost: app.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nX A: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : app.test\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.test\r\nX: a\0b\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET app.test HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET ?x HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET http:app.test/x HTTP/1.1\r\nHost: app.test\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: app.test\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 0x2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: gzip\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n",
        "CONNECT app.test:443 HTTP/1.1\r\nHost: app.test:443\r\n\r\n",
    ] {
        let mut client = harness.connect();
        client.set_timeout(Duration::from_secs(5)).unwrap();
        match client.exchange(text) {
            Ok(response) => {
                assert!((400..600).contains(&response.status), "{text:?}: {}", response.status);
            }
            // Closed without an answer is an answer.
            Err(error) => assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "{text:?}"),
        }
    }
    assert_eq!(harness.upstream.requests(), before);
    harness.is_well();
}

#[test]
fn no_request_hides_in_another() {
    let harness = Harness::start();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let chunked = format!("0\r\n\r\n{hidden}");
    for (name, text) in [
        (
            "length and chunked",
            format!(
                "POST /outer HTTP/1.1\r\nHost: app.test\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{chunked}",
                chunked.len()
            ),
        ),
        (
            "two transfer encodings",
            format!(
                "POST /outer HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\nConnection: close\r\n\r\n{chunked}"
            ),
        ),
        (
            "length within connection",
            format!(
                "POST /outer HTTP/1.1\r\nHost: app.test\r\nConnection: close, Content-Length\r\nContent-Length: {}\r\n\r\n{hidden}",
                hidden.len()
            ),
        ),
    ] {
        // One answer at most, then the end.
        let mut client = harness.connect();
        client.send(&text).unwrap();
        client.set_timeout(Duration::from_secs(5)).unwrap();
        let rest = String::from_utf8_lossy(&client.rest().unwrap_or_default()).into_owned();
        assert!(rest.matches("HTTP/1.1 ").count() <= 2, "{name}: {rest}");
        assert!(!rest.contains("\"target\":\"/hidden\""), "{name}: {rest}");
        let last = harness.upstream.last_head().unwrap().first;
        assert!(!last.contains("hidden"), "{name}: the upstream saw {last}");
    }
    harness.is_well();
}

#[test]
fn noise_is_survived() {
    let harness = Harness::start();
    // A generator without a crate: the point is variety, not quality.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let pieces: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n",
        b"Host: app.test\r\n",
        b"\r\n",
        b"\0\0\0\x04",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"ffffffffffffffff\r\n",
        b":::::",
        b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"Connection: Upgrade\r\nUpgrade: h2c\r\n",
    ];
    for port in [harness.web, harness.secure, harness.api] {
        for _ in 0..100 {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { panic!("gone") };
            let mut noise = Vec::new();
            for _ in 0..next() % 8 {
                let piece = usize::try_from(next() % 12).unwrap();
                noise.extend_from_slice(pieces[piece]);
                noise.extend((0..next() % 6).map(|_| (next() % 256) as u8));
            }
            let _ = stream.write_all(&noise);
            let _ = stream.set_read_timeout(Some(Duration::from_millis(2)));
            let _ = stream.read(&mut [0; 512]);
        }
    }
    harness.is_well();
}
