//! An answer on its way to the client, and what has to happen when it is over.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};

use crate::body::Body;
use crate::connection::Connection;
use crate::pool::Lease;

/// How long a server may take to become ready again after its answer was read to the end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Counts a request as in flight until it is dropped.
#[derive(Debug)]
pub struct InFlight(pub Rc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

/// An answer's body. When it has been read to its end, the server's connection goes back to the
/// pool; when it is dropped earlier, that connection is closed: what is left on it is nobody's.
pub struct AnswerBody {
    body: Body,
    lease: Option<Lease>,
    ended: bool,
    bytes: u64,
    on_end: Option<OnEnd>,
    in_flight: InFlight,
}

/// Called with the number of body bytes that were handed over, when an answer is over.
pub type OnEnd = Box<dyn FnOnce(u64)>;

impl AnswerBody {
    /// `lease`: the connection on which the body arrives. `on_end`: the access log's part.
    pub fn new(
        body: Body,
        lease: Option<Lease>,
        on_end: Option<OnEnd>,
        in_flight: InFlight,
    ) -> Self {
        Self { body, lease, ended: false, bytes: 0, on_end, in_flight }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(None) => self.ended = true,
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    self.bytes = self.bytes.saturating_add(data.len() as u64);
                }
            }
            _ => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if let Some(mut lease) = self.lease.take()
            && (self.ended || self.body.is_end_stream())
        {
            let client = &self.in_flight.0;
            if lease.bound {
                // The streams of an HTTP/2 connection may be anybody's: theirs is closed.
                if !client.multiplexed.get() {
                    lease.reused = true;
                    client.keep_own(lease);
                }
            } else if let Err(lease) = lease.give_back() {
                lease.give_back_later(PATIENCE);
            }
        }
        if let Some(on_end) = self.on_end.take() {
            on_end(self.bytes);
        }
    }
}
