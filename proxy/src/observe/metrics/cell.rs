//! Counters that one thread writes and others may read.
//!
//! Only their thread adds to them, so a load and a store do: no locked instruction, no line of
//! cache that travels between cores but when somebody reads the metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One number.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    /// By its own thread only.
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// By its own thread only.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One finished request, as it is counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    /// From its head to the end of its answer.
    pub duration: Duration,
    /// Its body, bytes.
    pub received: u64,
    /// The answer's body, bytes.
    pub sent: u64,
}

/// The places of a cell before its buckets.
const NANOSECONDS: usize = 0;
const RECEIVED: usize = 1;
const SENT: usize = 2;
const BUCKETS: usize = 3;

/// All that is counted of the requests of one key: their time, bytes, and a histogram of their
/// durations, whose buckets together tell how many there were.
///
/// A clone is the same cell.
#[derive(Clone, Debug)]
pub(super) struct Cell(Arc<[Count]>);

impl Cell {
    /// For a histogram with so many upper bounds; one bucket more is for what exceeds them all.
    pub fn new(bounds: usize) -> Self {
        Self((0..=bounds.saturating_add(BUCKETS)).map(|_| Count::default()).collect())
    }

    /// Counts one request. `bounds`: the upper bounds in ascending order, nanoseconds.
    pub fn add(&self, sample: &Sample, bounds: &[u64]) {
        let nanoseconds = u64::try_from(sample.duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = bounds.iter().position(|bound| nanoseconds <= *bound).unwrap_or(bounds.len());
        let add = |place: usize, more: u64| {
            if let Some(count) = self.0.get(place) {
                count.add(more);
            }
        };
        add(NANOSECONDS, nanoseconds);
        if sample.received > 0 {
            add(RECEIVED, sample.received);
        }
        add(SENT, sample.sent);
        add(BUCKETS + bucket, 1);
    }
}

/// Sums of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals(Vec<u64>);

impl Totals {
    /// Adds what a cell has now.
    pub fn add(&mut self, cell: &Cell) {
        if self.0.len() < cell.0.len() {
            self.0.resize(cell.0.len(), 0);
        }
        for (sum, count) in self.0.iter_mut().zip(cell.0.iter()) {
            *sum = sum.wrapping_add(count.get());
        }
    }

    fn at(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or_default()
    }

    /// All durations together, seconds.
    pub fn seconds(&self) -> f64 {
        self.at(NANOSECONDS) as f64 / 1e9
    }

    pub fn received(&self) -> u64 {
        self.at(RECEIVED)
    }

    pub fn sent(&self) -> u64 {
        self.at(SENT)
    }

    /// How many there were in each bucket and in those below it; the last are all.
    pub fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.0.get(BUCKETS..).unwrap_or_default().iter().scan(0u64, |sum, count| {
            *sum = sum.wrapping_add(*count);
            Some(*sum)
        })
    }

    /// How many there were.
    pub fn requests(&self) -> u64 {
        self.cumulative().last().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram() {
        let bounds = [100, 300, 5_000];
        let cell = Cell::new(bounds.len());
        let mut totals = Totals::default();
        assert_eq!(totals.requests(), 0);
        for (nanoseconds, received, sent) in
            [(0, 1, 10), (100, 0, 20), (101, 0, 30), (300, 0, 0), (5_001, 2, 0), (u64::MAX, 0, 0)]
        {
            let duration = Duration::from_nanos(nanoseconds);
            cell.add(&Sample { duration, received, sent }, &bounds);
        }
        totals.add(&cell);
        assert_eq!(totals.cumulative().collect::<Vec<_>>(), [2, 4, 4, 6]);
        assert_eq!((totals.requests(), totals.received(), totals.sent()), (6, 3, 60));
        // Longer than 585 years wraps; it does not panic.
        assert_eq!(totals.seconds(), 5_501.0 / 1e9);
        totals.add(&cell);
        assert_eq!((totals.requests(), totals.sent()), (12, 120));
    }

    #[test]
    fn without_bounds() {
        let cell = Cell::new(0);
        cell.add(&Sample { duration: Duration::from_secs(2), ..Sample::default() }, &[]);
        let mut totals = Totals::default();
        totals.add(&cell);
        assert_eq!(totals.cumulative().collect::<Vec<_>>(), [1]);
        assert_eq!(totals.seconds(), 2.0);
    }
}
