//! What is near a host: routers that do not serve, services that were left out, findings, and hosts
//! that are spelled almost alike.

use std::collections::BTreeSet;

use swarmgate_config::breath::breathe;
use swarmgate_config::checked::{self, Status};
use swarmgate_config::finding::{Finding, Severity};
use swarmgate_config::routing::Router;
use swarmgate_config::rule;

use super::answer::{Disabled, Lost, Remark};
use super::brief;

/// So many of each kind are told.
const MOST: usize = 20;
/// So many hosts are suggested.
const SUGGESTED: usize = 3;
/// So many pairs of letters are compared, each in a nanosecond or two.
const COMPARED: usize = 20_000_000;
/// Longer names are nobody's typing error, and comparing is quadratic.
const LONGEST_NAME: usize = 253;

/// Routers that do not serve and name the host.
pub(super) fn disabled(checked: &checked::Configuration, host: &str) -> Vec<Disabled> {
    let naming = checked.routers.iter().filter(|(_, router)| {
        breathe();
        router.status == Status::Disabled && names(&router.value, host)
    });
    let told = naming.take(MOST).map(|(name, router)| Disabled {
        router: name.to_string(),
        rule: brief(router.value.rule.as_deref().unwrap_or_default()),
        origin: router.origin.to_string(),
        errors: router.errors.clone(),
    });
    told.collect()
}

/// Whether a router's rule, sound or not, speaks of the host.
fn names(router: &Router, host: &str) -> bool {
    let rule = router.rule.as_deref().unwrap_or_default();
    match rule::parse_as(rule, router.syntax()) {
        Ok(read) => rule::hosts(&read).iter().any(|name| same(name, host)) || mentions(rule, host),
        Err(_) => mentions(rule, host),
    }
}

/// Whether a `Host` of a rule stands for the host.
fn same(name: &str, host: &str) -> bool {
    let (name, host) = (name.trim_end_matches('.'), host.trim_end_matches('.'));
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == host,
    }
}

/// Whether a text holds the host as a word of its own: `a.test` is not in `www.a.test`.
pub(super) fn mentions(text: &str, host: &str) -> bool {
    let host = host.trim_end_matches('.').as_bytes();
    if host.is_empty() {
        return false;
    }
    let text = text.as_bytes();
    // Letters beyond ASCII are letters, too.
    let part = |byte: u8| byte.is_ascii_alphanumeric() || !byte.is_ascii() || b"-_".contains(&byte);
    let at = |place: Option<usize>| place.and_then(|place| text.get(place)).copied();
    text.windows(host.len()).enumerate().any(|(start, window)| {
        if !window.eq_ignore_ascii_case(host) {
            return false;
        }
        let end = start.saturating_add(host.len());
        let before = at(start.checked_sub(1)).is_some_and(|byte| part(byte) || byte == b'.');
        let after = match at(Some(end)) {
            Some(b'.') => at(end.checked_add(1)).is_some_and(part),
            other => other.is_some_and(part),
        };
        !before && !after
    })
}

/// Containers and services that were left out and speak of the host, by a rule or by their name.
pub(super) fn skipped(checked: &checked::Configuration, host: &str) -> Vec<Lost> {
    let all = checked.skipped.iter().flat_map(|skipped| skipped.list());
    let near = all.filter(|left| {
        breathe();
        mentions(&left.rules, host) || is_called(&left.service, host)
    });
    let told = near.take(MOST).map(|left| Lost {
        provider: left.provider.to_string(),
        service: left.service,
        reason: left.reason,
    });
    told.collect()
}

/// Whether the host is what a default rule makes of the service's name, or begins with its name
/// within the stack.
fn is_called(service: &str, host: &str) -> bool {
    let plain = |text: &str| {
        let letters = text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' });
        letters.collect::<String>().to_lowercase()
    };
    let first = host.split('.').next().unwrap_or_default();
    let whole = plain(service);
    let short = service.rsplit_once('_').map(|(_, short)| plain(short));
    let is = |name: &str| !name.is_empty() && (name == host || name == first);
    is(&whole) || short.is_some_and(|short| is(&short))
}

