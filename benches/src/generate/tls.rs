//! TLS 1.3 on one connection, without copies: records are opened where they were read.
//!
//! One cipher (AES-128-GCM), one group (X25519), so that each target does the same work; any
//! certificate is good and its signature is not checked, since that would cost only here.

use std::io;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, UnbufferedClientConnection};
use rustls::crypto::aws_lc_rs::{cipher_suite, default_provider, kx_group};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::unbuffered::{ConnectionState, EncodeError, EncryptError};
use rustls::{ClientConfig, DigitallySignedStruct, HandshakeKind, SignatureScheme, version};

use super::outcome::{Cause, Tls};
use super::work::{Reuse, Wire, Work};

/// Bytes that a record may have more than its data.
const RECORD_OVERHEAD: usize = 64;
/// Data in one record, at most.
const RECORD: usize = 16 << 10;

/// The configuration for all connections of `work`. Sessions are resumed only where each request
/// has a connection and that is not meant to cost a handshake.
///
/// # Errors
/// The cryptography cannot do what is asked.
pub(super) fn config(work: &Work) -> io::Result<Arc<ClientConfig>> {
    let mut provider = default_provider();
    provider.cipher_suites = vec![cipher_suite::TLS13_AES_128_GCM_SHA256];
    provider.kx_groups = vec![kx_group::X25519];
    let schemes = provider.signature_verification_algorithms.supported_schemes();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&version::TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(schemes)))
        .with_no_client_auth();
    config.alpn_protocols = match work.wire {
        Wire::TlsHttp2 => vec![b"h2".to_vec()],
        Wire::Plain | Wire::Tls => vec![b"http/1.1".to_vec()],
    };
    if work.reuse != Reuse::ConnectionPerRequest {
        config.resumption = Resumption::disabled();
    }
    Ok(Arc::new(config))
}

/// The server names of `work`'s hosts.
///
/// # Errors
/// A host is no name that a certificate could have.
pub(super) fn names(work: &Work) -> io::Result<Vec<ServerName<'static>>> {
    let name = |host: &String| {
        let port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let bare =
            host.rsplit_once(':').filter(|(_, end)| port(end)).map_or(&**host, |(bare, _)| bare);
        ServerName::try_from(bare.to_owned()).map_err(|_| {
            let what = format!("{host:?} is no server name for TLS");
            io::Error::new(io::ErrorKind::InvalidInput, what)
        })
    };
    work.hosts.iter().map(name).collect()
}

/// Where a session is after it has looked at its records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    /// Bytes from the front that are done with.
    pub taken: usize,
    /// The target has closed the session.
    pub closed: bool,
}

/// A connection's session.
pub(super) struct Session {
    inner: UnbufferedClientConnection,
    ready: bool,
}

impl Session {
    /// # Errors
    /// The configuration does not suit.
    pub fn new(config: &Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, Cause> {
        let inner =
            UnbufferedClientConnection::new(Arc::clone(config), name).map_err(|_| Cause::Tls)?;
        Ok(Self { inner, ready: false })
    }

    /// The handshake is done: data may be sent.
    pub fn ready(&self) -> bool {
        self.ready
    }

    /// Whether the handshake resumed an older session.
    pub fn resumed(&self) -> bool {
        self.inner.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    /// What was negotiated.
    pub fn negotiated(&self) -> Tls {
        let connection = &self.inner;
        let text = |text: Option<String>| text.unwrap_or_default();
        Tls {
            version: text(connection.protocol_version().map(|version| format!("{version:?}"))),
            cipher: text(
                connection.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite())),
            ),
            group: text(
                connection
                    .negotiated_key_exchange_group()
                    .map(|group| format!("{:?}", group.name())),
            ),
            alpn: text(
                connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
            ),
        }
    }

    /// Looks at the records in `incoming`: hands data on to `take`, appends to `outgoing` what the
    /// handshake has to send.
    ///
    /// # Errors
    /// What came is not TLS, or `take` failed.
    pub fn advance(
        &mut self,
        incoming: &mut [u8],
        outgoing: &mut Vec<u8>,
        mut take: impl FnMut(&[u8]) -> Result<(), Cause>,
    ) -> Result<Progress, Cause> {
        let mut progress = Progress::default();
        loop {
            let records = incoming.get_mut(progress.taken..).unwrap_or_default();
            let status = self.inner.process_tls_records(records);
            let mut discard = status.discard;
            match status.state.map_err(|_| Cause::Tls)? {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(|_| Cause::Tls)?;
                        discard += record.discard;
                        take(record.payload)?;
                    }
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    let at = outgoing.len();
                    outgoing.resize(at + 1024, 0);
                    let mut result = data.encode(outgoing.get_mut(at..).unwrap_or_default());
                    if let Err(EncodeError::InsufficientSize(needed)) = &result {
                        outgoing.resize(at + needed.required_size, 0);
                        result = data.encode(outgoing.get_mut(at..).unwrap_or_default());
                    }
                    outgoing.truncate(at + result.map_err(|_| Cause::Tls)?);
                }
                ConnectionState::TransmitTlsData(data) => data.done(),
                ConnectionState::PeerClosed => progress.closed = true,
                ConnectionState::WriteTraffic(_) => {
                    self.ready = true;
                    progress.taken += discard;
                    return Ok(progress);
                }
                // More has to come, or nothing more will.
                _ => {
                    progress.taken += discard;
                    return Ok(progress);
                }
            }
            progress.taken += discard;
        }
    }

    /// Appends `data` to `outgoing` as records. `rest`: what [`Session::advance`] has not taken.
    ///
    /// # Errors
    /// The session cannot send now.
    pub fn encrypt(
        &mut self,
        data: &[u8],
        rest: &mut [u8],
        outgoing: &mut Vec<u8>,
    ) -> Result<(), Cause> {
        let status = self.inner.process_tls_records(rest);
        let Ok(ConnectionState::WriteTraffic(mut traffic)) = status.state else {
            return Err(Cause::Tls);
        };
        let at = outgoing.len();
        let size = data.len() + RECORD_OVERHEAD * (data.len() / RECORD + 1);
        outgoing.resize(at + size, 0);
        let mut result = traffic.encrypt(data, outgoing.get_mut(at..).unwrap_or_default());
        if let Err(EncryptError::InsufficientSize(needed)) = &result {
            outgoing.resize(at + needed.required_size, 0);
            result = traffic.encrypt(data, outgoing.get_mut(at..).unwrap_or_default());
        }
        outgoing.truncate(at + result.map_err(|_| Cause::Tls)?);
        Ok(())
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("ready", &self.ready).finish_non_exhaustive()
    }
}

/// Takes any certificate.
#[derive(Debug)]
struct AnyCertificate(Vec<SignatureScheme>);

impl ServerCertVerifier for AnyCertificate {
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
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.clone()
    }
}
