//! One GET for the HTTP provider: bounded in time, size and redirections.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, LOCATION, RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use swarmgate_config::install;
use tokio_rustls::TlsConnector;

use super::url::Url;
use crate::engine::tls;
use crate::engine::transport::dial_tcp;

const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("Swarmgate/", env!("CARGO_PKG_VERSION")));
/// The longest answer when the settings give no limit; a configuration of 10,000 routers is a fifth
/// of it.
const LIMIT: u64 = 16 * 1024 * 1024;
/// The longest that the settings may allow; as much as a file may have.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// The longest a request may take when the settings give no limit.
const PATIENCE: Duration = Duration::from_secs(60);
/// As many as Go's client follows.
const MOST_REDIRECTIONS: usize = 10;

/// A good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it says.
    pub body: Bytes,
    /// Whether it says that it is TOML.
    pub toml: bool,
}

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nobody answers, or not to the end.
    Silent(String),
    /// An answer that says no, and how long to wait before the next question if it says that.
    Answered(String, Option<Duration>),
}

impl Trouble {
    fn answered(message: impl Into<String>) -> Self {
        Self::Answered(message.into(), None)
    }

    /// What happened; the same text for the same reason.
    pub fn message(&self) -> &str {
        match self {
            Self::Silent(message) | Self::Answered(message, _) => message,
        }
    }
}

/// Asks one URL.
#[derive(Debug)]
pub struct Client {
    url: Url,
    shown: String,
    headers: HeaderMap,
    /// `Host`, where the settings give one.
    host: Option<HeaderValue>,
    timeout: Duration,
    most_bytes: u64,
    tls: Arc<ClientConfig>,
}

