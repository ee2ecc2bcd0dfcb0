//! `inFlightReq`: what counts, and for how long.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use swarmgate_testkit::eventually::eventually;

use crate::stage::{LIMIT, Stage, request};

const ROUTERS: &str = "one: {rule: 'HostRegexp(`^o[0-9].test$`)', service: app, middlewares: [few]}
    two: {rule: 'Host(`two.test`)', service: app, middlewares: [few]}";
const FEW: &str = "few: {inFlightReq: {amount: 1}}";

/// A connection on which this has been sent, and a first byte of an answer has come, if `begun`.
fn send(stage: &Stage, text: &str, begun: bool) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", stage.web)).expect("it listens");
    stream.write_all(text.as_bytes()).expect("sent");
    if begun {
        stream.read_exact(&mut [0]).expect("an answer begins");
    }
    stream
}

/// Waits until the source has nothing in flight any more.
fn free(stage: &Stage, host: &str) {
    eventually("the source is free", LIMIT, || match stage.get(host, &[]).status {
        200 => Ok(()),
        other => Err(other.to_string()),
    });
}

/// Waits until the upstream has got `number` requests more than `before`.
fn reached(stage: &Stage, before: u64, number: u64) {
    eventually("the upstream has the request", LIMIT, || {
        match stage.upstream.requests() - before {
            got if got >= number => Ok(()),
            got => Err(format!("{got} of {number}")),
        }
    });
}

#[test]
fn one_at_a_time_for_each_host() {
    let stage = Stage::set(ROUTERS, FEW);
    let before = stage.upstream.requests();
    let held = send(&stage, &request("o1.test", &["slow 60000"]), false);
    reached(&stage, before, 1);
    let refused = stage.get("o1.test", &[]);
    assert_eq!(refused.status, 429);
    assert_eq!(refused.text(), "max connections reached: 1");
    assert_eq!(refused.header("content-type"), None);
    // Another host is another source, and another router counts for itself.
    assert_eq!(stage.get("o2.test", &[]).status, 200);
    assert_eq!(stage.get("two.test", &[]).status, 200);
    // A client that leaves counts no more.
    drop(held);
    free(&stage, "o1.test");
}

#[test]
fn until_the_answer_has_ended() {
    let stage = Stage::set(ROUTERS, FEW);
    // More than sockets hold, and nobody reads it.
    let large = send(&stage, &request("o1.test", &["bytes 100000000"]), true);
    assert_eq!(stage.get("o1.test", &[]).status, 429);
    drop(large);
    free(&stage, "o1.test");

    let upgrade = "GET / HTTP/1.1\r\nHost: o1.test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
    let tunnel = send(&stage, upgrade, true);
    assert_eq!(stage.get("o1.test", &[]).status, 429);
    drop(tunnel);
    free(&stage, "o1.test");
}

#[test]
fn a_change_of_something_else_forgets_nothing() {
    let mut stage = Stage::set(ROUTERS, FEW);
    let before = stage.upstream.requests();
    let held = send(&stage, &request("o1.test", &["slow 60000"]), false);
    reached(&stage, before, 1);
    let other = format!("{FEW}\n    other: {{addPrefix: {{prefix: /x}}}}");
    stage.change(ROUTERS, &other);
    assert_eq!(stage.get("o1.test", &[]).status, 429);
    stage.change(&ROUTERS.replace("[few]}", "[other, few]}"), &other);
    assert_eq!(stage.get("o1.test", &[]).status, 429);
    // Other options are another middleware.
    stage.change(ROUTERS, "few: {inFlightReq: {amount: 2}}");
    assert_eq!(stage.get("o1.test", &[]).status, 200);
    drop(held);
}

#[test]
fn no_more_than_the_amount_get_through() {
    let stage = Stage::set(
        "all: {rule: 'Host(`all.test`)', service: app, middlewares: [five]}",
        "five: {inFlightReq: {amount: 5, sourceCriterion: {requestHeaderName: X-Key}}}",
    );
    let web = stage.web;
    let before = stage.upstream.requests();
    let clients: Vec<_> = (0..40)
        .map(|_| {
            thread::spawn(move || {
                let mut client =
                    swarmgate_testkit::client::Client::connect(("127.0.0.1", web)).unwrap();
                client.set_timeout(Duration::from_secs(60)).unwrap();
                client.exchange(request("all.test", &["slow 3000"])).unwrap().status
            })
        })
        .collect();
    let statuses: Vec<u16> = clients.into_iter().map(|client| client.join().unwrap()).collect();
    let served = statuses.iter().filter(|status| **status == 200).count() as u64;
    assert_eq!(served + statuses.iter().filter(|status| **status == 429).count() as u64, 40);
    assert_eq!(stage.upstream.requests() - before, served);
    // All come within the first one's three seconds, unless the machine stands still.
    assert!((5..=10).contains(&served), "{served} of 40");
}

#[test]
fn as_many_as_a_router_may_have() {
    let many = vec!["deep"; 999].join(", ");
    let router = format!(
        "deep: {{rule: 'Host(`deep.test`)', service: app, middlewares: [{many}]}}
    wide: {{rule: 'Host(`wide.test`)', service: app, middlewares: [wide, {many}]}}"
    );
    let middlewares = "deep: {inFlightReq: {amount: 1}}
    wide: {rateLimit: {average: 1, period: 1h}}";
    let stage = Stage::set(&router, middlewares);
    for _ in 0..3 {
        assert_eq!(stage.get("deep.test", &[]).status, 200);
    }
    // Held, and left by its client.
    let mut client = stage.connect();
    client.send(request("deep.test", &["slow 300"])).expect("it takes it");
    drop(client);
    eventually("all of them have let go", LIMIT, || match stage.get("deep.test", &[]).status {
        200 => Ok(()),
        other => Err(other.to_string()),
    });
    assert_eq!(stage.get("wide.test", &[]).status, 200);
}
