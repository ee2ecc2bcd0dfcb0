//! TLS options, wanted certificates, and the forgotten `tls` label.

use super::*;
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

#[test]
fn options_fail_closed() {
    let options = "tls: {options: {mtls: {clientAuth: {caFiles: [x]}}}}\n";
    let table = [
        (
            "mtls",
            "TLS options mtls@file are not served yet, and its routers are not served without them",
        ),
        ("nope", "building router handler: unknown TLS options: nope@file"),
        ("mtls@docker", "building router handler: unknown TLS options: mtls@docker"),
        ("default@file", "building router handler: unknown TLS options: default@file"),
    ];
    for (reference, error) in table {
        let yaml = format!(
            "{options}http:
  services: {{s: {{loadBalancer: {{servers: []}}}}}}
  routers: {{r: {{rule: 'Host(`h`)', service: s, tls: {{options: {reference}}}}}, plain: {{rule: 'Host(`h`)', service: s}}}}
"
        );
        let checked = checked("entryPoints: {a: {address: ':1'}}", &[("file", &yaml)]);
        assert_disabled(&checked, "r", &[error]);
        assert_eq!(mounted(&checked, "a"), ["plain@file"]);
        assert_eq!(checked.tls_options.len(), 1);
    }
}

#[test]
fn default_options() {
    let refused = |what: &str| {
        format!(
            "TLS options default: {what} not served yet, and no router with TLS is served without"
        )
    };
    let table = [
        ("{minVersion: VersionTLS12}", None, 0),
        (
            "{minVersion: VersionTLS12, cipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]}",
            None,
            1,
        ),
        ("{clientAuth: {caFiles: [x]}}", Some(refused("clientAuth")), 1),
        (
            "{sniStrict: true, minVersion: VersionTLS13}",
            Some(refused("sniStrict and minVersion VersionTLS13")),
            1,
        ),
    ];
    for (options, error, about_options) in table {
        let yaml = format!(
            "tls: {{options: {{default: {options}}}}}
http:
  services: {{s: {{loadBalancer: {{servers: []}}}}}}
  routers: {{r: {{rule: 'Host(`h`)', service: s, tls: {{}}}}, plain: {{rule: 'Host(`p`)', service: s, entryPoints: [websecure]}}}}
"
        );
        let checked = checked(WEB, &[("file", &yaml)]);
        match error {
            None => assert_eq!(router(&checked, "r").using, ["web", "websecure"], "{options}"),
            Some(error) => {
                assert_disabled(&checked, "r", &[&error]);
                // Nor is TLS added where it was forgotten.
                assert_eq!(mounted(&checked, "websecure"), ["plain@file"]);
            }
        }
        assert_eq!(findings(&checked, "default@file").len(), about_options, "{options}");
    }
    let both = "tls: {options: {default: {}}}\n";
    let checked = checked(
        WEB,
        &[
            ("docker", both),
            (
                "file",
                &format!(
                    "{both}http: {{services: {{s: {{loadBalancer: {{servers: []}}}}}}, routers: {{r: {{rule: 'Host(`h`)', service: s, tls: {{}}}}}}}}\n"
                ),
            ),
        ],
    );
    assert_eq!(router(&checked, "r").status, Status::Disabled);
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
