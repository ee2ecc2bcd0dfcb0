//! Middlewares that change the path, redirect, or join others.

use serde::{Deserialize, Serialize};

use crate::routing::is_default;

/// `addPrefix`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct AddPrefix {
    #[serde(skip_serializing_if = "is_default")]
    pub prefix: String,
}

/// `stripPrefix`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct StripPrefix {
    #[serde(skip_serializing_if = "is_default")]
    pub prefixes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_slash: Option<bool>,
}

/// `stripPrefixRegex`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct StripPrefixRegex {
    #[serde(skip_serializing_if = "is_default")]
    pub regex: Vec<String>,
}

/// `replacePath`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ReplacePath {
    #[serde(skip_serializing_if = "is_default")]
    pub path: String,
}

/// `replacePathRegex`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct ReplacePathRegex {
    #[serde(skip_serializing_if = "is_default")]
    pub regex: String,
    #[serde(skip_serializing_if = "is_default")]
    pub replacement: String,
}

/// `redirectRegex`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct RedirectRegex {
    #[serde(skip_serializing_if = "is_default")]
    pub regex: String,
    #[serde(skip_serializing_if = "is_default")]
    pub replacement: String,
    #[serde(skip_serializing_if = "is_default")]
    pub permanent: bool,
}

/// `redirectScheme`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct RedirectScheme {
    #[serde(skip_serializing_if = "is_default")]
    pub scheme: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
    #[serde(skip_serializing_if = "is_default")]
    pub permanent: bool,
}

/// `chain`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs)]
pub struct Chain {
    #[serde(skip_serializing_if = "is_default")]
    pub middlewares: Vec<String>,
}
