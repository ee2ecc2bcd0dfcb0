//! TLS options, wanted certificates, and the forgotten `tls` label.

use super::*;
use crate::checked::ByHost;
use crate::routing::Domain;

const RESOLVER: &str = "
entryPoints: {web: {address: ':80'}, websecure: {address: ':443'}}
certificatesResolvers:
  le: {acme: {httpChallenge: {entryPoint: web}}}
  dns: {acme: {dnsChallenge: {provider: x}}}
";

/// What is wanted: main name, further names.
fn wanted(checked: &Configuration) -> Vec<(String, Vec<String>)> {
    checked.wanted.iter().map(|w| (w.domain.main.clone(), w.domain.sans.clone())).collect()
}

#[test]
fn tls_routers_are_for_tls_only() {
    let checked = file(RESOLVER, "  routers: {r: {rule: 'Host(`H.test`)', service: s, tls: {}}}\n");
    assert_eq!(mounted(&checked, "web"), ["acme-http@internal", "r@file+tls"]);
    let tls = routes(&checked, "websecure")[0].tls.clone().unwrap();
    assert_eq!((tls.options, tls.hosts), (None, vec!["h.test".to_owned()]));
    assert_eq!(wanted(&checked), []);
    assert_eq!(
        router(&checked, "r").value.tls.clone().unwrap().options.as_deref(),
        Some("default")
    );
}

/// TLS options of a file, a router with some of them, and one without TLS.
fn with_options(options: &str, reference: &str) -> Configuration {
    let yaml = format!(
        "tls: {{options: {options}}}
http:
  services: {{s: {{loadBalancer: {{servers: []}}}}}}
  routers: {{r: {{rule: 'Host(`h`)', service: s, tls: {{options: {reference}}}}}, plain: {{rule: 'Host(`h`)', service: s}}}}
"
    );
    checked("entryPoints: {a: {address: ':1'}}", &[("file", &yaml)])
}

/// Names by entry point: `name=options`.
fn names(checked: &Configuration, entry_point: &str) -> Vec<String> {
    let names = checked.handshakes.names.get(entry_point).into_iter().flatten();
    names
        .map(|(name, options)| match options {
            Some(options) => format!("{name}={options}"),
            None => format!("{name}="),
        })
        .collect()
}

#[test]
fn options_fail_closed() {
    let table = [
        ("nope", "building router handler: unknown TLS options: nope@file"),
        ("mtls@docker", "building router handler: unknown TLS options: mtls@docker"),
        ("default@file", "building router handler: unknown TLS options: default@file"),
        (
            "bad",
            "building router handler: building TLS config: invalid clientAuthType: \
             RequireAndVerifyClientCert, CAFiles is required",
        ),
    ];
    for (reference, error) in table {
        let options = "{mtls: {clientAuth: {caFiles: [x]}}, bad: {clientAuth: {clientAuthType: RequireAndVerifyClientCert}}}";
        let checked = with_options(options, reference);
        assert_disabled(&checked, "r", &[error]);
        assert_eq!(mounted(&checked, "a"), ["plain@file"]);
        assert_eq!(checked.tls_options.keys().collect::<Vec<_>>(), [&name("mtls")]);
        // Nobody is let in to this host by other options in their place.
        let options = QName::resolve(reference, "file");
        assert_eq!(names(&checked, "a"), [format!("h={options}")]);
    }
}

#[test]
fn options_are_served() {
    let checked = with_options("{mtls: {clientAuth: {caFiles: [x]}}}", "mtls");
    assert_eq!(mounted(&checked, "a"), ["plain@file", "r@file+tls"]);
    let tls = routes(&checked, "a").iter().find_map(|route| route.tls.clone()).unwrap();
    assert_eq!(tls.options, Some(name("mtls")));
    assert_eq!(names(&checked, "a"), ["h=mtls@file"]);
    assert_eq!(router(&checked, "r").status, Status::Enabled);
    let shown = router(&checked, "r").value.tls.clone().unwrap();
    assert_eq!(shown.options.as_deref(), Some("mtls"));
}

