//! Answers of an engine that bollard's models do not hold, or not tolerantly enough.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A list of which some entries could not be read.
#[derive(Debug)]
pub struct Tolerant<T> {
    /// What could be read.
    pub entries: Vec<T>,
    /// Name or id of each other one, and why.
    pub unreadable: Vec<(String, String)>,
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
    entries: Vec<Value>,
    simplify: impl Fn(&mut Value),
) -> Tolerant<T> {
    let mut read = Tolerant { entries: Vec::with_capacity(entries.len()), unreadable: Vec::new() };
    for mut entry in entries {
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
                read.unreadable.push((name.unwrap_or("?").to_owned(), error.to_string()));
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
        let read: Tolerant<Task> = tolerant(entries, |_| {});
        let ids: Vec<&str> = read.entries.iter().map(|task| task.id.as_str()).collect();
        assert_eq!(ids, ["a", "c"]);
        assert_eq!(read.unreadable.len(), 1);
        assert_eq!(read.unreadable[0].0, "b");
    }
}
