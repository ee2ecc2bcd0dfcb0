//! The snapshot: everything a request needs, built once from checked configuration, immutable,
//! swapped whole.
//!
//! Servers that stay the same are carried over from the previous snapshot, and with them their
//! pooled connections.

mod builder;

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::HeaderValue;
use swarmgate_config::breath::breathe;
use swarmgate_config::checked;
use swarmgate_config::finding::{Finding, Findings, ObjectKind, Severity};
use swarmgate_config::name::QName;
use swarmgate_config::routing::{self, ServersTransport};

use self::builder::Builder;
use crate::balance::{Balancer, Server, ServerKey, Transport};
use crate::internal::Internal;
use crate::middleware::Middleware;
use crate::observe::Metrics;
use crate::observe::metrics::RouteSeries;
use crate::route::Table;
use crate::tls;

/// Everything a request needs.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// By entry point, in the order of the settings.
    pub entry_points: Vec<EntryRoutes>,
    /// Routes by number.
    pub routes: Vec<Route>,
    /// What it was built from, but for the routes; the API prints it.
    pub checked: Arc<checked::Configuration>,
    /// Where requests are counted, if anywhere; the next snapshot's routes are counted there, too.
    pub metrics: Option<Arc<Metrics>>,
    /// TLS options, ready for handshakes.
    pub tls: tls::Sets,
    /// The certificates that handshakes show; the next snapshot's show them, too.
    certificates: Arc<tls::Store>,
    servers: HashSet<ByKey>,
    transports: HashMap<String, Built>,
    stateful: HashMap<Place, Stateful>,
}

/// Where a middleware with a state stands: around a router or a service that gives pages, whose name,
/// its own, and how many of that name stand before it. All entry points of a router share it; those
/// with models of their own have routers of their own.
type Place = (Around, QName, QName, usize);

/// Routers and services may be called alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Around {
    Router,
    Page,
}

/// A middleware with a state, and what it was built from.
#[derive(Clone, Debug)]
struct Stateful {
    written: Arc<routing::Middleware>,
    built: Arc<Middleware>,
}

/// A server, found by its key.
#[derive(Debug)]
struct ByKey(Arc<Server>);

// Thousands are dropped together.
impl Drop for ByKey {
    fn drop(&mut self) {
        breathe();
    }
}

impl PartialEq for ByKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}

impl Eq for ByKey {}

impl Hash for ByKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

impl Borrow<ServerKey> for ByKey {
    fn borrow(&self) -> &ServerKey {
        &self.0.key
    }
}

/// A transport and what it was built from.
#[derive(Clone, Debug)]
struct Built {
    written: ServersTransport,
    /// What was in its files.
    contents: tls::Contents,
    transport: Result<Transport, String>,
}

/// The routers of one entry point.
#[derive(Debug, Default)]
pub struct EntryRoutes {
    /// For plain connections.
    pub plain: Table,
    /// For TLS connections.
    pub tls: Table,
    /// Which TLS options its handshakes are held by.
    pub handshakes: tls::Handshakes,
}

/// A router, ready to serve.
#[derive(Debug)]
pub struct Route {
    /// Its qualified name.
    pub name: Arc<str>,
    /// Its service's qualified name.
    pub service: Arc<str>,
    /// In order.
    pub middlewares: Box<[Arc<Middleware>]>,
    /// Who answers.
    pub target: Target,
    /// `X-Traefik-Router` of a default-rule router: set on requests, refused when it comes back.
    pub recursion_guard: Option<HeaderValue>,
    /// What it asks of TLS handshakes.
    pub handshake: tls::Needed,
    /// Written to the access log.
    pub access_log: bool,
    /// Where its requests are counted, if they are.
    pub series: Option<Arc<RouteSeries>>,
    /// A router of the proxy itself.
    pub internal: bool,
}

// Thousands are dropped together.
impl Drop for Route {
    fn drop(&mut self) {
        breathe();
    }
}

impl Route {
    /// A service as those see it who ask it for a page. `series`: where that is counted.
    pub fn of_page(
        name: Arc<str>,
        middlewares: Box<[Arc<Middleware>]>,
        target: Target,
        series: Option<Arc<RouteSeries>>,
    ) -> Self {
        Self {
            service: Arc::clone(&name),
            name,
            middlewares,
            target,
            recursion_guard: None,
            access_log: true,
            series,
            handshake: tls::Needed::default(),
            internal: false,
        }
    }
}

/// Who answers a route's requests.
#[derive(Clone, Debug)]
pub enum Target {
    /// The proxy itself.
    Internal(Internal),
    /// Servers.
    Balancer(Arc<Balancer>),
    /// The routers below: one of them takes it on. Numbers are those of [`Snapshot::routes`].
    Children(Arc<Table>),
}

impl From<Balancer> for Target {
    fn from(balancer: Balancer) -> Self {
        Self::Balancer(Arc::new(balancer))
    }
}

impl Snapshot {
    /// The first one: no routes yet, but where those of the next will be counted, and the
    /// certificates that handshakes will show.
    pub fn empty(metrics: Option<Arc<Metrics>>, certificates: Arc<tls::Store>) -> Self {
        Self { metrics, certificates, ..Self::default() }
    }

