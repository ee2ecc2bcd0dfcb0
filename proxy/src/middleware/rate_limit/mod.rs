//! `rateLimit`: so many requests of one source in a time.

mod buckets;
mod shared;

use std::future::ready;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode, request};
use swarmgate_config::routing;
use swarmgate_config::scalar;

use self::buckets::{Buckets, Token};
use self::shared::Shared;
use super::client_ip::ClientIp;
use super::source::Source;
use super::{Answering, Around, Context, Rest};
use crate::body::Body;
use crate::respond;
use crate::serve::service::Request;

const X_RETRY_IN: HeaderName = HeaderName::from_static("x-retry-in");

/// A built `rateLimit` (Traefik: RateLimit), with its buckets: of one router, over all threads.
#[derive(Debug)]
pub struct RateLimit {
    source: Source,
    limit: Limit,
    described: String,
}

#[derive(Debug)]
enum Limit {
    /// All requests pass.
    None,
    /// Buckets of our own; their time is counted from a moment.
    Own(Box<Buckets>, Instant),
    /// Buckets in a Redis, of all routers and instances that have this middleware.
    Shared(Shared),
}

impl RateLimit {
    pub(super) fn build(name: &str, written: &routing::RateLimit) -> Result<Self, String> {
        let client_ip = Source::ClientIp(ClientIp::default());
        let source = Source::build(written.source_criterion.as_ref(), client_ip)?;
        let period = match written.period.map(scalar::Duration::nanoseconds) {
            Some(negative @ ..0) => {
                return Err(format!(
                    "negative value not valid for period: {}; expected a duration such as \"1s\" \
                     or \"1m\"",
                    scalar::Duration::from_nanos(negative)
                ));
            }
            None | Some(0) => 1_000_000_000,
            Some(nanoseconds) => nanoseconds,
        };
        let burst = written.burst.and_then(|burst| u64::try_from(burst).ok()).unwrap_or(1).max(1);
        let average = match u64::try_from(written.average) {
            Ok(average) => average,
            Err(_) => {
                return Err(format!(
                    "average is {}; expected the number of requests in a period, or 0 for no limit",
                    written.average
                ));
            }
        };
        let rate = average as f64 * 1e9 / period as f64;
        let patience = if rate < 1.0 { 0.5 } else { 0.5 / rate.floor() };
        let patience = Duration::from_secs_f64(patience);
        let limit = match &written.redis {
            // Without a limit nobody is asked, but what is written is checked.
            Some(redis) if average == 0 => {
                Shared::new(name, redis, 1.0, burst, patience).map(|_| Limit::None)?
            }
            Some(redis) => Limit::Shared(Shared::new(name, redis, rate, burst, patience)?),
            None if average == 0 => Limit::None,
            None => {
                let buckets = Buckets::new(rate, burst, patience);
                Limit::Own(Box::new(buckets), Instant::now())
            }
        };
        let period = scalar::Duration::from_nanos(period);
        let described = format!("{average} requests in {period}, {burst} at once");
        Ok(Self { source, limit, described })
    }

    fn source(&self, head: &request::Parts, context: &Context<'_>) -> Vec<u8> {
        let mut source = Vec::with_capacity(40);
        self.source.write(head, context, &mut source);
        source
    }
}

/// Nanoseconds since then.
fn since(begun: &Instant) -> u64 {
    u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Around for RateLimit {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        let source = || self.source(request.head, &request.context());
        let token = match &self.limit {
            Limit::None => Token::Now,
            Limit::Own(buckets, begun) => buckets.take(&source(), since(begun)),
            Limit::Shared(shared) => {
                let source = source();
                return Box::pin(async move {
                    match shared.take(&source).await {
                        Some(token) => go_on(token, request, rest).await,
                        None => shared::refuse().into(),
                    }
                });
            }
        };
        go_on(token, request, rest)
    }

    fn would_do(&self, head: &request::Parts, context: &Context<'_>) -> Vec<String> {
        let source = self.source(head, context);
        let shown = String::from_utf8_lossy(&source);
        let described = &self.described;
        vec![match &self.limit {
            Limit::None => "lets all requests in".into(),
            Limit::Own(buckets, begun) => {
                let left = buckets.left(&source, since(begun));
                format!("lets {described} of {shown:?} in; {left} left now")
            }
            Limit::Shared(shared) => {
                format!("lets {described} of {shown:?} in; counted by the {shared:?}")
            }
        }]
    }
}

