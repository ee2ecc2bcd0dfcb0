//! Bodies and answers that are packed, endless, odd or broken, and what the middlewares that look at
//! them make of it.

use swarmgate_testkit::secure::Secure;

use crate::attack::headers;
use crate::stand::{PLAIN, Stand};

const ROUTING: &str = "http:
  routers:
    ready: {rule: 'Host(`ready.test`)', service: app}
    zip: {rule: 'Host(`zip.test`)', service: app, middlewares: [zip]}
    buffer: {rule: 'Host(`buffer.test`)', service: app, middlewares: [buffer]}
    again: {rule: 'Host(`again.test`)', service: app, middlewares: [buffer-again]}
    retry: {rule: 'Host(`retry.test`)', service: app, middlewares: [page, retry]}
    grpc: {rule: 'Host(`grpc.test`)', service: app, middlewares: [grpc]}
    grpc-all: {rule: 'Host(`grpc-all.test`)', service: app, middlewares: [page, retry, buffer, zip, grpc]}
    away: {rule: 'Host(`away.test`)', service: app, middlewares: [away]}
    teller: {rule: 'Host(`teller.test`)', service: teller}
    teller-tls: {rule: 'Host(`teller-tls.test`)', service: teller-tls}
    dead: {rule: 'Host(`dead.test`)', service: dead}
    nobody: {rule: 'Host(`nobody.test`)', service: nobody}
    auth: {rule: 'Host(`auth.test`)', service: app, middlewares: [auth]}
    secure: {rule: 'PathPrefix(`/secure`)', service: secure}
    secure-own: {rule: 'PathPrefix(`/own`)', service: secure-own}
  middlewares:
    zip: {compress: {minResponseBodyBytes: 10}}
    buffer: {buffering: {maxRequestBodyBytes: 10, maxResponseBodyBytes: 2000}}
    buffer-again: {buffering: {maxResponseBodyBytes: 2000, retryExpression: 'Attempts() < 3 && ResponseCode() == 503'}}
    page: {errors: {status: ['500-599'], service: pages}}
    retry: {retry: {attempts: 3, status: ['303', '500-599'], initialInterval: 1ms}}
    grpc: {grpcWeb: {allowOrigins: ['*']}}
    away: {redirectScheme: {scheme: https}}
    auth: {forwardAuth: {address: 'http://{DEAD}/verify?token=hunter2'}}
  services:
    app: {loadBalancer: {servers: [{url: 'http://{APP}'}]}}
    pages: {loadBalancer: {servers: [{url: 'http://{PAGES}'}]}}
    teller: {loadBalancer: {servers: [{url: 'http://{TELLER}'}]}}
    teller-tls: {loadBalancer: {servers: [{url: 'https://{TELLER}'}]}}
    dead: {loadBalancer: {servers: [{url: 'http://{DEAD}'}]}}
    nobody: {loadBalancer: {servers: [{url: 'http://nobody.invalid'}]}}
    secure: {loadBalancer: {serversTransport: any, servers: [{url: 'https://{SECURE}'}]}}
    secure-own: {loadBalancer: {passHostHeader: false, serversTransport: any, servers: [{url: 'https://{SECURE}'}]}}
  serversTransports:
    any: {insecureSkipVerify: true}
";

fn stand() -> Stand {
    Stand::start(PLAIN, &[("routing.yml", &ROUTING.replace("{SECURE}", "{DEAD}"))])
}

