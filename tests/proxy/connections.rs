//! Connections are kept, shared, replaced when they die, and turned into tunnels.

use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use swarmgate_testkit::client::{Client, Trust};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::upstream::pattern;
use swarmgate_testkit::wire::Head;

use crate::harness::{Harness, LIMIT, request};

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

/// Only what is asked for, and only what is for the server, opens a tunnel (rows B03 to B07).
#[test]
fn upgrades_that_are_none() {
    let harness = Harness::start();
    // Asked, what the server sees, what the server answers, what the client gets.
    let table = [
        ("websocket, h2c", Some("websocket"), "101|websocket", 101),
        ("a, b", Some("a, b"), "101|b", 101),
        ("websocket", Some("websocket"), "101|h2c", 500),
        ("h2c", None, "101|h2c", 500),
        ("TLS/1.2, HTTP/1.1", None, "101|TLS/1.2", 500),
        ("websocket", Some("websocket"), "200|websocket", 200),
    ];
    for (asked, seen, answered, status) in table {
        let mut client = harness.connect();
        client
            .send(format!(
                "GET / HTTP/1.1\r\nHost: raw.test\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {asked}\r\nHTTP2-Settings: AAMA\r\n\r\n"
            ))
            .unwrap();
        let (head, mut server) = harness.accept_raw();
        assert_eq!(head.header("upgrade"), seen, "{asked}");
        assert_eq!(head.header("http2-settings"), None, "{asked}");
        let (code, protocol) = answered.split_once('|').unwrap();
        let length = if code == "200" { "Content-Length: 0\r\n" } else { "" };
        let answer = format!(
            "HTTP/1.1 {code} X\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n{length}\r\n"
        );
        server.get_mut().write_all(answer.as_bytes()).unwrap();
        assert_eq!(client.response("GET").unwrap().status, status, "{asked} -> {answered}");
        if status == 200 {
            // The connection goes on with requests, each routed for itself.
            assert_eq!(client.exchange(request("nobody.test", &[])).unwrap().status, 404);
        }
    }
}

/// One side has ended and the other says nothing: such a tunnel is not kept for ever.
#[test]
fn half_a_tunnel_times_out() {
    let harness = Harness::with("{respondingTimeouts: {idleTimeout: 1s}}", &[]);
    for client_ends in [true, false] {
        let mut client = harness.connect();
        client
            .send("GET / HTTP/1.1\r\nHost: raw.test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
            .unwrap();
        let (_, mut server) = harness.accept_raw();
        let answer = b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
        server.get_mut().write_all(answer).unwrap();
        assert!(client.head().unwrap().first.contains("101"));
        // While both are open silence is fine.
        std::thread::sleep(Duration::from_millis(2500));
        let start = Instant::now();
        let mut rest = Vec::new();
        if client_ends {
            client.finish().unwrap();
            assert_eq!(server.read(&mut [0; 8]).unwrap(), 0);
            // What the server still has to say arrives.
            for _ in 0..4 {
                std::thread::sleep(Duration::from_millis(500));
                server.get_mut().write_all(b"x").unwrap();
            }
            rest = client.rest().unwrap_or_default();
            assert_eq!(rest, b"xxxx");
        } else {
            server.get_mut().shutdown(Shutdown::Write).unwrap();
            assert_eq!(client.rest().unwrap(), b"");
            let _ = server.read_to_end(&mut rest);
        }
        let took = start.elapsed();
        assert!(took < Duration::from_secs(7), "client ends: {client_ends}: {took:?}");
    }
    harness.is_well();
}

/// NTLM and Negotiate authenticate a connection: it is its client's own (row B17).
#[test]
fn an_authenticated_connection_is_not_shared() {
    let harness = Harness::start();
    let [mut first, mut second] = [harness.connect(), harness.connect()];
    let ask = |credentials: &str| format!("GET / HTTP/1.1\r\nHost: raw.test\r\n{credentials}\r\n");
    let answer = |server: &mut BufReader<TcpStream>, status: &str| {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        server.get_mut().write_all(text.as_bytes()).unwrap();
    };

    first.send(ask("")).unwrap();
    let (_, mut server) = harness.accept_raw();
    answer(&mut server, "401 No\r\nWWW-Authenticate: NTLM");
    assert_eq!(first.response("GET").unwrap().status, 401);
    for _ in 0..2 {
        // The same client stays on it,
        first.send(ask("Authorization: NTLM abc\r\n")).unwrap();
        let head = Head::read(&mut server).unwrap().unwrap();
        assert_eq!(head.header("authorization"), Some("NTLM abc"));
        answer(&mut server, "200 OK");
        assert_eq!(first.response("GET").unwrap().status, 200);
    }
    // and, once it is known there, without credentials,
    first.send(ask("")).unwrap();
    Head::read(&mut server).unwrap().unwrap();
    answer(&mut server, "200 OK");
    assert_eq!(first.response("GET").unwrap().status, 200);
    // but nobody else gets there, now or later.
    second.send(ask("")).unwrap();
    let (_, mut other) = harness.accept_raw();
    answer(&mut other, "200 OK");
    assert_eq!(second.response("GET").unwrap().status, 200);
    drop(first);
    assert_eq!(server.read(&mut [0; 8]).unwrap(), 0, "it is closed with its client");
}

/// A client that is gone without a word is noticed by the kernel's probes, whatever its connection
/// was doing: `/proc/net/tcp` tells which timer a socket has (2: the probes').
#[cfg(target_os = "linux")]
#[test]
fn the_kernel_probes_connections_that_live_on() {
    let harness = Harness::start();
    let silent = harness.connect();
    let mut idle = harness.connect();
    assert_eq!(idle.exchange(request("app.test", &[])).unwrap().status, 200);
    let mut busy = harness.connect();
    busy.send("GET / HTTP/1.1\r\nHost: raw.test\r\n\r\n").unwrap();
    let _server = harness.accept_raw();
    let trust = Trust::Roots(&harness.certificate.pem);
    let address = ("127.0.0.1", harness.secure);
    let mut secure = Client::connect_tls(address, "tls.test", trust).unwrap();
    assert_eq!(secure.exchange(request("tls.test", &[])).unwrap().status, 200);
    let mut tunnel = harness.connect();
    tunnel
        .send(
            "GET / HTTP/1.1\r\nHost: raw.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        )
        .unwrap();
    let (_, mut server) = harness.accept_raw();
    let switch = "HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    server.get_mut().write_all(switch.as_bytes()).unwrap();
    assert!(tunnel.head().unwrap().first.contains("101"));

    let timer = |client: &Client, port: u16| {
        let (near, far) =
            (format!(":{port:04X}"), format!(":{:04X}", client.local().unwrap().port()));
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let row = table.lines().find_map(|line| {
            let mut columns = line.split_whitespace().skip(1);
            let ends = columns.next()?.ends_with(&near) && columns.next()?.ends_with(&far);
            if ends { columns.nth(2).map(str::to_owned) } else { None }
        });
        row.expect("the proxy's socket is listed")
    };
    for (name, client, port) in [
        ("nothing said yet", &silent, harness.web),
        ("between requests", &idle, harness.web),
        ("awaiting an answer", &busy, harness.web),
        ("in TLS", &secure, harness.secure),
        ("a tunnel", &tunnel, harness.web),
    ] {
        eventually(name, LIMIT, || match timer(client, port) {
            timer if timer.starts_with("02:") => Ok(()),
            timer => Err(format!("{name}: timer {timer}")),
        });
    }
}
