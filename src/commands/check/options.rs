//! The options of `check`.

use super::stack::Engine;

/// How the report is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// Our own JSON.
    Json,
    /// SARIF 2.1.0, for CI.
    Sarif,
}

/// Whether colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// On a terminal, without `NO_COLOR`.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Paths, each with the name of its stack if one was given before it.
    pub files: Vec<(String, Option<String>)>,
    /// All stack files are one stack.
    pub merge: bool,
    /// Findings only.
    pub quiet: bool,
    /// Notes as well.
    pub notes: bool,
    /// Warnings fail, too.
    pub warnings_as_errors: bool,
    /// How to print.
    pub format: Format,
    /// Colours.
    pub colour: Colour,
    /// Who runs the stacks, if it is said.
    pub engine: Option<Engine>,
    /// Print the help.
    pub help: bool,
}

/// Reads the command line.
pub fn parse(arguments: &[String]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut stack: Option<String> = None;
    let mut words = arguments.iter();
    let mut ended = false;
    while let Some(word) = words.next() {
        if ended || word == "-" || !word.starts_with('-') {
            options.files.push((word.clone(), stack.clone()));
            continue;
        }
        let (flag, inline) = match word.split_once('=') {
            Some((flag, value)) => (flag, Some(value.to_owned())),
            None => (word.as_str(), None),
        };
        let mut value = |expected: &str| {
            inline
                .clone()
                .or_else(|| words.next().cloned())
                .ok_or_else(|| format!("{flag} needs a value; expected {expected}"))
        };
        match flag {
            "--" => ended = true,
            "-h" | "--help" | "-help" => options.help = true,
            "-m" | "--merge" => options.merge = true,
            "-q" | "--quiet" => options.quiet = true,
            "--notes" => options.notes = true,
            "-W" | "--warnings-as-errors" => options.warnings_as_errors = true,
            "--swarm" => options.engine = Some(Engine::Swarm),
            "--compose" => options.engine = Some(Engine::Compose),
            "-n" | "--stack" => stack = Some(value("the name of a stack")?),
            "-f" | "--format" => {
                options.format = match value("text, json or sarif")?.as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    "sarif" => Format::Sarif,
                    other => {
                        return Err(format!(
                            "unknown format {other:?}; expected text, json or sarif"
                        ));
                    }
                };
            }
            "--color" | "--colour" => {
                options.colour = match value("auto, always or never")?.as_str() {
                    "auto" => Colour::Auto,
                    "always" => Colour::Always,
                    "never" => Colour::Never,
                    other => {
                        return Err(format!(
                            "unknown colour {other:?}; expected auto, always or never"
                        ));
                    }
                };
            }
            other => {
                let known = [
                    "--merge",
                    "--quiet",
                    "--notes",
                    "--warnings-as-errors",
                    "--swarm",
                    "--compose",
                    "--stack",
                    "--format",
                    "--color",
                    "--help",
                ];
                let hint = match super::closest(other, &known) {
                    Some(known) => format!("; did you mean {known}?"),
                    None => format!("; expected one of {}", known.join(", ")),
                };
                return Err(format!("unknown option {other}{hint}"));
            }
        }
    }
    if options.files.is_empty() && !options.help {
        return Err("no file; expected stack files, install or routing configuration".into());
    }
    if options.files.iter().filter(|(path, _)| path == "-").count() > 1 {
        return Err("- stands for standard input, which can be read once".into());
    }
    Ok(options)
}

/// What `check --help` prints.
pub fn help() -> String {
    "\
swarmgate check FILE...: says before a deployment what would happen

FILE is a stack or compose file, or install or routing configuration (YAML or TOML); which one is
told by its content. - is standard input. The service that runs the proxy (image traefik or
swarmgate) is the install configuration of all stacks that are given with it.

Options:
  -n, --stack NAME          name of the stacks in the files after it; else `name:` in the file, the
                            prefix of a network that its labels name, the file's or folder's name
  -m, --merge               the stack files are one stack, as with `docker stack deploy -c A -c B`
      --swarm, --compose    who runs them, where the content leaves it open
  -f, --format FORMAT       text (default), json, sarif
  -q, --quiet               findings only, no tables
      --notes               notes as well as errors and warnings
  -W, --warnings-as-errors  exit code 1 on warnings, too
      --color WHEN          auto (default), always, never
  -h, --help                this text

Variables (${NAME}, ${NAME:-default}) come from the environment, then from .env beside the file.
Exit code: 0 clean or warnings only, 1 errors, 2 wrong usage or an unreadable file.
"
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn command_lines() {
        let options = words("a.yml -n shop b.yml --stack=web -f json - -q -W").unwrap();
        let files = [("a.yml", None), ("b.yml", Some("shop")), ("-", Some("web"))];
        let files = files.map(|(path, stack)| (path.to_owned(), stack.map(str::to_owned)));
        assert_eq!(options.files, files);
        assert!(options.quiet && options.warnings_as_errors && options.format == Format::Json);
    }

    #[test]
    fn wrong_usage() {
        for (line, expected) in [
            ("", "no file"),
            ("--format", "needs a value"),
            ("--format xml a", "unknown format"),
            ("--color red a", "unknown colour"),
            ("--quite a", "did you mean --quiet?"),
            ("- -", "read once"),
        ] {
            let error = words(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
        assert!(words("--help").unwrap().help);
        assert!(help().lines().all(|line| line.chars().count() <= 100));
    }
}
