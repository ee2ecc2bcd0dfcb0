//! How old a definition is, though its containers are made anew at each deployment.
//!
//! Of two that define one name differently the older keeps it. `docker compose up` replaces a
//! container by a younger one; counted from then on, whoever waits for that would get the name.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// So long a container may be away between the old and the new one.
const AWAY: Duration = Duration::from_secs(600);

/// The most that are remembered beside those that are there.
const MOST_AWAY: usize = 10_000;

/// Who keeps an age: a service of a compose project, or a container's name.
pub type Identity = (Option<String>, String);

/// The first time of creation of each, as text that sorts.
#[derive(Debug, Default)]
pub struct Elders {
    known: BTreeMap<Identity, (String, Instant)>,
}

impl Elders {
    /// Since when a definition is there, given its container's own time of creation.
    pub fn since(&mut self, identity: Identity, created: String, now: Instant) -> String {
        let (since, seen) = self.known.entry(identity).or_insert((created.clone(), now));
        *seen = now;
        if created < *since {
            *since = created;
        }
        since.clone()
    }

    /// Forgets who has been away for long, after all were asked for that are there at `now`.
    pub fn forget(&mut self, now: Instant) {
        let away = self.known.values().filter(|(_, seen)| *seen != now).count();
        let patience = if away > MOST_AWAY { Duration::ZERO } else { AWAY };
        self.known.retain(|_, (_, seen)| now.saturating_duration_since(*seen) <= patience);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Identity {
        (None, name.to_owned())
    }

    #[test]
    fn a_new_container_is_as_old_as_the_first_of_its_name() {
        let mut elders = Elders::default();
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(elders.since(named("web"), "05".into(), at(0)), "05");
        elders.forget(at(0));
        // It is away for a while, and another comes.
        assert_eq!(elders.since(named("other"), "07".into(), at(60)), "07");
        elders.forget(at(60));
        assert_eq!(elders.since(named("web"), "09".into(), at(300)), "05");
        assert_eq!(elders.since((Some("a".into()), "web".into()), "09".into(), at(300)), "09");
        // Several replicas: the oldest counts.
        assert_eq!(elders.since(named("web"), "03".into(), at(300)), "03");
        elders.forget(at(300));
        // Away for too long.
        elders.forget(at(901));
        assert_eq!(elders.since(named("web"), "12".into(), at(901)), "12");
    }

    #[test]
    fn the_memory_has_an_end() {
        let mut elders = Elders::default();
        let start = Instant::now();
        for number in 0..=MOST_AWAY {
            elders.since(named(&number.to_string()), "1".into(), start);
        }
        elders.forget(start);
        assert_eq!(elders.known.len(), MOST_AWAY + 1, "all of them are there");
        let later = start + Duration::from_secs(1);
        elders.since(named("0"), "1".into(), later);
        elders.since(named("new"), "1".into(), later);
        elders.forget(later);
        assert_eq!(elders.known.len(), MOST_AWAY + 2);
        elders.forget(later + Duration::from_secs(1));
        assert_eq!(elders.known.len(), 0, "more than that are away");
    }
}
