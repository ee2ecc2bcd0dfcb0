//! Nothing is lost while tasks come and go, the engine is cut off, others deploy, labels change and
//! our own files are rewritten.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::swarm::services::specification;
use swarmgate_testkit::swarm::{Door, Load, Task, engine};

use crate::house::{Turn, report};
use crate::stage::{HOST, Stage, WEB, labels, lossless};

/// Clients that keep their connection, and clients that do not.
const KEEPING: usize = 6;
const FRESH: usize = 4;

/// How long the engine is away.
const AWAY: Duration = Duration::from_secs(60);

/// How soon after its return a change made meanwhile is live.
const BACK: Duration = Duration::from_secs(2);

fn containers(tasks: &[Task]) -> Vec<String> {
    tasks.iter().map(|task| task.container.clone()).collect()
}

/// Scales and waits until every task gets load.
fn scale(stage: &Stage<'_>, load: &Load, replicas: usize) {
    let before = load.tally();
    stage.turn.engine.scale(WEB, replicas as u64);
    let tasks = stage.turn.engine.settled(WEB, replicas);
    stage.reached(load, &containers(&tasks), Duration::from_secs(20));
    lossless(&format!("scaled to {replicas}"), &load.tally(), &before);
}

/// Rolls out another version and waits until only its tasks answer.
fn update(stage: &Stage<'_>, load: &Load, order: &str, version: &str) {
    let (engine, before) = (&stage.turn.engine, load.tally());
    let old = containers(&engine.running(WEB).expect("tasks"));
    engine.change_service(WEB, |specification| {
        specification["UpdateConfig"]["Order"] = json!(order);
        let container = &mut specification["TaskTemplate"]["ContainerSpec"];
        container["Env"] = json!([format!("VERSION={version}")]);
    });
    eventually("the old tasks are gone", Duration::from_secs(60), || {
        std::thread::sleep(Duration::from_millis(100));
        let now = containers(&engine.running(WEB)?);
        if now.iter().any(|id| old.contains(id)) { Err(format!("{now:?}")) } else { Ok(()) }
    });
    let tasks = engine.settled(WEB, old.len());
    stage.reached(load, &containers(&tasks), Duration::from_secs(20));
    let after = load.tally();
    lossless(&format!("rolling update, {order}, {} replicas", old.len()), &after, &before);
    assert!(after.versions.contains_key(version), "{:?}", after.versions);
}

/// Kills a task's process as a crash would, and waits until another has taken its place.
fn kill(stage: &Stage<'_>, load: &Load, number: usize) {
    let (engine, before) = (&stage.turn.engine, load.tally());
    let tasks = engine.running(WEB).expect("tasks");
    let task = &tasks[number % tasks.len()];
    let mut command = Command::new("kill");
    command.args(["-9", &task.pid.to_string()]);
    engine::run(command, None, Duration::from_secs(5)).expect("killed");
    eventually("the engine has seen it", Duration::from_secs(30), || {
        std::thread::sleep(Duration::from_millis(50));
        let now = containers(&engine.running(WEB)?);
        if now.contains(&task.container) { Err(format!("{now:?}")) } else { Ok(()) }
    });
    let replaced = engine.settled(WEB, tasks.len());
    stage.reached(load, &containers(&replaced), Duration::from_secs(20));
    let what = format!("kill -9 of one of {} tasks", tasks.len());
    lossless(&what, &load.tally(), &before);
}

#[test]
fn nothing_is_lost_while_tasks_come_and_go() {
    let Some(turn) = Turn::take() else { return };
    let stage = Stage::set(&turn, 1);
    let load = stage.load(KEEPING, FRESH);
    scale(&stage, &load, 6);
    scale(&stage, &load, 2);
    update(&stage, &load, "start-first", "2");
    update(&stage, &load, "stop-first", "3");
    scale(&stage, &load, 3);
    for number in 0..4 {
        kill(&stage, &load, number);
    }
    lossless("all of it", &load.stop(), &Default::default());
}

