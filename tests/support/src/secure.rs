//! An HTTPS server that answers every request with 200, and tells in `X-User` whether its client has
//! shown a certificate.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, ServerConfig, ServerConnection,
    SignatureScheme, StreamOwned,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};

use crate::certificates::{self, Certificate};
use crate::wire::Head;

/// A running server; stops when dropped.
#[derive(Debug)]
pub struct Secure {
    address: SocketAddr,
    /// What it shows.
    pub certificate: Certificate,
    stopped: Arc<AtomicBool>,
}

impl Secure {
    /// Starts on a free port of 127.0.0.1, with a certificate for `name`.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn start(name: &str) -> Self {
        Self::showing(certificates::self_signed(&[name]))
    }

    /// The same with this certificate.
    ///
    /// # Panics
    /// When there is no such port.
    pub fn showing(certificate: Certificate) -> Self {
        let config = match config(&certificate) {
            Ok(config) => Arc::new(config),
            Err(error) => panic!("TLS of the test's own server: {error}"),
        };
        let port = crate::ports::free();
        let listener = TcpListener::bind(("127.0.0.1", port));
        let listener = listener.unwrap_or_else(|error| panic!("port {port}: {error}"));
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stopped = Arc::new(AtomicBool::new(false));
        let is_stopped = Arc::clone(&stopped);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let config = Arc::clone(&config);
                std::thread::spawn(move || serve(stream, config));
            }
        });
        Self { address, certificate, stopped }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for Secure {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect_timeout(&self.address, Duration::from_secs(1));
    }
}

fn config(certificate: &Certificate) -> Result<ServerConfig, Box<dyn std::error::Error>> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes())?;
    let chain = vec![CertificateDer::from(certificate.der.clone())];
    Ok(ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(Anybody(provider)))
        .with_single_cert(chain, key)?)
}

fn serve(mut tcp: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    let mut tls = ServerConnection::new(config).map_err(io::Error::other)?;
    while tls.is_handshaking() {
        tls.complete_io(&mut tcp)?;
    }
    let shown = tls.peer_certificates().is_some_and(|chain| !chain.is_empty());
    let user = if shown { "with a certificate" } else { "without a certificate" };
    let mut stream = BufReader::new(StreamOwned::new(tls, tcp));
    while Head::read(&mut stream)?.is_some() {
        let answer = format!("HTTP/1.1 200 OK\r\nX-User: {user}\r\nContent-Length: 0\r\n\r\n");
        stream.get_mut().write_all(answer.as_bytes())?;
        stream.get_mut().flush()?;
    }
    Ok(())
}

/// Asks for a certificate, and takes any and none.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ClientCertVerifier for Anybody {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
