//! `forwardAuth`: another server says who may pass.
//!
//! It is asked about each request ([`question`]). With 200 to 299 the request goes on, and carries
//! what the server says of its client ([`word`]); any other answer is the client's ([`denial`]).

mod address;
mod cookies;
mod denial;
mod kept;
mod question;
mod word;

use std::cell::{Cell, OnceCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, TRAILER};
use http::{Response, StatusCode, request};
use swarmgate_config::routing::{self, ServersTransport};
use tokio::time::timeout;

use self::address::Address;
use self::cookies::Cookies;
use self::denial::Denial;
use self::kept::Limit;
use self::question::Question;
use self::word::Word;
use super::kept::{Kept, keep};
use super::{Answering, Around, Context, Directory, Rest};
use crate::balance::Balancer;
use crate::body::{Body, RequestBody};
use crate::failure::Failure;
use crate::forward::{self, Departing, headers};
use crate::respond;
use crate::serve::answered::Answered;
use crate::serve::service::{self, Request};
use crate::serve::settle::closing;

/// How long the server may take, from the first attempt to connect to the last byte that has to be
/// read (Traefik's, fixed).
const PATIENCE: Duration = Duration::from_secs(30);

/// How much of a request's body is kept for the server where no limit is written, bytes.
const MOST_KEPT: u64 = 16 << 20;

/// A built `forwardAuth` (Traefik: ForwardAuth).
#[derive(Debug)]
pub struct ForwardAuth {
    server: Balancer,
    address: Address,
    question: Question,
    /// Whether the request's body goes along, and how much of one.
    body: Option<Limit>,
    /// How much of an answer's body is read; `None`: it is never held.
    answer: Option<Limit>,
    word: Word,
    cookies: Cookies,
    denial: Denial,
    /// The answer's header that names the user.
    user: Option<HeaderName>,
    /// The second in which people were last told that the server cannot be asked.
    told: AtomicU64,
}

/// What the server says.
enum Verdict {
    /// Let it pass; with these headers.
    Pass(HeaderMap),
    /// The client gets this.
    Answer(Box<Response<Body>>),
}

impl From<Response<Body>> for Verdict {
    fn from(answer: Response<Body>) -> Self {
        Self::Answer(Box::new(answer))
    }
}

impl ForwardAuth {
    pub(super) fn build(
        written: &routing::ForwardAuth,
        directory: &mut dyn Directory,
    ) -> Result<Self, String> {
        let address = Address::parse(&written.address)?;
        let tls = written.tls.as_ref().map(transport).transpose()?;
        let server = directory
            .server(address.origin.clone(), tls)
            .map_err(|error| error.replacen("rootCAs:", "tls.ca:", 1))
            .map_err(|error| format!("address {:?}: {error}", address.shown))?;
        let user = Some(&written.header_field).filter(|name| !name.is_empty());
        let user = user.map(|name| header("headerField", name)).transpose()?;
        let body = written.forward_body.then(|| match Limit::of(written.max_body_size) {
            Some(limit) => limit,
            None => Limit(MOST_KEPT),
        });
        Ok(Self {
            server: Balancer::new(vec![(server, 1)], false, None),
            question: Question::build(written)?,
            body,
            answer: Limit::of(written.max_response_body_size),
            word: Word::build(written)?,
            cookies: Cookies::build(&written.add_auth_cookies_to_response),
            denial: Denial::build(written)?,
            address,
            user,
            told: AtomicU64::new(0),
        })
    }

