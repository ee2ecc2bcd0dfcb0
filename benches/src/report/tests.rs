//! The report of an invented run, word for word.

use std::collections::BTreeMap;

use super::*;
use crate::load::goals::judge;
use crate::load::machine::Machine;

fn machine() -> Machine {
    Machine {
        cpu: "Test <CPU>".to_owned(),
        cores: 2,
        memory_mib: 4096,
        kernel: "6.1".to_owned(),
        system: "Testix".to_owned(),
        load_average: 0.1,
        date: "2026-01-02T03:04:05Z".to_owned(),
    }
}

fn seen(load: &str, peer: &str, figures: &[(Metric, &[f64])]) -> Row {
    Row {
        load: load.to_owned(),
        peer: peer.to_owned(),
        figures: figures
            .iter()
            .filter_map(|(metric, rounds)| Some((*metric, Spread::of(rounds)?)))
            .collect(),
        requests: 1000,
        failed: BTreeMap::new(),
        generator_limited: false,
        tls: None,
        notes: Vec::new(),
    }
}

/// An invented run.
pub fn report() -> Report {
    let cpu = |peer, rounds: &[f64]| {
        seen("keep-alive", peer, &[(Metric::CpuUs, rounds), (Metric::PerSecond, &[75_000.0])])
    };
    let mut rows = vec![
        cpu("swarmgate", &[12.0, 12.4, 11.8]),
        cpu("nginx", &[12.5, 12.5, 12.5]),
        cpu("traefik", &[60.0, 61.0, 62.0]),
        seen("idle", "swarmgate", &[(Metric::ConnectionKib, &[3.0])]),
    ];
    rows[1].generator_limited = true;
    rows[1].failed = BTreeMap::from([("reset".to_owned(), 2), ("timeout".to_owned(), 1)]);
    rows[2].notes = vec!["round 2 failed: it did not start".to_owned()];
    let about = |name: &str, title: &str, columns: &[Metric]| About {
        name: name.to_owned(),
        title: title.to_owned(),
        columns: columns.to_vec(),
    };
    Report {
        machine: machine(),
        settings: Settings {
            rounds: 3,
            seconds: 2.0,
            warm_up_seconds: 0.5,
            proxy_core: Some(0),
            load_core: Some(1),
        },
        peers: vec![Measured { name: "nginx".to_owned(), version: "1.22.1".to_owned() }],
        skipped: BTreeMap::from([("sozu".to_owned(), "no sozu on PATH".to_owned())]),
        loads: vec![
            about(
                "keep-alive",
                "keep-alive, small",
                &[Metric::CpuUs, Metric::UserUs, Metric::PerSecond],
            ),
            about("idle", "idle connections", &[Metric::ConnectionKib]),
        ],
        goals: judge(&rows),
        rows,
    }
}

#[test]
fn aligned() {
    let expected = "\
keep-alive, small
             CPU per request, µs  requests, /s              failed
  swarmgate    12.0 (11.8..12.4)        75,000                   0
  nginx ~      12.5 (12.5..12.5)        75,000  2 reset, 1 timeout
  traefik      61.0 (60.0..62.0)        75,000                   0
  swarmgate: 0.96 × nginx, 0.20 × traefik.
  ~ The generator was the limit, not the proxy: CPU per request compares, requests per second do \
not.
  traefik: round 2 failed: it did not start

idle connections
             per connection, KiB  failed
  swarmgate                 3.00       0

Goals
                              figure                    goal  seen              
  keep-alive, small  CPU per request       at most 1 × nginx  0.96           met
";
    let text = terminal(&report());
    let lines = |text: &str| text.lines().map(str::trim_end).map(str::to_owned).collect::<Vec<_>>();
    let (seen, expected) = (lines(&text), lines(expected));
    assert_eq!(seen[..expected.len()], expected, "{text}");
    assert!(text.contains("0.95 × haproxy     -  not measured"), "{text}");
}

#[test]
fn markdown_table() {
    let text = markdown(&report());
    for expected in [
        "Test <CPU>, 2 cores, 4096 MiB, Linux 6.1, Testix, 2026-01-02T03:04:05Z.\n",
        "nginx 1.22.1.\nMedians of 3 rounds of 2 s each after 0.5 s of warm-up, rounds \
         interleaved; proxies on core 0, generator and upstream on core 1.\n",
        "Not measured: sozu (no sozu on PATH).\n",
        "### keep-alive, small\n\n|  | CPU per request, µs | requests, /s | failed |\n| --- | --: \
         | --: | --: |\n| swarmgate | 12.0 (11.8..12.4) | 75,000 | 0 |\n",
        "- swarmgate: 0.96 × nginx, 0.20 × traefik.\n",
        "| idle connections | per connection | at most 4 KiB | 3.00 | met |\n",
    ] {
        assert!(text.contains(expected), "{expected}\n---\n{text}");
    }
}

#[test]
fn chart_is_whole_and_relative_to_nginx() {
    let svg = super::chart(&report());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("0.96× (12.0 µs)") && svg.contains("4.88× (61.0 µs)"), "{svg}");
    // The bar that is too long is cut and marked; the other loads have nothing to compare with.
    assert_eq!(svg.matches("<path").count(), 1);
    assert!(!svg.contains("idle connections"));
    assert!(svg.contains("Test &lt;CPU&gt;"));
    assert_eq!(svg.matches("<text").count(), svg.matches("</text>").count());
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("new");
    write(&report(), &folder).unwrap();
    let json: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("load.json")).unwrap()).unwrap();
    assert_eq!(json["rows"][0]["figures"]["cpu_us"]["median"], 12.0);
    assert_eq!(json["rows"][1]["failed"]["reset"], 2);
    assert_eq!(json["machine"]["cores"], 2);
    assert_eq!(json["goals"][0]["met"], true);
    assert!(folder.join("load.md").exists() && folder.join("load.svg").exists());
}
