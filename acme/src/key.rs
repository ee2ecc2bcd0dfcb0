//! Private keys of certificates, and the signing request that goes with an order.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256,
    PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, PublicKeyData, RsaKeySize, SanType,
};

/// A kind of key (`keyType`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum KeyType {
    /// The default here: it signs many times faster than Traefik's default, RSA4096.
    #[default]
    Ec256,
    Ec384,
    Rsa2048,
    Rsa3072,
    Rsa4096,
}

impl KeyType {
    /// Reads `keyType`; the second half says what is done otherwise than written.
    pub(crate) fn read(written: Option<&str>) -> (Self, Option<String>) {
        match written.unwrap_or_default() {
            "" | "EC256" => (Self::Ec256, None),
            "EC384" => (Self::Ec384, None),
            "RSA2048" => (Self::Rsa2048, None),
            "RSA3072" => (Self::Rsa3072, None),
            "RSA4096" => (Self::Rsa4096, None),
            "RSA8192" => {
                let message = "keyType \"RSA8192\" is not supported; RSA4096 is used instead";
                (Self::Rsa4096, Some(message.into()))
            }
            other => {
                let message = format!("unknown keyType {other:?}; EC256 is used instead");
                (Self::Ec256, Some(message))
            }
        }
    }

    /// Makes a key; RSA takes its time, so not on a thread that serves others.
    fn generate(self) -> Result<KeyPair, rcgen::Error> {
        match self {
            Self::Ec256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
            Self::Ec384 => KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384),
            Self::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
            Self::Rsa3072 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072),
            Self::Rsa4096 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_4096),
        }
    }
}

/// A signing request and its key.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) csr: Vec<u8>,
    pub(crate) key_pem: String,
    /// DER of the SubjectPublicKeyInfo, to be found again in the certificate.
    pub(crate) public_key: Vec<u8>,
}

/// What a signing request is made from.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// As the CA sees them, main first.
    pub(crate) names: Vec<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) common_name: bool,
    pub(crate) key_type: KeyType,
    /// PEM of the key to keep, at a renewal.
    pub(crate) keep: Option<String>,
}

/// The CA/Browser Forum's limit (X.520 ub-common-name); a longer one is left out, as lego does.
const LONGEST_COMMON_NAME: usize = 64;

impl Subject {
    /// Makes the request. A renewal keeps its key; one that cannot be read is replaced.
    pub(crate) fn request(&self) -> Result<Request, String> {
        let kept = self.keep.as_ref().and_then(|pem| match KeyPair::from_pem(pem) {
            Ok(key) => Some((key, pem.clone())),
            Err(error) => {
                tracing::warn!("the stored private key cannot be read, a new one is made: {error}");
                None
            }
        });
        let (key, key_pem) = match kept {
            Some(kept) => kept,
            None => {
                let key = self.key_type.generate().map_err(|error| error.to_string())?;
                let pem = key.serialize_pem();
                (key, pem)
            }
        };

        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for name in &self.names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(ia5(name)?),
            });
        }
        for email in &self.emails {
            params.subject_alt_names.push(SanType::Rfc822Name(ia5(email)?));
        }
        let main = self.names.first().filter(|name| {
            self.common_name && name.len() <= LONGEST_COMMON_NAME && name.parse::<IpAddr>().is_err()
        });
        if let Some(main) = main {
            params.distinguished_name.push(DnType::CommonName, main.as_str());
        }
        let csr = params.serialize_request(&key).map_err(|error| error.to_string())?;
        let public_key = key.subject_public_key_info();
        Ok(Request { csr: csr.der().to_vec(), key_pem, public_key })
    }
}

fn ia5(text: &str) -> Result<rcgen::string::Ia5String, String> {
    text.try_into().map_err(|_| format!("{text:?} is not ASCII"))
}

#[cfg(test)]
mod tests {
    use rcgen::{KeyPair, PublicKeyData};
    use x509_parser::certification_request::X509CertificationRequest;
    use x509_parser::prelude::FromDer;

    use super::{KeyType, Subject};

