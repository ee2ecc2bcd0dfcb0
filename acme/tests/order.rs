//! Whole orders against a CA in this process: what is got, stored and told, in good times and bad.

mod support;

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use serde_json::{Value, json};
use support::{World, stored};
use swarmgate_acme::HeldCertificate;
use swarmgate_config::install::{Acme, Eab};
use swarmgate_config::routing::Domain;
use swarmgate_config::scalar;
use swarmgate_testkit::acme_server::Answer;

fn good(_: &mut swarmgate_testkit::acme_server::AcmeServerConfig) {}

fn domain(main: &str, sans: &[&str]) -> Domain {
    Domain { main: main.into(), sans: sans.iter().map(ToString::to_string).collect() }
}

/// Judges a chain as a browser would.
fn assert_trusted(certificate: &HeldCertificate, root_pem: &str, name: &str) {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root_pem.as_bytes()).unwrap()).unwrap();
    let chain: Vec<CertificateDer<'_>> =
        CertificateDer::pem_slice_iter(certificate.chain_pem.as_bytes())
            .collect::<Result<_, _>>()
            .unwrap();
    let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
        roots.into(),
        rustls::crypto::aws_lc_rs::default_provider().into(),
    )
    .build()
    .unwrap();
    let (leaf, rest) = chain.split_first().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    rustls::client::danger::ServerCertVerifier::verify_server_cert(
        &*verifier,
        leaf,
        rest,
        &name,
        &[],
        UnixTime::now(),
    )
    .unwrap();
}

#[tokio::test]
async fn ordered_stored_and_found_again() {
    let mut world = World::new(good).await;
    let mut rig = world.run(world.options());
    assert_eq!(rig.held, []);
    rig.want(&["a.test b.test"]);
    let held = rig.arrival().await;
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].domain, domain("a.test", &["b.test"]));
    for name in ["a.test", "b.test"] {
        assert_trusted(&held[0], &world.server.root_pem, name);
    }
    assert_eq!(world.server.orders(), [["a.test", "b.test"]]);
    assert_eq!(world.server.accounts(), [["mailto:me@example.test"]]);
    // A second one takes the same account.
    rig.want(&["a.test b.test", "c.test"]);
    assert_eq!(rig.arrival().await.len(), 2);
    assert_eq!(world.server.accounts().len(), 1);
    assert_eq!(rig.findings(), [] as [String; 0]);
    rig.stop().await;

    let file = stored(&world.storage());
    let entry = &file["le"]["Certificates"][0];
    assert_eq!(entry["domain"], json!({"main": "a.test", "sans": ["b.test"]}));
    assert_eq!(entry["Store"], "default");
    assert_eq!(entry["certificate"], BASE64_STANDARD.encode(&held[0].chain_pem));
    assert_eq!(entry["key"], BASE64_STANDARD.encode(&held[0].key_pem));
    assert_eq!(file["le"]["Account"], Value::Null, "Traefik's place is left to Traefik");
    assert!(file["le"]["SwarmgateAccount"]["id"].as_str().unwrap().contains("/account/"));

    // After a restart everything is there, and the CA is not asked.
    let before = world.server.requests();
    let rig = world.run(world.options());
    assert_eq!(rig.held.len(), 2);
    rig.want(&["a.test b.test", "c.test", "b.test"]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.server.requests(), before);
    rig.stop().await;
}

