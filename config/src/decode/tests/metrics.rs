//! `metrics` from flags and files (Traefik: install configuration, metrics).

use super::install::{file, flags, notes};
use crate::install::Prometheus;

#[test]
fn defaults_and_options() {
    let on = flags(&["--metrics.prometheus"]).unwrap();
    assert!(on.findings.is_empty(), "{:?}", notes(&on));
    assert_eq!(on.install.prometheus(), Some(&Prometheus::default()));
    let off = flags(&["--metrics.prometheus=false", "--metrics.prometheus.manualRouting=true"]);
    assert_eq!(off.unwrap().install.prometheus(), None);
    let internals = flags(&["--metrics.addInternals"]).unwrap();
    assert!(internals.install.metrics.as_ref().unwrap().add_internals);
    assert_eq!(internals.install.prometheus(), None);

    let all = flags(&[
        "--metrics.prometheus.addEntryPointsLabels=false",
        "--metrics.prometheus.addRoutersLabels=true",
        "--metrics.prometheus.addServicesLabels=false",
        "--metrics.prometheus.buckets=0.05,0.25,1",
        "--metrics.prometheus.entryPoint=web",
        "--metrics.prometheus.manualRouting=true",
        "--metrics.prometheus.headerLabels.agent=User-Agent",
        "--entryPoints.web.address=:80",
    ])
    .unwrap();
    assert!(all.findings.is_empty(), "{:?}", notes(&all));
    let expected = Prometheus {
        add_entry_points_labels: false,
        add_routers_labels: true,
        add_services_labels: false,
        buckets: vec![0.05, 0.25, 1.0],
        entry_point: "web".into(),
        manual_routing: true,
        header_labels: [("agent".to_owned(), "User-Agent".to_owned())].into(),
    };
    assert_eq!(all.install.prometheus(), Some(&expected));
    let text = "entryPoints: {web: {address: ':80'}}
metrics:
  prometheus:
    addEntryPointsLabels: false
    addRoutersLabels: true
    addServicesLabels: false
    buckets: [0.05, 0.25, 1]
    entryPoint: web
    manualRouting: true
    headerLabels: {agent: User-Agent}
";
    assert_eq!(file("a.yml", text).unwrap().install.prometheus(), Some(&expected));
}

/// Options; what is said of them.
#[test]
fn what_cannot_be() {
    let table = [
        ("--metrics.prometheus.entryPoint=nope", "unknown entry point \"nope\""),
        ("--metrics.prometheus.buckets=5,1", "not in ascending order"),
        ("--metrics.prometheus.buckets=1,1", "not in ascending order"),
        ("--metrics.prometheus.buckets=1,inf", "not in ascending order"),
        ("--metrics.prometheus.headerLabels.user-agent=User-Agent", "no name for a label"),
        ("--metrics.prometheus.headerLabels.code=X-Code", "the counters have a label"),
        ("--metrics.prometheus.headerLabels.a=not a header", "not a header name"),
        ("--metrics.statsD", "metrics.statsD is known but not served yet"),
        ("--metrics.otlp.http", "metrics.otlp is known but not served yet"),
    ];
    for (option, part) in table {
        let loaded = flags(&[option]).unwrap_or_else(|findings| panic!("{option}: {findings:?}"));
        let told = notes(&loaded);
        assert!(told.len() == 1 && told[0].contains(part), "{option}: {told:?}");
    }
    let wrong = flags(&["--metrics.prometheus.bucket=1"]).unwrap_err();
    assert!(wrong[0].contains("\"buckets\""), "{wrong:?}");
}
