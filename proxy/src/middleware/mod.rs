//! Middlewares: built once per snapshot, run in order on the request and in reverse on the answer.

mod add_prefix;
mod aliases;
mod anybody;
mod auth;
mod begun;
mod buffering;
mod circuit_breaker;
mod client_ip;
mod compress;
mod content_type;
mod encoded_characters;
mod errors;
mod escape;
mod expression;
mod forward_auth;
mod grpc_web;
mod headers;
mod in_flight_req;
mod ip_allow_list;
mod kept;
mod location;
mod pass_tls_client_cert;
mod path;
mod rate_limit;
mod redirect;
mod redirect_regex;
mod redirect_scheme;
mod replace_path;
mod replace_path_regex;
mod rest;
mod retry;
mod source;
mod status_ranges;
mod strip_prefix;
mod strip_prefix_regex;
mod template;

#[cfg(test)]
mod scripted;

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::HeaderValue;
use http::{Response, request, response};
use swarmgate_config::routing;

use crate::balance::Server;
use crate::body::Body;
use crate::failure::Failure;
use crate::serve::service::Request;
use crate::snapshot::Route;
use crate::tls::PeerCertificates;

use self::add_prefix::AddPrefix;
pub use self::anybody::Anybody;
use self::auth::{BasicAuth, DigestAuth};
use self::buffering::Buffering;
use self::circuit_breaker::CircuitBreaker;
use self::compress::Compress;
pub use self::compress::encoded;
use self::content_type::ContentType;
use self::encoded_characters::EncodedCharacters;
use self::errors::Errors;
use self::forward_auth::ForwardAuth;
use self::grpc_web::GrpcWeb;
use self::headers::Headers;
use self::in_flight_req::InFlightReq;
use self::ip_allow_list::IpAllowList;
use self::pass_tls_client_cert::PassTlsClientCert;
pub use self::path::routing_path;
use self::rate_limit::RateLimit;
use self::redirect_regex::RedirectRegex;
use self::redirect_scheme::RedirectScheme;
use self::replace_path::ReplacePath;
use self::replace_path_regex::ReplacePathRegex;
pub use self::rest::{Answering, Rest};
use self::retry::Retry;
use self::strip_prefix::StripPrefix;
use self::strip_prefix_regex::StripPrefixRegex;

/// What a middleware may know of a request beside its head.
///
/// The head's `uri` is in origin form (path and query, canonical); the host is here.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The client, after PROXY protocol.
    pub peer: SocketAddr,
    /// The connection is TLS.
    pub tls: bool,
    /// What the client has shown in the handshake.
    pub certificates: Option<&'a PeerCertificates>,
    /// Host as sent, with port and case; empty when absent.
    pub host: &'a str,
}

/// Left among the request's extensions by `headers` with a custom `Host`: what the server is told,
/// whatever `passHostHeader` says of the client's own. The `Host` header says the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedHost(pub HeaderValue);

/// Left among the request's extensions by `headers` with `X-Forwarded-For: ""`: the server gets no
/// `X-Forwarded-For` at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoForwardedFor;

/// Left among the request's extensions by `errors`, empty, and filled when the request leaves for a
/// server: the `X-Forwarded-For` that it had before the client's address came to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CameFrom(pub Option<Vec<HeaderValue>>);

/// Left among the request's extensions by who has tries left for servers that cannot be connected
/// to: it wants to hear of such a one, instead of having another server asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OneServer {
    /// Of one that refuses its connections, or whose name leads nowhere.
    pub refusing: bool,
    /// Of one that says nothing at all.
    pub silent: bool,
}

impl OneServer {
    /// Says so on a request, beside others who have.
    fn tell(self, head: &mut request::Parts) {
        let before = head.extensions.get::<Self>().copied().unwrap_or_default();
        let refusing = before.refusing || self.refusing;
        head.extensions.insert(Self { refusing, silent: before.silent || self.silent });
    }

    /// Whether somebody has tries left for this.
    pub fn wants(self, failure: &Failure) -> bool {
        match failure {
            Failure::Connect(_) | Failure::Resolve(_) => self.refusing,
            Failure::DialTimeout => self.silent,
            _ => false,
        }
    }
}

