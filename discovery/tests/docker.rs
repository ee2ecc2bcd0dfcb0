//! The Docker provider against the simulated engine: names, ports, addresses, states, changes.

mod support;

use std::net::IpAddr;

use support::{Watched, docker, routers, services, told, watch_as, watch_docker};
use swarmgate_config::install::{Docker, Install};
use swarmgate_testkit::engine::{ContainerSpec, Engine, Fault};

fn engine() -> Engine {
    Engine::start_temporary().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(name: &str, address: &str) -> ContainerSpec {
    ContainerSpec::new(name).network_at("net", ip(address))
}

fn start(engine: &Engine) -> Watched {
    watch_docker(docker(&engine.endpoint()))
}

#[tokio::test]
async fn containers_come_and_go() {
    let engine = engine();
    engine.run_container(at("demo_d2.x", "127.9.0.1").expose("8080/tcp"));
    let mut watched = start(&engine);
    watched.until("the first", |c| routers(c) == ["demo-d2-x"]).await;
    assert_eq!(services(&watched.latest), ["demo-d2-x=http://127.9.0.1:8080"]);
    assert_eq!(
        watched.latest.routers["demo-d2-x"].value.rule.as_deref(),
        Some("Host(`demo-d2-x`)")
    );
    engine.run_container(at("second", "127.9.0.2").expose("80/tcp"));
    let took = watched.until("the second", |c| c.routers.contains_key("second")).await;
    println!("new container seen after {took:?}");
    engine.stop_container("second");
    watched.until("stopped", |c| !c.routers.contains_key("second")).await;
    engine.remove_container("demo_d2.x");
    watched.until("an empty answer is an answer", |c| c.routers.is_empty()).await;
    assert_eq!(engine.calls("GET /containers/{id}/json"), 0);
}

#[tokio::test]
async fn compose_names_and_replicas() {
    let engine = engine();
    let replica = |number: u8| {
        at(&format!("proj-web-{number}"), &format!("127.9.0.{number}"))
            .label("com.docker.compose.project", "Proj")
            .label("com.docker.compose.service", "web")
            .label("traefik.http.routers.web.rule", "Host(`a.test`)")
            .expose("80/tcp")
    };
    engine.run_container(replica(1));
    engine.run_container(replica(2));
    let mut watched = start(&engine);
    watched.until("both", |c| services(c).iter().any(|it| it.contains(','))).await;
    assert_eq!(services(&watched.latest), ["web-Proj=http://127.9.0.1:80,http://127.9.0.2:80"]);
    assert_eq!(routers(&watched.latest), ["web"]);
    assert!(watched.latest.findings.is_empty(), "{:?}", watched.latest.findings);
}

#[tokio::test]
async fn health() {
    let engine = engine();
    engine.run_container(at("web", "127.9.0.1").expose("80/tcp").health("starting"));
    let mut strict = start(&engine);
    let mut lenient =
        watch_docker(Docker { allow_empty_services: true, ..docker(&engine.endpoint()) });
    lenient.until("kept empty", |c| services(c) == ["web="]).await;
    assert!(strict.next_within(support::PATIENCE).await.unwrap().routers.is_empty());
    let serving = ["web=http://127.9.0.1:80".to_owned()];
    for (health, there) in [("healthy", true), ("unhealthy", false), ("healthy", true)] {
        engine.set_health("web", health);
        strict.until(health, |c| services(c) == serving[..usize::from(there)]).await;
        let expected = if there { serving[0].as_str() } else { "web=" };
        lenient.until(health, |c| services(c) == [expected]).await;
    }
}

#[tokio::test]
async fn containers_that_do_not_run() {
    let engine = engine();
    let stopped = |name: &str| ContainerSpec { stopped: true, ..at(name, "127.9.0.1") };
    engine.run_container(stopped("plain").expose("80/tcp"));
    engine.run_container(stopped("kept").label("traefik.docker.allownonrunning", "true"));
    engine.run_container(
        stopped("port")
            .label("traefik.docker.allownonrunning", "true")
            .label("traefik.http.services.port.loadbalancer.server.port", "80"),
    );
    let mut watched = start(&engine);
    watched.until("kept without servers", |c| services(c) == ["kept=", "port="]).await;
    assert_eq!(routers(&watched.latest), ["kept", "port"]);
}

#[tokio::test]
async fn ports() {
    type Case<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let table: [Case<'_>; 6] = [
        ("the lowest", &["9000/tcp", "80/tcp", "443/tcp"], &[], "web=http://127.9.0.1:80"),
        ("TCP first", &["100/udp", "8081/tcp"], &[], "web=http://127.9.0.1:8081"),
        ("UDP for want of TCP", &["100/udp"], &[], "web=http://127.9.0.1:100"),
        (
            "the label's",
            &["80/tcp"],
            &[("traefik.http.services.web.loadbalancer.server.port", "81")],
            "web=http://127.9.0.1:81",
        ),
        (
            "a scheme with the exposed port",
            &["443/tcp"],
            &[("traefik.http.services.web.loadbalancer.server.scheme", "https")],
            "web=https://127.9.0.1:443",
        ),
        ("none", &[], &[], ""),
    ];
    for (case, exposed, labels, expected) in table {
        let engine = engine();
        let mut spec = at("web", "127.9.0.1");
        for port in exposed {
            spec = spec.expose(*port);
        }
        for (key, value) in labels {
            spec = spec.label(*key, *value);
        }
        engine.run_container(spec);
        let mut watched = start(&engine);
        watched.next_within(support::PATIENCE).await.unwrap();
        assert_eq!(services(&watched.latest).join(" "), expected, "{case}");
        assert_eq!(told(&watched.latest, "port is missing"), expected.is_empty(), "{case}");
    }
}

#[tokio::test]
async fn host_bindings() {
    let table = [
        (Some(("192.0.2.7", 32_000)), "web=http://192.0.2.7:32000", false),
        (Some(("0.0.0.0", 32_000)), "web=http://127.9.0.1:80", true),
        (Some(("::", 32_000)), "web=http://127.9.0.1:80", true),
        (Some(("2001:db8::1", 32_000)), "web=http://[2001:db8::1]:32000", false),
        (None, "web=http://127.9.0.1:80", true),
    ];
    for (binding, expected, fallen_back) in table {
        let engine = engine();
        let mut spec = at("web", "127.9.0.1").expose("80/tcp");
        if let Some((host, port)) = binding {
            spec = spec.bind("80/tcp", host, port);
        }
        engine.run_container(spec);
        let settings = Docker { use_bind_port_ip: true, ..docker(&engine.endpoint()) };
        let mut watched = watch_docker(settings);
        watched.next_within(support::PATIENCE).await.unwrap();
        assert_eq!(services(&watched.latest), [expected]);
        assert_eq!(told(&watched.latest, "Unable to find a binding"), fallen_back, "{binding:?}");
    }
}

#[tokio::test]
async fn networks_and_addresses() {
    let two = || {
        ContainerSpec::new("web")
            .expose("80/tcp")
            .network_at("b", ip("127.9.0.2"))
            .network_at("a", ip("127.9.0.1"))
            .network_at("proj_c", ip("127.9.0.3"))
            .label("com.docker.compose.project", "proj")
    };
    // case, container, provider's network, own network, address, part of a finding
    type Case<'a> = (&'a str, ContainerSpec, Option<&'a str>, Option<&'a str>, &'a str, &'a str);
    let table: Vec<Case<'_>> = vec![
        ("by name", two(), None, None, "127.9.0.1", "several networks"),
        ("shared", two(), None, Some("b"), "127.9.0.2", ""),
        ("the provider's", two(), Some("b"), None, "127.9.0.2", ""),
        (
            "the label's",
            two().label("traefik.docker.network", "b"),
            Some("a"),
            None,
            "127.9.0.2",
            "",
        ),
        ("the project's prefix", two(), Some("c"), None, "127.9.0.3", "taken as \"proj_c\""),
        ("a wrong name", two(), Some("x"), Some("b"), "127.9.0.2", "Could not find network"),
        (
            "IPv6 alone",
            ContainerSpec::new("web").expose("80/tcp").network_at("six", ip("fd00::9")),
            None,
            None,
            "[fd00::9]",
            "",
        ),
    ];
    for (case, spec, network, own, address, finding) in table {
        let engine = engine();
        engine.run_container(spec);
        let settings = Docker { network: network.map(str::to_owned), ..docker(&engine.endpoint()) };
        let mut install = Install::default();
        install.providers.docker = Some(settings);
        let id = own.map(|network| {
            engine.run_container(
                ContainerSpec::new("proxy").network(network).label("traefik.enable", "false"),
            )
        });
        let mut watched = match &id {
            Some(id) => watch_as(&install, id.get(..12).unwrap()),
            None => support::watch(&install),
        };
        watched.next_within(support::PATIENCE).await.unwrap();
        assert_eq!(services(&watched.latest), [format!("web=http://{address}:80")], "{case}");
        if finding.is_empty() {
            assert!(watched.latest.findings.is_empty(), "{case}: {:?}", watched.latest.findings);
        } else {
            assert!(told(&watched.latest, finding), "{case}: {:?}", watched.latest.findings);
        }
    }
}

