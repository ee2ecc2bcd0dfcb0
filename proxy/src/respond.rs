//! Swarmgate's own answers, in Traefik's three styles.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};

use crate::body::Body;

const NOSNIFF: HeaderName = HeaderName::from_static("x-content-type-options");

/// Style N: the status and nothing else.
pub fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = status;
    response
}

/// Style T: the standard reason phrase as body, no `Content-Type`. A status that has no body (RFC
/// 9110 section 6.4.1) gets none: HTTP/2 clients take one for a broken stream.
pub fn text(status: StatusCode) -> Response<Body> {
    let mut response = bare(status);
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return response;
    }
    // Go's words, where the crate has newer ones.
    let reason = match status.as_u16() {
        203 => "Non-Authoritative Information",
        413 => "Request Entity Too Large",
        414 => "Request URI Too Long",
        416 => "Requested Range Not Satisfiable",
        499 => "Client Closed Request",
        _ => status.canonical_reason().unwrap_or_default(),
    };
    *response.body_mut() = Body::from(reason);
    response
}

/// Style E: `message` (it ends with a newline) as plain text that must not be sniffed.
pub fn error(status: StatusCode, message: impl Into<Body>) -> Response<Body> {
    let mut response = bare(status);
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response.headers_mut().insert(NOSNIFF, HeaderValue::from_static("nosniff"));
    *response.body_mut() = message.into();
    response
}

/// No router matched.
pub fn not_found() -> Response<Body> {
    error(StatusCode::NOT_FOUND, "404 page not found\n")
}
