//! The chart: CPU time per request relative to nginx, a group of bars for each load (SVG).

use std::fmt::Write as _;

use super::metric::Metric;
use super::result::{Report, Row};

const BASE: &str = "nginx";

/// Bars end here, with a gap in them: Traefik's would make the others too short to compare.
const MOST: f64 = 3.0;

// Pixels.
const LEFT: f64 = 250.0;
const SCALE: f64 = 190.0;
const BAR: f64 = 13.0;
const STEP: f64 = 17.0;
const GAP: f64 = 16.0;
const TOP: f64 = 92.0;
const WIDTH: f64 = LEFT + SCALE * MOST + 140.0;

fn colour(peer: &str) -> &'static str {
    match peer {
        "swarmgate" => "#d9480f",
        "nginx" => "#2b8a3e",
        "haproxy" => "#1971c2",
        "traefik" => "#5f3dc4",
        "traefik-fast" => "#9775fa",
        "caddy" => "#0b7285",
        "sozu" => "#a61e4d",
        _ => "#868e96",
    }
}

/// One group: a load's title and each peer's CPU time as (peer, microseconds, relative).
type Group<'a> = (&'a str, Vec<(&'a str, f64, f64)>);

/// The whole chart. Loads that nginx did not do are left out.
#[must_use]
pub fn chart(report: &Report) -> String {
    let groups: Vec<Group> = report
        .loads
        .iter()
        .filter_map(|about| {
            let cpu = |row: &Row| row.median(Metric::CpuUs).filter(|value| *value > 0.0);
            let base = cpu(report.row(&about.name, BASE)?)?;
            let rows = report.rows.iter().filter(|row| row.load == about.name);
            let bars = rows.filter_map(|row| cpu(row).map(|us| (row.peer.as_str(), us, us / base)));
            Some((about.title.as_str(), bars.collect()))
        })
        .collect();
    let height =
        groups.iter().map(|(_, bars)| bars.len() as f64 * STEP + GAP).sum::<f64>() + TOP + 44.0;
    // Writing into a string does not fail, here and below.
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="12" fill="#212529">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="24" y="34" font-size="18" font-weight="600">CPU time per proxied request, nginx = 1</text>
<text x="24" y="55" fill="#495057">User and system time of the whole process tree; less is better. One worker on one core each, same work, same run.</text>"##
    );
    let bottom = height - 40.0;
    for tick in 0..=(MOST as u32 * 2) {
        let at = f64::from(tick) / 2.0;
        let x = LEFT + at * SCALE;
        let (line, width) = if at == 1.0 { ("#212529", 1.2) } else { ("#dee2e6", 1.0) };
        let _ = writeln!(
            svg,
            r#"<line x1="{x}" y1="{y}" x2="{x}" y2="{bottom}" stroke="{line}" stroke-width="{width}"/><text x="{x}" y="{label}" text-anchor="middle" fill="{fill}">{at}×</text>"#,
            y = TOP - 8.0,
            label = TOP - 14.0,
            fill = "#495057",
        );
    }
    let mut y = TOP;
    for (title, bars) in &groups {
        let middle = y + bars.len() as f64 * STEP / 2.0;
        let _ = writeln!(
            svg,
            r#"<text x="24" y="{middle:.1}" font-weight="600">{}</text>"#,
            escaped(title)
        );
        for &(peer, us, relative) in bars {
            bar(&mut svg, y, peer, us, relative);
            y += STEP;
        }
        y += GAP;
    }
    let _ = writeln!(
        svg,
        r##"<text x="24" y="{:.1}" fill="#868e96" font-size="11">{}</text>
</svg>"##,
        height - 16.0,
        escaped(&report.machine.line())
    );
    svg
}

fn bar(svg: &mut String, y: f64, peer: &str, us: f64, relative: f64) {
    let width = relative.min(MOST) * SCALE;
    let text = y + BAR - 2.5;
    let weight = if peer == "swarmgate" { "600" } else { "400" };
    let _ = writeln!(
        svg,
        r##"<text x="{name:.1}" y="{text:.1}" text-anchor="end" font-size="11" font-weight="{weight}" fill="#495057">{peer}</text><rect x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{BAR}" rx="1.5" fill="{colour}"/>"##,
        name = LEFT - 8.0,
        colour = colour(peer),
    );
    if relative > MOST {
        // A slanted gap says that the bar goes on.
        let x = LEFT + (MOST - 0.2) * SCALE;
        let _ = writeln!(
            svg,
            r##"<path d="M{:.1} {:.1}l6 {h}h5l-6 -{h}z" fill="#ffffff"/>"##,
            x,
            y - 1.0,
            h = BAR + 2.0,
        );
    }
    let _ = writeln!(
        svg,
        r#"<text x="{:.1}" y="{text:.1}" font-size="11" font-weight="{weight}">{relative:.2}× ({} µs)</text>"#,
        LEFT + width + 6.0,
        Metric::CpuUs.show(us),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
