//! Findings: what is wrong or odd, where it came from, and what was expected instead.

mod many;

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

pub(crate) use self::many::Source;
pub use self::many::{Findings, bounded};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something works, and a person may want to know how.
    Info,
    /// Something was ignored, or works otherwise than written.
    Warning,
    /// The object does not serve.
    Error,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Origin {
    /// A configuration file. Line and column count from 1.
    File {
        /// Path as given or found.
        file: Arc<str>,
        /// Line, where known.
        line: Option<u32>,
        /// Column, where known.
        column: Option<u32>,
    },
    /// A command-line flag, as typed (`--entryPoints.web.address`).
    Flag {
        /// The flag without its value.
        flag: Arc<str>,
    },
    /// An environment variable.
    Env {
        /// The variable's name.
        variable: Arc<str>,
    },
    /// A label on a container or Swarm service.
    Label {
        /// `docker` or `swarm`.
        provider: Arc<str>,
        /// The container's or service's own name (`myapp_web`).
        service: Arc<str>,
        /// The label's key; empty when the whole service is meant.
        label: Arc<str>,
    },
    /// A provider as a whole.
    Provider {
        /// The provider's name.
        provider: Arc<str>,
    },
    /// Swarmgate's own defaults and generated objects.
    Internal,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File { file, line: Some(line), column: Some(column) } => {
                write!(f, "{file}:{line}:{column}")
            }
            Origin::File { file, line: Some(line), column: None } => write!(f, "{file}:{line}"),
            Origin::File { file, .. } => write!(f, "{file}"),
            Origin::Flag { flag } => write!(f, "flag {flag}"),
            Origin::Env { variable } => write!(f, "environment variable {variable}"),
            Origin::Label { provider, service, label } if label.is_empty() => {
                write!(f, "{provider} service {service:?}")
            }
            Origin::Label { provider, service, label } => {
                write!(f, "{provider} service {service:?}, label {label:?}")
            }
            Origin::Provider { provider } => write!(f, "provider {provider}"),
            Origin::Internal => write!(f, "internal"),
        }
    }
}

/// The kind of object a finding is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum ObjectKind {
    Router,
    Service,
    Middleware,
    ServersTransport,
    TlsOptions,
    TlsStore,
    Certificate,
    EntryPoint,
    Resolver,
    Provider,
    Install,
}

/// Something wrong or odd in what somebody wrote.
///
/// It reads `<origin>: <message>; expected <expected>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// Where it was written.
    pub origin: Origin,
    /// What it belongs to, and that object's qualified name (`web@swarm`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<(ObjectKind, String)>,
    /// What is wrong, naming the offending text.
    pub message: String,
    /// What would have been right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
}

/// The longest message: texts of outsiders stand in it, and nobody reads more.
const MOST_MESSAGE: usize = 8 * 1024;

/// The longest name of an object.
const MOST_NAME: usize = 1024;

/// Cuts a text that is too long, at a character.
fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let head = (0..=most).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    format!("{head}...")
}

impl Finding {
    /// A finding with neither object nor expectation; add them with [`Finding::on`] and
    /// [`Finding::expected`]. All of its texts are cut where nobody would read on.
    pub fn new(severity: Severity, origin: Origin, message: impl Into<String>) -> Self {
        let message = cut(message.into(), MOST_MESSAGE);
        Self { severity, origin, object: None, message, expected: None }
    }

    /// Names the object it belongs to.
    #[must_use]
    pub fn on(mut self, kind: ObjectKind, name: impl Into<String>) -> Self {
        self.object = Some((kind, cut(name.into(), MOST_NAME)));
        self
    }

    /// Says what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(cut(expected.into(), MOST_MESSAGE));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)?;
        match &self.expected {
            Some(expected) => write!(f, "; expected {expected}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_bounded() {
        let long = "é".repeat(1 << 20);
        let finding = Finding::new(Severity::Error, Origin::Internal, long.as_str())
            .on(ObjectKind::Router, long.as_str())
            .expected(long.as_str());
        assert!(finding.message.len() <= MOST_MESSAGE + 3 && finding.message.ends_with("é..."));
        assert!(finding.object.unwrap().1.len() <= MOST_NAME + 3);
        assert!(finding.expected.unwrap().len() <= MOST_MESSAGE + 3);
        let short = Finding::new(Severity::Error, Origin::Internal, "short");
        assert_eq!(short.message, "short");
    }
}
