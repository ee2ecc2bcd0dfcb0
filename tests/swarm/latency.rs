//! From a changed label to a live route in a Swarm of 200 services, beside Traefik; and what each asks
//! the engine meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::Client;
use swarmgate_testkit::real;
use swarmgate_testkit::swarm::services::specification;
use swarmgate_testkit::swarm::{Engine, EngineRelay, Foothold};

use crate::house::{Turn, report};
use crate::stage::{labels, ours, traefik};

const SERVICES: usize = 200;
const RUNNING: usize = 20;

/// How many changes are measured. Traefik looks every 15 s.
const OURS: usize = 50;
const TRAEFIKS: usize = 5;

/// From one of our changes to the next: longer than `providersThrottleDuration`, since floods are
/// held together and a lone change is what is measured.
const STEP: Duration = Duration::from_millis(2050);

/// The promise: from the request that changes the label until a client is answered by a task.
const PROMISE: Duration = Duration::from_millis(250);

fn name(index: usize) -> String {
    format!("swarmgate-crowd-{index:03}")
}

/// Fills the network: every service has a route, the first twenty a running task.
fn crowd(engine: &Engine, foothold: &Foothold) {
    for index in 0..SERVICES {
        let name = name(index);
        let labels = labels(&name, &format!("{name}.example.com"));
        let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let replicas = u64::from(index < RUNNING);
        engine.create_service(&specification(&name, foothold.network(), replicas, &labels));
    }
    for index in 0..RUNNING {
        engine.settled(&name(index), 1);
    }
}

/// A client that asks again and again on one connection.
struct Asker {
    address: SocketAddr,
    client: Option<Client>,
}

impl Asker {
    /// Asks until `host` is answered 200, every two milliseconds; returns when that was.
    #[track_caller]
    fn live(&mut self, host: &str, limit: Duration) -> Instant {
        let start = Instant::now();
        let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n");
        loop {
            let mut client = match self.client.take() {
                Some(client) => client,
                None => Client::connect(self.address).expect("the proxy listens"),
            };
            let answer = client.exchange(&request);
            let now = Instant::now();
            if let Ok(answer) = &answer {
                self.client = Some(client);
                if answer.status == 200 {
                    return now;
                }
            }
            assert!(start.elapsed() < limit, "{host} is not live after {limit:?}: {answer:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// What was seen of one proxy.
struct Seen {
    /// From the change until the route was live, sorted.
    live: Vec<Duration>,
    /// Calls to the engine per change.
    calls: f64,
}

impl Seen {
    fn of(mut live: Vec<Duration>, calls: usize) -> Self {
        let calls = calls as f64 / live.len() as f64;
        live.sort();
        Self { live, calls }
    }

    /// The value below which `percent` of the changes stayed (nearest rank).
    fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.live.len() * percent).div_ceil(100).max(1);
        self.live[rank - 1]
    }

    fn report(&self, who: &str) {
        report(&format!(
            "label change -> live route, {who}, {} changes in a Swarm of {SERVICES} services \
             ({RUNNING} with a task): p50 {} ms, p95 {} ms, max {} ms; {:.1} API calls per change",
            self.live.len(),
            self.percentile(50).as_millis(),
            self.percentile(95).as_millis(),
            self.percentile(100).as_millis(),
            self.calls,
        ));
    }
}

/// Moves services to new hosts, one after the other. `pause` tells how long to wait after a change
/// (its number, when it was sent) is live; the calls until then count for it.
fn changes(
    engine: &Engine,
    relay: &EngineRelay,
    asker: &mut Asker,
    (tag, count): (&str, usize),
    pause: impl Fn(usize, Instant),
) -> Seen {
    let (mut live, mut calls) = (Vec::new(), 0);
    for number in 0..count {
        let name = name(number % RUNNING);
        let host = format!("{tag}-{number}.example.com");
        let label = format!("traefik.http.routers.{name}.rule");
        let sent = engine.set_label(&name, &label, &format!("Host(`{host}`)"));
        let seen = asker.live(&host, Duration::from_secs(60));
        live.push(seen.duration_since(sent));
        pause(number, sent);
        calls += relay.count(sent, Instant::now());
    }
    Seen::of(live, calls)
}

fn kinds(relay: &EngineRelay) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for call in relay.calls() {
        *kinds.entry(call.what).or_default() += 1;
    }
    kinds
}

#[test]
fn a_label_change_among_200_services_is_live_at_once() {
    let Some(mut turn) = Turn::take() else { return };
    let Some(binary) = real::traefik("swarm latency beside Traefik") else { return };
    let engine = turn.engine.clone();
    let foothold = Foothold::make(&engine, "swarmgate-crowd", "10.91.0.0/16");
    let start = Instant::now();
    crowd(&engine, &foothold);
    report(&format!("{SERVICES} services made in {:.1?}", start.elapsed()));

    let relay = EngineRelay::start(Path::new(engine.socket())).expect("a relay");
    let proxy = ours(&foothold, &relay);
    let address = SocketAddr::from((foothold.address(), 8000));
    let mut asker = Asker { address, client: None };
    for index in 0..RUNNING {
        asker.live(&format!("{}.example.com", name(index)), Duration::from_secs(30));
    }
    // No task changes from here on.
    turn.leave_vips();
    let seen = changes(&engine, &relay, &mut asker, ("ours", OURS), |_, sent| {
        std::thread::sleep(STEP.saturating_sub(sent.elapsed()));
    });
    seen.report("Swarmgate");
    report(&format!("Swarmgate asked: {:?}", kinds(&relay)));
    let since = Instant::now();
    std::thread::sleep(Duration::from_secs(30));
    let idle = relay.count(since, Instant::now());
    report(&format!("Swarmgate asked {idle} times in 30 s without a change"));
    drop((proxy, relay));

    let relay = EngineRelay::start(Path::new(engine.socket())).expect("a relay");
    let proxy = traefik(&binary, &foothold, &relay);
    let mut asker = Asker { address, client: None };
    asker.live(&format!("ours-{}.example.com", OURS - 1), Duration::from_secs(60));
    // A change is live right after a poll, so each next one is made at another distance from it.
    let theirs = changes(&engine, &relay, &mut asker, ("theirs", TRAEFIKS), |number, _| {
        std::thread::sleep(Duration::from_secs(number as u64 * 3));
    });
    theirs.report("Traefik 3.7");
    report(&format!("Traefik asked: {:?}", kinds(&relay)));
    drop(proxy);

    assert!(seen.percentile(95) < PROMISE, "p95 is {:?}: {:?}", seen.percentile(95), seen.live);
}
