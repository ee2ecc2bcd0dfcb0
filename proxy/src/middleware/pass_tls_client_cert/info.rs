//! The parts of certificates that are told in words: `Subject="C=FR,CN=a";SAN="a.test"`.

use http::HeaderValue;
use rustls_pki_types::CertificateDer;
use swarmgate_config::routing::{DistinguishedName, TlsClientCertInfo};
use x509_parser::asn1_rs::{Any, Tag};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::X509Name;

/// Which parts are told; each is a bit of [`Info::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Info {
    subject: u8,
    issuer: u8,
    parts: u8,
}

const SERIAL_NUMBER: u8 = 1;
const NOT_BEFORE: u8 = 2;
const NOT_AFTER: u8 = 4;
const SANS: u8 = 8;

/// A part of a name, by its OID (RFC 4519, RFC 2247).
struct Attribute {
    bit: u8,
    oid: &'static str,
    key: &'static str,
    /// Several may stand in a name; of the others Go keeps the last.
    many: bool,
}

const fn attribute(bit: u8, oid: &'static str, key: &'static str, many: bool) -> Attribute {
    Attribute { bit, oid, key, many }
}

/// In the order in which they are told.
const ATTRIBUTES: &[Attribute] = &[
    attribute(1, "0.9.2342.19200300.100.1.25", "DC", true),
    attribute(2, "2.5.4.6", "C", true),
    attribute(4, "2.5.4.8", "ST", true),
    attribute(8, "2.5.4.7", "L", true),
    attribute(16, "2.5.4.10", "O", true),
    attribute(32, "2.5.4.11", "OU", true),
    attribute(64, "2.5.4.5", "SN", false),
    attribute(128, "2.5.4.3", "CN", false),
];

impl Info {
    pub(super) fn build(written: &TlsClientCertInfo) -> Self {
        let asked = |written: &DistinguishedName, of_subject: bool| {
            [
                (written.domain_component, 1),
                (written.country, 2),
                (written.province, 4),
                (written.locality, 8),
                (written.organization, 16),
                // Traefik has no such option for issuers.
                (written.organizational_unit && of_subject, 32),
                (written.serial_number, 64),
                (written.common_name, 128),
            ]
            .into_iter()
            .fold(0, |bits, (set, bit)| if set { bits | bit } else { bits })
        };
        let parts = [
            (written.serial_number, SERIAL_NUMBER),
            (written.not_before, NOT_BEFORE),
            (written.not_after, NOT_AFTER),
            (written.sans, SANS),
        ];
        Self {
            subject: written.subject.as_ref().map_or(0, |it| asked(it, true)),
            issuer: written.issuer.as_ref().map_or(0, |it| asked(it, false)),
            parts: parts
                .into_iter()
                .fold(0, |bits, (set, bit)| if set { bits | bit } else { bits }),
        }
    }

    /// A number for what is told.
    pub(super) fn kind(self) -> u32 {
        u32::from_be_bytes([0, self.subject, self.issuer, self.parts])
    }

    /// The header's value.
    pub(super) fn tell(self, chain: &[CertificateDer<'static>]) -> Option<HeaderValue> {
        let told: Vec<String> = chain.iter().map(|certificate| self.of(certificate)).collect();
        HeaderValue::try_from(query_escape(&told.join(","))).ok()
    }

    /// Of one certificate, what is not empty.
    fn of(self, certificate: &CertificateDer<'_>) -> String {
        // A handshake has parsed it before; nothing can be told of another.
        let Ok((_, certificate)) = X509Certificate::from_der(certificate) else {
            return String::new();
        };
        let mut told = Vec::new();
        let subject = names(certificate.subject(), self.subject);
        if !subject.is_empty() {
            told.push(format!("Subject=\"{subject}\""));
        }
        let issuer = names(certificate.issuer(), self.issuer);
        if !issuer.is_empty() {
            told.push(format!("Issuer=\"{issuer}\""));
        }
        if self.parts & SERIAL_NUMBER != 0 {
            told.push(format!("SerialNumber=\"{}\"", certificate.serial));
        }
        let validity = certificate.validity();
        if self.parts & NOT_BEFORE != 0 {
            told.push(format!("NB=\"{}\"", validity.not_before.timestamp()));
        }
        if self.parts & NOT_AFTER != 0 {
            told.push(format!("NA=\"{}\"", validity.not_after.timestamp()));
        }
        if self.parts & SANS != 0 {
            let sans = sans(&certificate);
            if !sans.is_empty() {
                told.push(format!("SAN=\"{}\"", sans.join(",")));
            }
        }
        told.join(";")
    }
}

/// The parts of a subject or issuer that are asked for.
fn names(name: &X509Name<'_>, asked: u8) -> String {
    let mut told: Vec<String> = Vec::new();
    for attribute in ATTRIBUTES.iter().filter(|attribute| attribute.bit & asked != 0) {
        let values = name
            .iter_attributes()
            .filter(|value| value.attr_type().to_id_string() == attribute.oid)
            .filter_map(|value| text(value.attr_value()));
        let values: Vec<String> = match attribute.many {
            true => values.collect(),
            false => values.last().into_iter().collect(),
        };
        // An empty part of the domain is told by Traefik, too.
        let values = values.iter().filter(|value| !value.is_empty() || attribute.key == "DC");
        told.extend(values.map(|value| format!("{}={value}", attribute.key)));
    }
    told.join(",")
}

/// A string of any of the kinds that names are made of.
fn text(value: &Any<'_>) -> Option<String> {
    Some(match value.tag() {
        Tag::Utf8String
        | Tag::PrintableString
        | Tag::Ia5String
        | Tag::NumericString
        | Tag::VisibleString => String::from_utf8_lossy(value.data).into_owned(),
        // ISO 8859-1, as Go takes it.
        Tag::T61String => value.data.iter().map(|byte| char::from(*byte)).collect(),
        Tag::BmpString => {
            let units = value
                .data
                .chunks_exact(2)
                .filter_map(|pair| <[u8; 2]>::try_from(pair).ok().map(u16::from_be_bytes));
            let units: Vec<u16> = units.collect();
            String::from_utf16_lossy(&units)
        }
        _ => return None,
    })
}

/// DNS names, then e-mail addresses, then addresses, then URIs.
fn sans(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    let all = &extension.value.general_names;
    let mut told = Vec::with_capacity(all.len());
    told.extend(all.iter().filter_map(|name| match name {
        GeneralName::DNSName(dns) => Some((*dns).to_owned()),
        _ => None,
    }));
    told.extend(all.iter().filter_map(|name| match name {
        GeneralName::RFC822Name(address) => Some((*address).to_owned()),
        _ => None,
    }));
    told.extend(all.iter().filter_map(|name| match name {
        GeneralName::IPAddress(bytes) => crate::tls::address(bytes),
        _ => None,
    }));
    told.extend(all.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some((*uri).to_owned()),
        _ => None,
    }));
    told
}

/// Escaped as a part of a query (Go: `url.QueryEscape`): whatever a certificate holds, it is one
/// header and visible ASCII.
fn query_escape(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            b' ' => escaped.push('+'),
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                escaped.extend(['%', char::from(HEX[high]), char::from(HEX[low])]);
            }
        }
    }
    escaped
}
