//! `swarmgate check` against the built binary: files in, what is printed and the exit code out.
//!
//! `tests/check/*.txt` hold the cases: `=== name`, then `$ arguments` and `% VARIABLE=value` where
//! the default (all files, no variables) is not meant, `>>> path` before each file (`>>> -` is
//! standard input), `<<< exit code` before what is printed. `UPDATE_GOLDEN=1` writes the last part
//! anew.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use swarmgate_testkit::real;

/// One case of a table.
#[derive(Default)]
struct Case {
    name: String,
    arguments: Option<String>,
    variables: Vec<(String, String)>,
    files: Vec<(String, String)>,
    code: i32,
    output: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check")
}

fn parse(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    /// Where lines go.
    enum Part {
        Head,
        File,
        Output,
    }
    let mut part = Part::Head;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("=== ") {
            cases.push(Case { name: name.to_owned(), ..Case::default() });
            part = Part::Head;
            continue;
        }
        let case = cases.last_mut().expect("a case begins with ===");
        if let Some(path) = line.strip_prefix(">>> ") {
            case.files.push((path.to_owned(), String::new()));
            part = Part::File;
            continue;
        }
        if let Some(code) = line.strip_prefix("<<< exit ") {
            case.code = code.parse().expect("an exit code");
            part = Part::Output;
            continue;
        }
        match part {
            Part::Head => {
                if let Some(arguments) = line.strip_prefix("$ ") {
                    case.arguments = Some(arguments.to_owned());
                } else if let Some((name, value)) =
                    line.strip_prefix("% ").and_then(|pair| pair.split_once('='))
                {
                    case.variables.push((name.to_owned(), value.to_owned()));
                } else {
                    assert!(line.is_empty(), "{}: {line}", case.name);
                }
            }
            Part::File => {
                let (_, text) = case.files.last_mut().expect("pushed above");
                text.push_str(line);
                text.push('\n');
            }
            Part::Output => {
                case.output.push_str(line);
                case.output.push('\n');
            }
        }
    }
    for case in &mut cases {
        // The line between two cases.
        case.output = case.output.trim_end().to_owned();
    }
    cases
}

fn print(cases: &[Case]) -> String {
    let mut text = String::new();
    for case in cases {
        let _ = writeln!(text, "=== {}", case.name);
        if let Some(arguments) = &case.arguments {
            let _ = writeln!(text, "$ {arguments}");
        }
        for (name, value) in &case.variables {
            let _ = writeln!(text, "% {name}={value}");
        }
        for (path, content) in &case.files {
            let _ = write!(text, ">>> {path}\n{content}");
        }
        let _ = writeln!(text, "<<< exit {}\n{}\n", case.code, case.output);
    }
    text
}

/// Exit code, standard output, standard error.
fn swarmgate(
    directory: &Path,
    arguments: &[String],
    variables: &[(String, String)],
    stdin: &str,
) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_swarmgate"))
        .arg("check")
        .args(arguments)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // It may not read it.
    let _ = child.stdin.take().expect("piped").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

fn run(case: &Case) -> (i32, String) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut stdin = "";
    for (path, text) in &case.files {
        if path == "-" {
            stdin = text;
            continue;
        }
        let path = directory.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    let arguments: Vec<String> = match &case.arguments {
        Some(line) => line.split_whitespace().map(str::to_owned).collect(),
        None => case.files.iter().map(|(path, _)| path.clone()).collect(),
    };
    let (code, stdout, stderr) = swarmgate(directory.path(), &arguments, &case.variables, stdin);
    (code, format!("{stdout}{stderr}").trim_end().to_owned())
}

