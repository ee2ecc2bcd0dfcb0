//! HTTP/2 requests that lie about their scheme, want a tunnel, hide in others or come in crowds.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::frames::{DATA, END_STREAM, HEADERS, Http2, RST_STREAM, get};
use crate::harness::Harness;

const CANCEL: [u8; 4] = 8u32.to_be_bytes();

fn connect(harness: &Harness) -> Http2 {
    Http2::new(harness.connect()).expect("a connection")
}

/// Rows C02 and C09 of the advisories: a scheme that is none is refused, and no scheme says how the
/// client is connected.
#[test]
fn schemes_say_nothing() {
    let harness = Harness::start();
    let before = harness.upstream.requests();
    for scheme in ["http://evil/?", "http://evil.test:80", "ht tp", "http\r\nX: y", "é"] {
        let mut fields = get(&[]);
        fields[1].1 = scheme;
        let mut client = connect(&harness);
        client.request(1, &fields, true).unwrap();
        assert!(!client.is_ok(1), "{scheme:?}");
    }
    assert_eq!(harness.upstream.requests(), before);
    for scheme in ["HTTPS", "https", "HttpS", "http", "wss", "1", ""] {
        let mut fields = get(&[]);
        fields[1].1 = scheme;
        let mut client = connect(&harness);
        client.request(1, &fields, true).unwrap();
        if client.is_ok(1) {
            let head = harness.upstream.last_head().unwrap();
            assert_eq!(head.first, "GET / HTTP/1.1", "{scheme}");
            for (name, wanted) in
                [("x-forwarded-proto", "http"), ("x-forwarded-port", "80"), ("host", "app.test")]
            {
                assert_eq!(head.all(name).collect::<Vec<_>>(), [wanted], "{scheme} {name}");
            }
        }
    }
    let mut client = connect(&harness);
    client.request(1, &get(&[]), true).unwrap();
    assert!(client.is_ok(1), "the usual one is served");
    harness.is_well();
}

/// Rows B01, B02 and C13: whatever a tunnel is asked with, no byte of it reaches a server, and nobody
/// else hears of it.
#[test]
fn tunnels_are_not_opened() {
    let harness = Harness::start();
    let before = harness.upstream.requests();
    let smuggled = b"GET /smuggled HTTP/1.1\r\nHost: app.test\r\n\r\n";
    let connects: [&[(&str, &str)]; 5] = [
        &[(":method", "CONNECT"), (":authority", "app.test:80")],
        &[(":method", "CONNECT"), (":authority", "app.test")],
        &[(":method", "CONNECT"), (":scheme", "http"), (":path", "/"), (":authority", "app.test")],
        &[
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "app.test"),
        ],
        &[
            (":method", "GET"),
            (":protocol", "websocket"),
            (":scheme", "http"),
            (":path", "/"),
            (":authority", "app.test"),
        ],
    ];
    for fields in connects {
        let mut client = connect(&harness);
        client.request(1, fields, false).unwrap();
        // It may have ended the connection already.
        let _ = client.send(DATA, 0, 1, smuggled);
        let _ = client.send(DATA, END_STREAM, 1, smuggled);
        assert!(!client.is_ok(1), "{fields:?}");
    }
    for target in ["app.test:80", "/", "http://app.test/", "*"] {
        let mut client = harness.connect();
        let text = format!("CONNECT {target} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        client.send([text.as_bytes(), smuggled].concat()).unwrap();
        let answer = client.response("CONNECT").unwrap();
        assert!(matches!(answer.status, 400 | 501), "{target}: {}", answer.status);
        assert_eq!(client.rest().map_or(0, |rest| rest.len()), 0, "{target}");
    }
    assert_eq!(harness.upstream.requests(), before);
    for number in 0..20 {
        let path = format!("/{number}");
        let text = format!("GET {path} HTTP/1.1\r\nHost: app.test\r\n\r\n");
        assert_eq!(harness.connect().exchange(text).unwrap().json()["target"], path);
    }
}

/// Row B06: what follows an upgrade to HTTP/2 that nobody agreed to is a body.
#[test]
fn a_body_of_frames_is_a_body() {
    let harness = Harness::start();
    let mut body = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    // `GET /admin` on stream 1, and settings that a preface upgraded so would have.
    let block = b"\x82\x86\x04\x06/admin\x01\x08app.test";
    body.extend([0, 0, block.len() as u8, HEADERS, 5, 0, 0, 0, 1]);
    body.extend(block);
    for (options, framed) in [
        ("Upgrade, HTTP2-Settings", format!("Content-Length: {}\r\n\r\n", body.len())),
        ("Upgrade", format!("Content-Length: {}\r\n\r\n", body.len())),
    ] {
        let before = harness.upstream.requests();
        let head = format!(
            "POST /form HTTP/1.1\r\nHost: app.test\r\nConnection: {options}\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n{framed}"
        );
        let mut client = harness.connect();
        let answer = client.exchange([head.as_bytes(), &body[..]].concat()).unwrap();
        assert_eq!(answer.status, 200);
        let seen = answer.json();
        assert_eq!((&seen["target"], &seen["framing"]), (&"/form".into(), &"length".into()));
        let latin: String = body.iter().map(|byte| char::from(*byte)).collect();
        assert_eq!(seen["body"], latin);
        for name in ["upgrade", "http2-settings", "connection"] {
            assert_eq!(harness.upstream.last_head().unwrap().header(name), None, "{name}");
        }
        let next = client.exchange("GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n").unwrap();
        assert_eq!(next.json()["target"], "/next");
        assert_eq!(harness.upstream.requests() - before, 2);
    }
}

/// Row B16: in a crowd of streams, some of which are given up, each gets its own answer.
#[test]
fn crowds_do_not_mix() {
    let harness = Harness::start();
    for round in 0..5 {
        let mut client = connect(&harness);
        let paths: BTreeMap<u32, String> =
            (0..50).map(|number| (number * 2 + 1, format!("/{round}/{number}"))).collect();
        for (stream, path) in &paths {
            let mut fields = get(&[("x-id", path), ("x-do", "slow 20")]);
            fields[2].1 = path;
            client.request(*stream, &fields, !stream.is_multiple_of(5)).unwrap();
            if stream.is_multiple_of(5) {
                client.send(DATA, END_STREAM, *stream, path.as_bytes()).unwrap();
            }
            if stream.is_multiple_of(3) {
                client.send(RST_STREAM, 0, *stream, &CANCEL).unwrap();
            }
        }
        let mut answers: BTreeMap<u32, Vec<u8>> = BTreeMap::new();
        let mut left = paths.keys().filter(|stream| !stream.is_multiple_of(3)).count();
        while left > 0 {
            let frame = client.frame().unwrap_or_else(|error| panic!("{left} are left: {error}"));
            if frame.kind == DATA {
                answers.entry(frame.stream).or_default().extend(&frame.payload);
            }
            if frame.flags & END_STREAM != 0 && !frame.stream.is_multiple_of(3) {
                left -= 1;
            }
        }
        for (stream, path) in paths.iter().filter(|(stream, _)| !stream.is_multiple_of(3)) {
            let seen: Value = serde_json::from_slice(&answers[stream]).expect("a whole answer");
            let body = if stream.is_multiple_of(5) { path.as_str() } else { "" };
            assert_eq!((&seen["target"], &seen["body"]), (&path[..].into(), &body.into()));
            let ids = seen["headers"].as_array().into_iter().flatten();
            let ids: Vec<_> = ids.filter(|pair| pair[0] == "X-Id").map(|pair| &pair[1]).collect();
            assert_eq!(ids, [path], "{seen}");
        }
    }
    harness.is_well();
}