#[test]
fn what_options_mean() {
    use crate::checked::handshake::{ClientAuth, Group, TlsOptions};
    let built_in = TlsOptions {
        tls12: true,
        tls13: true,
        cipher_suites: None,
        groups: None,
        client_auth: ClientAuth::None,
        ca_files: vec![],
        sni_strict: false,
        alpn_protocols: vec!["h2".into(), "http/1.1".into()],
        tickets: true,
    };
    let base = || built_in.clone();
    let suite = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
    let asked = |client_auth, files: &[&str]| TlsOptions {
        client_auth,
        ca_files: files.iter().map(|file| (*file).to_owned()).collect(),
        ..base()
    };
    // Options, what they mean, remarks.
    let table: Vec<(&str, TlsOptions, usize)> = vec![
        ("{}", base(), 0),
        ("{minVersion: VersionTLS12}", base(), 0),
        ("{minVersion: VersionTLS13}", TlsOptions { tls12: false, ..base() }, 0),
        ("{maxVersion: VersionTLS12}", TlsOptions { tls13: false, ..base() }, 0),
        ("{minVersion: VersionTLS10}", base(), 1),
        ("{minVersion: TLS13, maxVersion: x}", base(), 2),
        ("{sniStrict: true}", TlsOptions { sni_strict: true, ..base() }, 0),
        ("{disableSessionTickets: true}", TlsOptions { tickets: false, ..base() }, 0),
        ("{preferServerCipherSuites: true}", base(), 0),
        (
            "{cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]}",
            TlsOptions { cipher_suites: Some(vec![suite]), ..base() },
            0,
        ),
        (
            "{cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA]}",
            TlsOptions { cipher_suites: Some(vec![suite]), ..base() },
            1,
        ),
        (
            "{cipherSuites: [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305]}",
            TlsOptions {
                cipher_suites: Some(vec!["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"]),
                ..base()
            },
            0,
        ),
        // Those of TLS 1.3 are on anyway; of TLS 1.2 there is none then.
        (
            "{cipherSuites: [TLS_AES_128_GCM_SHA256]}",
            TlsOptions { tls12: false, cipher_suites: Some(vec![]), ..base() },
            0,
        ),
        (
            "{curvePreferences: [CurveP384, secp384r1, X25519MLKEM768]}",
            TlsOptions { groups: Some(vec![Group::Secp384r1, Group::X25519MlKem768]), ..base() },
            0,
        ),
        (
            "{curvePreferences: [CurveP521, x25519]}",
            TlsOptions { groups: Some(vec![Group::X25519]), ..base() },
            1,
        ),
        (
            "{alpnProtocols: [http/1.1]}",
            TlsOptions { alpn_protocols: vec!["http/1.1".into()], ..base() },
            0,
        ),
        ("{alpnProtocols: [h2]}", base(), 0),
        ("{clientAuth: {}}", base(), 0),
        ("{clientAuth: {caFiles: [x]}}", asked(ClientAuth::RequireAndVerify, &["x"]), 0),
        (
            "{clientAuth: {caFiles: [x], clientAuthType: NoClientCert}}",
            asked(ClientAuth::None, &["x"]),
            0,
        ),
        ("{clientAuth: {clientAuthType: RequestClientCert}}", asked(ClientAuth::Request, &[]), 0),
        (
            "{clientAuth: {clientAuthType: RequireAnyClientCert}}",
            asked(ClientAuth::RequireAny, &[]),
            0,
        ),
        (
            "{clientAuth: {caFiles: [x, y], clientAuthType: VerifyClientCertIfGiven}}",
            asked(ClientAuth::VerifyIfGiven, &["x", "y"]),
            0,
        ),
    ];
    for (written, expected, remarks) in table {
        let checked = with_options(&format!("{{o: {written}}}"), "o");
        assert_eq!(checked.tls_options[&name("o")].0, expected, "{written}");
        let found = findings(&checked, "o@file");
        assert_eq!(found.len(), remarks, "{written}: {found:?}");
        assert_eq!(router(&checked, "r").status, Status::Enabled, "{written}");
    }
}

