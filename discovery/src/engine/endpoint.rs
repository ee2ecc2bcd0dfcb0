//! Where the engine is: `endpoint` of the install configuration -> an address to dial.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use http::HeaderValue;
use rustls::ClientConfig;
use swarmgate_config::install::Docker;

use super::tls;
use super::variables::DockerVariables;

/// What `endpoint` is when nobody sets it.
pub const DEFAULT: &str = "unix:///var/run/docker.sock";

/// An engine's address and what is needed to talk to it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Where to dial.
    pub address: Address,
    /// As a person wrote it; for messages.
    pub text: String,
    /// TLS settings for TCP.
    pub tls: Option<Arc<ClientConfig>>,
    /// HTTP Basic.
    pub authorization: Option<HeaderValue>,
}

/// A place to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A host (name or address, without brackets) and port.
    Tcp(String, u16),
}

impl Endpoint {
    /// Reads the settings: one engine, or several with commas between them. Variables only count
    /// where `endpoint` is left at its default (Traefik lets them override a configured endpoint,
    /// which surprises). The error says what is wrong and what is expected.
    pub fn from_settings(
        settings: &Docker,
        variables: &DockerVariables,
    ) -> Result<Vec<Self>, String> {
        let open = settings.endpoint == DEFAULT || settings.endpoint.is_empty();
        let variable = variables.host.as_deref().filter(|_| open);
        let of_variables = variable.and_then(|_| variables.tls());
        let wanted = settings.tls.as_ref().or(of_variables.as_ref());
        let text = match variable {
            Some(host) => host,
            None if settings.endpoint.is_empty() => DEFAULT,
            None => &settings.endpoint,
        };
        let authorization = authorization(settings)?;
        let mut endpoints = Vec::new();
        for text in text.split(',').map(str::trim) {
            let (address, https) = parse(text, wanted.is_some())?;
            let tls = match (wanted, &address) {
                (Some(tls), Address::Tcp(..)) => Some(tls::client(tls)?),
                (None, Address::Tcp(..)) if https => Some(tls::client(&Default::default())?),
                _ => None,
            };
            let authorization = authorization.clone();
            endpoints.push(Self { address, text: text.to_owned(), tls, authorization });
        }
        Ok(endpoints)
    }

    /// The `Host` header.
    pub fn host(&self) -> String {
        match &self.address {
            Address::Unix(_) => "docker".into(),
            Address::Tcp(host, port) if host.contains(':') => format!("[{host}]:{port}"),
            Address::Tcp(host, port) => format!("{host}:{port}"),
        }
    }
}

/// HTTP Basic, when there are both halves of it.
fn authorization(settings: &Docker) -> Result<Option<HeaderValue>, String> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let (Some(username), Some(password)) = (given(&settings.username), given(&settings.password))
    else {
        return Ok(None);
    };
    let encoded =
        base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    let mut value =
        HeaderValue::from_str(&format!("Basic {encoded}")).map_err(|error| error.to_string())?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// The address, and whether the scheme itself asks for TLS. `tls`: the settings do.
