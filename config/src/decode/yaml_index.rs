//! Line and column of every key in a YAML text, found in one pass.
//!
//! The YAML library tells places only in errors. So each scalar is answered with an error, whose
//! place is noted, and the pass goes on: an error at a scalar has consumed exactly that scalar.
//! Any other error ends the pass, and what was found until then is kept.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

type Spot = (usize, usize);

/// Keys of the first document and where they stand.
#[derive(Debug, Default)]
pub(super) struct YamlIndex {
    nodes: Vec<Entry>,
    /// The first key that its map has already.
    pub twice: Option<(String, Spot)>,
}

#[derive(Debug, Default)]
struct Entry {
    spot: Option<Spot>,
    children: HashMap<String, usize>,
}

impl YamlIndex {
    /// Reads the first document.
    pub fn of(text: &str) -> Self {
        let pass =
            Pass { entries: RefCell::new(vec![Entry::default()]), twice: RefCell::default() };
        if let Some(document) = serde_yaml::Deserializer::from_str(text).next() {
            // An error here was already reported by whoever decoded the text.
            let _ = NodeSeed { pass: &pass, at: 0 }.deserialize(document);
        }
        Self { nodes: pass.entries.into_inner(), twice: pass.twice.into_inner() }
    }

    /// Line and column, from 1, of the key at the end of these names, or of the nearest one above
    /// it: what a merge key or an alias brought in has no place of its own.
    pub fn find(&self, names: &[&str]) -> Option<Spot> {
        let mut entry = self.nodes.first()?;
        let mut spot = entry.spot;
        for name in names {
            match entry.children.get(*name).and_then(|child| self.nodes.get(*child)) {
                Some(child) => {
                    entry = child;
                    spot = child.spot.or(spot);
                }
                None => break,
            }
        }
        spot
    }
}

/// Reads ` at line 3 column 5` off the end of an error; a missing place is the very first one.
fn spot_of(error: &impl fmt::Display) -> Spot {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .and_then(|(_, place)| place.split_once(" column "))
        .and_then(|(line, column)| Some((line.parse().ok()?, column.parse().ok()?)))
        .unwrap_or((1, 1))
}

/// What one pass over the text has found so far.
struct Pass {
    entries: RefCell<Vec<Entry>>,
    twice: RefCell<Option<(String, Spot)>>,
}

struct NodeSeed<'a> {
    pass: &'a Pass,
    at: usize,
}

impl NodeSeed<'_> {
    fn add(&self, name: String, spot: Option<Spot>) -> usize {
        let mut entries = self.pass.entries.borrow_mut();
        let id = entries.len();
        entries.push(Entry { spot, children: HashMap::new() });
        if let Some(parent) = entries.get_mut(self.at) {
            let before = parent.children.insert(name.clone(), id);
            if let (Some(_), Some(spot)) = (before, spot) {
                self.pass.twice.borrow_mut().get_or_insert((name, spot));
            }
        }
        id
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let scalar = Cell::new(false);
        let (pass, at) = (self.pass, self.at);
        match deserializer.deserialize_any(NodeVisitor { seed: self, scalar: &scalar }) {
            Err(error) if scalar.get() => {
                // A key's own place is the better one; elements of lists have only this.
                if let Some(entry) = pass.entries.borrow_mut().get_mut(at) {
                    entry.spot.get_or_insert(spot_of(&error));
                }
                Ok(())
            }
            other => other,
        }
    }
}

struct NodeVisitor<'a> {
    seed: NodeSeed<'a>,
    scalar: &'a Cell<bool>,
}

