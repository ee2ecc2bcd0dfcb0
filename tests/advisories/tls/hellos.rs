//! Hellos in pieces, of odd sizes and with odd names; alerts in between.

use std::thread;
use std::time::Duration;

use swarmgate_testkit::client::{Greeting, TlsClient};

use super::hello::{
    CERTIFICATE_REQUEST, SERVER_HELLO, alert, answer, ends, hello, hello_named, padded, records,
    send,
};
use crate::keep::{Keep, ask};

/// Of a record.
const MOST: usize = 16_384;

/// G01: each spelling of a name is held by the options of that name.
#[test]
fn names_in_all_spellings() {
    let keep = Keep::start();
    // Server name, and whether it is asked for a certificate.
    let table = [
        ("mtls.test", true),
        ("MTLS.TEST", true),
        ("mtls.test.", true),
        ("Mtls.Test.", true),
        ("x.w.test", true),
        ("X.W.TEST.", true),
        ("free.w.test", false),
        ("free.w.test.", false),
        ("x.y.w.test", false),
        ("w.test", false),
        ("open.test.", false),
    ];
    for (name, expected) in table {
        let kinds = answer(send(keep.secure, &[&records(&hello_named(name, "1.2"), MOST)]));
        assert!(kinds.contains(&SERVER_HELLO), "{name}: {kinds:?}");
        assert_eq!(kinds.contains(&CERTIFICATE_REQUEST), expected, "{name}: {kinds:?}");
    }
    for name in ["broken.test", "BROKEN.test.", "half.test", "revoking.test."] {
        for version in ["1.2", "1.3"] {
            let bytes = records(&hello_named(name, version), MOST);
            assert_eq!(answer(send(keep.secure, &[&bytes])), [0; 0], "{name} {version}");
        }
    }
}

/// J02, J03: however a hello is cut, the options are those of its name.
#[test]
fn however_a_hello_is_cut() {
    let keep = Keep::start();
    let asked = |what: &str, pieces: &[&[u8]]| {
        let kinds = answer(send(keep.secure, pieces));
        let right = kinds.contains(&SERVER_HELLO) && kinds.contains(&CERTIFICATE_REQUEST);
        assert!(right, "{what}: {kinds:?}");
    };
    let refused = |what: &str, pieces: &[&[u8]]| {
        assert_eq!(answer(send(keep.secure, pieces)), [0; 0], "{what}");
    };
    // Of TLS 1.3 nobody sees whether a certificate is asked for: there the name is one that is
    // refused.
    let (old, new) = (hello("mtls.test", "1.2"), hello("broken.test", "1.3"));
    let whole = records(&old, MOST);
    for cut in 1..whole.len() {
        let (left, right) = whole.split_at(cut);
        asked(&format!("cut at {cut}"), &[left, right]);
    }
    let whole = records(&new, MOST);
    for cut in (1..whole.len()).step_by(5) {
        let (left, right) = whole.split_at(cut);
        refused(&format!("TLS 1.3, cut at {cut}"), &[left, right]);
    }
    for each in [1, 2, 3, 5, 8, 13, 60, 100, 150] {
        asked(&format!("records of {each}"), &[&records(&old, each)]);
        refused(&format!("TLS 1.3, records of {each}"), &[&records(&new, each)]);
    }
    for padding in [300, 2000, 16_000, 20_000, 60_000] {
        asked(&format!("{padding} bytes of padding"), &[&records(&padded(&old, padding), MOST)]);
        let bytes = records(&padded(&new, padding), MOST);
        refused(&format!("TLS 1.3, {padding} bytes of padding"), &[&bytes]);
    }
    // Larger than any: it is not even read to its end.
    let watch = keep.watch();
    let without_end = [&[1, 0xff, 0xff, 0xff][..], &old[4..], &[0; 200_000]].concat();
    refused("a hello of 16 MiB", &[&records(&without_end, MOST)]);
    refused("the same in drops", &[&records(&without_end[..30_000], 1)]);
    watch.end("hellos without end", 8);
}

/// J03, J21: alerts of all kinds, before and after the hello: at the latest, the time-out ends it.
#[test]
fn alerts_of_all_kinds() {
    let keep = Keep::start();
    let hello = hello("open.test", "1.2");
    let (half, whole) = (records(&hello[..hello.len() / 2], MOST), records(&hello, MOST));
    for (what, begun) in [("half a hello", &half), ("a hello", &whole)] {
        for (level, code) in [(1, 0), (2, 0), (2, 40), (2, 255), (255, 255), (0, 0)] {
            let stream = send(keep.hasty, &[begun, &alert(level, code)]);
            assert!(ends(stream), "{what}, then the alert {level} {code}");
        }
        // A warning may be passed over, but not for ever.
        for code in [90, 100, 255] {
            let stream = send(keep.hasty, &[begun, &alert(1, code).repeat(20)]);
            assert!(ends(stream), "{what}, then warnings {code}");
        }
    }
    // Nobody is busy with any of them.
    let busy = keep.busy();
    thread::sleep(Duration::from_secs(1));
    let busy = keep.busy() - busy;
    assert!(busy < 0.3, "{busy} seconds of 1 while nothing happens");
    assert_eq!(keep.ask(&keep.client(None, ""), "open.test", "open.test"), Some(200));
}

/// J13: who offers other protocols only is turned away.
#[test]
fn protocols_that_are_not_spoken() {
    let keep = Keep::start();
    for version in ["1.2", "1.3"] {
        // What is offered, and what is agreed on; nothing: turned away.
        let table: [(&[&str], Option<Option<&str>>); 7] = [
            (&["imap"], None),
            (&["h3"], None),
            (&["ftp", "pop3"], None),
            (&["acme-tls/1"], None),
            (&["imap", "http/1.1"], Some(Some("http/1.1"))),
            (&["http/1.1"], Some(Some("http/1.1"))),
            (&[], Some(None)),
        ];
        for (protocols, expected) in table {
            let greeting = Greeting { version, protocols, ..Greeting::default() };
            let client = TlsClient::new(greeting).expect("a client");
            let connected = client.connect(("127.0.0.1", keep.secure), "open.test").ok();
            // With TLS 1.3 a client learns of some things when it asks.
            let agreed = connected.and_then(|mut connected| {
                let protocol = connected.protocol().map(str::to_owned);
                (ask(&mut connected, "open.test") == Some(200)).then_some(protocol)
            });
            let agreed = agreed.as_ref().map(|protocol| protocol.as_deref());
            assert_eq!(agreed, expected, "{version} {protocols:?}");
        }
    }
}
