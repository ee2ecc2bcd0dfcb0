//! The proxy with an allocator that counts, for `scripts/count-request`.
//!
//! It writes `allocations N bytes M` to the file named by `SWARMGATE_COUNTS` when it ends.

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> ExitCode {
    let code = swarmgate::run(std::env::args_os().skip(1));
    let counted = ALLOCATOR.stats();
    let allocations = counted.allocations.saturating_add(counted.reallocations);
    let line = format!("allocations {allocations} bytes {}\n", counted.bytes_allocated);
    if let Some(file) = std::env::var_os("SWARMGATE_COUNTS")
        && let Err(error) = std::fs::write(file, line)
    {
        eprintln!("counted: {error}");
    }
    code
}
