//! Answers of an engine that bollard's models do not hold, or not tolerantly enough.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{Finding, Origin, Severity};
use swarmgate_config::routing::Left;

use crate::build::item::label_origin;

/// A list of which some entries could not be read.
#[derive(Debug)]
pub struct Tolerant<T> {
    /// What could be read.
    pub entries: Vec<T>,
    /// The other ones.
    pub unreadable: Vec<Unreadable>,
    /// Whether it held bytes that are no UTF-8, which are U+FFFD here.
    pub mended: bool,
}

impl<T> Default for Tolerant<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), unreadable: Vec::new(), mended: false }
    }
}

/// An entry that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its id, if that can be read.
    pub id: String,
    /// Its name, or else its id.
    pub name: String,
    /// What is odd about it.
    pub why: String,
    /// Whether its last description is among the entries.
    pub recalled: bool,
}

impl<T> Tolerant<T> {
    /// What could not be read as it stands, as findings.
    pub fn findings(&self, provider: &str) -> Vec<Finding> {
        let unreadable = self.unreadable.iter().take(MOST_UNREADABLE).map(|it| {
            let mut message = format!("the engine's description cannot be read: {}", it.why);
            let mut severity = Severity::Error;
            if it.recalled {
                severity = Severity::Warning;
                message.push_str("; it is served as it was described last");
            }
            let origin = label_origin(provider, it.name.trim_start_matches('/'), "");
            Finding::new(severity, origin, message)
        });
        let mended = self.mended.then(|| {
            let message = "the engine's answer holds bytes that are no UTF-8 (in a name, a label \
                           or another text); they are read as U+FFFD";
            let origin = Origin::Provider { provider: provider.into() };
            // Nothing is wrong with the provider.
            Finding::new(Severity::Warning, origin, message)
        });
        unreadable.chain(mended).collect()
    }

    /// What could not be read, for those who ask for it.
    pub fn left(&self, provider: &Arc<str>) -> Vec<Left> {
        let lost = self.unreadable.iter().filter(|it| !it.recalled);
        let left = lost.take(MOST_UNREADABLE).map(|it| {
            let reason = format!("its description cannot be read: {}", it.why);
            Left::new(provider, it.name.trim_start_matches('/'), reason, "")
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

/// A network of Swarm scope, as far as it is needed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct NetworkSummary {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Whether it is the routing mesh's.
    pub ingress: Option<bool>,
}

/// Leaves of a service's description what is looked at.
pub(super) fn essence_of_service(service: &mut Value) {
    retain(service, "", &["ID", "Version", "CreatedAt", "Spec", "Endpoint", "ServiceStatus"]);
    let kept = ["Name", "Labels", "Mode", "EndpointSpec", "TaskTemplate", "Networks"];
    retain(service, "/Spec", &kept);
    retain(service, "/Spec/TaskTemplate", &["Networks"]);
}

/// Leaves of a container's description what is looked at.
pub(super) fn essence_of_container(container: &mut Value) {
    let kept = [
        "Id",
        "Names",
        "Labels",
        "Created",
        "State",
        "Status",
        "Ports",
        "HostConfig",
        "NetworkSettings",
    ];
    retain(container, "", &kept);
    retain(container, "/HostConfig", &["NetworkMode"]);
    if let Some(Value::Object(networks)) = container.pointer_mut("/NetworkSettings/Networks") {
        for network in networks.values_mut() {
            retain(network, "", &["IPAddress", "GlobalIPv6Address"]);
        }
    }
}

fn retain(value: &mut Value, at: &str, kept: &[&str]) {
    if let Some(Value::Object(map)) = value.pointer_mut(at) {
        map.retain(|key, _| kept.contains(&key.as_str()));
    }
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
                let text = |pointers: &[&str]| {
                    let found = pointers.iter().find_map(|at| entry.pointer(at)?.as_str());
                    found.unwrap_or("?").chars().take(200).collect::<String>()
                };
                read.unreadable.push(Unreadable {
                    id: text(&["/ID", "/Id"]),
                    name: text(&["/Spec/Name", "/Names/0", "/Name", "/ID", "/Id"]),
                    why: error.to_string().chars().take(200).collect(),
                    recalled: false,
                });
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
        assert_eq!(read.unreadable[0].name, "b");
    }

    #[test]
    fn what_is_not_looked_at_cannot_be_odd() {
        let read = |text: &str| {
            let mut value: Value = serde_json::from_str(text).unwrap();
            essence_of_service(&mut value);
            serde_json::from_value::<bollard::models::Service>(value)
        };
        let odd = r#"{"ID": "a", "Meta": 7, "PreviousSpec": {"Labels": 3}, "JobStatus": "x",
            "UpdateStatus": {"State": "dreaming"}, "Spec": {"Name": "web", "Labels": {"a": "b"},
            "UpdateConfig": 1, "TaskTemplate": {"ContainerSpec": 1, "Networks": []}}}"#;
        assert_eq!(read(odd).unwrap().spec.unwrap().name.as_deref(), Some("web"));
        assert!(read(r#"{"Spec": {"Labels": 7}}"#).is_err());
        let read = |text: &str| {
            let mut value: Value = serde_json::from_str(text).unwrap();
            essence_of_container(&mut value);
            serde_json::from_value::<bollard::models::ContainerSummary>(value)
        };
        let odd = r#"{"Id": "a", "Image": 7, "Mounts": 1, "Health": {"Status": "so-so"},
            "HostConfig": {"NetworkMode": "host", "Annotations": 3}, "NetworkSettings":
            {"Networks": {"n": {"IPAddress": "10.0.0.1", "IPAMConfig": 3, "GwPriority": "x"}}}}"#;
        let networks = read(odd).unwrap().network_settings.unwrap().networks.unwrap();
        assert_eq!(networks["n"].ip_address.as_deref(), Some("10.0.0.1"));
        assert!(read(r#"{"Labels": 7}"#).is_err());
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
