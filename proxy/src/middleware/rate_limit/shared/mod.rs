//! Buckets in a Redis, which several instances take their tokens from together.

mod cluster;
mod connection;
mod node;
mod resp;
mod script;
mod store;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{Response, StatusCode};
use swarmgate_config::routing;

use self::connection::Failure;
use self::resp::Reply;
use self::script::Script;
use self::store::Store;
use super::buckets::Token;
use crate::body::Body;
use crate::respond;

/// A store that does not answer is told of once in so many milliseconds.
const TELL_EVERY: u64 = 5000;

/// The buckets of one middleware.
pub(super) struct Shared {
    store: Arc<Store>,
    script: Script,
    name: Box<str>,
    /// What every key begins with (Traefik: `rate:<middleware>:`).
    prefix: Vec<u8>,
    patience: Duration,
    begun: Instant,
    /// When it was told last that the store does not answer: milliseconds from `begun`, and one;
    /// 0: never.
    told: AtomicU64,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.store, f)
    }
}

impl Shared {
    /// `name`: of the middleware. `rate`: tokens a second. `burst`: tokens in a full bucket.
    /// `patience`: how long a request may be held.
    pub(super) fn new(
        name: &str,
        written: &routing::Redis,
        rate: f64,
        burst: u64,
        patience: Duration,
    ) -> Result<Self, String> {
        Ok(Self {
            store: Store::of(written)?,
            script: Script::new(rate, burst, patience),
            name: name.into(),
            prefix: format!("rate:{name}:").into_bytes(),
            patience,
            begun: Instant::now(),
            told: AtomicU64::new(0),
        })
    }

    /// Takes a token from the source's bucket; `None`: the store does not answer.
    pub(super) async fn take(&self, source: &[u8]) -> Option<Token> {
        let key = [&*self.prefix, source].concat();
        let asked = match self.ask(&key, false).await {
            Ok(Reply::Refused(why)) if why.starts_with("NOSCRIPT") => self.ask(&key, true).await,
            other => other,
        };
        match asked {
            Ok(Reply::Integer(wait)) => {
                let wait = Duration::from_micros(u64::try_from(wait).unwrap_or(0));
                Some(match wait.as_micros() {
                    0 => Token::Now,
                    micros if micros <= self.patience.as_micros() => Token::After(wait),
                    _ => Token::None(wait),
                })
            }
            Ok(Reply::Refused(why)) => self.tell(&why),
            Ok(Reply::Other) => self.tell("it does not answer with a number"),
            Err(failure) => self.tell(&failure.to_string()),
        }
    }

    async fn ask(&self, key: &[u8], whole: bool) -> Result<Reply, Failure> {
        let command = || {
            let mut command = Vec::new();
            self.script.write(&mut command, key, whole);
            command
        };
        self.store.ask(key, command).await
    }

    /// Tells why there is no token, unless somebody has just done so.
    fn tell(&self, why: &str) -> Option<Token> {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX - 1) + 1;
        let last = self.told.load(Ordering::Relaxed);
        let due = last == 0 || now.saturating_sub(last) >= TELL_EVERY;
        let mine = || self.told.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed);
        if due && mine().is_ok() {
            // It repeats what it does not understand, and a source may be somebody's key.
            let why = why.split(", with args").next().unwrap_or_default();
            tracing::error!(middlewareName = %self.name, store = ?self.store,
                "Could not insert/update bucket: {why}");
        }
        None
    }
}

/// The answer where there is neither a token nor none.
pub(super) fn refuse() -> Response<Body> {
    let text = "Could not insert/update bucket\n";
    respond::error(StatusCode::INTERNAL_SERVER_ERROR, text)
}
