//! Collects what is made of one service's v1 labels: labels of v3, findings, refused routers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::auth::EXACT;
use super::segments::{Given, Group, Part, Sorted};
use super::{Context, Translated, backend, frontend};
use crate::breath::breathe;
use crate::decode::de::parse_bool;
use crate::decode::text::{quote, shorten};
use crate::finding::{Finding, ObjectKind, Origin, Severity};
use crate::name::normalize;
use crate::secret;

/// More than anybody writes. A segment takes some ten; inherited ones multiply.
const MOST_LABELS: usize = 20_000;
const MOST_BYTES: usize = 4 << 20;

/// More findings of one service than anybody would read; the rest is counted.
const MOST_FINDINGS: usize = 50;

/// So much of the new labels is shown.
const MOST_SHOWN: usize = 8 << 10;

pub(super) struct Maker<'a> {
    pub provider: &'a str,
    pub service: &'a str,
    pub context: &'a Context,
    out: Translated,
    /// Labels whose value is nobody's business.
    hidden: BTreeSet<String>,
    read: HashSet<&'a str>,
    routers: BTreeSet<String>,
    /// Lower-case names of services, the segments that made them, and what of.
    services: BTreeMap<String, (&'a str, backend::Signature<'a>)>,
    /// Routers that stand for another one, by its name: they go where it goes.
    variants: Vec<(String, String)>,
    /// One of them.
    first: String,
    bytes: usize,
    full: bool,
    more: usize,
}

impl<'a> Maker<'a> {
    pub fn new(provider: &'a str, service: &'a str, context: &'a Context) -> Self {
        Self {
            provider,
            service,
            context,
            out: Translated { used: true, ..Translated::default() },
            hidden: BTreeSet::new(),
            read: HashSet::new(),
            routers: BTreeSet::new(),
            services: BTreeMap::new(),
            variants: Vec::new(),
            first: String::new(),
            bytes: 0,
            full: false,
            more: 0,
        }
    }

    /// Translates everything.
    pub fn translate(
        &mut self,
        sorted: &Sorted<'a>,
        labels: &'a BTreeMap<String, String>,
        swarm: bool,
    ) {
        let base = base_name(self.service, labels, swarm);
        self.network(sorted, labels, swarm);
        let none = Group::new();
        let alone = Part { segment: "", own: &none, shared: &sorted.shared };
        let segments = sorted.segments.iter();
        let segments = segments.map(|(segment, own)| Part { segment, own, shared: &sorted.shared });
        let parts: Box<dyn Iterator<Item = Part<'_, 'a>>> = match sorted.segments.is_empty() {
            true => Box::new(std::iter::once(alone)),
            false => Box::new(segments),
        };
        let mut left_out = 0_usize;
        for part in parts {
            breathe();
            if self.full {
                left_out = left_out.saturating_add(1);
                continue;
            }
            let start = self.out.labels.len();
            let router = joined(&base, part.segment);
            if !self.routers.insert(router.to_lowercase()) {
                let message = format!(
                    "the segment {} is left out: another one has the same name in v3",
                    quote(part.segment)
                );
                self.find(Severity::Error, None, message, "names with other letters");
                continue;
            }
            let service = match part.get("backend") {
                Some(name) if part.segment.is_empty() => normalize(name.value),
                Some(name) if part.own.contains_key("backend") => joined(&base, name.value),
                _ => router.clone(),
            };
            let service = if service.is_empty() { base.clone() } else { service };
            let service = self.own_service(&part, service, &base);
            frontend::translate(self, &part, &router, &service, labels);
            backend::translate(self, &part, &service);
            if self.full {
                // Half a router may be one without its protection.
                self.out.labels.truncate(start);
                self.out.refused.insert(router.to_lowercase());
                left_out = left_out.saturating_add(1);
            }
        }
        if left_out > 0 {
            let message = format!(
                "the labels of Traefik v1 are too many: {left_out} segments or \
                                   frontends are left out"
            );
            self.find(Severity::Error, None, message, "fewer segments, or labels of v3");
        }
    }

