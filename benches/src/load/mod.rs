//! The load test: what is asked for on the command line, measured, reported.

pub mod apply;
pub mod arguments;
pub mod ask;
pub mod goals;
pub mod idle;
pub mod instance;
pub mod loads;
pub mod machine;
pub mod measure;
pub mod proc;
pub mod run;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use arguments::{HELP, Options, Wanted};
use instance::Ground;
use run::Run;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::middlewares;
use crate::peer::process::{kill_all, pin};
use crate::peer::{Certificate, Found, Peer, relay};
use crate::report;
use crate::upstream::{self, Upstream};

/// 10,000 clients and as many upstream connections, and some.
const FILES: u64 = 65_536;

/// The folder to remove when the run is interrupted.
static FOLDER: Mutex<Option<PathBuf>> = Mutex::new(None);

/// Runs the load test with this process's arguments (a `--bench` among them, which cargo adds, is
/// to be passed over). `swarmgate`: the binary to measure when no argument names one.
pub fn main(swarmgate: Option<&Path>) -> ExitCode {
    program(std::iter::empty(), swarmgate)
}

/// The same with arguments in front of this process's own.
pub fn program(first: impl Iterator<Item = String>, swarmgate: Option<&Path>) -> ExitCode {
    let own = std::env::args_os().skip(1).map(|one| one.to_string_lossy().into_owned());
    let result = match arguments::parse(first.chain(own)) {
        Err(error) => {
            complain(&error);
            return ExitCode::from(2);
        }
        Ok(Wanted::Help) => print(HELP),
        Ok(Wanted::List) => print(&list()),
        Ok(Wanted::Relay(listen, to)) => {
            relay::serve(listen, to).map_err(|error| format!("relay: {error}"))
        }
        Ok(Wanted::Upstream(listen)) => {
            upstream::serve_until_input_ends(listen).map_err(|error| format!("upstream: {error}"))
        }
        Ok(Wanted::Run(mut options)) => {
            prepare(&mut options, swarmgate);
            run(&options)
        }
        Ok(Wanted::Middlewares(mut options)) => {
            prepare(&mut options, swarmgate);
            middlewares::run(&options)
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn prepare(options: &mut Options, swarmgate: Option<&Path>) {
    if options.swarmgate.is_none() {
        options.swarmgate = swarmgate.map(Path::to_owned).or_else(beside);
    }
    clean_up_after_interrupts();
}

fn complain(error: &str) {
    eprintln!("load: {error}");
}

/// To the standard output, which may be closed by now.
fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("standard output: {error}"))
}

fn list() -> String {
    let mut text = String::from("Loads:\n");
    for load in &loads::LOADS {
        text += &format!("  {:<14} {}\n", load.name, load.title);
    }
    text += "Peers:\n";
    for peer in Peer::ALL {
        text += &format!("  {}\n", peer.name());
    }
    text
}

/// The `swarmgate` that was built together with this program.
fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok()?;
    // A bench target lives in `deps`.
    own.ancestors().skip(1).take(2).map(|folder| folder.join("swarmgate")).find(|it| it.is_file())
}

/// Measures, prints, writes.
///
/// # Errors
/// In words; with `--check` also what did not hold.
pub fn run(options: &Options) -> Result<(), String> {
    on_ground(options, &options.peers, |ground, peers, skipped| {
        let report = Run { options, ground, peers, skipped }.report();
        report::write(&report, &options.out)
            .map_err(|error| format!("{}: {error}", options.out.display()))?;
        print(&format!("\n{}\n", report::terminal(&report)))?;
        eprintln!("written: load.json, load.md, load.svg in {}", options.out.display());
        if options.check { check(&report) } else { Ok(()) }
    })
}

