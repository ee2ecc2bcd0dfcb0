//! Tables: files as they are found in the world, and what is made of them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use swarmgate_config::routing::Domain;

use super::Storage;
use crate::HeldCertificate;

fn domain(main: &str, sans: &[&str]) -> Domain {
    Domain { main: main.into(), sans: sans.iter().map(ToString::to_string).collect() }
}

fn certificate(resolver: &str, domain: Domain, chain: &str) -> HeldCertificate {
    HeldCertificate {
        resolver: resolver.into(),
        domain,
        chain_pem: chain.into(),
        key_pem: format!("key of {chain}"),
    }
}

fn file(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join("acme.json");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    path
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// As Traefik 3 and an older one write it, with a member that neither knows.
fn traefiks() -> Value {
    let text = |text: &str| BASE64_STANDARD.encode(text);
    json!({
        "le": {
            "Account": {
                "Email": "me@a.test",
                "Registration": { "body": { "status": "valid" }, "uri": "https://ca/acct/1" },
                "PrivateKey": "MIIJKQIBAAKCAgEA",
                "KeyType": "4096"
            },
            "Certificates": [
                { "domain": { "main": "a.test", "sans": ["b.test"] },
                  "certificate": text("chain a"), "key": text("key a"), "Store": "default" },
                { "Domain": { "Main": "c.test" },
                  "Certificate": text("chain c"), "Key": text("key c"), "Note": "mine" }
            ],
            "Further": [1, 2]
        },
        "other": { "Account": null, "Certificates": null }
    })
}

#[test]
fn traefiks_file_is_read_and_kept() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), &traefiks().to_string());
    let storage = Storage::open(&path).unwrap();
    let held = storage.certificates("le");
    assert_eq!(held.len(), 2);
    assert_eq!(held[0].domain, domain("a.test", &["b.test"]));
    assert_eq!((held[0].chain_pem.as_str(), held[0].key_pem.as_str()), ("chain a", "key a"));
    assert_eq!(held[1].domain, domain("c.test", &[]));
    assert_eq!(held[1].chain_pem, "chain c");
    assert_eq!(storage.certificates("other"), []);
    assert_eq!(storage.certificates("unknown"), []);
    assert_eq!(storage.account("le"), None, "Traefik's account is not ours");

    // Nothing changed, nothing written.
    storage.save().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), traefiks().to_string());

    storage.put(&certificate("other", domain("o.test", &[]), "chain o"));
    storage.put(&certificate("le", domain("c.test", &[]), "renewed c"));
    storage.set_account("le", Some(json!({ "id": "ours" })));
    assert!(storage.dirty());
    storage.save().unwrap();
    assert!(!storage.dirty());
    let written = json_of(&path);
    for member in ["Account", "Further"] {
        assert_eq!(written["le"][member], traefiks()["le"][member], "{member} is kept");
    }
    assert_eq!(written["le"]["Certificates"][0], traefiks()["le"]["Certificates"][0]);
    assert_eq!(written["le"]["Certificates"].as_array().unwrap().len(), 2);
    assert_eq!(written["le"]["Certificates"][1]["Note"], "mine");
    assert_eq!(written["le"]["SwarmgateAccount"]["id"], "ours");
    assert_eq!(
        written["other"]["Certificates"][0],
        json!({
            "domain": { "main": "o.test" },
            "certificate": BASE64_STANDARD.encode("chain o"),
            "key": BASE64_STANDARD.encode("key of chain o"),
            "Store": "default",
        })
    );
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\n  \"le\": {\n    \"Account\""), "two spaces: {text}");

    // What was written is read again.
    let again = Storage::open(&path).unwrap();
    assert_eq!(again.certificates("le"), storage.certificates("le"));
    assert_eq!(again.account("le"), Some(json!({ "id": "ours" })));
    again.set_account("le", None);
    assert_eq!(again.account("le"), None);
}

