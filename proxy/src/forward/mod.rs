//! Forwarding: one request to one server and its answer's head back.
//!
//! A request is sent again only where that is safe: it never left (whatever it is), or it has no
//! body, repeating it does no harm, and the connection died under it before any answer. That is what
//! a pooled connection does whose server has hung up, and a new one whose task is being stopped;
//! the latter is worth one more try only where somebody else may answer.

pub mod connect;
pub mod exchange;
pub mod headers;
pub mod rounds;
pub(crate) mod stream;
pub mod tunnel;

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::sync::Arc;

use http::header::HOST;
use http::{HeaderName, Method, request, response};

use self::connect::{Chance, connect};
pub use self::exchange::Exchange;
use self::exchange::{Broken, Outgoing, Sending};
pub use self::stream::ServerStream;
use crate::balance::{Balancer, Server};
use crate::body::RequestBody;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::http1::Client;
use crate::middleware::{ForwardedHost, OneServer};
use crate::worker::Worker;

/// How many servers are tried when connecting fails.
const MOST_SERVERS: usize = 3;

/// How often a request that never left is tried on one server.
const MOST_UNSENT: usize = 3;

/// A request that is ready to leave ([`headers::depart`]).
#[derive(Debug)]
pub struct Departing<'r> {
    /// Method, target and headers.
    pub head: &'r request::Parts,
    /// Its body.
    pub body: &'r mut RequestBody,
    /// It asks for an upgrade, so it gets a connection of its own.
    pub tunnel: bool,
    /// Counts how often it is sent once more.
    pub retries: &'r Cell<u32>,
    /// Told who has not answered.
    pub failed: &'r OnceCell<Arc<Server>>,
    /// Who gets interim answers.
    pub client: Option<&'r Client>,
}

/// Sends a request to the service's next server; returns the answer's head, and its body as it
/// arrives.
///
/// # Errors
/// No server answered.
pub async fn forward(
    worker: &Worker,
    connection: &Rc<Connection>,
    balancer: &Balancer,
    departing: Departing<'_>,
) -> Result<(response::Parts, Exchange), Failure> {
    let Departing { head, body, tunnel, retries, failed, client } = departing;
    let once_more = || retries.set(retries.get().saturating_add(1));
    let mut server = balancer.next().ok_or(Failure::NoServer)?;
    let replayable = body.is_ended() && is_repeatable(head);
    // Where a middleware chose `Host`, it stays whatever `passHostHeader` says.
    let client_host = (balancer.pass_host || head.extensions.get::<ForwardedHost>().is_some())
        && head.headers.get(HOST).is_some_and(|host| !host.is_empty());
    let again = head.extensions.get::<OneServer>().copied().unwrap_or_default();
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
        let lease = match pooled {
            // It cannot be sent twice, so look once more whether the server has hung up.
            Some(lease) if !replayable && lease.has_hung_up() => continue,
            Some(lease) => lease,
            // Boxed: most requests find a connection, and need no room for making one.
            None => {
                let chance = Chance { others, again };
                match Box::pin(connect(server, &worker.pools, &worker.resolver, chance)).await {
                    Ok(lease) => lease,
                    Err(
                        failure
                        @ (Failure::Connect(_) | Failure::DialTimeout | Failure::Resolve(_)),
                    ) if others && !again.wants(&failure) => {
                        once_more();
                        servers_left -= 1;
                        server = balancer.next().ok_or(Failure::NoServer)?;
                        continue;
                    }
                    Err(failure) => {
                        let _ = failed.set(Arc::clone(server));
                        return Err(failure);
                    }
                }
            }
        };
        let reused = lease.is_reused();
        let outgoing = Outgoing {
            head,
            host: (!client_host).then_some(&server.authority),
            prefix: server.prefix.as_deref().unwrap_or_default(),
            limit: server.limits.response_header,
            client,
        };
        let Broken { failure, unsent, silent } = match Sending::new(lease, outgoing, body).await {
            Ok(answer) => return Ok(answer),
            Err(broken) => broken,
        };
        let elsewhere = !tried_elsewhere && (others || server.vip_tasks() > 1);
        if unsent && (reused || unsent_left > 1) {
            unsent_left -= usize::from(!reused);
        } else if silent && replayable && (reused || elsewhere) {
            if !reused {
                tried_elsewhere = true;
                server = balancer.next().ok_or(Failure::NoServer)?;
            }
        } else {
            let _ = failed.set(Arc::clone(server));
            return Err(failure);
        }
        once_more();
        fresh = true;
    }
}

/// Repeating these does no harm (RFC 9110 section 9.2.2), as far as the client says.
fn is_repeatable(head: &request::Parts) -> bool {
    const KEYS: [HeaderName; 2] =
        [HeaderName::from_static("idempotency-key"), HeaderName::from_static("x-idempotency-key")];
    matches!(head.method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || KEYS.iter().any(|key| head.headers.contains_key(key))
}
