//! `ping@internal`: whether the proxy serves, and still means to.

use std::sync::atomic::Ordering;

use http::{Response, StatusCode};

use super::State;
use crate::body::Body;
use crate::respond;

/// 200 `OK` for any method and path; once the stop has begun, `ping.terminatingStatusCode` with
/// its phrase.
pub(super) fn answer(state: &State) -> Response<Body> {
    if state.terminating.load(Ordering::Relaxed) {
        let written = state.install.ping.as_ref().map(|ping| ping.terminating_status_code);
        let status = written.and_then(|code| StatusCode::from_u16(code).ok());
        return respond::text(status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE));
    }
    respond::text(StatusCode::OK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::tests::{body, state};

    #[test]
    fn answers() {
        let table = [
            ("{}", false, 200, "OK"),
            ("{}", true, 503, "Service Unavailable"),
            (r#"{"ping":{}}"#, true, 503, "Service Unavailable"),
            (r#"{"ping":{"terminatingStatusCode":204}}"#, true, 204, ""),
            (r#"{"ping":{"terminatingStatusCode":204}}"#, false, 200, "OK"),
            (r#"{"ping":{"terminatingStatusCode":7}}"#, true, 503, "Service Unavailable"),
        ];
        for (install, terminating, status, text) in table {
            let state = state(install);
            state.terminating.store(terminating, Ordering::Relaxed);
            let answer = answer(&state);
            assert_eq!(answer.status(), status, "{install} {terminating}");
            assert!(answer.headers().is_empty());
            assert_eq!(body(answer), text, "{install} {terminating}");
        }
    }
}
