//! From a CA's host name to a stream: names, addresses, proxy, TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Ca, proxy};

/// How long one address may take before the next is tried.
const PER_ADDRESS: Duration = Duration::from_secs(10);

/// What both kinds of stream can do.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Connects to the server of a URL. The error says at which step it went wrong.
pub(super) async fn connect(ca: &Ca, uri: &http::Uri) -> Result<Box<dyn Stream>, String> {
    let host = uri.host().ok_or("the URL has no host")?.trim_matches(['[', ']']);
    let secure = uri.scheme_str() != Some("http");
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    if !secure {
        return Ok(Box::new(tcp(host, port).await?));
    }
    let env = |name: &str| std::env::var(name).ok();
    let stream = match proxy::choose(host, port, &env)? {
        None => tcp(host, port).await?,
        Some(proxy) => {
            let mut stream = tcp(&proxy.host, proxy.port).await?;
            proxy::tunnel(&mut stream, &proxy, host, port).await?;
            stream
        }
    };
    let name = match &ca.server_name {
        Some(name) => name.clone(),
        None => ServerName::try_from(host.to_owned())
            .map_err(|_| format!("{host:?} is not a host name"))?,
    };
    let stream = TlsConnector::from(ca.tls.clone())
        .connect(name, stream)
        .await
        .map_err(|error| format!("TLS with {host}: {error}"))?;
    Ok(Box::new(stream))
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, String> {
    let mut trouble = String::new();
    for address in addresses(host).await? {
        match timeout(PER_ADDRESS, TcpStream::connect(SocketAddr::new(address, port))).await {
            Ok(Ok(stream)) => {
                // Small exchanges, each waited for: nothing to gain by gathering bytes.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => trouble = format!("{address}: {error}"),
            Err(_) => trouble = format!("{address}: no connection in time"),
        }
    }
    Err(format!("{host} port {port} cannot be reached ({trouble})"))
}

/// The addresses of a host, IPv4 first: containers often have no way out over IPv6.
///
/// By hickory (which reads `/etc/hosts` and `/etc/resolv.conf`), because a static binary has no
/// `getaddrinfo`. Made anew each time: an order is rare, and `resolv.conf` may have changed.
async fn addresses(host: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    let resolver = TokioResolver::builder_tokio()
        .and_then(|builder| builder.build())
        .map_err(|error| format!("no name server to ask for {host}: {error}"))?;
    let found = resolver
        .lookup_ip(host)
        .await
        .map_err(|error| format!("{host} cannot be resolved: {error}"))?;
    let mut addresses: Vec<IpAddr> = found.iter().collect();
    addresses.sort_by_key(IpAddr::is_ipv6);
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::addresses;

    #[tokio::test]
    async fn literals_need_no_name_server() {
        let table = [("127.0.0.1", "127.0.0.1"), ("::1", "::1"), ("LocalHost", "127.0.0.1")];
        for (host, expected) in table {
            assert_eq!(addresses(host).await.unwrap()[0].to_string(), expected);
        }
    }
}
