//! The demo checks itself: `demo --once` must end well.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use swarmgate_testkit::process::Launch;

/// Beside the tested binary. Cargo builds examples for `cargo test`, but not for one test alone,
/// which would then meet an old one; where nothing changed this takes no time.
fn demo() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_swarmgate"));
    let folder = binary.parent().expect("the binary is in a folder");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "--example", "demo"])
        .args(folder.ends_with("release").then_some("--release"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the demo does not build");
    folder.join("examples/demo")
}

#[test]
fn checks_itself() {
    let finished = Launch::new(demo()).arg("--once").run(Duration::from_secs(120));
    assert!(finished.status.success(), "{}", finished.output());
    for part in ["Routes", "Certificates", "Try it", "curl -i --cacert", "all replicas answer"] {
        assert!(finished.stdout.contains(part), "lacks {part:?}:\n{}", finished.stdout);
    }
    assert_eq!(finished.stdout.matches("  ok ").count(), 8, "{}", finished.stdout);
}

#[test]
fn wrong_words_are_refused() {
    let finished = Launch::new(demo()).arg("--twice").run(Duration::from_secs(20));
    assert_eq!(finished.status.code(), Some(1));
    assert!(finished.stderr.contains("usage: demo [--once]"), "{}", finished.stderr);
}
