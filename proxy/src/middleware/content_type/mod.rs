//! `contentType`: an answer without `Content-Type` gets the one that its first bytes show.

mod sniff;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::request;
use http_body::Body as _;
use swarmgate_config::routing;

use super::begun::Begun;
use super::{Answering, Around, Context, Edit, Middleware, Rest};
use crate::serve::answered::Answered;
use crate::serve::service::Request;

pub use self::sniff::sniff;

/// Left among the request's extensions: `compress` behind it names the type of what it compresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffing;

/// Left by middlewares that put answers together anew: the same, where gzip compresses them (as with
/// Traefik).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GzipSniffing;

/// A built `contentType` (Traefik: ContentType).
#[derive(Debug)]
pub struct ContentType;

/// `contentType` with `autoDetect: false`, which once switched off what is off today.
#[derive(Debug)]
struct Nothing;

impl Edit for Nothing {}

impl ContentType {
    pub(super) fn build(written: &routing::ContentType) -> Middleware {
        match written.auto_detect {
            Some(false) => Middleware::from(Nothing),
            Some(true) | None => Middleware::Around(Box::new(Self)),
        }
    }
}

impl Around for ContentType {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        request.head.extensions.insert(Sniffing);
        let answering = rest.run(request);
        Box::pin(async move {
            let answered = answering.await;
            if is_untyped(&answered) { typed(answered).await } else { answered }
        })
    }

    fn would_do(&self, _: &request::Parts, _: &Context<'_>) -> Vec<String> {
        vec!["gives an answer without Content-Type the one that its first bytes show".into()]
    }
}

/// Whether there is something to find out. An empty value is one, and what is encoded shows nothing.
fn is_untyped(answered: &Answered) -> bool {
    let headers = answered.response.headers();
    let encoded = headers.get(CONTENT_ENCODING).is_some_and(|value| !value.is_empty());
    answered.tunnel.is_none()
        && !encoded
        && !headers.contains_key(CONTENT_TYPE)
        && answered.response.body().size_hint().exact() != Some(0)
}

async fn typed(answered: Answered) -> Answered {
    let Answered { response, tunnel, held, unreached } = answered;
    let (mut head, body) = response.into_parts();
    // What has no length comes as it is made, and its first piece has to do.
    let wanted = if body.size_hint().exact().is_some() { sniff::SNIFFED } else { 1 };
    let begun = Begun::read(body, wanted).await;
    if !begun.data().is_empty() {
        let found = HeaderValue::from_static(sniff(begun.data()));
        head.headers.insert(CONTENT_TYPE, found);
    }
    let response = http::Response::from_parts(head, begun.into_body());
    Answered { response, tunnel, held, unreached }
}

#[cfg(test)]
mod tests {
    use http::Response;
    use http_body_util::BodyExt;

    use super::super::scripted::Step::{Data, Later, Never, Trailer};
    use super::super::scripted::{Step, measured, run, scripted};
    use super::*;
    use crate::body::Body;

    #[test]
    fn when_there_is_something_to_find_out() {
        type Row<'a> = (&'a [(&'a str, &'a str)], Body, bool);
        let table: &[Row<'_>] = &[
            (&[], Body::from("x"), true),
            (&[("content-encoding", "")], Body::from("x"), true),
            (&[("content-encoding", "br")], Body::from("x"), false),
            (&[("content-type", "a/b")], Body::from("x"), false),
            (&[("content-type", "")], Body::from("x"), false),
            (&[], Body::Empty, false),
            (&[], Body::from(""), false),
            (&[], scripted(vec![]), true),
        ];
        for (headers, body, expected) in table {
            let mut response = Response::new(match body {
                Body::Full(bytes) => Body::Full(bytes.clone()),
                Body::Changed(_) => scripted(vec![]),
                _ => Body::Empty,
            });
            for (name, value) in *headers {
                response.headers_mut().insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_untyped(&response.into()), *expected, "{headers:?} {body:?}");
        }
    }

    #[test]
    fn by_the_first_bytes() {
        let html: &[&[u8]] = &[b"<ht", b"ml>"];
        let [first, second] = [Data(html[0]), Data(html[1])];
        let table: Vec<(Body, Option<&str>, &str)> = vec![
            (Body::from("<html>"), Some("text/html; charset=utf-8"), "<html>"),
            // The first piece has to do where more may never come.
            (
                scripted(vec![first.clone(), second.clone()]),
                Some("text/plain; charset=utf-8"),
                "<html>",
            ),
            (
                measured(vec![first.clone(), Later, second]),
                Some("text/html; charset=utf-8"),
                "<html>",
            ),
            (scripted(vec![Later, Data(b"\0"), Trailer]), Some("application/octet-stream"), "\0"),
            (scripted(vec![Trailer]), None, ""),
            (scripted(vec![]), None, ""),
        ];
        for (body, expected, whole) in table {
            run(async {
                let answered = typed(Response::new(body).into()).await;
                let seen = answered.response.headers().get("content-type");
                let seen = seen.map(|value| value.to_str().unwrap());
                assert_eq!(seen, expected, "{whole}");
                let body = answered.response.into_body().collect().await.unwrap();
                assert_eq!(body.to_bytes(), whole, "{expected:?}");
            });
        }
    }

    #[test]
    fn not_for_ever() {
        run(async {
            let body = measured(vec![Data(b"<html>"), Never, Step::Data(b"x")]);
            let answered = typed(Response::new(body).into()).await;
            assert_eq!(answered.response.headers()["content-type"], "text/html; charset=utf-8");
            let answered = typed(Response::new(scripted(vec![Never])).into()).await;
            assert!(answered.response.headers().get("content-type").is_none());
        });
    }
}
