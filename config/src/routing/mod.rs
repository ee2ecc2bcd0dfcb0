//! The routing ("dynamic") configuration as written by a provider.
//!
//! The types mirror Traefik's tree one to one; field names on the wire are camelCase, matched
//! case-insensitively by [`crate::decode`].

mod http;
mod middleware;
mod skipped;
mod tls;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::http::*;
pub use self::middleware::*;
pub use self::skipped::{Left, Skipped, rules_in};
pub use self::tls::*;

use crate::breath::breathe;
use crate::finding::{Finding, Origin};

/// A value together with where it was written.
#[derive(Clone, Debug)]
pub struct Written<T> {
    /// The value. Whoever passes it on shares it: a configuration of 10,000 routers is in memory
    /// once, not once for each step of its way.
    pub value: Arc<T>,
    /// Where: a file and line, or a service and its first label for this object.
    pub origin: Origin,
}

// Thousands are compared or dropped together.
impl<T: PartialEq> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        breathe();
        (Arc::ptr_eq(&self.value, &other.value) || self.value == other.value)
            && self.origin == other.origin
    }
}

impl<T> Drop for Written<T> {
    fn drop(&mut self) {
        breathe();
    }
}

/// Objects of one kind by bare name.
pub type Map<T> = BTreeMap<String, Written<T>>;

/// The whole routing configuration that one provider sends at one time.
///
/// An object that could not be decoded is absent here and has a finding instead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Configuration {
    /// HTTP routers.
    pub routers: Map<Router>,
    /// HTTP services.
    pub services: Map<Service>,
    /// HTTP middlewares.
    pub middlewares: Map<Middleware>,
    /// HTTP servers transports.
    pub servers_transports: Map<ServersTransport>,
    /// Certificates named in files.
    pub certificates: Vec<Written<Certificate>>,
    /// TLS options.
    pub tls_options: Map<TlsOptions>,
    /// TLS stores.
    pub tls_stores: Map<TlsStore>,
    /// What was ignored or refused while reading.
    pub findings: Vec<Finding>,
    /// What makes no routes, and nothing is wrong with it; never a difference.
    pub skipped: Skipped,
}

impl Configuration {
    /// Takes over what is the same in the configuration before: a change of one router then costs
    /// the memory of one, though the whole was decoded.
    pub fn share(&mut self, before: &Self) {
        share(&mut self.routers, &before.routers);
        share(&mut self.services, &before.services);
        share(&mut self.middlewares, &before.middlewares);
        share(&mut self.servers_transports, &before.servers_transports);
    }
}

fn share<T: PartialEq>(objects: &mut Map<T>, before: &Map<T>) {
    for (name, object) in objects {
        breathe();
        if let Some(before) = before.get(name).filter(|before| before.value == object.value) {
            object.value = Arc::clone(&before.value);
        }
    }
}

pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Format, decode_routing_file};

    #[test]
    fn what_is_the_same_is_shared() {
        let read = |rules: &[(&str, &str)]| {
            let router = |(name, rule): &(&str, &str)| format!("    {name}: {{rule: {rule}}}\n");
            let routers: String = rules.iter().map(router).collect();
            let text = format!("# {}\nhttp:\n  routers:\n{routers}", rules.len());
            decode_routing_file("f.yml", &text, Format::Yaml).unwrap()
        };
        let before = read(&[("same", "a"), ("changed", "b"), ("gone", "c")]);
        let mut after = read(&[("new", "c"), ("same", "a"), ("changed", "d")]);
        let written = after.clone();
        after.share(&before);
        assert_eq!(after, written, "nothing else is different");
        let shared = |name: &str| {
            before
                .routers
                .get(name)
                .is_some_and(|before| Arc::ptr_eq(&before.value, &after.routers[name].value))
        };
        assert_eq!(["same", "changed", "new"].map(shared), [true, false, false]);
    }
}
