//! `dashboard@internal`: one page that reads the API by relative path.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, Response, StatusCode, request};
use sha2::{Digest, Sha256};

use super::State;
use crate::body::Body;
use crate::respond;

const PAGE: &str = include_str!("dashboard.html");

/// Only the page's own style and script run, nothing is loaded from elsewhere, and no other site
/// may frame it.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = |tag: &str| {
        let inside = PAGE
            .split_once(&format!("<{tag}>"))
            .and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")).map(|(inside, _)| inside));
        BASE64_STANDARD.encode(Sha256::digest(inside.unwrap_or_default()))
    };
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        hash("script"),
        hash("style"),
    );
    // Base64 and the text above are ASCII; were they not, nothing at all would be allowed.
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

/// Answers with prefixes stripped: `/` is the page, everything else is not there.
pub(super) fn answer(head: &request::Parts, state: &State) -> Response<Body> {
    match head.uri.path() {
        "/" if is_on(state) => page(),
        _ => respond::not_found(),
    }
}

/// Whether `api.dashboard` is on.
pub(super) fn is_on(state: &State) -> bool {
    state.install.api.as_ref().is_none_or(|api| api.dashboard)
}

/// The page.
pub(super) fn page() -> Response<Body> {
    let mut answer = respond::bare(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    *answer.body_mut() = Body::from(PAGE);
    answer
}

/// Leads to the page. `base` is `api.basePath`; a prefix that was stripped on the way is put back.
pub(super) fn redirect(headers: &HeaderMap, base: &str) -> Response<Body> {
    let mut answer = respond::bare(StatusCode::FOUND);
    let location = format!("{}{base}/dashboard/", stripped_prefix(headers));
    let location = HeaderValue::try_from(location);
    let location = location.unwrap_or(HeaderValue::from_static("/dashboard/"));
    answer.headers_mut().insert(LOCATION, location);
    answer
}

/// What `stripPrefix` says it cut off, if that can only be a path of this host.
fn stripped_prefix(headers: &HeaderMap) -> &str {
    let written = headers.get("x-forwarded-prefix").and_then(|value| value.to_str().ok());
    let prefix = written.unwrap_or_default().trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@".contains(&byte);
    let safe = prefix.starts_with('/') && !prefix.contains("//") && prefix.bytes().all(plain);
    if safe { prefix } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::internal::tests::{body, head, state};

    #[test]
    fn answers() {
        for (install, target, status) in [
            (r#"{"api":{}}"#, "/", 200),
            (r#"{"api":{}}"#, "/?x", 200),
            (r#"{"api":{}}"#, "/dashboard/", 404),
            (r#"{"api":{}}"#, "/api/version", 404),
            (r#"{"api":{}}"#, "/..%5c..%5cetc%5cpasswd", 404),
            (r#"{"api":{"dashboard":false}}"#, "/", 404),
        ] {
            let answer = answer(&head("GET", target), &state(install));
            assert_eq!(answer.status(), status, "{install} {target}");
        }
    }

    #[test]
    fn the_page_allows_its_own_parts_only() {
        let answer = page();
        let policy = answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
        assert!(policy.contains("frame-ancestors 'self'"));
        // The hash of nothing would mean that the page lost its parts.
        assert!(!policy.contains("47DEQpj8HBSa"), "{policy}");
        let page = body(answer);
        assert_eq!(page.matches("<script").count(), 1);
        assert_eq!(page.matches("<style").count(), 1);
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacent",
            "document.write",
            "eval(",
            "src=",
            "style=\"",
            "onclick=",
            "http:",
            "https:",
        ] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn redirects_stay_on_this_host() {
        for (prefix, expected) in [
            (None, "/dashboard/"),
            (Some(""), "/dashboard/"),
            (Some("/tr"), "/tr/dashboard/"),
            (Some("/tr/"), "/tr/dashboard/"),
            (Some("/a/b"), "/a/b/dashboard/"),
            (Some("https://foo.test"), "/dashboard/"),
            (Some("//a.test"), "/dashboard/"),
            (Some("/a//b"), "/dashboard/"),
            (Some("/\\a.test"), "/dashboard/"),
            (Some("%0d//a.test"), "/dashboard/"),
            (Some("%2f%2fa.test"), "/dashboard/"),
            (Some("javascript:x"), "/dashboard/"),
            (Some("/"), "/dashboard/"),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(prefix) = prefix {
                headers.insert("x-forwarded-prefix", prefix.parse().unwrap());
            }
            let answer = redirect(&headers, "");
            assert_eq!(answer.status(), 302);
            assert_eq!(answer.headers()[LOCATION], expected, "{prefix:?}");
        }
        assert_eq!(redirect(&HeaderMap::new(), "/base").headers()[LOCATION], "/base/dashboard/");
    }
}
