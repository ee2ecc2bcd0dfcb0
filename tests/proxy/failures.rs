//! What the upstream does wrong, and which status the client gets for it.

use std::time::{Duration, Instant};

use crate::harness::{Harness, request};

#[test]
fn causes_and_their_statuses() {
    let harness = Harness::start();
    let table: [(&str, &[&str], u16, &str); 12] = [
        ("unknown.test", &[], 404, "404 page not found\n"),
        ("dead.test", &[], 502, "Bad Gateway"),
        ("empty.test", &[], 503, "no available server\n"),
        ("hasty.test", &["silent"], 504, "Gateway Timeout"),
        ("hasty.test", &["slow 20", "body in time"], 200, "in time"),
        ("app.test", &["close"], 502, "Bad Gateway"),
        ("app.test", &["reset"], 502, "Bad Gateway"),
        ("app.test", &[r"raw what is this\r\n\r\n"], 500, "Internal Server Error"),
        ("app.test", &[r"raw HTTP/1.1 200 OK\r\nno colon\r\n\r\n"], 500, "Internal Server Error"),
        ("app.test", &[r"raw HTTP/1.1 200 OK\r\nA: b"], 502, "Bad Gateway"),
        ("app.test", &["status 418", "body teapot"], 418, "teapot"),
        ("app.test", &["status 500", "body mine"], 500, "mine"),
    ];
    for (host, orders, status, body) in table {
        let start = Instant::now();
        let response = harness.ask(host, orders).unwrap_or_else(|error| {
            panic!("{host} {orders:?}: {error}; {}", harness.process.output())
        });
        let got = (response.status, response.text());
        assert_eq!(got, (status, body.to_owned()), "{host} {orders:?}");
        assert!(
            start.elapsed() < Duration::from_secs(5),
            "{host} {orders:?}: {:?}",
            start.elapsed()
        );
    }
    harness.is_well();
}

#[test]
fn an_answer_that_breaks_off_is_not_made_whole() {
    let harness = Harness::start();
    let error = harness.ask("app.test", &["short", "bytes 100000"]);
    assert!(error.is_err(), "{:?}", error.map(|response| response.body.len()));
    harness.is_well();
}

#[test]
fn a_failed_answer_leaves_the_connection_usable() {
    let harness = Harness::start();
    let mut client = harness.connect();
    for host in ["dead.test", "empty.test", "unknown.test", "app.test"] {
        client.exchange(request(host, &[])).unwrap();
    }
    assert_eq!(client.exchange(request("app.test", &[])).unwrap().status, 200);
}

/// A request that moves on to another server has that server's path, not the dead one's.
#[test]
fn each_server_has_its_own_path() {
    let harness = Harness::start();
    for (host, target) in [("base-dead.test", "/"), ("base-live.test", "/base/")] {
        for _ in 0..4 {
            let response = harness.ask(host, &[]).unwrap();
            assert_eq!(
                (response.status, &response.json()["target"]),
                (200, &target.into()),
                "{host}"
            );
        }
    }
}

/// A server that takes connections and drops them, as one that is being stopped: what can be
/// repeated is answered by the other one, what cannot is told.
#[test]
fn a_server_that_hangs_up_costs_no_repeatable_request() {
    let harness = Harness::start();
    let dropping = harness.raw.try_clone().unwrap();
    std::thread::spawn(move || {
        // Ends with the process: the listener lives as long as the harness.
        while let Ok((mut stream, _)) = dropping.accept() {
            let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
        }
    });
    for _ in 0..8 {
        assert_eq!(harness.ask("half.test", &[]).unwrap().status, 200);
    }
    let post = |_| {
        let text = "POST / HTTP/1.1\r\nHost: half.test\r\nContent-Length: 3\r\n\r\nabc";
        harness.connect().exchange(text).unwrap().status
    };
    let statuses: Vec<u16> = (0..8).map(post).collect();
    assert!(statuses.contains(&200) && statuses.contains(&502), "{statuses:?}");
}

#[test]
fn the_answer_does_not_wait_for_an_unread_body() {
    let harness = Harness::start();
    for (host, status) in [("unknown.test", 404), ("empty.test", 503), ("dead.test", 502)] {
        let mut client = harness.connect();
        let text = format!("POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\nabc");
        client.send(text).unwrap();
        client.set_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(client.response("POST").unwrap().status, status, "{host}");
    }
}
