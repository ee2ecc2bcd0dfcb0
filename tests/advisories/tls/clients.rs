//! Clients with sessions of others, certificates that prove nothing, and too many messages.

use std::time::{Duration, Instant};

use swarmgate_testkit::certificates::{Certificate, Odd, maze};
use swarmgate_testkit::client::renew_keys;

use crate::keep::{Keep, ask};

/// J09: a session that began under one name is not resumed under one with other options.
#[test]
fn sessions_of_other_names() {
    let keep = Keep::start();
    let (ours, theirs) =
        (keep.ours.issue("ours", 2020, 2099), keep.theirs.issue("theirs", 2020, 2099));
    // Where a session begins, with what; where it would go on; whether it may.
    let table: [(&str, Option<&Certificate>, &str, Option<u16>); 7] = [
        ("mtls.test", Some(&ours), "mtls.test", Some(200)),
        ("open.test", None, "mtls.test", None),
        ("open.test", Some(&theirs), "mtls.test", None),
        ("other.test", Some(&theirs), "mtls.test", None),
        ("mtls.test", Some(&ours), "other.test", None),
        ("given.test", Some(&ours), "mtls.test", Some(200)),
        ("mtls.test", Some(&ours), "x.w.test", Some(200)),
    ];
    for version in ["1.2", "1.3"] {
        for (first, identity, second, expected) in table {
            let what = format!("{version} {first} {second}");
            let client = keep.client(identity, version).mixing_names();
            assert_eq!(keep.ask(&client, first, first), Some(200), "{what}");
            let connected = client.connect(("127.0.0.1", keep.secure), second);
            if let Ok(connected) = &connected {
                assert_eq!(connected.is_resumed(), first == second, "{what}");
            }
            let got = connected.ok().and_then(|mut connected| ask(&mut connected, second));
            assert_eq!(got, expected, "{what}");
        }
    }
}

/// J14, J17, J18: who shows what proves nothing is refused, and soon.
#[test]
fn certificates_that_prove_nothing() {
    let keep = Keep::start();
    let ours = |odd| keep.ours.issue_odd(odd);
    let bounded = |odd| keep.bounded.issue_odd(odd);
    let table = [
        ("a client's", "mtls.test", ours(Odd::Client("c.test")), Some(200)),
        ("a server's", "mtls.test", ours(Odd::Server("c.test")), None),
        ("a thousand names", "mtls.test", ours(Odd::Names(1000)), Some(200)),
        ("more names than a message holds", "mtls.test", ours(Odd::Names(10_000)), None),
        ("a maze of authorities", "mtls.test", maze(20), None),
        ("a maze too large for a message", "mtls.test", maze(60), None),
        (
            "within the authority's bounds",
            "bounded.test",
            bounded(Odd::Client("x.a.b.test")),
            Some(200),
        ),
        ("beyond them", "bounded.test", bounded(Odd::Client("c.test")), None),
        ("a wildcard that reaches beyond", "bounded.test", bounded(Odd::Client("*.b.test")), None),
        ("another authority's", "bounded.test", ours(Odd::Client("x.a.b.test")), None),
    ];
    for (what, host, certificate, expected) in &table {
        for version in ["1.2", "1.3"] {
            let (busy, begun) = (keep.busy(), Instant::now());
            let client = keep.client(Some(certificate), version);
            assert_eq!(keep.ask(&client, host, host), *expected, "{version} {what}");
            let (busy, took) = (keep.busy() - busy, begun.elapsed());
            assert!(busy < 1.0, "{version} {what}: {busy} seconds");
            assert!(took < crate::LONG, "{version} {what}: {took:?}");
        }
    }
    keep.serves().unwrap();
}

/// J15: new keys without end end the connection.
#[test]
fn keys_without_end() {
    const MANY: usize = 50_000;
    let keep = Keep::start();
    let address = ("127.0.0.1", keep.secure);
    let (watch, busy) = (keep.watch(), keep.busy());
    assert_eq!(renew_keys(address, "open.test", 5).expect("a connection"), 5);
    let taken = renew_keys(address, "open.test", MANY).expect("a connection");
    assert!(taken < MANY, "each of {taken} messages is taken");
    std::thread::sleep(Duration::from_millis(500));
    watch.end("new keys", 8);
    let busy = keep.busy() - busy;
    assert!(busy < 3.0, "{busy} seconds");
}
