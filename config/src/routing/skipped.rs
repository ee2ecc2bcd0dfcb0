//! What a provider left out, and why: nothing is wrong with it, so nobody is warned, yet somebody
//! may ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::breath::breathe;

/// How many are kept of each provider.
const MOST: usize = 1000;
/// How long each text may be, in bytes.
const LONGEST: usize = 1024;

/// A container or service that makes no routes, or not all that its labels ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The provider's name.
    pub provider: Arc<str>,
    /// The container's or service's own name.
    pub service: String,
    /// Why it was left out.
    pub reason: String,
    /// The rules that its labels hold, by which somebody who asks for a host finds it.
    pub rules: String,
}

impl Left {
    /// Notes one, with what its labels say of hosts. Long texts are cut.
    pub fn new(
        provider: &Arc<str>,
        service: &str,
        reason: impl AsRef<str>,
        rules: impl Into<String>,
    ) -> Self {
        let rules: String = rules.into();
        Self {
            provider: Arc::clone(provider),
            service: cut(service).to_owned(),
            reason: cut(reason.as_ref()).to_owned(),
            rules: cut(&rules).to_owned(),
        }
    }
}

/// The values of all labels that hold rules (`….rule`, also those of Traefik 1), joined and cut.
pub fn rules_in(labels: &BTreeMap<String, String>) -> String {
    let mut rules = String::new();
    for (key, rule) in labels {
        breathe();
        let is_rule = key.len() >= 5
            && key
                .as_bytes()
                .iter()
                .rev()
                .zip(b".rule".iter().rev())
                .all(|(a, b)| a.eq_ignore_ascii_case(b));
        if !is_rule || rules.len() >= LONGEST {
            continue;
        }
        if !rules.is_empty() {
            rules.push(' ');
        }
        rules.push_str(cut(rule));
    }
    cut(&rules).to_owned()
}

fn cut(text: &str) -> &str {
    let mut end = LONGEST.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

/// What one provider left out: a list that all its configurations share.
///
/// It is no part of what a configuration says: two that differ in nothing else are equal, and the
/// later one is dropped on its way. Thus a database that is deployed beside a site neither costs a
/// reload nor counts as a change; whoever asks sees the latest list all the same.
#[derive(Clone, Debug, Default)]
pub struct Skipped(Option<Arc<Mutex<List>>>);

#[derive(Debug, Default)]
struct List {
    entries: Vec<Left>,
    /// How many more there are.
    more: usize,
}

// See above: never a difference.
impl PartialEq for Skipped {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Skipped {
    /// A list to be shared; the default one is empty and remembers nobody.
    pub fn shared() -> Self {
        Self(Some(Arc::default()))
    }

    /// Adds one, if there is room.
    pub fn push(&mut self, left: Left) {
        let list = self.0.get_or_insert_default();
        push(&mut lock(list), left);
    }

    /// Puts a new list in place of the present one, for everybody who shares it.
    pub fn replace(&self, entries: impl IntoIterator<Item = Left>) {
        let Some(list) = &self.0 else { return };
        let mut new = List::default();
        for left in entries {
            breathe();
            push(&mut new, left);
        }
        *lock(list) = new;
    }

    /// The present list.
    pub fn list(&self) -> Vec<Left> {
        self.0.as_ref().map(|list| lock(list).entries.clone()).unwrap_or_default()
    }

    /// How many have found no room in the list.
    pub fn more(&self) -> usize {
        self.0.as_ref().map(|list| lock(list).more).unwrap_or_default()
    }
}

fn push(list: &mut List, left: Left) {
    if list.entries.len() < MOST {
        list.entries.push(left);
    } else {
        list.more = list.more.saturating_add(1);
    }
}

fn lock(list: &Mutex<List>) -> MutexGuard<'_, List> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::Configuration;

    fn left(service: &str) -> Left {
        Left::new(&"swarm".into(), service, "a job", "Host(`a.test`)")
    }

    #[test]
    fn the_latest_list_is_seen_through_an_equal_configuration() {
        let skipped = Skipped::shared();
        let first = Configuration { skipped: skipped.clone(), ..Configuration::default() };
        skipped.replace([left("a")]);
        assert_eq!(first, Configuration::default());
        assert_eq!(first.skipped.list(), [left("a")]);
        assert_eq!(Configuration::default().skipped.list(), []);
    }

    #[test]
    fn it_is_bounded() {
        let skipped = Skipped::shared();
        skipped.replace((0..MOST + 7).map(|number| left(&number.to_string())));
        assert_eq!((skipped.list().len(), skipped.more()), (MOST, 7));
        let long = Left::new(&"swarm".into(), &"é".repeat(LONGEST), "x", "y".repeat(1 << 20));
        assert!(long.service.len() <= LONGEST && long.rules.len() <= LONGEST);
    }

    #[test]
    fn rules_of_labels() {
        let labels = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let table: [(BTreeMap<String, String>, &str); 3] = [
            (labels(&[("traefik.http.routers.a.rule", "Host(`a`)"), ("x", "y")]), "Host(`a`)"),
            (labels(&[("traefik.frontend.Rule", "Host:b"), ("z.rule", "c")]), "Host:b c"),
            (labels(&[("rule", "a"), ("x.rules", "b"), ("é.rule", "c")]), "c"),
        ];
        for (labels, expected) in table {
            assert_eq!(rules_in(&labels), expected);
        }
    }
}
