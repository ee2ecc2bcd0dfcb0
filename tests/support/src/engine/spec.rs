//! What a caller asks the simulator to run: services, containers, faults.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// How many tasks a service has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// So many tasks.
    Replicated(u32),
    /// One task on each node; the simulator has one node.
    Global,
    /// Runs so many tasks to completion.
    ReplicatedJob(u32),
    /// Runs one task on each node to completion.
    GlobalJob,
}

impl Mode {
    /// Tasks that should run.
    pub fn tasks(self) -> u32 {
        match self {
            Mode::Replicated(tasks) | Mode::ReplicatedJob(tasks) => tasks,
            Mode::Global | Mode::GlobalJob => 1,
        }
    }
}

/// A published port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Port inside the container.
    pub target: u16,
    /// Port outside.
    pub published: u16,
    /// `mode: host` instead of the ingress network.
    pub host_mode: bool,
}

/// A Swarm service to create.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// The whole name (`myapp_web`).
    pub name: String,
    /// The image's name; never pulled.
    pub image: String,
    /// Service labels (`deploy.labels` of a stack file).
    pub labels: BTreeMap<String, String>,
    /// Labels of the tasks' containers (`labels` of a stack file).
    pub container_labels: BTreeMap<String, String>,
    /// Names of networks; missing ones are created.
    pub networks: Vec<String>,
    /// Mode and number of tasks.
    pub mode: Mode,
    /// DNS round robin instead of VIPs.
    pub dnsrr: bool,
    /// Published ports. One without `host_mode` attaches the service to `ingress`.
    pub published: Vec<Published>,
    /// VIPs by network name; those not given are allocated.
    pub vips: BTreeMap<String, IpAddr>,
    /// Task addresses by network name, used up in order; further ones are allocated.
    pub task_addresses: BTreeMap<String, Vec<IpAddr>>,
}

impl ServiceSpec {
    /// One replica without labels and networks.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            image: "whoami:latest".into(),
            labels: BTreeMap::new(),
            container_labels: BTreeMap::new(),
            networks: Vec::new(),
            mode: Mode::Replicated(1),
            dnsrr: false,
            published: Vec::new(),
            vips: BTreeMap::new(),
            task_addresses: BTreeMap::new(),
        }
    }

    /// Adds a service label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Adds several service labels.
    #[must_use]
    pub fn labels<'a>(mut self, labels: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.labels.extend(labels.into_iter().map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Attaches to a network by name.
    #[must_use]
    pub fn network(mut self, name: impl Into<String>) -> Self {
        self.networks.push(name.into());
        self
    }

    /// Sets the number of replicas.
    #[must_use]
    pub fn replicas(mut self, replicas: u32) -> Self {
        self.mode = Mode::Replicated(replicas);
        self
    }

    /// Sets the mode.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Uses DNS round robin instead of VIPs.
    #[must_use]
    pub fn dnsrr(mut self) -> Self {
        self.dnsrr = true;
        self
    }

    /// Publishes a port.
    #[must_use]
    pub fn publish(mut self, published: u16, target: u16, host_mode: bool) -> Self {
        self.published.push(Published { target, published, host_mode });
        self
    }

    /// Fixes the VIP on a network.
    #[must_use]
    pub fn vip(mut self, network: impl Into<String>, address: IpAddr) -> Self {
        self.vips.insert(network.into(), address);
        self
    }

    /// Fixes addresses of tasks on a network.
    #[must_use]
    pub fn tasks_at(mut self, network: impl Into<String>, addresses: Vec<IpAddr>) -> Self {
        self.task_addresses.insert(network.into(), addresses);
        self
    }
}

/// A plain container to run.
#[derive(Clone, Debug, Default)]
pub struct ContainerSpec {
    /// Name without the leading slash.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Networks by name, with an address; `None` allocates one.
    pub networks: Vec<(String, Option<IpAddr>)>,
    /// Ports that the image exposes: `8080/tcp`.
    pub exposed: Vec<String>,
    /// Host bindings: container port (`8080/tcp`) -> host address and port.
    pub bindings: BTreeMap<String, (String, u16)>,
    /// `default`, `host`, `container:<id>`; empty means `default`.
    pub network_mode: String,
    /// `starting`, `healthy`, `unhealthy`; `None` when there is no health check.
    pub health: Option<String>,
    /// Whether it is only created, not started.
    pub stopped: bool,
}

impl ContainerSpec {
    /// A container without anything.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Attaches to a network with an allocated address.
    #[must_use]
    pub fn network(mut self, name: impl Into<String>) -> Self {
        self.networks.push((name.into(), None));
        self
    }

    /// Attaches to a network with a given address.
    #[must_use]
    pub fn network_at(mut self, name: impl Into<String>, address: IpAddr) -> Self {
        self.networks.push((name.into(), Some(address)));
        self
    }

    /// Exposes a port (`8080/tcp`).
    #[must_use]
    pub fn expose(mut self, port: impl Into<String>) -> Self {
        self.exposed.push(port.into());
        self
    }

    /// Binds a container port on the host.
    #[must_use]
    pub fn bind(mut self, port: impl Into<String>, host: impl Into<String>, at: u16) -> Self {
        self.bindings.insert(port.into(), (host.into(), at));
        self
    }

    /// Sets the health.
    #[must_use]
    pub fn health(mut self, health: impl Into<String>) -> Self {
        self.health = Some(health.into());
        self
    }
}

/// What a misbehaving engine answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// This status with an engine-like message.
    Status(u16, String),
    /// Status 200 and this text.
    Body(String),
    /// Status 200 and these bytes, which need not be text.
    Bytes(Vec<u8>),
    /// Nothing, with the connection open.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// The right answer, so much later.
    Slow(Duration),
}
