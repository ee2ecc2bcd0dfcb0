//! What can go wrong with an engine, in words a person can act on.

use std::fmt;

use bollard::errors::Error;

/// Why a call failed. The text is stable, so that repeating it is no news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub cause: Cause,
    /// What happened.
    pub message: String,
    /// The status of the engine's answer, if it was one that says so.
    pub status: Option<u16>,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody answers, or the connection ended.
    Unreachable,
    /// The engine has no such object.
    NotFound,
    /// The engine is no Swarm manager.
    NotManager,
    /// It answered something else than was expected.
    Refused,
}

impl Failure {
    /// A failure of a kind.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Self { cause, message: message.into(), status: None }
    }

    /// The same with the status of the answer.
    fn with(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Whether the same question will be answered the same: who asks may not, or there is no such
    /// thing. Everything else (an engine that starts, a Swarm without a leader) may pass.
    pub fn is_for_good(&self) -> bool {
        matches!(self.status, Some(401 | 403 | 404 | 405 | 501))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The engine took longer than the settings allow.
pub(super) fn too_slow() -> Failure {
    Failure::new(Cause::Unreachable, "the engine does not answer in time")
}

/// An answer that is no JSON, or other JSON.
pub(super) fn nonsense(detail: &str) -> Failure {
    let detail = shorten(detail);
    Failure::new(Cause::Refused, format!("the engine's answer cannot be read: {detail}"))
}

fn shorten(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().take(300).collect()
}

/// Bollard's error in our words.
pub(super) fn failure(error: Error) -> Failure {
    match error {
        Error::DockerResponseServerError { status_code: 404, message } => {
            Failure::new(Cause::NotFound, shorten(&message)).with(404)
        }
        Error::DockerResponseServerError { message, .. }
            if message.contains("not a swarm manager") =>
        {
            let text = "this engine is not a Swarm manager; expected the socket of a manager node \
                        (constrain the service with node.role == manager, or run docker swarm \
                        init)";
            Failure::new(Cause::NotManager, text)
        }
        Error::DockerResponseServerError { status_code, message } => {
            let message = shorten(&message);
            Failure::new(Cause::Refused, format!("the engine answers {status_code}: {message}"))
                .with(status_code)
        }
        Error::JsonDataError { message, .. } => nonsense(&message),
        Error::JsonSerdeError { err } => nonsense(&err.to_string()),
        Error::APIVersionParseError {} => nonsense("no API version"),
        Error::RequestTimeoutError => too_slow(),
        Error::IOError { err } => {
            let hint = match err.kind() {
                std::io::ErrorKind::PermissionDenied => {
                    "; expected read and write access to the socket"
                }
                std::io::ErrorKind::NotFound => {
                    "; expected the engine's socket to be mounted there"
                }
                _ => "",
            };
            let text = shorten(&err.to_string());
            Failure::new(Cause::Unreachable, format!("the engine cannot be reached: {text}{hint}"))
        }
        other => {
            let text = shorten(&other.to_string());
            Failure::new(Cause::Unreachable, format!("the connection to the engine failed: {text}"))
        }
    }
}
