//! Reading files, and telling by their content what they are.

use std::io::Read;
use std::path::{Path, PathBuf};

use swarmgate_config::decode::Format;

use super::note::Note;
use super::source::{STDIN, Spot};
use super::yaml::{self, Node};

/// Nobody writes longer ones.
const MOST_BYTES: u64 = 16 << 20;

/// What a file is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Services for an engine.
    Stack(Node),
    /// What the proxy reads once, at its start.
    Install(Format),
    /// Routers, services, middlewares.
    Routing(Format),
}

/// Top-level keys of each kind, in lower case.
const STACK: &[&str] =
    &["services", "version", "networks", "volumes", "configs", "secrets", "name", "include"];
const ROUTING: &[&str] = &["http", "tcp", "udp", "tls"];
const INSTALL: &[&str] = &[
    "entrypoints",
    "providers",
    "certificatesresolvers",
    "serverstransport",
    "api",
    "ping",
    "log",
    "accesslog",
    "core",
    "global",
    "metrics",
    "tracing",
    "experimental",
    "hostresolver",
    "ocsp",
    "spiffe",
    "tcpserverstransport",
    // Of v1.
    "defaultentrypoints",
    "loglevel",
    "docker",
    "acme",
    "web",
    "file",
    "traefiklog",
    "insecureskipverify",
    "rest",
    "checknewversion",
    "debug",
    "gracetimeout",
    "retry",
    "sendanonymoususage",
];

/// Reads a file, or standard input for `-`.
pub fn read(path: &str) -> Result<(String, String), String> {
    if path == "-" {
        let text = whole(std::io::stdin().lock()).map_err(|error| format!("{STDIN}: {error}"))?;
        return Ok((STDIN.to_owned(), text));
    }
    let text = text_of(Path::new(path)).map_err(|error| format!("{path}: {error}"))?;
    Ok((path.to_owned(), text))
}

/// The text of a file that was asked for: also of a pipe.
fn text_of(path: &Path) -> Result<String, String> {
    if path.is_dir() {
        return Err("is a directory; expected a file".into());
    }
    whole(std::fs::File::open(path).map_err(|error| error.to_string())?)
}

/// The text of an ordinary file that nobody asked for by name.
pub fn ordinary(path: &Path) -> Result<String, String> {
    let kind = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !kind.is_file() {
        return Err("is no ordinary file".into());
    }
    text_of(path)
}

/// The folders in which a stack may name further files. Findings quote what they read, and a file
/// of a stranger's must not make them quote just anything.
#[derive(Clone, Debug, Default)]
pub struct Reach(Vec<PathBuf>);

impl Reach {
    /// The given files, their folders and those below them, and the working directory.
    pub fn of<'p>(given: impl Iterator<Item = &'p str>) -> Self {
        let mut roots: Vec<PathBuf> = std::fs::canonicalize(".").into_iter().collect();
        for path in given {
            let Ok(path) = std::fs::canonicalize(path) else { continue };
            roots.extend(path.parent().map(Path::to_owned));
            roots.push(path);
        }
        // Everything lies below the root.
        roots.retain(|root| root.parent().is_some());
        Self(roots)
    }

    /// The text of a file that a given file names.
    pub fn read(&self, path: &Path) -> Result<String, String> {
        let real = std::fs::canonicalize(path).map_err(|error| error.to_string())?;
        if !self.0.iter().any(|root| real.starts_with(root)) {
            return Err("lies outside of the folders of the files given".into());
        }
        ordinary(&real)
    }
}

