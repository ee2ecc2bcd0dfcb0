//! The main job on any machine with Rust and nothing else: the published Django stack, deployed to
//! a simulated Docker Swarm, served by Swarmgate with certificates from a built-in ACME server.
//!
//! ```sh
//! cargo run --release --example demo            # until Ctrl-C
//! cargo run --release --example demo -- --once  # checks itself, exits with 0 or 1
//! ```
//!
//! Real here are the proxy, its configuration (`examples/django`, but for unprivileged ports and
//! the certificate authority), every HTTP and TLS byte. Simulated are the engine's API and the
//! three web replicas, which answer on the service's VIP as Swarm would have them do.

mod checks;
mod paint;
mod swarm;
mod tour;
mod whoami;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// As the first argument: be the proxy, not the demo. So the demo needs no second program.
const AS_PROXY: &str = "--as-proxy";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.peek().is_some_and(|first| first == AS_PROXY) {
        return swarmgate::run(arguments.skip(1));
    }
    let once = match (arguments.next(), arguments.next()) {
        (None, _) => false,
        (Some(only), None) if only == "--once" => true,
        _ => {
            eprintln!("usage: demo [--once]");
            return ExitCode::FAILURE;
        }
    };
    let stop = Arc::new(AtomicBool::new(false));
    if let Err(error) = stop_on_ctrl_c(Arc::clone(&stop)) {
        eprintln!("cannot listen to Ctrl-C: {error}");
        return ExitCode::FAILURE;
    }
    match tour::run(once, &stop) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("{}", paint::bad(&reason));
            ExitCode::FAILURE
        }
    }
}

/// Sets `stop` at the first Ctrl-C; at the second the process ends as usual.
fn stop_on_ctrl_c(stop: Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    std::thread::Builder::new().name("ctrl-c".into()).spawn(move || {
        runtime.block_on(async {
            while tokio::signal::ctrl_c().await.is_ok() {
                if stop.swap(true, Ordering::SeqCst) {
                    std::process::exit(130);
                }
            }
        });
    })?;
    Ok(())
}