#[test]
fn cases() {
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let mut wrong = String::new();
    let mut names = HashSet::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("tests/check")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    files.sort();
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a table");
        let mut cases = parse(&text);
        let valid = path.file_stem().is_some_and(|stem| stem == "valid");
        for case in &mut cases {
            assert!(names.insert(case.name.clone()), "two cases are called {:?}", case.name);
            let (code, output) = run(case);
            // What is valid has nothing to say, whatever the golden file says.
            if valid
                && (code != 0 || !output.ends_with("no errors, no warnings"))
                && !output.contains("no errors, no warnings, ")
            {
                let _ = writeln!(wrong, "=== {} is valid, yet:\n{output}", case.name);
            }
            if !update && (code, output.as_str()) != (case.code, case.output.as_str()) {
                let _ = writeln!(
                    wrong,
                    "=== {}: exit {code}, expected {}\n{output}\n--- expected\n{}\n",
                    case.name, case.code, case.output
                );
            }
            case.code = code;
            case.output = output;
        }
        if update {
            std::fs::write(&path, print(&cases)).expect("the table is written");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(names.len() >= 120, "{} cases", names.len());
}

/// All cases of all tables, with the name of the table.
fn tables() -> Vec<(String, Case)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder()).expect("tests/check") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "txt") {
            let table = path.file_stem().expect("a name").to_string_lossy().into_owned();
            let cases = parse(&std::fs::read_to_string(&path).expect("a table"));
            all.extend(cases.into_iter().map(|case| (table.clone(), case)));
        }
    }
    all
}

