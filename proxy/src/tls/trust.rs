//! Whom we trust as issuer of a server's certificate.

use std::path::Path;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// Where distributions keep their bundle; companies mount their own roots there.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The public roots (those built in and those of the system's bundle, if there is one).
pub(super) fn public() -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let named = std::env::var_os("SSL_CERT_FILE");
    let bundle = named
        .iter()
        .map(Path::new)
        .chain(SYSTEM_BUNDLES.iter().map(Path::new))
        .find_map(|path| std::fs::read(path).ok());
    let certificates = CertificateDer::pem_slice_iter(bundle.as_deref().unwrap_or_default());
    roots.add_parsable_certificates(certificates.flatten());
    roots
}

/// Only the given roots; each a path to PEM, or the PEM itself. The error names the one at fault.
pub(super) fn only(given: &[String]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for written in given {
        let (pem, what) = text(written, "root CA")?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("{what} is not PEM: {error}"))?;
            roots.add(certificate).map_err(|error| format!("{what} cannot be used: {error}"))?;
            found = true;
        }
        if !found {
            return Err(format!("{what} holds no certificate; expected PEM"));
        }
    }
    Ok(roots)
}

/// A value that is a path or PEM itself: its text, and what to call it in messages.
pub(super) fn text(written: &str, what: &str) -> Result<(String, String), String> {
    if written.contains("-----BEGIN") {
        return Ok((written.to_owned(), format!("the {what} given as text")));
    }
    std::fs::read_to_string(written)
        .map(|pem| (pem, format!("the {what} {written}")))
        .map_err(|error| format!("the {what} {written} cannot be read: {error}"))
}