/// Findings on these objects, and those that mention the host; the gravest first.
pub(super) fn findings(
    checked: &checked::Configuration,
    host: &str,
    objects: &BTreeSet<String>,
) -> Vec<Remark> {
    let mut near: Vec<(&Finding, String)> = Vec::new();
    for finding in &checked.findings {
        breathe();
        let on = finding.object.as_ref().is_some_and(|(_, name)| objects.contains(name));
        if on || mentions(&finding.message, host) {
            near.push((finding, finding.to_string()));
        }
    }
    near.sort_by(|(a, one), (b, other)| b.severity.cmp(&a.severity).then_with(|| one.cmp(other)));
    near.dedup_by(|(_, one), (_, other)| one == other);
    near.truncate(MOST);
    let told = near.into_iter().map(|(finding, text)| {
        let severity = match finding.severity {
            Severity::Info => "info",
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        Remark { severity: severity.into(), text: brief(&text) }
    });
    told.collect()
}

/// Hosts of serving routers that are spelled almost like this one, nearest first.
pub(super) fn hosts(checked: &checked::Configuration, host: &str) -> Vec<String> {
    let host = host.trim_end_matches('.');
    if host.is_empty() || host.len() > LONGEST_NAME {
        return Vec::new();
    }
    let limit = (host.len() / 4).clamp(1, 4);
    let mut near: BTreeSet<(usize, String)> = BTreeSet::new();
    let mut left = COMPARED;
    for router in checked.routers.values() {
        breathe();
        let text = router.value.rule.as_deref().unwrap_or_default();
        let Ok(read) = rule::parse_as(text, router.value.syntax()) else { continue };
        if router.status == Status::Disabled {
            continue;
        }
        for name in rule::hosts(&read) {
            breathe();
            if name.len() > LONGEST_NAME || name.contains('*') || name == host {
                continue;
            }
            let under = |one: &str, other: &str| {
                one.strip_suffix(other).is_some_and(|rest| rest.ends_with('.'))
            };
            let distance = if under(&name, host) || under(host, &name) {
                1
            } else {
                let cost = name.len().saturating_mul(host.len());
                if name.len().abs_diff(host.len()) > limit || cost > left {
                    continue;
                }
                left = left.saturating_sub(cost);
                distance(&name, host)
            };
            if distance <= limit {
                near.insert((distance, name));
                while near.len() > SUGGESTED {
                    near.pop_last();
                }
            }
        }
    }
    near.into_iter().map(|(_, name)| name).collect()
}

/// Letters to change, add, leave out, or swap with a neighbour, to get from one to the other.
fn distance(one: &str, other: &str) -> usize {
    let other = other.as_bytes();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut left: Option<u8> = None;
    for (row, letter) in one.bytes().enumerate() {
        let mut next = Vec::with_capacity(last.len());
        next.push(row + 1);
        let mut above: Option<u8> = None;
        for (column, target) in other.iter().enumerate() {
            let cell =
                |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(usize::MAX / 2);
            let replaced = cell(&last, column) + usize::from(letter != *target);
            let mut best = replaced.min(cell(&last, column + 1) + 1).min(cell(&next, column) + 1);
            if left == Some(*target) && above == Some(letter) && column > 0 {
                best = best.min(cell(&before, column - 1) + 1);
            }
            next.push(best);
            above = Some(*target);
        }
        left = Some(letter);
        before = std::mem::replace(&mut last, next);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_their_own() {
        let table = [
            ("Host(`a.test`)", true),
            ("Host(`A.TEST`)", true),
            ("Host(`www.a.test`)", false),
            ("Host(`a.test.org`)", false),
            ("the names a.test.", true),
            ("a.test", true),
            ("-a.test", false),
            ("a.test-b", false),
            ("a.tes", false),
            ("Host(`große.a.test`)", false),
            ("öa.test", false),
            ("a.testö", false),
            ("xa.test a.test", true),
            ("", false),
        ];
        for (text, expected) in table {
            assert_eq!(mentions(text, "a.test"), expected, "{text}");
        }
        assert!(!mentions("anything", "") && mentions("b a.test", "a.test."));
    }

    #[test]
    fn services_called_like_the_host() {
        let table = [
            ("whoami", "whoami", true),
            ("whoami", "whoami.localhost", true),
            ("stack_whoami", "whoami.localhost", true),
            ("stack_whoami", "stack-whoami", true),
            ("stack_whoami", "stack.test", false),
            ("", "", false),
            ("_", "", false),
        ];
        for (service, host, expected) in table {
            assert_eq!(is_called(service, host), expected, "{service} {host}");
        }
    }

    #[test]
    fn distances() {
        let table = [
            ("shop.test", "shop.test", 0),
            ("shop.test", "shpo.test", 1),
            ("shop.test", "sop.test", 1),
            ("shop.test", "shop.tests", 1),
            ("a", "", 1),
            ("", "abc", 3),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
        ];
        for (one, other, expected) in table {
            assert_eq!(distance(one, other), expected, "{one} {other}");
        }
    }
}
