//! The host names that a rule names.

use super::{Expr, Matcher};

/// `headers`: those in `HostHeader` count as well.
pub(super) fn names(expr: &Expr, headers: bool) -> Vec<String> {
    let mut names = Vec::new();
    collect(expr, headers, &mut names);
    // Rules may name thousands of hosts: no quadratic search.
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn collect(expr: &Expr, headers: bool, names: &mut Vec<String>) {
    match expr {
        Expr::And(left, right) | Expr::Or(left, right) => {
            collect(left, headers, names);
            collect(right, headers, names);
        }
        Expr::Match { negated: true, .. } => {}
        Expr::Match { matcher, .. } => match matcher {
            Matcher::Host(host) | Matcher::HostName(host) => names.push(host.to_ascii_lowercase()),
            Matcher::HostHeader(host) if headers => names.push(host.to_ascii_lowercase()),
            _ => {}
        },
    }
}
