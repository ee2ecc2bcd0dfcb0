//! HTTP/2 in, HTTP/1.1 out: what may not pass, and what must.

use std::io::{Read, Write};

use crate::frames::{DATA, END_STREAM, GOAWAY, Http2, RST_STREAM, get};
use crate::harness::Harness;

fn connect(harness: &Harness) -> Http2 {
    Http2::new(harness.connect()).expect("a connection")
}

/// Rows C01 to C06, C08, C10 of the advisories.
#[test]
fn what_http1_cannot_say_is_refused() {
    let harness = Harness::start();
    let before = harness.upstream.requests();
    let with = |name: &'static str, value: &'static str| {
        let mut fields = get(&[]);
        match fields.iter_mut().find(|field| field.0 == name) {
            Some(field) => field.1 = value,
            None => fields.push((name, value)),
        }
        fields
    };
    for (name, value) in [
        (":path", "/a HTTP/1.1\r\nX: y"),
        (":path", "/a b"),
        (":path", ""),
        (":path", "*"),
        (":path", "pkg.Service/Method"),
        (":path", "http://x/y"),
        (":method", "GET /admin?"),
        (":method", "GET\r\n"),
        (":method", ""),
        (":authority", "app.test, x"),
        (":authority", "app.test\r\nX: y"),
        ("transfer-encoding", "chunked"),
        ("connection", "x"),
        ("keep-alive", "1"),
        ("upgrade", "h2c"),
        ("te", "gzip"),
        ("Upper", "x"),
        ("x y", "z"),
        ("x", "a\rb"),
        ("x", "a\nb"),
        ("content-length", "10"),
        ("content-length", "1, 2"),
    ] {
        let mut client = connect(&harness);
        client.request(1, &with(name, value), true).unwrap();
        assert!(!client.is_ok(1), "{name}: {value:?}");
    }
    assert_eq!(harness.upstream.requests(), before);
    harness.is_well();
}

/// Row C06: a length that the body does not keep.
#[test]
fn a_wrong_length_never_becomes_a_request() {
    let harness = Harness::start();
    for body in [&b"12345"[..], b"123456789012345"] {
        let mut client = connect(&harness);
        client.request(1, &get(&[("content-length", "10"), ("x-do", "count")]), false).unwrap();
        client.send(DATA, END_STREAM, 1, body).unwrap();
        let frame = client.frame().unwrap();
        assert_eq!((frame.kind, frame.stream), (RST_STREAM, 1), "{} bytes", body.len());
    }
    harness.is_well();
}

/// Row A22: the body of a GET is framed, not left away and not left bare.
#[test]
fn a_get_keeps_its_body() {
    let harness = Harness::start();
    let mut client = connect(&harness);
    client.request(1, &get(&[]), false).unwrap();
    client.send(DATA, END_STREAM, 1, b"GET /evil HTTP/1.1\r\n\r\n").unwrap();
    assert!(client.is_ok(1));
    let answer = client.frame().unwrap().payload;
    let json: serde_json::Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(json["framing"], "chunked");
    assert_eq!(json["body"], "GET /evil HTTP/1.1\r\n\r\n");

    let text = "GET / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let json = harness.connect().exchange(text).unwrap().json();
    assert_eq!((json["framing"].as_str(), json["body"].as_str()), (Some("chunked"), Some("abc")));
}

/// Row C04: one host, and it is the one that was routed.
#[test]
fn the_authority_is_the_host() {
    let harness = Harness::start();
    let mut client = connect(&harness);
    client.request(1, &get(&[("host", "other.test")]), true).unwrap();
    assert!(client.is_ok(1));
    let head = harness.upstream.last_head().unwrap();
    assert_eq!(head.all("host").collect::<Vec<_>>(), ["app.test"]);
}

/// With more header lines than are kept a request ends here, and its connection goes on.
#[test]
fn header_lines_have_an_end() {
    const MOST: usize = 4096;
    let harness = Harness::start();
    let before = harness.upstream.requests();
    let mut client = connect(&harness);
    let mut fields = get(&[]);
    fields[3].1 = "nobody.test";
    // The first such line enters the dynamic table; from there each is one byte.
    let entered = [&b"\x40\x01x\x01y"[..], &[0xbe; MOST - 1]].concat();
    let more = [0xbe; MOST + 1];
    for (stream, lines, status) in [(1, &entered[..], 404), (3, &more, 431), (5, &more[..9], 404)] {
        client.request_with(stream, &fields, lines).unwrap();
        assert_eq!(client.status(stream).unwrap(), status, "stream {stream}");
    }
    assert_eq!(harness.upstream.requests(), before);
    client.request(7, &get(&[]), true).unwrap();
    assert_eq!(client.status(7).unwrap(), 200);
}

