//! Rules, priorities, entry points and their models.

use super::*;
use crate::rule;

const TWO: &str = "entryPoints: {a: {address: ':1'}, b: {address: ':2'}}";

/// Ten thousand routers are in memory once: what has not to be changed is the provider's own.
#[test]
fn what_is_checked_is_shared() {
    let yaml = "http:
  services:
    s: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}
    t: {loadBalancer: {serversTransport: x}, middlewares: [m]}
  serversTransports: {x: {}}
  middlewares: {m: {addPrefix: {prefix: /x}}, c: {chain: {middlewares: [m]}}}
  routers:
    same: {rule: 'Host(`h`)', service: s, entryPoints: [a]}
    default: {rule: 'Host(`h`)', service: s}
    linked: {rule: 'Host(`h`)', service: t, entryPoints: [a], middlewares: [c]}
    tls: {rule: 'Host(`h`)', service: t, entryPoints: [a], tls: {}}
";
    let merged = merged(&[("file", yaml)]);
    let checked = check(&install(TWO), &merged);
    let file = &merged["file"];
    for (name, shared) in [("same", true), ("default", false), ("linked", false), ("tls", false)] {
        let (written, shown) = (&file.routers[name].value, &router(&checked, name).value);
        assert_eq!(Arc::ptr_eq(written, shown), shared, "{name}");
    }
    for (name, shared) in [("s", true), ("t", false)] {
        let (written, shown) = (&file.services[name].value, &service(&checked, name).value);
        assert_eq!(Arc::ptr_eq(written, shown), shared, "{name}");
    }
    let t = &service(&checked, "t").value;
    assert_eq!(t.middlewares, ["m"], "as Traefik shows them");
    assert_eq!(t.load_balancer.as_ref().unwrap().servers_transport.as_deref(), Some("x@file"));
    for (written, shared) in [("m", true), ("c", false)] {
        let shown = &checked.middlewares[&name(written)].value;
        assert_eq!(Arc::ptr_eq(&file.middlewares[written].value, shown), shared, "{written}");
    }
}

#[test]
fn a_sound_router_is_mounted() {
    let checked = file(
        TWO,
        "  routers: {r: {rule: 'Host(`h`)', service: s, middlewares: [m]}}
  middlewares: {m: {addPrefix: {prefix: /x}}}
",
    );
    let found = router(&checked, "r");
    assert_eq!(found.status, Status::Enabled, "{:?}", found.errors);
    assert_eq!(found.using, ["a", "b"]);
    assert_eq!(found.priority, 9);
    assert_eq!(found.value.entry_points, ["a", "b"]);
    assert_eq!(found.value.middlewares, ["m@file"]);
    assert_eq!(found.value.service.as_deref(), Some("s"), "as written");
    assert_eq!(found.priority, 9);
    assert_eq!(mounted(&checked, "a"), ["r@file"]);
    let route = &routes(&checked, "b")[0];
    assert_eq!((&route.service, route.priority), (&name("s"), 9));
    assert_eq!(route.middlewares, [name("m")]);
    assert!(route.access_log && route.recursion_guard.is_none());
    assert_eq!(service(&checked, "s").used_by, [name("r")]);
    assert_eq!(checked.middlewares[&name("m")].used_by, [name("r")]);
    assert_eq!(findings(&checked, "r@file"), []);
}

