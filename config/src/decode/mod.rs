//! One keyed-tree decoder behind labels, flags, variables and files.
//!
//! - `labels`, `flags`, `variables`, `yaml`, `toml`: each source -> `tree`, the keyed tree.
//!   `plain` takes the YAML that is simple enough.
//! - `presence`, `legacy`, `unserved`: passes over the tree before it is decoded.
//! - `v1_file`: a file of Traefik v1, as flags.
//! - `de`: the tree -> the types of [`crate::install`] and [`crate::routing`], by serde.
//! - `objects`: routing configuration, object by object.
//! - `lookup`, `load`, `validate`: the install configuration as a whole.
//! - `error`, `place`, `yaml_index`, `suggest`, `text`: how mistakes are told.

// Findings are made once on the way out, never in a loop: boxing them would buy nothing.
#![allow(clippy::result_large_err)]

pub(crate) mod de;
mod error;
mod flags;
mod labels;
mod legacy;
mod load;
mod lookup;
mod objects;
mod patterns;
mod place;
mod plain;
mod presence;
mod routing_file;
pub(crate) mod suggest;
pub(crate) mod text;
mod toml;
mod tree;
mod unserved;
mod v1_file;
mod validate;
mod variables;
mod yaml;
mod yaml_index;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::finding::{Finding, ObjectKind};
use crate::install::Install;
use crate::routing;

/// Where the install configuration comes from: injected so that tests need no process.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// Arguments after the program's name (and after an ignored first `traefik`).
    pub arguments: Vec<String>,
    /// The environment.
    pub variables: Vec<(String, OsString)>,
    /// Working directory for `./traefik.yml` and the like.
    pub working_directory: PathBuf,
    /// Stands for `/` in `/etc/traefik`; tests set it.
    pub root: PathBuf,
}

/// A loaded install configuration.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub install: Install,
    /// `file /etc/traefik/traefik.yml`, `flags`, `environment`, `defaults`: for the log.
    pub source: String,
    /// Warnings: known but not served yet, v2 forms, sources that were not read.
    pub findings: Vec<Finding>,
}

/// Loads the install configuration: file, else flags, else variables, else defaults.
///
/// `Err` holds at least one error finding that ends the start.
pub fn load_install(sources: &Sources) -> Result<Loaded, Vec<Finding>> {
    load::load(sources)
}

/// Loads the install configuration from flags, else variables, without looking for a file.
///
/// `Err` holds at least one error finding that would end the start.
pub fn load_install_without_file(sources: &Sources) -> Result<Loaded, Vec<Finding>> {
    load::without_file(sources)
}

/// Loads the install configuration from the text of a file; `path` names origins.
///
/// `Err` holds at least one error finding that would end the start.
pub fn load_install_text(path: &str, text: &str, format: Format) -> Result<Loaded, Vec<Finding>> {
    load::text(path, text, format, &[])
}

/// As [`load_install_text`], where `arguments` are given as well: a file of Traefik v1 is read
/// together with them, beside any other they count for nothing. [`Loaded::source`] tells which.
///
/// `Err` holds at least one error finding that would end the start.
pub fn load_install_text_and_flags(
    path: &str,
    text: &str,
    format: Format,
    arguments: &[String],
) -> Result<Loaded, Vec<Finding>> {
    load::text(path, text, format, arguments)
}

/// What the labels of one container or Swarm service say.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Labels {
    /// `traefik.enable`.
    pub enable: Option<bool>,
    /// `traefik.docker.network` or `traefik.swarm.network`.
    pub network: Option<String>,
    /// `traefik.docker.lbswarm` or `traefik.swarm.lbswarm`.
    pub lb_swarm: Option<bool>,
    /// `traefik.docker.allownonrunning`.
    pub allow_non_running: Option<bool>,
    /// Everything under `traefik.http` and `traefik.tls`; servers are still in label form.
    pub configuration: routing::Configuration,
    /// Whether any `traefik.tcp.` or `traefik.udp.` label is present.
    pub has_tcp_or_udp: bool,
    /// Objects that were named but could not be decoded, by kind and lower-case name. They are
    /// absent above, and nothing may be made up in their place: a router that was refused is not
    /// a missing router.
    pub refused: BTreeSet<(ObjectKind, String)>,
}

/// Decodes one container's or service's labels. `provider` is `docker` or `swarm`, `service` its
/// own name; both only name origins.
///
/// Never fails: a bad label spoils its own object and leaves a finding.
pub fn decode_labels<'a>(
    provider: &str,
    service: &str,
    labels: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Labels {
    labels::decode(provider, service, labels)
}

/// The format of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Format {
    Yaml,
    Toml,
}

/// Decodes a routing configuration file. `path` names origins; lines are resolved.
///
/// `Err` is a syntax error: the caller keeps its last good configuration. Semantic mistakes spoil
/// their own object only and are among the findings.
pub fn decode_routing_file(
    path: &str,
    text: &str,
    format: Format,
) -> Result<routing::Configuration, Finding> {
    routing_file::decode("file", path, text, format)
}

/// Decodes a text that has the form of a routing configuration file, of another provider than
/// `file`: there `{{` has no meaning. `provider` names the objects in findings, `place` origins.
///
/// `Err` as with [`decode_routing_file`].
pub fn decode_routing_text(
    provider: &str,
    place: &str,
    text: &str,
    format: Format,
) -> Result<routing::Configuration, Finding> {
    routing_file::decode(provider, place, text, format)
}

#[cfg(test)]
mod tests;
