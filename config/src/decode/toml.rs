//! TOML -> the keyed tree.

use std::borrow::Cow;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use super::place::{FileSource, Place, Source};
use super::text::shorten;
use super::tree::{Id, ROOT, Scalar, ScalarKind, Shape, Tree};
use crate::finding::{Finding, Severity};

/// Reads a document. `Err` is a syntax error with its place.
pub(super) fn parse<'s>(path: &Arc<str>, text: &'s str) -> Result<Tree<'s>, Finding> {
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
    fill_table(&mut tree, ROOT, document.into_inner());
    Ok(tree)
}

/// Recursion is bounded: the TOML library refuses deep nesting.
fn fill<'s>(tree: &mut Tree<'s>, id: Id, value: DeValue<'s>) {
    let scalar = |text: Cow<'s, str>, kind| Some(Scalar { text, kind });
    let scalar = match value {
        DeValue::String(text) => scalar(text, ScalarKind::Text),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => scalar(number.to_string().into(), ScalarKind::Number),
            Err(_) => scalar(number.as_str().to_owned().into(), ScalarKind::Text),
        },
        DeValue::Float(number) => scalar(number.as_str().to_owned().into(), ScalarKind::Number),
        DeValue::Boolean(value) => scalar(value.to_string().into(), ScalarKind::Bool),
        DeValue::Datetime(time) => scalar(time.to_string().into(), ScalarKind::Text),
        DeValue::Array(elements) => {
            tree.node_mut(id).shape = Shape::List;
            for (index, element) in elements.into_iter().enumerate() {
                let place = Place::Offset(element.span().start);
                let child = tree.add(id, index.to_string(), place);
                fill(tree, child, element.into_inner());
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

fn fill_table<'s>(tree: &mut Tree<'s>, id: Id, table: DeTable<'s>) {
    tree.node_mut(id).shape = Shape::Map;
    for (key, value) in table {
        let place = Place::Offset(key.span().start);
        let child = tree.add(id, key.into_inner(), place);
        fill(tree, child, value.into_inner());
    }
}
