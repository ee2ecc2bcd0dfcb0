//! What labels decode to, and what the findings say (Traefik: Docker and Swarm discovery, labels).

use std::collections::BTreeMap;
use std::time::Instant;

use crate::decode::{Labels, decode_labels};
use crate::finding::{ObjectKind, Origin, Severity};

fn decode(labels: &[(&str, &str)]) -> Labels {
    decode_labels("swarm", "myapp_web", labels.iter().copied())
}

fn findings(labels: &Labels) -> Vec<String> {
    labels.configuration.findings.iter().map(ToString::to_string).collect()
}

#[test]
fn the_django_stack() {
    let labels = decode(&[
        ("traefik.enable", "true"),
        ("traefik.http.routers.web.rule", "Host(`domini.com`)"),
        ("traefik.http.routers.web.entrypoints", "https"),
        ("traefik.http.routers.web.tls.certresolver", "letsencrypt"),
        ("traefik.http.routers.www.rule", "Host(`www.domini.com`)"),
        ("traefik.http.routers.www.middlewares", "www-redirect"),
        ("traefik.http.routers.www.tls.certresolver", "letsencrypt"),
        (
            "traefik.http.middlewares.www-redirect.redirectregex.regex",
            r"^https://www\.domini\.com/(.*)",
        ),
        (
            "traefik.http.middlewares.www-redirect.redirectregex.replacement",
            "https://domini.com/${1}",
        ),
        ("traefik.http.middlewares.www-redirect.redirectregex.permanent", "true"),
        ("traefik.http.services.web.loadbalancer.server.port", "8080"),
        ("com.docker.stack.namespace", "myapp"),
    ]);
    assert_eq!(findings(&labels), Vec::<String>::new());
    assert_eq!(labels.enable, Some(true));
    let web = &labels.configuration.routers["web"];
    assert_eq!(web.value.rule.as_deref(), Some("Host(`domini.com`)"));
    assert_eq!(web.value.entry_points, ["https"]);
    let tls = web.value.tls.as_ref().unwrap();
    assert_eq!(tls.cert_resolver.as_deref(), Some("letsencrypt"));
    assert_eq!(
        web.origin.to_string(),
        "swarm service \"myapp_web\", label \"traefik.http.routers.web.entrypoints\""
    );
    assert_eq!(labels.configuration.routers["www"].value.middlewares, ["www-redirect"]);
    let redirect = &labels.configuration.middlewares["www-redirect"].value;
    assert!(redirect.redirect_regex.as_ref().unwrap().permanent);
    let server = labels.configuration.services["web"].value.load_balancer.as_ref().unwrap();
    assert_eq!(server.server.as_ref().unwrap().port.as_deref(), Some("8080"));
}

#[test]
fn names_meet_whatever_their_case() {
    let labels = decode(&[
        ("traefik.HTTP.Routers.UpTwo.Rule", "Path(`/`)"),
        ("traefik.http.routers.E8.rule", "Path(`/e`)"),
        ("traefik.http.routers.e8.service", "s"),
    ]);
    assert_eq!(findings(&labels), Vec::<String>::new());
    let names: Vec<&String> = labels.configuration.routers.keys().collect();
    assert_eq!(names, ["E8", "UpTwo"]);
    assert_eq!(labels.configuration.routers["E8"].value.service.as_deref(), Some("s"));
}

