//! Closed, open or recovering, over all threads: one word, so that looking at it costs a load.

use std::sync::atomic::{AtomicU64, Ordering};

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const RECOVERING: u64 = 2;

/// The latest instant that the word can hold, nanoseconds; a hundred years.
const LATEST: u64 = u64::MAX >> 2;

/// The state. All times are nanoseconds from one instant on.
#[derive(Debug)]
pub(super) struct State {
    /// Until when, and in the two lowest bits what.
    word: AtomicU64,
    /// While recovering: how many were let in (high half), and how many were refused.
    shares: AtomicU64,
    fallback: u64,
    recovery: u64,
}

/// What the state is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Now {
    Closed,
    /// Until then.
    Open(u64),
    /// Until then.
    Recovering(u64),
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub admitted: bool,
    /// It was the one that found this new state.
    pub change: Option<Now>,
}

impl Now {
    fn of(word: u64) -> Self {
        match word & 3 {
            CLOSED => Self::Closed,
            OPEN => Self::Open(word >> 2),
            _ => Self::Recovering(word >> 2),
        }
    }
}

fn word(kind: u64, until: u64) -> u64 {
    until.min(LATEST) << 2 | kind
}

impl State {
    /// Open for `fallback`, then recovering for `recovery`, nanoseconds.
    pub(super) fn new(fallback: u64, recovery: u64) -> Self {
        let (word, shares) = (AtomicU64::new(CLOSED), AtomicU64::new(0));
        Self { word, shares, fallback, recovery: recovery.max(1) }
    }

    /// What it is, as the last request left it.
    pub(super) fn get(&self) -> Now {
        Now::of(self.word.load(Ordering::Relaxed))
    }

    /// A request comes.
    pub(super) fn enter(&self, now: u64) -> Entry {
        let mut change = None;
        loop {
            let before = self.word.load(Ordering::Acquire);
            let next = match Now::of(before) {
                Now::Closed => return Entry { admitted: true, change },
                Now::Open(until) if now < until => return Entry { admitted: false, change },
                Now::Open(_) => word(RECOVERING, now.saturating_add(self.recovery)),
                Now::Recovering(until) if now <= until => {
                    return Entry { admitted: self.share(now, until), change };
                }
                Now::Recovering(_) => CLOSED,
            };
            let order = (Ordering::AcqRel, Ordering::Relaxed);
            if self.word.compare_exchange(before, next, order.0, order.1).is_ok() {
                change = Some(Now::of(next));
            }
        }
    }

    /// The condition holds: it opens, unless it is open already. True: it has.
    pub(super) fn open(&self, now: u64) -> bool {
        let before = self.word.load(Ordering::Acquire);
        if matches!(Now::of(before), Now::Open(_)) {
            return false;
        }
        let next = word(OPEN, now.saturating_add(self.fallback));
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        let opened = self.word.compare_exchange(before, next, order.0, order.1).is_ok();
        if opened {
            // The next recovery counts anew.
            self.shares.store(0, Ordering::Relaxed);
        }
        opened
    }

    /// Whether a request is let in while recovering: at most a growing share is, up to a half.
    fn share(&self, now: u64, until: u64) -> bool {
        let left = until.saturating_sub(now);
        let elapsed = self.recovery.saturating_sub(left);
        let target = 0.5 * elapsed as f64 / self.recovery as f64;
        let mut admitted = false;
        let update = |shares: u64| {
            let (mut let_in, mut refused) = (shares >> 32, shares & u64::from(u32::MAX));
            if let_in.max(refused) == u64::from(u32::MAX) {
                (let_in, refused) = (let_in / 2, refused / 2);
            }
            admitted = (let_in + 1) as f64 / ((let_in + refused + 1) as f64) < target;
            if admitted {
                let_in += 1;
            } else {
                refused += 1;
            }
            Some(let_in << 32 | refused)
        };
        // It never gives up: there is always an update.
        let _ = self.shares.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn closed_open_recovering_closed() {
        let state = State::new(10 * SECOND, 4 * SECOND);
        let admitted = |at| state.enter(at).admitted;
        assert!(admitted(0) && admitted(5 * SECOND));
        assert!(state.open(5 * SECOND));
        assert!(!state.open(6 * SECOND));
        assert_eq!(state.get(), Now::Open(15 * SECOND));
        assert!(!admitted(5 * SECOND) && !admitted(15 * SECOND - 1));
        // The first of the recovery is refused, and finds the new state.
        let until = 19 * SECOND;
        let first = Entry { admitted: false, change: Some(Now::Recovering(until)) };
        assert_eq!(state.enter(15 * SECOND), first);
        assert_eq!(state.enter(15 * SECOND), Entry { admitted: false, change: None });
        let closed = Entry { admitted: true, change: Some(Now::Closed) };
        assert_eq!(state.enter(until + 1), closed);
        assert_eq!(state.enter(until + 2), Entry { admitted: true, change: None });
    }

    #[test]
    fn opens_again_while_recovering() {
        let state = State::new(10, 100);
        assert!(state.open(0));
        state.enter(10);
        assert!(state.open(20));
        assert_eq!(state.get(), Now::Open(30));
        assert_eq!(state.enter(30).change, Some(Now::Recovering(130)));
    }

    #[test]
    fn a_growing_share_is_let_in() {
        // As Traefik computes it: (let + 1) / (let + refused + 1) < 0.5 * elapsed / recovery.
        let state = State::new(0, 1000);
        state.open(0);
        let (mut let_in, mut refused) = (0_u64, 0_u64);
        let mut quarters = [0; 4];
        for now in 0..1000 {
            let expected = (let_in + 1) as f64 / (let_in + refused + 1) as f64;
            let expected = expected < 0.5 * now as f64 / 1000.0;
            let admitted = state.enter(now).admitted;
            assert_eq!(admitted, expected, "at {now}");
            if admitted {
                let_in += 1;
                quarters[(now / 250) as usize] += 1;
            } else {
                refused += 1;
            }
        }
        assert!(quarters.is_sorted() && quarters[0] < 40 && quarters[3] > 150, "{quarters:?}");
    }

    #[test]
    fn far_ends() {
        let state = State::new(u64::MAX, u64::MAX);
        assert!(state.open(u64::MAX));
        assert!(!state.enter(LATEST - 1).admitted);
        state.shares.store(u64::MAX, Ordering::Relaxed);
        state.enter(LATEST);
        state.enter(LATEST);
    }

    #[test]
    fn only_one_thread_finds_a_change() {
        let state = State::new(10, 1000);
        state.open(0);
        let found = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for now in 0..1000 {
                        if state.enter(now).change.is_some() {
                            found.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(found.into_inner(), 1);
    }
}
