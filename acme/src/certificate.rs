//! What a PEM chain tells: names, validity, key and topmost issuer.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The facts of a chain's leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// DNS and IP SANs, and the common name: lower-case.
    pub(crate) names: Vec<String>,
    /// Begin and end, seconds since 1970.
    pub(crate) validity: (i64, i64),
    /// DER of the SubjectPublicKeyInfo.
    pub(crate) public_key: Vec<u8>,
    /// Common name of the last certificate's issuer.
    pub(crate) topmost_issuer: String,
}

/// Reads a PEM chain, leaf first.
pub(crate) fn facts(chain: &str) -> Result<Facts, String> {
    let chain = CertificateDer::pem_slice_iter(chain.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("not PEM: {error}"))?;
    let (Some(leaf), Some(last)) = (chain.first(), chain.last()) else {
        return Err("no certificate in it".into());
    };
    let parse = |der| {
        X509Certificate::from_der(der).map_err(|error| format!("not an X.509 certificate: {error}"))
    };
    let ((_, leaf), (_, last)) = (parse(leaf)?, parse(last)?);
    let mut names: Vec<String> = match leaf.subject_alternative_name() {
        Ok(Some(sans)) => sans.value.general_names.iter().filter_map(name_of).collect(),
        _ => Vec::new(),
    };
    let common = leaf.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    if let Some(common) = common.map(str::to_lowercase)
        && !common.is_empty()
        && !names.contains(&common)
    {
        names.push(common);
    }
    let issuer = last.issuer().iter_common_name().next().and_then(|name| name.as_str().ok());
    Ok(Facts {
        names,
        validity: (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp()),
        public_key: leaf.public_key().raw.to_vec(),
        topmost_issuer: issuer.unwrap_or_default().to_owned(),
    })
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(dns) => Some(dns.to_lowercase()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(|b| std::net::Ipv4Addr::from(b).to_string());
            let v6 = <[u8; 16]>::try_from(*bytes).map(|b| std::net::Ipv6Addr::from(b).to_string());
            v4.or(v6).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData};

    use super::facts;

    #[test]
    fn leaf_and_last() {
        let key = KeyPair::generate().unwrap();
        let mut params =
            CertificateParams::new(["A.test".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "CN.test");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 2);
        let leaf = params.self_signed(&key).unwrap().pem();
        let mut top = CertificateParams::default();
        top.distinguished_name.push(DnType::CommonName, "Top");
        let top = top.self_signed(&key).unwrap().pem();
        let facts = facts(&format!("{leaf}{top}")).unwrap();
        assert_eq!(facts.names, ["a.test", "10.0.0.1", "cn.test"]);
        assert_eq!(facts.validity, (1_577_836_800, 1_577_923_200));
        assert_eq!(facts.public_key, key.subject_public_key_info());
        assert_eq!(facts.topmost_issuer, "Top");
    }

    #[test]
    fn nonsense() {
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            assert!(facts(text).is_err(), "{text:?}");
        }
    }
}
