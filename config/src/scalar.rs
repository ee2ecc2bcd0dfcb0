//! Scalars as Traefik writes them: Go durations.

use std::fmt;
use std::time::Duration as StdDuration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration: a bare integer is seconds, anything else is Go's notation (`1h30m`, `1.5s`,
/// `100ms`). Negative values are kept apart because Traefik gives some of them a meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration {
    nanoseconds: i64,
}

impl Duration {
    /// A whole number of seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Self { nanoseconds: seconds.saturating_mul(1_000_000_000) }
    }

    /// A whole number of milliseconds.
    pub const fn from_millis(milliseconds: i64) -> Self {
        Self { nanoseconds: milliseconds.saturating_mul(1_000_000) }
    }

    /// A number of nanoseconds.
    pub const fn from_nanos(nanoseconds: i64) -> Self {
        Self { nanoseconds }
    }

    /// The time it stands for; `None` when zero or negative (Traefik's "no limit").
    pub fn positive(self) -> Option<StdDuration> {
        (self.nanoseconds > 0).then(|| StdDuration::from_nanos(self.nanoseconds as u64))
    }

    /// The time it stands for; negative counts as zero.
    pub fn or_zero(self) -> StdDuration {
        self.positive().unwrap_or_default()
    }

    /// Nanoseconds, possibly negative.
    pub fn nanoseconds(self) -> i64 {
        self.nanoseconds
    }

    /// Reads a duration; the error says what is wrong and what is expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            // Whoever wrote a megabyte here need not read it again.
            let text: String = text.chars().take(60).collect();
            format!(
                "{text:?} is not a duration: a number of seconds, or numbers with units \
                 (ns, us, ms, s, m, h) such as \"1h30m\" or \"100ms\""
            )
        };
        if let Ok(seconds) = text.parse::<i64>() {
            return seconds
                .checked_mul(1_000_000_000)
                .map(|nanoseconds| Self { nanoseconds })
                .ok_or_else(wrong);
        }
        let (negative, mut rest) = match text.as_bytes().first() {
            Some(b'-') => (true, text.get(1..).unwrap_or_default()),
            Some(b'+') => (false, text.get(1..).unwrap_or_default()),
            _ => (false, text),
        };
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut total: f64 = 0.0;
        while !rest.is_empty() {
            let end = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .filter(|end| *end > 0)
                .ok_or_else(wrong)?;
            let (digits, after) = rest.split_at(end);
            let number: f64 = digits.parse().map_err(|_| wrong())?;
            let end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            let unit = match unit {
                "ns" => 1.0,
                "us" | "µs" | "μs" => 1e3,
                "ms" => 1e6,
                "s" => 1e9,
                "m" => 60e9,
                "h" => 3600e9,
                _ => return Err(wrong()),
            };
            total += number * unit;
            rest = after;
        }
        if total >= i64::MAX as f64 {
            return Err(wrong());
        }
        let nanoseconds = total.round() as i64;
        Ok(Self { nanoseconds: if negative { -nanoseconds } else { nanoseconds } })
    }
}

/// Prints as Go does: `1m0s`, `100ms`, `1.5s`, `0s`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nanoseconds < 0 {
            f.write_str("-")?;
        }
        let total = self.nanoseconds.unsigned_abs();
        let fraction = |value: u64, unit: u64| {
            let text = format!(
                "{}.{:0width$}",
                value / unit,
                value % unit,
                width = match unit {
                    1_000 => 3,
                    1_000_000 => 6,
                    _ => 9,
                }
            );
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        };
        match total {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{total}ns"),
            1_000..1_000_000 => write!(f, "{}µs", fraction(total, 1_000)),
            1_000_000..1_000_000_000 => write!(f, "{}ms", fraction(total, 1_000_000)),
            _ => {
                let minutes = total / 60_000_000_000;
                let seconds = fraction(total % 60_000_000_000, 1_000_000_000);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => write!(f, "{seconds}s"),
                    (0, minutes) => write!(f, "{minutes}m{seconds}s"),
                    (hours, minutes) => write!(f, "{hours}h{minutes}m{seconds}s"),
                }
            }
        }
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::Duration;

    #[test]
    fn durations() {
        let table: &[(&str, Option<i64>, &str)] = &[
            ("15", Some(15_000_000_000), "15s"),
            ("1h30m", Some(5_400_000_000_000), "1h30m0s"),
            ("1.5s", Some(1_500_000_000), "1.5s"),
            ("100ms", Some(100_000_000), "100ms"),
            ("-1", Some(-1_000_000_000), "-1s"),
            ("0", Some(0), "0s"),
            ("1m", Some(60_000_000_000), "1m0s"),
            ("250us", Some(250_000), "250µs"),
            ("1d", None, ""),
            ("", None, ""),
            ("s", None, ""),
            ("1..5s", None, ""),
            ("9999999999999999h", None, ""),
            ("+5", Some(5_000_000_000), "5s"),
            ("-1.5h", Some(-5_400_000_000_000), "-1h30m0s"),
            ("1h1", None, ""),
            ("-", None, ""),
            (".", None, ""),
            (".5s", Some(500_000_000), "500ms"),
            ("1é", None, ""),
            ("é", None, ""),
            (" 1s", None, ""),
            ("9223372036854775807", None, ""),
            ("3ns", Some(3), "3ns"),
            ("1500ms", Some(1_500_000_000), "1.5s"),
        ];
        for (text, nanoseconds, printed) in table {
            let parsed = Duration::parse(text);
            assert_eq!(parsed.as_ref().ok().map(|d| d.nanoseconds()), *nanoseconds, "{text:?}");
            if let Ok(duration) = parsed {
                assert_eq!(duration.to_string(), *printed, "{text:?}");
            }
        }
    }
}
