//! `rateLimit.redis` with several endpoints, against a real Redis Cluster: keys that are spread,
//! that move, and whose server is lost.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;
use swarmgate_testkit::{ports, real};

use crate::rate_limit_redis::{ROUTERS, becomes, get, redis, redis_server, slow, tell};
use crate::stage::{LIMIT, Stage};

/// The slots of the three masters.
const RANGES: [&str; 3] = ["0 5460", "5461 10922", "10923 16383"];

struct Member {
    port: u16,
    bus: u16,
    running: Option<Running>,
}

impl Member {
    fn start(program: &PathBuf) -> Self {
        let (port, bus) = (ports::free(), ports::free());
        let mut running = Launch::new(program)
            .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
            .args(["--port", &port.to_string(), "--cluster-port", &bus.to_string()])
            .args(["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"])
            // Whoever is left serves on.
            .args(["--cluster-require-full-coverage", "no"])
            .start();
        running.wait_listening(port);
        Self { port, bus, running: Some(running) }
    }

    /// Sends a command and returns the first line of its answer that is no length.
    fn tell(&self, command: &str) -> String {
        let said = tell(self.port, command);
        let line = said.lines().find(|line| !line.starts_with('$')).unwrap_or_default();
        assert!(!line.starts_with('-'), "{command}: {said}");
        line.to_owned()
    }

    fn id(&self) -> String {
        self.tell("CLUSTER MYID")
    }

    fn keys(&self) -> String {
        tell(self.port, "KEYS *")
    }
}

/// Three masters with a third of the slots each, and a replica of the first one.
fn cluster(program: &PathBuf) -> Vec<Member> {
    let members: Vec<Member> = (0..4).map(|_| Member::start(program)).collect();
    for (member, range) in members.iter().zip(RANGES) {
        member.tell(&format!("CLUSTER ADDSLOTSRANGE {range}"));
    }
    for member in &members[1..] {
        members[0].tell(&format!("CLUSTER MEET 127.0.0.1 {} {}", member.port, member.bus));
    }
    eventually("they know each other", LIMIT, || {
        for member in &members {
            let said = tell(member.port, "CLUSTER INFO");
            if !said.contains("cluster_state:ok") || !said.contains("cluster_known_nodes:4") {
                return Err(said);
            }
        }
        Ok(())
    });
    members[3].tell(&format!("CLUSTER REPLICATE {}", members[0].id()));
    eventually("the replica follows", LIMIT, || {
        let said = tell(members[3].port, "INFO replication");
        if said.contains("master_link_status:up") { Ok(()) } else { Err(said) }
    });
    members
}

fn endpoints(members: &[Member]) -> String {
    let list: Vec<String> =
        members.iter().map(|member| format!("'127.0.0.1:{}'", member.port)).collect();
    slow(&format!("endpoints: [{}]", list.join(", ")))
}

/// A source whose bucket is in this third of the slots.
fn key_of(members: &[Member], third: usize) -> String {
    keys_of(members, third).next().expect("there is one")
}

/// Such sources, without end.
fn keys_of(members: &[Member], third: usize) -> impl Iterator<Item = String> {
    (0..).map(|number| format!("k{number}")).filter(move |key| {
        let slot = members[0].tell(&format!("CLUSTER KEYSLOT rate:slow@file:{key}"));
        let slot: usize = slot.trim_start_matches(':').parse().expect("a slot");
        slot.min(16_382) / 5461 == third
    })
}

#[test]
fn its_servers_share_the_keys_and_traefik_shares_them_too() {
    let what = "a rateLimit over a Redis Cluster";
    let (Some(program), Some(traefik)) = (redis_server(what), real::traefik(what)) else { return };
    let members = cluster(&program);
    // The third master and the replica are learnt.
    let options = endpoints(&members[..2]);
    let ours = Stage::set(ROUTERS, &options);
    let keys: Vec<String> = (0..30).map(|number| format!("source {number}")).collect();
    for key in &keys {
        for expected in [200, 200, 200, 429] {
            let found = get(ours.web, "a.test", key).status;
            assert_eq!(found, expected, "{key}: {}", ours.process.output());
        }
    }
    for member in &members[..3] {
        assert!(member.keys().contains("rate:slow@file:source "), "{}", member.keys());
    }
    let (web, upstream) = (ports::free(), Upstream::start("theirs"));
    let routing = format!(
        "http:
  routers:
    {ROUTERS}
  middlewares:
    {options}
  services:
    app: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}
",
        upstream.url()
    );
    let mut theirs = Launch::new(&traefik)
        .file("routing.yml", &routing)
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg("--providers.file.filename=routing.yml")
        .start();
    theirs.wait_listening(web);
    becomes(web, "ready", 200);
    for key in &keys {
        assert_eq!(get(web, "b.test", key).status, 429, "{key}: {}", theirs.output());
    }
}

