//! The files that are checked, and places in them.

use std::path::Path;

/// A place: file, line and column, the last two from 1. Line 0: the file as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Index into [`Sources`].
    pub file: usize,
    /// Line.
    pub line: u32,
    /// Column, in characters.
    pub column: u32,
}

impl Spot {
    /// A file as a whole.
    pub fn whole(file: usize) -> Self {
        Self { file, line: 0, column: 0 }
    }

    /// Whether a line is known.
    pub fn is_line(self) -> bool {
        self.line > 0
    }
}

/// One file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path as given or found; `<stdin>` for standard input.
    pub shown: String,
    /// Its text.
    pub text: String,
    /// Where its lines begin.
    lines: Vec<usize>,
}

impl Source {
    /// The folder that the file's own paths start from.
    pub fn folder(&self) -> &Path {
        if self.shown == STDIN {
            return Path::new("");
        }
        Path::new(&self.shown).parent().unwrap_or(Path::new(""))
    }
}

/// How standard input is shown.
pub const STDIN: &str = "<stdin>";

/// All files, those beside them included.
#[derive(Clone, Debug, Default)]
pub struct Sources(Vec<Source>);

impl Sources {
    /// Adds a file, or finds it if it was added before.
    pub fn add(&mut self, shown: &str, text: String) -> usize {
        if let Some(known) = self.find(shown) {
            return known;
        }
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at.saturating_add(1))).collect();
        self.0.push(Source { shown: shown.to_owned(), text, lines });
        self.0.len().saturating_sub(1)
    }

    /// The index of a file.
    pub fn find(&self, shown: &str) -> Option<usize> {
        self.0.iter().position(|source| source.shown == shown)
    }

    /// A file.
    pub fn get(&self, file: usize) -> Option<&Source> {
        self.0.get(file)
    }

    /// How a file is shown.
    pub fn shown(&self, file: usize) -> &str {
        self.0.get(file).map_or("", |source| source.shown.as_str())
    }

    /// The line of a place, without its end.
    pub fn line(&self, spot: Spot) -> Option<&str> {
        let number = usize::try_from(spot.line.checked_sub(1)?).ok()?;
        let source = self.0.get(spot.file)?;
        // The place behind the last line feed is no line.
        let rest = source.text.get(*source.lines.get(number)?..).filter(|rest| !rest.is_empty())?;
        let line = rest.split('\n').next()?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}
