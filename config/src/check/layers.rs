//! Layered routers (`parentRefs`): who is whose child, and in what order they are checked.
//!
//! Roots are as any other router. Children have neither entry points nor TLS of their own; they see
//! what their parents' middlewares have left of a request (reference: HTTP routing §15).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use super::copies::copies;
use super::entry_points::EntryPoints;
use super::trouble::Trouble;
use crate::breath::breathe;
use crate::name::QName;
use crate::routing::{self, Router, Written};

type Providers<'a> = [(&'a Arc<str>, &'a routing::Configuration)];

/// The trees of layered routers; nothing at all where there are none.
#[derive(Default)]
pub(super) struct Layers<'a> {
    /// By parent, those that are no children themselves as well.
    children: BTreeMap<QName, Vec<QName>>,
    /// All children, those that have children of their own after these.
    bottom_up: Vec<(QName, &'a Written<Router>)>,
    reached: HashSet<QName>,
    circles: HashMap<QName, Vec<Trouble>>,
}

impl<'a> Layers<'a> {
    pub(super) fn new(providers: &Providers<'a>) -> Self {
        let mut layers = Self::default();
        let mut written: BTreeMap<QName, &'a Written<Router>> = BTreeMap::new();
        for (provider, configuration) in providers {
            for (name, router) in &configuration.routers {
                breathe();
                if !router.value.parent_refs.is_empty() {
                    written.insert(QName::new(name, provider), router);
                }
            }
        }
        for (name, router) in &written {
            for parent in parents(name, &router.value) {
                if find(providers, &parent).is_some() {
                    let children = layers.children.entry(parent).or_default();
                    if children.last() != Some(name) {
                        children.push(name.clone());
                    }
                }
            }
        }
        let roots: Vec<QName> =
            layers.children.keys().filter(|name| !written.contains_key(*name)).cloned().collect();
        for root in roots {
            layers.walk(root, &written);
        }
        for (name, router) in &written {
            if !layers.reached.contains(name) {
                layers.bottom_up.push((name.clone(), router));
            }
        }
        layers
    }

    /// Goes through what is below a root, without recursion: the depth is the users'. What leads
    /// back to a router on the way is cut off.
    fn walk(&mut self, root: QName, written: &BTreeMap<QName, &'a Written<Router>>) {
        let mut path: Vec<(QName, usize)> = vec![(root, 0)];
        // The routers on it; a root is below nobody.
        let mut open: HashSet<QName> = HashSet::new();
        while let Some((name, next)) = path.last_mut() {
            breathe();
            let child = self.children.get(name).and_then(|children| children.get(*next)).cloned();
            let Some(child) = child else {
                let Some((name, _)) = path.pop() else { return };
                open.remove(&name);
                if let Some(router) = written.get(&name) {
                    self.bottom_up.push((name, router));
                }
                continue;
            };
            if open.contains(&child)
                && let Some(begin) = path.iter().position(|(name, _)| *name == child)
            {
                self.cut(path.get(begin..).unwrap_or_default(), &child);
                continue;
            }
            if let Some((_, next)) = path.last_mut() {
                *next = next.saturating_add(1);
            }
            if self.reached.insert(child.clone()) {
                open.insert(child.clone());
                path.push((child, 0));
            }
        }
    }

    /// `circle`: from `victim` to the router that names it as its child once more.
    fn cut(&mut self, circle: &[(QName, usize)], victim: &QName) {
        let Some((guilty, _)) = circle.last() else { return };
        let mut way: Vec<String> =
            circle.iter().take(SHOWN).map(|(name, _)| name.to_string()).collect();
        if circle.len() > SHOWN {
            way.push("...".into());
        }
        way.push(victim.to_string());
        let text = format!("cyclic reference detected in router tree: {}", way.join(" -> "));
        let trouble = Trouble::new(text).expected("a router that is not below itself");
        self.circles.entry(guilty.clone()).or_default().push(trouble);
        if let Some(children) = self.children.get_mut(guilty) {
            children.retain(|child| child != victim);
        }
    }

    /// All children, each after those below it.
    pub(super) fn bottom_up(&self) -> Vec<(QName, &'a Written<Router>)> {
        self.bottom_up.clone()
    }

    /// The routers that name this one as their parent, by name.
    pub(super) fn children(&self, name: &QName) -> &[QName] {
        self.children.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where a child stands, and what is wrong with that.
    pub(super) fn place(
        &self,
        name: &QName,
        router: &Router,
        providers: &Providers<'_>,
        entry_points: &EntryPoints,
    ) -> Place {
        let mut fatal = Vec::new();
        let mut shown = Vec::with_capacity(router.parent_refs.len());
        for parent in parents(name, router) {
            match find(providers, &parent) {
                None => {
                    let text = format!("parent router \"{parent}\" does not exist");
                    fatal.push(Trouble::new(text));
                    shown.push(parent.to_string());
                }
                // It is below each copy that entry points make of a root.
                Some(written) if written.value.parent_refs.is_empty() => {
                    let copies = copies(&parent, &written.value, entry_points);
                    shown.extend(copies.iter().map(|copy| copy.name.to_string()));
                }
                Some(_) => shown.push(parent.to_string()),
            }
        }
        let root = "the option on the router at the root";
        if router.tls.is_some() {
            let text = "non-root router cannot have TLS configuration";
            fatal.push(Trouble::new(text).expected(root));
        } else if router.observability.is_some() {
            let text = "non-root router cannot have Observability configuration";
            fatal.push(Trouble::new(text).expected(root));
        } else if !router.entry_points.is_empty() {
            let text = "non-root router cannot have Entrypoints configuration";
            fatal.push(Trouble::new(text).expected(root));
        }
        let has_service = router.service.as_ref().is_some_and(|service| !service.is_empty());
        if !self.reached.contains(name) {
            let text = "router is not reachable";
            fatal.push(Trouble::new(text).expected("parents that lead to a router without any"));
        } else if !has_service && self.children(name).is_empty() {
            fatal.push(Trouble::new("router has no service and no child routers"));
        } else if has_service && !self.children(name).is_empty() {
            fatal.push(both());
        }
        let mild = self.circles.get(name).cloned().unwrap_or_default();
        Place { parents: shown, fatal, mild }
    }
}

/// Where a child stands.
pub(super) struct Place {
    /// Its parents' qualified names, those of their copies where there are any.
    pub(super) parents: Vec<String>,
    /// What disables it.
    pub(super) fatal: Vec<Trouble>,
    /// What only is a warning.
    pub(super) mild: Vec<Trouble>,
}

/// So many names of a circle are shown.
const SHOWN: usize = 10;

/// A router with a service and children.
pub(super) fn both() -> Trouble {
    Trouble::new("router has both a service and is referenced as a parent by other routers")
        .expected("only the one or the other")
}

/// The parents' qualified names.
fn parents(name: &QName, router: &Router) -> impl Iterator<Item = QName> {
    router.parent_refs.iter().map(|parent| QName::resolve(parent, name.provider()))
}

fn find<'a>(providers: &Providers<'a>, name: &QName) -> Option<&'a Written<Router>> {
    let (_, written) = providers.iter().find(|(provider, _)| ***provider == *name.provider())?;
    written.routers.get(name.name())
}
