//! Certificates and authorities that are not there, or no longer; and what we are built of.

use std::fs;

use swarmgate_testkit::client::{self, Client, Trust};
use swarmgate_testkit::eventually::eventually;

use crate::house::LIMIT;
use crate::keep::Keep;

/// J05, J19: authorities that cannot be read, and options that nobody knows, let nobody in.
#[test]
fn options_that_cannot_be_kept_let_nobody_in() {
    let keep = Keep::start();
    let ours = keep.ours.issue("ours", 2020, 2099);
    for host in ["broken.test", "half.test", "revoking.test"] {
        for identity in [None, Some(&ours)] {
            let client = keep.client(identity, "");
            assert_eq!(keep.ask(&client, host, host), None, "{host}");
            // By another door there is no such host.
            assert_eq!(keep.ask(&client, "open.test", host), Some(404), "{host}");
        }
    }
    let said = keep.process.output();
    for words in ["nowhere.pem", "crlFiles"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    // The others are served.
    assert_eq!(keep.ask(&keep.client(Some(&ours), ""), "mtls.test", "mtls.test"), Some(200));
}

/// J11: a certificate that has left the configuration is shown to nobody, and a key never.
#[test]
fn certificates_that_have_gone() {
    let keep = Keep::start();
    let is_shown = |wanted: bool| {
        let client = Client::connect_tls(("127.0.0.1", keep.secure), "open.test", Trust::Anything);
        let is_it = client.expect("a handshake").certificate() == Some(&keep.certificate.der[..]);
        if is_it == wanted { Ok(()) } else { Err(format!("{is_it}")) }
    };
    eventually("it is shown", LIMIT, || is_shown(true));
    let secret = keep.certificate.key.lines().nth(1).expect("a key of several lines");
    let tells = |text: &str| text.contains(secret) || text.contains("PRIVATE KEY");
    for path in ["/api/rawdata", "/api/overview", "/api/http/routers", "/api/entrypoints"] {
        let answer = client::get(keep.api, "localhost", path).expect("an answer");
        assert!(answer.status == 200 && !tells(&answer.text()), "{path}: {}", answer.status);
    }
    keep.withdraw_the_certificate();
    eventually("it is shown no longer", LIMIT, || is_shown(false));
    assert!(!tells(&keep.process.output()));
}

/// J16, J17, and D10's: what is mended in these crates is mended here.
#[test]
fn crates_are_new_enough() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read_to_string(root.join("Cargo.lock")).expect("a lock file");
    let lock: toml_of::Lock = toml_of::packages(&lock);
    for (name, least) in [
        ("rustls", [0, 23, 46]),
        ("rustls-webpki", [0, 103, 13]),
        ("tokio-rustls", [0, 26, 0]),
        ("aws-lc-sys", [0, 39, 0]),
        ("h2", [0, 4, 20]),
        ("idna", [1, 0, 3]),
    ] {
        let found: Vec<[u32; 3]> =
            lock.iter().filter(|(known, _)| known == name).map(|(_, version)| *version).collect();
        assert!(!found.is_empty(), "{name} is not used any more");
        assert!(found.iter().all(|version| *version >= least), "{name}: {found:?}");
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let rustls = manifest.lines().filter(|line| line.contains("rustls = {"));
    let rustls: Vec<&str> = rustls.filter(|line| !line.contains("workspace")).collect();
    assert_eq!(rustls.len(), 2, "rustls and tokio-rustls: {rustls:?}");
    for line in rustls {
        // No certificate is sent compressed, nor unpacked for anybody.
        let plain = line.contains("default-features = false");
        assert!(plain && !line.contains("brotli") && !line.contains("zlib"), "{line}");
    }
}

/// As much of a lock file as is asked about.
mod toml_of {
    pub type Lock = Vec<(String, [u32; 3])>;

    pub fn packages(text: &str) -> Lock {
        let value = |line: &str, key: &str| {
            line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"').map(str::to_owned)
        };
        let (mut found, mut name) = (Vec::new(), String::new());
        for line in text.lines() {
            if let Some(next) = value(line, "name") {
                name = next;
            } else if let Some(version) = value(line, "version") {
                let mut parts = version.split(['.', '-', '+']).map(|part| part.parse::<u32>());
                let mut part = || parts.next().and_then(Result::ok).unwrap_or_default();
                found.push((name.clone(), [part(), part(), part()]));
            }
        }
        found
    }
}
