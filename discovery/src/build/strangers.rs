//! Names that an item wrote and could not get: nothing of its own may lead to whoever has them.
//!
//! A stack that describes its own `auth` means that one. If its labels cannot be read, or somebody
//! older has the name, a stranger's `auth` is no replacement: whoever runs that one would otherwise
//! decide who may enter here, or receive what was meant for others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use swarmgate_config::breath::breathe;
use swarmgate_config::finding::{ObjectKind, Origin};
use swarmgate_config::routing::{Configuration, Middleware, Written};

/// A name of one kind, in lower case.
pub type Name = (ObjectKind, String);

/// Which names who has lost, and who belongs to which stack.
#[derive(Debug, Default)]
pub struct Strangers {
    /// Stacks by item.
    stacks: BTreeMap<Arc<str>, Arc<str>>,
    /// By item: what its labels name, and what could not be read.
    items: BTreeMap<Arc<str>, BTreeSet<Name>>,
    /// By stack: that, and what somebody else has.
    whole_stacks: BTreeMap<Arc<str>, BTreeSet<Name>>,
    /// Names of what cannot be read, and the oldest item that has lost each.
    held: BTreeMap<Name, Arc<str>>,
    echoes: Vec<Echo>,
}

/// A middleware that is described just as by the older item that holds the name. What it leads to
/// may nevertheless be one thing to the one, and another to the other.
#[derive(Debug)]
pub struct Echo {
    origin: Origin,
    name: String,
    /// Names of the provider's own middlewares and services.
    leads_to: Vec<(ObjectKind, String)>,
}

impl Echo {
    /// The newcomer's description; `None`: it leads nowhere.
    pub fn of(provider: &str, name: &str, written: &Written<Middleware>) -> Option<Self> {
        let own = |reference| super::merge::own(provider, reference).to_owned();
        let Middleware { chain, errors, .. } = &*written.value;
        let inner = chain.iter().flat_map(|chain| &chain.middlewares);
        let inner = inner.map(|reference| (ObjectKind::Middleware, own(reference)));
        let pages = errors.iter().map(|errors| (ObjectKind::Service, own(&errors.service)));
        let leads_to: Vec<_> = inner.chain(pages).filter(|(_, name)| !name.is_empty()).collect();
        let (origin, name) = (written.origin.clone(), name.to_owned());
        (!leads_to.is_empty()).then_some(Self { origin, name, leads_to })
    }
}

/// An object that is not to be served, and the name that leads astray.
#[derive(Debug, PartialEq, Eq)]
pub struct Astray {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub name: String,
    /// What it refers to.
    pub through: String,
    /// Where that is written, if what is served under its name is somebody else's and stays.
    pub echo: Option<Origin>,
}

impl Strangers {
    /// Notes an item and its stack.
    pub fn item(&mut self, item: &Arc<str>, stack: Option<&Arc<str>>) {
        if let Some(stack) = stack {
            self.stacks.insert(Arc::clone(item), Arc::clone(stack));
        }
    }

    /// The stack of whoever wrote this.
    pub fn stack(&self, origin: &Origin) -> Option<&Arc<str>> {
        self.stacks.get(writer(origin)?)
    }

    /// Notes what an item names and does not describe readably. From now on the names are kept for it.
    pub fn unreadable(&mut self, item: &Arc<str>, names: BTreeSet<Name>) {
        for name in &names {
            self.held.entry(name.clone()).or_insert_with(|| Arc::clone(item));
        }
        if let Some(stack) = self.stacks.get(item).filter(|_| !names.is_empty()) {
            self.whole_stacks.entry(Arc::clone(stack)).or_default().extend(names.iter().cloned());
        }
        if !names.is_empty() {
            self.items.entry(Arc::clone(item)).or_default().extend(names);
        }
    }

