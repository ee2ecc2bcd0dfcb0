//! `errors`: another service gives the page of an answer that is an error.
//!
//! The page is asked for like a request of its own, past all routers, so that it can lead nowhere
//! else; its client sees it under the status of the error.

mod page;

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue};
use http::{Method, StatusCode, Uri, request};
use http_body::Body as _;
use swarmgate_config::routing;

use self::page::Page;
use super::content_type::GzipSniffing;
use super::status_ranges::StatusRanges;
use super::{Answering, Around, CameFrom, Context, Directory, OneServer, Rest, host};
use crate::body::RequestBody;
use crate::forward::headers::{self, FORWARDED_FOR};
use crate::respond;
use crate::serve::answered::Answered;
use crate::serve::service::Request;
use crate::snapshot::Route;

/// A built `errors` (Traefik: Errors).
#[derive(Debug)]
pub struct Errors {
    caught: StatusRanges,
    rewrites: Box<[(StatusRanges, StatusCode)]>,
    pages: Arc<Route>,
    page: Page,
    /// The request's headers that the service sees; empty: all.
    only: Box<[HeaderName]>,
}

impl Errors {
    pub(super) fn build(
        written: &routing::Errors,
        directory: &mut dyn Directory,
    ) -> Result<Self, String> {
        let rewrites = written.status_rewrites.iter().map(|(from, to)| {
            let from = StatusRanges::build("statusRewrites", [from])?;
            let code = u16::try_from(*to).ok().filter(|code| *code >= 200);
            match code.and_then(|code| StatusCode::from_u16(code).ok()) {
                Some(code) => Ok((from, code)),
                None => Err(format!("statusRewrites: {to} is no status; expected 200 to 999")),
            }
        });
        let only = written.error_request_headers.iter().map(|name| {
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
                format!("errorRequestHeaders: {name:?} is no header name; expected one such as \"Accept\"")
            })
        });
        Ok(Self {
            caught: StatusRanges::build("status", &written.status)?,
            rewrites: rewrites.collect::<Result<_, String>>()?,
            pages: directory.service(&written.service)?,
            page: Page::build(&written.query)?,
            only: only.collect::<Result<_, String>>()?,
        })
    }

    /// What the client is told in place of this status.
    fn rewritten(&self, original: StatusCode) -> StatusCode {
        let found = self.rewrites.iter().find(|(from, _)| from.contain(original));
        found.map_or(original, |(_, to)| *to)
    }

    /// The page in the place of an answer.
    async fn page(&self, request: &mut Request<'_>, dropped: Answered) -> Answered {
        let Answered { response, tunnel, held, .. } = dropped;
        let original = response.status();
        // Whatever middlewares held for it is not held for the page.
        drop((tunnel, held));
        if let Some(measured) = &mut request.watched.measured {
            measured.let_go(response.body().size_hint().exact().unwrap_or_default());
        }
        response.into_body().discard();
        let status = self.rewritten(original);
        let url = || url(request.head, &request.context());
        let Some(target) = self.page.target(status, original, url) else {
            let reason = status.canonical_reason().unwrap_or_default();
            return respond::error(status, format!("{reason}\n")).into();
        };
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = Method::GET;
        head.uri = Uri::from(target);
        head.headers = self.copied(request);
        head.extensions.insert(GzipSniffing);
        let way = request.way.to_page(&self.pages);
        let mut page = Request {
            worker: request.worker,
            connection: request.connection,
            client: request.client,
            way: &way,
            head: &mut head,
            body: &mut RequestBody::default(),
            watched: &mut *request.watched,
        };
        let mut answered = Rest::from(0).run(&mut page).await;
        let response = &mut answered.response;
        let bodiless = |status| matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if bodiless(status) || bodiless(response.status()) {
            // What the one says of its length is not true of the other.
            response.headers_mut().remove(CONTENT_LENGTH);
            std::mem::take(response.body_mut()).discard();
        }
        *response.status_mut() = status;
        answered.tunnel = None;
        // The request itself has been somewhere.
        answered.unreached = false;
        answered
    }

    /// The headers of the request for a page.
    fn copied(&self, request: &Request<'_>) -> HeaderMap {
        let asked = &request.head.headers;
        let mut copied = match &*self.only {
            [] => asked.clone(),
            only => {
                let mut copied = HeaderMap::with_capacity(only.len() + 1);
                for name in only.iter().chain([&HOST]) {
                    if !copied.contains_key(name) {
                        for value in asked.get_all(name) {
                            copied.append(name, value.clone());
                        }
                    }
                }
                copied
            }
        };
        headers::leave_message(&mut copied, request.connection);
        // Our word about this client comes to it when it is sent.
        if copied.contains_key(FORWARDED_FOR) {
            let left = request.head.extensions.get::<CameFrom>().and_then(|it| it.0.as_deref());
            let lines: Vec<&[u8]> = match left {
                Some(lines) => lines.iter().map(HeaderValue::as_bytes).collect(),
                None => asked.get_all(FORWARDED_FOR).iter().map(HeaderValue::as_bytes).collect(),
            };
            copied.remove(FORWARDED_FOR);
            if let (false, Ok(line)) = (lines.is_empty(), joined(&lines)) {
                copied.insert(FORWARDED_FOR, line);
            }
        }
        copied
    }
}

