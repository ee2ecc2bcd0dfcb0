//! The self-signed certificate that is served where no other fits; made once per process.

use std::sync::{Arc, OnceLock};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose};
use rustls::sign::CertifiedKey;

use super::parse::Parsed;
use super::{PemCertificate, provider};

/// The generated certificate; `None` only if the system has no randomness.
pub(super) fn certificate() -> Option<&'static Arc<CertifiedKey>> {
    static GENERATED: OnceLock<Option<Arc<CertifiedKey>>> = OnceLock::new();
    GENERATED
        .get_or_init(|| match generate() {
            Ok(certificate) => Some(certificate),
            Err(error) => {
                tracing::error!("the default certificate cannot be generated: {error}");
                None
            }
        })
        .as_ref()
}

/// Traefik's shape (common name, one random name, 365 days), but ECDSA P-256 where Traefik
/// spends a second on RSA.
fn generate() -> Result<Arc<CertifiedKey>, String> {
    let mut random = [0_u8; 32];
    provider().secure_random.fill(&mut random).map_err(|_| "no randomness")?;
    let (left, right) = random.split_at(16);
    let name = format!("{}.{}.traefik.default", hex(left), hex(right));

    let mut params = CertificateParams::new([name]).map_err(|error| error.to_string())?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "TRAEFIK DEFAULT CERT");
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
    ];
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now;
    params.not_after = now.saturating_add(time::Duration::days(365));
    let key = KeyPair::generate().map_err(|error| error.to_string())?;
    let certificate = params.self_signed(&key).map_err(|error| error.to_string())?;
    let parsed = Parsed::read(&PemCertificate {
        chain: certificate.pem(),
        key: key.serialize_pem(),
        source: "generated".into(),
    })?;
    Ok(parsed.key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
