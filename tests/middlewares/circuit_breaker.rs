//! `circuitBreaker`: when it opens, what it answers, and what it remembers.

use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::eventually::eventually;

use crate::stage::{LIMIT, Stage, request};

const ROUTERS: &str = "a: {rule: 'Host(`a.test`)', service: app, middlewares: [errors]}
    b: {rule: 'Host(`b.test`)', service: app, middlewares: [errors]}
    slow: {rule: 'Host(`slow.test`)', service: app, middlewares: [slow]}
    quick: {rule: 'Host(`quick.test`)', service: app, middlewares: [quick]}
    many: {rule: 'Host(`many.test`)', service: app, middlewares: [many]}";
const BREAKERS: &str = "errors: {circuitBreaker: {expression: 'ResponseCodeRatio(500, 600, 0, 600) > 0.3', fallbackDuration: 10m, responseCode: 418}}
    slow: {circuitBreaker: {expression: 'LatencyAtQuantileMS(50.0) > 400', fallbackDuration: 10m}}
    quick: {circuitBreaker: {expression: 'NetworkErrorRatio() > 0.3', fallbackDuration: 500ms, recoveryDuration: 2s}}
    many: {circuitBreaker: {expression: 'RequestThreshold() >= 3 && NetworkErrorRatio() > 0.5', checkPeriod: 1ns}}";

#[test]
fn opens_and_says_so() {
    let mut stage = Stage::set(ROUTERS, BREAKERS);
    assert_eq!(stage.get("a.test", &[]).status, 200);
    assert_eq!(stage.get("a.test", &["status 404"]).status, 404);
    thread::sleep(Duration::from_millis(150));
    assert_eq!(stage.get("a.test", &["status 500"]).status, 500);
    let before = stage.upstream.requests();
    for _ in 0..3 {
        let refused = stage.get("a.test", &[]);
        assert_eq!((refused.status, refused.text().as_str()), (418, "I'm a teapot"));
        assert_eq!(refused.header("content-type"), None);
    }
    assert_eq!(stage.upstream.requests(), before);
    stage
        .process
        .wait_output("The circuit breaker opens: ResponseCodeRatio(500, 600, 0, 600) > 0.3");
    stage.process.wait_output("routerName=a@file");
    // Another router has one of its own.
    assert_eq!(stage.get("b.test", &[]).status, 200);

    // A change of something else closes nothing.
    let other = format!("{BREAKERS}\n    other: {{addPrefix: {{prefix: /x}}}}");
    stage.change(&ROUTERS.replace("[errors]}\n    b:", "[other, errors]}\n    b:"), &other);
    assert_eq!(stage.get("a.test", &[]).status, 418);
    // Other options are another breaker.
    stage.change(ROUTERS, &BREAKERS.replace("responseCode: 418", "responseCode: 419"));
    assert_eq!(stage.get("a.test", &[]).status, 200);
}

#[test]
fn recovers() {
    let stage = Stage::set(ROUTERS, BREAKERS);
    assert_eq!(stage.get("quick.test", &["status 502"]).status, 502);
    let refused = stage.get("quick.test", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (503, "Service Unavailable"));
    thread::sleep(Duration::from_millis(600));
    // While it recovers some are let in: a share that grows to a half.
    let begun = Instant::now();
    let mut statuses = Vec::new();
    while begun.elapsed() < Duration::from_millis(1400) {
        statuses.push(stage.get("quick.test", &[]).status);
        thread::sleep(Duration::from_millis(10));
    }
    let let_in = statuses.iter().filter(|status| **status == 200).count();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!(let_in * 2 <= statuses.len(), "{let_in}: {statuses:?}");
    eventually("some are let in", LIMIT, || match stage.get("quick.test", &[]).status {
        200 => Ok(()),
        other => Err(other.to_string()),
    });
    thread::sleep(Duration::from_millis(2000));
    for _ in 0..10 {
        assert_eq!(stage.get("quick.test", &[]).status, 200);
    }
}

#[test]
fn opens_again_while_it_recovers() {
    let stage = Stage::set(ROUTERS, BREAKERS);
    assert_eq!(stage.get("quick.test", &["status 504"]).status, 504);
    thread::sleep(Duration::from_millis(550));
    eventually("one is let in", LIMIT, || match stage.get("quick.test", &["status 502"]).status {
        502 => Ok(()),
        other => Err(other.to_string()),
    });
    assert_eq!(stage.get("quick.test", &[]).status, 503);
}

#[test]
fn latency_is_that_of_the_whole_answer() {
    let stage = Stage::set(ROUTERS, BREAKERS);
    assert_eq!(stage.get("slow.test", &[]).status, 200);
    thread::sleep(Duration::from_millis(150));
    // The head comes at once, the end three pauses later.
    assert_eq!(stage.get("slow.test", &["drip 200"]).status, 200);
    assert_eq!(stage.get("slow.test", &["drip 200"]).status, 200);
    assert_eq!(stage.get("slow.test", &[]).status, 503);
}

#[test]
fn counts_requests() {
    let stage = Stage::set(ROUTERS, BREAKERS);
    for _ in 0..3 {
        assert_eq!(stage.get("many.test", &["status 502"]).status, 502);
    }
    assert_eq!(stage.get("many.test", &[]).status, 503);
}

#[test]
fn clients_that_leave_are_counted() {
    let routers = "left: {rule: 'Host(`left.test`)', service: app, middlewares: [left]}";
    let stage = Stage::set(
        routers,
        "left: {circuitBreaker: {expression: 'ResponseCodeRatio(499, 500, 0, 600) > 0.5'}}",
    );
    let before = stage.upstream.requests();
    let mut client = stage.connect();
    client.send(request("left.test", &["slow 60000"])).unwrap();
    eventually("the upstream is asked", LIMIT, || match stage.upstream.requests() - before {
        0 => Err("not yet".to_owned()),
        _ => Ok(()),
    });
    drop(client);
    eventually("it opens", LIMIT, || {
        // Asks nobody while it is open, and counts nothing.
        let mut client = stage.connect();
        client.send(request("left.test", &["slow 1000"])).unwrap();
        client.set_timeout(Duration::from_millis(300)).unwrap();
        match client.response("GET") {
            Ok(answer) if answer.status == 503 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn bad_expressions_disable_their_router_only() {
    let mut stage = Stage::set(
        "bad: {rule: 'Host(`bad.test`)', service: app, middlewares: [bad]}
    good: {rule: 'Host(`good.test`)', service: app, middlewares: [good]}",
        "bad: {circuitBreaker: {expression: 'NetworkErrorRatio() > 1'}}
    good: {circuitBreaker: {expression: 'NetworkErrorRatio() > 1.0'}}",
    );
    assert_eq!(stage.get("bad.test", &[]).status, 404);
    assert_eq!(stage.get("good.test", &[]).status, 200);
    stage.process.wait_output("expected a number with a point such as 0.5 at column 23");
}
