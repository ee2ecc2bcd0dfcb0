//! `/api/explain` and `/api/routes`, Swarmgate's own: what `swarmgate explain` and `routes` ask.

use std::sync::Weak;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::{Response, StatusCode};
use serde::Serialize;

use super::{Scene, json};
use crate::body::Body;
use crate::explain::{self, Question};
use crate::worker::Shared;

/// So many are answered at once: each goes through all rules, and strangers may reach an API that
/// is open.
const AT_ONCE: usize = 4;

/// How many are being answered.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// One of a few places, free again when it is dropped.
struct Place<'c> {
    taken: &'c AtomicUsize,
}

impl<'c> Place<'c> {
    fn take(taken: &'c AtomicUsize) -> Option<Self> {
        let place = Self { taken };
        // Dropped, it gives back what it has just taken.
        (taken.fetch_add(1, Ordering::Relaxed) < AT_ONCE).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// `/api/explain?url=...&method=...&header=Name: value&from=...&entryPoint=...`; `header` may be
/// repeated.
pub(super) fn explanation(scene: &Scene<'_>) -> Response<Body> {
    let query = &scene.query;
    let question = Question {
        url: query.get("url").to_owned(),
        method: query.get("method").to_owned(),
        headers: query.all("header"),
        from: query.get("from").to_owned(),
        entry_point: query.get("entryPoint").to_owned(),
    };
    answer(scene, |shared| explain::explain(shared, &question))
}

/// `/api/routes?host=...&entryPoint=...`
pub(super) fn routes(scene: &Scene<'_>) -> Response<Body> {
    let query = &scene.query;
    answer(scene, |shared| explain::routes(shared, query.get("host"), query.get("entryPoint")))
}

fn answer<T: Serialize>(
    scene: &Scene<'_>,
    look: impl FnOnce(&Shared) -> Result<T, String>,
) -> Response<Body> {
    let Some(shared) = scene.state.in_force.get().and_then(Weak::upgrade) else {
        return json::error(StatusCode::SERVICE_UNAVAILABLE, "the proxy is starting or stopping");
    };
    let Some(_place) = Place::take(&TAKEN) else {
        let message = "too many explanations are asked for at once; ask again";
        return json::error(StatusCode::SERVICE_UNAVAILABLE, message);
    };
    match look(&shared) {
        Ok(answer) => json::answer(&answer),
        Err(message) => json::error(StatusCode::BAD_REQUEST, &message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let taken = AtomicUsize::new(0);
        let mut held: Vec<Option<Place<'_>>> = (0..6).map(|_| Place::take(&taken)).collect();
        assert_eq!(held.iter().flatten().count(), AT_ONCE);
        held.truncate(2);
        assert_eq!(taken.load(Ordering::Relaxed), 2);
        assert!(Place::take(&taken).is_some());
    }
}
