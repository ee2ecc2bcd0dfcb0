//! v1 backends: labels under `traefik.backend`, and the server's own -> a v3 service.

use super::headers::pairs;
use super::maker::Maker;
use super::segments::Part;
use crate::decode::text::quote;
use crate::finding::Severity;

/// Labels that only have another name: behind `traefik.`, behind the service's name.
const SAME: &[(&str, &str)] = &[
    ("port", "server.port"),
    ("protocol", "server.scheme"),
    ("weight", "server.weight"),
    ("backend.responseForwarding.flushInterval", "responseforwarding.flushinterval"),
];

const HEALTH: &[(&str, &str)] = &[
    ("backend.healthcheck.path", "path"),
    ("backend.healthcheck.port", "port"),
    ("backend.healthcheck.scheme", "scheme"),
    ("backend.healthcheck.interval", "interval"),
    ("backend.healthcheck.hostname", "hostname"),
];

const COOKIE: &[(&str, &str)] = &[
    ("backend.loadbalancer.stickiness.cookieName", "name"),
    ("backend.loadbalancer.stickiness.secure", "secure"),
    ("backend.loadbalancer.stickiness.httpOnly", "httponly"),
    ("backend.loadbalancer.stickiness.sameSite", "samesite"),
];

/// Not for containers in v1 either.
const ELSEWHERE: &[&str] = &["portName", "portIndex", "backend.id"];

/// What a service is made of, by the names of the labels.
pub(super) type Signature<'a> = Vec<(&'static str, &'a str)>;

/// Two segments may share a service where this is the same.
pub(super) fn signature<'a>(part: &Part<'_, 'a>) -> Signature<'a> {
    let tables = [SAME, HEALTH, COOKIE].into_iter().flatten().map(|(v1, _)| *v1);
    let others = [
        "backend.loadbalancer.stickiness",
        "backend.loadbalancer.sticky",
        "backend.healthcheck.headers",
        "frontend.passHostHeader",
    ];
    tables.chain(others).filter_map(|name| Some((name, part.get(name)?.value))).collect()
}

/// Makes the service's labels.
pub(super) fn translate<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, service: &str) {
    let balancer = format!("traefik.http.services.{service}.loadbalancer");
    maker.take(part, "backend");
    let before = maker.made();
    for (v1, v3) in SAME {
        if let Some(given) = maker.take(part, v1) {
            maker.make(format!("{balancer}.{v3}"), given.value, given);
        }
    }
    if let Some((pass, given)) = maker.take_truth(part, "frontend.passHostHeader") {
        maker.make(format!("{balancer}.passhostheader"), &pass.to_string(), given);
    }
    health_check(maker, part, &balancer);
    stickiness(maker, part, &balancer);
    if maker.made() == before {
        // A service is there when something is said of it; this is so anyway.
        let from = part.own.values().chain(part.shared.values()).next().copied();
        if let Some(from) = from {
            maker.make(format!("{balancer}.passhostheader"), "true", from);
        }
    }
    if let Some(given) = maker.take(part, "backend.loadbalancer.method") {
        match given.value.to_ascii_lowercase().as_str() {
            // All there is, in v1 the default as well.
            "wrr" | "" => {}
            "drr" => maker.no_counterpart(
                given,
                &format!("{balancer}.strategy=p2c or leasttime, which come nearest; wrr is used"),
            ),
            _ => {
                let message =
                    format!("unknown method {}: wrr is used, as in v1", quote(given.value));
                maker.find(Severity::Warning, Some(given), message, "wrr or drr");
            }
        }
    }
    for name in ELSEWHERE {
        if let Some(given) = maker.take(part, name) {
            maker.no_counterpart(given, "nothing: it was never for containers");
        }
    }
    if part.segment.is_empty() || part.own.is_empty() {
        if let Some(given) = maker.take(part, "tags") {
            let message = "tags are only for constraints, where any label can be used in v3";
            let expected = "a label of any name, and constraints=Label(`name`, `value`)";
            maker.find(Severity::Info, Some(given), message.into(), expected);
        }
    } else {
        maker.take(part, "tags");
    }
}

fn health_check<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, balancer: &str) {
    let checked = part.get("backend.healthcheck.path").is_some_and(|path| !path.value.is_empty());
    for (v1, v3) in HEALTH {
        let Some(given) = maker.take(part, v1) else { continue };
        if checked {
            maker.make(format!("{balancer}.healthcheck.{v3}"), given.value, given);
        } else {
            let message = "has no effect, as in v1: there is no health check without a path";
            let expected = "traefik.backend.healthcheck.path";
            maker.find(Severity::Warning, Some(given), message.into(), expected);
        }
    }
    if let Some(given) = maker.take(part, "backend.healthcheck.headers")
        && checked
    {
        for (name, value) in pairs(maker, given) {
            maker.make_named(&format!("{balancer}.healthcheck.headers"), &name, &value, given);
        }
    }
}

fn stickiness<'a>(maker: &mut Maker<'a>, part: &Part<'_, 'a>, balancer: &str) {
    let mut sticky = None;
    for name in ["backend.loadbalancer.stickiness", "backend.loadbalancer.sticky"] {
        if let Some((true, given)) = maker.take_truth(part, name) {
            sticky.get_or_insert(given);
        }
    }
    if let Some(given) = sticky {
        maker.make(format!("{balancer}.sticky.cookie"), "true", given);
    }
    for (v1, v3) in COOKIE {
        let Some(given) = maker.take(part, v1) else { continue };
        if sticky.is_some() {
            maker.make(format!("{balancer}.sticky.cookie.{v3}"), given.value, given);
        } else {
            let message = "has no effect, as in v1: stickiness is not switched on";
            let expected = "traefik.backend.loadbalancer.stickiness=true";
            maker.find(Severity::Warning, Some(given), message.into(), expected);
        }
    }
}
