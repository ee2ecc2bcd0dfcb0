//! HTTP over TLS around the protocol.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use super::protocol;
use super::state::State;

/// Serves until dropped.
pub(super) async fn serve(
    listener: std::net::TcpListener,
    tls: Arc<ServerConfig>,
    state: Arc<Mutex<State>>,
) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let acceptor = TlsAcceptor::from(tls);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (acceptor, state) = (acceptor.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| handle(Arc::clone(&state), request));
            // A client that goes away is no news.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn handle(
    state: Arc<Mutex<State>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().as_str().to_owned();
    let path = request.uri().path().to_owned();
    let body = Limited::new(request.into_body(), 1 << 20).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let Some(reply) = protocol::answer(&state, &method, &path, &body) else {
        return std::future::pending().await;
    };
    let mut response = Response::builder().status(reply.status).header("content-type", reply.kind);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = if method == "HEAD" { Bytes::new() } else { Bytes::from(reply.body) };
    Ok(response.body(Full::new(body)).unwrap_or_default())
}
