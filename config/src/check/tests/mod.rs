//! Tables of the check (reference: HTTP routing §8-§16, API §2.4).

mod domains;
mod internal;
mod layers;
mod links;
mod pages;
mod routers;
mod tls;

use std::sync::Arc;

use super::{Merged, check};
use crate::checked::{Checked, Configuration, Route, Status};
use crate::decode::{Format, decode_routing_file};
use crate::finding::{Finding, ObjectKind, Origin, Severity};
use crate::install::Install;
use crate::name::QName;
use crate::routing::{Router, Service};

/// Two entry points, the first one redirecting to the second; no resolver.
const WEB: &str = "
entryPoints:
  web: {address: ':80', transport: {}, forwardedHeaders: {}, http: {redirections: {entryPoint: {to: websecure}}}}
  websecure: {address: ':443'}
";

/// The install configuration of a YAML text. Straight through serde: what the decoder adds is
/// tested with it.
fn install(yaml: &str) -> Install {
    serde_yaml::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

/// Providers by name, each with a YAML text.
fn merged(providers: &[(&str, &str)]) -> Merged {
    providers
        .iter()
        .map(|(name, yaml)| {
            let configuration = decode_routing_file("test.yml", yaml, Format::Yaml)
                .unwrap_or_else(|finding| panic!("{yaml}: {finding}"));
            (Arc::from(*name), Arc::new(configuration))
        })
        .collect()
}

fn checked(install_yaml: &str, providers: &[(&str, &str)]) -> Configuration {
    check(&install(install_yaml), &merged(providers))
}

/// The check of one file with the service `s`.
fn file(install_yaml: &str, http: &str) -> Configuration {
    let service = "  services: {s: {loadBalancer: {servers: [{url: 'http://127.0.0.1:1'}]}}}\n";
    checked(install_yaml, &[("file", &format!("http:\n{service}{http}"))])
}

fn name(text: &str) -> QName {
    QName::resolve(text, "file")
}

fn router<'c>(checked: &'c Configuration, text: &str) -> &'c Checked<Router> {
    checked.routers.get(&name(text)).unwrap_or_else(|| {
        panic!("no router {text} among {:?}", checked.routers.keys().collect::<Vec<_>>())
    })
}

fn service<'c>(checked: &'c Configuration, text: &str) -> &'c Checked<Service> {
    checked.services.get(&name(text)).unwrap_or_else(|| panic!("no service {text}"))
}

fn routes<'c>(checked: &'c Configuration, entry_point: &str) -> &'c [Route] {
    checked.routes.get(entry_point).map(Vec::as_slice).unwrap_or_default()
}

/// `name` or `name+tls` of each route, in order.
fn mounted(checked: &Configuration, entry_point: &str) -> Vec<String> {
    routes(checked, entry_point)
        .iter()
        .map(|route| format!("{}{}", route.router, if route.tls.is_some() { "+tls" } else { "" }))
        .collect()
}

/// The findings about one object: severity and text.
fn findings(checked: &Configuration, about: &str) -> Vec<(Severity, String)> {
    checked
        .findings
        .iter()
        .filter(|finding| finding.object.as_ref().is_some_and(|(_, name)| name == about))
        .map(|finding| {
            let expected =
                finding.expected.as_deref().map(|e| format!("; expected {e}")).unwrap_or_default();
            (finding.severity, format!("{}{expected}", finding.message))
        })
        .collect()
}

fn assert_disabled(checked: &Configuration, text: &str, errors: &[&str]) {
    let router = router(checked, text);
    assert_eq!(router.status, Status::Disabled, "{text}: {:?}", router.errors);
    assert_eq!(router.errors, errors, "{text}");
    assert!(router.using.is_empty(), "{text}");
    for route in checked.routes.values().flatten() {
        assert_ne!(route.router, name(text), "mounted although disabled");
    }
    let found = findings(checked, &name(text).to_string());
    for error in errors {
        assert!(
            found.iter().any(|(s, text)| *s == Severity::Error && text.starts_with(error)),
            "no finding says {error:?}: {found:?}"
        );
    }
}

