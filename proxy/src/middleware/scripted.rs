//! Bodies that come as a test says.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::{Body, Changed};
use crate::http1::Error;

/// What a body does next; it ends behind the last one.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A chunk.
    Data(&'static [u8]),
    /// The same, made for the test.
    Made(Bytes),
    /// Nothing just now, but more soon.
    Later,
    /// Nothing, for ever.
    Never,
    /// `X-Sum: 1` as a trailer.
    Trailer,
    /// The connection breaks.
    Fail,
}

impl Step {
    /// The chunk, if it is one.
    pub(super) fn data(&self) -> &[u8] {
        match self {
            Self::Data(data) => data,
            Self::Made(data) => data,
            Self::Later | Self::Never | Self::Trailer | Self::Fail => &[],
        }
    }
}

#[derive(Debug)]
struct Scripted {
    steps: VecDeque<Step>,
    length: Option<u64>,
}

/// A body of unknown length.
pub(super) fn scripted(steps: Vec<Step>) -> Body {
    Body::Changed(Box::new(Scripted { steps: steps.into(), length: None }))
}

/// A body whose length is known.
pub(super) fn measured(steps: Vec<Step>) -> Body {
    let length = steps.iter().map(|step| step.data().len() as u64).sum();
    Body::Changed(Box::new(Scripted { steps: steps.into(), length: Some(length) }))
}

/// Runs it as a data-plane thread would.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().build().expect("a runtime").block_on(test)
}

impl HttpBody for Scripted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(step) = self.steps.pop_front() else { return Poll::Ready(None) };
        if let Some(left) = &mut self.length {
            *left -= step.data().len() as u64;
        }
        Poll::Ready(match step {
            Step::Data(data) => Some(Ok(Frame::data(Bytes::from_static(data)))),
            Step::Made(data) => Some(Ok(Frame::data(data))),
            Step::Later => {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Step::Never => {
                self.steps.push_front(Step::Never);
                return Poll::Pending;
            }
            Step::Trailer => {
                let mut trailers = HeaderMap::new();
                trailers.insert("x-sum", HeaderValue::from_static("1"));
                Some(Ok(Frame::trailers(trailers)))
            }
            Step::Fail => Some(Err(Error::Io(io::ErrorKind::ConnectionReset.into()))),
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Changed for Scripted {
    fn original(&self) -> Option<&Body> {
        None
    }

    fn original_mut(&mut self) -> Option<&mut Body> {
        None
    }
}
