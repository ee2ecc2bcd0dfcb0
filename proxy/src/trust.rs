//! Sets of networks: whether a peer lies in one.

use std::net::IpAddr;

/// Addresses and CIDR networks. IPv4-mapped IPv6 addresses count as their IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// Network bits (IPv4 mapped into IPv6) and prefix length out of 128.
    networks: Vec<(u128, u32)>,
}

impl Networks {
    /// Parses addresses (`10.0.0.1`) and networks (`10.0.0.0/8`, `fd00::/8`).
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, String> {
        let networks = texts.iter().map(|text| parse(text.as_ref())).collect::<Result<_, _>>()?;
        Ok(Self { networks })
    }

    /// Whether `address` lies in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        if self.networks.is_empty() {
            return false;
        }
        let bits = bits(address);
        self.networks.iter().any(|(network, length)| (bits ^ network) & mask(*length) == 0)
    }
}

fn parse(text: &str) -> Result<(u128, u32), String> {
    let wrong = || format!("{text:?} is neither an IP address nor a CIDR network");
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        Some(length) => length.trim().parse::<u32>().map_err(|_| wrong())?,
        None => width,
    };
    if length > width {
        return Err(wrong());
    }
    let length = length + 128 - width;
    Ok((bits(address) & mask(length), length))
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn mask(length: u32) -> u128 {
    u128::MAX.checked_shl(128 - length).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership() {
        let table: &[(&str, &str, bool)] = &[
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("0.0.0.0/0", "9.9.9.9", true),
            ("0.0.0.0/0", "2001::1", false),
            ("::/0", "9.9.9.9", true),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
        ];
        for (network, address, expected) in table {
            let networks = Networks::parse(&[network]).expect("valid");
            assert_eq!(networks.contains(address.parse().expect("valid")), *expected, "{network}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "foo", "::/129", "1.1.1.1/"] {
            assert!(Networks::parse(&[bad]).is_err(), "{bad:?}");
        }
    }
}