#[test]
fn a_new_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("acme.json");
    let storage = Storage::open(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    storage.put(&certificate("le", domain("a.test", &["b.test"]), "chain"));
    storage.save().unwrap();
    let written = json_of(&path);
    assert_eq!(written["le"]["Account"], Value::Null);
    assert_eq!(
        written["le"]["Certificates"][0]["domain"],
        json!({
            "main": "a.test", "sans": ["b.test"]
        })
    );
}

#[test]
fn odd_files() {
    // What is read, or the words of the refusal.
    let table: &[(&str, Result<usize, &str>)] = &[
        ("", Ok(0)),
        ("  \n", Ok(0)),
        ("{}", Ok(0)),
        (r#"{"le": null}"#, Ok(0)),
        (r#"{"le": {"Certificates": "none"}}"#, Ok(0)),
        // Entries without names, without text, with broken base64: passed over, not fatal.
        (
            r#"{"le": {"Certificates": [
                {"domain": {"main": "a"}, "certificate": "YQ==", "key": "YQ=="},
                {"certificate": "YQ==", "key": "YQ=="},
                {"domain": {"main": "b"}, "certificate": "§", "key": "YQ=="},
                {"domain": {"main": "c"}, "certificate": 1, "key": "YQ=="},
                null, 7
            ]}}"#,
            Ok(1),
        ),
        ("{", Err("not valid JSON")),
        ("\u{0}\u{1}", Err("not valid JSON")),
        ("[]", Err("not a JSON object")),
        (r#"{"le": 5}"#, Err("\"le\"")),
        (r#"{"Account": {}, "Certificates": [], "HTTPChallenges": {}}"#, Err("Traefik v1")),
        (r#"{"Account": {}, "Certificates": null}"#, Err("Traefik v1")),
        (r#"{"Email": "", "DomainsCertificate": {"Certs": []}}"#, Err("Traefik v1")),
    ];
    let directory = tempfile::tempdir().unwrap();
    for (text, expected) in table {
        let path = file(directory.path(), text);
        match (Storage::open(&path), expected) {
            (Ok(storage), Ok(count)) => {
                assert_eq!(storage.certificates("le").len(), *count, "{text}");
                storage.put(&certificate("le", domain("new", &[]), "chain"));
                assert_eq!(storage.certificates("le").len(), count + 1, "{text}");
            }
            (Err(error), Err(words)) => {
                assert!(error.contains(words), "{text}: {error}");
                assert_eq!(fs::read_to_string(&path).unwrap(), *text, "left as it was");
            }
            (other, _) => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn open_permissions() {
    let directory = tempfile::tempdir().unwrap();
    let path = file(directory.path(), "{}");
    for (mode, good) in
        [(0o600, true), (0o400, true), (0o644, false), (0o660, false), (0o601, false)]
    {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match Storage::open(&path) {
            Ok(_) => assert!(good, "{mode:o}"),
            Err(error) => {
                assert!(!good, "{mode:o}");
                assert!(error.contains(&format!("permissions {mode:o} for ")), "{error}");
                assert!(error.ends_with("acme.json are too open, please use 600"), "{error}");
            }
        }
    }
}

#[test]
fn places_that_are_no_file() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("none/acme.json");
    let error = Storage::open(&missing).unwrap_err();
    assert!(error.contains("none/acme.json") && error.contains("directory does not"), "{error}");
    let error = Storage::open(directory.path()).unwrap_err();
    assert!(error.contains("is a directory"), "{error}");
}

#[test]
fn unwritable_keeps_everything_in_memory_and_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("acme.json");
    let storage = Storage::open(&path).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    storage.put(&certificate("le", domain("a.test", &[]), "chain"));
    let error = storage.save().unwrap_err();
    assert!(error.contains("acme.json cannot be written"), "{error}");
    assert!(storage.dirty());
    assert_eq!(storage.certificates("le").len(), 1);
    fs::remove_dir(&path).unwrap();
    storage.save().unwrap();
    assert_eq!(json_of(&path)["le"]["Certificates"].as_array().unwrap().len(), 1);
}
