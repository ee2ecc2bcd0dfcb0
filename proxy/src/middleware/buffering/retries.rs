//! `retryExpression`: whether an answer is worth another try.

use http::{Method, StatusCode};

use crate::middleware::OneServer;
use crate::middleware::expression::{Expression, Function, Kind, Value};

/// So many tries are looked at; the one behind them is the last.
pub(super) const LOOKED_AT: i64 = 10;

/// What may stand in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    NetworkError,
    Attempts,
    Status,
    Method,
}

const FUNCTIONS: [Function<Asked>; 4] = [
    Function {
        name: "IsNetworkError",
        takes: &[],
        gives: Kind::Truth,
        make: |_| Some(Asked::NetworkError),
    },
    Function { name: "Attempts", takes: &[], gives: Kind::Whole, make: |_| Some(Asked::Attempts) },
    Function {
        name: "ResponseCode",
        takes: &[],
        gives: Kind::Whole,
        make: |_| Some(Asked::Status),
    },
    Function {
        name: "RequestMethod",
        takes: &[],
        gives: Kind::Text,
        make: |_| Some(Asked::Method),
    },
];

/// A built expression, and as it was written.
#[derive(Debug)]
pub(super) struct Retries {
    pub written: String,
    expression: Expression<Asked>,
}

impl Retries {
    pub(super) fn build(written: &str) -> Result<Option<Self>, String> {
        if written.is_empty() {
            return Ok(None);
        }
        let expression = Expression::parse(written, &FUNCTIONS)
            .map_err(|error| format!("retryExpression: {error}"))?;
        Ok(Some(Self { written: written.to_owned(), expression }))
    }

    /// Whether there is another try behind this many.
    pub(super) fn want(&self, tries: i64, method: &Method, status: StatusCode) -> bool {
        tries <= LOOKED_AT
            && self.expression.holds(&|asked| match asked {
                Asked::NetworkError => Value::Truth(matches!(status.as_u16(), 502 | 504)),
                Asked::Attempts => Value::Whole(tries),
                Asked::Status => Value::Whole(i64::from(status.as_u16())),
                Asked::Method => Value::Text(method.as_str()),
            })
    }

    /// The servers for which there is another try behind this many.
    pub(super) fn left(&self, tries: i64, method: &Method) -> OneServer {
        OneServer {
            refusing: self.want(tries, method, StatusCode::BAD_GATEWAY),
            silent: self.want(tries, method, StatusCode::GATEWAY_TIMEOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries() {
        // Expression, method, status, how many tries there are in all.
        for (written, method, status, expected) in [
            ("IsNetworkError()", "GET", 502, 11),
            ("IsNetworkError()", "GET", 504, 11),
            ("IsNetworkError()", "GET", 503, 1),
            ("IsNetworkError() && Attempts() < 2", "GET", 502, 2),
            ("IsNetworkError() && Attempts() <= 2", "GET", 502, 3),
            ("Attempts() < 100", "GET", 200, 11),
            ("ResponseCode() == 503 && RequestMethod() == \"GET\"", "GET", 503, 11),
            ("ResponseCode() == 503 && RequestMethod() == \"GET\"", "POST", 503, 1),
            ("ResponseCode() >= 500 && Attempts() <= 3", "PUT", 599, 4),
            ("RequestMethod() != `PUT`", "PUT", 200, 1),
        ] {
            let retries = Retries::build(written).unwrap().unwrap();
            let method = method.parse().unwrap();
            let status = StatusCode::from_u16(status).unwrap();
            let tries = (1..).find(|tries| !retries.want(*tries, &method, status)).unwrap();
            assert_eq!(tries, expected, "{written} {method} {status}");
        }
    }

    #[test]
    fn servers() {
        // Expression, tries, whether another follows one that refuses, and one that is silent.
        for (written, tries, refusing, silent) in [
            ("IsNetworkError()", 1, true, true),
            ("IsNetworkError()", 10, true, true),
            ("IsNetworkError()", 11, false, false),
            ("IsNetworkError() && Attempts() < 2", 2, false, false),
            ("ResponseCode() == 502", 1, true, false),
            ("ResponseCode() == 504", 1, false, true),
            ("ResponseCode() == 503", 1, false, false),
        ] {
            let retries = Retries::build(written).unwrap().unwrap();
            let left = retries.left(tries, &Method::GET);
            assert_eq!((left.refusing, left.silent), (refusing, silent), "{written} {tries}");
        }
    }

    #[test]
    fn built() {
        assert!(Retries::build("").unwrap().is_none());
        for (written, expected) in [
            ("Attempts()", "retryExpression: Attempts() is no condition"),
            ("NetworkErrorRatio() > 0.5", "retryExpression: expected IsNetworkError(), Attempts()"),
            ("Attempts() > 0.5", "retryExpression: expected a whole number"),
            ("!IsNetworkError()", "retryExpression: expected no !"),
        ] {
            let error = Retries::build(written).unwrap_err();
            assert!(error.starts_with(expected), "{written}: {error}");
        }
    }
}
