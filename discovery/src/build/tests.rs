//! Tables over labels: what one item, and what several items become.

use std::collections::BTreeMap;
use std::net::IpAddr;

use swarmgate_config::decode::decode_labels;
use swarmgate_config::finding::Severity;
use swarmgate_config::routing::{Configuration, SwarmBackend};

use super::template::Template;
use super::{Item, Targets, build};

/// A Swarm service with a VIP.
fn service(name: &str, created: &str, vip: u8, running: u32, labels: &[(&str, &str)]) -> Item {
    let targets = Targets {
        vip: Some(IpAddr::from([10, 0, 0, vip])),
        running: Some(running),
        ..Targets::default()
    };
    item(name, created, targets, labels)
}

/// A container with an address and perhaps an exposed port.
fn container(name: &str, port: Option<u16>, labels: &[(&str, &str)]) -> Item {
    let members = vec![IpAddr::from([10, 0, 0, 9])];
    let targets = Targets { members, default_port: port, ..Targets::default() };
    item(name, "1", targets, labels)
}

fn item(name: &str, created: &str, targets: Targets, labels: &[(&str, &str)]) -> Item {
    let labels: BTreeMap<String, String> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let decoded = decode_labels(
        "swarm",
        name,
        labels.iter().map(|(key, value)| (key.as_str(), value.as_str())),
    );
    Item {
        id: format!("{name}-id"),
        own_name: name.to_owned(),
        base_name: super::name::normalize(name),
        container_name: format!("{name}.1"),
        created: created.to_owned(),
        labels,
        decoded,
        targets,
        findings: Vec::new(),
    }
}

/// `router=>service rule` for each router.
fn routers(configuration: &Configuration) -> Vec<String> {
    let show = |(name, router): (&String, &swarmgate_config::routing::Written<_>)| {
        let router: &swarmgate_config::routing::Router = &router.value;
        let service = router.service.as_deref().unwrap_or("-");
        format!("{name}=>{service} {}", router.rule.as_deref().unwrap_or("-"))
    };
    configuration.routers.iter().map(show).collect()
}

/// `service=url,url` for each service.
fn services(configuration: &Configuration) -> Vec<String> {
    let urls = |(name, service): (&String, &swarmgate_config::routing::Written<_>)| {
        let service: &swarmgate_config::routing::Service = &service.value;
        let servers = service.load_balancer.iter().flat_map(|balancer| &balancer.servers);
        let urls: Vec<&str> = servers.map(|server| server.url.as_str()).collect();
        format!("{name}={}", urls.join(","))
    };
    configuration.services.iter().map(urls).collect()
}

fn problems(configuration: &Configuration) -> Vec<String> {
    let bad = |severity| severity > Severity::Info;
    let findings = configuration.findings.iter().filter(|finding| bad(finding.severity));
    findings.map(ToString::to_string).collect()
}

fn check(
    case: &str,
    items: Vec<Item>,
    expected_routers: &[&str],
    expected_services: &[&str],
    expected_problems: &[&str],
) -> Configuration {
    let configuration = build("swarm", items, &Template::standard());
    assert_eq!(routers(&configuration), expected_routers, "{case}: {configuration:#?}");
    assert_eq!(services(&configuration), expected_services, "{case}");
    let problems = problems(&configuration);
    assert_eq!(problems.len(), expected_problems.len(), "{case}: {problems:#?}");
    for part in expected_problems {
        let told = problems.iter().any(|problem| problem.contains(part));
        assert!(told, "{case}: {part:?} is not in {problems:#?}");
    }
    configuration
}

const S_PORT: (&str, &str) = ("traefik.http.services.s.loadbalancer.server.port", "80");
const T_PORT: (&str, &str) = ("traefik.http.services.t.loadbalancer.server.port", "81");
const R_RULE: (&str, &str) = ("traefik.http.routers.r.rule", "Host(`r.test`)");
const MIDDLEWARE: (&str, &str) = ("traefik.http.middlewares.m.addprefix.prefix", "/x");