/// Lines of a list as one.
fn joined(lines: &[&[u8]]) -> Result<HeaderValue, InvalidHeaderValue> {
    HeaderValue::from_bytes(&lines.join(&b", "[..]))
}

/// The URL that was asked for, as middlewares up to here left it.
fn url(head: &request::Parts, context: &Context<'_>) -> String {
    let scheme = if context.tls { "https" } else { "http" };
    let host = String::from_utf8_lossy(host(head, context));
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    format!("{scheme}://{host}{target}")
}

impl Around for Errors {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        Box::pin(async move {
            let extensions = &mut request.head.extensions;
            extensions.insert(CameFrom::default());
            extensions.insert(GzipSniffing);
            // Who would try again sees a page in the place of these.
            if let Some(wanted) = extensions.get_mut::<OneServer>() {
                wanted.refusing &= !self.caught.contain(StatusCode::BAD_GATEWAY);
                wanted.silent &= !self.caught.contain(StatusCode::GATEWAY_TIMEOUT);
            }
            let answered = rest.run(request).await;
            let status = answered.response.status();
            if status.is_informational() || !self.caught.contain(status) {
                return answered;
            }
            self.page(request, answered).await
        })
    }

    fn would_do(&self, _head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let mut told = vec![format!(
            "an answer that is one of its errors gets the page {} of {}",
            self.page.shown(),
            self.pages.service
        )];
        if !self.rewrites.is_empty() {
            told.push("the statuses of some of these become others".into());
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use crate::middleware::Middleware;
    use crate::middleware::tests::{build, context};

    #[test]
    fn refused() {
        for (options, expected) in [
            (r#"{"service":"gone"}"#, "the service \"gone@file\" does not exist"),
            (r#"{"service":"pages","status":["404,500"]}"#, "status: \"404,500\""),
            (r#"{"service":"pages","statusRewrites":{"x":500}}"#, "statusRewrites: \"x\""),
            (r#"{"service":"pages","statusRewrites":{"404":42}}"#, "42 is no status"),
            (r#"{"service":"pages","statusRewrites":{"404":101}}"#, "expected 200 to 999"),
            (r#"{"service":"pages","query":"/%zz"}"#, "query \"/%zz\""),
            (
                r#"{"service":"pages","errorRequestHeaders":["a b"]}"#,
                "errorRequestHeaders: \"a b\"",
            ),
        ] {
            let error = build(&format!(r#"{{"errors":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }

    #[test]
    fn told() {
        let options =
            r#"{"errors":{"service":"pages","status":["500-599"],"query":"{status}.html"}}"#;
        let Ok(Middleware::Around(around)) = build(options) else { panic!("{options}") };
        let (head, ()) = http::Request::new(()).into_parts();
        let told = around.would_do(&head, &context("h.test", false));
        assert_eq!(
            told,
            ["an answer that is one of its errors gets the page /{status}.html of pages@file"]
        );
    }
}
