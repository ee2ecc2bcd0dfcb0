//! One HTTP/1.1 connection per call to the engine, with a bound on what it may answer.
//!
//! Bollard speaks through this by its custom transport; so the same way serves Unix sockets, TCP
//! and TLS, static binaries (no `getaddrinfo`), calls whose answers bollard's models do not hold,
//! and an event stream of which we know when the engine has begun it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, Response, Uri, header};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::endpoint::{Address, Endpoint};

/// Bytes read from one connection: 10,000 services fill a fifth of it. An event stream that
/// reaches it is opened anew.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Dials the engine.
#[derive(Clone, Debug)]
pub struct Transport {
    endpoint: Arc<Endpoint>,
    /// API version as `major << 16 | minor`; 0 before it is negotiated.
    version: Arc<AtomicU32>,
}

impl Transport {
    /// A transport that has not negotiated a version yet.
    pub fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint, version: Arc::new(AtomicU32::new(0)) }
    }

    /// Puts `/v<major>.<minor>` before all further paths.
    pub fn set_version(&self, major: u16, minor: u16) {
        self.version.store(u32::from(major) << 16 | u32::from(minor), Ordering::Relaxed);
    }

    /// Sends a request. `Err` of kind `ConnectionRefused`, `NotFound`, ... says why the engine
    /// could not be reached.
    pub async fn send<B>(&self, mut request: Request<B>) -> io::Result<Response<Incoming>>
    where
        B: Body + Send + Unpin + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        *request.uri_mut() = self.target(request.uri())?;
        let host = HeaderValue::from_str(&self.endpoint.host()).map_err(io::Error::other)?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, host);
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("Swarmgate/", env!("CARGO_PKG_VERSION"))),
        );
        if let Some(authorization) = &self.endpoint.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        let stream = tokio::time::timeout(CONNECT_TIMEOUT, self.dial())
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "connecting took too long"))??;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        // Ends with the answer's body, or when the caller drops it.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(io::Error::other)
    }

    /// The path alone, with the negotiated version.
    fn target(&self, uri: &Uri) -> io::Result<Uri> {
        let path_and_query = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let bare = match path_and_query.strip_prefix("/v1.") {
            Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
            None => path_and_query,
        };
        let target = match self.version.load(Ordering::Relaxed) {
            0 => bare.to_owned(),
            version => format!("/v{}.{}{bare}", version >> 16, version & 0xffff),
        };
        target.parse().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
    }

    async fn dial(&self) -> io::Result<Bounded> {
        let plain: Box<dyn Stream> = match &self.endpoint.address {
            Address::Unix(path) => Box::new(UnixStream::connect(path).await?),
            Address::Tcp(host, port) => {
                let stream = dial_tcp(host, *port).await?;
                match &self.endpoint.tls {
                    None => Box::new(stream),
                    Some(config) => {
                        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
                        let connector = TlsConnector::from(config.clone());
                        Box::new(connector.connect(name, stream).await?)
                    }
                }
            }
        };
        Ok(Bounded { stream: plain, left: MAX_ANSWER })
    }
}

/// Connects to the first of a name's addresses that can be connected to.
pub async fn dial_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, format!("no address for {host:?}"));
    for address in resolve(host).await? {
        match TcpStream::connect((address, port)).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Addresses of a name, from `/etc/hosts` and DNS; an address is its own.
pub async fn resolve(host: &str) -> io::Result<Vec<IpAddr>> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let resolver = TokioResolver::builder_tokio()
        .and_then(hickory_resolver::ResolverBuilder::build)
        .map_err(io::Error::other)?;
    let found = resolver.lookup_ip(host).await.map_err(io::Error::other)?;
    Ok(found.iter().collect())
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of which only so much is read.
struct Bounded {
    stream: Box<dyn Stream>,
    left: u64,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len().saturating_sub(before) as u64;
        match self.left.checked_sub(read) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Ok(()))
            }
            None => Poll::Ready(Err(io::Error::other("the engine's answer is too large"))),
        }
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, data)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
