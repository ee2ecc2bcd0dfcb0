//! One request on a server's connection, and its answer as it arrives.
//!
//! Everything happens in the request's own task: no task per connection, no channel between.

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, mem};

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, StatusCode, request, response};
use http_body::Frame;
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::stream::ServerStream;
use crate::balance::Server;
use crate::body::{Body, RequestBody, RequestBodyError};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::http1::decode::{Decoder, Step};
use crate::http1::encode::{self, CHUNK_END, Delimiter};
use crate::http1::framing::Framing;
use crate::http1::head::{self, AnswerHead};
use crate::http1::{Client, Error, Wire};
use crate::pool::Lease;
use crate::present::Present;
use crate::relay::splice::{Failed, Splice, State, WORTH_IT};

#[cfg(test)]
mod tests;

/// An answer's head, bytes.
const LARGEST_HEAD: usize = 1024 * 1024;

/// Interim answers (1xx) before the final one; Go's limit.
const MOST_INTERIM: u32 = 5;

/// A request as one server gets it.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'r> {
    /// Method, target and headers.
    pub head: &'r request::Parts,
    /// `Host`, where it is not the one in the headers.
    pub host: Option<&'r HeaderValue>,
    /// The server's own path, which the target continues.
    pub prefix: &'r str,
    /// How long the answer's head may take, counted from the request's end.
    pub limit: Option<Duration>,
    /// Who gets interim answers.
    pub client: Option<&'r Client>,
}

/// Why a request got no answer on a connection, which is closed now.
#[derive(Debug)]
pub struct Broken {
    /// The cause.
    pub failure: Failure,
    /// Nothing of the request has left; its body is whole again.
    pub unsent: bool,
    /// The connection ended before the first byte of an answer.
    pub silent: bool,
}

/// A body on its way to the server.
#[derive(Debug)]
struct Upload {
    body: RequestBody,
    chunked: bool,
    ended: bool,
    /// The only piece that has left the body up to now.
    first: Option<Bytes>,
    pieces: u32,
}

enum UploadError {
    /// The server does not take it; reading tells why.
    Write,
    /// The client does not send it.
    Body(RequestBodyError),
}

impl Upload {
    /// Hands on what there is. Ready: everything is written.
    fn poll(
        &mut self,
        wire: &mut Wire<ServerStream>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), UploadError>> {
        loop {
            if self.ended {
                return wire.poll_flush(cx).map_err(|_| UploadError::Write);
            }
            if wire.is_full() {
                ready!(wire.poll_flush(cx)).map_err(|_| UploadError::Write)?;
            }
            match self.body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => {
                    self.pieces = self.pieces.saturating_add(1);
                    self.first = (self.pieces == 1).then(|| data.clone());
                    if self.chunked {
                        encode::chunk_size(wire.out(), data.len());
                        wire.queue(data, CHUNK_END);
                    } else {
                        wire.queue(data, b"");
                    }
                }
                Poll::Ready(None) => {
                    if self.chunked {
                        // A large chunk has to be followed, not preceded, by the end.
                        if wire.is_full() {
                            ready!(wire.poll_flush(cx)).map_err(|_| UploadError::Write)?;
                        }
                        encode::last_chunk(wire.out(), None);
                    }
                    self.ended = true;
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Err(UploadError::Body(error)));
                }
                Poll::Pending => {
                    ready!(wire.poll_flush(cx)).map_err(|_| UploadError::Write)?;
                    return Poll::Pending;
                }
            }
        }
    }
}

/// A request that is being sent, until the head of its answer has arrived.
#[derive(Debug)]
pub struct Sending<'r> {
    lease: Option<Lease>,
    outgoing: Outgoing<'r>,
    /// Where the body comes from, and goes back to if nothing of the request has left.
    body: &'r mut RequestBody,
    upload: Option<Box<Upload>>,
    written_before: u64,
    write_failed: bool,
    interim: u32,
    timer: Option<Pin<Box<Sleep>>>,
}

