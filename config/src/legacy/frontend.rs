//! v1 frontends: labels under `traefik.frontend` -> a v3 router and its middlewares.
//!
//! v1's order was fixed: path changes, error pages, address list, redirection, headers, client
//! certificate, authentication, circuit breaker, buffering, connection limit, rate limits. Here the
//! first four stand so that the path changes come after them, because v1's redirections restored
//! the original path.

use std::collections::BTreeMap;

use super::auth::{self, list};
use super::context::PointTls;
use super::headers;
use super::maker::{COMPOSE_PROJECT, COMPOSE_SERVICE, Maker, joined};
use super::rule::{self, Rule};
use super::segments::{Given, Part};
use crate::decode::text::quote;
use crate::finding::Severity;
use crate::name::normalize;

const BUFFERING: &[&str] = &[
    "maxRequestBodyBytes",
    "memRequestBodyBytes",
    "maxResponseBodyBytes",
    "memResponseBodyBytes",
    "retryExpression",
];

/// Parts of `passTLSClientCert.infos`.
const CERTIFICATE: &[&str] = &["notAfter", "notBefore", "sans"];
const NAMES: &[&str] = &[
    "country",
    "province",
    "locality",
    "organization",
    "commonName",
    "serialNumber",
    "domainComponent",
];

/// The middlewares of one router.
pub(super) struct Chain {
    router: String,
    names: Vec<String>,
    /// Matchers of which one tells that a request came to a proxy in front by HTTPS: then there is
    /// no `sslredirect`.
    pub secure: Vec<String>,
}

impl Chain {
    /// The labels of one middleware begin so.
    pub fn key(&self, name: &str, kind: &str) -> String {
        format!("traefik.http.middlewares.{}-{name}.{kind}", self.router)
    }

    /// Puts it at the end.
    pub fn add(&mut self, name: &str) {
        self.names.push(format!("{}-{name}", self.router));
    }

    /// All but this one.
    fn without(&self, name: &str) -> Vec<String> {
        let left_out = format!("{}-{name}", self.router);
        self.names.iter().filter(|name| **name != left_out).cloned().collect()
    }
}

/// Makes the labels of the router `router` to the service `service`.
pub(super) fn translate<'a>(
    maker: &mut Maker<'a>,
    part: &Part<'_, 'a>,
    router: &str,
    service: &str,
    labels: &'a BTreeMap<String, String>,
) {
    let domain = maker.take(part, "domain");
    let given = maker.take(part, "frontend.rule").filter(|rule| !rule.value.is_empty());
    let default = default_rule(maker, domain, labels);
    let (v1, about) = match (given, &default) {
        (Some(given), _) => (given.value, Some(given)),
        (None, Some(default)) => (default.as_str(), domain),
        // The provider's default rule stands in.
        (None, None) => ("", None),
    };
    // What has no label of its own came from the first one of the frontend.
    let any = about.or_else(|| part.own.values().next().copied());
    let any = any.or_else(|| part.shared.values().next().copied());
    let any = any.unwrap_or(Given { key: "", value: "" });
    let rule = match rule::translate(v1) {
        _ if v1.is_empty() => Rule::default(),
        Ok(rule) => rule,
        Err(error) => {
            let message = format!("the rule {} cannot be read: {error}", quote(v1));
            maker.refuse(router, about, &message, "");
            Rule::default()
        }
    };
    for remark in &rule.remarks {
        maker.find(Severity::Warning, about, remark.clone(), "");
    }
    let mut chain = Chain { router: router.to_owned(), names: Vec::new(), secure: Vec::new() };
    error_pages(maker, part, &mut chain);
    auth::white_list(maker, part, &mut chain);
    redirect(maker, part, &mut chain);
    headers::ssl_redirect(maker, part, &mut chain);
    paths(maker, &rule, any, &mut chain);
    headers::translate(maker, part, &mut chain);
    client_certificate(maker, part, &mut chain);
    auth::authentication(maker, part, &mut chain, router);
    circuit_breaker(maker, part, &mut chain);
    buffering(maker, part, &mut chain);
    connections(maker, part, &mut chain);
    rate_limits(maker, part, &mut chain);
    if let Some(given) = maker.take(part, "frontend.passTLSCert") {
        maker.no_counterpart(given, "nothing, or passTLSClientCert");
    }
    if v1.is_empty() {
        let message = "Traefik v1 left this out: it has neither a rule nor a domain; here it gets \
                       the provider's default rule";
        let expected = "traefik.frontend.rule, or traefik.enable=false";
        maker.find(Severity::Warning, None, message.into(), expected);
        if !chain.secure.is_empty() {
            chain.names = chain.without("sslredirect");
            chain.secure.clear();
            let about = part.get("frontend.headers.SSLRedirect");
            let message = "SSLRedirect with SSLProxyHeaders needs a rule: there is no redirection";
            maker.find(Severity::Warning, about, message.into(), "traefik.frontend.rule");
        }
    }
    let router = Router { name: router, service, v1, rule: &rule, chain: &chain, any };
    router.make(maker, part, about);
}