#[test]
fn options_that_cannot_be_served() {
    let table = [
        ("{maxVersion: VersionTLS11}", "maxVersion is below TLS 1.2"),
        ("{minVersion: VersionTLS13, maxVersion: VersionTLS12}", "minVersion is above maxVersion"),
        ("{cipherSuites: [AES]}", "invalid CipherSuite: AES"),
        (
            "{cipherSuites: [TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_RC4_128_SHA]}",
            "of cipherSuites nothing is left: TLS_RSA_WITH_AES_128_CBC_SHA, TLS_RSA_WITH_RC4_128_SHA not served",
        ),
        (
            "{cipherSuites: [TLS_AES_128_GCM_SHA256], maxVersion: VersionTLS12}",
            "no cipher suite of TLS 1.2 is left",
        ),
        ("{curvePreferences: [P256]}", "invalid CurveID in curvePreferences: P256"),
        ("{curvePreferences: [CurveP521]}", "of curvePreferences nothing is left: CurveP521"),
        ("{alpnProtocols: ['']}", "alpnProtocols has a name that is empty"),
        ("{clientAuth: {clientAuthType: Always}}", "unknown client auth type \"Always\""),
        (
            "{clientAuth: {clientAuthType: VerifyClientCertIfGiven}}",
            "invalid clientAuthType: VerifyClientCertIfGiven, CAFiles is required",
        ),
        (
            "{clientAuth: {caFiles: [a, ' ']}}",
            "invalid certificate(s) content: clientAuth.caFiles has an empty entry",
        ),
    ];
    for (written, error) in table {
        let checked = with_options(&format!("{{o: {written}}}"), "o");
        let router = router(&checked, "r");
        assert_eq!(router.status, Status::Disabled, "{written}");
        let start = format!("building router handler: building TLS config: {error}");
        assert!(router.errors[0].starts_with(&start), "{written}: {:?}", router.errors);
        assert_eq!(findings(&checked, "o@file").len(), 1, "{written}");
        assert!(checked.tls_options.is_empty(), "{written}");
        assert_eq!(names(&checked, "a"), ["h=o@file"], "{written}");
    }
}

#[test]
fn default_options() {
    use crate::checked::handshake::DefaultOptions;
    let yaml = |options: &str| {
        format!(
            "tls: {{options: {{default: {options}}}}}
http:
  services: {{s: {{loadBalancer: {{servers: []}}}}}}
  routers: {{r: {{rule: 'Host(`h`)', service: s, tls: {{}}}}, plain: {{rule: 'Host(`p`)', service: s, entryPoints: [websecure]}}}}
"
        )
    };
    let served = checked(WEB, &[("file", &yaml("{clientAuth: {caFiles: [x]}}"))]);
    assert_eq!(router(&served, "r").using, ["web", "websecure"]);
    assert_eq!(served.handshakes.default, DefaultOptions::Written(name("default")));
    assert_eq!(names(&served, "websecure"), [""; 0], "nobody asks for others");

    let refused = checked(WEB, &[("file", &yaml("{maxVersion: VersionTLS10}"))]);
    assert_eq!(router(&refused, "r").status, Status::Disabled);
    assert_eq!(refused.handshakes.default, DefaultOptions::Refused);
    // Nor is TLS added where it was forgotten.
    assert_eq!(mounted(&refused, "websecure"), ["plain@file"]);

    let both = "tls: {options: {default: {}}}\n";
    let checked = checked(WEB, &[("docker", both), ("file", &yaml("{}"))]);
    assert_eq!(router(&checked, "r").status, Status::Disabled);
    assert_eq!(checked.handshakes.default, DefaultOptions::Refused);
}

#[test]
fn names_are_shared_out() {
    let install = "
entryPoints:
  a: {address: ':1'}
  b: {address: ':2'}
  own: {address: ':3', http: {tls: {options: strong@file}}}
";
    let http = "  routers:
    one: {rule: 'Host(`One.test.`) || Host(`two.test`)', service: s, entryPoints: [a], tls: {options: strong}}
    same: {rule: 'Host(`one.test`) && Path(`/x`)', service: s, entryPoints: [a], tls: {options: strong@file}}
    wild: {rule: 'Host(`*.w.test`)', service: s, entryPoints: [a], tls: {options: weak}}
    not: {rule: '!Host(`two.test`) && PathPrefix(`/y`)', service: s, entryPoints: [a], tls: {}}
    plain: {rule: 'Host(`two.test`)', service: s, entryPoints: [a]}
    other: {rule: 'Host(`three.test`)', service: s, entryPoints: [a], tls: {}}
    off: {rule: 'Host(`off.test`)', service: gone, entryPoints: [a], tls: {options: strong}}
    elsewhere: {rule: 'Host(`one.test`)', service: s, entryPoints: [b], tls: {options: weak}}
    model: {rule: 'Host(`m.test`)', service: s, entryPoints: [own]}
    keeps: {rule: 'Host(`k.test`)', service: s, entryPoints: [own], tls: {}}
tls: {options: {strong: {minVersion: VersionTLS13}, weak: {}}}
";
    let checked = file(install, http);
    assert_eq!(
        names(&checked, "a"),
        [
            "*.w.test=weak@file",
            "off.test=strong@file",
            "one.test=strong@file",
            "three.test=",
            "two.test=strong@file"
        ]
    );
    assert_eq!(names(&checked, "b"), ["one.test=weak@file"]);
    assert_eq!(names(&checked, "own"), ["k.test=", "m.test=strong@file"]);
    for router in ["one", "same", "wild", "not", "other", "elsewhere", "model", "keeps"] {
        assert_eq!(self::router(&checked, router).status, Status::Enabled, "{router}");
    }
}

