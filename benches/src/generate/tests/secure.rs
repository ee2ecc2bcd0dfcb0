//! A server with TLS 1.3 (ECDSA P-256), HTTP/1.1 and HTTP/2: hyper and rustls.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

/// The server, until it is dropped.
#[derive(Debug)]
pub struct Secure {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Secure {
    pub fn start() -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address: told.recv().unwrap(), _stop: stop }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: TcpListener) {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["bench.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(speak(acceptor.clone(), client));
    }
}

async fn speak(acceptor: TlsAcceptor, client: TcpStream) {
    client.set_nodelay(true).unwrap();
    let Ok(stream) = acceptor.accept(client).await else { return };
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let (stream, service) = (TokioIo::new(stream), service_fn(answer));
    // What a client breaks off is its own affair.
    if http2 {
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let _ = server.serve_connection(stream, service).await;
    } else {
        let server = hyper::server::conn::http1::Builder::new();
        let _ = server.serve_connection(stream, service).await;
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let length = match request.uri().path() {
        "/1k" => 1024,
        "/1m" => 1 << 20,
        _ => 12,
    };
    Ok(Response::new(Full::new(Bytes::from(vec![b'x'; length]))))
}
