//! Environment variables -> the keyed tree (Traefik: install configuration, env).

use std::ffi::OsString;
use std::sync::Arc;

use super::place::Source;
use super::suggest::closest;
use super::text::shorten;
use super::tree::{Builder, ROOT, Tree, split_key};
use crate::finding::{Finding, Origin, Severity};

const PREFIX: &str = "TRAEFIK_";

/// Reads the variables that name something under one of the top-level `fields`.
///
/// As in Traefik, a variable counts only if its name begins with `TRAEFIK_` and a top-level field
/// in upper case: container engines put `TRAEFIK_PORT` and the like into every environment.
pub(super) fn parse(
    variables: &[(String, OsString)],
    fields: &[&'static str],
) -> (Tree<'static>, Vec<Finding>) {
    let mut findings = Vec::new();
    let mut relevant: Vec<(&str, &OsString)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .filter(|(name, _)| is_relevant(name, fields))
        .collect();
    relevant.sort_unstable();
    let mut builder = Builder::new(Source::Variables);
    for (name, value) in relevant {
        let key: Arc<str> = name.into();
        let origin = Origin::Env { variable: shorten(name, 256).into() };
        let Some(value) = value.to_str() else {
            let finding = Finding::new(Severity::Error, origin, "the value is not UTF-8");
            findings.push(finding.expected("text in UTF-8"));
            continue;
        };
        let path = name.get(PREFIX.len()..).unwrap_or_default().to_lowercase().replace('_', ".");
        match split_key(&path) {
            Ok(names) => {
                let id = builder.reach(&names, &key);
                builder.put(id, value, &key);
            }
            Err(error) => {
                let finding = Finding::new(Severity::Error, origin, error.message());
                findings.push(finding.expected("a name such as TRAEFIK_LOG_LEVEL"));
            }
        }
    }
    let tree = builder.build();
    // Somebody who sets nothing else is not told about variables that an engine put there.
    if tree.has_children(ROOT) {
        findings.extend(near_misses(variables, fields));
    }
    (tree, findings)
}

/// Whether any variable counts.
pub(super) fn any(variables: &[(String, OsString)], fields: &[&'static str]) -> bool {
    variables.iter().any(|(name, _)| is_relevant(name, fields))
}

fn is_relevant(name: &str, fields: &[&str]) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|rest| {
        fields.iter().any(|field| rest.starts_with(&field.to_ascii_uppercase()))
    })
}

/// Ignored variables that look like a typing error of one that counts.
fn near_misses(variables: &[(String, OsString)], fields: &[&'static str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, _) in variables.iter().filter(|(name, _)| !is_relevant(name, fields)) {
        let Some((_, rest)) =
            name.split_once('_').filter(|(root, _)| root.eq_ignore_ascii_case("traefik"))
        else {
            continue;
        };
        let first = rest.split('_').next().unwrap_or_default();
        if let Some(field) = closest(first, fields).filter(|_| first.len() > 3) {
            let origin = Origin::Env { variable: shorten(name, 256).into() };
            let message = "the variable is not read: it begins with no known name";
            let expected = format!("{PREFIX}{}, in upper case", field.to_ascii_uppercase());
            findings.push(Finding::new(Severity::Warning, origin, message).expected(expected));
        }
    }
    findings
}
