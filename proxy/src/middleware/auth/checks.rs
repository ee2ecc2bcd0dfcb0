//! Checking passwords, which takes long on purpose: on other threads, few at a time, once for
//! equal requests, and not again for a while after it was right.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use super::hash::Hash;
use super::random;
use crate::helpers::{self, Work};

/// How long a password that was right is not checked again.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How many of them are remembered.
const MOST: usize = 1000;

/// A user, a hash and a password; it tells nothing of them to whoever has not the key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Id([u8; 32]);

/// The checks of one middleware.
pub(super) struct Checks {
    key: [u8; 32],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Until when; the passwords that were right.
    right: HashMap<Id, Instant>,
    /// The same in the order in which they were found, which is that in which they go.
    order: VecDeque<Id>,
    /// Under way.
    open: HashMap<Id, Arc<OnceCell<bool>>>,
}

/// Somebody's interest in a check that is under way.
struct Interest<'c> {
    checks: &'c Checks,
    id: Id,
    /// There until it is dropped.
    cell: Option<Arc<OnceCell<bool>>>,
}

impl fmt::Debug for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Checks")
    }
}

impl Checks {
    /// `None` only if the system has no randomness.
    pub(super) fn new() -> Option<Self> {
        Some(Self { key: random()?, state: Mutex::default() })
    }

    /// What stands for this user with this hash and this password.
    pub(super) fn id(&self, user: &[u8], hash: &Hash, password: &[u8]) -> Id {
        let mut sum = Sha256::new();
        sum.update(self.key);
        let [first, second, third] = hash.parts();
        for part in [user, first, second, third, password] {
            sum.update(part.len().to_le_bytes());
            sum.update(part);
        }
        Id(sum.finalize().into())
    }

    /// Whether it was right a short while ago.
    pub(super) fn is_right(&self, id: &Id) -> bool {
        self.state().right.get(id).is_some_and(|until| Instant::now() < *until)
    }

    /// Remembers that it was right.
    pub(super) fn remember(&self, id: Id) {
        self.state().remember(id, Instant::now());
    }

    /// Whether the hash is the password's; `None`: nobody was there to find out, the proxy stops.
    pub(super) async fn check(&self, id: Id, hash: &Arc<Hash>, password: &[u8]) -> Option<bool> {
        let interest = self.interest(id);
        // When the one who computes goes away, the next one does.
        let right = interest.cell.as_ref()?.get_or_try_init(|| compute(hash, password)).await;
        right.ok().copied()
    }

    fn interest(&self, id: Id) -> Interest<'_> {
        let cell = Arc::clone(self.state().open.entry(id).or_default());
        Interest { checks: self, id, cell: Some(cell) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn compute(hash: &Arc<Hash>, password: &[u8]) -> Result<bool, ()> {
    let (hash, password) = (Arc::clone(hash), password.to_vec());
    helpers::run(Work::Password, move || hash.is_of(&password)).await.map_err(drop)
}

impl State {
    fn remember(&mut self, id: Id, now: Instant) {
        while let Some(oldest) = self.order.front() {
            let lasts = self.right.get(oldest).is_some_and(|until| now < *until);
            if lasts && self.order.len() < MOST {
                break;
            }
            self.right.remove(oldest);
            self.order.pop_front();
        }
        if let Entry::Vacant(entry) = self.right.entry(id) {
            entry.insert(now + REMEMBERED);
            self.order.push_back(id);
        }
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        let mut state = self.checks.state();
        // Under the lock, as new ones are made: of two that go at once, the second must see that
        // the first is gone.
        drop(self.cell.take());
        if let Entry::Occupied(open) = state.open.entry(self.id)
            && Arc::strong_count(open.get()) == 1
        {
            open.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::users::Secret;
    use super::*;

    fn id(number: usize) -> Id {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&number.to_le_bytes());
        Id(id)
    }

    fn hash() -> Arc<Hash> {
        let text = b"$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
        Arc::new(Hash::read(text, "").unwrap().unwrap())
    }

    #[test]
    fn ids_differ() {
        let checks = Checks::new().unwrap();
        let other = Arc::new(Hash::read(b"{SHA}x", "").unwrap().unwrap());
        let table = [
            checks.id(b"a", &hash(), b"bc"),
            checks.id(b"ab", &hash(), b"c"),
            checks.id(b"a", &other, b"bc"),
            checks.id(b"a", &hash(), b"bd"),
            // Another key.
            Checks::new().unwrap().id(b"a", &hash(), b"bc"),
        ];
        for (number, one) in table.iter().enumerate() {
            assert!(table.iter().skip(number + 1).all(|two| one != two), "{number}");
        }
        assert!(checks.id(b"a", &hash(), b"bc") == table[0]);
    }

    #[test]
    fn remembers_so_long_and_so_many() {
        let mut state = State::default();
        let begin = Instant::now();
        state.remember(id(0), begin);
        // Coming again does not make it last longer.
        state.remember(id(0), begin + REMEMBERED / 2);
        assert_eq!(state.right[&id(0)], begin + REMEMBERED);
        state.remember(id(1), begin + REMEMBERED);
        assert!(!state.right.contains_key(&id(0)) && state.right.contains_key(&id(1)));
        for number in 2..MOST * 3 {
            state.remember(id(number), begin + REMEMBERED);
            assert!(state.right.len() <= MOST && state.order.len() == state.right.len());
        }
        assert!(state.right.contains_key(&id(MOST * 3 - 1)));
        assert!(!state.right.contains_key(&id(1)));
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn equal_checks_are_one() {
        let checks = Checks::new().unwrap();
        let (hash, one) = (hash(), id(1));
        run(async {
            let held = hold_turns();
            let mut first = Box::pin(checks.check(one, &hash, b"secret"));
            let mut second = Box::pin(checks.check(one, &hash, b"secret"));
            assert!(futures_poll(&mut first) && futures_poll(&mut second));
            assert_eq!(checks.state().open.len(), 1);
            // The second takes over what the first leaves.
            drop(first);
            assert_eq!(checks.state().open.len(), 1);
            drop(held);
            assert_eq!(second.await, Some(true));
            assert_eq!(checks.check(one, &hash, b"Secret").await, Some(false));
        });
        assert!(checks.state().open.is_empty());
    }

    /// All turns of this thread: nothing is computed meanwhile, however slow the machine is.
    fn hold_turns() -> tokio::sync::OwnedSemaphorePermit {
        let all = u32::try_from(Work::Password.at_a_time()).unwrap();
        helpers::turns(Work::Password).try_acquire_many_owned(all).unwrap()
    }

    /// Polls once; true: it waits.
    fn futures_poll<T>(future: &mut std::pin::Pin<Box<impl Future<Output = T>>>) -> bool {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        future.as_mut().poll(&mut context).is_pending()
    }

    #[test]
    fn few_at_a_time() {
        let checks = Checks::new().unwrap();
        let hash = hash();
        run(async {
            let mut waiting: Vec<_> = (0..50)
                .map(|number| Box::pin(checks.check(id(number), &hash, b"secret")))
                .collect();
            let held = hold_turns();
            for check in &mut waiting {
                assert!(futures_poll(check));
            }
            // Those that leave make room.
            waiting.truncate(10);
            drop(held);
            for check in waiting {
                assert_eq!(check.await, Some(true));
            }
        });
        let free = helpers::turns(Work::Password).available_permits();
        assert_eq!(free, Work::Password.at_a_time());
        assert!(checks.state().open.is_empty());
    }
}
