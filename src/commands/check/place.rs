//! The real path's findings -> notes with file, line and column.

use swarmgate_config::finding::{Finding, ObjectKind, Origin};

use super::note::Note;
use super::source::{Sources, Spot};
use super::stack::Label;
use super::world::World;

/// Finds a finding's place and kind.
pub fn note(world: &World, finding: Finding, sources: &mut Sources) -> Note {
    let (at, needle, skip) = locate(world, &finding, sources);
    let id = id(&finding);
    let mut note = Note::new(finding.severity, id, at, finding.message.clone());
    note.needle = needle;
    note.skip = skip;
    note.expected = finding.expected;
    note.object = finding.object;
    if at.is_none() {
        note.place = Some(finding.origin.to_string());
    }
    note
}

/// Where an origin stands, what to underline there, and how much of the line to pass over first.
fn locate(
    world: &World,
    finding: &Finding,
    sources: &mut Sources,
) -> (Option<Spot>, Option<String>, usize) {
    match &finding.origin {
        Origin::Label { service, label, .. } => {
            let Some((stack, service)) = world.service(service) else {
                return (None, None, 0);
            };
            let labels = service.read_labels(stack.engine);
            let short = label.strip_suffix("...").unwrap_or(label);
            let found = service
                .label(stack.engine, label)
                .or_else(|| {
                    let cut = label.ends_with("...");
                    labels.iter().find(|known| cut && known.key.starts_with(short))
                })
                .filter(|_| !label.is_empty());
            match found {
                Some(found) => {
                    // What the message quotes may stand in the value, or in another label of
                    // the same object.
                    let object = object_prefix(&found.key);
                    let is_of = |other: &Label| object.is_some_and(|o| starts_with(&other.key, o));
                    let better = || {
                        quoted(&finding.message).into_iter().find_map(|word| {
                            let named = |label: &&Label| {
                                is_of(label)
                                    && label.value.split(',').any(|part| part.trim() == word)
                            };
                            Some((labels.iter().find(named)?, word.to_owned()))
                        })
                    };
                    match is_about_value(finding).then(better).flatten() {
                        Some((other, word)) => {
                            (Some(other.at), Some(word), other.key.chars().count())
                        }
                        None if finding.message.contains("parsing rule") => {
                            let key = format!("{}rule", object.unwrap_or_default());
                            let rule = service.label(stack.engine, &key).unwrap_or(found);
                            (Some(rule.at), Some(rule.value.clone()), rule.key.chars().count())
                        }
                        None => (Some(found.at), Some(found.key.clone()), 0),
                    }
                }
                None => (Some(service.at), Some(service.key.clone()), 0),
            }
        }
        Origin::File { file, line, column } => {
            let Some(index) = sources.find(file) else { return (None, None, 0) };
            let spot = match line {
                Some(line) => Spot { file: index, line: *line, column: column.unwrap_or(1) },
                None => Spot::whole(index),
            };
            (Some(spot), None, 0)
        }
        Origin::Flag { flag } => {
            let word = world.proxy().and_then(|(_, service)| {
                service.command.iter().find(|(word, _)| {
                    word.strip_prefix(&**flag).is_some_and(|r| r.is_empty() || r.starts_with('='))
                })
            });
            (word.map(|(_, at)| *at).or_else(|| proxy_at(world)), Some(flag.to_string()), 0)
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

/// The kind of a finding, for filters and for CI.
fn id(finding: &Finding) -> &'static str {
    let message = finding.message.as_str();
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
        ("v1", "legacy"),
        ("v2", "legacy"),
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
    if let Some((_, id)) = table.iter().find(|(part, _)| message.contains(part)) {
        return id;
    }
    let kind = finding.object.as_ref().map(|(kind, _)| *kind);
    if message.contains("does not exist") {
        return match message.starts_with("middleware") {
            true => "unknown-middleware",
            false => "unknown-service",
        };
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
