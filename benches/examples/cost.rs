//! What the generator and the upstream cost by themselves, with nothing between them: CPU
//! microseconds per request. No load can show a proxy that is faster than this.
//!
//! `taskset -c 1 cargo run --release -p swarmgate-bench --example cost [small|1k|1m|close|echo]`

use std::cell::Cell;
use std::error::Error;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use swarmgate_bench::generate::{Kind, Pace, Reuse, Work, run};
use swarmgate_bench::upstream::Upstream;

fn main() -> Result<(), Box<dyn Error>> {
    let upstream = Upstream::start()?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let base = Work { duration: Duration::from_secs(2), ..Work::new(upstream.address()) };
    let path = |path: &str| vec![path.to_owned()];
    let works = [
        ("small", base.clone()),
        ("1k", Work { paths: path("/1k"), ..base.clone() }),
        ("1m", Work { paths: path("/1m"), connections: 16, ..base.clone() }),
        ("close", Work { reuse: Reuse::ConnectionPerRequest, ..base.clone() }),
        ("echo", Work { kind: Kind::WebSocketEcho, ..base.clone() }),
        ("open", Work { pace: Pace::Open { rate: 20_000.0 }, ..base.clone() }),
    ];
    println!(
        "load     requests/s  generator  upstream  (CPU us per request)      p50      p99  late"
    );
    for (name, work) in works {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        let (from, to) = (Cell::new(0.0), Cell::new(0.0));
        let seen = run(&work, || from.set(process_cpu()), || to.set(process_cpu()))?;
        let each = |seconds: f64| seconds * 1e6 / seen.requests as f64;
        let own = seen.generator_cpu.as_secs_f64();
        println!(
            "{name:8} {:10.0} {:10.2} {:9.2} {:31.1} us {:5.1} us {:5}{}",
            seen.rate(),
            each(own),
            each(to.get() - from.get() - own),
            seen.latency.value_at_quantile(0.5) as f64 / 1e3,
            seen.latency.value_at_quantile(0.99) as f64 / 1e3,
            seen.late,
            if seen.failed() > 0 { format!("  {:?}", seen.failures) } else { String::new() },
        );
    }
    Ok(())
}

/// CPU seconds of this process.
fn process_cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
