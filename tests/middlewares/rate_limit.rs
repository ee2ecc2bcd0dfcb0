//! `rateLimit`: what is held, what is refused, and what a change of configuration forgets.

use std::thread;
use std::time::{Duration, Instant};

use swarmgate_testkit::{client, ports};

use crate::stage::Stage;

const ROUTERS: &str = "a: {rule: 'Host(`a.test`)', service: app, middlewares: [slow]}
    b: {rule: 'Host(`b.test`)', service: app, middlewares: [slow]}
    quick: {rule: 'Host(`quick.test`)', service: app, middlewares: [quick]}";
const LIMITS: &str = "slow: {rateLimit: {average: 1, period: 1h, burst: 3}}
    quick: {rateLimit: {average: 2, burst: 1}}";

#[test]
fn refuses_and_says_when_to_come_back() {
    let stage = Stage::set(ROUTERS, LIMITS);
    let before = stage.upstream.requests();
    for _ in 0..3 {
        assert_eq!(stage.get("a.test", &[]).status, 200);
    }
    let refused = stage.get("a.test", &[]);
    assert_eq!((refused.status, refused.text().as_str()), (429, "Too Many Requests"));
    let seconds: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((3500..=3600).contains(&seconds), "{seconds}");
    let exact = refused.header("x-retry-in").expect("an exact time");
    assert!(exact.starts_with("59m") && exact.ends_with('s'), "{exact}");
    // Another router counts for itself.
    assert_eq!(stage.get("b.test", &[]).status, 200);
    assert_eq!(stage.upstream.requests() - before, 4);
}

#[test]
fn holds_what_may_go_on_soon() {
    let stage = Stage::set(ROUTERS, LIMITS);
    assert_eq!(stage.get("quick.test", &[]).status, 200);
    // Two a second: the next is half a second away, and a quarter is the longest to wait.
    assert_eq!(stage.get("quick.test", &[]).status, 429);
    thread::sleep(Duration::from_millis(350));
    let begun = Instant::now();
    let held = stage.get("quick.test", &[]);
    // On a machine that stands still it may be that nothing is left to wait for.
    assert_eq!(held.status, 200, "after {:?}", begun.elapsed());
}

#[test]
fn a_change_of_something_else_forgets_nothing() {
    let mut stage = Stage::set(ROUTERS, LIMITS);
    for _ in 0..3 {
        assert_eq!(stage.get("a.test", &[]).status, 200);
    }
    let other = format!("{LIMITS}\n    other: {{addPrefix: {{prefix: /x}}}}");
    stage.change(&ROUTERS.replace("[slow]", "[other, slow]"), &other);
    assert_eq!(stage.get("a.test", &[]).status, 429);
    stage.change(ROUTERS, &LIMITS.replace("burst: 3", "burst: 4"));
    assert_eq!(stage.get("a.test", &[]).status, 200);
}

#[test]
fn all_threads_count_together() {
    let stage = Stage::set(ROUTERS, LIMITS);
    let before = stage.upstream.requests();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let status = stage.get("a.test", &[]).status;
                    assert!(status == 200 || status == 429, "{status}");
                }
            });
        }
    });
    assert_eq!(stage.upstream.requests() - before, 3);
}

#[test]
fn all_entry_points_of_a_router_count_together() {
    let other = ports::free();
    let argument = format!("--entryPoints.other.address=127.0.0.1:{other}");
    let mut stage = Stage::set_with(ROUTERS, LIMITS, &[&argument]);
    let there = || client::get(other, "a.test", "/").expect("an answer").status;
    assert_eq!(stage.get("a.test", &[]).status, 200);
    assert_eq!(there(), 200);
    stage.change(&format!("{ROUTERS}\n    c: {{rule: 'Host(`c.test`)', service: app}}"), LIMITS);
    assert_eq!(stage.get("a.test", &[]).status, 200);
    assert_eq!((there(), stage.get("a.test", &[]).status), (429, 429));
}
