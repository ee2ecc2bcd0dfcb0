//! Services of error pages.

use super::*;

const ONE: &str = "entryPoints: {a: {address: ':1'}}";

/// The check of a router `r` with middleware `m`, beside the services `s` and these.
fn with(middlewares: &str, services: &str) -> Configuration {
    let yaml = format!(
        "http:
  routers:
    r: {{rule: 'Host(`h`)', service: s, middlewares: [m]}}
    other: {{rule: 'Host(`o`)', service: s}}
  middlewares: {{{middlewares}}}
  services: {{s: {{loadBalancer: {{servers: []}}}}, {services}}}
"
    );
    checked(ONE, &[("file", &yaml)])
}

const PAGES: &str = "p: {loadBalancer: {servers: [{url: 'http://a'}]}}";

#[test]
fn the_service_is_found() {
    let table = [
        ("m: {errors: {service: p}}", "p: {loadBalancer: {servers: []}}", &[][..]),
        ("m: {errors: {service: p@file}}", PAGES, &[]),
        ("m: {chain: {middlewares: [n]}}, n: {errors: {service: p}}", PAGES, &[]),
        (
            "m: {errors: {service: p}}, x: {addPrefix: {prefix: /x}}, c: {chain: {middlewares: [x]}}",
            "p: {loadBalancer: {servers: []}, middlewares: [c, x]}",
            &["x@file", "x@file"],
        ),
    ];
    for (middlewares, services, around) in table {
        let checked = with(middlewares, services);
        assert_eq!(router(&checked, "r").status, Status::Enabled, "{middlewares}");
        let found: Vec<String> =
            checked.pages[&name("p")].iter().map(ToString::to_string).collect();
        assert_eq!(found, around, "{middlewares}");
        // As with Traefik, only routers count.
        assert_eq!(service(&checked, "p").used_by, []);
    }
    let checked = with("m: {errors: {service: ping@internal}}", PAGES);
    assert_disabled(&checked, "r", &["ping is not enabled"]);
}

#[test]
fn what_is_wrong_with_it_takes_its_routers_out() {
    let table = [
        ("m: {errors: {service: gone}}", PAGES, "the service \"gone@file\" does not exist"),
        ("m: {errors: {status: ['500']}}", PAGES, "the service \"@file\" does not exist"),
        (
            "m: {errors: {service: p}}",
            "p: {weighted: {services: []}}",
            "the service \"p@file\": weighted is not served yet",
        ),
        (
            "m: {errors: {service: p}}",
            "p: {loadBalancer: {servers: []}, middlewares: [gone]}",
            "middleware \"gone@file\" does not exist",
        ),
        (
            "m: {errors: {service: p}}",
            "p: {loadBalancer: {servers: []}, middlewares: [m]}",
            "the service \"p@file\" gives error pages, and has error pages of its own",
        ),
        (
            "m: {errors: {service: p}}, n: {errors: {service: s}}, c: {chain: {middlewares: [n]}}",
            "p: {loadBalancer: {servers: []}, middlewares: [c]}",
            "the service \"p@file\" gives error pages, and has error pages of its own",
        ),
    ];
    for (middlewares, services, error) in table {
        let checked = with(middlewares, services);
        assert_disabled(&checked, "r", &[error]);
        let m = &checked.middlewares[&name("m")];
        assert_eq!((m.status, m.errors.as_slice()), (Status::Disabled, &[error.to_owned()][..]));
        assert_eq!(mounted(&checked, "a"), ["other@file"], "{middlewares}");
    }
}

#[test]
fn they_may_be_around_a_service() {
    let yaml = "http:
  routers: {r: {rule: 'Host(`h`)', service: s}}
  middlewares: {m: {errors: {service: p}}, n: {errors: {service: gone}}}
  services:
    s: {loadBalancer: {servers: []}, middlewares: [m]}
    t: {loadBalancer: {servers: []}, middlewares: [n]}
    p: {loadBalancer: {servers: []}}
";
    let found = checked(ONE, &[("file", yaml)]);
    assert_eq!(router(&found, "r").status, Status::Enabled);
    assert!(found.pages.contains_key(&name("p")));
    let found = checked(ONE, &[("file", &yaml.replace("service: s}", "service: t}"))]);
    assert_disabled(&found, "r", &["the service \"gone@file\" does not exist"]);
}
