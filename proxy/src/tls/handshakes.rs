//! Which TLS options the handshakes of one entry point are held by, and which requests may pass
//! then: one question, asked of one table.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::checked::handshake::DefaultOptions;
use swarmgate_config::checked::{self, RouteTls};
use swarmgate_config::name::QName;

use super::Store;
use super::set::{DEFAULT, Set};

/// What a handshake is held by.
#[derive(Clone, Debug, Default)]
pub enum Choice {
    /// What everybody gets as long as nobody has written any options.
    #[default]
    BuiltIn,
    /// Options that somebody has written.
    Set(Arc<Set>),
    /// Options that cannot be served: it is not held.
    Refused,
}

/// What a router asks of the handshakes of its connections.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    choice: Choice,
    /// Another router wants one of its hosts otherwise: each host has its own.
    by_host: bool,
}

/// All options of one configuration.
#[derive(Debug, Default)]
pub struct Sets {
    /// Each, or what is wrong with it.
    named: BTreeMap<QName, Result<Arc<Set>, String>>,
    default: Choice,
    /// By name, `default` among them: those that can be served.
    current: HashMap<Arc<str>, Arc<Set>>,
}

impl Sets {
    /// Builds what is written. Sets that stay the same are carried over.
    pub fn build(
        checked: &checked::Configuration,
        store: &Arc<Store>,
        previous: Option<&Sets>,
    ) -> Self {
        let mut built = Self::default();
        let default = match &checked.handshakes.default {
            DefaultOptions::BuiltIn => None,
            DefaultOptions::Written(name) => Some(name),
            DefaultOptions::Refused => {
                built.default = Choice::Refused;
                None
            }
        };
        for (name, (options, _)) in &checked.tls_options {
            breathe();
            let called = match Some(name) == default {
                true => Arc::from(DEFAULT),
                // What is called so elsewhere does not count.
                false if name.name() == DEFAULT => continue,
                false => Arc::clone(name.text()),
            };
            let before = previous.and_then(|previous| previous.current.get(&called));
            let set = Set::build(&called, options, store, before)
                .map_err(|error| format!("building TLS config: {error}"));
            if *called == *DEFAULT {
                built.default = set.as_ref().map_or(Choice::Refused, |it| Choice::Set(it.clone()));
            }
            if let Ok(set) = &set {
                built.current.insert(called, Arc::clone(set));
            }
            built.named.insert(name.clone(), set);
        }
        built
    }

    /// What cannot be served, and why.
    pub fn troubles(&self) -> impl Iterator<Item = (&QName, &String)> {
        self.named.iter().filter_map(|(name, set)| Some((name, set.as_ref().err()?)))
    }

    /// What a router asks for.
    ///
    /// # Errors
    /// Why that cannot be served.
    pub fn of_router(&self, written: &RouteTls) -> Result<Needed, String> {
        let choice = self.choice(written.options.as_ref())?;
        Ok(Needed { choice, by_host: written.by_host })
    }

    /// The options of this name; `None`: the default ones.
    fn choice(&self, options: Option<&QName>) -> Result<Choice, String> {
        match options {
            None => match &self.default {
                Choice::Refused => {
                    Err("building router handler: the default TLS options cannot be \
                                        served"
                        .into())
                }
                choice => Ok(choice.clone()),
            },
            Some(name) => match self.named.get(name) {
                Some(Ok(set)) => Ok(Choice::Set(Arc::clone(set))),
                Some(Err(error)) => Err(format!("building router handler: {error}")),
                None => Err(format!("building router handler: unknown TLS options: {name}")),
            },
        }
    }

    /// Whether a connection's handshake was held by options that are still served.
    pub fn is_current(&self, met: Option<&Arc<Set>>) -> bool {
        match met {
            None => matches!(self.default, Choice::BuiltIn),
            Some(met) => {
                self.current.get(met.name()).is_some_and(|current| Arc::ptr_eq(current, met))
            }
        }
    }

    /// The handshakes of one entry point. `names`: as the check has shared them out.
    pub fn handshakes(&self, names: Option<&BTreeMap<String, Option<QName>>>) -> Handshakes {
        let mut built = Handshakes { default: self.default.clone(), ..Handshakes::default() };
        for (name, options) in names.into_iter().flatten() {
            breathe();
            let choice = match options {
                None => self.default.clone(),
                Some(options) => match self.named.get(options) {
                    Some(Ok(set)) => Choice::Set(Arc::clone(set)),
                    _ => Choice::Refused,
                },
            };
            match name.strip_prefix("*.") {
                Some(parent) => built.below.insert(parent.into(), choice),
                None => built.exact.insert(name.as_str().into(), choice),
            };
        }
        built
    }
}

/// The handshakes of one entry point.
#[derive(Debug, Default)]
pub struct Handshakes {
    default: Choice,
    /// By whole name.
    exact: HashMap<Box<str>, Choice>,
    /// `*.w.test` under `w.test`.
    below: HashMap<Box<str>, Choice>,
}

impl Handshakes {
    /// Whether nobody has written any options: there is nothing to choose.
    pub fn is_plain(&self) -> bool {
        matches!(self.default, Choice::BuiltIn) && self.exact.is_empty() && self.below.is_empty()
    }

    /// What a handshake with this server name (of any case, perhaps with a dot at its end) is held
    /// by.
    pub fn choose(&self, server_name: Option<&str>) -> &Choice {
        let named = server_name.and_then(|name| self.named(&name.to_ascii_lowercase()));
        named.unwrap_or(&self.default)
    }

    /// Whether a router may serve a request for this host (canonical) on a connection whose
    /// handshake was held by `met` (`None`: the built-in options).
    pub fn admits(&self, met: Option<&Arc<Set>>, host: &str, needed: &Needed) -> bool {
        let of_host = if needed.by_host { self.named(host) } else { None };
        match of_host.unwrap_or(&needed.choice) {
            Choice::BuiltIn => met.is_none_or(|met| met.is_default()),
            Choice::Set(set) => set.is_met_by(met),
            Choice::Refused => false,
        }
    }

    /// By a name in lower case: the whole one, then the wildcard for exactly one label.
    fn named(&self, name: &str) -> Option<&Choice> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let by_wildcard = || self.below.get(name.split_once('.')?.1);
        self.exact.get(name).or_else(by_wildcard)
    }
}

#[cfg(test)]
mod tests;
