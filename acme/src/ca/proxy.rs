//! `HTTPS_PROXY` and friends, as Go reads them: some networks know no other way out.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An HTTP proxy that is asked to `CONNECT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// `Basic …`, from the URL's user part.
    authorization: Option<String>,
}

/// The proxy for an https URL's host and port, if the environment names one. The error names the
/// variable at fault.
pub(super) fn choose(
    host: &str,
    port: u16,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<Proxy>, String> {
    let either = |upper: &str| env(upper).or_else(|| env(&upper.to_lowercase()));
    let Some(written) = either("HTTPS_PROXY").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    if excluded(host, port, &either("NO_PROXY").unwrap_or_default()) {
        return Ok(None);
    }
    let with_scheme =
        if written.contains("://") { written.clone() } else { format!("http://{written}") };
    let wrong = || format!("HTTPS_PROXY: {written:?} is not an http:// URL of a proxy");
    let uri: Uri = with_scheme.parse().map_err(|_| wrong())?;
    if uri.scheme_str() != Some("http") {
        return Err(wrong());
    }
    let authority = uri.authority().ok_or_else(wrong)?;
    let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
    Ok(Some(Proxy {
        host: authority.host().trim_matches(['[', ']']).to_owned(),
        port: authority.port_u16().unwrap_or(80),
        authorization: user.map(|user| format!("Basic {}", BASE64_STANDARD.encode(user))),
    }))
}

/// Loopback is never proxied; beyond that `NO_PROXY` lists hosts (with their subdomains),
/// `.subdomains`, addresses, each perhaps with a port, or `*`.
fn excluded(host: &str, port: u16, list: &str) -> bool {
    let host = host.to_lowercase();
    let address = host.parse::<std::net::IpAddr>();
    if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
        return true;
    }
    list.split(',').map(|entry| entry.trim().to_lowercase()).any(|entry| {
        let (name, only) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') => (name, digits.parse::<u16>().ok()),
            _ => (entry.as_str(), None),
        };
        if name == "*" {
            return true;
        }
        let bare = name.trim_start_matches("*.").trim_start_matches('.');
        let named = (host == bare && !name.starts_with('.'))
            || host.strip_suffix(bare).is_some_and(|rest| rest.ends_with('.'));
        !bare.is_empty() && named && only.is_none_or(|only| only == port)
    })
}

/// Asks the proxy for a tunnel (RFC 9110 section 9.3.6).
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> Result<(), String> {
    let target =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let authorization = match &proxy.authorization {
        Some(value) => format!("Proxy-Authorization: {value}\r\n"),
        None => String::new(),
    };
    let request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n");
    let broken = |error: std::io::Error| format!("proxy {}: {error}", proxy.host);
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    // Byte by byte, so that nothing of the tunnel is swallowed; a head is short.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 8192 {
            return Err(format!("proxy {}: its answer does not end", proxy.host));
        }
        head.push(stream.read_u8().await.map_err(broken)?);
    }
    let line = String::from_utf8_lossy(&head);
    let line = line.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!("proxy {} refused: {line}", proxy.host)),
    }
}

#[cfg(test)]
mod tests {
    use super::{choose, excluded};

    #[test]
    fn environment() {
        let table = [
            ("", "none"),
            ("http://proxy.test:3128", "proxy.test 3128 false"),
            ("proxy.test:3128", "proxy.test 3128 false"),
            ("http://me:secret@proxy.test", "proxy.test 80 true"),
            ("http://[::1]:1", "::1 1 false"),
            ("socks5://proxy.test", "error"),
            ("http://", "error"),
        ];
        for (written, expected) in table {
            let env = |name: &str| (name == "https_proxy").then(|| written.to_owned());
            let found = match choose("ca.test", 443, &env) {
                Ok(None) => "none".to_owned(),
                Ok(Some(p)) => format!("{} {} {}", p.host, p.port, p.authorization.is_some()),
                Err(_) => "error".to_owned(),
            };
            assert_eq!(found, expected, "{written}");
        }
    }

    #[test]
    fn exclusions() {
        let table = [
            ("ca.test", "", false),
            ("ca.test", "ca.test", true),
            ("CA.test", "ca.test", true),
            ("x.ca.test", "ca.test", true),
            ("xca.test", "ca.test", false),
            ("ca.test", ".ca.test", false),
            ("x.ca.test", ".ca.test", true),
            ("ca.test", "other.test, ca.test:443", true),
            ("ca.test", "ca.test:444", false),
            ("ca.test", "*", true),
            ("ca.test", ",", false),
            ("127.0.0.1", "", true),
            ("::1", "", true),
            ("localhost", "", true),
            ("10.0.0.1", "10.0.0.1", true),
        ];
        for (host, list, expected) in table {
            assert_eq!(excluded(host, 443, list), expected, "{host} {list}");
        }
    }
}
