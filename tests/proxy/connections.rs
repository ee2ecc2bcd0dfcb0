//! Connections are kept, shared, replaced when they die, and turned into tunnels.

use swarmgate_testkit::client::Client;
use swarmgate_testkit::upstream::pattern;

use crate::harness::{Harness, request};

#[test]
fn one_client_connection_needs_one_to_the_upstream() {
    let harness = Harness::start();
    let before = harness.upstream.connections();
    let mut client = harness.connect();
    for _ in 0..50 {
        assert_eq!(client.exchange(request("app.test", &[])).unwrap().status, 200);
    }
    let made = harness.upstream.connections() - before;
    assert!(made <= 1, "{made} connections for 50 requests in a row");
}

#[test]
fn client_connections_share_the_pool() {
    let harness = Harness::start();
    for _ in 0..100 {
        assert_eq!(harness.ask("app.test", &[]).unwrap().status, 200);
    }
    let threads = std::thread::available_parallelism().unwrap().get() as u64;
    let made = harness.upstream.connections();
    // Each data-plane thread has a pool of its own.
    assert!(made <= threads + 1, "{made} connections for 100 requests, {threads} threads");
}

#[test]
fn a_pooled_connection_that_died_is_replaced() {
    let harness = Harness::start();
    let mut client = harness.connect();
    for round in 0..100 {
        // The upstream closes after its answer without a word.
        let response = client.exchange(request("app.test", &["hangup"])).unwrap();
        assert_eq!(response.status, 200, "round {round}");
    }
    for round in 0..20 {
        harness.upstream.drop_connections();
        let response = client.exchange(request("app.test", &[])).unwrap();
        assert_eq!(response.status, 200, "round {round}");
    }
}

#[test]
fn a_post_is_not_sent_twice() {
    let harness = Harness::start();
    let before = harness.upstream.requests();
    let response = harness
        .connect()
        .exchange("POST / HTTP/1.1\r\nHost: app.test\r\nX-Do: close\r\nContent-Length: 2\r\n\r\nhi")
        .unwrap();
    assert_eq!(response.status, 502);
    assert_eq!(harness.upstream.requests() - before, 1);
}

#[test]
fn many_clients_at_once() {
    let harness = Harness::start();
    let address = ("127.0.0.1", harness.web);
    let workers: Vec<_> = (0..64)
        .map(|_| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address)?;
                for number in 0..50 {
                    let text = format!("GET /{number} HTTP/1.1\r\nHost: app.test\r\n\r\n");
                    let response = client.exchange(text)?;
                    assert_eq!(response.status, 200);
                    assert_eq!(response.json()["target"], format!("/{number}"));
                }
                std::io::Result::Ok(())
            })
        })
        .collect();
    for worker in workers {
        worker.join().unwrap().unwrap();
    }
}

#[test]
fn an_upgraded_connection_is_a_tunnel() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client
        .send("GET /chat HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\nearly ")
        .unwrap();
    let head = client.head().unwrap();
    assert_eq!(head.first, "HTTP/1.1 101 Switching Protocols");
    assert_eq!(head.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(client.bytes(12).unwrap(), b"hello early ");
    let data = pattern(3 << 20);
    for block in data.chunks(100_000) {
        client.send(block).unwrap();
        assert!(client.bytes(block.len()).unwrap() == block, "the tunnel changed bytes");
    }
    client.finish().unwrap();
    assert_eq!(client.rest().unwrap(), b"");
    harness.is_well();
}

#[test]
fn a_tunnel_ends_with_the_upstream() {
    let harness = Harness::start();
    let mut client = harness.connect();
    client
        .send("GET / HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
        .unwrap();
    assert!(client.head().unwrap().first.contains("101"));
    assert_eq!(client.bytes(6).unwrap(), b"hello ");
    harness.upstream.drop_connections();
    assert_eq!(client.rest().unwrap_or_default(), b"");
}

#[test]
fn websockets_over_tls_too() {
    use swarmgate_testkit::client::Trust;
    let harness = Harness::start();
    let trust = Trust::Roots(&harness.certificate.pem);
    let address = ("127.0.0.1", harness.secure);
    let mut client = Client::connect_tls(address, "tls.test", trust).unwrap();
    client
        .send(
            "GET / HTTP/1.1\r\nHost: tls.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
        .unwrap();
    assert!(client.head().unwrap().first.contains("101"));
    client.send("ping").unwrap();
    assert_eq!(client.bytes(10).unwrap(), b"hello ping");
    let seen = harness.upstream.last_head().unwrap();
    assert_eq!(seen.header("x-forwarded-proto"), Some("wss"));
}

/// RFC 9110 section 7.8: a server ignores `Upgrade` in an HTTP/1.0 request.
#[test]
fn http_10_knows_no_upgrade() {
    let harness = Harness::start();
    let text = "GET / HTTP/1.0\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\nX-Do: body ok\r\n\r\n";
    let response = harness.connect().exchange(text).unwrap();
    assert_eq!((response.status, response.text()), (200, "ok".into()));
    let seen = harness.upstream.last_head().unwrap();
    assert_eq!(seen.header("upgrade"), None);
}
