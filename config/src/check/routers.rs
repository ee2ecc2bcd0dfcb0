//! Routers: copied per entry point where Traefik does so, each link resolved, mounted or disabled.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::copies::{Copy, copies, observability};
use super::entry_points::EntryPoints;
use super::middlewares::{CHAIN_LIMIT, Middlewares};
use super::services::Services;
use super::tls::Tls;
use super::trouble::Trouble;
use crate::breath::breathe;
use crate::checked::{Checked, Route, RouteTls, Status};
use crate::finding::{Findings, ObjectKind, Origin, Severity};
use crate::install::Install;
use crate::legacy;
use crate::name::QName;
use crate::routing::{Observability, Router, RouterTls, ServersTransport, Written};
use crate::rule::go_regex::Allowance;
use crate::rule::{self, Expr};

/// Above it only the proxy's own routers are (Traefik: priority).
const MAX_USER_PRIORITY: i64 = i64::MAX - 1000;

/// Everything that routers refer to.
pub(super) struct Links<'a, 'b> {
    pub(super) install: &'a Install,
    pub(super) entry_points: Arc<EntryPoints>,
    pub(super) middlewares: Middlewares<'a>,
    pub(super) regexes: &'a RefCell<Allowance>,
    pub(super) services: Services<'a>,
    pub(super) transports: &'b BTreeMap<QName, ServersTransport>,
    pub(super) tls: Tls<'a>,
    /// Routers that others name as their parents.
    pub(super) parents: HashSet<QName>,
    /// Services that are asked for error pages, and the middlewares around each.
    pub(super) pages: BTreeMap<QName, Arc<[QName]>>,
}

impl Links<'_, '_> {
    /// Sees to the services that the `errors` among these middlewares ask for their pages; why some
    /// cannot be had.
    fn pages(&mut self, names: &[QName]) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for name in names {
            let Some(service) = self.middlewares.page(name) else { continue };
            if self.pages.contains_key(&service) {
                continue;
            }
            let around = self
                .services
                .ask(&service, None, &mut self.middlewares, self.transports)
                .and_then(|around| match around.iter().any(|it| self.middlewares.page(it).is_some()) {
                    // It could go round in circles.
                    true => Err(Trouble::new(format!(
                        "the service \"{service}\" gives error pages, and has error pages of its own"
                    ))
                    .expected("a service without an errors middleware around it")),
                    false => Ok(around),
                });
            match around {
                Ok(around) => drop(self.pages.insert(service, around)),
                Err(trouble) => {
                    self.middlewares.spoil(name, &trouble);
                    troubles.push(trouble);
                }
            }
        }
        troubles
    }
}

/// What checking the routers gives.
#[derive(Default)]
pub(super) struct Mounted {
    pub(super) routers: Vec<(QName, Checked<Router>)>,
    pub(super) routes: HashMap<String, Vec<Route>>,
    pub(super) findings: Findings,
}

/// Of a router's text, what does not depend on the copy.
struct Read {
    rule: Result<Arc<Expr>, Trouble>,
    priority: Result<i64, Trouble>,
    hosts: OnceCell<Vec<String>>,
}

impl Read {
    /// The hosts that the rule names; only TLS asks.
    fn hosts(&self) -> &[String] {
        let read = || self.rule.as_deref().map(rule::domains).unwrap_or_default();
        self.hosts.get_or_init(read)
    }
}

impl Mounted {
    pub(super) fn add(
        &mut self,
        name: QName,
        written: &Written<Router>,
        links: &mut Links<'_, '_>,
    ) {
        let read = self.read(&name, written, links);
        let entry_points = Arc::clone(&links.entry_points);
        for copy in copies(&name, &written.value, &entry_points) {
            breathe();
            self.check(&name, &copy, written, &read, &entry_points, links);
        }
    }

