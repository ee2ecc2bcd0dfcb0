//! `include` and `extends` of compose files: what they bring is put where they stand.
//!
//! What cannot be followed stays in the tree, and a lint says so.

use super::merge;
use super::source::{Source, Sources};
use super::yaml::{self, Node, Pair, Value};

/// Files that bring files, and services that extend services.
const MOST_DEPTH: usize = 8;
/// Files in all.
const MOST_FILES: usize = 100;
/// Bytes that are copied in all.
const MOST_BYTES: usize = 32 << 20;
/// What a file brings in.
const SECTIONS: &[&str] = &["services", "networks", "volumes", "configs", "secrets"];

/// Follows both in a file's tree.
pub fn follow(file: usize, root: &mut Node, sources: &mut Sources) {
    let mut follower = Follower { sources, files: 0, bytes: 0 };
    follower.file(file, root, 0);
}

struct Follower<'a> {
    sources: &'a mut Sources,
    files: usize,
    bytes: usize,
}

impl Follower<'_> {
    fn file(&mut self, file: usize, root: &mut Node, depth: usize) {
        if depth > MOST_DEPTH {
            return;
        }
        self.includes(file, root, depth);
        let services = root.get("services").map(Node::pairs).unwrap_or_default();
        let extending: Vec<String> = services
            .iter()
            .filter(|pair| pair.node.get("extends").is_some())
            .map(|pair| pair.key.clone())
            .collect();
        for key in extending {
            let Some(whole) = self.extended(file, root, &key, depth) else { continue };
            if let Some(pair) = pair_mut(root, "services").and_then(|all| pair_mut(all, &key)) {
                *pair = whole;
            }
        }
    }

    fn includes(&mut self, file: usize, root: &mut Node, depth: usize) {
        let Some(include) = root.get("include") else { return };
        let mut paths = Vec::new();
        for element in include.elements() {
            let path = element.get("path");
            let several = path.map(Node::elements).unwrap_or_default();
            let one = element.text().or_else(|| path.and_then(Node::text));
            paths.extend(one.into_iter().chain(several.iter().filter_map(Node::text)));
        }
        let mut all = !paths.is_empty();
        for path in paths {
            let Some((_, tree)) = self.read(file, &path, depth) else {
                all = false;
                continue;
            };
            let Value::Map(sections) = tree.value else { continue };
            for section in sections {
                if SECTIONS.contains(&section.key.as_str()) {
                    add(root, section);
                }
            }
        }
        if all {
            remove(root, "include");
        }
    }

    /// A service with what it extends; `None`: that cannot be found.
    fn extended(&mut self, file: usize, root: &Node, key: &str, depth: usize) -> Option<Node> {
        if depth > MOST_DEPTH || self.bytes > MOST_BYTES {
            return None;
        }
        let mut own = root.path(&["services", key])?.clone();
        let Some(extends) = own.get("extends") else { return Some(own) };
        let name = extends.text().or_else(|| extends.get("service")?.text())?;
        let other = extends.get("file").and_then(Node::text).filter(|path| !path.is_empty());
        remove(&mut own, "extends");
        let deeper = depth.saturating_add(1);
        let mut base = match other {
            Some(path) => {
                let (file, tree) = self.read(file, &path, depth)?;
                self.extended(file, &tree, &name, deeper)?
            }
            None => self.extended(file, root, &name, deeper)?,
        };
        self.bytes = self.bytes.saturating_add(size(&base)).saturating_add(size(&own));
        if self.bytes > MOST_BYTES || base.get("extends").is_some() {
            return None;
        }
        merge::merge(&mut base, own);
        Some(base)
    }

    /// A file that another one names, its own files and services followed.
    fn read(&mut self, from: usize, path: &str, depth: usize) -> Option<(usize, Node)> {
        self.files = self.files.saturating_add(1);
        if self.files > MOST_FILES {
            return None;
        }
        let folder = self.sources.get(from).map(Source::folder).unwrap_or(std::path::Path::new(""));
        let path = super::proxy::beside(folder, path);
        let text = self.sources.reach.read(&path).ok()?;
        let file = self.sources.add(&path.display().to_string(), text.clone());
        let mut tree = yaml::read(file, &text).ok()?.root;
        self.file(file, &mut tree, depth.saturating_add(1));
        self.bytes = self.bytes.saturating_add(size(&tree));
        (self.bytes <= MOST_BYTES).then_some((file, tree))
    }
}

/// Adds the entries of a section that are not there yet.
fn add(root: &mut Node, section: Pair) {
    let Some(known) = pair_mut(root, &section.key) else {
        if let Value::Map(pairs) = &mut root.value {
            pairs.push(section);
        }
        return;
    };
    match (&mut known.value, section.node.value) {
        (Value::Map(known), Value::Map(more)) => {
            for pair in more {
                if !known.iter().any(|known| known.key == pair.key) {
                    known.push(pair);
                }
            }
        }
        (Value::Null, value) => known.value = value,
        _ => {}
    }
}

fn pair_mut<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    let Value::Map(pairs) = &mut node.value else { return None };
    pairs.iter_mut().find(|pair| pair.key == key).map(|pair| &mut pair.node)
}

fn remove(node: &mut Node, key: &str) {
    if let Value::Map(pairs) = &mut node.value {
        pairs.retain(|pair| pair.key != key);
    }
}

/// About so many bytes.
fn size(node: &Node) -> usize {
    let inner: usize = match &node.value {
        Value::Number(text) | Value::Text(text) => text.len(),
        Value::List(elements) => elements.iter().map(size).sum(),
        Value::Map(pairs) => {
            pairs.iter().map(|pair| size(&pair.node).saturating_add(pair.key.len())).sum()
        }
        Value::Null | Value::Bool(_) => 0,
    };
    inner.saturating_add(64)
}
