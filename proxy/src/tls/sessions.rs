//! What is kept of the sessions of clients that have shown certificates.
//!
//! rustls resumes a session without another look at the certificate that it began with. So what is
//! kept of it, a ticket or an entry under its id, says until when that certificate is valid. From
//! then on it counts for nothing: the client is asked anew, as by Go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ProducesTickets, ServerSessionMemoryCache, StoresServerSessions};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::client_auth::Clients;

/// How many sessions are kept by their ids (TLS 1.2 without tickets); so many does rustls keep.
const BY_ID: usize = 256;

/// The sessions of all clients of a set that verifies certificates.
#[derive(Clone, Debug)]
pub(super) struct Sessions {
    clients: Arc<Clients>,
    tickets: Arc<dyn ProducesTickets>,
    by_id: Arc<dyn StoresServerSessions>,
}

impl Sessions {
    /// None yet.
    pub(super) fn new(clients: &Arc<Clients>) -> Result<Self, Error> {
        Ok(Self {
            clients: Arc::clone(clients),
            tickets: Ticketer::new()?,
            by_id: ServerSessionMemoryCache::new(BY_ID),
        })
    }

    /// For one handshake.
    pub(super) fn begin(&self) -> Arc<Session> {
        Arc::new(Session { all: self.clone(), end: AtomicU64::new(u64::MAX) })
    }
}

/// One client's session: the client shows its certificate in this handshake, or has done so when
/// the session began.
#[derive(Debug)]
pub(super) struct Session {
    all: Sessions,
    /// The last second in which everything shown is valid; the greatest number: nothing was shown.
    end: AtomicU64,
}

impl Session {
    /// What is kept of the session, with its end before it.
    fn ending(&self, value: &[u8]) -> Vec<u8> {
        let end = self.end.load(Ordering::Relaxed).to_be_bytes();
        [&end, value].concat()
    }

    /// What was kept, unless its end has come.
    fn unended(&self, kept: &[u8]) -> Option<Vec<u8>> {
        let (end, value) = kept.split_first_chunk::<8>()?;
        let end = u64::from_be_bytes(*end);
        if UnixTime::now().as_secs() > end {
            return None;
        }
        // Tickets that are made of it end then, too.
        self.end.store(end, Ordering::Relaxed);
        Some(value.to_vec())
    }
}

/// The last second in which a certificate is valid; what cannot be read never is.
fn end(certificate: &CertificateDer<'_>) -> u64 {
    let read = X509Certificate::from_der(certificate).ok();
    let end = read.map(|(_, read)| read.validity().not_after.timestamp());
    end.and_then(|end| u64::try_from(end).ok()).unwrap_or_default()
}

impl ProducesTickets for Session {
    fn enabled(&self) -> bool {
        self.all.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.all.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.all.tickets.encrypt(&self.ending(plain))
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.unended(&self.all.tickets.decrypt(cipher)?)
    }
}

impl StoresServerSessions for Session {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        self.all.by_id.put(key, self.ending(&value))
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.unended(&self.all.by_id.get(key)?)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.unended(&self.all.by_id.take(key)?)
    }

    fn can_cache(&self) -> bool {
        self.all.by_id.can_cache()
    }
}

impl ClientCertVerifier for Session {
    fn client_auth_mandatory(&self) -> bool {
        self.all.clients.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.all.clients.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self.all.clients.verify_client_cert(end_entity, intermediates, now)?;
        let others = intermediates.iter().map(end);
        let end = others.fold(end(end_entity), u64::min);
        self.end.store(end, Ordering::Relaxed);
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.all.clients.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.all.clients.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.all.clients.supported_verify_schemes()
    }
}
