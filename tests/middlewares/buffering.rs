//! `buffering`: what waits, what is refused, what is left on the disk, and what is sent again.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::Client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::upstream::pattern;

use crate::stage::{LIMIT, Stage, request};

const ROUTERS: &str = "b: {rule: 'Host(`b.test`)', service: app, middlewares: [all]}
    small: {rule: 'Host(`small.test`)', service: app, middlewares: [small]}
    disk: {rule: 'Host(`disk.test`)', service: app, middlewares: [disk]}
    retry: {rule: 'Host(`retry.test`)', service: app, middlewares: [retry]}
    inner: {rule: 'Host(`inner.test`)', service: app, middlewares: [all, one]}";
const MIDDLEWARES: &str = "all: {buffering: {maxRequestBodyBytes: 0, memRequestBodyBytes: 0}}
    small: {buffering: {maxRequestBodyBytes: 10, maxResponseBodyBytes: 1000}}
    disk: {buffering: {memRequestBodyBytes: 10, memResponseBodyBytes: 10}}
    retry: {buffering: {memRequestBodyBytes: 10, memResponseBodyBytes: 10, retryExpression: 'ResponseCode() == 503 && Attempts() <= 2'}}
    one: {inFlightReq: {amount: 1}}";

fn stage() -> Stage {
    Stage::set(ROUTERS, MIDDLEWARES)
}

fn head(host: &str, framing: &str, orders: &[&str]) -> String {
    let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
    format!("POST / HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n{orders}\r\n")
}

fn post(host: &str, body: &str, orders: &[&str]) -> String {
    head(host, &format!("Content-Length: {}", body.len()), orders) + body
}

#[test]
fn a_slow_upload_reaches_the_server_at_once() {
    let stage = stage();
    let before = stage.upstream.requests();
    let mut client = stage.connect();
    client.send(head("b.test", "Transfer-Encoding: chunked", &[])).unwrap();
    for _ in 0..5 {
        client.send("5\r\nhello\r\n").unwrap();
        thread::sleep(Duration::from_millis(50));
        assert_eq!(stage.upstream.requests(), before);
    }
    client.send("0\r\n\r\n").unwrap();
    let answer = client.response("POST").unwrap();
    let seen = answer.json();
    assert_eq!(seen["body"], "hello".repeat(5));
    assert_eq!(seen["framing"], "length");
    assert!(answer.header("content-length").is_some(), "{answer:?}");
}

#[test]
fn an_answer_comes_whole() {
    let stage = stage();
    let mut client = stage.connect();
    client.send(request("b.test", &["drip 200", "body abcdef", "early 103 Link: x"])).unwrap();
    let answer = client.response("GET").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (200, "abcdef"));
    assert_eq!(answer.header("content-length"), Some("6"));
    assert_eq!(answer.header("transfer-encoding"), None);
    assert!(answer.informational.is_empty());
    // One that breaks off is none.
    let broken = stage.get("b.test", &["short", "body abcdef"]);
    assert_eq!((broken.status, broken.text().as_str()), (502, "Bad Gateway"));
    // What inner middlewares hold is over when the answer is read, whoever reads it on.
    let mut slow = stage.connect();
    slow.send(request("inner.test", &["bytes 30000000"])).unwrap();
    slow.head().unwrap();
    assert_eq!(stage.get("inner.test", &[]).status, 200);
}

#[test]
fn limits() {
    let stage = stage();
    let status = |text: String| {
        let before = stage.upstream.requests();
        let answer = stage.connect().exchange(text).expect("an answer");
        (answer.status, answer.text(), stage.upstream.requests() - before)
    };
    let too_large = || (413, "Request Entity Too Large".to_owned(), 0);
    assert_eq!(status(post("small.test", "0123456789", &["body x"])), (200, "x".into(), 1));
    assert_eq!(status(post("small.test", "0123456789a", &[])), too_large());
    let chunked = head("small.test", "Transfer-Encoding: chunked", &["body x"]);
    assert_eq!(status(format!("{chunked}a\r\n0123456789\r\n0\r\n\r\n")), (200, "x".into(), 1));
    assert_eq!(status(format!("{chunked}a\r\n0123456789\r\n1\r\na\r\n0\r\n\r\n")), too_large());
    // Nobody believes a length, and nobody reserves it.
    let huge = head("small.test", "Content-Length: 9000000000000000000", &[]);
    assert_eq!(status(huge), too_large());
    let failed = |hits| (500, "Internal Server Error".to_owned(), hits);
    assert_eq!(status(request("small.test", &["bytes 1001"])), failed(1));
    assert_eq!(status(request("small.test", &["bytes 1001", "chunked"])), failed(1));
    assert_eq!(status(request("small.test", &["bytes 1000"])).0, 200);
    assert_eq!(status(request("small.test", &["bytes 1000", "chunked"])).0, 200);
    eventually("refused answers' connections are closed", LIMIT, || match stage.upstream.open() {
        open @ ..5 => Ok(open),
        open => Err(format!("{open} are open")),
    });
}