/// Labels; the routers that survive; parts that one finding holds all together.
#[test]
fn a_bad_label_spoils_its_own_object() {
    let good = ("traefik.http.routers.good.rule", "Path(`/`)");
    let table: &[(&[(&str, &str)], &[&str])] = &[
        (
            &[("traefik.http.routers.bad.rul", "x")],
            &["unknown key \"rul\" in http.routers.bad", "\"rule\"", "routers.bad.rul\""],
        ),
        (&[("traefik.http.routers.bad.priority", "high")], &["\"high\" is not a number"]),
        (&[("traefik.http.routers.bad.priority", "")], &["\"\" is not a number"]),
        (
            &[("traefik.http.routers.bad.tls.domains", "a.test")],
            &["\"domains\" cannot stand alone"],
        ),
        (&[("traefik.http.routers.bad.rule.x", "y")], &["keys below it where one value belongs"]),
        (&[("traefik.http.routers.bad", "yes")], &["\"bad\" cannot stand alone"]),
        (&[("traefik.http.routers.bad.[0]", "x")], &["bracket"]),
        (&[("traefik.http.routers.bad..rule", "x")], &["empty level"]),
        (&[("Traefik.http.routers.bad.rule", "x")], &["the root is lower-case"]),
        (
            &[("traefik.http.router.bad.rule", "x")],
            &["unknown key \"router\" in http", "\"routers\""],
        ),
        (
            &[("traefik.http.routers.bad.observability.accesslogs", "on")],
            &["\"on\" is neither true nor false", "expected true or false"],
        ),
    ];
    for (labels, parts) in table {
        let mut all = labels.to_vec();
        all.push(good);
        // Other labels of the same router do not save it.
        all.push(("traefik.http.routers.bad.entrypoints", "web"));
        let decoded = decode(&all);
        let names: Vec<&String> = decoded.configuration.routers.keys().collect();
        assert_eq!(names, ["good"], "{labels:?}");
        assert!(decoded.refused.contains(&(ObjectKind::Router, "bad".into())), "{labels:?}");
        let texts = findings(&decoded);
        assert!(
            texts.iter().any(|text| parts.iter().all(|part| text.contains(part))),
            "{labels:?}: {texts:#?}"
        );
        let finding = decoded
            .configuration
            .findings
            .iter()
            .find(|finding| finding.severity == Severity::Error)
            .unwrap();
        assert_eq!(finding.object, Some((ObjectKind::Router, "bad@swarm".into())), "{labels:?}");
        assert!(finding.origin.to_string().contains("myapp_web"), "{labels:?}");
    }
}

#[test]
fn every_error_of_an_object_is_told() {
    let labels = decode(&[
        ("traefik.http.routers.r.rul", "x"),
        ("traefik.http.routers.r.priority", "x"),
        ("traefik.http.routers.r.servce", "x"),
    ]);
    assert_eq!(labels.configuration.findings.len(), 3, "{:#?}", findings(&labels));
}

#[test]
fn presence() {
    let tls = |labels: &[(&str, &str)]| {
        let decoded = decode(labels);
        decoded.configuration.routers["r"].value.tls.is_some()
    };
    let rule = ("traefik.http.routers.r.rule", "Path(`/`)");
    let resolver = ("traefik.http.routers.r.tls.certresolver", "le");
    assert!(!tls(&[rule]));
    assert!(tls(&[rule, resolver]));
    for (value, expected) in
        [("true", true), ("TRUE", true), ("", true), ("false", false), ("no", false), ("1", false)]
    {
        let label = ("traefik.http.routers.r.tls", value);
        assert_eq!(tls(&[rule, label]), expected, "{value}");
        assert_eq!(tls(&[rule, label, resolver]), expected, "{value} with a resolver");
    }
    // What turns off without saying false is told.
    let off = decode(&[rule, ("traefik.http.routers.r.tls", "yes")]);
    assert!(findings(&off)[0].contains("turns \"tls\" off"), "{:?}", findings(&off));

    let compress = decode(&[("traefik.http.middlewares.c.compress", "true")]);
    assert_eq!(compress.configuration.middlewares["c"].value.kind(), Ok("compress"));
    let auth = decode(&[("traefik.http.middlewares.a.basicauth", "true")]);
    assert!(auth.configuration.middlewares.is_empty());
    assert!(findings(&auth)[0].contains("\"basicauth\" cannot stand alone"));
    let sticky = decode(&[("traefik.http.services.s.loadbalancer.sticky.cookie", "true")]);
    let balancer = sticky.configuration.services["s"].value.load_balancer.clone().unwrap();
    assert!(balancer.sticky.unwrap().cookie.is_some());
}

