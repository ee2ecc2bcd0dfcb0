//! YAML -> a tree in which every key and value knows its line and column.
//!
//! The library tells places only in errors, so each scalar is answered with an error whose place
//! is noted, and reading goes on: an error at a scalar has consumed exactly that scalar.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

use super::source::Spot;

/// Aliases may repeat what is long: so many values and bytes are read at most.
const MOST_NODES: usize = 1_000_000;
const MOST_BYTES: usize = 64 << 20;
/// Brackets that are open at once.
const MOST_OPEN: usize = 10_000;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where: a map or list stands where its first key or element does.
    pub at: Spot,
    /// What.
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `~`, `null` or nothing.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number, as Go prints it.
    Number(String),
    /// Any other scalar.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<Pair>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Spot,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// Nothing, somewhere in a file.
    pub fn nothing(file: usize) -> Self {
        Self { at: Spot::whole(file), value: Value::Null }
    }

    /// The pairs of a map; none of anything else.
    pub fn pairs(&self) -> &[Pair] {
        match &self.value {
            Value::Map(pairs) => pairs,
            _ => &[],
        }
    }

    /// The elements of a list; none of anything else.
    pub fn elements(&self) -> &[Node] {
        match &self.value {
            Value::List(elements) => elements,
            _ => &[],
        }
    }

    /// The pair of a key.
    pub fn pair(&self, key: &str) -> Option<&Pair> {
        self.pairs().iter().find(|pair| pair.key == key)
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pair(key).map(|pair| &pair.node)
    }

    /// The value at the end of several keys.
    pub fn path(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A scalar as text; nothing is the empty text.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Null => Some(String::new()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(text) | Value::Text(text) => Some(text.clone()),
            Value::List(_) | Value::Map(_) => None,
        }
    }

    /// `true`, also as text.
    pub fn is_true(&self) -> bool {
        match &self.value {
            Value::Bool(value) => *value,
            Value::Text(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        self.value == Value::Null
    }
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Read {
    /// The first document, merge keys applied.
    pub root: Node,
    /// Keys that their map has already.
    pub twice: Vec<(String, Spot)>,
    /// Where another document follows.
    pub more: Option<Spot>,
}

/// Why a text could not be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken {
    /// Why.
    pub message: String,
    /// Where, if known.
    pub at: Option<Spot>,
}

/// Reads a text; `file` goes into the places.
pub fn read(file: usize, text: &str) -> Result<Read, Broken> {
    if let Some(at) = too_deep(file, text) {
        return Err(Broken { message: "brackets nest too deeply".to_owned(), at: Some(at) });
    }
    let pass = Pass { file, nodes: Cell::new(0), bytes: Cell::new(0), twice: RefCell::default() };
    let mut documents = serde_yaml::Deserializer::from_str(text);
    let Some(document) = documents.next() else {
        return Ok(Read { root: Node::nothing(file), twice: Vec::new(), more: None });
    };
    let input = text;
    let mut root = NodeSeed(&pass).deserialize(document).map_err(|error| {
        let text = error.to_string();
        let (message, place) = text.split_once(" at line ").unwrap_or((text.as_str(), ""));
        let at = first_place(file, place).or_else(|| position(file, input, message));
        Broken { message: message.to_owned(), at }
    })?;
    apply_merges(&mut root);
    // Asking for the next document reads on, and may find an error that is not ours. The first
    // line may begin the first document.
    let begins = |line: &str| line == "---" || line.starts_with("--- ");
    let lines = text.lines().enumerate().filter(|(_, line)| begins(line.trim_end()));
    let is_empty = |line: &&str| line.trim().is_empty() || line.starts_with(['#', '%']);
    let before = text.lines().take_while(is_empty).count();
    let next = lines.map(|(number, _)| number).find(|number| *number > before);
    let more = next.filter(|_| {
        documents
            .next()
            .is_some_and(|next| NodeSeed(&pass).deserialize(next).is_ok_and(|node| !node.is_null()))
    });
    let more = more.map(|number| Spot {
        file,
        line: u32::try_from(number.saturating_add(1)).unwrap_or(u32::MAX),
        column: 1,
    });
    Ok(Read { root, twice: pass.twice.into_inner(), more })
}

/// The place of `... at position 112`, which counts bytes.
fn position(file: usize, text: &str, message: &str) -> Option<Spot> {
    let (_, number) = message.rsplit_once("at position ")?;
    let before = text.get(..number.trim().parse().ok()?)?;
    let (lines, last) = match before.rsplit_once('\n') {
        Some((lines, last)) => (lines.split('\n').count(), last),
        None => (0, before),
    };
    let number = |at: usize| u32::try_from(at.saturating_add(1)).ok();
    Some(Spot { file, line: number(lines)?, column: number(last.chars().count())? })
}

/// The bracket at which so many are open that the library would take its time: it looks through all
/// of them at each one more. Those in texts count as well, and no text has so many.
fn too_deep(file: usize, text: &str) -> Option<Spot> {
    let mut open = 0_usize;
    for (line, content) in text.split('\n').enumerate() {
        for (column, letter) in content.chars().enumerate() {
            match letter {
                '[' | '{' => open = open.saturating_add(1),
                ']' | '}' => open = open.saturating_sub(1),
                _ => continue,
            }
            if open > MOST_OPEN {
                let number = |at: usize| u32::try_from(at.saturating_add(1)).unwrap_or(u32::MAX);
                return Some(Spot { file, line: number(line), column: number(column) });
            }
        }
    }
    None
}

/// `3 column 5, while ...`
fn first_place(file: usize, place: &str) -> Option<Spot> {
    let (line, rest) = place.split_once(" column ")?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some(Spot { file, line: line.parse().ok()?, column: digits.parse().ok()? })
}

/// Reads ` at line 3 column 5` off the end of an error; a missing place is the very first one.
fn spot_of(file: usize, error: &impl fmt::Display) -> Spot {
    let text = error.to_string();
    text.rsplit_once(" at line ").and_then(|(_, place)| first_place(file, place)).unwrap_or(Spot {
        file,
        line: 1,
        column: 1,
    })
}

/// `<<: *anchor` and `<<: [*a, *b]`: what the map has itself wins, then what comes first.
fn apply_merges(node: &mut Node) {
    match &mut node.value {
        Value::List(elements) => elements.iter_mut().for_each(apply_merges),
        Value::Map(pairs) => {
            let mut merged = Vec::new();
            while let Some(at) = pairs.iter().position(|pair| {
                pair.key == "<<" && matches!(pair.node.value, Value::Map(_) | Value::List(_))
            }) {
                merged.push(pairs.remove(at).node);
            }
            for pair in pairs.iter_mut() {
                apply_merges(&mut pair.node);
            }
            if merged.is_empty() {
                return;
            }
            let mut own: HashSet<String> = pairs.iter().map(|pair| pair.key.clone()).collect();
            for mut source in merged {
                apply_merges(&mut source);
                let sources = match source.value {
                    Value::List(elements) => elements,
                    value => vec![Node { at: source.at, value }],
                };
                for source in sources {
                    let Value::Map(inner) = source.value else { continue };
                    for pair in inner {
                        if own.insert(pair.key.clone()) {
                            pairs.push(pair);
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

struct Pass {
    file: usize,
    nodes: Cell<usize>,
    bytes: Cell<usize>,
    twice: RefCell<Vec<(String, Spot)>>,
}

impl Pass {
    fn count<E: Error>(&self, bytes: usize) -> Result<(), E> {
        self.nodes.set(self.nodes.get().saturating_add(1));
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        if self.nodes.get() > MOST_NODES || self.bytes.get() > MOST_BYTES {
            return Err(E::custom("too large once its aliases are followed"));
        }
        Ok(())
    }
}

struct NodeSeed<'a>(&'a Pass);

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.0.count(0)?;
        let scalar = RefCell::new(None);
        match deserializer.deserialize_any(NodeVisitor { pass: self.0, scalar: &scalar }) {
            Ok(node) => Ok(node),
            Err(error) => match scalar.into_inner() {
                Some(value) => Ok(Node { at: spot_of(self.0.file, &error), value }),
                None => Err(error),
            },
        }
    }
}

struct NodeVisitor<'a> {
    pass: &'a Pass,
    scalar: &'a RefCell<Option<Value>>,
}

impl NodeVisitor<'_> {
    fn stop<E: Error>(self, value: Value) -> Result<Node, E> {
        if let Value::Text(text) = &value {
            self.pass.count::<E>(text.len())?;
        }
        self.scalar.replace(Some(value));
        Err(E::custom("here"))
    }

    fn number<E: Error>(self, number: impl fmt::Display) -> Result<Node, E> {
        self.stop(Value::Number(number.to_string()))
    }

    /// Nothing has a place of its own when it is empty: its key's is taken then.
    fn whole(&self) -> Spot {
        Spot::whole(self.pass.file)
    }
}

impl<'de> Visitor<'de> for NodeVisitor<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.stop(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        self.number(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.stop(Value::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.stop(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        self.stop(Value::Null)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Node, A::Error> {
        let (_, variant) = access.variant::<String>()?;
        variant.newtype_variant_seed(NodeSeed(self.pass))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = list.next_element_seed(NodeSeed(self.pass))? {
            elements.push(element);
        }
        let at = elements.first().map_or(self.whole(), |first| first.at);
        Ok(Node { at, value: Value::List(elements) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut pairs: Vec<Pair> = Vec::new();
        let mut seen = HashSet::new();
        while let Some((key, at)) = map.next_key_seed(KeySeed(self.pass))? {
            let mut node = map.next_value_seed(NodeSeed(self.pass))?;
            if !node.at.is_line() {
                node.at = at;
            }
            if !seen.insert(key.clone()) {
                self.pass.twice.borrow_mut().push((key.clone(), at));
            }
            pairs.push(Pair { key, at, node });
        }
        let at = pairs.first().map_or(self.whole(), |first| first.at);
        Ok(Node { at, value: Value::Map(pairs) })
    }
}

struct KeySeed<'a>(&'a Pass);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = (String, Spot);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let text = RefCell::new(None);
        match deserializer.deserialize_str(KeyVisitor(&text)) {
            Ok(never) => match never {},
            Err(error) => match text.into_inner() {
                Some(text) => {
                    self.0.count(text.len())?;
                    Ok((text, spot_of(self.0.file, &error)))
                }
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

    fn at(node: Option<&Node>) -> (u32, u32) {
        node.map_or((0, 0), |node| (node.at.line, node.at.column))
    }

    #[test]
    fn places_merges_and_kinds() {
        let text = "\
x-app: &app
  image: one
  labels: [a=1, b=2]
services:
  web:
    <<: *app
    image: two
  other:
    <<: [*app]
  port: 8080
  ratio: 1.5
  nothing:
  yes: true
";
        let read = read(0, text).unwrap();
        let root = &read.root;
        assert!(read.twice.is_empty() && read.more.is_none());
        let web = root.path(&["services", "web"]).unwrap();
        assert_eq!(web.get("image").unwrap().text().as_deref(), Some("two"));
        assert_eq!(at(web.get("image")), (7, 12));
        assert_eq!(at(web.get("labels")), (3, 12));
        assert_eq!(at(web.get("labels").map(|list| &list.elements()[1])), (3, 17));
        let text = |key: &str| root.path(&["services", key]).unwrap().text().unwrap();
        assert_eq!(
            (text("port"), text("ratio"), text("nothing")),
            ("8080".into(), "1.5".into(), String::new())
        );
        let other = root.path(&["services", "other", "image"]).unwrap();
        assert_eq!(other.text().as_deref(), Some("one"));
    }

    #[test]
    fn broken_texts_say_where() {
        let wrong = read(0, "a: 1\nb: [1,\n").unwrap_err();
        assert!(wrong.at.is_some(), "{wrong:?}");
        let wrong = read(0, "a: 1\nbé: \u{7}x\n").unwrap_err();
        assert_eq!(wrong.at, Some(Spot { file: 0, line: 2, column: 5 }), "{wrong:?}");
        assert_eq!(read(0, "x: &x {}\na:\n  <<: *x\n  <<: *x\n").unwrap().twice.len(), 1);
        assert_eq!(read(0, "a: 1\na: 2\n").unwrap().twice.len(), 1);
        let more = |text: &str| read(0, text).unwrap().more.map(|spot| spot.line);
        assert_eq!(more("a: 1\n---\nb: 2\n"), Some(2));
        assert_eq!(more("# x\n---\na: 1\n--- # y\nb: 2\n"), Some(4));
        assert_eq!(more("---\na: 1\n"), None);
        assert!(read(0, "").unwrap().root.is_null());
        for text in ["? {x: y}\n: z\n", "a: &x [*x]\n", "- a\n-b", "{", "\u{0}"] {
            let _ = read(0, text);
        }
    }

    #[test]
    fn open_brackets_are_bounded() {
        let wrong = read(0, &format!("a: 1\nb: {}", "[".repeat(1_000_000))).unwrap_err();
        assert_eq!(wrong.at, Some(Spot { file: 0, line: 2, column: 10_004 }));
        assert!(read(0, &format!("b: [{}]", "[], ".repeat(20_000))).is_ok());
    }

    #[test]
    fn a_billion_laughs_are_bounded() {
        let mut text = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
        for level in 1..10 {
            let before = level - 1;
            let list = vec![format!("*a{before}"); 9].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        assert!(read(0, &text).is_err());
    }
}
