//! What the provider tests share: providers from an install configuration, and their updates.

// Each test file uses its own part.
#![allow(dead_code)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use swarmgate_config::install::{Docker, Install};
use swarmgate_config::routing::Configuration;
use swarmgate_discovery::{Surroundings, Update, providers_in};
use tokio::sync::mpsc;

/// Far beyond what anything here takes, even on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running provider.
pub struct Watched {
    updates: mpsc::Receiver<Update>,
    /// The latest configuration.
    pub latest: Arc<Configuration>,
    /// The provider's name.
    pub provider: String,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Settings for a simulated engine.
pub fn docker(endpoint: &str) -> Docker {
    Docker { endpoint: endpoint.to_owned(), ..Docker::default() }
}

/// Starts the only provider that the install configuration names.
pub fn watch(install: &Install) -> Watched {
    start(install, Surroundings::default())
}

/// The same as if in a container.
pub fn watch_as(install: &Install, container: &str) -> Watched {
    let own_container = vec![container.to_owned()];
    start(install, Surroundings { own_container, ..Surroundings::default() })
}

fn start(install: &Install, surroundings: Surroundings) -> Watched {
    let (mut providers, findings) = providers_in(install, &surroundings);
    assert!(findings.is_empty(), "{findings:?}");
    let provider = providers.pop().expect("one provider");
    assert!(providers.is_empty());
    let name = provider.name().to_owned();
    let (sender, updates) = mpsc::channel(16);
    let task = tokio::spawn(provider.run(sender));
    Watched { updates, latest: Arc::default(), provider: name, task }
}

/// Starts `providers.swarm`.
pub fn watch_swarm(settings: Docker) -> Watched {
    let mut install = Install::default();
    install.providers.swarm = Some(settings);
    watch(&install)
}

/// Starts `providers.docker`.
pub fn watch_docker(settings: Docker) -> Watched {
    let mut install = Install::default();
    install.providers.docker = Some(settings);
    watch(&install)
}

impl Watched {
    /// Waits until the configuration satisfies `wanted`; returns how long it took.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Configuration) -> bool) -> Duration {
        let began = Instant::now();
        let work = async {
            while !wanted(&self.latest) {
                let update = self.updates.recv().await.expect("the provider goes on");
                assert_eq!(*update.provider, *self.provider);
                self.latest = update.configuration;
            }
        };
        if tokio::time::timeout(PATIENCE, work).await.is_err() {
            panic!("never: {what}; latest {:#?}", self.latest);
        }
        began.elapsed()
    }

    /// Waits for the next configuration that arrives within a time.
    pub async fn next_within(&mut self, time: Duration) -> Option<Arc<Configuration>> {
        let update = tokio::time::timeout(time, self.updates.recv()).await.ok()??;
        self.latest = update.configuration;
        Some(self.latest.clone())
    }
}

/// `service=url,url` for each service.
pub fn services(configuration: &Configuration) -> Vec<String> {
    let show = |(name, service): (&String, &swarmgate_config::routing::Written<_>)| {
        let service: &swarmgate_config::routing::Service = &service.value;
        let servers = service.load_balancer.iter().flat_map(|balancer| &balancer.servers);
        let urls: Vec<&str> = servers.map(|server| server.url.as_str()).collect();
        format!("{name}={}", urls.join(","))
    };
    configuration.services.iter().map(show).collect()
}

/// Names of the routers.
pub fn routers(configuration: &Configuration) -> Vec<&str> {
    configuration.routers.keys().map(String::as_str).collect()
}

/// Whether a finding contains a text.
pub fn told(configuration: &Configuration, part: &str) -> bool {
    configuration.findings.iter().any(|finding| finding.to_string().contains(part))
}