impl Client {
    /// Reads the settings. The error says what is wrong with them.
    pub fn new(settings: &install::Http) -> Result<Self, String> {
        let url = Url::parse(&settings.endpoint).map_err(|error| format!("endpoint: {error}"))?;
        let mut headers = HeaderMap::new();
        let mut host = None;
        for (name, value) in &settings.headers {
            let header: HeaderName =
                name.parse().map_err(|_| format!("headers: {name:?} is no name of a header"))?;
            // The value may be a secret, so it is not shown.
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| format!("headers: the value of {name:?} cannot be sent"))?;
            value.set_sensitive(true);
            if header == HOST {
                host = Some(value);
            } else {
                headers.insert(header, value);
            }
        }
        let tls = tls::client(settings.tls.as_ref().unwrap_or(&Default::default()))?;
        Ok(Self {
            shown: url.shown(),
            url,
            headers,
            host,
            timeout: settings.poll_timeout.positive().unwrap_or(PATIENCE),
            most_bytes: u64::try_from(settings.max_response_body_size)
                .map_or(LIMIT, |most| most.min(MOST_BYTES)),
            tls,
        })
    }

    /// The URL as it may be shown.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Asks.
    pub async fn get(&self) -> Result<Answer, Trouble> {
        match tokio::time::timeout(self.timeout, self.follow()).await {
            Ok(result) => result,
            Err(_) => Err(Trouble::Silent(format!(
                "no whole answer within {:?} (pollTimeout)",
                self.timeout
            ))),
        }
    }

    async fn follow(&self) -> Result<Answer, Trouble> {
        let mut url = self.url.clone();
        for _ in 0..=MOST_REDIRECTIONS {
            let response = self.ask(&url).await.map_err(Trouble::Silent)?;
            let status = response.status();
            if status == StatusCode::OK {
                return self.read(&url, response).await;
            }
            let location = response.headers().get(LOCATION).and_then(|it| it.to_str().ok());
            match (status.as_u16(), location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    let joined = url.join(location);
                    url = joined
                        .map_err(|error| Trouble::answered(format!("redirected: {error}")))?;
                }
                _ => {
                    let message = format!("received non-ok response code: {}", status.as_u16());
                    return Err(Trouble::Answered(message, retry_after(response.headers())));
                }
            }
        }
        Err(Trouble::answered(format!("redirected more than {MOST_REDIRECTIONS} times")))
    }

    async fn ask(&self, url: &Url) -> Result<Response<Incoming>, String> {
        let say = |error: io::Error| format!("it cannot be reached: {error}");
        let mut request = Request::get(&url.target)
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        // What the settings give is for the server that they name, and for no other.
        let own = url.is_same_server(&self.url);
        if own {
            headers.clone_from(&self.headers);
        }
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
        headers.entry(USER_AGENT).or_insert(AGENT);
        if let Some(authorization) = &url.authorization {
            headers.entry(AUTHORIZATION).or_insert_with(|| authorization.clone());
        }
        let host = match &self.host {
            Some(host) if own => host.clone(),
            _ => HeaderValue::from_str(&url.authority()).map_err(|error| error.to_string())?,
        };
        headers.insert(HOST, host);
        let stream = dial_tcp(&url.host, url.port).await.map_err(say)?;
        let answered = if url.tls {
            let name = ServerName::try_from(url.host.clone())
                .map_err(|_| "its name is none that a certificate could have".to_owned())?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let stream = connector.connect(name, stream).await.map_err(say)?;
            exchange(TokioIo::new(stream), request).await
        } else {
            exchange(TokioIo::new(stream), request).await
        };
        answered.map_err(|error| format!("it does not answer: {error}"))
    }

    async fn read(&self, url: &Url, response: Response<Incoming>) -> Result<Answer, Trouble> {
        let header = |name: HeaderName| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_ascii_lowercase()
        };
        let encoding = header(CONTENT_ENCODING);
        if !matches!(encoding.trim(), "" | "identity") {
            return Err(Trouble::answered("its answer is compressed, which nobody asked for"));
        }
        let path = url.target.split('?').next().unwrap_or_default();
        let toml = header(CONTENT_TYPE).contains("toml") || path.ends_with(".toml");
        let mut left = self.most_bytes;
        let mut body = Vec::new();
        let mut incoming = response.into_body();
        while let Some(frame) = incoming.frame().await {
            let frame =
                frame.map_err(|error| Trouble::Silent(format!("its answer broke off: {error}")))?;
            let Some(data) = frame.data_ref() else { continue };
            left = left.checked_sub(data.len() as u64).ok_or_else(|| {
                Trouble::answered(format!("its answer has more than {} bytes", self.most_bytes))
            })?;
            body.extend_from_slice(data);
        }
        Ok(Answer { body: body.into(), toml })
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3); servers hardly use its other form, a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

async fn exchange<S>(
    stream: TokioIo<S>,
    request: Request<Empty<Bytes>>,
) -> Result<Response<Incoming>, hyper::Error>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    let (mut sender, connection) = http1::handshake(stream).await?;
    // Ends with the answer's body, or when it is dropped.
    tokio::spawn(connection);
    sender.send_request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_named() {
        let with = |name: &str, value: &str| install::Http {
            endpoint: "http://h/".into(),
            headers: [(name.to_owned(), value.to_owned())].into(),
            ..install::Http::default()
        };
        let table = [
            (install::Http::default(), "endpoint: "),
            (with("a b", "c"), "headers: \"a b\" is no name of a header"),
            (with("X-Token", "sec\nret"), "headers: the value of \"X-Token\" cannot be sent"),
        ];
        for (settings, expected) in table {
            let error = Client::new(&settings).unwrap_err();
            assert!(error.contains(expected) && !error.contains("sec"), "{error}");
        }
        let limits = [(-1, LIMIT), (10, 10), (i64::MAX, MOST_BYTES)];
        for (written, expected) in limits {
            let settings = install::Http { max_response_body_size: written, ..with("Host", "x") };
            let client = Client::new(&settings).unwrap();
            assert_eq!((client.most_bytes, client.headers.len()), (expected, 0));
        }
    }
}