struct Router<'r, 'a> {
    name: &'r str,
    service: &'r str,
    /// The rule as v1 had it; empty if there was none.
    v1: &'r str,
    rule: &'r Rule,
    chain: &'r Chain,
    any: Given<'a>,
}

impl<'a> Router<'_, 'a> {
    fn make(&self, maker: &mut Maker<'a>, part: &Part<'_, 'a>, about: Option<Given<'a>>) {
        let named = maker.take(part, "frontend.entryPoints");
        let named = named.filter(|points| !points.value.trim().is_empty());
        let wanted: Vec<String> = match named {
            Some(named) => list(named.value).split(',').map(str::to_owned).collect(),
            None => maker.context.default.clone(),
        };
        // Entry points that leave TLS to the routers get a router of their own.
        let points = &maker.context.points;
        let (secure, plain): (Vec<&String>, Vec<&String>) = wanted
            .iter()
            .partition(|name| points.get(*name).is_some_and(|point| point.tls == PointTls::Router));
        let text = |names: &[&String]| {
            names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(",")
        };
        let priority = priority(maker, part, self.v1);
        let (secure, plain_text) = (text(&secure), text(&plain));
        let mut routers = Vec::new();
        if secure.is_empty() {
            let points = named.map(|_| plain_text);
            routers.push((self.name.to_owned(), points, false));
        } else {
            if !plain.is_empty() {
                routers.push((self.name.to_owned(), Some(plain_text), false));
            }
            let name =
                if plain.is_empty() { self.name.to_owned() } else { joined(self.name, "tls") };
            routers.push((name, Some(secure), true));
        }
        for (name, points, tls) in routers {
            if name != self.name {
                maker.variant(self.name, &name);
            }
            let place = Place { name: &name, points: points.as_deref(), named, tls };
            if self.chain.secure.is_empty() {
                self.one(maker, &place, &self.rule.text, &self.chain.names, &priority, about);
                continue;
            }
            // Two that exclude each other: which of them comes first does not matter.
            let rule = format!("({}) && ", self.rule.text);
            let (secure, count) = (self.chain.secure.join(" || "), self.chain.secure.len());
            let is_secure = if count > 1 { format!("({secure})") } else { secure };
            let not: Vec<String> = self.chain.secure.iter().map(|it| format!("!{it}")).collect();
            let other = joined(&name, "sslredirect");
            maker.variant(self.name, &other);
            let names = self.chain.without("sslredirect");
            self.one(maker, &place, &format!("{rule}{is_secure}"), &names, &priority, about);
            let place = Place { name: &other, ..place };
            let rule = format!("{rule}{}", not.join(" && "));
            self.one(maker, &place, &rule, &self.chain.names, &priority, about);
        }
    }

    /// The labels of one router.
    fn one(
        &self,
        maker: &mut Maker<'a>,
        place: &Place<'_, 'a>,
        rule: &str,
        middlewares: &[String],
        priority: &Option<(String, Option<Given<'a>>)>,
        about: Option<Given<'a>>,
    ) {
        let key = format!("traefik.http.routers.{}", place.name);
        let any = about.unwrap_or(self.any);
        if !rule.is_empty() {
            maker.make(format!("{key}.rule"), rule, any);
            if maker.context.rules_of_v2 {
                maker.make(format!("{key}.rulesyntax"), "v3", any);
            }
        }
        if let Some(points) = place.points {
            maker.make(format!("{key}.entrypoints"), points, place.named.unwrap_or(any));
        }
        if let Some((priority, given)) = priority {
            maker.make(format!("{key}.priority"), priority, given.unwrap_or(any));
        }
        let resolver = maker.context.resolver.clone();
        match (place.tls, &resolver) {
            (true, Some(resolver)) => {
                maker.make(format!("{key}.tls.certresolver"), resolver, any);
            }
            (true, None) => maker.make(format!("{key}.tls"), "true", any),
            (false, _) => {}
        }
        if !middlewares.is_empty() {
            maker.make(format!("{key}.middlewares"), &middlewares.join(","), any);
        }
        maker.make(format!("{key}.service"), self.service, any);
    }
}

