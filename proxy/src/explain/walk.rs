//! The walk itself: entry point, canonical view, certificate, routers, middlewares, service.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use http::header::{CONNECTION, HOST, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, request};
use swarmgate_config::checked;
use swarmgate_config::name::QName;
use swarmgate_config::secret;

use super::answer::{
    Candidate, EntryPoint, Explanation, Layer, Outcome, Requested, Router, Server, Service, Swarm,
};
use super::{MOST, Question, Target, View, brief, certificate, effect, handshake, near, written};
use crate::balance::Balancer;
use crate::body::Body;
use crate::canonical;
use crate::connection::{Activity, Connection, Registry, TlsInfo};
use crate::middleware::{self, Context};
use crate::route::{self, Table};
use crate::serve::settle::{has_denied_escape, imagine};
use crate::serve::way::TRAEFIK_ROUTER;
use crate::settings::Settings;
use crate::snapshot::{Route, Target as Answering};

/// Walks the way of the request that is asked about.
pub(super) fn explain(view: View<'_>, question: &Question) -> Result<Explanation, String> {
    let target = Target::parse(&question.url)?;
    let mut head = question.head(&target)?;
    let client = question.client()?;
    let mut told = Explanation {
        request: Requested {
            url: target.shown.clone(),
            method: head.method.to_string(),
            host: canonical::host(&target.host).into_owned(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            client: client.to_string(),
            tls: target.tls,
            ..Requested::default()
        },
        ..Explanation::default()
    };
    let (number, because) = entry_point(view, question, &target)?;
    let Some(settings) = view.settings.get(number) else {
        told.outcome = nothing("the proxy has no entry point");
        return Ok(told);
    };
    let configured = view.install.entry_points.get(&settings.name);
    let redirection = configured.and_then(|it| it.http.redirections.as_ref()?.entry_point.as_ref());
    told.entry_point = Some(EntryPoint {
        name: settings.name.clone(),
        address: view.address(settings).to_string(),
        because,
        redirects_to: redirection.map(|to| format!("{} with {}", to.to, to.scheme)),
    });

    // A connection that nobody has made: what the way asks of it is all there.
    let peer = SocketAddr::new(client, 0);
    let registry = Rc::new(Registry::default());
    let connection = registry.open(peer, Arc::clone(settings), Rc::new(Activity::default()));
    if target.tls {
        connection.tls.set(Some(TlsInfo { version: "1.3", cipher: "" }));
    }
    let asked = head.headers.clone();
    let host = match imagine(&connection, view.server_name, &mut head) {
        Ok(host) => host,
        Err(answer) => {
            told.certificate = certificate_of(view, number, &target, None);
            let status = answer.status();
            told.outcome = Outcome {
                kind: "refused".into(),
                text: format!("the request is refused with {status} before any router sees it"),
                ..answered(&answer)
            };
            return Ok(told);
        }
    };
    tell_headers(&asked, &head.headers, &mut told.request);
    let host = host.to_str().unwrap_or_default();
    let canonical_host = canonical::host(host);
    let path = canonical::routing_path(head.uri.path()).into_owned();
    told.request.host = canonical_host.to_string();
    told.request.path = String::from_utf8_lossy(&path).into_owned();
    told.request.query = head.uri.query().map(str::to_owned);

    let method = head.method.clone();
    let (headers, uri) = (head.headers.clone(), head.uri.clone());
    let seen = route::Request {
        method: &method,
        host: &canonical_host,
        host_as_sent: host,
        path: &path,
        query: uri.query(),
        headers: &headers,
        client_ip: connection.peer.ip(),
    };
    let checked = &*view.snapshot.checked;
    let chosen = table(view, number, target.tls).and_then(|table| {
        let chosen = table.find(&seen);
        let considered = consider(view, table, &seen, chosen);
        told.considered = considered.routers;
        told.considered_more = considered.more;
        told.for_other_hosts = considered.for_other_hosts;
        chosen
    });
    let mut objects = BTreeSet::new();
    match chosen.and_then(|chosen| view.snapshot.routes.get(chosen)) {
        Some(route) => {
            let name = QName::resolve(&route.name, "");
            let wanted = checked.routers.get(&name).and_then(|it| it.value.tls.as_ref());
            let wanted = wanted.and_then(|tls| tls.cert_resolver.as_deref());
            told.certificate = certificate_of(view, number, &target, wanted);
            let context =
                Context { peer: connection.peer, tls: target.tls, certificates: None, host };
            let misdirected = handshake::misdirected(view, number, &target, &canonical_host, route);
            follow(view, route, &connection, &mut head, &context, misdirected, &mut told);
            objects.insert(route.name.to_string());
            objects.insert(route.service.to_string());
            // The copies of an entry point are called after it.
            let original = name.name().strip_prefix(&format!("{}-", settings.name));
            objects.extend(original.map(|it| format!("{it}@{}", name.provider())));
            objects.extend(told.middlewares.iter().map(|it| it.name.clone()));
            objects.extend(told.layers.iter().filter_map(|it| it.router.clone()).map(|it| it.name));
            objects.extend(told.service.iter().map(|it| it.name.clone()));
        }
        None => {
            told.certificate = certificate_of(view, number, &target, None);
            let closed = handshake::closed(view, number, &target);
            told.outcome = closed.unwrap_or_else(|| nothing("no router takes it"));
            told.hints = hints(view, number, &target, &seen, &told.considered);
        }
    }
    told.disabled = near::disabled(checked, &canonical_host);
    told.skipped = near::skipped(checked, &canonical_host);
    objects.extend(told.disabled.iter().map(|it| it.router.clone()));
    told.findings = near::findings(checked, &canonical_host, &objects);
    // What is told of a router that does not serve needs no second telling.
    told.findings.retain(|finding| {
        let said = |error: &String| finding.text.contains(error.as_str());
        !told.disabled.iter().any(|it| it.errors.iter().any(said))
    });
    Ok(told)
}

/// What becomes of the headers that were asked for at the entry point.
fn tell_headers(asked: &HeaderMap, left: &HeaderMap, told: &mut Requested) {
    let lines = |headers: &HeaderMap, name: &HeaderName| {
        let lines = headers.get_all(name).iter();
        let shown = |line: &HeaderValue| {
            let text = String::from_utf8_lossy(line.as_bytes());
            brief(&secret::header(name.as_str(), &text))
        };
        lines.map(shown).collect::<Vec<_>>().join(", ")
    };
    let listed = lines(asked, &CONNECTION).to_ascii_lowercase();
    let of_connection = |name: &str| {
        ["keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding"].contains(&name)
            || listed.split(',').any(|token| token.trim() == name)
    };
    for name in asked.keys().filter(|name| ![HOST, CONNECTION, UPGRADE].contains(name)) {
        let same = asked.get_all(name).iter().eq(left.get_all(name).iter());
        match left.contains_key(name) {
            _ if same => {}
            true => {
                let (old, new) = (lines(asked, name), lines(left, name));
                told.replaced_headers.push(format!("{name}: {old} by {new}"));
            }
            false if of_connection(name.as_str()) => told.hop_headers.push(name.to_string()),
            false => told.dropped_headers.push(name.to_string()),
        }
    }
}

fn certificate_of(
    view: View<'_>,
    entry_point: usize,
    target: &Target,
    wanted: Option<&str>,
) -> Option<super::answer::Certificate> {
    target.tls.then(|| certificate::shown(view, entry_point, target, wanted)).flatten()
}

fn table(view: View<'_>, entry_point: usize, tls: bool) -> Option<&Table> {
    let tables = view.snapshot.entry_points.get(entry_point)?;
    Some(if tls { &tables.tls } else { &tables.plain })
}

/// The entry point that the URL leads to, and why it is this one.
fn entry_point(
    view: View<'_>,
    question: &Question,
    target: &Target,
) -> Result<(usize, String), String> {
    let all = || view.settings.iter().enumerate();
    if !question.entry_point.is_empty() {
        let asked = question.entry_point.as_str();
        let found = all().find(|(_, it)| it.name == asked);
        let Some((number, _)) = found else {
            let names: Vec<&str> = all().map(|(_, it)| it.name.as_str()).collect();
            return Err(format!(
                "there is no entry point {asked:?}; expected one of {}",
                names.join(", ")
            ));
        };
        return Ok((number, "it was asked for".into()));
    }
    let ip = target.name.parse().ok();
    let on_port = |settings: &Settings| view.address(settings).port() == target.port;
    let at: Vec<(usize, &Arc<Settings>)> = all().filter(|(_, it)| on_port(it)).collect();
    let exactly = at.iter().find(|(_, it)| Some(view.address(it).ip()) == ip);
    if let Some((number, _)) = exactly.or(at.first()) {
        return Ok((*number, format!("it listens on port {}", target.port)));
    }
    // A published port may have another number outside.
    let serves = |number: usize| table(view, number, target.tls).is_some_and(|it| !it.is_empty());
    let usual: [&str; 2] = if target.tls { ["websecure", "https"] } else { ["web", "http"] };
    let found = all()
        .find(|(_, it)| usual.contains(&it.name.as_str()))
        .or_else(|| all().find(|(number, it)| serves(*number) && it.name != "traefik"))
        .or_else(|| all().next());
    let kind = if target.tls { "https" } else { "http" };
    let because = format!("a guess for {kind}: no entry point listens on port {}", target.port);
    Ok((found.map_or(usize::MAX, |(number, _)| number), because))
}

/// Routers that were asked.
#[derive(Default)]
struct Considered {
    routers: Vec<Candidate>,
    more: usize,
    for_other_hosts: usize,
}

/// Tells of each router whose rule may hold for this host.
fn consider(
    view: View<'_>,
    table: &Table,
    seen: &route::Request<'_>,
    chosen: Option<usize>,
) -> Considered {
    let mut considered = Considered::default();
    for it in table.walk(seen) {
        let is_chosen = Some(it.number) == chosen;
        if !it.for_host && !is_chosen {
            considered.for_other_hosts += 1;
            continue;
        }
        if considered.routers.len() >= MOST && !is_chosen {
            considered.more += 1;
            continue;
        }
        let Some(route) = view.snapshot.routes.get(it.number) else { continue };
        let written = router(view, &route.name);
        let rule = written.and_then(|it| it.value.rule.as_deref()).unwrap_or_default();
        let syntax = written.map(|it| it.value.syntax()).unwrap_or_default();
        let failure = it.failure;
        considered.routers.push(Candidate {
            router: route.name.to_string(),
            priority: written.map_or(0, |it| it.priority),
            chosen: is_chosen,
            matches: failure.is_none(),
            failed: failure
                .as_ref()
                .map(|it| written::failed(rule, syntax, it))
                .unwrap_or_default(),
            failed_more: failure.map_or(0, |it| it.more),
            rule: brief(rule),
        });
    }
    considered
}

/// A router that takes the request, as it is told.
fn taking(view: View<'_>, route: &Route) -> Option<Router> {
    router(view, &route.name).map(|written| Router {
        name: route.name.to_string(),
        priority: written.priority,
        rule: brief(written.value.rule.as_deref().unwrap_or_default()),
        origin: written.origin.to_string(),
        status: status(written.status).into(),
        errors: written.errors.clone(),
    })
}

fn router<'v>(
    view: View<'v>,
    name: &str,
) -> Option<&'v checked::Checked<swarmgate_config::routing::Router>> {
    view.snapshot.checked.routers.get(&QName::resolve(name, ""))
}

