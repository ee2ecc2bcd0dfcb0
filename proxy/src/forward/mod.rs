//! Forwarding: one request to one server and its answer's head back.
//!
//! A request is sent again only where that is safe: it never left (whatever it is), or it has no
//! body, repeating it does no harm, and the connection died under it before any answer. That is what
//! a pooled connection does whose server has hung up, and a new one whose task is being stopped;
//! the latter is worth one more try only where somebody else may answer.

pub mod connect;
pub mod headers;
mod stream;
pub mod tunnel;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderName, Method, Request, Response, Uri};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout, timeout_at};

use self::connect::connect;
use crate::balance::{Balancer, Server};
use crate::body::{RequestBody, RequestBodyError, Sent};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::pool::Lease;
use crate::worker::Worker;

/// How many servers are tried when connecting fails.
const MOST_SERVERS: usize = 3;

/// How often a request that never left is tried on one server.
const MOST_UNSENT: usize = 3;

/// A server's answer and the connection it is still arriving on.
#[derive(Debug)]
pub struct Answer {
    /// The head, and the body's stream.
    pub response: Response<Incoming>,
    /// Goes back to the pool when the body has been read to its end.
    pub lease: Lease,
    /// Who answered.
    pub server: Arc<Server>,
}

/// Sends a request whose headers are ready ([`headers::depart`]) to the service's next server.
///
/// `tunnel`: the request asks for an upgrade, so it gets a connection of its own. `forced_host`: a
/// middleware chose `Host`, which stays whatever `passHostHeader` says.
pub async fn forward(
    worker: &Worker,
    connection: &Connection,
    balancer: &Balancer,
    mut request: Request<RequestBody>,
    tunnel: bool,
    forced_host: bool,
) -> Result<Answer, Failure> {
    let mut server = balancer.next().ok_or(Failure::NoServer)?;
    let replayable = request.body().is_empty() && is_repeatable(&request);
    let client_host = (balancer.pass_host || forced_host) && request.headers().contains_key(HOST);
    let mut target = None;
    let mut servers_left = balancer.servers.len().min(MOST_SERVERS);
    let mut unsent_left = MOST_UNSENT;
    let mut fresh = tunnel;
    let mut tried_elsewhere = false;
    loop {
        let pooled = match fresh {
            true => None,
            false => connection.take_own(server).or_else(|| worker.pools.take(server)),
        };
        let others = servers_left > 1;
        let mut lease = match pooled {
            Some(lease) => lease,
            None => match connect(server, &worker.pools, &worker.resolver, tunnel, others).await {
                Ok(lease) => lease,
                Err(Failure::Connect(_) | Failure::DialTimeout | Failure::Resolve(_)) if others => {
                    servers_left -= 1;
                    server = balancer.next().ok_or(Failure::NoServer)?;
                    continue;
                }
                Err(failure) => return Err(failure),
            },
        };
        if lease.reused && !replayable {
            // It cannot be sent twice, so look once more whether the server has hung up: the
            // connection's own task sees it when the event loop has turned.
            tokio::task::yield_now().await;
        }
        if !client_host {
            request.headers_mut().insert(HOST, server.authority.clone());
        }
        if let Some(prefix) = &server.prefix {
            let target = target.get_or_insert_with(|| request.uri().clone());
            *request.uri_mut() = join(prefix, target)?;
        } else if let Some(target) = &target {
            // The server before this one had a path of its own.
            *request.uri_mut() = Uri::clone(target);
        }
        let reused = lease.reused;
        let elsewhere = !tried_elsewhere && (others || server.vip_tasks() > 1);
        let spare = (replayable && (reused || elsewhere)).then(|| copy(&request));
        let Some(sender) = lease.sender() else {
            return Err(Failure::Request("the connection is gone".into()));
        };
        let result = match server.limits.response_header {
            Some(limit) => {
                let sent = request.body_mut().watch();
                let answer = sender.try_send_request(request);
                within(limit, sent, answer).await.ok_or(Failure::ResponseHeaderTimeout)?
            }
            None => sender.try_send_request(request).await,
        };
        let mut error = match result {
            Ok(response) => return Ok(Answer { response, lease, server: Arc::clone(server) }),
            Err(error) => error,
        };
        drop(lease);
        if let Some(unsent) = error.take_message()
            && (reused || unsent_left > 1)
        {
            unsent_left -= usize::from(!reused);
            request = unsent;
            fresh = true;
            continue;
        }
        let error = error.into_error();
        match spare {
            Some(spare) if is_loss(&error) => {
                request = spare;
                fresh = true;
                if !reused {
                    tried_elsewhere = true;
                    server = balancer.next().ok_or(Failure::NoServer)?;
                }
            }
            _ => return Err(classify(error)),
        }
    }
}

/// Waits for an answer's head, but not longer than `limit` from the end of the request: a body that
/// takes its time is no fault of the server. `None`: that time is over.
async fn within<F: Future>(limit: Duration, sent: Option<Sent>, answer: F) -> Option<F::Output> {
    let mut answer = std::pin::pin!(answer);
    let Some(sent) = sent else { return timeout(limit, answer).await.ok() };
    loop {
        let ended = sent.get();
        let until = ended.unwrap_or_else(Instant::now) + limit;
        match timeout_at(until, &mut answer).await {
            Ok(answer) => return Some(answer),
            // It ended meanwhile, or is still being sent.
            Err(_) if ended.is_none() => {}
            Err(_) => return None,
        }
    }
}

/// Repeating these does no harm (RFC 9110 section 9.2.2), as far as the client says.
fn is_repeatable(request: &Request<RequestBody>) -> bool {
    const KEYS: [HeaderName; 2] =
        [HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-idempotency-key")];
    matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || KEYS.iter().any(|key| request.headers().contains_key(key))
}

fn copy(request: &Request<RequestBody>) -> Request<RequestBody> {
    let mut copy = Request::new(RequestBody::default());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}

fn join(prefix: &str, target: &Uri) -> Result<Uri, Failure> {
    let rest = target.path_and_query().map_or("/", PathAndQuery::as_str);
    format!("{prefix}{rest}").parse().map_err(|_| {
        Failure::Request(format!("{prefix:?} and {rest:?} do not make a request target"))
    })
}

/// Whether the connection ended before anything of an answer was understood.
fn is_loss(error: &hyper::Error) -> bool {
    !error.is_parse() && !error.is_user() && !error.is_timeout()
}

fn classify(error: hyper::Error) -> Failure {
    if error.is_parse() {
        return Failure::BadAnswer(error);
    }
    if error.is_user()
        && let Some(cause) =
            error.source().and_then(|source| source.downcast_ref::<RequestBodyError>())
    {
        return match cause {
            RequestBodyError::TimedOut => Failure::RequestBodyTimeout,
            RequestBodyError::Client(_) => Failure::RequestBody(error),
        };
    }
    Failure::Lost(error)
}
