//! The bodies that pass through: our own bytes, the server's stream, the client's stream.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::forward::Exchange;
use crate::http1::{Client, Error};

/// Body of an answer.
#[derive(Debug, Default)]
pub enum Body {
    /// No bytes.
    #[default]
    Empty,
    /// Our own bytes, sent as one frame.
    Full(Bytes),
    /// A server's answer as it arrives.
    Server(Exchange),
    /// Made of another body by a middleware.
    Changed(Box<dyn Changed>),
}

/// A body that is made of another one while it passes (compressed, counted, translated).
pub trait Changed: HttpBody<Data = Bytes, Error = Error> + Unpin + fmt::Debug {
    /// The body that it is made of, if there still is one: a request's body may be on its way there.
    fn original(&self) -> Option<&Body>;

    /// The same, to be driven.
    fn original_mut(&mut self) -> Option<&mut Body>;

    /// How many bytes it was made of up to now, if that is not what was handed out.
    fn given(&self) -> Option<u64> {
        self.original()?.given()
    }
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

impl Body {
    /// Our own bytes; a server's are dropped.
    pub fn into_own(self) -> Bytes {
        match self {
            Body::Full(bytes) => bytes,
            Body::Empty | Body::Server(_) | Body::Changed(_) => Bytes::new(),
        }
    }

    /// How many bytes it was made of up to now, if that is not what was handed out.
    pub fn given(&self) -> Option<u64> {
        match self {
            Body::Empty | Body::Full(_) | Body::Server(_) => None,
            Body::Changed(changed) => changed.given(),
        }
    }

    /// A server's answer, however changed on its way.
    pub fn exchange(&self) -> Option<&Exchange> {
        let mut body = self;
        loop {
            match body {
                Body::Empty | Body::Full(_) => return None,
                Body::Server(exchange) => return Some(exchange),
                Body::Changed(changed) => body = changed.original()?,
            }
        }
    }

    /// The same, to be driven.
    pub fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        let mut body = self;
        loop {
            match body {
                Body::Empty | Body::Full(_) => return None,
                Body::Server(exchange) => return Some(exchange),
                Body::Changed(changed) => body = changed.original_mut()?,
            }
        }
    }
}

impl Body {
    /// Lets go of an answer that nobody wants. A small rest is read elsewhere, so that its server's
    /// connection can go on; a large one costs that connection.
    pub fn discard(mut self) {
        if !self.is_worth_reading() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        tokio::task::spawn_local(tokio::time::timeout(DRAINED_FOR, async move {
            let mut left = DRAINED_BYTES;
            poll_fn(|cx| self.poll_discarded(cx, &mut left)).await;
        }));
    }

    /// The same for somebody who asks again at once: only what has come already is read. Each of
    /// many tries would else leave a connection behind that waits for its rest, and a server in
    /// trouble had the more of them the sooner it fails.
    pub fn discard_at_once(mut self) {
        if self.is_worth_reading() {
            let (mut cx, mut left) = (Context::from_waker(Waker::noop()), DRAINED_BYTES);
            let _ = self.poll_discarded(&mut cx, &mut left);
        }
    }

    fn is_worth_reading(&mut self) -> bool {
        self.exchange_mut().is_some_and(|exchange| {
            let too_large = exchange.left().is_some_and(|left| left > DRAINED_BYTES as u64);
            // A request's body that is still on its way must not be read from two sides.
            !too_large && !exchange.is_uploading()
        })
    }

