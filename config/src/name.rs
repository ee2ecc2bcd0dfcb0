//! Names: `name@provider`, and how a reference without `@` finds its provider.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The qualified name of a router, service, middleware or other object: `name@provider`.
///
/// Both halves keep their case. Ordering is by name, then by provider.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QName {
    name: Arc<str>,
    provider: Arc<str>,
}

impl QName {
    /// Joins a bare name and the provider that defined it.
    pub fn new(name: impl Into<Arc<str>>, provider: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), provider: provider.into() }
    }

    /// Resolves a reference: `x@file` is taken as it is, a bare `x` belongs to `referring` (the
    /// provider of the element that names it).
    pub fn resolve(reference: &str, referring: &str) -> Self {
        match reference.rsplit_once('@') {
            Some((name, provider)) => Self::new(name, provider),
            None => Self::new(reference, referring),
        }
    }

    /// The part before `@`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The part after `@`.
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Whether this is one of the proxy's own objects (`api@internal`).
    pub fn is_internal(&self) -> bool {
        &*self.provider == "internal"
    }
}

impl fmt::Display for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.provider)
    }
}

impl fmt::Debug for QName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for QName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