    /// Notes what an item describes and somebody else has.
    pub fn taken<'n>(
        &mut self,
        item: &Arc<str>,
        kind: ObjectKind,
        names: impl IntoIterator<Item = &'n String>,
    ) {
        let mut names = names.into_iter().map(|name| (kind, name.to_lowercase())).peekable();
        if names.peek().is_none() {
            return;
        }
        let lost = match self.stacks.get(item) {
            Some(stack) => self.whole_stacks.entry(Arc::clone(stack)),
            None => self.items.entry(Arc::clone(item)),
        };
        lost.or_default().extend(names);
    }

    /// Notes middlewares that somebody older holds and an item describes just so.
    pub fn echo(&mut self, echoes: impl IntoIterator<Item = Echo>) {
        self.echoes.extend(echoes);
    }

    /// The older item for which this name is kept, if that is another stack's.
    pub fn holder(&self, item: &Arc<str>, kind: ObjectKind, name: &str) -> Option<&Arc<str>> {
        if self.held.is_empty() {
            return None;
        }
        let holder = self.held.get(&(kind, name.to_lowercase()))?;
        let stack = self.stacks.get(holder);
        (stack.is_none() || stack != self.stacks.get(item)).then_some(holder)
    }

    /// What would go to a stranger, once everybody has got the names that are his. Whatever refers
    /// to one of these does not work without it.
    pub fn astray(&mut self, provider: &str, whole: &Configuration) -> Vec<Astray> {
        if self.items.is_empty() && self.whole_stacks.is_empty() {
            return Vec::new();
        }
        let mut found = self.astray_echoes(whole);
        let middleware = |origin: &Origin, references: &[String]| {
            let names = references.iter().map(|reference| super::merge::own(provider, reference));
            let mut strange = names.filter(|name| {
                breathe();
                let holder = whole.middlewares.get(*name).map(|holder| &holder.origin);
                self.is_strange(origin, ObjectKind::Middleware, name, holder)
            });
            strange.next().map(str::to_owned)
        };
        let service = |origin: &Origin, reference: &str| {
            let name = super::merge::own(provider, reference);
            let holder = whole.services.get(name).map(|holder| &holder.origin);
            let strange = self.is_strange(origin, ObjectKind::Service, name, holder);
            strange.then(|| name.to_owned())
        };
        let mut add = |kind, name: &String, through: Option<String>| {
            let astray = |through| Astray { kind, name: name.clone(), through, echo: None };
            found.extend(through.map(astray));
        };
        for (name, written) in &whole.middlewares {
            if let Some(chain) = &written.value.chain {
                add(ObjectKind::Middleware, name, middleware(&written.origin, &chain.middlewares));
            }
            if let Some(errors) = &written.value.errors {
                add(ObjectKind::Middleware, name, service(&written.origin, &errors.service));
            }
        }
        for (name, written) in &whole.services {
            let through = middleware(&written.origin, &written.value.middlewares);
            add(ObjectKind::Service, name, through);
        }
        for (name, written) in &whole.routers {
            let reference = written.value.service.as_deref();
            let through = reference.and_then(|it| service(&written.origin, it));
            let through =
                through.or_else(|| middleware(&written.origin, &written.value.middlewares));
            add(ObjectKind::Router, name, through);
        }
        found
    }

    /// The same of what somebody older holds: he means his own by it, and whoever wrote it once more
    /// has lost it.
    fn astray_echoes(&mut self, whole: &Configuration) -> Vec<Astray> {
        let echoes = std::mem::take(&mut self.echoes);
        let mut led_to: BTreeMap<Name, Vec<usize>> = BTreeMap::new();
        for (number, echo) in echoes.iter().enumerate() {
            for (kind, name) in &echo.leads_to {
                led_to.entry((*kind, name.to_lowercase())).or_default().push(number);
            }
        }
        let mut found: BTreeMap<usize, Astray> = BTreeMap::new();
        let mut open: Vec<usize> = (0..echoes.len()).collect();
        while let Some(number) = open.pop() {
            breathe();
            let Some(echo) = echoes.get(number).filter(|_| !found.contains_key(&number)) else {
                continue;
            };
            let through = echo.leads_to.iter().find(|(kind, name)| {
                let holder = match kind {
                    ObjectKind::Service => whole.services.get(name).map(|it| &it.origin),
                    _ => whole.middlewares.get(name).map(|it| &it.origin),
                };
                self.is_strange(&echo.origin, *kind, name, holder)
            });
            let (Some((_, through)), Some(item)) = (through, writer(&echo.origin)) else {
                continue;
            };
            let kind = ObjectKind::Middleware;
            self.taken(item, kind, [&echo.name]);
            let name = echo.name.clone();
            open.extend(led_to.get(&(kind, name.to_lowercase())).into_iter().flatten());
            let (through, echo) = (through.clone(), Some(echo.origin.clone()));
            found.insert(number, Astray { kind, name, through, echo });
        }
        found.into_values().collect()
    }

    /// Whether a name means another object to the writer than the one that `holder` wrote.
    fn is_strange(
        &self,
        writer_of: &Origin,
        kind: ObjectKind,
        name: &str,
        holder: Option<&Origin>,
    ) -> bool {
        let (Some(writer), Some(holder)) = (writer(writer_of), holder) else { return false };
        let lost = |names: Option<&BTreeSet<Name>>| {
            names.is_some_and(|names| names.contains(&(kind, name.to_lowercase())))
        };
        if lost(self.items.get(writer)) {
            return true;
        }
        let stack = self.stacks.get(writer);
        stack.is_some_and(|stack| lost(self.whole_stacks.get(stack))) && stack != self.stack(holder)
    }
}

/// The item that something comes from.
pub fn writer(origin: &Origin) -> Option<&Arc<str>> {
    match origin {
        Origin::Label { service, .. } => Some(service),
        _ => None,
    }
}
