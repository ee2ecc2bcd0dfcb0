//! `retry`: another try where a server could not be reached, or answered with a status that is
//! worth one.
//!
//! Each try takes the service's next server. The service has tries of its own, too
//! (`forward/mod.rs`): while `retry` has some left it keeps them back, so that the two never
//! multiply; the last try has them.

mod pauses;

use std::time::{Duration, Instant};

use http::{Method, StatusCode, request};
use swarmgate_config::routing;

use self::pauses::Pauses;
use super::content_type::GzipSniffing;
use super::kept::{Kept, keep};
use super::status_ranges::StatusRanges;
use super::{Answering, Around, Context, OneServer, Rest};
use crate::body::RequestBody;
use crate::forward::connect::IMPATIENCE;
use crate::forward::rounds;
use crate::respond;
use crate::serve::answered::Answered;
use crate::serve::service::Request;
use crate::serve::settle::closing;

/// `maxRequestBodyBytes` where nothing is said.
const KEPT: u64 = 2 * 1024 * 1024;

/// A built `retry` (Traefik: Retry).
#[derive(Debug)]
pub struct Retry {
    attempts: u64,
    pauses: Pauses,
    timeout: Option<Duration>,
    statuses: StatusRanges,
    /// The largest body that is kept, bytes; `None`: any.
    kept: Option<u64>,
    unreached: bool,
    any_method: bool,
}

impl Retry {
    pub(super) fn build(written: &routing::Retry) -> Result<Self, String> {
        if written.status.is_empty() && written.disable_retry_on_network_error {
            return Err("retry middleware requires at least HTTP status codes or retry on TCP: \
                 expected status, or disableRetryOnNetworkError false"
                .into());
        }
        let attempts = u64::try_from(written.attempts).ok().filter(|attempts| *attempts > 0);
        let Some(attempts) = attempts else {
            return Err(format!(
                "incorrect (or empty) value for attempt ({}): expected attempts, 1 or more",
                written.attempts
            ));
        };
        Ok(Self {
            attempts,
            pauses: Pauses::new(written.initial_interval.or_zero(), attempts),
            timeout: written.timeout.positive(),
            statuses: StatusRanges::build("status", &written.status)?,
            kept: match written.max_request_body_bytes {
                None => Some(KEPT),
                Some(bytes) => u64::try_from(bytes).ok(),
            },
            unreached: !written.disable_retry_on_network_error,
            any_method: written.retry_non_idempotent_method,
        })
    }

    /// Whether answers to this method are tried again for their status.
    fn by_status(&self, method: &Method) -> bool {
        let idempotent =
            *method != Method::POST && *method != Method::PATCH && method.as_str() != "LOCK";
        !self.statuses.is_empty() && (self.any_method || idempotent)
    }

    /// Whether an answer is worth another try.
    fn wants(&self, answered: &Answered, by_status: bool, elapsed: Duration) -> bool {
        let status = answered.response.status();
        if status == StatusCode::SWITCHING_PROTOCOLS
            || self.timeout.is_some_and(|timeout| elapsed >= timeout)
        {
            return false;
        }
        self.unreached && answered.unreached || by_status && self.statuses.contain(status)
    }

    /// The servers for which there will be another try after this one.
    fn left(&self, by_status: bool, elapsed: Duration) -> OneServer {
        let wanted = |status| self.unreached || by_status && self.statuses.contain(status);
        let in_time =
            |more| self.timeout.is_none_or(|timeout| elapsed.saturating_add(more) < timeout);
        OneServer {
            refusing: wanted(StatusCode::BAD_GATEWAY) && in_time(Duration::ZERO),
            // Where the time is over then, this try is the last, and needs the patience of one.
            silent: wanted(StatusCode::GATEWAY_TIMEOUT) && in_time(IMPATIENCE),
        }
    }

    async fn serve(&self, request: &mut Request<'_>, rest: Rest) -> Answered {
        let begun = Instant::now();
        let is_round = rounds::are_counted(&request.head.headers);
        let mut by_status = self.by_status(&request.head.method) && !is_round;
        let mut body = None;
        if by_status {
            match keep(request, self.kept.unwrap_or(u64::MAX)).await {
                Kept::Nothing => {}
                Kept::Whole(bytes) => body = Some(bytes),
                Kept::TooLarge => by_status = false,
                Kept::Broken(failure) => {
                    request.way.tell(&failure);
                    let status = StatusCode::INTERNAL_SERVER_ERROR;
                    return closing(respond::error(status, "Internal Server Error\n")).into();
                }
            }
        }
        let (client, original) = (request.client, request.head.clone());
        let place = request.watched.place();
        for tries in 1..self.attempts {
            if let Some(body) = &body {
                *request.body = RequestBody::read(body.clone());
            }
            self.left(by_status, begun.elapsed()).tell(request.head);
            // Interim answers of a try that fails would be told as if they were the answer's.
            request.client = None;
            let answered = rest.run(request).await;
            request.client = client;
            if !self.wants(&answered, by_status, begun.elapsed()) {
                return answered;
            }
            answered.discard();
            request.head.clone_from(&original);
            request.watched.again(&place);
            let pause = self.pauses.next(tries);
            // Answers that are there at once must not keep others on this thread waiting.
            match pause.is_zero() {
                true => tokio::task::yield_now().await,
                false => tokio::time::sleep(pause).await,
            }
            tracing::debug!("New attempt {} for request: {}", tries + 1, request.head.uri);
        }
        if let Some(body) = body {
            *request.body = RequestBody::read(body);
        }
        rest.run(request).await
    }
}

