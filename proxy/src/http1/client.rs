//! A client's HTTP/1.1 connection: request heads, request bodies, and its end.

use std::cell::{Cell, RefCell, RefMut};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use http_body::Frame;

use super::decode::{Decoder, Step};
use super::framing::Framing;
use super::head::{self, RequestHead};
use super::{Error, Wire, encode};
use crate::connection::ClientStream;

/// A client's connection. Shared by the connection's loop and the body of the request that it
/// serves, which are polled by one task and one after the other.
#[derive(Debug)]
pub struct Client {
    wire: RefCell<Wire<ClientStream>>,
    body: RefCell<Decoder>,
    /// It waits for `100 Continue` before it sends the body.
    expects: Cell<bool>,
    /// It understands interim answers.
    interim: Cell<bool>,
}

impl Client {
    /// A connection of which `read` has been read already.
    pub fn new(stream: ClientStream, read: Bytes) -> Rc<Self> {
        Rc::new(Self {
            wire: RefCell::new(Wire::new(stream, read)),
            body: RefCell::new(Decoder::Done),
            expects: Cell::new(false),
            interim: Cell::new(false),
        })
    }

    /// Whether nothing is between its socket and HTTP.
    pub fn is_plain(&self) -> bool {
        self.wire.borrow().stream().plain().is_some()
    }

    /// The bytes; not while a body is polled.
    pub fn wire(&self) -> RefMut<'_, Wire<ClientStream>> {
        self.wire.borrow_mut()
    }

    /// The stream, and what was read from it and not used.
    pub fn into_parts(self) -> (ClientStream, Bytes) {
        self.wire.into_inner().into_parts()
    }

    /// Waits until the client says something, or ends; holds no memory for that.
    pub fn poll_begun(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut wire = self.wire();
        let ended = wire.poll_ended(cx);
        if wire.has_begun() { Poll::Ready(()) } else { ended }
    }

    /// Reads a request's head; `None`: the client has ended the connection.
    ///
    /// # Errors
    /// A malformed head, or one of more than `limit` bytes; a failed connection.
    pub fn poll_head(
        &self,
        cx: &mut Context<'_>,
        limit: usize,
    ) -> Poll<Result<Option<RequestHead>, Error>> {
        self.wire().poll_head(cx, limit, head::request)
    }

    /// The head of a request whose body is delimited so was read. `expects`: its client waits for
    /// `100 Continue`. `interim`: it understands interim answers.
    pub fn begin(&self, framing: Framing, expects: bool, interim: bool) {
        let decoder = Decoder::from(framing);
        self.expects.set(expects && !decoder.is_done());
        self.interim.set(interim);
        *self.body.borrow_mut() = decoder;
    }

    /// Whether the request's body has been read to its end.
    pub fn is_body_read(&self) -> bool {
        self.body.borrow().is_done()
    }

    /// Whether the client still waits for `100 Continue`.
    pub fn expects(&self) -> bool {
        self.expects.get()
    }

    /// The answer begins: `100 Continue` is not said any more.
    pub fn answers(&self) {
        self.expects.set(false);
    }

    /// How many bytes of the body were not read, if that is known.
    pub fn left(&self) -> Option<u64> {
        self.body.borrow().left()
    }

    /// Reads the request's body.
    ///
    /// # Errors
    /// A malformed body; an early end.
    pub fn poll_body(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let (mut wire, mut body) = (self.wire(), self.body.borrow_mut());
        if self.expects.replace(false) && !wire.is_full() {
            encode::interim(wire.out(), StatusCode::CONTINUE, &HeaderMap::new());
            if let Poll::Ready(Err(error)) = wire.poll_flush(cx) {
                return Poll::Ready(Some(Err(error.into())));
            }
        }
        loop {
            match body.decode(wire.read()) {
                Ok(Step::Data(data)) => {
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Ok(Step::Trailers(trailers)) => {
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Ok(Step::End) => return Poll::Ready(None),
                Ok(Step::More) => {}
                Err(error) => return Poll::Ready(Some(Err(error))),
            }
            if !wire.is_flushed()
                && let Poll::Ready(Err(error)) = wire.poll_flush(cx)
            {
                return Poll::Ready(Some(Err(error.into())));
            }
            let expected = body.expected();
            match ready!(wire.poll_more(cx, expected)) {
                Ok(0) => return Poll::Ready(Some(Err(Error::Ended))),
                Ok(_) => {}
                Err(error) => return Poll::Ready(Some(Err(error.into()))),
            }
        }
    }

    /// Ready when the client has gone. Notices nothing while a body is still to be read.
    pub fn poll_gone(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_body_read() { self.wire().poll_ended(cx) } else { Poll::Pending }
    }

    /// Passes an interim answer on, if the client understands it and listens.
    pub fn pass_interim(&self, cx: &mut Context<'_>, status: StatusCode, headers: &HeaderMap) {
        let mut wire = self.wire();
        if self.interim.get() && !wire.is_full() {
            encode::interim(wire.out(), status, headers);
            // What does not leave now leaves with the answer.
            let _ = wire.poll_flush(cx);
        }
    }
}
