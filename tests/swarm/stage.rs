//! The proxy on a stage: the binary under test on an overlay network of its own, the engine behind a
//! relay, one service under load.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use swarmgate_testkit::client::{Client, Response};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::process::Running;
use swarmgate_testkit::swarm::services::specification;
use swarmgate_testkit::swarm::{EngineRelay, Foothold, Load, Tally};

use crate::house::{Turn, report};

/// Where the proxy listens, on the stage.
const PORT: u16 = 8000;

/// The service under load.
pub const WEB: &str = "swarmgate-web";

/// Its host.
pub const HOST: &str = "web.example.com";

/// Everything on it; gone when dropped.
pub struct Stage<'t> {
    /// The engine's turn.
    pub turn: &'t Turn,
    /// Our proxy.
    pub proxy: Running,
    /// What is between it and the engine.
    pub relay: EngineRelay,
    /// The network.
    pub foothold: Foothold,
}

impl<'t> Stage<'t> {
    /// Starts our proxy beside a web service of so many replicas, and waits until it is served.
    pub fn set(turn: &'t Turn, replicas: u64) -> Self {
        let engine = &turn.engine;
        let foothold = Foothold::make(engine, "swarmgate-stage", "10.90.0.0/24");
        let labels = labels("web", HOST);
        let labels: Vec<_> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        engine.create_service(&specification(WEB, foothold.network(), replicas, &labels));
        let relay = EngineRelay::start(Path::new(engine.socket())).expect("a relay");
        let proxy = ours(&foothold, &relay);
        let mut stage = Self { turn, proxy, relay, foothold };
        stage.turn.engine.settled(WEB, usize::try_from(replicas).unwrap_or(usize::MAX));
        stage.live(HOST, Duration::from_secs(20));
        stage
    }

    /// Where this machine reaches the proxy.
    pub fn address(&self) -> SocketAddr {
        (self.foothold.address(), PORT).into()
    }

    /// Steady load on the web service: clients that keep their connection, clients that open a new
    /// one for each request.
    pub fn load(&self, keeping: usize, fresh: usize) -> Load {
        Load::start_plain(self.address(), HOST, keeping, fresh)
    }

    /// One request on a connection of its own.
    pub fn get(&self, host: &str) -> Result<Response, String> {
        get(self.address(), host)
    }

    /// Waits until a host is answered 200; returns when that was.
    #[track_caller]
    pub fn live(&mut self, host: &str, limit: Duration) -> Instant {
        self.wait(&format!("{host} is live"), limit, |response| response.status == 200, host)
    }

    /// Waits until a host is answered as wanted; returns when that was.
    #[track_caller]
    pub fn wait(
        &mut self,
        what: &str,
        limit: Duration,
        wanted: impl Fn(&Response) -> bool,
        host: &str,
    ) -> Instant {
        let address = self.address();
        let (proxy, start) = (&mut self.proxy, Instant::now());
        eventually(what, limit, || {
            assert!(proxy.is_running(), "the proxy has ended:\n{}", proxy.output());
            let response = get(address, host)?;
            if wanted(&response) {
                return Ok(Instant::now());
            }
            let status = response.status;
            Err(format!("status {status} after {:?}\n{}", start.elapsed(), proxy.output()))
        })
    }

    /// Waits until exactly these replicas (host names) have answered the load from now on.
    #[track_caller]
    pub fn reached(&self, load: &Load, replicas: &[String], limit: Duration) {
        let before = load.tally().replicas;
        eventually(&format!("the load reaches {replicas:?}"), limit, || {
            let now = load.tally().replicas;
            let missing: Vec<_> =
                replicas.iter().filter(|id| now.get(*id) <= before.get(*id)).collect();
            if missing.is_empty() { Ok(()) } else { Err(format!("not {missing:?}: {now:?}")) }
        });
    }
}

/// Our proxy on the network `foothold`, with the engine behind `relay`; listening.
pub fn ours(foothold: &Foothold, relay: &EngineRelay) -> Running {
    let proxy = foothold
        .launch(Path::new(env!("CARGO_BIN_EXE_swarmgate")))
        .file("routes/own.yml", "")
        .args(flags(foothold, relay))
        .arg("--providers.file.directory=routes")
        .start();
    listening(foothold, proxy)
}

/// Real Traefik in the same place.
pub fn traefik(binary: &Path, foothold: &Foothold, relay: &EngineRelay) -> Running {
    let quiet = ["--global.checknewversion=false", "--global.sendanonymoususage=false"];
    let proxy = foothold.launch(binary).args(flags(foothold, relay)).args(quiet).start();
    listening(foothold, proxy)
}

fn flags(foothold: &Foothold, relay: &EngineRelay) -> [String; 5] {
    [
        format!("--entrypoints.web.address=:{PORT}"),
        format!("--providers.swarm.endpoint={}", relay.endpoint()),
        format!("--providers.swarm.network={}", foothold.name()),
        "--providers.swarm.exposedbydefault=false".to_owned(),
        "--log.level=INFO".to_owned(),
    ]
}

fn listening(foothold: &Foothold, mut proxy: Running) -> Running {
    let address = SocketAddr::from((foothold.address(), PORT));
    proxy.wait_until(&format!("listening on {address}"), |_| Client::connect(address).is_ok());
    proxy
}

/// Labels that make a service's only route: `Host(<host>)`.
pub fn labels(router: &str, host: &str) -> [(String, String); 4] {
    [
        ("traefik.enable".into(), "true".into()),
        (format!("traefik.http.routers.{router}.rule"), format!("Host(`{host}`)")),
        (format!("traefik.http.routers.{router}.entrypoints"), "web".into()),
        (format!("traefik.http.services.{router}.loadbalancer.server.port"), "8080".into()),
    ]
}

/// One request on a connection of its own.
pub fn get(address: SocketAddr, host: &str) -> Result<Response, String> {
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    swarmgate_testkit::client::exchange(address, request).map_err(|error| error.to_string())
}

/// Prints what came of the requests and insists that none failed.
#[track_caller]
pub fn lossless(what: &str, tally: &Tally, before: &Tally) {
    let (total, failed) = (tally.total - before.total, tally.failed - before.failed);
    report(&format!("{what}: {total} requests, {failed} failed"));
    assert_eq!(failed, 0, "{what}: of {total} requests: {:#?}", tally.reasons);
    assert!(total >= 50, "{what}: only {total} requests");
}
