//! An item: one container or Swarm service as its provider sees it, before names are linked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use swarmgate_config::decode::Labels;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};

/// One container or Swarm service.
#[derive(Clone, Debug)]
pub struct Item {
    /// The engine's id, the last resort for an order.
    pub id: String,
    /// Its own name, as in findings (`myapp_web`).
    pub own_name: String,
    /// The normalised base name (`myapp-web`).
    pub base_name: String,
    /// `.ContainerName` of the default rule.
    pub container_name: String,
    /// Sorts by time of creation: of two that define one name differently, the older keeps it.
    pub created: String,
    /// All labels.
    pub labels: BTreeMap<String, String>,
    /// What the labels say.
    pub decoded: Labels,
    /// Where its servers are.
    pub targets: Targets,
    /// What was noticed before.
    pub findings: Vec<Finding>,
}

/// Which addresses stand for a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// The VIP, unless something needs single tasks.
    #[default]
    Auto,
    /// The VIP, whatever the labels want: somebody said so.
    Vip,
    /// The members.
    Members,
}

/// Where an item's servers are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    /// The address behind which Swarm balances.
    pub vip: Option<IpAddr>,
    /// Addresses of tasks, or of the container.
    pub members: Vec<IpAddr>,
    /// Which of the two to use.
    pub balance: Balance,
    /// Running tasks; `None` outside of Swarm.
    pub running: Option<u32>,
    /// The port when no label names one; never in Swarm.
    pub default_port: Option<u16>,
    /// Host address and port by container port, where those are to be used.
    pub bindings: BTreeMap<u16, (IpAddr, u16)>,
    /// The nodes' ports by container port, where the members are nodes and ports have to be
    /// published there.
    pub published: Option<BTreeMap<u16, u16>>,
    /// Why there is no address at all. `None` with no members means: no server right now.
    pub unreachable: Option<String>,
}

impl Targets {
    /// Whether this is a container that stands still but may keep its service.
    pub fn is_empty(&self) -> bool {
        self.running.is_none()
            && self.vip.is_none()
            && self.members.is_empty()
            && self.unreachable.is_none()
    }
}

impl Item {
    /// The origin of what the labels do not say themselves.
    pub fn origin(&self, provider: &str) -> Origin {
        label_origin(provider, &self.own_name, "")
    }

    /// The stack, or the compose project, that it was deployed with.
    pub fn stack(&self) -> Option<Arc<str>> {
        let keys = ["com.docker.stack.namespace", "com.docker.compose.project"];
        let given = |key: &&str| self.labels.get(*key).filter(|name| !name.is_empty());
        keys.iter().find_map(given).map(|name| name.as_str().into())
    }

    /// Names that its labels give to objects which could not be decoded, in lower case.
    pub fn unreadable(&self) -> BTreeSet<(ObjectKind, String)> {
        let decoded = &self.decoded.configuration;
        let mut lost = BTreeSet::new();
        for label in self.labels.keys() {
            let mut parts = label.splitn(5, '.');
            let (root, http, kind) = (parts.next(), parts.next(), parts.next());
            let is = |part: Option<&str>, text: &str| {
                part.is_some_and(|part| part.eq_ignore_ascii_case(text))
            };
            let Some(name) = parts.next().filter(|name| !name.is_empty()) else { continue };
            if !is(root, "traefik") || !is(http, "http") {
                continue;
            }
            if is(kind, "routers") && !decoded.routers.contains_key(name) {
                lost.insert((ObjectKind::Router, name.to_lowercase()));
            } else if is(kind, "services") && !decoded.services.contains_key(name) {
                lost.insert((ObjectKind::Service, name.to_lowercase()));
            } else if is(kind, "middlewares") && !decoded.middlewares.contains_key(name) {
                lost.insert((ObjectKind::Middleware, name.to_lowercase()));
            }
        }
        lost.extend(self.decoded.refused.iter().cloned());
        if !lost.is_empty() {
            // One object may be spelled in several ways.
            let named = |kind| move |name: &String| (kind, name.to_lowercase());
            let there = (decoded.routers.keys().map(named(ObjectKind::Router)))
                .chain(decoded.services.keys().map(named(ObjectKind::Service)))
                .chain(decoded.middlewares.keys().map(named(ObjectKind::Middleware)));
            for name in there {
                lost.remove(&name);
            }
        }
        lost
    }

    /// Names in `traefik.http.<section>.<name>.`, whether they could be decoded or not, and those
    /// that were meant to stand there (`traefik.http.router.<name>`).
    pub fn declared(&self, section: &str) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        for label in self.labels.keys() {
            let mut parts = label.splitn(5, '.');
            let (root, http, kind) = (parts.next(), parts.next(), parts.next());
            let is = |part: Option<&str>, text: &str| {
                part.is_some_and(|part| part.eq_ignore_ascii_case(text))
            };
            if is(root, "traefik") && is(http, "http") && is(kind, section) {
                names.extend(parts.next().filter(|name| !name.is_empty()));
            }
        }
        let kind = match section {
            "routers" => ObjectKind::Router,
            "services" => ObjectKind::Service,
            _ => return names,
        };
        let known: BTreeSet<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let refused = self.decoded.refused.iter().filter(|(refused, _)| *refused == kind);
        names.extend(refused.map(|(_, name)| name.as_str()).filter(|name| !known.contains(*name)));
        names
    }
}

/// The origin of a label of one service or container; an empty label means all of it.
pub fn label_origin(provider: &str, service: &str, label: &str) -> Origin {
    Origin::Label { provider: provider.into(), service: service.into(), label: label.into() }
}

/// What happens to an item that is not enabled: it is left out, but a mistyped or unusable
/// `traefik.enable`, or labels that plainly expect to be read, are worth telling.
pub fn disabled_findings(
    provider: &str,
    name: &str,
    labels: &BTreeMap<String, String>,
    decoded: &Labels,
) -> Vec<Finding> {
    let about_enable = |finding: &&Finding| match &finding.origin {
        Origin::Label { label, .. } => {
            label.get(..14).is_some_and(|start| start.eq_ignore_ascii_case("traefik.enable"))
        }
        _ => false,
    };
    let mut findings: Vec<Finding> =
        decoded.configuration.findings.iter().filter(about_enable).cloned().collect();
    // Those of today, and those of Traefik v1.
    let routed = ["traefik.http.", "traefik.frontend."].into_iter().find(|prefix| {
        let begins = |key: &String| {
            key.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        labels.keys().any(begins)
    });
    if findings.is_empty()
        && decoded.enable.is_none()
        && let Some(prefix) = routed
    {
        let message = format!(
            "it has {} labels but is not exposed, because exposedByDefault is false",
            prefix.trim_end_matches('.')
        );
        findings.push(
            Finding::new(Severity::Info, label_origin(provider, name, ""), message)
                .expected("the label traefik.enable=true"),
        );
    }
    findings
}
