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
        let answering: Answering<'f> = match (answer, way.middlewares().get(passed).map(|it| &**it))
        {
            (Some(answer), _) => {
                return Box::pin(ready(way.back((*answer).into(), connection, edits)));
            }
            (None, Some(Middleware::Around(around))) => {
                around.around(request, Self { from: passed + 1 })
            }
            // `pass` goes by every other one.
            (None, _) => Box::pin(service::serve(request, way.target())),
        };
        if edits.is_empty() {
            return answering;
        }
        Box::pin(async move { way.back(answering.await, connection, edits) })
    }
}
