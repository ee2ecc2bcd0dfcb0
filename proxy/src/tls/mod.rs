//! TLS of entry points: which certificate a ClientHello gets.
//!
//! - [`Certificates`]: everything that can be served at one moment, immutable.
//! - [`Store`]: the moment in force, swapped whole, asked by rustls at each handshake.
//! - [`Sets`], [`Handshakes`]: TLS options, and which server names get which.
//! - [`client_config`]: the other direction, TLS towards `https` servers.

mod authorities;
mod certificates;
mod cipher;
mod client;
mod client_auth;
mod generated;
mod handshakes;
mod info;
mod own;
mod parse;
mod peer;
mod sessions;
mod set;
mod store;
mod trust;

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

pub use self::certificates::Certificates;
pub use self::cipher::cipher_name;
pub use self::client::client_config;
pub use self::handshakes::{Choice, Handshakes, Needed, Sets};
pub use self::info::CertificateInfo;
pub(crate) use self::info::address;
pub use self::peer::PeerCertificates;
pub use self::set::Set;
pub use self::store::Store;
pub use self::trust::{Contents, contents};

/// A certificate to serve: PEM chain (leaf first) and PEM key, and where it is from.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct PemCertificate {
    pub chain: String,
    pub key: String,
    /// For messages: `file /certs/a.pem`, `resolver letsencrypt`.
    pub source: String,
}

/// What a handshake has settled for the requests of its connection.
#[derive(Debug)]
pub struct Agreed {
    /// The TLS options that it was held by.
    pub set: Arc<Set>,
    /// What the client has shown.
    pub certificates: Option<PeerCertificates>,
}

/// The one cryptography provider, named everywhere so that no process-wide default is needed.
pub(crate) fn provider() -> &'static Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
}

/// Fills it with what nobody can guess. False: the system has no randomness to give.
pub fn fill_random(bytes: &mut [u8]) -> bool {
    provider().secure_random.fill(bytes).is_ok()
}

/// Reads a certificate that a file or a label names: each half a path, or PEM itself.
///
/// # Errors
/// Says which half cannot be read, and why.
pub fn read(written: &swarmgate_config::routing::Certificate) -> Result<PemCertificate, String> {
    let (chain, what) = trust::text(&written.cert_file, "certificate")?;
    let (key, _) = trust::text(&written.key_file, "key")?;
    let source = match written.cert_file.contains("-----BEGIN") {
        true => what,
        false => format!("file {}", written.cert_file),
    };
    Ok(PemCertificate { chain, key, source })
}
