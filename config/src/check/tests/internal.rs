//! The proxy's own routers (reference: HTTP routing §14, §16; API §1).

use super::*;

fn nothing(install: &str) -> Configuration {
    checked(install, &[])
}

/// Name, entry points, rule, priority, service, middlewares.
fn row(checked: &Configuration, name: &str) -> String {
    let router = router(checked, &format!("{name}@internal"));
    assert_eq!(router.status, Status::Enabled, "{name}: {:?}", router.errors);
    assert_eq!(router.value.rule_syntax.as_deref(), Some("default"));
    format!(
        "{} {} {} {} {}",
        router.using.join(","),
        router.value.rule.as_deref().unwrap_or_default(),
        router.priority,
        router.value.service.as_deref().unwrap_or_default(),
        router.value.middlewares.join(",")
    )
}

#[test]
fn nothing_is_on_by_default() {
    let checked = nothing("{}");
    assert!(checked.routers.is_empty(), "{:?}", checked.routers.keys());
    let services: Vec<String> = checked.services.keys().map(QName::to_string).collect();
    assert_eq!(services, ["noop@internal"]);
}

#[test]
fn api_dashboard_and_ping() {
    let checked = nothing("{api: {insecure: true}, ping: {}}");
    assert_eq!(
        row(&checked, "api"),
        "traefik PathPrefix(`/api`) 9223372036854775806 api@internal "
    );
    assert_eq!(
        row(&checked, "dashboard"),
        "traefik PathPrefix(`/`) 9223372036854775805 dashboard@internal dashboard_redirect@internal,dashboard_stripprefix@internal"
    );
    assert_eq!(
        row(&checked, "ping"),
        "traefik PathPrefix(`/ping`) 9223372036854775807 ping@internal "
    );
    assert_eq!(
        mounted(&checked, "traefik"),
        ["ping@internal", "api@internal", "dashboard@internal"]
    );
    assert!(checked.findings.is_empty(), "{:?}", checked.findings);
    let redirect = &checked.middlewares[&name("dashboard_redirect@internal")];
    assert_eq!(redirect.status, Status::Enabled, "{:?}", redirect.errors);
    let redirect = redirect.value.redirect_regex.clone().unwrap();
    let regex = crate::rule::go_regex::compile(&redirect.regex).unwrap();
    for (url, expected) in [
        ("http://h:8080/", Some("http://h:8080/dashboard/")),
        ("http://[::1]:8080/", Some("http://[::1]:8080/dashboard/")),
        ("https://a-b.c_d/", Some("https://a-b.c_d/dashboard/")),
        ("http://h/x", None),
        ("http://h/?a", None),
        ("http://h//", None),
    ] {
        let result =
            regex.is_match(url).then(|| regex.replace(url, &redirect.replacement).into_owned());
        assert_eq!(result.as_deref(), expected, "{url}");
    }

    let checked = nothing("{api: {insecure: true, dashboard: false}, ping: {manualRouting: true}}");
    assert_eq!(mounted(&checked, "traefik"), ["api@internal"]);
    let services: Vec<String> = checked.services.keys().map(QName::to_string).collect();
    assert_eq!(services, ["api@internal", "noop@internal", "ping@internal"]);

    let checked =
        nothing("{api: {}, ping: {entryPoint: web}, entryPoints: {web: {address: ':80'}}}");
    assert_eq!(mounted(&checked, "web"), ["ping@internal"]);
    assert!(checked.services.contains_key(&name("dashboard@internal")));
}

#[test]
fn prometheus() {
    let checked = nothing("{metrics: {prometheus: {}}, ping: {}}");
    assert_eq!(
        row(&checked, "prometheus"),
        "traefik PathPrefix(`/metrics`) 9223372036854775807 prometheus@internal "
    );
    assert_eq!(mounted(&checked, "traefik"), ["ping@internal", "prometheus@internal"]);

    let checked = nothing("{metrics: {prometheus: {manualRouting: true}}}");
    assert!(checked.routers.is_empty());
    assert!(checked.services.contains_key(&name("prometheus@internal")));

    let checked =
        nothing("{metrics: {prometheus: {entryPoint: web}}, entryPoints: {web: {address: ':80'}}}");
    assert_eq!(mounted(&checked, "web"), ["prometheus@internal"]);

    let checked = nothing("{metrics: {addInternals: true}}");
    assert!(checked.routers.is_empty());
    assert!(!checked.services.contains_key(&name("prometheus@internal")));
}

