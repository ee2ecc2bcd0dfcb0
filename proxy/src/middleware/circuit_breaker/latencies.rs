//! How long answers took in the last minute, to a hundredth.
//!
//! Six histograms of ten seconds each. Every power of two is cut into 128 steps, as Traefik's
//! histogram has them; a histogram that nobody needs is not allocated.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Histograms, and how many seconds each lasts.
const SLOTS: u32 = 6;
const SECONDS: u32 = 10;

/// Steps of each power of two.
const STEPS: u64 = 128;

/// The longest that counts, microseconds: an hour and a bit. What took longer was a tunnel or a stream,
/// whose length says nothing of how fast the service answers.
const LONGEST: u64 = u32::MAX as u64;

/// Steps of a histogram: up to 256 microseconds one each, then 128 for each power of two.
const COUNTS: usize = (STEPS * 26) as usize;

#[derive(Debug, Default)]
pub(super) struct Latencies {
    slots: [Slot; SLOTS as usize],
}

#[derive(Debug, Default)]
struct Slot {
    /// Which ten seconds it is of; 0: none.
    period: AtomicU32,
    counts: OnceLock<Box<[AtomicU32]>>,
}

/// The step of a latency, microseconds.
fn step(microseconds: u64) -> usize {
    let shift = microseconds.max(STEPS).ilog2() - STEPS.ilog2();
    usize::try_from(u64::from(shift) * STEPS + (microseconds >> shift)).unwrap_or(usize::MAX)
}

/// The longest latency of a step, microseconds.
fn longest(step: usize) -> u64 {
    let step = step as u64;
    let shift = (step / STEPS).saturating_sub(1);
    ((step - shift * STEPS + 1) << shift) - 1
}

impl Slot {
    fn counts(&self) -> &[AtomicU32] {
        self.counts.get_or_init(|| (0..COUNTS).map(|_| AtomicU32::new(0)).collect())
    }
}

impl Latencies {
    /// An answer took so long; `second` is the present one, at least [`SECONDS`].
    ///
    /// What other threads add just when ten seconds begin may be lost.
    pub(super) fn add(&self, second: u32, latency: Duration) {
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        if microseconds > LONGEST {
            return;
        }
        let period = second / SECONDS;
        let Some(slot) = self.slots.get((period % SLOTS) as usize) else { return };
        let before = slot.period.load(Ordering::Relaxed);
        let counts = slot.counts();
        let order = Ordering::Relaxed;
        if before != period && slot.period.compare_exchange(before, period, order, order).is_ok() {
            counts.iter().for_each(|count| count.store(0, order));
        }
        if let Some(count) = counts.get(step(microseconds)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Below which so many of a hundred were, whole milliseconds; 0 if there were none.
    pub(super) fn at(&self, quantile: f64, second: u32) -> i64 {
        let period = second / SECONDS;
        let mut sums = vec![0_u64; COUNTS];
        let mut total = 0_u64;
        for slot in &self.slots {
            let of = slot.period.load(Ordering::Relaxed);
            if of == 0 || period.wrapping_sub(of) >= SLOTS {
                continue;
            }
            for (sum, count) in sums.iter_mut().zip(slot.counts()) {
                let count = u64::from(count.load(Ordering::Relaxed));
                *sum += count;
                total += count;
            }
        }
        let wanted = (quantile.clamp(0.0, 100.0) / 100.0 * total as f64 + 0.5) as u64;
        let mut seen = 0;
        let reached = sums.iter().position(|count| {
            seen += count;
            seen >= wanted
        });
        let microseconds = reached.map_or(0, longest);
        if total == 0 { 0 } else { i64::try_from(microseconds / 1000).unwrap_or(i64::MAX) }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        self.slots.iter().for_each(|slot| slot.period.store(0, Ordering::Relaxed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_a_hundredth() {
        for value in (0..2000).chain((0..30).map(|shift| 3_u64 << shift)).chain([LONGEST]) {
            let step = step(value);
            assert!(step < COUNTS, "{value}");
            let longest = longest(step);
            assert!(longest >= value, "{value} {longest}");
            assert!((longest - value) as f64 <= value as f64 / 100.0, "{value} {longest}");
        }
        assert_eq!(step(LONGEST), COUNTS - 1);
        assert_eq!(longest(COUNTS - 1), LONGEST);
        assert!((1..COUNTS).all(|step| longest(step) > longest(step - 1)));
    }

    fn filled(milliseconds: impl IntoIterator<Item = u64>, second: u32) -> Latencies {
        let latencies = Latencies::default();
        milliseconds
            .into_iter()
            .for_each(|latency| latencies.add(second, Duration::from_millis(latency)));
        latencies
    }

    #[test]
    fn quantiles() {
        // Milliseconds, the quantile, the answer (to a hundredth).
        let table: &[(&[u64], f64, i64)] = &[
            (&[], 50.0, 0),
            (&[100], 50.0, 100),
            (&[100], 100.0, 100),
            (&[1, 2, 3, 1000], 50.0, 2),
            (&[1, 2, 3, 1000], 75.0, 3),
            (&[1, 2, 3, 1000], 99.9, 1003),
            (&[1, 2, 3, 1000], 1000.0, 1003),
            (&[5, 5, 5, 5], 0.0, 0),
        ];
        for (latencies, quantile, expected) in table {
            let at = filled(latencies.iter().copied(), 10).at(*quantile, 10);
            assert_eq!(at, *expected, "{latencies:?} {quantile}");
        }
    }

    #[test]
    fn what_took_longer_than_an_hour_does_not_count() {
        // Milliseconds; the median.
        let (most, over) = (LONGEST / 1000, LONGEST / 1000 + 1);
        let table: &[(&[u64], i64)] = &[
            (&[7_200_000], 0),
            (&[over, over, over, 7], 7),
            (&[u64::MAX, over], 0),
            (&[most, most, 7], 4_294_967),
        ];
        for (latencies, expected) in table {
            let at = filled(latencies.iter().copied(), 10).at(50.0, 10);
            assert_eq!(at, *expected, "{latencies:?}");
        }
    }

    #[test]
    fn a_minute_and_no_longer() {
        let latencies = filled([100; 10], 12);
        latencies.add(25, Duration::from_millis(500));
        assert_eq!(latencies.at(50.0, 30), 100);
        assert_eq!(latencies.at(50.0, 69), 100);
        assert_eq!(latencies.at(50.0, 70), 501);
        assert_eq!(latencies.at(50.0, 80), 0);
        // A minute later the same histogram is used again.
        latencies.add(72, Duration::from_millis(7));
        assert_eq!(latencies.at(50.0, 72), 7);
        assert_eq!(latencies.at(100.0, 72), 501);
        latencies.clear();
        assert_eq!(latencies.at(100.0, 72), 0);
        latencies.add(72, Duration::from_millis(9));
        assert_eq!(latencies.at(50.0, 72), 9);
        assert_eq!(latencies.at(100.0, 72), 9);
    }
}
