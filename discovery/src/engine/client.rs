//! The calls we make to an engine: few, each bounded in time and size, tolerant of fields and
//! values that a newer engine may bring.

use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerSummary, Service, SystemVersion};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answer::{
    Inspected, List, NetworkSummary, NodeSummary, Task, Tolerant, essence_of_container,
    essence_of_service, tolerant,
};
use super::endpoint::Endpoint;
use super::events::Events;
use super::failure::{Cause, Failure, failure, nonsense, too_slow};
use super::hedge::hedge;
use super::transport::Transport;

/// The oldest API that tells how many tasks of a service run.
const OLDEST: (u16, u16) = (1, 41);
/// Versions of which an engine of any age speaks one, for proxies that only let `/v1.xx/version`
/// through: 1.44 is the oldest that Docker 29 speaks.
const COMMON: [(u16, u16); 2] = [OLDEST, (1, 44)];
/// No call but the event stream may take longer, whatever the settings say.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a call may hang before it is made once more beside: its connection may be lost.
const IMPATIENCE: Duration = Duration::from_secs(5);
/// A slow engine is asked no more often than this for one listing.
const MOST_ATTEMPTS: usize = 3;

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
        let version = engine.version().await?;
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

    /// `/version`, with a version before it where a proxy wants one.
    async fn version(&self) -> Result<SystemVersion, Failure> {
        let bare = self.within(self.docker.version()).await;
        let Err(refused) = &bare else { return bare };
        if !refused.is_for_good() {
            return bare;
        }
        for (major, minor) in COMMON {
            self.transport.set_version(major, minor);
            let version = self.within(self.docker.version()).await;
            if version.is_ok() {
                return version;
            }
        }
        self.transport.set_version(0, 0);
        bare
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, call).await {
            Ok(result) => result.map_err(failure),
            Err(_) => Err(too_slow()),
        }
    }

    /// All services with the counts of their tasks.
    pub async fn services(&self) -> Result<Tolerant<Service>, Failure> {
        let answer = self.body("/services?status=true").await?;
        // Some service may use a word that bollard's models do not know.
        read_list(&answer, essence_of_service)
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
        let answer = self.body("/containers/json?all=true").await?;
        read_list(&answer, essence_of_container)
    }

    /// One container by id.
    pub async fn container(&self, id: &str) -> Result<Inspected, Failure> {
        // Ids come from the engine and from our own environment, yet land in a path.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Failure::new(Cause::NotFound, format!("{id:?} is no container id")));
        }
        let answer = self.body(&format!("/containers/{id}/json")).await?;
        serde_json::from_slice(&answer).map_err(|error| nonsense(&error.to_string()))
    }

    /// Opens the stream of events of these types. When this returns, the engine has begun it.
    pub async fn events(&self, types: &[&str]) -> Result<Events, Failure> {
        let filters = serde_json::json!({ "type": types }).to_string();
        let target: Arc<str> = format!("/events?filters={}", escape(&filters)).into();
        let response = self.hedged(|transport| open(transport, Arc::clone(&target))).await?;
        Ok(Events::new(response.into_body()))
    }

    /// A list of objects; bytes that are no UTF-8 are read as U+FFFD, and told.
    async fn get(&self, target: &str) -> Result<List, Failure> {
        list(&self.body(target).await?).map_err(|error| nonsense(&error.to_string()))
    }

    async fn body(&self, target: &str) -> Result<Bytes, Failure> {
        let target: Arc<str> = target.into();
        self.hedged(|transport| whole(transport, Arc::clone(&target))).await
    }

    /// Makes a call, once more beside if it hangs, and gives it up when its time is over.
    async fn hedged<T, F>(&self, call: impl Fn(Transport) -> F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let answered = hedge(IMPATIENCE, MOST_ATTEMPTS, || call(self.transport.clone()));
        tokio::time::timeout(self.timeout, answered).await.unwrap_or_else(|_| Err(too_slow()))
    }
}

/// The engine's answer, as soon as it has begun. Not one that says no.
async fn open(transport: Transport, target: Arc<str>) -> Result<Response<Incoming>, Failure> {
    let request = Request::get(&*target).body(Empty::<Bytes>::new());
    let request = request.map_err(|error| Failure::new(Cause::Refused, error.to_string()))?;
    let response = transport.send(request).await.map_err(|err| failure(Error::IOError { err }))?;
    if response.status() == StatusCode::OK {
        return Ok(response);
    }
    let status_code = response.status().as_u16();
    let body = response.into_body().collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let message = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|value| value.get("message")?.as_str().map(str::to_owned));
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
    Err(failure(Error::DockerResponseServerError { status_code, message }))
}

/// All of it.
async fn whole(transport: Transport, target: Arc<str>) -> Result<Bytes, Failure> {
    let body = open(transport, target).await?.into_body().collect().await;
    let body = body.map_err(|error| {
        Failure::new(Cause::Unreachable, format!("the answer broke off: {error}"))
    })?;
    Ok(body.to_bytes())
}

/// All entries at once; one by one if that fails.
fn read_list<T: DeserializeOwned>(
    body: &[u8],
    simplify: impl Fn(&mut Value),
) -> Result<Tolerant<T>, Failure> {
    // Go writes an empty list as null.
    if let Ok(entries) = serde_json::from_slice::<Option<Vec<T>>>(body) {
        let entries = entries.unwrap_or_default();
        return Ok(Tolerant { entries, unreadable: Vec::new(), mended: false });
    }
    let entries = list(body).map_err(|error| nonsense(&error.to_string()))?;
    Ok(tolerant(entries, simplify))
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