#[test]
fn users_may_name_internal_services() {
    let checked = file(
        "{api: {}, entryPoints: {web: {address: ':80'}}}",
        "  routers: {r: {rule: 'Host(`h`)', service: api@internal}, n: {rule: 'Host(`n`)', service: noop@internal}}\n",
    );
    assert_eq!(mounted(&checked, "web"), ["n@file", "r@file"]);
    assert_eq!(service(&checked, "api@internal").used_by, [name("r")]);
}

#[test]
fn redirections() {
    let with = |redirection: &str, more: &str| {
        format!(
            "entryPoints:
  web: {{address: ':80', http: {{redirections: {{entryPoint: {redirection}}}}}{more}}}
  websecure: {{address: '127.0.0.1:8443'}}
"
        )
    };
    // Redirection, router, priority, scheme and port.
    let table = [
        ("{to: websecure}", "web-to-websecure", i64::MAX - 1, "https", "8443", true),
        ("{to: ':443'}", "web-to-443", i64::MAX - 1, "https", "443", true),
        (
            "{to: websecure, scheme: foo, permanent: false, priority: 10}",
            "web-to-websecure",
            10,
            "foo",
            "8443",
            false,
        ),
    ];
    for (redirection, router_name, priority, scheme, port, permanent) in table {
        let checked = nothing(&with(redirection, ""));
        assert_eq!(
            row(&checked, router_name),
            format!(
                "web HostRegexp(`^.+$`) {priority} noop@internal redirect-{router_name}@internal"
            )
        );
        let middleware = &checked.middlewares[&name(&format!("redirect-{router_name}@internal"))];
        let redirect = middleware.value.redirect_scheme.clone().unwrap();
        assert_eq!(
            (redirect.scheme.as_str(), redirect.port.as_deref(), redirect.permanent),
            (scheme, Some(port), permanent)
        );
        assert_eq!(mounted(&checked, "web"), [format!("{router_name}@internal")]);
        assert_eq!(mounted(&checked, "websecure"), Vec::<String>::new());
    }
    let checked = nothing(&with("{to: websecure}", ", allowACMEByPass: true"));
    assert_eq!(
        router(&checked, "web-to-websecure@internal").value.rule.as_deref(),
        Some("HostRegexp(`^.+$`) && !PathPrefix(`/.well-known/acme-challenge/`)")
    );
    for unknown in ["{to: nowhere}", "{to: '443'}", "{to: ':x'}", "{}"] {
        assert!(nothing(&with(unknown, "")).routers.is_empty(), "{unknown}");
    }
    let checked = nothing(
        "entryPoints: {my_web: {address: ':80', http: {redirections: {entryPoint: {to: ':443'}}}}}",
    );
    assert_eq!(mounted(&checked, "my_web"), ["my-web-to-443@internal"]);
}

#[test]
fn challenges_come_first() {
    let install = format!(
        "{WEB}certificatesResolvers:
  a: {{acme: {{httpChallenge: {{entryPoint: web}}}}}}
  b: {{acme: {{httpChallenge: {{entryPoint: web}}}}}}
  c: {{acme: {{dnsChallenge: {{provider: x}}}}}}
"
    );
    let checked = file(&install, "  routers: {r: {rule: 'Host(`h`)', service: s}}\n");
    assert_eq!(
        row(&checked, "acme-http"),
        "web PathPrefix(`/.well-known/acme-challenge/`) 9223372036854775807 acme-http@internal "
    );
    assert_eq!(
        mounted(&checked, "web"),
        ["acme-http@internal", "web-to-websecure@internal", "r@file"]
    );

    let bypass = install.replace("{address: ':80',", "{address: ':80', allowACMEByPass: true,");
    let checked = nothing(&bypass);
    assert_eq!(
        row(&checked, "acme-http-bypass"),
        "web PathPrefix(`/.well-known/acme-challenge/`) 42 acme-http@internal "
    );
    assert!(!checked.routers.contains_key(&name("acme-http@internal")));
    assert!(!nothing(WEB).services.contains_key(&name("acme-http@internal")));
}

#[test]
fn models_touch_redirections_but_never_challenges() {
    let checked = nothing(
        "entryPoints:
  web: {address: ':80', http: {middlewares: [gone@file], tls: {}, redirections: {entryPoint: {to: ':443'}}}}
certificatesResolvers: {a: {acme: {httpChallenge: {entryPoint: web}}}}
",
    );
    assert_eq!(mounted(&checked, "web"), ["acme-http@internal"]);
    assert_disabled(&checked, "web-to-443@internal", &["middleware \"gone@file\" does not exist"]);
}
