//! Middlewares, chains and services.

use super::*;

const ONE: &str = "entryPoints: {a: {address: ':1'}}";

/// The check of a router `r` with middleware `m`.
fn with(middlewares: &str) -> Configuration {
    file(
        ONE,
        &format!(
            "  routers: {{r: {{rule: 'Host(`h`)', service: s, middlewares: [m]}}}}
  middlewares: {{{middlewares}}}
"
        ),
    )
}

fn flat(checked: &Configuration) -> Vec<String> {
    routes(checked, "a")[0].middlewares.iter().map(|name| name.name().to_owned()).collect()
}

#[test]
fn chains_are_flattened() {
    let checked = with(
        "m: {chain: {middlewares: [x, n, x@file]}}, n: {chain: {middlewares: [y, o]}},
         o: {chain: {middlewares: [z]}}, x: {addPrefix: {prefix: /x}},
         y: {addPrefix: {prefix: /y}}, z: {addPrefix: {prefix: /z}}",
    );
    assert_eq!(flat(&checked), ["x", "y", "z", "x"]);
    let m = &checked.middlewares[&name("m")];
    assert_eq!(m.value.chain.clone().unwrap().middlewares, ["x@file", "n@file", "x@file"]);
    assert_eq!(m.used_by, [name("r")]);
    assert_eq!(checked.middlewares[&name("x")].used_by, []);
}

#[test]
fn chains_may_cross_providers() {
    let docker = "http: {middlewares: {c: {chain: {middlewares: [x, x@file]}}, x: {addPrefix: {prefix: /d}}}}";
    let file = "http:
  services: {s: {loadBalancer: {servers: []}}}
  routers: {r: {rule: 'Host(`h`)', service: s, middlewares: [c@docker]}}
  middlewares: {x: {addPrefix: {prefix: /f}}}
";
    let checked = checked(ONE, &[("docker", docker), ("file", file)]);
    let names: Vec<String> =
        routes(&checked, "a")[0].middlewares.iter().map(QName::to_string).collect();
    assert_eq!(names, ["x@docker", "x@file"]);
}

#[test]
fn broken_middlewares_take_their_routers_out() {
    let table = [
        ("m: {addPrefix: {prefix: ''}}", "middleware \"m@file\": prefix cannot be empty"),
        (
            "m: {redirectScheme: {port: '1'}}",
            "middleware \"m@file\": you must provide a target scheme",
        ),
        (
            "m: {redirectRegex: {regex: '(', replacement: x}}",
            "middleware \"m@file\": regex: error parsing regexp: missing closing ): `(`",
        ),
        (
            "m: {replacePathRegex: {regex: ' ( ', replacement: x}}",
            "middleware \"m@file\": regex: error parsing regexp: missing closing ): `(`",
        ),
        (
            "m: {stripPrefixRegex: {regex: [a, '(']}}",
            "middleware \"m@file\": regex[1]: error parsing regexp: missing closing ): `(`",
        ),
        (
            "m: {forwardAuth: {address: 'http://a', authResponseHeadersRegex: '('}}",
            "middleware \"m@file\": authResponseHeadersRegex: error parsing regexp: missing closing ): `(`",
        ),
        (
            "m: {headers: {accessControlAllowOriginListRegex: ['(']}}",
            "middleware \"m@file\": accessControlAllowOriginListRegex[0]: error parsing regexp: missing closing ): `(`",
        ),
        (
            "m: {headers: {frameDeny: false, sslRedirect: false}}",
            "middleware \"m@file\": headers configuration not valid: no option is set",
        ),
        (
            "m: {plugin: {p: {}}}",
            "middleware \"m@file\": plugin is not served yet, and its routers are not served without it",
        ),
        (
            "m: {addPrefix: {prefix: /a}, stripPrefix: {prefixes: [/b]}}",
            "cannot create middleware \"m@file\": multi-types middleware not supported, consider declaring two different pieces of middleware instead",
        ),
        (
            "m: {chain: {middlewares: [m]}}",
            "could not instantiate middleware m@file: recursion detected in m@file->m@file",
        ),
        (
            "m: {chain: {middlewares: [x, n]}}, n: {chain: {middlewares: [m]}}, x: {addPrefix: {prefix: /x}}",
            "could not instantiate middleware m@file: recursion detected in m@file->n@file->m@file",
        ),
        ("m: {chain: {middlewares: [n]}}", "middleware \"n@file\" does not exist"),
        (
            "m: {chain: {middlewares: [n]}}, n: {plugin: {p: {}}}",
            "middleware \"n@file\": plugin is not served yet, and its routers are not served without it",
        ),
    ];
    for (middlewares, error) in table {
        let checked = with(middlewares);
        assert_disabled(&checked, "r", &[error]);
        let m = &checked.middlewares[&name("m")];
        assert_eq!(m.status, Status::Disabled, "{middlewares}");
        assert_eq!(m.errors, [error], "{middlewares}");
        assert_eq!(m.used_by, [name("r")], "{middlewares}");
    }
}

