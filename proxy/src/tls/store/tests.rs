//! Tables over whole handshakes in memory: who asks for what, and what is served.

use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ServerConfig, ServerConnection};
use rustls_pki_types::{CertificateDer, ServerName};
use swarmgate_config::routing::ServersTransport;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::super::{Certificates, PemCertificate, client_config};
use super::Store;

/// A self-signed certificate; the organisation tells the tests which one was served.
fn certificate(mark: &str, common_name: &str, sans: &[&str], key: &KeyPair) -> PemCertificate {
    lasting(mark, common_name, sans, key, 2050)
}

fn lasting(mark: &str, cn: &str, sans: &[&str], key: &KeyPair, year: i32) -> PemCertificate {
    let sans: Vec<String> = sans.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(sans).unwrap();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, mark);
    if !cn.is_empty() {
        params.distinguished_name.push(DnType::CommonName, cn);
    }
    params.not_after = rcgen::date_time_ymd(year, 1, 1);
    PemCertificate {
        chain: params.self_signed(key).unwrap().pem(),
        key: key.serialize_pem(),
        source: format!("file /certs/{mark}.pem"),
    }
}

fn ec() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn rsa() -> KeyPair {
    KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()
}

fn store(certificates: &[PemCertificate], default: Option<&PemCertificate>) -> Arc<Store> {
    let (certificates, findings) = Certificates::build(certificates, default);
    assert_eq!(findings, []);
    let store = Arc::new(Store::default());
    store.set(Arc::new(certificates));
    store
}

fn trusting() -> ClientConfig {
    let transport = ServersTransport { insecure_skip_verify: true, ..Default::default() };
    ClientConfig::clone(&client_config(&transport).unwrap())
}

/// Runs both sides until the handshake is done and the tickets have arrived.
fn shake(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), rustls::Error> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
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

/// The organisation (or common name) of the certificate that the client was shown.
fn shown(client: &ClientConnection) -> String {
    let leaf: &CertificateDer<'_> = client.peer_certificates().unwrap().first().unwrap();
    let (_, x509) = X509Certificate::from_der(leaf).unwrap();
    let subject = x509.subject();
    let mark = subject.iter_organization().chain(subject.iter_common_name()).next();
    mark.unwrap().as_str().unwrap().to_owned()
}

#[test]
fn certificate_by_server_name() {
    let store = store(
        &[
            certificate("exact", "", &["x.w.test", "second.test"], &ec()),
            certificate("wildcard", "", &["*.w.test"], &ec()),
            certificate("upper", "", &["UPPER.Test"], &ec()),
            certificate("common", "Common.test", &["other.test"], &ec()),
            certificate("rsa", "", &["both.test"], &rsa()),
            certificate("ecdsa", "", &["also.test", "both.test"], &ec()),
        ],
        None,
    );
    let server = store.server_config().unwrap();
    let client = Arc::new(trusting());
    let table = [
        ("x.w.test", "exact"),
        ("X.W.Test", "exact"),
        ("second.test", "exact"),
        ("y.w.test", "wildcard"),
        ("upper.test", "upper"),
        // The common name counts beside the SANs.
        ("common.test", "common"),
        ("other.test", "common"),
        // ECDSA before RSA where both have the name.
        ("both.test", "ecdsa"),
        // A wildcard covers exactly one label.
        ("w.test", "TRAEFIK DEFAULT CERT"),
        ("x.y.w.test", "TRAEFIK DEFAULT CERT"),
        ("unknown.test", "TRAEFIK DEFAULT CERT"),
        // No SNI is sent for an address.
        ("127.0.0.1", "TRAEFIK DEFAULT CERT"),
    ];
    for (name, expected) in table {
        let (client, _) = shake(&server, &client, name).unwrap();
        assert_eq!(shown(&client), expected, "{name}");
    }
}

#[test]
fn rsa_for_clients_without_ecdsa() {
    let store = store(
        &[
            certificate("rsa", "", &["both.test"], &rsa()),
            certificate("ecdsa", "", &["also.test", "both.test"], &ec()),
        ],
        None,
    );
    let certificates = store.get();
    let only_rsa = [rustls::SignatureScheme::RSA_PSS_SHA256];
    let all =
        [rustls::SignatureScheme::RSA_PSS_SHA256, rustls::SignatureScheme::ECDSA_NISTP256_SHA256];
    let algorithm = |schemes: &[rustls::SignatureScheme]| {
        certificates.by_name("both.test", schemes).unwrap().key.algorithm()
    };
    assert_eq!(algorithm(&only_rsa), rustls::SignatureAlgorithm::RSA);
    assert_eq!(algorithm(&all), rustls::SignatureAlgorithm::ECDSA);
}

