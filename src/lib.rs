//! Swarmgate: a Traefik-compatible edge proxy for Docker Swarm.
//!
//! This package joins the rooms: `app` is the composition root, `reload` leads configuration to
//! the data plane, `commands` are the words of the command line. It is a library so that the demo
//! can be the proxy as well.

mod app;
mod commands;
mod control_socket;
mod limits;
mod log;
mod reload;
mod signals;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use swarmgate_config::decode::Sources;

use self::commands::Command;

/// Runs a command line (without the program's name); returns when the command is done, for the
/// proxy itself after it was stopped.
///
/// Exit codes: 0 after a graceful stop or a good answer, 1 otherwise; `check`, `explain` and
/// `routes` also have 2, for wrong usage and what cannot be read or asked.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments =
        arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    match commands::dispatch(arguments) {
        Command::Run(arguments) => app::run(&sources(arguments)),
        Command::Version => say(Ok(commands::version::text())),
        Command::Help => say(Ok(commands::help::text())),
        Command::Healthcheck(arguments) => say(commands::healthcheck::run(&sources(arguments))),
        Command::Check(arguments) => check(&arguments),
        Command::Explain(arguments) => commands::explain::run(arguments),
        Command::Routes(arguments) => commands::routes::run(arguments),
        Command::Unknown(word) => {
            complain(&commands::unknown(&word));
            ExitCode::FAILURE
        }
    }
}

fn check(arguments: &[String]) -> ExitCode {
    let variables: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let outcome = commands::check::run(arguments, &variables);
    // As with `say`: the exit code is the answer.
    let _ = std::io::stdout().write_all(outcome.stdout.as_bytes());
    let _ = std::io::stderr().write_all(outcome.stderr.as_bytes());
    ExitCode::from(outcome.code)
}

fn say(result: Result<String, String>) -> ExitCode {
    let (text, code) = match result {
        Ok(text) => (text, ExitCode::SUCCESS),
        Err(text) => (text, ExitCode::FAILURE),
    };
    // Nobody may be listening (`| head`), or the disk be full: the exit code is the answer then.
    let _ = writeln!(std::io::stdout(), "{}", text.trim_end());
    code
}

/// Says why there will be no proxy, before there is a log.
fn complain(message: &str) {
    // Where standard error is closed there is nobody to tell; `eprintln!` would panic.
    let _ = writeln!(std::io::stderr(), "{message}");
}

fn sources(arguments: Vec<String>) -> Sources {
    Sources {
        arguments,
        variables: std::env::vars_os()
            .filter_map(|(name, value)| name.into_string().ok().map(|name| (name, value)))
            .collect(),
        working_directory: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        root: PathBuf::from("/"),
    }
}
