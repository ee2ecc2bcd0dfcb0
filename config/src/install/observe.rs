//! `api`, `ping`, `log` and `accessLog`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::scalar::Duration;

/// `api`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Api {
    pub insecure: bool,
    pub dashboard: bool,
    pub debug: bool,
    pub base_path: Option<String>,
    pub dashboard_name: Option<String>,
    pub disable_dashboard_ad: bool,
}

impl Default for Api {
    fn default() -> Self {
        Self {
            insecure: false,
            dashboard: true,
            debug: false,
            base_path: None,
            dashboard_name: None,
            disable_dashboard_ad: false,
        }
    }
}

/// `ping`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Ping {
    pub entry_point: String,
    pub manual_routing: bool,
    pub terminating_status_code: u16,
}

impl Default for Ping {
    fn default() -> Self {
        Self { entry_point: "traefik".into(), manual_routing: false, terminating_status_code: 503 }
    }
}

/// `log`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Log {
    pub level: Option<String>,
    pub format: Option<String>,
    pub no_color: bool,
    pub file_path: Option<String>,
    pub max_size: Option<i64>,
    pub max_age: Option<i64>,
    pub max_backups: Option<i64>,
    pub compress: bool,
    pub otlp: Option<serde_json::Value>,
}

/// `accessLog`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct AccessLog {
    pub file_path: Option<String>,
    pub format: Option<String>,
    pub buffering_size: Option<i64>,
    pub add_internals: bool,
    pub dual_output: bool,
    pub filters: Option<AccessLogFilters>,
    pub fields: Option<AccessLogFields>,
    pub otlp: Option<serde_json::Value>,
}

/// `accessLog.filters`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct AccessLogFilters {
    pub status_codes: Vec<String>,
    pub retry_attempts: bool,
    pub min_duration: Duration,
}

/// `accessLog.fields`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct AccessLogFields {
    pub default_mode: Option<String>,
    pub names: BTreeMap<String, String>,
    pub headers: Option<FieldModes>,
    pub query_parameters: Option<FieldModes>,
}

/// Modes by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct FieldModes {
    pub default_mode: Option<String>,
    pub names: BTreeMap<String, String>,
}
