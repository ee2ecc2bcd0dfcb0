//! What a run has seen: the shape of `load.json`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::metric::Metric;
use super::statistics::Spread;
use crate::load::goals::Verdict;
use crate::load::machine::Machine;

/// One load on one peer, over all rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The load's name.
    pub load: String,
    /// The peer's name.
    pub peer: String,
    /// The figures.
    pub figures: BTreeMap<Metric, Spread>,
    /// Good answers, over all rounds.
    pub requests: u64,
    /// Failed requests by cause, over all rounds; empty when none has.
    pub failed: BTreeMap<String, u64>,
    /// The generator was the limit: the throughput says nothing about the proxy, its CPU time per
    /// request does.
    pub generator_limited: bool,
    /// What TLS negotiated.
    pub tls: Option<String>,
    /// What the reader must know: why a round has no figures, what was not measured.
    pub notes: Vec<String>,
}

impl Row {
    /// The middle of a figure.
    #[must_use]
    pub fn median(&self, metric: Metric) -> Option<f64> {
        self.figures.get(&metric).map(|spread| spread.median)
    }
}

/// What a load is, for the reader of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// In arguments.
    pub name: String,
    /// In tables.
    pub title: String,
    /// The figures that it is about, in the order of its table.
    pub columns: Vec<Metric>,
}

/// A peer that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measured {
    /// Its name.
    pub name: String,
    /// What it said.
    pub version: String,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Settings {
    /// Times that each load was put on each peer.
    pub rounds: usize,
    /// Seconds of each measured part.
    pub seconds: f64,
    /// Seconds before it.
    pub warm_up_seconds: f64,
    /// The peers' core; `None`: not pinned.
    pub proxy_core: Option<usize>,
    /// The generator's and the upstream's.
    pub load_core: Option<usize>,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Where it was measured.
    pub machine: Machine,
    /// How.
    pub settings: Settings,
    /// What was measured.
    pub peers: Vec<Measured>,
    /// What was not, and why.
    pub skipped: BTreeMap<String, String>,
    /// The loads, in their order.
    pub loads: Vec<About>,
    /// The figures: loads in their order, peers in theirs.
    pub rows: Vec<Row>,
    /// The goals and what became of them.
    pub goals: Vec<Verdict>,
}

impl Report {
    /// One load on one peer.
    #[must_use]
    pub fn row(&self, load: &str, peer: &str) -> Option<&Row> {
        row(&self.rows, load, peer)
    }
}

/// One load on one peer.
#[must_use]
pub fn row<'a>(rows: &'a [Row], load: &str, peer: &str) -> Option<&'a Row> {
    rows.iter().find(|row| row.load == load && row.peer == peer)
}