    /// The segment's service: its own where another segment's of this name is not the same.
    fn own_service(&mut self, part: &Part<'_, 'a>, wanted: String, base: &str) -> String {
        let signature = backend::signature(part);
        let apart = joined(&joined(base, part.segment), &wanted);
        let mut name = wanted.clone();
        let mut number = 1_usize;
        while let Some((_, held)) = self.services.get(&name.to_lowercase())
            && *held != signature
        {
            name = if number == 1 { apart.clone() } else { format!("{apart}-{number}") };
            number = number.saturating_add(1);
        }
        if name != wanted {
            let other = self.services.get(&wanted.to_lowercase()).map_or("", |(other, _)| other);
            let message = format!(
                "the segments {} and {} share a backend and say different things of it: each has \
                 its own here, where v1 served both from all of its servers",
                quote(other),
                quote(part.segment)
            );
            let about = part.get("backend");
            self.find(Severity::Warning, about, message, "one port, protocol and so on for both");
        }
        self.services.insert(name.to_lowercase(), (part.segment, signature));
        name
    }

    /// What holds for the whole service.
    fn network(&mut self, sorted: &Sorted<'a>, labels: &'a BTreeMap<String, String>, swarm: bool) {
        let network = labels.get_key_value("traefik.docker.network").filter(|_| swarm);
        if let Some((key, value)) = network
            && !labels.contains_key("traefik.swarm.network")
        {
            self.make("traefik.swarm.network".into(), value, Given { key, value });
        }
        let Some(given) = sorted.shared.get("backend.loadbalancer.swarm").copied() else { return };
        self.read.insert(given.key);
        match (swarm, self.truth(given)) {
            (true, Some(on)) => {
                self.make("traefik.swarm.lbswarm".into(), &on.to_string(), given);
            }
            (false, Some(true)) => {
                let message = "has no effect: the container belongs to no Swarm service";
                self.find(Severity::Warning, Some(given), message.into(), "");
            }
            _ => {}
        }
    }

    /// Labels of v3 stand beside those of v1.
    pub fn beside_v3(&mut self, sorted: &Sorted<'a>) {
        let count = sorted.all().count();
        self.read.extend(sorted.all().map(|given| given.key));
        self.out.used = false;
        let message = format!(
            "{count} {} of Traefik v1 stand beside routers or services of v3: the latter win, \
             those of v1 are ignored",
            if count == 1 { "label" } else { "labels" }
        );
        let first = sorted.all().next();
        self.find(Severity::Warning, first, message, "labels of v3 only");
    }

