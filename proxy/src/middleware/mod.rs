//! Middlewares: built once per snapshot, run in order on the request and in reverse on the answer.

mod add_prefix;
mod escape;
mod headers;
mod location;
mod path;
mod redirect;
mod redirect_regex;
mod redirect_scheme;
mod strip_prefix;
mod template;

use std::borrow::Cow;
use std::net::SocketAddr;

use http::header::HeaderValue;
use http::{Response, request, response};
use swarmgate_config::routing;

use crate::body::Body;

pub use self::add_prefix::AddPrefix;
pub use self::headers::Headers;
pub use self::redirect_regex::RedirectRegex;
pub use self::redirect_scheme::RedirectScheme;
pub use self::strip_prefix::StripPrefix;

/// What a middleware may know of a request beside its head.
///
/// The head's `uri` is in origin form (path and query, canonical); the host is here.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The client, after PROXY protocol.
    pub peer: SocketAddr,
    /// The connection is TLS.
    pub tls: bool,
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

/// A built middleware.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Middleware {
    AddPrefix(AddPrefix),
    StripPrefix(StripPrefix),
    RedirectRegex(Box<RedirectRegex>),
    RedirectScheme(RedirectScheme),
    Headers(Box<Headers>),
}

impl Middleware {
    /// Builds it, or says what is wrong with its options. Chains were flattened before and do not
    /// come here.
    pub fn build(written: &routing::Middleware) -> Result<Self, String> {
        if let Some(options) = &written.add_prefix {
            AddPrefix::build(options).map(Self::AddPrefix)
        } else if let Some(options) = &written.strip_prefix {
            StripPrefix::build(options).map(Self::StripPrefix)
        } else if let Some(options) = &written.redirect_regex {
            RedirectRegex::build(options).map(|built| Self::RedirectRegex(Box::new(built)))
        } else if let Some(options) = &written.redirect_scheme {
            RedirectScheme::build(options).map(Self::RedirectScheme)
        } else if let Some(options) = &written.headers {
            Headers::build(options).map(|built| Self::Headers(Box::new(built)))
        } else {
            Err("this kind of middleware is not served yet; expected addPrefix, stripPrefix, \
                 redirectRegex, redirectScheme, headers or chain"
                .into())
        }
    }

    /// Whether it has anything to do with requests.
    pub fn edits_request(&self) -> bool {
        match self {
            Self::Headers(headers) => headers.edits_request(),
            _ => true,
        }
    }

    /// Whether it has anything to do with answers.
    pub fn edits_response(&self) -> bool {
        match self {
            Self::Headers(headers) => headers.edits_response(),
            _ => false,
        }
    }

    /// Sees, changes or answers the request.
    pub fn on_request(&self, head: &mut request::Parts, context: &Context<'_>) -> Flow {
        match self {
            Self::AddPrefix(middleware) => middleware.on_request(head),
            Self::StripPrefix(middleware) => middleware.on_request(head),
            Self::RedirectRegex(middleware) => middleware.on_request(head, context),
            Self::RedirectScheme(middleware) => middleware.on_request(head, context),
            Self::Headers(middleware) => middleware.on_request(head),
        }
    }

    /// Sees or changes the answer's head (never a 1xx or 101).
    pub fn on_response(&self, head: &mut response::Parts, _context: &Context<'_>) {
        if let Self::Headers(middleware) = self {
            middleware.on_response(head);
        }
    }
}

/// The host as earlier middlewares left it.
fn host<'a>(head: &'a request::Parts, context: &Context<'a>) -> &'a [u8] {
    match head.extensions.get::<ForwardedHost>() {
        Some(ForwardedHost(host)) => host.as_bytes(),
        None => context.host.as_bytes(),
    }
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

    pub fn build(options: &str) -> Result<Middleware, String> {
        Middleware::build(&serde_json::from_str(options).unwrap())
    }

    pub fn context(host: &str, tls: bool) -> Context<'_> {
        Context { peer: "192.0.2.1:5".parse().unwrap(), tls, host }
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
        let error = Middleware::build(&routing::Middleware::default()).unwrap_err();
        assert!(error.contains("not served yet"), "{error}");
    }
}