#[test]
fn lists() {
    let domains = |labels: &[(&str, &str)]| {
        let decoded = decode(labels);
        assert_eq!(findings(&decoded), Vec::<String>::new());
        let tls = decoded.configuration.routers["r"].value.tls.clone().unwrap();
        tls.domains.into_iter().map(|d| (d.main, d.sans)).collect::<Vec<_>>()
    };
    let indexed = domains(&[
        ("traefik.http.routers.r.tls.domains[0].main", "a"),
        ("traefik.http.routers.r.tls.domains[0].sans", "b, c"),
        ("traefik.http.routers.r.tls.domains[2].main", "d"),
    ]);
    assert_eq!(indexed, [("a".into(), vec!["b".into(), "c".into()]), ("d".into(), vec![])]);
    let dotted = domains(&[
        ("traefik.http.routers.r.tls.domains.0.main", "a"),
        ("traefik.http.routers.r.tls.domains[0].sans", "b"),
    ]);
    assert_eq!(dotted, [("a".into(), vec!["b".into()])]);
    // The index is text: [10] comes before [2].
    let order = domains(&[
        ("traefik.http.routers.r.tls.domains[2].main", "two"),
        ("traefik.http.routers.r.tls.domains[10].main", "ten"),
    ]);
    assert_eq!(order, [("ten".into(), vec![]), ("two".into(), vec![])]);

    let table: &[(&str, &[&str])] = &[
        ("web", &["web"]),
        ("web, websecure", &["web", "websecure"]),
        ("web,", &["web", ""]),
        ("", &[]),
    ];
    for (value, expected) in table {
        let decoded = decode(&[("traefik.http.routers.r.entrypoints", value)]);
        assert_eq!(decoded.configuration.routers["r"].value.entry_points, *expected, "{value:?}");
    }
    let decoded = decode(&[
        ("traefik.http.routers.r.entrypoints[1]", "b"),
        ("traefik.http.routers.r.entrypoints[0]", "a"),
    ]);
    assert_eq!(decoded.configuration.routers["r"].value.entry_points, ["a", "b"]);
}

#[test]
fn header_maps_keep_their_case_and_empty_values() {
    let decoded = decode(&[
        ("traefik.http.middlewares.h.headers.customrequestheaders.X-Script-Name", "test"),
        ("traefik.http.middlewares.h.headers.customresponseheaders.Server", ""),
    ]);
    assert_eq!(findings(&decoded), Vec::<String>::new());
    let headers = decoded.configuration.middlewares["h"].value.headers.clone().unwrap();
    let expected: BTreeMap<String, String> = [("X-Script-Name".into(), "test".into())].into();
    assert_eq!(headers.custom_request_headers, expected);
    let expected: BTreeMap<String, String> = [("Server".into(), String::new())].into();
    assert_eq!(headers.custom_response_headers, expected);
}

#[test]
fn enable() {
    let table: &[(&[(&str, &str)], Option<bool>, Option<&str>)] = &[
        (&[], None, None),
        (&[("traefik.enable", "true")], Some(true), None),
        (&[("traefik.Enable", "T")], Some(true), None),
        (&[("traefik.enable", "0")], Some(false), None),
        (&[("traefik.enable", "yes")], Some(false), Some("\"yes\" is neither true nor false")),
        (&[("traefik.enable", "")], Some(false), Some("\"\" is neither true nor false")),
        (&[("traefik.enabled", "true")], None, Some("the closest known is \"traefik.enable\"")),
        (&[("traefik.enabled", "false")], Some(false), Some("\"traefik.enable\"")),
        (&[("traefik.enabled", "false"), ("traefik.enable", "true")], Some(true), Some("ignored")),
        (&[("Traefik.enable", "true")], None, Some("lower-case")),
        (&[("Traefik.enable", "false")], Some(false), Some("lower-case")),
        (&[("traefik.enable.x", "true")], None, Some("\"traefik.enable\"")),
    ];
    for (labels, expected, part) in table {
        let decoded = decode(labels);
        assert_eq!(decoded.enable, *expected, "{labels:?}");
        let texts = findings(&decoded);
        match part {
            None => assert_eq!(texts, Vec::<String>::new(), "{labels:?}"),
            Some(part) => {
                assert!(texts.iter().any(|text| text.contains(part)), "{labels:?}: {texts:?}");
            }
        }
    }
}

