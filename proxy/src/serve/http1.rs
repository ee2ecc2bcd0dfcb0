//! A client's HTTP/1.1 connection, request by request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::{Method, Response, StatusCode, Version, request as http_request, response};
use http_body::Body as _;
use tokio::io::AsyncWrite;
use tokio::time::timeout;

use super::answered::Held;
use super::exchange::AnswerBody;
use super::request;
use crate::body::{DRAINED_BYTES, RequestBody};
use crate::connection::Connection;
use crate::forward::tunnel::Tunnel;
use crate::http1::encode::{self, CHUNK_END, Delimiter, Facts};
use crate::http1::framing::Framing;
use crate::http1::head::RequestHead;
use crate::http1::{Client, Error};
use crate::observe::metrics::Measured;
use crate::present::Present;
use crate::worker::Worker;

/// Go accepts a little more than the configured head, and so do we, bytes.
const HEAD_SLACK: usize = 4096;

/// How long an unwanted rest of a body is read before the connection is given up.
const DRAINED_FOR: Duration = Duration::from_secs(1);

/// Why requests are served no longer.
pub enum End {
    /// The connection idles: it goes on when its client says something.
    Rest,
    /// The connection ends after the last answer has arrived.
    Close,
    /// The connection ends at once: the client has gone, or the answer broke off.
    Abort,
    /// The connection becomes a tunnel, measured as one request, and what is kept until its end.
    Tunnel(Box<Tunnel>, Option<Box<Measured>>, Vec<Box<dyn Held>>),
}

/// Serves requests.
pub async fn serve(
    worker: &Worker,
    entry_point: usize,
    connection: &Rc<Connection>,
    client: &Rc<Client>,
) -> End {
    let limit = connection.settings.max_header_bytes.saturating_add(HEAD_SLACK);
    loop {
        let head = poll_fn(|cx| {
            if (connection.is_closing() || connection.should_rest()) && !client.wire().has_begun() {
                return Poll::Ready(Ok(None));
            }
            client.poll_head(cx, limit)
        });
        let head = match head.await {
            Ok(Some(head)) => head,
            Ok(None) if connection.should_rest() && !connection.is_closing() => return End::Rest,
            Ok(None) => return End::Close,
            Err(error) => return Box::pin(refuse(client, connection, &error)).await,
        };
        let RequestHead { mut parts, present, framing, keep } = head;
        let asked = Asked { version: parts.version, head: parts.method == Method::HEAD, keep };
        let expects = present.any(Present::EXPECT) && expects(&parts);
        if framing == Framing::Unclear {
            connection.leave_unread();
        }
        client.begin(framing, expects, asked.version == Version::HTTP_11);
        let mut body = RequestBody::http1(client, connection.settings.read_timeout);
        let answer = {
            let mut handling = pin!(request::handle(
                worker,
                entry_point,
                connection,
                Some(client),
                &mut parts,
                present,
                &mut body,
            ));
            poll_fn(|cx| match handling.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => client.poll_gone(cx).map(|()| None),
            })
            .await
        };
        drop((parts, body));
        let Some(answer) = answer else { return End::Abort };
        let mut sending = match begin_answer(client, connection, answer, asked) {
            Ok(sending) => sending,
            Err(tunnel) => {
                return match poll_fn(|cx| client.wire().poll_flush(cx)).await {
                    Ok(()) => tunnel,
                    Err(_) => End::Abort,
                };
            }
        };
        if !poll_fn(|cx| sending.poll(cx)).await {
            return End::Abort;
        }
        if !sending.keep {
            return End::Close;
        }
        if !client.is_body_read() {
            if !Box::pin(drain(client)).await {
                return End::Close;
            }
            if !client.wire().has_begun() {
                connection.await_request();
            }
        }
        client.wire().rest();
    }
}

