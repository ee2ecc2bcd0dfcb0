//! Which server names get which TLS options, and which routers cannot have theirs.
//!
//! A handshake knows nothing but the server name. So a router's options hold for the hosts of its
//! rule; a host that two routers of an entry point want by different ones gets the default ones, as
//! with Traefik, and its routers are told apart by their names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::copies::copies;
use super::super::entry_points::EntryPoints;
use super::super::routers::Parsed;
use super::super::trouble::Trouble;
use crate::breath::breathe;
use crate::name::QName;
use crate::routing::RouterTls;

/// How the names are shared out.
#[derive(Default)]
pub(super) struct Names {
    /// As [`crate::checked::handshake::Handshakes::names`].
    pub(super) by_entry_point: BTreeMap<String, BTreeMap<String, Option<QName>>>,
    /// Copies of routers that cannot be served as they ask on an entry point, and why.
    fallen: HashMap<(String, QName), Fallen>,
}

/// Why a router is not served by the options that it asks for.
#[derive(Clone)]
pub(in super::super) struct Fallen {
    pub(in super::super) why: Trouble,
    /// Those of its hosts that another router wants otherwise; the others keep their options.
    pub(in super::super) contested: BTreeSet<String>,
}

/// The options that a router asks for; `None`: the default ones.
pub(super) fn asked(tls: &RouterTls, provider: &str) -> Option<QName> {
    match tls.options.as_deref() {
        None | Some("" | "default") => None,
        Some(reference) => Some(QName::resolve(reference, provider)),
    }
}

impl Names {
    /// Shares out the hosts of all routers. Costs a look at each as long as none asks for options.
    pub(super) fn share(routers: &[Parsed<'_>], entry_points: &EntryPoints) -> Self {
        let asks = |tls: Option<&RouterTls>| tls.is_some_and(|tls| asked(tls, "").is_some());
        let of_models = entry_points.names().any(|name| {
            let model = entry_points.get(name).and_then(|point| point.model.as_ref());
            asks(model.and_then(|model| model.tls.as_ref()))
        });
        if !of_models && !routers.iter().any(|it| asks(it.written.value.tls.as_deref())) {
            return Self::default();
        }

        // What each router asks for, by entry point and host.
        type Wishes = BTreeMap<String, BTreeMap<String, Vec<(Option<QName>, QName)>>>;
        let mut wishes: Wishes = BTreeMap::new();
        let mut shared = Self::default();
        for it in routers {
            // Nobody knows what it names: it is disabled, and that is all that is to be said.
            if it.read.is_broken() {
                continue;
            }
            let router = &it.written.value;
            for copy in copies(&it.name, router, entry_points) {
                breathe();
                let of_model = || copy.model.and_then(|model| model.tls.as_ref());
                let Some(tls) = router.tls.as_deref().or_else(of_model) else { continue };
                let options = asked(tls, it.name.provider());
                let hosts: BTreeSet<String> =
                    it.read.hosts().iter().filter_map(|it| name(it)).collect();
                for entry_point in &copy.entry_points {
                    if it.read.hosts().is_empty()
                        && let Some(options) = &options
                    {
                        let rule = router.rule.as_deref().unwrap_or_default();
                        let why = no_host(rule, options);
                        let fallen = Fallen { why, contested: BTreeSet::new() };
                        let place = ((*entry_point).to_owned(), copy.name.clone());
                        shared.fallen.insert(place, fallen);
                    }
                    let here = wishes.entry((*entry_point).to_owned()).or_default();
                    for host in &hosts {
                        let wish = (options.clone(), copy.name.clone());
                        here.entry(host.clone()).or_default().push(wish);
                    }
                }
            }
        }
        for (entry_point, hosts) in wishes {
            let mut names = BTreeMap::new();
            for (host, wishes) in hosts {
                breathe();
                let first = wishes.first().and_then(|(options, _)| options.clone());
                if wishes.iter().all(|(options, _)| *options == first) {
                    names.insert(host, first);
                    continue;
                }
                for (_, router) in wishes {
                    let fallen = || {
                        let why = conflict(&entry_point, &host);
                        Fallen { why, contested: BTreeSet::new() }
                    };
                    let place = (entry_point.clone(), router);
                    let fallen = shared.fallen.entry(place).or_insert_with(fallen);
                    fallen.contested.insert(host.clone());
                }
                names.insert(host, None);
            }
            if names.values().any(Option::is_some) {
                shared.by_entry_point.insert(entry_point, names);
            }
        }
        shared
    }

    /// Why this copy of a router cannot be served as it asks on an entry point, if it cannot.
    pub(super) fn fallen(&self, entry_point: &str, copy: &QName) -> Option<&Fallen> {
        if self.fallen.is_empty() {
            return None;
        }
        self.fallen.get(&(entry_point.to_owned(), copy.clone()))
    }
}

/// A rule's host as a server name; `*` alone is any host, and no name.
fn name(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host);
    (!host.is_empty() && host != "*").then(|| host.to_ascii_lowercase())
}

fn no_host(rule: &str, options: &QName) -> Trouble {
    let rule = crate::rule::shortened(rule);
    Trouble::new(format!(
        "no domain found in rule {rule}, the TLS option {options} cannot be applied"
    ))
    .expected(
        "a Host in the rule: nothing else is known when the handshake is held, and the \
               default TLS options hold",
    )
}

fn conflict(entry_point: &str, host: &str) -> Trouble {
    Trouble::new(
        "router's TLSOptions configuration is conflicting with other routers on the same \
         entrypoint and host, default TLS options will be used instead",
    )
    .expected(format!("the same TLS options for all routers of {host} on {entry_point}"))
}
