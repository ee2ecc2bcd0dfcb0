//! `sourceCriterion`: whose request it is, where requests are counted by their source.

use std::io::Write;

use http::{HeaderName, request};
use sha2::{Digest, Sha256};
use swarmgate_config::routing;

use super::Context;
use super::client_ip::{ClientIp, Found};

/// A source's name is no longer than this, bytes.
const LONGEST: usize = 256;

/// A built `sourceCriterion` (Traefik: sourceCriterion).
#[derive(Debug)]
pub enum Source {
    /// By address.
    ClientIp(ClientIp),
    /// By a header's first line; requests without it have one common source.
    Header(HeaderName),
    /// By the host as sent, port and case included.
    Host,
}

impl Source {
    /// Builds it, or says what is wrong with its options. `otherwise`: what counts where it is not
    /// written.
    pub fn build(
        written: Option<&routing::SourceCriterion>,
        otherwise: Self,
    ) -> Result<Self, String> {
        let Some(written) = written else { return Ok(otherwise) };
        let header = Some(&written.request_header_name).filter(|name| !name.is_empty());
        match (&written.ip_strategy, header, written.request_host) {
            (None, None, false) => Ok(otherwise),
            (Some(strategy), None, false) => ClientIp::build(Some(strategy)).map(Self::ClientIp),
            (None, Some(name), false) => {
                HeaderName::try_from(name).map(Self::Header).map_err(|_| {
                    format!("sourceCriterion.requestHeaderName {name:?} is no header name")
                })
            }
            (None, None, true) => Ok(Self::Host),
            _ => Err("iPStrategy, RequestHeaderName and RequestHost are mutually exclusive; \
                      expected one of sourceCriterion.ipStrategy, .requestHeaderName and \
                      .requestHost"
                .into()),
        }
    }

    /// Writes the source's name into `name`, which is empty. Of a long one it is a digest: names
    /// are remembered, and a header may be as long as its sender likes.
    pub fn write(&self, head: &request::Parts, context: &Context<'_>, name: &mut Vec<u8>) {
        self.write_whole(head, context, name);
        if name.len() > LONGEST {
            let digest = Sha256::digest(&name);
            name.clear();
            name.extend_from_slice(b"sha256:");
            for byte in digest {
                // Writing to memory does not fail.
                drop(write!(name, "{byte:02x}"));
            }
            name.shrink_to_fit();
        }
    }

    fn write_whole(&self, head: &request::Parts, context: &Context<'_>, name: &mut Vec<u8>) {
        match self {
            Self::ClientIp(client_ip) => match client_ip.find(head, context) {
                // Writing to memory does not fail.
                Found::Address(address) => drop(write!(name, "{address}")),
                Found::Text(text) => name.extend_from_slice(text.as_bytes()),
                Found::Nobody => {}
            },
            Self::Header(header) => {
                if let Some(value) = head.headers.get(header) {
                    name.extend_from_slice(value.as_bytes());
                }
            }
            Self::Host => name.extend_from_slice(super::host(head, context)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::tests::context;

    fn build(options: &str) -> Result<Source, String> {
        let written: routing::SourceCriterion = serde_json::from_str(options).unwrap();
        Source::build(Some(&written), Source::Host)
    }

    #[test]
    fn names() {
        let table = [
            ("{}", "H.test:80"),
            (r#"{"requestHost":true}"#, "H.test:80"),
            (r#"{"requestHeaderName":"x-key"}"#, "k1"),
            (r#"{"requestHeaderName":"X-Missing"}"#, ""),
            (r#"{"ipStrategy":{"depth":0}}"#, "192.0.2.1"),
            (r#"{"ipStrategy":{"depth":1}}"#, "9.9.9.9"),
            (r#"{"ipStrategy":{"depth":2}}"#, ""),
        ];
        for (options, expected) in table {
            let request = http::Request::builder();
            let request = request.header("x-key", "k1").header("x-key", "k2");
            let request = request.header("x-forwarded-for", "9.9.9.9").body(()).unwrap();
            let (head, ()) = request.into_parts();
            let mut name = Vec::new();
            build(options).unwrap().write(&head, &context("H.test:80", false), &mut name);
            assert_eq!(String::from_utf8(name).unwrap(), expected, "{options}");
        }
    }

    #[test]
    fn long_names_become_short() {
        let by_key = build(r#"{"requestHeaderName":"x-key"}"#).unwrap();
        let name = |key: String| {
            let request = http::Request::builder().header("x-key", key).body(()).unwrap();
            let mut name = Vec::new();
            by_key.write(&request.into_parts().0, &context("h.test", false), &mut name);
            name
        };
        assert_eq!(name("k".repeat(LONGEST)), "k".repeat(LONGEST).as_bytes());
        let (long, other) = (name("k".repeat(60_000)), name("k".repeat(60_001)));
        assert!(long.starts_with(b"sha256:") && long.len() == 71 && long.capacity() <= LONGEST);
        assert_ne!(long, other);
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            (r#"{"requestHost":true,"requestHeaderName":"x"}"#, "mutually exclusive"),
            (r#"{"requestHost":true,"ipStrategy":{"depth":1}}"#, "mutually exclusive"),
            (r#"{"requestHeaderName":"no name"}"#, "is no header name"),
            (r#"{"ipStrategy":{"ipv6Subnet":200}}"#, "expected 1 to 128"),
        ] {
            let error = build(options).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
