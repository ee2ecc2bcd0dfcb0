//! The service that runs the proxy, and the install configuration that it will find.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use swarmgate_config::decode::{
    Format, Loaded, Sources as InstallSources, load_install_text, load_install_without_file,
};
use swarmgate_config::finding::Finding;

use super::input::Reach;
use super::interpolate::dotenv;
use super::note::Note;
use super::source::{Source, Sources, Spot};
use super::stack::{Label, Service, Stack};
use super::yaml::Node;

/// Where the proxy looks for its file when no flag names one.
const PLACES: &[&str] = &["/etc/traefik/traefik", "/traefik", "/etc/swarmgate/swarmgate"];

/// Providers that are flags of the proxy: other programs have a `--providers.google`, too.
const PROVIDERS: &[&str] = &[
    "docker",
    "swarm",
    "file",
    "http",
    "rest",
    "consul",
    "consulcatalog",
    "etcd",
    "redis",
    "zookeeper",
    "nomad",
    "ecs",
    "knative",
    "kubernetesingress",
    "kubernetesingressnginx",
    "kubernetescrd",
    "kubernetesgateway",
    "plugin",
];

/// Whether a service is the proxy.
pub fn is_proxy(service: &Service) -> bool {
    likeness(service) > 0
}

/// The service that is the proxy: by its image and its flags rather than by one of them.
pub fn of_stack(stack: &Stack) -> Option<usize> {
    let mut best = (0, None);
    for (number, service) in stack.services.iter().enumerate() {
        let likeness = likeness(service);
        if likeness > best.0 {
            best = (likeness, Some(number));
        }
    }
    best.1
}

/// 0: not the proxy; the more, the likelier.
fn likeness(service: &Service) -> u8 {
    let image = service.image();
    let image = image.split('@').next().unwrap_or_default();
    let base = image.rsplit('/').next().unwrap_or_default();
    let base = base.split(':').next().unwrap_or_default();
    let named = matches!(base, "traefik" | "swarmgate");
    let flagged = service.command.iter().any(|(word, _)| is_flag(word));
    u8::from(named).saturating_add(u8::from(flagged))
}

/// Whether a word is a flag that only the proxy has.
fn is_flag(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let of_provider = |rest: &str| {
        let end = rest.find(['.', '=']).unwrap_or(rest.len());
        rest.get(..end).is_some_and(|name| PROVIDERS.contains(&name))
    };
    word.starts_with("--entrypoints.") || word.strip_prefix("--providers.").is_some_and(of_provider)
}

/// What a path in the proxy's container leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leads {
    /// A path beside the stack file.
    Beside(PathBuf),
    /// A text in the stack file itself, at this key.
    Inline(String, Spot),
    /// Something that no file tells: a volume, an external config.
    Elsewhere,
    /// Nothing is mounted there.
    Nowhere,
}

/// What the proxy will find.
#[derive(Debug)]
pub enum Install {
    /// Its configuration, and how it came to be.
    Loaded(Box<Loaded>),
    /// It would not start.
    Refused(Vec<Finding>),
    /// It is not among the files.
    Unknown(Note),
}

/// Where a path in a service's container comes from.
pub fn leads(stack: &Stack, service: &Service, folder: &Path, path: &str) -> Leads {
    let under = |target: &str| -> Option<String> {
        let target = target.trim_end_matches('/');
        match path.strip_prefix(target)? {
            "" => Some(String::new()),
            rest => rest.strip_prefix('/').map(str::to_owned),
        }
    };
    for mounted in &service.configs {
        if mounted.target != path {
            continue;
        }
        let entry = ["configs", "secrets"]
            .iter()
            .find_map(|kind| stack.root.path(&[kind, mounted.source.as_str()]));
        let Some(entry) = entry else { return Leads::Elsewhere };
        if let Some(file) = entry.get("file").and_then(Node::text) {
            return Leads::Beside(beside(folder, &file));
        }
        return match entry.get("content") {
            Some(content) => match content.text() {
                Some(text) => Leads::Inline(text, content.at),
                None => Leads::Elsewhere,
            },
            None => Leads::Elsewhere,
        };
    }
    // The innermost mount wins.
    let mut mounts: Vec<_> =
        service.mounts.iter().filter_map(|mount| Some((mount, under(&mount.target)?))).collect();
    mounts.sort_by_key(|(mount, _)| std::cmp::Reverse(mount.target.len()));
    match mounts.first() {
        Some((mount, rest)) if mount.kind == "bind" => {
            let source = beside(folder, &mount.source);
            Leads::Beside(if rest.is_empty() { source } else { source.join(rest) })
        }
        Some(_) => Leads::Elsewhere,
        None => Leads::Nowhere,
    }
}

/// A path of a file, from the file's folder; `./` taken off.
pub fn beside(folder: &Path, path: &str) -> PathBuf {
    let parts = Path::new(path).components().filter(|part| *part != Component::CurDir);
    folder.join(parts.collect::<PathBuf>())
}

