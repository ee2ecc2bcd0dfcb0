//! The nonces that were handed out, and how often each was used.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::random;

/// When there are more, the oldest go, as many at once: first those that nobody has used.
const MOST: usize = 1100;
const AT_ONCE: usize = 200;

/// The nonces of one middleware.
#[derive(Default)]
pub(super) struct Nonces(Mutex<State>);

#[derive(Default)]
struct State {
    nonces: HashMap<Box<str>, Nonce>,
    /// Counts what happens, so that it is known what came before what.
    now: u64,
}

struct Nonce {
    /// The count it was used with last.
    count: u64,
    /// When it was handed out or used last.
    seen: u64,
}

/// What becomes of a nonce that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// For the first time with this count.
    Fresh,
    /// Others came with higher counts before it.
    Stale,
    /// It is not ours, or the same was here before.
    Wrong,
}

impl fmt::Debug for Nonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nonces")
    }
}

/// 16 characters that nobody can guess.
pub(super) fn token() -> Option<String> {
    random::<12>().map(|bytes| STANDARD.encode(bytes))
}

impl Nonces {
    /// A new one.
    pub(super) fn issue(&self) -> Option<String> {
        let nonce = token()?;
        self.state().add(nonce.as_str().into());
        Some(nonce)
    }

    /// Uses one. Only after everything else was right: it cannot be used again.
    pub(super) fn spend(&self, nonce: &str, count: u64) -> Use {
        let mut state = self.state();
        state.now += 1;
        let now = state.now;
        let Some(nonce) = state.nonces.get_mut(nonce) else { return Use::Wrong };
        if count == nonce.count {
            return Use::Wrong;
        }
        if count < nonce.count {
            return Use::Stale;
        }
        (nonce.count, nonce.seen) = (count, now);
        Use::Fresh
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn add(&mut self, nonce: Box<str>) {
        if self.nonces.len() >= MOST {
            // Strangers cannot push out those who have shown who they are.
            let age = |nonce: &Nonce| (nonce.count > 0, nonce.seen);
            let mut ages: Vec<_> = self.nonces.values().map(age).collect();
            ages.sort_unstable();
            if let Some(last) = ages.get(AT_ONCE - 1) {
                self.nonces.retain(|_, nonce| age(nonce) > *last);
            }
        }
        self.now += 1;
        self.nonces.insert(nonce, Nonce { count: 0, seen: self.now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let nonces = Nonces::default();
        let nonce = nonces.issue().unwrap();
        assert_eq!(nonce.len(), 16);
        assert_eq!(nonces.spend("another", 1), Use::Wrong);
        let table = [
            (0, Use::Wrong),
            (1, Use::Fresh),
            (1, Use::Wrong),
            (5, Use::Fresh),
            (4, Use::Stale),
            (5, Use::Wrong),
            (u64::MAX, Use::Fresh),
            (6, Use::Stale),
        ];
        for (count, expected) in table {
            assert_eq!(nonces.spend(&nonce, count), expected, "{count}");
        }
    }

    #[test]
    fn the_oldest_go() {
        let nonces = Nonces::default();
        let used = nonces.issue().unwrap();
        assert_eq!(nonces.spend(&used, 1), Use::Fresh);
        let unused = nonces.issue().unwrap();
        for _ in 0..MOST * 5 {
            nonces.issue().unwrap();
            assert!(nonces.state().nonces.len() <= MOST);
        }
        assert_eq!(nonces.spend(&used, 2), Use::Fresh);
        assert_eq!(nonces.spend(&unused, 1), Use::Wrong);
        // Used ones are not kept for ever either.
        for _ in 0..MOST * 5 {
            let nonce = nonces.issue().unwrap();
            nonces.spend(&nonce, 1);
            assert!(nonces.state().nonces.len() <= MOST);
        }
        assert_eq!(nonces.spend(&used, 3), Use::Wrong);
    }
}
