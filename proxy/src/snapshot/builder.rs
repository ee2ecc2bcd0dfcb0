//! Makes a snapshot's routes, and what they need: each once, and what has not changed since the
//! previous snapshot not at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use http::HeaderValue;
use swarmgate_config::breath::breathe;
use swarmgate_config::checked;
use swarmgate_config::name::QName;
use swarmgate_config::routing::{self, ServersTransport};

use super::{Around, Built, ByKey, Place, Route, Snapshot, Stateful, Target};
use crate::balance::{Balancer, Limits, Server, ServerKey, Transport};
use crate::internal::Internal;
use crate::middleware::{Directory, Middleware};
use crate::route::Table;
use crate::tls;

/// Makes routes, and what they need, each once.
pub(super) struct Builder<'a> {
    pub(super) sets: tls::Sets,
    pub(super) transports: HashMap<String, Built>,
    pub(super) middlewares: HashMap<QName, Result<Arc<Middleware>, String>>,
    pub(super) balancers: HashMap<QName, Result<Arc<Balancer>, String>>,
    pub(super) pages: HashMap<QName, Result<Arc<Route>, String>>,
    pub(super) servers: HashSet<ByKey>,
    pub(super) stateful: HashMap<Place, Stateful>,
    /// Numbers of the layered routers that the present entry point has got; `None`: broken.
    pub(super) children: HashMap<QName, Option<usize>>,
    pub(super) previous: Option<&'a Snapshot>,
    pub(super) default_transport: &'a ServersTransport,
    pub(super) troubles: Vec<(QName, String)>,
    /// Middlewares that cannot be built, and why.
    pub(super) broken: BTreeMap<QName, String>,
}

