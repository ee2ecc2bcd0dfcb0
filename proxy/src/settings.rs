//! An entry point's settings, compiled once at start.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use http::HeaderName;
use swarmgate_config::install::EntryPoint;

use crate::trust::Networks;

/// What a data-plane thread needs to know of an entry point.
#[derive(Debug)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// What it listens on.
    pub address: SocketAddr,
    /// Its first byte to the end of a request's head, and of its body.
    pub read_timeout: Option<Duration>,
    /// A request's head to the end of its answer.
    pub write_timeout: Option<Duration>,
    /// Between requests.
    pub idle_timeout: Option<Duration>,
    /// After the stop was asked for: how long connections are still accepted.
    pub accept_grace: Duration,
    /// Then: how long open requests may take.
    pub drain_grace: Duration,
    /// The answer with this number closes its connection.
    pub max_requests: Option<u32>,
    /// The first answer after this age closes its connection.
    pub max_age: Option<Duration>,
    /// Peers whose `X-Forwarded-*` are kept.
    pub trusted: Networks,
    /// Everybody's are kept.
    pub trust_all: bool,
    /// Headers that a client may name in `Connection` without losing them before the middlewares.
    pub kept_connection_headers: Vec<HeaderName>,
    /// The peer is appended to `X-Forwarded-For`.
    pub append_forwarded_for: bool,
    /// Collapse `//`, `/./` and `/../`.
    pub sanitize_path: bool,
    /// `;` in queries becomes `%3B` instead of `&`.
    pub encode_query_semicolons: bool,
    /// Percent-encoded characters that a path must not have: their two hexadecimal digits.
    pub denied_escapes: Vec<[u8; 2]>,
    /// What becomes of headers whose names other programs may read as another header's.
    pub alias_headers: AliasHeaders,
    /// Limit of a request's head, bytes.
    pub max_header_bytes: usize,
    /// HTTP/2 streams at once per connection.
    pub max_streams: u32,
}

/// What becomes of headers whose names have other characters than letters, digits and `-`
/// (Traefik: `aliasHeadersStrategy`; the older `underscoreHeadersStrategy` means `_` alone).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AliasHeaders {
    /// They pass.
    #[default]
    Keep,
    /// They go.
    Delete {
        /// Only those with `_`.
        underscore_only: bool,
    },
    /// The request is refused.
    Reject {
        /// Only because of those with `_`.
        underscore_only: bool,
    },
}

impl AliasHeaders {
    fn new(alias: Option<&str>, underscore: Option<&str>) -> Self {
        let (strategy, underscore_only) = match (alias, underscore) {
            (Some(strategy), _) if !strategy.is_empty() => (strategy, false),
            (_, Some(strategy)) => (strategy, true),
            _ => return Self::Keep,
        };
        match strategy {
            "delete" => Self::Delete { underscore_only },
            "reject" => Self::Reject { underscore_only },
            _ => Self::Keep,
        }
    }
}

impl Settings {
    /// Compiles what was written; the error says what is wrong with which option.
    pub fn new(name: &str, address: SocketAddr, written: &EntryPoint) -> Result<Self, String> {
        let timeouts = &written.transport.responding_timeouts;
        let forwarded = &written.forwarded_headers;
        let kept_connection_headers = forwarded
            .connection
            .iter()
            .map(|name| {
                name.parse().map_err(|_| {
                    format!("forwardedHeaders.connection: {name:?} is not a header name")
                })
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            name: name.to_owned(),
            address,
            read_timeout: timeouts.read_timeout.positive(),
            write_timeout: timeouts.write_timeout.positive(),
            idle_timeout: timeouts.idle_timeout.positive(),
            accept_grace: written.transport.life_cycle.request_accept_grace_timeout.or_zero(),
            drain_grace: written.transport.life_cycle.grace_time_out.or_zero(),
            max_requests: written
                .transport
                .keep_alive_max_requests
                .and_then(|n| u32::try_from(n).ok())
                .filter(|n| *n > 0),
            max_age: written.transport.keep_alive_max_time.and_then(|d| d.positive()),
            trusted: Networks::parse(&forwarded.trusted_ips)
                .map_err(|error| format!("forwardedHeaders.trustedIPs: {error}"))?,
            trust_all: forwarded.insecure,
            kept_connection_headers,
            append_forwarded_for: !forwarded.not_append_x_forwarded_for,
            sanitize_path: written.http.sanitize_path.unwrap_or(true),
            encode_query_semicolons: written.http.encode_query_semicolons,
            denied_escapes: denied_escapes(written),
            alias_headers: AliasHeaders::new(
                written.http.alias_headers_strategy.as_deref(),
                written.http.underscore_headers_strategy.as_deref(),
            ),
            max_header_bytes: written
                .http
                .max_header_bytes
                .and_then(|n| usize::try_from(n).ok())
                .filter(|n| *n > 0)
                .unwrap_or(1 << 20),
            max_streams: written
                .http2
                .max_concurrent_streams
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(250),
        })
    }

    /// Whether this peer's `X-Forwarded-*` headers are kept.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.trust_all || self.trusted.contains(peer)
    }
}

fn denied_escapes(written: &EntryPoint) -> Vec<[u8; 2]> {
    let Some(allowed) = &written.http.encoded_characters else { return Vec::new() };
    [
        (allowed.allow_encoded_slash, *b"2F"),
        (allowed.allow_encoded_back_slash, *b"5C"),
        (allowed.allow_encoded_null_character, *b"00"),
        (allowed.allow_encoded_semicolon, *b"3B"),
        (allowed.allow_encoded_percent, *b"25"),
        (allowed.allow_encoded_question_mark, *b"3F"),
        (allowed.allow_encoded_hash, *b"23"),
    ]
    .into_iter()
    .filter(|(allowed, _)| *allowed == Some(false))
    .map(|(_, escape)| escape)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_strategies() {
        let table = [
            ((None, None), AliasHeaders::Keep),
            ((Some("keep"), None), AliasHeaders::Keep),
            ((Some("delete"), None), AliasHeaders::Delete { underscore_only: false }),
            ((Some("reject"), Some("reject")), AliasHeaders::Reject { underscore_only: false }),
            ((None, Some("delete")), AliasHeaders::Delete { underscore_only: true }),
            ((Some(""), Some("reject")), AliasHeaders::Reject { underscore_only: true }),
        ];
        for ((alias, underscore), expected) in table {
            assert_eq!(AliasHeaders::new(alias, underscore), expected, "{alias:?} {underscore:?}");
        }
    }
}