#[test]
fn broken_routers_are_disabled_and_no_others() {
    let table: &[(&str, &[&str])] = &[
        (
            "{rule: 'Bogus(`x`)', service: s}",
            &[
                "error while parsing rule Bogus(`x`): 1:1: unsupported function: Bogus; expected one of Host, HostRegexp, Method, Path, PathPrefix, PathRegexp, Header, HeaderRegexp, Query, QueryRegexp, ClientIP",
            ],
        ),
        ("{service: s}", &["error while parsing rule : 1:1: expected operand, found 'EOF'"]),
        ("{rule: 'Host(`h`)', service: missing}", &["the service \"missing@file\" does not exist"]),
        ("{rule: 'Host(`h`)', service: s@docker}", &["the service \"s@docker\" does not exist"]),
        (
            "{rule: 'Host(`h`)'}",
            &[
                "router has no service and no child routers",
                "router must have either a service or child routers",
            ],
        ),
        (
            "{rule: 'Host(`h`)', service: s, entryPoints: [nope]}",
            &["entryPoint \"nope\" doesn't exist", "no valid entryPoint for this router"],
        ),
        (
            "{rule: 'Host(`h`)', service: s, middlewares: [gone, gone]}",
            &["middleware \"gone@file\" does not exist"],
        ),
        (
            "{rule: 'Host(`h`)', service: s, priority: 9223372036854774808}",
            &[
                "the router priority 9223372036854774808 exceeds the max user-defined priority 9223372036854774807",
            ],
        ),
        (
            "{rule: 'PathRegexp(`h`)', service: s, ruleSyntax: v2}",
            &[
                "error while parsing rule PathRegexp(`h`): 1:1: unsupported function: PathRegexp; expected Path or PathPrefix with a template such as `/{name:[a-z]+}`, in the v2 rule syntax of this router",
            ],
        ),
        ("{rule: 'Host(`h`)', service: prometheus@internal}", &["prometheus is not enabled"]),
        ("{rule: 'Host(`h`)', service: api@internal}", &["api is not enabled"]),
        ("{rule: 'Host(`h`)', service: x@internal}", &["unknown internal service x@internal"]),
    ];
    for (broken, errors) in table {
        let checked = file(
            TWO,
            &format!(
                "  routers:\n    bad: {broken}\n    good2: {{rule: 'Host(`g`)', service: s}}\n"
            ),
        );
        assert_disabled(&checked, "bad", errors);
        assert_eq!(mounted(&checked, "a"), ["good2@file"], "{broken}");
    }
}

#[test]
fn some_unknown_entry_points_are_a_warning() {
    let checked =
        file(TWO, "  routers: {r: {rule: 'Host(`h`)', service: s, entryPoints: [nope, b, b]}}\n");
    let found = router(&checked, "r");
    assert_eq!(found.status, Status::Warning);
    assert_eq!(found.errors, ["entryPoint \"nope\" doesn't exist"]);
    assert_eq!(found.using, ["b"]);
    assert_eq!(mounted(&checked, "b"), ["r@file"]);
    assert_eq!(
        findings(&checked, "r@file"),
        [(Severity::Warning, "entryPoint \"nope\" doesn't exist; expected one of a, b".to_owned())]
    );
}

#[test]
fn precedence() {
    let file = "http:
  services: {s: {loadBalancer: {servers: []}}}
  routers:
    long: {rule: 'Host(`h`) && PathPrefix(`/`)', service: s}
    bytes: {rule: 'Path(`/é`)', service: s}
    blank: {rule: ' Path(`/ab`) ', service: s}
    negative: {rule: 'Host(`negative.test`)', service: s, priority: -1}
    zero: {rule: 'Host(`z`)', service: s, priority: 0}
    most: {rule: 'Host(`h`)', service: s, priority: 9223372036854774807}
    tie: {rule: 'Host(`h`)', service: s, priority: 5}
    tie2: {rule: 'Host(`h`)', service: s, priority: 5}
";
    let docker = "http:
  services: {s: {loadBalancer: {servers: []}}}
  routers:
    tie: {rule: 'Host(`h`)', service: s, priority: 5}
    atie: {rule: 'Host(`h`)', service: s, priority: 5}
";
    let providers = [("file", file), ("docker", docker), ("other", docker)];
    let checked = super::checked("entryPoints: {a: {address: ':1'}}", &providers);
    let found: Vec<String> = mounted(&checked, "a");
    assert_eq!(
        found,
        [
            "most@file",
            "long@file",
            "blank@file",
            "bytes@file",
            "zero@file",
            "atie@docker",
            "tie@docker",
            "tie@file",
            "tie2@file",
            "atie@other",
            "tie@other",
            "negative@file"
        ]
    );
    let priority = |router: &str| {
        routes(&checked, "a").iter().find(|r| r.router == name(router)).unwrap().priority
    };
    assert_eq!(priority("bytes"), 11, "é counts two");
    assert_eq!(priority("blank"), 13);
    assert_eq!(priority("zero"), 9);

    let install = "{entryPoints: {a: {address: ':1'}}, providers: {precedence: [Other, file]}}";
    let checked = super::checked(install, &providers);
    let ties: Vec<String> =
        mounted(&checked, "a").into_iter().filter(|name| name.contains("tie")).collect();
    assert_eq!(
        ties,
        ["atie@other", "tie@other", "tie@file", "tie2@file", "atie@docker", "tie@docker"]
    );
}

