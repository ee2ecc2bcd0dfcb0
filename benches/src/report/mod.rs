//! What a run has seen, as tables, JSON and a chart.

mod chart;
mod metric;
mod result;
mod statistics;
mod table;

use std::fs;
use std::io;
use std::path::Path;

pub use chart::chart;
pub use metric::Metric;
pub use result::{About, Measured, Report, Row, Settings, row};
pub use statistics::Spread;
pub use table::{Table, goals, load};

/// Writes `load.json`, `load.md` and `load.svg` into `folder`, which is made if it is not there.
///
/// # Errors
/// A file cannot be written.
pub fn write(report: &Report, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let json = serde_json::to_string_pretty(report).map_err(io::Error::other)?;
    fs::write(folder.join("load.json"), json + "\n")?;
    fs::write(folder.join("load.md"), markdown(report))?;
    fs::write(folder.join("load.svg"), chart(report))
}

/// All tables for the terminal.
#[must_use]
pub fn terminal(report: &Report) -> String {
    let mut text = String::new();
    for about in &report.loads {
        text += &load(report, about).aligned();
        text.push('\n');
    }
    text + &goals(report).aligned()
}

/// All tables as Markdown, under the machine's description.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let peers: Vec<String> =
        report.peers.iter().map(|peer| format!("{} {}", peer.name, peer.version)).collect();
    let mut text = format!(
        "{}.\n{}.\nMedians of {} round{} of {} s each after {} s of warm-up, rounds interleaved{}.\n\n",
        report.machine.line(),
        peers.join(", "),
        report.settings.rounds,
        if report.settings.rounds == 1 { "" } else { "s" },
        report.settings.seconds,
        report.settings.warm_up_seconds,
        match (report.settings.proxy_core, report.settings.load_core) {
            (Some(proxy), Some(load)) =>
                format!("; proxies on core {proxy}, generator and upstream on core {load}"),
            _ => "; nothing pinned to a core".to_owned(),
        }
    );
    for (peer, why) in &report.skipped {
        text += &format!("Not measured: {peer} ({why}).\n");
    }
    for about in &report.loads {
        text += &load(report, about).markdown();
        text.push('\n');
    }
    text + &goals(report).markdown()
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::report as example;