/// From the chosen router to the server.
fn follow(
    view: View<'_>,
    route: &Route,
    connection: &Connection,
    head: &mut request::Parts,
    context: &Context<'_>,
    misdirected: Option<Outcome>,
    told: &mut Explanation,
) {
    told.router = taking(view, route);
    tell_service(view, route, told);
    let refused = |why: &str| Outcome {
        kind: "refused".into(),
        status: Some(StatusCode::BAD_REQUEST.as_u16()),
        text: format!("the request is refused with 400: {why}"),
        ..Outcome::default()
    };
    if let Some(guard) = &route.recursion_guard {
        if head.headers.get(TRAEFIK_ROUTER) == Some(guard) {
            told.outcome = refused("it has come from this router before");
            return;
        }
        head.headers.insert(TRAEFIK_ROUTER, guard.clone());
    }
    if has_denied_escape(head.uri.path(), &connection.settings.denied_escapes) {
        told.outcome = refused("its path has an escape that the entry point denies");
        return;
    }
    if let Some(misdirected) = misdirected {
        told.outcome = misdirected;
        return;
    }
    through(view, route, head, context, told);
}

/// Through a router's middlewares to its service, or on through the routers below it.
fn through<'v>(
    view: View<'v>,
    mut route: &'v Route,
    head: &mut request::Parts,
    context: &Context<'_>,
    told: &mut Explanation,
) {
    let checked = &*view.snapshot.checked;
    // As many as there are layers: the check has bounded them.
    loop {
        let (name, service) = (QName::resolve(&route.name, ""), QName::resolve(&route.service, ""));
        let names = effect::names(checked, &name, &service);
        let (middlewares, answer) = effect::walk(checked, route, &names, head, context);
        told.middlewares.extend(middlewares);
        told.outcome = match (answer, &route.target) {
            (Some(answer), _) => Outcome {
                kind: "answered".into(),
                text: format!("a middleware answers {}", effect::described(&answer)),
                ..answered(&answer)
            },
            (None, Answering::Internal(_)) => Outcome {
                kind: "internal".into(),
                sent: Some(sent(head, "")),
                text: format!("the proxy itself answers ({})", route.service),
                ..Outcome::default()
            },
            (None, Answering::Balancer(balancer)) => forwarded(head, balancer),
            (None, Answering::Children(_)) => {
                nothing(&format!("no router below {} takes it", route.name))
            }
        };
        let Answering::Children(children) = &route.target else { return };
        if told.outcome.kind == "answered" {
            return;
        }
        let chosen = descend(view, route, children, head, context, told);
        let Some(next) = chosen.and_then(|number| view.snapshot.routes.get(number)) else { return };
        route = next;
        tell_service(view, route, told);
    }
}

