//! Checked configuration: every link resolved, every object with its status.
//!
//! [`crate::check`] makes it from what the providers wrote; the data plane builds its snapshot
//! from it, the API prints it, ACME reads what is wanted.

pub mod handshake;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use crate::breath::breathe;
use crate::finding::{Finding, Origin};
use crate::name::QName;
use crate::routing;
use crate::rule::Expr;
use crate::rule::go_regex::Kept;

/// Whether an object serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Status {
    #[default]
    Enabled,
    Warning,
    Disabled,
}

/// An object with its status, as the API shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked<T> {
    /// As written, references qualified where Traefik's API does so, and with what entry points
    /// add; the API fills in the defaults.
    pub value: Arc<T>,
    /// Where it was written.
    pub origin: crate::finding::Origin,
    /// Whether it serves.
    pub status: Status,
    /// Why it does not, or not as written.
    pub errors: Vec<String>,
    /// Qualified names of routers that use it (services, middlewares).
    pub used_by: Vec<QName>,
    /// Routers: entry points on which it is mounted.
    pub using: Vec<String>,
    /// Routers: the priority in force.
    pub priority: i64,
}

// Thousands are dropped together.
impl<T> Drop for Checked<T> {
    fn drop(&mut self) {
        breathe();
    }
}

/// The whole checked configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// All HTTP routers, disabled and internal ones too.
    pub routers: BTreeMap<QName, Checked<routing::Router>>,
    /// All HTTP services; internal ones have an empty value.
    pub services: BTreeMap<QName, Checked<routing::Service>>,
    /// All HTTP middlewares, internal ones too.
    pub middlewares: BTreeMap<QName, Checked<routing::Middleware>>,
    /// Servers transports.
    pub servers_transports: BTreeMap<QName, routing::ServersTransport>,
    /// What each entry point serves, best priority first (ties: provider precedence, then name).
    pub routes: BTreeMap<String, Vec<Route>>,
    /// Services that are asked for error pages, and the middlewares around each, chains flattened.
    pub pages: BTreeMap<QName, Arc<[QName]>>,
    /// Certificates named in files.
    pub certificates: Vec<routing::Written<routing::Certificate>>,
    /// TLS options by qualified name, and where they were written; those that cannot be served are
    /// missing.
    pub tls_options: BTreeMap<QName, (handshake::TlsOptions, Origin)>,
    /// Which handshake gets which of them.
    pub handshakes: handshake::Handshakes,
    /// The default store, if any provider defined it.
    pub default_store: Option<routing::TlsStore>,
    /// Certificates that routers want from resolvers, without repetition.
    pub wanted: Vec<Wanted>,
    /// Everything odd, from all providers and from the check itself.
    pub findings: Vec<Finding>,
    /// Providers by name: whether what they say is whole and up to date.
    pub providers: BTreeMap<String, bool>,
    /// The regular expressions of rules and middlewares, compiled; never a difference.
    pub regexes: Kept,
    /// What each provider left out; never a difference.
    pub skipped: Vec<routing::Skipped>,
}

/// A router mounted on one entry point.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// The router, under the name of this entry point's copy.
    pub router: QName,
    /// Its parsed rule.
    pub rule: Arc<Expr>,
    /// The priority in force.
    pub priority: i64,
    /// `Some`: only TLS connections see it. `None`: only plain ones.
    pub tls: Option<RouteTls>,
    /// Middlewares in order, chains flattened, the entry point's first.
    pub middlewares: Vec<QName>,
    /// The service; of a router with children only a name for them.
    pub service: QName,
    /// The routers below it, best priority first: one of them takes the request as this one's
    /// middlewares have left it. They have no TLS of their own.
    pub children: Vec<Arc<Route>>,
    /// `X-Traefik-Router` value of a default-rule router.
    pub recursion_guard: Option<String>,
    /// Whether its requests are written to the access log.
    pub access_log: bool,
    /// Whether its requests are counted.
    pub metrics: bool,
}

impl Drop for Route {
    fn drop(&mut self) {
        breathe();
    }
}

/// A route's TLS.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteTls {
    /// Qualified options that it is served with here; `None` means default.
    pub options: Option<QName>,
    /// Whether it is another matter for some of its hosts.
    pub by_host: ByHost,
    /// Names of the rule's hosts.
    pub hosts: Vec<String>,
}

/// Whether a router's own options count, or those that [`handshake::Handshakes::names`] gives to the
/// host of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ByHost {
    /// Its own.
    #[default]
    Never,
    /// Those of the host for these of its names: another router wants them by other options.
    Contested(BTreeSet<String>),
    /// Those of the host wherever it has any, unless the router's own keep more people out: it has
    /// forgotten its TLS, and opens no host that another router closes.
    Always,
}

/// One certificate that a resolver is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Wanted {
    /// The resolver's name.
    pub resolver: String,
    /// Its names: lower-case.
    pub domain: routing::Domain,
    /// The first router that wants it.
    pub router: QName,
}
