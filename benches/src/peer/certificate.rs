//! The certificate that every peer shows: ECDSA P-256, self-signed, made anew for each run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

/// PEM files of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub chain: PathBuf,
    /// Its key (PKCS #8).
    pub key: PathBuf,
    /// Both in one file, as HAProxy wants them.
    pub both: PathBuf,
}

impl Certificate {
    /// Makes one for `*.load.test` and writes it into `folder`.
    ///
    /// # Errors
    /// The files could not be written.
    pub fn make(folder: &Path) -> io::Result<Self> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(io::Error::other)?;
        let params =
            CertificateParams::new(vec!["*.load.test".to_owned()]).map_err(io::Error::other)?;
        let chain = params.self_signed(&key).map_err(io::Error::other)?.pem();
        let key = key.serialize_pem();
        let files = Self {
            chain: folder.join("chain.pem"),
            key: folder.join("key.pem"),
            both: folder.join("both.pem"),
        };
        fs::write(&files.chain, &chain)?;
        fs::write(&files.key, &key)?;
        fs::write(&files.both, format!("{chain}{key}"))?;
        Ok(files)
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer};

    use super::*;

    #[test]
    fn files_hold_what_they_say() {
        let folder = tempfile::tempdir().unwrap();
        let files = Certificate::make(folder.path()).unwrap();
        for file in [&files.chain, &files.both] {
            assert!(CertificateDer::from_pem_file(file).is_ok(), "{}", file.display());
        }
        for file in [&files.key, &files.both] {
            assert!(PrivateKeyDer::from_pem_file(file).is_ok(), "{}", file.display());
        }
    }
}
