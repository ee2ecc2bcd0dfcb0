//! A stack on the engine: an example's files with a few lines replaced, deployed, awaited, removed.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::engine::Engine;
use crate::eventually::eventually;

/// Long enough for a loaded machine of two cores to start or stop a dozen containers.
const SETTLE: Duration = Duration::from_secs(120);

/// A copy of an example's files; once deployed, removed with its volumes when dropped.
#[derive(Debug)]
pub struct Stack {
    engine: Engine,
    name: String,
    files: TempDir,
    volumes: Vec<String>,
}

impl Stack {
    /// Copies the folder `example` for a stack called `name`; nothing is deployed yet. What an
    /// earlier run left behind under this name is removed.
    ///
    /// # Panics
    /// When the files cannot be copied or the leftovers not removed.
    pub fn prepare(engine: &Engine, example: &Path, name: &str) -> Self {
        let files = tempfile::tempdir().expect("a temporary directory");
        copy(example, files.path());
        let stack =
            Self { engine: engine.clone(), name: name.to_owned(), files, volumes: Vec::new() };
        if !stack.services().is_empty() {
            stack.remove();
        }
        stack
    }

    /// Replaces the one place in `file` where `from` stands by `to`.
    ///
    /// # Panics
    /// When `from` stands there never or more than once: the example has changed.
    #[track_caller]
    #[must_use]
    pub fn replace(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.path(file);
        let text = std::fs::read_to_string(&path).expect("a file of the example");
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}");
        std::fs::write(path, text.replace(from, to)).expect("a file of the example");
        self
    }

    /// The path of a file in the copy.
    pub fn path(&self, file: &str) -> PathBuf {
        self.files.path().join(file)
    }

    /// The folder on the host of a volume of this stack, made if need be and removed with the stack.
    pub fn volume(&mut self, name: &str) -> PathBuf {
        let name = format!("{}_{name}", self.name);
        let folder = self.engine.volume(&name);
        self.volumes.push(name);
        folder
    }

    /// Deploys `file` of the copy and waits until every service has its tasks running.
    ///
    /// # Panics
    /// When the engine refuses or a service does not come up.
    #[track_caller]
    pub fn deploy(&self, file: &str) {
        let path = self.path(file);
        let path = path.to_string_lossy();
        self.engine.docker(&[
            "stack",
            "deploy",
            "--resolve-image",
            "never",
            "-c",
            &path,
            &self.name,
        ]);
        self.wait_running();
    }

    /// Waits until every service of the stack has as many running tasks as it wants and no update
    /// is under way.
    ///
    /// # Panics
    /// After two minutes, with what is still missing.
    #[track_caller]
    pub fn wait_running(&self) {
        eventually(&format!("stack {} runs", self.name), SETTLE, || {
            let filter = format!("{{\"label\":[\"com.docker.stack.namespace={}\"]}}", self.name);
            let services =
                self.engine.get(&format!("/services?status=true&filters={}", encode(&filter)))?;
            let services = services.as_array().cloned().unwrap_or_default();
            let waiting: Vec<_> = services.iter().filter_map(unsettled).collect();
            if waiting.is_empty() && !services.is_empty() {
                return Ok(());
            }
            // Polling faster only takes time away from the engine.
            std::thread::sleep(Duration::from_millis(100));
            Err(format!("{}; {}", waiting.join(", "), self.task_errors()))
        });
    }

    /// The full name of a service of this stack.
    pub fn service(&self, name: &str) -> String {
        format!("{}_{name}", self.name)
    }

    /// The log of a service, both streams.
    pub fn logs(&self, service: &str) -> String {
        let mut command = self.engine.command("sh");
        command.args(["-c", "docker service logs --raw \"$0\" 2>&1", &self.service(service)]);
        super::engine::run(command, None, Duration::from_secs(30)).unwrap_or_else(|error| error)
    }

    /// Removes the stack and waits until its containers and networks are gone.
    ///
    /// # Panics
    /// When something is left after two minutes.
    pub fn remove(&self) {
        let label = format!("label=com.docker.stack.namespace={}", self.name);
        eventually(&format!("stack {} is removed", self.name), SETTLE, || {
            // Said again each time: a network that was still in use is left over otherwise.
            self.engine.try_docker(&["stack", "rm", &self.name])?;
            std::thread::sleep(Duration::from_millis(300));
            for left in [["ps", "--all", "--quiet"], ["network", "ls", "--quiet"]] {
                let mut arguments = left.to_vec();
                arguments.extend(["--filter", &label]);
                let ids = self.engine.try_docker(&arguments)?;
                if !ids.is_empty() {
                    return Err(format!("left over ({}): {ids}", left.join(" ")));
                }
            }
            Ok(())
        });
        // Its volumes: those asked for, and those that the stack file made.
        let made = self.engine.try_docker(&["volume", "ls", "--quiet", "--filter", &label]);
        let made = made.unwrap_or_default();
        for volume in self.volumes.iter().map(String::as_str).chain(made.lines()) {
            let _ = self.engine.try_docker(&["volume", "rm", "--force", volume]);
        }
    }

    fn services(&self) -> String {
        self.engine.try_docker(&["stack", "services", "--quiet", &self.name]).unwrap_or_default()
    }

    fn task_errors(&self) -> String {
        let format = "{{.Name}}: {{.CurrentState}} {{.Error}}";
        let arguments = ["stack", "ps", "--no-trunc", "--format", format, &self.name];
        self.engine.try_docker(&arguments).unwrap_or_else(|error| error)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        if self.services().is_empty() {
            return;
        }
        if std::thread::panicking() {
            eprintln!("stack {}:\n{}", self.name, self.task_errors());
            for service in ["traefik", "web", "kittenapi"] {
                let log = self.logs(service);
                let lines: Vec<_> = log.lines().collect();
                let last = lines.len().saturating_sub(100);
                eprintln!("log of {service}, at its end:\n{}", lines[last..].join("\n"));
            }
            // A second panic would hide the first.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.remove()));
        } else {
            self.remove();
        }
    }
}

