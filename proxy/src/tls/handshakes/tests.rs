//! Which names get which options, and what passes then.

use std::sync::Arc;

use swarmgate_config::checked::Configuration;
use swarmgate_config::checked::handshake::{ClientAuth, DefaultOptions, TlsOptions};
use swarmgate_config::finding::Origin;
use swarmgate_config::name::QName;

use super::{Choice, Handshakes, Needed, Sets};
use crate::tls::set::tests::options;

fn name(text: &str) -> QName {
    QName::resolve(text, "file")
}

/// Options called so; `mtls` asks for certificates of whomever, `bad` names a file that is not there.
fn sets(names: &[&str]) -> Sets {
    let mut checked = Configuration::default();
    for text in names {
        let mut options = options();
        match *text {
            "mtls" => options.client_auth = ClientAuth::RequireAny,
            "bad" => {
                options = TlsOptions {
                    client_auth: ClientAuth::RequireAndVerify,
                    ca_files: vec!["/nowhere/ca.pem".into()],
                    ..options
                }
            }
            _ => {}
        }
        checked.tls_options.insert(name(text), (options, Origin::Internal));
        if *text == "default" {
            checked.handshakes.default = DefaultOptions::Written(name(text));
        }
    }
    Sets::build(&checked, &Arc::default(), None)
}

fn handshakes(sets: &Sets, names: &[(&str, Option<&str>)]) -> Handshakes {
    let names = names.iter().map(|(host, options)| ((*host).to_owned(), options.map(name)));
    sets.handshakes(Some(&names.collect()))
}

fn shown(choice: &Choice) -> String {
    match choice {
        Choice::BuiltIn => "built in".into(),
        Choice::Set(set) => set.name().to_string(),
        Choice::Refused => "refused".into(),
    }
}

#[test]
fn options_by_server_name() {
    let sets = sets(&["mtls", "modern", "bad"]);
    let handshakes = handshakes(
        &sets,
        &[
            ("a.test", Some("mtls")),
            ("open.test", None),
            ("*.w.test", Some("modern")),
            ("x.w.test", None),
            ("bad.test", Some("bad")),
            ("gone.test", Some("nope")),
        ],
    );
    let table = [
        (Some("a.test"), "mtls@file"),
        // advisories.md G01, J01, J04: however the name is written.
        (Some("A.Test"), "mtls@file"),
        (Some("a.test."), "mtls@file"),
        (Some("A.TEST."), "mtls@file"),
        (Some("b.a.test"), "built in"),
        (Some("open.test"), "built in"),
        (Some("y.w.test"), "modern@file"),
        (Some("Y.W.test."), "modern@file"),
        (Some("x.w.test"), "built in"),
        (Some("x.y.w.test"), "built in"),
        (Some("w.test"), "built in"),
        (Some("bad.test"), "refused"),
        (Some("gone.test"), "refused"),
        (Some(""), "built in"),
        (Some("."), "built in"),
        (None, "built in"),
    ];
    for (server_name, expected) in table {
        assert_eq!(shown(handshakes.choose(server_name)), expected, "{server_name:?}");
    }
    let troubles: Vec<&QName> = sets.troubles().map(|(name, _)| name).collect();
    assert_eq!(troubles, [&name("bad")]);
    assert!(sets.choice(Some(&name("bad"))).is_err());
    assert!(sets.choice(Some(&name("nope"))).is_err());
    assert_eq!(shown(&sets.choice(Some(&name("mtls"))).unwrap()), "mtls@file");
    assert_eq!(shown(&sets.choice(None).unwrap()), "built in");
}

#[test]
fn defaults() {
    let none = sets(&[]).handshakes(None);
    assert!(none.is_plain() && none.admits(None, "a.test", &Needed::default()));
    let written = sets(&["default"]);
    let handshakes = written.handshakes(None);
    assert!(!handshakes.is_plain());
    assert_eq!(shown(handshakes.choose(Some("a.test"))), "default");
    // Connections from before somebody wrote them.
    let needed = Needed { choice: written.choice(None).unwrap(), by_host: false };
    assert!(handshakes.admits(None, "a.test", &needed) && !written.is_current(None));

    let mut checked = Configuration::default();
    checked.handshakes.default = DefaultOptions::Refused;
    let refused = Sets::build(&checked, &Arc::default(), None);
    assert_eq!(shown(refused.handshakes(None).choose(None)), "refused");
    assert!(refused.choice(None).is_err());
}

#[test]
fn what_passes() {
    let sets = sets(&["mtls", "modern", "bad"]);
    let handshakes = handshakes(
        &sets,
        &[
            ("a.test", Some("mtls")),
            ("*.a.test", Some("mtls")),
            ("open.test", None),
            ("bad.test", Some("bad")),
        ],
    );
    let choice = |text: &str| match text {
        "" => Choice::BuiltIn,
        text => sets.choice(Some(&name(text))).unwrap(),
    };
    let of = |text: &str| match choice(text) {
        Choice::Set(set) => set,
        other => panic!("{other:?}"),
    };
    let (mtls, modern) = (of("mtls"), of("modern"));
    // Handshake, host, the router's options, whether each host has its own.
    let table = [
        (Some(&mtls), "a.test", "mtls", false, true),
        (Some(&mtls), "unknown.test", "mtls", false, true),
        (Some(&mtls), "a.test", "", false, false),
        (Some(&mtls), "open.test", "", false, false),
        (Some(&modern), "a.test", "mtls", false, false),
        (Some(&modern), "a.test", "modern", false, true),
        (None, "a.test", "mtls", false, false),
        (None, "x.a.test", "mtls", false, false),
        (None, "a.test", "", false, true),
        (None, "", "", false, true),
        // A rule that also matches hosts that it does not name.
        (None, "unknown.test", "mtls", false, false),
        (None, "unknown.test", "mtls", true, false),
        // Of several hosts, one is somebody else's.
        (None, "open.test", "mtls", true, true),
        (None, "open.test.", "mtls", true, true),
        (None, "a.test", "mtls", true, false),
        (None, "b.a.test", "mtls", true, false),
        (None, "b.a.test", "", true, false),
        (Some(&mtls), "a.test", "mtls", true, true),
        (Some(&mtls), "open.test", "mtls", true, false),
        (None, "bad.test", "", true, false),
    ];
    for (number, (met, host, options, by_host, expected)) in table.into_iter().enumerate() {
        let needed = Needed { choice: choice(options), by_host };
        assert_eq!(handshakes.admits(met, host, &needed), expected, "{number} {host}");
    }
    assert!(sets.is_current(None) && sets.is_current(Some(&mtls)));
    let later = self::sets(&["mtls"]);
    assert!(!later.is_current(Some(&mtls)), "built anew");
}
