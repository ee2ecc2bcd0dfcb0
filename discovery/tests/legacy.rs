//! Labels of Traefik v1 on the simulated engine: both providers serve them as today's.

mod support;

use std::net::IpAddr;

use support::{docker, routers, services, told, watch, watch_docker, watch_swarm};
use swarmgate_config::finding::Severity;
use swarmgate_config::install::Install;
use swarmgate_testkit::engine::{ContainerSpec, Engine, ServiceSpec};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn containers_of_one_backend() {
    let engine = Engine::start_temporary().unwrap();
    for number in 1..=2 {
        let container = ContainerSpec::new(format!("proj-web-{number}"))
            .network_at("net", ip(&format!("127.9.0.{number}")))
            .label("com.docker.compose.project", "proj")
            .label("com.docker.compose.service", "web")
            .label("traefik.backend", "shop")
            .label("traefik.frontend.rule", "Host:a.test;PathPrefixStrip:/x")
            .expose("80/tcp");
        engine.run_container(container);
    }
    let mut watched = watch_docker(docker(&engine.endpoint()));
    watched.until("both", |c| services(c).iter().any(|it| it.contains(','))).await;
    let latest = &watched.latest;
    assert_eq!(services(latest), ["shop=http://127.9.0.1:80,http://127.9.0.2:80"]);
    assert_eq!(routers(latest), ["web-proj"]);
    let router = &latest.routers["web-proj"];
    assert_eq!(router.value.rule.as_deref(), Some("Host(`a.test`) && PathPrefix(`/x`)"));
    assert_eq!(router.value.middlewares, ["web-proj-stripprefix"]);
    assert!(router.origin.to_string().contains("traefik.frontend.rule"), "{}", router.origin);
    assert!(told(latest, "traefik.http.services.shop."), "{:?}", latest.findings);
    assert!(latest.findings.iter().all(|finding| finding.severity < Severity::Error));
}

#[tokio::test]
async fn a_swarm_service_with_segments_and_a_domain() {
    let engine = Engine::start_temporary().unwrap();
    engine.create_network("net");
    let service = ServiceSpec::new("stack_app")
        .network("net")
        .vip("net", ip("127.8.0.1"))
        .label("traefik.docker.network", "net")
        .label("traefik.backend.loadbalancer.swarm", "true")
        .label("traefik.web.port", "80")
        .label("traefik.admin.port", "9000")
        .label("traefik.admin.frontend.rule", "Host:admin.test");
    engine.create_service(service).unwrap();
    let mut install = Install::default();
    install.providers.swarm = Some(docker(&engine.endpoint()));
    install.v1.domain = Some("d.test".into());
    let mut watched = watch(&install);
    watched.until("it", |c| c.services.len() == 2).await;
    let latest = &watched.latest;
    assert_eq!(
        services(latest),
        ["stack-app-admin=http://127.8.0.1:9000", "stack-app-web=http://127.8.0.1:80"]
    );
    let rule = |name: &str| latest.routers[name].value.rule.clone().unwrap();
    assert_eq!(rule("stack-app-web"), "Host(`stack-app.d.test`)");
    assert_eq!(rule("stack-app-admin"), "Host(`admin.test`)");
    assert!(told(latest, "traefik.swarm.network=net"), "{:?}", latest.findings);
    // Each says it of the labels that somebody wrote.
    assert_eq!(latest.findings.len(), 1, "{:?}", latest.findings);
}

#[tokio::test]
async fn what_is_not_understood_stays_closed() {
    let engine = Engine::start_temporary().unwrap();
    engine.create_network("net");
    let service = ServiceSpec::new("app")
        .network("net")
        .label("traefik.port", "80")
        .label("traefik.frontend.rule", "Host:a.test")
        .label("traefik.frontend.auth.basic.Users", "u:h");
    engine.create_service(service).unwrap();
    let mut watched = watch_swarm(docker(&engine.endpoint()));
    watched.until("it", |c| told(c, "the router is not served")).await;
    // No router stands in for it either.
    assert_eq!(routers(&watched.latest), Vec::<&str>::new());
}

#[tokio::test]
async fn a_service_that_is_not_exposed_is_only_told_of() {
    let engine = Engine::start_temporary().unwrap();
    engine.create_network("net");
    let service = ServiceSpec::new("app")
        .network("net")
        .label("traefik.port", "80")
        .label("traefik.frontend.rule", "Host:a.test");
    engine.create_service(service).unwrap();
    let settings = swarmgate_config::install::Docker {
        exposed_by_default: false,
        ..docker(&engine.endpoint())
    };
    let mut watched = watch_swarm(settings);
    watched.until("it", |c| told(c, "it has traefik.frontend labels but is not exposed")).await;
    assert_eq!(routers(&watched.latest), Vec::<&str>::new());
    assert_eq!(watched.latest.findings.len(), 1, "{:?}", watched.latest.findings);
}
