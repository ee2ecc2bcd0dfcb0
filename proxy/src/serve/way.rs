//! A routed request on its way: its router, and the middlewares that only look at heads.

use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Response, StatusCode, request};

use super::answered::Answered;
use super::logged::{Routed, Watched};
use super::settle::has_denied_escape;
use crate::body::Body;
use crate::canonical;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::forward::headers;
use crate::middleware::{self, Context, Flow, Middleware};
use crate::respond;
use crate::route::{self, Table};
use crate::snapshot::{Route, Target};
use crate::worker::ThreadSnapshot;

pub(crate) const TRAEFIK_ROUTER: HeaderName = HeaderName::from_static("x-traefik-router");

/// The way of a routed request.
#[derive(Debug)]
pub struct Way {
    /// The configuration that it began with and ends with.
    pub snapshot: Rc<ThreadSnapshot>,
    /// Its route's number there.
    pub number: usize,
    /// The upgrade that the client asks for.
    pub upgrade: Option<headers::Upgrade>,
    /// As sent.
    pub host: HeaderValue,
    /// A middleware asks somebody else for a page: his middlewares and servers, in place of the
    /// route's.
    page: Option<Arc<Route>>,
}

impl Way {
    /// The way of a request that came to the route of this number.
    pub fn new(
        snapshot: Rc<ThreadSnapshot>,
        number: usize,
        upgrade: Option<headers::Upgrade>,
        host: HeaderValue,
    ) -> Self {
        Self { snapshot, number, upgrade, host, page: None }
    }

    /// The way of a request for a page, made in place of this one's.
    pub fn to_page(&self, page: &Arc<Route>) -> Self {
        Self {
            snapshot: Rc::clone(&self.snapshot),
            number: self.number,
            upgrade: None,
            host: self.host.clone(),
            page: Some(Arc::clone(page)),
        }
    }

    /// Whether it is a page's.
    pub fn is_page(&self) -> bool {
        self.page.is_some()
    }

    /// The route.
    pub fn route(&self) -> Option<&Route> {
        match &self.page {
            None => self.snapshot.routes.get(self.number),
            Some(page) => Some(page),
        }
    }

    /// Who answers.
    pub fn target(&self) -> Option<&Target> {
        self.route().map(|route| &route.target)
    }

    /// Its middlewares in order.
    pub fn middlewares(&self) -> &[Arc<Middleware>] {
        self.route().map(|route| &*route.middlewares).unwrap_or_default()
    }

    /// Host as sent.
    pub fn host(&self) -> &str {
        // Only visible ASCII passed `take_host`.
        self.host.to_str().unwrap_or_default()
    }

    /// What middlewares may know.
    pub fn context<'a>(&'a self, connection: &'a Connection) -> Context<'a> {
        Context {
            peer: connection.peer,
            tls: connection.tls.get().is_some(),
            certificates: connection.agreed.get().and_then(|agreed| agreed.certificates.as_ref()),
            host: self.host(),
        }
    }

    /// Takes a request through its middlewares from number `from` on, until one answers or stands
    /// around the rest. Returns how many it has passed then, and the answer if one was given.
    pub fn pass(
        &self,
        connection: &Connection,
        head: &mut request::Parts,
        from: usize,
    ) -> (usize, Option<Box<Response<Body>>>) {
        let middlewares = self.middlewares();
        let context = self.context(connection);
        for (number, middleware) in middlewares.iter().enumerate().skip(from) {
            let Middleware::Edit(edit) = &**middleware else { return (number, None) };
            if let Flow::Answer(answer) = edit.on_request(head, &context) {
                return (number, Some(answer));
            }
        }
        (middlewares.len(), None)
    }

