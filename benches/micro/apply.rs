//! Applying routing configuration: the check, the snapshot, and a change of one router among many.
//!
//! Everything runs on one thread and nothing waits, so the time is the CPU that it costs.

use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput};
use swarmgate_config::check::{Merged, check};
use swarmgate_config::decode::{Format, Sources, decode_routing_file, load_install};
use swarmgate_config::install::Install;
use swarmgate_config::routing::Configuration;
use swarmgate_proxy::snapshot::Snapshot;
use swarmgate_testkit::many;

/// Runs them all.
pub fn all(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10).warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    let install = install();
    for count in [1_000, 10_000] {
        group.throughput(Throughput::Elements(count as u64));
        // Built only for those that a filter leaves in.
        let mut written: Option<Configuration> = None;
        let mut written = move || written.get_or_insert_with(|| routers(count)).clone();
        whole(&mut group, &install, count, &mut written);
        change(&mut group, &install, count, &mut written);
    }
    group.finish();
}

/// From nothing: what a start costs.
fn whole(
    group: &mut BenchmarkGroup<'_, WallTime>,
    install: &Install,
    count: usize,
    written: &mut impl FnMut() -> Configuration,
) {
    group.bench_function(format!("check/{count} routers"), |bencher| {
        let merged = merged(written());
        bencher.iter_with_large_drop(|| check(install, &merged));
    });
    group.bench_function(format!("build/{count} routers"), |bencher| {
        let checked = check(install, &merged(written()));
        let build = |checked| Snapshot::build(checked, &install.servers_transport, &["web"], None);
        let built = build(checked.clone());
        assert!(built.checked.findings.is_empty(), "{:?}", built.checked.findings.first());
        assert_eq!(built.routes.len(), count);
        bencher.iter_batched(|| checked.clone(), build, BatchSize::PerIteration);
    });
}

/// One router gets another rule, back and forth: the check, the build over the snapshot before it,
/// and the end of that one.
fn change(
    group: &mut BenchmarkGroup<'_, WallTime>,
    install: &Install,
    count: usize,
    written: &mut impl FnMut() -> Configuration,
) {
    group.bench_function(format!("one changed/{count} routers"), |bencher| {
        let before = written();
        let mut after = before.clone();
        let router = after.routers.get_mut("r17").expect("one of them");
        Arc::make_mut(&mut router.value).rule = Some("Host(`changed.example.com`)".into());
        let states = [merged(before), merged(after)];
        let apply = |merged: &Merged, previous: Option<&Snapshot>| {
            let checked = check(install, merged);
            Snapshot::build(checked, &install.servers_transport, &["web"], previous)
        };
        let mut present = apply(&states[0], None);
        let mut turn = 0;
        bencher.iter(|| {
            turn += 1;
            present = apply(&states[turn % 2], Some(&present));
        });
        assert_eq!(present.routes.len(), count);
    });
}

/// One plain entry point.
fn install() -> Install {
    let address = format!("--entryPoints.{}.address=:80", many::ENTRY_POINT);
    let sources = Sources { arguments: vec![address], ..Sources::default() };
    load_install(&sources).expect("valid options").install
}

fn routers(count: usize) -> Configuration {
    decode_routing_file("many.yml", &many::host_routers(count), Format::Yaml).expect("YAML")
}

fn merged(written: Configuration) -> Merged {
    Merged::from([(Arc::from("file"), Arc::new(written))])
}
