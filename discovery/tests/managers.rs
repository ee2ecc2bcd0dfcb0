//! Several managers of one Swarm: one is followed; when it is lost, another one.

mod support;

use std::time::Duration;

use support::{docker, routers, services, told, watch_as, watch_swarm};
use swarmgate_config::install::Install;
use swarmgate_testkit::engine::{ContainerSpec, Engine, Fault, ServiceSpec};

fn manager(name: &str) -> Engine {
    let engine = Engine::start_temporary().unwrap();
    let port = format!("traefik.http.services.{name}.loadbalancer.server.port");
    engine.create_service(ServiceSpec::new(name).network("n").label(port, "80")).unwrap();
    engine
}

#[tokio::test]
async fn a_lost_manager_is_replaced_by_the_next() {
    // They tell different things, so that it is seen who was asked.
    let (a, b) = (manager("a"), manager("b"));
    let both = format!("{}, {}", a.endpoint(), b.endpoint());
    let mut watched = watch_swarm(docker(&both));
    watched.until("the first", |c| routers(c) == ["a"]).await;
    assert_eq!(b.calls("GET /services"), 0);

    a.stop();
    let took = watched.until("the second", |c| routers(c) == ["b"]).await;
    println!("another manager after {took:?}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);

    // And back, and a manager that is none any more counts as lost.
    a.restart().unwrap();
    b.set_manager(false);
    b.restart().unwrap();
    watched.until("the first again", |c| routers(c) == ["a"]).await;

    // All of them: what was found last stays, and each is named.
    a.stop();
    watched.until("the finding", |c| told(c, "what was found last keeps serving")).await;
    assert_eq!(routers(&watched.latest), ["a"]);
    assert!(told(&watched.latest, &a.endpoint()) && told(&watched.latest, &b.endpoint()));
    assert!(told(&watched.latest, "is not a Swarm manager"));
    b.set_manager(true);
    watched.until("whoever is there", |c| routers(c) == ["b"]).await;
}

#[tokio::test]
async fn managers_that_break_off_are_not_asked_without_pause() {
    let (a, b) = (manager("a"), manager("b"));
    for engine in [&a, &b] {
        // Ends at once.
        engine.fault("/events", Fault::Body(String::new()));
    }
    let mut watched = watch_swarm(docker(&format!("{},{}", a.endpoint(), b.endpoint())));
    watched.until("one of them", |c| !c.routers.is_empty()).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let calls = a.calls("GET /services") + b.calls("GET /services");
    assert!(calls < 20, "{calls} listings within seconds");
}

/// The proxy's container is known to one engine only, its networks count on all of them.
#[tokio::test]
async fn another_manager_does_not_change_the_network() {
    let swarm = |rule: &str| {
        let engine = Engine::start_temporary().unwrap();
        let spec = ServiceSpec::new("web")
            .network("back")
            .network("public")
            .vip("back", "127.9.0.1".parse().unwrap())
            .vip("public", "127.9.0.2".parse().unwrap())
            .label("traefik.http.routers.web.rule", rule)
            .label("traefik.http.services.web.loadbalancer.server.port", "80");
        engine.create_service(spec).unwrap();
        engine
    };
    let (a, b) = (swarm("Host(`a`)"), swarm("Host(`b`)"));
    let proxy = a.run_container(ContainerSpec::new("proxy").network("public"));
    let mut install = Install::default();
    install.providers.swarm = Some(docker(&format!("{},{}", a.endpoint(), b.endpoint())));
    let mut watched = watch_as(&install, &proxy);
    watched.until("the first", |c| routers(c) == ["web"]).await;
    assert_eq!(services(&watched.latest), ["web=http://127.9.0.2:80"]);
    a.stop();
    watched
        .until("the second", |c| c.routers["web"].value.rule.as_deref() == Some("Host(`b`)"))
        .await;
    assert_eq!(services(&watched.latest), ["web=http://127.9.0.2:80"]);
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
}