#[test]
fn swarm_label_situations() {
    type Case = (
        &'static str,
        Vec<(&'static str, &'static str)>,
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );
    let table: Vec<Case> = vec![
        ("no labels", vec![], &[], &[], &["service \"shop-web\" error: port is missing"]),
        (
            "a service, no router",
            vec![S_PORT],
            &["shop-web=>s Host(`shop-web`)"],
            &["s=http://10.0.0.1:80"],
            &[],
        ),
        (
            "router and service are linked",
            vec![S_PORT, R_RULE],
            &["r=>s Host(`r.test`)"],
            &["s=http://10.0.0.1:80"],
            &[],
        ),
        (
            "a router without a rule gets the default rule",
            vec![S_PORT, ("traefik.http.routers.r.entrypoints", "web")],
            &["r=>s Host(`shop-web`)"],
            &["s=http://10.0.0.1:80"],
            &[],
        ),
        (
            "two services, no router",
            vec![S_PORT, T_PORT],
            &[],
            &["s=http://10.0.0.1:80", "t=http://10.0.0.1:81"],
            &[],
        ),
        (
            "two services, an unlinked router",
            vec![S_PORT, T_PORT, R_RULE],
            &[],
            &["s=http://10.0.0.1:80", "t=http://10.0.0.1:81"],
            &["Router r cannot be linked automatically with multiple Services: [\"s\" \"t\"]"],
        ),
        (
            "two services, linked by name",
            vec![S_PORT, T_PORT, R_RULE, ("traefik.http.routers.r.service", "t")],
            &["r=>t Host(`r.test`)"],
            &["s=http://10.0.0.1:80", "t=http://10.0.0.1:81"],
            &[],
        ),
        (
            "a router on an internal service needs no port",
            vec![R_RULE, ("traefik.http.routers.r.service", "api@internal")],
            &["r=>api@internal Host(`r.test`)"],
            &[],
            &[],
        ),
        (
            "a router without a port",
            vec![R_RULE],
            &[],
            &[],
            &["service \"shop-web\" error: port is missing", "left out, because service"],
        ),
        (
            "one router misses its port, the other leads elsewhere",
            vec![
                R_RULE,
                ("traefik.http.routers.q.rule", "Host(`q.test`)"),
                ("traefik.http.routers.q.service", "x@file"),
            ],
            &["q=>x@file Host(`q.test`)"],
            &[],
            &["port is missing", "left out"],
        ),
        ("only a middleware", vec![MIDDLEWARE], &[], &[], &["port is missing"]),
        (
            "a bad label of a service spoils the routers on it, not those of others",
            vec![
                S_PORT,
                T_PORT,
                ("traefik.http.services.t.loadbalancer.nonsense", "1"),
                R_RULE,
                ("traefik.http.routers.r.service", "t"),
                ("traefik.http.routers.q.rule", "Host(`q.test`)"),
                ("traefik.http.routers.q.service", "s"),
            ],
            &["q=>s Host(`q.test`)"],
            &["s=http://10.0.0.1:80"],
            &["nonsense", "left out, because service \"t\""],
        ),
        (
            "a spoiled router does not make a default one",
            vec![S_PORT, ("traefik.http.routers.r.rul", "Host(`r.test`)")],
            &[],
            &["s=http://10.0.0.1:80"],
            &["rul"],
        ),
        (
            "a bad port",
            vec![("traefik.http.services.s.loadbalancer.server.port", "http"), R_RULE],
            &[],
            &[],
            &["port \"http\" is not a number", "left out"],
        ),
        (
            "a given URL",
            vec![
                ("traefik.http.services.s.loadbalancer.server.url", "http://10.9.9.9:99/x"),
                R_RULE,
            ],
            &["r=>s Host(`r.test`)"],
            &["s=http://10.9.9.9:99/x"],
            &[],
        ),
    ];
    for (case, labels, routers, services, problems) in table {
        let items = vec![service("shop_web", "1", 1, 2, &labels)];
        let configuration = check(case, items, routers, services, problems);
        let has_middleware = labels.contains(&MIDDLEWARE);
        assert_eq!(configuration.middlewares.contains_key("m"), has_middleware, "{case}");
    }
}

#[test]
fn container_label_situations() {
    check(
        "an exposed port suffices",
        vec![container("web", Some(8080), &[])],
        &["web=>web Host(`web`)"],
        &["web=http://10.0.0.9:8080"],
        &[],
    );
    check(
        "a label's port wins",
        vec![container("web", Some(8080), &[S_PORT])],
        &["web=>s Host(`web`)"],
        &["s=http://10.0.0.9:80"],
        &[],
    );
    check("no port at all", vec![container("web", None, &[])], &[], &[], &["port is missing"]);
    let idle = Targets::default();
    check(
        "allowed to stand still",
        vec![item("web", "1", idle, &[])],
        &["web=>web Host(`web`)"],
        &["web="],
        &[],
    );
    let lost = Targets { unreachable: Some("no address".into()), ..Targets::default() };
    check(
        "no address",
        vec![item("web", "1", lost, &[S_PORT, R_RULE])],
        &[],
        &[],
        &["service \"s\" error: no address", "left out"],
    );
}

