//! The real path's findings -> notes with file, line and column.

use swarmgate_config::finding::{Finding, ObjectKind, Origin};

use super::note::Note;
use super::source::{Sources, Spot};
use super::stack::{Engine, Label};
use super::world::{World, has_labels};

/// Finds a finding's place and kind.
pub fn note(world: &World, finding: Finding, sources: &Sources) -> Note {
    let (at, needle, skip) = locate(world, &finding, sources);
    let id = id(&finding);
    let mut note = Note::new(finding.severity, id, at, finding.message.clone());
    note.needle = needle;
    note.skip = skip;
    note.expected = finding.expected;
    note.object = finding.object;
    if let (Origin::Label { service, .. }, "missing-port") = (&finding.origin, id)
        && let Some((stack, service)) = world.service(service)
        && !has_labels(service.read_labels(stack.engine))
    {
        let provider = match stack.engine {
            Engine::Swarm => "swarm",
            Engine::Compose => "docker",
        };
        note.expected = Some(format!(
            "traefik.enable=false, if it is not meant to be served, or \
             --providers.{provider}.exposedByDefault=false"
        ));
    }
    if at.is_none() {
        note.place = Some(finding.origin.to_string());
    }
    note
}

/// Where an origin stands, what to underline there, and how much of the line to pass over first.
fn locate(world: &World, finding: &Finding, sources: &Sources) -> Place {
    match &finding.origin {
        Origin::Label { service, label, .. } => of_label(world, finding, service, label),
        Origin::File { file, line, column } => (sources.place(file, *line, *column), None, 0),
        Origin::Flag { flag } => {
            let word = world.proxy().and_then(|(_, service)| {
                service.command.iter().find(|(word, _)| {
                    // A value of v1 has words of its own.
                    let rest = word.strip_prefix(&**flag);
                    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['=', ' ']))
                })
            });
            let needle = match word {
                Some((word, _)) if word.contains(' ') => flag.split('=').next().unwrap_or(flag),
                _ => flag,
            };
            (word.map(|(_, at)| *at).or_else(|| proxy_at(world)), Some(needle.to_owned()), 0)
        }
        Origin::Env { variable } => {
            let found = world.proxy().and_then(|(_, service)| {
                service.environment.iter().find(|label| label.key == **variable)
            });
            (found.map(|label| label.at).or_else(|| proxy_at(world)), Some(variable.to_string()), 0)
        }
        Origin::Provider { provider } => {
            let option = format!("--providers.{provider}.");
            let word = world.proxy().and_then(|(_, service)| {
                service.command.iter().find(|(word, _)| {
                    let word = word.to_ascii_lowercase();
                    word.starts_with(&option)
                        && option_of(&finding.message).is_some_and(|name| word.contains(name))
                })
            });
            match word {
                Some((word, at)) => (Some(*at), word.split('=').next().map(str::to_owned), 0),
                None => (proxy_at(world), None, 0),
            }
        }
        Origin::Internal => (None, None, 0),
    }
}

/// Place, what to underline, and how much of the line to pass over first.
type Place = (Option<Spot>, Option<String>, usize);

fn at_value(label: &Label, needle: String) -> Place {
    (Some(label.at), Some(needle), label.key.chars().count())
}

/// Where a finding about a label, or about the object that it belongs to, stands.
fn of_label(world: &World, finding: &Finding, service: &str, key: &str) -> Place {
    let Some((stack, service)) = world.service(service) else { return (None, None, 0) };
    let labels = service.read_labels(stack.engine);
    let short = key.strip_suffix("...").unwrap_or(key);
    let cut = key.ends_with("...");
    let found = service
        .label(stack.engine, key)
        .or_else(|| labels.iter().find(|known| cut && known.key.starts_with(short)))
        .filter(|_| !key.is_empty());
    let Some(found) = found else {
        return of_network(finding, labels)
            .unwrap_or_else(|| (Some(service.at), Some(service.key.clone()), 0));
    };
    // What the message quotes may stand in the value, or in another label of the same object.
    let object = object_prefix(&found.key);
    let of_object = || labels.iter().filter(|l| object.is_some_and(|o| starts_with(&l.key, o)));
    if is_about_value(finding) {
        for word in quoted(&finding.message) {
            let names = |label: &&Label| label.value.split(',').any(|part| part.trim() == word);
            if let Some(label) = of_object().find(names) {
                return at_value(label, word.to_owned());
            }
        }
    }
    if finding.message.contains("parsing rule") {
        let key = format!("{}rule", object.unwrap_or_default());
        let rule = service.label(stack.engine, &key).unwrap_or(found);
        return at_value(rule, rule.value.clone());
    }
    let meant = meant(finding, found, object.unwrap_or_default(), &of_object().collect::<Vec<_>>());
    (Some(meant.at), Some(meant.key.clone()), 0)
}

/// A service's network stands in one of its labels.
fn of_network(finding: &Finding, labels: &[Label]) -> Option<Place> {
    let words: Vec<&str> = finding.message.split('"').skip(1).step_by(2).collect();
    let named = |label: &&Label| {
        label.key.to_ascii_lowercase().ends_with(".network") && words.contains(&&*label.value)
    };
    labels.iter().find(named).map(|label| at_value(label, label.value.clone()))
}

