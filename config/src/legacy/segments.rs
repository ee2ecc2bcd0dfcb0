//! Which labels are v1's, and which of them belong together.
//!
//! `traefik.<segment>.port`, `traefik.<segment>.frontend.rule` and the like make a frontend and a
//! backend for each segment (v1: segments; before 1.6: services). Labels without a segment hold for
//! all of them. Names are compared as they stand, as v1 does.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::breath::breathe;

/// Labels of v1 that stand alone.
const WORDS: &[&str] = &["port", "portIndex", "portName", "weight", "protocol", "backend"];

/// First levels that are today's; a segment cannot be called so.
const TODAY: &[&str] = &["http", "tcp", "udp", "tls", "docker", "swarm"];

/// One label: its whole key and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Given<'a> {
    pub key: &'a str,
    pub value: &'a str,
}

/// Labels by what stands behind `traefik.` and the segment.
pub(super) type Group<'a> = BTreeMap<&'a str, Given<'a>>;

/// Whether a label is v1's. `traefik.domain` and `traefik.tags` alone prove nothing.
pub(super) fn is_v1(key: &str) -> bool {
    breathe();
    key.strip_prefix("traefik.").is_some_and(|rest| split(rest).is_some())
}

fn is_property(text: &str) -> bool {
    WORDS.contains(&text) || text.starts_with("frontend.") || text.starts_with("backend.")
}

/// The segment (empty for none) and the rest of what stands behind `traefik.`.
fn split(rest: &str) -> Option<(&str, &str)> {
    if is_property(rest) {
        return Some(("", rest));
    }
    let (top, _) = rest.split_once('.')?;
    if TODAY.iter().any(|word| word.eq_ignore_ascii_case(top)) {
        return None;
    }
    // The shortest segment wins, as in v1's expression.
    rest.match_indices('.').find_map(|(at, _)| {
        let (segment, property) = (rest.get(..at)?, rest.get(at.checked_add(1)?..)?);
        (!segment.is_empty() && is_property(property)).then_some((segment, property))
    })
}

/// A service's labels of v1.
pub(super) struct Sorted<'a> {
    /// Those without a segment, `domain` and `tags` among them.
    pub shared: Group<'a>,
    /// The others by segment.
    pub segments: BTreeMap<&'a str, Group<'a>>,
}

impl<'a> Sorted<'a> {
    pub fn new(labels: &'a BTreeMap<String, String>) -> Self {
        let mut sorted = Self { shared: Group::new(), segments: BTreeMap::new() };
        for (key, value) in labels {
            breathe();
            let Some(rest) = key.strip_prefix("traefik.") else { continue };
            let given = Given { key, value };
            match split(rest) {
                Some(("", property)) => {
                    sorted.shared.insert(property, given);
                }
                Some((segment, property)) => {
                    sorted.segments.entry(segment).or_default().insert(property, given);
                }
                None if matches!(rest, "domain" | "tags") => {
                    sorted.shared.insert(rest, given);
                }
                None => {}
            }
        }
        sorted
    }

    /// Whether labels of v3 say where requests go: then nobody looks at those of v1.
    pub fn is_beside_v3(&self, labels: &BTreeMap<String, String>) -> bool {
        labels.keys().any(|key| {
            let mut levels = key.split('.');
            let mut is = |words: &[&str]| {
                levels
                    .next()
                    .is_some_and(|level| words.iter().any(|word| word.eq_ignore_ascii_case(level)))
            };
            is(&["traefik"]) && is(&["http", "tcp", "udp"]) && is(&["routers", "services"])
        })
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = Given<'a>> {
        let segments = self.segments.values().flat_map(BTreeMap::values);
        self.shared.values().chain(segments).copied()
    }
}

/// The labels of one segment, and behind them those that hold for all.
#[derive(Clone, Copy)]
pub(super) struct Part<'g, 'a> {
    pub segment: &'a str,
    pub own: &'g Group<'a>,
    pub shared: &'g Group<'a>,
}

impl<'a> Part<'_, 'a> {
    /// The label of this name.
    pub fn get(&self, name: &str) -> Option<Given<'a>> {
        self.own.get(name).or_else(|| self.shared.get(name)).copied()
    }

    /// What stands behind a prefix, in order of the names; the segment's own labels win.
    pub fn under(&self, prefix: &str) -> BTreeMap<&'a str, Given<'a>> {
        let mut found = BTreeMap::new();
        for group in [self.shared, self.own] {
            let range = (Bound::Included(prefix), Bound::Unbounded);
            for (name, given) in group.range::<str, _>(range) {
                let Some(rest) = name.strip_prefix(prefix) else { break };
                found.insert(rest, *given);
            }
        }
        found
    }
}