#[test]
fn same_names_twice() {
    let resolver = |mark: &str, year: i32, source: &str| PemCertificate {
        source: source.into(),
        ..lasting(mark, "", &["a.test", "b.test"], &ec(), year)
    };
    let table = [
        // A file comes before a resolver, and the first file before the second.
        (vec![("one", 2040, "file /a"), ("two", 2050, "resolver le")], "one"),
        (vec![("one", 2040, "file /a"), ("two", 2050, "file /b")], "one"),
        // Within a resolver the one that lasts longer, in either order.
        (vec![("one", 2040, "resolver le"), ("two", 2050, "resolver le")], "two"),
        (vec![("one", 2050, "resolver le"), ("two", 2040, "resolver le")], "one"),
    ];
    for (given, expected) in table {
        let given: Vec<_> = given.into_iter().map(|(m, y, s)| resolver(m, y, s)).collect();
        let store = store(&given, None);
        let server = store.server_config().unwrap();
        let (client, _) = shake(&server, &Arc::new(trusting()), "a.test").unwrap();
        assert_eq!(shown(&client), expected);
        assert_eq!(store.get().infos().len(), 1);
    }
}

#[test]
fn default_and_swap() {
    let default = certificate("own default", "", &["d.test"], &ec());
    let store = store(&[], Some(&default));
    let server = store.server_config().unwrap();
    let client = Arc::new(trusting());
    let (first, _) = shake(&server, &client, "any.test").unwrap();
    assert_eq!(shown(&first), "own default");

    // The same rustls configuration serves what was swapped in later.
    let later = certificate("later", "", &["late.test"], &ec());
    store.set(Arc::new(Certificates::build(&[later], None).0));
    let (second, _) = shake(&server, &client, "late.test").unwrap();
    assert_eq!(shown(&second), "later");
    // (A new client: a resumed session would keep what it was shown before.)
    let (third, _) = shake(&server, &Arc::new(trusting()), "any.test").unwrap();
    assert_eq!(shown(&third), "TRAEFIK DEFAULT CERT");
}

#[test]
fn an_empty_store_serves_the_generated_certificate() {
    let store = Arc::new(Store::default());
    let server = store.server_config().unwrap();
    let (one, _) = shake(&server, &Arc::new(trusting()), "a.test").unwrap();
    let (two, _) = shake(&server, &Arc::new(trusting()), "b.test").unwrap();
    assert_eq!(shown(&one), "TRAEFIK DEFAULT CERT");
    assert_eq!(one.peer_certificates(), two.peer_certificates(), "made once");
}

#[test]
fn alpn_and_versions() {
    let server = store(&[], None).server_config().unwrap();
    let table: &[(&[&str], Option<&[u8]>)] = &[
        (&["h2", "http/1.1"], Some(b"h2")),
        (&["http/1.1", "h2"], Some(b"h2")),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ];
    for (offered, expected) in table {
        let mut client = trusting();
        client.alpn_protocols = offered.iter().map(|p| p.as_bytes().to_vec()).collect();
        let (_, server) = shake(&server, &Arc::new(client), "a.test").unwrap();
        assert_eq!(server.alpn_protocol(), *expected, "{offered:?}");
    }

    let mut client = trusting();
    client.alpn_protocols = vec![b"spdy/3".to_vec()];
    assert!(shake(&server, &Arc::new(client), "a.test").is_err(), "nothing in common");

    for (version, expected) in [
        ("VersionTLS12", rustls::ProtocolVersion::TLSv1_2),
        ("VersionTLS13", rustls::ProtocolVersion::TLSv1_3),
    ] {
        let client = client_config(&ServersTransport {
            insecure_skip_verify: true,
            min_version: Some(version.into()),
            max_version: Some(version.into()),
            ..Default::default()
        });
        let (client, _) = shake(&server, &client.unwrap(), "a.test").unwrap();
        assert_eq!(client.protocol_version(), Some(expected));
    }
}

