//! v1 flags -> today's options, each with a finding that shows the form to move to.
//!
//! Nothing happens unless an option is there that only v1 has: what v3 knows stays as it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::constraint;
use super::entry_point::Point;
use super::facts::Facts;
use super::options::{self, Kind, OPTIONS, SHARED, To};
use crate::decode::de::parse_bool;
use crate::decode::text::{quote, shorten};
use crate::finding::{Finding, ObjectKind, Origin, Severity};
use crate::routing::{BasicAuth, Domain, Middleware, Router, RouterTls, Written};
use crate::secret::{self, HIDDEN, is_secret_option};

/// What an option of the provider is worth with `--docker=false`.
const NO_ENGINE: &str = "nothing: --docker=false switches the provider off";

/// What an option is worth that is switched off and would be so without it.
const OFF: &str = "nothing: it is off anyway";

/// v1 had one certificate resolver, without a name.
const RESOLVER: &str = "acme";

/// One option of today.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlagOption {
    pub key: String,
    pub value: String,
    /// The option of v1 that it came from, for origins.
    pub typed: Arc<str>,
}

/// What v1 flags mean today.
#[derive(Clone, Debug, Default)]
pub(crate) struct Translated {
    pub options: Vec<FlagOption>,
    /// Words that are none of v1's.
    pub rest: Vec<String>,
    pub findings: Vec<Finding>,
    pub facts: Facts,
}

/// One option of v1 as given.
#[derive(Clone, Debug)]
struct Given<'a> {
    /// As typed, dashes included and without the value.
    typed: Arc<str>,
    /// In lower case, without dashes.
    key: String,
    value: &'a str,
    to: To,
    below: String,
}

/// Translates a command line (Traefik v1: the command's flags); `None` if nothing on it is v1's
/// alone.
pub(crate) fn flags(arguments: &[String]) -> Option<Translated> {
    let (mut given, mut rest) = (Vec::new(), Vec::new());
    if !sort(arguments, OPTIONS, &mut given, &mut rest) {
        return None;
    }
    // Now the shared ones count too, in their order.
    let (mut shared, mut others) = (Vec::new(), Vec::new());
    sort(&rest, SHARED, &mut shared, &mut others);
    given.extend(shared);
    let mut maker = Maker::default();
    maker.out.rest.clone_from(&others);
    maker.translate(&given);
    Some(maker.finish())
}

/// Sorts the words into v1's options and all others; tells whether there are any of the first.
fn sort<'a>(
    arguments: &'a [String],
    table: &[(&'static str, Kind, To)],
    given: &mut Vec<Given<'a>>,
    rest: &mut Vec<String>,
) -> bool {
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        if word == "--" {
            rest.push(word.clone());
            rest.extend(words.cloned());
            break;
        }
        let Some(body) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            rest.push(word.clone());
            continue;
        };
        let (key, value) = match body.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (body, None),
        };
        let lower = key.to_ascii_lowercase();
        let next = words.peek().filter(|next| !next.starts_with('-'));
        let text = value.or(next.map(|next| next.as_str()));
        let Some((kind, to, below)) = options::find(table, &lower)
            // v3 has groups below some of these names, and takes some of them as they are.
            .filter(|_| lower != "entrypoints" || text.is_some_and(Point::looks_so))
        else {
            rest.push(word.clone());
            continue;
        };
        let value = match (value, kind) {
            (Some(value), _) => value,
            (None, Kind::Truth) => "true",
            (None, Kind::Value) => words.next_if(|next| !next.starts_with('-')).map_or("", |v| v),
        };
        let dashes = word.len().saturating_sub(body.len());
        let typed = word.get(..dashes.saturating_add(key.len())).unwrap_or(word);
        // Options below a group keep their spelling.
        let from = key.len().saturating_sub(below.len());
        let below = key.get(from..).unwrap_or_default().to_owned();
        given.push(Given { typed: typed.into(), key: lower, value, to, below });
    }
    !given.is_empty()
}

