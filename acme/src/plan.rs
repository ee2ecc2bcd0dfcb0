//! Pure: what is held, what is wanted, what failed -> what to do now, and when to look again.
//!
//! Time is passed in: seconds since 1970. Nothing here waits, writes or asks.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::names::{self, Name};

/// How many orders of one resolver run at once.
pub(crate) const PARALLEL: usize = 4;

/// Identity of a piece of work: the sorted names (as the CA sees them) of its certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key(pub(crate) Vec<String>);

impl Key {
    pub(crate) fn new(names: &[Name]) -> Self {
        let mut sorted: Vec<String> = names.iter().map(|name| name.ascii.clone()).collect();
        sorted.sort();
        sorted.dedup();
        Self(sorted)
    }
}

/// A certificate in the storage.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    /// The names under which it is stored, main first.
    pub(crate) stored: Vec<Name>,
    /// Every name of the certificate itself; empty when it cannot be parsed.
    pub(crate) certified: Vec<String>,
    /// Begin and end of its validity; `None` when it cannot be parsed.
    pub(crate) validity: Option<(i64, i64)>,
}

/// What happened to a piece of work so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// How often in a row.
    pub(crate) count: u32,
    /// Not before this moment again.
    pub(crate) next: i64,
    /// Why, in the CA's own words.
    pub(crate) message: String,
}

/// Everything that a decision needs.
#[derive(Debug)]
pub(crate) struct Situation<'a> {
    /// Now.
    pub(crate) now: i64,
    /// What the resolver's storage holds.
    pub(crate) held: &'a [Held],
    /// What routers want, each the names of one certificate, see [`names::set`].
    pub(crate) wanted: &'a [Vec<Name>],
    /// Names that certificates from elsewhere (files) cover.
    pub(crate) elsewhere: &'a HashSet<String>,
    /// Work under way.
    pub(crate) in_flight: &'a BTreeSet<Key>,
    /// Work that failed the last time.
    pub(crate) failures: &'a BTreeMap<Key, Failure>,
    /// `certificatesDuration`, hours.
    pub(crate) duration: i64,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Get a certificate with `names` and store it under `uncovered`: like Traefik, an order
    /// carries all names, its entry only those that were not covered before.
    Order { names: Vec<Name>, uncovered: Vec<Name> },
    /// Renew `held[index]`.
    Renew { index: usize },
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// To be started now; never more than there is room for.
    pub(crate) actions: Vec<(Key, Action)>,
    /// What cannot be had at all, and why.
    pub(crate) refused: Vec<(Key, String)>,
    /// Everything that is still to be had, started now or not; without what is under way.
    pub(crate) candidates: BTreeSet<Key>,
    /// When the answer may be another one, if nothing else changes.
    pub(crate) look_again: i64,
}

/// How long before its end a certificate is renewed, and how often one looks: by
/// `certificatesDuration` in hours, as Traefik does. Both in seconds.
pub(crate) fn renewal_times(duration: i64) -> (i64, i64) {
    const MINUTE: i64 = 60;
    const HOUR: i64 = 60 * MINUTE;
    const DAY: i64 = 24 * HOUR;
    match duration {
        8760.. => (120 * DAY, 7 * DAY),
        2160.. => (30 * DAY, DAY),
        720.. => (10 * DAY, 12 * HOUR),
        144.. => (2 * DAY, 2 * HOUR),
        24.. => (6 * HOUR, 10 * MINUTE),
        _ => (20 * MINUTE, MINUTE),
    }
}

/// When a certificate is due for renewal. Where the CA's lifetime is shorter than
/// `certificatesDuration` says, Traefik renews at every look; here the last third of the true
/// lifetime is the earliest.
pub(crate) fn due(validity: Option<(i64, i64)>, duration: i64) -> i64 {
    let Some((begin, end)) = validity else { return i64::MIN };
    let third = (end.saturating_sub(begin) / 3).max(0);
    end.saturating_sub(renewal_times(duration).0.min(third))
}

/// How long to wait after the `count`th failure in a row, in seconds: 10 s, so that a stack whose
/// name server or entry point was a little late recovers at once; then 1 min, doubled up to 6 h.
pub(crate) fn back_off(count: u32) -> i64 {
    const LONGEST: i64 = 6 * 3600;
    match count {
        0 | 1 => 10,
        // 60 * 2^9 is past the longest already.
        _ => (60 << (count - 2).min(9)).min(LONGEST),
    }
}

