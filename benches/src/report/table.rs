//! The tables of the report: one per load, one of the goals; aligned or as Markdown.

use super::metric::Metric;
use super::result::{About, Report, Row};
use crate::load::goals::ELSEWHERE;

/// The peers that Swarmgate's figure is put in relation to.
const RATIOS: [&str; 4] = ["nginx", "haproxy", "traefik", "relay"];

/// Cells with a heading; the first column is text, the others are figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub(crate) title: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) notes: Vec<String>,
}

/// The table of one load.
#[must_use]
pub fn load(report: &Report, about: &About) -> Table {
    let rows: Vec<&Row> = report.rows.iter().filter(|row| row.load == about.name).collect();
    // A figure that nobody has needs no column.
    let columns: Vec<Metric> = about
        .columns
        .iter()
        .copied()
        .filter(|metric| rows.iter().any(|row| row.figures.contains_key(metric)))
        .collect();
    let mut head = vec![String::new()];
    head.extend(columns.iter().map(|metric| match metric.unit() {
        "×" => metric.title().to_owned(),
        unit => format!("{}, {unit}", metric.title()),
    }));
    head.push("failed".to_owned());
    let cells = |row: &&Row| {
        let mark = if row.generator_limited { " ~" } else { "" };
        let mut cells = vec![format!("{}{mark}", row.peer)];
        cells.extend(columns.iter().enumerate().map(|(at, metric)| cell(row, *metric, at == 0)));
        cells.push(failed(row));
        cells
    };
    Table {
        title: about.title.clone(),
        head,
        rows: rows.iter().map(cells).collect(),
        notes: notes(&rows, columns.first().copied()),
    }
}

/// The middle; of the first figure also its spread.
fn cell(row: &Row, metric: Metric, spread: bool) -> String {
    match row.figures.get(&metric) {
        None => "-".to_owned(),
        Some(figure) if spread && figure.rounds.len() > 1 => format!(
            "{} ({}..{})",
            metric.show(figure.median),
            metric.show(figure.least),
            metric.show(figure.most)
        ),
        Some(figure) => metric.show(figure.median),
    }
}

fn failed(row: &Row) -> String {
    if row.figures.is_empty() {
        return "-".to_owned();
    }
    if row.failed.is_empty() {
        return "0".to_owned();
    }
    let causes = row.failed.iter().map(|(cause, n)| format!("{n} {cause}"));
    causes.collect::<Vec<_>>().join(", ")
}

fn notes(rows: &[&Row], first: Option<Metric>) -> Vec<String> {
    let mut notes = Vec::new();
    let figure = |peer: &str| {
        let row = rows.iter().find(|row| row.peer == peer)?;
        row.median(first?).filter(|value| *value > 0.0)
    };
    if let Some(own) = figure("swarmgate") {
        let ratios: Vec<String> = RATIOS
            .iter()
            .filter_map(|peer| Some(format!("{:.2} × {peer}", own / figure(peer)?)))
            .collect();
        if !ratios.is_empty() {
            notes.push(format!("swarmgate: {}.", ratios.join(", ")));
        }
    }
    if rows.iter().any(|row| row.generator_limited) {
        notes.push(
            "~ The generator was the limit, not the proxy: CPU per request compares, requests per \
             second do not."
                .to_owned(),
        );
    }
    for row in rows {
        // A neighbour that took from the proxy's core took from its throughput and latency.
        if let Some(share) = row.median(Metric::ForeignCore).filter(|share| *share > 0.05) {
            notes.push(format!("{}: others used {:.0} % of its core.", row.peer, share * 100.0));
        }
        if let Some(share) = row.median(Metric::Late).filter(|share| *share > 0.005) {
            notes.push(format!(
                "{}: the generator was late for {:.1} % of the requests: its own delay is in the \
                 latencies.",
                row.peer,
                share * 100.0
            ));
        }
        notes.extend(row.notes.iter().map(|note| format!("{}: {note}", row.peer)));
    }
    let tls: Vec<&str> = rows.iter().filter_map(|row| row.tls.as_deref()).collect();
    if let Some(first) = tls.first() {
        if tls.iter().all(|one| one == first) {
            notes.push(format!("TLS: {first}."));
        } else {
            let each =
                rows.iter().filter_map(|row| Some(format!("{} {}", row.peer, row.tls.as_deref()?)));
            notes.push(format!("TLS: {}.", each.collect::<Vec<_>>().join("; ")));
        }
    }
    notes
}

/// The table of the goals.
#[must_use]
pub fn goals(report: &Report) -> Table {
    let title = |name: &str| {
        let about = report.loads.iter().find(|about| about.name == name);
        about.map_or(name, |about| &about.title).to_owned()
    };
    let rows = report
        .goals
        .iter()
        .map(|verdict| {
            vec![
                title(&verdict.load),
                verdict.metric.title().to_owned(),
                verdict.goal.clone(),
                verdict.seen.map_or("-".to_owned(), |seen| seen_in_short(verdict.limit, seen)),
                match verdict.met {
                    Some(true) => "met",
                    Some(false) => "missed",
                    None => "not measured",
                }
                .to_owned(),
            ]
        })
        .collect();
    Table {
        title: "Goals".to_owned(),
        head: ["", "figure", "goal", "seen", ""].map(str::to_owned).to_vec(),
        rows,
        notes: vec![ELSEWHERE.to_owned()],
    }
}

/// Near the limit with as many digits as tell on which side of it.
fn seen_in_short(limit: f64, seen: f64) -> String {
    let shown = format!("{seen:.2}");
    let side = |value: f64| value <= limit;
    match shown.parse::<f64>() {
        Ok(rounded) if side(rounded) != side(seen) => format!("{seen:.4}"),
        _ => shown,
    }
}

impl Table {
    /// With spaces, for a terminal.
    #[must_use]
    pub fn aligned(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().chain([&self.head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let mut text = format!("{}\n", self.title);
        for row in [&self.head].into_iter().chain(&self.rows) {
            let mut line = String::from(" ");
            for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let room = " ".repeat(width.saturating_sub(cell.chars().count()));
                line += &if at == 0 { format!(" {cell}{room}") } else { format!("  {room}{cell}") };
            }
            text += line.trim_end();
            text.push('\n');
        }
        for note in &self.notes {
            text += &format!("  {note}\n");
        }
        text
    }

    /// As Markdown, under a heading of the third level.
    #[must_use]
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut text = format!("### {}\n\n{}", self.title, line(&self.head));
        let rule: Vec<String> =
            (0..self.head.len()).map(|at| if at == 0 { "---" } else { "--:" }.to_owned()).collect();
        text += &line(&rule);
        for row in &self.rows {
            text += &line(row);
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            text += &format!("- {note}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_the_limit() {
        let cases =
            [(1.0, 1.004, "1.0040"), (1.0, 0.996, "1.00"), (1.0, 1.2, "1.20"), (4.0, 3.0, "3.00")];
        for (limit, seen, expected) in cases {
            assert_eq!(seen_in_short(limit, seen), expected);
        }
    }
}
