//! The way of one request, step by step; the order is Traefik's (HTTP routing, the way of a
//! request).

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_TYPE, EXPECT, HOST, RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version, request};

use super::exchange::{AnswerBody, InFlight};
use super::logged::{Logged, Routed, Unanswered};
use crate::balance::Balancer;
use crate::body::{Body, RequestBody};
use crate::canonical;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::forward::tunnel::Tunnel;
use crate::forward::{self, Departing, headers};
use crate::http1::Client;
use crate::internal::Internal;
use crate::middleware::{Context, Flow, ForwardedHost, Middleware, NoForwardedFor, RawQuery};
use crate::respond;
use crate::route;
use crate::snapshot::{Route, Target};
use crate::worker::{ThreadSnapshot, Worker};

const TRAEFIK_ROUTER: HeaderName = HeaderName::from_static("x-traefik-router");
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

/// Answers one request. `client`: its HTTP/1.1 connection.
pub async fn handle(
    worker: &Worker,
    entry_point: usize,
    connection: &Rc<Connection>,
    client: Option<&Client>,
    head: request::Parts,
    mut body: RequestBody,
) -> Response<AnswerBody> {
    let number = connection.begin_request();
    let in_flight = InFlight(Rc::clone(connection));
    let logged = worker.shared.access_log.as_ref().map(|log| Logged::begin(log, &head));
    let mut unanswered = Unanswered { logged, connection };
    if let Some(logged) = &unanswered.logged {
        body.count(&logged.request_bytes);
    }
    let answered =
        answer(worker, entry_point, connection, client, head, body, &mut unanswered.logged).await;
    let Answered { mut response, tunnel } = answered;
    if connection.should_close(number) && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        if connection.multiplexed.get() {
            connection.drain();
        } else {
            response.headers_mut().insert(CONNECTION, CLOSE);
        }
    }
    let logged = unanswered.logged.take();
    let on_end =
        logged.map(|logged| logged.on_end(connection, response.status(), response.headers()));
    response.map(|body| AnswerBody::new(body, tunnel, on_end, in_flight))
}

async fn answer(
    worker: &Worker,
    entry_point: usize,
    connection: &Rc<Connection>,
    client: Option<&Client>,
    mut head: request::Parts,
    body: RequestBody,
    logged: &mut Option<Box<Logged>>,
) -> Answered {
    let settings = &connection.settings;
    let arrived = refuse(&head)
        .and_then(|()| {
            headers::treat_aliases(&mut head.headers, settings.alias_headers)
                .then_some(())
                .ok_or(Refusal::AliasHeader)
        })
        .and_then(|()| take_host(&mut head))
        .and_then(|host| canonicalise(&mut head, connection).map(|()| host));
    let host = match arrived {
        Ok(host) => host,
        Err(refusal) => return refusal.answer().into(),
    };
    let upgrade = headers::arrive(
        &mut head.headers,
        connection,
        &worker.shared.server_name,
        host.as_ref(),
        head.version,
    );
    if let Some(logged) = logged {
        logged.canonical(&head, host.as_ref());
    }
    // Only visible ASCII passed `take_host`.
    let host = host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
    let canonical_host = canonical::host(host);

    let snapshot = worker.snapshot();
    let Some(route) = find(&snapshot, entry_point, connection, &head, &canonical_host) else {
        return respond::not_found().into();
    };
    if let Some(logged) = logged {
        logged.routed(Routed {
            router: Arc::clone(&route.name),
            service: Arc::clone(&route.service),
            internal: route.internal,
            wanted: route.access_log,
        });
    }
    if let Some(guard) = &route.recursion_guard {
        if head.headers.get(TRAEFIK_ROUTER) == Some(guard) {
            return respond::bare(StatusCode::BAD_REQUEST).into();
        }
        head.headers.insert(TRAEFIK_ROUTER, guard.clone());
    }

    if has_denied_escape(head.uri.path(), &settings.denied_escapes) {
        return respond::bare(StatusCode::BAD_REQUEST).into();
    }

    let context = Context { peer: connection.peer, tls: connection.tls.get().is_some(), host };
    let mut answered = None;
    let mut passed = 0;
    for middleware in &route.middlewares {
        match middleware.on_request(&mut head, &context) {
            Flow::Next => passed += 1,
            Flow::Answer(response) => {
                answered = Some(Answered::from(*response));
                break;
            }
        }
    }
    let answered = match answered {
        Some(answered) => answered,
        None => match &route.target {
            Target::Internal(internal) => {
                serve_internally(worker, &snapshot, *internal, head, &canonical_host).await.into()
            }
            Target::Balancer(balancer) => {
                let departing = Leaving { head, body, upgrade, client };
                serve_by(worker, connection, route, balancer, departing, logged).await
            }
        },
    };
    through_middlewares(answered, route.middlewares.get(..passed).unwrap_or_default(), &context)
}