    async fn serve(&self, request: &mut Request<'_>, rest: Rest) -> Answered {
        let body = match self.body {
            Some(limit) => match keep(request, limit.0).await {
                Kept::Nothing => None,
                Kept::Whole(bytes) => Some(bytes),
                Kept::TooLarge => return respond::bare(StatusCode::UNAUTHORIZED).into(),
                Kept::Broken(failure) => {
                    request.way.tell(&failure);
                    let answer = respond::bare(StatusCode::INTERNAL_SERVER_ERROR);
                    return closing(answer).into();
                }
            },
            None => None,
        };
        let verdict = match timeout(PATIENCE, self.ask(request, body)).await {
            Ok(verdict) => verdict,
            Err(_) => Err(Failure::ResponseHeaderTimeout),
        };
        let said = match verdict {
            Ok(Verdict::Pass(said)) => said,
            Ok(Verdict::Answer(answer)) => return (*answer).into(),
            Err(failure) => {
                self.tell(&failure);
                return respond::bare(StatusCode::INTERNAL_SERVER_ERROR).into();
            }
        };
        self.word.put(&mut request.head.headers, &said);
        let cookies = self.cookies.of(&said);
        drop(said);
        let mut answered = rest.run(request).await;
        if !cookies.is_empty() && answered.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            self.cookies.put(answered.response.headers_mut(), &cookies);
        }
        answered
    }

    /// Asks the server about the request, whose whole body this is if it goes along.
    async fn ask(
        &self,
        request: &mut Request<'_>,
        body: Option<Bytes>,
    ) -> Result<Verdict, Failure> {
        let context = request.way.context(request.connection);
        let head = self.question.head(
            request.head,
            &context,
            request.connection,
            &self.address,
            body.as_ref(),
        );
        let mut body = body.map_or_else(RequestBody::default, RequestBody::read);
        let asks_connection = headers::are_of_connection(&head.headers, &AUTHORIZATION);
        let retries = Cell::new(0);
        let departing = Departing {
            head: &head,
            body: &mut body,
            tunnel: false,
            retries: &retries,
            failed: &OnceCell::new(),
            client: None,
        };
        let (worker, connection) = (request.worker, request.connection);
        let asked = forward::forward(worker, connection, &self.server, departing).await;
        let (answer, mut exchange) = asked?;
        service::bind(connection, &mut exchange, &answer, asks_connection);
        if exchange.is_unclear() {
            return Err(Failure::BadFraming);
        }
        if answer.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(Failure::BadUpgrade);
        }
        let passes = answer.status.is_success();
        if !passes && self.answer.is_none() && !self.denial.hides(answer.status) {
            self.note(request, &answer.headers);
            return self.denial.answer(service::passed_on(answer, exchange), &self.address);
        }
        // What is let through needs no body, but the server has to end what it says.
        let (mut answer, body) = service::passed_on(answer, exchange).into_parts();
        let wanted = !passes && !self.denial.hides(answer.status);
        let Some(bytes) = kept::read(body, self.answer, wanted).await.map_err(Failure::Lost)?
        else {
            return Ok(respond::bare(StatusCode::UNAUTHORIZED).into());
        };
        self.note(request, &answer.headers);
        if passes {
            return Ok(Verdict::Pass(answer.headers));
        }
        // What was behind the body is not kept.
        answer.headers.remove(TRAILER);
        let body = if bytes.is_empty() { Body::Empty } else { Body::from(bytes) };
        self.denial.answer(Response::from_parts(answer, body), &self.address)
    }

    /// Notes why the server was asked in vain: for people once a second, lest the log be full of it.
    fn tell(&self, failure: &Failure) {
        const WHAT: &str = "forwardAuth: the server does not say whether requests may pass";
        let address = &self.address.shown;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if self.told.swap(now, Ordering::Relaxed) == now {
            tracing::debug!(%address, error = %failure, "{WHAT}");
        } else {
            tracing::warn!(%address, error = %failure, "{WHAT}");
        }
    }

    /// Tells the access log who the client is.
    fn note(&self, request: &mut Request<'_>, answer: &HeaderMap) {
        if let Some(logged) = &mut request.watched.logged
            && let Some(user) = self.user.as_ref().and_then(|name| answer.get(name))
            && !user.is_empty()
        {
            logged.user(user.as_bytes());
        }
    }
}

impl Around for ForwardAuth {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        Box::pin(self.serve(request, rest))
    }

    fn would_do(&self, head: &request::Parts, _context: &Context<'_>) -> Vec<String> {
        let method = self.question.method(head);
        let mut told = vec![format!(
            "asks {method} {} and lets the request pass if it answers 200 to 299; any other answer \
             is the client's",
            self.address.shown
        )];
        if let Some(limit) = self.body {
            told.push(format!("sends the request's body along, up to {} bytes", limit.0));
        }
        told.extend(self.question.told());
        told.extend(self.word.told());
        told.extend(self.cookies.told());
        told.extend(self.denial.told());
        told
    }
}

