//! `grpcWeb`: lets browsers, which know neither HTTP/2 frames nor trailers, talk to gRPC servers.
//!
//! A request of gRPC-Web becomes one of gRPC ([`request`]), its answer is translated back, trailers
//! and all ([`answer`]). A browser that asks first whether it may is answered here ([`cors`]).

mod answer;
mod cors;
mod request;
#[cfg(test)]
mod tests;

use std::future::ready;

use http::header::{ACCESS_CONTROL_REQUEST_HEADERS, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::{Method, request::Parts};
use swarmgate_config::routing;

use self::cors::Origins;
use self::request::Decoded;
use super::{Answering, Around, Context, Rest};
use crate::body::RequestBody;
use crate::serve::service::Request;

const GRPC: &str = "application/grpc";
const WEB: &str = "application/grpc-web";
const TEXT: &str = "application/grpc-web-text";

/// A built `grpcWeb` (Traefik: GrpcWeb).
#[derive(Debug)]
pub struct GrpcWeb {
    origins: Origins,
}

/// How the bytes of a request and its answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Binary,
    /// In base64.
    Text,
}

impl Form {
    /// The type that a client of this form speaks.
    fn media_type(self) -> &'static str {
        match self {
            Self::Binary => WEB,
            Self::Text => TEXT,
        }
    }
}

/// What a request is to this middleware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A browser asks whether it may.
    Preflight,
    Web(Form),
    /// Not for us.
    Other,
}

/// A header as text; empty when absent or not text.
fn text(head: &Parts, name: impl http::header::AsHeaderName) -> &str {
    head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn kind(head: &Parts) -> Kind {
    let media_type = text(head, CONTENT_TYPE);
    let form = if media_type.starts_with(TEXT) { Form::Text } else { Form::Binary };
    match head.method {
        Method::POST if media_type.starts_with(WEB) => Kind::Web(form),
        Method::OPTIONS
            if text(head, ACCESS_CONTROL_REQUEST_HEADERS)
                .to_ascii_lowercase()
                .contains("x-grpc-web") =>
        {
            // Without the method that it asks for it is no preflight, and is passed on.
            if cors::is_preflight(head) { Kind::Preflight } else { Kind::Web(form) }
        }
        _ => Kind::Other,
    }
}

impl GrpcWeb {
    pub(super) fn build(written: &routing::GrpcWeb) -> Result<Self, String> {
        Ok(Self { origins: Origins::build(&written.allow_origins) })
    }
}

/// Makes a request one of gRPC. How long its body is, nobody knows any more. True: the body is made
/// of the client's.
fn enter(request: &mut Request<'_>, form: Form) -> bool {
    let headers = &mut request.head.headers;
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let changed = media_type.map(|it| it.replacen(form.media_type(), GRPC, 1));
    if let Some(changed) = changed.and_then(|it| it.try_into().ok()) {
        headers.insert(CONTENT_TYPE, changed);
    }
    headers.remove(CONTENT_LENGTH);
    let decodes = form == Form::Text && !request.body.is_ended();
    if decodes {
        let body = std::mem::take(request.body);
        *request.body = RequestBody::made(Box::new(Decoded::new(body)));
    }
    decodes
}

impl Around for GrpcWeb {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        let form = match kind(request.head) {
            Kind::Other => return rest.run(request),
            Kind::Preflight => {
                return Box::pin(ready(self.origins.preflight(request.head).into()));
            }
            Kind::Web(form) => form,
        };
        let origin = request.head.headers.get(ORIGIN).cloned();
        let method = request.head.method.clone();
        let decodes = enter(request, form);
        Box::pin(async move {
            let mut answered = rest.run(request).await;
            if decodes && answered.unreached {
                // Who tries again has it decoded again.
                answered.unreached = request.body.unmake();
            }
            let allowed = self.origins.allows(origin.as_ref(), &method).then_some(origin).flatten();
            answered.response = answer::translate(answered.response, form, allowed);
            answered
        })
    }

    fn would_do(&self, head: &Parts, _: &Context<'_>) -> Vec<String> {
        vec![match kind(head) {
            Kind::Preflight => "answers the preflight of a gRPC-Web client".to_owned(),
            Kind::Web(Form::Binary) => "makes it a request of gRPC".to_owned(),
            Kind::Web(Form::Text) => {
                "makes it a request of gRPC, its body out of base64".to_owned()
            }
            Kind::Other => "leaves it as it is: it is none of gRPC-Web".to_owned(),
        }]
    }
}