#[test]
fn too_large_before_it_is_sent() {
    let stage = stage();
    let mut client = stage.connect();
    let text = head("small.test", "Content-Length: 11\r\nExpect: 100-continue", &[]);
    client.send(text).unwrap();
    let answer = client.response("POST").unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.informational.is_empty(), "{answer:?}");
    // One that fits is asked for.
    let mut client = stage.connect();
    let text = head("small.test", "Content-Length: 5\r\nExpect: 100-continue", &[]);
    client.send(text).unwrap();
    assert!(client.head().unwrap().first.starts_with("HTTP/1.1 100 "));
    client.send("hello").unwrap();
    assert_eq!(client.response("POST").unwrap().json()["body"], "hello");
}

/// The files without a name that the proxy has open.
fn files(stage: &Stage) -> usize {
    let folder = PathBuf::from(format!("/proc/{}/fd", stage.process.pid()));
    let targets = fs::read_dir(folder).expect("its files").flatten();
    targets
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|target| target.to_string_lossy().ends_with(" (deleted)"))
        .count()
}

#[test]
fn what_is_too_large_for_memory_waits_on_the_disk() {
    let stage = stage();
    let body =
        String::from_utf8(pattern(1_000_000).iter().map(|b| b'a' + b % 26).collect()).unwrap();
    let answer = stage.connect().exchange(post("disk.test", &body, &[])).expect("an answer");
    assert!(answer.json()["body"] == body, "the body has changed");
    let answer = stage.get("disk.test", &["bytes 1000000"]);
    assert!(answer.body == pattern(1_000_000), "the answer has changed");
    assert_eq!(answer.header("content-length"), Some("1000000"));
    eventually("the files are gone", LIMIT, || match files(&stage) {
        0 => Ok(()),
        some => Err(format!("{some} are there")),
    });

    // While a client sends, there is a file; when it leaves, there is none.
    let mut client = stage.connect();
    client.send(head("disk.test", "Content-Length: 1000000", &[])).unwrap();
    client.send(&body[..900_000]).unwrap();
    eventually("there is a file", LIMIT, || match files(&stage) {
        1 => Ok(()),
        other => Err(format!("{other} files")),
    });
    drop(client);
    eventually("the file is gone", LIMIT, || match files(&stage) {
        0 => Ok(()),
        some => Err(format!("{some} are there")),
    });
    // So it is when nobody reads the answer.
    let mut client = stage.connect();
    client.send(request("disk.test", &["bytes 50000000"])).unwrap();
    client.head().unwrap();
    assert_eq!(files(&stage), 1);
    drop(client);
    eventually("the file is gone", LIMIT, || match files(&stage) {
        0 => Ok(()),
        some => Err(format!("{some} are there")),
    });
}

/// Whoever guesses passwords keeps helper threads busy, but not those that write and read files.
#[test]
fn guessed_passwords_hold_no_body_up() {
    let routers = "disk: {rule: 'Host(`disk.test`)', service: app, middlewares: [disk]}
    private: {rule: 'Host(`private.test`)', service: app, middlewares: [private]}";
    // Each check takes seconds.
    let middlewares = "disk: {buffering: {memRequestBodyBytes: 10, memResponseBodyBytes: 10}}
    private: {basicAuth: {users: ['a:$2y$16$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW']}}";
    let stage = Stage::set_on_one_thread(routers, middlewares);
    let time = || stage.process.processor_time().expect("its time");
    let before = time();
    let guesses: Vec<_> = ["YTpi", "YTpj", "YTpk", "YTps"]
        .into_iter()
        .map(|credentials| {
            let mut client = stage.connect();
            client.set_timeout(LIMIT * 10).expect("a time-out");
            let head = "GET / HTTP/1.1\r\nHost: private.test\r\nAuthorization: Basic";
            thread::spawn(move || client.exchange(format!("{head} {credentials}\r\n\r\n")))
        })
        .collect();
    eventually("passwords are checked", LIMIT, || match time() - before {
        20.. => Ok(()),
        used => Err(format!("{used} hundredths")),
    });
    let body = "x".repeat(400_000);
    let answer = stage.connect().exchange(post("disk.test", &body, &[])).expect("an answer");
    assert!(answer.json()["body"] == body, "the body has changed");
    assert!(guesses.iter().all(|guess| !guess.is_finished()), "it waited for a check");
}

