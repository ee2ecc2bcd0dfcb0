//! The proxy's own services: the API, the dashboard, ping, metrics, the REST provider.

use std::sync::Arc;

use http::{Response, StatusCode, request};

use super::settle::closing;
use super::way::Way;
use crate::body::{Body, RequestBody};
use crate::canonical;
use crate::helpers::{self, Work};
use crate::internal::{Internal, rest};
use crate::respond;
use crate::worker::Worker;

/// Has a service of our own answer. The API prints the whole configuration, which may take
/// milliseconds: it is done elsewhere, while this thread goes on.
pub async fn serve(
    worker: &Worker,
    way: &Way,
    internal: Internal,
    head: &request::Parts,
    body: &mut RequestBody,
) -> Response<Body> {
    if internal == Internal::Rest {
        return take_configuration(worker, head, body).await;
    }
    let certificates = worker.shared.store.get();
    let state = Arc::clone(&worker.shared.state);
    let host = canonical::host(way.host());
    if !internal.takes_long() {
        let checked = &way.snapshot.checked;
        return internal.answer(head, &host, &state, checked, certificates.infos());
    }
    let checked = Arc::clone(&way.snapshot.checked);
    let (host, head) = (host.into_owned(), head.clone());
    let printing = helpers::run(Work::Print, move || {
        let answer = internal.answer(&head, &host, &state, &checked, certificates.infos());
        answer.map(Body::into_own)
    });
    match printing.await {
        Ok(answer) => answer.map(Body::Full),
        Err(_) => respond::text(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Hands a configuration to the REST provider. Decoding it may take milliseconds, too.
async fn take_configuration(
    worker: &Worker,
    head: &request::Parts,
    body: &mut RequestBody,
) -> Response<Body> {
    let Some(put) = worker.shared.state.rest.clone() else { return respond::not_found() };
    if let Some(refused) = rest::refuse(head) {
        return refused;
    }
    let (turn, body) = match rest::read(body).await {
        Ok(read) => read,
        Err(refused) => return closing(refused),
    };
    let taking = helpers::run(Work::Put, move || {
        let answer = rest::answer(&put, &body).map(Body::into_own);
        drop(turn);
        answer
    });
    match taking.await {
        Ok(answer) => answer.map(Body::Full),
        Err(_) => respond::text(StatusCode::INTERNAL_SERVER_ERROR),
    }
}
