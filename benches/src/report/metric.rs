//! The figures: their names, units and headings.

use serde::Serialize;

/// A figure; its serialised name ends with its unit. The order is the report's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// CPU time of the proxy's whole process tree per request, microseconds.
    CpuUs,
    /// Its part in user mode.
    UserUs,
    /// Its part in the kernel.
    SystemUs,
    /// Requests per second.
    PerSecond,
    /// Latency, microseconds.
    P50Us,
    /// Latency, microseconds.
    P99Us,
    /// Latency, microseconds.
    P999Us,
    /// Resident memory at the end of the load, MiB.
    ResidentMib,
    /// The most resident memory since the start, MiB.
    PeakMib,
    /// From the start of the process to its first answer 200, milliseconds.
    ReadyMs,
    /// Resident memory per idle connection, KiB.
    ConnectionKib,
    /// CPU time of taking new routers in, without requests meanwhile, milliseconds.
    ApplyCpuMs,
    /// From the file's change to the first request that the last new router served, milliseconds.
    LiveMs,
    /// p99 while routers are taken in, microseconds.
    P99DuringUs,
    /// ... as a multiple of the p99 before.
    P99During,
    /// The proxy's use of its core, 0 to 1.
    ProxyCore,
    /// The generator's and the upstream's use of theirs, 0 to 1.
    LoadCore,
    /// Others' use of the proxy's core, 0 to 1.
    ForeignCore,
    /// Open loop: requests per second that were due.
    Rate,
    /// Open loop: the part of the requests that left more than 1 ms late by the generator's own
    /// fault, 0 to 1.
    Late,
}

impl Metric {
    /// What it is counted in.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::CpuUs
            | Self::UserUs
            | Self::SystemUs
            | Self::P50Us
            | Self::P99Us
            | Self::P999Us
            | Self::P99DuringUs => "µs",
            Self::PerSecond | Self::Rate => "/s",
            Self::ResidentMib | Self::PeakMib => "MiB",
            Self::ConnectionKib => "KiB",
            Self::ReadyMs | Self::ApplyCpuMs | Self::LiveMs => "ms",
            Self::P99During => "×",
            Self::ProxyCore | Self::LoadCore | Self::ForeignCore | Self::Late => "%",
        }
    }

    /// What it is, without the unit.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::CpuUs => "CPU per request",
            Self::UserUs => "user",
            Self::SystemUs => "system",
            Self::PerSecond => "requests",
            Self::P50Us => "p50",
            Self::P99Us => "p99",
            Self::P999Us => "p99.9",
            Self::ResidentMib => "resident",
            Self::PeakMib => "peak",
            Self::ReadyMs => "ready",
            Self::ConnectionKib => "per connection",
            Self::ApplyCpuMs => "apply CPU",
            Self::LiveMs => "live after",
            Self::P99DuringUs => "p99 during",
            Self::P99During => "p99 during / before",
            Self::ProxyCore => "proxy's core",
            Self::LoadCore => "load's core",
            Self::ForeignCore => "others on the proxy's core",
            Self::Rate => "rate",
            Self::Late => "late",
        }
    }

    /// The figure as a person reads it, without the unit.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::P99During => format!("{value:.2}"),
            Self::ProxyCore | Self::LoadCore | Self::ForeignCore => format!("{:.0}", value * 100.0),
            Self::Late => format!("{:.2}", value * 100.0),
            Self::P50Us | Self::P99Us | Self::P999Us | Self::P99DuringUs => thousands(value),
            _ => number(value),
        }
    }
}

/// Three digits that count, thousands with commas.
fn number(value: f64) -> String {
    match value.abs() {
        size if size < 10.0 => format!("{value:.2}"),
        size if size < 100.0 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::from(if value < 0.0 && digits != "0" { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_a_person_reads_it() {
        let cases = [
            (Metric::CpuUs, 12.64, "12.6"),
            (Metric::CpuUs, 9.999, "10.00"),
            (Metric::CpuUs, 833.4, "833"),
            (Metric::PerSecond, 1_234_567.8, "1,234,568"),
            (Metric::P99Us, 7.2, "7"),
            (Metric::P99During, 1.2, "1.20"),
            (Metric::ProxyCore, 0.985, "98"),
            (Metric::ConnectionKib, -0.5, "-0.50"),
            (Metric::ApplyCpuMs, 1000.0, "1,000"),
        ];
        for (metric, value, expected) in cases {
            assert_eq!(metric.show(value), expected, "{metric:?} {value}");
        }
    }

    #[test]
    fn names_end_with_their_unit() {
        let name = |metric: Metric| serde_json::to_value(metric).unwrap();
        assert_eq!(name(Metric::CpuUs), "cpu_us");
        assert_eq!(name(Metric::P999Us), "p999_us");
        assert_eq!(name(Metric::ConnectionKib), "connection_kib");
    }
}
