//! Requests put on a running peer, and its clocks read around the measured part.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::instance::Instance;
use super::loads::Load;
use super::proc::{Cpu, Tree, core_busy};
use crate::generate::{self, Failures, Outcome, Pace, Work};
use crate::peer::Routes;
use crate::report::Metric;

/// What one round of one load on one peer showed.
#[derive(Debug, Default)]
pub struct Sample {
    /// The figures.
    pub figures: BTreeMap<Metric, f64>,
    /// Good answers.
    pub requests: u64,
    /// Failed requests by cause.
    pub failed: BTreeMap<String, u64>,
    /// What TLS negotiated.
    pub tls: Option<String>,
    /// For the reader.
    pub notes: Vec<String>,
}

/// How long, and on which cores.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Not measured.
    pub warm_up: Duration,
    /// Measured.
    pub measured: Duration,
    /// The proxy's core, if it has one for itself.
    pub core: Option<usize>,
}

/// All clocks at one time.
struct Reading {
    at: Instant,
    proxy: Cpu,
    own: Cpu,
    core: Duration,
}

impl Reading {
    fn now(instance: &Instance, core: Option<usize>) -> Self {
        Self {
            at: Instant::now(),
            proxy: instance.tree.cpu(),
            own: Tree::own().cpu(),
            core: core.map_or(Duration::ZERO, core_busy),
        }
    }
}

/// Puts `load` on the peer and measures; `at_start` is called when the measured part begins.
///
/// # Errors
/// In words.
pub fn requests(
    instance: &mut Instance,
    load: &Load,
    pace: Pace,
    span: Span,
    at_start: impl FnMut(),
) -> Result<Sample, String> {
    let mut sample = Sample::default();
    let work = work(instance, load, pace, span);
    let outcome = observed(instance, &work, span, at_start, &mut sample)?;
    sample.figures.insert(Metric::ReadyMs, instance.ready.as_secs_f64() * 1e3);
    if let Pace::Open { rate } = pace {
        sample.figures.insert(Metric::Rate, rate);
        if outcome.rate() < rate * 0.97 {
            sample.notes.push("it cannot hold this rate".to_owned());
        }
    }
    if load.logged {
        about_logs(instance, &mut sample);
    }
    Ok(sample)
}

/// The generator's work for this load.
#[must_use]
pub fn work(instance: &Instance, load: &Load, pace: Pace, span: Span) -> Work {
    // Each of many routes shall have been used once, so that what a proxy makes at a route's
    // first use is not measured.
    let many = load.routes != Routes::One;
    let warm_up = if many { span.warm_up.max(Duration::from_secs(1)) } else { span.warm_up };
    Work { pace, warm_up, duration: span.measured, ..load.work(instance.target()) }
}

/// Runs the work and reads the clocks around its measured part into `sample`.
fn observed(
    instance: &mut Instance,
    work: &Work,
    span: Span,
    mut at_start: impl FnMut(),
    sample: &mut Sample,
) -> Result<Outcome, String> {
    let (mut before, mut after) = (None, None);
    let (mut resident, mut peak) = (0, 0);
    let outcome = generate::run(
        work,
        || {
            before = Some(Reading::now(instance, span.core));
            at_start();
        },
        || {
            after = Some(Reading::now(instance, span.core));
            resident = instance.tree.resident();
            peak = instance.tree.peak();
        },
    )
    .map_err(|error| format!("the generator: {error}"))?;
    instance.alive()?;
    let (Some(before), Some(after)) = (before, after) else {
        return Err("the generator measured nothing".to_owned());
    };
    figures(&outcome, &before, &after, &mut sample.figures);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    sample.figures.insert(Metric::ResidentMib, mib(resident));
    sample.figures.insert(Metric::PeakMib, mib(peak));
    if matches!(work.pace, Pace::Open { .. }) {
        let own_fault = outcome.late.saturating_sub(outcome.late_for_connection);
        sample.figures.insert(Metric::Late, own_fault as f64 / outcome.requests.max(1) as f64);
    }
    sample.requests += outcome.requests;
    count(&mut sample.failed, outcome.failures);
    if outcome.unanswered > 0 {
        *sample.failed.entry("unanswered".to_owned()).or_default() += outcome.unanswered;
    }
    sample.tls = outcome.tls.as_ref().map(|tls| {
        let parts = [&tls.version, &tls.cipher, &tls.group, &tls.alpn];
        let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    });
    Ok(outcome)
}

fn figures(
    outcome: &Outcome,
    before: &Reading,
    after: &Reading,
    figures: &mut BTreeMap<Metric, f64>,
) {
    let used = after.proxy.since(&before.proxy);
    let elapsed = after.at.duration_since(before.at).as_secs_f64().max(1e-9);
    if outcome.requests > 0 {
        let each = used.total.as_secs_f64() * 1e6 / outcome.requests as f64;
        figures.insert(Metric::CpuUs, each);
        figures.insert(Metric::UserUs, each * used.user_share);
        figures.insert(Metric::SystemUs, each * (1.0 - used.user_share));
    }
    figures.insert(Metric::PerSecond, outcome.rate());
    if !outcome.latency.is_empty() {
        for (metric, quantile) in
            [(Metric::P50Us, 0.5), (Metric::P99Us, 0.99), (Metric::P999Us, 0.999)]
        {
            let nanoseconds = outcome.latency.value_at_quantile(quantile);
            figures.insert(metric, nanoseconds as f64 / 1e3);
        }
    }
    let share = |used: Duration| used.as_secs_f64() / elapsed;
    let proxy = share(used.total);
    figures.insert(Metric::ProxyCore, proxy);
    figures.insert(Metric::LoadCore, share(after.own.since(&before.own).total));
    let all = share(after.core.saturating_sub(before.core));
    figures.insert(Metric::ForeignCore, (all - proxy).max(0.0));
}

/// Adds the causes that are there.
pub fn count(failed: &mut BTreeMap<String, u64>, failures: Failures) {
    let Failures { status, connect, tls, reset, timeout, body, protocol } = failures;
    let causes = [
        ("status", status),
        ("connect", connect),
        ("tls", tls),
        ("reset", reset),
        ("timeout", timeout),
        ("body", body),
        ("protocol", protocol),
    ];
    for (cause, n) in causes {
        if n > 0 {
            *failed.entry(cause.to_owned()).or_default() += n;
        }
    }
}

/// What a peer did not do of "access log and metrics on".
fn about_logs(instance: &Instance, sample: &mut Sample) {
    let size = |file| std::fs::metadata(file).map_or(0, |about| about.len());
    let log = instance.site.access_log.as_ref().map_or(0, size);
    // HAProxy logs to its standard output.
    if log.max(size(&instance.folder.join("output.log"))) < sample.requests {
        sample.notes.push("it wrote no access log".to_owned());
    }
    let metrics = instance.site.metrics.is_some_and(|address| {
        let status = super::ask::Asker::new(address).status("metrics.test", "/metrics");
        status.is_ok_and(|status| status == 200)
    });
    if !metrics {
        sample.notes.push("access log only, no metrics".to_owned());
    }
}
