//! A foothold on an overlay network: a network of the test's own, and a place on it from which any
//! program of this machine reaches the tasks and VIPs, without an image.
//!
//! A container that only waits is attached to the network. A program is started in that container's
//! network namespace and nothing else of it: it sees this machine's files and sockets.

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use super::engine::Engine;
use crate::eventually::eventually;
use crate::process::Launch;

/// The network and the place; gone with all services on it when dropped.
#[derive(Debug)]
pub struct Foothold {
    engine: Engine,
    name: String,
    network: String,
    address: Ipv4Addr,
    pid: String,
}

impl Foothold {
    /// Makes a network called `name`; what an earlier run left behind under this name is removed.
    ///
    /// # Panics
    /// When the engine refuses.
    #[track_caller]
    pub fn make(engine: &Engine, name: &str, subnet: &str) -> Self {
        clear(engine, name);
        let network = engine.docker(&[
            "network",
            "create",
            "--driver=overlay",
            "--attachable",
            "--subnet",
            subnet,
            name,
        ]);
        let attach = format!("--network={name}");
        let container = engine.docker(&[
            "run",
            "--detach",
            "--name",
            name,
            &attach,
            "swarmgate-whoami:latest",
            "sleep",
        ]);
        let pid = engine.docker(&["inspect", "--format={{.State.Pid}}", &container]);
        // Every task is also on this bridge, through which the machine reaches it.
        let place = format!("--format={{{{(index .Containers {container:?}).IPv4Address}}}}");
        let address = engine.docker(&["network", "inspect", &place, "docker_gwbridge"]);
        let address = address.split('/').next().and_then(|address| address.parse().ok());
        let address = address.expect("the container's address on docker_gwbridge");
        Self { engine: engine.clone(), name: name.to_owned(), network, address, pid }
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The network's id.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// Where this machine reaches what listens there.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Prepares a run of `program` there.
    pub fn launch(&self, program: &Path) -> Launch {
        Launch::new("/usr/bin/nsenter")
            .arg(format!("--net=/proc/{}/ns/net", self.pid))
            .arg(program.to_string_lossy())
    }
}

impl Drop for Foothold {
    fn drop(&mut self) {
        // A second panic would hide the first.
        let (engine, name) = (&self.engine, &self.name);
        let cleared =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| clear(engine, name)));
        assert!(cleared.is_ok() || std::thread::panicking(), "{name} is not removed");
    }
}

/// Removes the network with all services and containers on it.
fn clear(engine: &Engine, name: &str) {
    let network = engine.try_docker(&["network", "inspect", "--format={{.Id}}", name]);
    if let (Ok(network), Ok(services)) = (&network, engine.get("/services")) {
        let services = services.as_array().cloned().unwrap_or_default();
        let on_it =
            services.iter().filter(|service| service.to_string().contains(network.as_str()));
        let ids: Vec<_> = on_it.filter_map(|service| service.pointer("/ID")?.as_str()).collect();
        if !ids.is_empty() {
            let _ = engine.try_docker(&[&["service", "rm"], ids.as_slice()].concat());
        }
    }
    let _ = engine.try_docker(&["rm", "--force", name]);
    if network.is_ok() {
        // It can only go when the services' last tasks have gone.
        eventually(&format!("network {name} is removed"), Duration::from_secs(90), || {
            let removed = engine.try_docker(&["network", "rm", name]);
            if removed.is_ok() || engine.try_docker(&["network", "inspect", name]).is_err() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(300));
            removed.map(|_| ())
        });
    }
}