/// `tls` as a transport to one server.
fn transport(written: &routing::ForwardAuthTls) -> Result<ServersTransport, String> {
    let given = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    let certificates = match (given(&written.cert), given(&written.key)) {
        (None, None) => Vec::new(),
        (Some(cert_file), Some(key_file)) => {
            vec![routing::Certificate { cert_file, key_file, ..routing::Certificate::default() }]
        }
        (Some(_), None) => return Err("tls.cert has no tls.key; expected both, or none".into()),
        (None, Some(_)) => return Err("tls.key has no tls.cert; expected both, or none".into()),
    };
    Ok(ServersTransport {
        root_cas: given(&written.ca).into_iter().collect(),
        insecure_skip_verify: written.insecure_skip_verify,
        certificates,
        ..ServersTransport::default()
    })
}

/// A header's name in an option.
fn header(option: &str, name: &str) -> Result<HeaderName, String> {
    HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| {
        format!("{option}: {name:?} is no header name; expected one such as \"X-User\"")
    })
}

/// Header names in an option.
fn header_names(option: &str, names: &[String]) -> Result<Box<[HeaderName]>, String> {
    names.iter().filter(|name| !name.is_empty()).map(|name| header(option, name)).collect()
}

#[cfg(test)]
mod tests {
    use crate::middleware::tests::{build, context};

    #[test]
    fn refused() {
        for (options, expected) in [
            ("{}", "address is missing"),
            (r#"{"address":"auth:80"}"#, "address \"auth:80\""),
            (r#"{"address":"ftp://auth/"}"#, "expected http:// or https://"),
            (r#"{"address":"http:///x"}"#, "it is no URL"),
            (r#"{"address":"http://a","headerField":"a b"}"#, "headerField: \"a b\""),
            (
                r#"{"address":"http://a","authRequestHeaders":["a b"]}"#,
                "authRequestHeaders: \"a b\"",
            ),
            (r#"{"address":"http://a","authResponseHeaders":["é"]}"#, "authResponseHeaders: \"é\""),
            (
                r#"{"address":"http://a","authResponseHeadersRegex":"("}"#,
                "authResponseHeadersRegex",
            ),
            (r#"{"address":"http://a","authSigninURL":"http://a b/"}"#, "authSigninURL"),
            (r#"{"address":"http://a","tls":{"cert":"x"}}"#, "tls.cert has no tls.key"),
            (r#"{"address":"http://a","tls":{"key":"x"}}"#, "tls.key has no tls.cert"),
            (r#"{"address":"https://a","tls":{"ca":"/nowhere/ca.pem"}}"#, "/nowhere/ca.pem"),
        ] {
            let error = build(&format!(r#"{{"forwardAuth":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }

    #[test]
    fn told() {
        let middleware = build(
            r#"{"forwardAuth":{"address":"http://me:secret@auth:9091/verify?a=b",
            "authResponseHeaders":["Remote-User","remote-groups"],"authResponseHeadersRegex":"^X-",
            "authSigninURL":"https://login.test/","forwardBody":true,"maxBodySize":10,
            "trustForwardHeader":true,"addAuthCookiesToResponse":["session"],
            "preserveRequestMethod":true}}"#,
        );
        let Ok(crate::middleware::Middleware::Around(around)) = middleware else {
            panic!("{middleware:?}")
        };
        let (head, ()) = http::Request::post("/x").body(()).unwrap().into_parts();
        let told = around.would_do(&head, &context("h.test", false)).join("\n");
        for part in [
            "asks POST http://xxxx@auth:9091/verify?a=b",
            "up to 10 bytes",
            "Remote-User, Remote-Groups",
            "^X-",
            "session",
            "401 becomes a redirection to https://login.test/",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!format!("{around:?}{told}").contains("secret"), "{around:?}");
    }
}
