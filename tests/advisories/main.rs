//! Published holes of Traefik and others, tried on the built binary: what was an attack there has a
//! safe outcome here. docs/advisories.md tells them; `tests/documented` keeps the two together.

mod asks;
mod attack;
mod attacks;
mod bodies;
mod circles;
mod house;
mod http2;
mod keep;
mod own;
mod stand;
mod tls;

use std::fs;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use swarmgate_testkit::eventually::eventually;

use house::{House, LIMIT};

/// Longer than any answer that is computed in linear time, on a busy machine.
const LONG: Duration = Duration::from_secs(5);

#[test]
fn attacks_have_safe_outcomes() {
    let mut house = House::start();
    let attacks = attacks::all();
    let mut wrong = Vec::new();
    for attack in &attacks {
        let begun = Instant::now();
        if let Err(error) = attack.run(&house) {
            wrong.push(format!("{}: {:.300?}\n    {error:.600}", attack.id, attack.request));
        }
        let took = begun.elapsed();
        if took > LONG {
            wrong.push(format!("{}: {:.300?} took {took:?}", attack.id, attack.request));
        }
    }
    println!("{} attacks", attacks.len());
    assert!(house.process.is_running(), "{}", house.process.output());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), attacks.len(), wrong.join("\n"));
    // What is no request, and what nobody may know, is in no log.
    let log = house.process.directory().join("access.log");
    let text = eventually("the log", LIMIT, || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        if text.contains("/admin") { Ok(text) } else { Err(text) }
    });
    for secret in ["c2VjcmV0", "Ym9iOnNlY3JldA==", "{SHA}"] {
        let told = text.contains(secret) || house.process.output().contains(secret);
        assert!(!told, "{secret} is logged");
    }
}

/// A request that is refused before its body is read: the body is no request (A24).
#[test]
fn what_is_refused_takes_its_body_along() {
    let house = House::start();
    let hidden = "GET /hidden HTTP/1.1\r\nHost: p.test\r\n\r\n";
    for (path, host, status) in [
        ("/admin", "p.test", 401),
        ("/", "nobody.test", 404),
        ("/", "tls.test", 307),
        ("/", "allow.test", 403),
        ("/api../x", "strip.test", 400),
        ("/", "unbuilt.test", 404),
    ] {
        let before = house.upstream.requests();
        let mut client = house.connect("web");
        let length = hidden.len();
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{hidden}"
        );
        let answer = client.exchange(text).expect("an answer");
        assert_eq!(answer.status, status, "{host}{path}");
        // The same connection still means what it says, if it goes on.
        let next = client.exchange("GET /next HTTP/1.1\r\nHost: p.test\r\n\r\n");
        match next {
            Ok(next) => assert_eq!(next.json()["target"], "/next", "{host}{path}"),
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "{host}{path}"),
        }
        let more = house.upstream.requests() - before;
        assert!(more <= 1, "{host}{path}: {more} requests upstream");
        let last = house.upstream.last_head().map(|head| head.first).unwrap_or_default();
        assert!(!last.contains("hidden"), "{host}{path}: {last}");
    }
}

/// Each of several requests in one write goes its own way (A26).
#[test]
fn each_pipelined_request_is_looked_at() {
    let house = House::start();
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: p.test\r\n\r\n");
    let mut client = house.connect("web");
    client.send(get("/public") + &get("/admin") + &get("/public")).expect("sent");
    let statuses: Vec<u16> =
        (0..3).map(|_| client.response("GET").expect("an answer").status).collect();
    assert_eq!(statuses, [200, 401, 200]);
    assert_eq!(house.upstream.requests() - 1, 2, "and the one that the house began with");
}