/// To be left among the request's extensions where the entry point changed the query (`;`): the
/// query as sent. Redirects show it as long as no middleware has changed the path, as Traefik's do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawQuery(pub String);

/// What happens after a middleware saw the request.
#[derive(Debug)]
pub enum Flow {
    /// On to the next one.
    Next,
    /// Answered here; the rest is not asked.
    Answer(Box<Response<Body>>),
}

/// A middleware that only looks at heads: it never waits, and keeps nothing of a request.
pub trait Edit: fmt::Debug + Send + Sync {
    /// Sees, changes or answers the request.
    fn on_request(&self, _head: &mut request::Parts, _context: &Context<'_>) -> Flow {
        Flow::Next
    }

    /// Sees or changes the answer's head (never a 1xx or 101). The request's head is as it went to
    /// whoever answered.
    fn on_response(
        &self,
        _head: &mut response::Parts,
        _request: &request::Parts,
        _context: &Context<'_>,
    ) {
    }
}

/// A middleware that stands around what comes behind it: it waits, counts, looks at bodies, or asks
/// somebody else.
pub trait Around: fmt::Debug + Send + Sync {
    /// Serves the request, by the rest of its way or otherwise.
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f>;

    /// What it would do with this request, for somebody who only asks; each in a line.
    fn would_do(&self, head: &request::Parts, context: &Context<'_>) -> Vec<String>;
}

/// Where a middleware that is being built finds those whom it will ask. What they are is kept over
/// reloads like everybody else's: their connections stay.
pub trait Directory {
    /// The service of this reference, with the middlewares around it.
    fn service(&mut self, reference: &str) -> Result<Arc<Route>, String>;

    /// The server at this URL, which belongs to no service. `tls`: how to talk to it, if that is
    /// not as usual.
    fn server(
        &mut self,
        url: String,
        tls: Option<routing::ServersTransport>,
    ) -> Result<Arc<Server>, String>;
}

/// A built middleware.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Middleware {
    Edit(Box<dyn Edit>),
    Around(Box<dyn Around>),
}

impl<M: Edit + 'static> From<M> for Middleware {
    fn from(middleware: M) -> Self {
        Self::Edit(Box::new(middleware))
    }
}

impl Middleware {
    /// Builds it, or says what is wrong with its options. Chains were flattened before and do not
    /// come here. `name`: its qualified name, by which it is known to other instances.
    pub fn build(
        name: &str,
        written: &routing::Middleware,
        directory: &mut dyn Directory,
    ) -> Result<Self, String> {
        fn around(middleware: impl Around + 'static) -> Middleware {
            Middleware::Around(Box::new(middleware))
        }
        if let Some(options) = &written.add_prefix {
            AddPrefix::build(options).map(Self::from)
        } else if let Some(options) = &written.strip_prefix {
            StripPrefix::build(options).map(Self::from)
        } else if let Some(options) = &written.strip_prefix_regex {
            StripPrefixRegex::build(options).map(Self::from)
        } else if let Some(options) = &written.replace_path {
            ReplacePath::build(options).map(Self::from)
        } else if let Some(options) = &written.replace_path_regex {
            ReplacePathRegex::build(options).map(Self::from)
        } else if let Some(options) = &written.encoded_characters {
            EncodedCharacters::build(options).map(Self::from)
        } else if let Some(options) = &written.redirect_regex {
            RedirectRegex::build(options).map(Self::from)
        } else if let Some(options) = &written.redirect_scheme {
            RedirectScheme::build(options).map(Self::from)
        } else if let Some(options) = &written.headers {
            Headers::build(options).map(Self::from)
        } else if let Some(options) = &written.ip_allow_list {
            IpAllowList::build(options).map(Self::from)
        } else if let Some(options) = &written.ip_white_list {
            IpAllowList::build_white(options).map(Self::from)
        } else if let Some(options) = &written.in_flight_req {
            InFlightReq::build(options).map(around)
        } else if let Some(options) = &written.rate_limit {
            RateLimit::build(name, options).map(around)
        } else if let Some(options) = &written.basic_auth {
            BasicAuth::build(options).map(around)
        } else if let Some(options) = &written.digest_auth {
            DigestAuth::build(options).map(around)
        } else if let Some(options) = &written.circuit_breaker {
            CircuitBreaker::build(options).map(around)
        } else if let Some(options) = &written.retry {
            Retry::build(options).map(around)
        } else if let Some(options) = &written.buffering {
            Buffering::build(options).map(around)
        } else if let Some(options) = &written.compress {
            Compress::build(options).map(around)
        } else if let Some(options) = &written.content_type {
            Ok(ContentType::build(options))
        } else if let Some(options) = &written.pass_tls_client_cert {
            PassTlsClientCert::build(options).map(Self::from)
        } else if let Some(options) = &written.grpc_web {
            GrpcWeb::build(options).map(around)
        } else if let Some(options) = &written.forward_auth {
            ForwardAuth::build(options, directory).map(around)
        } else if let Some(options) = &written.errors {
            Errors::build(options, directory).map(around)
        } else {
            Err("this kind of middleware is not served yet".into())
        }
    }

