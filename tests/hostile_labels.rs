//! Hostile labels: whatever one service's labels say, the others' routes are served within a bounded
//! time and in a bounded memory, and the service gets a finding that a log line can hold.

use std::time::{Duration, Instant};

use swarmgate_testkit::client;
use swarmgate_testkit::engine::{Engine, ServiceSpec};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

/// Generous: debug builds on busy machines.
const LIMIT: Duration = Duration::from_secs(60);
/// What may come on top of an idle proxy, MiB: some tens of megabytes of labels, and at most 256 MiB
/// of regular expressions.
const MOST_MIB: u64 = 768;

/// A default rule that grows with a label, more than tenfold at each step.
const BOMB: &str = "Host(`{{ .Name | replace \"o\" (index .Labels \"bomb\") | replace \"x\" \
                    (index .Labels \"bomb\") | replace \"x\" (index .Labels \"bomb\") }}`)";

struct House {
    process: Running,
    engine: Engine,
    web: u16,
    api: u16,
    _good: Upstream,
}

/// A proxy and a good service, on an engine for bad ones.
fn house() -> House {
    let engine = Engine::start_temporary().unwrap();
    let good = Upstream::start("good");
    let url = ("traefik.http.services.good.loadbalancer.server.url", good.url());
    let spec = ServiceSpec::new("good")
        .network("net")
        .label("traefik.http.routers.good.rule", "Host(`good.test`)")
        .label(url.0, url.1);
    engine.create_service(spec).unwrap();
    let (web, api) = (ports::free(), ports::free());
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg(format!("--entryPoints.traefik.address=127.0.0.1:{api}"))
        .arg("--api.insecure=true")
        .arg("--log.level=DEBUG")
        .arg("--providers.providersThrottleDuration=0")
        .arg(format!("--providers.swarm.endpoint={}", engine.endpoint()))
        .arg(format!("--providers.swarm.defaultRule={BOMB}"))
        .start();
    process.wait_listening(web);
    let house = House { process, engine, web, api, _good: good };
    house.good_serves();
    house
}

impl House {
    #[track_caller]
    fn good_serves(&self) {
        eventually("the good service", LIMIT, || match client::get(self.web, "good.test", "/") {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}; {}", tail(&self.process.output()))),
        });
    }

    /// Findings about one service.
    fn findings(&self, service: &str) -> Vec<String> {
        let path = "/api/findings?per_page=100000";
        let answer = client::get(self.api, "localhost", path).expect("the API answers").json();
        let list = answer.as_array().cloned().unwrap_or_default();
        list.iter()
            .filter(|finding| finding["origin"]["service"] == service)
            .map(ToString::to_string)
            .collect()
    }
}

/// The end of a text that may be long.
fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(2_000);
    (from..text.len()).find_map(|at| text.get(at..)).unwrap_or_default()
}

/// Labels of one service, and what its findings say; empty where there is nothing wrong.
struct Case {
    name: &'static str,
    labels: Vec<(String, String)>,
    told: &'static str,
    /// As many findings at most.
    most: usize,
    /// Where nothing is wrong: a router by which it is seen.
    seen: &'static str,
}

fn label(key: &str, value: impl Into<String>) -> (String, String) {
    (key.to_owned(), value.into())
}

fn port(service: &str) -> (String, String) {
    label(&format!("traefik.http.services.{service}.loadbalancer.server.port"), "80")
}

fn cases() -> Vec<Case> {
    let megabytes = "x".repeat(3 << 20);
    let deep = format!("traefik.http.routers.{}rule", "a.".repeat(10_000));
    let less_deep = format!("traefik.http.routers.{}rule", "a.".repeat(100));
    let numbered = |name: &str, count: usize, value: &str| -> Vec<(String, String)> {
        let key = |n| format!("traefik.http.routers.{name}{n}.rule");
        (0..count).map(|n| label(&key(n), value.replace('#', &n.to_string()))).collect()
    };
    let with_port = |service: &str, labels: Vec<(String, String)>| {
        let mut labels = labels;
        labels.push(port(service));
        labels
    };
    let one = |name, service, key: &str, value: String, told| Case {
        name,
        labels: with_port(service, vec![label(key, value)]),
        told,
        most: 3,
        seen: service,
    };
    let rule = |name| format!("traefik.http.routers.{name}.rule");
    vec![
        one("long-rule", "lr", &rule("lr"), format!("Host(`{megabytes}`)"), "bytes long"),
        one("long-value", "lv", "traefik.http.routers.lv.priority", megabytes.clone(), "number"),
        one(
            "long-port",
            "lp",
            "traefik.http.services.lp.loadbalancer.server.scheme",
            megabytes.clone(),
            "is not known",
        ),
        one("long-name", "ln", &rule(&megabytes), "Host(`a`)".into(), "the key has"),
        one("long-reference", "lf", "traefik.http.routers.lf.service", megabytes.clone(), "xxxx"),
        one("deep", "d", &deep, "x".into(), "the key has"),
        one("less-deep", "ld", &less_deep, "x".into(), "levels"),
        one(
            "brackets",
            "b",
            "traefik.http.routers.b.tls.domains[999999999].main",
            "a.test".into(),
            "",
        ),
        one("nested", "n", &rule("n"), format!("{}Host(`a`)", "(".repeat(100_000)), "nested"),
        one("regex", "r", &rule("r"), "HostRegexp(`((a{1000}){1000}){1000}`)".into(), "regexp"),
        one("large-regex", "lx", &rule("lx"), "HostRegexp(`(\\pL{100}){2}`)".into(), ""),
        one(
            "control",
            "c",
            &rule("c"),
            "Host(`a\n2026-01-01T00:00:00Z ERR forged\u{1b}[31m\u{0}\u{9b}`)".into(),
            "control",
        ),
        one("control-key", "ck", "traefik.http.routers.ck.rul\n\u{1b}[2J", "x".into(), "ck"),
        one("bomb", "bo", "bomb", "x".repeat(1_000), "longer than"),
        Case {
            name: "many-routers",
            labels: with_port("m", numbered("n", 10_000, "Host(`n#.test`)")),
            told: "",
            most: 0,
            seen: "n9999",
        },
        Case {
            name: "many-mistakes",
            labels: (0..10_000)
                .map(|n| label(&format!("traefik.http.routers.e{n}.rul"), "x"))
                .collect(),
            told: "more findings",
            most: 102,
            seen: "",
        },
        Case {
            name: "many-regexes",
            labels: with_port("mr", numbered("x", 40, "HostRegexp(`a#(\\pL{100}){2}`)")),
            told: "the expressions in use take more than",
            most: 300,
            seen: "",
        },
        Case {
            name: "larger-regexes",
            labels: with_port("xr", numbered("y", 10, "HostRegexp(`a#(\\pL{100}){10}`)")),
            told: "expression too large",
            most: 300,
            seen: "",
        },
        Case {
            name: "many-services",
            labels: (0..3_000).map(|n| port(&format!("ms{n}"))).collect(),
            told: "too many services",
            most: 1,
            seen: "",
        },
    ]
}