#[test]
fn default_entry_points() {
    let rule = "  routers: {r: {rule: 'Host(`h`)', service: s}}\n";
    let table: &[(&str, &[&str])] = &[
        ("{}", &["http"]),
        (
            "entryPoints: {b: {address: ':1'}, a: {address: ':2'}, traefik: {address: ':3'}}",
            &["a", "b"],
        ),
        ("entryPoints: {b: {address: ':1', asDefault: true}, a: {address: ':2'}}", &["b"]),
        ("entryPoints: {b: {address: ':1'}, u: {address: ':2/udp'}}", &["b"]),
    ];
    for (install, expected) in table {
        assert_eq!(router(&file(install, rule), "r").using, *expected, "{install}");
    }
}

#[test]
fn models_copy_and_rename() {
    let install = "
entryPoints:
  plain: {address: ':1'}
  guarded: {address: ':2', http: {middlewares: [m@file, own]}, observability: {accessLogs: false}}
  tls: {address: ':3', http: {tls: {certResolver: le}}}
certificatesResolvers: {le: {acme: {httpChallenge: {entryPoint: plain}}}}
";
    let checked = file(
        install,
        "  routers:
    all: {rule: 'Host(`h.test`)', service: s, middlewares: [last], entryPoints: [plain, guarded, tls]}
    one: {rule: 'Host(`o.test`)', service: s, entryPoints: [guarded]}
    has: {rule: 'Host(`t.test`)', service: s, entryPoints: [tls], tls: {}}
  middlewares:
    m: {addPrefix: {prefix: /m}}
    own: {addPrefix: {prefix: /own}}
    last: {addPrefix: {prefix: /last}}
",
    );
    assert!(!checked.routers.keys().any(|router| router.name() == "tls-has"));
    assert_eq!(mounted(&checked, "guarded"), ["guarded-all@file", "one@file"]);
    assert_eq!(mounted(&checked, "tls"), ["has@file+tls", "tls-all@file+tls"]);
    assert_eq!(router(&checked, "all").using, ["plain"]);
    assert_eq!(router(&checked, "all").value.middlewares, ["last@file"]);
    let guarded = router(&checked, "guarded-all");
    assert_eq!(guarded.value.middlewares, ["m@file", "own@file", "last@file"]);
    assert_eq!(guarded.value.observability.clone().unwrap().access_logs, Some(false));
    let route = &routes(&checked, "guarded")[0];
    assert_eq!(route.middlewares, [name("m"), name("own"), name("last")]);
    assert!(!route.access_log && route.metrics);
    let tls = router(&checked, "tls-all").value.tls.clone().unwrap();
    assert_eq!(tls.cert_resolver.as_deref(), Some("le"));
    assert_eq!(tls.options.as_deref(), Some("default"));
    // The router's own tls is taken whole.
    assert_eq!(router(&checked, "has").value.tls.clone().unwrap().cert_resolver, None);
    assert_eq!(
        service(&checked, "s").used_by,
        [name("guarded-all"), name("tls-all"), name("all"), name("has"), name("one")]
    );
    let wanted: Vec<_> =
        checked.wanted.iter().map(|w| (w.router.to_string(), w.domain.main.clone())).collect();
    assert_eq!(wanted, [("tls-all@file".to_owned(), "h.test".to_owned())]);
}

#[test]
fn a_missing_entry_point_middleware_takes_its_routers_out() {
    let checked = file(
        "entryPoints: {a: {address: ':1', http: {middlewares: [gone@file]}}, b: {address: ':2'}}",
        "  routers: {r: {rule: 'Host(`h`)', service: s}}\n",
    );
    assert_disabled(&checked, "a-r", &["middleware \"gone@file\" does not exist"]);
    assert_eq!(mounted(&checked, "b"), ["r@file"]);
}