/// An object is named by the first of its labels in the order of their keys: the one that the
/// message is about, else the first in the file.
fn meant<'a>(finding: &Finding, found: &'a Label, object: &str, all: &[&'a Label]) -> &'a Label {
    let message = finding.message.to_ascii_lowercase();
    let key = found.key.to_ascii_lowercase();
    let last = key.rsplit('.').next().unwrap_or_default();
    let last = last.split('[').next().unwrap_or_default();
    let is_first = all.iter().all(|label| label.key.to_ascii_lowercase() >= key);
    let named = |word: &str| {
        message.split(|letter: char| !letter.is_alphanumeric()).any(|known| known == word)
    };
    let exact = named(last) || (!found.value.is_empty() && finding.message.contains(&found.value));
    if !is_first || object.is_empty() || exact {
        return found;
    }
    let rest =
        |label: &Label| label.key.get(object.len()..).unwrap_or_default().to_ascii_lowercase();
    let begins = |word: &str| all.iter().find(|label| rest(label).starts_with(word)).copied();
    let words = message.split([' ', '"', ':', ',']).filter(|word| word.contains('.'));
    let dotted = words.filter(|word| word.len() > 3).find_map(begins);
    let by_words = || {
        [("is not enabled", "service"), ("has no tls", "entrypoints"), ("has no tls", "rule")]
            .into_iter()
            .filter(|(words, _)| message.contains(words))
            .find_map(|(_, option)| begins(option))
    };
    dotted.or_else(by_words).or_else(|| all.first().copied()).unwrap_or(found)
}

/// The provider's option that a message is about.
fn option_of(message: &str) -> Option<&'static str> {
    ["constraints", "defaultrule", "endpoint"]
        .into_iter()
        .find(|option| message.to_ascii_lowercase().replace(' ', "").contains(option))
}

fn proxy_at(world: &World) -> Option<Spot> {
    world.proxy().map(|(_, service)| service.at)
}

/// `traefik.http.routers.web.` of a label of that router.
fn object_prefix(key: &str) -> Option<&str> {
    let mut dots = key.char_indices().filter(|(_, letter)| *letter == '.').map(|(at, _)| at);
    let end = dots.nth(3)?;
    key.get(..=end)
}

fn starts_with(key: &str, prefix: &str) -> bool {
    key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Whether a message quotes what a value says.
fn is_about_value(finding: &Finding) -> bool {
    let message = &finding.message;
    ["entryPoint", "does not exist", "nonexistent", "resolver", "TLS options"]
        .iter()
        .any(|word| message.contains(word))
}

/// The words in quotes, without `@provider`.
fn quoted(message: &str) -> Vec<&str> {
    let words: Vec<&str> = message.split('"').skip(1).step_by(2).collect();
    let mut all = Vec::new();
    // Not quoted there.
    if message.contains("TLS options") {
        all.extend(message.rsplit(": ").next());
    }
    for word in words {
        all.push(word);
        if let Some((bare, _)) = word.rsplit_once('@') {
            all.push(bare);
        }
    }
    all
}

/// A message without what it quotes: names of outsiders say nothing about its kind.
fn unquoted(message: &str) -> String {
    // A rule stands in the message as it was written.
    let (before, rule) = match message.split_once("parsing rule ") {
        Some((before, _)) => (before, "parsing rule"),
        None => (message, ""),
    };
    // `\"` is within a quoted text.
    let before = before.replace("\\\"", "");
    let mut plain = before.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    plain.push_str(rule);
    plain
}

/// The kind of a finding, for filters and for CI.
pub fn id(finding: &Finding) -> &'static str {
    let message = &unquoted(&finding.message);
    if message.contains("does not exist") && !message.contains("invalid middleware type") {
        return match message.starts_with("middleware") {
            true => "unknown-middleware",
            false => "unknown-service",
        };
    }
    let table: &[(&str, &'static str)] = &[
        ("port is missing", "missing-port"),
        ("is not a number from 1 to 65535", "bad-port"),
        ("not served yet", "not-served"),
        ("is not served", "not-served"),
        ("entryPoint \"", "unknown-entry-point"),
        ("no valid entryPoint", "unknown-entry-point"),
        ("nonexistent certificate resolver", "unknown-resolver"),
        ("no certificate is ordered", "no-certificate"),
        ("while parsing rule", "bad-rule"),
        ("unknown key", "unknown-key"),
        ("unknown label", "unknown-key"),
        ("defined multiple times", "defined-twice"),
        ("already configured", "defined-twice"),
        ("defined differently", "defined-twice"),
        ("is that of the older", "defined-twice"),
        ("its servers are added to service", "defined-twice"),
        ("exposedByDefault is false", "not-exposed"),
        ("cannot be linked automatically", "several-services"),
        ("too many services", "several-services"),
        ("Traefik v1", "legacy"),
        ("Traefik v2", "legacy"),
        ("in v1", "legacy"),
        ("of v1", "legacy"),
        ("v1 let", "legacy"),
        ("v2 syntax", "legacy"),
        ("constraints", "constraints"),
        ("is taken as", "network-prefix"),
        ("Could not find network", "unknown-network"),
        ("is not attached to network", "network-not-attached"),
        ("several networks", "several-networks"),
        ("no network but", "no-network"),
        ("attached to no overlay", "no-network"),
        ("has no tls", "https-without-tls"),
        ("not valid", "syntax"),
        ("a job serves no", "job"),
    ];
    let kind = finding.object.as_ref().map(|(kind, _)| *kind);
    let is_middleware = kind == Some(ObjectKind::Middleware);
    let fits = |(part, id): &&(&str, &str)| {
        // A value of a middleware is no mistake of the file's form.
        message.contains(part) && !(is_middleware && *id == "syntax")
    };
    if let Some((_, id)) = table.iter().find(fits) {
        return id;
    }
    match (kind, &finding.origin) {
        (Some(ObjectKind::Router), _) => "router",
        (Some(ObjectKind::Service), _) => "service",
        (Some(ObjectKind::Middleware), _) => "middleware",
        (Some(ObjectKind::Provider), _) => "provider",
        (_, Origin::Flag { .. } | Origin::Env { .. }) => "install",
        (_, Origin::Label { .. }) => "label",
        _ => "configuration",
    }
}
