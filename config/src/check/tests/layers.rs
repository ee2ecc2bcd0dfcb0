//! Layered routers: who serves below whom.

use super::*;

const TWO: &str = "entryPoints: {a: {address: ':1'}, b: {address: ':2'}}";

fn tree(routers: &[&str]) -> Configuration {
    file(TWO, &format!("  routers:\n    {}\n", routers.join("\n    ")))
}

/// `parent(child, child(leaf))` of each root.
fn shape(checked: &Configuration, entry_point: &str) -> Vec<String> {
    fn one(route: &Route) -> String {
        let below: Vec<String> = route.children.iter().map(|child| one(child)).collect();
        match below.is_empty() {
            true => route.router.name().to_owned(),
            false => format!("{}({})", route.router.name(), below.join(", ")),
        }
    }
    routes(checked, entry_point).iter().map(one).collect()
}

#[test]
fn children_are_mounted_below_their_parents() {
    let checked = file(
        TWO,
        "  middlewares: {m: {addPrefix: {prefix: /m}}}
  routers:
    root: {rule: 'Host(`h`)', middlewares: [m], tls: {}, observability: {accessLogs: false}}
    low: {rule: 'Path(`/a`)', service: s, parentRefs: [root]}
    high: {rule: 'Path(`/`)', service: s, parentRefs: [root@file], priority: 9223372036854775807}
    mid: {rule: 'PathPrefix(`/mid`)', parentRefs: [root], middlewares: [m]}
    leaf: {rule: 'Path(`/mid/leaf`)', service: s, parentRefs: [mid, mid]}
",
    );
    for entry_point in ["a", "b"] {
        assert_eq!(shape(&checked, entry_point), ["root(high, mid(leaf), low)"]);
    }
    let root = &routes(&checked, "a")[0];
    assert!(root.tls.is_some() && !root.access_log);
    assert_eq!(root.middlewares, [name("m")]);
    assert_eq!(root.children[1].middlewares, [name("m")]);
    assert_eq!(router(&checked, "low").value.parent_refs, ["root@file"]);
    assert_eq!(service(&checked, "s").used_by.len(), 3);
    assert!(router(&checked, "low").using.is_empty());
}

#[test]
fn what_is_wrong_with_a_place() {
    let root = "root: {rule: 'Host(`h`)'}";
    let good = "good: {rule: 'Path(`/`)', service: s, parentRefs: [root]}";
    let table: &[(&str, &[&str])] = &[
        ("service: s, parentRefs: [root, gone]", &["parent router \"gone@file\" does not exist"]),
        (
            "service: s, parentRefs: [root@docker]",
            &["parent router \"root@docker\" does not exist", "router is not reachable"],
        ),
        (
            "service: s, tls: {}, parentRefs: [root]",
            &["non-root router cannot have TLS configuration"],
        ),
        (
            "service: s, observability: {metrics: true}, parentRefs: [root]",
            &["non-root router cannot have Observability configuration"],
        ),
        (
            "service: s, entryPoints: [a], parentRefs: [root]",
            &["non-root router cannot have Entrypoints configuration"],
        ),
        ("parentRefs: [root]", &["router has no service and no child routers"]),
        ("service: s, parentRefs: [bad]", &["router is not reachable"]),
        ("service: gone, parentRefs: [root]", &["the service \"gone@file\" does not exist"]),
    ];
    for (bad, errors) in table {
        let checked = tree(&[root, good, &format!("bad: {{rule: 'Path(`/x`)', {bad}}}")]);
        assert_disabled(&checked, "bad", errors);
        assert_eq!(shape(&checked, "a"), ["root(good)"], "{bad}");
    }
}

#[test]
fn parents_without_sound_children_are_disabled() {
    let checked = tree(&[
        "root: {rule: 'Host(`h`)'}",
        "mid: {rule: 'Path(`/`)', parentRefs: [root]}",
        "leaf: {rule: 'Bogus(`/`)', service: s, parentRefs: [mid]}",
    ]);
    let none = "no child routers could be added to muxer (0 out of 1)";
    assert_disabled(&checked, "root", &[none]);
    assert_disabled(&checked, "mid", &[none]);
    assert_eq!(shape(&checked, "a"), [""; 0]);
}

