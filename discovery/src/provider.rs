//! The one trait: a provider sends whole routing configurations and knows nothing else.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use swarmgate_config::finding::Finding;
use swarmgate_config::install::Install;
use swarmgate_config::routing::Configuration;

/// A provider's whole configuration, replacing its previous one.
#[derive(Clone, Debug)]
pub struct Update {
    /// `swarm`, `docker`, `file`: the part after `@`.
    pub provider: Arc<str>,
    /// The configuration.
    pub configuration: Arc<Configuration>,
}

/// Where a provider sends its updates.
pub type Updates = tokio::sync::mpsc::Sender<Update>;

/// A source of routing configuration.
pub trait Provider: Send {
    /// The name after `@`.
    fn name(&self) -> &str;

    /// Runs until the receiver is gone. Waits for a missing source with back-off and never ends
    /// by itself; while the source is missing the last configuration stays (nothing is sent).
    fn run(self: Box<Self>, updates: Updates) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The providers that the install configuration names, and what is wrong with their settings. A
/// provider with bad settings is left out, the others run.
pub fn providers(_install: &Install) -> (Vec<Box<dyn Provider>>, Vec<Finding>) {
    (Vec::new(), Vec::new())
}
