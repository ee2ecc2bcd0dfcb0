//! `acme-http@internal`: answers the CA's HTTP-01 question (RFC 8555 section 8.3).

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode, request};

use super::State;
use crate::body::Body;
use crate::respond;

const PREFIX: &str = "/.well-known/acme-challenge/";

/// The key authorization of the path's token for this host; an empty 404 when there is none.
pub(super) fn answer(head: &request::Parts, host: &str, state: &State) -> Response<Body> {
    let token = token(head.uri.path());
    match token.and_then(|token| (state.challenges)(host, token)) {
        Some(authorization) => {
            let mut answer = respond::bare(StatusCode::OK);
            let kind = HeaderValue::from_static("application/octet-stream");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            *answer.body_mut() = Body::from(authorization.as_ref().to_owned());
            answer
        }
        None => {
            match token {
                Some(token) => tracing::warn!(host, token, "no ACME challenge for this token"),
                None => tracing::warn!(host, "an ACME challenge request has no token"),
            }
            respond::bare(StatusCode::NOT_FOUND)
        }
    }
}

/// The one segment after the prefix; a slash may follow.
fn token(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(PREFIX)?;
    let token = rest.strip_suffix('/').unwrap_or(rest);
    (!token.is_empty() && !token.contains('/')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::tests::{body, head, state};

    #[test]
    fn answers() {
        let table = [
            ("a.test", "/.well-known/acme-challenge/tok", 200),
            ("a.test", "/.well-known/acme-challenge/tok/", 200),
            ("a.test", "/.well-known/acme-challenge/tok?x", 200),
            ("b.test", "/.well-known/acme-challenge/tok", 404),
            ("a.test", "/.well-known/acme-challenge/other", 404),
            ("a.test", "/.well-known/acme-challenge/", 404),
            ("a.test", "/.well-known/acme-challenge//", 404),
            ("a.test", "/.well-known/acme-challenge/tok/x", 404),
            ("a.test", "/.well-known/acme-challenge/tok//", 404),
            ("a.test", "/tok", 404),
        ];
        for (host, target, status) in table {
            for method in ["GET", "POST"] {
                let answer = answer(&head(method, target), host, &state("{}"));
                assert_eq!(answer.status(), status, "{host} {target}");
                let expected = if status == 200 { "tok.thumbprint" } else { "" };
                assert_eq!(body(answer), expected, "{host} {target}");
            }
        }
    }
}
