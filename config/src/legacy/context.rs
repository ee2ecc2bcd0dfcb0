//! What v1 labels depend on and do not say themselves: entry points, and the domain of rules.

use std::collections::BTreeMap;

use crate::install::{Address, Install, Protocol};

/// The part of the install configuration that v1 labels need.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// v1's `docker.domain`: what follows a service's name in the rule of a frontend without one.
    pub domain: Option<String>,
    /// TCP entry points by name.
    pub points: BTreeMap<String, Point>,
    /// Entry points of a frontend that names none.
    pub default: Vec<String>,
    /// The only certificate resolver, if there is exactly one.
    pub resolver: Option<String>,
    /// Rules that say nothing of their syntax are of v2; those that v1 labels become are of v3.
    pub rules_of_v2: bool,
}

/// One entry point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The port that it listens on.
    pub port: u16,
    /// Where its routers get TLS from.
    pub tls: PointTls,
}

/// Where the routers on an entry point get TLS from. In v1 it was the entry point's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointTls {
    /// It is a plain one.
    None,
    /// From the entry point: it has `http.tls`, or plain requests are redirected to it.
    EntryPoint,
    /// It has port 443 and no `http.tls`: each router says so for itself.
    Router,
}

impl Context {
    /// Reads it out of an install configuration.
    pub fn of(install: &Install) -> Self {
        let all = install.entry_points_or_default();
        let redirected: Vec<&str> = all
            .values()
            .filter_map(|point| point.http.redirections.as_ref()?.entry_point.as_ref())
            .filter(|to| to.scheme == "https")
            .map(|to| to.to.as_str())
            .collect();
        let points = all
            .iter()
            .filter_map(|(name, point)| {
                let address = Address::parse(&point.address).ok()?;
                if address.protocol != Protocol::Tcp {
                    return None;
                }
                let port = address.port;
                let led_to = redirected.iter().any(|to| match to.strip_prefix(':') {
                    Some(digits) => port != 0 && digits.parse() == Ok(port),
                    None => to == name,
                });
                let tls = match () {
                    () if point.http.tls.is_some() || led_to => PointTls::EntryPoint,
                    () if port == 443 => PointTls::Router,
                    () => PointTls::None,
                };
                Some((name.clone(), Point { port, tls }))
            })
            .collect();
        let mut resolvers = install.certificates_resolvers.keys();
        Self {
            domain: install.v1.domain.clone().filter(|domain| !domain.is_empty()),
            points,
            default: install.default_entry_points(),
            resolver: resolvers.next().filter(|_| resolvers.next().is_none()).cloned(),
            rules_of_v2: install.default_rule_syntax() == Some("v2"),
        }
    }

    /// Whether clients reach this entry point by `https`; an unknown one is judged by its name.
    pub(super) fn is_https(&self, name: &str) -> bool {
        match self.points.get(name) {
            Some(point) => point.tls != PointTls::None,
            None => name != "http",
        }
    }
}
