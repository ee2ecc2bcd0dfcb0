//! A request at its service, and the service's answer made ours.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode, Version, request, response};

use super::answered::Answered;
use super::layer;
use super::logged::Watched;
use super::own;
use super::settle::closing;
use super::way::Way;
use crate::balance::Balancer;
use crate::body::{Body, RequestBody};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::forward::headers::{self, FORWARDED_FOR};
use crate::forward::tunnel::Tunnel;
use crate::forward::{self, Departing, Exchange};
use crate::http1::Client;
use crate::middleware::{CameFrom, Context, NoForwardedFor};
use crate::present::Present;
use crate::respond;
use crate::snapshot::Target;
use crate::worker::Worker;

/// What a client is told to wait when a Swarm service has no running task, seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// A request on its way, wherever it is just now.
pub struct Request<'a> {
    /// The thread that serves it.
    pub worker: &'a Worker,
    /// Its client's connection.
    pub connection: &'a Rc<Connection>,
    /// The same as HTTP/1.1, for interim answers.
    pub client: Option<&'a Client>,
    /// Where it goes.
    pub way: &'a Way,
    /// As the middlewares up to here left it.
    pub head: &'a mut request::Parts,
    /// What is left of its body.
    pub body: &'a mut RequestBody,
    /// What is noted of it.
    pub watched: &'a mut Watched,
}

impl Request<'_> {
    /// What a middleware may know of it beside its head.
    pub fn context(&self) -> Context<'_> {
        self.way.context(self.connection)
    }
}

/// Has `target` answer. The head becomes that of the request to a server, once: who wants to ask
/// again, or somebody else, keeps a copy.
pub async fn serve(request: &mut Request<'_>, target: Option<&Target>) -> Answered {
    let Request { worker, connection, client, way, head, body, watched } = request;
    match target {
        Some(Target::Internal(internal)) => {
            Box::pin(own::serve(worker, way, *internal, head, body)).await.into()
        }
        Some(Target::Balancer(balancer)) => {
            if balancer.is_empty() {
                return nobody(balancer).into();
            }
            if let Some(route) = way.route() {
                watched.asked(route, way.is_page());
            }
            let (bound, retries) = (depart(connection, way, head, body), Cell::new(0));
            let tunnel = way.upgrade.is_some();
            let failed = OnceCell::new();
            let departing = Departing {
                head,
                body,
                tunnel,
                retries: &retries,
                failed: &failed,
                client: *client,
            };
            let forwarded = forward::forward(worker, connection, balancer, departing).await;
            if let Some(measured) = &mut watched.measured {
                measured.retried(retries.get());
            }
            if let (Some(logged), Some(server)) = (&mut watched.logged, failed.into_inner()) {
                logged.failed(server);
            }
            let answered = arrive(connection, way, forwarded, bound, watched);
            if let Some(measured) = &mut watched.measured {
                measured.told(answered.response.status(), answered.response.headers());
            }
            answered
        }
        Some(Target::Children(children)) => Box::pin(layer::serve(request, children)).await,
        None => respond::not_found().into(),
    }
}

/// The answer of a service without servers.
fn nobody(balancer: &Balancer) -> Response<Body> {
    let mut answer = Failure::NoServer.answer();
    if balancer.swarm.is_some() {
        answer.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    }
    answer
}

/// Makes a request ready to leave. True: it belongs to its client's own connection.
fn depart(
    connection: &Connection,
    way: &Way,
    head: &mut request::Parts,
    body: &RequestBody,
) -> bool {
    let upgrade = way.upgrade.as_ref();
    if let Some(came_from) = head.extensions.get_mut::<CameFrom>() {
        came_from.0 = Some(head.headers.get_all(FORWARDED_FOR).iter().cloned().collect());
    }
    let present = headers::depart(&mut head.headers, connection, upgrade, !way.is_page());
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
            let response = if framing_lost { closing(answer) } else { answer };
            return Answered { unreached: failure.is_unreached(), ..response.into() };
        }
    };
    bind(connection, &mut exchange, &head, bound);
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
            Ok(tunnel) => {
                let response = Response::from_parts(head, Body::Empty);
                Answered { tunnel: Some(Box::new(tunnel)), ..response.into() }
            }
            Err(failure) => {
                way.tell(&failure);
                failure.answer().into()
            }
        };
    }
    passed_on(head, exchange).into()
}

/// Gives the server's connection to its client alone if it knows that client now. `asked`: the
/// request had credentials of that kind.
pub fn bind(
    connection: &Rc<Connection>,
    exchange: &mut Exchange,
    answer: &response::Parts,
    asked: bool,
) {
    if asked
        || exchange.is_bound()
        || answer.status == StatusCode::UNAUTHORIZED
            && headers::are_of_connection(&answer.headers, &WWW_AUTHENTICATE)
    {
        exchange.bind(connection);
    }
}

/// A server's answer, without what was for us alone.
pub fn passed_on(mut head: response::Parts, exchange: Exchange) -> Response<Body> {
    headers::clean_answer(&mut head.headers, exchange.present());
    if head.status == StatusCode::NOT_MODIFIED {
        // It describes a body that is not sent (RFC 9110 section 15.4.5).
        head.headers.remove(CONTENT_TYPE);
    }
    head.version = Version::HTTP_11;
    Response::from_parts(head, exchange.into_body())
}
