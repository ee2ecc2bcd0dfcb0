//! A certificate resolver as written -> as it can be used, with what is wrong told once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::install::{self, CertificateResolver};

use crate::ca::Ca;
use crate::key::KeyType;
use crate::store::acme_json::Storage;

/// A resolver whose storage can be used.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) name: String,
    pub(crate) storage: Arc<Storage>,
    /// `None`: what is stored is served, but nothing can be ordered.
    pub(crate) orders: Option<Orders>,
}

/// How a resolver orders.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) ca: Arc<Ca>,
    pub(crate) email: Option<String>,
    /// Key identifier and the HMAC key itself.
    pub(crate) external_account: Option<(String, Vec<u8>)>,
    pub(crate) key_type: KeyType,
    /// E-mail SANs.
    pub(crate) email_addresses: Vec<String>,
    pub(crate) common_name: bool,
    pub(crate) preferred_chain: Option<String>,
    pub(crate) profile: Option<String>,
    /// Hours; decides when renewal begins.
    pub(crate) duration: i64,
    /// Time for the CA to issue.
    pub(crate) certificate_timeout: Duration,
    /// Pause between publishing an answer and telling the CA.
    pub(crate) delay: Duration,
    /// Held while an account is registered, so that orders side by side share one.
    pub(crate) registering: tokio::sync::Mutex<()>,
}

/// The storages that were opened so far: resolvers may share a file.
pub(crate) type Storages = BTreeMap<PathBuf, Result<Arc<Storage>, String>>;

/// Reads a resolver; `None` when its storage cannot be used. `env` looks up a variable.
pub(crate) fn read(
    name: &str,
    written: &CertificateResolver,
    storages: &mut Storages,
    env: &dyn Fn(&str) -> Option<String>,
) -> (Option<Resolver>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut report = |severity, origin, message: String, expected: Option<&str>| {
        let finding = Finding::new(severity, origin, message).on(ObjectKind::Resolver, name);
        findings.push(match expected {
            Some(expected) => finding.expected(expected),
            None => finding,
        });
    };
    let Some(acme) = &written.acme else {
        let message = match written.tailscale {
            Some(_) => "certificatesResolvers.tailscale is not served yet",
            None => "the certificate resolver has no acme section",
        };
        report(Severity::Error, Origin::Internal, format!("{name}: {message}"), Some("acme"));
        return (None, findings);
    };

    let path = Path::new(&acme.storage);
    let identity = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let opened =
        storages.entry(identity).or_insert_with(|| Storage::open(path).map(Arc::new)).clone();
    let storage = match opened {
        Ok(storage) => storage,
        Err(error) => {
            let origin =
                Origin::File { file: acme.storage.as_str().into(), line: None, column: None };
            let message =
                format!("the ACME resolver {name} is skipped from the resolvers list: {error}");
            let expected = "a file in Traefik's acme.json format with mode 600, in a directory \
                            that exists";
            report(Severity::Error, origin, message, Some(expected));
            return (None, findings);
        }
    };

    let (key_type, other) = KeyType::read(acme.key_type.as_deref());
    if let Some(message) = other {
        let expected = "EC256 (the default here), EC384, RSA2048, RSA3072 or RSA4096";
        report(Severity::Warning, Origin::Internal, format!("{name}: {message}"), Some(expected));
    }
    let orders = match orders(acme, key_type, env) {
        Ok(orders) => Some(orders),
        Err((error, expected)) => {
            let message = format!("the ACME resolver {name} cannot order certificates: {error}");
            report(Severity::Error, Origin::Internal, message, Some(expected));
            None
        }
    };
    (Some(Resolver { name: name.to_owned(), storage, orders }), findings)
}

