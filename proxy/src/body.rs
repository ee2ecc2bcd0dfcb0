//! The bodies that pass through: our own bytes, the upstream's stream, the client's stream.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::connection::Activity;

/// Body of an answer.
#[derive(Debug, Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// Our own bytes, sent as one frame.
    Full(Bytes),
    /// A stream from the other side.
    Incoming(Incoming),
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Body::Full(Bytes::from_static(text.as_bytes()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Body::Full(Bytes::from(text))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Body::Full(bytes)
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Body::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Body::Incoming(incoming) => Pin::new(incoming).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Incoming(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Incoming(incoming) => incoming.size_hint(),
        }
    }
}

/// A client's request body on its way to a server.
///
/// It has to end before the entry point's read time-out, counted from the request's head; trailers
/// are not passed on, as with Traefik.
#[derive(Debug, Default)]
pub struct RequestBody {
    incoming: Option<Incoming>,
    deadline: Option<Instant>,
    /// Made when the body first has to be waited for: most arrive with the head.
    timer: Option<Pin<Box<Sleep>>>,
    /// Some of it was handed out, so the request cannot be sent again.
    begun: bool,
    counter: Option<Arc<AtomicU64>>,
    /// What is left of it is read when nobody wants it any more.
    drained: bool,
    /// Told when it is dropped before its end.
    unread: Option<Arc<Activity>>,
    /// Told when it has been handed out to its end.
    sent: Option<Sent>,
}

/// When a request's body was handed out to its end.
pub type Sent = Rc<Cell<Option<Instant>>>;

/// How much of an unwanted body is read, bytes.
const DRAINED_BYTES: usize = 256 * 1024;
/// And for how long.
const DRAINED_FOR: Duration = Duration::from_secs(1);

/// Why a client's body broke off.
#[derive(Debug)]
pub enum RequestBodyError {
    /// The read time-out passed.
    TimedOut,
    /// The client's connection failed or its framing was wrong.
    Client(hyper::Error),
}

impl std::fmt::Display for RequestBodyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TimedOut => f.write_str("the client's body did not arrive in time"),
            Self::Client(_) => f.write_str("the client's body broke off"),
        }
    }
}

impl std::error::Error for RequestBodyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::TimedOut => None,
            Self::Client(error) => Some(error),
        }
    }
}

impl RequestBody {
    /// A body that has to end within `timeout` from now; an ended one is dropped at once.
    pub fn new(incoming: Incoming, timeout: Option<Duration>) -> Self {
        if incoming.is_end_stream() {
            return Self::default();
        }
        Self {
            incoming: Some(incoming),
            deadline: timeout.map(|timeout| Instant::now() + timeout),
            timer: None,
            begun: false,
            counter: None,
            drained: false,
            unread: None,
            sent: None,
        }
    }

    /// Has the rest read when the body is dropped early. An HTTP/2 stream is otherwise reset behind
    /// the answer, and some clients then lose the answer (RFC 9113 section 8.1 says that they must
    /// not).
    pub fn drain_when_dropped(&mut self) {
        self.drained = true;
    }

    /// Has the connection linger when the body is dropped early: closing a TCP connection whose
    /// bytes were not read resets it, and the client may lose the answer (RFC 9112 section 9.6).
    pub fn linger_when_dropped(&mut self, activity: &Arc<Activity>) {
        if self.incoming.is_some() {
            self.unread = Some(Arc::clone(activity));
        }
    }

    /// Where the end of sending will be told; `None`: there is nothing to send.
    pub fn watch(&mut self) -> Option<Sent> {
        self.incoming.as_ref()?;
        Some(Rc::clone(self.sent.get_or_insert_default()))
    }

    fn end(&mut self) {
        self.incoming = None;
        self.begun = true;
        if let Some(sent) = self.sent.take() {
            sent.set(Some(Instant::now()));
        }
    }

    /// Adds its bytes to `counter` as they pass.
    pub fn count(&mut self, counter: &Arc<AtomicU64>) {
        self.counter = Some(Arc::clone(counter));
    }

    /// Whether there are no bytes to send.
    pub fn is_empty(&self) -> bool {
        self.incoming.is_none() && !self.begun
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let left = self.incoming.take().filter(|incoming| !incoming.is_end_stream());
        self.end();
        let Some(mut incoming) = left else { return };
        if let Some(activity) = &self.unread {
            activity.leave_unread();
        }
        if self.drained && tokio::runtime::Handle::try_current().is_ok() {
            tokio::task::spawn_local(tokio::time::timeout(DRAINED_FOR, async move {
                let mut left = DRAINED_BYTES;
                while let Some(Ok(frame)) = incoming.frame().await {
                    let length = frame.data_ref().map_or(0, Bytes::len);
                    match left.checked_sub(length) {
                        Some(rest) => left = rest,
                        None => return,
                    }
                }
            }));
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = RequestBodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestBodyError>>> {
        let this = &mut *self;
        loop {
            let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
            match Pin::new(incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.begun = true;
                    if frame.is_trailers() {
                        continue;
                    }
                    if let (Some(counter), Some(data)) = (&this.counter, frame.data_ref()) {
                        counter.fetch_add(data.len() as u64, Ordering::Relaxed);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Poll::Ready(Some(Err(error))) => {
                    this.end();
                    return Poll::Ready(Some(Err(RequestBodyError::Client(error))));
                }
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let Some(deadline) = this.deadline else { return Poll::Pending };
                    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                    ready!(timer.as_mut().poll(cx));
                    this.end();
                    return Poll::Ready(Some(Err(RequestBodyError::TimedOut)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.incoming {
            Some(incoming) => incoming.size_hint(),
            None => SizeHint::with_exact(0),
        }
    }
}
