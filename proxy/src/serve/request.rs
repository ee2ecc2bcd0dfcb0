//! The way of one request, step by step; the order is Traefik's (HTTP routing, the way of a
//! request).

use std::borrow::Cow;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, HOST, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::uri::PathAndQuery;
use http::{
    HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version, request, response,
};

use super::exchange::{AnswerBody, InFlight};
use super::logged::{Logged, Routed, Watched};
use crate::balance::Balancer;
use crate::body::{Body, RequestBody};
use crate::canonical;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::forward::tunnel::Tunnel;
use crate::forward::{self, Departing, Exchange, headers};
use crate::http1::{Client, framing};
use crate::internal::{Internal, rest};
use crate::middleware::{Context, Flow, NoForwardedFor, RawQuery};
use crate::present::Present;
use crate::respond;
use crate::route;
use crate::snapshot::{Route, Target};
use crate::worker::{ThreadSnapshot, Worker};

pub(crate) const TRAEFIK_ROUTER: HeaderName = HeaderName::from_static("x-traefik-router");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a client is told to wait when a Swarm service has no running task, seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The connection's last answer: who sends this may mean what follows differently, too.
fn closing(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(CONNECTION, CLOSE);
    answer
}

/// Why a request gets no further than its head.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Connect,
    ServerWide,
    NoPath,
    Expectation,
    ManyHosts,
    BadHost,
    NoHost,
    BadTarget,
    BadFraming,
    AliasHeader,
}

impl Refusal {
    fn answer(self) -> Response<Body> {
        let bad = |why: &'static str| {
            let mut answer = respond::error(StatusCode::BAD_REQUEST, why);
            answer.headers_mut().remove("x-content-type-options");
            closing(answer)
        };
        match self {
            Self::Connect => closing(respond::bare(StatusCode::NOT_IMPLEMENTED)),
            Self::ServerWide => respond::bare(StatusCode::OK),
            Self::NoPath => respond::not_found(),
            Self::Expectation => closing(respond::bare(StatusCode::EXPECTATION_FAILED)),
            Self::ManyHosts => bad("400 Bad Request: too many Host headers"),
            Self::BadHost => bad("400 Bad Request: malformed Host header"),
            Self::NoHost => bad("400 Bad Request: missing required Host header"),
            Self::BadTarget => closing(respond::bare(StatusCode::BAD_REQUEST)),
            Self::BadFraming => {
                let mut answer = respond::bare(StatusCode::NOT_IMPLEMENTED);
                *answer.body_mut() = Body::from("Unsupported transfer encoding");
                closing(answer)
            }
            Self::AliasHeader => respond::error(StatusCode::BAD_REQUEST, "Bad Request\n"),
        }
    }
}

/// An answer and, behind a 101, the server's end of the tunnel.
struct Answered {
    response: Response<Body>,
    tunnel: Option<Box<Tunnel>>,
}

