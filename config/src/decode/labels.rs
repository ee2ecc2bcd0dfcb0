//! Labels of one container or Swarm service -> routing configuration and provider options.

use std::sync::Arc;

use super::Labels;
use super::de::parse_bool;
use super::objects::{Reader, Refused};
use super::place::Source;
use super::suggest::closest;
use super::text::{quote, shorten};
use super::tree::{Builder, Tree, split_key};
use crate::finding::{Finding, ObjectKind, Origin, Severity};

/// First levels that mean something.
const WORDS: &[&str] = &["enable", "docker", "swarm", "http", "tcp", "udp", "tls"];

/// First levels of v1 labels, and second levels of v1 segments (`traefik.web.port`).
const V1_WORDS: &[&str] =
    &["frontend", "backend", "port", "portindex", "portname", "weight", "protocol"];

/// Nothing that Traefik knows comes near; longer keys are not read.
const MOST_KEY: usize = 2048;

/// See [`super::decode_labels`].
pub(super) fn decode<'a>(
    provider: &str,
    service: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Labels {
    let mut labels: Vec<(&str, &str)> =
        labels.into_iter().filter(|(key, _)| is_traefik(key)).collect();
    // The byte-wise smallest spelling of a key names its node.
    labels.sort_unstable();
    let mut reader = LabelReader {
        provider: provider.into(),
        service: service.into(),
        builder: Builder::new(Source::Labels {
            provider: provider.into(),
            service: service.into(),
        }),
        out: Labels::default(),
        refusals: Vec::new(),
        findings: Vec::new(),
        swarm: Options::default(),
        docker: Options::default(),
        v1: None,
        hidden: false,
    };
    for (key, value) in labels {
        reader.label(key, value);
    }
    reader.finish()
}

fn is_traefik(key: &str) -> bool {
    key.split_once('.').is_some_and(|(root, _)| root.eq_ignore_ascii_case("traefik"))
}

/// What stands under `traefik.docker.` or `traefik.swarm.`.
#[derive(Default)]
struct Options {
    first: Option<Arc<str>>,
    network: Option<String>,
    lb_swarm: Option<bool>,
    allow_non_running: Option<bool>,
}

struct LabelReader {
    provider: Arc<str>,
    service: Arc<str>,
    builder: Builder,
    out: Labels,
    refusals: Vec<(ObjectKind, String, Finding)>,
    findings: Vec<Finding>,
    swarm: Options,
    docker: Options,
    /// The first v1 label and how many there are.
    v1: Option<(Arc<str>, usize)>,
    /// A misspelled `traefik.enable` said false.
    hidden: bool,
}

impl LabelReader {
    fn label(&mut self, key: &str, value: &str) {
        let Some((root, rest)) = key.split_once('.') else { return };
        if key.len() > MOST_KEY {
            return self.long(rest, key);
        }
        let top = rest.split(['.', '[']).next().unwrap_or_default();
        let lower = shorten(top, 64).to_ascii_lowercase();
        match lower.as_str() {
            "http" | "tls" => self.object_label(root, rest, key, value),
            _ if root != "traefik" => {
                self.hidden |= lower == "enable" && parse_bool(value) == Some(false);
                let message =
                    format!("{} is not read: the root of a label is lower-case", quote(key));
                self.say(Severity::Error, key, message, "traefik");
            }
            "enable" if rest.len() == top.len() => match parse_bool(value) {
                Some(enable) => self.out.enable = Some(enable),
                None => {
                    self.out.enable.get_or_insert(false);
                    let message = format!("{} is neither true nor false", quote(value));
                    self.say(Severity::Error, key, message, "true or false; taken as false");
                }
            },
            "docker" | "swarm" if rest.len() > top.len() => self.option(&lower, rest, key, value),
            "tcp" | "udp" => {
                if !self.out.has_tcp_or_udp {
                    self.out.has_tcp_or_udp = true;
                    let message = "TCP and UDP routing is known but not served yet: labels under \
                                   traefik.tcp and traefik.udp have no effect";
                    self.say(Severity::Warning, key, message.into(), "");
                }
            }
            _ => self.other(&lower, rest, key, value),
        }
    }

    /// A key that is too long spoils the object that it stands for.
    fn long(&mut self, rest: &str, key: &str) {
        let message = format!("the key has {} bytes: not read", key.len());
        let finding = Finding::new(Severity::Error, self.origin(key), message)
            .expected(format!("at most {MOST_KEY}"));
        match object_of(rest).filter(|(_, name)| name.len() <= MOST_KEY) {
            Some((kind, name)) => self.refusals.push((kind, name, finding)),
            None => self.findings.push(finding),
        }
    }

