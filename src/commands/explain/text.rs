//! An explanation for people: a label, what is told, in the order of a request's way.

use swarmgate_proxy::explain::{Candidate, Certificate, Explanation, Layer, Middleware, Service};

use crate::commands::ask::paint::{Paint, clean};

/// Width of the labels, characters.
const LABEL: usize = 13;
/// The longest rule that is shown whole, characters.
const RULE: usize = 160;

/// What is printed.
pub fn render(told: &Explanation, paint: Paint) -> String {
    let mut page = Page { text: String::new(), paint };
    request(told, &mut page);
    if let Some(point) = &told.entry_point {
        let line = format!("{} ({}): {}", point.name, point.address, point.because);
        page.first("Entry point", &line);
        if let Some(to) = &point.redirects_to {
            page.more(&format!("it redirects to {to}, but for what other routers take first"));
        }
    }
    if let Some(certificate) = &told.certificate {
        self::certificate(certificate, &mut page);
    }
    routers(told, &mut page);
    if let Some(router) = &told.router {
        page.first("Router", &format!("{}, written in {}", router.name, router.origin));
        for error in &router.errors {
            page.odd(error);
        }
    }
    for layer in &told.layers {
        below(layer, &mut page);
    }
    for (number, middleware) in told.middlewares.iter().enumerate() {
        let line = self::middleware(number, middleware);
        let label = if number == 0 { "Middlewares" } else { "" };
        page.labelled(label, &line, if middleware.answers { Tone::Odd } else { Tone::Plain });
    }
    if let Some(service) = &told.service {
        self::service(service, &mut page);
    }
    let tone = match told.outcome.kind.as_str() {
        "forwarded" | "internal" | "answered" => Tone::Good,
        _ => Tone::Bad,
    };
    page.labelled("Answer", &told.outcome.text, tone);
    if let Some(next) = told.outcome.location.as_deref().filter(|url| is_plain(url)) {
        page.labelled("", &format!("next: swarmgate explain '{next}'"), Tone::Faint);
    }
    page.list("Perhaps", &told.hints, Tone::Plain);
    near(told, &mut page);
    page.text
}

/// Whether a URL may be pasted into a shell.
fn is_plain(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?=&%+,@[]".contains(&byte);
    (url.starts_with("http://") || url.starts_with("https://")) && url.bytes().all(plain)
}

fn request(told: &Explanation, page: &mut Page) {
    let request = &told.request;
    let line = format!("{} {} from {}", request.method, request.url, request.client);
    page.labelled("Request", &line, Tone::Strong);
    let seen = match &request.query {
        Some(query) => format!("{}?{query}", request.path),
        None => request.path.clone(),
    };
    page.more(&format!("seen as host {}, path {seen}", request.host));
    if !request.dropped_headers.is_empty() {
        let names = request.dropped_headers.join(", ");
        page.more(&format!(
            "the entry point drops its headers {names}: {} is not among forwardedHeaders.trustedIPs",
            request.client
        ));
    }
    for replaced in &request.replaced_headers {
        page.more(&format!("the entry point replaces {replaced}"));
    }
    if !request.hop_headers.is_empty() {
        let names = request.hop_headers.join(", ");
        page.more(&format!("its headers {names} are for the connection only and go no further"));
    }
}

fn certificate(told: &Certificate, page: &mut Page) {
    let by = match told.chosen_by.as_str() {
        "default" => "the default, no other fits",
        "wildcard" => "by wildcard",
        _ => "by name",
    };
    page.first("Certificate", &format!("{} ({by})", some(&told.names)));
    let source = match told.source.as_str() {
        "generated" => "self-signed, made by the proxy itself: browsers refuse it".to_owned(),
        source => format!("from {source}, issued by {}", told.issuer),
    };
    page.more(&source);
    let valid = format!("valid from {} to {}", told.not_before, told.not_after);
    match told.status.as_str() {
        "expired" => page.labelled("", &format!("expired: {valid}"), Tone::Bad),
        "warning" => page.labelled("", &format!("ends soon: {valid}"), Tone::Odd),
        _ => page.more(&valid),
    }
    page.more(&format!("TLS options {}", told.options));
    if let Some(resolver) = &told.wanted_from
        && told.chosen_by == "default"
    {
        page.odd(&format!("resolver {resolver:?} has got no certificate for this name yet"));
    }
}

