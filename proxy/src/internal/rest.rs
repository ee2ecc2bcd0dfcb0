//! `rest@internal`: takes a whole routing configuration, `PUT /api/providers/rest`, one at a time: so
//! the last one that came is the one that counts, and memory holds one.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue, ORIGIN, RETRY_AFTER};
use http::{Method, Response, StatusCode, request};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

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
    if provider != "rest" {
        let message = "Only 'rest' provider can be updated through the REST API\n";
        return Some(respond::error(StatusCode::BAD_REQUEST, message));
    }
    // Only browsers say whose page asks, of each request that changes something: none has a business
    // here, and one whose page has made its own name ours (DNS rebinding) asks without permission.
    head.headers
        .contains_key(ORIGIN)
        .then(|| respond::error(StatusCode::FORBIDDEN, "web pages cannot put a configuration\n"))
}

/// How long one waits for those before it.
const PATIENCE: Duration = Duration::from_secs(30);

/// One configuration is read and understood at a time, whatever connection it comes by.
static TURN: Semaphore = Semaphore::const_new(1);

/// The right to put a configuration; the next one waits until it is dropped.
pub type Turn = SemaphorePermit<'static>;

/// Waits for its turn and reads the body of a request.
///
/// # Errors
/// The answer to one that waits too long, is too long or breaks off.
pub async fn read(body: &mut RequestBody) -> Result<(Turn, Bytes), Response<Body>> {
    let turn = turn(&TURN, PATIENCE).await?;
    Ok((turn, read_whole(body).await?))
}

async fn turn(
    semaphore: &Semaphore,
    patience: Duration,
) -> Result<SemaphorePermit<'_>, Response<Body>> {
    match timeout(patience, semaphore.acquire()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => {
            let message = "another configuration is being put\n";
            let mut busy = respond::error(StatusCode::SERVICE_UNAVAILABLE, message);
            busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("10"));
            Err(busy)
        }
    }
}

async fn read_whole(body: &mut RequestBody) -> Result<Bytes, Response<Body>> {
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
        for origin in ["https://evil.test", "null", ""] {
            let mut page = head("PUT", "/api/providers/rest");
            page.headers.insert(ORIGIN, HeaderValue::from_static(origin));
            let refused = refuse(&page).map(|answer| answer.status());
            assert_eq!(refused, Some(StatusCode::FORBIDDEN), "{origin}");
        }
    }

    #[tokio::test]
    async fn one_at_a_time() {
        let semaphore = Semaphore::new(1);
        let first = turn(&semaphore, PATIENCE).await.unwrap();
        let busy = turn(&semaphore, Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(busy.headers().contains_key(RETRY_AFTER));
        let (second, ()) = tokio::join!(turn(&semaphore, PATIENCE), async { drop(first) });
        assert!(second.is_ok());
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