/// Tells of a router's service; one that leads to other routers has none.
fn tell_service(view: View<'_>, route: &Route, told: &mut Explanation) {
    if !matches!(route.target, Answering::Children(_)) {
        let service = QName::resolve(&route.service, "");
        told.service = Some(service_of(&view.snapshot.checked, route, &service));
    }
}

/// Tells of the routers below one; the number of the one that takes the request.
fn descend(
    view: View<'_>,
    route: &Route,
    children: &Table,
    head: &request::Parts,
    context: &Context<'_>,
    told: &mut Explanation,
) -> Option<usize> {
    let host = canonical::host(context.host);
    let path = middleware::routing_path(head);
    let left = middleware::host_left(head, context);
    let seen = route::Request {
        method: &head.method,
        host: &host,
        host_as_sent: &left,
        path: &path,
        query: head.uri.query(),
        headers: &head.headers,
        client_ip: context.peer.ip(),
    };
    let chosen = children.find(&seen);
    let considered = consider(view, children, &seen, chosen);
    told.layers.push(Layer {
        below: route.name.to_string(),
        path: String::from_utf8_lossy(&path).into_owned(),
        considered: considered.routers,
        considered_more: considered.more,
        for_other_hosts: considered.for_other_hosts,
        router: chosen
            .and_then(|number| view.snapshot.routes.get(number))
            .and_then(|route| taking(view, route)),
    });
    chosen
}

