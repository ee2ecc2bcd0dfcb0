//! The calls we make to an engine: few, each bounded in time and size, tolerant of fields and
//! values that a newer engine may bring.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary, Network, Service};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, ListNetworksOptions, ListServicesOptions,
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::endpoint::Endpoint;
use super::events::Events;
use super::transport::Transport;

/// The oldest API that tells how many tasks of a service run.
const OLDEST: (u16, u16) = (1, 41);
/// No call but the event stream may take longer, whatever the settings say.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to an engine whose API version has been negotiated.
#[derive(Debug)]
pub struct Engine {
    docker: Docker,
    transport: Transport,
    timeout: Duration,
}

/// Why a call failed. The text is stable, so that repeating it is no news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub cause: Cause,
    /// What happened.
    pub message: String,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody answers, or the connection ended.
    Unreachable,
    /// The engine has no such object.
    NotFound,
    /// The engine is no Swarm manager.
    NotManager,
    /// It answered something else than was expected.
    Refused,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

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

impl Engine {
    /// Connects and agrees on an API version, from 1.41 to the newest that both know. `timeout`
    /// of zero means no limit of the user's own.
    pub async fn connect(endpoint: Arc<Endpoint>, timeout: Duration) -> Result<Self, Failure> {
        let transport = Transport::new(endpoint);
        let timeout = if timeout.is_zero() { PATIENCE } else { timeout.min(PATIENCE) };
        let docker =
            Docker::connect_with_custom_transport(
                {
                    let transport = transport.clone();
                    move |request| {
                        let transport = transport.clone();
                        async move {
                            transport.send(request).await.map_err(|err| Error::IOError { err })
                        }
                    }
                },
                Some("http://docker"),
                timeout.as_secs().max(1),
                bollard::API_DEFAULT_VERSION,
            )
            .map_err(failure)?;
        let engine = Self { docker, transport, timeout };
        let version = engine.within(engine.docker.version()).await?;
        let theirs = version.api_version.as_deref().and_then(parse_version).ok_or_else(|| {
            let text = "this is no Docker Engine: /version names no API version";
            Failure::new(Cause::Refused, text)
        })?;
        if theirs < OLDEST {
            let message = format!(
                "the engine speaks API {}.{}, which is too old; expected {}.{} (Docker 20.10) or \
                 newer",
                theirs.0, theirs.1, OLDEST.0, OLDEST.1
            );
            return Err(Failure::new(Cause::Refused, message));
        }
        let ours = engine.docker.client_version();
        let ours = (
            u16::try_from(ours.major_version).unwrap_or(1),
            u16::try_from(ours.minor_version).unwrap_or(41),
        );
        // An engine that has dropped our newest version is asked in its oldest.
        let oldest = version.min_api_version.as_deref().and_then(parse_version);
        let agreed = ours.min(theirs).max(oldest.unwrap_or(OLDEST).min(theirs));
        engine.transport.set_version(agreed.0, agreed.1);
        Ok(engine)
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(result) => result.map_err(failure),
            Err(_) => Err(too_slow()),
        }
    }

    /// All services with the counts of their tasks.
    pub async fn services(&self) -> Result<Tolerant<Service>, Failure> {
        let options = ListServicesOptions { status: Some(true), ..Default::default() };
        match tokio::time::timeout(self.timeout, self.docker.list_services(Some(options))).await {
            // Some service uses a word that bollard's models do not know: one by one then.
            Ok(Err(Error::JsonDataError { .. })) => {
                let answer = self.get("/services?status=true").await?;
                Ok(tolerant(answer, |service| {
                    // Images, mounts and limits have most of the words, and we use none of them.
                    if let Some(Value::Object(template)) = service.pointer_mut("/Spec/TaskTemplate")
                    {
                        template.retain(|key, _| key == "Networks");
                    }
                    if let Some(Value::Object(spec)) = service.pointer_mut("/Spec") {
                        spec.remove("UpdateConfig");
                        spec.remove("RollbackConfig");
                    }
                    if let Value::Object(whole) = service {
                        whole.remove("UpdateStatus");
                    }
                }))
            }
            Ok(Ok(entries)) => Ok(Tolerant { entries, unreadable: Vec::new() }),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(too_slow()),
        }
    }

    /// Networks of Swarm scope.
    pub async fn swarm_networks(&self) -> Result<Vec<Network>, Failure> {
        let filters = HashMap::from([("scope".to_owned(), vec!["swarm".to_owned()])]);
        let options = ListNetworksOptions { filters: Some(filters) };
        self.within(self.docker.list_networks(Some(options))).await
    }

    /// Tasks that should run, of these services.
    pub async fn tasks(&self, services: &[String]) -> Result<Vec<Task>, Failure> {
        let mut filters = serde_json::json!({"desired-state": ["running"]});
        // A target has a bounded length; beyond it all tasks are asked for.
        if services.len() <= 100
            && let Value::Object(map) = &mut filters
        {
            map.insert("service".into(), Value::from(services));
        }
        let target = format!("/tasks?filters={}", escape(&filters.to_string()));
        Ok(tolerant(self.get(&target).await?, |_| {}).entries)
    }

    /// All containers, stopped ones too.
    pub async fn containers(&self) -> Result<Tolerant<ContainerSummary>, Failure> {
        let options = ListContainersOptions { all: true, ..Default::default() };
        match tokio::time::timeout(self.timeout, self.docker.list_containers(Some(options))).await {
            Ok(Err(Error::JsonDataError { .. })) => {
                let answer = self.get("/containers/json?all=true").await?;
                Ok(tolerant(answer, |container| {
                    if let Value::Object(container) = container {
                        container.remove("Mounts");
                        container.remove("ImageManifestDescriptor");
                        container.remove("Health");
                    }
                }))
            }
            Ok(Ok(entries)) => Ok(Tolerant { entries, unreadable: Vec::new() }),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(too_slow()),
        }
    }

    /// One container by id.
    pub async fn container(&self, id: &str) -> Result<ContainerInspectResponse, Failure> {
        // Ids come from the engine and from our own environment, yet land in a path.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Failure::new(Cause::NotFound, format!("{id:?} is no container id")));
        }
        let options = None::<InspectContainerOptions>;
        self.within(self.docker.inspect_container(id, options)).await
    }

    /// Opens the stream of events of these types. When this returns, the engine has begun it.
    pub async fn events(&self, types: &[&str]) -> Result<Events, Failure> {
        let filters = serde_json::json!({ "type": types }).to_string();
        let response = self.open(&format!("/events?filters={}", escape(&filters))).await?;
        Ok(Events::new(response.into_body()))
    }

    async fn open(&self, target: &str) -> Result<Response<Incoming>, Failure> {
        let request = Request::get(target).body(Empty::<Bytes>::new());
        let request = request.map_err(|error| Failure::new(Cause::Refused, error.to_string()))?;
        let response = tokio::time::timeout(self.timeout, self.transport.send(request))
            .await
            .map_err(|_| too_slow())?
            .map_err(|err| failure(Error::IOError { err }))?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let status_code = response.status().as_u16();
        let body = response.into_body().collect();
        let body = tokio::time::timeout(self.timeout, body).await.map_err(|_| too_slow())?;
        let body = body.map(|body| body.to_bytes()).unwrap_or_default();
        let message = serde_json::from_slice::<Value>(&body)
            .ok()
            .and_then(|value| value.get("message")?.as_str().map(str::to_owned));
        let message = message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        Err(failure(Error::DockerResponseServerError { status_code, message }))
    }

    async fn get(&self, target: &str) -> Result<Vec<Value>, Failure> {
        let body = self.open(target).await?.into_body().collect();
        let body = tokio::time::timeout(self.timeout, body).await.map_err(|_| too_slow())?;
        let body = body
            .map_err(|error| {
                Failure::new(Cause::Unreachable, format!("the answer broke off: {error}"))
            })?
            .to_bytes();
        // Go writes an empty list as null.
        serde_json::from_slice::<Option<Vec<Value>>>(&body)
            .map(Option::unwrap_or_default)
            .map_err(|error| nonsense(&error.to_string()))
    }
}

