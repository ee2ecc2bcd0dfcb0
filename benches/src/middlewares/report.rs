//! The table of what each middleware adds.

use std::fs;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::cases::CASES;
use super::measure::{Rows, Seen};
use crate::load::arguments::Options;
use crate::load::machine::Machine;
use crate::peer::{Found, Peer};
use crate::report::{Measured, Spread, Table};

/// The shape of `middlewares.json`.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: Machine,
    rounds: usize,
    seconds: f64,
    peers: Vec<Measured>,
    rows: Vec<Row>,
}

/// One middleware on one proxy.
#[derive(Debug, Serialize)]
struct Row {
    case: &'static str,
    peer: String,
    /// CPU time per request, microseconds.
    cpu_us: Option<Spread>,
    /// Less the same request without the middleware; `None` where the middleware answers itself.
    added_us: Option<Spread>,
    requests: u64,
    failed: std::collections::BTreeMap<String, u64>,
    notes: Vec<String>,
}

impl Report {
    /// Of what was seen.
    pub fn new(
        machine: Machine,
        options: &Options,
        peers: &[(Peer, Found)],
        mut seen: Rows,
    ) -> Self {
        let mut rows = Vec::new();
        for case in CASES {
            for (peer, _) in peers {
                let Seen { cpu, added, requests, failed, notes } =
                    seen.remove(&(case.name, peer.name())).unwrap_or_default();
                rows.push(Row {
                    case: case.name,
                    peer: peer.name().to_owned(),
                    cpu_us: Spread::of(&cpu),
                    added_us: Spread::of(&added),
                    requests,
                    failed,
                    notes,
                });
            }
        }
        let measured = |(peer, found): &(Peer, Found)| Measured {
            name: peer.name().to_owned(),
            version: found.version.clone(),
        };
        Self {
            machine,
            rounds: options.rounds,
            seconds: options.measured.as_secs_f64(),
            peers: peers.iter().map(measured).collect(),
            rows,
        }
    }

    /// A line for each middleware, two columns for each proxy.
    fn table(&self) -> Table {
        let mut head = vec![String::new()];
        for peer in &self.peers {
            head.push(format!("{} added, µs", peer.name));
            head.push(format!("{} whole request, µs", peer.name));
        }
        let mut notes = Vec::new();
        let mut rows = Vec::new();
        for case in CASES {
            let mut cells = vec![case.name.to_owned()];
            for peer in &self.peers {
                let Some(row) =
                    self.rows.iter().find(|row| row.case == case.name && row.peer == peer.name)
                else {
                    continue;
                };
                cells.push(if case.answers {
                    "answers itself".to_owned()
                } else {
                    shown(row.added_us.as_ref())
                });
                cells.push(shown(row.cpu_us.as_ref()));
                let failed = row.failed.iter().map(|(cause, n)| format!("{n} failed: {cause}"));
                for note in failed.chain(row.notes.iter().cloned()) {
                    notes.push(format!("{}, {}: {note}", case.name, peer.name));
                }
            }
            rows.push(cells);
        }
        Table { title: "What each middleware adds to a request".to_owned(), head, rows, notes }
    }

    /// For a terminal.
    pub fn terminal(&self) -> String {
        format!("\n{}\n", self.table().aligned())
    }

    /// Writes `middlewares.json` and `middlewares.md`.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        let json = serde_json::to_string_pretty(self).map_err(io::Error::other)?;
        fs::write(folder.join("middlewares.json"), json + "\n")?;
        let peers: Vec<String> =
            self.peers.iter().map(|peer| format!("{} {}", peer.name, peer.version)).collect();
        let text = format!(
            "{}.\n{}.\nCPU time per request, medians of {} rounds of {} s each; the spread in \
             brackets.\n\n{}",
            self.machine.line(),
            peers.join(", "),
            self.rounds,
            self.seconds,
            self.table().markdown()
        );
        fs::write(folder.join("middlewares.md"), text)
    }

    /// Whether Swarmgate did everything.
    ///
    /// # Errors
    /// What it did not, a line each.
    pub fn check(&self) -> Result<(), String> {
        let own = self.rows.iter().filter(|row| row.peer == Peer::Swarmgate.name());
        let wrong: Vec<String> = own
            .filter(|row| row.cpu_us.is_none() || !row.failed.is_empty())
            .map(|row| format!("{}: {:?} {:?}", row.case, row.failed, row.notes))
            .collect();
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }
}

fn shown(figure: Option<&Spread>) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) if figure.rounds.len() > 1 => {
            format!("{:.2} ({:.2}..{:.2})", figure.median, figure.least, figure.most)
        }
        Some(figure) => format!("{:.2}", figure.median),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(failed: u64) -> Report {
        let found = Found { program: "/s".into(), version: "1.0".to_owned() };
        let peers = [(Peer::Swarmgate, found.clone()), (Peer::Traefik, found)];
        let mut rows = Rows::new();
        for case in CASES {
            for (peer, cpu) in [("swarmgate", 12.0), ("traefik", 60.0)] {
                let mut seen = Seen { cpu: vec![cpu, cpu + 2.0], ..Seen::default() };
                if !case.answers {
                    seen.added = vec![1.0, 2.0];
                }
                if case.name == "retry" && failed > 0 {
                    seen.failed.insert("status".to_owned(), failed);
                }
                rows.insert((case.name, peer), seen);
            }
        }
        Report::new(Machine::this(), &Options::default(), &peers, rows)
    }

    #[test]
    fn a_line_for_each() {
        let table = report(0).table();
        assert_eq!(table.rows.len(), CASES.len());
        let row = |name: &str| table.rows.iter().find(|row| row[0] == name).unwrap().clone();
        assert_eq!(
            row("addPrefix"),
            [
                "addPrefix",
                "1.50 (1.00..2.00)",
                "13.00 (12.00..14.00)",
                "1.50 (1.00..2.00)",
                "61.00 (60.00..62.00)"
            ]
        );
        assert_eq!(row("redirectScheme")[1], "answers itself");
        assert!(table.notes.is_empty());
        report(0).check().unwrap();
    }

    #[test]
    fn failures_are_told() {
        let report = report(3);
        assert_eq!(report.table().notes[0], "retry, swarmgate: 3 failed: status");
        assert!(report.check().unwrap_err().contains("retry"), "{:?}", report.check());
    }
}
