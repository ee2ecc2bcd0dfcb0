//! Memory of connections that had one request each and are silent.

use std::time::Duration;

use super::instance::Instance;
use super::loads::Load;
use super::measure::{Sample, Span, count, work};
use crate::generate::{self, Pace};
use crate::report::Metric;

/// Before memory is read: what is given back when nothing happens shall have been given back.
const SILENCE: Duration = Duration::from_secs(2);

/// Opens `n` connections and reads what they cost.
///
/// # Errors
/// In words.
pub fn connections(
    instance: &mut Instance,
    load: &Load,
    n: usize,
    span: Span,
) -> Result<Sample, String> {
    let mut sample = Sample::default();
    let silence = SILENCE.min(span.measured);
    std::thread::sleep(silence);
    let before = instance.tree.resident();
    let work = work(instance, load, Pace::Closed, span);
    let mut held = generate::hold(&work, n).map_err(|error| format!("the generator: {error}"))?;
    std::thread::sleep(silence);
    instance.alive()?;
    let with = instance.tree.resident();
    let open = held.open();
    count(&mut sample.failed, held.failures());
    sample.requests = open as u64;
    let failed: u64 = sample.failed.values().sum();
    let lost = (n as u64).saturating_sub(open as u64).saturating_sub(failed);
    if lost > 0 {
        sample.failed.insert("closed".to_owned(), lost);
    }
    let kib = |bytes: u64| bytes as f64 / 1024.0;
    let each = (kib(with) - kib(before)) / open.max(1) as f64;
    sample.figures.insert(Metric::ConnectionKib, each);
    sample.figures.insert(Metric::ResidentMib, kib(with) / 1024.0);
    sample.figures.insert(Metric::PeakMib, kib(instance.tree.peak()) / 1024.0);
    sample.figures.insert(Metric::ReadyMs, instance.ready.as_secs_f64() * 1e3);
    Ok(sample)
}