impl From<Response<Body>> for Answered {
    fn from(response: Response<Body>) -> Self {
        Self { response, tunnel: None }
    }
}

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
        Prepared::Routed(way) => {
            let answered = match way.target() {
                Some(Target::Internal(internal)) => {
                    let serving = serve_internally(worker, &way, *internal, head, body);
                    Box::pin(serving).await.into()
                }
                Some(Target::Balancer(balancer)) if !balancer.is_empty() => {
                    if let Some(measured) = &mut watched.measured {
                        measured.served();
                    }
                    let (bound, retries) = (depart(connection, &way, head, body), Cell::new(0));
                    let forwarded = forward::forward(
                        worker,
                        connection,
                        balancer,
                        Departing {
                            head,
                            body,
                            tunnel: way.upgrade.is_some(),
                            retries: &retries,
                            client,
                        },
                    );
                    let forwarded = forwarded.await;
                    if let Some(measured) = &mut watched.measured {
                        measured.retried(retries.get());
                    }
                    arrive(connection, &way, forwarded, bound, &mut watched)
                }
                Some(Target::Balancer(balancer)) => {
                    if let Some(measured) = &mut watched.measured {
                        measured.served();
                    }
                    nobody(balancer).into()
                }
                None => respond::not_found().into(),
            };
            way.back(answered, connection)
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
    if head.method == Method::HEAD && connection.multiplexed.get() {
        without_body(response);
    }
    if let Some(measured) = &mut watched.measured {
        measured.answered(response.status(), response.headers());
    }
    let logged = watched.logged.take();
    let on_end =
        logged.map(|logged| logged.on_end(connection, response.status(), response.headers()));
    let Answered { response, tunnel } = answered;
    let measured = watched.measured.take();
    response.map(|body| AnswerBody::new(body, tunnel, on_end, measured, in_flight))
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

/// A routed request on its way.
struct Way {
    snapshot: Rc<ThreadSnapshot>,
    route: usize,
    upgrade: Option<headers::Upgrade>,
    /// As sent.
    host: HeaderValue,
    /// How many of its middlewares it has passed.
    passed: usize,
}

impl Way {
    fn route(&self) -> Option<&Route> {
        self.snapshot.routes.get(self.route)
    }

    fn target(&self) -> Option<&Target> {
        self.route().map(|route| &route.target)
    }

    fn host(&self) -> &str {
        // Only visible ASCII passed `take_host`.
        self.host.to_str().unwrap_or_default()
    }

    fn context(&self, connection: &Connection) -> Context<'_> {
        Context { peer: connection.peer, tls: connection.tls.get().is_some(), host: self.host() }
    }

    /// Takes an answer back through the middlewares that the request passed, last first.
    fn back(&self, answered: Answered, connection: &Connection) -> Answered {
        let middlewares = self.route().map(|route| &*route.middlewares).unwrap_or_default();
        let passed = middlewares.get(..self.passed).unwrap_or_default();
        if passed.is_empty() || answered.response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return answered;
        }
        let Answered { response, tunnel } = answered;
        let (mut head, body) = response.into_parts();
        for middleware in passed.iter().rev() {
            middleware.on_response(&mut head, &self.context(connection));
        }
        Answered { response: Response::from_parts(head, body), tunnel }
    }
}

/// How far a request gets without waiting.
enum Prepared {
    Answered(Box<Response<Body>>),
    Routed(Way),
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
    let canonical_host = canonical::host(host.to_str().unwrap_or_default());
    let found = find(&snapshot, entry_point, connection, head, &canonical_host);
    drop(canonical_host);
    let Some(number) = found else {
        if let Some(measured) = &mut watched.measured {
            measured.unrouted(&head.headers);
        }
        return respond::not_found().into();
    };
    let mut way = Way { snapshot, route: number, upgrade, host, passed: 0 };
    let passed = match way.route() {
        Some(route) => match pass(connection, &way, route, head, watched) {
            Ok(passed) => passed,
            Err((passed, answer)) => {
                way.passed = passed;
                return way.back((*answer).into(), connection).response.into();
            }
        },
        None => 0,
    };
    way.passed = passed;
    Prepared::Routed(way)
}

/// The one view of a request that everything behind it shares: its host as sent, and the upgrade
/// that is asked for.
fn settle(
    connection: &Connection,
    server_name: &HeaderValue,
    head: &mut request::Parts,
    present: Present,
) -> Result<(Option<HeaderValue>, Option<headers::Upgrade>), Refusal> {
    refuse(head, present)?;
    if !headers::treat_aliases(&mut head.headers, connection.settings.alias_headers) {
        return Err(Refusal::AliasHeader);
    }
    let host = take_host(head)?;
    canonicalise(head, connection)?;
    let upgrade = headers::arrive(
        &mut head.headers,
        connection,
        server_name,
        host.as_ref(),
        head.version,
        present,
    );
    Ok((host, upgrade))
}

/// The same for somebody who only asks what would become of a request: the host, or the answer.
pub(crate) fn imagine(
    connection: &Connection,
    server_name: &HeaderValue,
    head: &mut request::Parts,
) -> Result<HeaderValue, Box<Response<Body>>> {
    let present = Present::of(&head.headers);
    let settled = settle(connection, server_name, head, present);
    let (host, _) = settled.map_err(|refusal| Box::new(refusal.answer()))?;
    Ok(host.unwrap_or_else(|| HeaderValue::from_static("")))
}

