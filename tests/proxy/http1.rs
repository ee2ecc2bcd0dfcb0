//! HTTP/1.1 on both sides, at its edges: what is malformed, early, late, too long, too short or in
//! pieces, and that nothing of it reaches whoever comes next.

use std::io::{BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use swarmgate_testkit::client::{Client, Response, Trust};
use swarmgate_testkit::upstream::pattern;
use swarmgate_testkit::wire::{self, Head, header};

use crate::harness::{Harness, LIMIT, request};

/// Longer than it takes until an idle connection holds nothing but its socket.
const RESTING: Duration = Duration::from_millis(1500);

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn say(server: &mut BufReader<TcpStream>, text: &str) {
    server.get_mut().write_all(text.as_bytes()).expect("it listens");
}

/// A `GET`, answered in one piece by a server that the test plays and that ends then.
fn answered(harness: &Harness, answer: &str) -> (Client, std::io::Result<Response>) {
    let mut client = harness.connect();
    client.send(request("raw.test", &[])).unwrap();
    let (_, mut server) = harness.accept_raw();
    say(&mut server, answer);
    drop(server);
    let response = client.response("GET");
    (client, response)
}

/// The next request of another client comes on another connection of ours.
#[track_caller]
fn comes_on_another(harness: &Harness, name: &str) {
    let mut client = harness.connect();
    client.send(request("raw.test", &[])).unwrap();
    let (head, mut server) = harness.accept_raw();
    assert_eq!(head.first, "GET / HTTP/1.1", "{name}");
    say(&mut server, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfresh");
    assert_eq!(client.response("GET").unwrap().text(), "fresh", "{name}");
}

#[test]
fn a_request_after_a_rest_is_answered() {
    let harness = Harness::start();
    let trust = Trust::Roots(&harness.certificate.pem);
    let tls = Client::connect_tls(("127.0.0.1", harness.secure), "tls.test", trust).unwrap();
    let mut clients = [(harness.connect(), "app.test"), (tls, "tls.test")];
    for round in 0..3 {
        for (client, host) in &mut clients {
            client.set_timeout(Duration::from_secs(5)).unwrap();
            let status = client.exchange(request(host, &[])).map(|response| response.status);
            assert_eq!(status.map_err(|error| error.kind()), Ok(200), "{host}, round {round}");
        }
        std::thread::sleep(RESTING);
    }
    // In pieces, and pipelined.
    let (client, host) = &mut clients[0];
    let text = request(host, &[]);
    let (begin, end) = text.split_at(1);
    client.send(begin).unwrap();
    std::thread::sleep(RESTING);
    client.send(format!("{end}{text}")).unwrap();
    for _ in 0..2 {
        assert_eq!(client.response("GET").unwrap().status, 200);
    }
    std::thread::sleep(RESTING);
    client.finish().unwrap();
    assert_eq!(client.rest().unwrap(), b"", "its end is noticed");
}

/// TLS keeps records back while the client does not read: they leave when it does.
#[test]
fn a_slow_client_gets_the_last_records() {
    const LENGTH: usize = 16 << 20;
    let harness = Harness::start();
    let trust = Trust::Roots(&harness.certificate.pem);
    let mut client = Client::connect_tls(("127.0.0.1", harness.secure), "tls.test", trust).unwrap();
    client.set_timeout(Duration::from_secs(5)).unwrap();
    for more in [0, 40_000] {
        let length = LENGTH + more;
        client.send(request("tls.test", &[&format!("bytes {length}")])).unwrap();
        assert_eq!(client.head().unwrap().header("content-length"), Some(&*length.to_string()));
        let mut body = Vec::with_capacity(length);
        while body.len() < length {
            std::thread::sleep(Duration::from_millis(2));
            let piece = (length - body.len()).min(100_000);
            body.extend(client.bytes(piece).unwrap());
        }
        assert!(body == pattern(length), "{length} bytes");
    }
}

/// However a conversation is cut into segments, it is the same conversation.
#[test]
fn pieces_do_not_matter() {
    let harness = Harness::start();
    let text = "\r\nPOST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\n\r\nhello\
         POST /b HTTP/1.1\r\nhost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n\
         3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n\
         GET /c HTTP/1.1\r\nHost: app.test\r\n\r\n";
    for size in [1, 2, 3, 7, 50, 1000] {
        let mut client = harness.connect();
        for piece in text.as_bytes().chunks(size) {
            client.send(piece).unwrap();
            std::thread::sleep(Duration::from_micros(300));
        }
        for (method, target, body) in
            [("POST", "/a", "hello"), ("POST", "/b", "abcde"), ("GET", "/c", "")]
        {
            let seen = client.response(method).unwrap().json();
            assert_eq!((&seen["target"], &seen["body"]), (&target.into(), &body.into()), "{size}");
        }
    }
    // And the other way: an answer in single bytes.
    let mut client = harness.connect();
    client.send(request("raw.test", &[])).unwrap();
    let (_, mut server) = harness.accept_raw();
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
         3;x\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n";
    server.get_ref().set_nodelay(true).unwrap();
    for byte in answer.as_bytes().chunks(1) {
        server.get_mut().write_all(byte).unwrap();
        std::thread::sleep(Duration::from_micros(300));
    }
    let response = client.response("GET").unwrap();
    assert_eq!((response.status, response.text()), (200, "abcd".into()));
    assert_eq!(header(&response.trailers, "x-sum"), Some("1"));
}

#[test]
fn many_pipelined_requests_are_answered_in_order() {
    let harness = Harness::start();
    let text: String = (0..300)
        .map(|number| {
            format!(
                "POST /{number} HTTP/1.1\r\nHost: app.test\r\nContent-Length: 3\r\n\r\n{number:03}"
            )
        })
        .collect();
    let mut client = harness.connect();
    client.send(text).unwrap();
    for number in 0..300 {
        let seen = client.response("POST").unwrap().json();
        assert_eq!(seen["target"], format!("/{number}"));
        assert_eq!(seen["body"], format!("{number:03}"));
    }
}

/// A last answer arrives although more was sent behind its request.
#[test]
fn what_follows_a_last_request_takes_no_answer_along() {
    let harness = Harness::start();
    let last = "GET / HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\nX-Do: slow 50\r\nX-Do: bytes 100000\r\n\r\n";
    for _ in 0..10 {
        let mut client = harness.connect();
        client.send(format!("{last}{}", request("app.test", &[]).repeat(3000))).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(client.response("GET").unwrap().body.len(), 100_000);
        assert_eq!(client.rest().unwrap(), b"", "nothing follows");
    }
}

/// What is malformed ends the connection, even where the answer was decided before the fault.
#[test]
fn nothing_follows_a_malformed_body() {
    let harness = Harness::start();
    let before = harness.upstream.requests();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: app.test\r\n\r\n";
    for host in ["nobody.test", "raw.test"] {
        for (first, rest) in
            [("1\r\na", "x\r\n0\r\n\r\n"), ("1", "x\r\n\r\n0\r\n\r\n"), ("0\r\n", "A b\r\n\r\n")]
        {
            let mut client = harness.connect();
            client
                .send(format!(
                    "POST / HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n{first}"
                ))
                .unwrap();
            let server = (host == "raw.test").then(|| {
                let (_, mut server) = harness.accept_raw();
                say(&mut server, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
                std::thread::sleep(Duration::from_millis(50));
                server
            });
            let _ = client.send(format!("{rest}{hidden}"));
            if let Some(mut server) = server {
                std::thread::sleep(Duration::from_millis(50));
                let _ = server.get_mut().write_all(b"ok");
            }
            let said = wire::latin1(&client.rest().unwrap_or_default());
            assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{host} {first:?} {rest:?}: {said}");
        }
    }
    assert_eq!(harness.upstream.requests(), before);
    harness.is_well();
}

/// Nothing that a server sends beyond its answer is taken for another answer.
#[test]
fn bytes_beyond_an_answer_are_nobodys() {
    let harness = Harness::start();
    let second = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale";
    for (name, method, answer) in [
        ("too long", "GET", OK.to_owned()),
        ("204 with a body", "GET", "HTTP/1.1 204 No\r\nContent-Length: 46\r\n\r\n".to_owned()),
        ("304 with a body", "GET", "HTTP/1.1 304 No\r\nContent-Length: 46\r\n\r\n".to_owned()),
        ("HEAD with a body", "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n".to_owned()),
        ("chunks", "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned()),
        ("both framings", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned()),
    ] {
        for apart in [false, true] {
            let mut client = harness.connect();
            client.send(format!("{method} / HTTP/1.1\r\nHost: raw.test\r\n\r\n")).unwrap();
            let (_, mut server) = harness.accept_raw();
            if apart {
                say(&mut server, &answer);
                std::thread::sleep(Duration::from_millis(20));
                let _ = server.get_mut().write_all(second.as_bytes());
            } else {
                say(&mut server, &format!("{answer}{second}"));
            }
            let response = client.response(method).unwrap();
            assert!(matches!(response.text().as_str(), "ok" | ""), "{name}: {response:?}");
            assert!(response.status < 400, "{name}");
            std::thread::sleep(Duration::from_millis(20));
            comes_on_another(&harness, name);
            // Nor does the client hear of it.
            assert_eq!(client.exchange(request("nobody.test", &[])).unwrap().status, 404, "{name}");
        }
    }
}

#[test]
fn an_answer_that_is_too_short_is_no_answer() {
    let harness = Harness::start();
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshortX",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    ] {
        let (_, response) = answered(&harness, answer);
        assert!(response.is_err(), "{answer:?}: {response:?}");
    }
    harness.is_well();
}

#[test]
fn answers_that_are_none() {
    let harness = Harness::start();
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", 500),
        ("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok", 500),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok", 500),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            500,
        ),
        ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", 500),
        ("HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n", 500),
        ("HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n", 500),
        ("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 500),
        ("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", 500),
        ("HTTP/1.1 200 OK\r\nX-Text: caf\u{e9}\r\nContent-Length: 0\r\n\r\n", 200),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", 200),
        ("HTTP/1.0 200 OK\r\n\r\n", 200),
    ] {
        let (mut client, response) = answered(&harness, answer);
        assert_eq!(response.map(|response| response.status).ok(), Some(status), "{answer:?}");
        // The client's connection goes on.
        assert_eq!(client.exchange(request("nobody.test", &[])).unwrap().status, 404, "{answer:?}");
    }
}

/// RFC 9110 section 6.5.1: a trailer neither frames nor routes nor authenticates.
#[test]
fn trailers_that_are_headers_are_dropped() {
    let harness = Harness::start();
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\
         Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nConnection: close\r\n\
         X-Sum: 1\r\nAuthorization: x\r\n\r\n";
    let (mut client, response) = answered(&harness, answer);
    let names: Vec<String> = response.unwrap().trailers.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["X-Sum"]);
    assert_eq!(client.exchange(request("nobody.test", &[])).unwrap().status, 404);
}

#[test]
fn interim_answers() {
    let harness = Harness::start();
    let early = "HTTP/1.1 103 Early Hints\r\nLink: x\r\nContent-Length: 7\r\nConnection: X-Hop\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (_, response) = answered(&harness, &format!("HTTP/1.1 100 Continue\r\n\r\n{early}{OK}"));
    let response = response.unwrap();
    assert_eq!((response.status, response.text()), (200, "ok".into()));
    let [hints] = &response.informational[..] else { panic!("{:?}", response.informational) };
    assert_eq!(hints.first, "HTTP/1.1 103 Early Hints");
    assert_eq!(hints.headers, [("Link".into(), "x".into())]);
    // HTTP/1.0 knows none.
    let mut client = harness.connect();
    client.send("GET / HTTP/1.0\r\nHost: raw.test\r\n\r\n").unwrap();
    let (_, mut server) = harness.accept_raw();
    say(&mut server, &format!("{early}{OK}"));
    let response = client.response("GET").unwrap();
    assert_eq!((response.version.as_str(), response.status), ("HTTP/1.0", 200));
    assert!(response.informational.is_empty());
    drop(server);
    // A flood is no answer.
    let (_, response) = answered(&harness, &early.repeat(1000));
    assert_eq!(response.unwrap().status, 500);
}

#[test]
fn expecting_100_continue() {
    let harness = Harness::start();
    let head = |host: &str, length: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    // Waits for it.
    let mut client = harness.connect();
    client.send(head("app.test", "5")).unwrap();
    assert_eq!(client.head().unwrap().first, "HTTP/1.1 100 Continue");
    client.send("hello").unwrap();
    assert_eq!(client.response("POST").unwrap().json()["body"], "hello");
    // Does not wait.
    client.send(format!("{}world{}", head("app.test", "5"), request("app.test", &[]))).unwrap();
    assert_eq!(client.response("POST").unwrap().json()["body"], "world");
    assert_eq!(client.response("GET").unwrap().status, 200);
    // There is nothing to wait for.
    client.send(head("app.test", "0")).unwrap();
    let response = client.response("POST").unwrap();
    assert_eq!((response.status, response.informational.len()), (200, 0));
    // Nobody wants the body: it is not asked for, and nothing follows.
    client.send(head("nobody.test", "5")).unwrap();
    let response = client.response("POST").unwrap();
    assert_eq!((response.status, response.informational.len()), (404, 0));
    assert_eq!(response.header("connection"), Some("close"));
    let _ = client.send(format!("hello{}", request("app.test", &[])));
    assert_eq!(client.rest().unwrap_or_default(), b"");
    // The server answers at once: whatever the client was told stands before the answer.
    let mut client = harness.connect();
    client.send(head("raw.test", "5")).unwrap();
    let (_, mut server) = harness.accept_raw();
    say(&mut server, "HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.response("POST").unwrap().status, 417);
    // HTTP/1.0 does not know it.
    let mut client = harness.connect();
    client.send(head("app.test", "5").replace("HTTP/1.1", "HTTP/1.0") + "hello").unwrap();
    let response = client.response("POST").unwrap();
    assert_eq!((response.status, response.informational.len()), (200, 0));
}

/// A head that the server does not read is not followed by anything but its answer.
#[test]
fn a_large_head_and_an_early_answer() {
    let harness = Harness::start();
    let lines = format!("X-Big: {}\r\n", "x".repeat(60_000)).repeat(15);
    let mut client = harness.connect();
    client
        .send(format!(
            "POST / HTTP/1.1\r\nHost: raw.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n{lines}\r\n"
        ))
        .unwrap();
    let (stream, _) = harness.raw.accept().unwrap();
    let mut server = BufReader::new(stream);
    say(&mut server, "HTTP/1.1 431 No\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig");
    let response = client.response("POST").unwrap();
    assert_eq!((response.status, response.text()), (431, "big".into()));
    drop(server);
    assert_eq!(client.rest().unwrap_or_default(), b"");
}

/// RFC 9110 section 7.8: nobody switches protocols in the middle of a request.
#[test]
fn no_tunnel_before_the_end_of_its_request() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: raw.test\r\nConnection: Upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        .unwrap();
    let (_, mut server) = harness.accept_raw();
    say(&mut server, "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    assert_eq!(client.response("POST").unwrap().status, 500);
    let mut rest = Vec::new();
    match server.read_to_end(&mut rest) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert!(b"3\r\nabc\r\n".starts_with(&rest[..]), "{rest:?}");
}

/// HTTP/1.0 on either side.
#[test]
fn the_old_version() {
    let harness = Harness::start();
    let ask = |more: &str| {
        format!("GET / HTTP/1.0\r\nHost: app.test\r\nX-Do: chunked\r\nX-Do: body abc\r\n{more}\r\n")
    };
    for more in ["", "Connection: keep-alive\r\n"] {
        let mut client = harness.connect();
        client.send(ask(more)).unwrap();
        let head = client.head().unwrap();
        assert_eq!(head.first, "HTTP/1.0 200 OK");
        assert_eq!(head.header("transfer-encoding"), None);
        assert_eq!(client.rest().unwrap(), b"abc", "without chunks, until the end");
    }
    let mut client = harness.connect();
    for _ in 0..3 {
        let text =
            "GET / HTTP/1.0\r\nHost: app.test\r\nConnection: Keep-Alive\r\nX-Do: body abc\r\n\r\n";
        let response = client.exchange(text).unwrap();
        assert_eq!(response.header("connection"), Some("keep-alive"));
        assert_eq!(response.text(), "abc");
    }
    // A server that keeps the connection, and one that sends chunks although nobody may.
    for (answer, body, kept) in [
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", "ok", true),
        ("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", false),
        (
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            "ok",
            false,
        ),
    ] {
        let mut client = harness.connect();
        client.send(request("raw.test", &[])).unwrap();
        let (_, mut server) = harness.accept_raw();
        say(&mut server, answer);
        assert_eq!(client.response("GET").unwrap().text(), body);
        if !kept {
            comes_on_another(&harness, answer);
            continue;
        }
        client.send(request("raw.test", &[])).unwrap();
        assert_eq!(Head::read(&mut server).unwrap().unwrap().first, "GET / HTTP/1.1");
        say(&mut server, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(client.response("GET").unwrap().status, 200);
    }
}

/// While the server is awaited the client may say more or leave; each is noticed.
#[test]
fn a_client_that_leaves_while_it_waits() {
    let harness = Harness::start();
    for upload in [false, true] {
        let mut client = harness.connect();
        let text = if upload {
            "POST / HTTP/1.1\r\nHost: raw.test\r\nContent-Length: 10\r\n\r\nabc".to_owned()
        } else {
            request("raw.test", &[])
        };
        client.send(text).unwrap();
        let (_, mut server) = harness.accept_raw();
        drop(client);
        server.get_ref().set_read_timeout(Some(LIMIT)).unwrap();
        let mut rest = Vec::new();
        match server.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset, "upload: {upload}"),
        }
    }
    harness.is_well();
}
