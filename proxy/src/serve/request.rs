//! The way of one request, step by step; the order is Traefik's (HTTP routing, the way of a
//! request).

use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::header::{CONNECTION, CONTENT_LENGTH};
use http::{HeaderValue, Method, Response, StatusCode, request};
use http_body::Body as _;

use super::answered::Answered;
use super::exchange::{AnswerBody, InFlight};
use super::logged::{Logged, Watched};
use super::service::{self, Request};
use super::settle::{CLOSE, settle};
use super::way::{Way, enter, find, refuse_misdirected};
use crate::body::{Body, RequestBody};
use crate::canonical;
use crate::connection::Connection;
use crate::http1::Client;
use crate::middleware::Rest;
use crate::present::Present;
use crate::respond;
use crate::worker::Worker;

/// Answers one request. `client`: its HTTP/1.1 connection. `present`: what its headers are.
///
/// Everything that does not wait is done in functions of its own, and nothing large is handed down
/// by value: this future is as large as what it keeps while it waits, for each connection.
pub async fn handle(
    worker: &Worker,
    entry_point: usize,
    connection: &Rc<Connection>,
    client: Option<&Client>,
    head: &mut request::Parts,
    present: Present,
    body: &mut RequestBody,
) -> Response<AnswerBody> {
    let number = connection.begin_request();
    let in_flight = InFlight(Rc::clone(connection));
    let mut watched = watch(worker, entry_point, connection, head, body);
    let mut answered = match prepare(worker, entry_point, connection, head, present, &mut watched) {
        Prepared::Answered(answer) => Answered::from(*answer),
        Prepared::Routed(way, passed) => {
            let watched = &mut watched;
            let mut request =
                Request { worker, connection, client, way: &way, head, body, watched };
            let answered = if passed == way.middlewares().len() {
                service::serve(&mut request, way.target()).await
            } else {
                Rest::from(passed).run(&mut request).await
            };
            way.back(answered, connection, request.head, 0..passed)
        }
    };
    let response = &mut answered.response;
    if connection.should_close(number) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        if connection.multiplexed.get() {
            connection.drain();
        } else {
            response.headers_mut().insert(CONNECTION, CLOSE);
        }
    }
    if head.method == Method::HEAD {
        without_body(response);
    }
    if let Some(measured) = &mut watched.measured {
        measured.answered(response.status(), response.headers());
    }
    let logged = watched.logged.take();
    let on_end =
        logged.map(|logged| logged.on_end(connection, response.status(), response.headers()));
    let Answered { response, tunnel, held, .. } = answered;
    let measured = watched.measured.take();
    response.map(|body| AnswerBody::new(body, tunnel, held, on_end, measured, in_flight))
}

/// Begins what the access log and the metrics note of a request.
fn watch(
    worker: &Worker,
    entry_point: usize,
    connection: &Rc<Connection>,
    head: &request::Parts,
    body: &mut RequestBody,
) -> Watched {
    let logged = worker.shared.access_log.as_ref().map(|log| Logged::begin(log, head));
    let mut measured = worker.metrics.as_ref().map(|metrics| {
        let tls = connection.tls.get().map(|tls| (tls.version, tls.cipher));
        Box::new(metrics.begin(entry_point, Instant::now(), &head.method, &head.headers, tls))
    });
    if (logged.is_some() || measured.is_some()) && !body.is_ended() {
        let counter = match &logged {
            Some(logged) => Arc::clone(&logged.request_bytes),
            None => Arc::default(),
        };
        body.count(&counter);
        if let Some(measured) = &mut measured {
            measured.received_by(counter);
        }
    }
    Watched { logged, measured, connection: Rc::clone(connection) }
}

/// How far a request gets without waiting.
enum Prepared {
    Answered(Box<Response<Body>>),
    /// And how many of its middlewares it has passed.
    Routed(Way, usize),
}

impl From<Response<Body>> for Prepared {
    fn from(answer: Response<Body>) -> Self {
        Self::Answered(Box::new(answer))
    }
}

/// Everything up to the service: refusals, the canonical view, forwarding headers, the router, its
/// middlewares.
fn prepare(
    worker: &Worker,
    entry_point: usize,
    connection: &Rc<Connection>,
    head: &mut request::Parts,
    present: Present,
    watched: &mut Watched,
) -> Prepared {
    let (host, upgrade) = match settle(connection, &worker.shared.server_name, head, present) {
        Ok(settled) => settled,
        Err(refusal) => return refusal.answer().into(),
    };
    if let Some(logged) = &mut watched.logged {
        logged.canonical(head, host.as_ref());
    }
    let host = host.unwrap_or_else(|| HeaderValue::from_static(""));
    let snapshot = worker.snapshot();
    let as_sent = host.to_str().unwrap_or_default();
    let canonical_host = canonical::host(as_sent);
    let hosts = (&*canonical_host, as_sent);
    let found = find(&snapshot, entry_point, connection, head, hosts);
    let misdirected = found.and_then(|number| {
        refuse_misdirected(&snapshot, entry_point, connection, number, &canonical_host)
    });
    drop(canonical_host);
    let Some(number) = found else {
        if let Some(measured) = &mut watched.measured {
            measured.unrouted(&head.headers);
        }
        return respond::not_found().into();
    };
    let way = Way::new(snapshot, number, upgrade, host);
    if let Some(route) = way.route()
        && let Some(refusal) = enter(connection, route, head, watched).or(misdirected)
    {
        return refusal.into();
    }
    if way.middlewares().is_empty() {
        return Prepared::Routed(way, 0);
    }
    let (passed, answer) = way.pass(connection, head, 0);
    if let Some(measured) = &mut watched.measured {
        measured.labelled(&head.headers);
    }
    match answer {
        Some(answer) => way.back((*answer).into(), connection, head, 0..passed).response.into(),
        None => Prepared::Routed(way, passed),
    }
}

/// Leaves an answer to `HEAD` its length only (RFC 9110 section 9.3.2): our own, or one that a server
/// gave to another request that a middleware made of this one.
fn without_body(answer: &mut Response<Body>) {
    let body = std::mem::take(answer.body_mut());
    if matches!(body, Body::Empty) {
        return;
    }
    if let Some(length) = body.size_hint().exact().filter(|length| *length > 0) {
        answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    body.discard();
}
