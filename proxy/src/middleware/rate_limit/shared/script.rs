//! What Redis does to take a token: the arithmetic of [`super::super::buckets`] on what Traefik
//! stores, so that instances of both may share their buckets.

use std::fmt::Write;
use std::time::Duration;

use sha1::{Digest, Sha1};

/// A bucket is a hash: `tokens`, and `last`, the time at which there were so many (microseconds).
/// The clock is the store's: those of the instances may differ. It answers how long to wait for the
/// token, in microseconds; where that is longer than `ARGV[4]`, none was taken.
const TEXT: &str = r"
local rate, burst, patience = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000000 + tonumber(clock[2])
local stored = redis.call('HMGET', KEYS[1], 'last', 'tokens')
local last, tokens = tonumber(stored[1] or ''), tonumber(stored[2] or '')
if last and tokens then
  tokens = math.min(tokens + math.max(now - last, 0) * rate, burst)
else
  tokens = burst
end
tokens = tokens - 1
local wait = 0
if tokens < 0 then
  wait = -tokens / rate
  if wait > patience then tokens = tokens + 1 end
end
redis.call('HSET', KEYS[1], 'last', string.format('%.0f', now), 'tokens', string.format('%.17g', tokens))
redis.call('EXPIRE', KEYS[1], ARGV[3])
return math.ceil(math.min(wait, 9e15))
";

/// Redis takes no longer time for which to keep something, seconds: 30 years are for ever.
const LONGEST: f64 = 1e9;

/// The script and its numbers for one limit.
#[derive(Debug)]
pub(super) struct Script {
    sum: String,
    rate: String,
    burst: String,
    keep: String,
    patience: String,
}

impl Script {
    /// `rate`: tokens a second. `burst`: tokens in a full bucket. `patience`: how long a request
    /// may be held.
    pub(super) fn new(rate: f64, burst: u64, patience: Duration) -> Self {
        let mut sum = String::with_capacity(40);
        for byte in Sha1::digest(TEXT) {
            // Writing to memory does not fail.
            let _ = write!(sum, "{byte:02x}");
        }
        // As long as a request counts, and never shorter than with Traefik.
        let traefik = if rate >= 1.0 { 2.0 } else { 1.0 + (1.0 / rate).floor() };
        let keep = (burst as f64 / rate).ceil().max(traefik).min(LONGEST);
        Self {
            sum,
            rate: format!("{:e}", rate / 1e6),
            burst: burst.to_string(),
            keep: format!("{keep:.0}"),
            patience: patience.as_micros().to_string(),
        }
    }

    /// Writes the command that runs it on `key`: by its sum, which Redis knows from the second time
    /// on, or `whole`.
    pub(super) fn write(&self, into: &mut Vec<u8>, key: &[u8], whole: bool) {
        let (command, script): (&[u8], &[u8]) = match whole {
            true => (b"EVAL", TEXT.as_bytes()),
            false => (b"EVALSHA", self.sum.as_bytes()),
        };
        let numbers = [&self.rate, &self.burst, &self.keep, &self.patience].map(|it| it.as_bytes());
        let [rate, burst, keep, patience] = numbers;
        super::resp::write(into, &[command, script, b"1", key, rate, burst, keep, patience]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        // Rate, burst, patience in milliseconds; what Redis is told.
        let table = [
            (1.0, 5, 500, ["1e-6", "5", "5", "500000"]),
            (100.0, 1, 5, ["1e-4", "1", "2", "5000"]),
            (0.5, 1, 500, ["5e-7", "1", "3", "500000"]),
            (1e-12, 7, 500, ["1e-18", "7", "1000000000", "500000"]),
            (1e12, u64::MAX, 0, ["1e6", "18446744073709551615", "18446745", "0"]),
        ];
        for (rate, burst, patience, [told_rate, told_burst, keep, told_patience]) in table {
            let script = Script::new(rate, burst, Duration::from_millis(patience));
            assert_eq!(script.rate, told_rate);
            assert_eq!(script.burst, told_burst);
            assert_eq!(script.keep, keep);
            assert_eq!(script.patience, told_patience);
        }
    }

    #[test]
    fn commands() {
        let script = Script::new(1.0, 5, Duration::from_millis(500));
        let (mut by_sum, mut whole) = (Vec::new(), Vec::new());
        script.write(&mut by_sum, b"rate:m@file:k", false);
        script.write(&mut whole, b"rate:m@file:k", true);
        let text = String::from_utf8(by_sum).unwrap();
        let sum = &script.sum;
        assert_eq!(sum.len(), 40);
        assert!(text.starts_with(&format!("*8\r\n$7\r\nEVALSHA\r\n$40\r\n{sum}\r\n$1\r\n1\r\n")));
        assert!(text.ends_with(
            "$13\r\nrate:m@file:k\r\n$4\r\n1e-6\r\n$1\r\n5\r\n$1\r\n5\r\n$6\r\n500000\r\n"
        ));
        assert!(String::from_utf8(whole).unwrap().contains(TEXT));
    }
}