    /// Whether each router that names it gets one of its own, kept as long as nobody changes its
    /// options: it counts or remembers something.
    pub fn is_stateful(written: &routing::Middleware) -> bool {
        written.in_flight_req.is_some()
            || written.rate_limit.is_some()
            || written.basic_auth.is_some()
            || written.digest_auth.is_some()
            || written.circuit_breaker.is_some()
    }
}

/// The host as earlier middlewares left it.
fn host<'a>(head: &'a request::Parts, context: &Context<'a>) -> &'a [u8] {
    match head.extensions.get::<ForwardedHost>() {
        Some(ForwardedHost(host)) => host.as_bytes(),
        None => context.host.as_bytes(),
    }
}

/// The same as a text.
pub(crate) fn host_left<'a>(head: &'a request::Parts, context: &Context<'a>) -> Cow<'a, str> {
    String::from_utf8_lossy(host(head, context))
}

/// Path and query as a redirect shows them.
fn target(head: &request::Parts) -> Cow<'_, str> {
    match head.extensions.get::<RawQuery>() {
        Some(RawQuery(query)) => Cow::Owned(format!("{}?{query}", head.uri.path())),
        None => Cow::Borrowed(head.uri.path_and_query().map_or("/", |target| target.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What came of a request.
    pub enum Sent {
        Next(Box<request::Parts>),
        Answer(Box<Response<Body>>),
    }

    impl Sent {
        pub fn is_answer(&self) -> bool {
            matches!(self, Self::Answer(_))
        }

        pub fn expect_next(self) -> request::Parts {
            match self {
                Self::Next(head) => *head,
                Self::Answer(answer) => panic!("answered: {answer:?}"),
            }
        }

        pub fn expect_answer(self) -> Response<Body> {
            match self {
                Self::Next(head) => panic!("went on: {head:?}"),
                Self::Answer(answer) => *answer,
            }
        }
    }

    /// Knows the service `pages`, and everybody's servers.
    struct Known;

    impl Directory for Known {
        fn service(&mut self, reference: &str) -> Result<Arc<Route>, String> {
            match reference {
                "pages" => Anybody.service("pages@file"),
                _ => Err(format!("the service \"{reference}@file\" does not exist")),
            }
        }

        fn server(
            &mut self,
            url: String,
            tls: Option<routing::ServersTransport>,
        ) -> Result<Arc<Server>, String> {
            Anybody.server(url, tls)
        }
    }

    pub fn build(options: &str) -> Result<Middleware, String> {
        Middleware::build("m@file", &serde_json::from_str(options).unwrap(), &mut Known)
    }

    pub fn context(host: &str, tls: bool) -> Context<'_> {
        Context { peer: "192.0.2.1:5".parse().unwrap(), tls, certificates: None, host }
    }

    pub fn send(chain: &[&Middleware], host: &str, target: &str) -> Sent {
        send_with(chain, host, target, false, |_| {})
    }

    pub fn send_with(
        chain: &[&Middleware],
        host: &str,
        target: &str,
        tls: bool,
        prepare: impl FnOnce(&mut request::Parts),
    ) -> Sent {
        let request = http::Request::builder().uri(target).body(()).unwrap();
        let (mut head, ()) = request.into_parts();
        prepare(&mut head);
        for middleware in chain {
            let Middleware::Edit(middleware) = middleware else { panic!("{middleware:?} waits") };
            if let Flow::Answer(answer) = middleware.on_request(&mut head, &context(host, tls)) {
                return Sent::Answer(answer);
            }
        }
        Sent::Next(Box::new(head))
    }

    #[test]
    fn chains_of_path_changes() {
        let strip = build(r#"{"stripPrefix":{"prefixes":["/foo"]}}"#).unwrap();
        let add = build(r#"{"addPrefix":{"prefix":"/pre"}}"#).unwrap();
        // Seen with Traefik 3.7.15: a path cut down to nothing stays nothing until it is sent.
        let table: &[(&[&Middleware], &str, &str)] = &[
            (&[&strip, &add], "/foo", "/pre"),
            (&[&strip, &add], "/foo?x", "/pre?x"),
            (&[&strip, &add], "/foo/", "/pre/"),
            (&[&add, &strip], "/foo", "/pre/foo"),
            (&[&strip, &add, &add], "/foo", "/pre/pre"),
            (&[&strip, &strip], "/foo", "/"),
            (&[&strip, &strip], "/foo/foo", "/"),
        ];
        for (chain, target, expected) in table {
            let sent = send(chain, "h.test", target).expect_next();
            assert_eq!(sent.uri.to_string(), *expected, "{chain:?} {target}");
        }
    }

    #[test]
    fn redirects_after_a_path_change() {
        let strip = build(r#"{"stripPrefix":{"prefixes":["/foo"]}}"#).unwrap();
        let add = build(r#"{"addPrefix":{"prefix":"/a%20b"}}"#).unwrap();
        let regex = r#"{"redirectRegex":{"regex":"^https?://[^/]+/(.*)$","replacement":"/n/$1"}}"#;
        let regex = build(regex).unwrap();
        let scheme = build(r#"{"redirectScheme":{"scheme":"https"}}"#).unwrap();
        let table: &[(&[&Middleware], &str, &str)] = &[
            (&[&strip, &regex], "/foo/x?y", "/n/x?y"),
            (&[&strip, &regex], "/foo", "/n/"),
            (&[&strip, &regex], "/foo?y", "/n/?y"),
            (&[&add, &regex], "/x", "/n/a%2520b/x"),
            (&[&strip, &scheme], "/foo", "https://h.test/"),
            (&[&strip, &scheme], "/foo?q", "https://h.test/?q"),
            (&[&strip, &scheme], "/foo/a%2Fb", "https://h.test/a%2Fb"),
        ];
        for (chain, target, expected) in table {
            let answer = send(chain, "h.test", target).expect_answer();
            assert_eq!(answer.headers()["location"], *expected, "{target}");
        }
    }

    #[test]
    fn redirects_show_the_query_as_sent() {
        let strip = build(r#"{"stripPrefix":{"prefixes":["/foo"]}}"#).unwrap();
        let regex = r#"{"redirectRegex":{"regex":"^https?://[^/]+/(.*)$","replacement":"/n/$1"}}"#;
        let regex = build(regex).unwrap();
        let scheme = build(r#"{"redirectScheme":{"scheme":"https"}}"#).unwrap();
        // Seen with Traefik 3.7.15 for `?a;b`, which servers get as `?a&b`.
        let table: &[(&[&Middleware], &str)] = &[
            (&[&scheme], "https://h.test/foo/x?a;b"),
            (&[&regex], "/n/foo/x?a;b"),
            (&[&strip, &scheme], "https://h.test/x?a&b"),
            (&[&strip, &regex], "/n/x?a&b"),
        ];
        for (chain, expected) in table {
            let flow = send_with(chain, "h.test", "/foo/x?a&b", false, |head| {
                head.extensions.insert(RawQuery("a;b".into()));
            });
            assert_eq!(flow.expect_answer().headers()["location"], *expected);
        }
    }

    #[test]
    fn what_is_not_served_says_so() {
        let error =
            Middleware::build("m@file", &routing::Middleware::default(), &mut Known).unwrap_err();
        assert!(error.contains("not served yet"), "{error}");
    }
}
