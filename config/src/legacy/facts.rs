//! What v1 flags ask for and no option of the install configuration can say.

use crate::routing::Configuration;

/// Kept beside the install configuration; empty without v1 flags.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `docker.domain`.
    pub domain: Option<String>,
    /// `api.entryPoint`: where the API and the dashboard are served; `traefik` when unset.
    pub api_entry_point: Option<String>,
    /// What hung on entry points in v1: middlewares, certificates, TLS options. They belong to the
    /// provider `internal`.
    pub routing: Configuration,
}