impl NodeVisitor<'_> {
    fn stop<E: Error>(self) -> Result<(), E> {
        self.scalar.set(true);
        Err(E::custom("here"))
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.stop()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.stop()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.stop()
    }

    fn visit_i128<E: Error>(self, _: i128) -> Result<(), E> {
        self.stop()
    }

    fn visit_u128<E: Error>(self, _: u128) -> Result<(), E> {
        self.stop()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.stop()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.stop()
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.stop()
    }

    fn visit_none<E: Error>(self) -> Result<(), E> {
        self.stop()
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        let (_, variant) = access.variant::<String>()?;
        variant.newtype_variant_seed(self.seed)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        for index in 0_usize.. {
            let at = self.seed.add(index.to_string(), None);
            let next = NodeSeed { pass: self.seed.pass, at };
            if elements.next_element_seed(next)?.is_none() {
                break;
            }
            self.first_child_places(at);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        while let Some((name, spot)) = pairs.next_key_seed(KeySeed)? {
            let at = self.seed.add(name, Some(spot));
            pairs.next_value_seed(NodeSeed { pass: self.seed.pass, at })?;
        }
        Ok(())
    }
}

impl NodeVisitor<'_> {
    /// A list's element that is a map stands where its first key does.
    fn first_child_places(&self, at: usize) {
        let mut entries = self.seed.pass.entries.borrow_mut();
        let first = entries.get(at).and_then(|entry| {
            entry.children.values().filter_map(|child| entries.get(*child)?.spot).min()
        });
        if let (Some(entry), Some(first)) = (entries.get_mut(at), first) {
            entry.spot.get_or_insert(first);
        }
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = (String, Spot);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = RefCell::new(None);
        match deserializer.deserialize_str(KeyVisitor(&text)) {
            Ok(never) => match never {},
            Err(error) => match text.into_inner() {
                Some(text) => Ok((text, spot_of(&error))),
                None => Err(error),
            },
        }
    }
}

/// [`KeyVisitor`] never succeeds.
enum Never {}

struct KeyVisitor<'a>(&'a RefCell<Option<String>>);

impl Visitor<'_> for KeyVisitor<'_> {
    type Value = Never;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Never, E> {
        self.0.replace(Some(text.to_owned()));
        Err(E::custom("here"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let text = "\
# a comment
entryPoints:
  web:
    address: \":80\"
    'quoted key': {flow: 1, other: [x, y]}
list:
  - main: a
    sans:
      - b
  - !tag
    main: c
text: |
  one
  two
80: number
null: ~
after: &anchor
  deep: 1
alias: *anchor
";
        let index = YamlIndex::of(text);
        let table: &[(&[&str], Spot)] = &[
            (&["entryPoints"], (2, 1)),
            (&["entryPoints", "web"], (3, 3)),
            (&["entryPoints", "web", "address"], (4, 5)),
            (&["entryPoints", "web", "quoted key"], (5, 5)),
            (&["entryPoints", "web", "quoted key", "other"], (5, 29)),
            (&["entryPoints", "web", "quoted key", "other", "1"], (5, 40)),
            (&["list", "0"], (7, 5)),
            (&["list", "0", "sans", "0"], (9, 9)),
            (&["list", "1", "main"], (11, 5)),
            (&["text"], (12, 1)),
            (&["80"], (15, 1)),
            (&["null"], (16, 1)),
            (&["after", "deep"], (18, 3)),
            (&["alias"], (19, 1)),
            (&["entryPoints", "web", "missing", "far"], (3, 3)),
        ];
        for (names, expected) in table {
            assert_eq!(index.find(names), Some(*expected), "{names:?}");
        }
        assert_eq!(index.find(&["missing"]), None);
    }

    #[test]
    fn broken_text_keeps_what_was_found() {
        for text in ["", "a: 1\nb: [\n", "? {x: y}\n: z\n", "a: &x [*x]\n", "- a\n-b", "{", "\u{0}"]
        {
            let index = YamlIndex::of(text);
            let _ = index.find(&["a"]);
        }
        assert_eq!(YamlIndex::of("a: 1\n? {x: y}\n: z\n").find(&["a"]), Some((1, 1)));
    }

    #[test]
    fn large_files_take_one_pass() {
        let text: String = (0..20_000).map(|n| format!("r{n}:\n  rule: x\n")).collect();
        let index = YamlIndex::of(&text);
        assert_eq!(index.find(&["r19999", "rule"]), Some((40_000, 3)));
    }
}
