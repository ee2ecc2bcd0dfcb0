//! The keyed tree that every source of configuration becomes before it is decoded.
//!
//! Nodes live in a row and name each other by index. Labels, flags and variables build it
//! key by key, files build it whole. Names and texts are borrowed from the source where it has
//! them as they are: a file of 10,000 routers has some 100,000 nodes.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

use super::place::{Place, Source};
use super::text::shorten;
use crate::breath::{breathe, look};
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
pub(super) struct Scalar<'s> {
    pub text: Cow<'s, str>,
    pub kind: ScalarKind,
}

/// The scalars of a node: mostly none or one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scalars<'s> {
    last: Option<Scalar<'s>>,
    /// Those before it, where a flag is repeated. Nobody pays for it otherwise.
    #[allow(clippy::box_collection)]
    earlier: Option<Box<Vec<Scalar<'s>>>>,
}

impl<'s> Scalars<'s> {
    /// Adds one at the end.
    pub fn push(&mut self, scalar: Scalar<'s>) {
        if let Some(before) = self.last.replace(scalar) {
            self.earlier.get_or_insert_default().push(before);
        }
    }

    /// In order.
    pub fn iter(&self) -> impl Iterator<Item = &Scalar<'s>> {
        self.earlier.iter().flat_map(|earlier| earlier.iter()).chain(&self.last)
    }

    /// The first.
    pub fn first(&self) -> Option<&Scalar<'s>> {
        self.iter().next()
    }

    /// The last.
    pub fn last(&self) -> Option<&Scalar<'s>> {
        self.last.as_ref()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
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
pub(super) struct Node<'s> {
    /// As spelled.
    pub name: Cow<'s, str>,
    pub parent: Id,
    /// First and last child.
    children: Option<(Id, Id)>,
    /// The parent's next child.
    next: Option<Id>,
    /// Several only where a flag is repeated.
    pub scalars: Scalars<'s>,
    pub shape: Shape,
    pub place: Place,
    /// Cut out: neither decoded nor scanned any more.
    pub removed: bool,
}

impl<'s> Node<'s> {
    fn new(parent: Id, name: Cow<'s, str>, place: Place) -> Self {
        Self {
            name,
            parent,
            children: None,
            next: None,
            scalars: Scalars::default(),
            shape: Shape::Open,
            place,
            removed: false,
        }
    }
}

/// So many nodes are allocated at a time: a piece for the allocator's own pages, which is neither
/// moved when more come nor given back to the system in one long step.
const PIECE: usize = 256;

/// All nodes, piece by piece.
#[derive(Debug, Default)]
struct Nodes<'s>(Vec<Vec<Node<'s>>>);

impl<'s> Nodes<'s> {
    fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1).saturating_mul(PIECE);
        full.saturating_add(self.0.last().map_or(0, Vec::len))
    }

    fn push(&mut self, node: Node<'s>) {
        match self.0.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(node),
            _ => {
                // Most trees are those of a handful of labels.
                let room = if self.0.is_empty() { 0 } else { PIECE };
                let mut piece = Vec::with_capacity(room);
                piece.push(node);
                self.0.push(piece);
            }
        }
    }
}

impl<'s> Index<Id> for Nodes<'s> {
    type Output = Node<'s>;

    fn index(&self, id: Id) -> &Node<'s> {
        &self.0[id / PIECE][id % PIECE]
    }
}

impl IndexMut<Id> for Nodes<'_> {
    fn index_mut(&mut self, id: Id) -> &mut Self::Output {
        &mut self.0[id / PIECE][id % PIECE]
    }
}

impl Drop for Nodes<'_> {
    fn drop(&mut self) {
        for piece in self.0.drain(..) {
            drop(piece);
            look();
        }
    }
}

/// A tree and where it came from.
#[derive(Debug)]
pub(super) struct Tree<'s> {
    nodes: Nodes<'s>,
    pub source: Source<'s>,
    /// What was remarkable while the source was read.
    pub notes: Vec<Finding>,
}

impl<'s> Tree<'s> {
    /// An empty tree.
    pub fn new(source: Source<'s>) -> Self {
        let root = Node::new(ROOT, Cow::Borrowed(""), Place::Unknown);
        let mut nodes = Nodes::default();
        nodes.push(root);
        Self { nodes, source, notes: Vec::new() }
    }

    /// The node behind an index that this tree gave out.
    pub fn node(&self, id: Id) -> &Node<'s> {
        &self.nodes[id]
    }

    /// As [`Tree::node`], to change.
    pub fn node_mut(&mut self, id: Id) -> &mut Node<'s> {
        &mut self.nodes[id]
    }

    /// Adds a child.
    pub fn add(&mut self, parent: Id, name: impl Into<Cow<'s, str>>, place: Place) -> Id {
        let id = self.nodes.len();
        self.nodes.push(Node::new(parent, name.into(), place));
        let first = match self.nodes[parent].children {
            Some((first, last)) => {
                self.nodes[last].next = Some(id);
                first
            }
            None => id,
        };
        self.nodes[parent].children = Some((first, id));
        id
    }

    /// The children that were not cut out.
    pub fn children(&self, id: Id) -> Siblings<'_, 's> {
        Siblings { tree: self, next: self.nodes[id].children.map(|(first, _)| first) }
    }

    /// The same tree, with nothing borrowed.
    pub fn into_owned(self) -> Tree<'static> {
        let own = |text: Cow<'s, str>| Cow::Owned(text.into_owned());
        let own_scalar = |scalar: Scalar<'s>| Scalar { text: own(scalar.text), kind: scalar.kind };
        let own_node = |node: Node<'s>| Node {
            name: own(node.name),
            parent: node.parent,
            children: node.children,
            next: node.next,
            scalars: Scalars {
                last: node.scalars.last.map(own_scalar),
                earlier: node
                    .scalars
                    .earlier
                    .map(|all| Box::new(all.into_iter().map(own_scalar).collect())),
            },
            shape: node.shape,
            place: node.place,
            removed: node.removed,
        };
        let mut nodes = Nodes::default();
        let Self { nodes: mut borrowed, source, notes } = self;
        for piece in borrowed.0.drain(..) {
            piece.into_iter().map(own_node).for_each(|node| nodes.push(node));
            look();
        }
        Tree { nodes, source: source.into_owned(), notes }
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
            names.push(&*self.nodes[at].name);
            at = self.nodes[at].parent;
        }
        names.reverse();
        names
    }

    /// Where a node was written.
    pub fn origin(&self, id: Id) -> Origin {
        self.source.origin(&self.nodes[id].place, || self.names(id))
    }
}

/// A node's children, but for those that were cut out.
#[derive(Clone, Debug)]
pub(super) struct Siblings<'t, 's> {
    tree: &'t Tree<'s>,
    next: Option<Id>,
}

impl Iterator for Siblings<'_, '_> {
    type Item = Id;

    fn next(&mut self) -> Option<Id> {
        loop {
            let id = self.next?;
            // Whoever walks over a tree does it through here.
            breathe();
            let node = &self.tree.nodes[id];
            self.next = node.next;
            if !node.removed {
                return Some(id);
            }
        }
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
    tree: Tree<'static>,
    index: HashMap<(Id, String), Id>,
}

impl Builder {
    /// An empty builder.
    pub fn new(source: Source<'static>) -> Self {
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
                    let id = self.tree.add(at, (*name).to_owned(), Place::Key(key.clone()));
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
        node.scalars.push(Scalar { text: text.to_owned().into(), kind: ScalarKind::Text });
        node.place = Place::Key(key.clone());
    }

    /// The tree.
    pub fn build(self) -> Tree<'static> {
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
