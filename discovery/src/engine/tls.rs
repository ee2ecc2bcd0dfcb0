//! TLS towards an engine that listens on TCP.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use swarmgate_config::install::ClientTls;

/// Builds the client's settings. `ca`, `cert` and `key` are a path or the PEM itself; without
/// `ca` the public roots count. The error says what is wrong.
pub fn client(settings: &ClientTls) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = if settings.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Trusting { provider }))
    } else {
        let mut roots = RootCertStore::empty();
        match text(&settings.ca) {
            Some(ca) => {
                for certificate in certificates("tls.ca", ca)? {
                    roots.add(certificate).map_err(|error| format!("tls.ca: {error}"))?;
                }
            }
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        }
        builder.with_root_certificates(roots)
    };
    let config = match (text(&settings.cert), text(&settings.key)) {
        (Some(cert), Some(key)) => {
            let chain = certificates("tls.cert", cert)?;
            let key = PrivateKeyDer::from_pem_slice(&content("tls.key", key)?)
                .map_err(|error| format!("tls.key: no private key in PEM form: {error}"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("tls.cert and tls.key: {error}"))?
        }
        (None, None) => builder.with_no_client_auth(),
        _ => return Err("tls.cert and tls.key belong together; expected both or neither".into()),
    };
    Ok(Arc::new(config))
}

fn text(value: &Option<String>) -> Option<&str> {
    value.as_deref().filter(|text| !text.is_empty())
}

/// The file's content where a file of that name exists, else the text itself.
fn content(what: &str, value: &str) -> Result<Vec<u8>, String> {
    if value.contains("-----BEGIN") {
        return Ok(value.as_bytes().to_vec());
    }
    std::fs::read(value).map_err(|error| format!("{what}: {value}: {error}"))
}

fn certificates(what: &str, value: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_slice_iter(&content(what, value)?).collect();
    match certificates {
        Ok(list) if !list.is_empty() => Ok(list),
        Ok(_) => Err(format!("{what}: no certificate in PEM form")),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// `insecureSkipVerify`: any certificate will do; signatures are still checked.
#[derive(Debug)]
struct Trusting {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let some = |text: &str| Some(text.to_owned());
        let table = [
            (ClientTls { ca: some("/no/such/ca.pem"), ..ClientTls::default() }, "tls.ca: /no/such"),
            (ClientTls { ca: some("-----BEGIN NOTHING-----"), ..ClientTls::default() }, "tls.ca"),
            (ClientTls { cert: some("x"), ..ClientTls::default() }, "belong together"),
            (
                ClientTls { cert: some("/no/c"), key: some("/no/k"), ..ClientTls::default() },
                "tls.cert: /no/c",
            ),
        ];
        for (settings, expected) in table {
            let error = client(&settings).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        client(&ClientTls::default()).unwrap();
        client(&ClientTls { insecure_skip_verify: true, ..ClientTls::default() }).unwrap();
    }
}