/// What a service (an element of `/services?status=true`) still waits for, if anything.
fn unsettled(service: &Value) -> Option<String> {
    let name = service.pointer("/Spec/Name").and_then(Value::as_str).unwrap_or("?");
    let count = |pointer: &str| service.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let (running, desired) =
        (count("/ServiceStatus/RunningTasks"), count("/ServiceStatus/DesiredTasks"));
    let update = service.pointer("/UpdateStatus/State").and_then(Value::as_str).unwrap_or("");
    match update {
        "updating" | "rollback_started" => Some(format!("{name} {update}")),
        _ if running != desired => Some(format!("{name} {running}/{desired}")),
        _ => None,
    }
}

/// Percent-encodes a query value.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                encoded.push(byte.into())
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// Copies a folder with all that is in it.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).expect("the example's folder").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).expect("a folder in the temporary directory");
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a file of the example");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_is_settled_when_it_has_what_it_wants() {
        let table = [
            (
                json!({"Spec": {"Name": "a"}, "ServiceStatus": {"RunningTasks": 2, "DesiredTasks": 3}}),
                Some("a 2/3"),
            ),
            (
                json!({"Spec": {"Name": "a"}, "ServiceStatus": {"RunningTasks": 3, "DesiredTasks": 3}}),
                None,
            ),
            (
                json!({"Spec": {"Name": "a"}, "UpdateStatus": {"State": "updating"}}),
                Some("a updating"),
            ),
            (json!({"Spec": {"Name": "a"}, "UpdateStatus": {"State": "completed"}}), None),
        ];
        for (service, expected) in table {
            assert_eq!(unsettled(&service).as_deref(), expected, "{service}");
        }
    }

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(encode("{\"a\":[\"b=c\"]}"), "%7B%22a%22%3A%5B%22b%3Dc%22%5D%7D");
    }
}
