//! Why a rule does not hold: the first part that fails, found by the compiled rule itself.
//!
//! For people who ask (`swarmgate explain`), never on a request's way. The walk asks the very
//! predicates that lookup asks, so the two cannot disagree; a property test says so, too.

use std::borrow::Cow;

use http::header::HeaderName;

use super::predicate::{Predicate, Test};
use super::{Request, Table, query};
use crate::canonical;

/// So many alternatives of one rule are told; the others are counted.
const ALTERNATIVES: usize = 3;
/// The most of a request's text that is repeated, in bytes.
const SHOWN: usize = 200;

/// A route of a table, in order of precedence.
#[derive(Debug)]
pub struct Considered {
    /// The caller's number.
    pub number: usize,
    /// Whether its rule could hold for this host, were everything else as it wants.
    pub for_host: bool,
    /// Whether its rule says anything about the host.
    pub names_host: bool,
    /// Why it does not hold, without parts where it is for other hosts; `None` where it holds.
    pub failure: Option<Failure>,
}

/// The first part of a rule that fails, or each alternative's where one of several was to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// At most three.
    pub parts: Vec<Part>,
    /// How many alternatives are not told.
    pub more: usize,
    /// How many matchers the rule has, which tells whether a text read anew is the same rule.
    pub matchers: usize,
}

/// One matcher that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its place among the rule's matchers, left to right, from 0.
    pub matcher: usize,
    /// Preceded by `!`.
    pub negated: bool,
    /// What the request has instead: `the path is /x`.
    pub fact: String,
}

impl Table {
    /// All routes in order of precedence. The first without a failure is the one that
    /// [`Table::find`] gives.
    ///
    /// It costs the time of asking each rule, which is for the control plane.
    pub fn walk<'t>(
        &'t self,
        request: &'t Request<'t>,
    ) -> impl Iterator<Item = Considered> + use<'t> {
        self.entries.iter().map(move |entry| {
            swarmgate_config::breath::breathe();
            let for_host = entry.rule.could_hold(request);
            Considered {
                number: entry.number,
                for_host,
                names_host: entry.rule.names_host(),
                // What is for other hosts needs no words, and may be ten thousand rules.
                failure: match for_host {
                    true => entry.rule.failure(request),
                    false => Some(Failure::default()),
                },
            }
        })
    }

    /// The numbers of all routes in order of precedence, with whether each could hold for a host.
    pub fn numbers<'t>(
        &'t self,
        request: &'t Request<'t>,
    ) -> impl Iterator<Item = (usize, bool)> + use<'t> {
        self.entries.iter().map(move |entry| {
            swarmgate_config::breath::breathe();
            (entry.number, entry.rule.could_hold(request))
        })
    }
}

impl Predicate {
    /// The first part that fails; `None` when all holds.
    pub(super) fn failure(&self, request: &Request<'_>) -> Option<Failure> {
        if self.holds(request) {
            return None;
        }
        let mut failure = Failure { matchers: self.matchers(), ..Failure::default() };
        self.find_failure(request, 0, &mut failure);
        Some(failure)
    }

    /// `first`: the place of this part's first matcher. Called only on what does not hold.
    fn find_failure(&self, request: &Request<'_>, first: usize, into: &mut Failure) {
        let mut at = first;
        match self {
            Self::All(parts) => {
                for part in parts {
                    if !part.holds(request) {
                        return part.find_failure(request, at, into);
                    }
                    at = at.saturating_add(part.matchers());
                }
            }
            Self::Any(parts) => {
                for part in parts {
                    part.find_failure(request, at, into);
                    at = at.saturating_add(part.matchers());
                }
            }
            Self::Is(_) | Self::Not(_) if into.parts.len() >= ALTERNATIVES => {
                into.more = into.more.saturating_add(1);
            }
            Self::Is(test) => into.push(at, false, test, request),
            Self::Not(test) => into.push(at, true, test, request),
        }
    }

    /// How many matchers it has.
    fn matchers(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::matchers).sum(),
            Self::Is(_) | Self::Not(_) => 1,
        }
    }

    /// Whether it could hold for the request's host: every matcher that does not look at the host
    /// is taken to hold.
    fn could_hold(&self, request: &Request<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.could_hold(request)),
            Self::Any(parts) => parts.iter().any(|part| part.could_hold(request)),
            Self::Is(test) => !test.is_about_host() || test.holds(request),
            Self::Not(test) => !test.is_about_host() || !test.holds(request),
        }
    }

    /// Whether a matcher asks for some hosts and not for all.
    fn names_host(&self) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(Self::names_host),
            Self::Is(test) => test.is_about_host(),
            Self::Not(_) => false,
        }
    }
}

impl Failure {
    fn push(&mut self, matcher: usize, negated: bool, test: &Test, request: &Request<'_>) {
        self.parts.push(Part { matcher, negated, fact: fact(test, request) });
    }
}

impl Test {
    fn is_about_host(&self) -> bool {
        matches!(
            self,
            Self::Host(_) | Self::HostBelow(_) | Self::HostRegexp(..) | Self::HostTemplate(_)
        )
    }
}

fn host(host: &str) -> String {
    match host {
        "" => "the request has no host".into(),
        host => format!("the host is {}", shown(host.as_bytes())),
    }
}

/// What the request has where the matcher looks.
fn fact(test: &Test, request: &Request<'_>) -> String {
    match test {
        Test::Always => "it holds for every request".into(),
        Test::Never => "no request can fulfil it".into(),
        Test::Host(_) | Test::HostBelow(_) | Test::HostRegexp(..) => host(request.host),
        Test::HostTemplate(_) => host(canonical::split_port(request.host_as_sent)),
        Test::Method(_) => format!("the method is {}", shown(request.method.as_str().as_bytes())),
        Test::Path(_) | Test::PathPrefix(_) | Test::PathRegexp(_) => {
            format!("the path is {}", shown(request.path))
        }
        Test::Header(name, _) | Test::HeaderRegexp(name, _) => header(name, request),
        Test::Upgrade => "the request asks for no upgrade".into(),
        Test::Query(key, _) | Test::QueryRegexp(key, _) | Test::QueryTemplate(key, _) => {
            let mut values = query::values(request.query, key);
            let name = shown(key);
            match values.next() {
                None => format!("the query has no {name}"),
                Some(value) => {
                    format!("the query's {name} is \"{}\"", shown(&query::decode(value)))
                }
            }
        }
        Test::ClientIp(_) => format!("the client is {}", request.client_ip),
    }
}

fn header(name: &HeaderName, request: &Request<'_>) -> String {
    let mut lines = request.headers.get_all(name).iter();
    match lines.next() {
        None => format!("the request has no header {name}"),
        Some(value) => format!("the header {name} is \"{}\"", shown(value.as_bytes())),
    }
}

/// Text of the request as it can be printed: bounded, without control characters.
fn shown(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN).unwrap_or(bytes);
    let text: Cow<'_, str> = String::from_utf8_lossy(cut);
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    if cut.len() < bytes.len() {
        shown.push_str("...");
    }
    shown
}
