//! Stored bytes as the bodies of a request and of an answer.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::store::{Replay, Stored};
use crate::body::{Body, Changed, Made, RequestBody, RequestBodyError};
use crate::http1::Error;

/// Bytes of which some are in a file, or which trailers may follow.
#[derive(Debug)]
struct Filed {
    replay: Replay,
    trailers: Option<HeaderMap>,
}

/// The body of a request: any number of times.
pub(super) fn request(stored: &Stored) -> RequestBody {
    match stored.whole() {
        Some(bytes) => RequestBody::read(bytes.clone()),
        None => RequestBody::made(Box::new(Filed { replay: stored.replay(), trailers: None })),
    }
}

/// The body of an answer, and its trailers: perhaps none after all.
pub(super) fn answer(stored: &Stored, trailers: Option<HeaderMap>) -> Body {
    match (stored.whole(), &trailers) {
        (Some(bytes), None) if bytes.is_empty() => Body::Empty,
        (Some(bytes), None) => Body::Full(bytes.clone()),
        _ => Body::Changed(Box::new(Filed { replay: stored.replay(), trailers })),
    }
}

impl Filed {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        Poll::Ready(ready!(self.replay.poll(cx)).map(|read| {
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
        match ready!(self.poll(cx)) {
            Some(read) => Poll::Ready(Some(read.map(Frame::data))),
            None => {
                let trailers = self.trailers.take().filter(|trailers| !trailers.is_empty());
                Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.replay.left() == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        // With trailers it goes in chunks.
        match self.trailers {
            None => SizeHint::with_exact(self.replay.left()),
            Some(_) => SizeHint::default(),
        }
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