impl<'r> Sending<'r> {
    /// Writes the request's head, to leave when this is polled.
    pub fn new(mut lease: Lease, outgoing: Outgoing<'r>, body: &'r mut RequestBody) -> Self {
        let head = outgoing.head;
        let upload = (!body.is_ended()).then(|| {
            let chunked = !head.headers.contains_key(CONTENT_LENGTH);
            let body = mem::take(body);
            Box::new(Upload { body, chunked, ended: false, first: None, pieces: 0 })
        });
        let mut written_before = 0;
        if let Some(wire) = lease.wire() {
            written_before = wire.written();
            let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
            let delimiter = match &upload {
                Some(upload) if upload.chunked => Delimiter::Chunks,
                _ => Delimiter::AsIs,
            };
            encode::request(
                wire.out(),
                &head.method,
                &[outgoing.prefix, target],
                &head.headers,
                outgoing.host,
                delimiter,
            );
        }
        Self {
            lease: Some(lease),
            outgoing,
            body,
            upload,
            written_before,
            write_failed: false,
            interim: 0,
            timer: None,
        }
    }

    /// Sends what there is to send. True: everything is sent, or will never be.
    fn poll_sent(&mut self, cx: &mut Context<'_>) -> Result<bool, Failure> {
        let Some(wire) = self.lease.as_mut().and_then(Lease::wire) else { return Ok(true) };
        let sent = match &mut self.upload {
            _ if self.write_failed => return Ok(true),
            None => wire.poll_flush(cx).map_err(|_| UploadError::Write),
            Some(upload) if upload.ended && wire.is_flushed() => return Ok(true),
            Some(upload) => upload.poll(wire, cx),
        };
        match sent {
            Poll::Ready(Ok(())) => Ok(true),
            // A server may answer before it has read a body, and close (413 is the usual case):
            // what it had to say is still to be read.
            Poll::Ready(Err(UploadError::Write)) => {
                self.write_failed = true;
                wire.discard();
                Ok(true)
            }
            Poll::Ready(Err(UploadError::Body(error))) => Err(error.into()),
            Poll::Pending => Ok(false),
        }
    }

    /// The answer's final head.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Broken>> {
        let Some(wire) = self.lease.as_mut().and_then(Lease::wire) else {
            return Poll::Ready(Err(self.broken(Failure::Lost(Error::Ended), false)));
        };
        loop {
            let method = &self.outgoing.head.method;
            let read = wire.poll_head(cx, LARGEST_HEAD, |input| head::answer(input, method));
            let head = match ready!(read) {
                Ok(Some(head)) => head,
                Ok(None) => {
                    let silent = self.interim == 0;
                    return Poll::Ready(Err(self.broken(Failure::Lost(Error::Ended), silent)));
                }
                Err(error @ Error::Io(_)) => {
                    let silent = self.interim == 0 && wire.is_read_empty();
                    return Poll::Ready(Err(self.broken(Failure::Lost(error), silent)));
                }
                Err(error @ Error::Ended) => {
                    return Poll::Ready(Err(self.broken(Failure::Lost(error), false)));
                }
                Err(error) => {
                    return Poll::Ready(Err(self.broken(Failure::BadAnswer(error), false)));
                }
            };
            let status = head.parts.status;
            if !status.is_informational() || status == StatusCode::SWITCHING_PROTOCOLS {
                return Poll::Ready(Ok(head));
            }
            self.interim += 1;
            if self.interim > MOST_INTERIM {
                let failure = Failure::BadAnswer(Error::TooManyInterim);
                return Poll::Ready(Err(self.broken(failure, false)));
            }
            // Whether a client's body is wanted is between the client and us.
            if status != StatusCode::CONTINUE
                && let Some(client) = self.outgoing.client
            {
                client.pass_interim(cx, status, &head.parts.headers);
            }
        }
    }

    fn broken(&mut self, failure: Failure, silent: bool) -> Broken {
        let written = self.lease.as_mut().and_then(Lease::wire).map(|wire| wire.written());
        let mut unsent = silent && written == Some(self.written_before);
        if let Some(mut upload) = self.upload.take()
            && unsent
        {
            unsent = upload.pieces < 2;
            upload.body.give_back(upload.first.unwrap_or_default());
            *self.body = upload.body;
        }
        Broken { failure, unsent, silent }
    }
}

