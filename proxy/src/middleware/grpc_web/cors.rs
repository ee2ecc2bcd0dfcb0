//! Who may read the answers, and the preflights that ask.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Response, StatusCode, request};

use super::text;
use crate::body::Body;
use crate::respond;

/// How long browsers may remember an answer, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origins whose pages may read answers.
#[derive(Debug)]
pub(super) struct Origins {
    any: bool,
    these: Vec<Box<[u8]>>,
}

/// Whether it asks what a page may do.
pub(super) fn is_preflight(head: &request::Parts) -> bool {
    let asked = head.headers.get(ACCESS_CONTROL_REQUEST_METHOD);
    head.method == Method::OPTIONS && asked.is_some_and(|method| !method.is_empty())
}

impl Origins {
    pub(super) fn build(written: &[String]) -> Self {
        let these = written.iter().map(|origin| origin.as_bytes().into()).collect();
        Self { any: written.iter().any(|origin| origin == "*"), these }
    }

    /// Whether a page of this origin may read the answer to such a request.
    pub(super) fn allows(&self, origin: Option<&HeaderValue>, method: &Method) -> bool {
        let origin = origin.map(HeaderValue::as_bytes).unwrap_or_default();
        let known = self.any || self.these.iter().any(|it| **it == *origin);
        !origin.is_empty() && known && is_simple(method.as_str())
    }

    /// The answer to a preflight.
    pub(super) fn preflight(&self, head: &request::Parts) -> Response<Body> {
        let mut answer = respond::bare(StatusCode::OK);
        let headers = answer.headers_mut();
        for name in [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS] {
            headers.append(VARY, spelled(&name));
        }
        let method = text(head, ACCESS_CONTROL_REQUEST_METHOD).to_ascii_uppercase();
        let origin = head.headers.get(ORIGIN);
        let Some(origin) = origin.filter(|it| self.allows(Some(it), &Method::GET)) else {
            return answer;
        };
        let method = HeaderValue::try_from(&method).ok().filter(|_| is_simple(&method));
        let Some(method) = method else { return answer };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, method);
        let asked = canonical_list(text(head, ACCESS_CONTROL_REQUEST_HEADERS));
        if let Ok(asked) = HeaderValue::try_from(asked)
            && !asked.is_empty()
        {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked);
        }
        headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
        answer
    }
}

/// Methods that pages may use.
fn is_simple(method: &str) -> bool {
    matches!(method, "GET" | "POST" | "HEAD" | "OPTIONS")
}

/// The name as `Vary` spells it.
fn spelled(name: &HeaderName) -> HeaderValue {
    HeaderValue::try_from(canonical_list(name.as_str()))
        .unwrap_or_else(|_| HeaderValue::from_static("*"))
}

/// A list of headers as Traefik's library spells it: each word begins with a capital letter, what
/// no header's name has is dropped.
fn canonical_list(list: &str) -> String {
    let names = list.split([',', ' ']).map(|name| {
        let mut upper = true;
        name.bytes()
            .filter_map(|byte| {
                let kept = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                let spelled =
                    if upper { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() };
                upper = matches!(byte, b'-' | b'_');
                kept.then_some(char::from(spelled))
            })
            .collect::<String>()
    });
    names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
}
