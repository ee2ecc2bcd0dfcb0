//! `rateLimit`: so many requests of one source in a time.

mod buckets;

use std::future::ready;
use std::time::{Duration, Instant};

use http::header::{HeaderName, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode, request};
use swarmgate_config::routing;
use swarmgate_config::scalar;

use self::buckets::{Buckets, Token};
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
    /// None: there is no limit.
    buckets: Option<Buckets>,
    /// What the buckets count their time from.
    begun: Instant,
    described: String,
}

impl RateLimit {
    pub(super) fn build(written: &routing::RateLimit) -> Result<Self, String> {
        if written.redis.is_some() {
            return Err(
                "rateLimit.redis is not served yet, and without it each instance would let \
                        in the whole rate"
                    .into(),
            );
        }
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
        let period = scalar::Duration::from_nanos(period);
        Ok(Self {
            source,
            buckets: (average > 0)
                .then(|| Buckets::new(rate, burst, Duration::from_secs_f64(patience))),
            begun: Instant::now(),
            described: format!("{average} requests in {period}, {burst} at once"),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn take(&self, head: &request::Parts, context: &Context<'_>) -> Token {
        let Some(buckets) = &self.buckets else { return Token::Now };
        let mut source = Vec::with_capacity(40);
        self.source.write(head, context, &mut source);
        buckets.take(&source, self.now())
    }
}

impl Around for RateLimit {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        match self.take(request.head, &request.context()) {
            Token::Now => rest.run(request),
            Token::After(wait) => Box::pin(async move {
                tokio::time::sleep(wait).await;
                rest.run(request).await
            }),
            Token::None(wait) => Box::pin(ready(refuse(wait).into())),
        }
    }

    fn would_do(&self, head: &request::Parts, context: &Context<'_>) -> Vec<String> {
        let Some(buckets) = &self.buckets else { return vec!["lets all requests in".into()] };
        let mut source = Vec::new();
        self.source.write(head, context, &mut source);
        let left = buckets.left(&source, self.now());
        let source = String::from_utf8_lossy(&source);
        vec![format!("lets {} of {source:?} in; {left} left now", self.described)]
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
        RateLimit::build(&serde_json::from_str(options).unwrap()).unwrap()
    }

    fn passes(limit: &RateLimit) -> bool {
        let (head, ()) = http::Request::new(()).into_parts();
        !matches!(limit.take(&head, &context("h.test", false)), Token::None(_))
    }

    #[test]
    fn limits() {
        // Options, how many of thirty requests at once pass (held ones, too).
        for (options, expected) in [
            ("{}", 30),
            (r#"{"average":0,"burst":1}"#, 30),
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
            (r#"{"average":1,"redis":{}}"#, "redis is not served yet"),
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
