//! All loads on all peers, in interleaved rounds.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::arguments::Options;
use super::goals::judge;
use super::instance::{Ground, Instance};
use super::loads::{Load, Task};
use super::machine::Machine;
use super::measure::{Sample, Span, requests};
use super::{apply, idle};
use crate::generate::Pace;
use crate::peer::{Found, Peer};
use crate::report::{About, Measured, Metric, Report, Row, Settings, Spread, row};

/// After so many rounds that did not work, a peer is left out of a load.
const GIVE_UP: usize = 2;

/// The peers whose throughput names the rate of the open loop.
const KNEE: [Peer; 2] = [Peer::Swarmgate, Peer::Haproxy];

/// A run under way.
pub struct Run<'a> {
    /// As asked.
    pub options: &'a Options,
    /// What all peers have in common.
    pub ground: &'a Ground,
    /// The peers that are there.
    pub peers: Vec<(Peer, Found)>,
    /// The peers that are not, and why.
    pub skipped: BTreeMap<String, String>,
}

impl Run<'_> {
    /// Measures everything.
    #[must_use]
    pub fn report(&self) -> Report {
        let machine = Machine::this();
        let mut rows: Vec<Row> = Vec::new();
        for &load in &self.options.loads {
            let rate = if load.task == Task::Open { self.rate(&rows, load) } else { None };
            rows.extend(self.load(load, rate));
        }
        let options = self.options;
        let core = self.ground.core;
        Report {
            machine,
            settings: Settings {
                rounds: options.rounds,
                seconds: options.measured.as_secs_f64(),
                warm_up_seconds: options.warm_up.as_secs_f64(),
                proxy_core: core,
                load_core: core.map(|_| options.load_core),
            },
            peers: self
                .peers
                .iter()
                .map(|(peer, found)| Measured {
                    name: peer.name().to_owned(),
                    version: found.version.clone(),
                })
                .collect(),
            skipped: self.skipped.clone(),
            loads: options.loads.iter().map(|load| about(load)).collect(),
            goals: judge(&rows),
            rows,
        }
    }

    fn span(&self) -> Span {
        let Options { warm_up, measured, .. } = *self.options;
        Span { warm_up, measured, core: self.ground.core }
    }

    /// One load on every peer that can do it, in rounds, each round beginning with another peer.
    fn load(&self, load: &Load, rate: Option<f64>) -> Vec<Row> {
        let able: Vec<&(Peer, Found)> =
            self.peers.iter().filter(|(peer, _)| peer.can(load.needs()).is_ok()).collect();
        let mut samples: Vec<Vec<Result<Sample, String>>> = able.iter().map(|_| vec![]).collect();
        for round in 0..self.options.rounds {
            for turn in 0..able.len() {
                let at = (turn + round) % able.len();
                let (Some((peer, found)), Some(samples)) = (able.get(at), samples.get_mut(at))
                else {
                    continue;
                };
                if samples.iter().filter(|sample| sample.is_err()).count() >= GIVE_UP {
                    continue;
                }
                progress(&format!(
                    "round {}/{}, {}, {} ... ",
                    round + 1,
                    self.options.rounds,
                    load.title,
                    peer.name()
                ));
                let sample = self.once(load, *peer, found, rate);
                progress(&format!("{}\n", in_short(&sample)));
                samples.push(sample);
            }
        }
        let rows = able.iter().zip(samples);
        rows.map(|((peer, _), samples)| row_of(load, *peer, samples)).collect()
    }

    fn once(
        &self,
        load: &Load,
        peer: Peer,
        found: &Found,
        rate: Option<f64>,
    ) -> Result<Sample, String> {
        let span = self.span();
        let mut instance = Instance::start(self.ground, peer, found, load)?;
        match (load.task, rate) {
            (Task::Closed, _) => requests(&mut instance, load, Pace::Closed, span, || {}),
            (Task::Open, Some(rate)) => {
                requests(&mut instance, load, Pace::Open { rate }, span, || {})
            }
            (Task::Open, None) => Err("no peer's throughput to take half of".to_owned()),
            (Task::Idle(n), _) => idle::connections(&mut instance, load, n, span),
            (Task::Apply(n), _) => apply::routers(&mut instance, load, n, span),
        }
    }

    /// Half of what the slower of the two can do in a closed loop: as measured in this run, or by a
    /// short try.
    fn rate(&self, rows: &[Row], load: &Load) -> Option<f64> {
        let closed = Load { name: "knee", task: Task::Closed, ..*load };
        let throughput = |(peer, found): &(Peer, Found)| {
            let measured = row(rows, "keep-alive", peer.name());
            measured.and_then(|row| row.median(Metric::PerSecond)).or_else(|| {
                progress(&format!("the knee of {} ... ", peer.name()));
                let sample = self.once(&closed, *peer, found, None);
                progress(&format!("{}\n", in_short(&sample)));
                sample.ok()?.figures.get(&Metric::PerSecond).copied()
            })
        };
        let of_both: Vec<f64> = self
            .peers
            .iter()
            .filter(|(peer, _)| KNEE.contains(peer))
            .filter_map(throughput)
            .collect();
        of_both.into_iter().reduce(f64::min).map(|knee| knee / 2.0).filter(|rate| *rate >= 1.0)
    }
}

