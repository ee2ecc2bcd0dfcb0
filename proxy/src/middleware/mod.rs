//! Middlewares: built once per snapshot, run in order on the request and in reverse on the answer.

use std::net::SocketAddr;

use http::{Response, request, response};
use swarmgate_config::routing;

use crate::body::Body;

/// What a middleware may know of a request beside its head.
///
/// The head's `uri` is in origin form (path and query, canonical); the host is here.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The client, after PROXY protocol.
    pub peer: SocketAddr,
    /// The connection is TLS.
    pub tls: bool,
    /// Host as sent, with port and case; empty when absent.
    pub host: &'a str,
}

/// What happens after a middleware saw the request.
#[derive(Debug)]
pub enum Flow {
    /// On to the next one.
    Next,
    /// Answered here; the rest is not asked.
    Answer(Box<Response<Body>>),
}

/// A built middleware.
#[derive(Debug)]
pub enum Middleware {}

impl Middleware {
    /// Builds it, or says what is wrong with its options. Chains were flattened before and do not
    /// come here.
    pub fn build(_written: &routing::Middleware) -> Result<Self, String> {
        Err("not built yet".into())
    }

    /// Sees, changes or answers the request.
    pub fn on_request(&self, _head: &mut request::Parts, _context: &Context<'_>) -> Flow {
        Flow::Next
    }

    /// Sees or changes the answer's head (never a 1xx or 101).
    pub fn on_response(&self, _head: &mut response::Parts, _context: &Context<'_>) {}
}
