//! Token buckets by source, with bounded memory.
//!
//! A bucket is one number: the time at which it will be full again. Taking a token moves that on by
//! the time in which one flows in. A bucket that is full needs no memory: it is forgotten.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Threads that count different sources rarely meet.
const SHARDS: usize = 16;

/// So many sources are remembered, as by Traefik.
const MOST: usize = 65_536 / SHARDS;

/// Buckets of one size and rate. Times are nanoseconds since some moment that the caller chooses.
#[derive(Debug)]
pub struct Buckets {
    /// How long one token takes to flow in.
    interval: u64,
    /// How long a whole bucket takes.
    depth: u64,
    /// The longest that a request is held for its token.
    patience: u64,
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// When each source's bucket will be full.
type Shard = HashMap<Box<[u8]>, u64>;

/// What a request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// It may go on.
    Now,
    /// It may go on after so long: the token is its own already.
    After(Duration),
    /// None; there would be one after so long.
    None(Duration),
}

impl Buckets {
    /// `rate`: tokens a second, more than 0. `burst`: tokens in a full bucket, 1 or more.
    /// `patience`: the longest that a request is held.
    pub fn new(rate: f64, burst: u64, patience: Duration) -> Self {
        // A rate of less than a token in three hundred years is as good as that.
        let nanoseconds = |tokens: f64| (tokens * 1e9 / rate).min(1e19) as u64;
        Self {
            interval: nanoseconds(1.0).max(1),
            depth: nanoseconds(burst as f64).max(1),
            patience: u64::try_from(patience.as_nanos()).unwrap_or(u64::MAX),
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }

    fn shard(&self, source: &[u8]) -> MutexGuard<'_, Shard> {
        let number = usize::try_from(self.hasher.hash_one(source) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        let shard = self.shards.get(number).unwrap_or(first);
        // Nothing panics while it holds one.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a token from the source's bucket.
    pub fn take(&self, source: &[u8], now: u64) -> Token {
        let mut shard = self.shard(source);
        let full_at =
            shard.get(source).copied().unwrap_or(0).max(now).saturating_add(self.interval);
        let wait = (full_at - now).saturating_sub(self.depth);
        if wait > self.patience {
            return Token::None(Duration::from_nanos(wait));
        }
        if let Some(known) = shard.get_mut(source) {
            *known = full_at;
        } else {
            if shard.len() >= MOST {
                make_room(&mut shard, now);
            }
            shard.insert(source.into(), full_at);
        }
        match wait {
            0 => Token::Now,
            wait => Token::After(Duration::from_nanos(wait)),
        }
    }

    /// How many tokens are left to the source.
    pub fn left(&self, source: &[u8], now: u64) -> u64 {
        let missing = self.shard(source).get(source).copied().unwrap_or(0).saturating_sub(now);
        self.depth.saturating_sub(missing) / self.interval
    }
}

/// Forgets the full buckets, or an eighth of all: those that are the nearest to it.
fn make_room(shard: &mut Shard, now: u64) {
    shard.retain(|_, full_at| *full_at > now);
    if shard.len() > MOST - MOST / 8 {
        let mut times: Vec<u64> = shard.values().copied().collect();
        let (_, limit, _) = times.select_nth_unstable(MOST / 8);
        let (limit, mut surplus) = (*limit, MOST / 8);
        shard.retain(|_, full_at| {
            let stays = *full_at > limit || surplus == 0;
            surplus -= usize::from(!stays);
            stays
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn after(milliseconds: u64) -> Token {
        Token::After(Duration::from_millis(milliseconds))
    }

    fn none(milliseconds: u64) -> Token {
        Token::None(Duration::from_millis(milliseconds))
    }

    #[test]
    fn takes() {
        // Two a second, three at once, held for up to a quarter of a second.
        let buckets = Buckets::new(2.0, 3, Duration::from_millis(250));
        let table = [
            // Milliseconds, source, token.
            (0, "a", Token::Now),
            (0, "a", Token::Now),
            (0, "a", Token::Now),
            (0, "a", none(500)),
            (0, "b", Token::Now),
            (249, "a", none(251)),
            (250, "a", after(250)),
            (250, "a", none(750)),
            (750, "a", after(250)),
            (2500, "a", Token::Now),
            (2500, "a", Token::Now),
            (2500, "a", Token::Now),
            (2500, "a", none(500)),
        ];
        for (number, (at, source, token)) in table.into_iter().enumerate() {
            let taken = buckets.take(source.as_bytes(), at * SECOND / 1000);
            assert_eq!(taken, token, "{number}: {source} at {at}");
        }
        assert_eq!(buckets.left(b"a", 2500 * SECOND / 1000), 0);
        assert_eq!(buckets.left(b"a", 3000 * SECOND / 1000), 1);
        assert_eq!(buckets.left(b"c", 0), 3);
    }

    #[test]
    fn odd_rates() {
        for (rate, burst) in [(1e-30, 1), (1e30, 1), (1.0, u64::MAX), (f64::MIN_POSITIVE, u64::MAX)]
        {
            let buckets = Buckets::new(rate, burst, Duration::ZERO);
            for now in [0, 1, SECOND, u64::MAX / 2] {
                buckets.take(b"a", now);
            }
        }
        assert_eq!(Buckets::new(1e-30, 1, Duration::ZERO).take(b"a", 1), Token::Now);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let buckets = Buckets::new(1.0, 1, Duration::ZERO);
        assert_eq!(buckets.take(b"late", 50 * SECOND), Token::Now);
        for number in 0..200_000_u64 {
            buckets.take(&number.to_le_bytes(), 0);
        }
        let kept: usize = buckets.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!((30_000..=65_536).contains(&kept), "{kept}");
        // The one that is the farthest from being full is still known.
        assert!(matches!(buckets.take(b"late", 50 * SECOND), Token::None(_)));
        // The full ones make room without any other being lost.
        for number in 0..65_536_u64 {
            buckets.take(&(number + 1_000_000).to_le_bytes(), 40 * SECOND);
        }
        assert!(matches!(buckets.take(b"late", 50 * SECOND), Token::None(_)));
    }
}