    /// Takes an answer back through `passed` of them, last first. `request`: what was answered.
    pub fn back(
        &self,
        answered: Answered,
        connection: &Connection,
        request: &request::Parts,
        passed: Range<usize>,
    ) -> Answered {
        let passed = self.middlewares().get(passed).unwrap_or_default();
        if passed.is_empty() || answered.response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return answered;
        }
        let Answered { response, tunnel, held, unreached } = answered;
        let (mut head, body) = response.into_parts();
        let context = self.context(connection);
        for middleware in passed.iter().rev() {
            if let Middleware::Edit(edit) = &**middleware {
                edit.on_response(&mut head, request, &context);
            }
        }
        Answered { response: Response::from_parts(head, body), tunnel, held, unreached }
    }

    /// The way on through one of the routers below this one: the first whose rule holds for the
    /// request as it is now.
    pub fn below(
        &self,
        children: &Table,
        connection: &Connection,
        head: &request::Parts,
    ) -> Option<Self> {
        let host = canonical::host(self.host());
        // v2's templates see what middlewares have made of it, as in Traefik.
        let left = middleware::host_left(head, &self.context(connection));
        let hosts = (&*host, &*left);
        let number = ask(children, connection, head, &middleware::routing_path(head), hosts)?;
        Some(Self {
            snapshot: Rc::clone(&self.snapshot),
            number,
            upgrade: self.upgrade.clone(),
            host: self.host.clone(),
            page: None,
        })
    }

    /// Notes why there is no answer of a server.
    pub fn tell(&self, failure: &Failure) {
        if let Some(route) = self.route() {
            tracing::debug!(routerName = %route.name, serviceName = %route.service, error = %failure,
                "The service did not answer");
        }
    }
}

/// Takes a request over its router's threshold, before any middleware; the answer is a refusal.
pub fn enter(
    connection: &Connection,
    route: &Route,
    head: &mut request::Parts,
    watched: &mut Watched,
) -> Option<Response<Body>> {
    if let Some(logged) = &mut watched.logged {
        logged.routed(Routed {
            router: Arc::clone(&route.name),
            internal: route.internal,
            wanted: route.access_log,
        });
    }
    if let Some(measured) = &mut watched.measured {
        measured.routed(route.series.as_ref(), &head.headers);
    }
    if let Some(guard) = &route.recursion_guard {
        if head.headers.get(TRAEFIK_ROUTER) == Some(guard) {
            return Some(respond::bare(StatusCode::BAD_REQUEST));
        }
        head.headers.insert(TRAEFIK_ROUTER, guard.clone());
    }
    let denied = has_denied_escape(head.uri.path(), &connection.settings.denied_escapes);
    denied.then(|| respond::bare(StatusCode::BAD_REQUEST))
}

/// The refusal of a request that came in by a handshake with other TLS options than those of the
/// router that takes it (Traefik: domain fronting): nobody has asked this client what that router's
/// clients are asked. `host`: canonical.
pub fn refuse_misdirected(
    snapshot: &ThreadSnapshot,
    entry_point: usize,
    connection: &Connection,
    number: usize,
    host: &str,
) -> Option<Response<Body>> {
    let handshakes = &snapshot.entry_points.get(entry_point)?.handshakes;
    if connection.tls.get().is_none() || handshakes.is_plain() {
        return None;
    }
    let met = connection.tls_options();
    let route = snapshot.routes.get(number)?;
    if handshakes.admits(met, host, &route.handshake) {
        return None;
    }
    // On a new connection the client will be asked something else.
    let server_name = connection.server_name.get().map(|name| &**name);
    if !handshakes.would_meet(met, server_name) {
        connection.drain();
    }
    Some(respond::error(StatusCode::MISDIRECTED_REQUEST, "Misdirected Request\n"))
}

/// The number of the route that takes the request.
///
/// `host`: in its canonical form, and as sent.
pub fn find(
    snapshot: &ThreadSnapshot,
    entry_point: usize,
    connection: &Connection,
    head: &request::Parts,
    hosts: (&str, &str),
) -> Option<usize> {
    let tables = snapshot.entry_points.get(entry_point)?;
    let table = if connection.tls.get().is_some() { &tables.tls } else { &tables.plain };
    ask(table, connection, head, &canonical::routing_path(head.uri.path()), hosts)
}

/// The number of the route of a table that takes the request.
fn ask(
    table: &Table,
    connection: &Connection,
    head: &request::Parts,
    path: &[u8],
    (host, host_as_sent): (&str, &str),
) -> Option<usize> {
    table.find(&route::Request {
        method: &head.method,
        host,
        host_as_sent,
        path,
        query: head.uri.query(),
        headers: &head.headers,
        client_ip: connection.peer.ip(),
    })
}

/// Notes that a router below takes the request on. Whether it is noted at all is the root's.
pub fn enter_below(route: &Route, head: &request::Parts, watched: &mut Watched) {
    if let Some(logged) = &mut watched.logged {
        logged.relayed(&route.name);
    }
    if let Some(measured) = &mut watched.measured {
        measured.relayed(route.series.as_ref(), &head.headers);
    }
}
