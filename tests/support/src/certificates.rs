//! Throw-away certificates.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};

mod odd;

pub use odd::{Odd, maze};

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
    signed_by_itself(names, IsCa::NoCa)
}

/// The same as `openssl req -x509` makes it: it could issue others, too.
///
/// # Panics
/// When a name is none.
pub fn self_signed_authority(names: &[&str]) -> Certificate {
    signed_by_itself(names, IsCa::Ca(BasicConstraints::Unconstrained))
}

fn signed_by_itself(names: &[&str], is_ca: IsCa) -> Certificate {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a fresh key");
    let mut params = CertificateParams::new(names.clone()).expect("names of the test");
    params.is_ca = is_ca;
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

/// Somebody who issues certificates to clients.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// A root of this name.
    ///
    /// # Panics
    /// When the machine has no randomness.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::StateOrProvinceName, "Berlin");
        params.distinguished_name.push(DnType::LocalityName, "Mitte");
        params.distinguished_name.push(DnType::OrganizationName, "Issuers & Sons");
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Issuing");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a fresh key");
        Self(CertifiedIssuer::self_signed(params, key).expect("signed by its own key"))
    }

    /// The root's certificate.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client's certificate that ends so soon.
    ///
    /// # Panics
    /// When the machine has no randomness, or no clock.
    pub fn issue_for(&self, common_name: &str, lasting: Duration) -> Certificate {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_after = date_time_ymd(1970, 1, 1) + (now + lasting);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Certificate {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a fresh key");
        let certificate = params.signed_by(&key, &*self.0).expect("signed by the authority");
        Certificate {
            pem: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// A client's certificate that says all that one can say. It begins and ends in the years given.
    ///
    /// # Panics
    /// When the machine has no randomness.
    pub fn issue(&self, common_name: &str, from: i32, to: i32) -> Certificate {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        // Not in the order in which it will be told.
        let text = |text: &str| DnValue::Ia5String(text.try_into().expect("ASCII"));
        let domain = DnType::CustomDnType(vec![0, 9, 2342, 19200300, 100, 1, 25]);
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 5]), "4711");
        params.distinguished_name.push(domain, text("test"));
        params.distinguished_name.push(DnType::OrganizationalUnitName, "Unit, of; \"many\"");
        params.distinguished_name.push(DnType::OrganizationName, "Org");
        params.distinguished_name.push(DnType::LocalityName, "Lille");
        params.distinguished_name.push(DnType::StateOrProvinceName, "Nord");
        params.distinguished_name.push(DnType::CountryName, "FR");
        let name = |name: &str| name.try_into().expect("ASCII");
        params.subject_alt_names = vec![
            SanType::URI(name("spiffe://a/b")),
            SanType::IpAddress(std::net::IpAddr::from([10, 0, 0, 1])),
            SanType::DnsName(name("b.test")),
            SanType::Rfc822Name(name("a@b.test")),
            SanType::IpAddress(std::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1_u16])),
            SanType::DnsName(name("a.test")),
        ];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = date_time_ymd(from, 1, 2);
        params.not_after = date_time_ymd(to, 1, 2);
        self.sign(&params)
    }
}