#[test]
fn hostile_labels_do_no_harm() {
    let mut house = house();
    let idle = house.process.resident_kib().unwrap() / 1024;
    let cases = cases();
    for case in &cases {
        let began = Instant::now();
        let mut spec = ServiceSpec::new(case.name).network("net");
        spec.labels = case.labels.iter().cloned().collect();
        house.engine.create_service(spec).unwrap();
        // Seen when its findings are there, or else its routers.
        eventually(case.name, LIMIT, || {
            if case.told.is_empty() {
                let path = format!("/api/http/routers/{}@swarm", case.seen);
                let answer = client::get(house.api, "localhost", &path);
                let found = answer.is_ok_and(|answer| answer.status == 200);
                return if found { Ok(()) } else { Err(tail(&house.process.output()).to_owned()) };
            }
            let findings = house.findings(case.name);
            if findings.iter().any(|finding| finding.contains(case.told)) {
                Ok(())
            } else {
                Err(format!("{findings:.2000?}; {}", tail(&house.process.output())))
            }
        });
        house.good_serves();
        let findings = house.findings(case.name);
        assert!(findings.len() <= case.most.max(3), "{}: {}", case.name, findings.len());
        let longest = findings.iter().map(String::len).max().unwrap_or_default();
        assert!(longest < 64 * 1024, "{}: a finding of {longest} bytes", case.name);
        let now = house.process.resident_kib().unwrap() / 1024;
        println!("{}: {} findings, {:.1?}, {now} MiB", case.name, findings.len(), began.elapsed());
        assert!(now < idle + MOST_MIB, "{}: {now} MiB, idle {idle}", case.name);
    }
    // The ten thousand are served, beside all the others.
    eventually("one of ten thousand", LIMIT, || {
        let path = "/api/http/routers/n9999@swarm";
        let answer = client::get(house.api, "localhost", path).map_err(|it| it.to_string())?;
        let status = answer.json()["status"].clone();
        if status == "enabled" { Ok(()) } else { Err(answer.text()) }
    });
    // A change is live soon, with all of it there.
    let began = Instant::now();
    house.engine.update_labels("good", [("traefik.http.routers.good.rule", "Host(`new.test`)")]);
    eventually("a change", LIMIT, || match client::get(house.web, "new.test", "/") {
        Ok(answer) if answer.status == 200 => Ok(()),
        other => Err(format!("{other:?}")),
    });
    println!("a change among all of them: {:.1?}", began.elapsed());

    // It goes when the labels go.
    for case in &cases {
        house.engine.remove_service(case.name);
    }
    eventually("nothing hostile is left", LIMIT, || {
        let answer = client::get(house.api, "localhost", "/api/http/routers?per_page=100000");
        let routers = answer.map_err(|it| it.to_string())?.json();
        let count = routers.as_array().map_or(0, Vec::len);
        if count < 10 { Ok(()) } else { Err(format!("{count} routers")) }
    });
    assert!(house.process.is_running());
    let output = house.process.output();
    let raw = output.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(raw, None, "a control character in the log");
    let forged = output.lines().find(|line| line.starts_with("2026-01-01T00:00:00Z"));
    assert_eq!(forged, None, "a forged line");
    let longest = output.lines().map(str::len).max().unwrap_or_default();
    assert!(longest < 64 * 1024, "a line of {longest} bytes");
    println!("idle {idle} MiB, {} KiB of log", output.len() / 1024);
}