#[test]
fn a_middleware_without_a_kind_is_broken() {
    let mut merged = merged(&[(
        "file",
        "http: {services: {s: {loadBalancer: {servers: []}}}, routers: {r: {rule: 'Host(`h`)', service: s, middlewares: [m]}}}",
    )]);
    let mut configuration = (*merged["file"]).clone();
    let empty =
        crate::routing::Written { value: Arc::default(), origin: crate::finding::Origin::Internal };
    configuration.middlewares.insert("m".into(), empty);
    merged.insert("file".into(), Arc::new(configuration));
    let checked = check(&install(ONE), &merged);
    assert_disabled(
        &checked,
        "r",
        &[
            "invalid middleware \"m@file\" configuration: invalid middleware type or middleware does not exist",
        ],
    );
}

#[test]
fn an_unused_broken_middleware_stays_enabled() {
    let checked = file(ONE, "  middlewares: {m: {addPrefix: {prefix: ''}}, n: {basicAuth: {}}}\n");
    assert_eq!(checked.middlewares[&name("m")].status, Status::Enabled);
    assert_eq!(findings(&checked, "m@file"), []);
}

#[test]
fn a_name_of_another_provider_is_suggested() {
    let docker = "http: {middlewares: {auth: {addPrefix: {prefix: /x}}}, services: {web: {loadBalancer: {servers: []}}}}";
    let file = "http: {routers: {r: {rule: 'Host(`h`)', service: web, middlewares: [auth]}}}";
    let checked = checked(ONE, &[("docker", docker), ("file", file)]);
    let texts: Vec<String> = findings(&checked, "r@file").into_iter().map(|(_, t)| t).collect();
    assert_eq!(
        texts,
        [
            "middleware \"auth@file\" does not exist; expected auth@docker, if that one is meant",
            "the service \"web@file\" does not exist; expected web@docker, if that one is meant"
        ]
    );
}

#[test]
fn a_router_and_its_service_have_a_bounded_number_together() {
    // How often the router and its service name a chain of 600; what is said.
    for (routers, services, expected) in [
        (1, 0, None),
        (0, 1, None),
        (1, 1, Some("more than 1000 middlewares")),
        (2, 0, Some("more than 1000 middlewares")),
        (0, 2, Some("service \"s@file\" has more than 1000 middlewares")),
        (20_000, 20_000, Some("more than 1000 middlewares")),
    ] {
        let list = |number, name| vec![name; number].join(", ");
        let text = format!(
            "http: {{routers: {{r: {{rule: 'Host(`h`)', service: s, middlewares: [{}]}}}}, services: \
             {{s: {{loadBalancer: {{servers: []}}, middlewares: [{}]}}}}, middlewares: {{m: \
             {{addPrefix: {{prefix: /x}}}}, c: {{chain: {{middlewares: [{}]}}}}}}}}",
            list(routers, "c"),
            list(services, "c"),
            list(600, "m")
        );
        let checked = checked(ONE, &[("file", &text)]);
        let found = router(&checked, "r");
        match expected {
            None => assert_eq!(found.status, Status::Enabled, "{:?}", found.errors),
            Some(text) => assert!(found.errors[0].contains(text), "{:?}", found.errors),
        }
    }
}

#[test]
fn exploding_and_deep_chains_are_bounded() {
    use std::fmt::Write as _;
    let mut doubling = String::from("m0: {addPrefix: {prefix: /x}}");
    for i in 1..60 {
        let _ = write!(doubling, ", m{i}: {{chain: {{middlewares: [m{0}, m{0}]}}}}", i - 1);
    }
    let checked = with(&format!("{doubling}, m: {{chain: {{middlewares: [m59]}}}}"));
    let found = router(&checked, "r");
    assert_eq!(found.status, Status::Disabled);
    assert!(
        found.errors[0].contains("expands to more than 1000 middlewares"),
        "{:?}",
        found.errors
    );

    let mut deep = String::from("m0: {addPrefix: {prefix: /x}}");
    for i in 1..900 {
        let _ = write!(deep, ", m{i}: {{chain: {{middlewares: [m{}]}}}}", i - 1);
    }
    let checked = with(&format!("{deep}, m: {{chain: {{middlewares: [m899]}}}}"));
    assert_eq!(flat(&checked), ["m0"]);
}