    /// Builds a snapshot.
    ///
    /// `entry_points` are the names in the order of the settings. What cannot be built (a regular
    /// expression too large, a server URL that is none) disables its router, is explained in the
    /// findings and marked in the checked configuration that the API shows.
    pub fn build(
        mut checked: checked::Configuration,
        default_transport: &ServersTransport,
        entry_points: &[&str],
        previous: Option<&Snapshot>,
    ) -> Self {
        let certificates =
            previous.map(|previous| Arc::clone(&previous.certificates)).unwrap_or_default();
        let sets =
            tls::Sets::build(&checked, &certificates, previous.map(|previous| &previous.tls));
        let mut builder = Builder {
            sets,
            transports: HashMap::new(),
            middlewares: HashMap::new(),
            // Growing hashes all of them anew, at once.
            balancers: HashMap::with_capacity(checked.services.len()),
            pages: HashMap::new(),
            servers: HashSet::with_capacity(checked.services.len()),
            stateful: HashMap::new(),
            children: HashMap::new(),
            previous,
            default_transport,
            troubles: Vec::new(),
            broken: BTreeMap::new(),
        };
        let written = checked.routes.values().map(Vec::len).sum();
        let mut routes: Vec<Route> = Vec::with_capacity(written);
        let mut tables: Vec<EntryRoutes> = Vec::with_capacity(entry_points.len());
        for (entry_point, name) in entry_points.iter().enumerate() {
            let written = checked.routes.get(*name).map(Vec::as_slice).unwrap_or_default();
            let mut numbered: Vec<(usize, &checked::Route)> = Vec::with_capacity(written.len());
            builder.children.clear();
            for route in written {
                breathe();
                match builder.route(&checked, entry_point, route, &mut routes) {
                    Ok(built) => {
                        numbered.push((routes.len(), route));
                        routes.push(built);
                    }
                    Err(error) => builder.troubles.push((route.router.clone(), error)),
                }
            }
            let mut table = |tls: bool| {
                let chosen = numbered.iter().filter(|(_, route)| route.tls.is_some() == tls);
                let chosen: Vec<_> = chosen.copied().collect();
                let (table, errors) = Table::build(chosen);
                for (number, error) in errors {
                    breathe();
                    let at = numbered.binary_search_by_key(&number, |(number, _)| *number);
                    if let Some((_, route)) = at.ok().and_then(|at| numbered.get(at)) {
                        builder.troubles.push((route.router.clone(), error));
                    }
                }
                table
            };
            let (plain, secure) = (table(false), table(true));
            let handshakes = builder.sets.handshakes(checked.handshakes.names.get(*name));
            tables.push(EntryRoutes { plain, tls: secure, handshakes });
        }
        let Builder { sets, servers, transports, stateful, troubles, broken, .. } = builder;
        let mut findings = Findings::default();
        for (name, error) in sets.troubles() {
            let origin = checked.tls_options.get(name).map(|(_, origin)| origin.clone());
            if let Some(origin) = origin {
                findings.push(
                    Finding::new(Severity::Error, origin, error.clone())
                        .on(ObjectKind::TlsOptions, name.to_string()),
                );
            }
        }
        for (name, remark) in sets.remarks() {
            if let Some((_, origin)) = checked.tls_options.get(name) {
                findings.push(
                    Finding::new(Severity::Warning, origin.clone(), remark.clone())
                        .on(ObjectKind::TlsOptions, name.to_string()),
                );
            }
        }
        for (name, error) in broken {
            breathe();
            disable_middleware(&mut checked, &name, error, &mut findings);
        }
        for (router, error) in troubles {
            breathe();
            disable(&mut checked, &router, error, &mut findings);
        }
        checked.findings.append(&mut findings.finish());
        // What they were for is built.
        checked.routes.clear();
        Self {
            entry_points: tables,
            routes,
            checked: Arc::new(checked),
            metrics: previous.and_then(|previous| previous.metrics.clone()),
            tls: sets,
            certificates,
            servers,
            transports,
            stateful,
        }
    }
}

/// Marks a router that could not be built, once per message.
fn disable(
    checked: &mut checked::Configuration,
    router: &QName,
    error: String,
    findings: &mut Findings,
) {
    let Some(object) = checked.routers.get_mut(router) else { return };
    if object.errors.contains(&error) {
        return;
    }
    object.status = checked::Status::Disabled;
    object.errors.push(error.clone());
    findings.push(
        Finding::new(Severity::Error, object.origin.clone(), error)
            .on(ObjectKind::Router, router.to_string()),
    );
}

/// The same for a middleware.
fn disable_middleware(
    checked: &mut checked::Configuration,
    name: &QName,
    error: String,
    findings: &mut Findings,
) {
    let Some(object) = checked.middlewares.get_mut(name) else { return };
    object.status = checked::Status::Disabled;
    object.errors.push(error.clone());
    findings.push(
        Finding::new(Severity::Error, object.origin.clone(), error)
            .on(ObjectKind::Middleware, name.to_string()),
    );
}
