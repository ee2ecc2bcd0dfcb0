//! How long single lookups take, the slow ones among them: an average hides what caches do.
//!
//! Each lookup is timed alone, by a reading of the monotonic clock before and after it. The median
//! of as many empty pairs of readings is what the clock itself costs and is taken away; what
//! remains of the clock (its own slow readings) is shown in a line of its own. Whoever else runs on
//! the machine interrupts and empties caches, which is not the lookup's doing: of several rounds the
//! one with the lowest p99 is shown.

use std::hint::black_box;
use std::time::Instant;

use crate::lookup::Case;

const ROUNDS: usize = 7;
const LOOKUPS: usize = 200_000;
const NAME: &str = "lookup/tail";

/// Prints percentiles for random hosts and paths, if the arguments' filter has room for it.
pub fn print(arguments: &[String]) {
    let filters: Vec<&String> = arguments.iter().filter(|a| !a.starts_with('-')).collect();
    let other_work = ["--list", "--profile-time", "--test", "--load-baseline"];
    if arguments.iter().any(|argument| other_work.contains(&argument.as_str()))
        || !(filters.is_empty()
            || filters.iter().any(|filter| filter.split('|').any(|part| NAME.contains(part))))
    {
        return;
    }
    let clock = quietest(|_| ());
    let cost = clock[0];
    println!(
        "\n{NAME}: {LOOKUPS} lookups, each timed alone, less {cost} ns for the clock itself; the \
         quietest of {ROUNDS} rounds"
    );
    println!("{:<24} {:>8} {:>8} {:>8} {:>8}   ns", "", "p50", "p90", "p99", "p99.9");
    line("nothing (the clock)", clock, cost);
    for (name, case) in [
        ("1 host", Case::hosts(1)),
        ("100 hosts", Case::hosts(100)),
        ("10,000 hosts", Case::hosts(10_000)),
        ("10,000 paths", Case::paths(10_000)),
    ] {
        let times = quietest(|turn| {
            black_box(case.find(black_box(&case.request(turn))));
        });
        line(name, times, cost);
    }
}

/// Nanoseconds that half, 90 %, 99 % and 99.9 % of all turns do not exceed, in the best round.
fn quietest(work: impl Fn(usize)) -> [u64; 4] {
    // Touched before, so that no round has to wait for the memory.
    let mut times = vec![u64::MAX; LOOKUPS];
    let round = |_| {
        for (turn, time) in times.iter_mut().enumerate() {
            let began = Instant::now();
            work(turn);
            *time = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        }
        [50.0, 90.0, 99.0, 99.9].map(|percent| at(&mut times, percent))
    };
    let rounds = (0..ROUNDS).map(round);
    rounds.min_by_key(|percentiles| percentiles[2]).unwrap_or_default()
}

fn line(name: &str, times: [u64; 4], cost: u64) {
    let [half, most, nearly, almost] = times.map(|time| time.saturating_sub(cost));
    println!("{name:<24} {half:>8} {most:>8} {nearly:>8} {almost:>8}");
}

/// The time that `percent` of all do not exceed.
fn at(times: &mut [u64], percent: f64) -> u64 {
    let place = ((times.len() - 1) as f64 * percent / 100.0) as usize;
    *times.select_nth_unstable(place).1
}