#[tokio::test]
async fn a_failing_name_holds_up_nobody_and_recovers() {
    let mut world = World::new(|config| {
        config.faults.refuse.insert("bad.test".into());
        config.faults.never_validate.insert("slow.test".into());
    })
    .await;
    let mut rig = world.run(world.options());
    rig.want(&["bad.test", "slow.test", "good1.test", "good2.test", "good3.test"]);
    let mut arrived = HashSet::new();
    while arrived.len() < 3 {
        arrived = rig.arrival().await.into_iter().map(|held| held.domain.main).collect();
    }
    assert!(!arrived.contains("bad.test") && !arrived.contains("slow.test"));
    let finding = rig.finding(&["le", "bad.test", "NXDOMAIN", "try 1", "next try 20"]).await;
    assert!(finding.ends_with("Z)"), "a moment in UTC: {finding}");
    let asked = |name: &str| world.server.orders().iter().filter(|o| **o == [name]).count();
    assert_eq!(asked("bad.test"), 1);
    // Other changes do not make it try sooner.
    rig.want(&["bad.test", "slow.test", "good1.test"]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(asked("bad.test"), 1, "it waits for its time");

    // The reason goes away; the first retry is soon.
    world.server.set_faults(|faults| faults.refuse.clear());
    let started = Instant::now();
    let held = rig.arrival().await;
    assert!(held.iter().any(|held| held.domain.main == "bad.test"));
    assert!(started.elapsed() < Duration::from_secs(15));
    rig.no_findings().await;
    rig.stop().await;
}

#[tokio::test]
async fn faults_of_the_ca_are_told_in_its_words() {
    // (what goes wrong, words of the finding)
    let answer =
        |status, retry_after| Some(Answer { status, retry_after, times: 1000, only_orders: false });
    let table = [
        (answer(429, Some(3600)), 0, vec!["ordered by the test", "rateLimited", "try 1"]),
        (answer(500, None), 0, vec!["ordered by the test", "serverInternal"]),
        (None, 1000, vec!["502 Bad Gateway"]),
    ];
    for (answer, garbage, words) in table {
        let mut world = World::new(|config| {
            config.faults.answer = answer;
            config.faults.garbage = garbage;
        })
        .await;
        let rig = world.run(world.options());
        rig.want(&["a.test"]);
        let finding = rig.finding(&words).await;
        // The CA's own wish is longer than our first pause.
        let wished = answer.is_some_and(|answer| answer.retry_after.is_some());
        let soon = {
            let next = finding.rsplit_once("next try ").unwrap().1.trim_end_matches(')');
            let format = &time::format_description::well_known::Rfc3339;
            let next = time::OffsetDateTime::parse(next, format).unwrap();
            next - time::OffsetDateTime::now_utc() < time::Duration::seconds(60)
        };
        assert_eq!(soon, !wished, "{finding}");
        rig.stop().await;
    }
}

#[tokio::test]
async fn small_troubles_are_got_over() {
    // A nonce that is not liked twice.
    let mut world = World::new(|config| config.faults.bad_nonces = 2).await;
    let mut rig = world.run(world.options());
    rig.want(&["a.test"]);
    assert_eq!(rig.arrival().await.len(), 1);

    // An account that the CA has forgotten.
    world.server.forget_accounts();
    rig.want(&["a.test", "b.test"]);
    assert_eq!(rig.arrival().await.len(), 2);
    assert_eq!(world.server.accounts().len(), 2, "a new one");
    rig.no_findings().await;
    rig.stop().await;
    let file = stored(&world.storage());
    assert!(file["le"]["SwarmgateAccount"]["id"].as_str().unwrap().ends_with("/account/1"));
}

#[tokio::test]
async fn a_ca_that_hangs_is_left_in_time() {
    let mut world = World::new(|config| config.faults.hang = true).await;
    let rig = world.run(Acme {
        client_response_header_timeout: scalar::Duration::from_millis(300),
        ..world.options()
    });
    rig.want(&["a.test"]);
    rig.finding(&["a.test", "no answer from the CA within 300ms"]).await;
    rig.stop().await;

    // And the end of everything is not held up by it either.
    let rig = world.run(world.options());
    rig.want(&["a.test"]);
    tokio::time::sleep(Duration::from_millis(200)).await;
    rig.stop().await;
}

#[tokio::test]
async fn a_ca_that_is_not_trusted_or_not_there() {
    let mut world = World::new(good).await;
    let other = World::new(good).await;
    let table = [
        (
            Acme { ca_certificates: vec![other.server.root_pem.clone()], ..world.options() },
            vec!["TLS with 127.0.0.1", "invalid peer certificate", "web@swarm"],
        ),
        (
            Acme { ca_server_name: Some("other.test".into()), ..world.options() },
            vec!["TLS with 127.0.0.1", "not valid for name"],
        ),
        (
            Acme { ca_server: "https://127.0.0.1:1/directory".into(), ..world.options() },
            vec!["127.0.0.1 port 1 cannot be reached"],
        ),
    ];
    for (options, words) in table {
        let rig = world.run(options);
        rig.want(&["a.test"]);
        rig.finding(&words).await;
        rig.stop().await;
    }
    // The name that the CA's certificate really has.
    let mut world = other;
    let mut rig = world.run(Acme { ca_server_name: Some("localhost".into()), ..world.options() });
    rig.want(&["a.test"]);
    assert_eq!(rig.arrival().await.len(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn options_of_the_order() {
    let mut world = World::new(|config| {
        config.external_account = Some("kid-1".into());
        config.profiles = vec!["short".into()];
    })
    .await;
    let mut rig = world.run(Acme {
        eab: Some(Eab { kid: "kid-1".into(), hmac_encoded: "AAECAwQF".into() }),
        profile: Some("short".into()),
        preferred_chain: Some("Testkit Alternate Root".into()),
        key_type: Some("RSA2048".into()),
        email: None,
        ..world.options()
    });
    rig.want(&["bücher.test"]);
    let held = rig.arrival().await;
    assert_eq!(world.server.orders(), [["xn--bcher-kva.test"]]);
    assert_eq!(world.server.profiles(), [Some("short".to_owned())]);
    assert_eq!(world.server.accounts(), [[] as [&str; 0]]);
    assert_eq!(held[0].domain, domain("bücher.test", &[]), "as written");
    let last = CertificateDer::pem_slice_iter(held[0].chain_pem.as_bytes()).last().unwrap();
    let last = last.unwrap();
    let (_, last) = <x509_parser::prelude::X509Certificate<'_> as x509_parser::prelude::FromDer<
        '_,
        _,
    >>::from_der(&last)
    .unwrap();
    assert_eq!(last.issuer().to_string(), "CN=Testkit Alternate Root");
    let key = rcgen::KeyPair::from_pem(&held[0].key_pem).unwrap();
    assert_eq!(key.algorithm(), &rcgen::PKCS_RSA_SHA256);
    rig.stop().await;
}

#[tokio::test]
async fn what_the_ca_refuses_at_the_order() {
    let mut world = World::new(|config| config.external_account = Some("kid-1".into())).await;
    let rig = world.run(world.options());
    rig.want(&["a.test"]);
    rig.finding(&["external account binding", "externalAccountRequired"]).await;
    rig.stop().await;

    let mut world = World::new(good).await;
    let rig = world.run(Acme { profile: Some("none".into()), ..world.options() });
    rig.want(&["a.test", "*.w.test", "*"]);
    rig.finding(&["no such profile"]).await;
    rig.finding(&["*.w.test", "DNS challenge"]).await;
    rig.finding(&["\"*\" is not a name"]).await;
    // What is not wanted any more is not complained about any more.
    rig.want(&[]);
    rig.no_findings().await;
    rig.stop().await;
}

#[tokio::test]
async fn renewed_in_time_with_the_same_key() {
    let mut world = World::new(|config| config.validity = Duration::from_secs(9)).await;
    let mut rig = world.run(Acme { certificates_duration: 1, ..world.options() });
    rig.want(&["a.test"]);
    let first = rig.arrival().await;
    // Renewed although nobody wants it any more: its service may come back.
    rig.want(&[]);
    let started = Instant::now();
    let second = rig.arrival().await;
    assert!(started.elapsed() > Duration::from_secs(3), "not before the last third");
    assert_eq!(second.len(), 1, "in the place of the first");
    assert_ne!(first[0].chain_pem, second[0].chain_pem);
    assert_eq!(first[0].key_pem, second[0].key_pem);
    rig.stop().await;
    let file = stored(&world.storage());
    assert_eq!(file["le"]["Certificates"].as_array().unwrap().len(), 1);
    assert_eq!(
        file["le"]["Certificates"][0]["certificate"],
        BASE64_STANDARD.encode(&second[0].chain_pem)
    );
}

#[tokio::test]
async fn a_storage_that_cannot_be_written() {
    let mut world = World::new(good).await;
    let mut rig = world.run(world.options());
    // As if the volume had gone: even root cannot write a file over a directory.
    fs::remove_file(world.storage()).unwrap();
    fs::create_dir(world.storage()).unwrap();
    rig.want(&["a.test"]);
    let held = rig.arrival().await;
    assert_trusted(&held[0], &world.server.root_pem, "a.test");
    rig.finding(&["acme.json cannot be written", "served from memory"]).await;
    // It comes back; the next arrival brings everything into the file.
    fs::remove_dir(world.storage()).unwrap();
    rig.want(&["a.test", "b.test"]);
    rig.arrival().await;
    rig.no_findings().await;
    rig.stop().await;
    assert_eq!(stored(&world.storage())["le"]["Certificates"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn traefiks_certificates_are_used_as_they_are() {
    let mut world = World::new(good).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(["old.test".to_owned()]).unwrap();
    params.not_before = time::OffsetDateTime::now_utc() - time::Duration::days(1);
    params.not_after = time::OffsetDateTime::now_utc() + time::Duration::days(80);
    let chain = params.self_signed(&key).unwrap().pem();
    let account = json!({ "Email": "me@a.test", "PrivateKey": "MIIJKQIBAAKCAgEA",
                          "Registration": { "uri": "https://ca.test/acct/1" } });
    let file = json!({ "le": { "Account": account, "Certificates": [{
        "domain": { "main": "old.test" }, "Store": "default",
        "certificate": BASE64_STANDARD.encode(&chain),
        "key": BASE64_STANDARD.encode(key.serialize_pem()),
    }]}});
    fs::write(world.storage(), file.to_string()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(world.storage(), mode).unwrap();

    let mut rig = world.run(world.options());
    assert_eq!(rig.held[0].chain_pem, chain);
    // Partly covered: the order has both names, the entry the new one.
    rig.want(&["old.test", "old.test new.test"]);
    let held = rig.arrival().await;
    assert_eq!(world.server.orders(), [["old.test", "new.test"]]);
    assert_eq!(held.len(), 2);
    assert_eq!(held[1].domain, domain("new.test", &[]));
    rig.stop().await;
    let written = stored(&world.storage());
    assert_eq!(written["le"]["Account"], account, "untouched");
    assert_eq!(written["le"]["Certificates"][0], file["le"]["Certificates"][0]);
}

#[tokio::test]
async fn resolvers_stand_side_by_side_in_one_file() {
    let mut world = World::new(good).await;
    let options = world.options();
    let elsewhere = HashSet::from(["file.test".to_owned()]);
    let mut rig = world.run_all(
        [("one".to_owned(), options.clone()), ("two".to_owned(), options)].into(),
        elsewhere,
    );
    // Each orders its own for the same name; what a file covers nobody orders.
    rig.want_of(&[("one", "a.test"), ("two", "a.test"), ("one", "file.test"), ("none", "x.test")]);
    let mut held = rig.arrival().await;
    if held.len() < 2 {
        held = rig.arrival().await;
    }
    let resolvers: Vec<&str> = held.iter().map(|held| held.resolver.as_str()).collect();
    assert_eq!(resolvers, ["one", "two"]);
    rig.stop().await;
    assert_eq!(world.server.orders(), [["a.test"], ["a.test"]]);
    let file = stored(&world.storage());
    for resolver in ["one", "two"] {
        assert_eq!(file[resolver]["Certificates"].as_array().unwrap().len(), 1, "{resolver}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_lets_go_of_the_callbacks_at_once() {
    for _ in 0..20 {
        let world = World::new(|config| config.faults.hang = true).await;
        let resolver = swarmgate_config::install::CertificateResolver {
            acme: Some(world.options()),
            tailscale: None,
        };
        let (acme, _) = swarmgate_acme::Acme::open(&[("le".to_owned(), resolver)].into());
        let (wanted, receiver) =
            tokio::sync::watch::channel(vec![swarmgate_config::checked::Wanted {
                resolver: "le".into(),
                domain: domain("a.test", &[]),
                router: swarmgate_config::name::QName::new("web", "swarm"),
            }]);
        let held = std::sync::Arc::new(());
        let (one, two) = (held.clone(), held.clone());
        let task = tokio::spawn(acme.run(
            receiver,
            move |_| drop(one.clone()),
            move |_| drop(two.clone()),
        ));
        while world.server.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
        drop(wanted);
    }
}
