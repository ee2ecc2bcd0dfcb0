//! `buffering`: requests and answers are read whole before they go on, within limits.
//!
//! A server gets a request at once and with its length, however slowly its client sends it; a
//! client gets no half answers. What does not fit into memory waits in a file.

mod bodies;
mod retries;
mod store;

use std::future::poll_fn;
use std::pin::Pin;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderName, TRAILER, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Response, StatusCode, request};
use http_body::Body as _;
use swarmgate_config::routing;

use self::retries::{LOOKED_AT, Retries};
use self::store::{Refused, Store, Stored};
use super::content_type::GzipSniffing;
use super::kept::announced;
use super::{Answering, Around, Context, Rest};
use crate::body::{Body, RequestBody, RequestBodyError};
use crate::failure::Failure;
use crate::forward::rounds;
use crate::respond;
use crate::serve::answered::Answered;
use crate::serve::service::Request;
use crate::serve::settle::closing;

/// What stays in memory where nothing is said, bytes.
const IN_MEMORY: u64 = 1024 * 1024;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A built `buffering` (Traefik: Buffer).
#[derive(Debug)]
pub struct Buffering {
    request: Limits,
    response: Limits,
    retries: Option<Retries>,
}

/// How much of a body is kept, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Limits {
    most: u64,
    in_memory: usize,
}

impl Limits {
    fn build(kind: &str, most: i64, in_memory: i64) -> Result<Self, String> {
        let read = |option: &str, bytes: i64, default: u64| match u64::try_from(bytes) {
            Ok(0) => Ok(default),
            Ok(bytes) => Ok(bytes),
            Err(_) => Err(format!(
                "{option}{kind}BodyBytes is {bytes}; expected a number of bytes, or 0 for the \
                 default"
            )),
        };
        let most = read("max", most, u64::MAX)?;
        let in_memory = read("mem", in_memory, IN_MEMORY)?;
        Ok(Self { most, in_memory: usize::try_from(in_memory).unwrap_or(usize::MAX) })
    }

    fn store(self) -> Store {
        Store::new(self.most, self.in_memory)
    }

    fn told(self) -> String {
        match self.most {
            u64::MAX => format!("{} bytes in memory", self.in_memory),
            most => format!("at most {most} bytes, {} in memory", self.in_memory),
        }
    }
}

/// The temporary file could not be made, written or read: the disk is full, or there is none.
fn no_disk(error: &std::io::Error) -> Response<Body> {
    tracing::error!(%error, "A body cannot be buffered in a temporary file");
    respond::text(StatusCode::INTERNAL_SERVER_ERROR)
}

impl Buffering {
    pub(super) fn build(written: &routing::Buffering) -> Result<Self, String> {
        Ok(Self {
            request: Limits::build(
                "Request",
                written.max_request_body_bytes,
                written.mem_request_body_bytes,
            )?,
            response: Limits::build(
                "Response",
                written.max_response_body_bytes,
                written.mem_response_body_bytes,
            )?,
            retries: Retries::build(&written.retry_expression)?,
        })
    }

    async fn serve(&self, request: &mut Request<'_>, rest: Rest) -> Answered {
        let stored = match self.read(request.head, request.body).await {
            Ok(stored) => stored,
            Err(refusal) => return refusal.into(),
        };
        set_length(&mut request.head.headers, stored.length());
        request.head.extensions.insert(GzipSniffing);
        let is_round = rounds::are_counted(&request.head.headers);
        let retries = self.retries.as_ref().filter(|_| !is_round);
        let original = retries.map(|_| request.head.clone());
        // Nothing is said before everything is known.
        let client = request.client.take();
        let place = request.watched.place();
        let mut tries = 1;
        let answered = loop {
            *request.body = bodies::request(&stored);
            let method = request.head.method.clone();
            if let Some(retries) = retries {
                retries.left(tries, &method).tell(request.head);
            }
            let answered = match self.keep(rest.run(request).await, &method).await {
                Ok(answered) => answered,
                Err(refusal) => break refusal.into(),
            };
            let (Some(retries), Some(original), None) = (retries, &original, &answered.tunnel)
            else {
                break answered;
            };
            if !retries.want(tries, &method, answered.response.status()) {
                break answered;
            }
            tries += 1;
            request.head.clone_from(original);
            request.watched.again(&place);
            tracing::debug!("New attempt {tries} for request: {}", request.head.uri);
        };
        request.client = client;
        answered
    }

    /// Reads a request's body, or refuses it: before its client is told to send it, if it says
    /// that it is too large.
    async fn read(
        &self,
        head: &request::Parts,
        body: &mut RequestBody,
    ) -> Result<Stored, Response<Body>> {
        let too_large = || respond::text(StatusCode::PAYLOAD_TOO_LARGE);
        if announced(head).is_some_and(|length| length > self.request.most) {
            return Err(too_large());
        }
        let mut store = self.request.store();
        while let Some(data) = poll_fn(|cx| body.poll_data(cx)).await {
            let data = data.map_err(|error| match error {
                RequestBodyError::TimedOut => Failure::RequestBodyTimeout.answer(),
                RequestBodyError::Client(error) => closing(Failure::RequestBody(error).answer()),
            })?;
            store.put(&data).await.map_err(|refused| match refused {
                Refused::TooLarge => too_large(),
                Refused::Disk(error) => no_disk(&error),
            })?;
        }
        store.finish().await.map_err(|error| no_disk(&error))
    }