/// L04: nobody unpacks a body, or packs one that is packed.
#[test]
fn packed_bodies_stay_packed() {
    let stand = stand();
    // Not even a beginning of gzip: whoever looked inside would say so.
    let body = "\u{1f}\u{8b}\u{8}".to_owned() + &"\u{ff}\u{0}".repeat(500);
    let bytes: Vec<u8> = body.chars().map(|sign| sign as u8).collect();
    for host in ["ready.test", "zip.test", "retry.test"] {
        let mut request = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        )
        .into_bytes();
        request.extend(&bytes);
        let seen = stand.send("web", request).expect("an answer").json();
        assert_eq!(headers(&seen, "Content-Encoding"), ["gzip"], "L04: {host}");
        assert!(seen["body"].as_str() == Some(&body), "L04: {host}");
        let digits = "1f8b08".to_owned() + &"ff00".repeat(500);
        for coding in ["gzip", "br", "zstd", "deflate", "unknown"] {
            let answer = stand.ask(
                "web",
                &format!(
                    "GET / {host} | Accept-Encoding: gzip, br, zstd | X-Do: hex {digits} | X-Do: header Content-Encoding: {coding}"
                ),
            );
            assert_eq!(answer.header("content-encoding"), Some(coding), "L04: {host}");
            assert!(answer.body == bytes, "L04: {host} {coding}");
        }
    }
}

/// L05, L06: lengths are believed as far as they are allowed, and what is longer ends without harm.
#[test]
fn lengths_promise_nothing() {
    let mut stand = stand();
    let before = stand.app.requests();
    for rest in [
        "Content-Length: 9000000000000000000\r\n\r\n",
        "Content-Length: 18446744073709551615\r\n\r\n",
        "Content-Length: 11\r\n\r\nhello world",
        "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\nhello world",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: buffer.test\r\n{rest}");
        let answer = stand.send("web", request).expect("an answer");
        assert_eq!(answer.status, 413, "L05: {rest:?}");
    }
    assert_eq!(stand.app.requests(), before, "L05");
    let resident = stand.process.resident_kib().expect("it runs");
    for (said, wanted) in [
        ("bytes 2000", 200),
        ("bytes 2001", 500),
        ("bytes 2001 | X-Do: chunked", 500),
        ("bytes 30000000", 500),
        ("bytes 30000000 | X-Do: chunked", 500),
        ("bytes 2001 | X-Do: status 404", 500),
        ("bytes 10 | X-Do: short", 500),
        ("bytes 2001 | X-Do: drip 20", 500),
    ] {
        for host in ["buffer.test", "again.test"] {
            let answer = stand.ask("web", &format!("GET / {host} | X-Do: {said}"));
            let refused = answer.status >= 500;
            assert_eq!(refused, wanted == 500, "L06: {host} {said}: {}", answer.status);
            assert!(!refused || answer.body.len() < 100, "L06: {host} {said}");
        }
    }
    // In the middle of several tries.
    let line = "GET / again.test | X-Do: fails 2 503 a | X-Do: bytes 2001";
    assert_eq!(stand.ask("web", line).status, 500, "L06");
    let grown = stand.process.resident_kib().expect("it runs").saturating_sub(resident);
    assert!(grown < 20_000, "L06: {grown} KiB");
    stand.is_well();
}

/// B23: a body that has been sent is not sent again unless it was kept, and an empty one can be.
#[test]
fn tries_need_a_whole_body() {
    let mut stand = stand();
    let body = "x".repeat(200_000);
    for (method, body) in [("GET", ""), ("POST", ""), ("PUT", ""), ("POST", &*body), ("PUT", &body)]
    {
        let framings = [
            format!("Content-Length: {}\r\n\r\n{body}", body.len()),
            format!(
                "Transfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
                match body.len() {
                    0 => String::new(),
                    length => format!("{length:x}\r\n{body}\r\n"),
                }
            ),
        ];
        for rest in framings {
            for (orders, status, by) in [
                ("X-Do: status 303\r\nX-Do: header Location: /\r\n", 303, ""),
                ("X-Do: status 500\r\n", 500, "pages"),
                ("X-Do: reset\r\n", 502, "pages"),
                ("X-Do: close\r\n", 502, "pages"),
                ("X-Do: short\r\nX-Do: status 500\r\n", 500, "pages"),
            ] {
                let text = format!("{method} / HTTP/1.1\r\nHost: retry.test\r\n{orders}{rest}");
                let answer = stand.send("web", text).expect("an answer");
                let what = format!("B23: {method} {} {orders:?}", body.len());
                assert_eq!(answer.status, status, "{what}");
                if !by.is_empty() {
                    let page = answer.json();
                    assert_eq!((&page["name"], &page["body"]), (&by.into(), &"".into()), "{what}");
                    assert_eq!(page["method"], "GET", "{what}");
                }
            }
            let seen = format!(
                "{method} / HTTP/1.1\r\nHost: retry.test\r\nX-Do: fails 1 503 {method}\r\n{rest}"
            );
            let answer = stand.send("web", seen).expect("an answer");
            if answer.status == 200 {
                assert!(answer.json()["body"].as_str() == Some(body), "B23: {method}");
            } else {
                // Not to be sent twice; the second of these requests is the one that succeeds.
                assert_eq!((answer.status, method), (503, "POST"), "B23");
                let text = format!(
                    "POST / HTTP/1.1\r\nHost: retry.test\r\nX-Do: fails 1 503 POST\r\n{rest}"
                );
                assert_eq!(stand.send("web", text).expect("an answer").status, 200, "B23");
            }
        }
    }
    stand.is_well();
}

