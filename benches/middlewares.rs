//! `cargo bench --bench middlewares`: what each middleware adds, with the Swarmgate that cargo just
//! built.
//!
//! Cargo runs this target for `cargo test --benches` too, without `--bench`: nothing is measured
//! then.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("the middlewares' cost is measured with `cargo bench --bench middlewares`");
        return ExitCode::SUCCESS;
    }
    swarmgate_bench::middlewares::main(Some(Path::new(env!("CARGO_BIN_EXE_swarmgate"))))
}
