//! The pool of connections to servers: one is taken and given back.

use criterion::Criterion;
use swarmgate_proxy::measure::Pool;

/// Runs them all.
pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pool");
    for (name, vip_tasks) in [("server", None), ("vip", Some(4))] {
        group.bench_function(format!("take and give/{name}"), |bencher| {
            let pool = Pool::new(64, vip_tasks).expect("loopback connections");
            bencher.iter(|| assert!(pool.take_and_give()));
        });
    }
    group.finish();
}