/// Takes a request through its router's middlewares; returns how many it passed, and the answer if
/// one was given.
fn pass(
    connection: &Connection,
    way: &Way,
    route: &Route,
    head: &mut request::Parts,
    watched: &mut Watched,
) -> Result<usize, (usize, Box<Response<Body>>)> {
    if let Some(logged) = &mut watched.logged {
        logged.routed(Routed {
            router: Arc::clone(&route.name),
            service: Arc::clone(&route.service),
            internal: route.internal,
            wanted: route.access_log,
        });
    }
    if let Some(measured) = &mut watched.measured {
        measured.routed(route.series.as_ref(), &head.headers);
    }
    if let Some(guard) = &route.recursion_guard {
        if head.headers.get(TRAEFIK_ROUTER) == Some(guard) {
            return Err((0, Box::new(respond::bare(StatusCode::BAD_REQUEST))));
        }
        head.headers.insert(TRAEFIK_ROUTER, guard.clone());
    }
    if has_denied_escape(head.uri.path(), &connection.settings.denied_escapes) {
        return Err((0, Box::new(respond::bare(StatusCode::BAD_REQUEST))));
    }
    if route.middlewares.is_empty() {
        return Ok(0);
    }
    let context = way.context(connection);
    let mut passed = Ok(0);
    for (number, middleware) in route.middlewares.iter().enumerate() {
        match middleware.on_request(head, &context) {
            Flow::Next => passed = Ok(number + 1),
            Flow::Answer(response) => {
                passed = Err((number, response));
                break;
            }
        }
    }
    if let Some(measured) = &mut watched.measured {
        measured.labelled(&head.headers);
    }
    passed
}

/// The answer of a service without servers.
fn nobody(balancer: &Balancer) -> Response<Body> {
    let mut answer = Failure::NoServer.answer();
    if balancer.swarm.is_some() {
        answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    answer
}

/// Leaves an answer to `HEAD` its length only (RFC 9110 section 9.3.2). HTTP/1.1 sees to that when
/// it writes.
fn without_body(answer: &mut Response<Body>) {
    if let Body::Full(bytes) = answer.body() {
        let length = HeaderValue::from(bytes.len());
        answer.headers_mut().insert(CONTENT_LENGTH, length);
        *answer.body_mut() = Body::Empty;
    }
}

/// Makes a request ready to leave. True: it belongs to its client's own connection.
fn depart(
    connection: &Connection,
    way: &Way,
    head: &mut request::Parts,
    body: &RequestBody,
) -> bool {
    let present = headers::depart(&mut head.headers, connection, way.upgrade.as_ref());
    if head.extensions.get::<NoForwardedFor>().is_some() {
        head.headers.remove(FORWARDED_FOR);
    }
    if body.is_ended() {
        headers::announce_empty_body(&mut head.headers, &head.method);
    }
    present.any(Present::AUTHORIZATION) && headers::are_of_connection(&head.headers, &AUTHORIZATION)
}

/// Makes a server's answer, or the lack of one, ours.
fn arrive(
    connection: &Rc<Connection>,
    way: &Way,
    forwarded: Result<(response::Parts, Exchange), Failure>,
    bound: bool,
    watched: &mut Watched,
) -> Answered {
    let (mut head, mut exchange) = match forwarded {
        Ok(answer) => answer,
        Err(failure) => {
            way.tell(&failure);
            let answer = failure.answer();
            let framing_lost = matches!(failure, Failure::RequestBody(_));
            return if framing_lost { closing(answer) } else { answer }.into();
        }
    };
    if bound
        || exchange.is_bound()
        || head.status == StatusCode::UNAUTHORIZED
            && headers::are_of_connection(&head.headers, &WWW_AUTHENTICATE)
    {
        exchange.bind(connection);
    }
    if let Some(logged) = &mut watched.logged
        && let Some(server) = exchange.server()
    {
        logged.answered(server, head.status, &head.headers);
    }
    if exchange.is_unclear() {
        return Failure::BadFraming.answer().into();
    }
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let opened = way
            .upgrade
            .as_ref()
            .ok_or(Failure::BadUpgrade)
            .and_then(|wanted| Tunnel::open(wanted, &mut head, exchange.into_lease()));
        return match opened {
            Ok(tunnel) => Answered {
                response: Response::from_parts(head, Body::Empty),
                tunnel: Some(Box::new(tunnel)),
            },
            Err(failure) => {
                way.tell(&failure);
                failure.answer().into()
            }
        };
    }
    headers::clean_answer(&mut head.headers, exchange.present());
    if head.status == StatusCode::NOT_MODIFIED {
        // It describes a body that is not sent (RFC 9110 section 15.4.5).
        head.headers.remove(CONTENT_TYPE);
    }
    head.version = Version::HTTP_11;
    Response::from_parts(head, exchange.into_body()).into()
}

