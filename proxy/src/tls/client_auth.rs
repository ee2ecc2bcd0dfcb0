//! What is asked of a client's certificate (Go's `ClientAuthType`).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use swarmgate_config::checked::handshake::ClientAuth;

use super::{own, provider};

/// Asks clients for certificates.
#[derive(Debug)]
pub(super) struct Clients {
    required: bool,
    /// Whether somebody we trust has issued a certificate; `None`: nobody asks.
    chain: Option<Arc<dyn ClientCertVerifier>>,
    /// The authorities' own certificates: whoever has the key of one may come in with it, which is
    /// how a self-signed certificate is admitted (so in Go).
    authorities: Vec<CertificateDer<'static>>,
    /// Whose certificates are welcome.
    hints: Vec<DistinguishedName>,
}

impl Clients {
    /// `authorities` are asked about only where certificates are verified.
    pub(super) fn build(
        asked: ClientAuth,
        roots: RootCertStore,
        authorities: Vec<CertificateDer<'static>>,
    ) -> Result<Self, String> {
        let hints = roots.subjects();
        let chain = match asked.verifies() {
            false => None,
            true => Some(
                WebPkiClientVerifier::builder_with_provider(
                    Arc::new(roots),
                    Arc::clone(provider()),
                )
                .build()
                .map_err(|error| format!("clientAuth: {error}"))?,
            ),
        };
        Ok(Self { required: asked.requires(), chain, authorities, hints })
    }

    /// Whether certificates are verified.
    pub(super) fn verifies(&self) -> bool {
        self.chain.is_some()
    }
}

impl ClientCertVerifier for Clients {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let Some(chain) = &self.chain else { return Ok(ClientCertVerified::assertion()) };
        if self.authorities.iter().any(|authority| authority == end_entity) {
            own::verify(end_entity, now, |usage| usage.client_auth)?;
            return Ok(ClientCertVerified::assertion());
        }
        chain.verify_client_cert(end_entity, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