#[test]
fn a_reset_stream_frees_the_server() {
    let harness = Harness::start();
    let mut client = connect(&harness);
    let mut fields = get(&[]);
    fields[3].1 = "raw.test";
    client.request(1, &fields, true).unwrap();
    let (_, mut server) = harness.accept_raw();
    const CANCEL: [u8; 4] = 8u32.to_be_bytes();
    client.send(RST_STREAM, 0, 1, &CANCEL).unwrap();
    assert_eq!(server.read(&mut [0; 8]).unwrap(), 0, "the request is given up");
    // The connection lives on.
    client.request(3, &get(&[]), true).unwrap();
    assert!(client.is_ok(3));
}

/// `keepAliveMaxRequests` means HTTP/2 too: GOAWAY, and what is in flight is answered.
#[test]
fn the_last_request_of_a_connection_is_told() {
    let harness = Harness::with("{keepAliveMaxRequests: 2}", &[]);
    let mut client = connect(&harness);
    for stream in [1, 3] {
        client.request(stream, &get(&[]), true).unwrap();
    }
    let frames: Vec<_> = std::iter::from_fn(|| client.frame().ok()).collect();
    assert!(frames.iter().any(|frame| frame.kind == GOAWAY), "{frames:?}");
    let ended = |stream| {
        frames.iter().any(|frame| {
            frame.stream == stream && frame.kind == DATA && frame.flags & END_STREAM != 0
        })
    };
    assert!(ended(1) && ended(3), "{frames:?}");
}

/// A length that is said twice, or as some would not read it, leaves once and plainly.
#[test]
fn one_length_leaves() {
    let harness = Harness::start();
    for lengths in
        [&[("content-length", "5"), ("content-length", "05")][..], &[("content-length", "005")]]
    {
        let mut client = connect(&harness);
        client.request(1, &get(lengths), false).unwrap();
        client.send(DATA, END_STREAM, 1, b"hello").unwrap();
        assert!(client.is_ok(1));
        let head = harness.upstream.last_head().unwrap();
        assert_eq!(head.all("content-length").collect::<Vec<_>>(), ["5"], "{lengths:?}");
    }
}

/// An upload that is given up, or answered early, leaves no connection behind that another request
/// could be sent on.
#[test]
fn half_an_upload_is_nobodys() {
    const CANCEL: [u8; 4] = 8u32.to_be_bytes();
    let harness = Harness::start();
    for early in [false, true] {
        let mut client = connect(&harness);
        let mut fields = get(&[("content-length", "10")]);
        fields[3].1 = "raw.test";
        client.request(1, &fields, false).unwrap();
        client.send(DATA, 0, 1, b"01234").unwrap();
        let (_, mut server) = harness.accept_raw();
        if early {
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            server.get_mut().write_all(answer.as_bytes()).unwrap();
            assert!(client.is_ok(1));
        } else {
            client.send(RST_STREAM, 0, 1, &CANCEL).unwrap();
        }
        let mut body = Vec::new();
        let _ = server.read_to_end(&mut body);
        assert!(b"0123456789".starts_with(&body[..]), "{:?}", String::from_utf8_lossy(&body));
        client.request(3, &get(&[]), true).unwrap();
        let answered = std::iter::from_fn(|| client.frame().ok())
            .any(|frame| frame.stream == 3 && frame.payload.first() == Some(&0x88));
        assert!(answered, "the connection lives on; early: {early}");
    }
}

/// An answer to `HEAD` has no body, whoever gives it.
#[test]
fn head_has_no_body() {
    let harness = Harness::start();
    for host in ["app.test", "nobody.test", "empty.test"] {
        let mut client = connect(&harness);
        let mut fields = get(&[]);
        (fields[0].1, fields[3].1) = ("HEAD", host);
        client.request(1, &fields, true).unwrap();
        let frames: Vec<_> = std::iter::from_fn(|| client.frame().ok()).take(1).collect();
        assert_eq!(frames[0].kind, crate::frames::HEADERS, "{host}");
        let mut ended = frames[0].flags & END_STREAM != 0;
        while !ended {
            let frame = client.frame().unwrap();
            assert_eq!((frame.kind, frame.payload.len()), (DATA, 0), "{host}: a body");
            ended = frame.flags & END_STREAM != 0;
        }
    }
}
