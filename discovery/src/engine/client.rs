//! The calls we make to an engine: few, each bounded in time and size, tolerant of fields and
//! values that a newer engine may bring.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerInspectResponse, ContainerSummary, Service};
use bollard::query_parameters::{
    InspectContainerOptions, ListContainersOptions, ListServicesOptions,
};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use serde_json::Value;

use super::answer::{
    List, NetworkSummary, NodeSummary, Task, Tolerant, essence_of_container, essence_of_service,
    tolerant,
};
use super::endpoint::Endpoint;
use super::events::Events;
use super::failure::{Cause, Failure, failure, nonsense, too_slow};
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

impl Engine {
    /// Connects and agrees on an API version, from 1.41 to the newest that both know. `timeout`
    /// of zero means no limit of the user's own; `newest` is the newest version that the user
    /// wants spoken.
    pub async fn connect(
        endpoint: Arc<Endpoint>,
        timeout: Duration,
        newest: Option<(u16, u16)>,
    ) -> Result<Self, Failure> {
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
        let ours = newest.map_or(ours, |newest| ours.min(newest.max(OLDEST)));
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
            // Some service uses a word that bollard's models do not know, or is no proper JSON: one
            // by one then.
            Ok(Err(Error::JsonDataError { .. } | Error::JsonSerdeError { .. })) => {
                let answer = self.get("/services?status=true").await?;
                Ok(tolerant(answer, essence_of_service))
            }
            Ok(Ok(entries)) => Ok(Tolerant { entries, unreadable: Vec::new(), mended: false }),
            Ok(Err(error)) => Err(failure(error)),
            Err(_) => Err(too_slow()),
        }
    }

    /// Networks of Swarm scope.
    pub async fn swarm_networks(&self) -> Result<Tolerant<NetworkSummary>, Failure> {
        let filters = serde_json::json!({ "scope": ["swarm"] }).to_string();
        let target = format!("/networks?filters={}", escape(&filters));
        Ok(tolerant(self.get(&target).await?, |_| {}))
    }

    /// Tasks that should run, of these services.
    pub async fn tasks(&self, services: &[String]) -> Result<Tolerant<Task>, Failure> {
        let mut filters = serde_json::json!({"desired-state": ["running"]});
        // A target has a bounded length; beyond it all tasks are asked for.
        if services.len() <= 100
            && let Value::Object(map) = &mut filters
        {
            map.insert("service".into(), Value::from(services));
        }
        let target = format!("/tasks?filters={}", escape(&filters.to_string()));
        Ok(tolerant(self.get(&target).await?, |_| {}))
    }

    /// The nodes of the Swarm.
    pub async fn nodes(&self) -> Result<Tolerant<NodeSummary>, Failure> {
        Ok(tolerant(self.get("/nodes").await?, |_| {}))
    }

    /// All containers, stopped ones too.
    pub async fn containers(&self) -> Result<Tolerant<ContainerSummary>, Failure> {
        let options = ListContainersOptions { all: true, ..Default::default() };
        match tokio::time::timeout(self.timeout, self.docker.list_containers(Some(options))).await {
            Ok(Err(Error::JsonDataError { .. } | Error::JsonSerdeError { .. })) => {
                let answer = self.get("/containers/json?all=true").await?;
                Ok(tolerant(answer, essence_of_container))
            }
            Ok(Ok(entries)) => Ok(Tolerant { entries, unreadable: Vec::new(), mended: false }),
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

    /// A list of objects; bytes that are no UTF-8 are read as U+FFFD, and told.
    async fn get(&self, target: &str) -> Result<List, Failure> {
        let body = self.open(target).await?.into_body().collect();
        let body = tokio::time::timeout(self.timeout, body).await.map_err(|_| too_slow())?;
        let body = body
            .map_err(|error| {
                Failure::new(Cause::Unreachable, format!("the answer broke off: {error}"))
            })?
            .to_bytes();
        list(&body).map_err(|error| nonsense(&error.to_string()))
    }
}

fn list(body: &[u8]) -> serde_json::Result<List> {
    // Go writes an empty list as null.
    let read = |body: &[u8]| serde_json::from_slice::<Option<Vec<Value>>>(body);
    match read(body) {
        Ok(entries) => Ok(List { entries: entries.unwrap_or_default(), mended: false }),
        Err(error) if std::str::from_utf8(body).is_ok() => Err(error),
        Err(_) => {
            let entries = read(String::from_utf8_lossy(body).as_bytes())?.unwrap_or_default();
            Ok(List { entries, mended: true })
        }
    }
}

fn parse_version(text: &str) -> Option<(u16, u16)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let read = |body: &[u8]| list(body).map(|list| (list.entries.len(), list.mended)).ok();
        type Case<'a> = (&'a [u8], Option<(usize, bool)>);
        let table: [Case<'_>; 6] = [
            (b"null", Some((0, false))),
            (b"[]", Some((0, false))),
            (b"[{}, 7]", Some((2, false))),
            (b"[{\"a\": \"\xff\xfe\"}]", Some((1, true))),
            (b"{}", None),
            (b"[\"\xff\"", None),
        ];
        for (body, expected) in table {
            assert_eq!(read(body), expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn queries_are_escaped() {
        assert_eq!(escape(r#"{"a":["x y"]}"#), "%7B%22a%22%3A%5B%22x%20y%22%5D%7D");
    }
}
