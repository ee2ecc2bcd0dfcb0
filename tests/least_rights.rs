//! Behind a socket proxy that lets nothing through but the calls that docs/operations.md lists:
//! everything works, and nothing else is even tried.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use swarmgate_testkit::client;
use swarmgate_testkit::engine::{ContainerSpec, Engine, ServiceSpec};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::Launch;
use swarmgate_testkit::socket_proxy::SocketProxy;

const LIMIT: Duration = Duration::from_secs(20);

/// The paths of one row of the table in docs/operations.md, `<id>` as `*`.
fn documented(provider: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = std::fs::read_to_string(path).expect("the page");
    let row = text
        .lines()
        .find(|line| line.starts_with(&format!("| {provider}")) && line.contains("/version"))
        .unwrap_or_else(|| panic!("no row for {provider}"));
    let mut paths: Vec<String> = Vec::new();
    for path in row.split('`').filter(|part| part.starts_with('/')) {
        let parts: Vec<&str> =
            path.split('/').map(|part| if part.starts_with('<') { "*" } else { part }).collect();
        paths.push(parts.join("/"));
    }
    paths
}

/// Runs until the routers are there, changes something, and returns what was asked for.
fn asked(engine: &Engine, provider: &str, routers: &[&str], change: impl Fn()) -> BTreeSet<String> {
    let documented = documented(provider);
    let allowed: Vec<&str> = documented.iter().map(String::as_str).collect();
    let proxy = SocketProxy::start(engine.path(), &allowed).unwrap();
    let (web, api) = (ports::free(), ports::free());
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg("--api.insecure=true")
        .arg(format!("--providers.{provider}.endpoint={}", proxy.endpoint()))
        .start();
    process.wait_listening(api);
    let has = |name: &str| {
        let path = format!("/api/http/routers/{name}@{provider}");
        client::get(api, "localhost", &path).is_ok_and(|answer| answer.status == 200)
    };
    for name in routers {
        eventually(name, LIMIT, || if has(name) { Ok(()) } else { Err(process.output()) });
    }
    change();
    eventually("the change", LIMIT, || if has("late") { Ok(()) } else { Err(process.output()) });
    assert_eq!(proxy.refused(), Vec::<String>::new(), "{provider}");
    proxy.allowed().into_iter().collect()
}

/// What was asked for, `GET` alone and ids as `*`.
fn paths(asked: &BTreeSet<String>) -> BTreeSet<String> {
    let general = |call: &String| {
        let path = call.strip_prefix("GET ").unwrap_or(call);
        let parts: Vec<&str> = path.split('/').collect();
        match parts[..] {
            ["", "containers", id, "json"] if !id.is_empty() => "/containers/*/json".to_owned(),
            _ => path.to_owned(),
        }
    };
    asked.iter().map(general).collect()
}

#[test]
fn swarm() {
    let engine = Engine::start_temporary().unwrap();
    let port = |name: &str| format!("traefik.http.services.{name}.loadbalancer.server.port");
    let service = |name: &str| ServiceSpec::new(name).label(port(name), "80");
    engine.create_service(service("vip").network("net")).unwrap();
    engine.create_service(service("tasks").network("net").dnsrr()).unwrap();
    engine.create_service(service("host").network("host")).unwrap();
    let asked = asked(&engine, "swarm", &["vip", "tasks", "host"], || {
        engine.create_service(service("late").network("net")).unwrap();
    });
    let mut expected: BTreeSet<String> = documented("swarm").into_iter().collect();
    let found = paths(&asked);
    // Whether this test runs in a container of its own is not known.
    for optional in ["/containers/*/json", "/_ping"] {
        if !found.contains(optional) {
            expected.remove(optional);
        }
    }
    assert_eq!(found, expected, "docs/operations.md lists more than is asked for");
}

/// Traefik's Swarm provider asks for no events, so proxies made for it let none through: then there is
/// the resync.
#[test]
fn without_events() {
    let engine = Engine::start_temporary().unwrap();
    let port = |name: &str| format!("traefik.http.services.{name}.loadbalancer.server.port");
    let service = |name: &str| ServiceSpec::new(name).label(port(name), "80").network("net");
    engine.create_service(service("early")).unwrap();
    let documented = documented("swarm");
    let allowed: Vec<&str> =
        documented.iter().map(String::as_str).filter(|path| *path != "/events").collect();
    let proxy = SocketProxy::start(engine.path(), &allowed).unwrap();
    let (web, api) = (ports::free(), ports::free());
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg("--api.insecure=true")
        .arg("--providers.swarm.refreshSeconds=1")
        .arg(format!("--providers.swarm.endpoint={}", proxy.endpoint()))
        .start();
    process.wait_listening(api);
    let get = |path: &str| client::get(api, "localhost", path);
    let serves = |name: &str| {
        let path = format!("/api/http/routers/{name}@swarm");
        eventually(name, LIMIT, || match get(&path) {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}; {}", process.output())),
        });
    };
    serves("early");
    engine.create_service(service("late")).unwrap();
    serves("late");
    let findings = get("/api/findings").unwrap();
    assert!(findings.text().contains("events may not be read"), "{}", findings.text());
    assert!(proxy.refused().iter().all(|call| call == "GET /events"), "{:?}", proxy.refused());
}

#[test]
fn docker() {
    let engine = Engine::start_temporary().unwrap();
    let container = |name: &str| ContainerSpec::new(name).network("net").expose("80/tcp");
    let vpn = engine.run_container(container("vpn"));
    engine.run_container(ContainerSpec {
        network_mode: format!("container:{vpn}"),
        ..ContainerSpec::new("inside").expose("81/tcp")
    });
    let asked = asked(&engine, "docker", &["vpn", "inside"], || {
        engine.run_container(container("late"));
    });
    let documented: BTreeSet<String> = documented("docker").into_iter().collect();
    let found = paths(&asked);
    assert!(found.is_subset(&documented), "{found:?}");
    for needed in ["/version", "/containers/json", "/events"] {
        assert!(found.contains(needed), "{needed}: {found:?}");
    }
}
