//! `compress` on the wire: streams as they are made, broken ones, slow readers, outside judges.

use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::Response;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::upstream::{letters, noise, pattern};
use swarmgate_testkit::{coding, real};

use crate::stage::{LIMIT, Stage};

const ROUTERS: &str = "z: {rule: 'Host(`z.test`)', service: app, middlewares: [z]}
    few: {rule: 'Host(`few.test`)', service: app, middlewares: [few, z]}";
const MIDDLEWARES: &str = "z: {compress: {}}
    few: {inFlightReq: {amount: 1}}";

const CODINGS: [&str; 3] = ["gzip", "br", "zstd"];

fn request(host: &str, coding: &str, orders: &[&str]) -> String {
    let orders: String = orders.iter().map(|order| format!("X-Do: {order}\r\n")).collect();
    format!("GET / HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: {coding}\r\n{orders}\r\n")
}

fn get(stage: &Stage, coding: &str, orders: &[&str]) -> io::Result<Response> {
    let mut client = stage.connect();
    client.set_timeout(LIMIT)?;
    client.exchange(request("z.test", coding, orders))
}

/// The body of a whole answer in this coding.
fn decoded(answer: &Response, coding: &str) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some(coding), "{:?}", answer.headers);
    let (body, whole) = coding::decode(coding, &answer.body).expect("a stream");
    assert!(whole, "{coding}: cut off");
    body
}

#[test]
fn whole_answers() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        for chunked in ["chunked", "x"] {
            for length in [1, 1023, 1024, 5000, 70_000, 3_000_000] {
                let order = format!("bytes {length}");
                let answer = get(&stage, coding, &[&order, chunked]).unwrap();
                assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
                if chunked == "x" && length < 1024 {
                    assert_eq!(answer.header("content-encoding"), None);
                    assert!(answer.body == pattern(length));
                } else {
                    assert!(decoded(&answer, coding) == pattern(length), "{coding} {length}");
                    assert!(answer.body.len() < 300 + length / 20, "{coding} {length}");
                }
            }
        }
    }
}

/// A small result that is ready at once tells its length; so HTTP/1.0 keeps its connection.
#[test]
fn small_results_have_a_length() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        let answer = get(&stage, coding, &["text 3000"]).unwrap();
        let length = answer.body.len().to_string();
        assert_eq!(answer.header("content-length"), Some(&*length), "{coding}");
        assert_eq!(answer.header("transfer-encoding"), None, "{coding}");
        assert!(decoded(&answer, coding) == letters(3000));
        let answer = get(&stage, coding, &["text 3000", "chunked"]).unwrap();
        assert_eq!(answer.header("content-length"), None, "{coding}");
    }
}

#[test]
fn events_arrive_when_they_are_made() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        let orders = ["body 111222333", "drip 400", "header Content-Type: text/event-stream"];
        let mut client = stage.connect();
        client.send(request("z.test", coding, &orders)).unwrap();
        let head = client.head().unwrap();
        assert_eq!(head.header("content-encoding"), Some(coding));
        let (mut coded, begun, mut times) = (Vec::new(), Instant::now(), Vec::new());
        for expected in ["111", "111222", "111222333"] {
            while coding::decode(coding, &coded).is_none_or(|(body, _)| body != expected.as_bytes())
            {
                coded.extend(client.chunk().unwrap().expect("more"));
            }
            times.push(begun.elapsed());
        }
        assert!(times[2] - times[0] > Duration::from_millis(600), "{coding} {times:?}");
        while let Some(chunk) = client.chunk().unwrap() {
            coded.extend(chunk);
        }
        assert_eq!(coding::decode(coding, &coded), Some((b"111222333".to_vec(), true)));
    }
}

/// The middle of a body with a length does not wait for its end either.
#[test]
fn a_pause_shows_what_came_before() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        let mut client = stage.connect();
        client.send(request("z.test", coding, &["text 4000", "halves 3000"])).unwrap();
        let begun = Instant::now();
        client.head().unwrap();
        let mut coded = Vec::new();
        while coding::decode(coding, &coded).is_none_or(|(body, _)| body.len() < 2000) {
            coded.extend(client.chunk().unwrap().expect("more"));
        }
        assert!(begun.elapsed() < Duration::from_millis(2500), "{coding}: {:?}", begun.elapsed());
    }
}

#[test]
fn what_breaks_off_has_no_end() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let broken =
        "raw HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n5\\r\\nhello\\r\\n";
    for coding in CODINGS {
        for orders in [&["bytes 100000", "short"][..], &["text 3000", "short"], &[broken]] {
            let mut client = stage.connect();
            client.send(request("z.test", coding, orders)).unwrap();
            let head = client.head().unwrap();
            assert_eq!(head.header("content-encoding"), Some(coding));
            assert_eq!(head.header("transfer-encoding"), Some("chunked"));
            let mut coded = Vec::new();
            loop {
                match client.chunk() {
                    Ok(Some(chunk)) => coded.extend(chunk),
                    Ok(None) => panic!("{coding} {orders:?}: a clean end"),
                    Err(_) => break,
                }
            }
            let whole = coding::decode(coding, &coded).is_some_and(|(_, whole)| whole);
            assert!(!whole, "{coding} {orders:?}: a whole stream");
        }
    }
}

