//! Finds a peer's program and asks for its version.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Folders that hold servers but are not on everybody's PATH.
const MORE: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/swarmgate-real-parts/bin"];

/// A program that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The program file.
    pub program: PathBuf,
    /// What it says its version is: `1.22.1`.
    pub version: String,
}

/// Looks for `name` on PATH (and where servers are), then asks for its version.
///
/// # Errors
/// Not found, or it told no version: a sentence.
pub fn program(name: &str, version_arguments: &[&str]) -> Result<Found, String> {
    let program = file(name).ok_or_else(|| format!("no {name} on PATH"))?;
    let version = version(&program, version_arguments)?;
    Ok(Found { program, version })
}

/// The version that `program` prints.
///
/// # Errors
/// It could not be run or printed none.
pub fn version(program: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} cannot be run: {error}", program.display()))?;
    // nginx prints to its standard error.
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    number(&said)
        .ok_or_else(|| format!("{} {} tells no version", program.display(), arguments.join(" ")))
}

/// The first word that begins with `digits.digits`, without a `v` or a name with a slash before it.
fn number(said: &str) -> Option<String> {
    said.split(|c: char| c.is_whitespace() || c == '/' || c == ',' || c == '(').find_map(|word| {
        let word = word.strip_prefix('v').unwrap_or(word);
        let (major, rest) = word.split_once('.')?;
        let digits = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
        (digits(major) && major.bytes().all(|b| b.is_ascii_digit()) && digits(rest))
            .then(|| word.to_owned())
    })
}

/// The program file of that name: the first on PATH that is a program itself. A script in its
/// place (version managers put them there) would start with its own cost, so it is only followed,
/// to the versions beside a `shims` folder, or taken when there is nothing else.
fn file(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(MORE.iter().map(PathBuf::from));
    let mut script = None;
    for folder in folders {
        let candidate = folder.join(name);
        match kind(&candidate) {
            Kind::Nothing => {}
            Kind::Program => return Some(candidate),
            Kind::Script => {
                if let Some(behind) = behind_shim(&folder, name) {
                    return Some(behind);
                }
                script.get_or_insert(candidate);
            }
        }
    }
    script
}

fn behind_shim(folder: &Path, name: &str) -> Option<PathBuf> {
    if folder.file_name()? != "shims" {
        return None;
    }
    let versions = folder.parent()?.join("versions").read_dir().ok()?;
    versions
        .flatten()
        .map(|version| version.path().join("bin").join(name))
        .find(|file| kind(file) == Kind::Program)
}

#[derive(PartialEq, Eq)]
enum Kind {
    Nothing,
    Script,
    Program,
}

fn kind(file: &Path) -> Kind {
    use std::os::unix::fs::PermissionsExt;
    let executable = file
        .metadata()
        .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0);
    if !executable {
        return Kind::Nothing;
    }
    let mut magic = [0; 4];
    match File::open(file).and_then(|mut file| file.read_exact(&mut magic)) {
        Ok(()) if magic == *b"\x7fELF" => Kind::Program,
        _ => Kind::Script,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_programs_print_them() {
        let cases = [
            ("nginx version: nginx/1.22.1\n", Some("1.22.1")),
            ("HAProxy version 2.6.12-1+deb12u4 2026/10/17 - https://x\n", Some("2.6.12-1+deb12u4")),
            ("Version:      3.7.15\nCodename:     x\nGo version:   go1.26.1\n", Some("3.7.15")),
            ("v2.6.2 h1:abc=\n", Some("2.6.2")),
            ("Swarmgate 0.1.0 (rustc 1.90.0)\n", Some("0.1.0")),
            ("sozu 1.0.6\n", Some("1.0.6")),
            ("no such option\n", None),
            ("e.g. this\n", None),
        ];
        for (said, expected) in cases {
            assert_eq!(number(said).as_deref(), expected, "{said}");
        }
    }

    #[test]
    fn a_program_is_found_and_a_missing_one_named() {
        assert!(file("sh").is_some());
        let missing = program("no-such-proxy", &[]).unwrap_err();
        assert!(missing.contains("no-such-proxy"), "{missing}");
    }

    #[test]
    fn behind_a_version_managers_script() {
        use std::os::unix::fs::PermissionsExt;
        let root = tempfile::tempdir().unwrap();
        let write = |file: &Path, bytes: &[u8]| {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, bytes).unwrap();
            std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        let shims = root.path().join("shims");
        write(&shims.join("tool"), b"#!/bin/sh\n");
        assert_eq!(behind_shim(&shims, "tool"), None);
        let real = root.path().join("versions/1/bin/tool");
        write(&real, b"\x7fELF...");
        assert_eq!(behind_shim(&shims, "tool"), Some(real));
        assert_eq!(behind_shim(root.path(), "tool"), None);
    }
}
