//! What each middleware adds to a request's cost, beside Traefik's for the same work.

pub mod cases;
mod measure;
mod report;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::load;
use crate::load::arguments::Options;
use crate::load::machine::Machine;
use crate::peer::Peer;

/// Who reads the same routing file.
pub const PEERS: [Peer; 3] = [Peer::Swarmgate, Peer::Traefik, Peer::TraefikFast];

/// Measures what this process's arguments ask for, prints the table, writes `middlewares.json` and
/// `middlewares.md` (a `--bench` among the arguments, which cargo adds, is passed over).
/// `swarmgate`: the binary to measure when no argument names one.
pub fn main(swarmgate: Option<&Path>) -> ExitCode {
    load::program(std::iter::once("middlewares".to_owned()), swarmgate)
}

/// Measures, prints, writes.
///
/// # Errors
/// In words; with `--check` also which case had failed requests or was not measured by Swarmgate.
pub fn run(options: &Options) -> Result<(), String> {
    let peers: Vec<Peer> =
        options.peers.iter().copied().filter(|peer| PEERS.contains(peer)).collect();
    load::on_ground(options, &peers, |ground, peers, _| {
        let machine = Machine::this();
        let rows = measure::rounds(options, ground, &peers);
        let report = report::Report::new(machine, options, &peers, rows);
        let words = |error: std::io::Error| format!("{}: {error}", options.out.display());
        report.write(&options.out).map_err(words)?;
        let mut out = std::io::stdout().lock();
        out.write_all(report.terminal().as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| format!("standard output: {error}"))?;
        eprintln!("written: middlewares.json, middlewares.md in {}", options.out.display());
        if options.check { report.check() } else { Ok(()) }
    })
}
