//! In by one name, and a request for another.

use swarmgate_testkit::client::{Client, Greeting, TlsClient};

use crate::http2::wire::{HEADERS, PREFACE, SETTINGS, WHOLE, frame, line, stream};
use crate::keep::{Keep, ask};

/// What requests for these hosts get on one HTTP/2 connection.
fn by_http2(client: &mut Client, hosts: &[&str]) -> Vec<u16> {
    client.send([PREFACE, &frame(SETTINGS, 0, 0, b"")].concat()).expect("sent");
    let statuses = hosts.iter().enumerate().map(|(number, host)| {
        let block = [
            line(b":method", b"GET"),
            line(b":scheme", b"https"),
            line(b":path", b"/"),
            line(b":authority", host.as_bytes()),
        ]
        .concat();
        client.send(frame(HEADERS, WHOLE, stream(number), &block)).expect("sent");
        loop {
            let head = client.bytes(9).expect("a frame");
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            let payload = client.bytes(length).expect("a frame");
            let of = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            if head[3] == HEADERS && of == stream(number) {
                return status(&payload);
            }
        }
    });
    statuses.collect()
}

/// The status at the beginning of a block: from the static table, or as the first of its kind, in
/// Huffman codes (RFC 7541, appendices A and B).
fn status(block: &[u8]) -> u16 {
    match block {
        [0x88, ..] => 200,
        [0x48, 0x82, 0x68, 0x41, ..] => 421,
        [0x48, 0x82, 0x68, 0x01, ..] => 401,
        other => panic!("another status: {other:x?}"),
    }
}

/// G01, G04, J01, J07, J08: server name, whether its client has a certificate, host, status; 0: the
/// handshake fails.
#[test]
fn another_host_than_the_connection_is_for() {
    let keep = Keep::start();
    let ours = keep.ours.issue("ours", 2020, 2099);
    let table = [
        ("open.test", false, "open.test", 200),
        ("open.test", false, "same.test", 200),
        ("open.test", false, "OPEN.TEST.", 200),
        // To a stricter one.
        ("open.test", false, "mtls.test", 421),
        ("open.test", false, "mtls.test.", 421),
        ("open.test", false, "MTLS.TEST", 421),
        ("open.test", false, "mtls.test:443", 421),
        ("open.test", false, "mtls.test.:443", 421),
        ("open.test", false, "x.w.test", 421),
        ("open.test", false, "X.W.TEST.", 421),
        ("open.test", true, "mtls.test", 421),
        ("free.w.test", false, "free.w.test", 200),
        ("free.w.test", false, "x.w.test", 421),
        ("elsewhere.test", false, "mtls.test", 421),
        ("x.y.w.test", false, "x.w.test", 421),
        // Without a name.
        ("", false, "open.test", 200),
        ("", false, "mtls.test", 421),
        ("", false, "X.W.TEST.", 421),
        ("", false, "guarded.test", 401),
        ("open.test", false, "guarded.test", 401),
        // In by the right one.
        ("mtls.test", false, "mtls.test", 0),
        ("x.w.test", false, "x.w.test", 0),
        ("mtls.test", true, "mtls.test", 200),
        ("mtls.test", true, "mtls.test.:443", 200),
        ("x.w.test", true, "y.w.test", 200),
        ("x.w.test", true, "mtls.test", 200),
        // Other options, and perhaps another client.
        ("x.w.test", true, "other.test", 421),
        ("x.w.test", true, "open.test", 421),
        ("x.w.test", true, "free.w.test", 421),
    ];
    for (name, shows, host, expected) in table {
        let identity = shows.then_some(&ours);
        let first = keep.client(identity, "");
        let got = keep.ask(&first, name, host).unwrap_or_default();
        assert_eq!(got, expected, "HTTP/1.1: {name:?} {shows} {host:?}");
        let greeting = Greeting { identity, protocols: &["h2"], ..Greeting::default() };
        let second = TlsClient::new(greeting).expect("a client");
        let connected = second.connect(("127.0.0.1", keep.secure), name);
        let Ok(mut connected) = connected else {
            assert_eq!(expected, 0, "HTTP/2: {name:?} {shows} {host:?}");
            continue;
        };
        if expected == 0 {
            // With TLS 1.3 the client is turned away when it asks.
            assert_eq!(ask(&mut connected, host), None, "HTTP/2: {name:?} {shows} {host:?}");
            continue;
        }
        // The connection may have been used for what it is for.
        let own = if name.is_empty() { "open.test" } else { name };
        let is_routed = !["elsewhere.test", "x.y.w.test"].contains(&own);
        let hosts = if is_routed { vec![own, host] } else { vec![host] };
        let statuses = by_http2(&mut connected, &hosts);
        assert_eq!(statuses.last(), Some(&expected), "HTTP/2: {name:?} {shows} {host:?}");
        assert!(!is_routed || statuses[0] == 200, "HTTP/2: {name:?} {shows}: {statuses:?}");
    }
}

/// J07: a rule that excludes a host says nothing of that host's options.
#[test]
fn what_a_rule_excludes_is_not_its_own() {
    let keep = Keep::start();
    let nobody = keep.client(None, "");
    let path = |name: &str, host: &str| {
        let mut client = nobody.connect(("127.0.0.1", keep.secure), name).ok()?;
        let text = format!("GET /negated HTTP/1.1\r\nHost: {host}\r\n\r\n");
        client.exchange(text).ok().map(|answer| answer.status)
    };
    assert_eq!(path("elsewhere.test", "elsewhere.test"), Some(200));
    assert_eq!(path("mtls.test", "mtls.test"), None);
    assert_eq!(path("elsewhere.test", "mtls.test"), Some(421));
    let ours = keep.ours.issue("ours", 2020, 2099);
    assert_eq!(keep.ask(&keep.client(Some(&ours), ""), "mtls.test", "mtls.test"), Some(200));
}

/// J01: what is told of a client's certificate is told by us alone.
#[test]
fn nobody_tells_of_a_certificate_but_us() {
    let keep = Keep::start();
    let ours = keep.ours.issue("ours", 2020, 2099);
    for (identity, expected) in [(None, 0), (Some(&ours), 1)] {
        let client = keep.client(identity, "");
        let mut client = client.connect(("127.0.0.1", keep.secure), "given.test").expect("let in");
        let text = "GET / HTTP/1.1\r\nHost: given.test\r\n\
                    X-Forwarded-Tls-Client-Cert: forged\r\n\
                    X_Forwarded_Tls_Client_Cert: forged\r\n\
                    X-Forwarded-Tls-Client-Cert-Info: forged\r\n\
                    Connection: X-Forwarded-Tls-Client-Cert\r\n\r\n";
        let answer = client.exchange(text).expect("an answer");
        let headers = answer.json()["headers"].to_string().to_ascii_lowercase();
        assert_eq!(headers.matches("client-cert").count(), expected, "{headers}");
        assert!(!headers.contains("forged"), "{headers}");
    }
}