/// A line's part to the standard error, which is not the report.
fn progress(text: &str) {
    let mut out = std::io::stderr().lock();
    // Nobody who reads it is no reason to stop.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn in_short(sample: &Result<Sample, String>) -> String {
    let sample = match sample {
        Ok(sample) => sample,
        Err(error) => return format!("failed: {error}"),
    };
    let telling = [
        Metric::ApplyCpuMs,
        Metric::P99During,
        Metric::ConnectionKib,
        Metric::CpuUs,
        Metric::PerSecond,
        Metric::P99Us,
    ];
    let mut parts: Vec<String> = telling
        .into_iter()
        .filter_map(|metric| {
            let value = sample.figures.get(&metric)?;
            Some(format!("{} {} {}", metric.title(), metric.show(*value), metric.unit()))
        })
        .collect();
    parts.extend(sample.failed.iter().map(|(cause, n)| format!("{n} failed: {cause}")));
    parts.extend(sample.notes.iter().cloned());
    parts.join(", ")
}

/// The rounds of one load on one peer as a row.
fn row_of(load: &Load, peer: Peer, samples: Vec<Result<Sample, String>>) -> Row {
    let mut values: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    let mut row = Row {
        load: load.name.to_owned(),
        peer: peer.name().to_owned(),
        figures: BTreeMap::new(),
        requests: 0,
        failed: BTreeMap::new(),
        generator_limited: false,
        tls: None,
        notes: Vec::new(),
    };
    for (round, sample) in samples.into_iter().enumerate() {
        match sample {
            Err(error) => row.notes.push(format!("round {}: {error}", round + 1)),
            Ok(sample) => {
                for (metric, value) in sample.figures {
                    values.entry(metric).or_default().push(value);
                }
                row.requests += sample.requests;
                for (cause, n) in sample.failed {
                    *row.failed.entry(cause).or_default() += n;
                }
                row.tls = sample.tls.or(row.tls);
                for note in sample.notes {
                    if !row.notes.contains(&note) {
                        row.notes.push(note);
                    }
                }
            }
        }
    }
    row.figures = values
        .into_iter()
        .filter_map(|(metric, values)| Some((metric, Spread::of(&values)?)))
        .collect();
    // On schedule, neither shall be busy all the time.
    row.generator_limited = load.task == Task::Closed
        && row.median(Metric::ProxyCore).is_some_and(|share| share < 0.92)
        && row.median(Metric::LoadCore).is_some_and(|share| share > 0.95);
    row
}

