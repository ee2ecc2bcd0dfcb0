//! Certificates that nobody honest would show.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, NameConstraints,
    PKCS_ECDSA_P256_SHA256, SanType,
};

use super::{Authority, Certificate};

/// What a certificate says of its owner.
#[derive(Clone, Copy, Debug)]
pub enum Odd<'a> {
    /// A client of this DNS name.
    Client(&'a str),
    /// A server of this DNS name, and nothing else.
    Server(&'a str),
    /// A server whose mail address is this.
    MailOf(&'a str),
    /// A server whose URI is this.
    UriOf(&'a str),
    /// A server whose common name is this.
    Called(&'a str),
    /// A client with so many names.
    Names(usize),
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a fresh key")
}

fn called(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn root(name: &str) -> CertificateParams {
    let mut params = called(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

fn shown(certificate: &rcgen::Certificate, key: &KeyPair) -> Certificate {
    Certificate {
        pem: certificate.pem(),
        key: key.serialize_pem(),
        der: certificate.der().to_vec(),
    }
}

impl Authority {
    /// A root that may issue for names below `domain` only.
    ///
    /// # Panics
    /// When the machine has no randomness.
    pub fn bounded(name: &str, domain: &str) -> Self {
        let mut params = root(name);
        params.name_constraints = Some(NameConstraints {
            permitted_subtrees: vec![GeneralSubtree::DnsName(domain.to_owned())],
            excluded_subtrees: vec![],
        });
        Self(CertifiedIssuer::self_signed(params, key()).expect("signed by its own key"))
    }

    /// A certificate that says this.
    ///
    /// # Panics
    /// When a name is none, or the machine has no randomness.
    pub fn issue_odd(&self, odd: Odd<'_>) -> Certificate {
        let text = |text: &str| text.try_into().expect("ASCII");
        let (mut params, names) = match odd {
            Odd::Client(name) | Odd::Server(name) => {
                (called("somebody"), vec![SanType::DnsName(text(name))])
            }
            Odd::MailOf(name) => (called("somebody"), vec![SanType::Rfc822Name(text(name))]),
            Odd::UriOf(name) => (called("somebody"), vec![SanType::URI(text(name))]),
            Odd::Called(name) => (called(name), vec![SanType::DnsName(text("else.test"))]),
            Odd::Names(count) => {
                let name = |number| SanType::DnsName(text(&format!("n{number}.many.test")));
                (called("somebody"), (0..count).map(name).collect())
            }
        };
        params.subject_alt_names = names;
        params.extended_key_usages = vec![match odd {
            Odd::Client(_) | Odd::Names(_) => ExtendedKeyUsagePurpose::ClientAuth,
            _ => ExtendedKeyUsagePurpose::ServerAuth,
        }];
        let key = key();
        shown(&params.signed_by(&key, &*self.0).expect("signed by the authority"), &key)
    }
}

/// A client's certificate at the end of a chain of authorities that all have the same name, each
/// vouching for each: every one is shown, and none is anybody's.
///
/// # Panics
/// When the machine has no randomness.
pub fn maze(authorities: usize) -> Certificate {
    let issuers: Vec<CertifiedIssuer<'static, KeyPair>> = (0..authorities)
        .map(|_| CertifiedIssuer::self_signed(root("maze"), key()).expect("signed by its own key"))
        .collect();
    let first = issuers.first().expect("one at least");
    let key = key();
    let leaf = called("client").signed_by(&key, &**first).expect("signed");
    let mut chain = shown(&leaf, &key);
    for issuer in &issuers {
        chain.pem.push_str(&issuer.pem());
        for other in issuers.iter().take(3) {
            let crossed = root("maze").signed_by(issuer.key(), &**other).expect("signed");
            chain.pem.push_str(&crossed.pem());
        }
    }
    chain
}
