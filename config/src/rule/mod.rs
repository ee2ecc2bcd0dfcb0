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

mod domains;
pub mod go_regex;
pub mod ip_range;
mod lexer;
mod matchers;
mod parser;
#[cfg(test)]
mod tests;

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
    Header { name: String, value: String },
    HeaderRegexp { name: String, regex: String },
    Query { key: String, value: Option<String> },
    QueryRegexp { key: String, regex: Option<String> },
    ClientIp(String),
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
    parse_with(rule, &mut |pattern| go_regex::translate(pattern).map(drop))
}

/// The same; `regex` says of each regular expression whether it can be had.
pub(crate) fn parse_with(
    rule: &str,
    regex: &mut dyn FnMut(&str) -> Result<(), String>,
) -> Result<Expr, RuleError> {
    parser::parse(rule, regex)
}

/// The names in `Host(...)` matchers that are not negated: lower-case, in order, without
/// repetition. These are what ACME orders and what TLS options are chosen by.
pub fn domains(expr: &Expr) -> Vec<String> {
    domains::domains(expr)
}
