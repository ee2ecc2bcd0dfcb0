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

use std::sync::Arc;

use swarmgate_config::breath::look;
use swarmgate_config::finding::{Finding, ObjectKind, Severity};
use swarmgate_config::legacy::Context;
use swarmgate_config::routing::{Configuration, Left, rules_in};

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
    let mut merger = merge::Merger::new(provider);
    let provider: Arc<str> = provider.into();
    for item in items {
        look();
        let (name, rules) = (item.own_name.clone(), rules_in(&item.labels));
        let (stack, routed) = (item.stack(), !item.declared("routers").is_empty());
        let before = merger.findings().len();
        merger.add(link::link(&provider, item, default_rule), stack, routed);
        let findings = merger.findings().get(before..).unwrap_or_default();
        let lost: Vec<Left> = findings
            .iter()
            .filter(|finding| is_loss(finding))
            .take(LOSSES)
            .map(|finding| Left::new(&provider, &name, finding.to_string(), rules.as_str()))
            .collect();
        merger.skip(lost);
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

/// So many routers and services that one item lost are noted beside those that were left out.
const LOSSES: usize = 3;

/// Whether a router or service is missing because of what this says.
fn is_loss(finding: &Finding) -> bool {
    match finding.object {
        Some((ObjectKind::Router, _)) => finding.severity == Severity::Error,
        Some((ObjectKind::Service, _)) => finding.severity >= Severity::Warning,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
