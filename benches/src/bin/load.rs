//! The load test as a plain program; `load --help` tells what it can do.

use std::process::ExitCode;

fn main() -> ExitCode {
    swarmgate_bench::load::main(None)
}
