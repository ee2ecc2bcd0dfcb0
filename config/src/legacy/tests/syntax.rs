//! What v1 labels become is read as what it is, whatever other rules are by default.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::check::{Merged, check};
use crate::checked::Status;
use crate::install::Install;
use crate::legacy::{Context, decode};
use crate::rule::{Expr, Matcher};

#[test]
fn rules_of_v1_are_no_rules_of_v2() {
    let given: BTreeMap<String, String> = [
        ("traefik.port", "80"),
        ("traefik.one.frontend.rule", "HostRegexp:{sub:[a-z]+}.a.test"),
        ("traefik.two.frontend.rule", "Path:/x/{id:[0-9]+}"),
        ("traefik.three.frontend.rule", "Headers:X-A,b"),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    for core in ["", "core: {defaultRuleSyntax: v2}\n"] {
        let text = format!("entryPoints: {{web: {{address: ':80'}}}}\n{core}");
        let install: Install = serde_yaml::from_str(&text).unwrap();
        let decoded = decode("swarm", "s", true, &given, &Context::of(&install));
        let said = decoded.configuration.routers.values().map(|it| it.value.rule_syntax.clone());
        let expected = (!core.is_empty()).then(|| "v3".to_owned());
        assert_eq!(said.collect::<Vec<_>>(), [expected.clone(), expected.clone(), expected]);
        let merged = Merged::from([(Arc::from("swarm"), Arc::new(decoded.configuration))]);
        let checked = check(&install, &merged);
        for router in checked.routers.values().filter(|router| router.value.rule.is_some()) {
            assert_eq!(router.status, Status::Enabled, "{core}: {:?}", router.errors);
        }
        let mut matchers = Vec::new();
        for route in checked.routes["web"].iter().filter(|route| !route.router.is_internal()) {
            match &*route.rule {
                Expr::Match { matcher, .. } => matchers.push(matcher.clone()),
                other => panic!("{other:?}"),
            }
        }
        for expected in [
            Matcher::HostRegexp(r"^[a-z]+\.a\.test$".into()),
            Matcher::PathRegexp("^/x/[0-9]+$".into()),
            Matcher::Header { name: "X-A".into(), value: "b".into() },
        ] {
            assert!(matchers.contains(&expected), "{core}: {matchers:?}");
        }
    }
}
