//! `circuitBreaker`: no requests for a service that fails, until it has had time to recover.

mod latencies;
mod state;
mod statistics;

use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use http::{StatusCode, request};
use swarmgate_config::routing;
use swarmgate_config::scalar;

use self::state::{Now, State};
use self::statistics::{FUNCTIONS, Gauge, Statistics};
use super::expression::Expression;
use super::{Answering, Around, Context, Rest};
use crate::respond;
use crate::serve::answered::Held;
use crate::serve::service::Request;

/// What is noted for a client that left before its answer, as Traefik does.
const CLIENT_LEFT: u16 = 499;

/// A built `circuitBreaker` (Traefik: CircuitBreaker), with its state: of one router, over all
/// threads.
#[derive(Debug)]
pub struct CircuitBreaker {
    breaker: Arc<Breaker>,
}

#[derive(Debug)]
struct Breaker {
    written: String,
    condition: Expression<Gauge>,
    refusal: StatusCode,
    statistics: Statistics,
    state: State,
    /// Nanoseconds between two looks at the condition.
    period: u64,
    /// When it is looked at again.
    next: AtomicU64,
    /// What all times are counted from.
    begun: Instant,
    /// Whose it is, for the log; its first request tells.
    router: OnceLock<Arc<str>>,
}

/// A request that was let in; when it is dropped its answer is over.
#[derive(Debug)]
struct Attempt {
    breaker: Arc<Breaker>,
    begun: Duration,
    status: u16,
}

impl Held for Attempt {}

