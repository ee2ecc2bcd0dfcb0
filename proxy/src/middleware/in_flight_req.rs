//! `inFlightReq`: so many requests of one source at a time.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::future::ready;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{Response, StatusCode, request};
use swarmgate_config::routing;

use super::source::Source;
use super::{Answering, Around, Context, Rest};
use crate::body::Body;
use crate::respond;
use crate::serve::answered::Held;
use crate::serve::service::Request;

/// Threads that count different sources rarely meet.
const SHARDS: usize = 16;

/// A built `inFlightReq` (Traefik: InFlightReq), with its counts: of one router, over all threads.
#[derive(Debug)]
pub struct InFlightReq {
    /// As written; less than one lets nobody in.
    amount: i64,
    source: Source,
    counts: Arc<Counts>,
}

/// How many requests are being served, by source; a source without any is forgotten.
#[derive(Debug, Default)]
struct Counts {
    hasher: RandomState,
    shards: [Mutex<HashMap<Box<[u8]>, u64>>; SHARDS],
}

/// One request that is being served.
#[derive(Debug)]
struct Entered {
    counts: Arc<Counts>,
    source: Box<[u8]>,
}

impl Held for Entered {}

impl Counts {
    fn shard(&self, source: &[u8]) -> MutexGuard<'_, HashMap<Box<[u8]>, u64>> {
        let number = usize::try_from(self.hasher.hash_one(source) % SHARDS as u64).unwrap_or(0);
        let [first, ..] = &self.shards;
        let shard = self.shards.get(number).unwrap_or(first);
        // Nothing panics while it holds one.
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Self>, source: Vec<u8>, amount: u64) -> Option<Entered> {
        let source = source.into_boxed_slice();
        let mut shard = self.shard(&source);
        match shard.get_mut(&source) {
            Some(count) if *count >= amount => return None,
            Some(count) => *count += 1,
            None if amount == 0 => return None,
            None => drop(shard.insert(source.clone(), 1)),
        }
        drop(shard);
        Some(Entered { counts: Arc::clone(self), source })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut shard = self.counts.shard(&self.source);
        match shard.get_mut(&self.source) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(shard.remove(&self.source)),
        }
    }
}

impl InFlightReq {
    pub(super) fn build(written: &routing::InFlightReq) -> Result<Self, String> {
        let source = Source::build(written.source_criterion.as_ref(), Source::Host)?;
        Ok(Self { amount: written.amount, source, counts: Arc::default() })
    }

    fn most(&self) -> u64 {
        u64::try_from(self.amount).unwrap_or(0)
    }

    fn refuse(&self) -> Response<Body> {
        let mut answer = respond::bare(StatusCode::TOO_MANY_REQUESTS);
        *answer.body_mut() = Body::from(format!("max connections reached: {}", self.amount));
        answer
    }
}

impl Around for InFlightReq {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        let mut source = Vec::new();
        self.source.write(request.head, &request.context(), &mut source);
        let Some(entered) = self.counts.enter(source, self.most()) else {
            return Box::pin(ready(self.refuse().into()));
        };
        let answering = rest.run(request);
        Box::pin(async move {
            let mut answered = answering.await;
            answered.held.push(Box::new(entered));
            answered
        })
    }

    fn would_do(&self, head: &request::Parts, context: &Context<'_>) -> Vec<String> {
        let mut source = Vec::new();
        self.source.write(head, context, &mut source);
        let now = self.counts.shard(&source).get(&source[..]).copied().unwrap_or(0);
        let source = String::from_utf8_lossy(&source);
        vec![format!("lets {} requests of {source:?} in at a time; now {now}", self.most())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let counts = Arc::new(Counts::default());
        let enter = |source: &str, amount| counts.enter(source.as_bytes().to_vec(), amount);
        let first = enter("a", 2).unwrap();
        let second = enter("a", 2).unwrap();
        assert!(enter("a", 2).is_none());
        let other = enter("b", 2).unwrap();
        drop(first);
        let third = enter("a", 2).unwrap();
        assert!(enter("a", 2).is_none());
        assert!(enter("a", 0).is_none() && enter("c", 0).is_none());
        drop((second, third, other));
        assert!(counts.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }

    #[test]
    fn counts_over_threads() {
        let counts = Arc::new(Counts::default());
        let most = std::sync::atomic::AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..10_000 {
                        if let Some(entered) = counts.enter(b"a".to_vec(), 3) {
                            let now = *counts.shard(b"a").get(&b"a"[..]).unwrap();
                            most.fetch_max(now, std::sync::atomic::Ordering::Relaxed);
                            drop(entered);
                        }
                    }
                });
            }
        });
        assert!(most.into_inner() <= 3);
        assert!(counts.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
    }
}