#[test]
fn only_tcp_labels_make_no_http_router() {
    let labels = [("traefik.tcp.routers.t.rule", "HostSNI(`*`)")];
    let configuration =
        build("swarm", vec![container("web", Some(80), &labels)], &Template::standard());
    assert_eq!(routers(&configuration), Vec::<String>::new());
    assert_eq!(services(&configuration), Vec::<String>::new());
}

/// A router that was refused must not come back with the default rule and without its middlewares.
#[test]
fn a_mistyped_section_makes_no_default_router() {
    let template = Template::parse("Host(`{{ normalize .Name }}`)").unwrap();
    for section in ["router", "Routes"] {
        let rule = format!("traefik.http.{section}.web.rule");
        let middlewares = format!("traefik.http.{section}.web.middlewares");
        let labels = [
            (rule.as_str(), "Path(`/`)"),
            (middlewares.as_str(), "auth"),
            ("traefik.http.services.s.loadbalancer.server.port", "80"),
        ];
        let configuration = build("swarm", vec![service("app", "1", 1, 1, &labels)], &template);
        assert_eq!(routers(&configuration), Vec::<String>::new(), "{section}");
        assert!(!problems(&configuration).is_empty(), "{section}");
    }
}

#[test]
fn default_rules() {
    let render = |rule: &str| {
        let rule = Template::parse(rule).unwrap();
        let configuration =
            build("swarm", vec![service("shop_web", "1", 1, 1, &[S_PORT, ("k", "v")])], &rule);
        (routers(&configuration), problems(&configuration))
    };
    let (made, _) = render(r#"Host(`{{ index .Labels "k" }}.{{ .ContainerName }}`)"#);
    assert_eq!(made, ["shop-web=>s Host(`v.shop_web.1`)"]);
    let (made, told) = render(r#"{{ index .Labels "absent" }}"#);
    assert!(made.is_empty() && told[0].contains("Undefined rule"), "{made:?} {told:?}");
    let (made, told) = render(r#"{{ index (splitList "." .Name) 5 }}"#);
    assert!(made.is_empty() && told[0].contains("Error while parsing default rule"), "{told:?}");

    let given = service("a", "1", 1, 1, &[S_PORT, R_RULE]);
    let left = service("b", "2", 2, 1, &[T_PORT]);
    let configuration = build("swarm", vec![given, left], &Template::standard());
    assert!(!configuration.routers["r"].value.default_rule);
    assert!(configuration.routers["b"].value.default_rule);
}

fn swarm_of(configuration: &Configuration, service: &str) -> Option<SwarmBackend> {
    configuration.services[service].value.load_balancer.as_ref().and_then(|lb| lb.swarm)
}

#[test]
fn equal_services_join_their_servers() {
    let items = || {
        vec![
            service("b", "2", 2, 3, &[("traefik.http.services.s.loadbalancer.server.port", "81")]),
            service("a", "1", 1, 2, &[S_PORT]),
        ]
    };
    let configuration = check(
        "two services",
        items(),
        &["a=>s Host(`a`)", "b=>s Host(`b`)"],
        &["s=http://10.0.0.1:80,http://10.0.0.2:81"],
        &[],
    );
    assert_eq!(swarm_of(&configuration, "s"), Some(SwarmBackend { vip: true, running_tasks: 5 }));

    // A VIP without tasks takes no share, wherever it stands.
    for (first, second, expected) in
        [(0, 3, "s=http://10.0.0.2:81"), (2, 0, "s=http://10.0.0.1:80")]
    {
        let mut items = items();
        items[0].targets.running = Some(second);
        items[1].targets.running = Some(first);
        let configuration = build("swarm", items, &Template::standard());
        assert_eq!(services(&configuration), [expected]);
        assert_eq!(swarm_of(&configuration, "s").unwrap().running_tasks, first + second);
    }
}

#[test]
fn the_older_definition_is_kept() {
    let other_rule = ("traefik.http.routers.r.rule", "Host(`other.test`)");
    let no_pass = ("traefik.http.services.s.loadbalancer.passhostheader", "false");
    let other_middleware = ("traefik.http.middlewares.m.addprefix.prefix", "/y");
    let uses_m = ("traefik.http.routers.r.middlewares", "m");
    let q_uses_m = ("traefik.http.routers.q.middlewares", "m");
    let q_rule = ("traefik.http.routers.q.rule", "Host(`q.test`)");

    check(
        "routers",
        vec![
            service("young", "2", 2, 1, &[T_PORT, other_rule]),
            service("old", "1", 1, 1, &[S_PORT, R_RULE]),
        ],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80", "t=http://10.0.0.2:81"],
        &[
            "HTTP router defined multiple times with different configurations: \"r\" is kept as the \
           older \"old\" defines it",
        ],
    );
    check(
        "services: the newcomer's router must not lead to the other's servers",
        vec![
            service("young", "2", 2, 1, &[S_PORT, no_pass, q_rule]),
            service("old", "1", 1, 1, &[S_PORT, R_RULE]),
        ],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80"],
        &["HTTP service defined multiple times", "left out, because \"s\" is defined differently"],
    );
    check(
        "middlewares: nor past its own protection",
        vec![
            service("young", "2", 2, 1, &[T_PORT, q_rule, q_uses_m, other_middleware]),
            service("old", "1", 1, 1, &[S_PORT, R_RULE, uses_m, MIDDLEWARE]),
        ],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80", "t=http://10.0.0.2:81"],
        &["HTTP middleware defined multiple times", "left out, because \"m\""],
    );
    check(
        "equal definitions are one",
        vec![
            service("young", "2", 2, 1, &[S_PORT, R_RULE, uses_m, MIDDLEWARE]),
            service("old", "1", 1, 1, &[S_PORT, R_RULE, uses_m, MIDDLEWARE]),
        ],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80,http://10.0.0.2:80"],
        &[],
    );
}

#[test]
fn the_order_of_listing_does_not_matter() {
    let items = || {
        vec![
            service("c", "2", 3, 1, &[S_PORT, ("traefik.http.routers.r.rule", "Host(`c`)")]),
            service("b", "1", 2, 1, &[S_PORT, ("traefik.http.routers.r.rule", "Host(`b`)")]),
            service("a", "2", 1, 1, &[S_PORT, ("traefik.http.routers.r.rule", "Host(`a`)")]),
        ]
    };
    let expected = build("swarm", items(), &Template::standard());
    assert_eq!(routers(&expected), ["r=>s Host(`b`)"]);
    for turn in 1..3 {
        let mut turned = items();
        turned.rotate_left(turn);
        assert_eq!(build("swarm", turned, &Template::standard()), expected);
    }
}

/// One service may carry as many labels as Swarm lets it: time and findings stay in proportion.
#[test]
fn thousands_of_labels_on_one_service() {
    let mut labels = Vec::new();
    for number in 0..3_000 {
        labels.push((format!("traefik.http.routers.r{number}.rule"), "Host(`a`)".to_owned()));
        let port = format!("traefik.http.services.s{number}.loadbalancer.server.port");
        labels.push((port, "80".to_owned()));
    }
    let labels: Vec<(&str, &str)> =
        labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let configuration =
        build("swarm", vec![service("app", "1", 1, 1, &labels)], &Template::standard());
    assert_eq!(configuration.services.len(), 3_000);
    assert_eq!(configuration.findings.len(), 101);
    let last = configuration.findings.last().unwrap();
    assert_eq!(last.message, "2900 more findings like these");
    let length: usize = configuration.findings.iter().map(|it| it.message.len()).sum();
    assert!(length < 100_000, "{length}");
}

/// Services times tasks: labels ask for the one, replicas for the other.
#[test]
fn servers_of_one_item_are_bounded() {
    let mut labels = Vec::new();
    for number in 0..300 {
        let port = format!("traefik.http.services.s{number}.loadbalancer.server.port");
        labels.push((port, "80".to_owned()));
    }
    let labels: Vec<(&str, &str)> =
        labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let mut many = service("app", "1", 1, 1_000, &labels);
    many.targets.vip = None;
    many.targets.members =
        (0..1_000_u16).map(|n| IpAddr::from([10, 1, (n / 250) as u8, (n % 250) as u8])).collect();
    let configuration = build("swarm", vec![many], &Template::standard());
    assert_eq!(configuration.services.len(), 100);
    assert!(problems(&configuration)[0].contains("more than 100000 servers"));
}

/// Two stacks from one file: the second under another host, or quite the same.
#[test]
fn stacks_do_not_mix() {
    let first = ("com.docker.stack.namespace", "first");
    let second = ("com.docker.stack.namespace", "second");
    let other_rule = ("traefik.http.routers.r.rule", "Host(`other.test`)");
    let q_rule = ("traefik.http.routers.q.rule", "Host(`q.test`)");
    let holder = |labels: &[(&str, &str)]| {
        service("first_web", "1", 1, 1, &[&[first, S_PORT][..], labels].concat())
    };
    let newcomer = |labels: &[(&str, &str)]| {
        service("second_web", "2", 2, 1, &[&[second, S_PORT][..], labels].concat())
    };
    let refused = "HTTP service \"s\" is already that of the older \"first_web\", of another stack";
    check(
        "the same router under another host",
        vec![newcomer(&[other_rule]), holder(&[R_RULE])],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80"],
        &[refused, "left out, because \"s\""],
    );
    check(
        "another router on the same service",
        vec![newcomer(&[q_rule]), holder(&[R_RULE])],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80"],
        &[refused, "left out, because \"s\""],
    );
    check(
        "quite the same: two halves of one site",
        vec![newcomer(&[R_RULE]), holder(&[R_RULE])],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80,http://10.0.0.2:80"],
        &[],
    );
    check(
        "more servers for a service, and no routers",
        vec![newcomer(&[]), holder(&[R_RULE])],
        &["r=>s Host(`r.test`)", "second-web=>s Host(`second-web`)"],
        &["s=http://10.0.0.1:80,http://10.0.0.2:80"],
        &["its servers are added to service \"s\" of the older \"first_web\", of stack \"first\""],
    );
    let t_rule = [
        ("traefik.http.routers.t.rule", "Host(`t.test`)"),
        ("traefik.http.routers.t.service", "t"),
        T_PORT,
    ];
    check(
        "more servers for a service, and a router to another one",
        vec![newcomer(&t_rule), holder(&[R_RULE])],
        &["r=>s Host(`r.test`)", "t=>t Host(`t.test`)"],
        &["s=http://10.0.0.1:80,http://10.0.0.2:80", "t=http://10.0.0.2:81"],
        &["its servers are added to service \"s\""],
    );
    // Within one stack everything joins, as with Traefik.
    let sibling = service("first_api", "3", 3, 1, &[first, S_PORT, q_rule]);
    check(
        "one stack",
        vec![sibling, holder(&[R_RULE])],
        &["q=>s Host(`q.test`)", "r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80,http://10.0.0.3:80"],
        &[],
    );
    // The holder leaves, and the other takes over.
    check(
        "alone",
        vec![newcomer(&[other_rule])],
        &["r=>s Host(`other.test`)"],
        &["s=http://10.0.0.2:80"],
        &[],
    );
}

#[test]
fn chains_do_not_lead_to_middlewares_of_others() {
    let other_middleware = ("traefik.http.middlewares.m.addprefix.prefix", "/y");
    let chain = ("traefik.http.middlewares.c.chain.middlewares", "m");
    let outer = ("traefik.http.middlewares.o.chain.middlewares", "c@swarm");
    let harmless = ("traefik.http.middlewares.h.chain.middlewares", "m@file");
    let q_rule = ("traefik.http.routers.q.rule", "Host(`q.test`)");
    let h_rule = ("traefik.http.routers.h.rule", "Host(`h.test`)");
    let configuration = check(
        "through two chains",
        vec![
            service(
                "young",
                "2",
                2,
                1,
                &[
                    T_PORT,
                    q_rule,
                    ("traefik.http.routers.q.middlewares", "o"),
                    h_rule,
                    ("traefik.http.routers.h.middlewares", "h"),
                    outer,
                    chain,
                    harmless,
                    other_middleware,
                ],
            ),
            service("old", "1", 1, 1, &[S_PORT, R_RULE, MIDDLEWARE]),
        ],
        &["h=>t Host(`h.test`)", "r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80", "t=http://10.0.0.2:81"],
        &[
            "HTTP middleware defined multiple times",
            "\"c\" is defined differently",
            "\"m\" is defined differently",
            "\"o\" is defined differently",
        ],
    );
    let kept: Vec<&str> = configuration.middlewares.keys().map(String::as_str).collect();
    assert_eq!(kept, ["h", "m"]);
}

const FIRST: (&str, &str) = ("com.docker.stack.namespace", "first");
const SECOND: (&str, &str) = ("com.docker.stack.namespace", "second");
const MISTYPED: (&str, &str) = ("traefik.http.middlewares.m.addprefix.prefx", "/x");
const OTHER: (&str, &str) = ("traefik.http.middlewares.m.addprefix.prefix", "/y");
const R_USES_M: (&str, &str) = ("traefik.http.routers.r.middlewares", "m");
const Q_RULE: (&str, &str) = ("traefik.http.routers.q.rule", "Host(`q.test`)");
const Q_USES_M: (&str, &str) = ("traefik.http.routers.q.middlewares", "m");

/// A name that an item writes is its own, also when what stands there cannot be used: a stranger's
/// object of that name is no replacement.
#[test]
fn a_stranger_does_not_stand_in_for_what_cannot_be_read() {
    let mistyped =
        |created| service("first_web", created, 1, 1, &[FIRST, S_PORT, R_RULE, R_USES_M, MISTYPED]);
    let stranger =
        |created| service("second_web", created, 2, 1, &[SECOND, T_PORT, Q_RULE, Q_USES_M, OTHER]);

    // The stranger is younger: it does not get the name, as before the mistake.
    let configuration = check(
        "mistyped by the older",
        vec![stranger("2"), mistyped("1")],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80", "t=http://10.0.0.2:81"],
        &[
            "prefx",
            "HTTP middleware \"m\" is that of the older \"first_web\", whose labels for it",
            "left out, because \"m\"",
        ],
    );
    assert!(configuration.middlewares.is_empty(), "r leads to nothing, and is disabled");

    // The stranger is older and keeps it; nobody else's router runs through it.
    let configuration = check(
        "mistyped by the younger",
        vec![stranger("1"), mistyped("2")],
        &["q=>t Host(`q.test`)"],
        &["s=http://10.0.0.1:80", "t=http://10.0.0.2:81"],
        &["prefx", "left out, because \"m\""],
    );
    assert_eq!(configuration.middlewares.len(), 1);

    // Through a chain, and by the service: neither is there for others to refer to.
    let chain = ("traefik.http.middlewares.c.chain.middlewares", "m");
    let r_uses_c = ("traefik.http.routers.r.middlewares", "c");
    let around = ("traefik.http.services.s.middlewares", "c");
    for uses in [r_uses_c, around] {
        let labels = [FIRST, S_PORT, R_RULE, MISTYPED, chain, uses];
        let by_chain = service("first_web", "2", 1, 1, &labels);
        let configuration = build("swarm", vec![stranger("1"), by_chain], &Template::standard());
        assert_eq!(routers(&configuration), ["q=>t Host(`q.test`)"], "{uses:?}");
        assert_eq!(configuration.middlewares.len(), 1, "{uses:?}");
        assert_eq!(configuration.services.contains_key("s"), uses == r_uses_c, "{uses:?}");
    }

    // Routers and services, too.
    let no_router = ("traefik.http.routers.q.rul", "Host(`q.test`)");
    let no_service = ("traefik.http.services.t.loadbalancer.server.prt", "80");
    check(
        "a router and a service",
        vec![service("first_web", "1", 1, 1, &[FIRST, no_router, no_service]), stranger("2")],
        &[],
        &[],
        &[
            "rul",
            "prt",
            "HTTP router \"q\" is that of the older",
            "HTTP service \"t\" is that of the older",
        ],
    );
}

/// Two stacks are two halves of one site: one of them that is out of reach takes no name away.
#[test]
fn what_is_out_of_reach_is_readable() {
    let half = |name: &str, created, stack, vip| {
        service(name, created, vip, 1, &[stack, S_PORT, R_RULE, R_USES_M, MIDDLEWARE])
    };
    let mut lost = half("first_web", "1", FIRST, 1);
    lost.targets = Targets { unreachable: Some("no network".into()), ..Targets::default() };
    check(
        "the older is out of reach",
        vec![lost, half("second_web", "2", SECOND, 2)],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.2:80"],
        &["no network", "left out, because service \"s\""],
    );
}

/// The services of one stack mean the stack's own objects.
#[test]
fn a_stranger_does_not_stand_in_for_a_siblings() {
    let stranger = || service("second_web", "1", 2, 1, &[SECOND, T_PORT, Q_RULE, Q_USES_M, OTHER]);
    let user = |created| service("first_api", created, 3, 1, &[FIRST, S_PORT, R_RULE, R_USES_M]);
    for (case, definition) in [("mistyped", MISTYPED), ("taken", MIDDLEWARE)] {
        for (first, second) in [("2", "3"), ("3", "2")] {
            let labels = [FIRST, definition, ("traefik.http.routers.x.service", "api@internal")];
            let definer = service("first_web", second, 1, 1, &labels);
            let items = vec![stranger(), user(first), definer];
            let configuration = build("swarm", items, &Template::standard());
            assert_eq!(
                routers(&configuration),
                ["q=>t Host(`q.test`)", "x=>api@internal Host(`first-web`)"],
                "{case}: {configuration:#?}"
            );
            let told = problems(&configuration);
            assert!(
                told.iter()
                    .any(|it| it.contains("first_api") && it.contains("left out, because \"m\"")),
                "{case}: {told:?}"
            );
            let left = configuration.skipped.list();
            assert!(
                left.iter().any(|it| it.service == "first_api" && it.rules == "Host(`r.test`)")
            );
        }
    }
    // What a sibling has described well is the stack's own.
    let definer = service("first_web", "2", 1, 1, &[FIRST, MIDDLEWARE]);
    let mistyped = service("first_old", "1", 4, 1, &[FIRST, MISTYPED]);
    let configuration = build("swarm", vec![mistyped, definer, user("3")], &Template::standard());
    assert_eq!(routers(&configuration), ["r=>s Host(`r.test`)"]);
    assert!(configuration.middlewares.contains_key("m"));
}

/// A service's own middlewares protect it as a router's do.
#[test]
fn a_service_does_not_run_behind_a_strangers_middleware() {
    let around = ("traefik.http.services.t.middlewares", "m");
    let old = || service("old", "1", 1, 1, &[S_PORT, R_RULE, MIDDLEWARE]);
    check(
        "defined differently",
        vec![service("young", "2", 2, 1, &[T_PORT, Q_RULE, around, OTHER]), old()],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80"],
        &["HTTP middleware defined multiple times", "left out, because \"m\"", "because \"t\""],
    );
    check(
        "the older's, by its name",
        vec![service("young", "2", 2, 1, &[T_PORT, Q_RULE, around]), old()],
        &["q=>t Host(`q.test`)", "r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80", "t=http://10.0.0.2:81"],
        &[],
    );
    // Equal services with their own middlewares, which differ.
    let around = ("traefik.http.services.s.middlewares", "m");
    check(
        "equal but for what they mean",
        vec![
            service("young", "2", 2, 1, &[S_PORT, Q_RULE, around, OTHER]),
            service("old", "1", 1, 1, &[S_PORT, R_RULE, around, MIDDLEWARE]),
        ],
        &["r=>s Host(`r.test`)"],
        &["s=http://10.0.0.1:80"],
        &["HTTP middleware defined multiple times", "left out, because \"m\"", "because \"s\""],
    );
}

/// Equal words about error pages, each stack with pages of its own: neither's are shown to the
/// visitors of the other.
#[test]
fn pages_of_a_stranger_are_not_shown() {
    const E: &str = "traefik.http.middlewares.e.errors.";
    let status = format!("{E}status");
    let service_of = format!("{E}service");
    let errors = |service| [(status.as_str(), "500-599"), (service_of.as_str(), service)];
    let pages_port = ("traefik.http.services.p.loadbalancer.server.port", "8080");
    let chain = ("traefik.http.middlewares.c.chain.middlewares", "e");
    // The pages have routers of their own, as a copy of a stack does.
    let pages = |name: &str, created, stack: &[(&str, &str)], rule| {
        let key = format!("traefik.http.routers.{name}-pages.rule");
        service(name, created, 8, 1, &[stack, &[pages_port, (key.as_str(), rule)]].concat())
    };
    let app = |name: &str, created, stack: &[(&str, &str)], more: &[(&str, &str)]| {
        let key = |key: &str| format!("traefik.http.{}", key.replace("NAME", name));
        let rule = key("routers.NAME.rule");
        let port = key("services.NAME.loadbalancer.server.port");
        let uses = key("routers.NAME.middlewares");
        let uses = (uses.as_str(), if more.contains(&chain) { "c" } else { "e" });
        let host = format!("Host(`{name}.test`)");
        let own = [(rule.as_str(), host.as_str()), (port.as_str(), "80"), uses];
        service(name, created, 9, 1, &[stack, &own, more].concat())
    };
    let equal = errors("p");
    let by_chain = [equal[0], equal[1], chain];
    for (case, labels) in [("by itself", &equal[..]), ("through an equal chain", &by_chain)] {
        // Whichever of the younger stack's services is the older.
        for (of_app, of_pages) in [("3", "4"), ("4", "3")] {
            let items = vec![
                app("a", "1", &[FIRST], labels),
                pages("a_pages", "2", &[FIRST], "Host(`pa.test`)"),
                app("b", of_app, &[SECOND], labels),
                pages("b_pages", of_pages, &[SECOND], "Host(`pb.test`)"),
            ];
            let configuration = build("swarm", items, &Template::standard());
            let served = routers(&configuration);
            assert_eq!(
                served,
                ["a=>a Host(`a.test`)", "a_pages-pages=>p Host(`pa.test`)"],
                "{case}"
            );
            assert!(configuration.middlewares.contains_key("e"), "the older's stays: {case}");
            let told = problems(&configuration);
            let through_p = told.iter().filter(|it| it.contains("left out, because \"p\"")).count();
            assert_eq!(through_p, 2, "the router of the pages, and the middleware: {told:?}");
            let left = configuration.skipped.list();
            assert!(left.iter().any(|it| it.rules == "Host(`b.test`)"), "{case}: {left:?}");
        }
    }

    // All in one service, and nobody of a stack.
    let rule = ("traefik.http.routers.y-pages.rule", "Host(`py.test`)");
    let to_pages = ("traefik.http.routers.y-pages.service", "p");
    let to_app = ("traefik.http.routers.y.service", "y");
    let labels = [equal[0], equal[1], pages_port, rule, to_pages, to_app];
    let items = vec![
        app("a", "1", &[], &equal),
        pages("a_pages", "2", &[], "Host(`pa.test`)"),
        app("y", "3", &[], &labels),
    ];
    let configuration = build("swarm", items, &Template::standard());
    let served = routers(&configuration);
    // Without stacks the servers are all one's own, and joined.
    assert_eq!(served.len(), 4, "{served:?}");
    let other = ("traefik.http.services.p.loadbalancer.passHostHeader", "false");
    let items = vec![
        app("a", "1", &[], &equal),
        pages("a_pages", "2", &[], "Host(`pa.test`)"),
        app("y", "3", &[], &[&labels[..], &[other]].concat()),
    ];
    let configuration = build("swarm", items, &Template::standard());
    let served = routers(&configuration);
    assert_eq!(served, ["a=>a Host(`a.test`)", "a_pages-pages=>p Host(`pa.test`)"]);

    // One stack shares its pages, and what somebody else's router says of them by name is meant so.
    let items = vec![
        app("a", "1", &[FIRST], &equal),
        pages("a_pages", "2", &[FIRST], "Host(`pa.test`)"),
        app("b", "3", &[FIRST], &equal),
        app("d", "4", &[SECOND], &equal),
    ];
    let configuration = build("swarm", items, &Template::standard());
    assert_eq!(routers(&configuration).len(), 4, "{configuration:#?}");
    assert_eq!(problems(&configuration), Vec::<String>::new());
}

/// Ten thousand services of one name: joined in proportion, each server once.
#[test]
fn thousands_of_services_join() {
    let items = (0..10_000_u16).map(|number| {
        let url = format!("http://10.1.{}.{}", number / 2 / 250, number / 2 % 250);
        let labels = [("traefik.http.services.s.loadbalancer.server.url", url.as_str())];
        service(&format!("app{number}"), &format!("{number:05}"), 1, 1, &labels)
    });
    let items: Vec<Item> = items.collect();
    let began = std::time::Instant::now();
    let configuration = build("swarm", items, &Template::standard());
    let taken = began.elapsed();
    let servers = &configuration.services["s"].value.load_balancer.as_ref().unwrap().servers;
    assert_eq!(servers.len(), 5_000);
    assert!(servers[0].url.ends_with("10.1.0.0") && servers[4_999].url.ends_with("10.1.19.249"));
    println!("10,000 services joined in {taken:?}");
    assert!(taken.as_secs() < 20, "{taken:?}");
}
