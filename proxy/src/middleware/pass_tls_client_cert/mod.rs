//! `passTLSClientCert`: tells the server about the certificate that the client has shown.
//!
//! What is told stays the same for a connection, so it is made once for each.

mod info;
#[cfg(test)]
mod tests;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{HeaderName, HeaderValue};
use http::request;
use rustls_pki_types::CertificateDer;
use swarmgate_config::routing;

use self::info::Info;
use super::{Context, Edit, Flow};

const PEM: HeaderName = HeaderName::from_static("x-forwarded-tls-client-cert");
const INFO: HeaderName = HeaderName::from_static("x-forwarded-tls-client-cert-info");

/// What is told by [`PEM`], beside the ways of [`Info`].
const WHOLE: u32 = u32::MAX;

/// A built `passTLSClientCert` (Traefik: PassTLSClientCert).
#[derive(Debug)]
pub struct PassTlsClientCert {
    pem: bool,
    info: Option<Info>,
}

impl PassTlsClientCert {
    pub(super) fn build(written: &routing::PassTlsClientCert) -> Result<Self, String> {
        Ok(Self { pem: written.pem, info: written.info.as_ref().map(Info::build) })
    }
}

impl Edit for PassTlsClientCert {
    /// Without a certificate nothing is set: what untrusted clients have sent under these names is
    /// gone since the entry point.
    fn on_request(&self, head: &mut request::Parts, context: &Context<'_>) -> Flow {
        let Some(certificates) = context.certificates else { return Flow::Next };
        if self.pem
            && let Some(value) = certificates.told(WHOLE, whole)
        {
            head.headers.insert(PEM, value);
        }
        if let Some(info) = &self.info
            && let Some(value) = certificates.told(info.kind(), |chain| info.tell(chain))
        {
            head.headers.insert(INFO, value);
        }
        Flow::Next
    }
}

/// Each certificate as PEM has it, without the lines around it and without line breaks.
fn whole(chain: &[CertificateDer<'static>]) -> Option<HeaderValue> {
    let certificates: Vec<String> =
        chain.iter().map(|certificate| BASE64_STANDARD.encode(certificate)).collect();
    HeaderValue::try_from(certificates.join(",")).ok()
}
