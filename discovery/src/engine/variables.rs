//! `DOCKER_HOST` and its friends: where the engine is, for whoever has not configured it.
//!
//! Traefik applies them after its own options, so that a variable which is meant for the docker
//! command takes the proxy elsewhere. Here they fill in what the install configuration leaves open.

use swarmgate_config::install::ClientTls;

/// The variables; empty ones are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DockerVariables {
    /// `DOCKER_HOST`: counts where `endpoint` is left at its default.
    pub host: Option<String>,
    /// `DOCKER_CERT_PATH`: a folder with `ca.pem`, `cert.pem` and `key.pem`, for `DOCKER_HOST`.
    pub cert_path: Option<String>,
    /// `DOCKER_TLS_VERIFY`: without it, the certificate of such an engine is not verified.
    pub tls_verify: bool,
    /// `DOCKER_API_VERSION`: the newest API version to speak.
    pub api_version: Option<String>,
}

impl DockerVariables {
    /// Reads them by `variable`, which gives nothing for those that are empty.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            host: variable("DOCKER_HOST"),
            cert_path: variable("DOCKER_CERT_PATH"),
            tls_verify: variable("DOCKER_TLS_VERIFY").is_some(),
            api_version: variable("DOCKER_API_VERSION"),
        }
    }

    /// TLS settings for `DOCKER_HOST`, as the docker command has them.
    pub fn tls(&self) -> Option<ClientTls> {
        let folder = self.cert_path.as_deref()?.trim_end_matches('/');
        let file = |name: &str| Some(format!("{folder}/{name}"));
        Some(ClientTls {
            ca: file("ca.pem"),
            cert: file("cert.pem"),
            key: file("key.pem"),
            insecure_skip_verify: !self.tls_verify,
            ..ClientTls::default()
        })
    }

    /// Major and minor of `DOCKER_API_VERSION`; the error says what was expected.
    pub fn newest_api(&self) -> Result<Option<(u16, u16)>, String> {
        let Some(text) = &self.api_version else { return Ok(None) };
        let parts = text.trim().trim_start_matches('v').split_once('.');
        let parsed =
            parts.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
        parsed.map(Some).ok_or_else(|| {
            format!("the variable DOCKER_API_VERSION is {text:?}; expected a version such as 1.44")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let set = [
            ("DOCKER_HOST", "tcp://h:1"),
            ("DOCKER_CERT_PATH", "/certs/"),
            ("DOCKER_API_VERSION", "1.44"),
        ];
        let variable = |name: &str| {
            set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let read = DockerVariables::read(variable);
        assert_eq!(read.host.as_deref(), Some("tcp://h:1"));
        assert_eq!(read.newest_api(), Ok(Some((1, 44))));
        let tls = read.tls().unwrap();
        assert_eq!(tls.key.as_deref(), Some("/certs/key.pem"));
        assert!(tls.insecure_skip_verify);
        let verified = DockerVariables { tls_verify: true, ..read };
        assert!(!verified.tls().unwrap().insecure_skip_verify);

        let none = DockerVariables::default();
        assert_eq!((none.tls(), none.newest_api()), (None, Ok(None)));
        for bad in ["1", "x.y", "1.x", "latest"] {
            let variables =
                DockerVariables { api_version: Some(bad.into()), ..DockerVariables::default() };
            assert!(variables.newest_api().unwrap_err().contains(bad));
        }
    }
}
