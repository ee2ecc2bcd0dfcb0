//! What an operator sees: commands, log, access log, API.

use std::time::Duration;

use swarmgate_testkit::client;
use swarmgate_testkit::eventually::eventually;
use swarmgate_testkit::ports;
use swarmgate_testkit::process::Launch;

use crate::harness::{Harness, LIMIT};

fn swarmgate(arguments: &[&str]) -> swarmgate_testkit::process::Finished {
    Launch::new(env!("CARGO_BIN_EXE_swarmgate")).args(arguments.iter().copied()).run(LIMIT)
}

#[test]
fn version_help_and_unknown_words() {
    let version = swarmgate(&["version"]);
    assert!(version.status.success());
    assert_eq!(version.stdout.lines().count(), 5, "{}", version.stdout);
    assert!(version.stdout.starts_with("Version:      "), "{}", version.stdout);
    assert_eq!(swarmgate(&["traefik", "version"]).stdout, version.stdout);

    let help = swarmgate(&["--help"]);
    assert!(help.status.success() && help.stdout.contains("--providers.swarm.endpoint"));

    let unknown = swarmgate(&["serve"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(unknown.stderr.contains("command not found: serve"), "{}", unknown.stderr);
}

#[test]
fn the_first_word_of_traefiks_image_is_ignored() {
    let port = ports::free();
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg("traefik")
        .arg(format!("--entryPoints.web.address=127.0.0.1:{port}"))
        .start();
    process.wait_listening(port);
    assert_eq!(client::get(port, "x.test", "/").unwrap().status, 404);
    assert!(process.terminate(LIMIT).status.success());
}

#[test]
fn healthcheck_tells_how_it_is() {
    let port = ports::free();
    let address = format!("--entryPoints.traefik.address=127.0.0.1:{port}");
    let mut process = Launch::new(env!("CARGO_BIN_EXE_swarmgate"))
        .args([
            "--ping",
            &address,
            "--entryPoints.traefik.transport.lifeCycle.requestAcceptGraceTimeout=2s",
        ])
        .start();
    process.wait_listening(port);
    let url = format!("http://127.0.0.1:{port}/ping");
    eventually("it is well", LIMIT, || {
        let well = swarmgate(&["healthcheck", "--ping", &address]);
        if (well.status.code(), &*well.stdout) == (Some(0), &*format!("OK: {url}\n")) {
            Ok(())
        } else {
            Err(well.output())
        }
    });

    let without = swarmgate(&["healthcheck", &address]);
    assert_eq!(without.status.code(), Some(1));
    assert!(without.stdout.contains("please enable `ping`"), "{}", without.stdout);

    process.signal("TERM");
    std::thread::sleep(Duration::from_millis(500));
    let ending = swarmgate(&["healthcheck", "--ping", &address]);
    assert_eq!(ending.status.code(), Some(1));
    assert!(ending.stdout.contains("Bad healthcheck status: 503"), "{}", ending.stdout);
    assert!(process.wait(LIMIT).is_some());

    let gone = swarmgate(&["healthcheck", "--ping", &address]);
    assert_eq!(gone.status.code(), Some(1));
    assert!(gone.stdout.contains("Error calling healthcheck: Head"), "{}", gone.stdout);
}

#[test]
fn log_in_json_to_a_file() {
    let install = ["log: {level: INFO, format: json, filePath: logs/own.log}"];
    let harness = Harness::with("", &install);
    let path = harness.process.directory().join("logs/own.log");
    let finished = harness.process.terminate(LIMIT);
    assert_eq!(finished.stdout, "");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() >= 2, "{text}");
    for line in text.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(value["level"].is_string() && value["time"].is_string(), "{line}");
        assert!(value["message"].is_string(), "{line}");
    }
}

#[test]
fn access_log_of_a_request() {
    let harness = Harness::with("", &["accessLog: {filePath: access.log}"]);
    let path = harness.process.directory().join("access.log");
    client::get(harness.web, "app.test", "/seen?a=b").unwrap();
    client::get(harness.web, "unknown.test", "/unseen").unwrap();
    let lines = eventually("both lines", LIMIT, || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let of = |word: &str| text.lines().find(|line| line.contains(word)).map(str::to_owned);
        match (of("/seen?a=b"), of("/unseen")) {
            (Some(seen), Some(unseen)) => Ok((seen, unseen)),
            _ => Err(text),
        }
    });
    let upstream = harness.upstream.url();
    let expected = format!("\"app@file\" \"{upstream}\" ");
    assert!(lines.0.starts_with("127.0.0.1 - - ["), "{}", lines.0);
    assert!(lines.0.contains("\"GET /seen?a=b HTTP/1.1\" 200 "), "{}", lines.0);
    assert!(lines.0.contains(&expected) && lines.0.ends_with("ms"), "{}", lines.0);
    assert!(lines.1.contains(" 404 ") && lines.1.contains("\"-\" \"-\" "), "{}", lines.1);
}

/// Neither logged nor counted where the router says so.
#[test]
fn a_router_that_keeps_quiet() {
    let install =
        ["accessLog: {filePath: access.log}", "metrics: {prometheus: {addRoutersLabels: true}}"];
    let harness = Harness::with("", &install);
    let path = harness.process.directory().join("access.log");
    for (host, target) in [("quiet.test", "/silent"), ("app.test", "/heard")] {
        assert_eq!(client::get(harness.web, host, target).unwrap().status, 200);
    }
    let text = eventually("a line", LIMIT, || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        if text.contains("/heard") { Ok(text) } else { Err(text) }
    });
    assert!(!text.contains("/silent"), "{text}");
    let page = eventually("a sample", LIMIT, || {
        let page = client::get(harness.api, "localhost", "/metrics").unwrap().text();
        if page.contains("router=\"app@file\"") { Ok(page) } else { Err(page) }
    });
    assert!(!page.contains("quiet@file"), "{page}");
}

/// A request whose client leaves before the answer is logged, too.
#[test]
fn access_log_of_a_client_that_leaves() {
    let harness = Harness::with("", &["accessLog: {filePath: access.log}"]);
    let path = harness.process.directory().join("access.log");
    let mut client = harness.connect();
    client.send("GET /left HTTP/1.1\r\nHost: raw.test\r\n\r\n").unwrap();
    let server = harness.accept_raw();
    drop(client);
    let line = eventually("its line", LIMIT, || {
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        text.lines().find(|line| line.contains("/left")).map(str::to_owned).ok_or(text)
    });
    assert!(line.contains("\"GET /left HTTP/1.1\" 499 0 "), "{line}");
    assert!(line.contains("\"raw@file\""), "{line}");
    drop(server);
}

#[test]
fn api_and_dashboard() {
    let harness = Harness::start();
    let api = |path: &str| client::get(harness.api, "localhost", path).unwrap();
    let router = api("/api/http/routers/app@file").json();
    assert_eq!(router["status"], "enabled");
    assert_eq!(router["rule"], "Host(`app.test`)");
    let service = api("/api/http/services/app@file").json();
    assert_eq!(service["type"], "loadbalancer");
    assert_eq!(service["usedBy"], serde_json::json!(["app@file", "quiet@file", "tls@file"]));
    assert!(api("/api/rawdata").json()["routers"]["app@file"].is_object());
    assert_eq!(api("/api/version").json()["Version"], env!("CARGO_PKG_VERSION"));
    let certificates = api("/api/certificates").json();
    assert!(certificates.to_string().contains("tls.test"), "{certificates}");
    let page = api("/dashboard/");
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert_eq!(api("/").status, 301);
}