fn about(load: &Load) -> About {
    use Metric::{
        ApplyCpuMs, ConnectionKib, CpuUs, Late, LiveMs, P50Us, P99During, P99DuringUs, P99Us,
        P999Us, PeakMib, PerSecond, Rate, ReadyMs, ResidentMib, SystemUs, UserUs,
    };
    let columns = match load.task {
        Task::Closed => vec![
            CpuUs,
            UserUs,
            SystemUs,
            PerSecond,
            P50Us,
            P99Us,
            P999Us,
            ResidentMib,
            PeakMib,
            ReadyMs,
        ],
        Task::Open => vec![P99Us, P50Us, P999Us, Rate, CpuUs, UserUs, SystemUs, ResidentMib, Late],
        Task::Idle(_) => vec![ConnectionKib, ResidentMib, PeakMib, ReadyMs],
        Task::Apply(_) => {
            vec![ApplyCpuMs, LiveMs, P99During, P99DuringUs, P99Us, ResidentMib, PeakMib]
        }
    };
    About { name: load.name.to_owned(), title: load.title.to_owned(), columns }
}

/// Looks for the asked-for peers.
#[must_use]
pub fn find(
    peers: &[Peer],
    swarmgate: Option<&Path>,
) -> (Vec<(Peer, Found)>, BTreeMap<String, String>) {
    let (mut there, mut skipped) = (Vec::new(), BTreeMap::new());
    for &peer in peers {
        match peer.find(swarmgate) {
            Ok(found) => there.push((peer, found)),
            Err(why) => {
                skipped.insert(peer.name().to_owned(), why);
            }
        }
    }
    (there, skipped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(figures: &[(Metric, f64)]) -> Sample {
        Sample { figures: figures.iter().copied().collect(), requests: 10, ..Sample::default() }
    }

    #[test]
    fn rounds_become_a_row() {
        let load = Load::named("keep-alive").unwrap();
        let limited = [(Metric::ProxyCore, 0.8), (Metric::LoadCore, 0.99)];
        let mut second = sample(&limited);
        second.figures.insert(Metric::CpuUs, 14.0);
        second.failed.insert("reset".to_owned(), 3);
        second.notes = vec!["odd".to_owned()];
        let mut third = sample(&limited);
        third.figures.insert(Metric::CpuUs, 12.0);
        third.failed.insert("reset".to_owned(), 1);
        third.notes = vec!["odd".to_owned()];
        let samples = vec![Err("no start".to_owned()), Ok(second), Ok(third)];
        let row = row_of(load, Peer::Nginx, samples);
        assert_eq!(row.median(Metric::CpuUs), Some(13.0));
        assert_eq!(row.failed["reset"], 4);
        assert_eq!(row.notes, ["round 1: no start", "odd"]);
        assert!(row.generator_limited);
        assert_eq!(row.requests, 20);

        let busy = [(Metric::ProxyCore, 0.98), (Metric::LoadCore, 0.99)];
        assert!(!row_of(load, Peer::Nginx, vec![Ok(sample(&busy))]).generator_limited);
        let open = Load::named("open-loop").unwrap();
        assert!(!row_of(open, Peer::Nginx, vec![Ok(sample(&limited))]).generator_limited);
    }

    #[test]
    fn every_goal_is_in_its_loads_table() {
        for load in &super::super::loads::LOADS {
            assert!(!about(load).columns.is_empty());
        }
        let telling = in_short(&Ok(sample(&[(Metric::CpuUs, 12.34)])));
        assert_eq!(telling, "CPU per request 12.3 µs");
        assert_eq!(in_short(&Err("x".to_owned())), "failed: x");
    }

    #[test]
    fn missing_peers_are_said() {
        let missing = Path::new("/no/such/swarmgate");
        let (there, skipped) = find(&[Peer::Swarmgate, Peer::Relay], Some(missing));
        assert_eq!(there.len(), 1);
        assert!(skipped["swarmgate"].contains("/no/such/swarmgate"), "{skipped:?}");
    }
}
