//! Tables: situations and what is to be done in them.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Action, Failure, Held, Key, PARALLEL, Plan, Situation, back_off, due, plan};
use crate::names::{Name, set};

const DAY: i64 = 24 * 3600;
const NOW: i64 = 1_800_000_000;

fn names(text: &str) -> Vec<Name> {
    let written: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    set(&written)
}

fn key(text: &str) -> Key {
    Key::new(&names(text))
}

/// A 90-day certificate with so many days left, stored under its names.
fn held(text: &str, days_left: i64) -> Held {
    let end = NOW + days_left * DAY;
    Held {
        stored: names(text),
        certified: names(text).into_iter().map(|name| name.ascii).collect(),
        validity: Some((end - 90 * DAY, end)),
    }
}

#[derive(Default)]
struct Case {
    held: Vec<Held>,
    wanted: Vec<&'static str>,
    elsewhere: &'static str,
    in_flight: Vec<&'static str>,
    failures: Vec<(&'static str, u32, i64)>,
    duration: Option<i64>,
}

impl Case {
    fn plan(&self) -> Plan {
        let wanted: Vec<Vec<Name>> = self.wanted.iter().map(|text| names(text)).collect();
        let elsewhere: HashSet<String> =
            self.elsewhere.split_whitespace().map(str::to_owned).collect();
        let in_flight: BTreeSet<Key> = self.in_flight.iter().map(|text| key(text)).collect();
        let failures: BTreeMap<Key, Failure> = self
            .failures
            .iter()
            .map(|(text, count, next)| {
                (key(text), Failure { count: *count, next: NOW + next, message: String::new() })
            })
            .collect();
        plan(&Situation {
            now: NOW,
            held: &self.held,
            wanted: &wanted,
            elsewhere: &elsewhere,
            in_flight: &in_flight,
            failures: &failures,
            duration: self.duration.unwrap_or(2160),
        })
    }

