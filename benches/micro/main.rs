//! Micro benchmarks of what a request or a change of configuration costs: `cargo bench --bench micro`.
//!
//! Everything is measured by criterion; a filter picks, `-- --quick` is coarse, `--
//! --save-baseline NAME` and `-- --baseline NAME` compare two states of the source. Then, unless a
//! filter leaves it out, [`tail`] prints how long single lookups take.

mod apply;
mod compress;
mod decode;
mod headers;
mod lookup;
mod pool;
mod tail;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    // `cargo test --benches` only asks whether it runs.
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let measured = arguments.iter().any(|argument| argument == "--bench");
    if !measured {
        return;
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
        .configure_from_args();
    lookup::all(&mut criterion);
    headers::all(&mut criterion);
    pool::all(&mut criterion);
    compress::all(&mut criterion);
    decode::all(&mut criterion);
    apply::all(&mut criterion);
    criterion.final_summary();
    tail::print(&arguments);
}