fn parse(text: &str, tls: bool) -> Result<(Address, bool), String> {
    const EXPECTED: &str = "expected unix:///path/to/docker.sock, tcp://host:port, http://host:port or \
         https://host:port";
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(format!("endpoint {text:?} has no scheme; {EXPECTED}"));
    };
    match scheme {
        "unix" if rest.is_empty() => Err(format!("endpoint {text:?} has no path; {EXPECTED}")),
        "unix" => Ok((Address::Unix(rest.into()), false)),
        "tcp" | "http" | "https" => {
            let authority = rest.split('/').next().unwrap_or_default();
            let parsed: http::uri::Authority = authority
                .parse()
                .map_err(|error| format!("endpoint {text:?}: {error}; {EXPECTED}"))?;
            let host = parsed.host().trim_start_matches('[').trim_end_matches(']');
            if host.is_empty() || authority.contains('@') {
                return Err(format!("endpoint {text:?} has no plain host; {EXPECTED}"));
            }
            let standard = match scheme {
                "https" => 443,
                "http" => 80,
                _ if tls => 2376,
                _ => 2375,
            };
            let port = match authority.rsplit_once(':') {
                // The last colon of a bare [v6] is inside the brackets.
                Some((_, port)) if !port.ends_with(']') => port
                    .parse()
                    .map_err(|_| format!("endpoint {text:?}: bad port {port:?}; {EXPECTED}"))?,
                _ => standard,
            };
            Ok((Address::Tcp(host.to_owned(), port), scheme == "https"))
        }
        "ssh" => Err(format!(
            "endpoint {text:?}: ssh is not served, since nobody could type a password or accept a \
             host key; {EXPECTED} with tls, or a tunnel (ssh -L) and its end here"
        )),
        "npipe" => Err(format!("endpoint {text:?}: Windows pipes are not served; {EXPECTED}")),
        _ => Err(format!("endpoint {text:?}: scheme {scheme:?} is not known; {EXPECTED}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let unix = |path: &str| Ok((Address::Unix(path.into()), false));
        let tcp = |host: &str, port, https| Ok((Address::Tcp(host.into(), port), https));
        let secured = Address::Tcp("proxy".into(), 2376);
        assert_eq!(parse("tcp://proxy", true), Ok((secured, false)));
        let table = [
            ("unix:///var/run/docker.sock", unix("/var/run/docker.sock")),
            ("unix://relative.sock", unix("relative.sock")),
            ("tcp://127.0.0.1:2375", tcp("127.0.0.1", 2375, false)),
            ("tcp://proxy", tcp("proxy", 2375, false)),
            ("tcp://proxy:2375/", tcp("proxy", 2375, false)),
            ("http://proxy", tcp("proxy", 80, false)),
            ("tcp://[::1]:1", tcp("::1", 1, false)),
            ("tcp://[::1]", tcp("::1", 2375, false)),
            ("https://proxy:2376", tcp("proxy", 2376, true)),
            ("/var/run/docker.sock", Err("has no scheme")),
            ("unix://", Err("has no path")),
            ("tcp://", Err("expected")),
            ("tcp://h:99999", Err("expected")),
            ("tcp://user@h:1", Err("no plain host")),
            ("ssh://user@host", Err("ssh is not served")),
            ("npipe:////./pipe/docker_engine", Err("Windows pipes")),
            ("ftp://x", Err("not known")),
        ];
        for (text, expected) in table {
            match (parse(text, false), expected) {
                (Ok(parsed), Ok(expected)) => assert_eq!(parsed, expected, "{text}"),
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (parsed, expected) => panic!("{text}: {parsed:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn docker_host_only_replaces_the_default() {
        let configured = Docker { endpoint: "unix:///configured".into(), ..Docker::default() };
        let table = [
            (Docker::default(), None, DEFAULT),
            (Docker::default(), Some("tcp://h:1"), "tcp://h:1"),
            (configured, Some("tcp://h:1"), "unix:///configured"),
        ];
        for (settings, variable, expected) in table {
            let host = variable.map(str::to_owned);
            let variables = DockerVariables { host, ..DockerVariables::default() };
            let endpoints = Endpoint::from_settings(&settings, &variables).unwrap();
            assert_eq!(texts(&endpoints), [expected]);
        }
    }

    fn texts(endpoints: &[Endpoint]) -> Vec<&str> {
        endpoints.iter().map(|endpoint| endpoint.text.as_str()).collect()
    }

    #[test]
    fn several_managers() {
        let several = |text: &str| Docker { endpoint: text.into(), ..Docker::default() };
        let read = |text: &str| Endpoint::from_settings(&several(text), &Default::default());
        let endpoints = read("tcp://a:1, tcp://b:2,unix:///c").unwrap();
        assert_eq!(texts(&endpoints), ["tcp://a:1", "tcp://b:2", "unix:///c"]);
        for (text, part) in
            [("tcp://a:1,", "no scheme"), ("tcp://a:1,ssh://b", "ssh is not served")]
        {
            let error = read(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn certificates_of_the_variables_belong_to_their_host() {
        let variables = DockerVariables {
            host: Some("tcp://h".into()),
            cert_path: Some("/no/such/folder".into()),
            ..DockerVariables::default()
        };
        let error = Endpoint::from_settings(&Docker::default(), &variables).unwrap_err();
        assert!(error.contains("/no/such/folder/"), "{error}");
        // A configured endpoint has nothing to do with them.
        let configured = Docker { endpoint: "tcp://mine:1".into(), ..Docker::default() };
        let endpoints = Endpoint::from_settings(&configured, &variables).unwrap();
        assert!(endpoints[0].tls.is_none());
    }

    #[test]
    fn basic_authentication_needs_both_halves() {
        let table = [
            (Some("u"), Some("p"), Some("Basic dTpw")),
            (Some("u"), None, None),
            (None, Some("p"), None),
            (Some("u"), Some(""), None),
        ];
        for (username, password, expected) in table {
            let settings = Docker {
                username: username.map(str::to_owned),
                password: password.map(str::to_owned),
                ..Docker::default()
            };
            let endpoints = Endpoint::from_settings(&settings, &Default::default()).unwrap();
            let header = endpoints[0].authorization.as_ref().map(|value| value.to_str().unwrap());
            assert_eq!(header, expected);
        }
    }
}
