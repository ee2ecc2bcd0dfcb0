//! The certificates that a client has shown, and what was made of them for servers.

use std::cell::RefCell;

use http::HeaderValue;
use rustls_pki_types::CertificateDer;

/// A client's certificates: its own first, then those that lead to who issued it. Never empty.
///
/// They last as long as the connection, so what servers are told of them is made once.
#[derive(Debug)]
pub struct PeerCertificates {
    chain: Vec<CertificateDer<'static>>,
    /// By what is told; there are as many as the configuration has ways of telling.
    told: RefCell<Vec<(u32, Option<HeaderValue>)>>,
}

impl PeerCertificates {
    /// What a handshake has left; `None`: the client has shown none.
    pub fn of(session: &rustls::ServerConnection) -> Option<Self> {
        let chain = session.peer_certificates().filter(|chain| !chain.is_empty())?;
        Some(Self::from(chain.to_vec()))
    }

    /// In order.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// A header's value about them; `make` is asked once for each `kind`.
    pub fn told(
        &self,
        kind: u32,
        make: impl FnOnce(&[CertificateDer<'static>]) -> Option<HeaderValue>,
    ) -> Option<HeaderValue> {
        let mut told = self.told.borrow_mut();
        if let Some((_, value)) = told.iter().find(|(known, _)| *known == kind) {
            return value.clone();
        }
        let value = make(&self.chain);
        told.push((kind, value.clone()));
        value
    }
}

impl From<Vec<CertificateDer<'static>>> for PeerCertificates {
    fn from(chain: Vec<CertificateDer<'static>>) -> Self {
        Self { chain, told: RefCell::default() }
    }
}
