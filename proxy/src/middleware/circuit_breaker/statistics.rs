//! What a circuit breaker counts: only what its expression asks about.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::latencies::Latencies;
use crate::middleware::expression::{Expression, Function, Kind, Literal, Value};

/// Answers are counted by the second, for so many of them.
const SECONDS: u32 = 10;

/// What may stand in an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    NetworkErrors,
    /// From, to (not included), of from, to.
    Codes([i64; 4]),
    Latency(f64),
    Requests,
}

pub(super) const FUNCTIONS: [Function<Asked>; 4] = [
    Function {
        name: "NetworkErrorRatio",
        takes: &[],
        gives: Kind::Fraction,
        make: |_| Some(Asked::NetworkErrors),
    },
    Function {
        name: "ResponseCodeRatio",
        takes: &[Kind::Whole; 4],
        gives: Kind::Fraction,
        make: |arguments| match arguments {
            [
                Literal::Whole(from),
                Literal::Whole(to),
                Literal::Whole(of_from),
                Literal::Whole(of_to),
            ] => Some(Asked::Codes([*from, *to, *of_from, *of_to])),
            _ => None,
        },
    },
    Function {
        name: "LatencyAtQuantileMS",
        takes: &[Kind::Fraction],
        gives: Kind::Whole,
        make: |arguments| match arguments {
            [Literal::Fraction(quantile)] => Some(Asked::Latency(*quantile)),
            _ => None,
        },
    },
    Function {
        name: "RequestThreshold",
        takes: &[],
        gives: Kind::Whole,
        make: |_| Some(Asked::Requests),
    },
];

/// Where an asked value is found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Gauge {
    /// The counter of the one number, divided by the other's.
    Share(usize, usize),
    Count(usize),
    Latency(f64),
}

/// Which answers a counter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codes {
    All,
    Network,
    /// From, to (not included).
    Range(i64, i64),
}

/// Counts of the last seconds, each in the second's slot: the second (high half) and its count.
#[derive(Debug)]
struct Counter {
    codes: Codes,
    slots: [AtomicU64; SECONDS as usize],
}

#[derive(Debug, Default)]
pub(super) struct Statistics {
    counters: Vec<Counter>,
    latencies: Option<Box<Latencies>>,
}

impl Codes {
    fn hold(self, status: u16) -> bool {
        match self {
            Self::All => true,
            Self::Network => matches!(status, 502 | 504),
            Self::Range(from, to) => (from..to).contains(&i64::from(status)),
        }
    }
}

impl Counter {
    fn slot(&self, second: u32) -> Option<&AtomicU64> {
        self.slots.get((second % SECONDS) as usize)
    }

    fn add(&self, second: u32) {
        let Some(slot) = self.slot(second) else { return };
        // It never gives up: there is always an update.
        let _ = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |before| {
            let mine = before >> 32 == u64::from(second);
            Some(if mine { before.saturating_add(1) } else { u64::from(second) << 32 | 1 })
        });
    }

    fn count(&self, second: u32) -> u64 {
        let counted = |slot: &AtomicU64| {
            let value = slot.load(Ordering::Relaxed);
            let age = u64::from(second).checked_sub(value >> 32);
            match age {
                Some(age) if age < u64::from(SECONDS) => value & u64::from(u32::MAX),
                _ => 0,
            }
        };
        self.slots.iter().map(counted).sum()
    }
}

impl Statistics {
    /// Makes counters for what an expression asks about.
    pub(super) fn of(asked: Expression<Asked>) -> (Self, Expression<Gauge>) {
        let mut statistics = Self::default();
        let expression = asked.map(&mut |asked| match asked {
            Asked::NetworkErrors => {
                Gauge::Share(statistics.counter(Codes::Network), statistics.counter(Codes::All))
            }
            Asked::Codes([from, to, of_from, of_to]) => {
                let part = statistics.counter(Codes::Range(from, to));
                Gauge::Share(part, statistics.counter(Codes::Range(of_from, of_to)))
            }
            Asked::Requests => Gauge::Count(statistics.counter(Codes::All)),
            Asked::Latency(quantile) => {
                statistics.latencies.get_or_insert_default();
                Gauge::Latency(quantile)
            }
        });
        (statistics, expression)
    }

    fn counter(&mut self, codes: Codes) -> usize {
        if let Some(number) = self.counters.iter().position(|counter| counter.codes == codes) {
            return number;
        }
        self.counters.push(Counter { codes, slots: Default::default() });
        self.counters.len() - 1
    }

