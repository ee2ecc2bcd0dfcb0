//! The address of an entry point: `[host]:port[/tcp|/udp]`.

use std::fmt;

/// What an entry point listens for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

/// A parsed entry point address (Traefik: entry points, address).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// An IP address without brackets, or a name; empty means every address of the machine.
    pub host: String,
    /// 0 lets the system choose.
    pub port: u16,
    /// TCP unless `/udp` follows.
    pub protocol: Protocol,
}

impl Address {
    /// Reads `:80`, `127.0.0.1:80`, `[::1]:443/tcp`, `:53/udp`; the error says what is wrong.
    ///
    /// The empty text is `:0`: Traefik accepts an entry point without an address.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (address, protocol) = match text.split_once('/') {
            None => (text, Protocol::Tcp),
            Some((address, protocol)) => match protocol.to_ascii_lowercase().as_str() {
                "tcp" => (address, Protocol::Tcp),
                "udp" => (address, Protocol::Udp),
                _ => return Err(format!("invalid protocol {protocol:?} in address {text:?}")),
            },
        };
        if address.is_empty() {
            return Ok(Self { host: String::new(), port: 0, protocol });
        }
        let Some((host, port)) = address.rsplit_once(':') else {
            return Err(format!("missing port in address {text:?}"));
        };
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                rest.strip_suffix(']').ok_or_else(|| format!("missing ']' in address {text:?}"))?
            }
            None if host.contains(':') => {
                return Err(format!(
                    "too many colons in address {text:?}: an IPv6 address needs brackets"
                ));
            }
            None => host,
        };
        let port = match port {
            "" => 0,
            // Go takes the names of services as well; these two are in use.
            "http" => 80,
            "https" => 443,
            port => match port.parse::<u16>() {
                Ok(number) if port.bytes().all(|b| b.is_ascii_digit()) => number,
                _ => return Err(format!("invalid port {port:?} in address {text:?}")),
            },
        };
        Ok(Self { host: host.to_owned(), port, protocol })
    }

    /// Whether both would take the same port of the machine.
    pub fn collides(&self, other: &Self) -> bool {
        let every = |host: &str| matches!(host, "" | "0.0.0.0" | "::");
        self.port != 0
            && self.port == other.port
            && self.protocol == other.protocol
            && (self.host == other.host || every(&self.host) || every(&other.host))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)?;
        } else {
            write!(f, "{}:{}", self.host, self.port)?;
        }
        match self.protocol {
            Protocol::Tcp => Ok(()),
            Protocol::Udp => f.write_str("/udp"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        type Row = (&'static str, Result<(&'static str, u16, Protocol), &'static str>);
        let table: &[Row] = &[
            (":80", Ok(("", 80, Protocol::Tcp))),
            ("127.0.0.1:8080", Ok(("127.0.0.1", 8080, Protocol::Tcp))),
            ("[::1]:443/TCP", Ok(("::1", 443, Protocol::Tcp))),
            (":53/udp", Ok(("", 53, Protocol::Udp))),
            ("localhost:https", Ok(("localhost", 443, Protocol::Tcp))),
            ("", Ok(("", 0, Protocol::Tcp))),
            (":", Ok(("", 0, Protocol::Tcp))),
            ("/udp", Ok(("", 0, Protocol::Udp))),
            ("22000", Err("missing port")),
            (":80/foo", Err("invalid protocol \"foo\"")),
            (":80/", Err("invalid protocol")),
            ("::1:80", Err("brackets")),
            ("[::1:80", Err("missing ']'")),
            (":65536", Err("invalid port")),
            (":+80", Err("invalid port")),
            (":-1", Err("invalid port")),
            (":http2", Err("invalid port")),
        ];
        for (text, expected) in table {
            match (Address::parse(text), expected) {
                (Ok(address), Ok((host, port, protocol))) => {
                    assert_eq!(
                        (address.host.as_str(), address.port, address.protocol),
                        (*host, *port, *protocol),
                        "{text:?}"
                    );
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{text:?}: {error}"),
                (got, _) => panic!("{text:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn collisions() {
        let table = [
            (":80", ":80", true),
            (":80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "127.0.0.2:80", false),
            (":80", ":80/udp", false),
            (":80", ":81", false),
            ("", "", false),
        ];
        for (a, b, expected) in table {
            let (left, right) = (Address::parse(a).unwrap(), Address::parse(b).unwrap());
            assert_eq!(left.collides(&right), expected, "{a} {b}");
            assert_eq!(right.collides(&left), expected, "{b} {a}");
        }
    }

    #[test]
    fn prints_what_it_reads() {
        for text in [":80", "127.0.0.1:8080", "[::1]:443", ":53/udp"] {
            assert_eq!(Address::parse(text).unwrap().to_string(), text);
        }
    }
}