#[test]
fn provider_options() {
    let swarm = decode(&[
        ("traefik.docker.network", "old"),
        ("traefik.docker.lbswarm", "true"),
        ("traefik.swarm.network", "new"),
    ]);
    assert_eq!(swarm.network.as_deref(), Some("new"));
    assert_eq!(swarm.lb_swarm, Some(true));
    assert!(findings(&swarm)[0].contains("both traefik.docker and traefik.swarm"));

    let docker_form =
        decode(&[("traefik.docker.network", "n"), ("traefik.docker.lbswarm", "false")]);
    assert_eq!(docker_form.network.as_deref(), Some("n"));
    assert_eq!(docker_form.lb_swarm, Some(false));
    assert_eq!(findings(&docker_form), Vec::<String>::new());

    let container = decode_labels(
        "docker",
        "web",
        [
            ("traefik.docker.allownonrunning", "true"),
            ("traefik.swarm.network", "x"),
            ("traefik.docker.netwrok", "y"),
            ("traefik.docker.lbswarm", "maybe"),
        ],
    );
    assert_eq!(container.allow_non_running, Some(true));
    assert_eq!(container.network, None);
    let texts = findings(&container).join("\n");
    assert!(texts.contains("for Swarm services, not containers"), "{texts}");
    assert!(texts.contains("the closest known is \"network\""), "{texts}");
    assert!(texts.contains("\"maybe\" is neither true nor false"), "{texts}");
}

#[test]
fn other_labels() {
    let table: &[(&str, Option<(Severity, &str)>)] = &[
        ("traefik.constraint-label", None),
        ("traefik.tags", None),
        ("traefik.web", None),
        ("com.example.traefik.port", None),
        ("traefik", None),
        ("traefik.port", Some((Severity::Warning, "v1"))),
        ("traefik.frontend.rule", Some((Severity::Warning, "v1"))),
        ("traefik.backend", Some((Severity::Warning, "v1"))),
        ("traefik.admin.port", Some((Severity::Warning, "v1"))),
        ("traefik.admin.frontend.rule", Some((Severity::Warning, "v1"))),
        ("traefik.htp.routers.r.rule", Some((Severity::Warning, "\"traefik.http\""))),
        ("traefik.tcp.routers.r.rule", Some((Severity::Warning, "not served yet"))),
        ("traefik.udp.routers.r.entrypoints", Some((Severity::Warning, "not served yet"))),
        (
            "traefik.tls.options.o.minversion",
            Some((Severity::Warning, "cannot be given by labels")),
        ),
        (
            "traefik.http.serverstransports.t.servername",
            Some((Severity::Warning, "cannot be given")),
        ),
        ("traefik.http.zzz.r.rule", Some((Severity::Error, "expected one of routers"))),
        ("traefik.http.routers", Some((Severity::Error, "cannot stand alone"))),
        ("traefik.http", Some((Severity::Error, "cannot stand alone"))),
    ];
    for (label, expected) in table {
        let decoded = decode(&[(*label, "x")]);
        match (expected, decoded.configuration.findings.as_slice()) {
            (None, []) => {}
            (Some((severity, part)), [finding]) => {
                assert_eq!(finding.severity, *severity, "{label}");
                assert!(finding.to_string().contains(part), "{label}: {finding}");
            }
            (_, findings) => panic!("{label}: {findings:#?}"),
        }
        assert_eq!(decoded.has_tcp_or_udp, label.contains("tcp") || label.contains("udp"));
        assert!(decoded.configuration.routers.is_empty(), "{label}");
    }
    let many =
        decode(&[("traefik.port", "1"), ("traefik.frontend.rule", "x"), ("traefik.backend", "y")]);
    assert_eq!(many.configuration.findings.len(), 1);
    assert!(findings(&many)[0].contains("3 labels of Traefik v1"));
}

