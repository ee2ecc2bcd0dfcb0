//! `rest@internal`: takes a whole routing configuration, `PUT /api/providers/rest`.

use std::future::poll_fn;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode, request};

use super::api::escaped;
use crate::body::{Body, RequestBody};
use crate::respond;

/// Takes a body; gives the configuration as it was understood, in JSON, or what is wrong with it.
/// May take milliseconds.
pub type Put = Arc<dyn Fn(&[u8]) -> Result<String, String> + Send + Sync>;

/// The longest body; a configuration of 10,000 routers is a fifth of it.
const MOST_BYTES: usize = 16 << 20;

/// The answer to a request that puts nothing.
pub fn refuse(head: &request::Parts) -> Option<Response<Body>> {
    let provider = head.uri.path().strip_prefix("/api/providers/").unwrap_or_default();
    if provider.is_empty() || provider.contains('/') {
        return Some(respond::not_found());
    }
    if head.method != Method::PUT {
        return Some(respond::bare(StatusCode::METHOD_NOT_ALLOWED));
    }
    (provider != "rest").then(|| {
        let message = "Only 'rest' provider can be updated through the REST API\n";
        respond::error(StatusCode::BAD_REQUEST, message)
    })
}

/// Reads the body of a request.
///
/// # Errors
/// The answer to one that is too long or breaks off.
pub async fn read(body: &mut RequestBody) -> Result<Bytes, Response<Body>> {
    let mut whole = BytesMut::new();
    while let Some(data) = poll_fn(|cx| body.poll_data(cx)).await {
        let Ok(data) = data else {
            return Err(respond::error(StatusCode::BAD_REQUEST, "the body broke off\n"));
        };
        if whole.len().saturating_add(data.len()) > MOST_BYTES {
            let message = "a configuration may have 16 MiB\n";
            return Err(respond::error(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}

/// Puts a configuration and says how that went.
pub fn answer(put: &Put, body: &[u8]) -> Response<Body> {
    match put(body) {
        Ok(echo) => {
            let mut answer = respond::bare(StatusCode::OK);
            let kind = HeaderValue::from_static("application/json; charset=UTF-8");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            *answer.body_mut() = Body::from(escaped(&echo));
            answer
        }
        Err(message) => {
            let mut answer = respond::error(StatusCode::BAD_REQUEST, "");
            *answer.body_mut() = Body::from(format!("{message}\n"));
            answer
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::tests::{body, head};

    #[test]
    fn what_is_taken() {
        let table = [
            ("PUT", "/api/providers/rest", 0),
            ("PUT", "/api/providers/rest?x", 0),
            ("PUT", "/api/providers/file", 400),
            ("GET", "/api/providers/rest", 405),
            ("POST", "/api/providers/rest", 405),
            ("GET", "/api/providers/file", 405),
            ("PUT", "/api/providers/", 404),
            ("PUT", "/api/providers", 404),
            ("PUT", "/api/providers/rest/x", 404),
        ];
        for (method, target, status) in table {
            let refused = refuse(&head(method, target)).map_or(0, |it| it.status().as_u16());
            assert_eq!(refused, status, "{method} {target}");
        }
    }

    #[test]
    fn answers() {
        let put: Put = Arc::new(|body| match body {
            b"good" => Ok("{\"a\":\"<\"}".into()),
            _ => Err("no good".into()),
        });
        let good = answer(&put, b"good");
        assert_eq!(good.status(), 200);
        assert_eq!(good.headers()[CONTENT_TYPE], "application/json; charset=UTF-8");
        assert_eq!(body(good), "{\"a\":\"\\u003c\"}");
        let bad = answer(&put, b"bad");
        assert_eq!((bad.status().as_u16(), body(bad)), (400, "no good\n".into()));
    }
}