    /// `order a b` (with `-> b` when only some are stored), `renew a`, `refused *`.
    fn read(&self) -> Vec<String> {
        let join = |names: &[Name]| {
            names.iter().map(|name| name.written.as_str()).collect::<Vec<_>>().join(" ")
        };
        let plan = self.plan();
        let actions = plan.actions.iter().map(|(_, action)| match action {
            Action::Order { names, uncovered } if names == uncovered => {
                format!("order {}", join(names))
            }
            Action::Order { names, uncovered } => {
                format!("order {} -> {}", join(names), join(uncovered))
            }
            Action::Renew { index } => format!("renew {}", join(&self.held[*index].stored)),
        });
        let refused = plan.refused.iter().map(|(key, _)| format!("refused {}", key.0.join(" ")));
        actions.chain(refused).collect()
    }
}

#[test]
fn what_is_ordered() {
    let table: Vec<(&str, Case, Vec<&str>)> = vec![
        ("nothing wanted, nothing done", Case::default(), vec![]),
        (
            "one order carries all names of a rule",
            Case { wanted: vec!["a.test b.test"], ..Case::default() },
            vec!["order a.test b.test"],
        ),
        (
            "held: exactly",
            Case { wanted: vec!["a.test"], held: vec![held("a.test", 80)], ..Case::default() },
            vec![],
        ),
        (
            "held: among others",
            Case {
                wanted: vec!["b.test"],
                held: vec![held("a.test b.test", 80)],
                ..Case::default()
            },
            vec![],
        ),
        (
            "held: by wildcard, for one label only",
            Case {
                wanted: vec!["x.w.test", "x.y.w.test", "w.test"],
                held: vec![held("*.w.test", 80)],
                ..Case::default()
            },
            vec!["order x.y.w.test", "order w.test"],
        ),
        (
            "partly covered: all are ordered, the new ones stored",
            Case {
                wanted: vec!["p1.test p2.test"],
                held: vec![held("p1.test", 80)],
                ..Case::default()
            },
            vec!["order p1.test p2.test -> p2.test"],
        ),
        (
            "covered from elsewhere",
            Case {
                wanted: vec!["a.test", "x.w.test", "b.test"],
                elsewhere: "a.test *.w.test",
                ..Case::default()
            },
            vec!["order b.test"],
        ),
        (
            "in flight",
            Case {
                wanted: vec!["a.test", "b.test"],
                in_flight: vec!["a.test c.test"],
                ..Case::default()
            },
            vec!["order b.test"],
        ),
        (
            "wanted twice",
            Case { wanted: vec!["a.test b.test", "b.test a.test"], ..Case::default() },
            vec!["order a.test b.test"],
        ),
        (
            "two that share a name wait for each other",
            Case { wanted: vec!["a.test", "a.test b.test", "c.test"], ..Case::default() },
            vec!["order a.test", "order c.test"],
        ),
        (
            "never more than there is room for",
            Case {
                wanted: vec!["a.test", "b.test", "c.test", "d.test", "e.test"],
                ..Case::default()
            },
            vec!["order a.test", "order b.test", "order c.test", "order d.test"],
        ),
        (
            "room is shared with what runs",
            Case {
                wanted: vec!["a.test", "b.test", "c.test"],
                in_flight: vec!["x.test", "y.test", "z.test"],
                ..Case::default()
            },
            vec!["order a.test"],
        ),
        (
            "punycode covers what was written otherwise",
            Case {
                wanted: vec!["bücher.test"],
                held: vec![held("xn--bcher-kva.test", 80)],
                ..Case::default()
            },
            vec![],
        ),
        (
            "what no CA would give is not asked for, and holds nobody up",
            Case { wanted: vec!["*", "*.w.test", "a.test"], ..Case::default() },
            vec!["order a.test", "refused *", "refused *.w.test"],
        ),
    ];
    for (what, case, expected) in table {
        assert_eq!(case.read(), expected, "{what}");
    }
}

#[test]
fn failures_wait_and_hold_nobody_up() {
    let table: Vec<(&str, Case, Vec<&str>)> = vec![
        (
            "not yet",
            Case {
                wanted: vec!["bad.test", "good.test"],
                failures: vec![("bad.test", 1, 5)],
                ..Case::default()
            },
            vec!["order good.test"],
        ),
        (
            "now again",
            Case {
                wanted: vec!["bad.test"],
                failures: vec![("bad.test", 1, 0)],
                ..Case::default()
            },
            vec!["order bad.test"],
        ),
        (
            "the same host alone is another set of names",
            Case {
                wanted: vec!["a.test bad.test", "a.test"],
                failures: vec![("a.test bad.test", 3, 60)],
                ..Case::default()
            },
            vec!["order a.test"],
        ),
        (
            "fresh ones first, the longest due next, one place kept free",
            Case {
                wanted: vec!["1.test", "2.test", "3.test", "4.test", "5.test"],
                failures: vec![
                    ("1.test", 2, -1),
                    ("2.test", 2, -2),
                    ("3.test", 2, -3),
                    ("4.test", 2, -4),
                ],
                ..Case::default()
            },
            vec!["order 5.test", "order 4.test", "order 3.test", "order 2.test"],
        ),
        (
            "retries never take the last place",
            Case {
                wanted: vec!["1.test", "2.test", "3.test", "4.test"],
                failures: vec![
                    ("1.test", 2, -1),
                    ("2.test", 2, -2),
                    ("3.test", 2, -3),
                    ("4.test", 2, -4),
                ],
                in_flight: vec!["4.test"],
                ..Case::default()
            },
            vec!["order 3.test", "order 2.test"],
        ),
    ];
    for (what, case, expected) in table {
        assert_eq!(case.read(), expected, "{what}");
    }
    assert_eq!(PARALLEL, 4, "the tables above count on it");
}

#[test]
fn renewals() {
    let broken = Held { stored: names("u.test"), certified: Vec::new(), validity: None };
    let table: Vec<(&str, Case, Vec<&str>)> = vec![
        (
            "30 days left",
            Case { held: vec![held("a.test", 30)], ..Case::default() },
            vec!["renew a.test"],
        ),
        ("31 days left", Case { held: vec![held("a.test", 31)], ..Case::default() }, vec![]),
        (
            "past its end",
            Case { held: vec![held("a.test", -9)], ..Case::default() },
            vec!["renew a.test"],
        ),
        (
            "wanted and due: renewed, not ordered anew",
            Case { held: vec![held("a.test", 3)], wanted: vec!["a.test"], ..Case::default() },
            vec!["renew a.test"],
        ),
        ("not parsable", Case { held: vec![broken], ..Case::default() }, vec!["renew u.test"]),
        (
            "only the latest of the same names",
            Case { held: vec![held("a.test", 1), held("a.test", 80)], ..Case::default() },
            vec![],
        ),
        (
            "under way",
            Case { held: vec![held("a.test", 1)], in_flight: vec!["a.test"], ..Case::default() },
            vec![],
        ),
        (
            "failed, not yet again",
            Case {
                held: vec![held("a.test", 1)],
                failures: vec![("a.test", 1, 9)],
                ..Case::default()
            },
            vec![],
        ),
        (
            "a wildcard that was brought along",
            Case { held: vec![held("*.w.test", 1)], ..Case::default() },
            vec!["refused *.w.test"],
        ),
    ];
    for (what, case, expected) in table {
        assert_eq!(case.read(), expected, "{what}");
    }
}

#[test]
fn renewal_moment() {
    let hour = 3600;
    // (certificatesDuration, lifetime in hours, hours before the end)
    let table = [
        (8760, 8760, 120 * 24),
        (2160, 2160, 30 * 24),
        (2160, 8760, 30 * 24),
        (720, 720, 10 * 24),
        (240, 240, 2 * 24),
        (144, 144, 2 * 24),
        (24, 24, 6),
        // The CA gives less than was said: never earlier than the last third.
        (2160, 144, 48),
        (8760, 2160, 30 * 24),
        // Nonsense means the shortest.
        (1, 100, 1),
        (-5, 100, 1),
    ];
    for (duration, lifetime, before) in table {
        let end = NOW + lifetime * hour;
        let expected = match duration {
            1 | -5 => end - 20 * 60,
            _ => end - before * hour,
        };
        assert_eq!(due(Some((NOW, end)), duration), expected, "{duration} {lifetime}");
    }
    assert_eq!(due(None, 2160), i64::MIN);
    assert_eq!(due(Some((i64::MAX, i64::MIN)), 2160), i64::MIN, "no overflow");
}

#[test]
fn when_to_look_again() {
    let table: Vec<(&str, Case, i64)> = vec![
        ("as often as Traefik", Case::default(), DAY),
        ("by certificatesDuration", Case { duration: Some(24), ..Case::default() }, 600),
        ("never later than that", Case { held: vec![held("a.test", 90)], ..Case::default() }, DAY),
        (
            "at the next try",
            Case {
                wanted: vec!["a.test", "b.test"],
                failures: vec![("a.test", 1, 10), ("b.test", 3, 240)],
                ..Case::default()
            },
            10,
        ),
        (
            "not for what nobody wants any more",
            Case { failures: vec![("a.test", 1, 10)], ..Case::default() },
            DAY,
        ),
        (
            "when a certificate comes due",
            Case {
                held: vec![Held {
                    validity: Some((NOW - 60 * DAY + 5, NOW + 30 * DAY + 5)),
                    ..held("a.test", 30)
                }],
                ..Case::default()
            },
            5,
        ),
    ];
    for (what, case, expected) in table {
        assert_eq!(case.plan().look_again - NOW, expected, "{what}");
    }
}

#[test]
fn back_off_doubles_up_to_six_hours() {
    let waits: Vec<i64> = (1..=13).map(back_off).collect();
    assert_eq!(waits, [10, 60, 120, 240, 480, 960, 1920, 3840, 7680, 15360, 21600, 21600, 21600]);
    assert_eq!(back_off(u32::MAX), 21600);
    assert_eq!(back_off(0), 10);
}
