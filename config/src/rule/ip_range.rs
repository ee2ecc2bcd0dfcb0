//! An address or a CIDR, and which addresses lie in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses. IPv4-mapped IPv6 is IPv4, on both sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IpRange {
    /// Network and mask.
    V4(u32, u32),
    /// Network and mask.
    V6(u128, u128),
}

impl IpRange {
    /// Reads `10.0.0.1`, `10.0.0.0/8`, `::1`, `2001:db8::/32`. Host bits may be set.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => {
                // Go takes plain digits only.
                if bits.is_empty() || bits.len() > 3 || !bits.bytes().all(|b| b.is_ascii_digit()) {
                    return None;
                }
                (address, Some(bits.parse::<u32>().ok()?))
            }
            None => (text, None),
        };
        match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) => Self::v4(v4, bits.unwrap_or(32)),
            IpAddr::V6(v6) => Self::v6(v6, bits.unwrap_or(128)),
        }
    }

    fn v4(address: Ipv4Addr, bits: u32) -> Option<Self> {
        let mask = u32::MAX.checked_shl(32_u32.checked_sub(bits)?).unwrap_or(0);
        Some(Self::V4(address.to_bits() & mask, mask))
    }

    fn v6(address: Ipv6Addr, bits: u32) -> Option<Self> {
        let mask = u128::MAX.checked_shl(128_u32.checked_sub(bits)?).unwrap_or(0);
        match (address.to_ipv4_mapped(), bits.checked_sub(96)) {
            (Some(v4), Some(bits)) => Self::v4(v4, bits),
            _ => Some(Self::V6(address.to_bits() & mask, mask)),
        }
    }

    /// Whether the address lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4(network, mask), IpAddr::V4(v4)) => v4.to_bits() & mask == *network,
            (Self::V6(network, mask), IpAddr::V6(v6)) => v6.to_bits() & mask == *network,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::IpRange;

    #[test]
    fn ranges() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("10.1.2.3", &["10.1.2.3", "::ffff:10.1.2.3"], &["10.1.2.4", "::1"]),
            ("10.1.2.3/8", &["10.255.0.0"], &["11.0.0.0"]),
            ("0.0.0.0/0", &["1.2.3.4", "::ffff:1.2.3.4"], &["::1"]),
            ("::/0", &["::1", "2001::"], &["1.2.3.4"]),
            ("::1", &["::1"], &["::2", "0.0.0.1"]),
            ("2001:db8::/32", &["2001:db8:1::"], &["2001:db9::"]),
            ("::ffff:10.0.0.1", &["10.0.0.1"], &["10.0.0.2"]),
            ("::ffff:10.0.0.0/104", &["10.9.9.9", "::ffff:10.1.1.1"], &["11.0.0.0"]),
        ];
        for (range, inside, outside) in table {
            let parsed = IpRange::parse(range).expect(range);
            for address in *inside {
                assert!(parsed.contains(address.parse().unwrap()), "{address} in {range}");
            }
            for address in *outside {
                assert!(!parsed.contains(address.parse().unwrap()), "{address} not in {range}");
            }
        }
    }

    #[test]
    fn refused() {
        for text in [
            "",
            "1.2.3",
            "1.2.3.4/33",
            "::/129",
            "1.2.3.4/",
            "1.2.3.4/+8",
            "01.2.3.4",
            "fe80::1%1",
            "[::1]",
            "a",
            "1.2.3.4/8/8",
            " 1.2.3.4",
            "1.2.3.4/0008",
        ] {
            assert_eq!(IpRange::parse(text), None, "{text:?}");
        }
    }
}
