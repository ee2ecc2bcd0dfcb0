//! Whom we trust as issuer of a server's certificate.

use std::path::Path;

use sha2::{Digest, Sha256};
use swarmgate_config::routing::ServersTransport;

use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::own::Authorities;
use crate::file;

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
pub(super) fn only(given: &[String]) -> Result<Authorities, String> {
    let (mut roots, mut certificates) = (RootCertStore::empty(), Vec::new());
    for written in given {
        let (pem, what) = text(written, "root CA")?;
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
            let certificate = certificate.map_err(|error| format!("{what} is not PEM: {error}"))?;
            certificates.push(certificate.clone());
            roots.add(certificate).map_err(|error| format!("{what} cannot be used: {error}"))?;
            found = true;
        }
        if !found {
            return Err(format!("{what} holds no certificate; expected PEM"));
        }
    }
    Ok(Authorities { roots, certificates })
}

/// What is in the files that a servers transport names, as a fingerprint: whether it has to be made
/// anew.
pub type Contents = [u8; 32];

/// See [`Contents`]. One that cannot be read is a content, too: nobody may need it.
pub fn contents(transport: &ServersTransport) -> Contents {
    let pair = transport.certificates.first();
    let pair = pair.iter().flat_map(|written| [&written.cert_file, &written.key_file]);
    let mut sum = Sha256::new();
    for written in transport.root_cas.iter().chain(pair) {
        match text(written, "") {
            Ok((text, _)) => {
                sum.update((text.len() as u64).to_be_bytes());
                sum.update(text);
            }
            Err(_) => sum.update(u64::MAX.to_be_bytes()),
        }
    }
    sum.finalize().into()
}

/// A value that is a path or PEM itself: its text, and what to call it in messages.
pub(super) fn text(written: &str, what: &str) -> Result<(String, String), String> {
    if is_text(written) {
        return Ok((written.to_owned(), format!("the {what} given as text")));
    }
    let named = if is_path(written) {
        format!("the {what} {written}")
    } else {
        format!("the {what}, neither a path nor PEM,")
    };
    match file::read(Path::new(written)) {
        // PEM itself is ASCII; what people write between its sections may be anything.
        Ok(pem) => Ok((String::from_utf8_lossy(&pem).into_owned(), named)),
        Err(error) => Err(format!("{named} cannot be read: {error}")),
    }
}

/// Whether a value is PEM itself.
pub(super) fn is_text(written: &str) -> bool {
    written.contains("-----BEGIN")
}

/// Whether a text may be shown: Base64 without its PEM lines, which is a key perhaps, has no dots,
/// and what DER begins with never makes it begin with a slash.
fn is_path(written: &str) -> bool {
    written.len() <= 255 && (written.contains('.') || written.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_any_kind_around_pem() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pem");
        std::fs::write(&path, b"# f\xfcr Kunden\n-----BEGIN X-----\n").unwrap();
        let (read, _) = text(&path.display().to_string(), "certificate").unwrap();
        assert!(read.ends_with("r Kunden\n-----BEGIN X-----\n"), "{read}");
    }

    #[test]
    fn what_may_be_a_key_is_not_shown() {
        for path in ["/run/secrets/none", "none.pem", "./none.key"] {
            let error = text(path, "key").unwrap_err();
            assert!(error.starts_with(&format!("the key {path} cannot be read")), "{error}");
        }
        for key in ["MIIEvQIBADANBgkqhkiG9w0", "MHcCAQEEIB/x+y==", &"a.b".repeat(100)] {
            let error = text(key, "key").unwrap_err();
            assert!(!error.contains(key) && error.contains("nor PEM"), "{error}");
        }
    }
}
