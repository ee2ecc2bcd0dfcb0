//! From containers or Swarm services with labels and addresses to one routing configuration.

pub mod constraint;
pub mod item;
mod link;
mod merge;
pub mod name;
pub mod network;
mod servers;
mod strangers;
pub mod template;

pub use self::item::{Balance, Item, Targets};
pub use self::servers::needs_members;

use std::sync::Arc;

use swarmgate_config::breath::look;
use swarmgate_config::legacy::Context;
use swarmgate_config::routing::{Configuration, rules_in};

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
    let provider: Arc<str> = provider.into();
    let mut merger = merge::Merger::new(&provider);
    for item in items {
        look();
        let linked = link::link(&provider, &item, default_rule);
        let newcomer = merge::Newcomer {
            name: item.own_name.as_str().into(),
            stack: item.stack(),
            routed: !item.declared("routers").is_empty(),
            unreadable: item.unreadable(),
            rules: rules_in(&item.labels),
        };
        merger.add(linked, newcomer);
    }
    merger.finish()
}

/// Why an item without `traefik.enable=true` is left out.
pub fn disabled_reason(enable: Option<bool>) -> &'static str {
    match enable {
        Some(_) => "its label traefik.enable is false",
        None => "exposedByDefault is false, and it has no label traefik.enable=true",
    }
}

/// Why an item that the provider's `constraints` reject is left out.
pub const CONSTRAINT: &str = "the provider's constraints reject its labels";

#[cfg(test)]
mod tests;