#[test]
fn slots_move() {
    let Some(program) = redis_server("a rateLimit whose keys move") else { return };
    let members = cluster(&program);
    let stage = Stage::set(ROUTERS, &endpoints(&members[..1]).replace("']", "', '127.0.0.1:1']"));
    let key = key_of(&members, 1);
    let name = format!("rate:slow@file:{key}");
    let slot = members[0].tell(&format!("CLUSTER KEYSLOT {name}"));
    let slot = slot.trim_start_matches(':');
    let (from, to) = (&members[1], &members[2]);
    assert_eq!(get(stage.web, "a.test", &key).status, 200, "{}", stage.process.output());
    // On its way: the old server says ASK, the new one takes only who is sent by it.
    to.tell(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", from.id()));
    from.tell(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", to.id()));
    assert_eq!(get(stage.web, "a.test", &key).status, 200);
    from.tell(&format!("MIGRATE 127.0.0.1 {} {name} 0 5000", to.port));
    assert!(!from.keys().contains(&name));
    assert_eq!(get(stage.web, "a.test", &key).status, 200, "{}", stage.process.output());
    assert_eq!(get(stage.web, "a.test", &key).status, 429);
    assert!(!from.keys().contains(&name) && to.keys().contains(&name));
    // Arrived: MOVED.
    for member in [to, from] {
        member.tell(&format!("CLUSTER SETSLOT {slot} NODE {}", to.id()));
    }
    assert_eq!(get(stage.web, "a.test", &key).status, 429);
}

#[test]
fn a_server_that_is_lost_and_replaced() {
    let Some(program) = redis_server("a rateLimit whose server is lost") else { return };
    let mut members = cluster(&program);
    let stage = Stage::set(ROUTERS, &endpoints(&members[..2]));
    let (lost, other) = (key_of(&members, 0), key_of(&members, 1));
    for expected in [200, 200] {
        assert_eq!(get(stage.web, "a.test", &lost).status, expected);
    }
    drop(members[0].running.take());
    assert_eq!(get(stage.web, "a.test", &lost).status, 500);
    for expected in [200, 200, 200, 429] {
        assert_eq!(get(stage.web, "a.test", &other).status, expected);
    }
    members[3].tell("CLUSTER FAILOVER TAKEOVER");
    // Its replica counts on.
    becomes(stage.web, &lost, 429);
    let stored = tell(members[3].port, &format!("HGET rate:slow@file:{lost} tokens"));
    assert!(!stored.starts_with("$-1"), "{stored}");
}

/// What is asked of a server that hangs is asked of others at once, whatever it had.
#[test]
fn a_server_that_hangs_and_is_replaced() {
    let Some(program) = redis_server("a rateLimit whose server hangs") else { return };
    let members = cluster(&program);
    let options = endpoints(&members[..2]).replace("redis: {", "redis: {readTimeout: 2s, ");
    let stage = Stage::set(ROUTERS, &options);
    let keys: Vec<String> = keys_of(&members, 0).take(10).collect();
    for key in &keys {
        assert_eq!(get(stage.web, "a.test", key).status, 200);
    }
    let hanging = members[0].running.as_ref().expect("it runs");
    hanging.signal("STOP");
    members[3].tell("CLUSTER FAILOVER TAKEOVER");
    eventually("the others know who has its slots", LIMIT, || {
        let said = tell(members[1].port, "CLUSTER NODES");
        let new = said.lines().find(|line| line.contains(&format!(":{}@", members[3].port)));
        match new.is_some_and(|line| line.contains("master") && line.contains("0-5460")) {
            true => Ok(()),
            false => Err(said),
        }
    });
    let begun = Instant::now();
    for key in &keys {
        assert_eq!(get(stage.web, "a.test", key).status, 200, "{}", stage.process.output());
    }
    // One waits for it, not each.
    assert!(begun.elapsed() < Duration::from_secs(12), "{:?}", begun.elapsed());
    hanging.signal("CONT");
}

#[test]
fn a_server_that_was_taken_out() {
    let Some(program) = redis_server("a rateLimit whose server leaves the cluster") else { return };
    let members = cluster(&program);
    // It is the one that is asked first, too.
    let listed = [&members[2], &members[0]];
    let listed = listed.map(|member| format!("'127.0.0.1:{}'", member.port)).join(", ");
    let stage = Stage::set(ROUTERS, &slow(&format!("endpoints: [{listed}]")));
    let key = key_of(&members, 2);
    assert_eq!(get(stage.web, "a.test", &key).status, 200);
    for member in &members {
        member.tell(&format!("CLUSTER DELSLOTSRANGE {}", RANGES[2]));
    }
    members[1].tell(&format!("CLUSTER ADDSLOTSRANGE {}", RANGES[2]));
    let gone = members[2].id();
    members[2].tell("FLUSHALL");
    members[2].tell("CLUSTER RESET SOFT");
    for member in [&members[0], &members[1], &members[3]] {
        member.tell(&format!("CLUSTER FORGET {gone}"));
    }
    // Its bucket begins anew where it is now.
    becomes(stage.web, &key, 200);
    becomes(stage.web, &key, 429);
    assert!(members[1].keys().contains(&key));
    assert_eq!(get(stage.web, "a.test", &key_of(&members, 0)).status, 200);
}

#[test]
fn servers_that_know_nothing_of_each_other() {
    let Some(program) = redis_server("a rateLimit over two that are no cluster") else { return };
    let ports = [ports::free(), ports::free()];
    let _redis = ports.map(|port| redis(&program, port, &[]));
    let list = ports.map(|port| format!("'127.0.0.1:{port}'")).join(", ");
    let mut stage = Stage::set(ROUTERS, &slow(&format!("endpoints: [{list}]")));
    assert_eq!(get(stage.web, "a.test", "k").status, 500);
    stage.process.wait_output("it is no member of a Redis Cluster");
}
