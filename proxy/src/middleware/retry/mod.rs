//! `retry`: another try where a server could not be reached, or answered with a status that is
//! worth one.
//!
//! Each try takes the service's next server. The service has tries of its own, too
//! (`forward/mod.rs`): while `retry` has some left it keeps them back, so that the two never
//! multiply; the last try has them.

mod pauses;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{Method, StatusCode, request};
use http_body::Body as _;
use swarmgate_config::routing;

use self::pauses::Pauses;
use super::content_type::GzipSniffing;
use super::status_ranges::StatusRanges;
use super::{Answering, Around, Context, OneServer, Rest};
use crate::body::{Body, RequestBody, RequestBodyError};
use crate::forward::connect::IMPATIENCE;
use crate::respond;
use crate::serve::answered::Answered;
use crate::serve::service::Request;
use crate::serve::settle::closing;

/// `maxRequestBodyBytes` where nothing is said.
const KEPT: u64 = 2 * 1024 * 1024;

/// So much of an answer that is thrown away is read, if it has come already: its connection can be
/// used again. Bytes.
const READ: usize = 64 * 1024;

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

/// What became of a body that was to be kept.
#[derive(Debug)]
enum Kept {
    Whole(Bytes),
    /// It is given back as it came.
    TooLarge,
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

    /// Whether there will be another try after this one, if it reaches nobody: then it need not have
    /// the patience, and the further servers, of a last one.
    fn comes_again(&self, by_status: bool, elapsed: Duration) -> bool {
        let of_nobody = [StatusCode::BAD_GATEWAY, StatusCode::GATEWAY_TIMEOUT];
        let wanted =
            self.unreached || by_status && of_nobody.iter().all(|it| self.statuses.contain(*it));
        wanted && self.timeout.is_none_or(|timeout| elapsed + IMPATIENCE < timeout)
    }

    async fn serve(&self, request: &mut Request<'_>, rest: Rest) -> Answered {
        let begun = Instant::now();
        request.head.extensions.insert(GzipSniffing);
        let mut by_status = self.by_status(&request.head.method);
        let mut body = None;
        if by_status && !request.body.is_ended() {
            match keep(request.body, request.head, self.kept).await {
                Ok(Kept::Whole(bytes)) => body = Some(bytes),
                Ok(Kept::TooLarge) => by_status = false,
                Err(_) => {
                    let status = StatusCode::INTERNAL_SERVER_ERROR;
                    return closing(respond::error(status, "Internal Server Error\n")).into();
                }
            }
        }
        let (client, original) = (request.client, request.head.clone());
        for tries in 1..self.attempts {
            if let Some(body) = &body {
                *request.body = RequestBody::read(body.clone());
            }
            if self.comes_again(by_status, begun.elapsed()) {
                request.head.extensions.insert(OneServer);
            }
            // Interim answers of a try that fails would be told as if they were the answer's.
            request.client = None;
            let answered = rest.run(request).await;
            request.client = client;
            if !self.wants(&answered, by_status, begun.elapsed()) {
                return answered;
            }
            discard(answered).await;
            request.head.clone_from(&original);
            if let Some(measured) = &mut request.watched.measured {
                measured.tried_again();
            }
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
        if self.attempts == 1 || !self.unreached && !self.by_status(&request.head.method) {
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

/// Reads a body of at most so many bytes.
async fn keep(
    body: &mut RequestBody,
    head: &request::Parts,
    most: Option<u64>,
) -> Result<Kept, RequestBodyError> {
    let most = most.unwrap_or(u64::MAX);
    if announced(head).is_some_and(|length| length > most) {
        return Ok(Kept::TooLarge);
    }
    let mut kept = Vec::new();
    while let Some(data) = poll_fn(|cx| body.poll_data(cx)).await {
        // A copy: what arrives may be a small piece of something large.
        kept.extend_from_slice(&data?);
        if kept.len() as u64 > most {
            body.give_back(kept.into());
            return Ok(Kept::TooLarge);
        }
    }
    Ok(Kept::Whole(kept.into()))
}

/// The length that a request says its body has.
pub(super) fn announced(head: &request::Parts) -> Option<u64> {
    if head.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Throws an answer away. What has come of it is read, as far as it is little: its connection is
/// then free for the next request; else it is closed.
pub(super) async fn discard(answered: Answered) {
    let mut body = answered.response.into_body();
    if let Body::Empty | Body::Full(_) = body {
        return;
    }
    let mut left = READ;
    poll_fn(|cx| {
        loop {
            let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(cx) else {
                return Poll::Ready(());
            };
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => left = rest,
                None => return Poll::Ready(()),
            }
        }
    })
    .await;
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
    fn nothing_is_tried_again_when_the_time_is_over() {
        let retry = retry(r#"{"attempts":3,"timeout":"10s"}"#);
        let wants =
            |seconds| retry.wants(&answered(502, true), false, Duration::from_secs(seconds));
        assert!(wants(0) && wants(9) && !wants(10) && !wants(11));
    }

    #[test]
    fn lengths() {
        type Row = (&'static [(&'static str, &'static str)], Option<u64>);
        let table: &[Row] = &[
            (&[], None),
            (&[("content-length", "7")], Some(7)),
            (&[("content-length", "9223372036854775807")], Some(9_223_372_036_854_775_807)),
            (&[("content-length", "7"), ("transfer-encoding", "chunked")], None),
        ];
        for (headers, expected) in table {
            let builder =
                headers.iter().fold(http::Request::builder(), |builder, (name, value)| {
                    builder.header(*name, *value)
                });
            let (head, ()) = builder.body(()).unwrap().into_parts();
            assert_eq!(announced(&head), *expected, "{headers:?}");
        }
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
