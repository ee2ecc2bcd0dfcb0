//! Which rules of one host can match a path: exact paths by hash, prefixes by one binary search.

use std::collections::{BTreeMap, HashMap};

use swarmgate_config::breath::breathe;

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
    /// Of the exact paths: longer ones need not be hashed.
    longest: usize,
    prefixes: Prefixes,
}

/// Prefixes, sorted.
#[derive(Debug, Default)]
struct Prefixes {
    /// What all of them begin with.
    common: Box<[u8]>,
    /// For each entry its first bytes behind that: the search reads one small piece of memory, and
    /// asks an entry itself only where these bytes leave it open.
    first_bytes: Box<[u64]>,
    entries: Box<[Prefix]>,
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

// Thousands are dropped together.
impl Drop for PathIndex {
    fn drop(&mut self) {
        breathe();
    }
}

impl Drop for Prefix {
    fn drop(&mut self) {
        breathe();
    }
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
            breathe();
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
        let longest = exact.keys().map(|path| path.len()).max().unwrap_or_default();
        let exact = exact.into_iter().inspect(|_| breathe());
        let exact = exact.map(|(path, ranks)| (path.into(), ranks.into())).collect();
        let by_path = ByPath { exact, longest, prefixes: Prefixes::new(chained(prefixes)) };
        Self { any: any.into(), by_path: Some(Box::new(by_path)) }
    }

    /// Lowers `best` to the lowest rank here whose rule `holds`, if it is lower.
    pub(super) fn first(&self, path: &[u8], holds: &impl Fn(u32) -> bool, best: &mut Option<u32>) {
        scan(&self.any, holds, best);
        let Some(by_path) = &self.by_path else { return };
        if path.len() <= by_path.longest
            && let Some(ranks) = by_path.exact.get(path)
        {
            scan(ranks, holds, best);
        }
        for entry in by_path.prefixes.of(path) {
            scan(&entry.rules, holds, best);
        }
    }
}

impl Prefixes {
    fn new(entries: Box<[Prefix]>) -> Self {
        // What the first and the last have in common, all between them have as well.
        let common: Box<[u8]> = match (entries.first(), entries.last()) {
            (Some(first), Some(last)) => {
                let pairs = first.prefix.iter().zip(&last.prefix);
                pairs.take_while(|(a, b)| a == b).map(|(byte, _)| *byte).collect()
            }
            _ => Box::default(),
        };
        let behind =
            |entry: &Prefix| first_bytes(entry.prefix.strip_prefix(&*common).unwrap_or_default());
        Self { first_bytes: entries.iter().map(behind).collect(), common, entries }
    }

    /// The entries that the path begins with, longest first.
    ///
    /// Whatever prefix the path begins with sorts before it, and the last entry not behind the path
    /// begins with it too, hence is among that entry's parents (or is that entry).
    fn of<'p>(&'p self, path: &'p [u8]) -> impl Iterator<Item = &'p Prefix> {
        let last = path.strip_prefix(&*self.common).and_then(|rest| {
            let bytes = first_bytes(rest);
            let open = self.first_bytes.partition_point(|other| *other < bytes);
            let rest = self.first_bytes.get(open..)?;
            let end = open + rest.partition_point(|other| *other == bytes);
            let equal = self.entries.get(open..end)?;
            let behind = open + equal.partition_point(|entry| *entry.prefix <= *path);
            self.entries.get(behind.checked_sub(1)?)
        });
        let parent = |entry: &&'p Prefix| self.entries.get(entry.parent? as usize);
        // What the parent of one that it begins with begins with, it begins with too.
        std::iter::successors(last, parent).skip_while(|entry| !path.starts_with(&entry.prefix))
    }
}

/// The first eight bytes as a number that sorts as they do; what is missing counts as zero.
fn first_bytes(text: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    for (to, from) in bytes.iter_mut().zip(text) {
        *to = *from;
    }
    u64::from_be_bytes(bytes)
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
        breathe();
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Long ones that differ late, short ones, and zeros, which the first bytes are filled with.
    fn any_text() -> impl Strategy<Value = Vec<u8>> {
        let lead = prop::sample::select(vec!["", "/", "/api/", "/api/version/", "/api/versions"]);
        let tail = prop::collection::vec(prop::sample::select(vec![0, b'/', b'a', 0xff]), 0..12);
        (lead, tail).prop_map(|(lead, tail)| [lead.as_bytes(), &tail].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn all_prefixes_of_a_path_are_found(
            prefixes in prop::collection::btree_set(any_text(), 0..40),
            paths in prop::collection::vec(any_text(), 1..20),
        ) {
            let sorted = prefixes.iter().map(|prefix| (prefix.as_slice(), vec![0])).collect();
            let index = Prefixes::new(chained(sorted));
            for path in &paths {
                let found: Vec<&[u8]> = index.of(path).map(|entry| &*entry.prefix).collect();
                let mut expected: Vec<&[u8]> = prefixes
                    .iter()
                    .map(Vec::as_slice)
                    .filter(|prefix| path.starts_with(prefix))
                    .collect();
                expected.reverse();
                prop_assert_eq!(found, expected, "{:?}", path);
            }
        }
    }
}
