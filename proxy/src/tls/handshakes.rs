//! Which TLS options the handshakes of one entry point are held by, and which requests may pass
//! then: one question, asked of one table.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::checked::handshake::DefaultOptions;
use swarmgate_config::checked::{self, ByHost, RouteTls};
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

impl Choice {
    /// The options' name, for a person.
    pub fn name(&self) -> &str {
        match self {
            Self::BuiltIn | Self::Refused => DEFAULT,
            Self::Set(set) => set.name(),
        }
    }

    /// Whether they keep anybody out.
    fn is_closed(&self) -> bool {
        match self {
            Self::BuiltIn => false,
            Self::Set(set) => set.asks_clients(),
            Self::Refused => true,
        }
    }
}

/// What a router asks of the handshakes of its connections.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    choice: Choice,
    by: By,
}

/// What a router's need depends on; as [`ByHost`].
#[derive(Clone, Debug, Default)]
enum By {
    #[default]
    Itself,
    Contested(Arc<ByName<()>>),
    Host,
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

    /// What a person should know of those that are served.
    pub fn remarks(&self) -> impl Iterator<Item = (&QName, &String)> {
        let sound = self.named.iter().filter_map(|(name, set)| Some((name, set.as_ref().ok()?)));
        sound.flat_map(|(name, set)| set.remarks().iter().map(move |remark| (name, remark)))
    }

    /// What a router asks for.
    ///
    /// # Errors
    /// Why that cannot be served.
    pub fn of_router(&self, written: &RouteTls) -> Result<Needed, String> {
        let choice = self.choice(written.options.as_ref())?;
        let by = match &written.by_host {
            ByHost::Never => By::Itself,
            ByHost::Contested(names) => {
                By::Contested(Arc::new(names.iter().map(|name| (name.as_str(), ())).collect()))
            }
            ByHost::Always => By::Host,
        };
        Ok(Needed { choice, by })
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

    /// The handshakes of one entry point. `names`: as the check has shared them out.
    pub fn handshakes(&self, names: Option<&BTreeMap<String, Option<QName>>>) -> Handshakes {
        let choice = |options: &Option<QName>| match options {
            None => self.default.clone(),
            Some(options) => match self.named.get(options) {
                Some(Ok(set)) => Choice::Set(Arc::clone(set)),
                _ => Choice::Refused,
            },
        };
        let names = names.into_iter().flatten();
        let names = names.map(|(name, options)| (name.as_str(), choice(options)));
        Handshakes { default: self.default.clone(), names: names.collect() }
    }
}

/// The handshakes of one entry point.
#[derive(Debug, Default)]
pub struct Handshakes {
    default: Choice,
    names: ByName<Choice>,
}

impl Handshakes {
    /// Whether nobody has written any options: there is nothing to choose.
    pub fn is_plain(&self) -> bool {
        matches!(self.default, Choice::BuiltIn) && self.names.is_empty()
    }

    /// What a handshake with this server name (of any case, perhaps with a dot at its end) is held
    /// by.
    pub fn choose(&self, server_name: Option<&str>) -> &Choice {
        let named = server_name.and_then(|name| self.named(&name.to_ascii_lowercase()));
        named.unwrap_or(&self.default)
    }

    /// Whether a handshake with this server name would still be held by `met` (`None`: the built-in
    /// options).
    pub fn would_meet(&self, met: Option<&Arc<Set>>, server_name: Option<&str>) -> bool {
        match (self.choose(server_name), met) {
            (Choice::BuiltIn, None) => true,
            (Choice::Set(set), Some(met)) => Arc::ptr_eq(set, met),
            _ => false,
        }
    }

    /// What a router asks of the handshake of a request for this host (canonical).
    pub fn asked<'c>(&'c self, host: &str, needed: &'c Needed) -> &'c Choice {
        match &needed.by {
            By::Itself => &needed.choice,
            // What it has for a host by a wildcard is not contested where another router's rule
            // names the host itself.
            By::Contested(contested) => match (self.names.find(host), contested.find(host)) {
                (Some((level, choice)), Some((its, ()))) if level == its => choice,
                _ => &needed.choice,
            },
            // Nobody has written anything for it: whichever keeps more people out.
            By::Host => match self.named(host) {
                Some(of_host) if of_host.is_closed() || !needed.choice.is_closed() => of_host,
                _ => &needed.choice,
            },
        }
    }

    /// Whether a router may serve a request for this host (canonical) on a connection whose
    /// handshake was held by `met` (`None`: the built-in options).
    pub fn admits(&self, met: Option<&Arc<Set>>, host: &str, needed: &Needed) -> bool {
        match self.asked(host, needed) {
            Choice::BuiltIn => met.is_none_or(|met| met.is_default()),
            Choice::Set(set) => set.is_met_by(met),
            Choice::Refused => false,
        }
    }

    fn named(&self, name: &str) -> Option<&Choice> {
        self.names.find(name).map(|(_, choice)| choice)
    }
}

/// Something by names in lower case.
#[derive(Debug)]
struct ByName<T> {
    /// By whole name.
    exact: HashMap<Box<str>, T>,
    /// `*.w.test` under `w.test`.
    below: HashMap<Box<str>, T>,
}

/// By what a name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Exact,
    Wildcard,
}

impl<T> ByName<T> {
    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.below.is_empty()
    }

    /// By the whole name, then by the wildcard for exactly one label.
    fn find(&self, name: &str) -> Option<(Level, &T)> {
        let name = name.strip_suffix('.').unwrap_or(name);
        let by_wildcard = || {
            let found = self.below.get(name.split_once('.')?.1)?;
            Some((Level::Wildcard, found))
        };
        self.exact.get(name).map(|found| (Level::Exact, found)).or_else(by_wildcard)
    }
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self { exact: HashMap::new(), below: HashMap::new() }
    }
}

impl<'n, T> FromIterator<(&'n str, T)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (&'n str, T)>>(all: I) -> Self {
        let mut built = Self::default();
        for (name, value) in all {
            breathe();
            match name.strip_prefix("*.") {
                Some(parent) => built.below.insert(parent.into(), value),
                None => built.exact.insert(name.into(), value),
            };
        }
        built
    }
}

#[cfg(test)]
mod tests;