impl Future for Sending<'_> {
    type Output = Result<(response::Parts, Exchange), Broken>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let sent = match this.poll_sent(cx) {
            Ok(sent) => sent,
            Err(failure) => return Poll::Ready(Err(this.broken(failure, false))),
        };
        match this.poll_head(cx) {
            Poll::Ready(Ok(head)) => {
                let AnswerHead { parts, present, framing, keep } = head;
                // A body's last bytes may still wait for the server to take them.
                let wire = this.lease.as_mut().and_then(Lease::wire);
                let flushed = wire.is_none_or(|wire| wire.is_flushed());
                let upload = this.upload.take().filter(|upload| match upload.ended {
                    true => !flushed && !this.write_failed,
                    false => !this.write_failed,
                });
                let exchange = Exchange {
                    lease: this.lease.take(),
                    decoder: Decoder::from(framing),
                    unclear: framing == Framing::Unclear,
                    present,
                    upload,
                    keep: keep && !this.write_failed,
                    owner: None,
                    splice: None,
                    copied: false,
                };
                Poll::Ready(Ok((parts, exchange)))
            }
            Poll::Ready(Err(broken)) => Poll::Ready(Err(broken)),
            Poll::Pending => {
                if let Some(limit) = this.outgoing.limit
                    && sent
                {
                    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
                    ready!(timer.as_mut().poll(cx));
                    return Poll::Ready(Err(this.broken(Failure::ResponseHeaderTimeout, false)));
                }
                Poll::Pending
            }
        }
    }
}

/// An answer whose head has arrived: its body, and the rest of the request's body that may still
/// be on its way. When both are over, the connection goes back to the pool; dropped earlier, it is
/// closed: what is left on it is nobody's.
#[derive(Debug)]
pub struct Exchange {
    lease: Option<Lease>,
    decoder: Decoder,
    unclear: bool,
    present: Present,
    upload: Option<Box<Upload>>,
    keep: bool,
    /// The only client that the connection may serve (NTLM, Negotiate).
    owner: Option<Rc<Connection>>,
    splice: Option<Box<Splice>>,
    /// Splicing was tried in vain.
    copied: bool,
}

impl Exchange {
    /// Whether nobody can tell where the body ends.
    pub fn is_unclear(&self) -> bool {
        self.unclear
    }

    /// What of the answer's headers needs a look.
    pub fn present(&self) -> Present {
        self.present
    }

    /// How many bytes of the body are missing, if that is known.
    pub fn left(&self) -> Option<u64> {
        self.decoder.left()
    }

    /// Who answers; `None`: the answer is over.
    pub fn server(&self) -> Option<&Arc<Server>> {
        self.lease.as_ref().map(Lease::server)
    }

    /// The body. One that is empty frees the connection at once.
    pub fn into_body(mut self) -> Body {
        if self.decoder.is_done() && self.upload.is_none() {
            self.end();
            return Body::Empty;
        }
        Body::Server(self)
    }

    /// From now on the connection belongs to this client.
    pub fn bind(&mut self, owner: &Rc<Connection>) {
        self.owner = Some(Rc::clone(owner));
    }