/// Where one of a frontend's routers stands.
#[derive(Clone, Copy)]
struct Place<'r, 'a> {
    name: &'r str,
    points: Option<&'r str>,
    /// The label that names the entry points.
    named: Option<Given<'a>>,
    tls: bool,
}

/// v1's: the name and a domain. `None` where neither a domain nor a compose file gives one.
fn default_rule(
    maker: &Maker<'_>,
    domain: Option<Given<'_>>,
    labels: &BTreeMap<String, String>,
) -> Option<String> {
    let domain = domain.map(|domain| domain.value).filter(|domain| !domain.is_empty());
    let domain = domain.or(maker.context.domain.as_deref());
    let compose = |key: &str| labels.get(key).filter(|value| !value.is_empty());
    let in_compose = match (compose(COMPOSE_SERVICE), compose(COMPOSE_PROJECT)) {
        (Some(service), Some(project)) => Some(format!("{service}.{project}")),
        _ => None,
    };
    let whole = in_compose.is_some();
    let name = in_compose.unwrap_or_else(|| maker.service.trim_start_matches('/').to_owned());
    let name = name.replace(['_', '/'], "-");
    match domain {
        Some(domain) => Some(format!("Host:{name}.{domain}")),
        None => whole.then(|| format!("Host:{name}")),
    }
}

/// The label's, else the length of v1's rule: v3's text has another length, and so another order.
fn priority<'a>(
    maker: &mut Maker<'a>,
    part: &Part<'_, 'a>,
    v1: &str,
) -> Option<(String, Option<Given<'a>>)> {
    let given = maker.take(part, "frontend.priority");
    match given.map(|given| (given, given.value.trim().parse::<i64>())) {
        Some((given, Ok(priority))) if priority > 0 => {
            return Some((priority.to_string(), Some(given)));
        }
        Some((given, Err(_))) => {
            let message = format!("{} is not a number: ignored, as in v1", quote(given.value));
            maker.find(Severity::Warning, Some(given), message, "a number such as 10");
        }
        _ => {}
    }
    (!v1.is_empty()).then(|| (v1.len().to_string(), None))
}

fn error_pages<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    for (name, options) in named(maker.take_under(part, "frontend.errors.")) {
        let middleware = format!("errors-{name}");
        let key = chain.key(&middleware, "errors");
        for (option, given) in options {
            match option {
                "status" => maker.make(format!("{key}.status"), &list(given.value), given),
                "query" => maker.make(format!("{key}.query"), given.value, given),
                "backend" => {
                    maker.make(format!("{key}.service"), &normalize(given.value), given);
                }
                _ => maker.no_counterpart(given, "status, backend or query"),
            }
        }
        chain.add(&middleware);
    }
}

/// Options by the name that stands before them.
fn named<'a>(found: BTreeMap<&'a str, Given<'a>>) -> BTreeMap<String, Vec<(&'a str, Given<'a>)>> {
    let mut sets: BTreeMap<String, Vec<(&'a str, Given<'a>)>> = BTreeMap::new();
    for (rest, given) in found {
        let (name, option) = rest.rsplit_once('.').unwrap_or(("", rest));
        sets.entry(normalize(name)).or_default().push((option, given));
    }
    sets
}

