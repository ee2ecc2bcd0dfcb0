//! The stage: the simulated engine with the stack, the ACME server, the proxy with the production
//! configuration.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_yaml::Value;
use swarmgate_testkit::acme_server::{AcmeServer, AcmeServerConfig};
use swarmgate_testkit::engine::{Engine, Stack};
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};

use crate::{AS_PROXY, whoami};

/// The stack's name, as in `docker stack deploy … myapp`.
const STACK: &str = "myapp";
/// The service that the web goes to.
pub const WEB: &str = "myapp_web";
/// The network between the proxy and it.
const NETWORK: &str = "myapp_public";
/// The port its label names.
const WEB_PORT: u16 = 8080;

/// Everything that runs; stops when dropped, the proxy first.
pub struct Stage {
    pub proxy: Running,
    pub engine: Arc<Engine>,
    pub ports: Ports,
    /// PEM of the certificate authority, and the file that holds it.
    pub root: String,
    pub root_file: PathBuf,
    pub vip: IpAddr,
    _acme: AcmeServer,
}

/// Where the proxy listens on 127.0.0.1.
#[derive(Clone, Copy)]
pub struct Ports {
    pub http: u16,
    pub https: u16,
    pub dashboard: u16,
}

impl Stage {
    /// Sets everything up.
    ///
    /// # Errors
    /// With a sentence for people.
    pub fn set() -> Result<Self, String> {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/django");
        let read = |name: &str| {
            let path = examples.join(name);
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let stack = read("docker-stack.yml")?;
        let install = read("docker/traefik/traefik.production.yml")?;

        let ports = Ports { http: port(8000), https: port(8443), dashboard: port(8088) };
        let (engine, vip) = deploy(&stack)?;
        let config = AcmeServerConfig { http_port: ports.http, ..AcmeServerConfig::default() };
        let acme =
            AcmeServer::start(config).map_err(|error| format!("the ACME server: {error}"))?;

        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let launch = Launch::new(program).arg(AS_PROXY).arg("--configFile=traefik.yml");
        let root_file = launch.directory().join("ca.pem");
        let install = adapted(&install, ports, &engine, &acme.directory_url)?;
        let mut proxy = launch.file("traefik.yml", &install).file("ca.pem", &acme.root_pem).start();
        proxy.wait_listening(ports.https);
        let root = acme.root_pem.clone();
        Ok(Self { proxy, engine, ports, root, root_file, vip, _acme: acme })
    }
}

/// The wanted port, or a free one where it is taken.
fn port(wanted: u16) -> u16 {
    match TcpListener::bind(("127.0.0.1", wanted)) {
        Ok(_) => wanted,
        Err(_) => ports::free(),
    }
}

/// Starts the engine, deploys the stack and answers on the VIP of its web service.
fn deploy(stack: &str) -> Result<(Arc<Engine>, IpAddr), String> {
    let engine = Engine::start_temporary().map_err(|error| format!("the engine: {error}"))?;
    let engine = Arc::new(engine);
    let mut parsed = Stack::parse(STACK, stack)?;
    // 8080 is a popular port: whoever listens on all addresses has that of the VIP as well.
    let taken = TcpListener::bind(("127.99.99.99", WEB_PORT)).is_err();
    let web_port = if taken { ports::free() } else { WEB_PORT };
    for service in &mut parsed.services {
        for (label, value) in &mut service.labels {
            if label.ends_with(".loadbalancer.server.port") {
                *value = web_port.to_string();
            }
        }
    }
    engine.deploy(parsed)?;
    let view = engine.service(WEB).ok_or("the stack has no service `web`")?;
    let vip = view.vips.get(NETWORK).copied().ok_or("the service `web` has no VIP")?;
    let address = SocketAddr::new(vip, web_port);
    whoami::start(Arc::clone(&engine), WEB, address).map_err(|error| {
        format!(
            "cannot listen on {address}, the VIP of {WEB}: {error} (this needs Linux's 127.0.0.0/8)"
        )
    })?;
    Ok((engine, vip))
}

/// The production configuration with other ports, the simulated engine and the built-in authority.
fn adapted(
    install: &str,
    ports: Ports,
    engine: &Engine,
    directory: &str,
) -> Result<String, String> {
    let mut root: Value = serde_yaml::from_str(install).map_err(|error| error.to_string())?;
    let local = |port: u16| Value::from(format!("127.0.0.1:{port}"));
    set(&mut root, "entryPoints.http.address", local(ports.http))?;
    set(&mut root, "entryPoints.https.address", local(ports.https))?;
    set(&mut root, "entryPoints.traefik.address", local(ports.dashboard))?;
    set(&mut root, "api.insecure", Value::from(true))?;
    set(&mut root, "providers.docker.endpoint", Value::from(engine.endpoint()))?;
    let acme = "certificatesResolvers.letsencrypt.acme";
    set(&mut root, &format!("{acme}.caServer"), Value::from(directory))?;
    set(&mut root, &format!("{acme}.caCertificates"), Value::from(vec!["ca.pem"]))?;
    set(&mut root, &format!("{acme}.storage"), Value::from("acme.json"))?;
    set(&mut root, "accessLog.filePath", Value::from("access.log"))?;
    serde_yaml::to_string(&root).map_err(|error| error.to_string())
}

/// Sets the value at a dotted path, making the maps on the way.
fn set(root: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let mut here = root;
    for key in path.split('.') {
        let map = here.as_mapping_mut().ok_or_else(|| format!("{path}: not a map"))?;
        here = map.entry(Value::from(key)).or_insert_with(|| Value::Mapping(Default::default()));
    }
    *here = value;
    Ok(())
}
