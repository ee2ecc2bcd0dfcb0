//! What the simulated engine runs, and how it changes. Every change tells what events it causes.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use serde_json::{Value, json};

use super::clock;
use super::spec::{ContainerSpec, Fault, Mode, ServiceSpec};

/// The single node.
pub const NODE: &str = "node1simulatedxxxxxxxxxxx";

/// A network of the simulated engine.
#[derive(Clone, Debug)]
pub struct Network {
    pub id: String,
    pub name: String,
    pub driver: &'static str,
    pub scope: &'static str,
    pub ingress: bool,
    pub created: Duration,
}

/// A task of a service.
#[derive(Clone, Debug)]
pub struct Task {
    pub id: String,
    pub slot: u32,
    /// `preparing`, `running`, `failed`, ...
    pub state: String,
    /// `running` or `shutdown`.
    pub desired: String,
    /// Network name -> address.
    pub addresses: BTreeMap<String, IpAddr>,
    pub container: String,
    pub created: Duration,
}

/// A service of the simulated engine.
#[derive(Clone, Debug)]
pub struct Service {
    pub id: String,
    pub version: u64,
    pub created: Duration,
    pub updated: Duration,
    pub spec: ServiceSpec,
    /// Network name -> VIP.
    pub vips: BTreeMap<String, IpAddr>,
    pub tasks: Vec<Task>,
    /// `UpdateStatus.State` while a rolling update runs.
    pub update_state: Option<&'static str>,
    given: BTreeMap<String, VecDeque<IpAddr>>,
    next_slot: u32,
}

impl Service {
    /// Tasks in state `running`.
    pub fn running(&self) -> usize {
        self.tasks.iter().filter(|task| task.state == "running").count()
    }
}

/// A plain container.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: String,
    pub spec: ContainerSpec,
    pub addresses: BTreeMap<String, IpAddr>,
    pub running: bool,
    pub created: Duration,
}

/// Everything.
#[derive(Debug)]
pub struct State {
    pub networks: BTreeMap<String, Network>,
    pub services: BTreeMap<String, Service>,
    pub containers: BTreeMap<String, Container>,
    pub manager: bool,
    pub api_version: (u32, u32),
    pub min_api_version: (u32, u32),
    pub calls: BTreeMap<String, usize>,
    pub requests: Vec<String>,
    pub faults: Vec<(String, Fault)>,
    /// Faults of single requests, used up in order.
    pub slips: Vec<(String, Fault)>,
    /// Whether paths need a version, as behind some socket proxies.
    pub versions_only: bool,
    /// Whether new tasks begin in `preparing` and are started by the caller.
    pub hold_tasks: bool,
    /// Whether tasks show as containers with events on this node.
    pub local_containers: bool,
    octet: u8,
    next_address: u32,
    next_id: u64,
}

impl State {
    /// An empty manager whose addresses lie in `127.<octet>.0.0/16`.
    pub fn new(octet: u8) -> Self {
        let mut state = Self {
            networks: BTreeMap::new(),
            services: BTreeMap::new(),
            containers: BTreeMap::new(),
            manager: true,
            api_version: (1, 51),
            min_api_version: (1, 24),
            calls: BTreeMap::new(),
            requests: Vec::new(),
            faults: Vec::new(),
            slips: Vec::new(),
            versions_only: false,
            hold_tasks: false,
            local_containers: true,
            octet,
            next_address: 1,
            next_id: 1,
        };
        for (name, driver, scope, ingress) in [
            ("ingress", "overlay", "swarm", true),
            ("bridge", "bridge", "local", false),
            ("host", "host", "local", false),
        ] {
            state.network(name, driver, scope, ingress);
        }
        state
    }

    /// A 25-character Swarm id.
    fn swarm_id(&mut self, kind: &str) -> String {
        self.next_id += 1;
        format!(
            "{kind}{:0>width$}",
            base36(self.next_id),
            width = 25_usize.saturating_sub(kind.len())
        )
    }

    /// A 64-character container id; the counter leads, so that short ids differ.
    fn container_id(&mut self) -> String {
        self.next_id += 1;
        format!("{:012x}{:052x}", self.next_id, self.next_id)
    }

