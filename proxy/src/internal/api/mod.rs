//! `api@internal`: what is configured and how it fares, in Traefik's JSON shapes.

mod entry_points;
mod explain;
mod findings;
mod json;
mod list;
mod objects;
mod overview;
mod redact;

use http::{Method, Response, StatusCode, request};
use serde::Serialize;
use serde_json::Value;
use swarmgate_config::checked::Configuration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) use self::json::escaped;
use self::list::Query;
pub(super) use self::objects::servers_up;
use super::{State, dashboard};
use crate::body::Body;
use crate::respond;
use crate::tls::CertificateInfo;

/// Everything that a request to the API may ask about.
struct Scene<'a> {
    state: &'a State,
    configuration: &'a Configuration,
    certificates: &'a [CertificateInfo],
    query: Query,
}

/// Answers a request to the API, and to the dashboard beside it.
///
/// Paths are exact. Known ones take GET only (405); unknown ones are 404 for every method.
pub(super) fn answer(
    head: &request::Parts,
    state: &State,
    configuration: &Configuration,
    certificates: &[CertificateInfo],
) -> Response<Body> {
    let base = state.install.api.as_ref().and_then(|api| api.base_path.as_deref());
    let base = base.unwrap_or_default().trim_end_matches('/');
    let path = head.uri.path();
    // The generated routers of `api.insecure` do not carry the base path (with Traefik nothing but
    // 404 came of that), so both forms are answered.
    let path = match path.strip_prefix(base) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    };
    let scene = Scene { state, configuration, certificates, query: Query::parse(head.uri.query()) };
    let get = head.method == Method::GET;
    let not_get = || respond::bare(StatusCode::METHOD_NOT_ALLOWED);
    match path {
        "/" | "/dashboard/" if !dashboard::is_on(state) => respond::not_found(),
        "/" | "/dashboard/" if !get => not_get(),
        "/" => dashboard::redirect(&head.headers, base),
        "/dashboard/" => dashboard::page(),
        _ => {
            let segments: Option<Vec<&str>> =
                path.strip_prefix("/api/").map(|rest| rest.split('/').collect());
            match segments.as_deref().and_then(endpoint) {
                Some(_) if !get => not_get(),
                Some(endpoint) => endpoint.answer(&scene),
                None => respond::not_found(),
            }
        }
    }
}

/// The kinds of objects that are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    EntryPoint,
    Router,
    Service,
    Middleware,
    Certificate,
    Finding,
    /// TCP and UDP: known to the API, never there yet.
    Absent(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Endpoint {
    Version,
    Overview,
    RawData,
    Explain,
    Routes,
    List(Kind),
    One(Kind, String),
}

/// What the segments after `/api/` ask for.
fn endpoint(segments: &[&str]) -> Option<Endpoint> {
    let (kind, id) = match segments {
        ["version"] => return Some(Endpoint::Version),
        ["overview"] => return Some(Endpoint::Overview),
        ["rawdata"] => return Some(Endpoint::RawData),
        ["explain"] => return Some(Endpoint::Explain),
        ["routes"] => return Some(Endpoint::Routes),
        ["findings"] => return Some(Endpoint::List(Kind::Finding)),
        ["entrypoints", id @ ..] => (Kind::EntryPoint, id),
        ["certificates", id @ ..] => (Kind::Certificate, id),
        ["http", "routers", id @ ..] => (Kind::Router, id),
        ["http", "services", id @ ..] => (Kind::Service, id),
        ["http", "middlewares", id @ ..] => (Kind::Middleware, id),
        ["tcp" | "udp", "routers", id @ ..] => (Kind::Absent("router"), id),
        ["tcp" | "udp", "services", id @ ..] => (Kind::Absent("service"), id),
        ["tcp", "middlewares", id @ ..] => (Kind::Absent("middleware"), id),
        _ => return None,
    };
    match id {
        [] => Some(Endpoint::List(kind)),
        [""] => None,
        [id] => Some(Endpoint::One(kind, list::percent_decode(id, false))),
        _ => None,
    }
}

impl Endpoint {
    fn answer(self, scene: &Scene<'_>) -> Response<Body> {
        match self {
            Self::Version => json::bare(&Version::of(scene.state)),
            Self::Overview => json::answer(&overview::overview(scene)),
            Self::RawData => json::answer(&objects::raw_data(scene.configuration)),
            Self::Explain => explain::explanation(scene),
            Self::Routes => explain::routes(scene),
            Self::List(kind) => {
                let page = match kind {
                    Kind::EntryPoint => entry_points::list(scene),
                    Kind::Router => objects::routers(scene),
                    Kind::Service => objects::services(scene),
                    Kind::Middleware => objects::middlewares(scene),
                    Kind::Certificate => findings::certificates(scene),
                    Kind::Finding => findings::findings(scene),
                    Kind::Absent(_) => scene.query.page(Vec::<()>::new(), |()| Value::Null),
                };
                match page {
                    Ok(page) => json::page(page),
                    Err(message) => json::error(StatusCode::BAD_REQUEST, &message),
                }
            }
            Self::One(kind, id) => {
                let (word, found) = match kind {
                    Kind::EntryPoint => ("entry point", entry_points::one(scene, &id)),
                    Kind::Router => ("router", objects::router(scene, &id)),
                    Kind::Service => ("service", objects::service(scene, &id)),
                    Kind::Middleware => ("middleware", objects::middleware(scene, &id)),
                    Kind::Certificate => ("certificate", findings::certificate(scene, &id)),
                    Kind::Finding => ("finding", None),
                    Kind::Absent(word) => (word, None),
                };
                match found {
                    Some(value) => json::answer(&value),
                    None => json::error(StatusCode::NOT_FOUND, &format!("{word} not found: {id}")),
                }
            }
        }
    }
}

/// `/api/version`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version<'a> {
    #[serde(rename = "Version")]
    version: &'static str,
    #[serde(rename = "Codename")]
    codename: &'static str,
    start_date: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_dashboard_ad: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    dashboard_name: &'a str,
}

impl<'a> Version<'a> {
    fn of(state: &'a State) -> Self {
        let api = state.install.api.as_ref();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            codename: "swarmgate",
            start_date: OffsetDateTime::from(state.started).format(&Rfc3339).unwrap_or_default(),
            disable_dashboard_ad: api.is_some_and(|api| api.disable_dashboard_ad),
            dashboard_name: api.and_then(|api| api.dashboard_name.as_deref()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
