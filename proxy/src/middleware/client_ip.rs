//! `ipStrategy`: which address counts as the client's.

use std::net::{IpAddr, Ipv6Addr};

use http::request;
use swarmgate_config::routing;
use swarmgate_config::rule::ip_range::IpRange;

use super::Context;
use crate::forward::headers::FORWARDED_FOR;

/// Stands for an entry that is no text.
const UNREADABLE: &str = "?";

/// A built `ipStrategy` (Traefik: ipStrategy).
#[derive(Debug, Default)]
pub struct ClientIp {
    choice: Choice,
    /// IPv6 addresses count by this network.
    ipv6_mask: Option<u128>,
}

#[derive(Debug, Default)]
enum Choice {
    /// Who is connected to us.
    #[default]
    Peer,
    /// So many entries from the right of `X-Forwarded-For`, from one on.
    Depth(usize),
    /// The first from the right that is none of these.
    Excluding(Vec<IpRange>),
}

/// Who sent a request, as far as the strategy tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found<'h> {
    /// An address.
    Address(IpAddr),
    /// An entry that is no bare address; a port may stand behind one.
    Text(&'h str),
    /// Nobody.
    Nobody,
}

impl ClientIp {
    /// Builds it, or says what is wrong with its options. None: the peer.
    pub fn build(written: Option<&routing::IpStrategy>) -> Result<Self, String> {
        let Some(written) = written else { return Ok(Self::default()) };
        let ipv6_mask = match written.ipv6_subnet {
            None => None,
            Some(bits @ 1..=128) => {
                Some(u128::MAX.checked_shl(128 - u32::try_from(bits).unwrap_or(128)).unwrap_or(0))
            }
            Some(bits) => {
                return Err(format!("ipStrategy.ipv6Subnet is {bits}; expected 1 to 128"));
            }
        };
        let choice = match usize::try_from(written.depth) {
            Ok(depth @ 1..) => Choice::Depth(depth),
            _ if written.excluded_ips.is_empty() => Choice::Peer,
            _ => Choice::Excluding(ranges("ipStrategy.excludedIPs", &written.excluded_ips)?),
        };
        Ok(Self { choice, ipv6_mask })
    }

    /// Who sent this request.
    pub fn find<'h>(&self, head: &'h request::Parts, context: &Context<'_>) -> Found<'h> {
        let masked = |address: IpAddr| match (self.ipv6_mask, address) {
            (Some(mask), IpAddr::V6(v6)) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask)),
            _ => address,
        };
        let line = || head.headers.get(FORWARDED_FOR).map(|line| line.as_bytes());
        // What a client wrote into the line must not hide what a proxy put behind it.
        let entry = |bytes: &'h [u8]| str::from_utf8(bytes.trim_ascii()).unwrap_or(UNREADABLE);
        let entries =
            || line().into_iter().flat_map(|line| line.rsplit(|byte| *byte == b',')).map(entry);
        match &self.choice {
            Choice::Peer => Found::Address(masked(context.peer.ip().to_canonical())),
            Choice::Depth(depth) => match entries().nth(depth - 1) {
                Some(entry) => match entry.parse::<IpAddr>() {
                    Ok(address) => Found::Address(masked(address)),
                    Err(_) => Found::text(entry),
                },
                None => Found::Nobody,
            },
            Choice::Excluding(ranges) => {
                let strange = |entry: &&str| match entry.parse::<IpAddr>() {
                    Ok(address) => !ranges.iter().any(|range| range.contains(address)),
                    Err(_) => true,
                };
                match entries().find(strange) {
                    Some(entry) => match entry.parse::<IpAddr>() {
                        Ok(address) => Found::Address(address),
                        Err(_) => Found::text(entry),
                    },
                    None => Found::Nobody,
                }
            }
        }
    }
}

impl<'h> Found<'h> {
    fn text(entry: &'h str) -> Self {
        if entry.is_empty() { Self::Nobody } else { Self::Text(entry) }
    }

    /// The address; a port behind it is left out.
    pub fn address(self) -> Option<IpAddr> {
        match self {
            Self::Address(address) => Some(address.to_canonical()),
            Self::Text(text) => {
                let host = crate::canonical::host(text);
                host.parse::<IpAddr>().ok().map(|address| address.to_canonical())
            }
            Self::Nobody => None,
        }
    }
}