    fn address(&mut self) -> IpAddr {
        let number = self.next_address;
        // .0 and .255 of each block are left out: they look like network and broadcast.
        self.next_address += if number % 256 == 254 { 3 } else { 1 };
        let [_, _, third, fourth] = number.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(127, self.octet, third, fourth))
    }

    fn network(&mut self, name: &str, driver: &'static str, scope: &'static str, ingress: bool) {
        if self.networks.contains_key(name) {
            return;
        }
        let id = self.swarm_id("net");
        let network =
            Network { id, name: name.to_owned(), driver, scope, ingress, created: clock::now() };
        self.networks.insert(name.to_owned(), network);
    }

    /// Makes sure an overlay network exists.
    pub fn create_network(&mut self, name: &str) -> Vec<Value> {
        if self.networks.contains_key(name) {
            return Vec::new();
        }
        self.network(name, "overlay", "swarm", false);
        let id = self.networks.get(name).map(|network| network.id.clone()).unwrap_or_default();
        vec![event("network", "create", &id, &[("name", name), ("type", "overlay")], "swarm")]
    }

    /// Makes sure a bridge network exists.
    pub fn create_bridge(&mut self, name: &str) -> Vec<Value> {
        self.network(name, "bridge", "local", false);
        Vec::new()
    }

    /// Creates a service with its networks, VIPs and tasks.
    pub fn create_service(
        &mut self,
        mut spec: ServiceSpec,
    ) -> Result<(String, Vec<Value>), String> {
        if self.services.contains_key(&spec.name) {
            return Err(format!("name conflicts with an existing object: service {}", spec.name));
        }
        let mut events = Vec::new();
        for network in spec.networks.clone() {
            events.extend(self.create_network(&network));
        }
        if spec.published.iter().any(|port| !port.host_mode)
            && !spec.networks.iter().any(|network| network == "ingress")
        {
            spec.networks.push("ingress".into());
        }
        let mut vips = BTreeMap::new();
        if !spec.dnsrr {
            for network in spec.networks.clone() {
                if self.networks.get(&network).is_some_and(|network| network.scope != "swarm") {
                    continue;
                }
                let vip = spec.vips.get(&network).copied();
                vips.insert(network, vip.unwrap_or_else(|| self.address()));
            }
        }
        let id = self.swarm_id("svc");
        let now = clock::now();
        let name = spec.name.clone();
        let given = spec
            .task_addresses
            .iter()
            .map(|(network, addresses)| (network.clone(), addresses.iter().copied().collect()))
            .collect();
        let tasks = spec.mode.tasks();
        let service = Service {
            id: id.clone(),
            version: 1,
            created: now,
            updated: now,
            spec,
            vips,
            tasks: Vec::new(),
            update_state: None,
            given,
            next_slot: 1,
        };
        self.services.insert(name.clone(), service);
        events.push(event("service", "create", &id, &[("name", &name)], "swarm"));
        for _ in 0..tasks {
            events.extend(self.add_task(&name, None));
        }
        Ok((id, events))
    }

    fn add_task(&mut self, service: &str, slot: Option<u32>) -> Vec<Value> {
        let (task_id, container) = (self.swarm_id("tsk"), self.container_id());
        let Some(networks) = self.services.get(service).map(|s| s.spec.networks.clone()) else {
            return Vec::new();
        };
        let mut addresses = BTreeMap::new();
        for network in networks {
            let given = self
                .services
                .get_mut(service)
                .and_then(|service| service.given.get_mut(&network))
                .and_then(VecDeque::pop_front);
            let address = given.unwrap_or_else(|| self.address());
            addresses.insert(network, address);
        }
        let (hold, local) = (self.hold_tasks, self.local_containers);
        let Some(service) = self.services.get_mut(service) else { return Vec::new() };
        let slot = slot.unwrap_or_else(|| {
            service.next_slot += 1;
            service.next_slot - 1
        });
        let task = Task {
            id: task_id,
            slot,
            state: if hold { "preparing" } else { "running" }.into(),
            desired: "running".into(),
            addresses,
            container,
            created: clock::now(),
        };
        let events =
            if local && !hold { vec![task_event(service, &task, "start")] } else { Vec::new() };
        service.tasks.push(task);
        events
    }

    /// Moves every task that is `preparing` to `running`.
    pub fn release_tasks(&mut self) -> Vec<Value> {
        let local = self.local_containers;
        let mut events = Vec::new();
        for service in self.services.values_mut() {
            for index in 0..service.tasks.len() {
                if service.tasks[index].state == "preparing" {
                    service.tasks[index].state = "running".into();
                    if local {
                        events.push(task_event(service, &service.tasks[index], "start"));
                    }
                }
            }
        }
        events
    }

    /// Sets the state of the tasks of a service; no event, as with tasks on other nodes.
    pub fn set_task_states(&mut self, service: &str, state: &str) {
        if let Some(service) = self.services.get_mut(service) {
            for task in &mut service.tasks {
                task.state = state.to_owned();
            }
        }
    }

    /// Replaces the service labels.
    pub fn set_labels(
        &mut self,
        service: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Vec<Value> {
        let Some(service) = self.services.get_mut(service) else { return Vec::new() };
        change(&mut service.spec.labels);
        vec![touch(service, &[])]
    }

    /// Gives a service other networks. Its tasks stay where they are until they are replaced.
    pub fn set_networks(&mut self, name: &str, networks: &[&str], allocate: bool) -> Vec<Value> {
        let mut events = Vec::new();
        for network in networks {
            events.extend(self.create_network(network));
        }
        let address = self.address();
        let Some(service) = self.services.get_mut(name) else { return events };
        service.spec.networks = networks.iter().map(|network| (*network).to_owned()).collect();
        service.vips.retain(|network, _| networks.contains(&network.as_str()));
        for network in networks.iter().filter(|_| allocate && !service.spec.dnsrr) {
            let given = service.spec.vips.get(*network).copied();
            service.vips.entry((*network).to_owned()).or_insert(given.unwrap_or(address));
        }
        events.push(touch(service, &[]));
        events
    }

    /// Changes the number of replicas.
    pub fn scale(&mut self, name: &str, replicas: u32) -> Vec<Value> {
        let Some(service) = self.services.get_mut(name) else { return Vec::new() };
        let old = service.spec.mode.tasks();
        service.spec.mode = Mode::Replicated(replicas);
        let (old_text, new_text) = (old.to_string(), replicas.to_string());
        let mut events =
            vec![touch(service, &[("replicas.old", &old_text), ("replicas.new", &new_text)])];
        let wanted = replicas as usize;
        while let Some(service) = self.services.get_mut(name) {
            if service.tasks.len() > wanted {
                if let Some(task) = service.tasks.pop()
                    && self.local_containers
                {
                    events.push(task_event(service, &task, "die"));
                }
            } else if service.tasks.len() < wanted {
                events.extend(self.add_task(name, None));
            } else {
                break;
            }
        }
        events
    }

    /// Replaces one task of a service, new one first. `false` when there is none with that index.
    pub fn replace_task(&mut self, name: &str, index: usize) -> (bool, Vec<Value>) {
        let Some(slot) =
            self.services.get(name).and_then(|s| s.tasks.get(index)).map(|task| task.slot)
        else {
            return (false, Vec::new());
        };
        let mut events = self.add_task(name, Some(slot));
        let local = self.local_containers;
        if let Some(service) = self.services.get_mut(name) {
            let fresh = service.tasks.pop();
            let old = service.tasks.remove(index);
            if local {
                events.push(task_event(service, &old, "die"));
            }
            if let Some(fresh) = fresh {
                service.tasks.insert(index, fresh);
            }
        }
        (true, events)
    }

    /// Sets the desired state of one task to `shutdown`; its container gets its signal.
    pub fn shut_down_task(&mut self, name: &str, index: usize) -> (bool, Vec<Value>) {
        let local = self.local_containers;
        let Some(service) = self.services.get_mut(name) else { return (false, Vec::new()) };
        let Some(task) = service.tasks.get_mut(index) else { return (false, Vec::new()) };
        task.desired = "shutdown".into();
        let task = task.clone();
        let events = if local { vec![task_event(service, &task, "kill")] } else { Vec::new() };
        (true, events)
    }

    /// Sets `UpdateStatus.State`.
    pub fn set_update_state(&mut self, name: &str, state: Option<&'static str>) -> Vec<Value> {
        let Some(service) = self.services.get_mut(name) else { return Vec::new() };
        service.update_state = state;
        match state {
            Some(new) => vec![touch(service, &[("updatestate.new", new)])],
            None => vec![touch(service, &[])],
        }
    }

    /// Removes a service.
    pub fn remove_service(&mut self, name: &str) -> Vec<Value> {
        let Some(service) = self.services.remove(name) else { return Vec::new() };
        let mut events = vec![event("service", "remove", &service.id, &[("name", name)], "swarm")];
        if self.local_containers {
            events.extend(service.tasks.iter().map(|task| task_event(&service, task, "die")));
        }
        events
    }

    /// Runs a plain container.
    pub fn run_container(&mut self, spec: ContainerSpec) -> (String, Vec<Value>) {
        let id = self.container_id();
        let mut addresses = BTreeMap::new();
        for (network, given) in spec.networks.clone() {
            if !self.networks.contains_key(&network) {
                self.network(&network, "bridge", "local", false);
            }
            let address = given.unwrap_or_else(|| self.address());
            addresses.insert(network, address);
        }
        let running = !spec.stopped;
        let container =
            Container { id: id.clone(), spec, addresses, running, created: clock::now() };
        let events = vec![container_event(&container, if running { "start" } else { "create" })];
        self.containers.insert(id.clone(), container);
        (id, events)
    }

    /// Stops a plain container, by id or name.
    pub fn stop_container(&mut self, id: &str) -> Vec<Value> {
        match self.container_mut(id) {
            Some(container) => {
                container.running = false;
                vec![container_event(container, "die"), container_event(container, "stop")]
            }
            None => Vec::new(),
        }
    }

    /// Removes a plain container, by id or name.
    pub fn remove_container(&mut self, id: &str) -> Vec<Value> {
        let Some(id) = self.container_mut(id).map(|container| container.id.clone()) else {
            return Vec::new();
        };
        let Some(container) = self.containers.remove(&id) else { return Vec::new() };
        vec![container_event(&container, "die"), container_event(&container, "destroy")]
    }

    /// Sets a plain container's health.
    pub fn set_health(&mut self, id: &str, health: &str) -> Vec<Value> {
        match self.container_mut(id) {
            Some(container) => {
                container.spec.health = Some(health.to_owned());
                vec![container_event(container, &format!("health_status: {health}"))]
            }
            None => Vec::new(),
        }
    }

    fn container_mut(&mut self, id: &str) -> Option<&mut Container> {
        self.containers.values_mut().find(|container| {
            container.spec.name == id || (!id.is_empty() && container.id.starts_with(id))
        })
    }
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

fn touch(service: &mut Service, attributes: &[(&str, &str)]) -> Value {
    service.version += 1;
    service.updated = clock::now();
    let mut all = vec![("name", service.spec.name.as_str())];
    all.extend_from_slice(attributes);
    event("service", "update", &service.id, &all, "swarm")
}

fn task_event(service: &Service, task: &Task, action: &str) -> Value {
    let name = format!("{}.{}.{}", service.spec.name, task.slot, task.id);
    event(
        "container",
        action,
        &task.container,
        &[
            ("com.docker.swarm.node.id", NODE),
            ("com.docker.swarm.service.id", &service.id),
            ("com.docker.swarm.service.name", &service.spec.name),
            ("com.docker.swarm.task.id", &task.id),
            ("image", &service.spec.image),
            ("name", &name),
        ],
        "local",
    )
}

fn container_event(container: &Container, action: &str) -> Value {
    event("container", action, &container.id, &[("name", &container.spec.name)], "local")
}

/// One event as the engine writes it.
pub fn event(
    kind: &str,
    action: &str,
    id: &str,
    attributes: &[(&str, &str)],
    scope: &str,
) -> Value {
    let now = clock::now();
    let attributes: BTreeMap<&str, &str> = attributes.iter().copied().collect();
    let mut event = json!({
        "Type": kind,
        "Action": action,
        "Actor": {"ID": id, "Attributes": attributes},
        "scope": scope,
        "time": now.as_secs(),
        "timeNano": u64::try_from(now.as_nanos()).unwrap_or(u64::MAX),
    });
    if kind == "container"
        && let Value::Object(map) = &mut event
    {
        // Old field names that the engine still repeats for containers.
        map.insert("status".into(), json!(action));
        map.insert("id".into(), json!(id));
    }
    event
}
