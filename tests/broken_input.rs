//! Broken input: each mistake gets one clear message that names where it was written and what was
//! expected, and whatever is valid still serves.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use swarmgate_testkit::client;
use swarmgate_testkit::engine::{Engine, ServiceSpec};
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::{Launch, Running};
use swarmgate_testkit::upstream::Upstream;

const LIMIT: Duration = Duration::from_secs(20);

fn swarmgate() -> Launch {
    Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
}

/// A start that must fail.
struct Fatal {
    name: &'static str,
    /// Written to this file, which `--configFile` names.
    file: Option<(&'static str, &'static str)>,
    flags: &'static [&'static str],
    variables: &'static [(&'static str, &'static str)],
    /// All of these are in the message.
    expected: &'static [&'static str],
}

const NOTHING: Fatal = Fatal { name: "", file: None, flags: &[], variables: &[], expected: &[] };

const FATAL: &[Fatal] = &[
    Fatal {
        name: "unknown key in YAML",
        file: Some(("install.yml", "entryPoints:\n  web:\n    adress: ':80'\n")),
        expected: &["install.yml:3", "adress", "\"address\""],
        ..NOTHING
    },
    Fatal {
        name: "unknown key at the top of YAML",
        file: Some(("install.yml", "ping: {}\nentryPoint:\n  web: {address: ':80'}\n")),
        expected: &["install.yml:2", "entryPoint", "\"entryPoints\""],
        ..NOTHING
    },
    Fatal {
        name: "unknown key in TOML",
        file: Some(("install.toml", "[entryPoints.web]\nadress = ':80'\n")),
        expected: &["install.toml:2", "adress", "\"address\""],
        ..NOTHING
    },
    Fatal {
        name: "unknown flag",
        flags: &["--entryPoints.web.adress=:80"],
        expected: &["--entryPoints.web.adress", "\"address\""],
        ..NOTHING
    },
    Fatal {
        name: "unknown variable",
        variables: &[("TRAEFIK_ENTRYPOINTS_WEB_ADRESS", ":80")],
        expected: &["TRAEFIK_ENTRYPOINTS_WEB_ADRESS", "\"address\""],
        ..NOTHING
    },
    Fatal {
        name: "malformed YAML",
        file: Some(("install.yml", "entryPoints:\n  web: [\n")),
        expected: &["install.yml:"],
        ..NOTHING
    },
    Fatal {
        name: "malformed TOML",
        file: Some(("install.toml", "[entryPoints.web\naddress = ':80'\n")),
        expected: &["install.toml:1"],
        ..NOTHING
    },
    Fatal {
        name: "bad value in YAML",
        file: Some(("install.yml", "api:\n  insecure: maybe\n")),
        expected: &["install.yml:2", "insecure", "maybe"],
        ..NOTHING
    },
    Fatal {
        name: "bad value of a flag",
        flags: &["--ping.terminatingStatusCode=many"],
        expected: &["--ping.terminatingStatusCode", "many"],
        ..NOTHING
    },
    Fatal {
        name: "bad duration",
        flags: &["--entryPoints.web.address=:80", "--providers.providersThrottleDuration=1d"],
        expected: &["--providers.providersThrottleDuration", "1d"],
        ..NOTHING
    },
    Fatal {
        name: "file that is not there",
        flags: &["--configFile=nowhere.yml"],
        expected: &["nowhere.yml"],
        ..NOTHING
    },
    Fatal {
        name: "bad trusted address",
        flags: &[
            "--entryPoints.web.address=:80",
            "--entryPoints.web.forwardedHeaders.trustedIPs=10.0.0.0/33",
        ],
        expected: &["trustedIPs", "10.0.0.0/33"],
        ..NOTHING
    },
    Fatal {
        name: "address without a port",
        flags: &["--entryPoints.web.address=80"],
        expected: &["web", "80"],
        ..NOTHING
    },
    Fatal {
        name: "log file in a place that is none",
        flags: &["--log.filePath=/dev/null/x.log", "--entryPoints.web.address=127.0.0.1:0"],
        expected: &["log.filePath", "/dev/null"],
        ..NOTHING
    },
    Fatal {
        name: "unknown command",
        flags: &["helthcheck"],
        expected: &["helthcheck", "healthcheck"],
        ..NOTHING
    },
    Fatal {
        name: "word after the flags",
        flags: &["--api.insecure", "true"],
        expected: &["true"],
        ..NOTHING
    },
];