    /// Reads an answer's body. An error is what the client is told instead.
    async fn keep(&self, answered: Answered, method: &Method) -> Result<Answered, Response<Body>> {
        if answered.tunnel.is_some() {
            return Ok(answered);
        }
        let Answered { response, held, unreached, .. } = answered;
        let (mut head, mut body) = response.into_parts();
        let bodiless = *method == Method::HEAD
            || head.status.is_informational()
            || matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless {
            let response = Response::from_parts(head, body);
            return Ok(Answered { held, unreached, ..response.into() });
        }
        if head
            .headers
            .get(GRPC_STATUS)
            .is_some_and(|status| !matches!(status.as_bytes(), b"" | b"0"))
        {
            // Such an answer has nothing but its head.
            head.headers.remove(CONTENT_LENGTH);
            return Ok(Answered { unreached, ..Response::from_parts(head, Body::Empty).into() });
        }
        let too_large = || respond::text(StatusCode::INTERNAL_SERVER_ERROR);
        if body.size_hint().lower() > self.response.most {
            return Err(too_large());
        }
        let (mut store, mut trailers) = (self.response.store(), None);
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => {
                    tracing::debug!(%error, "An answer that was to be buffered broke off");
                    return Ok(respond::text(StatusCode::BAD_GATEWAY).into());
                }
            };
            match frame.into_data() {
                Ok(data) => store.put(&data).await.map_err(|refused| match refused {
                    Refused::TooLarge => too_large(),
                    Refused::Disk(error) => no_disk(&error),
                })?,
                Err(frame) => {
                    if let Ok(these) = frame.into_trailers() {
                        trailers = Some(these);
                    }
                }
            }
        }
        let stored = store.finish().await.map_err(|error| no_disk(&error))?;
        let trailers = told_of(&mut head.headers, trailers);
        // What inner middlewares held is over now, as the answer is.
        drop(held);
        let response = Response::from_parts(head, bodies::answer(&stored, trailers));
        Ok(Answered { unreached, ..response.into() })
    }
}

/// What follows the body, given what the server sent behind it. Where the head tells of all of it, it
/// is among the headers, too: it is known before the answer begins. Where the head tells of some and
/// none came, the answer goes in chunks nevertheless.
fn told_of(headers: &mut HeaderMap, trailers: Option<HeaderMap>) -> Option<HeaderMap> {
    let Some(trailers) = trailers else {
        let expected = headers.contains_key(TRAILER) && !headers.contains_key(CONTENT_LENGTH);
        return expected.then(HeaderMap::new);
    };
    let mut untold = trailers.clone();
    for line in headers.get_all(TRAILER).iter().filter_map(|line| line.to_str().ok()) {
        line.split(',').for_each(|name| drop(untold.remove(name.trim())));
    }
    if untold.is_empty() {
        for (name, value) in &trailers {
            headers.append(name, value.clone());
        }
    }
    Some(trailers)
}

/// A request whose body is known has a length instead of chunks; an empty one needs none, but for
/// the methods that say so ([`announce_empty_body`]).
///
/// [`announce_empty_body`]: crate::forward::headers::announce_empty_body
fn set_length(headers: &mut HeaderMap, length: u64) {
    headers.remove(TRANSFER_ENCODING);
    match length {
        0 => drop(headers.remove(CONTENT_LENGTH)),
        length => drop(headers.insert(CONTENT_LENGTH, HeaderValue::from(length))),
    }
}

