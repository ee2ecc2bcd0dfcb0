//! Answers of an engine that bollard's models do not hold, or not tolerantly enough.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{Finding, ObjectKind, Origin, Severity};
use swarmgate_config::routing::Left;

use crate::build::item::label_origin;

/// A list of which some entries could not be read.
#[derive(Debug)]
pub struct Tolerant<T> {
    /// What could be read.
    pub entries: Vec<T>,
    /// Name or id of each other one, and why.
    pub unreadable: Vec<(String, String)>,
    /// Whether it held bytes that are no UTF-8, which are U+FFFD here.
    pub mended: bool,
}

impl<T> Tolerant<T> {
    /// What could not be read as it stands, as findings.
    pub fn findings(&self, provider: &str) -> Vec<Finding> {
        let unreadable = self.unreadable.iter().take(MOST_UNREADABLE).map(|(name, why)| {
            let message = format!("the engine's description cannot be read: {why}");
            let origin = label_origin(provider, name.trim_start_matches('/'), "");
            Finding::new(Severity::Error, origin, message)
        });
        let mended = self.mended.then(|| {
            let message = "the engine's answer holds bytes that are no UTF-8 (in a name, a label \
                           or another text); they are read as U+FFFD";
            let origin = Origin::Provider { provider: provider.into() };
            Finding::new(Severity::Warning, origin, message).on(ObjectKind::Provider, provider)
        });
        unreadable.chain(mended).collect()
    }

    /// What could not be read, for those who ask for it.
    pub fn left(&self, provider: &Arc<str>) -> Vec<Left> {
        let left = self.unreadable.iter().take(MOST_UNREADABLE).map(|(name, why)| {
            let reason = format!("its description cannot be read: {why}");
            Left::new(provider, name.trim_start_matches('/'), reason, "")
        });
        left.collect()
    }
}

/// More than anybody would read.
const MOST_UNREADABLE: usize = 100;

/// A list as the engine gave it.
#[derive(Debug)]
pub(super) struct List {
    /// Its entries.
    pub entries: Vec<Value>,
    /// As [`Tolerant::mended`].
    pub mended: bool,
}

/// A node, as far as addresses need it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeSummary {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Where it is.
    #[serde(deserialize_with = "null_as_default")]
    pub status: NodeStatus,
    /// Where its manager listens, if it is one: `192.0.2.1:2377`.
    #[serde(deserialize_with = "null_as_default")]
    pub manager_status: NodeStatus,
}

/// `Status` and `ManagerStatus` of a node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NodeStatus {
    /// An address, perhaps with a port.
    pub addr: String,
}

impl NodeSummary {
    /// Its address. A leader may show `0.0.0.0` as its own; then its manager's tells.
    pub fn address(&self) -> Option<IpAddr> {
        let plain = |text: &str| {
            let socket = text.parse::<SocketAddr>().map(|address| address.ip()).ok();
            socket.or_else(|| text.parse().ok()).filter(|address| !address.is_unspecified())
        };
        plain(&self.status.addr).or_else(|| plain(&self.manager_status.addr))
    }
}

/// A task, as far as addresses need it: bollard's model lacks the network attachments.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Task {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// Its service's id.
    #[serde(rename = "ServiceID")]
    pub service_id: String,
    /// Its status.
    pub status: TaskStatus,
    /// `running` or, on its way out, `shutdown`.
    pub desired_state: String,
    /// The node it is on.
    #[serde(rename = "NodeID")]
    pub node_id: String,
    /// Networks with addresses.
    #[serde(deserialize_with = "null_as_default")]
    pub networks_attachments: Vec<Attachment>,
}

/// `Status` of a task.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct TaskStatus {
    /// `running`, `starting`, ...
    pub state: String,
}

/// An entry of `NetworksAttachments`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Attachment {
    /// The network.
    pub network: AttachedNetwork,
    /// Addresses with prefix length: `10.0.1.5/24`.
    #[serde(deserialize_with = "null_as_default")]
    pub addresses: Vec<String>,
}

/// `Network` of an attachment.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachedNetwork {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// What it is.
    #[serde(deserialize_with = "null_as_default")]
    pub spec: AttachedSpec,
}

/// `Spec` of an attached network.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct AttachedSpec {
    /// Its name.
    pub name: String,
}

/// An inspected container, as far as our own networks need it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Inspected {
    /// Its whole id.
    pub id: String,
    /// Where it is attached.
    #[serde(deserialize_with = "null_as_default")]
    pub network_settings: InspectedNetworks,
}

/// `NetworkSettings` of a container.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct InspectedNetworks {
    /// Networks by name; nothing else of them is looked at.
    #[serde(deserialize_with = "null_as_default")]
    pub networks: BTreeMap<String, IgnoredAny>,
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads each entry by itself; one that fails is simplified and tried again.
pub(super) fn tolerant<T: DeserializeOwned>(
    list: List,
    simplify: impl Fn(&mut Value),
) -> Tolerant<T> {
    let mut read = Tolerant {
        entries: Vec::with_capacity(list.entries.len()),
        unreadable: Vec::new(),
        mended: list.mended,
    };
    for mut entry in list.entries {
        breathe();
        let first = T::deserialize(&entry);
        let second = first.or_else(|_| {
            simplify(&mut entry);
            T::deserialize(&entry)
        });
        match second {
            Ok(value) => read.entries.push(value),
            Err(error) => {
                let name = ["/Spec/Name", "/Names/0", "/ID", "/Id"]
                    .iter()
                    .find_map(|pointer| entry.pointer(pointer)?.as_str());
                let short = |text: &str| text.chars().take(200).collect();
                read.unreadable.push((short(name.unwrap_or("?")), short(&error.to_string())));
            }
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_unreadable_entry_spoils_only_itself() {
        let entries = serde_json::json!([
            {"ID": "a", "ServiceID": "s", "NetworksAttachments": null},
            {"ID": "b", "Status": {"State": 7}},
            {"ID": "c", "New": {"field": 1}},
        ]);
        let Value::Array(entries) = entries else { panic!() };
        let list = List { entries, mended: true };
        let read: Tolerant<Task> = tolerant(list, |_| {});
        assert_eq!(read.findings("swarm").len(), 2);
        let ids: Vec<&str> = read.entries.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids, ["a", "c"]);
        assert_eq!(read.unreadable.len(), 1);
        assert_eq!(read.unreadable[0].0, "b");
    }

    #[test]
    fn addresses_of_nodes() {
        let table = [
            (r#"{"Status": {"Addr": "192.0.2.1"}}"#, Some("192.0.2.1")),
            (
                r#"{"Status": {"Addr": "0.0.0.0"}, "ManagerStatus": {"Addr": "192.0.2.2:2377"}}"#,
                Some("192.0.2.2"),
            ),
            (r#"{"Status": {"Addr": "[fd00::1]:2377"}}"#, Some("fd00::1")),
            (r#"{"Status": {"Addr": "somewhere"}, "ManagerStatus": null}"#, None),
            ("{}", None),
        ];
        for (text, expected) in table {
            let node: NodeSummary = serde_json::from_str(text).unwrap();
            assert_eq!(node.address().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }
}
