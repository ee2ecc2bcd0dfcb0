//! A plain HTTP/1.1 client that sends exactly the given bytes and tells exactly what came back.

use std::io::{self, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::any_name::AnyName;
use crate::certificates::Certificate;
use crate::wire::{self, Framing, Head};

/// Longer than anything a test waits for, shorter than anybody's patience.
const TIMEOUT: Duration = Duration::from_secs(30);

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// `HTTP/1.1`.
    pub version: String,
    /// The words after the status.
    pub reason: String,
    /// Header lines in order, as spelled.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
    /// Trailers of a chunked body.
    pub trailers: Vec<(String, String)>,
    /// The 1xx answers that came before.
    pub informational: Vec<Head>,
}

impl Response {
    /// The first header line with this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }

    /// The body as text; bytes outside ASCII become the character of the same number.
    pub fn text(&self) -> String {
        wire::latin1(&self.body)
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON ({error}): {:?} {}", self.status, self.text()),
        }
    }
}

/// What a TLS client trusts.
#[derive(Clone, Copy, Debug)]
pub enum Trust<'a> {
    /// Any certificate; for looking at it afterwards.
    Anything,
    /// Chains to these roots, in PEM.
    Roots(&'a str),
}

/// How a TLS client greets.
#[derive(Clone, Copy, Debug)]
pub struct Greeting<'a> {
    /// Whom it trusts.
    pub trust: Trust<'a>,
    /// What it shows when it is asked for a certificate.
    pub identity: Option<&'a Certificate>,
    /// `1.2` or `1.3` alone; else both.
    pub version: &'a str,
    /// Protocols that it offers.
    pub protocols: &'a [&'a str],
}

impl Default for Greeting<'_> {
    fn default() -> Self {
        Self { trust: Trust::Anything, identity: None, version: "", protocols: &["http/1.1"] }
    }
}

/// A TLS client that remembers the sessions of its connections, and would resume them.
#[derive(Clone, Debug)]
pub struct TlsClient(ClientConfig);

impl TlsClient {
    /// One that greets so.
    ///
    /// # Errors
    /// What is wrong with certificates or keys.
    pub fn new(greeting: Greeting<'_>) -> io::Result<Self> {
        client_config(greeting).map(Self)
    }

    /// One that would resume the session of any name with any other.
    #[must_use]
    pub fn mixing_names(mut self) -> Self {
        self.0.resumption = rustls::client::Resumption::store(Arc::new(AnyName::default()));
        self
    }

    /// A connection. An empty `name` sends no SNI.
    ///
    /// # Errors
    /// The socket's or the handshake's.
    pub fn connect(&self, address: impl ToSocketAddrs, name: &str) -> io::Result<Client> {
        let mut tcp = open(address)?;
        let mut config = self.0.clone();
        config.enable_sni = !name.is_empty();
        let name = if name.is_empty() { "unnamed.invalid" } else { name };
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp)?;
        }
        let certificate = tls.peer_certificates().and_then(|chain| chain.first());
        let certificate = certificate.map(|leaf| leaf.as_ref().to_vec());
        let resumed = tls.handshake_kind() == Some(rustls::HandshakeKind::Resumed);
        let protocol = tls.alpn_protocol().map(wire::latin1);
        let stream: Box<dyn Stream> = Box::new(StreamOwned::new(tls, tcp.try_clone()?));
        Ok(Client { stream: BufReader::new(stream), tcp, certificate, resumed, protocol })
    }
}

/// Renews the keys of a new TLS 1.3 connection so often, one message each, unless it is ended. The
/// number of messages that were taken.
///
/// # Errors
/// The socket's or the handshake's.
pub fn renew_keys(address: impl ToSocketAddrs, name: &str, times: usize) -> io::Result<usize> {
    let mut tcp = open(address)?;
    let config = client_config(Greeting { version: "1.3", ..Greeting::default() })?;
    let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
    let mut tls = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp)?;
    }
    for number in 0..times {
        tls.refresh_traffic_keys().map_err(io::Error::other)?;
        while tls.wants_write() {
            if tls.write_tls(&mut tcp).is_err() {
                return Ok(number);
            }
        }
    }
    Ok(times)
}

trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

/// One connection.
pub struct Client {
    stream: BufReader<Box<dyn Stream>>,
    tcp: TcpStream,
    certificate: Option<Vec<u8>>,
    resumed: bool,
    protocol: Option<String>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("tcp", &self.tcp).finish_non_exhaustive()
    }
}

