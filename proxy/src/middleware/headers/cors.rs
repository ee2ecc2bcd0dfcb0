//! Cross-origin requests: preflights answered, answers marked with who may read them.

use std::sync::Arc;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, VARY,
};
use http::{Method, Response, StatusCode, request};
use regex::Regex;
use swarmgate_config::routing;
use swarmgate_config::rule::go_regex;

use super::{first, value};
use crate::body::Body;
use crate::respond;

const ANY: &str = "*";

/// The options `accessControl*` and `addVaryHeader`.
#[derive(Debug)]
pub(super) struct Cors {
    /// In order; the first that fits is what the client is told.
    origins: Vec<HeaderValue>,
    /// Unanchored, as Traefik's: they fit anywhere within an origin.
    origin_regexes: Vec<Arc<Regex>>,
    credentials: bool,
    headers: Listed,
    methods: Listed,
    expose: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
    vary: bool,
}

/// What a preflight may ask for.
#[derive(Debug)]
enum Listed {
    Nothing,
    These(HeaderValue),
    /// Whatever it asks for. Browsers take no `*` beside credentials, so it is spelled out.
    Asked,
}

impl Listed {
    fn build(option: &str, items: &[String], credentials: bool) -> Result<Self, String> {
        if credentials && items.iter().any(|item| item == ANY) {
            return Ok(Self::Asked);
        }
        Ok(joined(option, items)?.map_or(Self::Nothing, Self::These))
    }

    fn tell(&self, answer: &mut HeaderMap, name: HeaderName, asked: Option<&HeaderValue>) {
        let value = match self {
            Self::Nothing => None,
            Self::These(these) => Some(these),
            Self::Asked => asked.filter(|asked| !asked.is_empty()),
        };
        if let Some(value) = value {
            answer.insert(name, value.clone());
        }
    }
}

fn joined(option: &str, items: &[String]) -> Result<Option<HeaderValue>, String> {
    let joined = items.join(",");
    if joined.is_empty() { Ok(None) } else { value(option, &joined).map(Some) }
}

impl Cors {
    /// `None`: no such option is set, and preflights are the service's.
    pub(super) fn build(written: &routing::Headers) -> Result<Option<Self>, String> {
        if !written.has_cors() {
            return Ok(None);
        }
        let credentials = written.access_control_allow_credentials;
        let origins = written
            .access_control_allow_origin_list
            .iter()
            .map(|origin| value("accessControlAllowOriginList", origin))
            .collect::<Result<_, _>>()?;
        let origin_regexes = written
            .access_control_allow_origin_list_regex
            .iter()
            .map(|regex| go_regex::compile(regex))
            .collect::<Result<_, _>>()
            .map_err(|error| format!("error occurred during origin parsing: {error}"))?;
        let expose = &written.access_control_expose_headers;
        let expose = match credentials && expose.iter().any(|item| item == ANY) {
            true => None,
            false => joined("accessControlExposeHeaders", expose)?,
        };
        Ok(Some(Self {
            origins,
            origin_regexes,
            credentials,
            headers: Listed::build(
                "accessControlAllowHeaders",
                &written.access_control_allow_headers,
                credentials,
            )?,
            methods: Listed::build(
                "accessControlAllowMethods",
                &written.access_control_allow_methods,
                credentials,
            )?,
            expose,
            max_age: written.access_control_max_age.map(HeaderValue::from),
            vary: written.add_vary_header,
        }))
    }

    /// The answer, if a browser asks what it may do. The service is not asked.
    pub(super) fn preflight(&self, head: &request::Parts) -> Option<Response<Body>> {
        if head.method != Method::OPTIONS || first(&head.headers, ORIGIN).is_empty() {
            return None;
        }
        let asked = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD);
        let method = asked.filter(|method| !method.is_empty())?;
        let mut answer = respond::bare(StatusCode::OK);
        let headers = answer.headers_mut();
        self.mark(headers, head);
        let asked = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS);
        self.headers.tell(headers, ACCESS_CONTROL_ALLOW_HEADERS, asked);
        self.methods.tell(headers, ACCESS_CONTROL_ALLOW_METHODS, Some(method));
        if let Some(max_age) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, max_age.clone());
        }
        Some(answer)
    }

    /// `request`: as it went to the service, as Traefik looks at it.
    pub(super) fn on_response(&self, headers: &mut HeaderMap, request: &request::Parts) {
        self.mark(headers, request);
        if self.vary {
            vary_by_origin(headers);
        }
    }

    /// What preflights and other answers have in common.
    fn mark(&self, headers: &mut HeaderMap, request: &request::Parts) {
        if let Some(allowed) = self.allowed(request.headers.get(ORIGIN)) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed.clone());
        }
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(expose) = &self.expose {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, expose.clone());
        }
    }

    /// Who may read the answer. Without an origin nobody asks, so nobody is named.
    fn allowed<'a>(&'a self, origin: Option<&'a HeaderValue>) -> Option<&'a HeaderValue> {
        let origin = origin.filter(|origin| !origin.is_empty());
        for listed in &self.origins {
            if listed == ANY {
                return if self.credentials { origin } else { Some(listed) };
            }
            if Some(listed) == origin {
                return origin;
            }
        }
        let origin = origin?;
        let text = go_regex::text(origin.as_bytes());
        self.origin_regexes.iter().any(|regex| regex.is_match(&text)).then_some(origin)
    }
}

/// Says that the answer depends on the origin, beside what it depends on already.
fn vary_by_origin(headers: &mut HeaderMap) {
    let says_so = |line: &HeaderValue| {
        let mut items = line.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        items.any(|item| item.eq_ignore_ascii_case(b"origin") || item == b"*")
    };
    if headers.get_all(VARY).iter().any(says_so) {
        return;
    }
    let origin = HeaderValue::from_static("Origin");
    let Some(line) = headers.get_mut(VARY) else {
        headers.insert(VARY, origin);
        return;
    };
    let longer = match line.is_empty() {
        true => Ok(origin),
        false => HeaderValue::from_bytes(&[line.as_bytes(), b",Origin"].concat()),
    };
    if let Ok(longer) = longer {
        *line = longer;
    }
}
