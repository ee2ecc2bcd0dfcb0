//! What was counted -> the page that Prometheus reads, in Traefik's names, labels and order.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ServerUp;
use super::key::Key;
use super::process::Figure;
use super::registry::{Gathered, Wanted};
use super::series::Tally;
use super::text::{Page, labels, number};
use crate::tls::CertificateInfo;

/// Everything that a page tells.
pub(super) struct Facts<'a> {
    pub gathered: &'a Gathered,
    pub wanted: Wanted,
    /// Names of the entry points.
    pub entry_points: &'a [String],
    /// Open connections of each.
    pub open: &'a [u64],
    /// Upper bounds of the histograms, seconds.
    pub bounds: &'a [f64],
    /// Names of the header labels.
    pub header_labels: &'a [&'a str],
    /// Their values by number.
    pub header_values: &'a [Arc<[String]>],
    pub reloads: u64,
    /// Seconds since 1970.
    pub last_reload: Option<u64>,
    pub certificates: &'a [CertificateInfo],
    pub servers: &'a [ServerUp],
    /// Whether each is up.
    pub providers: &'a BTreeMap<String, bool>,
    pub process: &'a [Figure],
}

/// The families of one level, as Traefik explains them.
struct Level {
    duration: [&'static str; 2],
    received: [&'static str; 2],
    tls: [&'static str; 2],
    requests: [&'static str; 2],
    sent: [&'static str; 2],
}

const ENTRY_POINT: Level = Level {
    duration: [
        "traefik_entrypoint_request_duration_seconds",
        "How long it took to process the request on an entrypoint, partitioned by status code, \
         protocol, and method.",
    ],
    received: [
        "traefik_entrypoint_requests_bytes_total",
        "The total size of requests in bytes handled by an entrypoint, partitioned by status code, \
         protocol, and method.",
    ],
    tls: [
        "traefik_entrypoint_requests_tls_total",
        "How many HTTP requests with TLS processed on an entrypoint, partitioned by TLS Version \
         and TLS cipher Used.",
    ],
    requests: [
        "traefik_entrypoint_requests_total",
        "How many HTTP requests processed on an entrypoint, partitioned by status code, protocol, \
         and method.",
    ],
    sent: [
        "traefik_entrypoint_responses_bytes_total",
        "The total size of responses in bytes handled by an entrypoint, partitioned by status \
         code, protocol, and method.",
    ],
};

const ROUTER: Level = Level {
    duration: [
        "traefik_router_request_duration_seconds",
        "How long it took to process the request on a router, partitioned by service, status code, \
         protocol, and method.",
    ],
    received: [
        "traefik_router_requests_bytes_total",
        "The total size of requests in bytes handled by a router, partitioned by service, status \
         code, protocol, and method.",
    ],
    tls: [
        "traefik_router_requests_tls_total",
        "How many HTTP requests with TLS are processed on a router, partitioned by service, TLS \
         Version, and TLS cipher Used.",
    ],
    requests: [
        "traefik_router_requests_total",
        "How many HTTP requests are processed on a router, partitioned by service, status code, \
         protocol, and method.",
    ],
    sent: [
        "traefik_router_responses_bytes_total",
        "The total size of responses in bytes handled by a router, partitioned by service, status \
         code, protocol, and method.",
    ],
};

const SERVICE: Level = Level {
    duration: [
        "traefik_service_request_duration_seconds",
        "How long it took to process the request on a service, partitioned by status code, \
         protocol, and method.",
    ],
    received: [
        "traefik_service_requests_bytes_total",
        "The total size of requests in bytes received by a service, partitioned by status code, \
         protocol, and method.",
    ],
    tls: [
        "traefik_service_requests_tls_total",
        "How many HTTP requests with TLS processed on a service, partitioned by TLS version and \
         TLS cipher.",
    ],
    requests: [
        "traefik_service_requests_total",
        "How many HTTP requests processed on a service, partitioned by status code, protocol, and \
         method.",
    ],
    sent: [
        "traefik_service_responses_bytes_total",
        "The total size of responses in bytes returned by a service, partitioned by status code, \
         protocol, and method.",
    ],
};

/// Writes the page. Families come in the order of their names, their samples in that of their
/// labels' values; a family without a sample is left out.
pub(super) fn print(facts: &Facts<'_>) -> String {
    let mut page = Page::default();
    let gathered = facts.gathered;
    for Figure { name, help, kind, value } in facts.process {
        page.family(name, help, kind);
        page.sample(name, "", "", *value);
    }
    providers_up(&mut page, facts.providers);
    if let Some(seconds) = facts.last_reload {
        let name = "traefik_config_last_reload_success";
        page.family(name, "Last config reload success", "gauge");
        page.sample(name, "", "", seconds as f64);
    }
    page.family("traefik_config_reloads_total", "Config reloads", "counter");
    page.sample("traefik_config_reloads_total", "", "", facts.reloads as f64);
    if facts.wanted.entry_points {
        let tallies = facts.entry_points.iter().zip(&gathered.entry_points);
        let owners = tallies.map(|(name, tally)| (vec![("entrypoint", name.as_str())], tally));
        level(&mut page, facts, &ENTRY_POINT, owners.collect());
    }
    open_connections(&mut page, facts);
    if facts.wanted.routers {
        let owners = gathered.routers.iter().map(|((router, service), tally)| {
            (vec![("router", &**router), ("service", &**service)], tally)
        });
        level(&mut page, facts, &ROUTER, owners.collect());
    }
    if facts.wanted.services {
        let owners = gathered.services.iter();
        let owners = owners.map(|(service, tally)| (vec![("service", &**service)], tally));
        level(&mut page, facts, &SERVICE, owners.collect());
        retries(&mut page, gathered);
    }
    servers_up(&mut page, facts.servers);
    certificates(&mut page, facts.certificates);
    page.finish()
}

/// Whose figures they are, as labels.
type Owner<'a> = Vec<(&'static str, &'a str)>;

/// Sorted by name, as their values sort the samples.
type Pairs<'a> = Vec<(&'a str, &'a str)>;

fn sorted<T>(mut rows: Vec<(Pairs<'_>, T)>) -> Vec<(String, T)> {
    for (pairs, _) in &mut rows {
        pairs.sort_unstable_by_key(|(name, _)| *name);
    }
    rows.sort_by(|(a, _), (b, _)| {
        a.iter().map(|(_, value)| value).cmp(b.iter().map(|(_, value)| value))
    });
    rows.into_iter().map(|(pairs, value)| (labels(pairs), value)).collect()
}

/// An owner's labels and those of a key; `codes` are the numbers as texts.
fn with_key<'a>(owner: &Owner<'a>, key: Key, codes: &'a [String]) -> Pairs<'a> {
    let code = codes.get(usize::from(key.code())).map_or("", String::as_str);
    let mut pairs: Pairs<'a> =
        vec![("code", code), ("method", key.method()), ("protocol", key.protocol())];
    pairs.extend(owner.iter().copied());
    pairs
}

fn level(page: &mut Page, facts: &Facts<'_>, level: &Level, owners: Vec<(Owner<'_>, &Tally)>) {
    let codes: Vec<String> = (0..1_000).map(|code: u16| code.to_string()).collect();
    let (mut rows, mut tls, mut labelled) = (Vec::new(), Vec::new(), Vec::new());
    for (owner, tally) in &owners {
        let keyed = tally.requests.iter();
        rows.extend(keyed.map(|(key, totals)| (with_key(owner, *key, &codes), totals)));
        tls.extend(tally.tls.iter().map(|((version, cipher), count)| {
            let mut pairs: Pairs<'_> = owner.clone();
            pairs.extend([("tls_version", *version), ("tls_cipher", *cipher)]);
            (pairs, *count)
        }));
        labelled.extend(tally.labelled.iter().map(|((key, set), count)| {
            let mut pairs = with_key(owner, *key, &codes);
            let values = facts.header_values.get(*set as usize).map_or(&[][..], |values| values);
            let values = values.iter().map(String::as_str);
            pairs.extend(facts.header_labels.iter().copied().zip(values));
            (pairs, *count)
        }));
    }
    if rows.is_empty() {
        return;
    }
    let (rows, tls, labelled) = (sorted(rows), sorted(tls), sorted(labelled));

    let bounds: Vec<String> = facts.bounds.iter().map(|bound| text_of(*bound)).collect();
    let [name, help] = level.duration;
    page.family(name, help, "histogram");
    for (labels, totals) in &rows {
        let bounds = bounds.iter().map(String::as_str).chain(["+Inf"]);
        for (bound, count) in bounds.zip(totals.cumulative()) {
            page.bucket(name, labels, bound, count);
        }
        page.sample(name, "_sum", labels, totals.seconds());
        page.sample(name, "_count", labels, totals.requests() as f64);
    }
    counters(page, level.received, rows.iter().map(|(l, totals)| (l.as_str(), totals.received())));
    counters(page, level.tls, tls.iter().map(|(l, count)| (l.as_str(), *count)));
    if facts.header_labels.is_empty() {
        let requests = rows.iter().map(|(l, totals)| (l.as_str(), totals.requests()));
        counters(page, level.requests, requests);
    } else {
        counters(page, level.requests, labelled.iter().map(|(l, count)| (l.as_str(), *count)));
    }
    counters(page, level.sent, rows.iter().map(|(l, totals)| (l.as_str(), totals.sent())));
}

fn counters<'a>(
    page: &mut Page,
    [name, help]: [&str; 2],
    samples: impl IntoIterator<Item = (&'a str, u64)>,
) {
    let mut samples = samples.into_iter().peekable();
    if samples.peek().is_some() {
        page.family(name, help, "counter");
    }
    for (labels, value) in samples {
        page.sample(name, "", labels, value as f64);
    }
}

fn open_connections(page: &mut Page, facts: &Facts<'_>) {
    let name = "traefik_open_connections";
    let help = "How many open connections exist, by entryPoint and protocol";
    let rows = facts.entry_points.iter().zip(facts.open).map(|(entry_point, open)| {
        (vec![("entrypoint", entry_point.as_str()), ("protocol", "TCP")], *open)
    });
    let rows = sorted(rows.collect());
    if !rows.is_empty() {
        page.family(name, help, "gauge");
    }
    for (labels, open) in rows {
        page.sample(name, "", &labels, open as f64);
    }
}

fn retries(page: &mut Page, gathered: &Gathered) {
    let name = "traefik_service_retries_total";
    let retried = gathered.services.iter().filter(|(_, tally)| tally.retries > 0);
    let rows: Vec<(String, u64)> = retried
        .map(|(service, tally)| (labels([("service", &**service)]), tally.retries))
        .collect();
    let help = "How many request retries happened on a service.";
    counters(page, [name, help], rows.iter().map(|(labels, count)| (labels.as_str(), *count)));
}

fn servers_up(page: &mut Page, servers: &[ServerUp]) {
    let name = "traefik_service_server_up";
    let rows = servers.iter().map(|server| {
        (vec![("service", server.service.as_str()), ("url", server.url.as_str())], server.up)
    });
    let mut rows = sorted(rows.collect());
    // A server may be named twice; a sample is there once.
    rows.dedup_by(|(a, _), (b, _)| a == b);
    if !rows.is_empty() {
        let help = "service server is up, described by gauge value of 0 or 1.";
        page.family(name, help, "gauge");
    }
    for (labels, up) in rows {
        page.sample(name, "", &labels, if up { 1.0 } else { 0.0 });
    }
}

/// Ours: Traefik does not tell.
fn providers_up(page: &mut Page, providers: &BTreeMap<String, bool>) {
    let name = "swarmgate_provider_up";
    if !providers.is_empty() {
        let help = "Whether what is served of a provider is whole and up to date (1), or it has \
                    not spoken yet, is out of reach, or what it says cannot be used (0).";
        page.family(name, help, "gauge");
    }
    for (provider, up) in providers {
        let labels = labels([("provider", provider.as_str())]);
        page.sample(name, "", &labels, if *up { 1.0 } else { 0.0 });
    }
}

fn certificates(page: &mut Page, certificates: &[CertificateInfo]) {
    let name = "traefik_tls_certs_not_after";
    let sans: Vec<String> = certificates.iter().map(|info| info.sans.join(",")).collect();
    let rows = certificates.iter().zip(&sans).map(|(info, sans)| {
        let pairs = vec![
            ("cn", info.common_name.as_str()),
            ("sans", sans.as_str()),
            ("serial", info.serial_number.as_str()),
        ];
        (pairs, info.expires)
    });
    let mut rows = sorted(rows.collect());
    // Two certificates may have the same name and number; a sample is there once.
    rows.dedup_by(|(a, _), (b, _)| a == b);
    if !rows.is_empty() {
        page.family(name, "Certificate expiration timestamp", "gauge");
    }
    for (labels, expires) in rows {
        page.sample(name, "", &labels, expires as f64);
    }
}

fn text_of(value: f64) -> String {
    let mut text = String::new();
    number(&mut text, value);
    text
}
