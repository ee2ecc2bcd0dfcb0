//! Names: `name@provider`, how a reference without `@` finds its provider, and names made of others.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::breath::breathe;

/// The qualified name of a router, service, middleware or other object: `name@provider`.
///
/// Both halves keep their case. Ordering is by name, then by provider. Cloning shares the text.
#[derive(Clone)]
pub struct QName {
    /// `name@provider`
    text: Arc<str>,
    /// The length of the name, which may have an `@` of its own.
    name: usize,
}

impl QName {
    /// Joins a bare name and the provider that defined it.
    pub fn new(name: impl AsRef<str>, provider: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        Self { text: [name, provider.as_ref()].join("@").into(), name: name.len() }
    }

    /// Resolves a reference: `x@file` is taken as it is, a bare `x` belongs to `referring` (the
    /// provider of the element that names it).
    pub fn resolve(reference: &str, referring: &str) -> Self {
        match reference.rsplit_once('@') {
            Some((name, _)) => Self { text: reference.into(), name: name.len() },
            None => Self::new(reference, referring),
        }
    }

    /// The part before `@`.
    pub fn name(&self) -> &str {
        self.text.get(..self.name).unwrap_or_default()
    }

    /// The part after `@`.
    pub fn provider(&self) -> &str {
        self.text.get(self.name.saturating_add(1)..).unwrap_or_default()
    }

    /// Both, joined by `@`.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Whether this is one of the proxy's own objects (`api@internal`).
    pub fn is_internal(&self) -> bool {
        self.provider() == "internal"
    }
}

// A map that is made of thousands at once compares neighbours.
impl PartialEq for QName {
    fn eq(&self, other: &Self) -> bool {
        breathe();
        self.name == other.name && self.text == other.text
    }
}

impl Eq for QName {}

impl Hash for QName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
        self.name.hash(state);
    }
}

impl Ord for QName {
    fn cmp(&self, other: &Self) -> Ordering {
        // Thousands are sorted together.
        breathe();
        self.name().cmp(other.name()).then_with(|| self.provider().cmp(other.provider()))
    }
}

impl PartialOrd for QName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for QName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

/// Joins the runs of letters and digits with `-`; case stays (Traefik: `normalize`).
pub fn normalize(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<&str>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves() {
        for (reference, name, provider) in [
            ("a", "a", "file"),
            ("a@swarm", "a", "swarm"),
            ("a@b@swarm", "a@b", "swarm"),
            ("@swarm", "", "swarm"),
            ("a@", "a", ""),
            ("", "", "file"),
            ("é", "é", "file"),
        ] {
            let resolved = QName::resolve(reference, "file");
            assert_eq!((resolved.name(), resolved.provider()), (name, provider), "{reference}");
            assert_eq!(resolved, QName::new(name, provider), "{reference}");
            assert_eq!(resolved.to_string(), format!("{name}@{provider}"));
        }
        assert_ne!(QName::new("a@b", "c"), QName::new("a", "b@c"));
    }

    #[test]
    fn order() {
        let mut names = [("b", "a"), ("a-", "x"), ("a", "y"), ("a@", "a"), ("a", "x")]
            .map(|(name, provider)| QName::new(name, provider));
        names.sort();
        assert_eq!(names.map(|name| name.to_string()), ["a@x", "a@y", "a-@x", "a@@a", "b@a"]);
    }
}
