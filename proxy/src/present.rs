//! Which of the headers that decide something a message has: found in one pass over the names, so
//! that looking each up costs nothing where it is absent, as most are.

use http::{HeaderMap, HeaderName};

/// A set of header names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Present(u16);

impl Present {
    /// `Connection`.
    pub const CONNECTION: Self = Self(1);
    /// `Content-Length`.
    pub const CONTENT_LENGTH: Self = Self(1 << 1);
    /// `Transfer-Encoding`.
    pub const TRANSFER_ENCODING: Self = Self(1 << 2);
    /// Hop-by-hop headers other than those that have a name here: `Keep-Alive`,
    /// `Proxy-Connection`, `Proxy-Authenticate`, `Proxy-Authorization`, `Upgrade`; and `Close`,
    /// which `Connection: close` makes one.
    pub const HOP: Self = Self(1 << 3);
    /// `TE`.
    pub const TE: Self = Self(1 << 4);
    /// `Trailer`.
    pub const TRAILER: Self = Self(1 << 5);
    /// `Expect`.
    pub const EXPECT: Self = Self(1 << 6);
    /// `Authorization`.
    pub const AUTHORIZATION: Self = Self(1 << 7);
    /// `X-Forwarded-For`.
    pub const FORWARDED_FOR: Self = Self(1 << 8);
    /// Something that begins with `X-Forwarded-`, `X-Real-` or `X-Replaced-`, or with `_` in place of
    /// `-`.
    pub const MANAGED: Self = Self(1 << 9);

    /// What a name stands for.
    pub fn name(name: &HeaderName) -> Self {
        let name = name.as_str();
        match name.len() {
            2 if name == "te" => Self::TE,
            5 if name == "close" => Self::HOP,
            6 if name == "expect" => Self::EXPECT,
            7 if name == "upgrade" => Self::HOP,
            7 if name == "trailer" => Self::TRAILER,
            10 if name == "connection" => Self::CONNECTION,
            10 if name == "keep-alive" => Self::HOP,
            13 if name == "authorization" => Self::AUTHORIZATION,
            14 if name == "content-length" => Self::CONTENT_LENGTH,
            15 if name == "x-forwarded-for" => Self(Self::FORWARDED_FOR.0 | Self::MANAGED.0),
            16 if name == "proxy-connection" => Self::HOP,
            17 if name == "transfer-encoding" => Self::TRANSFER_ENCODING,
            18 if name == "proxy-authenticate" => Self::HOP,
            19 if name == "proxy-authorization" => Self::HOP,
            _ if is_managed(name.as_bytes()) => Self::MANAGED,
            _ => Self::default(),
        }
    }

    /// What a message has.
    pub fn of(headers: &HeaderMap) -> Self {
        headers.keys().fold(Self::default(), |seen, name| seen.and(Self::name(name)))
    }

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any of these is among them.
    pub const fn any(self, of: Self) -> bool {
        self.0 & of.0 != 0
    }
}

fn is_managed(name: &[u8]) -> bool {
    matches!(name, [b'x', b'-' | b'_', b'f' | b'r', ..])
        && [&b"forwarded"[..], b"real", b"replaced"]
            .iter()
            .any(|word| name.get(2..).is_some_and(|rest| rest.starts_with(word)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn names() {
        let table = [
            ("connection", Present::CONNECTION),
            ("content-length", Present::CONTENT_LENGTH),
            ("transfer-encoding", Present::TRANSFER_ENCODING),
            ("te", Present::TE),
            ("trailer", Present::TRAILER),
            ("expect", Present::EXPECT),
            ("authorization", Present::AUTHORIZATION),
            ("keep-alive", Present::HOP),
            ("close", Present::HOP),
            ("proxy-connection", Present::HOP),
            ("proxy-authenticate", Present::HOP),
            ("proxy-authorization", Present::HOP),
            ("upgrade", Present::HOP),
            ("x-forwarded-for", Present::FORWARDED_FOR.and(Present::MANAGED)),
            ("x_forwarded_for", Present::MANAGED),
            ("x-forwarded-tls-client-cert", Present::MANAGED),
            ("x-real-ip", Present::MANAGED),
            ("x_real_ip", Present::MANAGED),
            ("x-replaced-path", Present::MANAGED),
            ("x-request-id", Present::default()),
            ("x-requested-with", Present::default()),
            ("host", Present::default()),
            ("x", Present::default()),
        ];
        let mut headers = HeaderMap::new();
        let mut all = Present::default();
        for (name, expected) in table {
            let name = HeaderName::from_static(name);
            assert_eq!(Present::name(&name), expected, "{name}");
            headers.append(name, HeaderValue::from_static(""));
            all = all.and(expected);
        }
        assert_eq!(Present::of(&headers), all);
        assert!(all.any(Present::TE) && !Present::TE.any(Present::HOP));
    }
}
