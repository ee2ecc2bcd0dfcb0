//! One HTTP/1.1 connection per call to the engine, with a bound on what it may answer.
//!
//! Bollard speaks through this by its custom transport; so the same way serves Unix sockets, TCP
//! and TLS, static binaries (no `getaddrinfo`), calls whose answers bollard's models do not hold,
//! and an event stream of which we know when the engine has begun it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use super::endpoint::{Address, Endpoint};

/// Bytes read from one connection: 10,000 services fill a fifth of it. An event stream that
/// reaches it is opened anew.
const MAX_ANSWER: u64 = 256 * 1024 * 1024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long the next of a name's addresses is tried beside (RFC 8305 section 5).
const HEAD_START: Duration = Duration::from_millis(300);
/// More of a name's addresses are not tried.
const MOST_ADDRESSES: usize = 32;

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

/// Connects to one of a name's addresses: to the first that answers, where each is given a head start
/// before the next. One that nobody answers at costs that, not the time of a whole attempt.
pub async fn dial_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses = resolve(host).await?.into_iter().map(|address| SocketAddr::new(address, port));
    let none = io::Error::new(io::ErrorKind::NotFound, format!("no address for {host:?}"));
    dial_one_of(addresses.take(MOST_ADDRESSES), none).await
}

async fn dial_one_of(
    addresses: impl Iterator<Item = SocketAddr>,
    none: io::Error,
) -> io::Result<TcpStream> {
    let mut addresses = addresses.peekable();
    let mut last = none;
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = addresses.next() {
            attempts.spawn(TcpStream::connect(address));
        }
        tokio::select! {
            connected = attempts.join_next() => match connected {
                Some(Ok(Ok(stream))) => {
                    stream.set_nodelay(true)?;
                    SockRef::from(&stream).set_tcp_keepalive(&keep_alive())?;
                    return Ok(stream);
                }
                Some(Ok(Err(error))) => last = error,
                Some(Err(error)) => last = io::Error::other(error),
                None => return Err(last),
            },
            () = sleep(HEAD_START), if addresses.peek().is_some() => {}
        }
    }
}

/// A stream of events may be silent for hours. Whatever forgets silent connections on its way (IPVS
/// after 15 minutes, firewalls, address translation) does not forget this one; and one that is lost
/// is noticed within two minutes.
fn keep_alive() -> TcpKeepalive {
    TcpKeepalive::new()
        .with_time(Duration::from_secs(60))
        .with_interval(Duration::from_secs(15))
        .with_retries(4)
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

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use socket2::{Domain, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    fn none() -> io::Error {
        io::ErrorKind::NotFound.into()
    }

    #[tokio::test]
    async fn connections_are_kept_alive() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = dial_tcp("127.0.0.1", listener.local_addr().unwrap().port()).await.unwrap();
        let socket = SockRef::from(&stream);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(60));
    }

    #[tokio::test]
    async fn an_address_that_nobody_answers_at_costs_its_head_start() {
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Its queue is full, so further connections hang.
        let silent = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        silent.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        silent.listen(0).unwrap();
        let hangs = silent.local_addr().unwrap().as_socket().unwrap();
        let _full = std::net::TcpStream::connect(hangs).unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let good = good.local_addr().unwrap();

        let start = Instant::now();
        let stream = dial_one_of([hangs, closed, good].into_iter(), none()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        let took = start.elapsed();
        assert!(took >= HEAD_START && took < HEAD_START * 6, "{took:?}");

        let refused = dial_one_of([closed, closed].into_iter(), none()).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let nobody = dial_one_of([].into_iter(), none()).await.unwrap_err();
        assert_eq!(nobody.kind(), io::ErrorKind::NotFound);
    }
}
