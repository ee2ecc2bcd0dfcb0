//! A short run of the load test from its command line to its report, without any other proxy.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_short_run() {
    let folder = tempfile::tempdir().unwrap();
    let load = Path::new(env!("CARGO_BIN_EXE_load"));
    // Built by the workspace's tests; with this package's alone it may not be there.
    let swarmgate = load.with_file_name("swarmgate");
    let peers = if swarmgate.is_file() { "relay,swarmgate" } else { "relay" };
    let run = Command::new(load)
        .args(["--only", "keep-alive,websocket", "--rounds", "1", "--seconds", "0.3"])
        .args(["--warm-up", "0.1", "--peers", peers, "--out"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    let noted = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{noted}");
    assert!(said.contains("keep-alive, small") && said.contains("Goals"), "{said}");

    let json = std::fs::read_to_string(folder.path().join("load.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let rows = json["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * peers.split(',').count(), "{noted}");
    for row in rows {
        assert!(row["requests"].as_u64().unwrap() > 0, "{row}");
        assert_eq!(row["failed"], serde_json::json!({}), "{row}");
        assert_eq!(row["notes"], serde_json::json!([]), "{row}");
        let figure = |name: &str| row["figures"][name]["median"].as_f64().unwrap();
        assert!(figure("cpu_us") > 0.5 && figure("per_second") > 10.0, "{row}");
        assert!(figure("resident_mib") > 0.1 && figure("ready_ms") > 0.1, "{row}");
    }
    for file in ["load.md", "load.svg"] {
        assert!(std::fs::metadata(folder.path().join(file)).unwrap().len() > 100, "{file}");
    }
}

#[test]
fn routers_appear() {
    let load = Path::new(env!("CARGO_BIN_EXE_load"));
    let swarmgate = load.with_file_name("swarmgate");
    if !swarmgate.is_file() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(load)
        .args(["--only", "apply-1000", "--rounds", "1", "--seconds", "0.2", "--warm-up", "0.1"])
        .args(["--peers", "swarmgate", "--out"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let noted = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{noted}");
    let json = std::fs::read_to_string(folder.path().join("load.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for figure in ["apply_cpu_ms", "live_ms", "p99_us", "p99_during_us", "p99_during"] {
        let seen = json["rows"][0]["figures"][figure]["median"].as_f64();
        assert!(seen.is_some_and(|seen| seen > 0.0), "{figure}: {json:#}\n{noted}");
    }
    assert_eq!(json["goals"].as_array().unwrap().len(), 2);
}

#[test]
fn an_interrupt_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_load"))
        .args(["--only", "keep-alive", "--rounds", "1", "--seconds", "60", "--peers", "relay"])
        .arg("--out")
        .arg(folder.path().join("out"))
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let children = || children_of(run.id());
    let deadline = Instant::now() + Duration::from_secs(20);
    while children().is_empty() {
        assert!(Instant::now() < deadline, "no relay was started");
        std::thread::sleep(Duration::from_millis(10));
    }
    let started = children();
    let id = rustix::process::Pid::from_raw(i32::try_from(run.id()).unwrap()).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::INT).unwrap();
    assert_eq!(run.wait().unwrap().code(), Some(130));
    while started.iter().any(|pid| lives(*pid)) {
        assert!(Instant::now() < deadline, "{started:?} were left");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files were left");
}

/// The fields of /proc/PID/stat after the name: state, parent, ...
fn stat(pid: u32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after) = text.rsplit_once(')')?;
    Some(after.split_whitespace().map(str::to_owned).collect())
}

fn lives(pid: u32) -> bool {
    stat(pid).is_some_and(|fields| fields[0] != "Z")
}

fn children_of(parent: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == parent.to_string())).collect()
}

#[test]
fn middlewares_are_measured() {
    let load = Path::new(env!("CARGO_BIN_EXE_load"));
    let swarmgate = load.with_file_name("swarmgate");
    if !swarmgate.is_file() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = Command::new(load)
        .args(["middlewares", "--rounds", "1", "--seconds", "0.05", "--warm-up", "0.05"])
        .args(["--peers", "swarmgate", "--check", "--out"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let noted = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{noted}");
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(said.contains("stripPrefixRegex"), "{said}");
    let json = std::fs::read_to_string(folder.path().join("middlewares.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    for row in json["rows"].as_array().unwrap() {
        assert!(row["cpu_us"]["median"].as_f64().unwrap() > 0.5, "{row}");
    }
}
