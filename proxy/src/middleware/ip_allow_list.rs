//! `ipAllowList`, and its older name `ipWhiteList`: clients of some networks only.

use http::{StatusCode, request};
use swarmgate_config::routing;
use swarmgate_config::rule::ip_range::IpRange;

use super::client_ip::{ClientIp, ranges};
use super::{Context, Edit, Flow};
use crate::respond;

/// A built `ipAllowList` (Traefik: IPAllowList).
#[derive(Debug)]
pub struct IpAllowList {
    allowed: Vec<IpRange>,
    client_ip: ClientIp,
    refusal: StatusCode,
}

impl IpAllowList {
    pub(super) fn build(written: &routing::IpAllowList) -> Result<Self, String> {
        let refusal = match written.reject_status_code {
            None | Some(0) => StatusCode::FORBIDDEN,
            Some(code) => u16::try_from(code)
                .ok()
                .and_then(|code| StatusCode::from_u16(code).ok())
                .filter(|status| status.canonical_reason().is_some())
                .ok_or_else(|| {
                    format!(
                        "invalid HTTP status code {code} in rejectStatusCode; expected one \
                             such as 403 or 404"
                    )
                })?,
        };
        Self::of(&written.source_range, written.ip_strategy.as_ref(), refusal)
    }

    pub(super) fn build_white(written: &routing::IpWhiteList) -> Result<Self, String> {
        let strategy = written.ip_strategy.as_ref();
        Self::of(&written.source_range, strategy, StatusCode::FORBIDDEN)
    }

    fn of(
        source_range: &[String],
        strategy: Option<&routing::IpStrategy>,
        refusal: StatusCode,
    ) -> Result<Self, String> {
        if source_range.is_empty() {
            return Err("sourceRange is empty, nobody would be let in; expected addresses or \
                        networks such as \"10.0.0.0/8\""
                .into());
        }
        let allowed = ranges("sourceRange", source_range)?;
        Ok(Self { allowed, client_ip: ClientIp::build(strategy)?, refusal })
    }
}

impl Edit for IpAllowList {
    fn on_request(&self, head: &mut request::Parts, context: &Context<'_>) -> Flow {
        let client = self.client_ip.find(head, context).address();
        let known = |client| self.allowed.iter().any(|range| range.contains(client));
        match client {
            Some(client) if known(client) => Flow::Next,
            _ => Flow::Answer(Box::new(respond::text(self.refusal))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::middleware::tests::{build, send_with};

    #[test]
    fn lets_in() {
        // Options, X-Forwarded-For, the answer (0: let in). The peer is 192.0.2.1.
        let table: &[(&str, &str, &str, u16)] = &[
            ("ipAllowList", r#""sourceRange":["192.0.2.0/24"]"#, "", 0),
            ("ipAllowList", r#""sourceRange":["192.0.2.1"]"#, "", 0),
            ("ipAllowList", r#""sourceRange":["10.0.0.0/8","::/0"]"#, "", 403),
            ("ipAllowList", r#""sourceRange":["10.0.0.0/8"],"ipStrategy":{}"#, "10.1.1.1", 403),
            (
                "ipAllowList",
                r#""sourceRange":["10.0.0.0/8"],"ipStrategy":{"depth":1}"#,
                "10.1.1.1",
                0,
            ),
            (
                "ipAllowList",
                r#""sourceRange":["10.0.0.0/8"],"ipStrategy":{"depth":1}"#,
                "10.1.1.1:8080",
                0,
            ),
            (
                "ipAllowList",
                r#""sourceRange":["10.0.0.0/8"],"ipStrategy":{"depth":1}"#,
                "::ffff:10.1.1.1",
                0,
            ),
            ("ipAllowList", r#""sourceRange":["0.0.0.0/0"],"ipStrategy":{"depth":1}"#, "", 403),
            ("ipAllowList", r#""sourceRange":["0.0.0.0/0"],"ipStrategy":{"depth":1}"#, "me", 403),
            ("ipAllowList", r#""sourceRange":["10.0.0.1"],"rejectStatusCode":404"#, "", 404),
            ("ipAllowList", r#""sourceRange":["10.0.0.1"],"rejectStatusCode":418"#, "", 418),
            ("ipWhiteList", r#""sourceRange":["10.0.0.1"]"#, "", 403),
            ("ipWhiteList", r#""sourceRange":["192.0.2.1"]"#, "", 0),
        ];
        for (kind, options, line, expected) in table {
            let middleware = build(&format!(r#"{{"{kind}":{{{options}}}}}"#)).unwrap();
            let sent = send_with(&[&middleware], "h.test", "/", false, |head| {
                if !line.is_empty() {
                    head.headers.insert("x-forwarded-for", line.parse().unwrap());
                }
            });
            let status = if sent.is_answer() { sent.expect_answer().status().as_u16() } else { 0 };
            assert_eq!(status, *expected, "{kind} {options} {line}");
        }
    }

    #[test]
    fn says_why() {
        let middleware = build(r#"{"ipAllowList":{"sourceRange":["10.0.0.1"]}}"#).unwrap();
        let answer = send_with(&[&middleware], "h.test", "/", false, |_| {}).expect_answer();
        assert!(answer.headers().is_empty());
        assert_eq!(answer.into_body().into_own(), "Forbidden");
    }

    #[test]
    fn refused() {
        for (options, expected) in [
            ("{}", "sourceRange is empty"),
            (r#"{"sourceRange":["nonsense"]}"#, "\"nonsense\" is neither"),
            (r#"{"sourceRange":["10.0.0.0/33"]}"#, "\"10.0.0.0/33\" is neither"),
            (r#"{"sourceRange":["::1"],"rejectStatusCode":600}"#, "status code 600"),
            (r#"{"sourceRange":["::1"],"rejectStatusCode":-1}"#, "status code -1"),
            (r#"{"sourceRange":["::1"],"ipStrategy":{"ipv6Subnet":200}}"#, "expected 1 to 128"),
        ] {
            let error = build(&format!(r#"{{"ipAllowList":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
