//! Route lookup: which router takes a request.
//!
//! [`predicate`] says whether a rule holds, [`index`] and [`path_index`] say which rules are worth
//! asking. The answer is always that of a scan in order of precedence; only the cost differs.

#[cfg(test)]
mod aimed;
mod index;
mod path_index;
mod predicate;
mod query;
#[cfg(test)]
mod tests;
mod why;

use std::net::IpAddr;

use http::{HeaderMap, Method};
use swarmgate_config::breath::breathe;
use swarmgate_config::checked::Route;

use self::index::Index;
use self::predicate::Predicate;
pub use self::why::{Considered, Failure, Part};

/// What matchers see of a request.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Request<'a> {
    pub method: &'a Method,
    /// See [`crate::canonical::host`].
    pub host: &'a str,
    /// With its port, in its case; templates of v2 look at it.
    pub host_as_sent: &'a str,
    /// See [`crate::canonical::routing_path`].
    pub path: &'a [u8],
    /// Raw, without `?`; semicolons dealt with (see [`crate::canonical::query`]).
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
    pub client_ip: IpAddr,
}

/// The routers of one entry point and one kind (TLS or plain), ready for lookup.
#[derive(Debug, Default)]
pub struct Table {
    /// In order of precedence; an entry's place is its rank.
    entries: Vec<Entry>,
    index: Index,
}

#[derive(Debug)]
struct Entry {
    /// The caller's number.
    number: usize,
    rule: Predicate,
}

// Thousands are dropped together.
impl Drop for Entry {
    fn drop(&mut self) {
        breathe();
    }
}

impl Table {
    /// Builds the table. `routes` come in order of precedence; the given numbers are what
    /// [`Table::find`] returns. A rule whose regular expression does not compile is an error of
    /// that route (number, message) and is left out.
    pub fn build<'r>(
        routes: impl IntoIterator<Item = (usize, &'r Route)>,
    ) -> (Self, Vec<(usize, String)>) {
        let routes = routes.into_iter();
        // Growing moves all of them, at once.
        let mut entries = Vec::with_capacity(routes.size_hint().0);
        let mut wrong = Vec::new();
        for (number, route) in routes {
            breathe();
            match Predicate::compile(&route.rule) {
                Ok(rule) => entries.push(Entry { number, rule }),
                Err(error) => wrong.push((number, error)),
            }
        }
        let index = Index::build(entries.iter().map(|entry| &entry.rule));
        (Self { entries, index }, wrong)
    }

    /// The number of the first route in precedence that matches.
    ///
    /// Allocates only when a `QueryRegexp`, a `Query` of v2, or a regular expression over bytes that
    /// are not UTF-8, is reached.
    pub fn find(&self, request: &Request<'_>) -> Option<usize> {
        let holds = |rank: u32| {
            self.entries.get(rank as usize).is_some_and(|entry| entry.rule.holds(request))
        };
        let rank = self.index.first(request.host, request.path, holds)?;
        self.entries.get(rank as usize).map(|entry| entry.number)
    }

    /// How many routes it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds no route.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What [`Table::find`] must equal.
    #[cfg(test)]
    fn scan(&self, request: &Request<'_>) -> Option<usize> {
        self.entries.iter().find(|entry| entry.rule.holds(request)).map(|entry| entry.number)
    }
}
