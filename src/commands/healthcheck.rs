//! `healthcheck`: asks the ping entry point of the proxy that was started with the same
//! configuration (Traefik's command of this name, its texts and exit codes).

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use swarmgate_config::decode::{Sources, load_install};
use swarmgate_config::install::Install;

/// For the whole exchange.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Where `ping` is when nobody says otherwise.
const DEFAULT_ADDRESS: &str = ":8080";

/// Asks, and says how it went: `Ok` means exit code 0, `Err` means 1; both are for standard
/// output.
///
/// # Errors
/// When the proxy is not well, cannot be reached, or has no ping.
pub fn run(sources: &Sources) -> Result<String, String> {
    let loaded = load_install(sources).map_err(|findings| {
        let reasons: Vec<String> = findings.iter().map(ToString::to_string).collect();
        format!("Error calling healthcheck: {}", reasons.join("\n"))
    })?;
    let address = ping_address(&loaded.install)
        .map_err(|reason| format!("Error calling healthcheck: {reason}"))?;
    let url = format!("http://{address}/ping");
    match ask(&address, TIMEOUT) {
        Ok((200, _)) => Ok(format!("OK: {url}")),
        Ok((status, reason)) => Err(format!("Bad healthcheck status: {status} {reason}")),
        Err(error) => Err(format!("Error calling healthcheck: Head {url:?}: {error}")),
    }
}

/// `host:port` of the ping entry point as configured; the host may be empty.
fn ping_address(install: &Install) -> Result<String, String> {
    let Some(ping) = &install.ping else {
        return Err("please enable `ping` to use health check".into());
    };
    let address = match install.entry_points.get(&ping.entry_point) {
        Some(entry_point) => entry_point.address.as_str(),
        None if ping.entry_point == "traefik" => DEFAULT_ADDRESS,
        None => return Err(format!("ping: missing {:?} entry point", ping.entry_point)),
    };
    Ok(address.split('/').next().unwrap_or_default().to_owned())
}

/// Where to connect: an empty or unspecified host listens on loopback too.
fn resolve(address: &str) -> io::Result<SocketAddr> {
    let (host, port) = address.rsplit_once(':').ok_or(io::ErrorKind::InvalidInput)?;
    let port = port.parse().map_err(|_| io::Error::other(format!("not a port: {port:?}")))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip = match host {
        // Not looked up: a static binary has no system resolver, and none is needed here.
        "" | "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().map_err(|_| io::Error::other(format!("not an IP address: {host}")))?,
    };
    Ok(SocketAddr::new(ip, port))
}

/// `HEAD /ping`: status and reason.
fn ask(address: &str, timeout: Duration) -> io::Result<(u16, String)> {
    let end = Instant::now() + timeout;
    let left = || match end.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::Error::from(io::ErrorKind::TimedOut)),
        left => Ok(left),
    };
    let mut stream = TcpStream::connect_timeout(&resolve(address)?, timeout)?;
    stream.set_write_timeout(Some(left()?))?;
    let host = if address.starts_with(':') { "localhost" } else { address };
    // In one piece: a server that answers before it has read everything hangs up on the rest.
    let request = format!("HEAD /ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    // The status line is all that counts, and it is short.
    while !head.contains(&b'\n') && head.len() < 4096 {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(io::ErrorKind::TimedOut.into());
            }
            Err(error) => return Err(error),
        }
    }
    let head = String::from_utf8_lossy(&head);
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.splitn(3, ' ');
    match (words.next(), words.next().and_then(|word| word.parse().ok()), words.next()) {
        (Some(version), Some(status), reason) if version.starts_with("HTTP/") => {
            Ok((status, reason.unwrap_or_default().to_owned()))
        }
        _ => Err(io::Error::other(format!("malformed HTTP response {line:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;
    use swarmgate_config::install::{EntryPoint, Ping};

    fn install(ping: Option<&str>, entry_points: &[(&str, &str)]) -> Install {
        let ping = ping.map(|name| Ping { entry_point: name.to_owned(), ..Ping::default() });
        let mut install = Install { ping, ..Install::default() };
        for (name, address) in entry_points {
            let entry_point = EntryPoint { address: (*address).into(), ..EntryPoint::default() };
            install.entry_points.insert((*name).into(), entry_point);
        }
        install
    }

    type Addresses = &'static [(&'static str, &'static str)];

    #[test]
    fn finds_the_ping_entry_point() {
        let table: [(Option<&str>, Addresses, Result<&str, &str>); 6] = [
            (None, &[], Err("please enable `ping` to use health check")),
            (Some("traefik"), &[], Ok(":8080")),
            (Some("traefik"), &[("traefik", "127.0.0.1:9000")], Ok("127.0.0.1:9000")),
            (Some("web"), &[("web", ":80/tcp")], Ok(":80")),
            (Some("web"), &[("web", "[::1]:80")], Ok("[::1]:80")),
            (Some("nope"), &[("web", ":80")], Err("ping: missing \"nope\" entry point")),
        ];
        for (ping, entry_points, expected) in table {
            let got = ping_address(&install(ping, entry_points));
            assert_eq!(got.as_deref().map_err(String::as_str), expected, "{ping:?}");
        }
    }

    #[test]
    fn addresses() {
        for (address, expected) in [
            (":80", Some("127.0.0.1:80")),
            ("localhost:80", Some("127.0.0.1:80")),
            ("[::1]:80", Some("[::1]:80")),
            ("0.0.0.0:80", Some("0.0.0.0:80")),
            ("80", None),
            ("x.example:80", None),
            (":x", None),
        ] {
            let got = resolve(address).ok().map(|address| address.to_string());
            assert_eq!(got.as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn reads_the_status_and_never_hangs() {
        for (answer, expected) in [
            (Some("HTTP/1.1 200 OK\r\n\r\n"), Ok((200, "OK"))),
            (Some("HTTP/1.1 503 Service Unavailable\r\n\r\n"), Ok((503, "Service Unavailable"))),
            (Some("nonsense\r\n"), Err("malformed HTTP response \"nonsense\"")),
            (Some(""), Err("malformed HTTP response \"\"")),
            (None, Err("timed out")),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap().to_string();
            let server = std::thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = [0; 1024];
                let count = stream.read(&mut request).unwrap();
                if let Some(answer) = answer {
                    stream.write_all(answer.as_bytes()).unwrap();
                } else {
                    // Until the other side gives up.
                    let _ = stream.read(&mut [0; 16]);
                }
                String::from_utf8_lossy(&request[..count]).into_owned()
            });
            let got = ask(&address, Duration::from_millis(300)).map_err(|error| error.to_string());
            let expected = expected.map(|(status, reason)| (status, reason.to_owned()));
            assert_eq!(got, expected.map_err(str::to_owned), "{answer:?}");
            let request = server.join().unwrap();
            assert!(request.starts_with("HEAD /ping HTTP/1.1\r\n"), "{request}");
        }
    }

    #[test]
    fn nobody_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        assert!(ask(&address, TIMEOUT).is_err());
    }
}
