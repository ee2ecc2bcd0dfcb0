//! What the access log keeps of a request until its answer has ended.
//!
//! Without an access log none of this exists; a request then costs one look at an `Option`.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode, Version, request};

use super::exchange::OnEnd;
use crate::balance::Server;
use crate::connection::Connection;
use crate::forward::headers::FORWARDED_FOR;
use crate::observe::access_log::{AccessLog, Record, Tls};
use crate::observe::metrics::Measured;
use crate::snapshot::Route;

/// A request that may be logged.
pub struct Logged {
    log: AccessLog,
    number: u64,
    started: SystemTime,
    begun: Instant,
    /// Body bytes from the client, counted as they pass.
    pub request_bytes: Arc<AtomicU64>,
    method: Method,
    protocol: Version,
    target: String,
    host: HeaderValue,
    forwarded_for: Option<HeaderValue>,
    request_headers: Option<HeaderMap>,
    origin: Option<Origin>,
    router: Option<Routed>,
    /// Qualified name of the service that was asked last.
    service: Option<Arc<str>>,
    server: Option<Arc<Server>>,
    user: Option<Box<str>>,
}

/// What notes a request on its way. When it is dropped without an answer, the client has gone (or
/// was sent away): the log says 499 then, as Traefik's does.
pub struct Watched {
    /// The request, if there is an access log.
    pub logged: Option<Box<Logged>>,
    /// Its measurement, if there are metrics.
    pub measured: Option<Box<Measured>>,
    /// Its client.
    pub connection: Rc<Connection>,
}

impl Watched {
    /// The servers of this route's service are asked; `page`: in place of an answer that somebody
    /// gave already.
    pub fn asked(&mut self, route: &Route, page: bool) {
        if let Some(logged) = &mut self.logged {
            logged.asked(&route.service);
        }
        match &mut self.measured {
            None => {}
            Some(measured) if page => measured.served_page(route.series.as_ref()),
            Some(measured) => measured.served(),
        }
    }

    /// The router that has it now: whoever sends it from here again comes back to that.
    pub fn place(&self) -> Option<Routed> {
        self.logged.as_ref()?.router.clone()
    }

    /// It is sent from there once more. What it met behind is thrown away.
    pub fn again(&mut self, place: &Option<Routed>) {
        if let Some(measured) = &mut self.measured {
            measured.tried_again();
        }
        if let Some(logged) = &mut self.logged {
            logged.router.clone_from(place);
            (logged.server, logged.origin) = (None, None);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(logged) = self.logged.take() {
            let gone = StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST);
            logged.write(&self.connection, gone, None, 0, 0);
        }
    }
}

/// The router that took the request.
#[derive(Clone)]
pub struct Routed {
    /// Qualified name; of layered routers all, from the top down.
    pub router: Arc<str>,
    /// It is one of the proxy's own.
    pub internal: bool,
    /// Its requests are logged at all.
    pub wanted: bool,
}

struct Origin {
    status: StatusCode,
    duration: Duration,
    headers: Option<HeaderMap>,
}

impl Logged {
    /// A request whose head has just been read.
    pub fn begin(log: &AccessLog, head: &request::Parts) -> Box<Self> {
        Box::new(Self {
            log: log.clone(),
            number: log.count(),
            started: SystemTime::now(),
            begun: Instant::now(),
            request_bytes: Arc::default(),
            method: head.method.clone(),
            protocol: head.version,
            target: head.uri.to_string(),
            host: HeaderValue::from_static(""),
            forwarded_for: None,
            request_headers: None,
            origin: None,
            router: None,
            service: None,
            server: None,
            user: None,
        })
    }

    /// The head in its canonical form, before any middleware.
    pub fn canonical(&mut self, head: &request::Parts, host: Option<&HeaderValue>) {
        self.target = head.uri.to_string();
        if let Some(host) = host {
            self.host = host.clone();
        }
        self.forwarded_for = head.headers.get(FORWARDED_FOR).cloned();
        self.request_headers = self.log.keeps_headers().then(|| head.headers.clone());
    }

    /// The router that takes the request.
    pub fn routed(&mut self, routed: Routed) {
        self.router = Some(routed);
    }

    /// A router below that one takes it on: the log shows the way.
    pub fn relayed(&mut self, router: &str) {
        if let Some(routed) = &mut self.router {
            routed.router = format!("{} -> {router}", routed.router).into();
        }
    }

    /// This service's servers are asked; what others answered before is not the client's.
    fn asked(&mut self, service: &Arc<str>) {
        self.service = Some(Arc::clone(service));
        (self.server, self.origin) = (None, None);
    }

    /// Who the client says it is, right or wrong.
    pub fn user(&mut self, name: &[u8]) {
        self.user = Some(String::from_utf8_lossy(name).into());
    }

    /// The server's answer.
    pub fn answered(&mut self, server: &Arc<Server>, status: StatusCode, headers: &HeaderMap) {
        self.server = Some(Arc::clone(server));
        self.origin = Some(Origin {
            status,
            duration: self.begun.elapsed(),
            headers: self.log.keeps_headers().then(|| headers.clone()),
        });
    }

    /// A server has not answered.
    pub fn failed(&mut self, server: Arc<Server>) {
        self.server = Some(server);
    }

    /// The answer's head is on its way; the line is written when its body has ended.
    pub fn on_end(
        self: Box<Self>,
        connection: &Rc<Connection>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> OnEnd {
        let headers = self.log.keeps_headers().then(|| headers.clone());
        let connection = Rc::clone(connection);
        Box::new(move |bytes, given| {
            self.write(&connection, status, headers.as_ref(), bytes, given);
        })
    }

    fn write(
        &self,
        connection: &Connection,
        status: StatusCode,
        response_headers: Option<&HeaderMap>,
        bytes: u64,
        given: u64,
    ) {
        let duration = self.begun.elapsed();
        let routed = self.router.as_ref();
        let wanted = routed.is_none_or(|routed| routed.wanted);
        let internal = routed.is_some_and(|routed| routed.internal);
        if !wanted || !self.log.wants(status, duration, internal) {
            return;
        }
        let origin = self.origin.as_ref();
        self.log.write(&Record {
            peer: connection.peer,
            forwarded_for: self.forwarded_for.as_ref().map(HeaderValue::as_bytes),
            user: self.user.as_deref(),
            started: self.started,
            duration,
            origin_duration: origin.map(|origin| origin.duration).unwrap_or_default(),
            method: &self.method,
            target: &self.target,
            protocol: self.protocol,
            host: self.host.to_str().unwrap_or_default(),
            tls: connection.tls.get().map(|tls| Tls { version: tls.version, cipher: tls.cipher }),
            status,
            bytes,
            origin_status: origin.map(|origin| origin.status),
            origin_bytes: if origin.is_some() { given } else { 0 },
            request_bytes: self.request_bytes.load(Ordering::Relaxed),
            request_count: self.number,
            router: routed.map(|routed| &*routed.router),
            service: self.service.as_deref(),
            server_url: self.server.as_ref().map(|server| server.key.url.as_str()),
            entry_point: &connection.settings.name,
            referer: None,
            user_agent: None,
            request_headers: self.request_headers.as_ref(),
            origin_headers: origin.and_then(|origin| origin.headers.as_ref()),
            response_headers,
        });
    }
}
