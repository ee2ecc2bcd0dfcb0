//! A rule, compiled: whether it holds for a request. Bytes semantics throughout.

use std::sync::Arc;

use http::HeaderMap;
use http::header::{CONNECTION, HOST, HeaderName, TRAILER, TRANSFER_ENCODING, UPGRADE};
use regex::Regex;
use swarmgate_config::rule::ip_range::IpRange;
use swarmgate_config::rule::{Expr, Matcher, go_regex};

use super::{Request, query};
use crate::canonical;

/// A compiled rule. Chains are flat: no deeper than the rule's parentheses.
#[derive(Debug)]
pub(super) enum Predicate {
    All(Box<[Predicate]>),
    Any(Box<[Predicate]>),
    Is(Test),
    Not(Test),
}

/// One matcher.
#[derive(Debug)]
pub(super) enum Test {
    /// `Host(*)`.
    Always,
    /// A matcher that no request fulfils.
    Never,
    /// Lower-case.
    Host(Box<str>),
    /// The text behind `*`, beginning with a dot, lower-case.
    HostBelow(Box<str>),
    /// And whether the pattern matches nothing at all: Traefik also asks it about the host's
    /// CNAME, which is the empty text as long as CNAMEs are not followed.
    HostRegexp(Arc<Regex>, bool),
    /// v2's: of the host as sent, without its port.
    HostTemplate(Arc<Regex>),
    Method(Box<str>),
    Path(Box<[u8]>),
    PathPrefix(Box<[u8]>),
    PathRegexp(Arc<Regex>),
    Header(HeaderName, Box<[u8]>),
    HeaderRegexp(HeaderName, Arc<Regex>),
    /// A matcher of `Connection` that `Upgrade` fulfils: all that Traefik leaves of this header
    /// is that word, where an upgrade is asked for.
    Upgrade,
    /// An absent value was made the empty one.
    Query(Box<[u8]>, Box<[u8]>),
    QueryRegexp(Box<[u8]>, Arc<Regex>),
    /// v2's: of `key=value` with the first value, or of nothing.
    QueryTemplate(Box<[u8]>, Arc<Regex>),
    ClientIp(IpRange),
}

impl Predicate {
    pub(super) fn compile(rule: &Expr) -> Result<Self, String> {
        Ok(match rule {
            Expr::And(left, right) => {
                let mut parts = Vec::new();
                flatten(left, true, &mut parts)?;
                flatten(right, true, &mut parts)?;
                Self::All(parts.into())
            }
            Expr::Or(left, right) => {
                let mut parts = Vec::new();
                flatten(left, false, &mut parts)?;
                flatten(right, false, &mut parts)?;
                Self::Any(parts.into())
            }
            Expr::Match { negated, matcher } => {
                let test = Test::compile(matcher)?;
                if *negated { Self::Not(test) } else { Self::Is(test) }
            }
        })
    }

    /// Left to right, no further than needed.
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.holds(request)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(request)),
            Self::Is(test) => test.holds(request),
            Self::Not(test) => !test.holds(request),
        }
    }
}

/// Compiles the links of a chain of one operator into `parts`.
fn flatten(rule: &Expr, and: bool, parts: &mut Vec<Predicate>) -> Result<(), String> {
    match rule {
        Expr::And(left, right) if and => {
            flatten(left, and, parts)?;
            flatten(right, and, parts)
        }
        Expr::Or(left, right) if !and => {
            flatten(left, and, parts)?;
            flatten(right, and, parts)
        }
        other => {
            parts.push(Predicate::compile(other)?);
            Ok(())
        }
    }
}