/// Has a service of our own answer. The API prints the whole configuration, which may take
/// milliseconds: it is done elsewhere, while this thread goes on.
async fn serve_internally(
    worker: &Worker,
    snapshot: &ThreadSnapshot,
    internal: Internal,
    head: request::Parts,
    host: &str,
) -> Response<Body> {
    let certificates = worker.shared.store.get();
    let state = Arc::clone(&worker.shared.state);
    if internal != Internal::Api {
        return internal.answer(&head, host, &state, &snapshot.checked, certificates.infos());
    }
    let checked = Arc::clone(&snapshot.checked);
    let host = host.to_owned();
    let printing = tokio::task::spawn_blocking(move || {
        let answer = internal.answer(&head, &host, &state, &checked, certificates.infos());
        answer.map(Body::into_own)
    });
    match printing.await {
        Ok(answer) => answer.map(Body::Full),
        Err(_) => respond::text(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// What no router gets to see.
fn refuse(head: &request::Parts) -> Result<(), Refusal> {
    if !headers::is_framing_clear(&head.headers) {
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
fn has_denied_escape(path: &str, denied: &[[u8; 2]]) -> bool {
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

fn find<'s>(
    snapshot: &'s ThreadSnapshot,
    entry_point: usize,
    connection: &Connection,
    head: &request::Parts,
    host: &str,
) -> Option<&'s Route> {
    let tables = snapshot.entry_points.get(entry_point)?;
    let table = if connection.tls.get().is_some() { &tables.tls } else { &tables.plain };
    let path = canonical::routing_path(head.uri.path());
    let number = table.find(&route::Request {
        method: &head.method,
        host,
        path: &path,
        query: head.uri.query(),
        headers: &head.headers,
        client_ip: connection.peer.ip(),
    })?;
    snapshot.routes.get(number)
}

/// A request that has passed its middlewares.
struct Leaving<'c> {
    head: request::Parts,
    body: RequestBody,
    upgrade: Option<headers::Upgrade>,
    client: Option<&'c Client>,
}

/// Has a server answer.
async fn serve_by(
    worker: &Worker,
    connection: &Rc<Connection>,
    route: &Route,
    balancer: &Balancer,
    leaving: Leaving<'_>,
    logged: &mut Option<Box<Logged>>,
) -> Answered {
    if balancer.is_empty() {
        let mut answer = Failure::NoServer.answer();
        if balancer.swarm.is_some() {
            answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        return answer.into();
    }
    let Leaving { mut head, body, upgrade, client } = leaving;
    headers::depart(&mut head.headers, connection, upgrade.as_ref());
    if head.extensions.get::<NoForwardedFor>().is_some() {
        head.headers.remove(FORWARDED_FOR);
    }
    if body.is_ended() {
        headers::announce_empty_body(&mut head.headers, &head.method);
    }
    let bound = headers::are_of_connection(&head.headers, &AUTHORIZATION);
    let departing = Departing {
        head: &head,
        body,
        tunnel: upgrade.is_some(),
        forced_host: head.extensions.get::<ForwardedHost>().is_some(),
        client,
    };
    let forwarded = forward::forward(worker, connection, balancer, departing).await;
    let (mut head, mut exchange) = match forwarded {
        Ok(answer) => answer,
        Err(failure) => {
            tracing::debug!(routerName = %route.name, serviceName = %route.service, error = %failure,
                "The service did not answer");
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
    if let Some(logged) = logged
        && let Some(server) = exchange.server()
    {
        logged.answered(server, head.status, &head.headers);
    }
    if exchange.is_unclear() {
        return Failure::BadFraming.answer().into();
    }
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        let opened = upgrade
            .ok_or(Failure::BadUpgrade)
            .and_then(|wanted| Tunnel::open(&wanted, &mut head, exchange.into_lease()));
        return match opened {
            Ok(tunnel) => Answered {
                response: Response::from_parts(head, Body::Empty),
                tunnel: Some(Box::new(tunnel)),
            },
            Err(failure) => {
                tracing::debug!(routerName = %route.name, serviceName = %route.service,
                    error = %failure, "The upgrade failed");
                failure.answer().into()
            }
        };
    }
    headers::clean_answer(&mut head.headers);
    if head.status == StatusCode::NOT_MODIFIED {
        // It describes a body that is not sent (RFC 9110 section 15.4.5).
        head.headers.remove(CONTENT_TYPE);
    }
    head.version = Version::HTTP_11;
    Response::from_parts(head, exchange.into_body()).into()
}

/// Takes an answer back through the middlewares that the request passed, last first.
fn through_middlewares(
    answered: Answered,
    passed: &[Arc<Middleware>],
    context: &Context<'_>,
) -> Answered {
    if passed.is_empty() || answered.response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return answered;
    }
    let Answered { response, tunnel } = answered;
    let (mut head, body) = response.into_parts();
    for middleware in passed.iter().rev() {
        middleware.on_response(&mut head, context);
    }
    Answered { response: Response::from_parts(head, body), tunnel }
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