/// The service is not asked, as in Traefik, which calls such a router disabled though it serves.
#[test]
fn a_service_beside_children() {
    let checked = tree(&[
        "root: {rule: 'Host(`h`)', service: gone}",
        "mid: {rule: 'Path(`/`)', service: s, parentRefs: [root]}",
        "leaf: {rule: 'Path(`/`)', service: s, parentRefs: [mid, root]}",
    ]);
    let both = "router has both a service and is referenced as a parent by other routers";
    assert_eq!(router(&checked, "root").status, Status::Warning);
    assert_eq!(router(&checked, "root").errors, [both]);
    assert_disabled(&checked, "mid", &[both]);
    assert_eq!(shape(&checked, "a"), ["root(leaf)"]);
}

#[test]
fn circles_are_cut() {
    let checked = tree(&[
        "root: {rule: 'Host(`h`)'}",
        "x: {rule: 'Path(`/`)', parentRefs: [root, y]}",
        "y: {rule: 'Path(`/`)', parentRefs: [x]}",
        "of-x: {rule: 'Path(`/x`)', service: s, parentRefs: [x]}",
        "of-y: {rule: 'Path(`/y`)', service: s, parentRefs: [y]}",
    ]);
    // Traefik passes over the router that has the warning.
    assert_eq!(shape(&checked, "a"), ["root(x(of-x))"]);
    let y = router(&checked, "y");
    assert_eq!(y.status, Status::Warning);
    assert_eq!(y.errors, ["cyclic reference detected in router tree: x@file -> y@file -> x@file"]);
}

/// Ten thousand in a line, or as many ways as there are atoms: neither is followed to its end.
#[test]
fn depth_is_bounded() {
    let mut routers = vec!["r0: {rule: 'Host(`h`)'}".to_owned()];
    for number in 1..10_000 {
        let service = if number == 9_999 { "service: s, " } else { "" };
        let parent = number - 1;
        routers.push(format!("r{number}: {{rule: 'Path(`/`)', {service}parentRefs: [r{parent}]}}"));
    }
    let routers: Vec<&str> = routers.iter().map(String::as_str).collect();
    let checked = tree(&routers);
    assert_eq!(shape(&checked, "a"), [""; 0]);
    assert_eq!(router(&checked, "r9990").status, Status::Enabled);
    let told = |text: &str| router(&checked, text).errors.join("");
    assert!((9_900..9_999).any(|number| told(&format!("r{number}")).contains("in all layers")));

    let mut routers = vec!["r0x: {rule: 'Host(`h`)'}".to_owned()];
    for number in 1..40 {
        let service = if number == 39 { "service: s, " } else { "" };
        let parents = match number {
            1 => "r0x".to_owned(),
            _ => format!("r{0}x, r{0}y", number - 1),
        };
        for side in ["x", "y"] {
            routers.push(format!(
                "r{number}{side}: {{rule: 'Path(`/`)', {service}parentRefs: [{parents}]}}"
            ));
        }
    }
    let routers: Vec<&str> = routers.iter().map(String::as_str).collect();
    assert_eq!(mounted(&tree(&routers), "a"), ["r0x@file"]);
}

#[test]
fn children_follow_the_copies_of_their_parents() {
    let install = "
core: {defaultRuleSyntax: v2}
entryPoints:
  a: {address: ':1', http: {middlewares: [m@file]}}
  b: {address: ':2'}
";
    let checked = file(
        install,
        "  middlewares: {m: {addPrefix: {prefix: /m}}}
  routers:
    root: {rule: 'Host(`h`, `i`)'}
    v3: {rule: 'PathRegexp(`/`)', service: s, parentRefs: [root]}
    v2: {rule: 'Path(`/a`, `/b`)', ruleSyntax: v2, service: s, parentRefs: [root]}
    bad: {rule: 'Path(`/a`, `/b`)', service: s, parentRefs: [root]}
",
    );
    assert_eq!(shape(&checked, "a"), ["a-root(v2, v3)"]);
    assert_eq!(shape(&checked, "b"), ["b-root(v2, v3)"]);
    assert_eq!(routes(&checked, "a")[0].middlewares, [name("m")]);
    assert_eq!(router(&checked, "v3").value.parent_refs, ["a-root@file", "b-root@file"]);
    assert_eq!(router(&checked, "v3").value.rule_syntax, None);
    assert_eq!(router(&checked, "bad").status, Status::Disabled);
}
