//! The proxy's own services: API, dashboard, ping, HTTP-01 answers, `noop`.

use std::sync::Arc;

use http::{Response, request};
use swarmgate_config::checked;
use swarmgate_config::install::Install;

use crate::body::Body;
use crate::tls::CertificateInfo;

/// The HTTP-01 lookup: (host without port, token) -> key authorization.
pub type ChallengeLookup = Arc<dyn Fn(&str, &str) -> Option<Arc<str>> + Send + Sync>;

/// A service of the proxy itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Internal {
    Api,
    Dashboard,
    Ping,
    AcmeHttp,
    Noop,
}

/// What lasts as long as the process.
pub struct State {
    /// The install configuration.
    pub install: Arc<Install>,
    /// HTTP-01 answers.
    pub challenges: ChallengeLookup,
    /// When the process started.
    pub started: std::time::SystemTime,
    /// Set once the stop has begun: ping answers its terminating status.
    pub terminating: std::sync::atomic::AtomicBool,
}

impl Internal {
    /// By the name before `@internal`.
    pub fn by_name(_name: &str) -> Option<Self> {
        None
    }

    /// Answers a request. `host` is canonical; `certificates` is what TLS serves now.
    pub fn answer(
        self,
        _head: &request::Parts,
        _host: &str,
        _state: &State,
        _configuration: &checked::Configuration,
        _certificates: &[CertificateInfo],
    ) -> Response<Body> {
        crate::respond::not_found()
    }
}
