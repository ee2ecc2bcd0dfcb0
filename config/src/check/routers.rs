//! Routers: copied per entry point where Traefik does so, each link resolved, mounted or disabled.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::copies::{Copy, copies, observability};
use super::entry_points::EntryPoints;
use super::layers::{self, Layers, Place};
use super::middlewares::{CHAIN_LIMIT, Middlewares};
use super::services::Services;
use super::tls::{Fallen, Tls};
use super::trouble::Trouble;
use crate::breath::breathe;
use crate::checked::{ByHost, Checked, Route, RouteTls, Status};
use crate::finding::{Findings, ObjectKind, Origin, Severity};
use crate::install::Install;
use crate::legacy;
use crate::name::QName;
use crate::routing::{Observability, Router, RouterTls, ServersTransport, Written};
use crate::rule::go_regex::Allowance;
use crate::rule::{self, Expr, Syntax};

/// Above it only the proxy's own routers are (Traefik: priority).
const MAX_USER_PRIORITY: i64 = i64::MAX - 1000;

/// What a layer of routers weighs, in middlewares: a request that waits is as deep as both together.
const LAYER: usize = 20;

/// Everything that routers refer to.
pub(super) struct Links<'a, 'b> {
    pub(super) install: &'a Install,
    pub(super) entry_points: Arc<EntryPoints>,
    pub(super) middlewares: Middlewares<'a>,
    pub(super) regexes: &'a RefCell<Allowance>,
    pub(super) services: Services<'a>,
    pub(super) transports: &'b BTreeMap<QName, ServersTransport>,
    pub(super) tls: Tls<'a>,
    pub(super) layers: Layers<'a>,
    /// Services that are asked for error pages, and the middlewares around each.
    pub(super) pages: BTreeMap<QName, Arc<[QName]>>,
}

impl Links<'_, '_> {
    /// Sees to the services that the `errors` among these middlewares ask for their pages, and says
    /// what is wrong with them. Returns how many middlewares there are around a page at most.
    fn pages(&mut self, names: &[QName], fatal: &mut Vec<Trouble>) -> usize {
        let mut most = 0;
        for name in names {
            let Some(service) = self.middlewares.page(name) else { continue };
            if let Some(around) = self.pages.get(&service) {
                most = most.max(around.len());
                continue;
            }
            match self.page(&service) {
                Ok(around) => {
                    most = most.max(around.len());
                    self.pages.insert(service, around);
                }
                Err(trouble) => {
                    self.middlewares.spoil(name, &trouble);
                    if !fatal.contains(&trouble) {
                        fatal.push(trouble);
                    }
                }
            }
        }
        most
    }

    /// The middlewares around a service that gives error pages.
    fn page(&mut self, service: &QName) -> Result<Arc<[QName]>, Trouble> {
        let around = self.services.ask(service, None, &mut self.middlewares, self.transports)?;
        match around.iter().any(|it| self.middlewares.page(it).is_some()) {
            // It could go round in circles.
            true => Err(Trouble::new(format!(
                "the service \"{service}\" gives error pages, and has error pages of its own"
            ))
            .expected("a service without an errors middleware around it")),
            false => Ok(around),
        }
    }
}

/// What checking the routers gives.
#[derive(Default)]
pub(super) struct Mounted {
    pub(super) routers: Vec<(QName, Checked<Router>)>,
    pub(super) routes: HashMap<String, Vec<Route>>,
    pub(super) findings: Findings,
    /// Sound children of layered routers.
    pub(super) below: HashMap<QName, Child>,
}

/// A child of layered routers.
pub(super) struct Child {
    route: Arc<Route>,
    /// How deep a request may get from here on.
    weight: usize,
}

/// Where a router leads.
struct Led {
    service: QName,
    children: Vec<Arc<Route>>,
    weight: usize,
}

/// A router whose rule has been looked at.
pub(super) struct Parsed<'a> {
    pub(super) name: QName,
    pub(super) written: &'a Written<Router>,
    pub(super) read: Read,
}

/// Of a router's text, what does not depend on the copy.
pub(super) struct Read {
    rule: Result<Arc<Expr>, Trouble>,
    priority: Result<i64, Trouble>,
    hosts: OnceCell<Vec<String>>,
}

