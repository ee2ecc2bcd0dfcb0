//! Whom we trust as issuer of the CA's own certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use swarmgate_config::install;

/// Where distributions keep their bundle; companies mount their own roots there.
const SYSTEM_BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
];

/// The public roots, or those that options or variables name.
pub(super) fn client_config(
    acme: &install::Acme,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Arc<ClientConfig>, String> {
    let mut given = acme.ca_certificates.clone();
    let mut with_system = acme.ca_system_cert_pool;
    let mut option = "caCertificates";
    if given.is_empty()
        && let Some(list) = env("LEGO_CA_CERTIFICATES").filter(|list| !list.is_empty())
    {
        given = list.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect();
        let on = |text: String| matches!(text.as_str(), "1" | "t" | "T" | "true" | "TRUE" | "True");
        with_system = env("LEGO_CA_SYSTEM_CERT_POOL").is_some_and(on);
        option = "LEGO_CA_CERTIFICATES";
    }
    let mut roots = match given.is_empty() || with_system {
        true => public(env),
        false => RootCertStore::empty(),
    };
    for written in &given {
        add(&mut roots, written).map_err(|error| format!("{option}: {error}"))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The built-in public roots and those of the system's bundle, if there is one.
fn public(env: &dyn Fn(&str) -> Option<String>) -> RootCertStore {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let named = env("SSL_CERT_FILE");
    let bundle = named
        .iter()
        .map(Path::new)
        .chain(SYSTEM_BUNDLES.iter().map(Path::new))
        .find_map(|path| std::fs::read(path).ok());
    let certificates = CertificateDer::pem_slice_iter(bundle.as_deref().unwrap_or_default());
    roots.add_parsable_certificates(certificates.flatten());
    roots
}

/// Adds the certificates of a path, or of PEM itself.
fn add(roots: &mut RootCertStore, written: &str) -> Result<(), String> {
    let (pem, what) = match written.contains("-----BEGIN") {
        true => (written.to_owned(), "the text"),
        false => {
            let pem = std::fs::read_to_string(written)
                .map_err(|error| format!("{written} cannot be read: {error}"))?;
            (pem, written)
        }
    };
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| format!("{what} is not PEM: {error}"))?;
        roots.add(certificate).map_err(|error| format!("{what} cannot be used: {error}"))?;
        found = true;
    }
    match found {
        true => Ok(()),
        false => Err(format!("{what} holds no certificate; expected PEM")),
    }
}
