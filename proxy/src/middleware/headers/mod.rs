//! `headers`: sets and removes headers of requests and answers.
//!
//! On the way in: a preflight is answered ([`cors`]), then [`custom`] headers, then [`security`]
//! asks for the host. On the way back: security, custom, CORS, so that what is written out wins
//! over security headers.

mod cors;
mod custom;
mod security;

#[cfg(test)]
mod tests;

use http::header::{HeaderMap, HeaderValue};
use http::{request, response};
use swarmgate_config::routing;

use self::cors::Cors;
use self::custom::Custom;
use self::security::Security;
use super::{Context, Edit, Flow};

/// A built `headers` (Traefik: Headers).
#[derive(Debug)]
pub struct Headers {
    custom: Custom,
    cors: Option<Box<Cors>>,
    security: Option<Box<Security>>,
}

impl Headers {
    pub(super) fn build(written: &routing::Headers) -> Result<Self, String> {
        if !written.is_defined() {
            return Err("headers configuration not valid".into());
        }
        Ok(Self {
            custom: Custom::build(written)?,
            cors: Cors::build(written)?.map(Box::new),
            security: Security::build(written)?.map(Box::new),
        })
    }

    /// What is done to every answer from behind, also to our own refusal.
    fn finish(&self, headers: &mut HeaderMap, request: &request::Parts) {
        self.custom.on_response(headers);
        if let Some(cors) = &self.cors {
            cors.on_response(headers, request);
        }
    }
}

impl Edit for Headers {
    fn on_request(&self, head: &mut request::Parts, context: &Context<'_>) -> Flow {
        if let Some(cors) = &self.cors
            && let Some(answer) = cors.preflight(head)
        {
            return Flow::Answer(Box::new(answer));
        }
        self.custom.on_request(head);
        if let Some(security) = &self.security
            && let Some(mut refusal) = security.on_request(head, context)
        {
            self.finish(refusal.headers_mut(), head);
            return Flow::Answer(Box::new(refusal));
        }
        Flow::Next
    }

    fn on_response(
        &self,
        head: &mut response::Parts,
        request: &request::Parts,
        context: &Context<'_>,
    ) {
        if head.status.is_informational() {
            return;
        }
        if let Some(security) = &self.security {
            security.on_response(&mut head.headers, request, context);
        }
        self.finish(&mut head.headers, request);
    }
}

/// A header's first line; empty when absent, as Traefik asks for headers.
fn first(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> &[u8] {
    headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default()
}

/// An option's text as the value of an answer's header. Text of several lines (YAML's `|`) becomes
/// one, as Traefik writes it.
fn value(option: &str, text: &str) -> Result<HeaderValue, String> {
    let line = text.trim().replace(['\r', '\n'], " ");
    HeaderValue::from_bytes(line.as_bytes())
        .map_err(|_| format!("{option} has a control character; expected a line of text"))
}