#[test]
fn tickets_resume_on_every_user_of_the_configuration() {
    let store = store(&[], None);
    let (here, there) = (store.server_config().unwrap(), store.server_config().unwrap());
    let client = Arc::new(trusting());
    let (first, _) = shake(&here, &client, "a.test").unwrap();
    assert_eq!(first.handshake_kind(), Some(HandshakeKind::Full));
    let clone = Arc::clone(&here);
    let (second, _) = shake(&clone, &client, "a.test").unwrap();
    assert_eq!(second.handshake_kind(), Some(HandshakeKind::Resumed));
    // Another call, another set of keys: a ticket does not wander between them.
    let (third, _) = shake(&there, &client, "a.test").unwrap();
    assert_eq!(third.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn key_formats() {
    use x509_parser::der_parser::parse_der;

    // PKCS#8 is an envelope: its third part is the PKCS#1 or SEC1 form of the same key.
    for (key, kind) in [(rsa(), "RSA PRIVATE KEY"), (ec(), "EC PRIVATE KEY")] {
        let mut written = certificate("key", "", &["key.test"], &key);
        assert!(written.key.contains("BEGIN PRIVATE KEY"), "PKCS#8");
        assert_eq!(Certificates::build(&[written.clone()], None).1, []);
        let envelope = key.serialize_der();
        let (_, envelope) = parse_der(&envelope).unwrap();
        let inner = envelope.as_sequence().unwrap()[2].as_slice().unwrap();
        // `openssl ecparam -genkey` writes such a section before the key.
        written.key = format!(
            "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n\
             -----BEGIN {kind}-----\n{}\n-----END {kind}-----\n",
            base64(inner)
        );
        assert_eq!(Certificates::build(&[written], None).1, [], "{kind}");
    }
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0_u32, |n, i| n << 8 | u32::from(*three.get(i).unwrap_or(&0)));
        for digit in 0..4 {
            let index = (number >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= three.len() { ALPHABET[index] as char } else { '=' });
        }
    }
    text
}

#[test]
fn broken_certificates_are_left_out_and_explained() {
    let good = certificate("good", "", &["good.test"], &ec());
    let broken = |chain: &str, key: &str| PemCertificate {
        chain: chain.into(),
        key: key.into(),
        source: "file /certs/bad.pem".into(),
    };
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let table = [
        (broken("", &good.key), "no CERTIFICATE section"),
        (broken("hello", &good.key), "no CERTIFICATE section"),
        (broken(nonsense, &good.key), "not X.509"),
        (broken(&good.key, &good.chain), "no CERTIFICATE section"),
        (broken(&good.chain, ""), "not a PEM private key"),
        (broken(&good.chain, &good.chain), "not a PEM private key"),
        (broken(&good.chain, &ec().serialize_pem()), "does not belong"),
    ];
    for (bad, expected) in table {
        let (built, findings) = Certificates::build(&[bad.clone(), good.clone()], Some(&bad));
        assert_eq!(built.infos().len(), 1, "the good one stays");
        assert_eq!(findings.len(), 2, "one as certificate, one as default");
        for finding in findings {
            let text = finding.to_string();
            assert!(text.contains(expected) && text.contains("/certs/bad.pem"), "{text}");
        }
    }
}

#[test]
fn infos() {
    let one = certificate("Org", "b.test", &["c.test", "a.test", "10.0.0.1"], &ec());
    let two = lasting("Old", "a.test", &["a.test"], &rsa(), 2001);
    let (built, findings) = Certificates::build(&[one, two], None);
    assert_eq!(findings, []);
    let [old, new] = built.infos() else { panic!("two, by common name") };
    assert_eq!(new.common_name, "b.test");
    assert_eq!(new.sans, ["10.0.0.1", "a.test", "c.test"]);
    assert_eq!(new.not_after, "2050-01-01T00:00:00Z");
    assert_eq!((new.key_type.as_str(), new.key_size), ("ECDSA", 256));
    assert_eq!(new.signature_algorithm, "ECDSA-SHA256");
    assert_eq!((new.issuer_org.as_str(), new.version.as_str()), ("Org", "v3"));
    assert_eq!((new.status.as_str(), new.status_now()), ("enabled", "enabled"));
    assert_eq!(new.name.len(), 64);
    assert!(new.serial_number.bytes().all(|digit| digit.is_ascii_digit()));
    assert_eq!((old.status.as_str(), old.status_now()), ("expired", "expired"));
    assert_eq!((old.key_type.as_str(), old.key_size), ("RSA", 2048));
    assert_eq!(old.signature_algorithm, "SHA256-RSA");
    let json = serde_json::to_value(new).unwrap();
    assert_eq!(json["issuerOrg"], "Org");
    assert_eq!(json.get("source"), None);
}

#[test]
fn what_no_resolver_needs_to_get() {
    let file = certificate("one", "CN.test", &["a.test", "*.W.test"], &ec());
    let default = certificate("default", "", &["d.test"], &ec());
    let ordered = PemCertificate {
        source: "resolver le".into(),
        ..certificate("two", "", &["b.test"], &ec())
    };
    let (built, _) = Certificates::build(&[file, ordered], Some(&default));
    let mut names: Vec<String> = built.covered_without_resolvers().into_iter().collect();
    names.sort();
    assert_eq!(names, ["*.w.test", "a.test", "cn.test", "d.test"]);
    assert!(Certificates::build(&[], None).0.covered_without_resolvers().is_empty());
}