/// Decides.
pub(crate) fn plan(situation: &Situation<'_>) -> Plan {
    let Situation { now, held, wanted, elsewhere, in_flight, failures, duration } = *situation;
    let mut plan =
        Plan { look_again: now.saturating_add(renewal_times(duration).1), ..Default::default() };
    let mut fresh = Vec::new();
    let mut retries: Vec<(i64, Key, Action)> = Vec::new();
    // Sorts a candidate into refused, waiting, fresh or retried.
    let mut consider = |plan: &mut Plan, key: Key, action: Action| {
        if in_flight.contains(&key) || !plan.candidates.insert(key.clone()) {
            return;
        }
        if let Some(reason) = names::refusal(key.0.iter().map(String::as_str)) {
            plan.refused.push((key, reason));
            return;
        }
        match failures.get(&key) {
            Some(failure) if failure.next > now => {
                plan.look_again = plan.look_again.min(failure.next);
            }
            Some(failure) => retries.push((failure.next, key, action)),
            None => fresh.push((key, action)),
        }
    };

    let mut covering: HashSet<String> = elsewhere.clone();
    for certificate in held {
        covering.extend(certificate.certified.iter().cloned());
        covering.extend(certificate.stored.iter().map(|name| name.ascii.clone()));
    }
    covering.extend(in_flight.iter().flat_map(|key| key.0.iter().cloned()));
    for names in wanted {
        let uncovered: Vec<Name> =
            names.iter().filter(|name| !names::covered(&covering, &name.ascii)).cloned().collect();
        if !uncovered.is_empty() {
            consider(&mut plan, Key::new(names), Action::Order { names: names.clone(), uncovered });
        }
    }

    // Of several under the same names only the one that lasts longest is renewed.
    let mut latest: BTreeMap<Key, usize> = BTreeMap::new();
    for (index, certificate) in held.iter().enumerate() {
        let end = |index: usize| held.get(index).and_then(|other| other.validity).map(|v| v.1);
        let place = latest.entry(Key::new(&certificate.stored)).or_insert(index);
        if end(index) > end(*place) {
            *place = index;
        }
    }
    for (_, index) in latest {
        let Some(certificate) = held.get(index) else { continue };
        let due = due(certificate.validity, duration);
        if due > now {
            plan.look_again = plan.look_again.min(due);
        } else {
            consider(&mut plan, renewal_key(certificate), Action::Renew { index });
        }
    }

    // What has never failed goes first, and one place is kept free of what fails again and again.
    retries.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
    let mut room = PARALLEL.saturating_sub(in_flight.len());
    let retrying = in_flight.iter().filter(|key| failures.contains_key(key)).count();
    let mut retry_room = (PARALLEL - 1).saturating_sub(retrying);
    for (key, action) in fresh {
        if room > 0 && !overlaps(&plan.actions, &key) {
            room -= 1;
            plan.actions.push((key, action));
        }
    }
    for (_, key, action) in retries {
        if room > 0 && retry_room > 0 && !overlaps(&plan.actions, &key) {
            room -= 1;
            retry_room -= 1;
            plan.actions.push((key, action));
        }
    }
    plan
}

/// A renewal is for the names of the certificate; of the entry, where that cannot be parsed.
pub(crate) fn renewal_names(held: &Held) -> Vec<String> {
    let stored = || held.stored.iter().map(|name| name.ascii.clone()).collect::<Vec<_>>();
    if held.certified.is_empty() {
        return stored();
    }
    // Main stays first.
    let mut names: Vec<String> =
        stored().into_iter().filter(|name| held.certified.contains(name)).collect();
    for name in &held.certified {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

fn renewal_key(held: &Held) -> Key {
    let mut names = renewal_names(held);
    names.sort();
    names.dedup();
    Key(names)
}

/// Two orders that share a name wait for each other: the first may cover the second.
fn overlaps(actions: &[(Key, Action)], key: &Key) -> bool {
    actions.iter().any(|(other, _)| other.0.iter().any(|name| key.0.contains(name)))
}

#[cfg(test)]
mod tests;