fn whole(reader: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    let most = MOST_BYTES.saturating_add(1);
    reader.take(most).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("is larger than {MOST_BYTES} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not UTF-8 text".to_owned())?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Tells what a file is. The notes are about its form.
pub fn sniff(file: usize, shown: &str, text: &str, notes: &mut Vec<Note>) -> Option<Kind> {
    let at = Some(Spot::whole(file));
    if shown.ends_with(".toml") {
        let keys: Vec<String> = match text.parse::<toml::Table>() {
            Ok(table) => table.keys().map(|key| key.to_lowercase()).collect(),
            // Its reader says what is wrong; which one matters little.
            Err(_) => text.lines().filter_map(toml_key).collect(),
        };
        return match of_keys(&keys) {
            Some(Which::Routing) => Some(Kind::Routing(Format::Toml)),
            Some(Which::Install) => Some(Kind::Install(Format::Toml)),
            _ => {
                notes.push(unknown(at, &keys));
                None
            }
        };
    }
    let read = match yaml::read(file, text) {
        Ok(read) => read,
        Err(broken) => {
            // What begins with a tab has no better name in the library.
            let line = broken.at.and_then(|at| usize::try_from(at.line).ok()?.checked_sub(1));
            let line = line.and_then(|line| text.lines().nth(line)).unwrap_or_default();
            let message = match line.trim_start_matches(' ').starts_with('\t') {
                true => "not valid YAML: a tab indents here; YAML takes spaces only".to_owned(),
                false => format!("not valid YAML: {}", broken.message),
            };
            notes.push(Note::error("syntax", broken.at.or(at), message));
            return None;
        }
    };
    let pairs = read.root.pairs();
    let keys: Vec<String> = pairs.iter().map(|pair| pair.key.to_lowercase()).collect();
    let which = of_keys(&keys);
    if which == Some(Which::Stack) {
        for (key, spot) in &read.twice {
            let message =
                format!("the key {key:?} stands in its map twice: the client refuses the file");
            notes.push(Note::error("twice", Some(*spot), message).expected("one of them"));
        }
        if let Some(at) = read.more {
            let message = "only the first of several documents is read";
            notes.push(Note::warning("several-documents", Some(at), message));
        }
    }
    match which {
        Some(Which::Stack) => Some(Kind::Stack(read.root)),
        Some(Which::Routing) => Some(Kind::Routing(Format::Yaml)),
        Some(Which::Install) => Some(Kind::Install(Format::Yaml)),
        None => {
            let place = pairs.first().map(|pair| pair.at).or(at);
            notes.push(unknown(place, &keys));
            None
        }
    }
}

fn toml_key(line: &str) -> Option<String> {
    let line = line.trim_start_matches([' ', '[']);
    let end = line.find(|c: char| !c.is_ascii_alphanumeric())?;
    let key = line.get(..end)?;
    (!key.is_empty()).then(|| key.to_lowercase())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Stack,
    Routing,
    Install,
}

fn of_keys(keys: &[String]) -> Option<Which> {
    let count = |known: &[&str]| keys.iter().filter(|key| known.contains(&key.as_str())).count();
    let near =
        |known: &[&str]| keys.iter().filter(|key| super::closest(key, known).is_some()).count();
    let kinds = [(Which::Stack, STACK), (Which::Routing, ROUTING), (Which::Install, INSTALL)];
    let best = |score: &dyn Fn(&[&str]) -> usize| {
        let mut best: Option<(usize, Which)> = None;
        for (which, known) in kinds {
            let score = score(known);
            if score > best.map_or(0, |(score, _)| score) {
                best = Some((score, which));
            }
        }
        best.map(|(_, which)| which)
    };
    // `services` decides alone: no other kind has it at the top.
    if keys.iter().any(|key| key == "services") {
        return Some(Which::Stack);
    }
    best(&count).or_else(|| best(&near))
}

fn unknown(at: Option<Spot>, keys: &[String]) -> Note {
    let message = match keys {
        [] => "there is nothing in the file".to_owned(),
        keys => {
            let first: Vec<&str> = keys.iter().take(5).map(String::as_str).collect();
            format!(
                "the file is neither a stack nor install nor routing configuration: its top-level \
                 keys are {}",
                first.join(", ")
            )
        }
    };
    Note::error("unknown-file", at, message).expected(
        "services (a stack), entryPoints and providers (install), or http and tls (routing)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_files() {
        let table = [
            ("a.yml", "services: {}", "stack"),
            ("a.yml", "networks: {a: }", "stack"),
            ("a.yml", "http: {routers: {}}", "routing"),
            ("a.yml", "tls: {options: {}}", "routing"),
            ("a.yml", "entryPoints: {}", "install"),
            ("a.yml", "api: {}\nproviders: {}", "install"),
            ("a.yml", "entryPoint: {}", "install"),
            ("a.toml", "[http.routers]", "routing"),
            ("a.toml", "[entryPoints.web]\naddress = ':80'", "install"),
            ("a.toml", "[entryPoints.web\n", "install"),
            ("a.yml", "servces: {}", "stack"),
            ("a.yml", "foo: 1", ""),
            ("a.yml", "", ""),
            ("a.yml", "- a", ""),
            ("a.yml", "a: [", ""),
        ];
        for (name, text, expected) in table {
            let mut notes = Vec::new();
            let kind = match sniff(0, name, text, &mut notes) {
                Some(Kind::Stack(_)) => "stack",
                Some(Kind::Routing(_)) => "routing",
                Some(Kind::Install(_)) => "install",
                None => "",
            };
            assert_eq!(kind, expected, "{text}");
            assert_eq!(notes.len(), usize::from(expected.is_empty()), "{text}");
        }
    }
}