/// Writes an answer's head; an error is the tunnel that follows a 101.
fn begin_answer<'c>(
    client: &'c Client,
    connection: &Connection,
    answer: Response<AnswerBody>,
    asked: Asked,
) -> Result<Sending<'c>, End> {
    let (head, mut body) = answer.into_parts();
    let Some(tunnel) = body.take_tunnel() else {
        return Ok(Sending::new(client, &head, body, asked));
    };
    let facts = Facts { version: Version::HTTP_11, keep: true, delimiter: Delimiter::AsIs };
    encode::answer(client.wire().out(), head.status, &head.headers, facts);
    connection.become_tunnel();
    Err(End::Tunnel(tunnel, body.take_measured(), body.take_held()))
}

/// What of the request decides how its answer is sent.
#[derive(Clone, Copy)]
struct Asked {
    version: Version,
    head: bool,
    keep: bool,
}

/// Whether the client waits for `100 Continue` (RFC 9110 section 10.1.1).
fn expects(head: &http_request::Parts) -> bool {
    head.version == Version::HTTP_11
        && head
            .headers
            .get(EXPECT)
            .is_some_and(|expect| expect.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}

fn says_close(head: &response::Parts) -> bool {
    head.headers.get(CONNECTION).is_some_and(|value| value == "close")
}

/// Whether the rest of an unwanted body is small enough to be read, so that another request can
/// follow it.
fn is_worth_reading(client: &Client) -> bool {
    !client.expects() && client.left().is_none_or(|left| left <= DRAINED_BYTES as u64)
}

/// An answer on its way.
struct Sending<'c> {
    client: &'c Client,
    /// Dropped at its end: the server's connection is free then, while the last bytes are written.
    body: Option<AnswerBody>,
    chunked: bool,
    /// Whether another request may follow.
    keep: bool,
}

impl<'c> Sending<'c> {
    /// Writes the answer's head, to leave when this is polled.
    fn new(client: &'c Client, head: &response::Parts, body: AnswerBody, asked: Asked) -> Self {
        let bodiless = matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut keep = asked.keep && !says_close(head);
        let delimiter = match body.size_hint().exact() {
            _ if bodiless => Delimiter::None,
            Some(0) | None if asked.head => Delimiter::AsIs,
            Some(length) => Delimiter::Length(length),
            None if asked.version == Version::HTTP_11 => Delimiter::Chunks,
            None => {
                keep = false;
                Delimiter::None
            }
        };
        if !client.is_body_read() && (client.expects() || !body.is_uploading()) {
            keep &= is_worth_reading(client);
        }
        client.answers();
        let facts = Facts { version: asked.version, keep, delimiter };
        encode::answer(client.wire().out(), head.status, &head.headers, facts);
        let body = (!bodiless && !asked.head).then_some(body);
        Self { client, body, chunked: delimiter == Delimiter::Chunks, keep }
    }