impl Around for Retry {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        if self.attempts == 1 {
            return rest.run(request);
        }
        request.head.extensions.insert(GzipSniffing);
        if !self.unreached && !self.by_status(&request.head.method) {
            return rest.run(request);
        }
        Box::pin(self.serve(request, rest))
    }

    fn would_do(&self, head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let when = match (self.unreached, self.by_status(&head.method)) {
            _ if self.attempts == 1 => return vec!["tries once".into()],
            (false, false) => return vec![format!("tries {} once", head.method)],
            (true, false) => "no server could be reached",
            (false, true) => "the status is one of those written",
            (true, true) => "no server could be reached, or the status is one of those written",
        };
        vec![format!("tries up to {} times, while {when}", self.attempts)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::build;

    fn retry(options: &str) -> Retry {
        Retry::build(&serde_json::from_str(options).unwrap()).unwrap()
    }

    fn answered(status: u16, unreached: bool) -> Answered {
        let response = respond::bare(StatusCode::from_u16(status).unwrap());
        Answered { unreached, ..response.into() }
    }

    #[test]
    fn what_is_worth_another_try() {
        let by_network = r#"{"attempts":3}"#;
        let by_both = r#"{"attempts":3,"status":["500-503","101"]}"#;
        let by_status = r#"{"attempts":3,"status":["500"],"disableRetryOnNetworkError":true}"#;
        let any = r#"{"attempts":3,"status":["500"],"retryNonIdempotentMethod":true}"#;
        // Options, method, status, whether no server was reached, whether it is tried again.
        for (options, method, status, unreached, expected) in [
            (by_network, "GET", 502, true, true),
            (by_network, "POST", 502, true, true),
            (by_network, "GET", 502, false, false),
            (by_network, "GET", 503, false, false),
            (by_both, "GET", 500, false, true),
            (by_both, "PUT", 503, false, true),
            (by_both, "DELETE", 503, false, true),
            (by_both, "GET", 504, false, false),
            (by_both, "GET", 101, false, false),
            (by_both, "POST", 500, false, false),
            (by_both, "PATCH", 500, false, false),
            (by_both, "LOCK", 500, false, false),
            (by_both, "POST", 502, true, true),
            (by_status, "GET", 500, false, true),
            (by_status, "GET", 502, true, false),
            (any, "POST", 500, false, true),
            (any, "LOCK", 500, false, true),
        ] {
            let retry = retry(options);
            let by_status = retry.by_status(&method.parse().unwrap());
            let wants = retry.wants(&answered(status, unreached), by_status, Duration::ZERO);
            assert_eq!(wants, expected, "{options} {method} {status} {unreached}");
        }
    }

    #[test]
    fn servers_that_are_left_to_another_try() {
        // Options, method, seconds that have passed; whether another try follows where a server
        // refuses, and where one is silent.
        for (options, method, seconds, refusing, silent) in [
            (r#"{"attempts":3}"#, "POST", 100, true, true),
            (r#"{"attempts":3,"timeout":"500ms"}"#, "GET", 0, true, false),
            (r#"{"attempts":3,"timeout":"10s"}"#, "GET", 8, true, true),
            (r#"{"attempts":3,"timeout":"10s"}"#, "GET", 9, true, false),
            (r#"{"attempts":3,"timeout":"10s"}"#, "GET", 10, false, false),
            (
                r#"{"attempts":3,"status":["502"],"disableRetryOnNetworkError":true}"#,
                "GET",
                0,
                true,
                false,
            ),
            (
                r#"{"attempts":3,"status":["504"],"disableRetryOnNetworkError":true}"#,
                "GET",
                0,
                false,
                true,
            ),
            (
                r#"{"attempts":3,"status":["500-599"],"disableRetryOnNetworkError":true}"#,
                "POST",
                0,
                false,
                false,
            ),
        ] {
            let retry = retry(options);
            let by_status = retry.by_status(&method.parse().unwrap());
            let left = retry.left(by_status, Duration::from_secs(seconds));
            let expected = OneServer { refusing, silent };
            assert_eq!(left, expected, "{options} {method} {seconds}");
        }
    }

    #[test]
    fn nothing_is_tried_again_when_the_time_is_over() {
        let retry = retry(r#"{"attempts":3,"timeout":"10s"}"#);
        let wants =
            |seconds| retry.wants(&answered(502, true), false, Duration::from_secs(seconds));
        assert!(wants(0) && wants(9) && !wants(10) && !wants(11));
    }

    #[test]
    fn options() {
        let default = retry(r#"{"attempts":2}"#);
        assert_eq!((default.kept, default.timeout), (Some(2_097_152), None));
        let unlimited = retry(r#"{"attempts":2,"maxRequestBodyBytes":-1}"#);
        assert_eq!(unlimited.kept, None);
        for (options, expected) in [
            ("{}", "incorrect (or empty) value for attempt (0): expected attempts, 1 or more"),
            (r#"{"attempts":-1}"#, "incorrect (or empty) value for attempt (-1)"),
            (
                r#"{"attempts":2,"disableRetryOnNetworkError":true}"#,
                "requires at least HTTP status codes or retry on TCP",
            ),
            (r#"{"attempts":2,"status":["500,502"]}"#, "status: \"500,502\" is no status"),
        ] {
            let error = build(&format!(r#"{{"retry":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