/// A handful of names.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn routers(told: &Explanation, page: &mut Page) {
    if told.entry_point.is_none() || told.outcome.kind == "refused" && told.router.is_none() {
        return;
    }
    let rest = (told.considered_more, told.for_other_hosts);
    candidates("Routers", &told.considered, rest, page);
}

/// The routers below one, and which of them takes the request on.
fn below(told: &Layer, page: &mut Page) {
    page.first("Below", &format!("the routers below {} see the path {}", told.below, told.path));
    candidates("", &told.considered, (told.considered_more, told.for_other_hosts), page);
    if let Some(router) = &told.router {
        page.first("Router", &format!("{}, written in {}", router.name, router.origin));
        for error in &router.errors {
            page.odd(error);
        }
    }
}

/// Routers that were asked; how many more there are for this host, and for others.
fn candidates(
    mut label: &str,
    considered: &[Candidate],
    (more, others): (usize, usize),
    page: &mut Page,
) {
    let mut behind = 0_usize;
    let mut passed = false;
    for candidate in considered {
        passed |= candidate.chosen;
        // Behind the chosen one only those are news that would take it as well.
        if passed && !candidate.chosen && !candidate.matches {
            behind = behind.saturating_add(1);
            continue;
        }
        let (sign, tone) = match (candidate.chosen, candidate.matches) {
            (true, _) => ("✓", Tone::Good),
            (false, true) => ("·", Tone::Faint),
            (false, false) => ("✗", Tone::Plain),
        };
        page.labelled(label, &format!("{sign} {}", self::candidate(candidate)), tone);
        label = "";
    }
    let mut rest = Vec::new();
    if behind > 0 {
        rest.push(format!("{behind} of lower priority for this host"));
    }
    if more > 0 {
        rest.push(format!("{more} more for this host"));
    }
    if others > 0 {
        rest.push(format!("{others} for other hosts"));
    }
    if !rest.is_empty() {
        let start = if considered.is_empty() { "none for this host;" } else { "  and" };
        page.labelled(label, &format!("{start} {}", rest.join(", ")), Tone::Faint);
    } else if considered.is_empty() {
        page.first(label, "there is none");
    }
}

fn candidate(told: &Candidate) -> String {
    let start = format!("{} (priority {})", told.router, told.priority);
    if told.chosen {
        return format!("{start}: {}", shortened(&told.rule));
    }
    if told.matches {
        return format!("{start}: would take it too, but comes later: {}", shortened(&told.rule));
    }
    // Alternatives that fail for the same reason are told together.
    let mut told_parts: Vec<(String, String)> = Vec::new();
    for failed in &told.failed {
        let part = shortened(&failed.part);
        match told_parts.last_mut() {
            Some((parts, because)) if *because == failed.because => {
                parts.push_str(" and ");
                parts.push_str(&part);
            }
            _ => told_parts.push((part, failed.because.clone())),
        }
    }
    let parts: Vec<String> =
        told_parts.into_iter().map(|(parts, because)| format!("{parts}: {because}")).collect();
    let more = match told.failed_more {
        0 => String::new(),
        more => format!("; and {more} alternatives more"),
    };
    format!("{start}: {}{more}", parts.join("; "))
}

fn shortened(rule: &str) -> String {
    if rule.chars().count() <= RULE {
        return rule.to_owned();
    }
    rule.chars().take(RULE).chain("...".chars()).collect()
}

fn middleware(number: usize, told: &Middleware) -> String {
    let start = format!("{}. {} ({})", number.saturating_add(1), told.name, told.kind);
    if told.unreached {
        return format!("{start}: not reached");
    }
    match told.effects.as_slice() {
        [] => format!("{start}: nothing for this request"),
        effects => format!("{start}: {}", effects.join("; ")),
    }
}

