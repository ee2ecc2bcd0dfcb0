//! The HTTP side of ACME: one exchange after another on one kept connection.
//!
//! Beside what the ACME library needs it notes what the library does not show: `Retry-After` of
//! refusals, and the links to alternate chains. It also keeps answers within bounds.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, LINK, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use tokio::time::timeout;

use super::{Ca, connect};

/// RFC 8555 section 6.1 wants a client to name itself.
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("swarmgate/", env!("CARGO_PKG_VERSION"), " instant-acme"));

/// A chain of certificates is a few kilobytes.
const LARGEST_BODY: usize = 1 << 20;

/// More patience than this is not asked of anybody; it also keeps time arithmetic within bounds.
const LONGEST_RETRY_AFTER: u64 = 24 * 3600;

/// What the CA said beside its answers.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// `Retry-After` of the last refusal (status 400 and above).
    pub(crate) retry_after: Option<Duration>,
    /// Links to alternate chains of the last certificate.
    pub(crate) alternates: Vec<String>,
    /// The last PEM chain that was sent.
    pub(crate) chain: Option<String>,
}

/// A client for one order; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    ca: Arc<Ca>,
    kept: Arc<Mutex<Option<Kept>>>,
    notes: Arc<Mutex<Notes>>,
}

/// A connection that waits for its next exchange.
#[derive(Debug)]
struct Kept {
    /// Scheme, host and port.
    origin: String,
    sender: SendRequest<Full<Bytes>>,
}

impl Client {
    pub(crate) fn new(ca: Arc<Ca>) -> Self {
        Self { ca, kept: Arc::default(), notes: Arc::default() }
    }

    /// Takes the notes.
    pub(crate) fn take_notes(&self) -> Notes {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn exchange(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let whole = self.ca.timeout;
        match timeout(whole, self.exchange_unbounded(request)).await {
            Ok(result) => result.map_err(|text| Error::Other(Box::new(Trouble(text)))),
            Err(_) => {
                let text = format!("the CA did not finish its answer within {whole:?}");
                Err(Error::Other(Box::new(Trouble(text))))
            }
        }
    }

    async fn exchange_unbounded(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Result<BytesResponse, String> {
        let (parts, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(never) => match never {},
        };
        let uri = parts.uri.clone();
        let authority = uri.authority().ok_or("the CA named a URL without a host")?.as_str();
        let origin = format!("{}://{authority}", uri.scheme_str().unwrap_or("https"));
        let mut head = Request::new(());
        *head.method_mut() = parts.method.clone();
        *head.headers_mut() = parts.headers;
        *head.uri_mut() = uri.path_and_query().map_or_else(Uri::default, |p| p.clone().into());
        let host = HeaderValue::from_str(authority).map_err(|error| error.to_string())?;
        head.headers_mut().insert(HOST, host);
        head.headers_mut().insert(USER_AGENT, AGENT);
        let request = || {
            let (parts, ()) = head.clone().into_parts();
            Request::from_parts(parts, Full::new(body.clone()))
        };

        // A kept connection may have been closed meanwhile; that is no failure of the CA. Should
        // it have read the request all the same, the nonce is spent, and the library tries again.
        let mut answer = None;
        if let Some(mut sender) = self.take_kept(&origin)
            && sender.ready().await.is_ok()
            && let Ok(response) = self.send(&mut sender, request()).await
        {
            answer = Some((response, sender));
        }
        let (response, sender) = match answer {
            Some(answer) => answer,
            None => {
                let mut sender = self.connect(&uri).await?;
                let response = self.send(&mut sender, request()).await?;
                (response, sender)
            }
        };
        let (mut parts, body) = response.into_parts();
        let body = Limited::new(body, LARGEST_BODY)
            .collect()
            .await
            .map_err(|error| format!("the CA's answer broke off: {error}"))?
            .to_bytes();
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept { origin, sender });

        bound_retry_after(&mut parts.headers);
        self.note(&parts, &body);
        let refused = parts.status.is_client_error() || parts.status.is_server_error();
        if refused && !is_problem(&body) {
            return Err(format!("the CA answered {}: {}", parts.status, excerpt(&body)));
        }
        Ok(Response::from_parts(parts, Full::new(body)).into())
    }

    fn take_kept(&self, origin: &str) -> Option<SendRequest<Full<Bytes>>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        (kept.origin == origin).then_some(kept.sender)
    }

