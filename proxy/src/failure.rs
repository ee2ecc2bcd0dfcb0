//! What can go wrong between a request and its server, and the one table from cause to answer.

use http::{Response, StatusCode};

use crate::body::{Body, RequestBodyError};
use crate::http1::Error;
use crate::respond;

/// Why a request got no answer from a server.
#[derive(Debug)]
pub enum Failure {
    /// The service has no server, or the Swarm service no running task.
    NoServer,
    /// The server's name could not be resolved.
    Resolve(String),
    /// The connection was refused or failed.
    Connect(std::io::Error),
    /// The connection was not established in time.
    DialTimeout,
    /// The TLS handshake was not finished in time.
    TlsTimeout,
    /// The server's certificate is not trusted, or it does not speak TLS.
    Tls(std::io::Error),
    /// The connection ended before the answer's head.
    Lost(Error),
    /// The answer's head did not arrive in time.
    ResponseHeaderTimeout,
    /// The answer is not HTTP.
    BadAnswer(Error),
    /// The answer's `Transfer-Encoding` is none that we understand.
    BadFraming,
    /// A 101 that does not fit the upgrade that was asked for.
    BadUpgrade,
    /// The client's body did not arrive in time.
    RequestBodyTimeout,
    /// The client's body broke off or was malformed.
    RequestBody(Error),
    /// The request cannot be written for the server.
    Request(String),
}

impl Failure {
    /// The status that the client gets.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoServer => StatusCode::SERVICE_UNAVAILABLE,
            Self::Resolve(_) | Self::Connect(_) | Self::Lost(_) => StatusCode::BAD_GATEWAY,
            Self::DialTimeout
            | Self::TlsTimeout
            | Self::ResponseHeaderTimeout
            | Self::RequestBodyTimeout => StatusCode::GATEWAY_TIMEOUT,
            Self::Tls(_)
            | Self::BadAnswer(_)
            | Self::BadFraming
            | Self::BadUpgrade
            | Self::RequestBody(_)
            | Self::Request(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether no server has got anything of the request.
    pub fn is_unreached(&self) -> bool {
        matches!(
            self,
            Self::Resolve(_)
                | Self::Connect(_)
                | Self::DialTimeout
                | Self::TlsTimeout
                | Self::Tls(_)
        )
    }

    /// The answer that the client gets.
    pub fn answer(&self) -> Response<Body> {
        match self {
            Self::NoServer => {
                respond::error(StatusCode::SERVICE_UNAVAILABLE, "no available server\n")
            }
            _ => respond::text(self.status()),
        }
    }
}

impl From<RequestBodyError> for Failure {
    fn from(error: RequestBodyError) -> Self {
        match error {
            RequestBodyError::TimedOut => Self::RequestBodyTimeout,
            RequestBodyError::Client(error) => Self::RequestBody(error),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoServer => f.write_str("no available server"),
            Self::Resolve(error) => write!(f, "its name does not resolve: {error}"),
            Self::Connect(error) => write!(f, "connecting failed: {error}"),
            Self::DialTimeout => f.write_str("connecting took too long"),
            Self::TlsTimeout => f.write_str("the TLS handshake took too long"),
            Self::Tls(error) => write!(f, "the TLS handshake failed: {error}"),
            Self::Lost(error) => write!(f, "the connection ended before an answer: {error}"),
            Self::ResponseHeaderTimeout => f.write_str("the answer took too long"),
            Self::BadAnswer(error) => write!(f, "the answer is not valid HTTP: {error}"),
            Self::BadFraming => f.write_str("the answer's Transfer-Encoding is not understood"),
            Self::BadUpgrade => f.write_str("the answer to the upgrade names another protocol"),
            Self::RequestBodyTimeout => f.write_str("the client's body took too long"),
            Self::RequestBody(error) => write!(f, "the client's body broke off: {error}"),
            Self::Request(error) => write!(f, "the request cannot be sent: {error}"),
        }
    }
}
