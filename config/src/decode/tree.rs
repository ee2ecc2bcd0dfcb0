//! The keyed tree that every source of configuration becomes before it is decoded.
//!
//! Nodes live in one vector and name each other by index. Labels, flags and variables build it
//! key by key, files build it whole.

use std::collections::HashMap;
use std::sync::Arc;

use super::place::{Place, Source};
use super::text::shorten;
use crate::finding::{Finding, Origin};

/// Deeper keys are refused: nothing in Traefik's model comes near, and recursion over the tree
/// must stay bounded whatever a label says.
pub(super) const MAX_DEPTH: usize = 32;

/// The index of a node.
pub(super) type Id = usize;

/// The root of every tree.
pub(super) const ROOT: Id = 0;

/// What a scalar was in its source. Labels, flags and variables know only text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScalarKind {
    Text,
    Bool,
    Number,
}

/// A scalar as text.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scalar {
    pub text: String,
    pub kind: ScalarKind,
}

/// Whether a file said outright what a node is; keyed sources leave it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Open,
    Map,
    List,
}

/// One level of one or several keys.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// As spelled.
    pub name: String,
    pub parent: Id,
    pub children: Vec<Id>,
    /// Several only where a flag is repeated.
    pub scalars: Vec<Scalar>,
    pub shape: Shape,
    pub place: Place,
    /// Cut out: neither decoded nor scanned any more.
    pub removed: bool,
}

/// A tree and where it came from.
#[derive(Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    pub source: Source,
    /// What was remarkable while the source was read.
    pub notes: Vec<Finding>,
}

impl Tree {
    /// An empty tree.
    pub fn new(source: Source) -> Self {
        let root = Node {
            name: String::new(),
            parent: ROOT,
            children: Vec::new(),
            scalars: Vec::new(),
            shape: Shape::Open,
            place: Place::Unknown,
            removed: false,
        };
        Self { nodes: vec![root], source, notes: Vec::new() }
    }

    /// The node behind an index that this tree gave out.
    pub fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// As [`Tree::node`], to change.
    pub fn node_mut(&mut self, id: Id) -> &mut Node {
        &mut self.nodes[id]
    }

    /// Adds a child.
    pub fn add(&mut self, parent: Id, name: &str, place: Place) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node {
            name: name.to_owned(),
            parent,
            children: Vec::new(),
            scalars: Vec::new(),
            shape: Shape::Open,
            place,
            removed: false,
        });
        self.nodes[parent].children.push(id);
        id
    }

    /// The children that were not cut out.
    pub fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        self.nodes[id].children.iter().copied().filter(|child| !self.nodes[*child].removed)
    }

    /// Whether any child is left.
    pub fn has_children(&self, id: Id) -> bool {
        self.children(id).next().is_some()
    }

    /// The child of this name, whatever its case.
    pub fn child(&self, id: Id, name: &str) -> Option<Id> {
        self.children(id).find(|child| self.nodes[*child].name.eq_ignore_ascii_case(name))
    }

    /// The node at the end of these names, or the last one on the way that exists.
    pub fn nearest(&self, names: &[&str]) -> Id {
        let mut at = ROOT;
        for name in names {
            match self.child(at, name) {
                Some(child) => at = child,
                None => break,
            }
        }
        at
    }

    /// The dotted path as spelled, for messages; shortened.
    pub fn path(&self, id: Id) -> String {
        shorten(&self.names(id).join("."), 200)
    }

    /// The names from below the root down to the node.
    pub fn names(&self, id: Id) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = id;
        while at != ROOT {
            names.push(self.nodes[at].name.as_str());
            at = self.nodes[at].parent;
        }
        names.reverse();
        names
    }

    /// Where a node was written.
    pub fn origin(&self, id: Id) -> Origin {
        self.source.origin(&self.nodes[id].place, &self.names(id))
    }
}

/// Why a key cannot be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KeyError {
    /// `a..b`, or nothing at all.
    EmptyLevel,
    /// `a.[0]`, `a[0`.
    Bracket,
    /// More than [`MAX_DEPTH`] levels.
    Deep,
}

