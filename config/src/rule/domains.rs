//! The host names that a rule names.

use super::{Expr, Matcher};

pub(super) fn domains(expr: &Expr) -> Vec<String> {
    let mut names = Vec::new();
    collect(expr, &mut names);
    // Rules may name thousands of hosts: no quadratic search.
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn collect(expr: &Expr, names: &mut Vec<String>) {
    match expr {
        Expr::And(left, right) | Expr::Or(left, right) => {
            collect(left, names);
            collect(right, names);
        }
        Expr::Match { negated: false, matcher: Matcher::Host(host) } => {
            names.push(host.to_ascii_lowercase());
        }
        Expr::Match { .. } => {}
    }
}