/// The proxy's words, its own name and what stands before it left out.
fn arguments(service: &Service) -> Vec<String> {
    let words = service.command.iter().map(|(word, _)| word.clone());
    words.skip_while(|word| !word.starts_with('-')).collect()
}

/// Environment variables of a service, those of its `env_file` first.
fn variables(service: &Service, folder: &Path, reach: &Reach) -> Vec<(String, OsString)> {
    let mut variables: Vec<(String, OsString)> = Vec::new();
    let files = service.node.get("env_file");
    let names = files.into_iter().flat_map(|files| {
        let one = files.text();
        files
            .elements()
            .iter()
            .filter_map(|file| file.text().or_else(|| file.get("path").and_then(Node::text)))
            .chain(one)
            .collect::<Vec<_>>()
    });
    for name in names.filter(|name| !name.is_empty()) {
        if let Ok(text) = reach.read(&beside(folder, &name)) {
            let read = dotenv(&text).into_iter();
            variables.extend(read.map(|(name, value)| (name, value.into())));
        }
    }
    for Label { key, value, .. } in &service.environment {
        variables.retain(|(name, _)| name != key);
        variables.push((key.clone(), value.into()));
    }
    variables
}

/// The value of `--configFile`.
fn config_file(arguments: &[String]) -> Option<String> {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let (key, value) = match flag.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (flag, None),
        };
        if key.eq_ignore_ascii_case("configFile") {
            return value.or_else(|| words.next().cloned());
        }
    }
    None
}

/// Reads what the proxy would read.
pub fn install(
    stack: &Stack,
    service: &Service,
    sources: &mut Sources,
    notes: &mut Vec<Note>,
) -> Install {
    let folder = sources.get(stack.file).map(Source::folder).unwrap_or(Path::new("")).to_owned();
    if service.by_shell {
        let message = "a shell starts the proxy, so its flags are not checked; its entry points and \
                       resolvers are taken as the labels name them";
        return Install::Unknown(Note::info("install-unknown", Some(service.at), message));
    }
    let arguments = arguments(service);
    let named = config_file(&arguments);
    let candidates: Vec<String> = match &named {
        Some(path) => vec![path.clone()],
        None => PLACES
            .iter()
            .flat_map(|place| ["toml", "yaml", "yml"].map(|end| format!("{place}.{end}")))
            .collect(),
    };
    let found = candidates
        .iter()
        .map(|path| (path, leads(stack, service, &folder, path)))
        .find(|(_, leads)| named.is_some() || !matches!(leads, Leads::Nowhere));
    let unknown = |path: &str, why: &str| {
        let message = format!(
            "the proxy's install configuration {path} is not checked: {why}; its entry points and \
             resolvers are taken as the labels name them"
        );
        Install::Unknown(Note::info("install-unknown", Some(service.at), message))
    };
    let Some((path, leads)) = found else {
        let variables = variables(service, &folder, &sources.reach);
        let sources = InstallSources { arguments, variables, ..InstallSources::default() };
        return match load_install_without_file(&sources) {
            Ok(loaded) => Install::Loaded(Box::new(loaded)),
            Err(findings) => Install::Refused(findings),
        };
    };
    let other_flags: Vec<&String> = arguments
        .iter()
        .filter(|word| word.starts_with('-') && !word.to_ascii_lowercase().contains("configfile"))
        .collect();
    if let Some(first) = other_flags.first() {
        let at = service.command.iter().find(|(word, _)| word == *first).map(|(_, at)| *at);
        notes.push(
            Note::warning(
                "flags-beside-file",
                at,
                format!(
                    "flags are not read, because the file {path} is there: sources are never merged"
                ),
            )
            .needle(first.split('=').next().unwrap_or_default())
            .expected("everything in one of file, flags, variables"),
        );
    }
    let (shown, text, within) = match leads {
        Leads::Beside(file) => match sources.reach.read(&file) {
            Ok(text) => (file.display().to_string(), text, None),
            Err(error) => {
                let message = format!(
                    "the proxy's install configuration {} cannot be read: {error}; its entry \
                     points and resolvers are taken as the labels name them",
                    file.display()
                );
                let note = Note::warning("install-unknown", Some(service.at), message);
                return Install::Unknown(note.expected("the file beside the stack file"));
            }
        },
        Leads::Inline(text, at) => {
            (format!("{}:{}", sources.shown(at.file), at.line), text, Some(at))
        }
        Leads::Elsewhere => return unknown(path, "it is kept outside of the files"),
        Leads::Nowhere => {
            return unknown(path, "nothing is mounted there, so it comes with the image");
        }
    };
    let format = if path.ends_with(".toml") { Format::Toml } else { Format::Yaml };
    match within {
        Some(at) => sources.add_within(&shown, text.clone(), at),
        None => sources.add(&shown, text.clone()),
    };
    match load_install_text(&shown, &text, format) {
        Ok(loaded) => Install::Loaded(Box::new(loaded)),
        Err(findings) => Install::Refused(findings),
    }
}
