//! What the server is told of a request: its headers, and where it leads.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE};
use http::{Method, Uri, request};
use swarmgate_config::routing;

use super::address::Address;
use super::header_names;
use crate::connection::Connection;
use crate::forward::headers::{self, FORWARDED_FOR};
use crate::forward::rounds;
use crate::middleware::Context;

const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");

/// How the question is put.
#[derive(Debug)]
pub(super) struct Question {
    /// Whether the `X-Forwarded-*` headers that the request has are believed; `None`: as Traefik
    /// did before it asked, some of them are.
    trust: Option<bool>,
    /// The headers that go along; empty: all.
    only: Box<[HeaderName]>,
    keeps_method: bool,
}

impl Question {
    pub(super) fn build(written: &routing::ForwardAuth) -> Result<Self, String> {
        let mut only =
            header_names("authRequestHeaders", &written.auth_request_headers)?.into_vec();
        if written.trust_forward_header == Some(true) && !only.is_empty() {
            only.extend(headers::MANAGED.map(HeaderName::from_static));
        }
        Ok(Self {
            trust: written.trust_forward_header,
            only: only.into(),
            keeps_method: written.preserve_request_method,
        })
    }

    /// The question's method.
    pub(super) fn method(&self, asked: &request::Parts) -> Method {
        if self.keeps_method { asked.method.clone() } else { Method::GET }
    }

    /// The question's head. `body`: what goes along of the request's.
    pub(super) fn head(
        &self,
        asked: &request::Parts,
        context: &Context<'_>,
        connection: &Connection,
        address: &Address,
        body: Option<&Bytes>,
    ) -> request::Parts {
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = self.method(asked);
        head.uri = Uri::from(address.target.clone());
        head.headers = self.copied(&asked.headers, connection);
        self.tell(&mut head.headers, asked, context, &connection.peer_value);
        if let Some(credentials) = &address.credentials {
            let name = http::header::AUTHORIZATION;
            if head.headers.get(&name).is_none_or(HeaderValue::is_empty) {
                head.headers.insert(name, credentials.clone());
            }
        }
        // Where it leads to the name that was asked for it may come back here, and is counted then.
        let asked_name = address.origin.split_once("://").map_or("", |(_, name)| name);
        if asked_name.eq_ignore_ascii_case(context.host) {
            rounds::hand_on(&asked.headers, &mut head.headers);
        }
        headers::join_cookies(&mut head.headers, connection);
        match body.filter(|bytes| !bytes.is_empty()) {
            Some(bytes) if asked.headers.contains_key(CONTENT_LENGTH) => {
                head.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
            }
            // In chunks, as it came.
            Some(_) => {}
            None => headers::announce_empty_body(&mut head.headers, &head.method),
        }
        head
    }

    /// The request's own headers, as far as they go along.
    fn copied(&self, asked: &HeaderMap, connection: &Connection) -> HeaderMap {
        let mut copied = match &*self.only {
            [] => asked.clone(),
            only => {
                let mut copied = HeaderMap::with_capacity(only.len() + 6);
                // What is named in `Connection` goes, also here.
                let all = || only.iter().chain([&http::header::CONNECTION]);
                for name in all().filter(|name| asked.contains_key(*name)) {
                    if !copied.contains_key(name) {
                        for value in asked.get_all(name) {
                            copied.append(name, value.clone());
                        }
                    }
                }
                copied
            }
        };
        headers::leave_message(&mut copied, connection);
        copied.remove(HOST);
        copied.remove(TE);
        if self.trust == Some(false) {
            headers::remove_managed(&mut copied);
        }
        copied
    }

    /// Tells where the request leads and whence it comes.
    fn tell(
        &self,
        headers: &mut HeaderMap,
        asked: &request::Parts,
        context: &Context<'_>,
        peer: &HeaderValue,
    ) {
        // An entry point that keeps the spelling with `_` of whom it trusts means another header.
        headers::remove_aliases(headers, |name| {
            headers::MANAGED.iter().any(|managed| headers::are_aliases(managed, name))
        });
        let believes = self.trust.is_some();
        if believes {
            headers::append_forwarded_for(headers, peer);
        } else {
            headers.insert(FORWARDED_FOR, peer.clone());
        }
        let mut say = |name: HeaderName, value: &dyn Fn(&HeaderMap) -> Option<HeaderValue>| {
            if believes && headers.contains_key(&name) {
                return;
            }
            match value(headers) {
                Some(value) => drop(headers.insert(name, value)),
                None => drop(headers.remove(name)),
            }
        };
        let proto = if context.tls { "https" } else { "http" };
        say(FORWARDED_PROTO, &|_| Some(HeaderValue::from_static(proto)));
        say(FORWARDED_METHOD, &|_| HeaderValue::from_str(asked.method.as_str()).ok());
        let host = crate::middleware::host(asked, context);
        say(FORWARDED_HOST, &|_| HeaderValue::from_bytes(host).ok());
        let target = asked.uri.path_and_query().map_or("/", |target| target.as_str());
        say(FORWARDED_URI, &|_| HeaderValue::from_str(target).ok());
        if believes {
            say(FORWARDED_PORT, &|headers| Some(port(host, context.tls, headers)));
        }
    }

    /// The same in words.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if !self.only.is_empty() {
            let names: Vec<&str> = self.only.iter().map(HeaderName::as_str).collect();
            told.push(format!(
                "shows it only these of the request's headers: {}",
                names.join(", ")
            ));
        }
        told
    }
}

/// The port that the client thinks it talks to.
fn port(host: &[u8], tls: bool, headers: &HeaderMap) -> HeaderValue {
    if let Some(port) = headers::host_port(host)
        && let Ok(port) = HeaderValue::from_bytes(port)
    {
        return port;
    }
    let proto = headers.get(FORWARDED_PROTO);
    let secure = tls || proto.is_some_and(|proto| proto == "https" || proto == "wss");
    HeaderValue::from_static(if secure { "443" } else { "80" })
}
