//! The `swarmgate` binary.

use std::process::ExitCode;

/// See docs/performance.md, "Allocator".
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    swarmgate::run(std::env::args_os().skip(1))
}
