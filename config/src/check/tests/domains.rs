//! Which hosts of a rule are domains: what TLS options are chosen by, and what is ordered.

use super::*;

const INSTALL: &str = "
entryPoints: {a: {address: ':1'}}
certificatesResolvers: {le: {acme: {httpChallenge: {entryPoint: a}}}}
";
const OPTIONS: &str = "tls: {options: {o: {minVersion: VersionTLS13}}}\n";

/// Names of the entry point: `name=options`.
fn names(checked: &Configuration) -> Vec<String> {
    let names = checked.handshakes.names.get("a").into_iter().flatten();
    let options = |options: &Option<QName>| options.as_ref().map(QName::to_string);
    names.map(|(name, it)| format!("{name}={}", options(it).unwrap_or_default())).collect()
}

/// As with Traefik, `HostHeader` names none, and the star of v2's `Host` is a wildcard for TLS.
#[test]
fn of_v2() {
    let routers = "  routers:
    star: {rule: 'Host(`*.S.test`)', ruleSyntax: v2, service: s, tls: {options: o, certResolver: le}}
    both: {rule: 'Host(`b.test`)', ruleSyntax: v2, service: s, tls: {options: o}}
    beside: {rule: 'HostHeader(`b.test`) && Path(`/h`)', ruleSyntax: v2, service: s, tls: {certResolver: le}}
    header: {rule: 'HostHeader(`h.test`, `i.test`)', ruleSyntax: v2, service: s, tls: {options: o}}
";
    let checked = file(INSTALL, &format!("{routers}{OPTIONS}"));
    assert_eq!(names(&checked), ["*.s.test=o@file", "b.test=o@file"]);
    for name in ["star", "both", "beside"] {
        assert_eq!(router(&checked, name).errors, [""; 0], "{name}");
    }
    let fallen = router(&checked, "a-conflicted-header");
    assert_eq!(fallen.status, Status::Warning);
    let why = "no domain found in rule HostHeader(`h.test`, `i.test`), the TLS option o@file";
    assert!(fallen.errors[0].starts_with(why), "{:?}", fallen.errors);
    assert_eq!(checked.wanted, []);
    let told = |name: &str| findings(&checked, name).into_iter().map(|(_, text)| text);
    let wildcard = "no certificate is ordered for \"*.s.test\": a wildcard needs the DNS challenge";
    assert!(told("star@file").any(|text| text.starts_with(wildcard)));
    let none = "no certificate is ordered: the rule names no Host";
    assert!(told("beside@file").any(|text| text.starts_with(none)));
}

/// A rule that cannot be read names nobody, and says only so.
#[test]
fn of_broken_rules() {
    let routers = "  routers:
    r: {rule: 'Host(`r.test`) && Nope(`x`)', service: s, tls: {options: o}}
    other: {rule: 'Host(`other.test`)', service: s, tls: {options: o}}
";
    let checked = file(INSTALL, &format!("{routers}{OPTIONS}"));
    let broken = router(&checked, "r");
    assert_eq!((broken.status, broken.errors.len()), (Status::Disabled, 1), "{:?}", broken.errors);
    assert!(broken.errors[0].contains("unsupported function: Nope"), "{:?}", broken.errors);
    assert_eq!(findings(&checked, "r@file").len(), 1);
    assert_eq!(names(&checked), ["other.test=o@file"]);
}

/// Nothing but the host is known of a handshake; the routers below are there all the same.
#[test]
fn of_a_root_without_any() {
    let routers = "  routers:
    root: {rule: 'PathPrefix(`/p`)', tls: {options: o}}
    below: {rule: 'PathPrefix(`/p`)', service: s, parentRefs: [root]}
";
    let checked = file(INSTALL, &format!("{routers}{OPTIONS}"));
    assert_eq!(router(&checked, "a-conflicted-root").status, Status::Warning);
    assert_eq!(router(&checked, "below").status, Status::Enabled);
    let serves = routes(&checked, "a").iter().find(|route| route.tls.is_some()).unwrap();
    assert_eq!(serves.children.len(), 1);
}