#[tokio::test]
async fn network_modes() {
    let engine = engine();
    let port = "traefik.http.services.web.loadbalancer.server.port";
    engine.run_container(ContainerSpec {
        network_mode: "host".into(),
        ..ContainerSpec::new("web").label(port, "80")
    });
    let mut watched = start(&engine);
    watched.next_within(support::PATIENCE).await.unwrap();
    let server = services(&watched.latest).join("");
    // This host's own name for itself, where it has one.
    assert!(server.starts_with("web=http://") && server.ends_with(":80"), "{server}");
    engine.remove_container("web");

    let vpn = engine.run_container(at("vpn", "127.9.0.4").label("traefik.enable", "false"));
    engine.run_container(ContainerSpec {
        network_mode: format!("container:{vpn}"),
        ..ContainerSpec::new("web").label(port, "80")
    });
    watched.until("the other's", |c| services(c) == ["web=http://127.9.0.4:80"]).await;
    engine.remove_container("vpn");
    watched.until("it is lost", |c| c.services.is_empty()).await;
    assert!(told(&watched.latest, "unable to find the IP address for the container \"web\""));
}

#[tokio::test]
async fn odd_answers() {
    let engine = engine();
    let body = r#"[
      {"Id": "a", "Names": ["/other/alias", "/good"], "State": "running", "Status": "Up",
       "Labels": {}, "Mounts": [{"Type": "hologram"}],
       "Ports": [{"PrivatePort": 80, "Type": "tcp"}],
       "NetworkSettings": {"Networks": {"n": {"IPAddress": "10.0.0.3"}}}},
      {"Id": "b", "Names": null, "State": "running"},
      {"Id": "c", "Names": ["/bad"], "Labels": 3},
      {"Id": "d", "Names": ["/lost"], "State": "running", "Ports": [{"PrivatePort": 80}],
       "NetworkSettings": {"Networks": {"n": {"IPAddress": "not an address"}, "m": null}}}
    ]"#;
    engine.fault("/containers/json", Fault::Body(body.into()));
    let mut watched = start(&engine);
    watched.until("the good one", |c| routers(c) == ["good"]).await;
    assert_eq!(services(&watched.latest), ["good=http://10.0.0.3:80"]);
    assert!(told(&watched.latest, "\"bad\": the engine's description cannot be read"));
    assert!(told(&watched.latest, "\"lost\""), "{:?}", watched.latest.findings);
}

