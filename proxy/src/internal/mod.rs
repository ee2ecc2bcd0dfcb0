//! The proxy's own services: API, dashboard, ping, metrics, REST provider, HTTP-01 answers, `noop`.

mod api;
mod challenge;
mod dashboard;
mod ping;
mod prometheus;
pub mod rest;

use std::sync::{Arc, OnceLock, Weak};

use http::{Response, StatusCode, request};
use swarmgate_config::checked;
use swarmgate_config::install::Install;

use crate::body::Body;
use crate::observe::Metrics;
use crate::respond;
use crate::tls::CertificateInfo;
use crate::worker::Shared;

/// The HTTP-01 lookup: (host without port, token) -> key authorization.
pub type ChallengeLookup = Arc<dyn Fn(&str, &str) -> Option<Arc<str>> + Send + Sync>;

/// A service of the proxy itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Internal {
    Api,
    Dashboard,
    Ping,
    Prometheus,
    Rest,
    AcmeHttp,
    Noop,
}

/// What lasts as long as the process.
pub struct State {
    /// The install configuration.
    pub install: Arc<Install>,
    /// HTTP-01 answers.
    pub challenges: ChallengeLookup,
    /// Where the REST provider takes configurations, if there is one.
    pub rest: Option<rest::Put>,
    /// When the process started.
    pub started: std::time::SystemTime,
    /// Set once the stop has begun: ping answers its terminating status.
    pub terminating: std::sync::atomic::AtomicBool,
    /// What is counted, if anything.
    pub metrics: Option<Arc<Metrics>>,
    /// All that is in force, for who asks why; set once the data plane has started.
    pub in_force: OnceLock<Weak<Shared>>,
}

impl Internal {
    /// By the name before `@internal`.
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "api" => Some(Self::Api),
            "dashboard" => Some(Self::Dashboard),
            "ping" => Some(Self::Ping),
            "prometheus" => Some(Self::Prometheus),
            "rest" => Some(Self::Rest),
            "acme-http" => Some(Self::AcmeHttp),
            "noop" => Some(Self::Noop),
            _ => None,
        }
    }

    /// Whether its answers may take milliseconds to print, which no data-plane thread has.
    pub fn takes_long(self) -> bool {
        matches!(self, Self::Api | Self::Prometheus)
    }

    /// Answers a request. `host` is canonical; `certificates` is what TLS serves now. What needs the
    /// request's body is not answered here, see [`rest`].
    ///
    /// The API's lists cost time in proportion to the configuration (rawdata of 10,000 routers:
    /// some ten milliseconds), and so do the metrics; everything else is immediate.
    pub fn answer(
        self,
        head: &request::Parts,
        host: &str,
        state: &State,
        configuration: &checked::Configuration,
        certificates: &[CertificateInfo],
    ) -> Response<Body> {
        match self {
            Self::Api => api::answer(head, state, configuration, certificates),
            Self::Dashboard => dashboard::answer(head, state),
            Self::Ping => ping::answer(state),
            Self::Prometheus => prometheus::answer(state, configuration, certificates),
            Self::Rest => rest::refuse(head).unwrap_or_else(respond::not_found),
            Self::AcmeHttp => challenge::answer(head, host, state),
            Self::Noop => respond::bare(StatusCode::IM_A_TEAPOT),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    pub fn state(install: &str) -> State {
        let challenges: ChallengeLookup = Arc::new(|host, token| {
            ((host, token) == ("a.test", "tok")).then(|| Arc::from("tok.thumbprint"))
        });
        State {
            install: Arc::new(serde_json::from_str(install).unwrap()),
            challenges,
            rest: None,
            started: std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_500),
            terminating: AtomicBool::new(false),
            metrics: None,
            in_force: OnceLock::new(),
        }
    }

    pub fn head(method: &str, target: &str) -> request::Parts {
        http::Request::builder().method(method).uri(target).body(()).unwrap().into_parts().0
    }

    pub fn body(response: Response<Body>) -> String {
        match response.into_body() {
            Body::Full(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Body::Empty => String::new(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn names() {
        for (name, expected) in [
            ("api", Some(Internal::Api)),
            ("dashboard", Some(Internal::Dashboard)),
            ("ping", Some(Internal::Ping)),
            ("prometheus", Some(Internal::Prometheus)),
            ("acme-http", Some(Internal::AcmeHttp)),
            ("noop", Some(Internal::Noop)),
            ("Api", None),
            ("rest", Some(Internal::Rest)),
            ("Rest", None),
            ("", None),
        ] {
            assert_eq!(Internal::by_name(name), expected, "{name}");
        }
    }

    #[test]
    fn noop_is_a_teapot() {
        let state = state("{}");
        let configuration = checked::Configuration::default();
        let answer =
            Internal::Noop.answer(&head("GET", "/"), "h.test", &state, &configuration, &[]);
        assert_eq!(answer.status(), 418);
        assert_eq!(body(answer), "");
    }
}
