//! The `swarmgate` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    swarmgate::run(std::env::args_os().skip(1))
}
