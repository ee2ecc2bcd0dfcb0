//! Reading the file provider's files: which ones, in what order, and what they say together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use swarmgate_config::breath::look;
use swarmgate_config::decode::{Format, decode_routing_file};
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::{Configuration, Map};

/// More than any person writes.
const MAX_FILE: u64 = 64 * 1024 * 1024;
/// So much is read at a time.
const PIECE: u64 = 16 * 1024;
/// And so much of all files together.
const MAX_TOTAL: u64 = 256 * 1024 * 1024;
const MAX_DEPTH: usize = 32;
const MAX_FILES: usize = 10_000;

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// One file.
    File(PathBuf),
    /// All `.toml`, `.yaml` and `.yml` files below a directory.
    Directory(PathBuf),
}

/// The texts of all files, in the order in which they count, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Path and content, or why it cannot be read.
    pub files: Vec<(PathBuf, Result<Arc<String>, String>)>,
    /// Why the directory cannot be read.
    pub trouble: Option<String>,
}

impl Texts {
    /// Whether a file that had content has none: a writer may be half-way.
    pub fn emptied_since(&self, before: &Texts) -> bool {
        let blank = |text: &Result<Arc<String>, String>| {
            text.as_ref().map_or(true, |text| text.trim().is_empty())
        };
        self.files.iter().any(|(path, text)| {
            blank(text) && before.files.iter().any(|(other, old)| other == path && !blank(old))
        })
    }
}

impl Texts {
    /// Reads files in their order, as far as they have `most` bytes together.
    fn read(&mut self, paths: Vec<PathBuf>, most: u64) {
        let mut left = most;
        for path in paths {
            let content = text(&path);
            let length = content.as_ref().map_or(0, |content| content.len() as u64);
            let Some(rest) = left.checked_sub(length) else {
                let path = path.display();
                self.trouble =
                    Some(format!("{path}: with it the files have more than {most} bytes together"));
                return;
            };
            left = rest;
            self.files.push((path, content));
        }
    }
}

/// Reads everything. Blocking.
pub fn texts(place: &Place) -> Texts {
    let mut texts = Texts::default();
    match place {
        Place::File(path) => texts.files.push((path.clone(), text(path))),
        Place::Directory(path) => {
            let mut paths = Vec::new();
            if let Err(error) = collect(path, 0, &mut paths) {
                texts.trouble = Some(error);
            }
            texts.read(paths, MAX_TOTAL);
        }
    }
    texts
}

fn text(path: &Path) -> Result<Arc<String>, String> {
    let say = |error: std::io::Error| error.to_string();
    // Opening a FIFO waits for somebody to write to it.
    if !std::fs::metadata(path).map_err(say)?.is_file() {
        return Err("it is no regular file".into());
    }
    let file = File::open(path).map_err(say)?;
    let content = read_whole(file).map_err(say)?;
    if content.len() as u64 > MAX_FILE {
        return Err(format!("larger than {MAX_FILE} bytes"));
    }
    Ok(Arc::new(content))
}

/// At most a byte more than [`MAX_FILE`].
fn read_whole(file: File) -> io::Result<String> {
    let size = file.metadata()?.len().min(MAX_FILE).saturating_add(1);
    let mut content = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let mut file = file.take(MAX_FILE + 1);
    while file.by_ref().take(PIECE).read_to_end(&mut content)? > 0 {
        look();
    }
    let error = |_| io::Error::new(io::ErrorKind::InvalidData, "it is no UTF-8 text");
    String::from_utf8(content).map_err(error)
}

/// Files by name, directories where their name comes. Names that begin with `..` are the
/// machinery of mounted Kubernetes volumes: the same files under other names.
fn collect(directory: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("{}: more than {MAX_DEPTH} levels deep", directory.display()));
    }
    let say = |error: std::io::Error| format!("{}: {error}", directory.display());
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(say)? {
        let entry = entry.map_err(say)?;
        // The entry's own type: links to directories are not followed, so there are no circles.
        let is_directory = entry.file_type().map_err(say)?.is_dir();
        entries.push((entry.file_name(), entry.path(), is_directory));
    }
    entries.sort();
    for (name, path, is_directory) in entries {
        if name.as_encoded_bytes().starts_with(b"..") {
            continue;
        }
        if is_directory {
            collect(&path, depth + 1, paths)?;
        } else if format(&path).is_some() {
            if paths.len() >= MAX_FILES {
                return Err(format!("{}: more than {MAX_FILES} files", directory.display()));
            }
            paths.push(path);
        }
    }
    Ok(())
}

fn format(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "toml" => Some(Format::Toml),
        "yaml" | "yml" => Some(Format::Yaml),
        _ => None,
    }
}

/// Decodes files and remembers the last good content of each: texts, since what is decoded takes
/// several times their memory, and is asked for again only while somebody writes nonsense.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    good: BTreeMap<PathBuf, Arc<String>>,
}

