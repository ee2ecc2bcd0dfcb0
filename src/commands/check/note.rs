//! A note: one finding of the check, with its place in a file.

use serde_json::{Value, json};
use swarmgate_config::finding::{ObjectKind, Severity};

use super::source::{Sources, Spot};

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// How much it weighs.
    pub severity: Severity,
    /// The kind of finding, for filters: `missing-port`.
    pub id: &'static str,
    /// Where.
    pub at: Option<Spot>,
    /// What to underline, if it stands at the place or behind it on the line.
    pub needle: Option<String>,
    /// Characters behind the place that the needle is not looked for in: a label's key.
    pub skip: usize,
    /// Where it was said to be, when no file is known.
    pub place: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would have been right.
    pub expected: Option<String>,
    /// What it belongs to.
    pub object: Option<(ObjectKind, String)>,
}

impl Note {
    /// A note with a place and a message.
    pub fn new(
        severity: Severity,
        id: &'static str,
        at: Option<Spot>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            id,
            at,
            needle: None,
            skip: 0,
            place: None,
            message: message.into(),
            expected: None,
            object: None,
        }
    }

    /// An error: the object does not serve, or the engine refuses the file.
    pub fn error(id: &'static str, at: Option<Spot>, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, id, at, message)
    }

    /// A warning: something works otherwise than written.
    pub fn warning(id: &'static str, at: Option<Spot>, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, id, at, message)
    }

    /// Something worth knowing.
    pub fn info(id: &'static str, at: Option<Spot>, message: impl Into<String>) -> Self {
        Self::new(Severity::Info, id, at, message)
    }

    /// Says what would have been right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Says what to underline.
    #[must_use]
    pub fn needle(mut self, needle: impl Into<String>) -> Self {
        self.needle = Some(needle.into());
        self
    }

    /// Moves a note about a text over several lines to the line that is meant.
    pub fn enter_block(&mut self, sources: &Sources) {
        let (Some(at), Some(needle)) = (self.at, self.needle.clone()) else { return };
        let needle = needle.lines().next().unwrap_or_default();
        let behind = |line: &str, from: usize| -> String { line.chars().skip(from).collect() };
        let from = usize::try_from(at.column).unwrap_or(usize::MAX).saturating_sub(1);
        // A line that announces a block is short.
        let own = sources.line(at).filter(|line| line.len() <= MOST_COLUMNS);
        let own = own.map(|line| behind(line, from));
        if needle.is_empty() || own.is_none_or(|own| own.contains(needle)) {
            return;
        }
        let Some(block) = sources.block(at) else { return };
        // What is longer than a line begins with the first word.
        let word = needle.split_whitespace().next().unwrap_or_default();
        let flag = word.split('=').next().unwrap_or_default();
        for part in [needle, word, flag] {
            for pass in [self.skip, 0] {
                let mut skip = pass;
                for number in block.lines.0..=block.lines.1 {
                    let place = Spot { line: number, column: 1, ..at };
                    let Some(line) = sources.line(place) else { continue };
                    let start = usize::try_from(block.indent).unwrap_or(0).saturating_add(skip);
                    let rest = behind(line, start);
                    skip = 0;
                    let Some(found) = rest.find(part) else { continue };
                    let before = rest.get(..found).unwrap_or_default().chars().count();
                    let column = start.saturating_add(before).saturating_add(1);
                    let column = u32::try_from(column).unwrap_or(u32::MAX);
                    let part = part.to_owned();
                    self.at = Some(Spot { column, ..place });
                    self.needle = Some(part);
                    self.skip = 0;
                    return;
                }
            }
        }
        self.at = Some(Spot { line: block.lines.0, column: block.indent.saturating_add(1), ..at });
    }

    /// First and last column (from 1, both included) to underline.
    pub fn columns(&self, sources: &Sources) -> Option<(u32, u32)> {
        let at = self.at.filter(|at| at.is_line())?;
        let line: Vec<char> = sources.line(at)?.chars().take(MOST_COLUMNS).collect();
        let start = usize::try_from(at.column).ok()?.saturating_sub(1);
        let rest = line.get(start..).unwrap_or_default();
        let number = |column: usize| u32::try_from(column.saturating_add(1)).unwrap_or(u32::MAX);
        let needle: Vec<char> = self
            .needle
            .as_deref()
            .unwrap_or_default()
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .collect();
        let within = |from: usize| {
            let part = rest.get(from..).unwrap_or_default();
            let found = part.windows(needle.len()).position(|part| part == needle)?;
            Some(found.saturating_add(from))
        };
        if !needle.is_empty()
            && let Some(found) = within(self.skip).or_else(|| within(0))
        {
            let first = start.saturating_add(found);
            let last = first.saturating_add(needle.len()).saturating_sub(1);
            return Some((number(first), number(last)));
        }
        let length = word(rest).max(1);
        Some((number(start), number(start.saturating_add(length).saturating_sub(1))))
    }
}

/// Longer lines are not shown whole.
const MOST_COLUMNS: usize = 4000;

/// The length of a key, a quoted text or a word.
fn word(rest: &[char]) -> usize {
    match rest.first() {
        Some(quote @ ('"' | '\'')) => {
            let end = rest.iter().skip(1).position(|letter| letter == quote);
            let inside = end.map_or(rest.len(), |end| end.saturating_add(2));
            let key = rest.iter().position(|letter| *letter == '=');
            // A quoted label: its key is enough.
            key.filter(|key| *key < inside).unwrap_or(inside)
        }
        _ => rest
            .iter()
            .position(|letter| matches!(letter, '=' | ' ' | ',' | '}' | ']' | '\t'))
            .map_or(rest.len(), |end| {
                let before = end.checked_sub(1).and_then(|last| rest.get(last));
                if before == Some(&':') { end.saturating_sub(1) } else { end }
            }),
    }
    .min(rest.iter().rposition(|letter| *letter != ':').map_or(0, |last| last.saturating_add(1)))
}

/// The severity's word, as compilers say it.
pub fn word_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// An object's kind as JSON spells it.
pub fn kind(kind: ObjectKind) -> Value {
    json!(kind)
}