    fn subject() -> Subject {
        Subject {
            names: vec!["a.test".into(), "b.test".into(), "10.0.0.1".into()],
            emails: Vec::new(),
            common_name: true,
            key_type: KeyType::Ec256,
            keep: None,
        }
    }

    #[test]
    fn key_types() {
        let table = [
            (None, KeyType::Ec256, None),
            (Some(""), KeyType::Ec256, None),
            (Some("EC384"), KeyType::Ec384, None),
            (Some("RSA2048"), KeyType::Rsa2048, None),
            (Some("RSA4096"), KeyType::Rsa4096, None),
            (Some("RSA8192"), KeyType::Rsa4096, Some("RSA8192")),
            (Some("ec256"), KeyType::Ec256, Some("ec256")),
        ];
        for (written, expected, message) in table {
            let (key_type, said) = KeyType::read(written);
            assert_eq!(key_type, expected, "{written:?}");
            assert_eq!(said.is_some(), message.is_some(), "{written:?}");
            assert!(said.unwrap_or_default().contains(message.unwrap_or_default()));
        }
    }

    #[test]
    fn requests() {
        let long = format!("{}.test", "l".repeat(60));
        let table = [
            (subject(), "CN=a.test", "DNS:a.test DNS:b.test IP:10.0.0.1"),
            (Subject { common_name: false, ..subject() }, "", "DNS:a.test DNS:b.test IP:10.0.0.1"),
            (Subject { names: vec!["10.0.0.1".into()], ..subject() }, "", "IP:10.0.0.1"),
            (Subject { names: vec![long.clone()], ..subject() }, "", &*format!("DNS:{long}")),
            (
                Subject {
                    names: vec!["a.test".into()],
                    emails: vec!["me@a.test".into()],
                    ..subject()
                },
                "CN=a.test",
                "DNS:a.test email:me@a.test",
            ),
            (
                Subject { key_type: KeyType::Rsa2048, names: vec!["r.test".into()], ..subject() },
                "CN=r.test",
                "DNS:r.test",
            ),
            (
                Subject { key_type: KeyType::Ec384, names: vec!["e.test".into()], ..subject() },
                "CN=e.test",
                "DNS:e.test",
            ),
        ];
        for (subject, common_name, sans) in table {
            let request = subject.request().unwrap();
            let (_, csr) = X509CertificationRequest::from_der(&request.csr).unwrap();
            let info = &csr.certification_request_info;
            assert_eq!(info.subject.to_string(), common_name);
            assert_eq!(info.subject_pki.raw, request.public_key);
            let found: Vec<String> = csr
                .requested_extensions()
                .unwrap()
                .filter_map(|extension| match extension {
                    x509_parser::extensions::ParsedExtension::SubjectAlternativeName(sans) => {
                        Some(&sans.general_names)
                    }
                    _ => None,
                })
                .flatten()
                .map(|name| match name {
                    x509_parser::extensions::GeneralName::DNSName(dns) => format!("DNS:{dns}"),
                    x509_parser::extensions::GeneralName::RFC822Name(m) => format!("email:{m}"),
                    x509_parser::extensions::GeneralName::IPAddress(b) => {
                        format!("IP:{}.{}.{}.{}", b[0], b[1], b[2], b[3])
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(found.join(" "), sans);
        }
    }

    #[test]
    fn a_renewal_keeps_its_key() {
        let first = subject().request().unwrap();
        let again = Subject { keep: Some(first.key_pem.clone()), ..subject() }.request().unwrap();
        assert_eq!((again.key_pem, again.public_key), (first.key_pem, first.public_key.clone()));
        let lost = Subject { keep: Some("no key".into()), ..subject() }.request().unwrap();
        assert_ne!(lost.public_key, first.public_key);
        let made = KeyPair::from_pem(&lost.key_pem).unwrap();
        assert_eq!(made.subject_public_key_info(), lost.public_key);
    }

    #[test]
    fn names_that_fit_no_certificate() {
        let subject = Subject { emails: vec!["mü@a.test".into()], ..subject() };
        assert!(subject.request().unwrap_err().contains("mü@a.test"));
    }
}