#[test]
fn what_only_files_have() {
    let decoded = decode(&[
        ("traefik.http.routers.r.rule", "Path(`/`)"),
        ("traefik.http.routers.r.parentrefs", "p"),
        ("traefik.http.services.w.weighted.services[0].name", "a"),
        ("traefik.http.services.l.loadbalancer.server.port", "80"),
        ("traefik.http.services.l.mirroring.service", "a"),
        ("traefik.http.services.s.loadbalancer.servers[0].url", "http://a"),
    ]);
    assert!(decoded.configuration.routers["r"].value.parent_refs.is_empty());
    let names: Vec<&String> = decoded.configuration.services.keys().collect();
    assert_eq!(names, ["l"]);
    assert!(decoded.configuration.services["l"].value.mirroring.is_none());
    assert!(decoded.refused.contains(&(ObjectKind::Service, "w".into())));
    assert!(decoded.refused.contains(&(ObjectKind::Service, "s".into())));
    let texts = findings(&decoded).join("\n");
    assert!(texts.contains("the closest known key is \"server\""), "{texts}");
}

/// The warning names the label that it is about.
#[test]
fn parents_are_where_they_are() {
    for key in ["traefik.http.routers.r.parentrefs", "traefik.http.routers.R.ParentRefs[0]"] {
        let decoded = decode(&[
            ("traefik.http.routers.r.middlewares", "m"),
            (key, "p@file"),
            ("traefik.http.routers.r.rule", "Path(`/`)"),
            ("traefik.http.routers.s.rule", "Path(`/s`)"),
        ]);
        let told =
            decoded.configuration.findings.iter().find(|it| it.message.contains("parentRefs"));
        match &told.unwrap().origin {
            Origin::Label { label, .. } => assert_eq!(&**label, key),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn options_without_effect_are_told_with_their_object() {
    let decoded = decode(&[
        ("traefik.http.middlewares.h.headers.stsseconds", "31536000"),
        ("traefik.http.middlewares.h.headers.framedeny", "false"),
        ("traefik.http.middlewares.h.headers.sslredirect", "true"),
    ]);
    let texts = findings(&decoded);
    assert_eq!(texts.len(), 1, "{texts:#?}");
    assert!(texts[0].contains("where it has no effect"));
    let object = Some((ObjectKind::Middleware, "h@swarm".into()));
    assert!(decoded.configuration.findings.iter().all(|finding| finding.object == object));
}

#[test]
fn plugins_are_free_form() {
    let decoded = decode(&[("traefik.http.middlewares.p.plugin.mine.key.deeper", "x")]);
    let plugin = decoded.configuration.middlewares["p"].value.plugin.clone().unwrap();
    assert_eq!(plugin, serde_json::json!({"mine": {"key": {"deeper": "x"}}}));
}

#[test]
fn masses_of_labels_take_near_linear_time_and_bounded_findings() {
    let owned: Vec<(String, String)> = (0..10_000)
        .map(|n| (format!("traefik.http.routers.r{n}.rul"), "x".to_owned()))
        .chain((0..10_000).map(|n| (format!("traefik.http.routers.s{n}.rule"), "x".to_owned())))
        .collect();
    let started = Instant::now();
    let decoded = decode_labels("swarm", "s", owned.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
    assert_eq!(decoded.configuration.routers.len(), 10_000);
    assert_eq!(decoded.configuration.findings.len(), 101);
    assert!(findings(&decoded).last().unwrap().contains("9900 more findings"));
}

#[test]
fn megabyte_labels_are_cut_in_messages() {
    let long = "x".repeat(1 << 20);
    let dots = "a.".repeat(1 << 19);
    let keys = [
        format!("traefik.http.routers.{long}.rul"),
        format!("traefik.http.routers.{dots}"),
        format!("traefik.{long}"),
        format!("traefik.http.{long}.a"),
        format!("traefik.enable{long}"),
        format!("traefik.docker.{long}"),
        format!("traefik.tls.{long}"),
    ];
    for key in &keys {
        let decoded = decode(&[(key, &long), ("traefik.http.routers.r.priority", &long)]);
        for text in findings(&decoded) {
            assert!(text.len() < 3_000, "{} bytes", text.len());
        }
        assert!(decoded.configuration.routers.is_empty());
    }
}