/// Takes the engine away for a minute, changes labels meanwhile, and sees how soon they are live
/// once it is back.
fn cut_off(door: Door) {
    let Some(turn) = Turn::take() else { return };
    let mut stage = Stage::set(&turn, 2);
    let load = stage.load(KEEPING, FRESH);
    let engine = &turn.engine;
    stage.relay.set(door);
    let away = Instant::now();
    for change in 0..3 {
        std::thread::sleep(AWAY / 4);
        let host = format!("meanwhile-{change}.example.com");
        let router = format!("traefik.http.routers.meanwhile-{change}");
        engine.set_label(WEB, &format!("{router}.entrypoints"), "web");
        engine.set_label(WEB, &format!("{router}.rule"), &format!("Host(`{host}`)"));
        assert_eq!(stage.get(&host).expect("an answer").status, 404, "it cannot know yet");
    }
    std::thread::sleep(AWAY.saturating_sub(away.elapsed()));
    let back = Instant::now();
    stage.relay.set(Door::Open);
    let live = stage.live("meanwhile-2.example.com", Duration::from_secs(60));
    let live = live.duration_since(back);
    for change in 0..2 {
        let answer = stage.get(&format!("meanwhile-{change}.example.com"));
        assert_eq!(answer.expect("an answer").status, 200);
    }
    report(&format!(
        "engine away for {} s ({door:?}): changes made meanwhile are live {} ms after its return",
        AWAY.as_secs(),
        live.as_millis()
    ));
    lossless(&format!("engine away ({door:?})"), &load.stop(), &Default::default());
    let said = stage.proxy.output();
    assert!(said.contains("Provider error"), "it says that the engine is away: {said}");
    assert!(live < BACK, "after {live:?}");
}

#[test]
fn an_engine_that_hangs_for_a_minute_is_picked_up_at_once() {
    cut_off(Door::Held);
}

#[test]
fn an_engine_that_forgets_its_connections_is_picked_up_at_once() {
    cut_off(Door::Lost);
}

#[test]
fn an_engine_that_is_down_for_a_minute_is_picked_up_at_once() {
    cut_off(Door::Refused);
}

/// A stack of somebody else's that wants our router's name for its own host and port.
fn conflict(stage: &mut Stage<'_>, load: &Load) {
    let before = load.tally();
    let engine = &stage.turn.engine;
    let labels = labels("web", "stolen.example.com");
    let mut labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    labels.push(("com.docker.stack.namespace", "other"));
    labels.push(("traefik.http.services.web.loadbalancer.passhostheader", "false"));
    let other = "other_web";
    engine.create_service(&specification(other, stage.foothold.network(), 1, &labels));
    engine.settled(other, 1);
    stage.proxy.wait_output("is already that of the older");
    for (host, status) in [(HOST, 200), ("stolen.example.com", 404)] {
        assert_eq!(stage.get(host).expect("an answer").status, status, "{host}");
    }
    engine.docker(&["service", "rm", other]);
    std::thread::sleep(Duration::from_secs(3));
    lossless("conflicting deploy by a second stack, and its end", &load.tally(), &before);
}

/// Label after label on the service under load.
fn hundred_labels(stage: &mut Stage<'_>, load: &Load) {
    let before = load.tally();
    let middleware = "traefik.http.middlewares.step.headers.customresponseheaders.X-Step";
    stage.turn.engine.change_service(WEB, |specification| {
        specification["Labels"][middleware] = json!("0");
        specification["Labels"]["traefik.http.routers.web.middlewares"] = json!("step");
    });
    let start = Instant::now();
    let mut last = start;
    for step in 1..=100 {
        last = stage.turn.engine.set_label(WEB, middleware, &step.to_string());
    }
    let made = start.elapsed();
    let step_100 = |response: &swarmgate_testkit::client::Response| {
        response.status == 200 && response.header("x-step") == Some("100")
    };
    let live = stage.wait("the last label is live", Duration::from_secs(20), step_100, HOST);
    let late = live.saturating_duration_since(last);
    report(&format!(
        "100 label changes in {made:.1?}: the last is live {} ms after it was made",
        late.as_millis()
    ));
    // A flood is held together for `providersThrottleDuration`, two seconds.
    assert!(late < Duration::from_secs(4), "after {late:?}");
    lossless("100 label changes in a row", &load.tally(), &before);
}

/// Files with routes of our own, rewritten, broken and mended.
fn own_files(stage: &mut Stage<'_>, load: &Load) {
    let before = load.tally();
    for round in 0..10 {
        let host = format!("file-{round}.example.com");
        let text = format!(
            "http:\n  routers:\n    own:\n      rule: Host(`{host}`)\n      service: web@swarm\n"
        );
        stage.proxy.replace_file("routes/own.yml", &text);
        stage.live(&host, Duration::from_secs(10));
        if round % 3 == 0 {
            stage.proxy.replace_file("routes/own.yml", "http: [nonsense\n");
            stage.proxy.signal("HUP");
            std::thread::sleep(Duration::from_millis(500));
            assert_eq!(stage.get(HOST).expect("an answer").status, 200);
        }
    }
    lossless("our own files rewritten ten times", &load.tally(), &before);
}

#[test]
fn nothing_is_lost_while_configuration_changes() {
    let Some(turn) = Turn::take() else { return };
    let mut stage = Stage::set(&turn, 2);
    let load = stage.load(KEEPING, FRESH);
    conflict(&mut stage, &load);
    hundred_labels(&mut stage, &load);
    own_files(&mut stage, &load);
    lossless("all of it", &load.stop(), &Default::default());
}
