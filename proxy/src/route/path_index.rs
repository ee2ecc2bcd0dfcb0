//! Which rules of one host can match a path: exact paths by hash, prefixes by one binary search.

use std::collections::{BTreeMap, HashMap};

use super::predicate::{Predicate, Test};

/// So few rules are scanned: cheaper than any index.
const FEW: usize = 8;

/// The paths and prefixes of one rule; more are treated as any path.
const PATHS_LIMIT: usize = 20_000;

/// The rules of one host, as ranks.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    /// Rules that name no path, or all rules where they are few. In order.
    any: Box<[u32]>,
    by_path: Option<Box<ByPath>>,
}

#[derive(Debug)]
struct ByPath {
    exact: HashMap<Box<[u8]>, Box<[u32]>>,
    /// Sorted by prefix.
    prefixes: Box<[Prefix]>,
}

#[derive(Debug)]
struct Prefix {
    prefix: Box<[u8]>,
    /// The longest other prefix that this one begins with.
    parent: Option<u32>,
    rules: Box<[u32]>,
}

#[derive(Clone, Debug)]
enum Key<'r> {
    Exact(&'r [u8]),
    Prefix(&'r [u8]),
}

impl PathIndex {
    /// Rules with their ranks, in order of precedence.
    pub(super) fn build(rules: &[(u32, &Predicate)]) -> Self {
        if rules.len() <= FEW {
            let any = rules.iter().map(|(rank, _)| *rank).collect();
            return Self { any, by_path: None };
        }
        let mut any = Vec::new();
        let mut exact: HashMap<&[u8], Vec<u32>> = HashMap::new();
        let mut prefixes: BTreeMap<&[u8], Vec<u32>> = BTreeMap::new();
        for (rank, rule) in rules {
            let Some(keys) = paths(rule) else {
                any.push(*rank);
                continue;
            };
            for key in keys {
                let ranks = match key {
                    Key::Exact(path) => exact.entry(path).or_default(),
                    Key::Prefix(prefix) => prefixes.entry(prefix).or_default(),
                };
                if ranks.last() != Some(rank) {
                    ranks.push(*rank);
                }
            }
        }
        let exact = exact.into_iter().map(|(path, ranks)| (path.into(), ranks.into())).collect();
        let by_path = ByPath { exact, prefixes: chained(prefixes) };
        Self { any: any.into(), by_path: Some(Box::new(by_path)) }
    }

    /// Lowers `best` to the lowest rank here whose rule `holds`, if it is lower.
    pub(super) fn first(&self, path: &[u8], holds: &impl Fn(u32) -> bool, best: &mut Option<u32>) {
        scan(&self.any, holds, best);
        let Some(by_path) = &self.by_path else { return };
        if let Some(ranks) = by_path.exact.get(path) {
            scan(ranks, holds, best);
        }
        // Whatever prefix the path begins with sorts before it, and the last entry not behind the
        // path begins with it too, hence is among that entry's parents (or is that entry).
        let behind = by_path.prefixes.partition_point(|entry| *entry.prefix <= *path);
        let mut at = behind.checked_sub(1);
        while let Some(entry) = at.and_then(|at| by_path.prefixes.get(at)) {
            if path.starts_with(&entry.prefix) {
                scan(&entry.rules, holds, best);
            }
            at = entry.parent.map(|parent| parent as usize);
        }
    }
}

/// Asks in order of precedence, no further than the best so far.
fn scan(ranks: &[u32], holds: &impl Fn(u32) -> bool, best: &mut Option<u32>) {
    for rank in ranks {
        if best.is_some_and(|best| best <= *rank) {
            return;
        }
        if holds(*rank) {
            *best = Some(*rank);
            return;
        }
    }
}

/// Sorted prefixes with their parents.
fn chained(prefixes: BTreeMap<&[u8], Vec<u32>>) -> Box<[Prefix]> {
    let mut entries: Vec<Prefix> = Vec::with_capacity(prefixes.len());
    // The entries that the present one may begin with, shortest first.
    let mut open: Vec<(u32, &[u8])> = Vec::new();
    for (place, (prefix, rules)) in (0_u32..).zip(prefixes) {
        while open.last().is_some_and(|(_, last)| !prefix.starts_with(last)) {
            open.pop();
        }
        let parent = open.last().map(|(place, _)| *place);
        open.push((place, prefix));
        entries.push(Prefix { prefix: prefix.into(), parent, rules: rules.into() });
    }
    entries.into()
}

/// The paths outside of which the rule cannot hold; `None`: any path.
fn paths(rule: &Predicate) -> Option<Vec<Key<'_>>> {
    match rule {
        Predicate::Is(Test::Path(path)) => Some(vec![Key::Exact(path)]),
        Predicate::Is(Test::PathPrefix(prefix)) => Some(vec![Key::Prefix(prefix)]),
        Predicate::Is(Test::Never) => Some(Vec::new()),
        // All parts must hold: an exact path bounds better than a prefix, a long one than a short.
        Predicate::All(parts) => parts.iter().filter_map(paths).min_by_key(|keys| {
            let looseness = |key: &Key<'_>| match key {
                Key::Exact(_) => 0,
                Key::Prefix(prefix) => usize::MAX - prefix.len(),
            };
            (keys.len(), keys.iter().map(looseness).max())
        }),
        Predicate::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(paths(part)?);
                if all.len() > PATHS_LIMIT {
                    return None;
                }
            }
            Some(all)
        }
        _ => None,
    }
}
