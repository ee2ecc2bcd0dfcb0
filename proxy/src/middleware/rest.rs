//! What is left of a request's way behind a middleware that stands around it.

use std::future::ready;
use std::pin::Pin;

use super::Middleware;
use crate::serve::answered::Answered;
use crate::serve::service::{self, Request};

/// An answer to come.
pub type Answering<'f> = Pin<Box<dyn Future<Output = Answered> + 'f>>;

/// The middlewares from some number on, and the service behind them.
///
/// Who stands around them may run it once, several times or not at all.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    from: usize,
}

impl From<usize> for Rest {
    fn from(from: usize) -> Self {
        Self { from }
    }
}

impl Rest {
    /// Takes the request the rest of its way, and its answer back to here.
    ///
    /// Boxed, since each of them stands inside the one before: a router without such middlewares
    /// makes none of these.
    pub fn run<'f>(self, request: &'f mut Request<'_>) -> Answering<'f> {
        let (way, connection) = (request.way, request.connection);
        let (passed, answer) = way.pass(connection, request.head, self.from);
        let edits = self.from..passed;
        if let Some(answer) = answer {
            let answered = way.back((*answer).into(), connection, request.head, edits);
            return Box::pin(ready(answered));
        }
        if edits.is_empty() {
            return behind(request, passed);
        }
        Box::pin(async move {
            let answered = behind(request, passed).await;
            way.back(answered, connection, request.head, edits)
        })
    }
}

/// Has the middleware of this number answer, or the service, if there is none: the way passes by
/// every other one.
fn behind<'f>(request: &'f mut Request<'_>, number: usize) -> Answering<'f> {
    let way = request.way;
    match way.middlewares().get(number).map(|it| &**it) {
        Some(Middleware::Around(around)) => around.around(request, Rest { from: number + 1 }),
        _ => Box::pin(service::serve(request, way.target())),
    }
}