/// What the client does not read is not read from the server either, and it holds nobody up.
#[test]
fn slow_readers_fill_nothing() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let before = stage.process.resident_kib().unwrap();
    let mut idle = Vec::new();
    for coding in CODINGS {
        for _ in 0..5 {
            let mut client = stage.connect();
            client.send(request("z.test", coding, &["noise 8000000"])).unwrap();
            client.head().unwrap();
            idle.push(client);
        }
    }
    std::thread::sleep(Duration::from_millis(1500));
    let held = stage.process.resident_kib().unwrap() - before;
    assert!(held < 60 << 10, "{held} KiB for {} slow readers", idle.len());
    assert!(get(&stage, "gzip", &["text 3000"]).is_ok());
}

/// A client that leaves in the middle frees its place and its encoder.
#[test]
fn a_client_that_leaves() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        for orders in [&["text 30", "drip 60000"][..], &["text 4000", "halves 60000"]] {
            let mut client = stage.connect();
            client.send(request("few.test", coding, orders)).unwrap();
            client.head().unwrap();
            assert_eq!(stage.get("few.test", &[]).status, 429);
            drop(client);
            eventually("its place is free", LIMIT, || match stage.get("few.test", &[]).status {
                200 => Ok(()),
                other => Err(other.to_string()),
            });
        }
    }
}

#[test]
fn old_clients() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        let mut client = stage.connect();
        let request = request("z.test", coding, &["text 20", "chunked"]);
        client.send(request.replace("HTTP/1.1", "HTTP/1.0")).unwrap();
        let head = client.head().unwrap();
        assert_eq!(head.header("transfer-encoding"), None);
        assert_eq!(coding::decode(coding, &client.rest().unwrap()), Some((letters(20), true)));
    }
}

#[test]
fn trailers_follow_the_stream() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    for coding in CODINGS {
        let answer = get(&stage, coding, &["text 20", "trailer X-Sum: 1"]).unwrap();
        assert_eq!(decoded(&answer, coding), letters(20));
        assert_eq!(answer.trailers, [("X-Sum".to_owned(), "1".to_owned())]);
    }
}

/// Somebody else's decoders take what we make, over HTTP/1.1 and HTTP/2.
#[test]
fn curl_agrees() {
    let Some(curl) = real::curl("compress, as curl decodes it") else { return };
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let version = Command::new(&curl).arg("--version").output().expect("it starts");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    for (coding, library) in [("gzip", "zlib/"), ("br", "brotli/"), ("zstd", "zstd/")] {
        if !version.contains(library) {
            real::skip("compress, as curl decodes it", &format!("curl without {coding}"));
            continue;
        }
        for protocol in ["--http1.1", "--http2-prior-knowledge"] {
            for (orders, expected) in [
                (&["text 3000"][..], letters(3000)),
                (&["bytes 300000"], pattern(300_000)),
                (&["noise 300000"], noise(300_000)),
                (&["text 100", "chunked"], letters(100)),
                (&["text 1000", "drip 20"], letters(1000)),
                (&["text 1000", "trailer X-Sum: 1"], letters(1000)),
            ] {
                let output = Command::new(&curl)
                    .args(["-sS", "--compressed", "--max-time", "20", "--noproxy", "*", protocol])
                    .args(["-H", "Host: z.test", "-H", &format!("Accept-Encoding: {coding}")])
                    .args(orders.iter().flat_map(|order| ["-H".into(), format!("X-Do: {order}")]))
                    .arg(format!("http://127.0.0.1:{}/", stage.web))
                    .output()
                    .expect("it starts");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{coding} {protocol} {orders:?}: {said}");
                assert!(output.stdout == expected, "{coding} {protocol} {orders:?}");
            }
        }
    }
}

/// The access log tells both sizes, and their ratio.
#[test]
fn sizes_in_the_access_log() {
    let log = ["--accesslog=true", "--accesslog.format=json"];
    let stage = Stage::set_with(ROUTERS, MIDDLEWARES, &log);
    for coding in CODINGS {
        let target = format!("GET /{coding} ");
        let request = request("z.test", coding, &["text 70000"]).replace("GET / ", &target);
        let answer = stage.connect().exchange(request).unwrap();
        let sent = format!("\"DownstreamContentSize\":{},", answer.body.len());
        let path = format!("\"RequestPath\":\"/{coding}\"");
        eventually("it is logged", LIMIT, || {
            let output = stage.process.output();
            let line = output.lines().find(|line| line.contains(&path)).ok_or("no line")?;
            let told = line.contains(&sent)
                && line.contains("\"OriginContentSize\":70000,")
                && line.contains("\"GzipRatio\":");
            if told { Ok(()) } else { Err(line.to_owned()) }
        });
    }
}