    /// Reads a label of this part.
    pub fn take(&mut self, part: &Part<'_, 'a>, name: &str) -> Option<Given<'a>> {
        let given = part.get(name)?;
        self.read.insert(given.key);
        Some(given)
    }

    /// Reads what stands behind a prefix.
    pub fn take_under(
        &mut self,
        part: &Part<'_, 'a>,
        prefix: &str,
    ) -> BTreeMap<&'a str, Given<'a>> {
        let found = part.under(prefix);
        self.read.extend(found.values().map(|given| given.key));
        found
    }

    /// Reads a label that is true or false; anything else has a finding and counts as false, as in
    /// v1.
    pub fn take_truth(&mut self, part: &Part<'_, 'a>, name: &str) -> Option<(bool, Given<'a>)> {
        let given = self.take(part, name)?;
        Some((self.truth(given).unwrap_or_default(), given))
    }

    pub fn truth(&mut self, given: Given<'a>) -> Option<bool> {
        let truth = parse_bool(given.value);
        if truth.is_none() {
            let message = format!("{} is neither true nor false", quote(given.value));
            self.find(Severity::Warning, Some(given), message, "true or false; taken as false");
        }
        truth
    }

    /// How many labels were made so far.
    pub fn made(&self) -> usize {
        self.out.labels.len()
    }

    /// Adds a label of v3.
    pub fn make(&mut self, key: String, value: &str, from: Given<'_>) {
        self.bytes = self.bytes.saturating_add(key.len()).saturating_add(value.len());
        if self.out.labels.len() >= MOST_LABELS || self.bytes > MOST_BYTES {
            self.full = true;
            return;
        }
        self.out.from.insert(key.clone(), from.key.to_owned());
        self.out.labels.push((key, value.to_owned()));
    }

    /// As [`Maker::make`], for passwords and keys.
    pub fn make_hidden(&mut self, key: String, value: &str, from: Given<'_>) {
        self.hidden.insert(key.clone());
        self.make(key, value, from);
    }

    /// Adds `<prefix>.<name>=<value>`; a name that no label can carry has a finding.
    pub fn make_named(&mut self, prefix: &str, name: &str, value: &str, from: Given<'a>) {
        let odd = |byte: u8| !byte.is_ascii_graphic() || b".[]\"(),/:;<=>?@\\{}".contains(&byte);
        if name.is_empty() || name.bytes().any(odd) {
            let (message, expected) = match name.contains('.') {
                true => (
                    format!("{} cannot be a level of a label: left out", quote(name)),
                    "a name without dots, or a file with http.middlewares, which takes any",
                ),
                false => {
                    (format!("{} is no header's name: left out", quote(name)), "Name:value||...")
                }
            };
            return self.find(Severity::Warning, Some(from), message, expected);
        }
        let key = format!("{prefix}.{name}");
        if secret::header(name, value) != value {
            self.make_hidden(key, value, from);
        } else {
            self.make(key, value, from);
        }
    }

    /// Adds a finding; `None` means the whole service.
    pub fn find(
        &mut self,
        severity: Severity,
        about: Option<Given<'_>>,
        message: String,
        expected: &str,
    ) {
        if self.out.findings.len() >= MOST_FINDINGS {
            self.more = self.more.saturating_add(1);
            return;
        }
        let finding = Finding::new(severity, self.origin(about), message);
        let finding = if expected.is_empty() { finding } else { finding.expected(expected) };
        self.out.findings.push(finding);
    }

    /// Says that a label has no counterpart; `instead` tells what to do.
    pub fn no_counterpart(&mut self, given: Given<'_>, instead: &str) {
        let message = format!("{} has no counterpart: ignored", quote(given.key));
        self.find(Severity::Warning, Some(given), message, instead);
    }

    /// Says that a frontend has one more router: it is not served if the first one is not.
    pub fn variant(&mut self, router: &str, other: &str) {
        self.variants.push((router.to_lowercase(), other.to_lowercase()));
    }

    /// Takes a router out: what would protect it was not understood, or its rule was not.
    pub fn refuse(
        &mut self,
        router: &str,
        about: Option<Given<'_>>,
        message: &str,
        expected: &str,
    ) {
        self.out.refused.insert(router.to_lowercase());
        let finding = Finding::new(
            Severity::Error,
            self.origin(about),
            format!("{message}: the router is not served"),
        );
        let finding = if expected.is_empty() { finding } else { finding.expected(expected) };
        let name = format!("{}@{}", shorten(router, 200), self.provider);
        // Not so soon one of those that are only counted.
        if self.out.findings.len() < MOST_FINDINGS.saturating_mul(2) {
            self.out.findings.push(finding.on(ObjectKind::Router, name));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn origin(&self, about: Option<Given<'_>>) -> Origin {
        Origin::Label {
            provider: self.provider.into(),
            service: self.service.into(),
            label: about.map(|given| shorten(given.key, 256)).unwrap_or_default().into(),
        }
    }

    /// Everything, with the finding that shows the labels of v3 in front.
    pub fn finish(mut self, sorted: &Sorted<'a>) -> Translated {
        let mut unread: Vec<Given<'a>> =
            sorted.all().filter(|given| !self.read.contains(given.key)).collect();
        unread.sort_unstable_by_key(|given| given.key);
        unread.dedup();
        for given in unread {
            breathe();
            self.unknown(given);
        }
        if self.more > 0 {
            let message = format!("{} more findings about labels of Traefik v1", self.more);
            let finding = Finding::new(Severity::Warning, self.origin(None), message);
            self.out.findings.push(finding);
        }
        if self.out.used {
            for (router, other) in std::mem::take(&mut self.variants) {
                if self.out.refused.contains(&router) {
                    self.out.refused.insert(other);
                }
            }
            let labels = counted(sorted.all().count());
            let message = match self.out.refused.is_empty() {
                true => format!("{labels} translated: they work here as they did there"),
                false => format!("{labels} translated, but not all of it is served"),
            };
            let finding = Finding::new(Severity::Warning, self.origin(None), message);
            let finding = match self.out.labels.is_empty() {
                true => finding,
                false => finding.expected(format!("in v3: {}", self.shown())),
            };
            self.out.findings.insert(0, finding);
        }
        self.out
    }

    /// A label that v1 does not know either.
    fn unknown(&mut self, given: Given<'a>) {
        let name = given.key;
        let message = format!("unknown label {}: ignored, as in v1", quote(name));
        let lower = shorten(name, 256).to_ascii_lowercase();
        let protects = ["auth", "whitelist"].iter().any(|word| lower.contains(word));
        if !protects {
            let expected = "a label of v1 in its exact spelling, such as traefik.frontend.rule";
            return self.find(Severity::Warning, Some(given), message, expected);
        }
        // Nobody knows which router is meant.
        let routers = std::mem::take(&mut self.routers);
        if let Some(first) = routers.first() {
            self.first.clone_from(first);
        }
        self.out.refused.extend(routers);
        let message = format!("unknown label {}, which seems to protect", quote(name));
        let router = self.first.clone();
        let expected = match lower.contains("ipstrategy") {
            true => {
                "a middleware of v3 with ipallowlist.ipstrategy.depth or \
                 ipallowlist.ipstrategy.excludedips"
            }
            false => EXACT,
        };
        self.refuse(&router, Some(given), &message, expected);
    }

    /// What says where requests go comes first: a long text is cut somewhere.
    fn shown(&self) -> String {
        let kind = |key: &str| match key.strip_prefix("traefik.http.") {
            Some(rest) if rest.starts_with("routers.") => 0,
            Some(rest) if rest.starts_with("services.") => 1,
            Some(_) => 3,
            None => 2,
        };
        let mut labels: Vec<&(String, String)> = self.out.labels.iter().collect();
        labels.sort_by_key(|(key, _)| kind(key));
        let mut text = String::new();
        for (at, (key, value)) in labels.into_iter().enumerate() {
            if text.len() >= MOST_SHOWN {
                let more = self.out.labels.len().saturating_sub(at);
                text.push_str(&format!(", and {more} more"));
                break;
            }
            if at > 0 {
                text.push_str(", ");
            }
            let value = match self.hidden.contains(key) {
                true => "xxxx (as it is)".into(),
                false => shorten(value, 1000),
            };
            text.push_str(&format!("{}={value}", shorten(key, 300)));
        }
        text
    }
}

/// `1 label of Traefik v1 is`.
fn counted(count: usize) -> String {
    match count {
        1 => "1 label of Traefik v1 is".into(),
        count => format!("{count} labels of Traefik v1 are"),
    }
}

/// How a container or service is called in v3 where nothing names it.
fn base_name(service: &str, labels: &BTreeMap<String, String>, swarm: bool) -> String {
    let compose = |key: &str| labels.get(key).filter(|value| !value.is_empty() && !swarm);
    let name = match (compose(COMPOSE_PROJECT), compose(COMPOSE_SERVICE)) {
        (Some(project), Some(service)) => normalize(&format!("{service}_{project}")),
        _ => normalize(service),
    };
    if name.is_empty() { "v1".into() } else { name }
}

/// Labels of compose.
pub(super) const COMPOSE_PROJECT: &str = "com.docker.compose.project";
pub(super) const COMPOSE_SERVICE: &str = "com.docker.compose.service";

/// `<base>-<part>`, fit for a level of a label.
pub(super) fn joined(base: &str, part: &str) -> String {
    match normalize(part) {
        part if part.is_empty() => base.to_owned(),
        part => format!("{base}-{part}"),
    }
}
