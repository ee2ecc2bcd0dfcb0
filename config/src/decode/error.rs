//! Why a node could not be decoded; becomes a finding once its tree is at hand.

use std::fmt;

use super::suggest::closest;
use super::text::{quote, shorten};
use super::tree::{Id, ROOT, Tree};
use crate::finding::{Finding, Severity};

/// An error at a node.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DecodeError {
    pub problem: Problem,
    pub expected: Option<String>,
    /// The innermost node that is to blame.
    pub node: Option<Id>,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    /// No field has the node's name; these have.
    UnknownKey { known: Vec<&'static str> },
    /// The node's value is wrong.
    Value(String),
}

impl DecodeError {
    /// A wrong value.
    pub fn value(message: impl Into<String>, expected: impl Into<String>) -> Self {
        Self {
            problem: Problem::Value(message.into()),
            expected: Some(expected.into()),
            node: None,
        }
    }

    /// Blames a node unless one further in is blamed already.
    pub fn at(mut self, node: Id) -> Self {
        self.node.get_or_insert(node);
        self
    }

    /// The finding that it is.
    pub fn finding(&self, tree: &Tree, severity: Severity) -> Finding {
        let node = self.node.unwrap_or(ROOT);
        let origin = tree.origin(node);
        match &self.problem {
            Problem::UnknownKey { known } => unknown_key(tree, node, known, severity),
            Problem::Value(message) => {
                let message = if tree.source.origin_lacks_path() && node != ROOT {
                    format!("{}: {message}", tree.path(node))
                } else {
                    message.clone()
                };
                let finding = Finding::new(severity, origin, message);
                match &self.expected {
                    Some(expected) => finding.expected(expected.clone()),
                    None => finding,
                }
            }
        }
    }
}

/// The finding about a key that nobody knows: names it, what it stands in, and the closest known.
pub(super) fn unknown_key(tree: &Tree, node: Id, known: &[&str], severity: Severity) -> Finding {
    let name = &tree.node(node).name;
    let parent = tree.path(tree.node(node).parent);
    let place = if parent.is_empty() { String::new() } else { format!(" in {parent}") };
    let closest = closest(name, known);
    let mut message = format!("unknown key {}{place}", quote(name));
    if let Some(closest) = closest {
        message.push_str(&format!("; the closest known key is {closest:?}"));
    }
    let finding = Finding::new(severity, tree.origin(node), message);
    match closest {
        Some(_) => finding,
        None if known.is_empty() => finding,
        None => finding.expected(format!("one of {}", known.join(", "))),
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::UnknownKey { .. } => f.write_str("unknown key"),
            Problem::Value(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let message = shorten(&message.to_string(), 400);
        Self { problem: Problem::Value(message), expected: None, node: None }
    }
}
