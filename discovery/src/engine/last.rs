//! What was described last by an engine's entries, for those that cannot be read any more.
//!
//! A container or service that serves must not be lost because a new version of the engine, or a
//! plugin, describes a detail of it in words that we do not know.

use std::collections::HashMap;

use swarmgate_config::breath::breathe;

use super::answer::Tolerant;

/// The last descriptions by id, of one listing at most.
#[derive(Debug)]
pub struct Last<T> {
    by_id: HashMap<String, T>,
}

impl<T> Default for Last<T> {
    fn default() -> Self {
        Self { by_id: HashMap::new() }
    }
}

impl<T: Clone> Last<T> {
    /// Puts the last descriptions in place of what cannot be read.
    pub fn recall(&self, listed: &mut Tolerant<T>) {
        for unreadable in &mut listed.unreadable {
            if let Some(last) = self.by_id.get(&unreadable.id) {
                unreadable.recalled = true;
                listed.entries.push(last.clone());
            }
        }
    }

    /// Remembers these and forgets all others. `excerpt` takes of an entry what may be needed,
    /// where `same` does not say that it is what is known already.
    pub fn keep<'t>(
        &mut self,
        entries: impl Iterator<Item = (&'t str, &'t T)>,
        same: impl Fn(&T, &T) -> bool,
        excerpt: impl Fn(&T) -> T,
    ) where
        T: 't,
    {
        let mut before = std::mem::take(&mut self.by_id);
        self.by_id = entries
            .map(|(id, entry)| {
                breathe();
                let known = before.remove(id).filter(|known| same(known, entry));
                (id.to_owned(), known.unwrap_or_else(|| excerpt(entry)))
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::answer::Unreadable;

    #[test]
    fn only_what_is_still_listed_is_recalled() {
        let unreadable = |id: &str| Unreadable {
            id: id.into(),
            name: id.into(),
            why: "odd".into(),
            recalled: false,
        };
        let listed = |entries: &[(&str, u8)], broken: &[&str]| Tolerant {
            entries: entries.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect(),
            unreadable: broken.iter().map(|id| unreadable(id)).collect(),
            mended: false,
        };
        let mut last: Last<(String, u8)> = Last::default();
        let mut list = |entries: &[(&str, u8)], broken: &[&str]| {
            let mut listed = listed(entries, broken);
            last.recall(&mut listed);
            let kept = listed.entries.iter().map(|entry| (entry.0.as_str(), entry));
            last.keep(kept, |a, b| a == b, Clone::clone);
            let told =
                listed.findings("swarm").iter().filter(|it| it.message.contains("last")).count();
            let left = listed.left(&"swarm".into()).len();
            let entries: Vec<String> =
                listed.entries.iter().map(|(id, n)| format!("{id}{n}")).collect();
            (entries.concat(), told, left)
        };
        assert_eq!(list(&[("a", 1), ("b", 1)], &["c"]), ("a1b1".into(), 0, 1));
        assert_eq!(list(&[("b", 2)], &["a", "c"]), ("b2a1".into(), 1, 1));
        assert_eq!(list(&[], &["a", "b"]), ("a1b2".into(), 2, 0), "as long as it lasts");
        assert_eq!(list(&[("b", 2)], &[]), ("b2".into(), 0, 0));
        assert_eq!(list(&[("b", 2)], &["a"]), ("b2".into(), 0, 1), "it was gone");
    }
}