    async fn connect(&self, uri: &Uri) -> Result<SendRequest<Full<Bytes>>, String> {
        let stream = timeout(self.ca.head_timeout, connect::connect(&self.ca, uri))
            .await
            .map_err(|_| "no connection to the CA in time".to_owned())??;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| format!("no HTTP with the CA: {error}"))?;
        // Ends when the sender is dropped; its errors reach the sender.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    async fn send(
        &self,
        sender: &mut SendRequest<Full<Bytes>>,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<hyper::body::Incoming>, String> {
        let limit = self.ca.head_timeout;
        match timeout(limit, sender.send_request(request)).await {
            Ok(result) => result.map_err(|error| format!("no answer from the CA: {error}")),
            Err(_) => Err(format!("no answer from the CA within {limit:?}")),
        }
    }

    fn note(&self, parts: &http::response::Parts, body: &Bytes) {
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        if parts.status.is_client_error() || parts.status.is_server_error() {
            notes.retry_after = retry_after(&parts.headers);
        }
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("application/pem-certificate-chain")) {
            notes.alternates = alternates(&parts.headers);
            notes.chain = String::from_utf8(body.to_vec()).ok();
        }
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().exchange(request))
    }
}

/// Something that went wrong below ACME, already told in one sentence.
#[derive(Debug)]
struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Trouble {}

/// Seconds or a date (RFC 9110 section 10.2.3), within bounds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = match value.parse::<u64>() {
        Ok(seconds) => seconds,
        Err(_) if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) => u64::MAX,
        Err(_) => {
            let date = SystemTime::from(OffsetDateTime::parse(value, &Rfc2822).ok()?);
            date.duration_since(SystemTime::now()).unwrap_or_default().as_secs()
        }
    };
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

/// The library adds the value to the clock: an absurd one must not reach it.
fn bound_retry_after(headers: &mut HeaderMap) {
    match retry_after(headers) {
        Some(bounded) => headers.insert(RETRY_AFTER, HeaderValue::from(bounded.as_secs())),
        None => headers.remove(RETRY_AFTER),
    };
}

/// `Link: <url>;rel="alternate"` (RFC 8555 section 7.4.2).
fn alternates(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(LINK)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|link| {
            let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
            let alternate = parameters.split(';').any(|parameter| {
                let (name, value) = parameter.split_once('=').unwrap_or_default();
                name.trim().eq_ignore_ascii_case("rel")
                    && value.trim().trim_matches('"') == "alternate"
            });
            alternate.then(|| url.to_owned())
        })
        .take(10)
        .collect()
}

fn is_problem(body: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(body)
        .is_ok_and(|value| value.get("type").is_some() || value.get("detail").is_some())
}

/// The beginning of a body, fit for a message.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ").chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use http::header::{LINK, RETRY_AFTER};

    use super::{alternates, bound_retry_after, excerpt, is_problem, retry_after};

    #[test]
    fn retry_after_values() {
        let table = [
            ("0", Some(0)),
            (" 7 ", Some(7)),
            ("18446744073709551615", Some(86_400)),
            ("99999999999999999999999", Some(86_400)),
            ("Fri, 31 Dec 1999 23:59:59 GMT", Some(0)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
            ("", None),
            ("soon", None),
            ("-1", None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_secs), "{text:?}");
            bound_retry_after(&mut headers);
            let left = headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
            assert_eq!(left, expected.map(|seconds: u64| seconds.to_string()), "{text:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn links() {
        let mut headers = HeaderMap::new();
        headers.append(LINK, "<https://ca/dir>;rel=\"index\"".parse().unwrap());
        headers.append(
            LINK,
            "<https://ca/1>;rel=\"alternate\", <https://ca/2>; title=\"x\"; rel=alternate"
                .parse()
                .unwrap(),
        );
        headers.append(LINK, "nonsense, <unclosed;rel=alternate".parse().unwrap());
        assert_eq!(alternates(&headers), ["https://ca/1", "https://ca/2"]);
    }

    #[test]
    fn bodies() {
        assert!(is_problem(br#"{"type":"urn:x","detail":"no"}"#));
        for body in [&b""[..], b"<html>", b"[]", b"{}", b"7"] {
            assert!(!is_problem(body));
        }
        assert_eq!(excerpt(b"<h1>\r\n  Bad\x00 Gateway</h1>"), "<h1> Bad Gateway</h1>");
        assert_eq!(excerpt("ü".repeat(500).as_bytes()).chars().count(), 200);
    }
}
