//! The way to a CA: whom to trust, how to connect, and one HTTP exchange after another.

pub(crate) mod client;
mod connect;
mod proxy;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use swarmgate_config::install;

/// How to reach the CA of one resolver.
#[derive(Clone, Debug)]
pub(crate) struct Ca {
    /// The directory's URL.
    pub(crate) directory: http::Uri,
    tls: Arc<ClientConfig>,
    /// The name expected in the CA's own certificate, where it is not the host of the URL.
    server_name: Option<ServerName<'static>>,
    /// Whole time of one exchange.
    timeout: Duration,
    /// Time to the head of an answer.
    head_timeout: Duration,
}

impl Ca {
    /// Reads the options and files. `env` looks up an environment variable; Traefik's ACME
    /// library takes `LEGO_CA_CERTIFICATES`, `LEGO_CA_SERVER_NAME` and `LEGO_CA_SYSTEM_CERT_POOL`
    /// where the options say nothing. The error names the option at fault.
    pub(crate) fn read(
        acme: &install::Acme,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let directory: http::Uri = acme
            .ca_server
            .parse()
            .ok()
            .filter(|uri: &http::Uri| {
                matches!(uri.scheme_str(), Some("https" | "http")) && uri.host().is_some()
            })
            .ok_or_else(|| format!("caServer: {:?} is not an https URL", acme.ca_server))?;
        let tls = trust::client_config(acme, env)?;
        let expected = acme.ca_server_name.clone().or_else(|| env("LEGO_CA_SERVER_NAME"));
        let server_name = match expected.filter(|name| !name.is_empty()) {
            None => None,
            Some(name) => Some(
                ServerName::try_from(name.clone())
                    .map_err(|_| format!("caServerName: {name:?} is not a host name"))?,
            ),
        };
        // Without limits a CA that hangs would hold a place for ever; Traefik's defaults then.
        let or = |duration: swarmgate_config::scalar::Duration, default| {
            duration.positive().unwrap_or(Duration::from_secs(default))
        };
        Ok(Self {
            directory,
            tls,
            server_name,
            timeout: or(acme.client_timeout, 120),
            head_timeout: or(acme.client_response_header_timeout, 30),
        })
    }
}

#[cfg(test)]
mod tests {
    use swarmgate_config::install;

    use super::Ca;

    #[test]
    fn broken_options_are_named() {
        let acme = |change: &dyn Fn(&mut install::Acme)| {
            let mut acme = install::Acme::default();
            change(&mut acme);
            acme
        };
        let some = |text: &str| Some(text.to_owned());
        let not_pem = || vec!["-----BEGIN NOTHING".to_owned()];
        let table = [
            (acme(&|a| a.ca_server = String::new()), None, Some("caServer")),
            (acme(&|a| a.ca_server = "acme.test/directory".into()), None, Some("caServer")),
            (acme(&|a| a.ca_server = "ftp://acme.test/".into()), None, Some("caServer")),
            (acme(&|a| a.ca_server_name = some("a b")), None, Some("caServerName")),
            (acme(&|a| a.ca_certificates = vec!["/nowhere".into()]), None, Some("/nowhere")),
            (acme(&|a| a.ca_certificates = not_pem()), None, Some("caCertificates")),
            (acme(&|_| ()), Some("/none:/neither"), Some("/none")),
            (acme(&|_| ()), None, None),
            (acme(&|a| a.ca_server = "http://127.0.0.1:14000/dir".into()), None, None),
        ];
        for (acme, roots, expected) in table {
            let env = |name: &str| match name {
                "LEGO_CA_CERTIFICATES" => roots.map(str::to_owned),
                _ => None,
            };
            match (Ca::read(&acme, &env), expected) {
                (Ok(_), None) => {}
                (Err(error), Some(part)) => assert!(error.contains(part), "{error}"),
                (other, _) => panic!("{other:?}"),
            }
        }
    }
}