fn service(told: &Service, page: &mut Page) {
    if told.internal {
        page.first("Service", &format!("{}, the proxy's own", told.name));
        return;
    }
    let tasks = |count| if count == 1 { "task" } else { "tasks" };
    let kind = match &told.swarm {
        Some(swarm) if swarm.vip => {
            let count = swarm.running_tasks;
            format!(": Swarm's VIP, {count} {} running", tasks(count))
        }
        Some(swarm) => format!(": {} {} running", swarm.running_tasks, tasks(swarm.running_tasks)),
        None => String::new(),
    };
    page.first("Service", &format!("{}{kind}", told.name));
    for server in told.servers.iter().take(10) {
        let weight =
            if server.weight == 1 { String::new() } else { format!(", weight {}", server.weight) };
        let path = match server.unused_path.as_str() {
            "" => String::new(),
            path => format!(", its path {path} is not used"),
        };
        page.more(&format!("{}{weight}{path}", server.url));
    }
    let more = told.servers.len().saturating_sub(10).saturating_add(told.servers_more);
    if more > 0 {
        page.more(&format!("and {more} more"));
    }
    if told.health_check != "none" {
        page.more(&format!("health check {}", told.health_check));
    }
    for error in &told.errors {
        page.odd(error);
    }
}

fn near(told: &Explanation, page: &mut Page) {
    let disabled: Vec<String> = told
        .disabled
        .iter()
        .map(|it| format!("{} ({}): {}", it.router, it.origin, it.errors.join("; ")))
        .collect();
    page.list("Disabled", &disabled, Tone::Bad);
    let skipped: Vec<String> = told
        .skipped
        .iter()
        .map(|it| format!("{} service {:?}: {}", it.provider, it.service, it.reason))
        .collect();
    page.list("Left out", &skipped, Tone::Odd);
    let findings: Vec<String> =
        told.findings.iter().map(|it| format!("{}: {}", it.severity, it.text)).collect();
    page.list("Findings", &findings, Tone::Odd);
}

#[derive(Clone, Copy)]
enum Tone {
    Plain,
    Strong,
    Good,
    Bad,
    Odd,
    Faint,
}

struct Page {
    text: String,
    paint: Paint,
}

impl Page {
    fn first(&mut self, label: &str, line: &str) {
        self.labelled(label, line, Tone::Plain);
    }

    fn more(&mut self, line: &str) {
        self.labelled("", line, Tone::Plain);
    }

    fn odd(&mut self, line: &str) {
        self.labelled("", line, Tone::Odd);
    }

    fn list(&mut self, label: &str, lines: &[String], tone: Tone) {
        for (number, line) in lines.iter().enumerate() {
            self.labelled(if number == 0 { label } else { "" }, line, tone);
        }
    }

    fn labelled(&mut self, label: &str, line: &str, tone: Tone) {
        let label = format!("{label:<LABEL$}");
        self.text.push_str(&self.paint.strong(&label));
        let line = match tone {
            Tone::Plain => clean(line),
            Tone::Strong => self.paint.strong(line),
            Tone::Good => self.paint.good(line),
            Tone::Bad => self.paint.bad(line),
            Tone::Odd => self.paint.odd(line),
            Tone::Faint => self.paint.faint(line),
        };
        self.text.push_str(&line);
        self.text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use swarmgate_proxy::explain::{Failed, Outcome};

    use super::*;

    #[test]
    fn hostile_texts_paint_nothing() {
        let mut told = Explanation {
            outcome: Outcome { text: "\u{1b}[2J".into(), ..Outcome::default() },
            entry_point: Some(Default::default()),
            hints: vec!["\r\u{9b}31m".into()],
            ..Explanation::default()
        };
        told.considered.push(Candidate {
            router: "a\u{7}".into(),
            failed: vec![Failed { part: "\u{1b}]0;x".into(), because: "\u{8}".into() }],
            ..Candidate::default()
        });
        let text = render(&told, Paint::default());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }

    #[test]
    fn what_may_be_pasted() {
        for (url, expected) in [
            ("https://a.test:8443/x?y=%20", true),
            ("/x", false),
            ("https://a.test/'; reboot; '", false),
            ("https://a.test/$(reboot)", false),
        ] {
            assert_eq!(is_plain(url), expected, "{url}");
        }
    }

    #[test]
    fn alternatives_are_told_together() {
        let failed = |part: &str| Failed { part: part.into(), because: "the host is c".into() };
        let told = Candidate {
            router: "r@file".into(),
            failed: vec![failed("Host(`a`)"), failed("Host(`b`)")],
            failed_more: 7,
            ..Candidate::default()
        };
        let expected =
            "r@file (priority 0): Host(`a`) and Host(`b`): the host is c; and 7 alternatives more";
        assert_eq!(candidate(&told), expected);
    }
}
