//! Requests that are sent again: bodies that middlewares change on their way, what the access log
//! tells of them, and how many connections they take.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use swarmgate_testkit::client::{Client, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;

use crate::grpc_web::decoded;
use crate::stage::{LIMIT, Stage, request};

/// Services of these names with three servers each, all at a port where nobody listens, which is
/// returned. Of `half` the second of two servers lives, of `last` the first of four.
fn services(names: &[&str]) -> (u16, String) {
    let dead = ports::free();
    let at = |path: &str| format!("{{url: 'http://127.0.0.1:{dead}{path}'}}");
    let dead_ones = [at(""), at("/b"), at("/c")].join(", ");
    let mut services = format!(
        "
    half: {{loadBalancer: {{servers: [{}, {{url: 'UPSTREAM'}}]}}}}
    last: {{loadBalancer: {{servers: [{{url: 'UPSTREAM'}}, {dead_ones}]}}}}",
        at("")
    );
    for name in names {
        services.push_str(&format!("\n    {name}: {{loadBalancer: {{servers: [{dead_ones}]}}}}"));
    }
    (dead, services)
}

/// A second try decodes what the client has sent, not what the first try has decoded.
#[test]
fn base64_is_decoded_once() {
    let (_, services) = services(&[]);
    let stage = Stage::set_over(
        "g: {rule: 'Host(`g.test`)', service: half, middlewares: [tries, grpc]}
    asks: {rule: 'Host(`asks.test`)', service: half, middlewares: [tries, asks, grpc]}
    late: {rule: 'Host(`late.test`)', service: half, middlewares: [tries, grpc, asks]}",
        "tries: {retry: {attempts: 3}}
    grpc: {grpcWeb: {allowOrigins: ['*']}}
    asks: {forwardAuth: {address: 'http://{OTHER}/', forwardBody: true}}",
        &services,
        &[],
    );
    let send = |host: &str, framing: &str, body: &str| {
        let text = format!(
            "POST /a.B/C HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/grpc-web-text\r\n\
             {framing}\r\n\r\n{body}"
        );
        stage.connect().exchange(text).expect("an answer")
    };
    let body_of = |answer: &Response| {
        let told = decoded(&answer.body);
        let told = told.split_last_chunk::<5>().expect("trailers").0;
        serde_json::from_slice::<Value>(told).expect("what the server saw")["body"].clone()
    };
    // What is decoded is base64 as well: nobody but the server would notice that it was decoded
    // again.
    let letters = "aGVsbG9oZWxsb2hl";
    let length = format!("Content-Length: {}", letters.len());
    let chunked = format!("{:x}\r\n{letters}\r\n0\r\n\r\n", letters.len());
    for _ in 0..4 {
        for host in ["g.test", "asks.test"] {
            for (framing, body) in [(&*length, letters), ("Transfer-Encoding: chunked", &*chunked)]
            {
                let answer = send(host, framing, body);
                assert_eq!(answer.status, 200, "{host} {framing}");
                assert_eq!(body_of(&answer), "hellohellohe", "{host} {framing}");
            }
        }
    }
    // Somebody behind has read it, so that it cannot be had from the client again: no other try,
    // rather than one with something else.
    let answers: Vec<Response> = (0..8).map(|_| send("late.test", &length, letters)).collect();
    let with = |status| answers.iter().filter(move |answer| answer.status == status);
    assert_eq!((with(200).count(), with(502).count()), (4, 4));
    assert!(with(200).all(|answer| body_of(answer) == "hellohellohe"));
}

/// Where a page stands in for a server that cannot be reached, nobody tries again: the service's
/// own tries are not kept back for that.
#[test]
fn pages_cost_no_tries() {
    let (_, services) = services(&[]);
    let stage = Stage::set_over(
        "alone: {rule: 'Host(`alone.test`)', service: half, middlewares: [pages]}
    tried: {rule: 'Host(`tried.test`)', service: half, middlewares: [tries, pages]}
    read: {rule: 'Host(`read.test`)', service: half, middlewares: [reads, pages]}",
        "tries: {retry: {attempts: 3}}
    reads: {buffering: {retryExpression: 'IsNetworkError() && Attempts() <= 2'}}
    pages: {errors: {status: ['500-599'], service: app, query: '/'}}",
        &services,
        &[],
    );
    for host in ["alone.test", "tried.test", "read.test"] {
        let seen: Vec<u16> = (0..6).map(|_| stage.get(host, &[]).status).collect();
        assert_eq!(seen, [200; 6], "{host}");
    }
}

/// The line of the access log about the only request for this path.
fn line(stage: &Stage, path: &str) -> Value {
    eventually("it is logged", LIMIT, || {
        let output = stage.process.output();
        let lines = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut lines = lines.filter(|line| line["RequestPath"] == path);
        lines.next().ok_or_else(|| format!("{path} is not in {output}"))
    })
}

