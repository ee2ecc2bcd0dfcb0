//! The certificate authority: a root, an intermediate, and a second root that vouches for it too.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType, SerialNumber,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateSigningRequestDer, PrivateKeyDer};

/// Keys and certificates of the authority.
pub(super) struct Authority {
    root: Certificate,
    intermediate: Certificate,
    alternate: Certificate,
    issuer: Issuer<'static, KeyPair>,
    validity: Duration,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    pub(super) fn new(validity: Duration) -> Result<Self, rcgen::Error> {
        let root_key = KeyPair::generate()?;
        let root_params = ca("Testkit Root");
        let root = root_params.self_signed(&root_key)?;
        let root_issuer = Issuer::new(root_params, root_key);
        let other_key = KeyPair::generate()?;
        let other_issuer = Issuer::new(ca("Testkit Alternate Root"), other_key);

        let key = KeyPair::generate()?;
        let params = ca("Testkit Intermediate");
        let intermediate = params.signed_by(&key, &root_issuer)?;
        let alternate = params.signed_by(&key, &other_issuer)?;
        Ok(Self { root, intermediate, alternate, issuer: Issuer::new(params, key), validity })
    }

    pub(super) fn root_pem(&self) -> String {
        self.root.pem()
    }

    /// TLS of the ACME server itself.
    pub(super) fn server_tls(&self, ip: IpAddr) -> Result<Arc<ServerConfig>, String> {
        let text = |error: rcgen::Error| error.to_string();
        let key = KeyPair::generate().map_err(text)?;
        let mut params = CertificateParams::new(["localhost".to_owned()]).map_err(text)?;
        params.subject_alt_names.push(SanType::IpAddress(ip));
        let leaf = params.signed_by(&key, &self.issuer).map_err(text)?;
        let chain = vec![leaf.der().clone(), self.intermediate.der().clone()];
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
                builder.with_no_client_auth().with_single_cert(chain, key)
            })
            .map_err(|error| error.to_string())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Issues for exactly the ordered names: the PEM chain, and the alternate chain.
    pub(super) fn issue(
        &self,
        csr: &[u8],
        names: &[String],
        serial: u64,
    ) -> Result<(String, String), String> {
        let der = CertificateSigningRequestDer::from(csr.to_vec());
        let mut request = CertificateSigningRequestParams::from_der(&der)
            .map_err(|error| format!("the CSR cannot be used: {error}"))?;
        let mut asked: Vec<String> = request
            .params
            .subject_alt_names
            .iter()
            .filter_map(|san| match san {
                SanType::DnsName(name) => Some(name.as_str().to_lowercase()),
                SanType::IpAddress(ip) => Some(ip.to_string()),
                _ => None,
            })
            .collect();
        asked.sort();
        asked.dedup();
        let mut ordered = names.to_vec();
        ordered.sort();
        if asked != ordered {
            return Err(format!("the CSR names {asked:?}, the order {ordered:?}"));
        }
        let now = SystemTime::now();
        let params = &mut request.params;
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before = now.into();
        params.not_after = (now + self.validity).into();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let leaf = request.signed_by(&self.issuer).map_err(|error| error.to_string())?.pem();
        Ok((
            format!("{leaf}{}", self.intermediate.pem()),
            format!("{leaf}{}", self.alternate.pem()),
        ))
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