impl Around for Buffering {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        Box::pin(self.serve(request, rest))
    }

    fn would_do(&self, _head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let mut told = vec![
            format!("reads the request's body whole: {}", self.request.told()),
            format!("reads the answer's body whole: {}", self.response.told()),
        ];
        if let Some(retries) = &self.retries {
            told.push(format!("tries again, {LOOKED_AT} times at most, while {}", retries.written));
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::build;

    fn buffering(options: &str) -> Buffering {
        Buffering::build(&serde_json::from_str(options).unwrap()).unwrap()
    }

    #[test]
    fn limits() {
        let default = Limits { most: u64::MAX, in_memory: 1_048_576 };
        let table = [
            ("{}", default, default),
            (
                r#"{"maxRequestBodyBytes":5,"memRequestBodyBytes":3}"#,
                Limits { most: 5, in_memory: 3 },
                default,
            ),
            (
                r#"{"maxResponseBodyBytes":5,"memResponseBodyBytes":0}"#,
                default,
                Limits { most: 5, in_memory: 1_048_576 },
            ),
        ];
        for (options, request, response) in table {
            let built = buffering(options);
            assert_eq!((built.request, built.response), (request, response), "{options}");
        }
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            (r#"{"maxRequestBodyBytes":-1}"#, "maxRequestBodyBytes is -1; expected a number of"),
            (r#"{"memRequestBodyBytes":-1}"#, "memRequestBodyBytes is -1"),
            (r#"{"maxResponseBodyBytes":-1}"#, "maxResponseBodyBytes is -1"),
            (r#"{"memResponseBodyBytes":-1}"#, "memResponseBodyBytes is -1"),
            (r#"{"retryExpression":"Attempts() <"}"#, "retryExpression: expected IsNetworkError()"),
        ] {
            let error = build(&format!(r#"{{"buffering":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }

    #[test]
    fn lengths() {
        for (before, length, expected) in [
            (("transfer-encoding", "chunked"), 5, Some("5")),
            (("transfer-encoding", "chunked"), 0, None),
            (("content-length", "5"), 5, Some("5")),
            (("content-length", "0"), 0, None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(before.0, HeaderValue::from_static(before.1));
            set_length(&mut headers, length);
            let after = headers.get(CONTENT_LENGTH).map(|value| value.to_str().unwrap());
            assert_eq!((after, headers.contains_key(TRANSFER_ENCODING)), (expected, false));
        }
    }

    #[test]
    fn trailers() {
        // Headers, trailers; what of them is among the headers then.
        type Lines = &'static [(&'static str, &'static str)];
        let table: &[(Lines, Lines, &[&str])] = &[
            (&[], &[("x-t", "v")], &[]),
            (&[("x-t", "head")], &[("x-t", "v")], &["head"]),
            (&[("trailer", "X-T")], &[("x-t", "v")], &["v"]),
            (&[("x-t", "head"), ("trailer", "a, X-T ,b")], &[("x-t", "v")], &["head", "v"]),
            (&[("trailer", "a"), ("trailer", "x-t")], &[("x-t", "v"), ("x-t", "w")], &["v", "w"]),
            (&[("trailer", "x-t,x-u")], &[("x-t", "v"), ("x-u", "w")], &["v"]),
            (&[("trailer", "x-t")], &[("x-t", "v"), ("x-u", "w")], &[]),
            (&[("trailer", "x t,,")], &[("x-t", "v")], &[]),
            (&[("trailer", "x-t, X-T")], &[("x-t", "v")], &["v"]),
        ];
        let map = |lines: Lines| {
            let pairs = lines.iter().map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            let mut map = HeaderMap::new();
            for (name, value) in pairs {
                map.append(name, value);
            }
            map
        };
        for (headers, trailers, expected) in table {
            let mut head = map(headers);
            let behind = told_of(&mut head, Some(map(trailers)));
            assert_eq!(behind, Some(map(trailers)), "{headers:?}");
            let among: Vec<_> = head.get_all("x-t").iter().collect();
            assert_eq!(among, *expected, "{headers:?} {trailers:?}");
        }
        let nothing = |headers: Lines| told_of(&mut map(headers), None);
        assert_eq!(nothing(&[]), None);
        assert_eq!(nothing(&[("trailer", "x-t")]), Some(HeaderMap::new()));
        assert_eq!(nothing(&[("trailer", "x-t"), ("content-length", "5")]), None);
    }

    #[test]
    fn answers() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let built = buffering(r#"{"maxResponseBodyBytes":5}"#);
        // Method, status, headers, body; the status and the body that come of it.
        type Row = (&'static str, u16, &'static [(&'static str, &'static str)], &'static str);
        let table: &[(Row, (u16, &str))] = &[
            (("GET", 200, &[], "12345"), (200, "12345")),
            (("GET", 200, &[], ""), (200, "")),
            (("GET", 404, &[], "12345"), (404, "12345")),
            (("GET", 200, &[], "123456"), (500, "Internal Server Error")),
            (("HEAD", 200, &[("content-length", "123456")], ""), (200, "")),
            (("GET", 304, &[("content-length", "123456")], ""), (304, "")),
            (("GET", 204, &[], ""), (204, "")),
            (("POST", 200, &[("grpc-status", "3")], "1"), (200, "")),
            (("POST", 200, &[("grpc-status", "0")], "1"), (200, "1")),
        ];
        for ((method, status, headers, body), expected) in table {
            let mut response = respond::bare(StatusCode::from_u16(*status).unwrap());
            for (name, value) in *headers {
                response.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            *response.body_mut() = Body::from(*body);
            let method = method.parse().unwrap();
            let kept = runtime.block_on(built.keep(response.into(), &method));
            let response = kept.map_or_else(|refusal| refusal, |answered| answered.response);
            let status = response.status().as_u16();
            let body = response.into_body().into_own();
            assert_eq!((status, &*body), (expected.0, expected.1.as_bytes()), "{method} {body:?}");
        }
    }
}
