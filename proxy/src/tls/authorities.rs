//! Who issues clients' certificates (`clientAuth.caFiles`).

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::info::common_name;
use super::trust;

/// Sizes of RSA keys whose signatures are verified, bits.
const RSA: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A file of them: its text, and what to call it.
pub(super) type File = (String, String);

/// Reads the files; each may be PEM itself.
pub(super) fn files(written: &[String]) -> Result<Vec<File>, String> {
    let files = written.iter().map(|written| trust::text(written, "certificate"));
    let files: Result<Vec<File>, String> = files.collect();
    files.map_err(|error| format!("clientAuth.caFiles: {error}"))
}

/// The authorities' certificates, each with what its file is called.
#[derive(Debug, Default)]
pub(super) struct Authorities<'f>(Vec<(CertificateDer<'static>, &'f str)>);

impl<'f> Authorities<'f> {
    /// Finds the certificates in the files.
    pub(super) fn of(files: &'f [File]) -> Result<Self, String> {
        let mut found = Vec::new();
        for (pem, what) in files {
            let before = found.len();
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate =
                    certificate.map_err(|error| format!("{what} is not PEM: {error}"))?;
                found.push((certificate, what.as_str()));
            }
            if found.len() == before {
                return Err(format!("{what} holds no certificate; expected PEM"));
            }
        }
        Ok(Self(found))
    }

    /// The same for the same certificates, however their files are written.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut all: Vec<&[u8]> = self.0.iter().map(|(it, _)| it.as_ref()).collect();
        all.sort_unstable();
        all.dedup();
        let mut digest = Sha256::new();
        for certificate in all {
            digest.update(Sha256::digest(certificate));
        }
        digest.finalize().into()
    }

    /// As rustls wants them.
    pub(super) fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        for (certificate, what) in &self.0 {
            roots
                .add(certificate.clone())
                .map_err(|error| format!("{what} cannot be used: {error}"))?;
        }
        Ok(roots)
    }

    /// The certificates themselves.
    pub(super) fn certificates(&self) -> Vec<CertificateDer<'static>> {
        self.0.iter().map(|(certificate, _)| certificate.clone()).collect()
    }

    /// What a person should know: whose clients are turned away.
    pub(super) fn remarks(&self) -> Vec<String> {
        let remark = |(certificate, what): &(CertificateDer<'static>, &str)| {
            let (_, read) = X509Certificate::from_der(certificate).ok()?;
            let PublicKey::RSA(key) = read.public_key().parsed().ok()? else { return None };
            let bits = key.key_size();
            (!RSA.contains(&bits)).then(|| {
                let name = common_name(read.subject());
                format!(
                    "clientAuth.caFiles: {name:?} in {what} has an RSA key of {bits} bits: nobody \
                     whose certificate it has issued is let in; expected {} to {} bits, or ECDSA",
                    RSA.start(),
                    RSA.end()
                )
            })
        };
        self.0.iter().filter_map(remark).collect()
    }
}
