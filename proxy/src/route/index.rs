//! Which rules can match a host: exact names and wildcards by hash, the others always.
//!
//! From each rule a set of hosts is derived outside of which it cannot hold. The set may be too
//! large (the rule itself is asked in the end), never too small.

use std::collections::HashMap;

use swarmgate_config::breath::breathe;

use super::path_index::PathIndex;
use super::predicate::{Predicate, Test, below_first_label, without_dot};

/// The hosts of one rule; more are treated as any host, so that one rule cannot blow up the index.
const HOSTS_LIMIT: usize = 20_000;

#[derive(Debug, Default)]
pub(super) struct Index {
    /// By host, with and without a dot at the end as rules allow.
    exact: HashMap<Box<str>, PathIndex>,
    /// By what stands behind `*`.
    below: HashMap<Box<str>, PathIndex>,
    any: PathIndex,
}

/// Where a rule is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Exact(Box<str>),
    Below(Box<str>),
}

impl Index {
    /// Rules in order of precedence; the ranks that [`Index::first`] gives are places in it.
    pub(super) fn build<'r>(rules: impl Iterator<Item = &'r Predicate>) -> Self {
        // Growing hashes all of them anew, at once.
        let mut exact: HashMap<Box<str>, Vec<(u32, &Predicate)>> =
            HashMap::with_capacity(rules.size_hint().0);
        let mut below: HashMap<Box<str>, Vec<(u32, &Predicate)>> = HashMap::new();
        let mut any = Vec::new();
        for (rank, rule) in (0_u32..).zip(rules) {
            breathe();
            let Some(keys) = hosts(rule) else {
                any.push((rank, rule));
                continue;
            };
            for key in keys {
                let (map, host) = match key {
                    Key::Exact(host) => (&mut exact, host),
                    Key::Below(host) => (&mut below, host),
                };
                let undotted = without_dot(&host);
                if undotted.len() < host.len() {
                    push(map.entry(undotted.into()).or_default(), rank, rule);
                }
                push(map.entry(host).or_default(), rank, rule);
            }
        }
        let finish = |map: HashMap<Box<str>, Vec<(u32, &Predicate)>>| {
            let built = map.into_iter().map(|(host, rules)| {
                breathe();
                (host, PathIndex::build(&rules))
            });
            built.collect()
        };
        Self { exact: finish(exact), below: finish(below), any: PathIndex::build(&any) }
    }

    /// The lowest rank whose rule `holds`.
    pub(super) fn first(
        &self,
        host: &str,
        path: &[u8],
        holds: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let mut best = None;
        let mut ask = |map: &HashMap<Box<str>, PathIndex>, host: &str| {
            if map.is_empty() {
                return;
            }
            if let Some(rules) = map.get(host) {
                rules.first(path, &holds, &mut best);
            }
            let undotted = without_dot(host);
            if undotted.len() < host.len()
                && let Some(rules) = map.get(undotted)
            {
                rules.first(path, &holds, &mut best);
            }
        };
        ask(&self.exact, host);
        ask(&self.below, below_first_label(host));
        self.any.first(path, &holds, &mut best);
        best
    }
}

/// Adds a rule once.
fn push<'r>(rules: &mut Vec<(u32, &'r Predicate)>, rank: u32, rule: &'r Predicate) {
    if rules.last().is_none_or(|(last, _)| *last != rank) {
        rules.push((rank, rule));
    }
}

/// The hosts outside of which the rule cannot hold; `None`: any host.
fn hosts(rule: &Predicate) -> Option<Vec<Key>> {
    match rule {
        Predicate::Is(Test::Host(host)) => Some(vec![Key::Exact(host.clone())]),
        Predicate::Is(Test::HostBelow(tail)) => Some(vec![Key::Below(tail.clone())]),
        Predicate::Is(Test::Never) => Some(Vec::new()),
        // All parts must hold, so the narrowest set of one part bounds the whole.
        Predicate::All(parts) => parts.iter().filter_map(hosts).min_by_key(Vec::len),
        Predicate::Any(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(hosts(part)?);
                if all.len() > HOSTS_LIMIT {
                    return None;
                }
            }
            Some(all)
        }
        _ => None,
    }
}