    fn say(&mut self, severity: Severity, key: &str, message: String, expected: &str) {
        let finding = Finding::new(severity, self.origin(key), message);
        let finding = if expected.is_empty() { finding } else { finding.expected(expected) };
        self.findings.push(finding);
    }

    fn origin(&self, key: &str) -> Origin {
        Origin::Label {
            provider: self.provider.clone(),
            service: self.service.clone(),
            label: shorten(key, 256).into(),
        }
    }

    fn object_label(&mut self, root: &str, rest: &str, key: &str, value: &str) {
        let names = split_key(rest);
        let wrong_root = root != "traefik";
        match names {
            Ok(names) if !wrong_root => {
                if let [tls, section, ..] = names.as_slice()
                    && tls.eq_ignore_ascii_case("tls")
                    && !section.eq_ignore_ascii_case("stores")
                {
                    let message = format!(
                        "{} cannot be given by labels, as in Traefik: ignored",
                        quote(&format!("tls.{}", shorten(section, 64)))
                    );
                    self.say(Severity::Warning, key, message, "a file");
                    return;
                }
                let key: Arc<str> = key.into();
                let id = self.builder.reach(&names, &key);
                self.builder.put(id, value, &key);
            }
            names => {
                let message = match &names {
                    Err(error) => error.message(),
                    Ok(_) => format!("{} is not \"traefik\": the root is lower-case", quote(root)),
                };
                let finding = Finding::new(Severity::Error, self.origin(key), message)
                    .expected("a key such as traefik.http.routers.<name>.rule");
                match object_of(rest) {
                    Some((kind, name)) => self.refusals.push((kind, name, finding)),
                    None => self.findings.push(finding),
                }
            }
        }
    }

    fn option(&mut self, prefix: &str, rest: &str, key: &str, value: &str) {
        let in_swarm = &*self.provider == "swarm" || prefix == "docker";
        if !in_swarm {
            if self.swarm.first.is_none() {
                let message = "labels under traefik.swarm are for Swarm services, not containers";
                self.say(Severity::Warning, key, message.into(), "traefik.docker");
            }
            self.swarm.first.get_or_insert(key.into());
            return;
        }
        let name = rest.split_once('.').map_or("", |(_, name)| name);
        let known: &[&str] = match prefix {
            "docker" => &["network", "lbswarm", "allownonrunning"],
            _ => &["network", "lbswarm"],
        };
        let flag = parse_bool(value);
        let options = if prefix == "docker" { &mut self.docker } else { &mut self.swarm };
        options.first.get_or_insert(key.into());
        match name.to_ascii_lowercase().as_str() {
            "network" => options.network = Some(value.to_owned()),
            "lbswarm" if flag.is_some() => options.lb_swarm = flag,
            "allownonrunning" if prefix == "docker" && flag.is_some() => {
                options.allow_non_running = flag;
            }
            "lbswarm" => {
                let message = format!("{} is neither true nor false", quote(value));
                self.say(Severity::Error, key, message, "true or false; ignored");
            }
            "allownonrunning" if prefix == "docker" => {
                let message = format!("{} is neither true nor false", quote(value));
                self.say(Severity::Error, key, message, "true or false; ignored");
            }
            _ => {
                let mut message = format!("unknown label: ignored, {}", quote(name));
                if let Some(closest) = closest(name, known) {
                    message.push_str(&format!("; the closest known is {closest:?}"));
                }
                self.say(Severity::Error, key, message, &format!("one of {}", known.join(", ")));
            }
        }
    }

    /// Labels that Traefik v3 passes over without a word, except those that begin with `enable`.
    fn other(&mut self, top: &str, rest: &str, key: &str, value: &str) {
        let second = rest.split('.').nth(1).unwrap_or_default().to_ascii_lowercase();
        if V1_WORDS.contains(&top) || V1_WORDS.contains(&second.as_str()) {
            let (_, count) = self.v1.get_or_insert_with(|| (key.into(), 0));
            *count = count.saturating_add(1);
        } else if top.starts_with("enable") {
            // Traefik skips the whole service then; so what says "hide me" must hide.
            self.hidden |= parse_bool(value) == Some(false);
            let message = format!(
                "unknown label {}: ignored; the closest known is \"traefik.enable\"",
                quote(key)
            );
            self.say(Severity::Error, key, message, "");
        } else if let Some(word) = closest(top, WORDS) {
            let message = format!(
                "unknown label {}: ignored; the closest known is \"traefik.{word}\"",
                quote(key)
            );
            self.say(Severity::Warning, key, message, "");
        }
        // Everything else may be meant for constraints: `traefik.constraint-label`.
    }