    /// An answer is over. `second` is the present one, at least [`Statistics::FIRST`].
    pub(super) fn add(&self, second: u32, status: u16, latency: Duration) {
        for counter in &self.counters {
            if counter.codes.hold(status) {
                counter.add(second);
            }
        }
        if let Some(latencies) = &self.latencies {
            latencies.add(second, latency);
        }
    }

    /// The second to begin with: older ones are none.
    pub(super) const FIRST: u32 = SECONDS;

    /// What the last seconds say.
    pub(super) fn value(&self, gauge: &Gauge, second: u32) -> Value<'static> {
        let count =
            |number: usize| self.counters.get(number).map_or(0, |counter| counter.count(second));
        match *gauge {
            Gauge::Count(number) => Value::Whole(i64::try_from(count(number)).unwrap_or(i64::MAX)),
            Gauge::Share(part, of) => Value::Fraction(match count(of) {
                0 => 0.0,
                of => count(part) as f64 / of as f64,
            }),
            Gauge::Latency(quantile) => {
                let latencies = self.latencies.as_ref();
                Value::Whole(latencies.map_or(0, |latencies| latencies.at(quantile, second)))
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        for slot in self.counters.iter().flat_map(|counter| &counter.slots) {
            slot.store(0, Ordering::Relaxed);
        }
        if let Some(latencies) = &self.latencies {
            latencies.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_millis(3);

    fn of(text: &str) -> (Statistics, Expression<Gauge>) {
        Statistics::of(Expression::parse(text, &FUNCTIONS).unwrap())
    }

    #[test]
    fn what_is_asked() {
        // The expression, statuses, whether it holds.
        let table: &[(&str, &[u16], bool)] = &[
            ("NetworkErrorRatio() == 0.0", &[], true),
            ("NetworkErrorRatio() == 0.5", &[200, 502, 504, 500], true),
            ("NetworkErrorRatio() > 0.5", &[200, 502, 504, 500], false),
            ("ResponseCodeRatio(500, 600, 0, 600) == 0.25", &[200, 204, 404, 500], true),
            ("ResponseCodeRatio(500, 503, 500, 600) == 0.5", &[200, 502, 503], true),
            ("ResponseCodeRatio(500, 600, 200, 300) > 0.0", &[500, 404], false),
            ("ResponseCodeRatio(200, 201, 404, 405) == 2.0", &[200, 404, 200], true),
            ("LatencyAtQuantileMS(50.0) == 3", &[200], true),
            ("LatencyAtQuantileMS(50.0) == 0", &[], true),
            ("RequestThreshold() >= 3 && NetworkErrorRatio() > 0.5", &[502, 502], false),
            ("RequestThreshold() >= 3 && NetworkErrorRatio() > 0.5", &[502, 502, 502], true),
        ];
        for (text, statuses, expected) in table {
            let (statistics, expression) = of(text);
            statuses.iter().for_each(|status| statistics.add(10, *status, MOMENT));
            let holds = expression.holds(&|gauge| statistics.value(gauge, 10));
            assert_eq!(holds, *expected, "{text} {statuses:?}");
        }
    }

    #[test]
    fn only_what_is_asked_is_kept() {
        let (statistics, _) = of("NetworkErrorRatio() > 0.1 || NetworkErrorRatio() > 0.2");
        assert_eq!(statistics.counters.len(), 2);
        assert!(statistics.latencies.is_none());
        let (statistics, _) = of("LatencyAtQuantileMS(50.0) > 1 || LatencyAtQuantileMS(9.0) > 1");
        assert!(statistics.counters.is_empty() && statistics.latencies.is_some());
    }

    #[test]
    fn ten_seconds_and_no_longer() {
        let (statistics, _) = of("RequestThreshold() > 1");
        let count = |second| match statistics.value(&Gauge::Count(0), second) {
            Value::Whole(count) => count,
            other => panic!("{other:?}"),
        };
        assert_eq!((count(10), count(15)), (0, 0));
        statistics.add(10, 200, MOMENT);
        statistics.add(10, 200, MOMENT);
        statistics.add(12, 200, MOMENT);
        assert_eq!((count(12), count(19), count(20), count(22)), (3, 3, 1, 0));
        statistics.add(20, 200, MOMENT);
        assert_eq!((count(20), count(21)), (2, 2));
        statistics.clear();
        assert_eq!(count(21), 0);
    }

    #[test]
    fn counts_over_threads() {
        let (statistics, _) = of("RequestThreshold() > 1");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..10_000).for_each(|_| statistics.add(10, 200, MOMENT)));
            }
        });
        assert_eq!(statistics.value(&Gauge::Count(0), 10), Value::Whole(40_000));
    }
}
