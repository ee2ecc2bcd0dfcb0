//! YAML (and with it JSON) -> the keyed tree.

use std::sync::Arc;

use serde::Deserialize;
use serde_yaml::Value;

use super::place::{FileSource, Place, Source};
use super::plain;
use super::text::{quote, shorten};
use super::tree::{Id, ROOT, Scalar, ScalarKind, Shape, Tree};
use super::yaml_index::YamlIndex;
use crate::breath::breathe;
use crate::finding::{Finding, Severity};

/// Reads the first document. `Err` is a syntax error with its place.
pub(super) fn parse<'s>(path: &Arc<str>, text: &'s str) -> Result<Tree<'s>, Finding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match plain::read(FileSource::new(path.clone(), text.into()), text) {
        Ok(tree) => Ok(tree),
        Err(source) => by_library(source, text),
    }
}

/// The same for every text, and slower.
pub(super) fn by_library<'s>(source: FileSource<'s>, text: &'s str) -> Result<Tree<'s>, Finding> {
    let failed = |source: &FileSource<'_>, error: &serde_yaml::Error| {
        // The library blames the whole map for a key that stands in it twice.
        if error.to_string().contains("duplicate entry")
            && let Some((name, (line, column))) = YamlIndex::of(text).twice
        {
            let message = format!("not valid YAML: the key {} is given twice", quote(&name));
            return Finding::new(Severity::Error, source.at(line, column), message)
                .expected("each key once");
        }
        let origin = match error.location() {
            Some(place) => source.at(place.line(), place.column()),
            None => source.whole(),
        };
        let message = format!("not valid YAML: {}", shorten(&error.to_string(), 300));
        Finding::new(Severity::Error, origin, message)
    };
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let mut value = match documents.next() {
        None => Value::Null,
        Some(document) => Value::deserialize(document).map_err(|error| failed(&source, &error))?,
    };
    value.apply_merge().map_err(|error| failed(&source, &error))?;
    let root_is_map = matches!(value, Value::Mapping(_) | Value::Null);
    if !root_is_map {
        let finding = Finding::new(Severity::Error, source.at(1, 1), "the file holds no keys");
        return Err(finding.expected("keys with values, such as \"entryPoints:\""));
    }
    let mut tree = Tree::new(Source::File(source));
    if documents.next().is_some() {
        let message = "only the first YAML document of the file is read, as in Traefik";
        let finding = Finding::new(Severity::Warning, tree.origin(ROOT), message);
        tree.notes.push(finding.expected("one document, without a line \"---\" in between"));
    }
    fill(&mut tree, ROOT, value);
    Ok(tree)
}

/// Recursion is bounded: the YAML library refuses documents deeper than 128 levels.
fn fill(tree: &mut Tree<'_>, id: Id, value: Value) {
    breathe();
    match value {
        Value::Null => {}
        Value::Bool(value) => put(tree, id, value.to_string(), ScalarKind::Bool),
        Value::Number(number) => put(tree, id, number.to_string(), ScalarKind::Number),
        Value::String(text) => put(tree, id, text, ScalarKind::Text),
        Value::Sequence(elements) => {
            tree.node_mut(id).shape = Shape::List;
            for (index, element) in elements.into_iter().enumerate() {
                let child = tree.add(id, index.to_string(), Place::Path);
                fill(tree, child, element);
            }
        }
        Value::Mapping(pairs) => {
            tree.node_mut(id).shape = Shape::Map;
            for (key, value) in pairs {
                // Nothing behind a key means that the key is not set.
                if value.is_null() {
                    continue;
                }
                let name = match key {
                    Value::String(name) => name,
                    Value::Number(number) => number.to_string(),
                    Value::Bool(value) => value.to_string(),
                    // What a template looks like to YAML.
                    _ => "{{ ... }}".to_owned(),
                };
                let child = tree.add(id, name, Place::Path);
                fill(tree, child, value);
            }
        }
        Value::Tagged(tagged) => fill(tree, id, tagged.value),
    }
}

fn put(tree: &mut Tree<'_>, id: Id, text: String, kind: ScalarKind) {
    tree.node_mut(id).scalars.push(Scalar { text: text.into(), kind });
}