fn answered(answer: &Response<Body>) -> Outcome {
    let location = answer.headers().get(http::header::LOCATION);
    Outcome {
        status: Some(answer.status().as_u16()),
        location: location.map(|it| secret::url(&String::from_utf8_lossy(it.as_bytes()))),
        ..Outcome::default()
    }
}

fn nothing(why: &str) -> Outcome {
    Outcome {
        kind: "notFound".into(),
        status: Some(StatusCode::NOT_FOUND.as_u16()),
        text: format!("404: {why}"),
        ..Outcome::default()
    }
}

fn sent(head: &request::Parts, prefix: &str) -> String {
    format!("{} {prefix}{}", head.method, head.uri)
}

/// Whom the request is sent to, or why to nobody.
fn forwarded(head: &request::Parts, balancer: &Balancer) -> Outcome {
    if balancer.is_empty() {
        let why = match balancer.swarm {
            Some(_) => "no task of the service runs",
            None => "the service has no server",
        };
        return Outcome {
            kind: "unavailable".into(),
            status: Some(StatusCode::SERVICE_UNAVAILABLE.as_u16()),
            text: format!("503: {why}"),
            ..Outcome::default()
        };
    }
    let prefix = balancer.servers.first().and_then(|it| it.prefix.as_deref()).unwrap_or_default();
    let sent = sent(head, prefix);
    let text = match (&*balancer.servers, balancer.swarm) {
        ([vip], Some(swarm)) if swarm.vip => format!(
            "{sent} goes to {}, behind which Swarm balances over {}",
            origin(&vip.key.url),
            tasks(swarm.running_tasks)
        ),
        ([only], _) => format!("{sent} goes to {}", origin(&only.key.url)),
        (several, _) => format!("{sent} goes to one of {} servers, in turn", several.len()),
    };
    Outcome { kind: "forwarded".into(), sent: Some(sent), text, ..Outcome::default() }
}