#[test]
fn no_disk() {
    // No such folder: no file can be made. It is as good as a full disk.
    let stage = Stage::set_in("/nowhere", ROUTERS, MIDDLEWARES);
    let body = "x".repeat(200_000);
    let answer = stage.connect().exchange(post("disk.test", &body, &[])).expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (500, "Internal Server Error"));
    assert_eq!(stage.get("disk.test", &["bytes 200000"]).status, 500);
    let said = stage.process.output();
    assert!(said.contains("A body cannot be buffered in a temporary file"), "{said}");
    assert_eq!(stage.get("b.test", &[]).status, 200);
}

#[test]
fn sent_again() {
    let stage = stage();
    let hits = |text: String| {
        let before = stage.upstream.requests();
        let answer = stage.connect().exchange(text).expect("an answer");
        (answer.status, stage.upstream.requests() - before, answer)
    };
    let (status, count, _) = hits(request("retry.test", &["status 503"]));
    assert_eq!((status, count), (503, 3));
    let (status, count, _) = hits(request("retry.test", &["fails 2 503 a"]));
    assert_eq!((status, count), (200, 3));
    let (status, count, _) = hits(request("retry.test", &["status 500"]));
    assert_eq!((status, count), (500, 1));
    // With the body of the first time, from memory and from the disk.
    for body in ["hello".to_owned(), "hello".repeat(40_000)] {
        let (status, count, answer) = hits(post("retry.test", &body, &["fails 2 503 b"]));
        assert_eq!((status, count), (200, 3));
        let seen = answer.json();
        assert!(seen["body"] == body);
        assert_eq!(seen["headers"].to_string().matches("X-Forwarded-For").count(), 1);
    }
}

#[test]
fn upgrades_pass() {
    let stage = stage();
    let mut client = stage.connect();
    client
        .send("GET / HTTP/1.1\r\nHost: b.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        .unwrap();
    assert!(client.head().unwrap().first.starts_with("HTTP/1.1 101 "));
    client.send("ping").unwrap();
    assert_eq!(client.bytes(10).unwrap(), b"hello ping");
}

#[test]
fn bodies_that_break_off() {
    let stage = stage();
    let before = stage.upstream.requests();
    let mut client = stage.connect();
    let text = head("b.test", "Transfer-Encoding: chunked", &[]);
    client.send(format!("{text}5\r\nhello\r\nzz\r\n")).unwrap();
    assert_eq!(client.response("POST").unwrap().status, 500);
    let mut client = stage.connect();
    client.send(head("b.test", "Content-Length: 10", &[]) + "hello").unwrap();
    client.finish().unwrap();
    let _ = client.rest();
    assert_eq!(stage.upstream.requests(), before);
}

/// Many that send slowly cost what they have sent, not what they may send.
#[test]
fn memory_of_many_slow_clients() {
    let stage = stage();
    let resident = || stage.process.resident_kib().expect("its memory");
    let before = resident();
    let clients: Vec<Client> = (0..200)
        .map(|_| {
            let mut client = stage.connect();
            client
                .send(head("b.test", "Content-Length: 1000000", &[]) + &"x".repeat(1000))
                .unwrap();
            client
        })
        .collect();
    thread::sleep(Duration::from_millis(500));
    let more = resident().saturating_sub(before);
    assert!(more < 40_000, "{more} KiB for 200 clients that have sent 1 KB each");
    drop(clients);
    let begun = Instant::now();
    assert_eq!(stage.get("b.test", &[]).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5));
}
