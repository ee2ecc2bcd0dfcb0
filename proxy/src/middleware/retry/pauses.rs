//! Pauses between tries: each longer than the one before, and none quite the same.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// No pause is longer, but for the first.
const LONGEST: Duration = Duration::from_secs(60);

/// Pauses that grow to twice the first one until the last try.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pauses {
    first: Duration,
    factor: f64,
}

impl Pauses {
    /// `attempts`: how many tries there are in all, at least two.
    pub(super) fn new(first: Duration, attempts: u64) -> Self {
        let gaps = attempts.saturating_sub(1).max(1);
        Self { first, factor: 2_f64.powf(1.0 / gaps as f64) }
    }

    /// The pause behind so many tries, before chance has its say.
    fn behind(&self, tries: u64) -> Duration {
        let grown = tries.saturating_sub(1);
        if grown == 0 {
            return self.first;
        }
        let pause = self.first.as_secs_f64() * self.factor.powf(grown as f64);
        Duration::from_secs_f64(pause.min(LONGEST.as_secs_f64()))
    }

    /// The same, half to one and a half times as long.
    pub(super) fn next(&self, tries: u64) -> Duration {
        if self.first.is_zero() {
            return Duration::ZERO;
        }
        // Keys are random.
        let chance = RandomState::new().hash_one(tries) >> 11;
        let chance = chance as f64 / (1_u64 << 53) as f64;
        self.behind(tries).mul_f64(0.5 + chance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grow_to_twice_the_first() {
        let pauses = Pauses::new(Duration::from_millis(100), 5);
        let milliseconds: Vec<_> = (1..5).map(|tries| pauses.behind(tries).as_millis()).collect();
        assert_eq!(milliseconds, [100, 118, 141, 168]);
        assert_eq!(pauses.behind(5), Duration::from_millis(200));
    }

    #[test]
    fn chance_is_half_as_much() {
        let pauses = Pauses::new(Duration::from_millis(100), 2);
        let seen: Vec<_> = (0..1000).map(|_| pauses.next(1)).collect();
        let (least, most) = (seen.iter().min().unwrap(), seen.iter().max().unwrap());
        assert!(*least >= Duration::from_millis(50) && *most <= Duration::from_millis(150));
        assert!(*least < Duration::from_millis(60) && *most > Duration::from_millis(140));
        assert_eq!(Pauses::new(Duration::ZERO, 2).next(1), Duration::ZERO);
    }

    #[test]
    fn ends() {
        let hours = Pauses::new(Duration::from_secs(7200), 10);
        assert_eq!(hours.behind(1), Duration::from_secs(7200));
        assert_eq!(hours.behind(2), LONGEST);
        let many = Pauses::new(Duration::from_secs(1), u64::MAX);
        assert!(many.next(u64::MAX) <= LONGEST * 2);
    }
}