#[test]
fn options_that_no_host_can_have() {
    let install =
        |core: &str| format!("entryPoints: {{a: {{address: ':1'}}, b: {{address: ':2'}}}}\n{core}");
    let http = "  routers:
    one: {rule: 'Host(`h.test`) || Host(`own.test`)', service: s, tls: {options: o}}
    two: {rule: 'Host(`h.test`)', service: s, entryPoints: [a], tls: {}}
    path: {rule: 'PathPrefix(`/`)', service: s, entryPoints: [b], tls: {options: o}}
    any: {rule: 'PathPrefix(`/z`)', service: s, entryPoints: [b], tls: {}}
tls: {options: {o: {minVersion: VersionTLS13}}}
";
    let checked = file(&install(""), http);
    // The host in question gets the default options, the router's others keep theirs.
    assert_eq!(names(&checked, "a"), ["h.test=", "own.test=o@file"]);
    assert_eq!(names(&checked, "b"), ["h.test=o@file", "own.test=o@file"]);
    assert_eq!(mounted(&checked, "a"), ["a-conflicted-one@file+tls", "a-conflicted-two@file+tls"]);
    assert_eq!(
        mounted(&checked, "b"),
        ["one@file+tls", "any@file+tls", "b-conflicted-path@file+tls"]
    );
    assert_eq!(router(&checked, "a-conflicted-two").status, Status::Enabled, "it asks for nothing");
    for (name, why) in [
        ("a-conflicted-one", "router's TLSOptions configuration is conflicting with"),
        ("b-conflicted-path", "no domain found in rule PathPrefix(`/`), the TLS option o@file"),
    ] {
        let router = router(&checked, name);
        assert_eq!(router.status, Status::Warning, "{name}");
        assert!(router.errors[0].starts_with(why), "{name}: {:?}", router.errors);
    }
    let options = |router: &str| {
        let mut all = checked.routes.values().flatten();
        let tls = all.find(|route| route.router == name(router)).unwrap().tls.clone().unwrap();
        (tls.options, tls.by_host)
    };
    let contested = || ByHost::Contested(["h.test".to_owned()].into());
    assert_eq!(options("a-conflicted-one"), (Some(name("o")), contested()));
    assert_eq!(options("a-conflicted-two"), (None, contested()));
    assert_eq!(options("b-conflicted-path"), (None, ByHost::Never));
    assert_eq!(options("one"), (Some(name("o")), ByHost::Never));

    let strict = file(&install("core: {strictTLSOptions: true}"), http);
    assert_eq!(mounted(&strict, "a"), [""; 0]);
    assert_eq!(mounted(&strict, "b"), ["b-one@file+tls", "any@file+tls"]);
    assert_eq!(router(&strict, "a-conflicted-two").status, Status::Disabled);
}