/// Addresses and networks of the option called `name`.
pub fn ranges(name: &str, written: &[String]) -> Result<Vec<IpRange>, String> {
    let parse = |text: &String| {
        IpRange::parse(text).ok_or_else(|| {
            format!(
                "{name}: {text:?} is neither an address nor a network; expected one like \
                 \"10.0.0.1\" or \"10.0.0.0/8\""
            )
        })
    };
    written.iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::context;

    /// Who it is by the strategy when `X-Forwarded-For` is `line`, printed.
    fn found(strategy: &str, line: Option<&str>) -> String {
        let written: routing::IpStrategy = serde_json::from_str(strategy).unwrap();
        let strategy = ClientIp::build(Some(&written)).unwrap();
        let (mut head, ()) = http::Request::new(()).into_parts();
        if let Some(line) = line {
            head.headers.insert(FORWARDED_FOR, line.parse().unwrap());
        }
        match strategy.find(&head, &context("h.test", false)) {
            Found::Address(address) => address.to_string(),
            Found::Text(text) => format!("text {text}"),
            Found::Nobody => "nobody".into(),
        }
    }

    #[test]
    fn strategies() {
        // Strategy, X-Forwarded-For, who it is. The peer is 192.0.2.1.
        let three = Some("1.1.1.1, 2.2.2.2,3.3.3.3");
        let table: &[(&str, Option<&str>, &str)] = &[
            ("{}", three, "192.0.2.1"),
            (r#"{"depth":0}"#, three, "192.0.2.1"),
            (r#"{"depth":-3}"#, three, "192.0.2.1"),
            (r#"{"depth":1}"#, three, "3.3.3.3"),
            (r#"{"depth":3}"#, three, "1.1.1.1"),
            (r#"{"depth":4}"#, three, "nobody"),
            (r#"{"depth":1}"#, None, "nobody"),
            (r#"{"depth":1}"#, Some("unknown"), "text unknown"),
            (r#"{"depth":1}"#, Some("1.1.1.1:80"), "text 1.1.1.1:80"),
            (r#"{"depth":1}"#, Some("1.1.1.1,"), "nobody"),
            (r#"{"depth":1,"excludedIPs":["3.3.3.3"]}"#, three, "3.3.3.3"),
            (r#"{"excludedIPs":["3.3.3.3"]}"#, three, "2.2.2.2"),
            (r#"{"excludedIPs":["3.0.0.0/8","2.0.0.0/8"]}"#, three, "1.1.1.1"),
            (r#"{"excludedIPs":["0.0.0.0/0"]}"#, three, "nobody"),
            (r#"{"excludedIPs":["3.3.3.3"]}"#, Some("1.1.1.1,odd,3.3.3.3"), "text odd"),
            (r#"{"excludedIPs":["3.3.3.3"]}"#, None, "nobody"),
            (r#"{"depth":1,"ipv6Subnet":64}"#, Some("2001:db8:1:2:3::4"), "2001:db8:1:2::"),
            (r#"{"depth":1,"ipv6Subnet":128}"#, Some("2001:db8::4"), "2001:db8::4"),
            (r#"{"depth":1,"ipv6Subnet":64}"#, Some("1.2.3.4"), "1.2.3.4"),
        ];
        for (strategy, line, expected) in table {
            assert_eq!(found(strategy, *line), *expected, "{strategy} {line:?}");
        }
    }

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("1.1.1.1:8080", Some("1.1.1.1")),
            ("::ffff:1.1.1.1", Some("1.1.1.1")),
            ("[2001:db8::1]:80", Some("2001:db8::1")),
            ("unknown", None),
        ] {
            let address = Found::Text(text).address();
            assert_eq!(address, expected.map(|it| it.parse().unwrap()), "{text}");
        }
        assert_eq!(Found::Nobody.address(), None);
    }

    #[test]
    fn bytes_of_a_client_hide_nobody() {
        for (line, strategy, expected) in [
            (&b"\xff, 1.1.1.1"[..], r#"{"depth":1}"#, Found::Address([1, 1, 1, 1].into())),
            (b"\xff, 1.1.1.1", r#"{"depth":2}"#, Found::Text("?")),
            (b"\xff\t,1.1.1.1", r#"{"excludedIPs":["1.1.1.1"]}"#, Found::Text("?")),
        ] {
            let written: routing::IpStrategy = serde_json::from_str(strategy).unwrap();
            let strategy = ClientIp::build(Some(&written)).unwrap();
            let (mut head, ()) = http::Request::new(()).into_parts();
            head.headers.insert(FORWARDED_FOR, http::HeaderValue::from_bytes(line).unwrap());
            assert_eq!(strategy.find(&head, &context("h.test", false)), expected, "{line:?}");
        }
    }

    #[test]
    fn refused() {
        for (strategy, expected) in [
            (r#"{"ipv6Subnet":0}"#, "expected 1 to 128"),
            (r#"{"ipv6Subnet":129}"#, "expected 1 to 128"),
            (r#"{"excludedIPs":["nonsense"]}"#, "\"nonsense\" is neither"),
        ] {
            let written: routing::IpStrategy = serde_json::from_str(strategy).unwrap();
            let error = ClientIp::build(Some(&written)).unwrap_err();
            assert!(error.contains(expected), "{strategy}: {error}");
        }
    }
}
