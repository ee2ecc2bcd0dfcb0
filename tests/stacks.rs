//! The published example stacks on the simulated engine: what their users see when only the image
//! line changed. Every file under `examples/` is used as it is, but for ports, the engine's socket
//! and the certificate authority.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_yaml::Value;
use swarmgate_testkit::acme_server::{AcmeServer, AcmeServerConfig};
use swarmgate_testkit::client::{self, Client, Response, Trust};
use swarmgate_testkit::engine::{ContainerSpec, Engine, Stack};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

const LIMIT: Duration = Duration::from_secs(30);

fn example(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Sets the value at a dotted path of a YAML document.
fn set(root: &mut Value, path: &str, value: impl Into<Value>) {
    let mut here = root;
    for key in path.split('.') {
        let map = here.as_mapping_mut().unwrap_or_else(|| panic!("{path}: not a map"));
        here = map.entry(Value::from(key)).or_insert_with(|| Value::Mapping(Default::default()));
    }
    *here = value.into();
}

/// Changes the labels of a stack's services on the way to the engine.
type Relabel = fn(&mut Vec<(String, String)>);

struct Deployed {
    process: Running,
    engine: Engine,
    http: u16,
    https: u16,
    api: u16,
    acme: AcmeServer,
    _servers: Vec<Upstream>,
}

/// A port for the VIP: the labels' own unless somebody holds it on all addresses.
fn vip_port(wanted: u16) -> u16 {
    match TcpListener::bind(("127.98.98.98", wanted)) {
        Ok(_) => wanted,
        Err(_) => ports::free(),
    }
}

/// Deploys the stack and answers on the VIPs of its services with labels.
fn deploy(engine: &Engine, name: &str, text: &str, relabel: Relabel) -> Vec<Upstream> {
    let mut stack = Stack::parse(name, text).unwrap();
    let mut servers = Vec::new();
    let mut wanted = Vec::new();
    for service in &mut stack.services {
        let mut labels: Vec<(String, String)> = service.labels.clone().into_iter().collect();
        relabel(&mut labels);
        for (label, value) in &mut labels {
            if label.ends_with(".loadbalancer.server.port") || label == "traefik.port" {
                let port = vip_port(value.parse().unwrap());
                *value = port.to_string();
                wanted.push((service.name.clone(), port));
            }
        }
        service.labels = labels.into_iter().collect();
    }
    engine.deploy(stack).unwrap();
    for (service, port) in wanted {
        for vip in engine.service(&service).unwrap().vips.values() {
            // Which of its networks is taken is the proxy's choice; the name tells.
            let address = SocketAddr::new(*vip, port);
            servers.push(Upstream::bind(&service, address).unwrap());
        }
    }
    servers
}

fn django(install_file: &str, relabel: Relabel) -> Deployed {
    let engine = Engine::start_temporary().unwrap();
    let servers = deploy(&engine, "myapp", &example("django/docker-stack.yml"), relabel);
    let (http, https, api) = (ports::free(), ports::free(), ports::free());
    let acme =
        AcmeServer::start(AcmeServerConfig { http_port: http, ..AcmeServerConfig::default() })
            .unwrap();
    let mut install: Value = serde_yaml::from_str(&example(install_file)).unwrap();
    set(&mut install, "entryPoints.http.address", format!("127.0.0.1:{http}"));
    set(&mut install, "entryPoints.https.address", format!("127.0.0.1:{https}"));
    set(&mut install, "entryPoints.traefik.address", format!("127.0.0.1:{api}"));
    set(&mut install, "api.insecure", true);
    let provider = if install_file.contains("v3") { "swarm" } else { "docker" };
    set(&mut install, &format!("providers.{provider}.endpoint"), engine.endpoint());
    let resolver = "certificatesResolvers.letsencrypt.acme";
    set(&mut install, &format!("{resolver}.caServer"), acme.directory_url.clone());
    set(&mut install, &format!("{resolver}.caCertificates"), vec!["ca.pem"]);
    set(&mut install, &format!("{resolver}.storage"), "acme.json");
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .file("traefik.yml", &serde_yaml::to_string(&install).unwrap())
        .file("ca.pem", &acme.root_pem)
        .start();
    process.wait_listening(https);
    Deployed { process, engine, http, https, api, acme, _servers: servers }
}

impl Deployed {
    fn secure(&self, host: &str, target: &str) -> std::io::Result<Response> {
        let trust = Trust::Roots(&self.acme.root_pem);
        let mut client = Client::connect_tls(("127.0.0.1", self.https), host, trust)?;
        client.exchange(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
    }

    #[track_caller]
    fn eventually(&self, host: &str, target: &str, status: u16) -> Response {
        eventually(&format!("https://{host}{target}"), LIMIT, || match self.secure(host, target) {
            Ok(response) if response.status == status => Ok(response),
            Ok(response) => Err(format!("{} {}", response.status, response.text())),
            Err(error) => Err(format!("{error}; {}", self.process.output())),
        })
    }

    fn router(&self, name: &str) -> serde_json::Value {
        client::get(self.api, "localhost", &format!("/api/http/routers/{name}")).unwrap().json()
    }
}

fn untouched(_: &mut Vec<(String, String)>) {}

/// Without what makes the routers TLS ones: the published stack forgets it.
fn forgetful(labels: &mut Vec<(String, String)>) {
    labels.retain(|(label, _)| !label.contains(".tls"));
}

#[test]
fn django_in_every_form() {
    let table: [(&str, &str, Relabel, &str); 3] = [
        ("v2 form", "django/docker/traefik/traefik.production.yml", untouched, "docker"),
        ("v3 form", "django/docker/traefik/traefik.production.v3.yml", untouched, "swarm"),
        ("forgotten tls", "django/docker/traefik/traefik.production.yml", forgetful, "docker"),
    ];
    for (name, install, relabel, provider) in table {
        let stack = django(install, relabel);
        let site = stack.eventually("domini.com", "/", 200);
        assert_eq!(site.json()["name"], "myapp_web", "{name}");
        let headers = site.json()["headers"].to_string().to_ascii_lowercase();
        assert!(headers.contains("[\"x-forwarded-proto\",\"https\"]"), "{name}: {headers}");

        let plain = client::get(stack.http, "domini.com", "/x?y=1").unwrap();
        let location = format!("https://domini.com:{}/x?y=1", stack.https);
        assert_eq!((plain.status, plain.header("location")), (301, Some(&*location)), "{name}");

        let www = stack.eventually("www.domini.com", "/x?y=1", 301);
        assert_eq!(www.header("location"), Some("https://domini.com/x?y=1"), "{name}");

        let wanted: BTreeSet<Vec<String>> = stack.acme.orders().into_iter().collect();
        let expected = [["domini.com"], ["www.domini.com"]];
        let expected = expected.map(|names| names.map(str::to_owned).to_vec());
        assert_eq!(wanted, expected.into(), "{name}");
        let stored = std::fs::read_to_string(stack.process.directory().join("acme.json")).unwrap();
        assert!(stored.contains("\"letsencrypt\"") && stored.contains("domini.com"), "{name}");

        // Postgres, Redis and the workers are nobody's business.
        let routers = client::get(stack.api, "localhost", "/api/http/routers").unwrap().text();
        assert!(!routers.contains("postgres") && !routers.contains("worker"), "{name}: {routers}");
        assert_eq!(stack.router(&format!("web@{provider}"))["status"], "enabled", "{name}");
        if name == "forgotten tls" {
            let said = stack.process.output();
            let told = said.lines().any(|line| line.contains("web@docker") && line.contains("tls"));
            assert!(told, "nobody was told of the forgotten label:\n{said}");
        }
        let ended = stack.process.terminate(LIMIT);
        assert!(ended.status.success(), "{name}: {}: {}", ended.status, ended.output());
    }
}

#[test]
fn a_label_is_live_within_a_second() {
    let stack = django("django/docker/traefik/traefik.production.v3.yml", untouched);
    stack.eventually("domini.com", "/", 200);
    // A change on its own, not one within the throttle time of the deployment.
    std::thread::sleep(Duration::from_millis(2200));
    let start = Instant::now();
    let rule = "Host(`domini.com`) || Host(`shop.domini.com`)";
    stack.engine.update_labels("myapp_web", [("traefik.http.routers.web.rule", rule)]);
    eventually("the new host is routed", LIMIT, || {
        let address = ("127.0.0.1", stack.https);
        let response = Client::connect_tls(address, "shop.domini.com", Trust::Anything).and_then(
            |mut client| client.exchange("GET / HTTP/1.1\r\nHost: shop.domini.com\r\n\r\n"),
        );
        match response {
            Ok(response) if response.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let took = start.elapsed();
    println!("a label was live after {took:?}");
    assert!(took < Duration::from_secs(1), "{took:?}");
    // And its certificate follows.
    stack.eventually("shop.domini.com", "/", 200);
}

#[test]
fn a_service_without_tasks_keeps_its_router() {
    let stack = django("django/docker/traefik/traefik.production.v3.yml", untouched);
    stack.eventually("domini.com", "/", 200);
    stack.engine.scale("myapp_web", 0);
    let empty = stack.eventually("domini.com", "/", 503);
    assert!(empty.header("retry-after").is_some(), "{empty:?}");
    stack.engine.scale("myapp_web", 2);
    stack.eventually("domini.com", "/", 200);
}

#[test]
fn an_engine_that_restarts_loses_nothing() {
    let stack = django("django/docker/traefik/traefik.production.v3.yml", untouched);
    stack.eventually("domini.com", "/", 200);
    stack.engine.stop();
    for _ in 0..20 {
        assert_eq!(stack.secure("domini.com", "/").unwrap().status, 200);
        std::thread::sleep(Duration::from_millis(50));
    }
    stack.engine.restart().unwrap();
    stack
        .engine
        .update_labels("myapp_web", [("traefik.http.routers.web.rule", "Host(`new.test`)")]);
    eventually("the change after the restart is seen", LIMIT, || {
        match stack.router("web@swarm")["rule"].as_str() {
            Some("Host(`new.test`)") => Ok(()),
            other => Err(format!("{other:?}; {}", stack.process.output())),
        }
    });
}

#[test]
fn kitten_api() {
    let engine = Engine::start_temporary().unwrap();
    let servers = deploy(&engine, "kittenapi", &example("kittenapi/docker-stack.yml"), untouched);
    let web = ports::free();
    let proxy: Value = serde_yaml::from_str(&example("kittenapi/traefik-stack.yml")).unwrap();
    let command = proxy["services"]["traefik"]["command"].as_sequence().unwrap();
    let flags = command.iter().map(|flag| flag.as_str().unwrap()).map(|flag| {
        match flag.split_once('=').unwrap_or((flag, "")) {
            ("--entrypoints.web.address", ":80") => {
                format!("--entrypoints.web.address=127.0.0.1:{web}")
            }
            ("--providers.swarm.endpoint", _) => {
                format!("--providers.swarm.endpoint={}", engine.endpoint())
            }
            _ => flag.to_owned(),
        }
    });
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate")).args(flags).start();
    process.wait_listening(web);
    let response = eventually("the kitten API", LIMIT, || {
        match client::get(web, "kittenapi.example.com", "/kittens") {
            Ok(response) if response.status == 200 => Ok(response),
            other => Err(format!("{other:?}; {}", process.output())),
        }
    });
    assert_eq!(response.json()["name"], "kittenapi_kittenapi");
    assert_eq!(client::get(web, "other.example.com", "/").unwrap().status, 404);
    drop(servers);
}

/// The published command line of a stack for Traefik 1.7; ports and the socket are the test's, said
/// as v1 says them.
fn whoami_v1(engine: &Engine, more: &[String]) -> Running {
    let stack: Value = serde_yaml::from_str(&example("whoami-v1/docker-stack.yml")).unwrap();
    let command = stack["services"]["traefik"]["command"].as_sequence().unwrap();
    let flags = command.iter().map(|flag| flag.as_str().unwrap().to_owned());
    let own = [format!("--docker.endpoint={}", engine.endpoint())];
    let flags = flags.chain(own).chain(more.iter().cloned());
    Launch::new(env!("CARGO_BIN_EXE_swarmgate")).args(flags).start()
}

#[test]
fn whoami_of_traefik_1_7() {
    let engine = Engine::start_temporary().unwrap();
    let servers = deploy(&engine, "whoami", &example("whoami-v1/docker-stack.yml"), untouched);
    let (http, api) = (ports::free(), ports::free());
    let points = [
        format!("--entryPoints=Name:http Address:127.0.0.1:{http}"),
        format!("--entryPoints=Name:traefik Address:127.0.0.1:{api}"),
    ];
    let mut process = whoami_v1(&engine, &points);
    process.wait_listening(http);
    let host = "whoami.docker.localhost";
    let response = eventually("who am I", LIMIT, || match client::get(http, host, "/") {
        Ok(response) if response.status == 200 => Ok(response),
        other => Err(format!("{other:?}; {}", process.output())),
    });
    assert_eq!(response.json()["name"], "whoami_whoami");
    assert_eq!(client::get(http, "other.docker.localhost", "/").unwrap().status, 404);

    let dashboard = client::get(api, "manager:8080", "/").unwrap();
    assert_eq!(dashboard.status, 301, "{dashboard:?}");
    assert_eq!(dashboard.header("location"), Some("http://manager:8080/dashboard/"));
    assert_eq!(client::get(api, "manager:8080", "/dashboard/").unwrap().status, 200);

    let router = client::get(api, "manager", "/api/http/routers/whoami-whoami@swarm").unwrap();
    assert_eq!(router.json()["rule"], "Host(`whoami.docker.localhost`)");
    let said = process.output();
    for part in [
        "--docker.swarmMode is of Traefik v1: it works here as it did there",
        "expected in v3: --providers.swarm=true",
        "labels of Traefik v1 are translated",
        "traefik.http.routers.whoami-whoami.rule=Host(`whoami.docker.localhost`)",
    ] {
        assert!(said.contains(part), "{part}:\n{said}");
    }
    drop(servers);
}

#[test]
fn v1_labels_with_tls_paths_and_protection() {
    let engine = Engine::start_temporary().unwrap();
    let stack = "
services:
  shop:
    networks: [net]
    deploy:
      labels:
        - traefik.port=80
        - traefik.frontend.rule=Host:shop.test;PathPrefixStrip:/shop
        - traefik.frontend.entryPoints=http,https
        - traefik.frontend.headers.customResponseHeaders=X-Shop:yes||X-More:too
  admin:
    networks: [net]
    deploy:
      labels:
        - traefik.port=80
        - traefik.frontend.rule=Host:admin.test
        - traefik.frontend.auth.basic.Users=u:h
networks:
  net: {}
";
    let servers = deploy(&engine, "v1", stack, untouched);
    let (http, https, api) = (ports::free(), ports::free(), ports::free());
    let points = [
        format!("--entryPoints=Name:http Address:127.0.0.1:{http}"),
        format!("--entryPoints=Name:https Address:127.0.0.1:{https} TLS"),
        format!("--entryPoints=Name:traefik Address:127.0.0.1:{api}"),
    ];
    let mut process = whoami_v1(&engine, &points);
    process.wait_listening(https);
    let answer =
        eventually("the shop", LIMIT, || match client::get(http, "shop.test", "/shop/x") {
            Ok(response) if response.status == 200 => Ok(response),
            other => Err(format!("{other:?}; {}", process.output())),
        });
    assert_eq!(answer.header("x-shop"), Some("yes"));
    assert_eq!(answer.header("x-more"), Some("too"));
    assert_eq!(answer.json()["target"], "/x", "{}", answer.text());
    let mut secure =
        Client::connect_tls(("127.0.0.1", https), "shop.test", Trust::Anything).unwrap();
    let answer = secure.exchange("GET /shop/y HTTP/1.1\r\nHost: shop.test\r\n\r\n").unwrap();
    assert_eq!(answer.status, 200, "TLS is the entry point's, so of its routers too");
    // Protection that is not understood: nobody gets in.
    assert_eq!(client::get(http, "admin.test", "/").unwrap().status, 404);
    assert!(process.output().contains("the router is not served"), "{}", process.output());
    drop(servers);
}

#[test]
fn development_with_containers() {
    let engine = Engine::start_temporary().unwrap();
    engine.create_bridge("myapp_default");
    let compose: Value = serde_yaml::from_str(&example("django/docker-compose.yml")).unwrap();
    let mut servers = Vec::new();
    for (index, (name, service)) in compose["services"].as_mapping().unwrap().iter().enumerate() {
        let name = name.as_str().unwrap();
        let address = IpAddr::from([
            127,
            97,
            u8::try_from(std::process::id() % 200).unwrap(),
            u8::try_from(index + 2).unwrap(),
        ]);
        let mut container = ContainerSpec::new(format!("myapp-{name}-1"))
            .network_at("myapp_default", address)
            .label("com.docker.compose.project", "myapp")
            .label("com.docker.compose.service", name);
        for label in service["labels"].as_sequence().into_iter().flatten() {
            let (key, value) = label.as_str().unwrap().split_once('=').unwrap();
            let mut value = value.to_owned();
            if key.ends_with(".loadbalancer.server.port") {
                let port = vip_port(value.parse().unwrap());
                value = port.to_string();
                servers.push(Upstream::bind(name, SocketAddr::new(address, port)).unwrap());
            }
            container = container.label(key, value);
        }
        engine.run_container(container);
    }
    let (http, api) = (ports::free(), ports::free());
    let mut install: Value =
        serde_yaml::from_str(&example("django/docker/traefik/traefik.dev.yml")).unwrap();
    set(&mut install, "entryPoints.http.address", format!("127.0.0.1:{http}"));
    set(&mut install, "entryPoints.traefik.address", format!("127.0.0.1:{api}"));
    set(&mut install, "providers.docker.endpoint", engine.endpoint());
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .file("traefik.yml", &serde_yaml::to_string(&install).unwrap())
        .start();
    process.wait_listening(http);
    let response = eventually("the development site", LIMIT, || {
        match client::get(http, "myapp.localhost", "/") {
            Ok(response) if response.status == 200 => Ok(response),
            other => Err(format!("{other:?}; {}", process.output())),
        }
    });
    assert_eq!(response.json()["name"], "web");
    let dashboard = client::get(api, "localhost", "/dashboard/").unwrap();
    assert_eq!(dashboard.status, 200);

    engine.stop_container("myapp-web-1");
    eventually("a stopped container leaves", LIMIT, || {
        match client::get(http, "myapp.localhost", "/") {
            Ok(response) if response.status == 404 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}