/// The client that deploys stacks judges: what it refuses, `check` has an error for; what is in the
/// table of valid files, it takes.
#[test]
fn docker_refuses_nothing_that_check_accepts() {
    let what = "check beside docker stack config";
    let Some(docker) = real::program("docker") else { return real::skip(what, "no docker") };
    let known = Command::new(&docker).args(["stack", "config", "--help"]).output();
    if !known.is_ok_and(|known| known.status.success()) {
        return real::skip(what, "docker has no stack config");
    }
    let mut wrong = String::new();
    let mut judged = 0;
    for (table, case) in tables() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (path, text) in &case.files {
            let swarm = path.ends_with(".yml") && !path.contains("compose") && !path.contains('/');
            if !swarm || !text.lines().any(|line| line.starts_with("services:")) {
                continue;
            }
            std::fs::write(directory.path().join(path), text).expect("a file");
            let output = Command::new(&docker)
                .args(["stack", "config", "-c", path.as_str()])
                .current_dir(directory.path())
                .env_clear()
                .env("HOME", directory.path())
                .envs(case.variables.iter().map(|(name, value)| (name, value)))
                .output()
                .expect("docker starts");
            judged += 1;
            let refused = !output.status.success();
            let arguments = ["-q".to_owned(), "--swarm".to_owned(), path.clone()];
            let (code, ours, _) = swarmgate(directory.path(), &arguments, &case.variables, "");
            let told = code == 1 || ours.contains("docker stack deploy refuses");
            let valid = table == "valid" && refused;
            if (refused && !told) || valid {
                let theirs = String::from_utf8_lossy(&output.stderr);
                let _ = writeln!(wrong, "{table}, {}: docker: {theirs}\nours: {ours}", case.name);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(judged >= 100, "{judged} files");
}

/// A file of the repository.
fn example(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

fn check(arguments: &[&str]) -> (i32, String, String) {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    swarmgate(Path::new(env!("CARGO_MANIFEST_DIR")), &arguments, &[], "")
}

#[test]
fn published_stacks_are_silent() {
    let kittenapi = ["examples/kittenapi/docker-stack.yml", "examples/kittenapi/traefik-stack.yml"];
    let table: [&[&str]; 5] = [
        &["examples/django/docker-compose.yml"],
        &["examples/django/docker/traefik/traefik.production.v3.yml"],
        &kittenapi[..1],
        &kittenapi[1..],
        &kittenapi,
    ];
    for files in table {
        let mut arguments = vec!["--quiet"];
        arguments.extend(files);
        let (code, stdout, stderr) = check(&arguments);
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""), "{files:?}");
    }
}

/// The Django stack with the install configuration of Traefik v3; with that of v2 it has warnings
/// that show today's form, and nothing else.
#[test]
fn the_django_stack() {
    let stack = std::fs::read_to_string(example("examples/django/docker-stack.yml")).unwrap();
    let read = |name: &str| {
        std::fs::read_to_string(example(&format!("examples/django/docker/traefik/{name}"))).unwrap()
    };
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(directory.path().join("docker/traefik")).unwrap();
    std::fs::write(directory.path().join("docker-stack.yml"), stack).unwrap();
    let install = directory.path().join("docker/traefik/traefik.production.yml");
    let arguments = ["docker-stack.yml".to_owned()];

    std::fs::write(&install, read("traefik.production.v3.yml")).unwrap();
    let (code, stdout, _) = swarmgate(directory.path(), &arguments, &[], "");
    assert_eq!(code, 0, "{stdout}");
    for part in [
        "Swarm stack \"myapp\"",
        "web@swarm",
        "www-redirect@swarm",
        "letsencrypt",
        "myapp_public",
        "VIP",
        "no errors, no warnings",
    ] {
        assert!(stdout.contains(part), "lacks {part}:\n{stdout}");
    }

    std::fs::write(&install, read("traefik.production.yml")).unwrap();
    let quiet = ["-q".to_owned(), "docker-stack.yml".to_owned()];
    let (code, stdout, _) = swarmgate(directory.path(), &quiet, &[], "");
    assert_eq!(code, 0, "{stdout}");
    let heads: Vec<&str> = stdout.lines().filter(|line| line.contains("]: ")).collect();
    assert!(!heads.is_empty(), "{stdout}");
    assert!(heads.iter().all(|line| line.starts_with("warning[legacy]")), "{stdout}");
}

#[test]
fn the_readme_stack_is_silent() {
    let readme = std::fs::read_to_string(example("README.md")).unwrap();
    let stack = readme
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .find(|block| block.starts_with("services:"))
        .expect("a stack in the README");
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["-q".to_owned(), "-".to_owned()];
    let (code, stdout, stderr) = swarmgate(directory.path(), &arguments, &[], stack);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
}

const BROKEN: &str = "services:\n  web:\n    image: x\n    deploy:\n      labels:\n        - traefik.enabled=true\n        - traefik.http.routers.a.rule=Host(`a`\n";

#[test]
fn json_and_sarif() {
    let directory = tempfile::tempdir().unwrap();
    let run = |format: &str| {
        let arguments = ["--format".to_owned(), format.to_owned(), "-".to_owned()];
        let (code, stdout, stderr) = swarmgate(directory.path(), &arguments, &[], BROKEN);
        assert_eq!((code, stderr.as_str()), (1, ""));
        serde_json::from_str::<serde_json::Value>(&stdout).expect("valid JSON")
    };
    let json = run("json");
    let finding = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|finding| finding["id"] == "unknown-key")
        .unwrap_or_else(|| panic!("{json}"));
    assert_eq!(finding["line"], 6, "{json}");
    assert_eq!(finding["column"], 11, "{json}");
    assert!(json["summary"]["errors"].as_u64().unwrap() >= 1);

    let sarif = run("sarif");
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &sarif["runs"][0];
    assert!(run["tool"]["driver"]["name"].is_string());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "{result}");
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(result["message"]["text"].is_string());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "stdin", "{result}");
        let region = &place["region"];
        assert!(region["startLine"].as_u64().unwrap() >= 1, "{result}");
        assert!(region["endColumn"].as_u64() > region["startColumn"].as_u64(), "{result}");
    }
}

#[test]
fn exit_codes_and_options() {
    let directory = tempfile::tempdir().unwrap();
    let run = |line: &str, stdin: &str| {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        swarmgate(directory.path(), &arguments, &[], stdin)
    };
    let warning = "services: {web: {image: 'x:${TAG}'}}\n";
    for (line, stdin, code) in [
        ("-", "services: {web: {image: x}}\n", 0),
        ("-", warning, 0),
        ("-W -", warning, 1),
        ("--warnings-as-errors -", warning, 1),
        ("-", BROKEN, 1),
        ("", "", 2),
        ("nowhere.yml", "", 2),
        ("--frob -", "", 2),
        (".", "", 2),
        ("--help", "", 0),
    ] {
        let (got, stdout, stderr) = run(line, stdin);
        assert_eq!(got, code, "{line}: {stdout}{stderr}");
        assert_eq!(code == 2, !stderr.is_empty(), "{line}: {stderr}");
    }
    let (_, stdout, _) = run("--color=always -", BROKEN);
    assert!(stdout.contains("\u{1b}[1;31m"), "{stdout}");
    let (_, stdout, _) = run("-", BROKEN);
    assert!(!stdout.contains('\u{1b}'), "plain when piped: {stdout}");
    let (_, quiet, _) = run("-q -", BROKEN);
    assert!(!quiet.contains("ROUTERS") && quiet.contains("error["), "{quiet}");
    assert!(run("--help", "").1.contains("swarmgate check FILE"));
}

