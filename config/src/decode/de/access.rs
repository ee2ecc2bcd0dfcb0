//! How serde walks what stands below a node: fields, entries, elements.

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::super::error::{DecodeError, Problem};
use super::super::tree::{Id, Scalar, ScalarKind, Shape, Siblings};
use super::{De, parse_bool};

/// A scalar where the model has no type for it: as the file had it.
pub(super) fn visit_any_scalar<'t, V: Visitor<'t>>(
    scalar: &'t Scalar<'t>,
    visitor: V,
) -> Result<V::Value, DecodeError> {
    match scalar.kind {
        ScalarKind::Text => {}
        ScalarKind::Bool => {
            if let Some(value) = parse_bool(&scalar.text) {
                return visitor.visit_bool(value);
            }
        }
        ScalarKind::Number => {
            if let Ok(number) = scalar.text.parse::<i64>() {
                return visitor.visit_i64(number);
            }
            if let Ok(number) = scalar.text.parse::<f64>() {
                return visitor.visit_f64(number);
            }
        }
    }
    visitor.visit_borrowed_str(&scalar.text)
}

/// The fields of a struct.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub fields: &'static [&'static str],
    /// One that this source does not have.
    pub hidden: Option<&'static str>,
}

impl Known {
    fn iter(self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().copied().filter(move |field| Some(*field) != self.hidden)
    }
}

/// A struct's fields or a map's entries.
pub(super) struct Children<'t, 'p> {
    de: De<'t, 'p>,
    ids: Siblings<'t, 't>,
    /// Nothing: a map takes every name.
    known: Option<Known>,
    seen: Vec<&'static str>,
    value: Option<Id>,
}

impl<'t, 'p> Children<'t, 'p> {
    pub fn new(de: De<'t, 'p>, known: Option<Known>) -> Self {
        Self { de, ids: de.tree.children(de.id), known, seen: Vec::new(), value: None }
    }
}

impl<'t> MapAccess<'t> for Children<'t, '_> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'t>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, DecodeError> {
        let Some(id) = self.ids.next() else { return Ok(None) };
        self.value = Some(id);
        let name = &self.de.tree.node(id).name;
        let Some(known) = self.known else {
            let name = BorrowedStrDeserializer::<DecodeError>::new(name);
            return seed.deserialize(name).map(Some).map_err(|error| error.at(id));
        };
        match known.iter().find(|field| field.eq_ignore_ascii_case(name)) {
            Some(field) if self.seen.contains(&field) => {
                // Only files can do this: elsewhere spellings meet in one node.
                let message = format!("{field:?} is given twice, in two spellings");
                Err(DecodeError::value(message, "one spelling only").at(id))
            }
            Some(field) => {
                self.seen.push(field);
                let field: StrDeserializer<'_, DecodeError> = field.into_deserializer();
                seed.deserialize(field).map(Some).map_err(|error| error.at(id))
            }
            None => Err(DecodeError {
                problem: Problem::UnknownKey { known: known.iter().collect() },
                expected: None,
                node: Some(id),
            }),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<S::Value, DecodeError> {
        let id = self.value.take().ok_or_else(|| DecodeError::value("a value without key", ""))?;
        let map_entry = self.known.is_none();
        seed.deserialize(self.de.child(id, map_entry)).map_err(|error| error.at(id))
    }
}

/// A list's nodes.
pub(super) struct Elements<'t, 'p> {
    de: De<'t, 'p>,
    ids: std::vec::IntoIter<Id>,
}

impl<'t, 'p> Elements<'t, 'p> {
    /// A file's own order, else string order of the index.
    pub fn new(de: De<'t, 'p>) -> Self {
        let mut ids: Vec<Id> = de.tree.children(de.id).collect();
        if de.tree.node(de.id).shape == Shape::Open {
            ids.sort_by(|a, b| de.tree.node(*a).name.cmp(&de.tree.node(*b).name));
        }
        Self { de, ids: ids.into_iter() }
    }
}

impl<'t> SeqAccess<'t> for Elements<'t, '_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(id) = self.ids.next() else { return Ok(None) };
        let de = De { element: true, ..self.de.child(id, false) };
        seed.deserialize(de).map(Some).map_err(|error| error.at(id))
    }
}

/// A list's elements within scalars.
pub(super) struct Pieces<'t, 'p> {
    de: De<'t, 'p>,
    pieces: std::vec::IntoIter<&'t str>,
}

impl<'t, 'p> Pieces<'t, 'p> {
    pub fn new(de: De<'t, 'p>, pieces: Vec<&'t str>) -> Self {
        Self { de, pieces: pieces.into_iter() }
    }
}

impl<'t> SeqAccess<'t> for Pieces<'t, '_> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'t>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(piece) = self.pieces.next() else { return Ok(None) };
        let de = De { piece: Some(piece), map_entry: false, ..self.de };
        seed.deserialize(de).map(Some)
    }
}
