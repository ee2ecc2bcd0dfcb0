//! A VIP balances connections, not requests; yet every replica gets its share of the requests, and a
//! new one is asked soon.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::swarm::{Load, Task};

use crate::house::{Turn, report};
use crate::stage::{Stage, WEB, lossless};

/// Requests that are counted.
const REQUESTS: u64 = 10_000;

/// How far a replica's share may be from an equal one.
const TOLERANCE: f64 = 0.25;

/// How soon a new replica answers.
const SOON: Duration = Duration::from_secs(5);

/// Counts the next 10,000 requests by replica; every share must be near an equal one.
fn shares(load: &Load, tasks: &[Task], clients: usize) {
    let before = load.tally();
    let after = eventually("10,000 requests", Duration::from_secs(120), || {
        let now = load.tally();
        let done = now.total - before.total;
        if done >= REQUESTS { Ok(now) } else { Err(format!("{done} requests")) }
    });
    let counts: BTreeMap<&str, u64> = tasks
        .iter()
        .map(|task| {
            let count = |tally: &BTreeMap<String, u64>| tally.get(&task.container).copied();
            let count = count(&after.replicas).unwrap_or(0) - count(&before.replicas).unwrap_or(0);
            (task.container.as_str(), count)
        })
        .collect();
    let total: u64 = counts.values().sum();
    let equal = total as f64 / tasks.len() as f64;
    let share = |count: &u64| *count as f64 / equal;
    let least = counts.values().map(share).fold(f64::INFINITY, f64::min);
    let most = counts.values().map(share).fold(0.0, f64::max);
    let what = format!("{} replicas, {clients} keep-alive clients", tasks.len());
    report(&format!(
        "{what}, {total} requests: shares from {least:.2} to {most:.2} of an equal one"
    ));
    lossless(&what, &after, &before);
    assert!(least >= 1.0 - TOLERANCE && most <= 1.0 + TOLERANCE, "{what}: {counts:?}");
}

/// Adds replicas under load; each answers within five seconds of running.
fn grow(stage: &Stage<'_>, load: &Load, replicas: usize) -> Vec<Task> {
    let engine = &stage.turn.engine;
    let old = engine.running(WEB).expect("tasks");
    let is_new = |id: &String| !old.iter().any(|task| task.container == *id);
    let sent = engine.scale(WEB, replicas as u64);
    let mut answered: BTreeMap<String, f64> = BTreeMap::new();
    let new = replicas - old.len();
    eventually("all new replicas answer", Duration::from_secs(60), || {
        let now = seconds();
        for id in load.tally().replicas.into_keys().filter(is_new) {
            answered.entry(id).or_insert(now);
        }
        if answered.len() >= new { Ok(()) } else { Err(format!("{} of {new}", answered.len())) }
    });
    let all = sent.elapsed();
    let tasks = engine.settled(WEB, replicas);
    let waited: Vec<f64> =
        tasks.iter().filter_map(|task| Some(answered.get(&task.container)? - task.since)).collect();
    assert_eq!(waited.len(), new, "{answered:?} {tasks:?}");
    let longest = waited.into_iter().fold(0.0, f64::max);
    report(&format!(
        "{} -> {replicas} replicas under load: a new one answers at most {longest:.1} s after it \
         runs, all of them {:.1} s after the command",
        old.len(),
        all.as_secs_f64()
    ));
    assert!(longest < SOON.as_secs_f64(), "{answered:?} {tasks:?}");
    tasks
}

fn seconds() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

#[test]
fn every_replica_behind_a_vip_gets_its_share() {
    let Some(turn) = Turn::take() else { return };
    let stage = Stage::set(&turn, 4);
    let start = Instant::now();
    let tasks = turn.engine.settled(WEB, 4);
    let load = stage.load(16, 0);
    shares(&load, &tasks, 16);
    let tasks = grow(&stage, &load, 12);
    drop(load);
    // Fewer clients than replicas is the harder case.
    for clients in [32, 8] {
        shares(&stage.load(clients, 0), &tasks, clients);
    }
    report(&format!("fairness took {:.0?}", start.elapsed()));
}