    fn read(&mut self, name: &QName, written: &Written<Router>, links: &Links<'_, '_>) -> Read {
        let router = &written.value;
        let text = router.rule.as_deref().unwrap_or_default();
        let rule = match self.syntax(name, written, links) {
            Err(trouble) => Err(trouble),
            Ok(()) => {
                let mut regexes = links.regexes.borrow_mut();
                let mut regex = |pattern: &str| regexes.admit(&written.origin, pattern);
                rule::parse_with(text, &mut regex).map(Arc::new).map_err(|error| {
                    let text = rule::shortened(text);
                    Trouble::new(format!("error while parsing rule {text}: {error}"))
                })
            }
        };
        if let Ok(rule) = &rule
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
        let priority = match router.priority {
            Some(priority) if priority > MAX_USER_PRIORITY && !name.is_internal() => {
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

    /// Whether the rule is in the v3 syntax.
    fn syntax(
        &mut self,
        name: &QName,
        written: &Written<Router>,
        links: &Links<'_, '_>,
    ) -> Result<(), Trouble> {
        let router = &written.value;
        if name.is_internal() || router.default_rule {
            return Ok(());
        }
        let core = links.install.core.as_ref().and_then(|core| core.default_rule_syntax.as_deref());
        let syntax = match router.rule_syntax.as_deref() {
            None | Some("") => core.unwrap_or("v3"),
            Some(syntax) => syntax,
        };
        match syntax {
            "v2" => Err(Trouble::new("the rule syntax v2 is not served yet")
                .expected("the rule in v3 syntax, without ruleSyntax")),
            "v3" | "default" => Ok(()),
            other => {
                let trouble = Trouble::new(format!("unknown ruleSyntax {other:?}: taken as v3"))
                    .expected("v3");
                self.say(Severity::Warning, &trouble, &written.origin, name);
                Ok(())
            }
        }
    }

    fn say(&mut self, severity: Severity, trouble: &Trouble, origin: &Origin, name: &QName) {
        let kind = ObjectKind::Router;
        self.findings.push(trouble.finding(severity, origin, kind, name.to_string()));
    }

    fn check(
        &mut self,
        original: &QName,
        copy: &Copy<'_>,
        written: &Written<Router>,
        read: &Read,
        entry_points: &EntryPoints,
        links: &mut Links<'_, '_>,
    ) {
        let provider = original.provider();
        let name = &copy.name;
        // Shared with the provider's as long as nothing has to be changed.
        let mut value = Arc::clone(&written.value);
        let mut fatal: Vec<Trouble> = Vec::new();
        let mut mild: Vec<Trouble> = Vec::new();

        if !value.parent_refs.is_empty() || links.parents.contains(original) {
            fatal.push(Trouble::new("layered routers (parentRefs) are not served yet"));
        }
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

        // The entry point's middlewares come first.
        let of_model = copy.model.map(|model| model.middlewares.as_slice()).unwrap_or_default();
        let references = of_model.iter().chain(&written.value.middlewares);
        let mut middlewares: Vec<QName> = Vec::new();
        let mut qualified: Vec<String> = Vec::new();
        for reference in references {
            let reference = QName::resolve(reference, provider);
            links.middlewares.used(&reference, name);
            match links.middlewares.flatten(&reference) {
                Ok(flat) => middlewares.extend(flat.iter().cloned()),
                Err(trouble) if fatal.contains(&trouble) => {}
                Err(trouble) => fatal.push(trouble),
            }
            qualified.push(reference.to_string());
        }
        if value.middlewares != qualified {
            Arc::make_mut(&mut value).middlewares = qualified;
        }
        if middlewares.len() > CHAIN_LIMIT {
            fatal.push(Trouble::new(format!("more than {CHAIN_LIMIT} middlewares")));
            middlewares.clear();
        }

        let service = match value.service.as_deref().filter(|service| !service.is_empty()) {
            Some(reference) => {
                let service = QName::resolve(reference, provider);
                let Links { services, middlewares: all, transports, .. } = links;
                match services.ask(&service, Some(name), all, transports) {
                    Ok(around) => middlewares.extend(around.iter().cloned()),
                    Err(trouble) => fatal.push(trouble),
                }
                Some(service)
            }
            None => {
                if value.parent_refs.is_empty() {
                    fatal.push(Trouble::new("router has no service and no child routers"));
                    fatal.push(Trouble::new("router must have either a service or child routers"));
                }
                None
            }
        };

        for trouble in links.pages(&middlewares) {
            if !fatal.contains(&trouble) {
                fatal.push(trouble);
            }
        }

        if value.tls.is_none()
            && let Some(tls) = copy.model.and_then(|model| model.tls.as_ref())
        {
            Arc::make_mut(&mut value).tls = Some(Box::new(tls.clone()));
        }
        if let Some(tls) = &value.tls
            && let Err(trouble) = links.tls.check(tls, provider)
        {
            fatal.push(trouble);
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
        let priority = read.priority.as_ref().copied().unwrap_or_default();

        let mut using = Vec::new();
        if let (true, Ok(rule), Some(service)) = (fatal.is_empty(), &read.rule, service) {
            let route = Route {
                router: name.clone(),
                rule: Arc::clone(rule),
                priority,
                tls: None,
                middlewares,
                service,
                recursion_guard: written.value.default_rule.then(|| recursion_guard(name)),
                access_log: on(|observability| observability.access_logs),
                metrics: on(|observability| observability.metrics),
            };
            let mount = Mount { original, copy: name, origin: &written.origin, read };
            self.mount(&mount, &known, value.tls.as_deref(), &route, entry_points, links);
            using = known.iter().map(|name| (*name).to_owned()).collect();
            using.sort();
        }

        let (status, severity) = if !fatal.is_empty() {
            (Status::Disabled, Severity::Error)
        } else if !mild.is_empty() {
            (Status::Warning, Severity::Warning)
        } else {
            (Status::Enabled, Severity::Info)
        };
        let mut errors = Vec::with_capacity(fatal.len() + mild.len());
        for trouble in fatal.iter().chain(&mild) {
            self.say(severity, trouble, &written.origin, name);
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
        self.routers.push((name.clone(), checked));
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
        let mut add = |entry_point: &str, tls: bool| {
            // Only default options come as far as this.
            let tls = tls.then(|| RouteTls { options: None, hosts: mount.read.hosts().to_vec() });
            let mut route = route.clone();
            route.tls = tls;
            match self.routes.get_mut(entry_point) {
                Some(routes) => routes.push(route),
                None => {
                    self.routes.insert(entry_point.to_owned(), vec![route]);
                }
            }
        };
        let mut forgotten: Option<(&str, &str)> = None;
        for entry_point in on {
            add(entry_point, tls.is_some());
            // The published Swarm stacks forget `tls` on the router: Traefik answers 404 to whom
            // it has just sent here by its own redirection.
            if tls.is_none()
                && !mount.original.is_internal()
                && let Some(from) =
                    entry_points.get(entry_point).and_then(|point| point.redirected_from.as_deref())
                && links.tls.check(&RouterTls::default(), mount.original.provider()).is_ok()
            {
                add(entry_point, true);
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

/// Who is being mounted.
struct Mount<'r> {
    original: &'r QName,
    copy: &'r QName,
    origin: &'r Origin,
    read: &'r Read,
}

/// FNV-1, 64 bit, of the router's full name, in hexadecimal.
fn recursion_guard(name: &QName) -> String {
    let hash = name.to_string().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        hash.wrapping_mul(0x0000_0100_0000_01b3) ^ u64::from(byte)
    });
    format!("{hash:x}")
}
