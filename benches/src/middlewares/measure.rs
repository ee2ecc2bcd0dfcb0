//! All cases on one running proxy, round by round: what is subtracted is of the same process.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use super::cases::{BARE, CASES, Case, routing};
use crate::generate::{self, Work};
use crate::load::arguments::Options;
use crate::load::ask::Asker;
use crate::load::instance::{Ground, free_address};
use crate::load::measure::count;
use crate::load::proc::{Cpu, Tree};
use crate::peer::process::Process;
use crate::peer::{Found, Peer, Routes, Site, traefik_routing_file};

/// A proxy has begun to serve within this time.
const READY: Duration = Duration::from_secs(30);

/// Enough to keep a core busy; fewer than in the load test, for what waits for a thread of its own.
const CONNECTIONS: usize = 32;

/// One case on one proxy over all rounds.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// CPU time of the whole process tree per request, microseconds; one per round.
    pub cpu: Vec<f64>,
    /// What the middleware adds to it: less the same request without it, in the same process.
    pub added: Vec<f64>,
    /// Good answers.
    pub requests: u64,
    /// Failed requests by cause.
    pub failed: BTreeMap<String, u64>,
    /// Why there are no figures.
    pub notes: Vec<String>,
}

/// By the names of case and proxy.
pub type Rows = BTreeMap<(&'static str, &'static str), Seen>;

/// All rounds, each beginning with another proxy.
pub fn rounds(options: &Options, ground: &Ground, peers: &[(Peer, Found)]) -> Rows {
    let mut rows = Rows::new();
    for round in 0..options.rounds {
        for turn in 0..peers.len() {
            let Some((peer, found)) = peers.get((turn + round) % peers.len()) else { continue };
            eprintln!("round {}/{}, {} ...", round + 1, options.rounds, peer.name());
            if let Err(error) = once(options, ground, *peer, found, &mut rows) {
                eprintln!("{}: {error}", peer.name());
                for case in CASES {
                    note(&mut rows, case, *peer, format!("round {}: {error}", round + 1));
                }
            }
        }
    }
    rows
}

fn note(rows: &mut Rows, case: &Case, peer: Peer, text: String) {
    let seen = rows.entry((case.name, peer.name())).or_default();
    if !seen.notes.contains(&text) {
        seen.notes.push(text);
    }
}

/// One round on one proxy.
fn once(
    options: &Options,
    ground: &Ground,
    peer: Peer,
    found: &Found,
    rows: &mut Rows,
) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let folder = ground.folder.join(format!("middlewares-{}", peer.name()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(words)?;
    let site = Site {
        upstream: ground.upstream,
        plain: free_address(),
        tls: None,
        metrics: None,
        access_log: None,
        routes: Routes::One,
        connections: CONNECTIONS,
    };
    let start = peer.prepare(&site, found, &folder).map_err(words)?;
    let upstream = format!("http://{}", site.upstream);
    fs::write(traefik_routing_file(&folder), routing(&upstream)).map_err(words)?;
    let mut process = Process::start(found, start, &folder, ground.core).map_err(words)?;
    let mut asker = Asker::new(site.plain);
    let began = Instant::now();
    for bare in &BARE {
        let (host, pause) = (bare.host(), Duration::from_millis(5));
        if !asker.wait((&host, bare.path), 200, pause, began + READY, || process.ended().is_none())
        {
            return Err(format!("it did not serve; see {}", folder.join("output.log").display()));
        }
    }
    let tree = Tree::of(process.id());
    let run = |case: &Case, seen: &mut Seen| cost(options, &site, &tree, case, seen);
    // The machine's speed moves: what is subtracted is measured again after every few cases, and
    // each case is compared with what came before and after it.
    let mut before = bare(&run)?;
    for few in CASES.chunks(6) {
        let mut costs = Vec::new();
        for case in few {
            let seen = rows.entry((case.name, peer.name())).or_default();
            match run(case, seen) {
                Ok(cost) => costs.push((case, cost)),
                Err(error) if seen.notes.contains(&error) => {}
                Err(error) => seen.notes.push(error),
            }
            if let Some(status) = process.ended() {
                return Err(format!("it ended ({status}) at {}", case.name));
            }
        }
        let after = bare(&run)?;
        for (case, cost) in costs {
            let seen = rows.entry((case.name, peer.name())).or_default();
            seen.cpu.push(cost);
            if let Some(less) = case.bare()
                && let (Some(before), Some(after)) = (before.get(less.name), after.get(less.name))
            {
                seen.added.push(cost - f64::midpoint(*before, *after));
            }
        }
        before = after;
    }
    Ok(())
}

/// The requests without middlewares.
fn bare(
    run: &impl Fn(&Case, &mut Seen) -> Result<f64, String>,
) -> Result<BTreeMap<&'static str, f64>, String> {
    BARE.iter().map(|case| Ok((case.name, run(case, &mut Seen::default())?))).collect()
}

/// CPU time of a request, microseconds.
fn cost(
    options: &Options,
    site: &Site,
    tree: &Tree,
    case: &Case,
    seen: &mut Seen,
) -> Result<f64, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let work = Work {
        hosts: vec![case.host()],
        paths: vec![case.path.to_owned()],
        connections: CONNECTIONS,
        warm_up: options.warm_up,
        duration: options.measured,
        request_headers: case.headers.iter().map(own).collect(),
        expected_status: Some(case.status),
        ..Work::new(site.plain)
    };
    let (mut before, mut after) = (Cpu::default(), Cpu::default());
    let outcome = generate::run(&work, || before = tree.cpu(), || after = tree.cpu())
        .map_err(|error| format!("the generator: {error}"))?;
    seen.requests += outcome.requests;
    count(&mut seen.failed, outcome.failures);
    if outcome.requests == 0 {
        return Err("no good answer".to_owned());
    }
    Ok(after.since(&before).total.as_secs_f64() * 1e6 / outcome.requests as f64)
}