impl Way {
    fn tell(&self, failure: &Failure) {
        if let Some(route) = self.route() {
            tracing::debug!(routerName = %route.name, serviceName = %route.service, error = %failure,
                "The service did not answer");
        }
    }
}

/// Has a service of our own answer. The API prints the whole configuration, which may take
/// milliseconds: it is done elsewhere, while this thread goes on.
async fn serve_internally(
    worker: &Worker,
    way: &Way,
    internal: Internal,
    head: &request::Parts,
    body: &mut RequestBody,
) -> Response<Body> {
    if internal == Internal::Rest {
        return take_configuration(worker, head, body).await;
    }
    let certificates = worker.shared.store.get();
    let state = Arc::clone(&worker.shared.state);
    let host = canonical::host(way.host());
    if !internal.takes_long() {
        let checked = &way.snapshot.checked;
        return internal.answer(head, &host, &state, checked, certificates.infos());
    }
    let checked = Arc::clone(&way.snapshot.checked);
    let (host, head) = (host.into_owned(), head.clone());
    let printing = tokio::task::spawn_blocking(move || {
        let answer = internal.answer(&head, &host, &state, &checked, certificates.infos());
        answer.map(Body::into_own)
    });
    match printing.await {
        Ok(answer) => answer.map(Body::Full),
        Err(_) => respond::text(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Hands a configuration to the REST provider. Decoding it may take milliseconds, too.
async fn take_configuration(
    worker: &Worker,
    head: &request::Parts,
    body: &mut RequestBody,
) -> Response<Body> {
    let Some(put) = worker.shared.state.rest.clone() else { return respond::not_found() };
    if let Some(refused) = rest::refuse(head) {
        return refused;
    }
    let (turn, body) = match rest::read(body).await {
        Ok(read) => read,
        Err(refused) => return closing(refused),
    };
    let taking = tokio::task::spawn_blocking(move || {
        let answer = rest::answer(&put, &body).map(Body::into_own);
        drop(turn);
        answer
    });
    match taking.await {
        Ok(answer) => answer.map(Body::Full),
        Err(_) => respond::text(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// What no router gets to see.
fn refuse(head: &mut request::Parts, present: Present) -> Result<(), Refusal> {
    if head.version == Version::HTTP_2
        && present.any(Present::CONTENT_LENGTH)
        && framing::settle_length(&mut head.headers).is_err()
    {
        return Err(Refusal::BadTarget);
    }
    if present.any(Present::TRANSFER_ENCODING) && !headers::is_framing_clear(&head.headers) {
        return Err(Refusal::BadFraming);
    }
    if head.method == Method::CONNECT {
        return Err(Refusal::Connect);
    }
    if head.uri.path() == "*" {
        let server_wide = head.method == Method::OPTIONS;
        return Err(if server_wide { Refusal::ServerWide } else { Refusal::NoPath });
    }
    if head.uri.scheme().is_none() && head.uri.authority().is_some() {
        // Only CONNECT names an authority alone (RFC 9112 section 3.2.3).
        return Err(Refusal::BadTarget);
    }
    if !present.any(Present::EXPECT) {
        return Ok(());
    }
    match head.headers.get(EXPECT) {
        Some(expect) if !expect.as_bytes().eq_ignore_ascii_case(b"100-continue") => {
            Err(Refusal::Expectation)
        }
        _ => Ok(()),
    }
}

/// The host as sent: of the target if it is in absolute form or HTTP/2, else the `Host` line, of
/// which there has to be exactly one in HTTP/1.1 (RFC 9112 section 3.2).
fn take_host(head: &mut request::Parts) -> Result<Option<HeaderValue>, Refusal> {
    let mut lines = head.headers.get_all(HOST).iter();
    let (first, second) = (lines.next(), lines.next());
    if second.is_some() {
        return Err(Refusal::ManyHosts);
    }
    if first.is_some_and(|host| !is_host(host.as_bytes())) {
        return Err(Refusal::BadHost);
    }
    if let Some(authority) = head.uri.authority() {
        let without_user = authority.as_str().rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(without_user).map_err(|_| Refusal::BadHost)?;
        head.headers.insert(HOST, host.clone());
        return Ok(Some(host));
    }
    match first {
        Some(host) => Ok(Some(host.clone())),
        None if head.version == Version::HTTP_11 => Err(Refusal::NoHost),
        None => Ok(None),
    }
}

/// Characters that a host (with port) can have; the rest would be read differently by somebody.
fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(byte))
}

/// Whether a path has an escape that the entry point denies. The path is canonical: its escapes
/// are in upper case.
pub(crate) fn has_denied_escape(path: &str, denied: &[[u8; 2]]) -> bool {
    !denied.is_empty()
        && path.as_bytes().windows(3).any(|window| match window {
            [b'%', high, low] => denied.contains(&[*high, *low]),
            _ => false,
        })
}

/// Reduces the target to path and query in canonical form, so that matching, middlewares and the
/// server see the same.
fn canonicalise(head: &mut request::Parts, connection: &Connection) -> Result<(), Refusal> {
    let settings = &connection.settings;
    if canonical::has_broken_escape(head.uri.path()) {
        return Err(Refusal::BadTarget);
    }
    let path = canonical::path(head.uri.path(), settings.sanitize_path);
    let query = head
        .uri
        .query()
        .and_then(|query| canonical::query(query, settings.encode_query_semicolons));
    let changed = match (&path, &query) {
        (None, None) => {
            if head.uri.authority().is_none() && head.uri.scheme().is_none() {
                return Ok(());
            }
            head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"))
        }
        _ => {
            let path = path.as_deref().unwrap_or(head.uri.path());
            let query = query.as_deref().or(head.uri.query());
            let text = match query {
                Some(query) => Cow::Owned(format!("{path}?{query}")),
                None => Cow::Borrowed(path),
            };
            PathAndQuery::try_from(&*text).map_err(|_| Refusal::BadTarget)?
        }
    };
    if query.is_some()
        && let Some(as_sent) = head.uri.query()
    {
        // Redirects show it so.
        let as_sent = RawQuery(as_sent.to_owned());
        head.extensions.insert(as_sent);
    }
    head.uri = Uri::from(changed);
    Ok(())
}

/// The number of the route that takes the request.
fn find(
    snapshot: &ThreadSnapshot,
    entry_point: usize,
    connection: &Connection,
    head: &request::Parts,
    host: &str,
) -> Option<usize> {
    let tables = snapshot.entry_points.get(entry_point)?;
    let table = if connection.tls.get().is_some() { &tables.tls } else { &tables.plain };
    let path = canonical::routing_path(head.uri.path());
    table.find(&route::Request {
        method: &head.method,
        host,
        path: &path,
        query: head.uri.query(),
        headers: &head.headers,
        client_ip: connection.peer.ip(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_escapes() {
        let table: &[(&str, &[[u8; 2]], bool)] = &[
            ("/a%2Fb", &[], false),
            ("/a%2Fb", &[*b"2F"], true),
            ("/a%5Cb", &[*b"2F"], false),
            ("/a%5Cb", &[*b"2F", *b"5C"], true),
            ("/a2Fb", &[*b"2F"], false),
            ("/%", &[*b"2F"], false),
        ];
        for (path, denied, expected) in table {
            assert_eq!(has_denied_escape(path, denied), *expected, "{path} {denied:?}");
        }
    }

    #[test]
    fn hosts() {
        for good in ["a.test", "a.test:80", "[::1]:80", "A_b.test", ""] {
            assert!(is_host(good.as_bytes()), "{good}");
        }
        for bad in ["a b", "a/b", "a@b", "a?b", "a#b", "a\\b", "\u{e9}", "a\tb"] {
            assert!(!is_host(bad.as_bytes()), "{bad}");
        }
    }
}