/// L11: time-outs and types of gRPC that are none.
#[test]
fn odd_grpc_is_answered() {
    let mut stand = stand();
    for host in ["grpc.test", "grpc-all.test", "away.test", "nobody-here.test"] {
        for kind in [
            "application/grpc",
            "application/grpc-web",
            "application/grpc-web;x",
            "application/grpc-web+proto;charset=\"",
            "application/grpc-web-text",
            "application/grpc-web-text+",
            "application/connect+proto",
            "application/grpc-web\t",
            "",
        ] {
            for timeout in ["99999999H", "-1S", "", "S", "1", "999999999999999999999n", "1H, 1H"] {
                let line = format!(
                    "POST /pkg.Svc/Method {host} | Content-Type: {kind} | grpc-timeout: {timeout} | =AAAA"
                );
                let answer = stand.ask("web", &line);
                let wanted = match host {
                    "away.test" => 307,
                    "nobody-here.test" => 404,
                    _ => 200,
                };
                assert_eq!(answer.status, wanted, "L11: {line}");
            }
        }
    }
    // Nobody but the server reads it.
    let line = "GET / grpc.test | grpc-timeout: 99999999H";
    assert_eq!(headers(&stand.ask("web", line).json(), "grpc-timeout"), ["99999999H"], "L11");
    stand.is_well();
}

/// B14: a reason may be anything, or nothing.
#[test]
fn reasons_are_only_words() {
    let mut stand = stand();
    for (reason, passes) in [
        (&b""[..], true),
        (b" ", true),
        (b" \xff\xfe", true),
        (b" a\tb", true),
        (b" a\0b", false),
        (b" a\rX-Admin: 1", false),
        (&[b' '; 60_000], true),
    ] {
        let mut answer = b"HTTP/1.1 200".to_vec();
        answer.extend(reason);
        answer.extend(b"\r\nContent-Length: 2\r\n\r\nok");
        stand.teller.say(answer);
        let answer = stand.ask("web", "GET / teller.test");
        let reason = String::from_utf8_lossy(reason);
        if passes {
            assert!(matches!(answer.status, 200 | 502), "B14: {reason:.20?}: {}", answer.status);
        } else {
            assert!(matches!(answer.status, 500 | 502), "B14: {reason:?}: {}", answer.status);
        }
        assert_eq!(answer.header("x-admin"), None, "B14");
    }
    stand.is_well();
}

