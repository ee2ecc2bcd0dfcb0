//! Route lookup: which router takes a request.

use std::net::IpAddr;

use http::{HeaderMap, Method};
use swarmgate_config::checked::Route;

/// What matchers see of a request.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// See [`crate::canonical::host`].
    pub host: &'a str,
    /// See [`crate::canonical::routing_path`].
    pub path: &'a [u8],
    /// Raw, without `?`.
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub client_ip: IpAddr,
}

/// The routers of one entry point and one kind (TLS or plain), ready for lookup.
#[derive(Debug, Default)]
pub struct Table {}

impl Table {
    /// Builds the table. `routes` come in order of precedence; the given numbers are what
    /// [`Table::find`] returns. A rule whose regular expression does not compile is an error of
    /// that route (number, message) and is left out.
    pub fn build<'r>(
        _routes: impl IntoIterator<Item = (usize, &'r Route)>,
    ) -> (Self, Vec<(usize, String)>) {
        (Self {}, Vec::new())
    }

    /// The number of the first route in precedence that matches.
    pub fn find(&self, _request: &Request<'_>) -> Option<usize> {
        None
    }
}