impl Test {
    fn compile(matcher: &Matcher) -> Result<Self, String> {
        Ok(match matcher {
            Matcher::Host(host) => {
                let host = host.to_ascii_lowercase();
                match host.strip_prefix('*') {
                    Some("") => Self::Always,
                    Some(rest) if rest.starts_with('.') => Self::HostBelow(rest.into()),
                    // The first label of a request's host becomes a whole `*`: this cannot equal.
                    Some(_) => Self::Never,
                    None => Self::Host(host.into()),
                }
            }
            Matcher::HostRegexp(regex) => {
                let regex = go_regex::compile(regex)?;
                let empty = regex.is_match("");
                Self::HostRegexp(regex, empty)
            }
            Matcher::Method(method) => Self::Method(method.as_str().into()),
            Matcher::Path(path) => Self::Path(path.as_bytes().into()),
            Matcher::PathPrefix(prefix) => Self::PathPrefix(prefix.as_bytes().into()),
            Matcher::PathRegexp(regex) => Self::PathRegexp(go_regex::compile(regex)?),
            Matcher::Header { name, value } => match header(name) {
                Some(CONNECTION) if value == "Upgrade" => Self::Upgrade,
                Some(CONNECTION) | None => Self::Never,
                Some(name) => Self::Header(name, value.as_bytes().into()),
            },
            Matcher::HeaderRegexp { name, regex } => {
                let regex = go_regex::compile(regex)?;
                match header(name) {
                    Some(CONNECTION) if regex.is_match("Upgrade") => Self::Upgrade,
                    Some(CONNECTION) | None => Self::Never,
                    Some(name) => Self::HeaderRegexp(name, regex),
                }
            }
            Matcher::Query { key, value } => Self::Query(
                key.as_bytes().into(),
                value.as_deref().unwrap_or_default().as_bytes().into(),
            ),
            Matcher::QueryRegexp { key, regex: None } => {
                Self::Query(key.as_bytes().into(), Box::default())
            }
            Matcher::QueryRegexp { key, regex: Some(regex) } => {
                Self::QueryRegexp(key.as_bytes().into(), go_regex::compile(regex)?)
            }
            Matcher::ClientIp(range) => Self::ClientIp(
                IpRange::parse(range).ok_or_else(|| format!("{range:?} is no address or CIDR"))?,
            ),
            Matcher::HostName(host) | Matcher::HostHeader(host) => {
                Self::Host(host.to_ascii_lowercase().into())
            }
            Matcher::HostTemplate(template) => {
                Self::HostTemplate(go_regex::compile(&template.regex)?)
            }
            Matcher::PathTemplate(template) | Matcher::PathPrefixTemplate(template) => {
                Self::PathRegexp(go_regex::compile(&template.regex)?)
            }
            Matcher::QueryTemplate { key, template } => {
                Self::QueryTemplate(key.as_bytes().into(), go_regex::compile(&template.regex)?)
            }
        })
    }

    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Host(host) => !request.host.is_empty() && same_host(host, request.host),
            Self::HostBelow(tail) => {
                !request.host.is_empty() && same_host(tail, below_first_label(request.host))
            }
            Self::HostRegexp(regex, empty) => *empty || regex.is_match(request.host),
            Self::HostTemplate(regex) => {
                regex.is_match(canonical::split_port(request.host_as_sent))
            }
            Self::Method(method) => request.method.as_str() == &**method,
            Self::Path(path) => request.path == &**path,
            Self::PathPrefix(prefix) => request.path.starts_with(prefix),
            Self::PathRegexp(regex) => regex.is_match(&go_regex::text(request.path)),
            Self::Header(name, value) => {
                request.headers.get_all(name).iter().any(|line| line.as_bytes() == &**value)
            }
            Self::HeaderRegexp(name, regex) => request
                .headers
                .get_all(name)
                .iter()
                .any(|line| regex.is_match(&go_regex::text(line.as_bytes()))),
            Self::Upgrade => asks_for_upgrade(request.headers),
            Self::Query(key, value) => {
                query::values(request.query, key).any(|found| query::equals(found, value))
            }
            Self::QueryRegexp(key, regex) => query::values(request.query, key)
                .any(|found| regex.is_match(&go_regex::text(&query::decode(found)))),
            Self::QueryTemplate(key, regex) => {
                let first = query::values(request.query, key).next();
                let pair =
                    first.map(|value| [key, b"=".as_slice(), &query::decode(value)].concat());
                regex.is_match(&go_regex::text(&pair.unwrap_or_default()))
            }
            Self::ClientIp(range) => range.contains(request.client_ip),
        }
    }
}

/// The header to look at. `None`: one that matchers never see, since Go keeps `Host`, `Trailer`
/// and `Transfer-Encoding` apart from the other headers, or a name that cannot be sent.
fn header(name: &str) -> Option<HeaderName> {
    let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
    (![HOST, TRAILER, TRANSFER_ENCODING].contains(&name)).then_some(name)
}

/// Whether `Connection` lists `upgrade` and `Upgrade` says to what.
fn asks_for_upgrade(headers: &HeaderMap) -> bool {
    let names_it = |line: &[u8]| {
        line.split(|byte| *byte == b',')
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"upgrade"))
    };
    headers.get(UPGRADE).is_some_and(|to| !to.is_empty())
        && headers.get_all(CONNECTION).iter().any(|line| names_it(line.as_bytes()))
}

/// The host from its first dot on; empty when it has none, or no label before it: an address with a
/// zone (`::1%25.a.test`) is not below `a.test`.
pub(super) fn below_first_label(host: &str) -> &str {
    match host.split_once('.') {
        Some((label, _)) if !label.contains(':') => host.get(label.len()..).unwrap_or_default(),
        _ => "",
    }
}

/// The text without one dot at its end, if there is one.
pub(super) fn without_dot(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Equal, or equal when one of the two drops one dot at its end.
fn same_host(rule: &str, host: &str) -> bool {
    rule == host || without_dot(rule) == host || rule == without_dot(host)
}
