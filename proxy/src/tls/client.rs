//! TLS towards `https` servers, as a servers transport asks for it.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use swarmgate_config::routing::ServersTransport;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::own::{Authorities, Servers};
use super::{provider, trust};

/// The rustls configuration of a servers transport; ALPN is `http/1.1` only. The name to expect
/// (`serverName`, else the server's host) is given by the caller at each connection.
///
/// Reads files: build it once, off the data plane. The error names the option at fault.
pub fn client_config(transport: &ServersTransport) -> Result<Arc<ClientConfig>, String> {
    if transport.spiffe.is_some() {
        return Err("spiffe is not served yet".into());
    }
    let provider = Arc::new(with_cipher_suites(&transport.cipher_suites)?);
    let versions = versions(transport)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| format!("cipherSuites and minVersion/maxVersion: {error}"))?;
    let roots = || match transport.root_cas.as_slice() {
        [] => Ok(Authorities { roots: trust::public(), certificates: Vec::new() }),
        given => trust::only(given).map_err(|error| format!("rootCAs: {error}")),
    };
    let builder = match (&transport.peer_cert_uri, transport.insecure_skip_verify) {
        // The expected URI is a check of its own: it takes the place of the host name.
        (Some(uri), skip) if !uri.is_empty() => {
            let authorities = if skip { None } else { Some(roots()?) };
            let uri = Some(uri.clone());
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient {
                provider,
                authorities,
                uri,
            }))
        }
        (_, true) => builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient {
            provider,
            authorities: None,
            uri: None,
        })),
        (_, false) => match roots()? {
            Authorities { roots, certificates } if certificates.is_empty() => {
                builder.with_root_certificates(roots)
            }
            given => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Servers::build(given, provider)?)),
        },
    };
    let mut config = match transport.certificates.first() {
        None => builder.with_no_client_auth(),
        Some(written) => {
            let (chain, what) = trust::text(&written.cert_file, "client certificate")?;
            let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
                .collect::<Result<Vec<_>, _>>()
                .map_err(|error| format!("{what} is not PEM: {error}"))?;
            let (key, key_what) = trust::text(&written.key_file, "client key")?;
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|error| format!("{key_what} is not a PEM private key: {error}"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("{what} cannot be used: {error}"))?
        }
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Our provider with the TLS 1.2 suites narrowed to those named. TLS 1.3's are not configurable,
/// in Go neither; names that Go knows but rustls rightly does not are passed over.
fn with_cipher_suites(names: &[String]) -> Result<CryptoProvider, String> {
    let mut provider = CryptoProvider::clone(provider());
    if names.is_empty() {
        return Ok(provider);
    }
    if let Some(unknown) = names.iter().find(|name| !name.starts_with("TLS_")) {
        return Err(format!(
            "cipherSuites: {unknown:?} is not a cipher suite; expected a name such as \
             \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\""
        ));
    }
    provider.cipher_suites.retain(|suite| {
        let ours = format!("{:?}", suite.suite());
        let named = |name: &String| *name == ours || ours.strip_suffix("_SHA256") == Some(name);
        suite.tls13().is_some() || names.iter().any(named)
    });
    Ok(provider)
}

/// TLS 1.0 and 1.1 do not exist here: as lower bound they mean 1.2, as upper bound nothing is left.
fn versions(
    transport: &ServersTransport,
) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let (tls12, tls13) = (&rustls::version::TLS12, &rustls::version::TLS13);
    let low = match transport.min_version.as_deref() {
        None | Some("" | "VersionTLS10" | "VersionTLS11" | "VersionTLS12") => 12,
        Some("VersionTLS13") => 13,
        Some(other) => return Err(unknown_version("minVersion", other)),
    };
    let high = match transport.max_version.as_deref() {
        None | Some("" | "VersionTLS13") => 13,
        Some("VersionTLS12") => 12,
        Some(old @ ("VersionTLS10" | "VersionTLS11")) => {
            return Err(format!("maxVersion: {old} is not supported; the lowest is VersionTLS12"));
        }
        Some(other) => return Err(unknown_version("maxVersion", other)),
    };
    match (low, high) {
        (12, 12) => Ok(vec![tls12]),
        (12, _) => Ok(vec![tls12, tls13]),
        (_, 13) => Ok(vec![tls13]),
        _ => Err("minVersion is above maxVersion".into()),
    }
}

fn unknown_version(option: &str, text: &str) -> String {
    format!("{option}: {text:?} is not a TLS version; expected VersionTLS12 or VersionTLS13")
}

/// Checks less than usual, or something else: no host name; a chain only with `authorities`; the URI
/// SAN when one is expected. The server must always own the key of what it shows.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    authorities: Option<Authorities>,
    uri: Option<String>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Some(authorities) = &self.authorities {
            match authorities.admit(end_entity, now) {
                Some(admitted) => admitted?,
                None => verify_server_cert_signed_by_trust_anchor(
                    &ParsedCertificate::try_from(end_entity)?,
                    &authorities.roots,
                    intermediates,
                    now,
                    self.provider.signature_verification_algorithms.all,
                )?,
            }
        }
        if self.uri.as_ref().is_some_and(|uri| !has_uri(end_entity, uri)) {
            return Err(Error::InvalidCertificate(CertificateError::NotValidForName));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

fn has_uri(certificate: &CertificateDer<'_>, expected: &str) -> bool {
    let Ok((_, x509)) = X509Certificate::from_der(certificate) else { return false };
    let Ok(Some(sans)) = x509.subject_alternative_name() else { return false };
    let uri = |name: &GeneralName<'_>| matches!(name, GeneralName::URI(uri) if *uri == expected);
    sans.value.general_names.iter().any(uri)
}

#[cfg(test)]
mod tests;
