//! Tables: what a servers transport trusts, and what it refuses as badly written.

use std::sync::Arc;

use rcgen::{CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::{ClientConnection, ServerConfig, ServerConnection};
use rustls_pki_types::{PrivateKeyDer, ServerName};
use swarmgate_config::routing::{Certificate, ServersTransport};

use super::super::provider;
use super::client_config;

/// A small authority, and a server that it vouches for under `server.test` and a SPIFFE-like URI.
fn authority() -> (String, Arc<ServerConfig>) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let root = params.self_signed(&key).unwrap();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["server.test".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::URI("spiffe://test/server".try_into().unwrap()));
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
    let server = ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], key)
        .unwrap();
    (root.pem(), Arc::new(server))
}

/// Whether the client goes on with this server.
fn accepts(transport: &ServersTransport, server: &Arc<ServerConfig>, name: &str) -> bool {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(client_config(transport).unwrap(), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    for _ in 0..5 {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        let _ = server.process_new_packets();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    !client.is_handshaking()
}

#[test]
fn trust() {
    let (root, server) = authority();
    let (stranger, _) = authority();
    let with = |change: &dyn Fn(&mut ServersTransport)| {
        let mut transport = ServersTransport::default();
        change(&mut transport);
        transport
    };
    let file = std::env::temp_dir().join(format!("swarmgate-root-{}.pem", std::process::id()));
    std::fs::write(&file, &root).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let uri = |uri: &str| Some(uri.to_owned());
    let table = [
        ("public roots", with(&|_| ()), "server.test", false),
        ("root as text", with(&|t| t.root_cas = vec![root.clone()]), "server.test", true),
        ("root as file", with(&|t| t.root_cas = vec![path.clone()]), "server.test", true),
        ("another name", with(&|t| t.root_cas = vec![root.clone()]), "other.test", false),
        ("another root", with(&|t| t.root_cas = vec![stranger.clone()]), "server.test", false),
        ("skip", with(&|t| t.insecure_skip_verify = true), "other.test", true),
        (
            "URI takes the place of the name",
            with(&|t| {
                t.root_cas = vec![root.clone()];
                t.peer_cert_uri = uri("spiffe://test/server");
            }),
            "other.test",
            true,
        ),
        (
            "another URI",
            with(&|t| {
                t.root_cas = vec![root.clone()];
                t.peer_cert_uri = uri("spiffe://test/else");
            }),
            "server.test",
            false,
        ),
        (
            "URI of a stranger's child",
            with(&|t| {
                t.root_cas = vec![stranger.clone()];
                t.peer_cert_uri = uri("spiffe://test/server");
            }),
            "server.test",
            false,
        ),
        (
            "suites narrowed",
            with(&|t| {
                t.root_cas = vec![root.clone()];
                t.max_version = Some("VersionTLS12".into());
                t.cipher_suites = vec!["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305".into()];
            }),
            "server.test",
            true,
        ),
    ];
    for (what, transport, name, expected) in table {
        assert_eq!(accepts(&transport, &server, name), expected, "{what}");
    }
    std::fs::remove_file(file).unwrap();
}

#[test]
fn only_http1_is_offered() {
    assert_eq!(client_config(&Default::default()).unwrap().alpn_protocols, [b"http/1.1"]);
}

#[test]
fn broken_options_are_named() {
    let some = |text: &str| Some(text.to_owned());
    let client = |cert: &str, key: &str| Certificate {
        cert_file: cert.into(),
        key_file: key.into(),
        ..Default::default()
    };
    let table = [
        (ServersTransport { root_cas: vec!["/nowhere".into()], ..Default::default() }, "/nowhere"),
        (
            ServersTransport {
                root_cas: vec!["-----BEGIN NOTHING-----".into()],
                ..Default::default()
            },
            "rootCAs",
        ),
        (ServersTransport { min_version: some("1.2"), ..Default::default() }, "minVersion"),
        (
            ServersTransport { max_version: some("VersionTLS11"), ..Default::default() },
            "maxVersion",
        ),
        (
            ServersTransport {
                min_version: some("VersionTLS13"),
                max_version: some("VersionTLS12"),
                ..Default::default()
            },
            "above",
        ),
        (
            ServersTransport { cipher_suites: vec!["RC4".into()], ..Default::default() },
            "cipherSuites",
        ),
        (
            ServersTransport {
                max_version: some("VersionTLS12"),
                cipher_suites: vec!["TLS_RSA_WITH_RC4_128_SHA".into()],
                ..Default::default()
            },
            "cipherSuites",
        ),
        (
            ServersTransport {
                certificates: vec![client("/nowhere.pem", "/key")],
                ..Default::default()
            },
            "/nowhere.pem",
        ),
    ];
    for (transport, expected) in table {
        let error = client_config(&transport).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

/// Certificates signed by themselves that could issue others, too: whoever names one means it.
#[test]
fn authorities_of_their_own() {
    let own = |change: &dyn Fn(&mut CertificateParams)| {
        let mut params = CertificateParams::new(["server.test".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.subject_alt_names.push(SanType::URI("spiffe://test/own".try_into().unwrap()));
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let server = ServerConfig::builder_with_provider(Arc::clone(provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        (certificate.pem(), Arc::new(server))
    };
    let by = |roots: &[&str], uri: Option<&str>| ServersTransport {
        root_cas: roots.iter().map(ToString::to_string).collect(),
        peer_cert_uri: uri.map(str::to_owned),
        ..ServersTransport::default()
    };
    let (pem, server) = own(&|_| ());
    let (other, _) = own(&|_| ());
    let uri = Some("spiffe://test/own");
    for (what, transport, name, expected) in [
        ("named", by(&[&pem], None), "server.test", true),
        ("named among others", by(&[&other, &pem], None), "server.test", true),
        ("another name", by(&[&pem], None), "other.test", false),
        ("another of its kind", by(&[&other], None), "server.test", false),
        ("nobody named", by(&[], None), "server.test", false),
        ("its URI", by(&[&pem], uri), "other.test", true),
        ("its URI, another of its kind", by(&[&other], uri), "server.test", false),
        ("another URI", by(&[&pem], Some("spiffe://test/else")), "server.test", false),
    ] {
        assert_eq!(accepts(&transport, &server, name), expected, "{what}");
    }
    let for_clients = rcgen::ExtendedKeyUsagePurpose::ClientAuth;
    let for_servers = rcgen::ExtendedKeyUsagePurpose::ServerAuth;
    type Change<'a> = &'a dyn Fn(&mut CertificateParams);
    let table: &[(&str, Change<'_>, bool)] = &[
        ("expired", &|it| it.not_after = rcgen::date_time_ymd(2020, 1, 1), false),
        ("not begun", &|it| it.not_before = rcgen::date_time_ymd(2999, 1, 1), false),
        ("for clients", &|it| it.extended_key_usages = vec![for_clients.clone()], false),
        ("for servers", &|it| it.extended_key_usages = vec![for_servers.clone()], true),
    ];
    for (what, change, expected) in table {
        let (pem, server) = own(*change);
        for uri in [None, uri] {
            assert_eq!(accepts(&by(&[&pem], uri), &server, "server.test"), *expected, "{what}");
        }
    }
}
