//! Guards the house's arrows and its first lines: who may depend on whom, and that every file says
//! its one idea.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Each room and the rooms that it may know.
const ARROWS: &[(&str, &[&str])] = &[
    ("swarmgate-config", &[]),
    ("swarmgate-discovery", &["swarmgate-config"]),
    ("swarmgate-acme", &["swarmgate-config"]),
    ("swarmgate-proxy", &["swarmgate-config"]),
    ("swarmgate-testkit", &[]),
    ("swarmgate-stand-in", &[]),
    ("swarmgate-bench", &[]),
    (
        "swarmgate",
        &[
            "swarmgate-config",
            "swarmgate-discovery",
            "swarmgate-acme",
            "swarmgate-proxy",
            // For `cargo bench` alone.
            "swarmgate-bench",
        ],
    ),
];

/// Names of dependencies by package; development ones apart.
type Dependencies = BTreeMap<String, Vec<(String, bool)>>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn dependencies() -> Dependencies {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {text}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    metadata["packages"]
        .as_array()
        .expect("a list of packages")
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("a list");
            let dependencies = dependencies
                .iter()
                .map(|dependency| (text(&dependency["name"]), dependency["kind"] == "dev"))
                .collect();
            (text(&package["name"]), dependencies)
        })
        .collect()
}

#[test]
fn rooms_know_only_whom_they_may() {
    let dependencies = dependencies();
    let rooms: Vec<&str> = ARROWS.iter().map(|(room, _)| *room).collect();
    for package in dependencies.keys() {
        assert!(rooms.contains(&package.as_str()), "{package} has no place in the table");
    }
    for (room, allowed) in ARROWS {
        let known = dependencies.get(*room).unwrap_or_else(|| panic!("{room} is missing"));
        for (name, for_tests) in known.iter().filter(|(name, _)| rooms.contains(&name.as_str())) {
            // Tests may use the testkit anywhere; the testkit itself judges from outside.
            let testkit = *for_tests && name == "swarmgate-testkit" && *room != name;
            assert!(testkit || allowed.contains(&name.as_str()), "{room} must not know {name}");
        }
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder").flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "target";
        if path.is_dir() && !hidden {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_file_says_its_idea() {
    let mut files = Vec::new();
    sources(root(), &mut files);
    assert!(files.len() > 50, "only {} files found", files.len());
    let silent: Vec<_> = files
        .iter()
        .filter(|file| {
            let text = fs::read_to_string(file).expect("a readable file");
            let first = text.lines().next().unwrap_or_default();
            first.strip_prefix("//! ").is_none_or(|idea| idea.trim().len() < 10)
        })
        .collect();
    assert!(silent.is_empty(), "no `//!` line that tells the idea: {silent:#?}");
}

#[test]
fn nobody_left_work_undone() {
    let mut files = Vec::new();
    sources(root(), &mut files);
    // Spelled in halves, or this file would find itself.
    let marks = [["to", "do!("], ["unimple", "mented!("], ["FIX", "ME"], ["#[ign", "ore"]];
    for file in files {
        let text = fs::read_to_string(&file).expect("a readable file");
        for mark in marks.map(|halves| halves.concat()) {
            assert!(!text.contains(&mark), "{} contains {mark}", file.display());
        }
    }
}

/// Versions before which a library had a hole that is told in docs/advisories.md.
const SINCE: &[(&str, [u32; 3])] = &[
    ("bytes", [1, 11, 1]),
    ("http", [0, 1, 20]),
    ("idna", [1, 0, 3]),
    ("regex", [1, 5, 5]),
    ("time", [0, 3, 47]),
];

#[test]
fn libraries_are_past_their_holes() {
    let text = fs::read_to_string(root().join("Cargo.lock")).expect("a lock file");
    for (name, since) in SINCE {
        let head = format!("\nname = \"{name}\"\nversion = \"");
        let mut found = 0;
        for rest in text.split(&head).skip(1) {
            let version = rest.split('"').next().unwrap_or_default();
            let numbers = version.split(['.', '+', '-']).map_while(|number| number.parse().ok());
            let numbers: Vec<u32> = numbers.take(3).collect();
            assert_eq!(numbers.len(), 3, "{name} {version}");
            assert!(numbers[..] >= since[..], "{name} {version} is older than {since:?}");
            found += 1;
        }
        assert!(found > 0, "Cargo.lock has no {name}");
    }
}

/// Whether a line compares what nobody may learn byte by byte: by `==` or `!=`, which end at the
/// first difference.
fn compares_secrets(line: &str) -> bool {
    let words = ["secret", "password", "response", "hash", "sum", "expected", "token"];
    let is_secret = |side: &str| {
        let last = side.trim().rsplit([' ', '(', '!', '&', '|']).next().unwrap_or_default();
        words.iter().any(|word| last.split('.').any(|part| part.starts_with(word)))
    };
    let is_secret_first = |side: &str| {
        let first = side.trim().trim_start_matches(['&', '*', '(']);
        let first = first.split([' ', ')', ';', ',']).next().unwrap_or_default();
        words.iter().any(|word| first.split('.').any(|part| part.starts_with(word)))
    };
    let code = line.split("//").next().unwrap_or_default();
    [" == ", " != "].iter().any(|sign| {
        code.split_once(sign).is_some_and(|(left, right)| {
            // Lengths and answers' statuses are no secrets.
            let known = |side: &str| side.contains(".len()") || side.contains(".status");
            !known(left) && !known(right) && (is_secret(left) || is_secret_first(right))
        })
    })
}

#[test]
fn secrets_are_compared_in_constant_time() {
    for bad in [
        "if given.response == expected {",
        "return password != *found;",
        "(hash == sum).then(|| x)",
        "if expected.as_bytes() == given.response.as_bytes() {",
    ] {
        assert!(compares_secrets(bad), "{bad}");
    }
    for good in ["if password.len() == 3 {", "a == b", "// hash == sum", "x.ct_eq(hash)"] {
        assert!(!compares_secrets(good), "{good}");
    }
    let mut files = Vec::new();
    sources(&root().join("proxy/src/middleware/auth"), &mut files);
    let mut constant = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("a readable file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        constant += code.matches(".ct_eq(").count();
        for (number, line) in code.lines().enumerate() {
            assert!(!compares_secrets(line), "{}:{}: {line}", file.display(), number + 1);
        }
    }
    assert!(constant >= 4, "only {constant} comparisons in constant time");
}