/// A server's URL without its path, which is not used unless `preservePath` puts it before the
/// request's own.
fn origin(url: &str) -> String {
    let shown = secret::url(url);
    let Some((scheme, rest)) = shown.split_once("://") else { return shown };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    format!("{scheme}://{authority}")
}

/// A URL's path, without slashes at its end.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let start = rest.find('/').unwrap_or(rest.len());
    rest.get(start..).unwrap_or_default().trim_end_matches('/')
}

fn tasks(count: u32) -> String {
    match count {
        1 => "1 running task".into(),
        count => format!("{count} running tasks"),
    }
}

fn service_of(checked: &checked::Configuration, route: &Route, name: &QName) -> Service {
    let mut told = Service {
        name: name.to_string(),
        internal: matches!(route.target, Answering::Internal(_)),
        ..Service::default()
    };
    let Some(written) = checked.services.get(name) else { return told };
    told.errors.clone_from(&written.errors);
    let Some(balancer) = &written.value.load_balancer else { return told };
    told.pass_host_header = balancer.pass_host_header.unwrap_or(true);
    told.health_check = match &balancer.health_check {
        Some(check) => format!("{} (not served yet)", check.path.as_deref().unwrap_or("/")),
        None => "none".into(),
    };
    told.swarm =
        balancer.swarm.map(|swarm| Swarm { vip: swarm.vip, running_tasks: swarm.running_tasks });
    told.servers_more = balancer.servers.len().saturating_sub(MOST);
    let servers = balancer.servers.iter().take(MOST);
    let server = |it: &swarmgate_config::routing::Server| Server {
        url: secret::url(&it.url),
        unused_path: match it.preserve_path {
            true => String::new(),
            false => path(&it.url).to_owned(),
        },
        weight: it.weight.unwrap_or(1),
    };
    told.servers = servers.map(server).collect();
    told
}

pub(super) fn status(status: checked::Status) -> &'static str {
    match status {
        checked::Status::Enabled => "enabled",
        checked::Status::Warning => "warning",
        checked::Status::Disabled => "disabled",
    }
}

/// Where nothing matches: who would take the request elsewhere, and what might be meant.
fn hints(
    view: View<'_>,
    number: usize,
    target: &Target,
    seen: &route::Request<'_>,
    considered: &[Candidate],
) -> Vec<String> {
    let mut hints = Vec::new();
    let named = considered.iter().any(|it| !it.failed.is_empty());
    let mut elsewhere = false;
    for (other, settings) in view.settings.iter().enumerate() {
        for tls in [target.tls, !target.tls] {
            if other == number && tls == target.tls {
                continue;
            }
            // The proxy's own take any host: their redirections help nobody who is lost.
            let own =
                |number: usize| view.snapshot.routes.get(number).is_none_or(|route| route.internal);
            let taken = table(view, other, tls).and_then(|table| {
                let mut first = None;
                for it in table.walk(seen) {
                    if !it.names_host || !it.for_host || own(it.number) {
                        continue;
                    }
                    if it.failure.is_none() {
                        return Some((it.number, true));
                    }
                    first.get_or_insert((it.number, false));
                }
                first
            });
            let Some((route, takes)) = taken else { continue };
            let Some(route) = view.snapshot.routes.get(route) else { continue };
            elsewhere = true;
            let verb = if takes { "takes it" } else { "has a router for this host" };
            let scheme = if tls { "https" } else { "http" };
            hints.push(match (other == number, tls) {
                (true, true) => format!(
                    "only with TLS: router {} {} over https on this entry point",
                    route.name,
                    if takes { "takes it" } else { "is for this host" }
                ),
                (true, false) => format!(
                    "only without TLS: router {} {} over http on this entry point",
                    route.name,
                    if takes { "takes it" } else { "is for this host" }
                ),
                (false, _) => format!(
                    "entry point {:?} {verb} over {scheme}: router {}",
                    settings.name, route.name
                ),
            });
            if hints.len() >= 10 {
                return hints;
            }
        }
    }
    if !named && !elsewhere {
        let checked = &*view.snapshot.checked;
        hints.push(format!("no router serves the host {:?}", seen.host));
        let near = near::hosts(checked, seen.host);
        if !near.is_empty() {
            hints.push(format!("hosts that are spelled alike: {}", near.join(", ")));
        }
    }
    hints
}