    /// Reads `left` bytes more of a server's answer at most.
    fn poll_discarded(&mut self, cx: &mut Context<'_>, left: &mut usize) -> Poll<()> {
        let Some(exchange) = self.exchange_mut() else { return Poll::Ready(()) };
        while let Some(Ok(frame)) = ready!(exchange.poll_frame(cx)) {
            match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                Some(rest) => *left = rest,
                None => break,
            }
        }
        Poll::Ready(())
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match &mut *self {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                *self = Body::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Body::Server(exchange) => exchange.poll_frame(cx),
            Body::Changed(changed) => Pin::new(changed).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Server(exchange) => exchange.left() == Some(0),
            Body::Changed(changed) => changed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let length = match self {
            Body::Empty => Some(0),
            Body::Full(bytes) => Some(bytes.len() as u64),
            Body::Server(exchange) => exchange.left(),
            Body::Changed(changed) => return changed.size_hint(),
        };
        length.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// A client's request body on its way to a server.
///
/// It has to end before the entry point's read time-out, counted from the request's head; trailers
/// are not passed on, as with Traefik.
#[derive(Debug, Default)]
pub struct RequestBody {
    source: Source,
    /// Comes first: it was handed out and given back.
    front: Bytes,
    deadline: Option<Instant>,
    /// Made when the body first has to be waited for: most arrive with the head.
    timer: Option<Pin<Box<Sleep>>>,
    counter: Option<Arc<AtomicU64>>,
}

/// Where a request body comes from.
#[derive(Debug, Default)]
enum Source {
    /// There is nothing (more).
    #[default]
    None,
    Http1(Rc<Client>),
    Http2(Incoming),
    /// Kept or changed by a middleware.
    Made(Box<dyn Made>),
}

/// A request's body that a middleware made: read before, or changed while it passes.
///
/// Who puts one in the place of a client's takes it back ([`RequestBody::unmake`]) where nobody was
/// reached: whoever tries again then has the request as it was, head and body.
pub trait Made: fmt::Debug {
    /// The next bytes; `None`: it is over.
    fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, RequestBodyError>>>;

    /// The body that it is made of, while nothing of that has been read.
    fn untouched(&mut self) -> Option<&mut RequestBody> {
        None
    }
}

/// How much of an unwanted body is read, bytes.
pub const DRAINED_BYTES: usize = 256 * 1024;
/// And for how long.
const DRAINED_FOR: Duration = Duration::from_secs(1);

/// Why a client's body broke off.
#[derive(Debug)]
pub enum RequestBodyError {
    /// The read time-out passed.
    TimedOut,
    /// The client's connection failed or its framing was wrong.
    Client(Error),
}

impl RequestBody {
    /// The body of the request that was just read from a client, to end within `timeout` from now.
    pub fn http1(client: &Rc<Client>, timeout: Option<Duration>) -> Self {
        if client.is_body_read() {
            return Self::default();
        }
        Self::within(Source::Http1(Rc::clone(client)), timeout)
    }

    /// The body of an HTTP/2 stream, to end within `timeout` from now.
    pub fn http2(incoming: Incoming, timeout: Option<Duration>) -> Self {
        if incoming.is_end_stream() {
            return Self::default();
        }
        Self::within(Source::Http2(incoming), timeout)
    }

    /// A body that a middleware made. Whoever makes it of a client's body takes that out of the
    /// request first, and sees to `Content-Length`.
    pub fn made(made: Box<dyn Made>) -> Self {
        Self::of(Source::Made(made), Bytes::new())
    }

    /// A body that has been read before.
    pub fn read(bytes: Bytes) -> Self {
        Self::of(Source::None, bytes)
    }

    fn within(source: Source, timeout: Option<Duration>) -> Self {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut body = Self::of(source, Bytes::new());
        body.deadline = deadline;
        body
    }

    fn of(source: Source, front: Bytes) -> Self {
        Self { source, front, deadline: None, timer: None, counter: None }
    }

    /// Adds its bytes to `counter` as they pass.
    pub fn count(&mut self, counter: &Arc<AtomicU64>) {
        self.counter = Some(Arc::clone(counter));
    }

    /// Whether there is nothing (more) to send.
    pub fn is_ended(&self) -> bool {
        matches!(self.source, Source::None) && self.front.is_empty()
    }

    /// Takes back what was handed out last and has not left.
    pub fn give_back(&mut self, data: Bytes) {
        self.front = data;
    }

    /// Puts back the body that a middleware made this one of. False: too late, or it is not made.
    pub fn unmake(&mut self) -> bool {
        let original = match &mut self.source {
            Source::Made(made) if self.front.is_empty() => made.untouched().map(std::mem::take),
            _ => None,
        };
        let Some(original) = original else { return false };
        *self = original;
        true
    }

    /// The next bytes; `None`: it is over.
    ///
    /// # Errors
    /// It broke off or did not arrive in time.
    pub fn poll_data(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, RequestBodyError>>> {
        if !self.front.is_empty() {
            return Poll::Ready(Some(Ok(std::mem::take(&mut self.front))));
        }
        loop {
            let polled = match &mut self.source {
                Source::None => return Poll::Ready(None),
                Source::Http1(client) => client.poll_body(cx),
                Source::Http2(incoming) => Pin::new(incoming)
                    .poll_frame(cx)
                    .map(|frame| frame.map(|f| f.map_err(Error::Http2))),
                Source::Made(made) => {
                    let polled = ready!(made.poll_data(cx));
                    if !matches!(polled, Some(Ok(_))) {
                        self.source = Source::None;
                    }
                    return Poll::Ready(polled);
                }
            };
            match polled {
                Poll::Ready(Some(Ok(frame))) => {
                    let Ok(data) = frame.into_data() else { continue };
                    if let Some(counter) = &self.counter {
                        counter.fetch_add(data.len() as u64, Ordering::Relaxed);
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.source = Source::None;
                    return Poll::Ready(Some(Err(RequestBodyError::Client(error))));
                }
                Poll::Ready(None) => {
                    self.source = Source::None;
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    let Some(deadline) = self.deadline else { return Poll::Pending };
                    let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
                    ready!(timer.as_mut().poll(cx));
                    self.source = Source::None;
                    return Poll::Ready(Some(Err(RequestBodyError::TimedOut)));
                }
            }
        }
    }
}

impl Drop for RequestBody {
    /// An HTTP/2 stream is otherwise reset behind the answer, and some clients then lose the answer
    /// (RFC 9113 section 8.1 says that they must not). HTTP/1 is seen to by its connection.
    fn drop(&mut self) {
        let Source::Http2(mut incoming) = std::mem::take(&mut self.source) else { return };
        if incoming.is_end_stream() || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
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
