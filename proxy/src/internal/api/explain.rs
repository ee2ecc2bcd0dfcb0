//! `/api/explain` and `/api/routes`, Swarmgate's own: what `swarmgate explain` and `routes` ask.

use std::sync::Weak;

use http::{Response, StatusCode};
use serde::Serialize;

use super::{Scene, json};
use crate::body::Body;
use crate::explain::{self, Question};
use crate::worker::Shared;

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
    match look(&shared) {
        Ok(answer) => json::answer(&answer),
        Err(message) => json::error(StatusCode::BAD_REQUEST, &message),
    }
}
