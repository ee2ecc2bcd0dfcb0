//! Tables over whole handshakes in memory: what each option lets in, and what is resumed.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConnection};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use swarmgate_config::checked::handshake::{ClientAuth, Group, TlsOptions};
use swarmgate_config::routing::ServersTransport;

use super::Set;
use crate::tls::{Store, client_config};

pub(in crate::tls) fn options() -> TlsOptions {
    TlsOptions {
        tls12: true,
        tls13: true,
        cipher_suites: None,
        groups: None,
        client_auth: ClientAuth::None,
        ca_files: vec![],
        sni_strict: false,
        alpn_protocols: vec!["h2".into(), "http/1.1".into()],
        tickets: true,
    }
}

pub(in crate::tls) fn set(name: &str, options: &TlsOptions) -> Arc<Set> {
    Set::build(&name.into(), options, &Arc::default(), None).unwrap()
}

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Whoever issues clients' certificates.
fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A client's certificate and key.
struct Identity(Vec<CertificateDer<'static>>, KeyPair);

fn issued(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "client");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &**authority).unwrap();
    Identity(vec![certificate.der().clone()], key)
}

/// By itself, as `openssl req -x509` makes them.
fn self_signed() -> (Identity, String) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (Identity(vec![certificate.der().clone()], key), certificate.pem())
}