impl Read {
    /// The priority in force, or the one that cannot be.
    fn shown_priority(&self, router: &Router) -> i64 {
        self.priority.as_ref().copied().unwrap_or(router.priority.unwrap_or_default())
    }

    /// Whether the rule cannot be read.
    pub(super) fn is_broken(&self) -> bool {
        self.rule.is_err()
    }

    /// The domains that the rule names; only TLS asks.
    pub(super) fn hosts(&self) -> &[String] {
        let read = || self.rule.as_deref().map(rule::domains).unwrap_or_default();
        self.hosts.get_or_init(read)
    }
}

impl Mounted {
    /// Looks at a router's rule.
    pub(super) fn parse<'a>(
        &mut self,
        name: QName,
        written: &'a Written<Router>,
        links: &Links<'_, '_>,
    ) -> Parsed<'a> {
        breathe();
        let read = self.read(&name, written, links);
        Parsed { name, written, read }
    }

    pub(super) fn add(&mut self, router: &Parsed<'_>, links: &mut Links<'_, '_>) {
        let Parsed { name, written, .. } = router;
        let entry_points = Arc::clone(&links.entry_points);
        for mut copy in copies(name, &written.value, &entry_points) {
            breathe();
            // Those whose TLS options cannot be served there are told apart by their names.
            let whole = copy.entry_points.len();
            let (fallen, rest): (Vec<_>, Vec<_>) =
                copy.entry_points.iter().partition(|it| links.tls.fallen(it, &copy.name).is_some());
            for entry_point in fallen {
                let why = links.tls.fallen(entry_point, &copy.name).cloned();
                let name = format!("{entry_point}-conflicted-{}", copy.name.name());
                let copy = Copy {
                    name: QName::new(name, copy.name.provider()),
                    entry_points: vec![entry_point],
                    model: copy.model,
                };
                self.check(router, &copy, why, &entry_points, links);
            }
            if !rest.is_empty() || whole == 0 {
                copy.entry_points = rest;
                self.check(router, &copy, None, &entry_points, links);
            }
        }
    }

    /// A child of layered routers, after those below it.
    pub(super) fn add_child(
        &mut self,
        name: QName,
        written: &Written<Router>,
        place: Place,
        links: &mut Links<'_, '_>,
    ) {
        let read = self.read(&name, written, links);
        let mut value = Arc::clone(&written.value);
        let Place { parents, mut fatal, mild } = place;
        let is_placed = fatal.is_empty();
        fatal.extend(read.rule.as_ref().err().cloned());
        fatal.extend(read.priority.as_ref().err().cloned());
        if value.parent_refs != parents {
            Arc::make_mut(&mut value).parent_refs = parents;
        }
        // One that stands nowhere is not built, as in Traefik: what it refers to is not missed.
        let (known, stands) = (fatal.len(), is_placed && mild.is_empty());
        let mut middlewares = chain(&name, &[], written, &mut value, &mut fatal, links);
        let led = self.led(&name, &name, &value, &mut middlewares, &mut fatal, links);
        if !stands {
            fatal.truncate(known);
        }
        let priority = read.shown_priority(&written.value);
        // Traefik passes over children with errors of any kind.
        if let (true, true, Ok(rule), Some(led)) =
            (fatal.is_empty(), mild.is_empty(), &read.rule, led)
        {
            let route = Arc::new(Route {
                router: name.clone(),
                rule: Arc::clone(rule),
                priority,
                tls: None,
                middlewares,
                service: led.service,
                children: led.children,
                recursion_guard: None,
                access_log: true,
                metrics: true,
            });
            self.below.insert(name.clone(), Child { route, weight: led.weight });
        }
        let found = Found { value, priority, using: Vec::new(), fatal, mild };
        self.finish(name, written, found);
    }

    fn read(&mut self, name: &QName, written: &Written<Router>, links: &Links<'_, '_>) -> Read {
        let router = &written.value;
        let text = router.rule.as_deref().unwrap_or_default();
        let syntax = self.syntax(name, written, links);
        let mut regexes = links.regexes.borrow_mut();
        let mut regex = |pattern: &str| regexes.admit(&written.origin, pattern);
        let rule = rule::parse_with(text, syntax, &mut regex).map(Arc::new).map_err(|error| {
            let text = rule::shortened(text);
            Trouble::new(format!("error while parsing rule {text}: {error}"))
        });
        drop(regexes);
        if let Ok(rule) = &rule
            && syntax == Syntax::V3
            && !name.is_internal()
        {
            for (was, today) in legacy::former(rule) {
                let text = rule::shortened(&was);
                let trouble = Trouble::new(format!(
                    "{text} is a form of Traefik v2, which v3 takes as it stands: it does not \
                     match what it matched there"
                ))
                .expected(rule::shortened(&today));
                self.say(Severity::Warning, &trouble, &written.origin, name);
            }
        }
        let is_child = !router.parent_refs.is_empty();
        let priority = match router.priority {
            // Children compete among themselves only: none of the proxy's own is there.
            Some(priority) if priority > MAX_USER_PRIORITY && !name.is_internal() && !is_child => {
                Err(Trouble::new(format!(
                    "the router priority {priority} exceeds the max user-defined priority \
                     {MAX_USER_PRIORITY}"
                )))
            }
            Some(priority) if priority != 0 => Ok(priority),
            _ => Ok(i64::try_from(text.len()).unwrap_or(i64::MAX)),
        };
        Read { rule, priority, hosts: OnceCell::new() }
    }

    /// The syntax of a router's rule: its own, else the default one. The proxy's own rules and
    /// those that providers render are v3, and so are those of layered routers without a word.
    fn syntax(&mut self, name: &QName, written: &Written<Router>, links: &Links<'_, '_>) -> Syntax {
        let router = &written.value;
        if name.is_internal() || router.default_rule {
            return Syntax::V3;
        }
        match router.rule_syntax.as_deref().filter(|own| !own.is_empty()) {
            None if router.parent_refs.is_empty() => match links.install.default_rule_syntax() {
                Some("v2") => Syntax::V2,
                _ => Syntax::V3,
            },
            None | Some("v3" | "default") => Syntax::V3,
            Some("v2") => {
                let trouble = Trouble::new("the option ruleSyntax is deprecated")
                    .expected("the rule in v3 syntax, without it");
                self.say(Severity::Info, &trouble, &written.origin, name);
                Syntax::V2
            }
            Some(other) => {
                let trouble = Trouble::new(format!("unknown ruleSyntax {other:?}: taken as v3"))
                    .expected("v2 or v3");
                self.say(Severity::Warning, &trouble, &written.origin, name);
                Syntax::V3
            }
        }
    }

    fn say(&mut self, severity: Severity, trouble: &Trouble, origin: &Origin, name: &QName) {
        let kind = ObjectKind::Router;
        self.findings.push(trouble.finding(severity, origin, kind, name.to_string()));
    }

    fn check(
        &mut self,
        router: &Parsed<'_>,
        copy: &Copy<'_>,
        fallen: Option<Fallen>,
        entry_points: &EntryPoints,
        links: &mut Links<'_, '_>,
    ) {
        let Parsed { name: original, written, read } = router;
        let provider = original.provider();
        let name = &copy.name;
        // Shared with the provider's as long as nothing has to be changed.
        let mut value = Arc::clone(&written.value);
        let mut fatal: Vec<Trouble> = Vec::new();
        let mut mild: Vec<Trouble> = Vec::new();

        fatal.extend(read.rule.as_ref().err().cloned());
        fatal.extend(read.priority.as_ref().err().cloned());

        let is_known = |name: &&&str| entry_points.get(name).is_some();
        let known: Vec<&str> = copy.entry_points.iter().filter(is_known).copied().collect();
        for name in copy.entry_points.iter().filter(|name| !is_known(name)) {
            let names: Vec<&str> = entry_points.names().collect();
            mild.push(
                Trouble::new(format!("entryPoint \"{name}\" doesn't exist"))
                    .expected(format!("one of {}", names.join(", "))),
            );
        }
        if known.is_empty() {
            fatal.append(&mut mild);
            fatal.push(Trouble::new("no valid entryPoint for this router"));
        }
        if value.entry_points != copy.entry_points {
            Arc::make_mut(&mut value).entry_points =
                copy.entry_points.iter().map(|name| (*name).to_owned()).collect();
        }

        if let Some(syntax) = copy.model.and_then(|model| model.rule_syntax.as_ref())
            && value.rule_syntax.as_deref().is_none_or(str::is_empty)
            && !value.default_rule
        {
            Arc::make_mut(&mut value).rule_syntax = Some(syntax.clone());
        }

        let of_model = copy.model.map(|model| model.middlewares.as_slice()).unwrap_or_default();
        let mut middlewares = chain(name, of_model, written, &mut value, &mut fatal, links);
        let led = self.led(original, name, &value, &mut middlewares, &mut fatal, links);

        if value.tls.is_none()
            && let Some(tls) = copy.model.and_then(|model| model.tls.as_ref())
        {
            Arc::make_mut(&mut value).tls = Some(Box::new(tls.clone()));
        }
        let mut options = None;
        if let Some(tls) = &value.tls {
            match links.tls.check(tls, provider) {
                Ok(asked) => options = asked,
                Err(trouble) => fatal.push(trouble),
            }
        }
        let mut by_host = ByHost::Never;
        if let Some(Fallen { why, contested }) = fallen {
            let asked = options.is_some();
            // v1's entry points ask every client, whatever the rule says.
            let of_everybody = options
                .as_ref()
                .is_some_and(|name| name.is_internal() && links.tls.asks_clients(name));
            if contested.is_empty() {
                options = None;
            } else {
                by_host = ByHost::Contested(contested);
            }
            // The default options may be broken, too.
            if asked && let Err(trouble) = links.tls.check(&RouterTls::default(), provider) {
                fatal.push(trouble);
            }
            match links.tls.is_strict() || of_everybody {
                true => fatal.push(why),
                false if asked => mild.push(why),
                // It has what it asks for.
                false => {}
            }
        }
        if value.tls.as_ref().is_some_and(|tls| tls.options.is_none())
            && let Some(tls) = &mut Arc::make_mut(&mut value).tls
        {
            tls.options = Some("default".into());
        }
        if let Some(model) = copy.model.and_then(|model| model.observability.as_ref()) {
            let observed = observability(value.observability.as_deref(), Some(model));
            Arc::make_mut(&mut value).observability = Some(Arc::new(observed));
        }
        let on = |option: fn(&Observability) -> Option<bool>| {
            value.observability.as_deref().and_then(option) != Some(false)
        };
        let priority = read.shown_priority(&written.value);

        let mut using = Vec::new();
        if let (true, Ok(rule), Some(led)) = (fatal.is_empty(), &read.rule, led) {
            if value.service.as_ref().is_some_and(|service| !service.is_empty())
                && !led.children.is_empty()
            {
                mild.push(layers::both());
            }
            let route = Route {
                router: name.clone(),
                rule: Arc::clone(rule),
                priority,
                tls: None,
                middlewares,
                service: led.service,
                children: led.children,
                recursion_guard: written.value.default_rule.then(|| recursion_guard(name)),
                access_log: on(|observability| observability.access_logs),
                metrics: on(|observability| observability.metrics),
            };
            let mount =
                Mount { original, copy: name, origin: &written.origin, read, options, by_host };
            self.mount(&mount, &known, value.tls.as_deref(), &route, entry_points, links);
            using = known.iter().map(|name| (*name).to_owned()).collect();
            using.sort();
        }

        let found = Found { value, priority, using, fatal, mild };
        self.finish(name.clone(), written, found);
    }

    /// Where a router leads: to the sound ones of its children, else to its service.
    fn led(
        &self,
        original: &QName,
        name: &QName,
        value: &Router,
        middlewares: &mut Vec<QName>,
        fatal: &mut Vec<Trouble>,
        links: &mut Links<'_, '_>,
    ) -> Option<Led> {
        let reference = value.service.as_deref().filter(|service| !service.is_empty());
        let service = reference.map(|reference| QName::resolve(reference, original.provider()));
        let Links { services, middlewares: all, transports, .. } = links;
        let asked =
            service.as_ref().map(|service| services.ask(service, Some(name), all, transports));
        let below = links.layers.children(original);
        if !below.is_empty() {
            let sound: Vec<&Child> = below.iter().filter_map(|name| self.below.get(name)).collect();
            if sound.is_empty() {
                fatal.push(
                    Trouble::new(format!(
                        "no child routers could be added to muxer (0 out of {})",
                        below.len()
                    ))
                    .expected("at least one sound child"),
                );
                return None;
            }
            let deepest = sound.iter().map(|child| child.weight).max().unwrap_or_default();
            let own = middlewares.len() + links.pages(middlewares, fatal);
            let weight = deepest.saturating_add(own).saturating_add(LAYER);
            if weight > CHAIN_LIMIT {
                fatal.push(Trouble::new(format!(
                    "more than {CHAIN_LIMIT} middlewares in all layers, each of which counts for \
                     {LAYER}"
                )));
                return None;
            }
            let mut children: Vec<Arc<Route>> =
                sound.iter().map(|child| Arc::clone(&child.route)).collect();
            super::sort(links.install, &mut children, |child| &**child);
            let service = QName::new(name.name(), format!("{}-muxer", name.provider()));
            return Some(Led { service, children, weight });
        }
        match asked {
            Some(Ok(around)) if middlewares.len() + around.len() > CHAIN_LIMIT => {
                fatal.push(too_many());
            }
            Some(Ok(around)) => middlewares.extend(around.iter().cloned()),
            Some(Err(trouble)) => fatal.push(trouble),
            None if value.parent_refs.is_empty() => {
                fatal.push(Trouble::new("router has no service and no child routers"));
                fatal.push(Trouble::new("router must have either a service or child routers"));
            }
            None => {}
        }
        let weight = middlewares.len() + links.pages(middlewares, fatal);
        if weight > CHAIN_LIMIT && fatal.is_empty() {
            fatal.push(too_many());
        }
        service.map(|service| Led { service, children: Vec::new(), weight })
    }

    /// Notes a router as it was found.
    fn finish(&mut self, name: QName, written: &Written<Router>, found: Found) {
        let Found { value, priority, using, fatal, mild } = found;
        let (status, severity) = if !fatal.is_empty() {
            (Status::Disabled, Severity::Error)
        } else if !mild.is_empty() {
            (Status::Warning, Severity::Warning)
        } else {
            (Status::Enabled, Severity::Info)
        };
        let mut errors = Vec::with_capacity(fatal.len() + mild.len());
        for trouble in fatal.iter().chain(&mild) {
            self.say(severity, trouble, &written.origin, &name);
            errors.push(trouble.text.clone());
        }
        let checked = Checked {
            value,
            origin: written.origin.clone(),
            status,
            errors,
            used_by: Vec::new(),
            using,
            priority,
        };
        self.routers.push((name, checked));
    }

    /// Mounts a sound router on its entry points, and asks for its certificates.
    fn mount(
        &mut self,
        mount: &Mount<'_>,
        on: &[&str],
        tls: Option<&RouterTls>,
        route: &Route,
        entry_points: &EntryPoints,
        links: &mut Links<'_, '_>,
    ) {
        let mut add = |entry_point: &str, tls: bool, by_host: &ByHost| {
            let mut route = route.clone();
            route.tls = tls.then(|| RouteTls {
                options: mount.options.clone(),
                by_host: by_host.clone(),
                hosts: mount.read.hosts().to_vec(),
            });
            match self.routes.get_mut(entry_point) {
                Some(routes) => routes.push(route),
                None => {
                    self.routes.insert(entry_point.to_owned(), vec![route]);
                }
            }
        };
        let mut forgotten: Option<(&str, &str)> = None;
        for entry_point in on {
            add(entry_point, tls.is_some(), &mount.by_host);
            // The published Swarm stacks forget `tls` on the router: Traefik answers 404 to whom
            // it has just sent here by its own redirection.
            if tls.is_none()
                && !mount.original.is_internal()
                && let Some(from) =
                    entry_points.get(entry_point).and_then(|point| point.redirected_from.as_deref())
                && links.tls.check(&RouterTls::default(), mount.original.provider()).is_ok()
            {
                // It asks for no options of its own, and opens no host to whom another router asks
                // for a certificate.
                add(entry_point, true, &ByHost::Always);
                forgotten.get_or_insert((entry_point, from));
            }
        }
        match (tls, forgotten) {
            (Some(tls), _) => {
                let hosts = mount.read.hosts();
                links.tls.want(mount.copy, mount.origin, tls, hosts, &mut self.findings);
            }
            (None, Some((entry_point, from))) => {
                let resolver = links.tls.only_resolver().map(str::to_owned);
                self.forgotten_tls(mount, entry_point, from, resolver.as_deref());
                let hosts = mount.read.hosts();
                if resolver.is_some() && !hosts.is_empty() {
                    let tls = RouterTls { cert_resolver: resolver, ..RouterTls::default() };
                    links.tls.want(mount.copy, mount.origin, &tls, hosts, &mut self.findings);
                }
            }
            (None, None) => {}
        }
    }

    fn forgotten_tls(
        &mut self,
        mount: &Mount<'_>,
        entry_point: &str,
        from: &str,
        resolver: Option<&str>,
    ) {
        let certificate = match resolver {
            Some(resolver) => format!("a certificate of resolver {resolver:?}"),
            None => "the certificates at hand".into(),
        };
        let bare = mount.original.name();
        let (option, value) = match resolver {
            Some(resolver) => ("tls.certresolver", resolver),
            None => ("tls", "true"),
        };
        let expected = match mount.origin {
            Origin::Label { .. } => {
                format!("the label traefik.http.routers.{bare}.{option}={value}")
            }
            _ => format!("http.routers.{bare}.{option}: {value}"),
        };
        let trouble = Trouble::new(format!(
            "router {:?} has no tls, but entry point {from:?} redirects to {entry_point:?} with \
             https: it is served there with TLS as well, with {certificate}",
            mount.copy.to_string()
        ))
        .expected(expected);
        self.say(Severity::Info, &trouble, mount.origin, mount.copy);
    }
}