/// What is needed to order; or what is wrong, and what would have been right.
fn orders(
    acme: &install::Acme,
    key_type: KeyType,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Orders, (String, &'static str)> {
    let http = acme.http_challenge.as_ref();
    let entry_point = http.and_then(|http| http.entry_point.as_ref());
    let Some(http) = http.filter(|_| entry_point.is_some_and(|name| !name.is_empty())) else {
        let error = match (http, &acme.tls_challenge, &acme.dns_challenge) {
            (Some(_), _, _) => "httpChallenge has no entryPoint",
            (None, Some(_), _) => "tlsChallenge is not served yet",
            (None, None, Some(_)) => "dnsChallenge is not served yet",
            (None, None, None) => {
                "ACME challenge not specified, please select TLS or HTTP or DNS Challenge"
            }
        };
        return Err((
            error.into(),
            "httpChallenge.entryPoint, the name of the port-80 entry point",
        ));
    };
    let external_account = match &acme.eab {
        None => None,
        Some(eab) => {
            let wrong = || {
                let error = "eab: kid is empty, or hmacEncoded is not base64url".to_owned();
                (error, "kid and hmacEncoded as the CA gave them")
            };
            let key = BASE64_URL_SAFE_NO_PAD
                .decode(eab.hmac_encoded.trim_end_matches('='))
                .map_err(|_| wrong())?;
            if eab.kid.is_empty() || key.is_empty() {
                return Err(wrong());
            }
            Some((eab.kid.clone(), key))
        }
    };
    let ca =
        Ca::read(acme, env).map_err(|error| (error, "the options of a CA that can be asked"))?;
    let some = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    Ok(Orders {
        ca: Arc::new(ca),
        email: some(&acme.email),
        external_account,
        key_type,
        email_addresses: acme.email_addresses.clone(),
        common_name: !acme.disable_common_name,
        preferred_chain: some(&acme.preferred_chain),
        profile: some(&acme.profile),
        duration: acme.certificates_duration,
        certificate_timeout: acme.certificate_timeout.positive().unwrap_or(Duration::from_secs(30)),
        delay: http.delay.or_zero(),
        registering: tokio::sync::Mutex::default(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;
    use swarmgate_config::install::{self, CertificateResolver, Eab, HttpChallenge};

    use super::{Storages, read};

    fn acme(storage: &Path) -> install::Acme {
        install::Acme {
            storage: storage.to_str().unwrap().into(),
            http_challenge: Some(HttpChallenge {
                entry_point: Some("web".into()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_wrong_is_told_and_what_is_valid_works() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("acme.json");
        let with = |change: &dyn Fn(&mut install::Acme)| {
            let mut acme = acme(&path);
            change(&mut acme);
            CertificateResolver { acme: Some(acme), tailscale: None }
        };
        let eab = |kid: &str, hmac: &str| Some(Eab { kid: kid.into(), hmac_encoded: hmac.into() });
        // (written, usable, orders, words of the finding)
        let table = [
            (with(&|_| ()), true, true, None),
            (with(&|a| a.http_challenge = None), true, false, Some("challenge not specified")),
            (
                with(&|a| a.http_challenge = Some(HttpChallenge::default())),
                true,
                false,
                Some("httpChallenge has no entryPoint"),
            ),
            (
                with(&|a| {
                    a.http_challenge = None;
                    a.tls_challenge = Some(json!({}));
                }),
                true,
                false,
                Some("tlsChallenge is not served yet"),
            ),
            (with(&|a| a.dns_challenge = Some(json!({}))), true, true, None),
            (with(&|a| a.ca_server = "nowhere".into()), true, false, Some("caServer")),
            (with(&|a| a.key_type = Some("DSA".into())), true, true, Some("DSA")),
            (with(&|a| a.eab = eab("kid", "AAEC")), true, true, None),
            (with(&|a| a.eab = eab("kid", "AAE=")), true, true, None),
            (with(&|a| a.eab = eab("kid", "%%")), true, false, Some("eab")),
            (with(&|a| a.eab = eab("", "AAEC")), true, false, Some("eab")),
            (
                with(&|a| a.storage = "/nonexist/acme.json".into()),
                false,
                false,
                Some("/nonexist/acme.json"),
            ),
            (CertificateResolver::default(), false, false, Some("no acme section")),
            (
                CertificateResolver { acme: None, tailscale: Some(json!({})) },
                false,
                false,
                Some("tailscale is not served yet"),
            ),
        ];
        for (written, usable, orders, words) in table {
            let (resolver, findings) = read("le", &written, &mut Storages::new(), &|_| None);
            assert_eq!(resolver.is_some(), usable, "{findings:?}");
            assert_eq!(resolver.is_some_and(|r| r.orders.is_some()), orders, "{findings:?}");
            match words {
                None => assert_eq!(findings, []),
                Some(words) => {
                    assert_eq!(findings.len(), 1, "{findings:?}");
                    assert!(findings[0].to_string().contains(words), "{}", findings[0]);
                }
            }
        }
    }

    #[test]
    fn resolvers_share_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let written = CertificateResolver {
            acme: Some(acme(&directory.path().join("acme.json"))),
            tailscale: None,
        };
        let mut storages = Storages::new();
        // The file exists only after the first one: its identity must not change by that.
        let (one, _) = read("one", &written, &mut storages, &|_| None);
        let (two, _) = read("two", &written, &mut storages, &|_| None);
        assert!(std::sync::Arc::ptr_eq(&one.unwrap().storage, &two.unwrap().storage));
    }
}
