//! Stored bytes as the bodies of a request and of an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::store::{Replay, Stored};
use crate::body::{Body, Changed, Made, RequestBody, RequestBodyError};
use crate::http1::Error;

/// Bytes of which some are in a file.
#[derive(Debug)]
struct Filed(Replay);

/// The body of a request: any number of times.
pub(super) fn request(stored: &Stored) -> RequestBody {
    match stored.whole() {
        Some(bytes) => RequestBody::read(bytes.clone()),
        None => RequestBody::made(Box::new(Filed(stored.replay()))),
    }
}

/// The body of an answer.
pub(super) fn answer(stored: Stored) -> Body {
    match stored.whole() {
        Some(bytes) if bytes.is_empty() => Body::Empty,
        Some(bytes) => Body::Full(bytes.clone()),
        None => Body::Changed(Box::new(Filed(stored.replay()))),
    }
}

impl Filed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        Poll::Ready(ready!(self.0.poll(cx)).map(|read| {
            read.map_err(|error| {
                tracing::error!(%error, "A buffered body cannot be read from its file");
                Error::Io(error)
            })
        }))
    }
}

impl Made for Filed {
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RequestBodyError>>> {
        self.poll(cx).map(|read| read.map(|read| read.map_err(RequestBodyError::Client)))
    }
}

impl HttpBody for Filed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.poll(cx).map(|read| read.map(|read| read.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.left())
    }
}

impl Changed for Filed {
    fn original(&self) -> Option<&Body> {
        None
    }

    fn original_mut(&mut self) -> Option<&mut Body> {
        None
    }
}
