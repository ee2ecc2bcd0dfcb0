//! Which names get which options, and what passes then.

use std::sync::Arc;

use swarmgate_config::checked::Configuration;
use swarmgate_config::checked::handshake::{ClientAuth, DefaultOptions, TlsOptions};
use swarmgate_config::finding::Origin;
use swarmgate_config::name::QName;

use super::{By, ByName, Choice, Handshakes, Needed, Sets};
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
    let needed = Needed { choice: written.choice(None).unwrap(), by: By::Itself };
    assert!(handshakes.admits(None, "a.test", &needed));
    assert!(!handshakes.would_meet(None, Some("a.test")));

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
            ("*.k.test", None),
            ("x.k.test", None),
            ("m.k.test", Some("modern")),
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
    let alone = || By::Itself;
    let contested = |names: &[&'static str]| {
        By::Contested(Arc::new(names.iter().map(|it| (*it, ())).collect::<ByName<()>>()))
    };
    let forgotten = || By::Host;
    // Handshake, host, the router's options, what they depend on.
    let table = [
        (Some(&mtls), "a.test", "mtls", alone(), true),
        (Some(&mtls), "unknown.test", "mtls", alone(), true),
        (Some(&mtls), "a.test", "", alone(), false),
        (Some(&mtls), "open.test", "", alone(), false),
        (Some(&modern), "a.test", "mtls", alone(), false),
        (Some(&modern), "a.test", "modern", alone(), true),
        (None, "a.test", "mtls", alone(), false),
        (None, "x.a.test", "mtls", alone(), false),
        (None, "a.test", "", alone(), true),
        (None, "", "", alone(), true),
        // A rule that also matches hosts that it does not name.
        (None, "unknown.test", "mtls", alone(), false),
        (None, "unknown.test", "mtls", contested(&["open.test"]), false),
        // Of several hosts, one is wanted otherwise by somebody else.
        (None, "open.test", "mtls", contested(&["open.test"]), true),
        (None, "open.test.", "mtls", contested(&["open.test"]), true),
        (Some(&mtls), "open.test", "mtls", contested(&["open.test"]), false),
        (None, "a.test", "mtls", contested(&["open.test"]), false),
        (Some(&mtls), "a.test", "mtls", contested(&["open.test"]), true),
        (None, "b.a.test", "mtls", contested(&["open.test"]), false),
        // What another router has for a host that is contested by nobody is its own affair.
        (None, "x.k.test", "mtls", contested(&["open.test"]), false),
        (Some(&modern), "m.k.test", "mtls", contested(&["open.test"]), false),
        (Some(&mtls), "x.k.test", "mtls", contested(&["open.test"]), true),
        // A wildcard is contested, but not the name below it that somebody else has.
        (None, "y.k.test", "mtls", contested(&["*.k.test"]), true),
        (None, "x.k.test", "mtls", contested(&["*.k.test"]), false),
        (None, "x.y.k.test", "mtls", contested(&["*.k.test"]), false),
        // It has forgotten its TLS: whichever keeps more people out.
        (None, "a.test", "", forgotten(), false),
        (Some(&mtls), "a.test", "", forgotten(), true),
        (None, "b.a.test", "", forgotten(), false),
        (None, "open.test", "", forgotten(), true),
        (None, "unknown.test", "", forgotten(), true),
        (None, "bad.test", "", forgotten(), false),
        (Some(&modern), "m.k.test", "", forgotten(), true),
        (Some(&modern), "m.k.test", "mtls", forgotten(), false),
        (Some(&mtls), "m.k.test", "mtls", forgotten(), true),
    ];
    for (number, (met, host, options, by, expected)) in table.into_iter().enumerate() {
        let needed = Needed { choice: choice(options), by };
        assert_eq!(handshakes.admits(met, host, &needed), expected, "{number} {host}");
    }
}

/// Who would be asked something else on a new connection.
#[test]
fn what_would_be_met() {
    let before = sets(&["mtls", "modern"]);
    let names = [("a.test", Some("mtls")), ("open.test", None)];
    let before_all = handshakes(&before, &names);
    let met = |sets: &Sets, text: &str| match sets.choice(Some(&name(text))).unwrap() {
        Choice::Set(set) => set,
        other => panic!("{other:?}"),
    };
    let (mtls, modern) = (met(&before, "mtls"), met(&before, "modern"));
    let now = handshakes(&before, &[("a.test", None), ("open.test", Some("mtls"))]);
    let gone = sets(&[]);
    // Handshakes, what was met, the server name.
    let table = [
        (&before_all, Some(&mtls), Some("A.Test."), true),
        (&before_all, None, Some("open.test"), true),
        (&before_all, None, Some("unknown.test"), true),
        (&before_all, None, None, true),
        // A router has got options, lost them, or has others.
        (&now, Some(&mtls), Some("a.test"), false),
        (&now, None, Some("open.test"), false),
        (&now, Some(&modern), Some("open.test"), false),
        (&now, None, Some("unknown.test"), true),
        // The options themselves are built anew, or gone.
        (&handshakes(&sets(&["mtls"]), &names), Some(&mtls), Some("a.test"), false),
        (&handshakes(&gone, &names), Some(&mtls), Some("a.test"), false),
        (&handshakes(&sets(&["default"]), &names), None, Some("open.test"), false),
    ];
    for (number, (handshakes, met, name, expected)) in table.into_iter().enumerate() {
        assert_eq!(handshakes.would_meet(met, name), expected, "{number} {name:?}");
    }
}
