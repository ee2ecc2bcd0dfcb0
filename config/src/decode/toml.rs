//! TOML -> the keyed tree.

use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::place::{FileSource, Place, Source};
use super::text::shorten;
use super::tree::{Id, ROOT, Scalar, ScalarKind, Shape, Tree};
use crate::finding::{Finding, Severity};

/// Reads a document. `Err` is a syntax error with its place.
pub(super) fn parse(path: &Arc<str>, text: &str) -> Result<Tree, Finding> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = FileSource::new(path.clone(), text.into());
    let document = DeTable::parse(text).map_err(|error| {
        let origin = match error.span() {
            Some(span) => source.at_offset(span.start),
            None => source.whole(),
        };
        let message = format!("not valid TOML: {}", shorten(error.message(), 300));
        Finding::new(Severity::Error, origin, message)
    })?;
    let mut tree = Tree::new(Source::File(source));
    fill_table(&mut tree, ROOT, document.get_ref());
    Ok(tree)
}

/// Recursion is bounded: the TOML library refuses deep nesting.
fn fill(tree: &mut Tree, id: Id, value: &DeValue<'_>) {
    let scalar = |text: String, kind| Some(Scalar { text, kind });
    let scalar = match value {
        DeValue::String(text) => scalar(text.to_string(), ScalarKind::Text),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => scalar(number.to_string(), ScalarKind::Number),
            Err(_) => scalar(number.as_str().to_owned(), ScalarKind::Text),
        },
        DeValue::Float(number) => scalar(number.as_str().to_owned(), ScalarKind::Number),
        DeValue::Boolean(value) => scalar(value.to_string(), ScalarKind::Bool),
        DeValue::Datetime(time) => scalar(time.to_string(), ScalarKind::Text),
        DeValue::Array(elements) => {
            tree.node_mut(id).shape = Shape::List;
            for (index, element) in elements.iter().enumerate() {
                let place = Place::Offset(element.span().start);
                let child = tree.add(id, &index.to_string(), place);
                fill(tree, child, element.get_ref());
            }
            None
        }
        DeValue::Table(table) => {
            fill_table(tree, id, table);
            None
        }
    };
    if let Some(scalar) = scalar {
        tree.node_mut(id).scalars.push(scalar);
    }
}

fn fill_table(tree: &mut Tree, id: Id, table: &DeTable<'_>) {
    tree.node_mut(id).shape = Shape::Map;
    for (key, value) in table {
        let child = tree.add(id, key.get_ref(), Place::Offset(key.span().start));
        fill(tree, child, value.get_ref());
    }
}
