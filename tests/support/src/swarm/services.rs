//! Services of the engine, made and changed through its API: quicker than the command line, and the
//! moment of a change is known exactly.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::engine::Engine;
use super::stack::encode;
use crate::eventually::eventually;

/// Long enough for a loaded machine of two cores to start or stop two dozen containers.
const SETTLE: Duration = Duration::from_secs(120);

/// A running task.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// Its id.
    pub id: String,
    /// Its container as its host name shows it: the id's first twelve characters.
    pub container: String,
    /// Its first process on this machine.
    pub pid: u64,
    /// Since when it runs, seconds since 1970.
    pub since: f64,
}

/// What `POST /services/create` takes: the stand-in web server on a network, with quick restarts.
pub fn specification(name: &str, network: &str, replicas: u64, labels: &[(&str, &str)]) -> Value {
    let labels: serde_json::Map<_, _> =
        labels.iter().map(|(key, value)| ((*key).to_owned(), json!(value))).collect();
    json!({
        "Name": name,
        "Labels": labels,
        "TaskTemplate": {
            "ContainerSpec": {"Image": "swarmgate-whoami:latest", "Env": ["VERSION=1"]},
            "Networks": [{"Target": network}],
            "RestartPolicy": {"Condition": "any", "Delay": 1_000_000_000_u64},
        },
        "Mode": {"Replicated": {"Replicas": replicas}},
        "UpdateConfig": {"Parallelism": 1, "Delay": 1_000_000_000_u64},
        "EndpointSpec": {"Mode": "vip"},
    })
}

impl Engine {
    /// Makes a service.
    ///
    /// # Panics
    /// When the engine refuses.
    #[track_caller]
    pub fn create_service(&self, specification: &Value) {
        if let Err(error) = self.post("/services/create", specification) {
            panic!("{error}");
        }
    }

    /// Changes a service's specification; returns when the change was sent.
    ///
    /// # Panics
    /// When the engine refuses, also a second time.
    #[track_caller]
    pub fn change_service(&self, name: &str, change: impl Fn(&mut Value)) -> Instant {
        eventually(&format!("service {name} is changed"), Duration::from_secs(5), || {
            let service = self.get(&format!("/services/{name}"))?;
            let version = service.pointer("/Version/Index").and_then(Value::as_u64);
            let version = version.ok_or_else(|| format!("no version: {service}"))?;
            let mut specification = service.get("Spec").cloned().unwrap_or_default();
            change(&mut specification);
            let sent = Instant::now();
            // Out of sequence when the engine itself has just changed it (the state of an update).
            self.post(&format!("/services/{name}/update?version={version}"), &specification)?;
            Ok(sent)
        })
    }

    /// Sets one label of a service; returns when that was sent.
    ///
    /// # Panics
    /// As [`Engine::change_service`].
    #[track_caller]
    pub fn set_label(&self, service: &str, label: &str, value: &str) -> Instant {
        self.change_service(service, |specification| specification["Labels"][label] = json!(value))
    }

    /// Changes a service's number of replicas; returns when that was sent.
    ///
    /// # Panics
    /// As [`Engine::change_service`].
    #[track_caller]
    pub fn scale(&self, service: &str, replicas: u64) -> Instant {
        self.change_service(service, |specification| {
            specification["Mode"]["Replicated"]["Replicas"] = json!(replicas);
        })
    }

    /// The tasks of a service that run and shall run.
    ///
    /// # Errors
    /// The engine's.
    pub fn running(&self, service: &str) -> Result<Vec<Task>, String> {
        let filters = json!({"service": [service], "desired-state": ["running"]}).to_string();
        let tasks = self.get(&format!("/tasks?filters={}", encode(&filters)))?;
        let tasks = tasks.as_array().cloned().unwrap_or_default();
        Ok(tasks.iter().filter_map(running).collect())
    }

    /// Waits until a service has exactly so many running tasks, on this node, no others that still
    /// stop, and no update under way; returns them.
    ///
    /// # Panics
    /// After two minutes.
    #[track_caller]
    pub fn settled(&self, service: &str, replicas: usize) -> Vec<Task> {
        eventually(&format!("{service} has {replicas} tasks"), SETTLE, || {
            // Asking faster only takes time away from the engine.
            std::thread::sleep(Duration::from_millis(50));
            let state = self.get(&format!("/services/{service}"))?;
            let update = state.pointer("/UpdateStatus/State").and_then(Value::as_str);
            let tasks = self.running(service)?;
            let wanted = state.pointer("/Spec/Mode/Replicated/Replicas").and_then(Value::as_u64);
            // Those that shall run no more, too: they are done when their container has ended.
            let filters = json!({"label": [format!("com.docker.swarm.service.name={service}")]});
            let path = format!("/containers/json?filters={}", encode(&filters.to_string()));
            let containers = self.get(&path)?.as_array().map_or(0, Vec::len);
            if update == Some("updating") || tasks.len() != replicas || containers != replicas {
                return Err(format!(
                    "{} of {wanted:?} run, {containers} containers, update: {update:?}",
                    tasks.len()
                ));
            }
            Ok(tasks)
        })
    }
}

fn running(task: &Value) -> Option<Task> {
    let text = |pointer: &str| task.pointer(pointer).and_then(Value::as_str);
    if text("/Status/State") != Some("running") || text("/DesiredState") != Some("running") {
        return None;
    }
    let container = text("/Status/ContainerStatus/ContainerID")?;
    Some(Task {
        id: text("/ID")?.to_owned(),
        container: container.get(..12)?.to_owned(),
        pid: task.pointer("/Status/ContainerStatus/PID").and_then(Value::as_u64)?,
        since: seconds(text("/Status/Timestamp")?)?,
    })
}

/// `2025-01-31T12:00:00.5Z` -> seconds since 1970.
fn seconds(timestamp: &str) -> Option<f64> {
    let (date, time) = timestamp.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(|number| number.parse::<i64>().ok());
    let (year, month, day) = (date.next()??, date.next()??, date.next()??);
    let mut time = time.split(':').map(|number| number.parse::<f64>().ok());
    let (hours, minutes, seconds) = (time.next()??, time.next()??, time.next()??);
    // The year begins in March, so that the day to leap is its last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days =
        year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 719_469;
    Some(days as f64 * 86_400.0 + hours * 3_600.0 + minutes * 60.0 + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let table = [
            ("1970-01-01T00:00:00Z", Some(0.0)),
            ("2000-02-29T12:00:00.5Z", Some(951_825_600.5)),
            ("2025-12-31T23:59:59Z", Some(1_767_225_599.0)),
            ("2025-12-31", None),
            ("a-b-cTd:e:fZ", None),
        ];
        for (text, expected) in table {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn only_tasks_that_run_and_shall_run_count() {
        let task = |state: &str, desired: &str| {
            json!({
                "ID": "t", "DesiredState": desired,
                "Status": {
                    "State": state, "Timestamp": "1970-01-01T00:00:10Z",
                    "ContainerStatus": {"ContainerID": "0123456789abcdef", "PID": 7},
                },
            })
        };
        let expected =
            Task { id: "t".into(), container: "0123456789ab".into(), pid: 7, since: 10.0 };
        assert_eq!(running(&task("running", "running")), Some(expected));
        assert_eq!(running(&task("starting", "running")), None);
        assert_eq!(running(&task("running", "shutdown")), None);
    }
}
