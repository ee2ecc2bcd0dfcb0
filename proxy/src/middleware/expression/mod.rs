//! Small conditions over a few functions: `NetworkErrorRatio() > 0.5 || ResponseCode() == 502`.
//!
//! What Traefik's users write for `circuitBreaker` and `buffering`: Go's expressions, of which `&&`,
//! `||`, parentheses and comparisons of a function with a literal are left. Which functions there
//! are is up to the middleware; an expression is checked whole when it is built.

mod parser;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;

/// What a function gives or takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A condition by itself.
    Truth,
    /// Compared with `5`.
    Whole,
    /// Compared with `0.5`.
    Fraction,
    /// Compared with `"GET"`.
    Text,
}

/// What stands in an expression as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Whole(i64),
    Fraction(f64),
    Text(Box<str>),
}

/// What a function gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'v> {
    Truth(bool),
    Whole(i64),
    Fraction(f64),
    Text(&'v str),
}

/// A function that expressions may name.
pub(super) struct Function<F> {
    pub name: &'static str,
    pub takes: &'static [Kind],
    pub gives: Kind,
    /// The function with its arguments, which are of the kinds it takes.
    pub make: fn(&[Literal]) -> Option<F>,
}

/// How a value is compared with a literal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    fn allows(self, ordering: Option<Ordering>) -> bool {
        match self {
            Self::Equal => ordering == Some(Ordering::Equal),
            Self::Unequal => ordering != Some(Ordering::Equal),
            Self::Less => ordering == Some(Ordering::Less),
            Self::LessOrEqual => ordering.is_some_and(Ordering::is_le),
            Self::Greater => ordering == Some(Ordering::Greater),
            Self::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
        }
    }
}

/// A condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression<F> {
    Is(F),
    Compare(F, Comparison, Literal),
    Both(Box<(Self, Self)>),
    Either(Box<(Self, Self)>),
}

impl<F> Expression<F> {
    /// Reads one, with these functions; the error says where it goes wrong and what was expected.
    pub(super) fn parse(text: &str, functions: &[Function<F>]) -> Result<Self, String> {
        parser::parse(text, functions)
    }

    /// Whether it holds, when the functions give these values.
    pub(super) fn holds<'v>(&self, value: &impl Fn(&F) -> Value<'v>) -> bool {
        match self {
            Self::Is(function) => value(function) == Value::Truth(true),
            Self::Compare(function, comparison, literal) => {
                let ordering = match (value(function), literal) {
                    (Value::Whole(value), Literal::Whole(literal)) => Some(value.cmp(literal)),
                    (Value::Fraction(value), Literal::Fraction(literal)) => {
                        value.partial_cmp(literal)
                    }
                    (Value::Text(value), Literal::Text(literal)) => Some(value.cmp(literal)),
                    // The parser lets nothing else through.
                    _ => return false,
                };
                comparison.allows(ordering)
            }
            Self::Both(two) => two.0.holds(value) && two.1.holds(value),
            Self::Either(two) => two.0.holds(value) || two.1.holds(value),
        }
    }

    /// The same over other functions.
    pub(super) fn map<G>(self, change: &mut impl FnMut(F) -> G) -> Expression<G> {
        let mut both = |two: Box<(Self, Self)>| {
            let (first, second) = *two;
            Box::new((first.map(&mut *change), second.map(&mut *change)))
        };
        match self {
            Self::Both(two) => Expression::Both(both(two)),
            Self::Either(two) => Expression::Either(both(two)),
            Self::Is(function) => Expression::Is(change(function)),
            Self::Compare(function, comparison, literal) => {
                Expression::Compare(change(function), comparison, literal)
            }
        }
    }
}