impl KeyError {
    /// What to say about it.
    pub fn message(&self) -> String {
        match self {
            KeyError::EmptyLevel => "the key has an empty level between two dots".into(),
            KeyError::Bracket => "the key has a bracket that is not an index such as [0]".into(),
            KeyError::Deep => format!("the key has more than {MAX_DEPTH} levels"),
        }
    }
}

/// Splits `a.b[0].c` into `a`, `b`, `0`, `c`.
pub(super) fn split_key(key: &str) -> Result<Vec<&str>, KeyError> {
    let mut names = Vec::new();
    for part in key.split('.') {
        if names.len() > MAX_DEPTH {
            return Err(KeyError::Deep);
        }
        let (name, mut indexes) = match part.find('[') {
            None => (part, ""),
            Some(0) => return Err(KeyError::Bracket),
            Some(at) => part.split_at(at),
        };
        if name.is_empty() {
            return Err(KeyError::EmptyLevel);
        }
        names.push(name);
        while !indexes.is_empty() {
            let Some((index, rest)) =
                indexes.strip_prefix('[').and_then(|indexes| indexes.split_once(']'))
            else {
                return Err(KeyError::Bracket);
            };
            if index.is_empty() || names.len() > MAX_DEPTH {
                return Err(KeyError::Bracket);
            }
            names.push(index);
            indexes = rest;
        }
    }
    if names.len() > MAX_DEPTH { Err(KeyError::Deep) } else { Ok(names) }
}

/// Builds a tree from keys. Two spellings of one key meet in one node, which keeps the name of
/// whichever came first: hand keys over in byte order to get Traefik's choice.
pub(super) struct Builder {
    tree: Tree,
    index: HashMap<(Id, String), Id>,
}

impl Builder {
    /// An empty builder.
    pub fn new(source: Source) -> Self {
        Self { tree: Tree::new(source), index: HashMap::new() }
    }

    /// Goes to a node, making what is missing on the way.
    pub fn reach(&mut self, names: &[&str], key: &Arc<str>) -> Id {
        let mut at = ROOT;
        for name in names {
            let lower = name.to_lowercase();
            at = match self.index.get(&(at, lower.clone())) {
                Some(id) => *id,
                None => {
                    let id = self.tree.add(at, name, Place::Key(key.clone()));
                    self.index.insert((at, lower), id);
                    id
                }
            };
        }
        at
    }

    /// Puts one more scalar at a node and remembers its key as the node's place.
    pub fn put(&mut self, id: Id, text: &str, key: &Arc<str>) {
        let node = self.tree.node_mut(id);
        node.scalars.push(Scalar { text: text.to_owned(), kind: ScalarKind::Text });
        node.place = Place::Key(key.clone());
    }

    /// The tree.
    pub fn build(self) -> Tree {
        self.tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let deep = vec!["a"; MAX_DEPTH + 1].join(".");
        let table: &[(&str, Result<&[&str], KeyError>)] = &[
            ("a.b", Ok(&["a", "b"])),
            ("a.b[0].c", Ok(&["a", "b", "0", "c"])),
            ("a.b.0.c", Ok(&["a", "b", "0", "c"])),
            ("a[0][1]", Ok(&["a", "0", "1"])),
            ("", Err(KeyError::EmptyLevel)),
            ("a..b", Err(KeyError::EmptyLevel)),
            ("a.", Err(KeyError::EmptyLevel)),
            ("a.[0]", Err(KeyError::Bracket)),
            ("a[0", Err(KeyError::Bracket)),
            ("a[]", Err(KeyError::Bracket)),
            ("a[0]x", Err(KeyError::Bracket)),
            (&deep, Err(KeyError::Deep)),
        ];
        for (key, expected) in table {
            assert_eq!(split_key(key), expected.clone().map(<[&str]>::to_vec), "{key:?}");
        }
    }

    #[test]
    fn spellings_meet() {
        let mut builder = Builder::new(Source::Flags);
        for key in ["entryPoints.wEb.address", "entrypoints.web.asDefault"] {
            let names = split_key(key).unwrap();
            let id = builder.reach(&names, &Arc::from(key));
            builder.put(id, "x", &Arc::from(key));
        }
        let tree = builder.build();
        let point = tree.nearest(&["ENTRYPOINTS", "web"]);
        assert_eq!(tree.path(point), "entryPoints.wEb");
        assert_eq!(tree.children(point).count(), 2);
    }
}
