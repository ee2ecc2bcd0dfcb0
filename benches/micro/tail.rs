//! How long single lookups take, the slow ones among them: an average hides what caches do.
//!
//! Each lookup is timed alone, by a reading of the monotonic clock before and after it. The median
//! of as many empty pairs of readings is what the clock itself costs and is taken away; what
//! remains of the clock (its own slow readings) is shown in a line of its own.

use std::hint::black_box;
use std::time::Instant;

use crate::lookup::Case;

const ROUNDS: usize = 1_000_000;
const NAME: &str = "lookup/tail";

/// Prints percentiles for random hosts and paths, if the arguments' filter has room for it.
pub fn print(arguments: &[String]) {
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let other_work = ["--list", "--profile-time", "--test", "--load-baseline"];
    if arguments.iter().any(|argument| other_work.contains(&argument.as_str()))
        || !(filters.is_empty() || filters.iter().any(|filter| NAME.contains(filter.as_str())))
    {
        return;
    }
    let mut clock = timed(|_| ());
    let cost = at(&mut clock, 50.0);
    println!("\n{NAME}: {ROUNDS} lookups, each timed alone, less {cost} ns for the clock itself");
    println!("{:<24} {:>8} {:>8} {:>8} {:>8}   ns", "", "p50", "p90", "p99", "p99.9");
    line("nothing (the clock)", &mut clock, cost);
    for (name, case) in [
        ("1 host", Case::hosts(1)),
        ("100 hosts", Case::hosts(100)),
        ("10,000 hosts", Case::hosts(10_000)),
        ("10,000 paths", Case::paths(10_000)),
    ] {
        let mut times = timed(|turn| {
            black_box(case.find(black_box(&case.request(turn))));
        });
        line(name, &mut times, cost);
    }
}

/// Nanoseconds of each turn.
fn timed(work: impl Fn(usize)) -> Vec<u64> {
    (0..ROUNDS)
        .map(|turn| {
            let began = Instant::now();
            work(turn);
            u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect()
}

fn line(name: &str, times: &mut [u64], cost: u64) {
    let [half, most, nearly, almost] =
        [50.0, 90.0, 99.0, 99.9].map(|percent| at(times, percent).saturating_sub(cost));
    println!("{name:<24} {half:>8} {most:>8} {nearly:>8} {almost:>8}");
}

/// The time that `percent` of all do not exceed.
fn at(times: &mut [u64], percent: f64) -> u64 {
    let place = ((times.len() - 1) as f64 * percent / 100.0) as usize;
    *times.select_nth_unstable(place).1
}