impl Reader {
    /// What the files say together. A file with a syntax error, or that cannot be read, keeps
    /// saying what it said last.
    pub fn read(&mut self, texts: &Texts) -> Configuration {
        let mut whole = Configuration::default();
        let mut good = BTreeMap::new();
        let mut decoded: BTreeMap<&PathBuf, Configuration> = BTreeMap::new();
        if let Some(trouble) = &texts.trouble {
            let origin = Origin::Provider { provider: "file".into() };
            let message = format!("{trouble}; what was read last keeps serving");
            whole.findings.push(provider_finding(Severity::Error, origin, message));
            // What the directory still holds is not known: keep what is not seen now.
            good.clone_from(&self.good);
        }
        for (path, text) in &texts.files {
            match decode(path, text) {
                Ok((text, configuration)) => {
                    good.insert(path.clone(), text);
                    decoded.insert(path, configuration);
                }
                Err(mut finding) => {
                    if let Some(last) = self.good.get(path) {
                        finding.message.push_str("; its last good content keeps serving");
                        good.insert(path.clone(), Arc::clone(last));
                    }
                    whole.findings.push(finding);
                }
            }
        }
        self.good = good;
        // In the order read, which for a directory that cannot be read is the order of paths.
        let mut paths: Vec<&PathBuf> = texts.files.iter().map(|(path, _)| path).collect();
        let seen: BTreeSet<&PathBuf> = paths.iter().copied().collect();
        paths.extend(self.good.keys().filter(|path| !seen.contains(path)));
        for path in paths {
            let configuration = decoded.remove(path).or_else(|| {
                let text = Ok(Arc::clone(self.good.get(path)?));
                decode(path, &text).ok().map(|(_, configuration)| configuration)
            });
            if let Some(configuration) = configuration {
                merge(&mut whole, configuration);
            }
        }
        whole
    }
}

/// One file's text and what it says.
// Once a file: boxing the finding would buy nothing.
#[allow(clippy::result_large_err)]
fn decode(
    path: &Path,
    text: &Result<Arc<String>, String>,
) -> Result<(Arc<String>, Configuration), Finding> {
    let shown = path.display().to_string();
    let origin = Origin::File { file: shown.as_str().into(), line: None, column: None };
    let finding = |message: String| provider_finding(Severity::Error, origin, message);
    match (text, format(path)) {
        (Err(error), _) => Err(finding(format!("it cannot be read: {error}"))),
        (_, None) => Err(finding("its format is not known".to_owned())
            .expected("a name that ends in .toml, .yaml or .yml")),
        (Ok(text), Some(format)) => decode_routing_file(&shown, text, format)
            .map(|configuration| (Arc::clone(text), configuration)),
    }
}

fn provider_finding(severity: Severity, origin: Origin, message: String) -> Finding {
    Finding::new(severity, origin, message).on(ObjectKind::Provider, "file")
}

/// Several files' configurations as one.
pub fn joined(files: Vec<Configuration>) -> Configuration {
    let mut whole = Configuration::default();
    for file in files {
        merge(&mut whole, file);
    }
    whole
}

/// Adds a file to those before it: the first one to define a name keeps it.
fn merge(whole: &mut Configuration, mut file: Configuration) {
    let mut findings = Vec::new();
    whole.findings.append(&mut file.findings);
    join(ObjectKind::Router, &mut whole.routers, file.routers, &mut findings);
    join(ObjectKind::Service, &mut whole.services, file.services, &mut findings);
    join(ObjectKind::Middleware, &mut whole.middlewares, file.middlewares, &mut findings);
    join(
        ObjectKind::ServersTransport,
        &mut whole.servers_transports,
        file.servers_transports,
        &mut findings,
    );
    join(ObjectKind::TlsOptions, &mut whole.tls_options, file.tls_options, &mut findings);
    join(ObjectKind::TlsStore, &mut whole.tls_stores, file.tls_stores, &mut findings);
    for certificate in file.certificates {
        if !whole.certificates.iter().any(|held| held.value == certificate.value) {
            whole.certificates.push(certificate);
        }
    }
    whole.findings.append(&mut findings);
}

fn join<T>(kind: ObjectKind, whole: &mut Map<T>, file: Map<T>, findings: &mut Vec<Finding>) {
    if whole.is_empty() {
        *whole = file;
        return;
    }
    for (name, object) in file {
        if let Some(held) = whole.get(&name) {
            let message = format!(
                "{name:?} is already configured in {}, this definition is ignored",
                held.origin
            );
            findings.push(
                Finding::new(Severity::Warning, object.origin.clone(), message)
                    .on(kind, format!("{name}@file"))
                    .expected("another name"),
            );
        } else {
            whole.insert(name, object);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_files_together_have_a_measure() {
        let room = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = ["a.yml", "b.yml", "c.yml", "gone.yml"]
            .iter()
            .map(|name| room.path().join(name))
            .collect();
        for (number, path) in paths.iter().take(3).enumerate() {
            let text = format!("http: {{routers: {{r{number}: {{rule: x}}}}}}");
            std::fs::write(path, text).unwrap();
        }
        let length = std::fs::metadata(&paths[0]).unwrap().len();
        for (most, read, trouble) in
            [(length * 3, 4, false), (length * 3 - 1, 2, true), (length - 1, 0, true)]
        {
            let mut texts = Texts::default();
            texts.read(paths.clone(), most);
            assert_eq!((texts.files.len(), texts.trouble.is_some()), (read, trouble), "{most}");
        }
        // What was read before and is not seen now is kept.
        let mut reader = Reader::default();
        let mut texts = Texts::default();
        texts.read(paths.clone(), u64::MAX);
        assert_eq!(reader.read(&texts).routers.len(), 3);
        let mut cut = Texts::default();
        cut.read(paths, length);
        let configuration = reader.read(&cut);
        assert_eq!(configuration.routers.len(), 3);
        let told = configuration.findings[0].to_string();
        assert!(told.contains("b.yml: with it the files have more than"), "{told}");
    }
}
