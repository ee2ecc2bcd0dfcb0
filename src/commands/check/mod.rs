//! `check`: says before a deployment what would happen: routers, services and middlewares, and
//! what is wrong with them, with file, line and column.
//!
//! The files are led through the real path (`discovery::offline`, then `config::check`), so that
//! this command cannot disagree with the proxy. `lints` add what the proxy cannot see: what the
//! engine's clients make of a file, and what lies around the proxy.

mod again;
mod built;
mod command;
mod follow;
mod gather;
mod guess;
mod input;
mod interpolate;
mod json;
mod lints;
mod merge;
mod note;
mod options;
mod place;
mod proxy;
mod sarif;
mod source;
mod stack;
mod table;
mod text;
mod width;
mod world;
mod yaml;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io::IsTerminal;

use swarmgate_config::finding::{ObjectKind, Severity};

use self::note::Note;
use self::options::{Colour, Format, Options};
use self::source::{Sources, Spot};
use self::world::World;

pub use self::options::help;

/// What the command says and how it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// For standard output.
    pub stdout: String,
    /// For standard error.
    pub stderr: String,
    /// 0: clean or warnings; 1: errors; 2: wrong usage or unreadable files.
    pub code: u8,
}

/// All that was found out.
#[derive(Debug, Default)]
pub struct Report {
    /// The files.
    pub sources: Sources,
    /// Each proxy with what it serves.
    pub worlds: Vec<World>,
    /// The findings, in order of their places.
    pub notes: Vec<Note>,
}

/// Runs it: `arguments` are those behind the word `check`.
pub fn run(arguments: &[String], variables: &[(String, String)]) -> Outcome {
    let options = match options::parse(arguments) {
        Ok(options) => options,
        Err(message) => {
            let stderr = format!("check: {message}\nTry `swarmgate check --help`.\n");
            return Outcome { stderr, code: 2, ..Outcome::default() };
        }
    };
    if options.help {
        return Outcome { stdout: help(), ..Outcome::default() };
    }
    let mut texts = Vec::new();
    for (path, _) in &options.files {
        match input::read(path) {
            Ok(read) => texts.push(read),
            Err(message) => {
                let stderr = format!("check: {}\n", text::clean(&message));
                // Whoever uploads the file wants one.
                let stdout = match options.format {
                    Format::Sarif => sarif::failed(&message),
                    Format::Text | Format::Json => String::new(),
                };
                return Outcome { stdout, stderr, code: 2 };
            }
        }
    }
    let report = examine(&options, texts, variables);
    let errors = report.count(Severity::Error);
    let failing = if options.warnings_as_errors {
        errors.saturating_add(report.count(Severity::Warning))
    } else {
        errors
    };
    let stdout = match options.format {
        Format::Text => text::render(&report, &options, &terminal(&options, variables)),
        Format::Json => json::render(&report),
        Format::Sarif => sarif::render(&report),
    };
    Outcome { stdout, stderr: String::new(), code: u8::from(failing > 0) }
}

/// Everything but reading the files and printing.
pub fn examine(
    options: &Options,
    texts: Vec<(String, String)>,
    variables: &[(String, String)],
) -> Report {
    let mut report = gather::gather(options, texts, variables);
    report.notes.retain(|note| !note.message.is_empty());
    for note in &mut report.notes {
        note.enter_block(&report.sources);
    }
    settle(&mut report.notes);
    report
}

impl Report {
    /// How many notes weigh so much.
    pub fn count(&self, severity: Severity) -> usize {
        self.notes.iter().filter(|note| note.severity == severity).count()
    }
}

/// Mistakes of form, and what else is said about the same value because of them.
const CAUSES: &[&str] =
    &["quotes-in-value", "label-spaces", "dollar-not-doubled", "required-variable"];
const CONSEQUENCES: &[&str] = &[
    "bad-rule",
    "unknown-key",
    "rule-never-matches",
    "label",
    "middleware",
    "bad-port",
    "missing-port",
];

/// One mistake, one note: in order, without repetition and without mere consequences.
fn settle(notes: &mut Vec<Note>) {
    let named = |note: &Note| note.object.as_ref().map(|(_, name)| name.clone());
    let routers: HashSet<String> = notes
        .iter()
        .filter(|note| note.message.starts_with("entryPoint \""))
        .filter_map(named)
        .collect();
    let spoiled: HashSet<Spot> = notes
        .iter()
        .filter(|note| note.severity == Severity::Error && CAUSES.contains(&note.id))
        .filter_map(|note| note.at)
        .collect();
    // What was refused is missing elsewhere.
    let refused: HashSet<String> = notes
        .iter()
        .filter(|note| {
            note.severity == Severity::Error
                && matches!(note.object, Some((ObjectKind::Middleware | ObjectKind::Service, _)))
        })
        .filter_map(named)
        .collect();
    notes.retain(|note| {
        let of_router = note.message.starts_with("no valid entryPoint")
            && note.object.as_ref().is_some_and(|(_, name)| routers.contains(name));
        let of_form =
            CONSEQUENCES.contains(&note.id) && note.at.is_some_and(|at| spoiled.contains(&at));
        let of_refusal = matches!(note.id, "unknown-middleware" | "unknown-service")
            && note.message.split('"').nth(1).is_some_and(|name| refused.contains(name));
        let twin = note.message == "router must have either a service or child routers"
            || note.message.starts_with("left out, because service");
        !(of_router || of_form || of_refusal || twin)
    });
    notes.sort_by(|a, b| {
        let place =
            |note: &Note| note.at.map_or((usize::MAX, 0, 0), |at| (at.file, at.line, at.column));
        place(a)
            .cmp(&place(b))
            .then_with(|| b.severity.cmp(&a.severity))
            .then_with(|| a.id.cmp(b.id))
            .then_with(|| a.message.cmp(&b.message))
    });
    let mut seen = HashSet::new();
    notes.retain(|note| seen.insert((note.at, note.id, note.message.clone())));
    // A broken middleware is told where it stands, not at each of its routers again.
    let is_router = |note: &Note| matches!(note.object, Some((ObjectKind::Router, _)));
    let said: HashSet<String> = notes
        .iter()
        .filter(|note| note.object.is_some() && !is_router(note))
        .map(|note| note.message.clone())
        .collect();
    notes.retain(|note| !is_router(note) || !said.contains(&note.message));
}

/// Whether colours are wanted, and how wide the terminal is; no width: as wide as it gets.
fn terminal(options: &Options, variables: &[(String, String)]) -> text::Terminal {
    let stdout = std::io::stdout();
    let is_terminal = stdout.is_terminal();
    let variable = |name: &str| {
        variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    };
    let colour = match options.colour {
        Colour::Always => true,
        Colour::Never => false,
        Colour::Auto => is_terminal && variable("NO_COLOR").is_none_or(str::is_empty),
    };
    let columns = || variable("COLUMNS").and_then(|text| text.parse().ok());
    let width = is_terminal
        .then(|| {
            let size = rustix::termios::tcgetwinsize(&stdout).ok();
            size.map(|size| usize::from(size.ws_col)).filter(|width| *width > 0).or_else(columns)
        })
        .flatten();
    text::Terminal { colour, width }
}

/// The closest of `known`, if it is close enough to be meant.
fn closest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    if word.is_empty() || word.len() > 64 {
        return None;
    }
    let lower = word.to_lowercase();
    let limit = (lower.chars().count() / 3).clamp(1, 3);
    known
        .iter()
        .map(|candidate| (super::distance(&lower, &candidate.to_lowercase()), *candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