#[test]
fn bad_install_configuration_ends_the_start() {
    let mut wrong = String::new();
    for case in FATAL {
        let mut launch = swarmgate().args(case.flags.iter().copied());
        if let Some((name, text)) = case.file {
            launch = launch.file(name, text).arg(format!("--configFile={name}"));
        }
        for (name, value) in case.variables {
            launch = launch.env(name, *value);
        }
        let finished = launch.run(LIMIT);
        let output = finished.output();
        let missing: Vec<_> =
            case.expected.iter().filter(|part| !output.contains(**part)).collect();
        // One message for one mistake; a hint may continue it on the same line.
        let lines = output.lines().filter(|line| !line.trim().is_empty()).count();
        if finished.status.code() != Some(1) || !missing.is_empty() || lines != 1 {
            wrong.push_str(&format!(
                "{}: {}, {lines} lines, lacks {missing:?}:\n{output}\n",
                case.name, finished.status
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_mistakes_of_a_file_are_told() {
    let text = "entryPoints:\n  web:\n    adress: ':80'\napi:\n  insecur: true\n";
    let finished = swarmgate().file("install.yml", text).arg("--configFile=install.yml").run(LIMIT);
    let output = finished.output();
    assert!(output.contains("adress") && output.contains("insecur"), "{output}");
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let finished =
        swarmgate().arg(format!("--entryPoints.web.address=127.0.0.1:{port}")).run(LIMIT);
    let output = finished.output();
    assert_eq!(finished.status.code(), Some(1), "{output}");
    for part in ["web", &port.to_string(), "in use"] {
        assert!(output.contains(part), "lacks {part}: {output}");
    }
}

#[test]
fn a_port_in_use_by_another_of_us_is_named() {
    let port = ports::free();
    let flag = format!("--entryPoints.web.address=127.0.0.1:{port}");
    let mut first = swarmgate().arg(&flag).start();
    first.wait_listening(port);
    let second = swarmgate().arg(&flag).run(LIMIT);
    assert_eq!(second.status.code(), Some(1), "{}", second.output());
    assert!(second.output().contains("in use"), "{}", second.output());
}

/// A proxy with a good router (`good.test`) in `routing.yml` beside whatever else is given.
struct Serving {
    process: Running,
    web: u16,
    api: u16,
    _upstream: Upstream,
}

fn serving(more_install: &str, more_routing: &str) -> Serving {
    let (web, api) = (ports::free(), ports::free());
    let upstream = Upstream::start("good");
    let install = format!(
        "entryPoints:\n  web: {{address: '127.0.0.1:{web}'}}\n  traefik: {{address: '127.0.0.1:{api}'}}\napi: {{insecure: true}}\n{more_install}\n"
    );
    let providers = if more_install.contains("providers:") {
        ""
    } else {
        "providers: {file: {filename: routing.yml}}\n"
    };
    let mut process = swarmgate()
        .file("install.yml", &format!("{install}{providers}"))
        .file("routing.yml", &routing(&upstream, more_routing))
        .file("a-file", "")
        .arg("--configFile=install.yml")
        .start();
    process.wait_listening(web);
    Serving { process, web, api, _upstream: upstream }
}

fn routing(upstream: &Upstream, more: &str) -> String {
    format!(
        "http:\n  services:\n    good: {{loadBalancer: {{servers: [{{url: '{}'}}]}}}}\n  routers:\n    good: {{rule: 'Host(`good.test`)', service: good}}\n{more}",
        upstream.url()
    )
}

impl Serving {
    #[track_caller]
    fn good_still_serves(&self) {
        eventually("the good router serves", LIMIT, || {
            match client::get(self.web, "good.test", "/") {
                Ok(response) if response.status == 200 => Ok(()),
                other => Err(format!("{other:?}; {}", self.process.output())),
            }
        });
    }

    #[track_caller]
    fn says(&self, parts: &[&str]) {
        eventually("the message", LIMIT, || {
            let output = self.process.output();
            let said = output.lines().any(|line| parts.iter().all(|part| line.contains(part)));
            if said { Ok(()) } else { Err(format!("no line with {parts:?} in:\n{output}")) }
        });
    }

    fn router(&self, name: &str) -> serde_json::Value {
        let path = format!("/api/http/routers/{name}");
        client::get(self.api, "localhost", &path).expect("the API answers").json()
    }
}

#[test]
fn a_bad_router_spoils_only_itself() {
    let table: [(&str, &str, &[&str]); 6] = [
        ("rule: 'Host(`bad.test`', service: good", "bad rule", &["bad@file"]),
        (
            "rule: 'Hots(`bad.test`)', service: good",
            "unknown matcher",
            &["bad@file", "Hots", "Host"],
        ),
        (
            "rule: 'Host(`bad.test`)', service: good, middlewares: [nowhere]",
            "unknown middleware",
            &["bad@file", "nowhere"],
        ),
        ("rule: 'Host(`bad.test`)', service: nowhere", "unknown service", &["bad@file", "nowhere"]),
        (
            "rule: 'Host(`bad.test`)', service: good, entryPoints: [nowhere]",
            "unknown entry point",
            &["bad@file", "nowhere"],
        ),
        ("rule: 'HostRegexp(`(`)', service: good", "bad regular expression", &["bad@file", "("]),
    ];
    for (router, name, expected) in table {
        let serving = serving("", &format!("    bad: {{{router}}}\n"));
        serving.good_still_serves();
        serving.says(expected);
        let shown = serving.router("bad@file");
        assert_eq!(shown["status"], "disabled", "{name}: {shown}");
        assert!(shown["error"][0].is_string(), "{name}: {shown}");
    }
}

#[test]
fn an_unknown_key_of_a_router_spoils_only_that_router() {
    let serving =
        serving("", "    bad: {rule: 'Host(`bad.test`)', service: good, midlewares: [x]}\n");
    serving.good_still_serves();
    serving.says(&["routing.yml:6", "midlewares", "\"middlewares\""]);
}

#[test]
fn a_routing_file_that_breaks_later_changes_nothing() {
    let serving = serving("", "");
    serving.good_still_serves();
    serving.process.replace_file("routing.yml", "http: [\n");
    serving.says(&["routing.yml:"]);
    serving.good_still_serves();
    let mended =
        routing(&serving._upstream, "    more: {rule: 'Host(`more.test`)', service: good}\n");
    serving.process.replace_file("routing.yml", &mended);
    eventually("the mended file is in force", LIMIT, || {
        match client::get(serving.web, "more.test", "/") {
            Ok(response) if response.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn a_missing_engine_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let endpoint = format!("unix://{}", socket.display());
    let serving = serving(
        &format!(
            "providers: {{file: {{filename: routing.yml}}, swarm: {{endpoint: '{endpoint}', network: net}}}}"
        ),
        "",
    );
    serving.good_still_serves();
    serving.says(&["swarm", "docker.sock"]);

    let engine = Engine::start(&socket).unwrap();
    engine.create_network("net");
    engine
        .create_service(
            ServiceSpec::new("app")
                .network("net")
                .label("traefik.http.routers.app.rule", "Host(`app.test`)")
                .label("traefik.http.services.app.loadbalancer.server.port", "1"),
        )
        .unwrap();
    eventually("the engine is found", LIMIT, || {
        match serving.router("app@swarm")["status"].as_str() {
            Some("enabled") => Ok(()),
            other => Err(format!("{other:?}; {}", serving.process.output())),
        }
    });
    engine.stop();
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(serving.router("app@swarm")["status"], "enabled", "the routes stay");
    serving.good_still_serves();
}

#[test]
fn a_bad_label_spoils_only_its_own_object() {
    let engine = Engine::start_temporary().unwrap();
    engine.create_network("net");
    let spec = ServiceSpec::new("app")
        .network("net")
        .label("traefik.http.routers.fine.rule", "Host(`fine.test`)")
        .label("traefik.http.routers.odd.rule", "Host(`odd.test`)")
        .label("traefik.http.routers.odd.priority", "high")
        .label("traefik.http.routers.typo.rulle", "Host(`typo.test`)")
        .label("traefik.http.services.app.loadbalancer.server.port", "1");
    engine.create_service(spec).unwrap();
    let serving = serving(
        &format!(
            "providers: {{file: {{filename: routing.yml}}, swarm: {{endpoint: '{}', network: net}}}}",
            engine.endpoint()
        ),
        "",
    );
    serving.good_still_serves();
    serving.says(&["app", "traefik.http.routers.odd.priority", "high"]);
    serving.says(&["app", "traefik.http.routers.typo.rulle", "\"rule\""]);
    eventually("the fine router", LIMIT, || {
        match serving.router("fine@swarm")["status"].as_str() {
            Some("enabled") => Ok(()),
            other => Err(format!("{other:?}; {}", serving.process.output())),
        }
    });
}

#[test]
fn an_unusable_acme_storage_leaves_the_rest_alone() {
    let resolver = |storage: &str| {
        format!(
            "certificatesResolvers: {{le: {{acme: {{storage: '{storage}', caServer: 'https://127.0.0.1:1/dir', httpChallenge: {{entryPoint: web}}}}}}}}"
        )
    };
    // A file cannot be a folder, not even for root.
    let serving = serving(&resolver("a-file/acme.json"), "");
    serving.good_still_serves();
    serving.says(&["le", "a-file/acme.json"]);
}

#[test]
fn an_acme_storage_open_to_others_is_refused() {
    let web = ports::free();
    let launch = swarmgate()
        .file("acme.json", "{}")
        .arg(format!("--entryPoints.web.address=127.0.0.1:{web}"))
        .arg("--certificatesResolvers.le.acme.storage=acme.json")
        .arg("--certificatesResolvers.le.acme.caServer=https://127.0.0.1:1/dir")
        .arg("--certificatesResolvers.le.acme.httpChallenge.entryPoint=web");
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(launch.directory().join("acme.json"), open).unwrap();
    let mut process = launch.start();
    process.wait_listening(web);
    process.wait_output("acme.json are too open, please use 600");
    assert!(process.output().contains("permissions 644"), "{}", process.output());
}

/// What is said to a full disk or a closed pipe is lost; what the exit code says is not.
#[test]
fn nowhere_to_speak() {
    let table: [(&[&str], i32); 5] = [
        (&["version"], 0),
        (&["help"], 0),
        (&["healthcheck", "--ping=true", "--entryPoints.traefik.address=127.0.0.1:1"], 1),
        (&["frobnicate"], 1),
        (&["--entryPoints.web.adress=:80"], 1),
    ];
    for (arguments, expected) in table {
        let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_swarmgate"))
            .args(arguments)
            .stdout(full())
            .stderr(full())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}
