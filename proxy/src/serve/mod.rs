//! Steps 3 to 5: which protocol a connection speaks, and its requests one by one.

pub mod answered;
mod detect;
mod exchange;
mod http1;
mod layer;
pub mod logged;
mod own;
pub mod request;
mod secure;
pub mod service;
pub mod settle;
pub mod way;

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use self::detect::Protocol;
use crate::body::RequestBody;
use crate::connection::{
    Activity, ClientStream, Connection, Drivable, Stream, drive, unless_ended, unless_killed,
};
use crate::http1::Client;
use crate::present::Present;
use crate::worker::Worker;

/// Serves one connection to its end.
pub async fn connection(
    worker: Rc<Worker>,
    entry_point: usize,
    mut stream: TcpStream,
    peer: SocketAddr,
) {
    let (Some(settings), Some(registry)) =
        (worker.shared.settings.get(entry_point), worker.registries.get(entry_point))
    else {
        return;
    };
    let activity = Rc::new(Activity::default());
    let connection = registry.open(peer, Arc::clone(settings), Rc::clone(&activity));
    let detected = unless_ended(&connection, pin!(detect::detect(&mut stream, &activity))).await;
    let Some(Ok((protocol, begun))) = detected else { return };
    // What follows is boxed: a task is as large as its largest step, and keeps that while it idles.
    match protocol {
        Protocol::Http1 => {
            let stream = ClientStream::Plain(Stream::new(stream, Bytes::new(), activity));
            http1(worker, entry_point, connection, Client::new(stream, begun)).await;
        }
        Protocol::Http2 => {
            let stream = Stream::new(stream, begun, activity);
            Box::pin(http2(worker, entry_point, connection, stream)).await;
        }
        Protocol::Tls => {
            let stream = Stream::new(stream, begun, activity);
            let securing = secure::secure(&worker, entry_point, &connection, stream);
            let Some(stream) = Box::pin(securing).await else { return };
            if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
                Box::pin(http2(worker, entry_point, connection, stream)).await;
            } else {
                let client = Client::new(ClientStream::Tls(stream), Bytes::new());
                http1(worker, entry_point, connection, client).await;
            }
        }
    }
}

/// Serves an HTTP/1 connection. While it idles it holds its socket and little else.
async fn http1(
    worker: Rc<Worker>,
    entry_point: usize,
    connection: Rc<Connection>,
    client: Rc<Client>,
) {
    loop {
        let end = {
            let mut serving = Box::pin(http1::serve(&worker, entry_point, &connection, &client));
            unless_killed(&connection, serving.as_mut()).await
        };
        match end {
            Some(http1::End::Rest) => {
                let begun = poll_fn(|cx| match connection.is_closing() {
                    true => Poll::Ready(()),
                    false => client.poll_begun(cx),
                });
                if unless_killed(&connection, pin!(begun)).await.is_none() {
                    return;
                }
                connection.wake_up();
            }
            Some(http1::End::Close) => {
                if !http1::may_drop(&client, &connection) {
                    let mut closing = Box::pin(http1::close(&client));
                    unless_killed(&connection, closing.as_mut()).await;
                }
                return;
            }
            Some(http1::End::Tunnel(tunnel, _measured, _held)) => {
                let Some(client) = Rc::into_inner(client) else { return };
                let (stream, read) = client.into_parts();
                let mut relaying = Box::pin(tunnel.run(stream, read));
                unless_killed(&connection, relaying.as_mut()).await;
                return;
            }
            Some(http1::End::Abort) | None => return,
        }
    }
}

/// What an HTTP/2 stream keeps for a client that does not take it, bytes. A client may have hundreds
/// of them, and windows as wide as it likes.
const UNSENT: usize = 64 * 1024;

async fn http2<S>(worker: Rc<Worker>, entry_point: usize, connection: Rc<Connection>, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    connection.multiplex();
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .max_concurrent_streams(connection.settings.max_streams)
        .max_header_list_size(
            u32::try_from(connection.settings.max_header_bytes).unwrap_or(u32::MAX),
        )
        .initial_stream_window_size(256 * 1024)
        .initial_connection_window_size(1024 * 1024)
        .max_send_buf_size(UNSENT);
    let service = {
        let connection = Rc::clone(&connection);
        service_fn(move |request| {
            let (worker, connection) = (Rc::clone(&worker), Rc::clone(&connection));
            async move {
                let (mut head, incoming) = hyper::Request::into_parts(request);
                let mut body = RequestBody::http2(incoming, connection.settings.read_timeout);
                let present = Present::of(&head.headers);
                let (head, body) = (&mut head, &mut body);
                let handling =
                    request::handle(&worker, entry_point, &connection, None, head, present, body);
                Ok::<_, Infallible>(handling.await)
            }
        })
    };
    let hyper = builder.serve_connection(TokioIo::new(stream), service);
    drive(&connection, hyper).await;
}

/// Runs HTTP/2 streams on the thread of their connection.
#[derive(Clone, Copy, Debug)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

impl<I, S, B> Drivable for http2::Connection<I, S, LocalExecutor>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: 'static,
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        Self::graceful_shutdown(self);
    }
}