/// Reads each entry by itself; one that fails is simplified and tried again.
fn tolerant<T: DeserializeOwned>(
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

fn parse_version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn too_slow() -> Failure {
    Failure::new(Cause::Unreachable, "the engine does not answer in time")
}

fn nonsense(detail: &str) -> Failure {
    let detail = shorten(detail);
    Failure::new(Cause::Refused, format!("the engine's answer cannot be read: {detail}"))
}

fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// Percent-encodes what has a meaning in a query.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn failure(error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError { status_code: 404, message } => {
            Failure::new(Cause::NotFound, shorten(&message))
        }
        Error::DockerResponseServerError { message, .. }
            if message.contains("not a swarm manager") =>
        {
            let text = "this engine is not a Swarm manager; expected the socket of a manager node \
                        (constrain the service with node.role == manager, or run docker swarm \
                        init)";
            Failure::new(Cause::NotManager, text)
        }
        Error::DockerResponseServerError { status_code, message } => {
            let message = shorten(&message);
            Failure::new(Cause::Refused, format!("the engine answers {status_code}: {message}"))
        }
        Error::JsonDataError { message, .. } => nonsense(&message),
        Error::JsonSerdeError { err } => nonsense(&err.to_string()),
        Error::APIVersionParseError {} => nonsense("no API version"),
        Error::RequestTimeoutError => too_slow(),
        Error::IOError { err } => {
            let hint = match err.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    "; expected read and write access to the socket"
                }
                std::io::ErrorKind::NotFound => {
                    "; expected the engine's socket to be mounted there"
                }
                _ => "",
            };
            let text = shorten(&err.to_string());
            Failure::new(Cause::Unreachable, format!("the engine cannot be reached: {text}{hint}"))
        }
        other => {
            let text = shorten(&other.to_string());
            Failure::new(Cause::Unreachable, format!("the connection to the engine failed: {text}"))
        }
    }
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

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escape(r#"{"a":["x y"]}"#), "%7B%22a%22%3A%5B%22x%20y%22%5D%7D");
    }
}
