//! What one router does to the hosts of another.

use super::*;

/// By SNI, Host and path: the status without a certificate and with ours (0: no answer), and
/// whether a router of this test has answered.
type Row<'a> = (&'a str, &'a str, &'a str, [u16; 2], bool);

fn are(stage: &Stage, table: &[Row<'_>]) {
    let nobody = stage.client(None, "");
    let ours = stage.client(Some(&stage.ours), "");
    for (name, host, path, expected, marked) in table {
        for (client, expected) in [&nobody, &ours].into_iter().zip(*expected) {
            let answer = stage.connect(client, name).ok();
            let answer = answer.and_then(|mut client| ask_for(&mut client, host, path));
            let status = answer.as_ref().map_or(0, |answer| answer.status);
            let said = stage.process.output();
            assert_eq!(status, expected, "{name} {host} {path}: {said}");
            if status == 200 {
                let by = answer.unwrap().header("x-marked").is_some();
                assert_eq!(by, *marked, "{name} {host} {path}: {said}");
            }
        }
    }
}

/// docs/compatibility.md#forgotten-tls: such a router is served over TLS, and opens nothing.
#[test]
fn forgotten_tls_beside_client_certificates() {
    let stage = Stage::with(
        "
    x: {rule: 'Host(`mtls.test`) && PathPrefix(`/x`)', service: app, middlewares: [mark]}
    wx: {rule: 'Host(`a.wild.test`) && PathPrefix(`/x`)', service: app, middlewares: [mark]}
    ox: {rule: 'Host(`open.test`) && PathPrefix(`/x`)', service: app, middlewares: [mark]}",
    );
    are(
        &stage,
        &[
            // Who has shown a certificate is served.
            ("mtls.test", "mtls.test", "/x", [0, 200], true),
            ("mtls.test", "mtls.test", "/y", [0, 200], false),
            ("a.wild.test", "a.wild.test", "/x", [0, 200], true),
            ("mtls.test", "a.wild.test", "/x", [0, 200], true),
            // In by another door.
            ("open.test", "mtls.test", "/x", [421, 421], true),
            ("open.test", "MTLS.test.", "/x", [421, 421], true),
            ("open.test", "a.wild.test", "/x", [421, 421], true),
            ("nobody.test", "mtls.test", "/x", [421, 421], true),
            ("", "mtls.test", "/x", [421, 421], true),
            ("other.test", "mtls.test", "/x", [0, 0], true),
            ("given.test", "mtls.test", "/x", [421, 421], true),
            // A host that is open stays so.
            ("open.test", "open.test", "/x", [200, 200], true),
            ("mtls.test", "open.test", "/x", [0, 421], true),
        ],
    );
}

/// The contest over one host opens no other one.
#[test]
fn a_contested_host_beside_others() {
    let stage = Stage::with(
        "
    all: {rule: 'Host(`*.k.test`) || Host(`kb.test`)', service: app, entryPoints: [secure], tls: {options: mtls}, priority: 5000, middlewares: [mark]}
    kb: {rule: 'Host(`kb.test`) && Path(`/q`)', service: app, entryPoints: [secure], tls: {}}
    aaa: {rule: 'Host(`aaa.k.test`)', service: app, entryPoints: [secure], tls: {options: modern}}
    bbb: {rule: 'Host(`bbb.k.test`)', service: app, entryPoints: [secure], tls: {}}",
    );
    are(
        &stage,
        &[
            ("x.k.test", "x.k.test", "/", [0, 200], true),
            ("kb.test", "kb.test", "/", [200, 200], true),
            ("open.test", "kb.test", "/", [200, 200], true),
            ("kb.test", "x.k.test", "/", [421, 421], true),
            ("aaa.k.test", "aaa.k.test", "/", [421, 421], true),
            ("bbb.k.test", "bbb.k.test", "/", [421, 421], true),
            ("open.test", "bbb.k.test", "/", [421, 421], true),
            ("x.k.test", "bbb.k.test", "/", [0, 200], true),
        ],
    );
}

/// Options may name protocols that are none of ours.
#[test]
fn protocols_that_are_not_spoken() {
    let mut stage = Stage::with(
        "
    odd: {rule: 'Host(`odd.test`)', service: app, entryPoints: [secure], tls: {options: odd}}",
    );
    stage.change(&format!("{OPTIONS}\n    odd: {{alpnProtocols: [foo, acme-tls/1, http/1.1]}}"));
    for (offered, agreed, served) in [
        (&["foo", "http/1.1"][..], Some("foo"), false),
        (&["acme-tls/1"][..], Some("acme-tls/1"), false),
        (&["bar", "http/1.1"][..], Some("http/1.1"), true),
        (&[][..], None, true),
    ] {
        let greeting = Greeting { protocols: offered, ..Greeting::default() };
        let mut client = stage.connect(&TlsClient::new(greeting).unwrap(), "odd.test").unwrap();
        assert_eq!(client.protocol(), agreed);
        let status = ask(&mut client, "odd.test").map(|answer| answer.status);
        assert_eq!(status, served.then_some(200), "{offered:?}");
    }
}

/// An authority whose signatures are never verified is told, before its clients wonder.
#[test]
fn weak_authorities_are_told() {
    let what = "an authority whose key is too small";
    let Some(openssl) = real::openssl(what) else { return };
    let mut stage = Stage::set();
    let made = Command::new(openssl)
        .args(["req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak"])
        .args(["-keyout", "weak.key", "-out", "weak.pem"])
        .current_dir(stage.process.directory())
        .output()
        .expect("it starts");
    assert!(made.status.success(), "{made:?}");
    stage.change(&format!("{OPTIONS}\n    weak: {{clientAuth: {{caFiles: [weak.pem]}}}}"));
    stage.process.wait_output("\"weak\" in the certificate weak.pem has an RSA key of 1024 bits");
}