impl Client {
    /// A plain connection.
    ///
    /// # Errors
    /// The socket's.
    pub fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        let tcp = open(address)?;
        let stream: Box<dyn Stream> = Box::new(tcp.try_clone()?);
        let stream = BufReader::new(stream);
        Ok(Self { stream, tcp, certificate: None, resumed: false, protocol: None })
    }

    /// A TLS connection that offers HTTP/1.1 only. An empty `name` sends no SNI.
    ///
    /// # Errors
    /// The socket's or the handshake's.
    pub fn connect_tls(
        address: impl ToSocketAddrs,
        name: &str,
        trust: Trust<'_>,
    ) -> io::Result<Self> {
        TlsClient::new(Greeting { trust, ..Greeting::default() })?.connect(address, name)
    }

    /// Whether a TLS session was resumed.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// The protocol that was agreed on by ALPN.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// The server's own certificate (DER), on TLS.
    pub fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Our own address, as the other side sees it.
    ///
    /// # Errors
    /// The socket's.
    pub fn local(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// How long a read may take.
    ///
    /// # Errors
    /// The socket's.
    pub fn set_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.tcp.set_read_timeout(Some(timeout))
    }

    /// Sends exactly these bytes.
    ///
    /// # Errors
    /// The stream's.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())?;
        self.stream.get_mut().flush()
    }

    /// Says that nothing more will be sent.
    ///
    /// # Errors
    /// The socket's.
    pub fn finish(&mut self) -> io::Result<()> {
        self.tcp.shutdown(Shutdown::Write)
    }

    /// The next head, 1xx ones too.
    ///
    /// # Errors
    /// The stream's, or when it ends.
    pub fn head(&mut self) -> io::Result<Head> {
        Head::read(&mut self.stream)?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// The next chunk of a chunked body; `None` is the last one.
    ///
    /// # Errors
    /// The stream's.
    pub fn chunk(&mut self) -> io::Result<Option<Vec<u8>>> {
        wire::chunk(&mut self.stream)
    }

    /// Exactly `length` bytes.
    ///
    /// # Errors
    /// The stream's, or when it ends too early.
    pub fn bytes(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Everything until the other side closes.
    ///
    /// # Errors
    /// The stream's.
    pub fn rest(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.stream.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            // TLS closed without saying so; what came is what there is.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(bytes),
            Err(error) => Err(error),
        }
    }

    /// The next final answer to a request with this method.
    ///
    /// # Errors
    /// The stream's, or an answer that is none.
    pub fn response(&mut self, method: &str) -> io::Result<Response> {
        let mut response = Response::default();
        loop {
            let head = self.head()?;
            let mut words = head.first.splitn(3, ' ');
            response.version = words.next().unwrap_or_default().to_owned();
            response.status = words
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or_else(|| io::Error::other(format!("not a status line: {:?}", head.first)))?;
            response.reason = words.next().unwrap_or_default().to_owned();
            if (100..200).contains(&response.status) && response.status != 101 {
                response.informational.push(head);
                continue;
            }
            let framing = match (method, response.status) {
                ("HEAD", _) | (_, 101 | 204 | 304) => Framing::Length(0),
                _ => head.framing(),
            };
            response.headers = head.headers;
            (response.body, response.trailers) = wire::body(&mut self.stream, framing)?;
            return Ok(response);
        }
    }

    /// Sends a request and reads its answer; the method is its first word.
    ///
    /// # Errors
    /// As [`Client::response`].
    pub fn exchange(&mut self, request: impl AsRef<[u8]>) -> io::Result<Response> {
        let request = request.as_ref();
        let method = wire::latin1(request.split(|byte| *byte == b' ').next().unwrap_or_default());
        // A server may answer and close before it has read everything.
        let sent = self.send(request);
        match self.response(&method) {
            Ok(response) => Ok(response),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }
}

/// A request on a connection of its own.
///
/// # Errors
/// As [`Client::response`].
pub fn exchange(address: impl ToSocketAddrs, request: impl AsRef<[u8]>) -> io::Result<Response> {
    Client::connect(address)?.exchange(request)
}

/// `GET` with a `Host`, on a connection of its own.
///
/// # Errors
/// As [`Client::response`].
pub fn get(port: u16, host: &str, target: &str) -> io::Result<Response> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(("127.0.0.1", port), request)
}

fn open(address: impl ToSocketAddrs) -> io::Result<TcpStream> {
    let mut last = io::Error::other("no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(tcp) => {
                tcp.set_read_timeout(Some(TIMEOUT))?;
                tcp.set_write_timeout(Some(TIMEOUT))?;
                tcp.set_nodelay(true)?;
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn client_config(greeting: Greeting<'_>) -> io::Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let versions = match greeting.version {
        "1.2" => vec![&rustls::version::TLS12],
        "1.3" => vec![&rustls::version::TLS13],
        _ => vec![&rustls::version::TLS13, &rustls::version::TLS12],
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(io::Error::other)?;
    let builder = match greeting.trust {
        Trust::Anything => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anything(Arc::clone(&provider)))),
        Trust::Roots(pem) => {
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(root.map_err(io::Error::other)?).map_err(io::Error::other)?;
            }
            builder.with_root_certificates(roots)
        }
    };
    let mut config = builder.with_no_client_auth();
    if let Some(identity) = greeting.identity {
        let chain = CertificateDer::pem_slice_iter(identity.pem.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(io::Error::other)?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        let signer = provider.key_provider.load_private_key(key.map_err(io::Error::other)?);
        let certified = CertifiedKey::new(chain, signer.map_err(io::Error::other)?);
        // It is shown to whoever asks, wanted or not.
        config.client_auth_cert_resolver = Arc::new(SingleCertAndKey::from(certified));
    }
    let protocols = greeting.protocols.iter();
    config.alpn_protocols = protocols.map(|name| name.as_bytes().to_vec()).collect();
    Ok(config)
}

/// Accepts every certificate, but still checks that the server has its key.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
