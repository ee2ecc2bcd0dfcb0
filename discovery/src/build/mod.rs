//! From containers or Swarm services with labels and addresses to one routing configuration.

pub mod constraint;
pub mod item;
mod link;
mod merge;
pub mod name;
pub mod network;
mod servers;
pub mod template;

pub use self::item::{Balance, Item, Targets};
pub use self::servers::needs_members;

use swarmgate_config::breath::look;
use swarmgate_config::legacy::Context;
use swarmgate_config::routing::Configuration;

use self::constraint::Constraint;
use self::template::Template;

/// What decides about containers and services, beside their labels.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Whether those without `traefik.enable` are exposed.
    pub exposed_by_default: bool,
    /// Which are kept.
    pub constraint: Constraint,
    /// The rule of routers that have none.
    pub default_rule: Template,
    /// The network that leads to them.
    pub network: Option<String>,
    /// What labels of Traefik v1 depend on.
    pub legacy: Context,
}

/// Builds a provider's configuration. The order of `items` does not matter.
pub fn build(provider: &str, mut items: Vec<Item>, default_rule: &Template) -> Configuration {
    items.sort_by(|a, b| (&a.created, &a.base_name, &a.id).cmp(&(&b.created, &b.base_name, &b.id)));
    let mut whole = Configuration::default();
    for item in items {
        look();
        let linked = link::link(provider, item, default_rule);
        merge::merge(provider, &mut whole, linked);
    }
    whole
}

#[cfg(test)]
mod tests;
