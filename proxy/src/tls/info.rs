//! What the API tells of a served certificate.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name};

/// What the API tells of a served certificate (Traefik's `/api/certificates`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct CertificateInfo {
    /// SHA-256 of the DER, hex.
    pub name: String,
    pub sans: Vec<String>,
    /// RFC 3339.
    pub not_after: String,
    /// RFC 3339.
    pub not_before: String,
    /// Decimal.
    pub serial_number: String,
    pub common_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer_org: String,
    #[serde(rename = "issuerCN", skip_serializing_if = "String::is_empty")]
    pub issuer_cn: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub issuer_country: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub organization: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// `v3`.
    pub version: String,
    /// `RSA`, `ECDSA` or `Unknown`.
    pub key_type: String,
    /// Bits; 0 when unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub key_size: usize,
    /// Go's names: `ECDSA-SHA256`, `SHA256-RSA`.
    pub signature_algorithm: String,
    /// As `name`.
    pub cert_fingerprint: String,
    /// SHA-256 of the DER public key (SubjectPublicKeyInfo), hex.
    pub public_key_fingerprint: String,
    /// `enabled`, `warning` or `expired` when the certificates were built; see
    /// [`CertificateInfo::status_now`].
    pub status: String,
    /// As [`super::PemCertificate::source`].
    #[serde(skip)]
    pub source: String,
    /// End of validity, seconds since 1970.
    #[serde(skip)]
    pub expires: i64,
}

/// With less than this left a certificate shows as `warning`.
const WARNING_SECONDS: i64 = 30 * 24 * 3600;

impl CertificateInfo {
    /// Reads the facts of a parsed certificate. `der` is its whole encoding.
    pub(super) fn read(certificate: &X509Certificate<'_>, der: &[u8], source: &str) -> Self {
        let fingerprint = hex(&Sha256::digest(der));
        let (key_type, key_size) = key_kind(certificate.public_key());
        let (subject, issuer) = (certificate.subject(), certificate.issuer());
        let expires = certificate.validity().not_after.timestamp();
        Self {
            name: fingerprint.clone(),
            sans: sans(certificate),
            not_after: rfc3339(certificate.validity().not_after.to_datetime()),
            not_before: rfc3339(certificate.validity().not_before.to_datetime()),
            serial_number: certificate.serial.to_string(),
            common_name: common_name(subject),
            issuer_org: first(issuer.iter_organization().next()),
            issuer_cn: common_name(issuer),
            issuer_country: first(issuer.iter_country().next()),
            organization: first(subject.iter_organization().next()),
            country: first(subject.iter_country().next()),
            version: format!("v{}", certificate.version().0.saturating_add(1)),
            key_type: key_type.into(),
            key_size,
            signature_algorithm: signature_name(certificate),
            cert_fingerprint: fingerprint,
            public_key_fingerprint: hex(&Sha256::digest(certificate.public_key().raw)),
            status: status_at(expires, now()).into(),
            source: source.into(),
            expires,
        }
    }

    /// `enabled`, `warning` or `expired` at this moment.
    pub fn status_now(&self) -> &'static str {
        status_at(self.expires, now())
    }
}

/// The common name, or nothing.
pub(super) fn common_name(name: &X509Name<'_>) -> String {
    first(name.iter_common_name().next())
}

/// DNS and IP SANs, sorted as the API shows them.
fn sans(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut sans: Vec<String> = match certificate.subject_alternative_name() {
        Ok(Some(extension)) => {
            extension.value.general_names.iter().filter_map(name_of).collect::<Vec<_>>()
        }
        _ => Vec::new(),
    };
    sans.sort();
    sans
}

/// The text of a DNS or IP name; other kinds are no names of a server.
fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    }
}

/// An address as certificates hold it, as text.
pub fn address(bytes: &[u8]) -> Option<String> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(|b| std::net::Ipv4Addr::from(b).to_string()),
        16 => <[u8; 16]>::try_from(bytes).ok().map(|b| std::net::Ipv6Addr::from(b).to_string()),
        _ => None,
    }
}

fn first(attribute: Option<&x509_parser::x509::AttributeTypeAndValue<'_>>) -> String {
    attribute.and_then(|value| value.as_str().ok()).unwrap_or_default().to_owned()
}

fn key_kind(key: &SubjectPublicKeyInfo<'_>) -> (&'static str, usize) {
    match key.parsed() {
        // A DER integer may begin with a zero byte that carries only the sign.
        Ok(PublicKey::RSA(rsa)) => {
            let digits = rsa.modulus.iter().skip_while(|byte| **byte == 0).count();
            ("RSA", digits.saturating_mul(8))
        }
        Ok(PublicKey::EC(_)) => {
            let curve = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
            let bits = match curve.map(|oid| oid.to_id_string()).as_deref() {
                Some("1.2.840.10045.3.1.7") => 256,
                Some("1.3.132.0.34") => 384,
                Some("1.3.132.0.35") => 521,
                _ => 0,
            };
            ("ECDSA", bits)
        }
        _ => ("Unknown", 0),
    }
}

fn signature_name(certificate: &X509Certificate<'_>) -> String {
    let oid = certificate.signature_algorithm.algorithm.to_id_string();
    match oid.as_str() {
        "1.2.840.113549.1.1.5" => "SHA1-RSA",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.3.101.112" => "Ed25519",
        _ => return oid,
    }
    .to_owned()
}

fn status_at(expires: i64, now: i64) -> &'static str {
    match expires.saturating_sub(now) {
        left if left < 0 => "expired",
        // Inclusive, as a certificate with exactly 30 days left shows the warning.
        left if left <= WARNING_SECONDS => "warning",
        _ => "enabled",
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn rfc3339(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len().saturating_mul(2)), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::{hex, status_at};

    #[test]
    fn status() {
        let day = 24 * 3600;
        let table = [
            (-1, "expired"),
            (0, "warning"),
            (29 * day, "warning"),
            (30 * day, "warning"),
            (30 * day + 1, "enabled"),
            (i64::MAX, "enabled"),
        ];
        for (left, expected) in table {
            assert_eq!(status_at(left, 0), expected, "{left}");
        }
        assert_eq!(status_at(i64::MIN, i64::MAX), "expired");
    }

    #[test]
    fn hexadecimal() {
        assert_eq!(hex(&[0, 1, 0xab, 0xff]), "0001abff");
    }
}
