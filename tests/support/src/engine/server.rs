//! The engine's HTTP API over a Unix socket: paths, filters, the event stream, faults.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::broadcast;
use tokio::task::JoinSet;

use super::json;
use super::spec::Fault;
use super::state::State;

/// State and event stream, shared by the server and the caller.
#[derive(Debug)]
pub struct Shared {
    state: Mutex<State>,
    pub events: broadcast::Sender<Value>,
}

impl Shared {
    pub fn new(state: State) -> Self {
        Self { state: Mutex::new(state), events: broadcast::channel(65_536).0 }
    }

    /// The state; a panic of another thread in a test does not hide behind a second one.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Accepts until dropped; dropping cuts all connections.
pub async fn serve(listener: UnixListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(|request| {
                let shared = shared.clone();
                async move { answer(&shared, request).await.ok_or("fault: closed") }
            });
            // A client that goes away is no news.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}

fn full(status: StatusCode, content_type: &str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(body.into()).boxed_unsync());
    *response.status_mut() = status;
    if let Ok(value) = header::HeaderValue::from_str(content_type) {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response
}

fn ok(value: &Value) -> Response<Body> {
    full(StatusCode::OK, "application/json", value.to_string())
}

fn failure(status: u16, message: &str) -> Response<Body> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    full(status, "application/json", json!({ "message": message }).to_string())
}

/// `/v1.41/services` -> (`Some((1, 41))`, `/services`).
fn split_version(path: &str) -> (Option<(u32, u32)>, &str) {
    let Some(rest) = path.strip_prefix("/v") else { return (None, path) };
    let Some((version, _)) = rest.split_once('/') else { return (None, path) };
    let parsed = version
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    match parsed {
        Some(version_pair) => (Some(version_pair), &rest[version.len()..]),
        None => (None, path),
    }
}

fn query(request: &Request<Incoming>) -> BTreeMap<String, String> {
    let text = request.uri().query().unwrap_or_default();
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (unescape(key), unescape(value)))
        .collect()
}

fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[at], hex) {
            (_, Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', None) => out.push(b' '),
            (byte, None) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `filters={"a":["x"]}` or the older `{"a":{"x":true}}`.
fn filters(query: &BTreeMap<String, String>) -> BTreeMap<String, BTreeSet<String>> {
    let Some(Value::Object(map)) =
        query.get("filters").and_then(|text| serde_json::from_str(text).ok())
    else {
        return BTreeMap::new();
    };
    map.into_iter()
        .map(|(key, values)| {
            let values = match values {
                Value::Array(values) => {
                    values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
                }
                Value::Object(values) => values.into_iter().map(|(value, _)| value).collect(),
                _ => BTreeSet::new(),
            };
            (key, values)
        })
        .collect()
}

fn allows(filters: &BTreeMap<String, BTreeSet<String>>, key: &str, values: &[&str]) -> bool {
    filters.get(key).is_none_or(|wanted| values.iter().any(|value| wanted.contains(*value)))
}

/// `None` closes the connection without an answer.
async fn answer(shared: &Arc<Shared>, request: Request<Incoming>) -> Option<Response<Body>> {
    let whole = request.uri().path().to_owned();
    let (version, path) = split_version(&whole);
    let fault = {
        let mut state = shared.lock();
        // Inspections are counted together: `GET /containers/{id}/json`.
        let counted = match path.strip_prefix("/containers/") {
            Some(rest) if rest != "json" => "/containers/{id}/json",
            _ => path,
        };
        *state.calls.entry(format!("{} {counted}", request.method())).or_default() += 1;
        // Bounded, so that a long demo does not grow.
        if state.requests.len() < 10_000 {
            state.requests.push(format!("{} {}", request.method(), request.uri()));
        }
        let matches = |(prefix, _): &(String, Fault)| path.starts_with(prefix.as_str());
        if state.versions_only && version.is_none() {
            Some(Fault::Status(403, "forbidden".into()))
        } else if let Some(slip) = state.slips.iter().position(matches) {
            Some(state.slips.remove(slip).1)
        } else {
            state.faults.iter().find(|fault| matches(fault)).map(|(_, fault)| fault.clone())
        }
    };
    match fault {
        Some(Fault::Status(status, message)) => return Some(failure(status, &message)),
        Some(Fault::Body(body)) => return Some(full(StatusCode::OK, "application/json", body)),
        Some(Fault::Bytes(bytes)) => return Some(full(StatusCode::OK, "application/json", bytes)),
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Close) => return None,
        Some(Fault::Slow(delay)) => tokio::time::sleep(delay).await,
        None => {}
    }
    let state = shared.lock();
    if let Some(version) = version {
        let text = |(major, minor): (u32, u32)| format!("{major}.{minor}");
        if version > state.api_version {
            return Some(failure(
                400,
                &format!(
                    "client version {} is too new. Maximum supported API version is {}",
                    text(version),
                    text(state.api_version)
                ),
            ));
        }
        if version < state.min_api_version {
            return Some(failure(
                400,
                &format!(
                    "client version {} is too old. Minimum supported API version is {}, please \
                     upgrade your client to a newer version",
                    text(version),
                    text(state.min_api_version)
                ),
            ));
        }
    }
    if request.method() != http::Method::GET && request.method() != http::Method::HEAD {
        return Some(failure(405, "the simulator only reads"));
    }
    let query = query(&request);
    let filters = filters(&query);
    let not_manager = || {
        failure(
            503,
            "This node is not a swarm manager. Worker nodes can't be used to view or modify \
             cluster state. Please run this command on a manager node or promote the current \
             node to a manager.",
        )
    };
    Some(match path {
        "/_ping" => {
            let mut response = full(StatusCode::OK, "text/plain; charset=utf-8", "OK");
            let (major, minor) = state.api_version;
            if let Ok(value) = header::HeaderValue::from_str(&format!("{major}.{minor}")) {
                response.headers_mut().insert("Api-Version", value);
            }
            response
        }
        "/version" => ok(&json::version(&state)),
        "/info" => ok(&json::info(&state)),
        "/events" => events(shared, filters),
        "/networks" => {
            let list: Vec<Value> = state
                .networks
                .values()
                .filter(|network| {
                    (state.manager || network.scope != "swarm")
                        && allows(&filters, "scope", &[network.scope])
                        && allows(&filters, "driver", &[network.driver])
                        && allows(&filters, "name", &[&network.name])
                })
                .map(json::network)
                .collect();
            ok(&Value::from(list))
        }
        "/nodes" if state.manager => ok(&json::nodes()),
        "/services" if state.manager => {
            let status = query.get("status").is_some_and(|text| text == "true" || text == "1");
            let list: Vec<Value> = state
                .services
                .values()
                .filter(|service| {
                    allows(&filters, "id", &[&service.id])
                        && allows(&filters, "name", &[&service.spec.name])
                })
                .map(|service| json::service(&state, service, status))
                .collect();
            ok(&Value::from(list))
        }
        "/tasks" if state.manager => {
            let mut list = Vec::new();
            for service in state.services.values() {
                if !allows(&filters, "service", &[&service.id, &service.spec.name]) {
                    continue;
                }
                for task in &service.tasks {
                    if allows(&filters, "desired-state", &[&task.desired]) {
                        list.push(json::task(&state, service, task));
                    }
                }
            }
            ok(&Value::from(list))
        }
        "/nodes" | "/services" | "/tasks" => not_manager(),
        "/containers/json" => {
            let all = query.get("all").is_some_and(|text| text == "true" || text == "1");
            let list: Vec<Value> = state
                .containers
                .values()
                .filter(|container| all || container.running)
                .map(|container| json::container_summary(&state, container))
                .collect();
            ok(&Value::from(list))
        }
        _ => {
            let wanted = path
                .strip_prefix("/containers/")
                .and_then(|rest| rest.strip_suffix("/json"))
                .filter(|wanted| !wanted.is_empty());
            let found = wanted.and_then(|wanted| {
                state.containers.values().find(|container| {
                    container.id.starts_with(wanted) || container.spec.name == wanted
                })
            });
            match (found, wanted) {
                (Some(container), _) => ok(&json::container(&state, container)),
                (None, Some(wanted)) => failure(404, &format!("No such container: {wanted}")),
                (None, None) => failure(404, "page not found"),
            }
        }
    })
}

fn events(shared: &Arc<Shared>, filters: BTreeMap<String, BTreeSet<String>>) -> Response<Body> {
    let wanted = move |event: &Value| {
        let text = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        // `health_status: healthy` also passes the filter `health_status`.
        let action = text("Action");
        let short = action.split(':').next().unwrap_or_default();
        allows(&filters, "type", &[text("Type")])
            && allows(&filters, "scope", &[text("scope")])
            && allows(&filters, "event", &[action, short])
    };
    let frames =
        stream::unfold((shared.events.subscribe(), wanted), |(mut events, wanted)| async {
            loop {
                match events.recv().await {
                    Ok(event) if wanted(&event) => {
                        let line = Bytes::from(format!("{event}\n"));
                        return Some((Ok::<_, Infallible>(Frame::data(line)), (events, wanted)));
                    }
                    Ok(_) => {}
                    // A reader that is too slow is cut off, as the engine does.
                    Err(_) => return None,
                }
            }
        });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}