    fn finish(mut self) -> Labels {
        if let Some((key, count)) = self.v1.take() {
            let message = format!(
                "{count} labels of Traefik v1 (traefik.frontend, traefik.backend, traefik.port or \
                 segments) are ignored here: v1's names have a case of their own"
            );
            let expected = "labels under traefik.http.routers and traefik.http.services";
            self.say(Severity::Warning, &key, message, expected);
        }
        if self.hidden {
            self.out.enable.get_or_insert(false);
        }
        if &*self.provider == "swarm"
            && self.swarm.first.is_some()
            && let Some(key) = self.docker.first.clone()
        {
            let message = "labels under both traefik.docker and traefik.swarm: the latter win";
            self.say(Severity::Warning, &key, message.into(), "traefik.swarm only");
        }
        self.out.network = self.swarm.network.take().or_else(|| self.docker.network.take());
        self.out.lb_swarm = self.swarm.lb_swarm.or(self.docker.lb_swarm);
        self.out.allow_non_running = self.docker.allow_non_running;

        let mut tree = self.builder.build();
        let mut reader = Reader {
            tree: &mut tree,
            provider: &self.provider,
            refused: Refused::new(),
            findings: self.findings,
        };
        for (kind, name, finding) in self.refusals {
            reader.refuse(kind, &name, finding);
        }
        self.out.configuration = reader.read();
        self.out.refused = std::mem::take(&mut reader.refused);
        drop_what_files_only_have(&mut self.out, &self.provider, &tree);
        self.out
    }
}

/// Traefik decodes these from labels and then ignores them.
fn drop_what_files_only_have(labels: &mut Labels, provider: &str, tree: &Tree<'_>) {
    let configuration = &mut labels.configuration;
    configuration.servers_transports.clear();
    let mut findings = Vec::new();
    for (name, router) in &mut configuration.routers {
        if !router.value.parent_refs.is_empty() {
            Arc::make_mut(&mut router.value).parent_refs.clear();
            let message = "parentRefs cannot be given by labels, as in Traefik: ignored";
            let origin = tree.origin(tree.nearest(&["http", "routers", name, "parentRefs"]));
            let finding = Finding::new(Severity::Warning, origin, message);
            findings.push(finding.on(ObjectKind::Router, format!("{name}@{provider}")));
        }
    }
    let mut refused = Vec::new();
    for (name, service) in &mut configuration.services {
        let value = Arc::make_mut(&mut service.value);
        let composed = [
            value.weighted.take(),
            value.highest_random_weight.take(),
            value.mirroring.take(),
            value.failover.take(),
        ];
        if composed.iter().all(Option::is_none) {
            continue;
        }
        let alone = value.load_balancer.is_none();
        let severity = if alone { Severity::Error } else { Severity::Warning };
        let message = "services over services cannot be given by labels, as in Traefik: ignored";
        let finding = Finding::new(severity, service.origin.clone(), message).expected(
            "a file with weighted, highestRandomWeight, mirroring or failover, or \
             loadbalancer labels here",
        );
        findings.push(finding.on(ObjectKind::Service, format!("{name}@{provider}")));
        if alone {
            refused.push(name.clone());
        }
    }
    for name in refused {
        configuration.services.remove(&name);
        labels.refused.insert((ObjectKind::Service, name.to_lowercase()));
    }
    configuration.findings.extend(findings);
}

/// The object that a label which cannot be split was meant for.
fn object_of(rest: &str) -> Option<(ObjectKind, String)> {
    let mut levels = rest.split('.');
    let (group, section, name) = (levels.next()?, levels.next()?, levels.next()?);
    if !group.eq_ignore_ascii_case("http") || name.is_empty() {
        return None;
    }
    let kind = match section.to_ascii_lowercase().as_str() {
        "routers" => ObjectKind::Router,
        "services" => ObjectKind::Service,
        "middlewares" => ObjectKind::Middleware,
        _ => return None,
    };
    Some((kind, name.to_owned()))
}