impl Drop for Attempt {
    fn drop(&mut self) {
        let now = self.breaker.begun.elapsed();
        self.breaker.note(now, self.status, now.saturating_sub(self.begun));
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn second(since_begun: Duration) -> u32 {
    u32::try_from(since_begun.as_secs()).unwrap_or(u32::MAX).saturating_add(Statistics::FIRST)
}

impl Breaker {
    fn enter(&self, now: Duration) -> bool {
        let entry = self.state.enter(nanoseconds(now));
        match entry.change {
            None | Some(Now::Open(_)) => {}
            Some(Now::Recovering(_)) => tracing::info!(
                routerName = self.router(),
                "The circuit breaker lets some requests in again: {}",
                self.written
            ),
            Some(Now::Closed) => tracing::info!(
                routerName = self.router(),
                "The circuit breaker is closed again: {}",
                self.written
            ),
        }
        entry.admitted
    }

    /// An answer is over.
    fn note(&self, now: Duration, status: u16, latency: Duration) {
        let second = second(now);
        self.statistics.add(second, status, latency);
        let now = nanoseconds(now);
        let next = self.next.load(Ordering::Relaxed);
        let order = Ordering::Relaxed;
        let mine = now >= next
            && self
                .next
                .compare_exchange(next, now.saturating_add(self.period), order, order)
                .is_ok();
        if !mine
            || matches!(self.state.get(), Now::Open(_))
            || !self.condition.holds(&|gauge| self.statistics.value(gauge, second))
        {
            return;
        }
        if self.state.open(now) {
            self.statistics.clear();
            tracing::warn!(
                routerName = self.router(),
                "The circuit breaker opens: {}",
                self.written
            );
        }
    }

    fn router(&self) -> &str {
        self.router.get().map_or("", |name| &**name)
    }
}

impl CircuitBreaker {
    pub(super) fn build(written: &routing::CircuitBreaker) -> Result<Self, String> {
        let condition = Expression::parse(&written.expression, &FUNCTIONS)
            .map_err(|error| format!("expression: {error}"))?;
        let (statistics, condition) = Statistics::of(condition);
        let code = written.response_code.unwrap_or(503);
        let refusal = u16::try_from(code)
            .ok()
            .filter(|code| *code >= 200)
            .and_then(|code| StatusCode::from_u16(code).ok());
        let Some(refusal) = refusal else {
            return Err(format!("responseCode is {code}; expected a status from 200 to 999"));
        };
        let duration = |written: Option<scalar::Duration>, default: Duration| {
            nanoseconds(written.and_then(scalar::Duration::positive).unwrap_or(default))
        };
        let ten_seconds = Duration::from_secs(10);
        let breaker = Breaker {
            written: written.expression.clone(),
            condition,
            refusal,
            statistics,
            state: State::new(
                duration(written.fallback_duration, ten_seconds),
                duration(written.recovery_duration, ten_seconds),
            ),
            period: duration(written.check_period, Duration::from_millis(100)),
            next: AtomicU64::new(0),
            begun: Instant::now(),
            router: OnceLock::new(),
        };
        Ok(Self { breaker: Arc::new(breaker) })
    }
}

impl Around for CircuitBreaker {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        let breaker = &self.breaker;
        if breaker.router.get().is_none()
            && let Some(route) = request.way.route()
        {
            // Whoever is first says the same.
            let _ = breaker.router.set(Arc::clone(&route.name));
        }
        let begun = breaker.begun.elapsed();
        if !breaker.enter(begun) {
            return Box::pin(ready(respond::text(breaker.refusal).into()));
        }
        let mut attempt = Attempt { breaker: Arc::clone(breaker), begun, status: CLIENT_LEFT };
        let answering = rest.run(request);
        Box::pin(async move {
            let mut answered = answering.await;
            attempt.status = answered.response.status().as_u16();
            answered.held.push(Box::new(attempt));
            answered
        })
    }

    fn would_do(&self, _head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let breaker = &self.breaker;
        let now = nanoseconds(breaker.begun.elapsed());
        let left = |until: u64| Duration::from_nanos(until.saturating_sub(now)).as_secs_f64();
        let (written, code) = (&breaker.written, breaker.refusal.as_u16());
        vec![match breaker.state.get() {
            Now::Closed => format!("is closed: lets all requests in, until {written}"),
            Now::Open(until) if until > now => {
                format!("is open for another {:.1} s: answers {code}; {written} held", left(until))
            }
            // Its next request finds out.
            Now::Open(_) => format!("is to recover: answers {code} to most requests"),
            Now::Recovering(until) if until >= now => format!(
                "is recovering for another {:.1} s: answers {code} to some requests; opens again \
                 if {written}",
                left(until)
            ),
            Now::Recovering(_) => format!("is closed: lets all requests in, until {written}"),
        }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::{build, context};

    fn breaker(options: &str) -> Arc<Breaker> {
        CircuitBreaker::build(&serde_json::from_str(options).unwrap()).unwrap().breaker
    }

    const fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn opens_and_closes() {
        let options = r#"{"expression":"ResponseCodeRatio(500,600,0,600) > 0.3",
                          "fallbackDuration":"1s","recoveryDuration":"2s"}"#;
        let breaker = breaker(options);
        let moment = at(1);
        for _ in 0..5 {
            assert!(breaker.enter(at(1)));
            breaker.note(at(2), 200, moment);
        }
        // The condition is looked at ten times a second at most.
        for _ in 0..5 {
            breaker.note(at(90), 500, moment);
            assert!(breaker.enter(at(90)));
        }
        breaker.note(at(102), 200, moment);
        assert!(!breaker.enter(at(102)) && !breaker.enter(at(1101)));
        // Its statistics begin anew: answers that come late open nothing again.
        breaker.note(at(300), 200, moment);
        assert!(!breaker.enter(at(1102)));
        assert!(breaker.enter(at(3103)));
        assert_eq!(breaker.state.get(), Now::Closed);
    }

    #[test]
    fn one_answer_may_open_it() {
        let breaker = breaker(r#"{"expression":"NetworkErrorRatio() > 0.5"}"#);
        breaker.note(at(0), 504, at(1));
        assert!(!breaker.enter(at(9999)));
        assert!(!breaker.enter(at(10_000)));
        assert!(matches!(breaker.state.get(), Now::Recovering(_)));
        breaker.note(at(12_000), 502, at(1));
        assert!(matches!(breaker.state.get(), Now::Open(_)));
    }

    #[test]
    fn tells_its_state() {
        let options = r#"{"expression":"NetworkErrorRatio() > 0.5","fallbackDuration":"1h"}"#;
        let built = CircuitBreaker::build(&serde_json::from_str(options).unwrap()).unwrap();
        let (head, ()) = http::Request::new(()).into_parts();
        let told = || built.would_do(&head, &context("h.test", false)).join("\n");
        let closed = "is closed: lets all requests in, until NetworkErrorRatio() > 0.5";
        assert_eq!(told(), closed);
        built.breaker.note(built.breaker.begun.elapsed(), 502, at(1));
        let open = told();
        assert!(
            open.starts_with("is open for another 3") && open.contains("answers 503"),
            "{open}"
        );
        // More than an hour later.
        assert!(!built.breaker.enter(at(3_700_000)));
        assert!(told().starts_with("is recovering for another"), "{}", told());
        assert!(built.breaker.enter(at(3_800_000)));
        assert_eq!(told(), closed);
    }

    #[test]
    fn a_slow_service_opens_it() {
        let breaker = breaker(r#"{"expression":"LatencyAtQuantileMS(50.0) > 100"}"#);
        breaker.note(at(500), 200, at(99));
        assert!(breaker.enter(at(500)));
        breaker.note(at(700), 200, at(500));
        breaker.note(at(900), 200, at(500));
        assert!(!breaker.enter(at(900)));
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            ("{}", "expression: expected NetworkErrorRatio(), ResponseCodeRatio()"),
            (r#"{"expression":"NetworkErrorRatio() > 1"}"#, "a number with a point such as 0.5"),
            (r#"{"expression":"LatencyAtQuantileMS(50) > 1"}"#, "a number with a point"),
            (r#"{"expression":"LatencyAtQuantileMS(50.0) > 0.5"}"#, "a whole number such as 5"),
            (r#"{"expression":"!(NetworkErrorRatio() > 0.5)"}"#, "expected no !"),
            (r#"{"expression":"Attempts() > 1"}"#, "expected NetworkErrorRatio()"),
            (
                r#"{"expression":"NetworkErrorRatio() > 0.5","responseCode":99}"#,
                "responseCode is 99; expected a status from 200 to 999",
            ),
            (
                r#"{"expression":"NetworkErrorRatio() > 0.5","responseCode":1000}"#,
                "responseCode is 1000",
            ),
        ] {
            let error = build(&format!(r#"{{"circuitBreaker":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
