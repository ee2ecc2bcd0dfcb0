//! HTTP-01: answers that wait for the CA's request (RFC 8555 section 8.3).

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// More than all orders that may run at once can have; a bound, should that ever change.
const MOST: usize = 4096;

/// The pending HTTP-01 answers; cheap to clone, read by the data plane.
#[derive(Clone, Debug, Default)]
pub struct Challenges {
    pending: Arc<RwLock<HashMap<Box<str>, Answer>>>,
}

#[derive(Debug)]
struct Answer {
    host: Box<str>,
    key_authorization: Arc<str>,
}

impl Challenges {
    /// The key authorization for a token, if an order for this host waits for it. `host` is
    /// without port; its case does not matter. Only one path segment is a token, as in Traefik:
    /// an optional trailing `/` is the caller's to remove.
    pub fn lookup(&self, host: &str, token: &str) -> Option<Arc<str>> {
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        let answer = pending.get(token)?;
        let host = host.strip_suffix('.').unwrap_or(host);
        answer.host.eq_ignore_ascii_case(host).then(|| Arc::clone(&answer.key_authorization))
    }

    /// Publishes an answer until the returned guard is dropped. `None`: too many wait already.
    pub(crate) fn publish(
        &self,
        host: &str,
        token: &str,
        key_authorization: &str,
    ) -> Option<Published> {
        let mut pending = self.pending.write().unwrap_or_else(PoisonError::into_inner);
        if pending.len() >= MOST {
            return None;
        }
        let answer = Answer { host: host.into(), key_authorization: key_authorization.into() };
        pending.insert(token.into(), answer);
        Some(Published { challenges: self.clone(), token: token.into() })
    }
}

/// An answer that is given as long as this lives.
#[derive(Debug)]
pub(crate) struct Published {
    challenges: Challenges,
    token: Box<str>,
}

impl Drop for Published {
    fn drop(&mut self) {
        let mut pending = self.challenges.pending.write().unwrap_or_else(PoisonError::into_inner);
        pending.remove(&self.token);
    }
}

#[cfg(test)]
mod tests {
    use super::{Challenges, MOST};

    #[test]
    fn answers_live_as_long_as_their_guard() {
        let challenges = Challenges::default();
        let data_plane = challenges.clone();
        let guard = challenges.publish("a.test", "token", "token.thumb").unwrap();
        let table = [
            ("a.test", "token", true),
            ("A.TEST", "token", true),
            ("a.test.", "token", true),
            ("b.test", "token", false),
            ("", "token", false),
            ("a.test", "Token", false),
            ("a.test", "", false),
            ("a.test", "token/x", false),
        ];
        for (host, token, found) in table {
            let answer = data_plane.lookup(host, token);
            assert_eq!(answer.as_deref(), found.then_some("token.thumb"), "{host:?} {token:?}");
        }
        drop(guard);
        assert_eq!(data_plane.lookup("a.test", "token"), None);
    }

    #[test]
    fn bounded() {
        let challenges = Challenges::default();
        let publish = |n: usize| challenges.publish("a.test", &n.to_string(), "x");
        let mut guards: Vec<_> = (0..MOST).map(|n| publish(n).unwrap()).collect();
        assert!(publish(MOST).is_none());
        guards.pop();
        assert!(publish(MOST).is_some());
    }
}
