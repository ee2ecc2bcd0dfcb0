//! The certificates in force, asked by rustls at each handshake.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SignatureScheme};

use super::{Certificates, provider};

/// The certificates in force, swapped whole; one per process, read at each handshake.
#[derive(Debug, Default)]
pub struct Store {
    current: ArcSwap<Certificates>,
}

impl Store {
    /// Swaps the certificates. Handshakes under way keep what they have.
    pub fn set(&self, certificates: Arc<Certificates>) {
        self.current.store(certificates);
    }

    /// The certificates in force.
    pub fn get(&self) -> Arc<Certificates> {
        self.current.load_full()
    }

    /// The certificate for a server name (lower-case), fitting the client's signature schemes.
    pub fn by_name(&self, name: &str, schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.current.load().by_name(name, schemes).cloned()
    }

    /// The rustls configuration that asks this store: TLS 1.2 and 1.3, ALPN `h2` and `http/1.1`,
    /// tickets shared by all threads.
    ///
    /// Threads share its tickets by sharing the `Arc`. A second call makes new ticket keys: call
    /// it once per set of TLS options, so that no ticket carries a client from one to another.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = Ticketer::new()?;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Store {
    /// By SNI, which rustls hands over in lower case; without it the default. (Traefik would then
    /// look for the connection's local address, which rustls does not show here.)
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.load();
        hello
            .server_name()
            .and_then(|name| current.by_name(name, hello.signature_schemes()))
            .or_else(|| current.fallback())
            .cloned()
    }
}

#[cfg(test)]
mod tests;