/// What became of a router.
struct Found {
    value: Arc<Router>,
    priority: i64,
    using: Vec<String>,
    fatal: Vec<Trouble>,
    mild: Vec<Trouble>,
}

/// A router's middlewares in order, chains flattened, those of its entry point first. Their
/// qualified names are filled in.
fn chain(
    name: &QName,
    of_model: &[String],
    written: &Written<Router>,
    value: &mut Arc<Router>,
    fatal: &mut Vec<Trouble>,
    links: &mut Links<'_, '_>,
) -> Vec<QName> {
    let mut middlewares: Vec<QName> = Vec::new();
    let mut qualified: Vec<String> = Vec::new();
    for reference in of_model.iter().chain(&written.value.middlewares) {
        let reference = QName::resolve(reference, name.provider());
        links.middlewares.used(&reference, name);
        match links.middlewares.flatten(&reference) {
            // It is too much already.
            Ok(_) if middlewares.len() > CHAIN_LIMIT => {}
            Ok(flat) => middlewares.extend(flat.iter().cloned()),
            Err(trouble) if fatal.contains(&trouble) => {}
            Err(trouble) => fatal.push(trouble),
        }
        qualified.push(reference.to_string());
    }
    if value.middlewares != qualified {
        Arc::make_mut(value).middlewares = qualified;
    }
    if middlewares.len() > CHAIN_LIMIT {
        fatal.push(too_many());
        middlewares.clear();
    }
    middlewares
}

fn too_many() -> Trouble {
    Trouble::new(format!("more than {CHAIN_LIMIT} middlewares"))
}

/// Who is being mounted.
struct Mount<'r> {
    original: &'r QName,
    copy: &'r QName,
    origin: &'r Origin,
    read: &'r Read,
    /// The TLS options that it is served with; `None`: the default ones.
    options: Option<QName>,
    /// As [`RouteTls::by_host`].
    by_host: ByHost,
}

/// FNV-1, 64 bit, of the router's full name, in hexadecimal.
fn recursion_guard(name: &QName) -> String {
    let hash = name.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        hash.wrapping_mul(0x0000_0100_0000_01b3) ^ u64::from(byte)
    });
    format!("{hash:x}")
}