fn redirect<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let permanent = maker.take_truth(part, "frontend.redirect.permanent");
    let regex = maker.take(part, "frontend.redirect.regex");
    let replacement = maker.take(part, "frontend.redirect.replacement");
    let to = maker.take(part, "frontend.redirect.entryPoint").filter(|to| !to.value.is_empty());
    let lasting = |maker: &mut Maker<'a>, key: &str| {
        if let Some((true, given)) = permanent {
            maker.make(format!("{key}.permanent"), "true", given);
        }
    };
    if let Some(to) = to {
        let name = to.value.trim();
        let key = chain.key("redirect", "redirectscheme");
        let scheme = if maker.context.is_https(name) { "https" } else { "http" };
        maker.make(format!("{key}.scheme"), scheme, to);
        match maker.context.points.get(name).map(|point| point.port) {
            // The scheme's own, or one that is not known before the start.
            Some(80 | 443 | 0) => {}
            Some(port) => maker.make(format!("{key}.port"), &port.to_string(), to),
            None => {
                let message = format!(
                    "the entry point {} is not known: requests are redirected to {scheme}",
                    quote(name)
                );
                let known: Vec<&str> = maker.context.points.keys().map(String::as_str).collect();
                let expected = format!("one of {}", known.join(", "));
                maker.find(Severity::Warning, Some(to), message, &expected);
            }
        }
        lasting(maker, &key);
        chain.add("redirect");
        return;
    }
    let (Some(regex), Some(replacement)) = (regex, replacement) else {
        if let Some(given) = regex.or(replacement) {
            let message = "has no effect, as in v1: a redirection needs both";
            let expected = "traefik.frontend.redirect.regex and .replacement";
            maker.find(Severity::Warning, Some(given), message.into(), expected);
        }
        return;
    };
    if replacement.value.contains("{{") {
        let instead = "a replacement of $1 and the like, without a template";
        return maker.no_counterpart(replacement, instead);
    }
    let key = chain.key("redirect", "redirectregex");
    maker.make(format!("{key}.regex"), regex.value, regex);
    maker.make(format!("{key}.replacement"), replacement.value, replacement);
    lasting(maker, &key);
    chain.add("redirect");
}

/// What stood in the rule.
fn paths<'a>(maker: &mut Maker<'a>, rule: &Rule, from: Given<'a>, chain: &mut Chain) {
    let mut one = |name: &str, options: &[(&str, &str)]| {
        let key = chain.key(name, name);
        for (option, value) in options {
            maker.make(format!("{key}.{option}"), value, from);
        }
        chain.add(name);
    };
    if !rule.strip_regex.is_empty() {
        one("stripprefixregex", &[("regex", &rule.strip_regex.join(","))]);
    }
    if !rule.strip.is_empty() {
        one("stripprefix", &[("prefixes", &rule.strip.join(","))]);
    }
    if let Some(prefix) = &rule.add_prefix {
        one("addprefix", &[("prefix", prefix)]);
    }
    if let Some((regex, replacement)) = &rule.replace_path_regex {
        one("replacepathregex", &[("regex", regex), ("replacement", replacement)]);
    }
    if let Some(path) = &rule.replace_path {
        one("replacepath", &[("path", path)]);
    }
}