#[test]
fn the_last_try_is_logged() {
    let (dead, services) = services(&["dead"]);
    let stage = Stage::set_over(
        "retry: {rule: 'Host(`retry.test`)', service: last, middlewares: [retry]}
    buffer: {rule: 'Host(`buffer.test`)', service: last, middlewares: [buffer]}
    closed: {rule: 'Host(`closed.test`)', service: app, middlewares: [thrice, open]}
    dead: {rule: 'Host(`dead.test`)', service: dead}
    top: {rule: 'Host(`top.test`)', middlewares: [thrice]}
    middle: {rule: 'PathPrefix(`/`)', parentRefs: [top], middlewares: [buffer]}
    leaf: {rule: 'PathPrefix(`/`)', parentRefs: [middle], service: app}",
        "retry: {retry: {attempts: 2, status: ['503']}}
    thrice: {retry: {attempts: 3, status: ['403', '503']}}
    buffer: {buffering: {retryExpression: 'ResponseCode() == 503 && Attempts() < 2'}}
    open: {ipAllowList: {sourceRange: [10.0.0.0/8]}}",
        &services,
        &["--accesslog=true", "--accesslog.format=json"],
    );
    let get = |host: &str, order: &str| {
        let path = format!("/{host}");
        let text = request(host, &[order]).replacen(" / ", &format!(" {path} "), 1);
        let status = stage.connect().exchange(text).expect("an answer").status;
        (status, line(&stage, &path))
    };
    // The first try is the live server's; then there are three more, all dead.
    for host in ["retry.test", "buffer.test", "dead.test"] {
        let (status, line) = get(host, "status 503");
        assert_eq!(status, 502, "{host}");
        assert_eq!(line["DownstreamStatus"], 502, "{line}");
        let server = line["ServiceURL"].as_str().unwrap_or_default();
        assert!(server.starts_with(&format!("http://127.0.0.1:{dead}")), "{line}");
        assert_ne!(line["OriginStatus"], 503, "{line}");
    }
    let (status, line) = get("top.test", "status 503");
    assert_eq!(status, 503);
    assert_eq!(line["RouterName"], "top@file -> middle@file -> leaf@file");
    assert_eq!(line["ServiceName"], "app@file");
    assert_eq!(line["ServiceURL"], stage.upstream.url());
    assert_eq!(line["OriginStatus"], 503);
    let (status, line) = get("closed.test", "status 503");
    assert_eq!(status, 403);
    assert_eq!(line["RouterName"], "closed@file");
}

/// While somebody tries again, each try of his is one server's: the sum of all, never the product.
#[test]
fn tries_do_not_multiply() {
    let names = ["quiet", "silent", "buffer", "both", "brief"];
    let (_, services) = services(&names);
    let routers: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "{name}: {{rule: 'Host(`{name}.test`)', service: {name}, middlewares: [{name}]}}"
            )
        })
        .collect();
    let traefik = ports::free();
    let stage = Stage::set_over(
        &routers.join("\n    "),
        "quiet: {retry: {attempts: 3, status: ['502'], disableRetryOnNetworkError: true}}
    silent: {retry: {attempts: 3, status: ['504'], disableRetryOnNetworkError: true}}
    buffer: {buffering: {retryExpression: 'IsNetworkError()'}}
    twice: {buffering: {retryExpression: 'IsNetworkError() && Attempts() < 2'}}
    thrice: {retry: {attempts: 3}}
    both: {chain: {middlewares: [twice, thrice]}}
    brief: {retry: {attempts: 3, timeout: 900ms}}",
        &services,
        &[
            "--metrics.prometheus=true",
            &format!("--entryPoints.traefik.address=127.0.0.1:{traefik}"),
        ],
    );
    for name in names {
        assert_eq!(stage.get(&format!("{name}.test"), &[]).status, 502, "{name}");
    }
    // How often each was sent again.
    let expected = [
        ("quiet", 2 + 2),
        // What is refused is not tried again by it, but by the service.
        ("silent", 2),
        ("buffer", 10 + 2),
        // Three of one each, then the inner ones' first two, and the very last with three servers.
        ("both", 3 + 2 + 2),
        ("brief", 2 + 2),
    ];
    eventually("the tries are counted", LIMIT, || {
        let text = request("h.test", &[]).replacen(" / ", " /metrics ", 1);
        let page = Client::connect(("127.0.0.1", traefik)).and_then(|mut it| it.exchange(text));
        let page = page.map_err(|error| error.to_string())?.text();
        for (name, times) in expected {
            let line = format!("traefik_service_retries_total{{service=\"{name}@file\"}} {times}");
            if !page.lines().any(|other| other == line) {
                return Err(format!("{line} is not in {page}"));
            }
        }
        Ok(())
    });
}

/// A server whose queue of connections is full, and those that fill it: a new one is not answered,
/// not even refused.
fn full() -> (TcpListener, Vec<TcpStream>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let listener = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        socket.listen(1).and_then(tokio::net::TcpListener::into_std).unwrap()
    });
    listener.set_nonblocking(false).unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(300)).ok();
    let waiting = std::iter::from_fn(connect).take(100).collect::<Vec<_>>();
    assert!(waiting.len() < 100, "the queue has no end");
    (listener, waiting)
}

/// No try begins when the time is over. The one before it then has the patience that requests have
/// without `retry`, however little time there was.
#[test]
fn the_last_try_in_time_is_patient() {
    let (listener, waiting) = full();
    let services = format!(
        "
    busy: {{loadBalancer: {{servers: [{{url: 'http://{}'}}]}}}}",
        listener.local_addr().unwrap()
    );
    let stage = Stage::set_over(
        "busy: {rule: 'Host(`busy.test`)', service: busy, middlewares: [brief]}",
        "brief: {retry: {attempts: 3, timeout: 500ms}}",
        &services,
        &[],
    );
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(1300));
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut head = [0; 1000];
                if stream.read(&mut head).is_ok_and(|read| read > 0) {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
                }
            });
        }
    });
    let begun = Instant::now();
    let answer = stage.get("busy.test", &[]);
    assert_eq!((answer.status, &*answer.text()), (200, "ok"));
    // Else the queue was not full, and nothing is shown.
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(waiting);
}