#[test]
fn rule_syntax() {
    let with = |install: &str, router: &str| {
        file(
            install,
            &format!("  routers: {{r: {{rule: 'Host(`h`, `i`)', service: s{router}}}}}\n"),
        )
    };
    // Install configuration, the router's own word, whether its rule is v2's, what the API shows.
    let table = [
        ("{}", "", false, None),
        ("core: {defaultRuleSyntax: v3}", "", false, Some("v3")),
        ("core: {strictTLSOptions: false}", "", false, Some("v3")),
        ("core: {defaultRuleSyntax: ''}", "", false, None),
        ("core: {defaultRuleSyntax: v2}", "", true, Some("v2")),
        ("core: {defaultRuleSyntax: v2}", ", ruleSyntax: v3", false, Some("v3")),
        ("core: {defaultRuleSyntax: v2}", ", ruleSyntax: ''", true, Some("v2")),
        ("{}", ", ruleSyntax: v2", true, Some("v2")),
        ("core: {defaultRuleSyntax: v3}", ", ruleSyntax: v2", true, Some("v2")),
        ("core: {defaultRuleSyntax: v2}", ", ruleSyntax: V2", false, Some("V2")),
        ("{}", ", ruleSyntax: v9", false, Some("v9")),
    ];
    for (install, own, is_v2, shown) in table {
        let checked = with(install, own);
        let found = router(&checked, "r");
        let expected = if is_v2 { Status::Enabled } else { Status::Disabled };
        assert_eq!(found.status, expected, "{install} {own}: {:?}", found.errors);
        assert_eq!(found.value.rule_syntax.as_deref(), shown, "{install} {own}");
        assert_eq!(found.value.syntax() == rule::Syntax::V2, is_v2, "{install} {own}");
    }
    let said = |own: &str| findings(&with("{}", own), "r@file").remove(0);
    assert_eq!(
        said(", ruleSyntax: V2"),
        (Severity::Warning, "unknown ruleSyntax \"V2\": taken as v3; expected v2 or v3".to_owned())
    );
    let (severity, text) = said(", ruleSyntax: v2");
    assert_eq!(severity, Severity::Info);
    assert!(text.contains("ruleSyntax is deprecated"), "{text}");
    // Nothing is told of forms that v2 itself takes.
    let checked = file(
        WEB,
        "  routers: {r: {rule: 'HostRegexp(`{sub:[a-z]+}.a.test`)', service: s, ruleSyntax: v2}}\n",
    );
    let told = findings(&checked, "r@file");
    assert!(!told.iter().any(|(_, text)| text.contains("a form of Traefik v2")), "{told:?}");
}

#[test]
fn default_rule_routers_guard_against_recursion() {
    let mut merged = merged(&[(
        "docker",
        "http: {services: {s: {loadBalancer: {servers: []}}}, routers: {r: {rule: 'Host(`h`)', service: s}}}",
    )]);
    let mut configuration = (*merged["docker"]).clone();
    Arc::make_mut(&mut configuration.routers.get_mut("r").unwrap().value).default_rule = true;
    merged.insert("docker".into(), Arc::new(configuration));
    // v2 as the default syntax does not touch them.
    let checked = check(&install("core: {defaultRuleSyntax: v2}"), &merged);
    let guard = routes(&checked, "http")[0].recursion_guard.clone();
    // FNV-1 64 of `r@docker`.
    let expected = b"r@docker".iter().fold(0xcbf29ce484222325_u64, |hash, byte| {
        hash.wrapping_mul(0x100000001b3) ^ u64::from(*byte)
    });
    assert_eq!(guard, Some(format!("{expected:x}")));
}

#[test]
fn providers_findings_are_merged() {
    let mut merged = merged(&[("file", "http: {}")]);
    let mut configuration = (*merged["file"]).clone();
    let finding = crate::finding::Finding::new(
        Severity::Warning,
        crate::finding::Origin::Provider { provider: "file".into() },
        "odd",
    );
    configuration.findings.push(finding.clone());
    merged.insert("file".into(), Arc::new(configuration));
    assert!(check(&Install::default(), &merged).findings.contains(&finding));
}

#[test]
fn rules_of_v2_are_told() {
    let checked = file(
        WEB,
        "  routers: {r: {rule: 'HostRegexp(`{sub:[a-z]+}.a.test`)', service: s}, several: {rule: 'Host(`a`, `b`)', service: s}}\n",
    );
    // As in v3: it is served, and does not match what it was meant for.
    assert_eq!(router(&checked, "r").status, Status::Enabled);
    let (severity, text) = findings(&checked, "r@file").remove(0);
    assert_eq!(severity, Severity::Warning);
    assert!(text.contains("is a form of Traefik v2"), "{text}");
    assert!(text.ends_with(r"; expected HostRegexp(`^[a-z]+\.a\.test$`)"), "{text}");
    assert_eq!(router(&checked, "several").status, Status::Disabled);
    let (_, text) = findings(&checked, "several@file").remove(0);
    assert!(text.contains("Host(`a`) || Host(`b`)"), "{text}");
}
