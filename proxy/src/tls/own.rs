//! A certificate that is trusted by itself: named among the authorities, and shown as one's own.
//!
//! Self-signed certificates are mostly authorities, too (`openssl req -x509` makes them so), which
//! webpki lets nobody show. Go does.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use x509_parser::extensions::ExtendedKeyUsage;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whether such a certificate may be used now, and for this.
pub(super) fn verify(
    certificate: &CertificateDer<'_>,
    now: UnixTime,
    is_for: impl Fn(&ExtendedKeyUsage<'_>) -> bool,
) -> Result<(), Error> {
    let bad = |error| Err(Error::InvalidCertificate(error));
    let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
        return bad(CertificateError::BadEncoding);
    };
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < certificate.validity().not_before.timestamp() {
        return bad(CertificateError::NotValidYet);
    }
    if now > certificate.validity().not_after.timestamp() {
        return bad(CertificateError::Expired);
    }
    match certificate.extended_key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.any || is_for(usage.value) => Ok(()),
        _ => bad(CertificateError::InvalidPurpose),
    }
}

/// Those whom somebody named as authorities.
#[derive(Clone, Debug)]
pub(super) struct Authorities {
    /// For the chains of what they issued.
    pub roots: RootCertStore,
    /// As they are.
    pub certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Whether this is one of them, byte by byte; then, whether a server may show it now.
    pub(super) fn admit(
        &self,
        shown: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Option<Result<(), Error>> {
        let named = self.certificates.iter().any(|certificate| certificate == shown);
        named.then(|| verify(shown, now, |usage| usage.server_auth))
    }
}

/// Verifies servers' certificates as webpki does, and lets the authorities show their own.
#[derive(Debug)]
pub(super) struct Servers {
    authorities: Authorities,
    chain: Arc<WebPkiServerVerifier>,
}

impl Servers {
    pub(super) fn build(
        authorities: Authorities,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let roots = Arc::new(authorities.roots.clone());
        let chain = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        Ok(Self { authorities, chain: chain.map_err(|error| format!("rootCAs: {error}"))? })
    }
}

impl ServerCertVerifier for Servers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.authorities.admit(end_entity, now) {
            Some(admitted) => {
                admitted?;
                verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
                Ok(ServerCertVerified::assertion())
            }
            None => self.chain.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
