//! Answers that come before the end of their request.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::time::{Duration, Instant};

use crate::harness::{Harness, request};

const LARGE: usize = 3_000_000;

/// A server that does not want a body says so and closes, while the body is on its way.
#[test]
fn the_last_words_of_a_server_are_heard() {
    let harness = Harness::start();
    for round in 0..20 {
        let mut uploading = harness.connect();
        let upload = std::thread::spawn(move || {
            let head =
                format!("POST / HTTP/1.1\r\nHost: raw.test\r\nContent-Length: {LARGE}\r\n\r\n");
            let sent = uploading.send(head).and_then(|()| uploading.send(vec![b'x'; LARGE]));
            (sent, uploading.response("POST").map(|response| response.status))
        });
        let (_, mut server) = harness.accept_raw();
        let answer = "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig";
        server.get_mut().write_all(answer.as_bytes()).unwrap();
        // With bytes unread this is a reset.
        drop(server);
        let (sent, status) = upload.join().unwrap();
        assert_eq!(status.map_err(|error| error.kind()), Ok(413), "round {round}: sent {sent:?}");
    }
    harness.is_well();
}

/// Our own answer must not be taken back by a reset because the body was not read.
#[test]
fn an_unwanted_body_is_let_arrive() {
    let harness = Harness::start();
    for length in [100_000, LARGE] {
        let mut client = harness.connect();
        let head =
            format!("POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: {length}\r\n\r\n");
        client.send(head).unwrap();
        let half = vec![b'x'; length / 2];
        client.send(&half).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        client.send(&half).expect("the connection is not reset");
        assert_eq!(client.response("POST").unwrap().status, 404);
    }
}

/// But not for ever.
#[test]
fn a_body_without_end_is_not_let_arrive() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: nobody.test\r\nContent-Length: 1000000000\r\n\r\nx")
        .unwrap();
    let start = Instant::now();
    while client.send([b'x'; 1000]).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(5), "still read");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(start.elapsed() > Duration::from_millis(500), "cut after {:?}", start.elapsed());
}

/// `responseHeaderTimeout` (300 ms here) is about the server, not about a client's slow upload.
#[test]
fn a_slow_upload_is_no_slow_answer() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client.send("POST / HTTP/1.1\r\nHost: hasty.test\r\nContent-Length: 50\r\n\r\n").unwrap();
    for _ in 0..5 {
        std::thread::sleep(Duration::from_millis(150));
        client.send("0123456789").unwrap();
    }
    assert_eq!(client.response("POST").unwrap().status, 200);

    // After the upload it counts.
    let mut client = harness.connect();
    client
        .send("POST / HTTP/1.1\r\nHost: hasty-raw.test\r\nContent-Length: 20\r\n\r\n0123456789")
        .unwrap();
    let (_, mut server) = harness.accept_raw();
    std::thread::sleep(Duration::from_millis(500));
    client.send("0123456789").unwrap();
    let start = Instant::now();
    assert_eq!(client.response("POST").unwrap().status, 504);
    let fits = Duration::from_millis(250)..Duration::from_secs(3);
    assert!(fits.contains(&start.elapsed()), "{:?}", start.elapsed());
    // What was sent is all there is, and the connection is not used again.
    let mut body = Vec::new();
    match server.read_to_end(&mut body) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    assert_eq!(body, b"01234567890123456789");
}

/// An early answer on a kept connection: the next request does not meet the rest of the body.
#[test]
fn an_early_answer_does_not_mix_with_the_next() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client.send("POST / HTTP/1.1\r\nHost: raw.test\r\nContent-Length: 10\r\n\r\n01234").unwrap();
    let (_, mut server) = harness.accept_raw();
    server.get_mut().write_all(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(client.response("POST").unwrap().status, 403);
    // Somebody else's request in between must not be sent on that connection.
    let mut other = harness.connect();
    other.send(request("raw.test", &[])).unwrap();
    let (head, mut fresh) = harness.accept_raw();
    assert_eq!(head.first, "GET / HTTP/1.1");
    fresh.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").unwrap();
    assert_eq!(other.response("GET").unwrap().status, 200);
    server.get_mut().shutdown(Shutdown::Write).unwrap();
    let mut body = Vec::new();
    let _ = server.read_to_end(&mut body);
    assert!(b"0123456789".starts_with(&body), "{:?}", String::from_utf8_lossy(&body));
}
