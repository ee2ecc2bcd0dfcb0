//! Requests that come back to us: a service whose server is one of our own entry points, an auth
//! server's name that leads here.
//!
//! Once or twice may be meant; without an end it takes every descriptor that the process may open.
//! Whether a request has been here before is in `X-Forwarded-Server`, which we set whatever came; how
//! often is in a header that no other request gets.

use http::{HeaderMap, HeaderName, HeaderValue};

const FORWARDED_SERVER: HeaderName = HeaderName::from_static("x-forwarded-server");
const ROUNDS: HeaderName = HeaderName::from_static("x-swarmgate-rounds");

/// How often a request may come back.
const MOST: u8 = 5;

/// Counts a request that has been here before. False: it has been too often.
pub fn count(headers: &mut HeaderMap, server_name: &HeaderValue) -> bool {
    if headers.get(FORWARDED_SERVER) != Some(server_name) && !are_counted(headers) {
        return true;
    }
    // Strangers who write either of them make their own request seem older, no more.
    let before = headers.get(ROUNDS).and_then(|rounds| rounds.to_str().ok()?.parse::<u8>().ok());
    let rounds = before.unwrap_or_default().saturating_add(1);
    headers.insert(ROUNDS, HeaderValue::from(u16::from(rounds)));
    rounds <= MOST
}

/// Whether these are of a request that has been here before. Whoever tries it again would multiply
/// its rounds: those before it do.
pub fn are_counted(headers: &HeaderMap) -> bool {
    headers.contains_key(ROUNDS)
}

/// Has a request counted that is made of another one with these headers, of which it may keep none.
pub fn hand_on(asked: &HeaderMap, made: &mut HeaderMap) {
    made.insert(ROUNDS, asked.get(ROUNDS).cloned().unwrap_or(HeaderValue::from_static("0")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds() {
        let (own, mut headers) = (HeaderValue::from_static("edge-1"), HeaderMap::new());
        for named in [None, Some("edge-2"), Some("")] {
            if let Some(named) = named {
                headers.insert(FORWARDED_SERVER, HeaderValue::from_static(named));
            }
            assert!(count(&mut headers, &own), "{named:?}");
            assert_eq!(headers.get(ROUNDS), None, "{named:?}");
        }
        // Made of others, they do not tell who has made them.
        let (mut first, mut next) = (HeaderMap::new(), HeaderMap::new());
        hand_on(&headers, &mut first);
        for round in 1..=MOST {
            assert!(count(&mut first, &own), "{round}");
            hand_on(&first, &mut next);
            (first, next) = (next, HeaderMap::new());
        }
        assert!(!count(&mut first, &own));
        headers.insert(FORWARDED_SERVER, own.clone());
        for round in 1..=MOST {
            assert!(count(&mut headers, &own), "{round}");
        }
        assert!(!count(&mut headers, &own));
        // Whatever is written there.
        for (written, goes_on) in
            [("", true), ("-1", true), ("x", true), ("4", true), ("255", false)]
        {
            headers.insert(ROUNDS, HeaderValue::from_static(written));
            assert_eq!(count(&mut headers, &own), goes_on, "{written}");
            assert_eq!(headers.get_all(ROUNDS).iter().count(), 1);
        }
    }
}
