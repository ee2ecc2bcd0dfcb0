//! An answer on its way to the client, and what has to happen when it is over.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::net::TcpStream;

use super::answered::Held;
use crate::body::Body;
use crate::connection::Connection;
use crate::forward::Exchange;
use crate::forward::tunnel::Tunnel;
use crate::http1::Error;
use crate::observe::metrics::Measured;

/// Counts a request as in flight until it is dropped.
#[derive(Debug)]
pub struct InFlight(pub Rc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

/// An answer's body.
pub struct AnswerBody {
    body: Body,
    tunnel: Option<Box<Tunnel>>,
    bytes: u64,
    on_end: Option<OnEnd>,
    measured: Option<Box<Measured>>,
    held: Vec<Box<dyn Held>>,
    _in_flight: InFlight,
}

/// Called when an answer is over, with the number of body bytes that were handed over, and of those
/// that they were made of.
pub type OnEnd = Box<dyn FnOnce(u64, u64)>;

impl AnswerBody {
    /// `tunnel`: the server's end of what the connection becomes. `held`: kept until the end.
    /// `on_end`: the access log's part.
    pub fn new(
        body: Body,
        tunnel: Option<Box<Tunnel>>,
        held: Vec<Box<dyn Held>>,
        on_end: Option<OnEnd>,
        measured: Option<Box<Measured>>,
        in_flight: InFlight,
    ) -> Self {
        Self { body, tunnel, bytes: 0, on_end, measured, held, _in_flight: in_flight }
    }

    /// The server's end of the tunnel that follows a 101.
    pub fn take_tunnel(&mut self) -> Option<Box<Tunnel>> {
        self.tunnel.take()
    }

    /// The counting of a request that becomes a tunnel: it is over when the tunnel is.
    pub fn take_measured(&mut self) -> Option<Box<Measured>> {
        self.measured.take()
    }

    /// What middlewares keep of a request that becomes a tunnel, until the tunnel is over.
    pub fn take_held(&mut self) -> Vec<Box<dyn Held>> {
        std::mem::take(&mut self.held)
    }

    /// Whether the request's body is still on its way.
    pub fn is_uploading(&self) -> bool {
        self.body.exchange().is_some_and(Exchange::is_uploading)
    }

    /// Whether the rest can go from socket to socket ([`Exchange::can_splice`]).
    ///
    /// [`Exchange::can_splice`]: crate::forward::Exchange::can_splice
    pub fn can_splice(&mut self) -> bool {
        match &mut self.body {
            Body::Server(exchange) => exchange.can_splice(),
            Body::Empty | Body::Full(_) | Body::Changed(_) => false,
        }
    }

    /// Moves some of the body to `client`.
    ///
    /// # Errors
    /// The answer breaks off.
    pub fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        client: &TcpStream,
    ) -> Poll<Result<(), Error>> {
        let Body::Server(exchange) = &mut self.body else { return Poll::Ready(Ok(())) };
        let moved = ready!(exchange.poll_splice(cx, client))?;
        self.bytes = self.bytes.saturating_add(moved as u64);
        Poll::Ready(Ok(()))
    }

    /// Hands on what there is of the request's body.
    pub fn drive_upload(&mut self, cx: &mut Context<'_>) {
        if let Some(exchange) = self.body.exchange_mut() {
            exchange.drive_upload(cx);
        }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            if let Some(data) = frame.data_ref() {
                self.bytes = self.bytes.saturating_add(data.len() as u64);
            } else if let (Some(trailers), Some(measured)) =
                (frame.trailers_ref(), &mut self.measured)
            {
                measured.trailers(trailers);
            }
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
        if let Some(measured) = &mut self.measured {
            measured.sent(self.bytes);
        }
        if let Some(on_end) = self.on_end.take() {
            on_end(self.bytes, self.body.given().unwrap_or(self.bytes));
        }
    }
}