/// What a stranger's file names is read only below the files given and the working directory, and
/// only if it is an ordinary file.
#[test]
fn files_that_a_file_names() {
    let directory = tempfile::tempdir().unwrap();
    let stacks = directory.path().join("stacks");
    std::fs::create_dir_all(stacks.join("inside")).unwrap();
    let install = "entryPonits: {SECRET: 1}\nproviders: {swarm: {}}\n";
    std::fs::write(directory.path().join("outside.yml"), install).unwrap();
    std::fs::write(stacks.join("inside/traefik.yml"), install).unwrap();
    std::os::unix::fs::symlink("../outside.yml", stacks.join("link.yml")).unwrap();
    for (file, read) in [
        ("./inside/traefik.yml", true),
        ("../outside.yml", false),
        ("./link.yml", false),
        ("/proc/self/environ", false),
        ("/dev/zero", false),
        ("./inside", false),
    ] {
        let stack = format!(
            "services:\n  proxy:\n    image: traefik\n    configs: [{{source: t, target: \
             /etc/traefik/traefik.yml}}]\nconfigs: {{t: {{file: {file}}}}}\n"
        );
        std::fs::write(stacks.join("stack.yml"), stack).unwrap();
        let arguments = ["--notes", "stack.yml"].map(str::to_owned);
        let (_, stdout, _) = swarmgate(&stacks, &arguments, &[], "");
        assert_eq!(stdout.contains("entryPonits"), read, "{file}: {stdout}");
        assert_eq!(stdout.contains("install-unknown"), !read, "{file}: {stdout}");
        assert!(read || !stdout.contains("SECRET"), "{file}: {stdout}");
    }
}

#[test]
fn a_pipe_is_no_file_of_variables() {
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join(".env");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::fs::write(directory.path().join("stack.yml"), "services: {web: {image: x}}\n").unwrap();
    let (code, stdout, _) = swarmgate(directory.path(), &["stack.yml".to_owned()], &[], "");
    assert_eq!(code, 0, "{stdout}");
}

#[test]
fn names_of_files_command_no_terminal() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["a\u{1b}[31m.yml", "b\nerror[x]: y.yml", "c\u{202e}.yml"] {
        std::fs::write(directory.path().join(name), BROKEN).unwrap();
        for colour in ["--color=never", "--color=always"] {
            let arguments = [colour.to_owned(), name.to_owned()];
            let (_, stdout, _) = swarmgate(directory.path(), &arguments, &[], "");
            for part in ["\u{1b}[31m.yml", "\nerror[x]: y", "\u{202e}"] {
                assert!(!stdout.contains(part), "{stdout}");
            }
        }
        let missing = format!("no{name}");
        let (_, _, stderr) = swarmgate(directory.path(), &[missing], &[], "");
        assert!(
            !stderr.contains(['\u{1b}', '\u{202e}']) && stderr.lines().count() == 1,
            "{stderr}"
        );
    }
}

#[test]
fn a_run_that_cannot_begin_is_sarif_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let arguments = ["--format=sarif", "nowhere.yml"].map(str::to_owned);
    let (code, stdout, stderr) = swarmgate(directory.path(), &arguments, &[], "");
    assert_eq!(code, 2);
    assert!(stderr.contains("nowhere.yml"), "{stderr}");
    let sarif: serde_json::Value = serde_json::from_str(&stdout).expect("valid JSON");
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false, "{sarif}");
}
