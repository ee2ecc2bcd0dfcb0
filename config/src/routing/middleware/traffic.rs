//! Middlewares that limit or repeat requests.

use serde::{Deserialize, Serialize};

use super::IpStrategy;
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
    pub redis: Option<serde_json::Value>,
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