    /// Whether the connection belonged to one client before.
    pub fn is_bound(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::is_bound)
    }

    /// The connection itself, for a tunnel; not while the request is still on its way (RFC 9110
    /// section 7.8): its rest would be taken for the tunnel's first bytes.
    pub fn into_lease(mut self) -> Option<Lease> {
        let sent = self.is_sent();
        self.lease.take().filter(|_| sent)
    }

    fn is_sent(&mut self) -> bool {
        let wire = self.lease.as_mut().and_then(Lease::wire);
        self.upload.is_none() && wire.is_some_and(|wire| wire.is_flushed())
    }

    /// Whether the request's body is still on its way.
    pub fn is_uploading(&self) -> bool {
        self.upload.is_some()
    }

    /// Hands on what there is of the request's body.
    pub fn drive_upload(&mut self, cx: &mut Context<'_>) {
        let Some(upload) = &mut self.upload else { return };
        let Some(wire) = self.lease.as_mut().and_then(Lease::wire) else { return };
        match upload.poll(wire, cx) {
            Poll::Ready(Ok(())) => self.upload = None,
            Poll::Ready(Err(_)) => {
                wire.discard();
                self.upload = None;
                self.keep = false;
            }
            Poll::Pending => {}
        }
    }

    /// The answer's next bytes or its trailers.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.drive_upload(cx);
        let Some(wire) = self.lease.as_mut().and_then(Lease::wire) else {
            return Poll::Ready(None);
        };
        loop {
            match self.decoder.decode(wire.read()) {
                Ok(Step::Data(data)) => {
                    if self.decoder.is_done() {
                        self.end();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Ok(Step::Trailers(trailers)) => {
                    self.end();
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
                }
                Ok(Step::End) => {
                    self.end();
                    return Poll::Ready(None);
                }
                Ok(Step::More) => {}
                Err(error) => {
                    self.lease = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            let failed = match ready!(wire.poll_more(cx, self.decoder.expected())) {
                Ok(1..) => continue,
                Ok(0) => self.decoder.end(),
                Err(error) => Err(error.into()),
            };
            self.keep = false;
            self.end();
            return Poll::Ready(failed.err().map(Err));
        }
    }

    /// Whether the rest of the body can go from socket to socket without passing through us: it is
    /// large, of known length, and not in TLS.
    pub fn can_splice(&mut self) -> bool {
        if self.splice.is_some() {
            return true;
        }
        let Decoder::Length(left) = self.decoder else { return false };
        if left < WORTH_IT || self.copied || self.upload.is_some() {
            return false;
        }
        let wire = self.lease.as_mut().and_then(Lease::wire);
        if !wire.is_some_and(|wire| wire.stream().plain().is_some() && wire.is_read_empty()) {
            return false;
        }
        self.splice = Some(Box::new(Splice::exactly(left)));
        true
    }

    /// Moves some of the body to `client`, after [`Exchange::can_splice`]. Returns how many bytes
    /// it was; when the body is over, [`Exchange::left`] says so.
    ///
    /// # Errors
    /// Either connection failed, or the server's ended too early.
    pub fn poll_splice(
        &mut self,
        cx: &mut Context<'_>,
        client: &TcpStream,
    ) -> Poll<Result<usize, Error>> {
        let Some(splice) = &mut self.splice else { return Poll::Ready(Ok(0)) };
        let wire = self.lease.as_mut().and_then(Lease::wire);
        let Some(server) = wire.and_then(|wire| wire.stream().plain()) else {
            return Poll::Ready(Err(Error::Ended));
        };
        let moved = match ready!(splice.poll(cx, server, client)) {
            Ok(moved) => moved,
            Err(Failed::NoPipe(_)) => {
                self.decoder = Decoder::from(Framing::Length(splice.remaining()));
                self.splice = None;
                self.copied = true;
                return Poll::Ready(Ok(0));
            }
            Err(failed) => return Poll::Ready(Err(io::Error::from(failed).into())),
        };
        match moved.state {
            State::Going => {}
            State::Complete => {
                self.decoder = Decoder::Done;
                self.end();
            }
            State::Ended => return Poll::Ready(Err(Error::Ended)),
        }
        Poll::Ready(Ok(moved.written))
    }

    /// The body is over: the connection is free, if it is fit for another request.
    pub fn end(&mut self) {
        let Some(mut lease) = self.lease.take() else { return };
        let Some(wire) = lease.wire() else { return };
        let fit = self.keep && self.upload.is_none() && wire.is_read_empty() && wire.is_flushed();
        if !fit {
            return;
        }
        wire.rest();
        match self.owner.take() {
            None => lease.give_back(),
            // The streams of an HTTP/2 connection may be anybody's: theirs is closed.
            Some(owner) if owner.multiplexed.get() => {}
            Some(owner) => owner.keep_own(lease.bind()),
        }
    }
}
