//! Throw-away certificates.

use rcgen::{CertificateParams, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};

/// A certificate and its key, in PEM, and the certificate in DER.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct Certificate {
    pub pem: String,
    pub key: String,
    pub der: Vec<u8>,
}

/// A self-signed certificate for these names.
///
/// # Panics
/// When a name is none.
pub fn self_signed(names: &[&str]) -> Certificate {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a fresh key");
    let mut params = CertificateParams::new(names.clone()).expect("names of the test");
    params.distinguished_name.remove(DnType::CommonName);
    if let Some(first) = names.first() {
        params.distinguished_name.push(DnType::CommonName, first.as_str());
    }
    let certificate = params.self_signed(&key).expect("signed by its own key");
    Certificate {
        pem: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().to_vec(),
    }
}