/// A container whose description cannot be read any more is served as it was, until it goes.
#[tokio::test]
async fn what_cannot_be_read_any_more_stays() {
    let engine = engine();
    let container = |id: &str, name: &str, labels: &str| {
        format!(
            r#"{{"Id": "{id}", "Names": ["/{name}"], "State": "running", "Status": "Up",
                "Labels": {labels}, "Ports": [{{"PrivatePort": 80, "Type": "tcp"}}],
                "NetworkSettings": {{"Networks": {{"n": {{"IPAddress": "10.0.0.3"}}}}}}}}"#
        )
    };
    let list = |entries: &[String]| {
        engine.clear_faults();
        engine.fault("/containers/json", Fault::Body(format!("[{}]", entries.join(","))));
        engine.send_event("container", "start", "x");
    };
    let good = container("a", "good", "{}");
    list(&[good.clone(), container("b", "shop", "{}")]);
    let mut watched = start(&engine);
    watched.until("both", |c| routers(c) == ["good", "shop"]).await;
    list(&[good.clone(), container("b", "shop", "7"), container("c", "new", "7")]);
    watched.until("told", |c| told(c, "it is served as it was described last")).await;
    assert_eq!(routers(&watched.latest), ["good", "shop"]);
    let left: Vec<String> =
        watched.latest.skipped.list().into_iter().map(|it| it.service).collect();
    assert_eq!(left, ["new"]);
    list(&[good]);
    watched.until("gone", |c| routers(c) == ["good"]).await;
}

/// A project that is deployed anew keeps the names it has had, though its container is younger.
#[tokio::test]
async fn a_new_container_is_as_old_as_its_predecessor() {
    let engine = engine();
    let container = |project: &str, created: u32, host: &str| {
        format!(
            r#"{{"Id": "{project}{created}", "Names": ["/{project}-web-1"], "State": "running",
                "Status": "Up", "Created": {created},
                "Ports": [{{"PrivatePort": 80, "Type": "tcp"}}],
                "Labels": {{"com.docker.compose.project": "{project}",
                  "com.docker.compose.service": "web",
                  "traefik.http.routers.r.rule": "Host(`{host}`)"}},
                "NetworkSettings": {{"Networks": {{"n": {{"IPAddress": "10.0.0.3"}}}}}}}}"#
        )
    };
    let list = |entries: &[String]| {
        engine.clear_faults();
        engine.fault("/containers/json", Fault::Body(format!("[{}]", entries.join(","))));
        engine.send_event("container", "start", "x");
    };
    let rule = |c: &swarmgate_config::routing::Configuration| {
        c.routers.get("r").and_then(|router| router.value.rule.clone()).unwrap_or_default()
    };
    list(&[container("old", 10, "old.test"), container("young", 20, "young.test")]);
    let mut watched = start(&engine);
    watched.until("the older's", |c| rule(c) == "Host(`old.test`)").await;
    list(&[container("young", 20, "young.test")]);
    watched.until("it is away", |c| rule(c) == "Host(`young.test`)").await;
    list(&[container("old", 30, "again.test"), container("young", 20, "young.test")]);
    watched.until("it is back", |c| rule(c) == "Host(`again.test`)").await;
    assert!(told(&watched.latest, "\"r\" is kept as the older \"old-web-1\" defines it"));
}
