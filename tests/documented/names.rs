//! The tests that there are: names of functions, of cases side by side, and of attacks.
//!
//! - `side_by_side: NAME`: a case of `tests/side_by_side`; `NAME*`: all that begin so.
//! - `advisories: A01`: an attack of `tests/advisories`.
//! - `crate::module::function`, or `target::module::function` for those under `tests/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that can be named.
pub struct Names {
    /// Test functions by the path of their file, relative to the root, without `.rs`.
    functions: BTreeMap<String, BTreeSet<String>>,
    /// Text literals of the cases side by side.
    cases: BTreeSet<String>,
    attacks: BTreeSet<String>,
}

const ROOMS: [&str; 4] = ["config", "discovery", "acme", "proxy"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Functions with `#[test]` (or a kin of it) before them.
fn functions(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut marked = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with("#[") || line.starts_with("//") {
            marked |= line == "#[test]" || line.starts_with("#[tokio::test");
            continue;
        }
        let line = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = line.strip_prefix("fn ")
            && marked
        {
            found.insert(rest.split(['(', '<']).next().unwrap_or_default().to_owned());
        }
        marked = false;
    }
    found
}

/// The text literals of a source, without those that go over lines.
fn literals(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
        let mut literal: Option<String> = None;
        let mut escaped = false;
        for sign in line.chars() {
            match (&mut literal, sign) {
                (None, '"') => literal = Some(String::new()),
                (None, _) => {}
                (Some(text), _) if escaped => {
                    text.push(sign);
                    escaped = false;
                }
                (Some(_), '\\') => escaped = true,
                (Some(_), '"') => found.extend(literal.take()),
                (Some(text), _) => text.push(sign),
            }
        }
    }
    found
}

impl Names {
    /// Reads all sources below `root`.
    pub fn collect(root: &Path) -> Self {
        let mut files = Vec::new();
        for room in ROOMS {
            sources(&root.join(room).join("src"), &mut files);
        }
        sources(&root.join("tests"), &mut files);
        sources(&root.join("src"), &mut files);
        let mut names =
            Self { functions: BTreeMap::new(), cases: BTreeSet::new(), attacks: BTreeSet::new() };
        for file in files {
            let text = fs::read_to_string(&file).unwrap_or_default();
            let relative = file.strip_prefix(root).unwrap_or(&file).with_extension("");
            let relative = relative.to_string_lossy().replace('\\', "/");
            let in_cases = ["cases", "conversations"]
                .iter()
                .any(|part| relative.starts_with(&format!("tests/side_by_side/{part}")));
            if in_cases {
                names.cases.extend(literals(&text));
            }
            if relative.starts_with("tests/advisories/") {
                let handles = literals(&text).into_iter().filter(|text| is_handle(text));
                names.attacks.extend(handles);
            }
            names.functions.insert(relative, functions(&text));
        }
        names
    }

    /// The handles of all attacks of `tests/advisories`.
    pub fn attacks(&self) -> &BTreeSet<String> {
        &self.attacks
    }

    /// Those of `tests` that are not there.
    pub fn missing<'a>(&'a self, tests: &'a [String]) -> impl Iterator<Item = &'a String> {
        tests.iter().filter(|name| !self.has(name))
    }

    fn has(&self, name: &str) -> bool {
        if let Some(case) = name.strip_prefix("side_by_side: ") {
            return match case.strip_suffix('*') {
                Some("") => false,
                Some(start) => self.cases.iter().any(|known| known.starts_with(start)),
                None => self.cases.contains(case),
            };
        }
        if let Some(handle) = name.strip_prefix("advisories: ") {
            return self.attacks.contains(handle);
        }
        let mut path: Vec<&str> = name.split("::").collect();
        let Some(function) = path.pop() else { return false };
        let Some((first, modules)) = path.split_first() else { return false };
        // A crate and a target may have one name.
        let mut rooms = vec![format!("tests/{first}")];
        if ROOMS.contains(first) {
            rooms.push(format!("{first}/src"));
        } else if *first == "swarmgate" {
            rooms.push("src".to_owned());
        }
        rooms.iter().any(|room| self.has_function(room, modules, function))
    }

    /// Whether the module of a crate or target, which is in the folder `room`, has this test.
    fn has_function(&self, room: &str, modules: &[&str], function: &str) -> bool {
        let place = |modules: &[&str]| {
            let joined: Vec<&str> = [room].into_iter().chain(modules.iter().copied()).collect();
            joined.join("/")
        };
        // A module's tests are in its own file, or in one beside it.
        let inner = match modules.split_last() {
            Some((&"tests", outer)) => vec![place(modules), place(outer)],
            _ => vec![place(modules)],
        };
        let files = inner
            .into_iter()
            .flat_map(|place| [place.clone(), format!("{place}/mod"), format!("{place}/main")]);
        files.into_iter().any(|file| {
            self.functions.get(&file).is_some_and(|functions| functions.contains(function))
        })
    }
}

/// `A01`.
fn is_handle(text: &str) -> bool {
    let mut signs = text.chars();
    signs.next().is_some_and(|sign| sign.is_ascii_uppercase())
        && signs.clone().count() == 2
        && signs.all(|sign| sign.is_ascii_digit())
}