#[test]
fn a_thousand_routers_are_quick() {
    use std::fmt::Write as _;
    let mut yaml = String::from("http:\n  routers:\n");
    for i in 0..10_000 {
        let _ = writeln!(
            yaml,
            "    r{i}: {{rule: 'Host(`h{i}.test`) && PathPrefix(`/p`)', service: s{i}, middlewares: [m{}]}}",
            i % 100
        );
    }
    yaml.push_str("  services:\n");
    for i in 0..10_000 {
        let _ = writeln!(
            yaml,
            "    s{i}: {{loadBalancer: {{servers: [{{url: 'http://10.0.0.1:80'}}]}}}}"
        );
    }
    yaml.push_str("  middlewares:\n");
    for i in 0..100 {
        let _ = writeln!(yaml, "    m{i}: {{addPrefix: {{prefix: /x}}}}");
    }
    let merged = merged(&[("file", &yaml)]);
    let install = install("entryPoints: {web: {address: ':80'}, websecure: {address: ':443'}}");
    let started = std::time::Instant::now();
    let checked = check(&install, &merged);
    let taken = started.elapsed();
    println!("10,000 routers checked in {taken:?}");
    assert_eq!(routes(&checked, "web").len(), 10_000);
    // The goal is 200 ms, optimised and alone on the machine; here it is neither.
    assert!(taken.as_secs() < 8, "{taken:?}");
}

/// Ten thousand routers of one file are wrong, those of another source are told all the same.
#[test]
fn findings_are_bounded() {
    use std::fmt::Write as _;
    let mut yaml = String::from("http:\n  routers:\n");
    for i in 0..10_000 {
        let _ = writeln!(yaml, "    r{i}: {{rule: 'Hst(`h{i}.test`)', service: none}}");
    }
    let other = "http: {routers: {o: {rule: 'Host(`o.test`)', service: none}}}";
    let mut merged = merged(&[("file", &yaml)]);
    let other = decode_routing_file("other.yml", other, Format::Yaml).unwrap();
    merged.insert(Arc::from("http"), Arc::new(other));
    let checked = check(&install("entryPoints: {web: {address: ':80'}}"), &merged);
    assert!(checked.findings.len() < 300, "{}", checked.findings.len());
    let told = |text: &str| checked.findings.iter().any(|it| it.to_string().contains(text));
    assert!(told("the service \"none@http\" does not exist"));
    assert!(told("test.yml: ") && told(" more findings like these"));
    // The objects keep what is wrong with each.
    let last = &checked.routers[&name("r9999@file")];
    assert_eq!((last.status, last.errors.len()), (Status::Disabled, 2));
}

/// Expressions without measure take the room of their own source only.
#[test]
fn regular_expressions_have_a_share() {
    use std::fmt::Write as _;
    let mut yaml = String::from("http:\n  routers:\n");
    for i in 0..40 {
        let _ = writeln!(
            yaml,
            "    r{i:02}: {{rule: 'PathRegexp(`a{i}(\\pL{{100}}){{2}}`)', service: s}}"
        );
    }
    let _ =
        writeln!(yaml, "  services: {{s: {{loadBalancer: {{servers: [{{url: 'http://a'}}]}}}}}}");
    let other = yaml.replace("r00", "o00").replace("a0(", "ab(");
    let mut merged = merged(&[("file", &yaml)]);
    let other = decode_routing_file("other.yml", &other, Format::Yaml).unwrap();
    merged.insert(Arc::from("http"), Arc::new(other));
    let checked = check(&install("entryPoints: {web: {address: ':80'}}"), &merged);
    let status = |text: &str| checked.routers[&name(text)].status;
    assert_eq!([status("r00@file"), status("r39@file")], [Status::Enabled, Status::Disabled]);
    assert_eq!(status("o00@http"), Status::Enabled);
    assert!(checked.routers[&name("r39@file")].errors[0].contains("in use take more than"));
    let enabled = checked.routers.values().filter(|it| it.status == Status::Enabled).count();
    assert!(checked.regexes.count() < enabled, "equal ones are shared");
}

#[test]
fn the_state_of_providers() {
    let install = install("providers: {swarm: {}, file: {filename: a.yml}, rest: {}}");
    let up = |merged: &Merged| -> Vec<String> {
        let states = check(&install, merged).providers;
        states.iter().map(|(name, up)| format!("{name} {}", u8::from(*up))).collect()
    };
    assert_eq!(up(&Merged::new()), ["file 0", "rest 1", "swarm 0"], "nobody has spoken yet");
    let mut merged = merged(&[("file", "http: {}"), ("swarm", "http: {}"), ("docker", "http: {}")]);
    assert_eq!(up(&merged), ["docker 1", "file 1", "rest 1", "swarm 1"]);
    let mut say = |severity, kind, name: &str| {
        let mut configuration = (*merged["swarm"]).clone();
        let finding = Finding::new(severity, Origin::Provider { provider: "swarm".into() }, "x");
        configuration.findings = vec![finding.on(kind, name)];
        merged.insert("swarm".into(), Arc::new(configuration));
        up(&merged)[3].clone()
    };
    assert_eq!(say(Severity::Info, ObjectKind::Provider, "swarm"), "swarm 1");
    assert_eq!(say(Severity::Error, ObjectKind::Service, "swarm"), "swarm 1");
    assert_eq!(say(Severity::Warning, ObjectKind::Provider, "swarm"), "swarm 0");
}