fn client(version: &str, identity: Option<&Identity>) -> Arc<ClientConfig> {
    let transport = ServersTransport {
        insecure_skip_verify: true,
        min_version: Some(version.into()),
        max_version: Some(version.into()),
        ..Default::default()
    };
    let mut config = ClientConfig::clone(&client_config(&transport).unwrap());
    if let Some(Identity(chain, key)) = identity {
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let signer = crate::tls::provider().key_provider.load_private_key(key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(chain.clone(), signer);
        config.client_auth_cert_resolver =
            Arc::new(rustls::sign::SingleCertAndKey::from(certified));
    }
    Arc::new(config)
}

fn shake(
    set: &Arc<Set>,
    client: &Arc<ClientConfig>,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = ServerName::try_from("a.test").unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(set.config()).unwrap();
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok((client, server))
}

mod authorities;
mod sessions;

const BOTH: [&str; 2] = ["VersionTLS12", "VersionTLS13"];

/// advisories.md J10: each kind of asking, both versions, each kind of certificate.
#[test]
fn clients_by_what_they_show() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let (alone, alone_pem) = self_signed();
    let (stranger, _) = self_signed();
    let good = issued(&ours, |_| ());
    let without_usage = issued(&ours, |params| params.extended_key_usages.clear());
    let wrong_authority = issued(&theirs, |_| ());
    let expired = issued(&ours, |params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = issued(&ours, |params| params.not_before = rcgen::date_time_ymd(2100, 1, 1));
    let of_server = issued(&ours, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let shown: [(&str, Option<&Identity>); 9] = [
        ("none", None),
        ("good", Some(&good)),
        ("without usage", Some(&without_usage)),
        ("listed itself", Some(&alone)),
        ("self-signed", Some(&stranger)),
        ("wrong authority", Some(&wrong_authority)),
        ("expired", Some(&expired)),
        ("not valid yet", Some(&early)),
        ("a server's", Some(&of_server)),
    ];
    let verified = ["good", "without usage", "listed itself"];
    for asked in [
        ClientAuth::None,
        ClientAuth::Request,
        ClientAuth::RequireAny,
        ClientAuth::VerifyIfGiven,
        ClientAuth::RequireAndVerify,
    ] {
        let options = TlsOptions {
            client_auth: asked,
            ca_files: vec![ours.pem(), alone_pem.clone()],
            ..options()
        };
        let set = set("o", &options);
        for version in BOTH {
            for (name, identity) in shown {
                let let_in = match asked {
                    ClientAuth::None | ClientAuth::Request => true,
                    ClientAuth::RequireAny => name != "none",
                    ClientAuth::VerifyIfGiven => name == "none" || verified.contains(&name),
                    ClientAuth::RequireAndVerify => verified.contains(&name),
                };
                let shaken = shake(&set, &client(version, identity));
                assert_eq!(shaken.is_ok(), let_in, "{asked:?} {version} {name}");
                if let Ok((_, server)) = shaken {
                    let seen = server.peer_certificates().is_some();
                    assert_eq!(
                        seen,
                        asked != ClientAuth::None && name != "none",
                        "{asked:?} {name}"
                    );
                }
            }
        }
    }
}

#[test]
fn versions_suites_and_groups() {
    type Change = fn(&mut TlsOptions);
    // Options, and what a client of TLS 1.2 and one of TLS 1.3 get.
    let table: &[(Change, [bool; 2])] = &[
        (|_| (), [true, true]),
        (|it| it.tls12 = false, [false, true]),
        (|it| it.tls13 = false, [true, false]),
        (|it| it.groups = Some(vec![Group::Secp384r1]), [true, true]),
        (
            |it| it.cipher_suites = Some(vec!["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]),
            [true, true],
        ),
        // The certificate is of the other kind.
        (
            |it| it.cipher_suites = Some(vec!["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]),
            [false, true],
        ),
    ];
    for (number, (change, expected)) in table.iter().enumerate() {
        let mut options = options();
        change(&mut options);
        let set = set("o", &options);
        for (version, expected) in BOTH.into_iter().zip(*expected) {
            let shaken = shake(&set, &client(version, None));
            assert_eq!(shaken.is_ok(), expected, "{number} {version}");
            let Ok((_, server)) = shaken else { continue };
            if let Some(groups) = &options.groups {
                assert_eq!(groups, &[Group::Secp384r1]);
                let group = server.negotiated_key_exchange_group().unwrap().name();
                assert_eq!(group, rustls::NamedGroup::secp384r1);
            }
            if let (Some(suites), "VersionTLS12") = (&options.cipher_suites, version) {
                let suite = server.negotiated_cipher_suite().unwrap().suite();
                assert_eq!(suites, &[super::cipher_name(suite)]);
            }
        }
    }
}

/// What the configuration takes for served is there.
#[test]
fn every_name_is_known() {
    let provider = super::provider();
    let there: Vec<&str> =
        provider.cipher_suites.iter().map(|suite| super::cipher_name(suite.suite())).collect();
    for suite in [
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    ] {
        assert!(there.contains(&suite), "{suite}");
    }
    for group in [
        Group::X25519,
        Group::Secp256r1,
        Group::Secp384r1,
        Group::X25519MlKem768,
        Group::Secp256r1MlKem768,
    ] {
        let name = super::named(group);
        assert!(super::ALL_KX_GROUPS.iter().any(|it| it.name() == name), "{group:?}");
    }
}

/// advisories.md J09: no ticket carries a client past other options.
#[test]
fn tickets_stay_within_their_options() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let mtls = |authority: &Authority| TlsOptions {
        client_auth: ClientAuth::RequireAndVerify,
        ca_files: vec![authority.pem()],
        ..options()
    };
    let identity = issued(&ours, |_| ());
    for version in BOTH {
        let client = client(version, Some(&identity));
        let kind = |set: &Arc<Set>| {
            shake(set, &client).ok().and_then(|(client, _)| client.handshake_kind())
        };
        let (open, closed) = (set("open", &options()), set("mtls", &mtls(&ours)));
        assert_eq!(kind(&open), Some(HandshakeKind::Full));
        assert_eq!(kind(&open), Some(HandshakeKind::Resumed), "{version}");
        assert_eq!(kind(&closed), Some(HandshakeKind::Full), "{version}");
        assert_eq!(kind(&closed), Some(HandshakeKind::Resumed), "{version}");

        let name = "mtls".into();
        let rebuilt = |options: &TlsOptions| {
            Set::build(&name, options, &Arc::default(), Some(&closed)).unwrap()
        };
        let same = rebuilt(&mtls(&ours));
        assert!(Arc::ptr_eq(&same, &closed), "nobody has changed it");
        let other = rebuilt(&mtls(&theirs));
        assert!(shake(&other, &client).is_err(), "{version}: not of its authority");

        let silent = set("silent", &TlsOptions { tickets: false, ..options() });
        assert_eq!(kind(&silent), Some(HandshakeKind::Full));
        assert_eq!(kind(&silent), Some(HandshakeKind::Full), "{version}");
    }
}

/// A file that is written anew under its old name.
#[test]
fn files_are_looked_into() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    let options = TlsOptions {
        client_auth: ClientAuth::RequireAndVerify,
        ca_files: vec![path.display().to_string()],
        ..options()
    };
    let name = "o".into();
    let store: Arc<Store> = Arc::default();
    write(&authority("one").pem());
    let first = Set::build(&name, &options, &store, None).unwrap();
    let again = Set::build(&name, &options, &store, Some(&first)).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    write(&authority("two").pem());
    let second = Set::build(&name, &options, &store, Some(&first)).unwrap();
    assert!(!Arc::ptr_eq(&first, &second) && !second.is_met_by(Some(&first)));
    for (text, error) in [
        ("", "holds no certificate"),
        ("hello", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be used"),
    ] {
        write(text);
        let failed = Set::build(&name, &options, &store, Some(&first)).unwrap_err();
        assert!(failed.starts_with("invalid certificate(s) content: ") && failed.contains(error));
    }
    std::fs::remove_file(&path).unwrap();
    let failed = Set::build(&name, &options, &store, Some(&first)).unwrap_err();
    assert!(failed.contains("clientAuth.caFiles") && failed.contains("cannot be read"), "{failed}");
}

#[test]
fn strict_names() {
    let set = set("o", &TlsOptions { sni_strict: true, ..options() });
    assert!(shake(&set, &client("VersionTLS13", None)).is_err(), "there is no certificate");
}

#[test]
fn what_a_connection_may_be_served_as() {
    let ca = authority("ca");
    let mtls = TlsOptions {
        client_auth: ClientAuth::RequireAndVerify,
        ca_files: vec![ca.pem()],
        ..options()
    };
    let modern = TlsOptions { tls12: false, ..mtls.clone() };
    let (plain, strict, newer) = (set("o", &options()), set("o", &mtls), set("o", &modern));
    let (default, asking) = (set("default", &options()), set("default", &mtls));
    let other = set("p", &options());
    let table = [
        (&plain, Some(&plain), true),
        (&plain, Some(&strict), true),
        (&strict, Some(&plain), false),
        (&newer, Some(&strict), true),
        (&plain, Some(&other), false),
        (&other, Some(&strict), false),
        (&plain, None, false),
        (&default, None, true),
        (&asking, None, false),
        (&asking, Some(&default), false),
        (&default, Some(&asking), true),
    ];
    for (number, (needed, met, expected)) in table.into_iter().enumerate() {
        assert_eq!(needed.is_met_by(met), expected, "{number}");
    }
}