fn client_certificate<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let key = chain.key("passtlsclientcert", "passtlsclientcert");
    let before = maker.made();
    let prefix = "frontend.passTLSClientCert";
    let option = |maker: &mut Maker<'a>, v1: &str, v3: &str| {
        if let Some((on, given)) = maker.take_truth(part, &format!("{prefix}.{v1}")) {
            maker.make(format!("{key}.{v3}"), &on.to_string(), given);
        }
    };
    option(maker, "pem", "pem");
    let infos = maker.made();
    for name in CERTIFICATE {
        option(maker, &format!("infos.{name}"), &format!("info.{}", name.to_ascii_lowercase()));
    }
    for who in ["subject", "issuer"] {
        for name in NAMES {
            let v3 = format!("info.{who}.{}", name.to_ascii_lowercase());
            option(maker, &format!("infos.{who}.{name}"), &v3);
        }
    }
    if maker.made() > infos {
        let message = "the header X-Forwarded-Tls-Client-Cert-Infos of v1 is called \
                       X-Forwarded-Tls-Client-Cert-Info";
        let about = part.under(&format!("{prefix}.infos")).into_values().next();
        maker.find(Severity::Warning, about, message.into(), "a service that reads this one");
    }
    if maker.made() > before {
        chain.add("passtlsclientcert");
    }
}

fn circuit_breaker<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let given = maker.take(part, "backend.circuitbreaker.expression");
    if let Some(given) = given.filter(|given| !given.value.is_empty()) {
        let key = chain.key("circuitbreaker", "circuitbreaker");
        maker.make(format!("{key}.expression"), given.value, given);
        chain.add("circuitbreaker");
    }
}

fn buffering<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let key = chain.key("buffering", "buffering");
    let before = maker.made();
    for option in BUFFERING {
        if let Some(given) = maker.take(part, &format!("backend.buffering.{option}")) {
            maker.make(format!("{key}.{}", option.to_ascii_lowercase()), given.value, given);
        }
    }
    if maker.made() > before {
        chain.add("buffering");
    }
}

fn connections<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let source = maker.take(part, "backend.maxconn.extractorfunc");
    let Some(amount) = maker.take(part, "backend.maxconn.amount") else {
        if let Some(source) = source {
            let message = "has no effect, as in v1: there is no maxconn.amount";
            let expected = "traefik.backend.maxconn.amount";
            maker.find(Severity::Warning, Some(source), message.into(), expected);
        }
        return;
    };
    let key = chain.key("inflightreq", "inflightreq");
    maker.make(format!("{key}.amount"), amount.value, amount);
    let source = source.unwrap_or(Given { value: "request.host", ..amount });
    criterion(maker, &key, source);
    chain.add("inflightreq");
}

/// One middleware for each set: v1 let a request pass when all of them did.
fn rate_limits<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, chain: &mut Chain) {
    let source = maker.take(part, "frontend.rateLimit.extractorFunc");
    let sets = named(maker.take_under(part, "frontend.rateLimit.rateSet."));
    let Some(source) = source.filter(|source| !source.value.is_empty()) else {
        if let Some((_, given)) = sets.values().flatten().next() {
            let message = "has no effect, as in v1: there is no rateLimit.extractorFunc";
            let expected = "traefik.frontend.rateLimit.extractorFunc";
            maker.find(Severity::Warning, Some(*given), message.into(), expected);
        }
        return;
    };
    for (name, options) in sets {
        let middleware = format!("ratelimit-{name}");
        let key = chain.key(&middleware, "ratelimit");
        for (option, given) in options {
            match option {
                "period" | "average" | "burst" => {
                    maker.make(format!("{key}.{option}"), given.value, given);
                }
                _ => maker.no_counterpart(given, "period, average or burst"),
            }
        }
        criterion(maker, &key, source);
        chain.add(&middleware);
    }
}

/// What counts as one source: `client.ip`, `request.host`, `request.header.<name>`.
fn criterion<'a>(maker: &mut Maker<'a>, key: &str, given: Given<'a>) {
    let key = format!("{key}.sourcecriterion");
    match given.value.strip_prefix("request.header.") {
        Some(name) => maker.make(format!("{key}.requestheadername"), name, given),
        None if given.value == "request.host" => {
            maker.make(format!("{key}.requesthost"), "true", given);
        }
        None => {
            if given.value != "client.ip" {
                let message = format!("unknown source {}: client.ip is used", quote(given.value));
                let expected = "client.ip, request.host or request.header.<name>";
                maker.find(Severity::Warning, Some(given), message, expected);
            }
            maker.make(format!("{key}.ipstrategy.depth"), "0", given);
        }
    }
}
