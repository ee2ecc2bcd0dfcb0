//! The chart: CPU time per request relative to nginx, a group of bars for each load (SVG).

use std::fmt::Write as _;

use super::metric::Metric;
use super::result::{Report, Row};

const BASE: &str = "nginx";

/// Bars end here, with a gap in them: Traefik's would make the others too short to compare.
const MOST: f64 = 3.0;

// Pixels. Two columns of groups; within a column the names are left of the bars.
const MARGIN: f64 = 24.0;
const NAMES: f64 = 84.0;
const SCALE: f64 = 104.0;
const COLUMN: f64 = NAMES + SCALE * MOST + 118.0;
const BAR: f64 = 11.0;
const STEP: f64 = 14.0;
const HEAD: f64 = 20.0;
const GAP: f64 = 14.0;
const TOP: f64 = 78.0;
const WIDTH: f64 = MARGIN + 2.0 * COLUMN;

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
    let columns = columns(&groups);
    let tallest = columns.iter().map(|groups| groups.iter().map(tall).sum()).fold(0.0, f64::max);
    let height = TOP + tallest + 34.0;
    // Writing into a string does not fail, here and below.
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="system-ui, 'DejaVu Sans', sans-serif" font-size="10.5" fill="#212529">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="{MARGIN}" y="32" font-size="17" font-weight="600">CPU time per proxied request, nginx = 1</text>
<text x="{MARGIN}" y="52" font-size="12" fill="#495057">User and system time of the whole process tree, less is better. One worker on one core each, same work, same run.</text>"##
    );
    for (at, groups) in columns.iter().enumerate() {
        let left = MARGIN + COLUMN * at as f64;
        let mut y = TOP;
        for group in *groups {
            draw(&mut svg, left, y, group);
            y += tall(group);
        }
    }
    let _ = writeln!(
        svg,
        r##"<text x="{MARGIN}" y="{:.1}" fill="#868e96">{}</text>
</svg>"##,
        height - 14.0,
        escaped(&report.machine.line())
    );
    svg
}

fn tall((_, bars): &Group) -> f64 {
    HEAD + bars.len() as f64 * STEP + GAP
}

/// The groups in two columns of about the same height.
fn columns<'a, 'b>(groups: &'b [Group<'a>]) -> [&'b [Group<'a>]; 2] {
    let all: f64 = groups.iter().map(tall).sum();
    let mut left = 0.0;
    let split = groups.iter().take_while(|group| {
        let begins = left;
        left += tall(group);
        begins < all / 2.0
    });
    let (left, right) = groups.split_at(split.count());
    [left, right]
}

fn draw(svg: &mut String, left: f64, top: f64, (title, bars): &Group) {
    let zero = left + NAMES;
    let first = top + HEAD;
    let last = first + bars.len() as f64 * STEP - (STEP - BAR);
    let _ = writeln!(
        svg,
        r#"<text x="{left:.1}" y="{:.1}" font-size="12" font-weight="600">{}</text>"#,
        top + 12.0,
        escaped(title)
    );
    for tick in [0.5, 1.0, 1.5, 2.0, 2.5, MOST] {
        let x = zero + tick * SCALE;
        let _ = writeln!(
            svg,
            r##"<line x1="{x:.1}" y1="{first:.1}" x2="{x:.1}" y2="{last:.1}" stroke="#e9ecef"/>"##
        );
    }
    for (at, &(peer, us, relative)) in bars.iter().enumerate() {
        bar(svg, zero, first + at as f64 * STEP, peer, us, relative);
    }
    // Over the bars: what is shorter is cheaper than nginx.
    let x = zero + SCALE;
    let _ = writeln!(
        svg,
        r##"<line x1="{x:.1}" y1="{:.1}" x2="{x:.1}" y2="{:.1}" stroke="#212529" stroke-width="1.2"/>"##,
        first - 3.0,
        last + 3.0,
    );
}

fn bar(svg: &mut String, zero: f64, y: f64, peer: &str, us: f64, relative: f64) {
    let width = relative.min(MOST) * SCALE;
    let text = y + BAR - 2.0;
    let weight = if peer == "swarmgate" { "600" } else { "400" };
    let _ = writeln!(
        svg,
        r##"<text x="{name:.1}" y="{text:.1}" text-anchor="end" font-weight="{weight}" fill="#495057">{peer}</text><rect x="{zero}" y="{y:.1}" width="{width:.1}" height="{BAR}" rx="1.5" fill="{colour}"/>"##,
        name = zero - 6.0,
        colour = colour(peer),
    );
    if relative > MOST {
        // A slanted gap says that the bar goes on.
        let _ = writeln!(
            svg,
            r##"<path d="M{:.1} {:.1}l5 {h}h4l-5 -{h}z" fill="#ffffff"/>"##,
            zero + (MOST - 0.25) * SCALE,
            y - 1.0,
            h = BAR + 2.0,
        );
    }
    // Beside nginx's line, not on it.
    let (end, line) = (zero + width, zero + SCALE);
    let x = if (line - 80.0..line + 5.0).contains(&end) { line + 5.0 } else { end + 5.0 };
    let _ = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{text:.1}" font-weight="{weight}">{relative:.2}× ({} µs)</text>"#,
        Metric::CpuUs.show(us),
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
