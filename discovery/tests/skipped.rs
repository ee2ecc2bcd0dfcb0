//! What the providers leave out, and why: kept for whoever asks, and no change of configuration.

mod support;

use support::{docker, routers, watch_docker, watch_swarm};
use swarmgate_config::install::Docker;
use swarmgate_config::routing::Configuration;
use swarmgate_testkit::engine::{ContainerSpec, Engine, Mode, ServiceSpec};

/// `name: reason`, sorted.
fn reasons(configuration: &Configuration) -> Vec<String> {
    let all = configuration.skipped.list();
    let mut told: Vec<String> =
        all.iter().map(|left| format!("{}: {}", left.service, left.reason)).collect();
    told.sort();
    told
}

fn assert_reasons(configuration: &Configuration, expected: &[(&str, &str)]) {
    let told = reasons(configuration);
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (line, (name, part)) in told.iter().zip(expected) {
        assert!(line.starts_with(&format!("{name}: ")) && line.contains(part), "{line}: {part}");
    }
}

#[tokio::test]
async fn containers() {
    let engine = Engine::start_temporary().unwrap();
    let spec = |name: &str| ContainerSpec::new(name).network("net").expose("80/tcp");
    engine.run_container(spec("a-good").label("x", "y"));
    engine.run_container(spec("b-off").label("traefik.enable", "false"));
    engine.run_container(spec("c-stage").label("stage", "test"));
    engine.run_container(spec("d-ill").health("unhealthy"));
    engine.run_container(
        ContainerSpec::new("e-portless")
            .network("net")
            .label("traefik.http.routers.e.rule", "Host(`e.test`)"),
    );
    let constraints = Some("!Label(`stage`,`test`)".to_owned());
    let mut watched = watch_docker(Docker { constraints, ..docker(&engine.endpoint()) });
    watched.until("the good one", |c| routers(c) == ["a-good"]).await;
    let missing = "port is missing";
    let expected = [
        ("b-off", "its label traefik.enable is false"),
        ("c-stage", "the provider's constraints"),
        ("d-ill", "health check"),
        ("e-portless", missing),
        ("e-portless", missing),
    ];
    assert_reasons(&watched.latest, &expected);
    let portless = watched.latest.skipped.list().into_iter().find(|it| it.service == "e-portless");
    assert_eq!(portless.unwrap().rules, "Host(`e.test`)");
}

#[tokio::test]
async fn services_and_no_change() {
    let engine = Engine::start_temporary().unwrap();
    engine.create_network("net");
    let spec = |name: &str| {
        ServiceSpec::new(name)
            .network("net")
            .label("traefik.enable", "true")
            .label("traefik.http.services.s.loadbalancer.server.port", "80")
    };
    engine.create_service(spec("web")).unwrap();
    engine.create_service(spec("job").mode(Mode::ReplicatedJob(1))).unwrap();
    engine.create_service(ServiceSpec::new("db").network("net")).unwrap();
    let exposed_by_default = false;
    let mut watched = watch_swarm(Docker { exposed_by_default, ..docker(&engine.endpoint()) });
    watched.until("the site", |c| routers(c) == ["web"]).await;
    let seen = watched.latest.clone();
    let expected = [("db", "exposedByDefault is false"), ("job", "it is a job")];
    assert_reasons(&seen, &expected);

    // Another database is no change, and is told by the configuration that is in force already.
    engine.create_service(ServiceSpec::new("cache").network("net")).unwrap();
    watched.until("listed", |c| c.skipped.list().len() == 3).await;
    assert_eq!(*seen, *watched.latest);
    assert_eq!(reasons(&seen)[0], reasons(&watched.latest)[0]);
    assert!(reasons(&seen)[0].starts_with("cache: "), "{:?}", reasons(&seen));
}
