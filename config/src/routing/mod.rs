//! The routing ("dynamic") configuration as written by a provider.
//!
//! The types mirror Traefik's tree one to one; field names on the wire are camelCase, matched
//! case-insensitively by [`crate::decode`].

mod http;
mod middleware;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::http::*;
pub use self::middleware::*;
pub use self::tls::*;

use crate::finding::{Finding, Origin};

/// A value together with where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written<T> {
    /// The value. Whoever passes it on shares it: a configuration of 10,000 routers is in memory
    /// once, not once for each step of its way.
    pub value: Arc<T>,
    /// Where: a file and line, or a service and its first label for this object.
    pub origin: Origin,
}

/// Objects of one kind by bare name.
pub type Map<T> = BTreeMap<String, Written<T>>;

/// The whole routing configuration that one provider sends at one time.
///
/// An object that could not be decoded is absent here and has a finding instead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// HTTP routers.
    pub routers: Map<Router>,
    /// HTTP services.
    pub services: Map<Service>,
    /// HTTP middlewares.
    pub middlewares: Map<Middleware>,
    /// HTTP servers transports.
    pub servers_transports: Map<ServersTransport>,
    /// Certificates named in files.
    pub certificates: Vec<Written<Certificate>>,
    /// TLS options.
    pub tls_options: Map<TlsOptions>,
    /// TLS stores.
    pub tls_stores: Map<TlsStore>,
    /// What was ignored or refused while reading.
    pub findings: Vec<Finding>,
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
