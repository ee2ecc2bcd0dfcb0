//! Middlewares that limit or repeat requests.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ForwardAuthTls, IpStrategy};
use crate::routing::is_default;
use crate::scalar::Duration;

/// `sourceCriterion`: what counts as one source; exactly one field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct SourceCriterion {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_strategy: Option<IpStrategy>,
    #[serde(skip_serializing_if = "is_default")]
    pub request_header_name: String,
    #[serde(skip_serializing_if = "is_default")]
    pub request_host: bool,
}

/// `rateLimit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct RateLimit {
    #[serde(skip_serializing_if = "is_default")]
    pub average: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redis: Option<Redis>,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            average: 0,
            period: Some(Duration::from_secs(1)),
            burst: Some(1),
            source_criterion: None,
            redis: None,
        }
    }
}

/// `rateLimit.redis`: where several instances keep their buckets together. Its `Debug` shows no
/// password and no key.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Redis {
    /// `host:port`.
    #[serde(skip_serializing_if = "is_default")]
    pub endpoints: Vec<String>,
    /// Each a path or the PEM itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<ForwardAuthTls>,
    #[serde(skip_serializing_if = "is_default")]
    pub username: String,
    #[serde(skip_serializing_if = "is_default")]
    pub password: String,
    #[serde(skip_serializing_if = "is_default")]
    pub db: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub pool_size: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub min_idle_conns: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub max_active_conns: i64,
    /// No limit when 0 or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_timeout: Option<Duration>,
    /// No limit when 0 or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write_timeout: Option<Duration>,
    /// The default when 0 or less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dial_timeout: Option<Duration>,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            endpoints: vec!["127.0.0.1:6379".into()],
            tls: None,
            username: String::new(),
            password: String::new(),
            db: 0,
            pool_size: 0,
            min_idle_conns: 0,
            max_active_conns: 0,
            read_timeout: Some(Duration::from_secs(3)),
            write_timeout: Some(Duration::from_secs(3)),
            dial_timeout: Some(Duration::from_secs(5)),
        }
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("endpoints", &self.endpoints)
            .field("tls", &self.tls.is_some())
            .field("username", &self.username)
            .field("password", &!self.password.is_empty())
            .field("db", &self.db)
            .finish_non_exhaustive()
    }
}

/// `inFlightReq`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct InFlightReq {
    #[serde(skip_serializing_if = "is_default")]
    pub amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_criterion: Option<SourceCriterion>,
}

/// `retry`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Retry {
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: i64,
    #[serde(skip_serializing_if = "is_default")]
    pub initial_interval: Duration,
    #[serde(skip_serializing_if = "is_default")]
    pub timeout: Duration,
    #[serde(skip_serializing_if = "is_default")]
    pub status: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_request_body_bytes: Option<i64>,
    #[serde(skip_serializing_if = "is_default")]
    pub disable_retry_on_network_error: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub retry_non_idempotent_method: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 0,
            initial_interval: Duration::default(),
            timeout: Duration::default(),
            status: Vec::new(),
            max_request_body_bytes: Some(2 * 1024 * 1024),
            disable_retry_on_network_error: false,
            retry_non_idempotent_method: false,
        }
    }
}

/// `circuitBreaker`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct CircuitBreaker {
    #[serde(skip_serializing_if = "is_default")]
    pub expression: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_period: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_duration: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_duration: Option<Duration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_code: Option<i64>,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            expression: String::new(),
            check_period: Some(Duration::from_millis(100)),
            fallback_duration: Some(Duration::from_secs(10)),
            recovery_duration: Some(Duration::from_secs(10)),
            response_code: Some(503),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_password() {
        let tls = Some(ForwardAuthTls { key: "a-key".into(), ..Default::default() });
        let written = Redis { password: "a-password".into(), tls, ..Default::default() };
        let text = format!("{written:?}");
        assert!(!text.contains("a-password") && !text.contains("a-key"), "{text}");
        assert!(text.contains("127.0.0.1:6379"), "{text}");
    }
}