impl Builder<'_> {
    /// Builds a route. Those below it, which the check has bounded, come to `routes` before it.
    pub(super) fn route(
        &mut self,
        checked: &checked::Configuration,
        entry_point: usize,
        route: &checked::Route,
        routes: &mut Vec<Route>,
    ) -> Result<Route, String> {
        let handshake = match &route.tls {
            None => tls::Needed::default(),
            Some(written) => self.sets.of_router(written)?,
        };
        let mut middlewares = Vec::with_capacity(route.middlewares.len());
        for (number, name) in route.middlewares.iter().enumerate() {
            let before = route.middlewares.iter().take(number).filter(|other| *other == name);
            let place = || (Around::Router, route.router.clone(), name.clone(), before.count());
            middlewares.push(self.middleware(checked, name, place)?);
        }
        let middlewares = middlewares.into();
        let target = match route.children.is_empty() {
            true => self.target(checked, &route.service)?,
            false => self.below(checked, entry_point, &route.children, routes)?,
        };
        let recursion_guard = route
            .recursion_guard
            .as_deref()
            .map(HeaderValue::from_str)
            .transpose()
            .map_err(|_| "its name cannot be sent in a header".to_owned())?;
        let name = Arc::clone(route.router.text());
        let service = Arc::clone(route.service.text());
        let metrics = self.previous.and_then(|previous| previous.metrics.as_ref());
        let series = metrics
            .filter(|_| route.metrics)
            .and_then(|metrics| metrics.series(entry_point, &name, &service));
        Ok(Route {
            name,
            service,
            series,
            middlewares,
            target,
            recursion_guard,
            handshake,
            access_log: route.access_log,
            internal: route.router.is_internal(),
        })
    }

    /// What answers for a router with children. One of several parents is built once.
    fn below(
        &mut self,
        checked: &checked::Configuration,
        entry_point: usize,
        children: &[Arc<checked::Route>],
        routes: &mut Vec<Route>,
    ) -> Result<Target, String> {
        let mut numbered: Vec<(usize, &checked::Route)> = Vec::with_capacity(children.len());
        for child in children {
            breathe();
            let number = match self.children.get(&child.router) {
                Some(known) => *known,
                None => {
                    let number = match self.route(checked, entry_point, child, routes) {
                        Ok(built) => {
                            routes.push(built);
                            routes.len().checked_sub(1)
                        }
                        Err(error) => {
                            self.troubles.push((child.router.clone(), error));
                            None
                        }
                    };
                    self.children.insert(child.router.clone(), number);
                    number
                }
            };
            numbered.extend(number.map(|number| (number, &**child)));
        }
        let (table, errors) = Table::build(numbered.iter().copied());
        for (number, error) in errors {
            let broken = numbered.iter().find(|(other, _)| *other == number);
            self.troubles.extend(broken.map(|(_, route)| (route.router.clone(), error)));
        }
        match table.is_empty() {
            true => Err("no child routers could be added to muxer".into()),
            false => Ok(Target::Children(Arc::new(table))),
        }
    }

    fn target(
        &mut self,
        checked: &checked::Configuration,
        service: &QName,
    ) -> Result<Target, String> {
        if service.is_internal() {
            return Internal::by_name(service.name())
                .map(Target::Internal)
                .ok_or_else(|| format!("unknown internal service {service}"));
        }
        self.balancer(checked, service).map(Target::Balancer)
    }

    /// The service of this name for those who ask it for pages.
    fn page(
        &mut self,
        checked: &checked::Configuration,
        service: &QName,
    ) -> Result<Arc<Route>, String> {
        if let Some(built) = self.pages.get(service) {
            return built.clone();
        }
        let Some(around) = checked.pages.get(service) else {
            return Err(format!("the service \"{service}\" does not exist"));
        };
        // The check lets nobody through who would lead here again; this only must not trust that
        // blindly.
        let circle = Err(format!("the service \"{service}\" asks itself for pages"));
        self.pages.insert(service.clone(), circle);
        let mut middlewares = Vec::with_capacity(around.len());
        let mut trouble = None;
        for (number, name) in around.iter().enumerate() {
            let before = around.iter().take(number).filter(|other| *other == name);
            let place = || (Around::Page, service.clone(), name.clone(), before.count());
            match self.middleware(checked, name, place) {
                Ok(built) => middlewares.push(built),
                Err(error) => trouble = trouble.or(Some(error)),
            }
        }
        let built = match trouble {
            Some(error) => Err(error),
            None => self.target(checked, service).map(|target| {
                let name = Arc::clone(service.text());
                let metrics = self.previous.and_then(|previous| previous.metrics.as_ref());
                let series = metrics.and_then(|metrics| metrics.series_of_page(&name));
                Arc::new(Route::of_page(name, middlewares.into(), target, series))
            }),
        };
        self.pages.insert(service.clone(), built.clone());
        built
    }

    /// The middleware called `name`. One with a state is its router's own (as Traefik's are), and
    /// stays as it is while nobody changes its options.
    fn middleware(
        &mut self,
        checked: &checked::Configuration,
        name: &QName,
        place: impl FnOnce() -> Place,
    ) -> Result<Arc<Middleware>, String> {
        let known = match self.middlewares.get(name) {
            Some(Ok(built)) => return Ok(Arc::clone(built)),
            Some(Err(error)) => Some(error.clone()),
            None => None,
        };
        let Some(written) = checked.middlewares.get(name).map(|written| &written.value) else {
            return Err(format!("middleware \"{name}\" does not exist"));
        };
        let stateful = Middleware::is_stateful(written);
        let place = stateful.then(place);
        let made = place.as_ref().and_then(|place| self.stateful.get(place));
        if let Some(made) = made {
            return Ok(Arc::clone(&made.built));
        }
        let kept = place.as_ref().and_then(|place| self.previous?.stateful.get(place));
        let built = match (kept.filter(|kept| kept.written == *written), known) {
            // Even if another router cannot have one any more: its file may be gone.
            (Some(kept), _) => Ok(Arc::clone(&kept.built)),
            (None, Some(error)) => Err(error),
            (None, None) => {
                let mut asking = Asking { builder: self, checked, of: name };
                Middleware::build(name.text(), written, &mut asking).map(Arc::new).map_err(
                    |error| {
                        let error = format!("middleware \"{name}\": {error}");
                        self.broken.insert(name.clone(), error.clone());
                        error
                    },
                )
            }
        };
        match (place, &built) {
            (Some(place), Ok(built)) => {
                let stateful = Stateful { written: Arc::clone(written), built: Arc::clone(built) };
                self.stateful.insert(place, stateful);
            }
            _ => drop(self.middlewares.insert(name.clone(), built.clone())),
        }
        built
    }

    fn balancer(
        &mut self,
        checked: &checked::Configuration,
        name: &QName,
    ) -> Result<Arc<Balancer>, String> {
        if let Some(built) = self.balancers.get(name) {
            return built.clone();
        }
        let written = checked
            .services
            .get(name)
            .and_then(|service| service.value.load_balancer.as_ref())
            .ok_or_else(|| format!("the service \"{name}\" does not exist"));
        let built = written.and_then(|written| {
            self.build_balancer(checked, name, written)
                .map(Arc::new)
                .map_err(|error| format!("service \"{name}\": {error}"))
        });
        self.balancers.insert(name.clone(), built.clone());
        built
    }

    fn build_balancer(
        &mut self,
        checked: &checked::Configuration,
        name: &QName,
        written: &routing::LoadBalancer,
    ) -> Result<Balancer, String> {
        let transport = match &written.servers_transport {
            None => String::new(),
            Some(reference) => match QName::resolve(reference, name.provider()).to_string() {
                default if default == "default@internal" => String::new(),
                named => named,
            },
        };
        let transport = self.transport(checked, transport)?;
        let mut servers = Vec::with_capacity(written.servers.len());
        for server in &written.servers {
            let key = ServerKey {
                url: server.url.clone(),
                preserve_path: server.preserve_path,
                transport: transport.name.clone(),
                vip_tasks: written.swarm.filter(|swarm| swarm.vip).map(|swarm| swarm.running_tasks),
            };
            servers.push((self.server(key, &transport)?, server.weight.unwrap_or(1)));
        }
        Ok(Balancer::new(servers, written.pass_host_header.unwrap_or(true), written.swarm))
    }

    /// A server that belongs to no service.
    fn asked_server(&mut self, url: String, transport: &Transport) -> Result<Arc<Server>, String> {
        let transport_name = transport.name.clone();
        let key =
            ServerKey { url, preserve_path: false, transport: transport_name, vip_tasks: None };
        self.server(key, transport)
    }

    fn server(&mut self, key: ServerKey, transport: &Transport) -> Result<Arc<Server>, String> {
        if let Some(built) = self.servers.get(&key) {
            return Ok(Arc::clone(&built.0));
        }
        let built = match self.carried_over(&key, transport) {
            Some(server) => server,
            None => Arc::new(Server::build(key, transport)?),
        };
        self.servers.insert(ByKey(Arc::clone(&built)));
        Ok(built)
    }

    /// The previous snapshot's server, unless its transport has changed.
    fn carried_over(&self, key: &ServerKey, transport: &Transport) -> Option<Arc<Server>> {
        let server = &self.previous?.servers.get(key)?.0;
        let unchanged = server.limits == transport.limits
            && server.tls.as_ref().is_none_or(|(tls, _)| Arc::ptr_eq(tls, &transport.tls));
        unchanged.then(|| Arc::clone(server))
    }

    fn transport(
        &mut self,
        checked: &checked::Configuration,
        name: String,
    ) -> Result<Transport, String> {
        let told = |error| format!("servers transport: {error}");
        if let Some(built) = self.transports.get(&name) {
            return built.transport.clone().map_err(told);
        }
        let default = name.is_empty();
        let written = if default {
            self.default_transport
        } else {
            checked
                .servers_transports
                .iter()
                .find(|(candidate, _)| candidate.to_string() == name)
                .map(|(_, written)| written)
                .ok_or_else(|| format!("servers transport \"{name}\" does not exist"))?
        };
        self.keep_transport(name, written, default).map_err(told)
    }

    /// `is_default`: its pool is the one of whoever names no transport.
    fn keep_transport(
        &mut self,
        name: String,
        written: &ServersTransport,
        is_default: bool,
    ) -> Result<Transport, String> {
        // An unchanged one stays, and with it the connections that were made by it.
        let kept = self
            .previous
            .and_then(|previous| previous.transports.get(&name))
            // What could not be made may be made now: files come and go.
            .filter(|built| built.written == *written && built.transport.is_ok());
        let contents = tls::contents(written);
        let built = match kept.filter(|built| built.contents == contents) {
            Some(built) => built.clone(),
            None => {
                let made = tls::client_config(written).map(|tls| Transport {
                    name: name.clone(),
                    tls,
                    server_name: written.server_name.clone().filter(|name| !name.is_empty()),
                    limits: limits(written, is_default),
                });
                match (made, kept) {
                    // Somebody is just writing them, perhaps.
                    (Err(error), Some(kept)) => {
                        tracing::warn!(serversTransport = %name, %error,
                            "The files of a servers transport have changed and cannot be used: it \
                             stays as it was");
                        kept.clone()
                    }
                    (transport, _) => Built { transport, contents, written: written.clone() },
                }
            }
        };
        let transport = built.transport.clone();
        self.transports.insert(name, built);
        transport
    }
}