/// B12, O05: what goes wrong inside is told in a status; nothing of a server's words, of addresses or
/// of an error's text.
#[test]
fn failures_tell_nothing() {
    let mut stand = stand();
    for (id, host, said, statuses) in [
        (
            "B12",
            "teller-tls.test",
            "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nPOISON",
            &[500, 502],
        ),
        ("B12", "teller-tls.test", "POISON", &[500, 502]),
        ("O05", "teller.test", "POISON\r\n\r\n", &[500, 502]),
        ("O05", "teller.test", "HTTP/1.1 200 OK\r\nPOISON\r\n\r\n", &[500, 502]),
        ("O05", "teller.test", "HTTP/1.1 200 OK\r\nContent-Length: POISON\r\n\r\n", &[500, 502]),
        ("O05", "teller.test", "", &[500, 502]),
        ("O05", "dead.test", "", &[502, 502]),
        ("O05", "nobody.test", "", &[500, 502]),
        ("O05", "auth.test", "", &[500, 500]),
    ] {
        stand.teller.say(said);
        let answer = stand.ask("web", &format!("GET /hunter2 {host} | Authorization: hunter2"));
        assert!(statuses.contains(&answer.status), "{id}: {host} {}", answer.status);
        let words = match answer.status {
            500 => "Internal Server Error",
            _ => "Bad Gateway",
        };
        let text = answer.text();
        assert!(text.is_empty() || text == words, "{id}: {host}: {text}");
        for (name, value) in &answer.headers {
            for secret in ["POISON", "hunter2", "127.0.0.1", "invalid"] {
                assert!(!value.contains(secret), "{id}: {host}: {name}: {value}");
            }
        }
    }
    stand.is_well();
}

/// G09: the host that a client asks for is no name of a TLS server.
#[test]
fn long_hosts_name_no_server() {
    let secure = Secure::start("any");
    let routing = ROUTING.replace("{SECURE}", &format!("127.0.0.1:{}", secure.port()));
    let mut stand = Stand::start(PLAIN, &[("routing.yml", &routing)]);
    for length in [63, 64, 253, 254, 255, 256, 257, 5000] {
        for host in ["a".repeat(length), "a.".repeat(length / 2), "1".repeat(length)] {
            for path in ["/secure", "/own"] {
                let answer = stand.ask("web", &format!("GET {path} {host}"));
                // The certificate that was shown is the server's own, whatever the host.
                assert!(matches!(answer.status, 200 | 400), "G09: {length}: {}", answer.status);
            }
        }
    }
    stand.is_well();
}

/// L10: a date is a text, whoever writes it.
#[test]
fn nobody_reads_dates() {
    let mut stand = stand();
    let deep = "(".repeat(50_000);
    let far = "Fri, 31 Dec 99999999999999999999 23:59:60 +9999";
    for date in [&*deep, far, "-1", ""] {
        for host in ["ready.test", "zip.test", "retry.test", "buffer.test"] {
            let line =
                format!("GET / {host} | If-Modified-Since: {date} | Date: {date} | X-Do: body hi");
            let answer = stand.ask("web", &line);
            assert_eq!(answer.status, 200, "L10: {host} {date:.20}");
            let seen = stand.app.last_head().expect("it came");
            assert_eq!(seen.header("if-modified-since"), Some(date), "L10: {host} {date:.20}");
            for name in ["Date", "Retry-After", "Last-Modified", "Expires"] {
                let line = format!("GET / {host} | X-Do: header {name}: {date} | X-Do: body hi");
                let answer = stand.ask("web", &line);
                assert_eq!((answer.status, &*answer.text()), (200, "hi"), "L10: {host} {name}");
            }
        }
        let line = format!("GET / ready.test | If-Modified-Since: {date} | If-Range: {date}");
        assert!(stand.ask("traefik", &line).status >= 200, "L10");
    }
    stand.is_well();
}

/// B08: a 101 is cleaned as any answer is, and so is what its `Connection` names.
#[test]
fn a_101_is_cleaned() {
    let mut stand = stand();
    stand.teller.say(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Int\r\nUpgrade: echo\r\n\
         X-Int: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nTE: trailers\r\n\
         X-End: 2\r\n\r\n",
    );
    let answer = stand.ask("web", "GET / teller.test | Connection: Upgrade | Upgrade: echo");
    assert_eq!(answer.status, 101, "B08");
    assert_eq!(
        (answer.header("upgrade"), answer.header("x-end")),
        (Some("echo"), Some("2")),
        "B08"
    );
    assert_eq!(answer.header("connection"), Some("Upgrade"), "B08");
    for name in ["X-Int", "Keep-Alive", "Proxy-Authenticate", "TE", "Transfer-Encoding"] {
        assert_eq!(answer.header(name), None, "B08: {name}");
    }
    stand.is_well();
}