/// What becomes of a request that gets this.
fn go_on<'f>(token: Token, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
    match token {
        Token::Now => rest.run(request),
        Token::After(wait) => Box::pin(async move {
            tokio::time::sleep(wait).await;
            rest.run(request).await
        }),
        Token::None(wait) => Box::pin(ready(refuse(wait).into())),
    }
}

fn refuse(wait: Duration) -> Response<Body> {
    let mut answer = respond::text(StatusCode::TOO_MANY_REQUESTS);
    let nanoseconds = i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX);
    let seconds = HeaderValue::from(wait.as_nanos().div_ceil(1_000_000_000) as u64);
    answer.headers_mut().insert(RETRY_AFTER, seconds);
    let exact = scalar::Duration::from_nanos(nanoseconds).to_string();
    if let Ok(exact) = HeaderValue::from_bytes(exact.as_bytes()) {
        answer.headers_mut().insert(X_RETRY_IN, exact);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::{build, context};

    fn limit(options: &str) -> RateLimit {
        RateLimit::build("m@file", &serde_json::from_str(options).unwrap()).unwrap()
    }

    fn passes(limit: &RateLimit) -> bool {
        let (head, ()) = http::Request::new(()).into_parts();
        let source = limit.source(&head, &context("h.test", false));
        match &limit.limit {
            Limit::None => true,
            Limit::Own(buckets, begun) => {
                !matches!(buckets.take(&source, since(begun)), Token::None(_))
            }
            Limit::Shared(_) => panic!("{limit:?} asks somebody else"),
        }
    }

    #[test]
    fn limits() {
        // Options, how many of thirty requests at once pass (held ones, too).
        for (options, expected) in [
            ("{}", 30),
            (r#"{"average":0,"burst":1}"#, 30),
            (r#"{"average":0,"redis":{}}"#, 30),
            (r#"{"average":1,"period":"1h"}"#, 1),
            (r#"{"average":1,"period":"1h","burst":0}"#, 1),
            (r#"{"average":1,"period":"1h","burst":7}"#, 7),
            (r#"{"average":60,"period":"1h","burst":7}"#, 7),
        ] {
            let limit = limit(options);
            let passed = (0..30).filter(|_| passes(&limit)).count();
            assert_eq!(passed, expected, "{options}");
        }
    }

    #[test]
    fn says_when_to_come_back() {
        for (wait, seconds, exact) in [
            (Duration::from_nanos(995_793_705), "1", "995.793705ms"),
            (Duration::from_nanos(9_997_019_811), "10", "9.997019811s"),
            (Duration::from_secs(1), "1", "1s"),
            (Duration::from_secs(3601), "3601", "1h0m1s"),
        ] {
            let answer = refuse(wait);
            assert_eq!(answer.status(), 429);
            assert_eq!(answer.headers()["retry-after"], seconds);
            assert_eq!(answer.headers()["x-retry-in"], exact);
            assert_eq!(answer.headers().len(), 2);
            assert_eq!(answer.into_body().into_own(), "Too Many Requests");
        }
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            (r#"{"average":1,"period":"-1s"}"#, "negative value not valid for period: -1s"),
            (r#"{"average":-1}"#, "average is -1"),
            (r#"{"average":1,"redis":{"endpoints":["redis"]}}"#, "\"redis\" is no address"),
            (r#"{"average":1,"redis":{"endpoints":["a:1","b"]}}"#, "\"b\" is no address"),
            (
                r#"{"average":1,"sourceCriterion":{"requestHost":true,"requestHeaderName":"x"}}"#,
                "mutually exclusive",
            ),
        ] {
            let error = build(&format!(r#"{{"rateLimit":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