/// Finds the peers, tells which are not there, and runs `work` with what all have in common: an
/// upstream, a certificate, a folder, a core.
///
/// # Errors
/// In words; those of `work`.
pub fn on_ground(
    options: &Options,
    peers: &[Peer],
    work: impl FnOnce(&Ground, Vec<(Peer, Found)>, BTreeMap<String, String>) -> Result<(), String>,
) -> Result<(), String> {
    let words = |error: std::io::Error| error.to_string();
    let (peers, skipped) = run::find(peers, options.swarmgate.as_deref());
    for (peer, why) in &skipped {
        eprintln!("not measured: {peer} ({why})");
    }
    for (peer, found) in &peers {
        eprintln!("{} {} ({})", peer.name(), found.version, found.program.display());
    }
    raise_open_files();
    let core = cores(options)?;
    let folder = tempfile::Builder::new().prefix("load-").tempdir().map_err(words)?;
    if options.keep {
        eprintln!("configurations and logs: {}", folder.path().display());
    } else {
        *FOLDER.lock().unwrap_or_else(PoisonError::into_inner) = Some(folder.path().to_owned());
    }
    let upstream = Upstream::start().map_err(words)?;
    let ground = Ground {
        upstream: upstream.address(),
        certificate: Certificate::make(folder.path()).map_err(words)?,
        folder: folder.path().to_owned(),
        core,
    };
    let result = work(&ground, peers, skipped);
    if options.keep {
        let _ = folder.keep();
    }
    result
}

fn check(report: &report::Report) -> Result<(), String> {
    let missed = report.goals.iter().filter(|verdict| verdict.met == Some(false));
    let mut wrong: Vec<String> = missed
        .map(|verdict| {
            format!("{}: {} missed ({})", verdict.load, verdict.metric.title(), verdict.goal)
        })
        .collect();
    for row in &report.rows {
        if !row.failed.is_empty() {
            wrong.push(format!("{}: requests failed on {}", row.load, row.peer));
        }
        if row.figures.is_empty() {
            wrong.push(format!("{}: {} was not measured", row.load, row.peer));
        }
    }
    for peer in report.skipped.keys().filter(|name| *name == Peer::Swarmgate.name()) {
        wrong.push(format!("{peer} was not found"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\nload: ")) }
}

/// Puts this thread, and with it generator and upstream, on its core; returns the proxies'.
fn cores(options: &Options) -> Result<Option<usize>, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores < 2 {
        eprintln!("one core only: proxies and load share it, throughput and latency say little");
        return Ok(None);
    }
    if options.proxy_core == options.load_core {
        return Err("--proxy-core and --load-core must differ".to_owned());
    }
    pin(options.load_core).map_err(|error| error.to_string())?;
    Ok(Some(options.proxy_core))
}

/// As many open files as may be, for this process and those it starts.
fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(FILES, |most| most.max(FILES));
    for most in [Some(wanted), limit.maximum] {
        if setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).is_ok() {
            return;
        }
    }
}

/// Interrupted or panicking, nothing that was started may stay.
fn clean_up_after_interrupts() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |about| {
        kill_all();
        before(about);
    }));
    std::thread::spawn(|| {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        runtime.block_on(asked_to_stop());
        kill_all();
        if let Some(folder) = FOLDER.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = std::fs::remove_dir_all(folder);
        }
        eprintln!("\nload: interrupted");
        // 128 + SIGINT, as shells say it.
        std::process::exit(130);
    });
}

async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = || {
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let hang_up = signal(SignalKind::hangup())?;
        Ok::<_, std::io::Error>((interrupt, terminate, hang_up))
    };
    match listen() {
        Ok((mut interrupt, mut terminate, mut hang_up)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
        }
        // Then the signals keep their way of ending the process.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Metric;
    use crate::report::example;

    #[test]
    fn what_does_not_hold_is_named() {
        let mut report = example();
        let wrong = check(&report).unwrap_err();
        assert_eq!(wrong, "keep-alive: requests failed on nginx");
        for row in &mut report.rows {
            row.failed.clear();
        }
        assert_eq!(check(&report), Ok(()));
        for verdict in &mut report.goals {
            verdict.met = verdict.met.map(|_| verdict.metric != Metric::ConnectionKib);
        }
        report.rows[2].figures.clear();
        let wrong = check(&report).unwrap_err();
        assert!(wrong.contains("idle: per connection missed (at most 4 KiB)"), "{wrong}");
        assert!(wrong.contains("keep-alive: traefik was not measured"), "{wrong}");
    }

    #[test]
    fn lists_everything() {
        let text = list();
        assert!(text.contains("keep-alive ") && text.contains("traefik-fast"), "{text}");
    }
}
