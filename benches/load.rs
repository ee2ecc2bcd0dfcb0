//! `cargo bench --bench load`: the load test, with the Swarmgate that cargo just built.
//!
//! Cargo runs this target for `cargo test --benches` too, without `--bench`: nothing is measured
//! then.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("the load test runs with `cargo bench --bench load`");
        return ExitCode::SUCCESS;
    }
    swarmgate_bench::load::main(Some(Path::new(env!("CARGO_BIN_EXE_swarmgate"))))
}