/// What has to be seen whole before anything can be said.
#[derive(Default)]
struct Maker<'a> {
    out: Translated,
    /// What each option of v1 became, for its finding.
    told: Vec<(Arc<str>, Vec<String>)>,
    /// `docker` or `swarm`.
    engine: Option<&'static str>,
    constraints: Vec<(&'a str, Arc<str>)>,
    points: Vec<(Point, Arc<str>)>,
    acme: Acme<'a>,
    /// `web.auth`, `web.certFile` and `web.keyFile`.
    web: BTreeMap<String, (&'a str, Arc<str>)>,
}

#[derive(Default)]
struct Acme<'a> {
    first: Option<Arc<str>>,
    entry_point: Option<(&'a str, Arc<str>)>,
    on_host_rule: Option<Arc<str>>,
    domains: Vec<(&'a str, Arc<str>)>,
}

impl<'a> Maker<'a> {
    fn translate(&mut self, given: &[Given<'a>]) {
        let says =
            |key: &str| given.iter().rfind(|it| it.key == key).and_then(|it| parse_bool(it.value));
        let first = given.first().map(|first| Arc::clone(&first.typed)).unwrap_or_default();
        let docker = given.iter().find(|it| it.key == "docker" || it.key.starts_with("docker."));
        if let Some(docker) = docker
            && says("docker") != Some(false)
        {
            let swarm = says("docker.swarmmode") == Some(true);
            let engine = if swarm { "swarm" } else { "docker" };
            self.engine = Some(engine);
            let typed = match given.iter().find(|it| swarm && it.key == "docker.swarmmode") {
                Some(mode) => &mode.typed,
                None => &docker.typed,
            };
            self.option(format!("providers.{engine}"), "true", typed);
        }
        self.points(given, &first);
        for it in given {
            self.one(it);
        }
        self.constraints();
        self.resolver();
        self.web(&first);
    }

    /// An option of today.
    fn option(&mut self, key: impl Into<String>, value: &str, typed: &Arc<str>) {
        let key = key.into();
        // The last level is the option's name; `accessLog.fields.names.Authorization` holds a mode.
        let name = key.rsplit('.').next().unwrap_or_default();
        let secret = is_secret_option(name) && !key.contains(".names.");
        let shown = if secret { HIDDEN.into() } else { shorten(&secret::url(value), 300) };
        self.tell(typed, format!("--{key}={shown}"));
        self.out.options.push(FlagOption { key, value: value.into(), typed: Arc::clone(typed) });
    }

    fn tell(&mut self, typed: &Arc<str>, text: String) {
        match self.told.iter_mut().find(|(known, _)| known == typed) {
            Some((_, texts)) => texts.push(text),
            None => self.told.push((Arc::clone(typed), vec![text])),
        }
    }

    fn find(&mut self, severity: Severity, typed: &Arc<str>, message: String, expected: &str) {
        let finding = Finding::new(severity, origin(typed), message);
        let finding = if expected.is_empty() { finding } else { finding.expected(expected) };
        self.out.findings.push(finding);
    }

    fn one(&mut self, it: &Given<'a>) {
        let (value, typed) = (it.value, &it.typed);
        match it.to {
            To::Key(key) => self.option(key, value, typed),
            To::Group(group) => self.option(format!("{group}.{}", it.below), value, typed),
            To::Engine(option) => match self.engine {
                Some(engine) => {
                    self.option(format!("providers.{engine}.{option}"), value, typed);
                }
                None => self.tell(typed, NO_ENGINE.into()),
            },
            To::Points(option) => {
                let names: Vec<String> =
                    self.points.iter().map(|(point, _)| point.name.clone()).collect();
                for name in names {
                    self.option(format!("entryPoints.{name}.{option}"), value, typed);
                }
            }
            To::Acme(option) => {
                self.acme.first.get_or_insert_with(|| Arc::clone(typed));
                self.option(
                    format!("certificatesResolvers.{RESOLVER}.acme.{option}"),
                    value,
                    typed,
                );
            }
            To::Nothing(instead) => {
                let message = format!("{typed} is of Traefik v1: it has no effect");
                let expected = format!("in v3: {instead}");
                self.find(Severity::Warning, typed, message, &expected);
            }
            To::Special => self.special(it),
        }
    }

    fn special(&mut self, it: &Given<'a>) {
        let (value, typed) = (it.value, &it.typed);
        let on = parse_bool(value).unwrap_or(true);
        match it.key.as_str() {
            "docker.domain" => {
                self.out.facts.domain = Some(value.to_owned());
                match self.engine {
                    Some(engine) => {
                        let rule = format!("Host(`{{{{ normalize .Name }}}}.{value}`)");
                        self.option(format!("providers.{engine}.defaultRule"), &rule, typed);
                    }
                    None => self.tell(typed, NO_ENGINE.into()),
                }
            }
            "docker" | "docker.swarmmode" if self.engine.is_none() => {
                self.tell(typed, NO_ENGINE.into());
            }
            "docker.swarmmode" if !on => self.tell(typed, OFF.into()),
            "docker.constraints" | "constraints" => {
                self.constraints.push((value, Arc::clone(typed)));
            }
            "acme" => {
                self.acme.first.get_or_insert_with(|| Arc::clone(typed));
                let below = "nothing of its own: the options of certificatesResolvers.acme.acme";
                self.tell(typed, below.into());
            }
            "acme.entrypoint" => self.acme.entry_point = Some((value, Arc::clone(typed))),
            "acme.onhostrule" if on => self.acme.on_host_rule = Some(Arc::clone(typed)),
            "acme.onhostrule" | "api" | "web" | "debug" | "d" if !on => {
                self.tell(typed, OFF.into());
            }
            "acme.domains" => self.acme.domains.push((value, Arc::clone(typed))),
            "api" | "web" if on => {
                self.option("api.insecure", "true", typed);
                if it.key == "web" {
                    self.option("ping", "true", typed);
                }
                self.find(
                    Severity::Warning,
                    typed,
                    "the API and the dashboard are open to everybody who reaches their entry \
                     point, as in Traefik v1"
                        .into(),
                    "--api=true and a router with authentication to api@internal, or a port that \
                     is not published",
                );
            }
            "api.entrypoint" if value != "traefik" && !value.is_empty() => {
                self.out.facts.api_entry_point = Some(value.to_owned());
                self.tell(typed, format!("a router on {value} to api@internal"));
            }
            "web.address" if !self.points.iter().any(|(point, _)| point.name == "traefik") => {
                self.option("entryPoints.traefik.address", value, typed);
            }
            "web.address" => {
                let message = format!("{typed} has no effect: there is an entry point traefik");
                self.find(Severity::Warning, typed, message, "one of them");
            }
            "api.entrypoint" => self.tell(typed, "nothing: it is so anyway".into()),
            "debug" | "d" => self.option("log.level", "DEBUG", typed),
            "accesslog.fields.names" | "accesslog.fields.headers.names" => {
                let group = match it.key.contains("headers") {
                    true => "accessLog.fields.headers.names",
                    false => "accessLog.fields.names",
                };
                for pair in value.split_whitespace() {
                    match pair.split_once('=') {
                        Some((name, mode)) => {
                            self.option(format!("{group}.{name}"), mode, typed);
                        }
                        None => {
                            let message = format!("{} is no name=mode: ignored", quote(pair));
                            self.find(Severity::Warning, typed, message, "ClientUsername=drop");
                        }
                    }
                }
            }
            "c" => {
                self.tell(typed, format!("--configFile={}", shorten(value, 300)));
                self.out.rest.push(format!("--configFile={value}"));
            }
            key if key.starts_with("web.") => {
                self.web.insert(key.to_owned(), (value, Arc::clone(typed)));
            }
            _ => {}
        }
    }

    fn points(&mut self, given: &[Given<'a>], first: &Arc<str>) {
        let defaults = given.iter().rfind(|it| it.key == "defaultentrypoints");
        for it in given.iter().filter(|it| it.key == "entrypoints") {
            match Point::parse(it.value) {
                Ok(point) => {
                    let typed = format!("{}=Name:{}", it.typed, shorten(&point.name, 100));
                    self.points.push((point, typed.into()));
                }
                Err(message) => {
                    let expected = "--entryPoints='Name:http Address::80', or in v3 \
                                    --entryPoints.http.address=:80";
                    self.find(Severity::Error, &it.typed, message, expected);
                }
            }
        }
        let below = "entrypoints.";
        let of_v3 = |word: &String| {
            let body = word.trim_start_matches('-');
            body.get(..below.len()).is_some_and(|start| start.eq_ignore_ascii_case(below))
        };
        let failed = self.out.findings.iter().any(|finding| finding.severity == Severity::Error);
        if self.points.is_empty()
            && !failed
            && !self.out.rest.iter().any(of_v3)
            && let Ok(point) = Point::parse("Name:http Address::80")
        {
            self.points.push((point, Arc::clone(first)));
        }
        let names: Vec<String> = match defaults {
            Some(defaults) => defaults.value.split(',').map(|name| name.trim().into()).collect(),
            None => vec!["http".into()],
        };
        let mut known = 0_usize;
        let held = std::mem::take(&mut self.points);
        for (point, typed) in &held {
            let name = &point.name;
            let made = point.make(&origin(typed), &mut self.out.facts);
            for (option, value) in made.options {
                // They name objects that only v1 flags make.
                if value.ends_with("@internal") {
                    let key = format!("entryPoints.{name}.{option}");
                    let typed = Arc::clone(typed);
                    self.out.options.push(FlagOption { key, value, typed });
                } else {
                    self.option(format!("entryPoints.{name}.{option}"), &value, typed);
                }
            }
            for text in made.elsewhere {
                self.tell(typed, text);
            }
            for (key, expected) in point.unknown() {
                let message = format!("unknown key {} of an entry point: ignored", quote(key));
                self.find(Severity::Warning, typed, message, expected);
            }
            if let Some(to) = point.get("redirect.entrypoint") {
                let secure = held.iter().any(|(other, _)| other.name == to && other.has_tls());
                let key = format!("entryPoints.{name}.http.redirections.entryPoint");
                self.option(format!("{key}.to"), to, typed);
                if !secure {
                    self.option(format!("{key}.scheme"), "http", typed);
                }
                // v3 says 301 unless told otherwise, v1 302.
                let permanent = point.truth("redirect.permanent").to_string();
                self.option(format!("{key}.permanent"), &permanent, typed);
            }
            if names.contains(name) {
                known = known.saturating_add(1);
                let from = defaults.map_or(typed, |defaults| &defaults.typed);
                if held.len() > 1 {
                    self.option(format!("entryPoints.{name}.asDefault"), "true", from);
                } else if defaults.is_some() {
                    self.tell(from, "nothing: the only entry point is the default".into());
                }
            }
            if point.trusts_by_default() {
                let message = format!(
                    "entry point {}: X-Forwarded headers of all clients are believed, as in \
                     Traefik v1",
                    quote(name)
                );
                let expected = "ForwardedHeaders.TrustedIPs, in v3 entryPoints.<name>.forwardedHeaders.trustedIPs";
                self.find(Severity::Warning, typed, message, expected);
            }
        }
        self.points = held;
        if let Some(defaults) = defaults
            && known < names.len()
            && !self.points.is_empty()
        {
            let more = match known {
                0 => {
                    ": v1 served no frontend without entryPoints of its own, here all entry \
                      points serve them"
                }
                _ => "",
            };
            let message =
                format!("{} names an entry point that is not there{more}", quote(defaults.value));
            self.find(Severity::Warning, &defaults.typed, message, "names of entry points");
        }
    }

    fn constraints(&mut self) {
        let Some((_, typed)) = self.constraints.first().cloned() else { return };
        let Some(engine) = self.engine else { return };
        let texts: Vec<&str> = self
            .constraints
            .iter()
            .flat_map(|(text, _)| text.split(','))
            .filter(|text| !text.trim().is_empty())
            .collect();
        match constraint::expression(&texts) {
            Ok(expression) => {
                self.option(format!("providers.{engine}.constraints"), &expression, &typed);
            }
            // Without it, what should be hidden would be served.
            Err(message) => {
                self.find(Severity::Error, &typed, message, "tag==name or tag!=name");
            }
        }
    }

    /// v1 asked for certificates of all frontends with a host on the entry point of ACME.
    fn resolver(&mut self) {
        let acme = std::mem::take(&mut self.acme);
        let known = |name: &str| self.points.iter().any(|(point, _)| point.name == name);
        let secure: Vec<String> = match &acme.entry_point {
            Some((name, _)) if known(name) => vec![(*name).to_owned()],
            // One that is not there, or one in today's form.
            _ => {
                let points = self.points.iter().filter(|(point, _)| point.has_tls());
                points.map(|(point, _)| point.name.clone()).collect()
            }
        };
        if let Some((name, typed)) = &acme.entry_point {
            if known(name) || self.out.rest.iter().any(|word| is_below(word, name)) {
                self.tell(typed, format!("--entryPoints.{name}.http.tls.certResolver={RESOLVER}"));
            } else {
                let message = format!(
                    "{} is no entry point: certificates are for those with TLS ({})",
                    quote(name),
                    match secure.is_empty() {
                        true => "there is none".to_owned(),
                        false => secure.join(", "),
                    }
                );
                self.find(Severity::Warning, typed, message, "the name of an entry point");
            }
        }
        if let Some(typed) = &acme.on_host_rule {
            for name in &secure {
                let key = format!("entryPoints.{name}.http.tls.certResolver");
                self.option(key, RESOLVER, typed);
            }
        }
        let mut domains = Vec::new();
        for (text, typed) in &acme.domains {
            let mut names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
            let Some(main) = names.next() else { continue };
            let sans: Vec<String> = names.map(str::to_owned).collect();
            self.tell(
                typed,
                format!("tls.domains of a router or of entryPoints.<name>.http.tls: {text}"),
            );
            domains.push(Domain { main: main.to_owned(), sans });
        }
        let Some((_, typed)) = acme.domains.first().filter(|_| !domains.is_empty()) else { return };
        // Ordered whatever the routers name: by one that no request reaches.
        let tls =
            RouterTls { cert_resolver: Some(RESOLVER.into()), domains, ..RouterTls::default() };
        let router = Router {
            entry_points: secure,
            rule: Some("!PathPrefix(`/`)".into()),
            rule_syntax: Some("default".into()),
            service: Some("noop@internal".into()),
            priority: Some(1),
            tls: Some(Box::new(tls)),
            ..Router::default()
        };
        let written = Written { value: Arc::new(router), origin: origin(typed) };
        self.out.facts.routing.routers.insert("acme-domains".into(), written);
    }

    /// What protected `web` protects the entry point of the API.
    fn web(&mut self, first: &Arc<str>) {
        let web = std::mem::take(&mut self.web);
        let mut kinds: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (key, (value, typed)) in &web {
            match key.as_str() {
                "web.auth.basic.users" | "web.auth.basic" => {
                    kinds.entry("basic").or_default().extend(value.split(',').map(str::to_owned));
                }
                "web.auth.digest.users" | "web.auth.digest" => {
                    kinds.entry("digest").or_default().extend(value.split(',').map(str::to_owned));
                }
                "web.certfile" | "web.keyfile" => {
                    let message = format!("{typed} is of Traefik v1: it has no effect");
                    let expected = "in v3: tls of an entry point of the name traefik";
                    self.find(Severity::Warning, typed, message, expected);
                    continue;
                }
                // Nobody passes.
                _ => drop(kinds.entry("basic").or_default()),
            }
            self.tell(typed, "a router with basicAuth to api@internal".into());
        }
        let mut names = Vec::new();
        for (kind, users) in kinds {
            let auth = Some(BasicAuth { users, ..BasicAuth::default() });
            let middleware = match kind {
                "basic" => Middleware { basic_auth: auth, ..Middleware::default() },
                _ => Middleware { digest_auth: auth, ..Middleware::default() },
            };
            let name = format!("web-{kind}Auth");
            names.push(format!("{name}@internal"));
            let written = Written { value: Arc::new(middleware), origin: origin(first) };
            self.out.facts.routing.middlewares.insert(name, written);
        }
        if !names.is_empty() {
            let key = "entryPoints.traefik.http.middlewares".to_owned();
            let typed = Arc::clone(first);
            self.out.options.push(FlagOption { key, value: names.join(","), typed });
            let given = self.out.options.iter().any(|it| it.key == "entryPoints.traefik.address");
            if !given {
                self.option("entryPoints.traefik.address", ":8080", first);
            }
        }
    }

    fn finish(mut self) -> Translated {
        let told = std::mem::take(&mut self.told);
        let mut findings: Vec<Finding> = told
            .into_iter()
            .map(|(typed, texts)| {
                let message = format!("{typed} is of Traefik v1: it works here as it did there");
                Finding::new(Severity::Warning, origin(&typed), message)
                    .on(ObjectKind::Install, "v1")
                    .expected(format!("in v3: {}", texts.join(" ")))
            })
            .collect();
        findings.append(&mut self.out.findings);
        self.out.findings = findings;
        self.out
    }
}

/// Whether a word is an option of today of this entry point.
fn is_below(word: &str, name: &str) -> bool {
    let body = word.trim_start_matches('-').to_ascii_lowercase();
    body.starts_with(&format!("entrypoints.{}.", name.to_ascii_lowercase()))
}

fn origin(typed: &Arc<str>) -> Origin {
    Origin::Flag { flag: shorten(typed, 256).into() }
}
