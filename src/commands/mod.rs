//! The words a command line may begin with.

mod ask;
pub mod check;
pub mod explain;
pub mod healthcheck;
pub mod help;
pub mod routes;
pub mod version;

/// What a command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run the proxy with these arguments.
    Run(Vec<String>),
    /// Tell the version.
    Version,
    /// Ask the running proxy's ping entry point; its address is found by these arguments.
    Healthcheck(Vec<String>),
    /// Ask the running proxy what would become of a request.
    Explain(Vec<String>),
    /// Ask the running proxy for its routes.
    Routes(Vec<String>),
    /// Check files before they are deployed; the arguments behind the word.
    Check(Vec<String>),
    /// Tell what there is.
    Help,
    /// A first word that is none of ours.
    Unknown(String),
}

/// Sorts a command line without the program's name.
///
/// A first word `traefik` (Traefik's own image takes it) or `swarmgate` is ignored, so that
/// existing `command:` lines keep working. `-h`, `-help` and `--help` count anywhere, as with
/// Traefik; `--version` is our addition.
pub fn dispatch(mut arguments: Vec<String>) -> Command {
    if matches!(arguments.first().map(String::as_str), Some("traefik" | "swarmgate")) {
        arguments.remove(0);
    }
    // These tell of themselves when they are asked for help.
    match arguments.first().map(String::as_str) {
        Some("check") => return Command::Check(arguments.split_off(1)),
        Some("explain") => return Command::Explain(arguments.split_off(1)),
        Some("routes") => return Command::Routes(arguments.split_off(1)),
        _ => {}
    }
    let flags = arguments.iter().take_while(|argument| *argument != "--");
    for flag in flags {
        if matches!(flag.as_str(), "-h" | "-help" | "--help") {
            return Command::Help;
        }
    }
    match arguments.first().map(String::as_str) {
        Some("version" | "--version" | "-version") => Command::Version,
        Some("help") => Command::Help,
        Some("healthcheck") => Command::Healthcheck(arguments.split_off(1)),
        Some(word) if !word.starts_with('-') => Command::Unknown(arguments.swap_remove(0)),
        _ => Command::Run(arguments),
    }
}

/// The one message about an unknown first word.
pub fn unknown(word: &str) -> String {
    let near = ["version", "healthcheck", "help", "check", "explain", "routes"]
        .into_iter()
        .map(|command| (distance(word, command), command))
        .min()
        .filter(|(distance, command)| *distance <= command.len().div_ceil(3));
    let hint = match near {
        Some((_, command)) => format!("did you mean `{command}`?"),
        None if word.contains('=') || word.contains('.') => {
            format!("options begin with two dashes: --{}", word.trim_start_matches('-'))
        }
        None => {
            "expected `check`, `explain`, `routes`, `version`, `healthcheck`, `help`, or options \
             such as --configFile=…"
                .into()
        }
    };
    format!("command not found: {word}; {hint}")
}

/// Letters to change, add or leave out to get from one word to the other (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    // A very long word is nothing like a command anyway.
    for (line, letter) in from.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_words() {
        let run = |words: &[&str]| Command::Run(words.iter().map(ToString::to_string).collect());
        for (line, expected) in [
            ("", run(&[])),
            ("traefik", run(&[])),
            ("traefik --api", run(&["--api"])),
            ("swarmgate --api", run(&["--api"])),
            ("traefik traefik", Command::Unknown("traefik".into())),
            ("--api version", run(&["--api", "version"])),
            ("version", Command::Version),
            ("--version", Command::Version),
            ("traefik version", Command::Version),
            ("healthcheck --ping", Command::Healthcheck(vec!["--ping".into()])),
            ("healthcheck --help", Command::Help),
            ("check --help", Command::Check(vec!["--help".into()])),
            ("traefik check a.yml", Command::Check(vec!["a.yml".into()])),
            ("--api -h", Command::Help),
            ("-- --help", run(&["--", "--help"])),
            ("help", Command::Help),
            ("explain http://x -h", Command::Explain(vec!["http://x".into(), "-h".into()])),
            ("traefik routes", Command::Routes(vec![])),
            ("foo --api", Command::Unknown("foo".into())),
        ] {
            let words = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(dispatch(words), expected, "{line:?}");
        }
    }

    #[test]
    fn unknown_words_are_explained() {
        for (word, expected) in [
            ("helthcheck", "command not found: helthcheck; did you mean `healthcheck`?"),
            ("Version", "command not found: Version; did you mean `version`?"),
            ("api.insecure=true", "options begin with two dashes: --api.insecure=true"),
            ("explian", "did you mean `explain`?"),
            ("bash", "expected `check`, `explain`, `routes`, `version`, `healthcheck`, `help`, or"),
        ] {
            assert!(unknown(word).contains(expected), "{}", unknown(word));
        }
    }
}
