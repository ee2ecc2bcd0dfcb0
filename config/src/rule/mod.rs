//! Router rules: text -> syntax tree; the domains a rule names.
//!
//! Syntax only: matching is the data plane's (`proxy/src/route`). The grammar is Go's expression
//! subset that Traefik v3 accepts (Traefik: HTTP routing, rules and priority):
//!
//! ```text
//! rule  = and { "||" and }
//! and   = unary { "&&" unary }
//! unary = "!" unary | "(" rule ")" | NAME "(" string { "," string } [","] ")"
//! ```
//!
//! [`Syntax::V2`] has the same grammar and other matchers.

mod domains;
pub mod go_regex;
pub mod ip_range;
mod lexer;
mod matchers;
mod parser;
mod template;
#[cfg(test)]
mod tests;
mod v2;
#[cfg(test)]
mod v2_tests;

use std::fmt;

pub(crate) use self::lexer::shortened;

/// A parsed rule. `!` is pushed down to the leaves by De Morgan, as Traefik does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// All hold, left to right.
    And(Box<Expr>, Box<Expr>),
    /// One holds, left to right.
    Or(Box<Expr>, Box<Expr>),
    /// A matcher call.
    Match {
        /// Preceded by an odd number of `!`.
        negated: bool,
        /// What is matched.
        matcher: Matcher,
    },
}

/// Which matchers a rule has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Syntax {
    /// Traefik v3's.
    #[default]
    V3,
    /// Traefik v2's, for routers that say so (`ruleSyntax: v2`).
    V2,
}

/// A matcher with its arguments as written (strings unquoted), already checked for arity and
/// form: paths begin with `/`, regular expressions are well-formed, `ClientIP` is an address or
/// CIDR.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Matcher {
    Host(String),
    HostRegexp(String),
    Method(String),
    Path(String),
    PathPrefix(String),
    PathRegexp(String),
    Header {
        name: String,
        value: String,
    },
    HeaderRegexp {
        name: String,
        regex: String,
    },
    Query {
        key: String,
        value: Option<String>,
    },
    QueryRegexp {
        key: String,
        regex: Option<String>,
    },
    ClientIp(String),
    /// v2's `Host` of a text with a star in front, which is a letter there. For TLS it is a
    /// wildcard all the same, as in Traefik.
    HostName(String),
    /// v2's `HostHeader`: its `Host`, but no domain.
    HostHeader(String),
    /// v2's `HostRegexp`.
    HostTemplate(Template),
    /// v2's `Path` with variables.
    PathTemplate(Template),
    /// v2's `PathPrefix` with variables.
    PathPrefixTemplate(Template),
    /// v2's `Query`; the template is of `key=value`.
    QueryTemplate {
        key: String,
        template: Template,
    },
}

/// A template of v2 (`/users/{id:[0-9]+}`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    /// As written.
    pub text: String,
    /// The regular expression that it stands for, in Go's syntax.
    pub regex: String,
}

/// Why a rule does not parse: a message that names the place (line:column, from 1), what was
/// found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// The whole message.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuleError {}

/// Parses a v3 rule. Of regular expressions only the form is looked at.
pub fn parse(rule: &str) -> Result<Expr, RuleError> {
    parse_as(rule, Syntax::V3)
}

/// Parses a rule of either syntax in the same way.
pub fn parse_as(rule: &str, syntax: Syntax) -> Result<Expr, RuleError> {
    parse_with(rule, syntax, &mut |pattern| go_regex::translate(pattern).map(drop))
}

/// The same; `regex` says of each regular expression whether it can be had.
pub(crate) fn parse_with(
    rule: &str,
    syntax: Syntax,
    regex: &mut dyn FnMut(&str) -> Result<(), String>,
) -> Result<Expr, RuleError> {
    parser::parse(rule, syntax, regex)
}

/// The names in `Host(...)` matchers that are not negated: lower-case, in order, without
/// repetition. These are what ACME orders and what TLS options are chosen by.
pub fn domains(expr: &Expr) -> Vec<String> {
    domains::names(expr, false)
}

/// The same with the names in v2's `HostHeader(...)`, which are hosts and no domains.
pub fn hosts(expr: &Expr) -> Vec<String> {
    domains::names(expr, true)
}