#[test]
fn services_that_cannot_serve() {
    let table = [
        (
            "{loadBalancer: {strategy: magic}}",
            "unsupported load-balancer strategy \"magic\" of service \"t@file\"",
        ),
        ("{loadBalancer: {serversTransport: gone}}", "servers transport not found gone@file"),
        (
            "{loadBalancer: {servers: [{url: '127.0.0.1:80'}]}}",
            "error parsing server URL \"127.0.0.1:80\" of service \"t@file\"",
        ),
        (
            "{loadBalancer: {servers: [{url: 'http://'}]}}",
            "error parsing server URL \"http://\" of service \"t@file\"",
        ),
        (
            "{loadBalancer: {servers: [{url: 'http://a:99999'}]}}",
            "error parsing server URL \"http://a:99999\" of service \"t@file\"",
        ),
        (
            "{weighted: {services: [{name: s}]}}",
            "the service \"t@file\": weighted is not served yet",
        ),
        (
            "{failover: {service: s, fallback: s}}",
            "the service \"t@file\": failover is not served yet",
        ),
        ("{mirroring: {service: s}}", "the service \"t@file\": mirroring is not served yet"),
        (
            "{loadBalancer: {}, mirroring: {service: s}}",
            "cannot create service \"t@file\": multi-types service not supported, consider declaring two different pieces of service instead",
        ),
        (
            "{loadBalancer: {servers: []}, middlewares: [gone]}",
            "middleware \"gone@file\" does not exist",
        ),
    ];
    for (written, error) in table {
        let yaml = format!(
            "http:
  services: {{s: {{loadBalancer: {{servers: []}}}}, t: {written}}}
  routers: {{r: {{rule: 'Host(`h`)', service: t}}, other: {{rule: 'Host(`o`)', service: s}}}}
"
        );
        let checked = checked(ONE, &[("file", &yaml)]);
        assert_disabled(&checked, "r", &[error]);
        let t = service(&checked, "t");
        assert_eq!((t.status, t.errors.as_slice()), (Status::Disabled, &[error.to_owned()][..]));
        assert_eq!(t.used_by, [name("r")]);
        assert_eq!(mounted(&checked, "a"), ["other@file"], "{written}");
    }
}

#[test]
fn services_that_serve() {
    let table: &[(&str, &[&str])] = &[
        ("{loadBalancer: {servers: []}}", &[]),
        ("{loadBalancer: {servers: [{url: 'http://[::1]:80/base'}, {url: 'https://a'}]}}", &[]),
        ("{loadBalancer: {servers: [{url: 'h2c://10.0.0.1:80'}], strategy: wrr}}", &[]),
        ("{loadBalancer: {serversTransport: default@internal}}", &[]),
        ("{loadBalancer: {serversTransport: tr}}", &[]),
        (
            "{loadBalancer: {sticky: {cookie: {}}}}",
            &[
                "service \"t@file\": loadBalancer.sticky is known but not served yet: a client may reach any server",
            ],
        ),
        (
            "{loadBalancer: {healthCheck: {path: /h}, strategy: p2c}}",
            &[
                "service \"t@file\": loadBalancer.healthCheck is known but not served yet: all servers count as healthy",
                "service \"t@file\": loadBalancer.strategy is known but not served yet: servers are taken in turn (wrr)",
            ],
        ),
    ];
    for (written, warnings) in table {
        let yaml = format!(
            "http:
  serversTransports: {{tr: {{serverName: x}}}}
  services: {{t: {written}}}
  routers: {{r: {{rule: 'Host(`h`)', service: t}}}}
"
        );
        let checked = checked(ONE, &[("file", &yaml)]);
        assert_eq!(
            router(&checked, "r").status,
            Status::Enabled,
            "{written}: {:?}",
            router(&checked, "r").errors
        );
        assert_eq!(service(&checked, "t").errors, *warnings, "{written}");
        let expected = if warnings.is_empty() { Status::Enabled } else { Status::Warning };
        assert_eq!(service(&checked, "t").status, expected, "{written}");
        assert_eq!(findings(&checked, "t@file").len(), warnings.len(), "{written}");
    }
}

#[test]
fn a_services_middlewares_come_last() {
    let yaml = "http:
  services: {s: {loadBalancer: {servers: []}, middlewares: [c]}}
  routers: {r: {rule: 'Host(`h`)', service: s, middlewares: [x]}}
  middlewares: {c: {chain: {middlewares: [y]}}, x: {addPrefix: {prefix: /x}}, y: {addPrefix: {prefix: /y}}}
";
    assert_eq!(flat(&checked(ONE, &[("file", yaml)])), ["x", "y"]);
}

#[test]
fn a_swarm_service_without_tasks_keeps_its_router() {
    let mut merged = merged(&[(
        "swarm",
        "http: {services: {s: {loadBalancer: {servers: [{url: 'http://10.0.0.1:80'}]}}}, routers: {r: {rule: 'Host(`h`)', service: s}}}",
    )]);
    let mut configuration = (*merged["swarm"]).clone();
    let service_s = Arc::make_mut(&mut configuration.services.get_mut("s").unwrap().value);
    service_s.load_balancer.as_mut().unwrap().swarm =
        Some(crate::routing::SwarmBackend { vip: true, running_tasks: 0 });
    merged.insert("swarm".into(), Arc::new(configuration));
    let checked = check(&install(ONE), &merged);
    assert_eq!(mounted(&checked, "a"), ["r@swarm"]);
    let swarm = service(&checked, "s@swarm").value.load_balancer.clone().unwrap().swarm;
    assert_eq!(swarm.map(|swarm| swarm.running_tasks), Some(0), "handed on");
}
