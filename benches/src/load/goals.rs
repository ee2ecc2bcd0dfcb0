//! The goals, as data: what Swarmgate's figures may be at most.

use serde::Serialize;

use crate::report::{Metric, Row, row};

const SWARMGATE: &str = "swarmgate";

/// What a figure is compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// So many times a peer's figure in the same load.
    Times(f64, &'static str),
    /// So many times Swarmgate's own figure in another load.
    TimesLoad(f64, &'static str),
    /// This.
    Below(f64),
}

use Limit::{Below, Times, TimesLoad};

/// (load, figure, limit)
const GOALS: [(&str, Metric, Limit); 23] = [
    ("keep-alive", Metric::CpuUs, Times(1.0, "nginx")),
    ("keep-alive", Metric::CpuUs, Times(0.95, "haproxy")),
    ("keep-alive", Metric::CpuUs, Times(0.25, "traefik")),
    ("keep-alive", Metric::CpuUs, Times(1.4, "relay")),
    ("1k", Metric::CpuUs, Times(1.0, "nginx")),
    ("1m", Metric::CpuUs, Times(0.7, "nginx")),
    ("1m", Metric::ResidentMib, Below(40.0)),
    ("connections", Metric::CpuUs, Times(1.0, "nginx")),
    ("tls", Metric::CpuUs, Times(1.0, "nginx")),
    ("handshakes", Metric::CpuUs, Times(0.83, "nginx")),
    ("tls-1m", Metric::CpuUs, Times(0.9, "nginx")),
    ("http2", Metric::CpuUs, Times(1.0, "nginx")),
    ("http2", Metric::CpuUs, Times(0.35, "traefik")),
    ("hosts", Metric::CpuUs, TimesLoad(1.05, "keep-alive")),
    ("hosts", Metric::ReadyMs, Below(500.0)),
    ("hosts", Metric::ResidentMib, Below(60.0)),
    ("idle", Metric::ConnectionKib, Below(4.0)),
    ("idle-tls", Metric::ConnectionKib, Below(16.0)),
    ("open-loop", Metric::P99Us, Times(1.2, "haproxy")),
    ("apply-1000", Metric::ApplyCpuMs, Below(20.0)),
    ("apply-1000", Metric::P99During, Below(1.2)),
    ("apply-10000", Metric::ApplyCpuMs, Below(200.0)),
    ("apply-10000", Metric::P99During, Below(1.2)),
];

/// Goals that other tools measure, for the reader of the table.
pub const ELSEWHERE: &str = "Measured elsewhere: route lookup (`cargo bench --bench micro`), \
system calls per request (scripts/).";

/// A goal and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The load's name.
    pub load: String,
    /// The figure.
    pub metric: Metric,
    /// The goal in words: `at most 0.95 × haproxy`.
    pub goal: String,
    /// What was seen, in the goal's terms (a multiple, or the figure itself); `None`: not measured.
    pub seen: Option<f64>,
    /// The most that was allowed, in the same terms.
    pub limit: f64,
    /// `None`: not measured.
    pub met: Option<bool>,
}

/// All goals whose load was run.
#[must_use]
pub fn judge(rows: &[Row]) -> Vec<Verdict> {
    let figure = |load, peer, metric| row(rows, load, peer).and_then(|row| row.median(metric));
    GOALS
        .iter()
        .filter(|(load, ..)| rows.iter().any(|row| row.load == *load && row.peer == SWARMGATE))
        .map(|&(load, metric, limit)| {
            let own = figure(load, SWARMGATE, metric);
            let ratio = |other: Option<f64>| {
                own.zip(other).filter(|&(_, other)| other > 0.0).map(|(own, other)| own / other)
            };
            let (goal, seen, limit) = match limit {
                Times(most, peer) => {
                    (format!("at most {most} × {peer}"), ratio(figure(load, peer, metric)), most)
                }
                TimesLoad(most, base) => {
                    let other = figure(base, SWARMGATE, metric);
                    (format!("at most {most} × its own {base}"), ratio(other), most)
                }
                Below(most) => (format!("at most {most} {}", metric.unit()), own, most),
            };
            Verdict {
                load: load.to_owned(),
                metric,
                goal,
                seen,
                limit,
                met: seen.map(|seen| seen <= limit),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::load::loads::Load;
    use crate::peer::Peer;
    use crate::report::Spread;

    fn seen(load: &str, peer: &str, metric: Metric, value: f64) -> Row {
        Row {
            load: load.to_owned(),
            peer: peer.to_owned(),
            figures: BTreeMap::from([(metric, Spread::of(&[value]).unwrap())]),
            requests: 1,
            failed: BTreeMap::new(),
            generator_limited: false,
            tls: None,
            notes: Vec::new(),
        }
    }

    #[test]
    fn goals_name_loads_and_peers_that_are_there() {
        for (load, _, limit) in GOALS {
            assert!(Load::named(load).is_some(), "{load}");
            match limit {
                Times(_, peer) => assert!(Peer::named(peer).is_some(), "{peer}"),
                TimesLoad(_, load) => assert!(Load::named(load).is_some(), "{load}"),
                Below(_) => {}
            }
        }
    }

    #[test]
    fn met_missed_and_not_measured() {
        let rows = [
            seen("keep-alive", "swarmgate", Metric::CpuUs, 12.0),
            seen("keep-alive", "nginx", Metric::CpuUs, 12.0),
            seen("keep-alive", "haproxy", Metric::CpuUs, 12.5),
            seen("hosts", "swarmgate", Metric::CpuUs, 12.3),
            seen("idle", "swarmgate", Metric::ConnectionKib, 5.0),
            seen("1k", "nginx", Metric::CpuUs, 12.0),
        ];
        let verdicts = judge(&rows);
        let of = |load: &str, goal: &str| {
            let found = verdicts.iter().find(|v| v.load == load && v.goal.ends_with(goal));
            found.unwrap_or_else(|| panic!("{load} {goal}")).met
        };
        assert_eq!(of("keep-alive", "1 × nginx"), Some(true));
        assert_eq!(of("keep-alive", "0.95 × haproxy"), Some(false));
        assert_eq!(of("keep-alive", "× traefik"), None);
        assert_eq!(of("hosts", "× its own keep-alive"), Some(true));
        assert_eq!(of("hosts", "60 MiB"), None);
        assert_eq!(of("idle", "4 KiB"), Some(false));
        assert!(!verdicts.iter().any(|verdict| verdict.load == "1k"), "Swarmgate did not run it");
        let haproxy = verdicts.iter().find(|v| v.goal.ends_with("haproxy")).unwrap();
        assert!((haproxy.seen.unwrap() - 0.96).abs() < 1e-9);
    }
}
