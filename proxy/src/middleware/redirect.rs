//! What both redirecting middlewares answer.

use http::header::{HeaderValue, LOCATION};
use http::{Method, StatusCode};

use super::{Flow, location};
use crate::respond;

/// Redirects to `target`; 502 when that is no URL (Traefik: 302 and 301 for GET, 307 and 308 for
/// every other method, HEAD too).
pub(super) fn to(target: &[u8], permanent: bool, method: &Method) -> Flow {
    let location = location::normalize(target)
        .and_then(|location| HeaderValue::from_maybe_shared(bytes::Bytes::from(location)).ok());
    let Some(location) = location else {
        return Flow::Answer(Box::new(respond::text(StatusCode::BAD_GATEWAY)));
    };
    let status = match (permanent, method == Method::GET) {
        (false, true) => StatusCode::FOUND,
        (false, false) => StatusCode::TEMPORARY_REDIRECT,
        (true, true) => StatusCode::MOVED_PERMANENTLY,
        (true, false) => StatusCode::PERMANENT_REDIRECT,
    };
    let mut answer = respond::text(status);
    answer.headers_mut().insert(LOCATION, location);
    Flow::Answer(Box::new(answer))
}