    /// True: everything has been written. False: the client has gone, or the answer broke off.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        loop {
            if self.body.is_none() || self.client.wire().is_full() {
                let flushed = self.client.wire().poll_flush(cx);
                match flushed {
                    Poll::Ready(Ok(())) if self.body.is_none() => return Poll::Ready(true),
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    Poll::Pending => {
                        if let Some(body) = &mut self.body {
                            // A client may read only after it has sent everything.
                            body.drive_upload(cx);
                        }
                        return Poll::Pending;
                    }
                }
            }
            let Some(body) = &mut self.body else { continue };
            if !self.chunked && self.client.is_plain() && body.can_splice() {
                match self.splice(cx) {
                    Poll::Ready(Ok(())) => continue,
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    Poll::Pending => return self.unless_gone(cx),
                }
            }
            match Pin::new(body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => self.queue(frame),
                Poll::Ready(None) => self.end(None),
                Poll::Ready(Some(Err(_))) => {
                    // What arrived is passed on; the missing end tells the rest.
                    let _ = self.client.wire().poll_flush(cx);
                    return Poll::Ready(false);
                }
                Poll::Pending => {
                    let flushed = self.client.wire().poll_flush(cx);
                    return match flushed {
                        Poll::Ready(Ok(())) => self.unless_gone(cx),
                        Poll::Ready(Err(_)) => Poll::Ready(false),
                        Poll::Pending => Poll::Pending,
                    };
                }
            }
        }
    }

    /// While the server is awaited: false if the client has gone.
    fn unless_gone(&self, cx: &mut Context<'_>) -> Poll<bool> {
        self.client.poll_gone(cx).map(|()| false)
    }

    /// Has the kernel move the body, after what waits to be written.
    fn splice(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Some(body) = &mut self.body else { return Poll::Ready(Ok(())) };
        let mut wire = self.client.wire();
        ready!(wire.poll_flush(cx))?;
        if let Some(client) = wire.stream().plain() {
            ready!(body.poll_splice(cx, client))?;
        }
        drop(wire);
        if body.is_end_stream() {
            self.body = None;
        }
        Poll::Ready(Ok(()))
    }

    fn queue(&mut self, frame: http_body::Frame<Bytes>) {
        let frame = match frame.into_data() {
            Ok(data) => {
                if self.chunked {
                    // An empty chunk would be the last.
                    if !data.is_empty() {
                        let mut wire = self.client.wire();
                        encode::chunk_size(wire.out(), data.len());
                        wire.queue(data, CHUNK_END);
                    }
                } else {
                    self.client.wire().queue(data, b"");
                    if self.body.as_ref().is_some_and(http_body::Body::is_end_stream) {
                        self.body = None;
                    }
                }
                return;
            }
            Err(frame) => frame,
        };
        if let Ok(trailers) = frame.into_trailers() {
            self.end(Some(&trailers));
        }
    }

    fn end(&mut self, trailers: Option<&http::HeaderMap>) {
        if self.chunked {
            encode::last_chunk(self.client.wire().out(), trailers);
        }
        self.body = None;
    }
}

/// Reads the rest of a body that nobody wants, up to a limit. True: it is over.
async fn drain(client: &Client) -> bool {
    let mut left = DRAINED_BYTES;
    let drained = poll_fn(|cx| {
        loop {
            match client.poll_body(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    match left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
                        Some(rest) => left = rest,
                        None => return Poll::Ready(false),
                    }
                }
                Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                Poll::Ready(None) => return Poll::Ready(true),
                Poll::Pending => return Poll::Pending,
            }
        }
    });
    timeout(DRAINED_FOR, drained).await.unwrap_or(false)
}

/// Answers what is no request.
async fn refuse(client: &Client, connection: &Connection, error: &Error) -> End {
    let status = match error {
        Error::Io(_) | Error::Ended => return End::Abort,
        Error::HeadTooLarge => "431 Request Header Fields Too Large",
        Error::TargetTooLong => "414 URI Too Long",
        Error::Version => "505 HTTP Version Not Supported: unsupported protocol version",
        _ => "400 Bad Request",
    };
    {
        let mut wire = client.wire();
        let out = wire.out();
        for part in [
            "HTTP/1.1 ",
            status,
            "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n",
            status,
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    }
    connection.leave_unread();
    match poll_fn(|cx| client.wire().poll_flush(cx)).await {
        Ok(()) => End::Close,
        Err(_) => End::Abort,
    }
}

/// Whether the client gets everything that was written when the connection is simply dropped.
pub fn may_drop(client: &Client, connection: &Connection) -> bool {
    // What has come and is not read would turn the end into a reset, which takes the answer along.
    if !client.is_body_read() || client.wire().has_begun() {
        connection.leave_unread();
    }
    // Without TLS and with nothing left unread, closing the socket says it all.
    client.is_plain() && !connection.has_unread()
}

/// Ends the connection so that the client gets everything that was written.
pub async fn close(client: &Client) {
    let _ = poll_fn(|cx| Pin::new(client.wire().stream_mut()).poll_shutdown(cx)).await;
}