#[test]
fn certificates_wanted() {
    let one = |main: &str, sans: &[&str]| {
        (main.to_owned(), sans.iter().map(|san| (*san).to_owned()).collect::<Vec<_>>())
    };
    type Row<'a> = (&'a str, &'a str, Vec<(String, Vec<String>)>, &'a [&'a str]);
    // Rule, tls, wanted, texts found about the router.
    let table: &[Row] = &[
        (
            "Host(`A.test`) || Host(`b.test`)",
            "{certResolver: le}",
            vec![one("a.test", &["b.test"])],
            &[],
        ),
        ("Host(`a.test.`)", "{certResolver: le}", vec![one("a.test", &[])], &[]),
        ("Host(`a.test`) && !Host(`b.test`)", "{certResolver: le}", vec![one("a.test", &[])], &[]),
        (
            "Host(`a.test`)",
            "{certResolver: le, domains: [{main: M.test, sans: [n.test, m.test]}, {main: o.test}]}",
            vec![one("m.test", &["n.test"]), one("o.test", &[])],
            &[],
        ),
        (
            "Host(`a.test`) || Host(`*.b.test`)",
            "{certResolver: le}",
            vec![one("a.test", &[])],
            &[
                "no certificate is ordered for \"*.b.test\": a wildcard needs the DNS challenge, which is not served yet",
            ],
        ),
        (
            "Host(`10.0.0.1`) || Host(`a_b.test`) || Host(`-a.test`) || Host(`a..b`) || Host(`1.2.3`) || Host(`*`)",
            "{certResolver: le}",
            vec![],
            &[
                "no certificate is ordered for \"10.0.0.1\": it is an IP address",
                "no certificate is ordered for \"a_b.test\": it is not a valid DNS name",
                "no certificate is ordered for \"-a.test\": it is not a valid DNS name",
                "no certificate is ordered for \"a..b\": it is not a valid DNS name",
                "no certificate is ordered for \"1.2.3\": it is not a valid DNS name",
                "no certificate is ordered for \"*\": a wildcard needs the DNS challenge, which is not served yet",
            ],
        ),
        (
            "HostRegexp(`a`)",
            "{certResolver: le}",
            vec![],
            &[
                "no certificate is ordered: the rule names no Host; expected a Host in the rule, or tls.domains",
            ],
        ),
        (
            "Host(`a.test`)",
            "{certResolver: nope}",
            vec![],
            &[
                "Router uses a nonexistent certificate resolver \"nope\"; it is served with other certificates; expected one of dns, le",
            ],
        ),
        (
            "Host(`a.test`)",
            "{certResolver: dns}",
            vec![],
            &[
                "no certificate is ordered: resolver \"dns\" has no httpChallenge, the only challenge that is served yet",
            ],
        ),
        ("Host(`a.test`)", "{}", vec![], &[]),
    ];
    for (rule, tls, expected, texts) in table {
        let checked = file(
            RESOLVER,
            &format!("  routers: {{r: {{rule: '{rule}', service: s, tls: {tls}}}}}\n"),
        );
        assert_eq!(wanted(&checked), *expected, "{rule} {tls}");
        let found = findings(&checked, "r@file");
        assert_eq!(
            found,
            texts.iter().map(|t| (Severity::Warning, (*t).to_owned())).collect::<Vec<_>>(),
            "{rule} {tls}"
        );
        assert_eq!(router(&checked, "r").status, Status::Enabled, "{rule} {tls}");
        assert_eq!(router(&checked, "r").using.len(), 2, "{rule} {tls}");
    }
}

#[test]
fn nothing_is_wanted_twice_nor_for_disabled_routers() {
    let checked = file(
        RESOLVER,
        "  routers:
    b: {rule: 'Host(`a.test`)', service: s, tls: {certResolver: le}}
    a: {rule: 'Host(`a.test`) && Path(`/x`)', service: s, tls: {certResolver: le}}
    off: {rule: 'Host(`off.test`)', service: gone, tls: {certResolver: le}}
",
    );
    assert_eq!(checked.wanted.len(), 1);
    assert_eq!(checked.wanted[0].router, name("a"));
    assert_eq!(checked.wanted[0].resolver, "le");
    assert_eq!(checked.wanted[0].domain, Domain { main: "a.test".into(), sans: vec![] });
}

#[test]
fn forgotten_tls_on_the_target_of_a_redirection() {
    let le = "certificatesResolvers: {le: {acme: {httpChallenge: {entryPoint: web}}}}\n";
    let two = le.replace("{le:", "{other: {acme: {httpChallenge: {entryPoint: web}}}, le:");
    let router_yaml = "  routers: {r: {rule: 'Host(`h.test`)', service: s}}\n";
    let said = |certificate: &str, expected: &str| {
        format!(
            "router \"r@file\" has no tls, but entry point \"web\" redirects to \"websecure\" with \
             https: it is served there with TLS as well, with {certificate}; expected {expected}"
        )
    };
    let by_port = WEB.replace("to: websecure", "to: ':443'");
    let http = WEB.replace("to: websecure", "to: websecure, scheme: http");
    let own = WEB.replace("{address: ':443'}", "{address: ':443', http: {tls: {}}}");
    let resolver = "a certificate of resolver \"le\"";
    let hand = "the certificates at hand";
    let table = [
        (format!("{WEB}{le}"), Some(said(resolver, "http.routers.r.tls.certresolver: le")), 1),
        (format!("{by_port}{le}"), Some(said(resolver, "http.routers.r.tls.certresolver: le")), 1),
        (format!("{WEB}{two}"), Some(said(hand, "http.routers.r.tls: true")), 0),
        (WEB.to_owned(), Some(said(hand, "http.routers.r.tls: true")), 0),
        (format!("{http}{le}"), None, 0),
    ];
    for (install, text, certificates) in table {
        let checked = file(&install, router_yaml);
        let expected: &[&str] =
            if text.is_some() { &["r@file", "r@file+tls"] } else { &["r@file"] };
        assert_eq!(mounted(&checked, "websecure"), expected, "{install}");
        assert!(mounted(&checked, "web").contains(&"r@file".to_owned()), "{install}");
        assert!(!mounted(&checked, "web").contains(&"r@file+tls".to_owned()), "{install}");
        assert_eq!(router(&checked, "r").value.tls, None, "shown as written");
        assert_eq!(checked.wanted.len(), certificates, "{install}");
        let expected: Vec<_> = text.into_iter().map(|text| (Severity::Info, text)).collect();
        assert_eq!(findings(&checked, "r@file"), expected, "{install}");
    }
    // Its hosts' handshakes stay as other routers want them: nobody gets in without a certificate.
    let checked = file(
        WEB,
        "  routers:
    r: {rule: 'Host(`h.test`) && Path(`/x`)', service: s}
    m: {rule: 'Host(`h.test`)', service: s, entryPoints: [websecure], tls: {options: o}}
tls: {options: {o: {clientAuth: {clientAuthType: RequireAnyClientCert}}}}
",
    );
    let all = &checked.routes["websecure"];
    let added = all.iter().find(|it| it.router == name("r") && it.tls.is_some()).unwrap();
    let tls = added.tls.clone().unwrap();
    assert_eq!((tls.options, tls.by_host), (None, ByHost::Always));
    assert_eq!(names(&checked, "websecure"), ["h.test=o@file"]);
    // Where the entry point has tls of its own, nothing was forgotten.
    let checked = file(&own, router_yaml);
    assert_eq!(mounted(&checked, "websecure"), ["websecure-r@file+tls"]);
    assert_eq!(findings(&checked, "websecure-r@file"), []);
    // A router with tls is left as it is.
    let checked = file(WEB, "  routers: {r: {rule: 'Host(`h`)', service: s, tls: {}}}\n");
    assert_eq!(mounted(&checked, "websecure"), ["r@file+tls"]);
    // A rule without a host asks for no certificate, and needs no finding about that.
    let checked = file(
        &format!("{WEB}{le}"),
        "  routers: {r: {rule: 'PathPrefix(`/`)', service: s, entryPoints: [websecure]}}\n",
    );
    assert_eq!(mounted(&checked, "websecure"), ["r@file", "r@file+tls"]);
    assert_eq!((checked.wanted.len(), findings(&checked, "r@file").len()), (0, 1));
}

#[test]
fn the_finding_shows_the_label_to_add() {
    let mut merged = merged(&[(
        "swarm",
        "http: {services: {s: {loadBalancer: {servers: []}}}, routers: {web: {rule: 'Host(`h.test`)', service: s}}}",
    )]);
    let mut configuration = (*merged["swarm"]).clone();
    configuration.routers.get_mut("web").unwrap().origin = crate::finding::Origin::Label {
        provider: "swarm".into(),
        service: "myapp_web".into(),
        label: "traefik.http.routers.web.rule".into(),
    };
    merged.insert("swarm".into(), Arc::new(configuration));
    let install = install(&format!(
        "{WEB}certificatesResolvers: {{letsencrypt: {{acme: {{httpChallenge: {{entryPoint: web}}}}}}}}"
    ));
    let checked = check(&install, &merged);
    let (severity, text) = &findings(&checked, "web@swarm")[0];
    assert_eq!(*severity, Severity::Info);
    assert!(
        text.ends_with("expected the label traefik.http.routers.web.tls.certresolver=letsencrypt"),
        "{text}"
    );
    assert_eq!(wanted(&checked), [("h.test".to_owned(), vec![])]);
}

#[test]
fn the_default_store() {
    let yaml = "tls: {stores: {default: {defaultCertificate: {certFile: a, keyFile: b}}}, certificates: [{certFile: c, keyFile: d}]}";
    let checked_one = checked("{}", &[("file", yaml)]);
    assert!(checked_one.default_store.is_some());
    assert_eq!(checked_one.certificates.len(), 1);
    let two = checked("{}", &[("docker", yaml), ("file", yaml)]);
    assert_eq!(two.default_store, None);
    assert_eq!(findings(&two, "default").len(), 1);
    assert_eq!(two.certificates.len(), 2);
}