/// What a middleware that is being built may ask for.
struct Asking<'a, 'b> {
    builder: &'a mut Builder<'b>,
    checked: &'a checked::Configuration,
    /// Its name.
    of: &'a QName,
}

impl Directory for Asking<'_, '_> {
    fn service(&mut self, reference: &str) -> Result<Arc<Route>, String> {
        let name = QName::resolve(reference, self.of.provider());
        self.builder.page(self.checked, &name)
    }

    fn server(
        &mut self,
        url: String,
        tls: Option<ServersTransport>,
    ) -> Result<Arc<Server>, String> {
        // No transport of a service is called so: theirs have a provider.
        let name = match &tls {
            None => "of middlewares".to_owned(),
            Some(_) => format!("of the middleware {}", self.of.text().replace('@', " of ")),
        };
        let builder = &mut *self.builder;
        if let Some(built) = builder.transports.get(&name) {
            let transport = built.transport.clone()?;
            return builder.asked_server(url, &transport);
        }
        let transport = builder.keep_transport(name, &tls.unwrap_or_default(), true)?;
        builder.asked_server(url, &transport)
    }
}

fn limits(written: &ServersTransport, is_default: bool) -> Limits {
    let defaults = Limits::default();
    let timeouts = written.forwarding_timeouts.clone().unwrap_or_default();
    // Go keeps 2 per host when a transport of one's own says nothing, 200 in the default one.
    let fallback = if is_default { defaults.max_idle } else { 2 };
    Limits {
        dial: timeouts.dial_timeout.map_or(Some(defaults.dial), |d| d.positive()).unwrap_or(
            // 0 is "no limit" for Traefik; a day is as good, and never hangs for ever.
            std::time::Duration::from_secs(86_400),
        ),
        response_header: timeouts.response_header_timeout.and_then(|d| d.positive()),
        idle: timeouts
            .idle_conn_timeout
            .map_or(Some(defaults.idle), |d| d.positive())
            .unwrap_or(std::time::Duration::from_secs(86_400)),
        max_idle: match written.max_idle_conns_per_host {
            None => fallback,
            Some(0) => 2,
            Some(n) => usize::try_from(n).unwrap_or(0),
        },
    }
}
