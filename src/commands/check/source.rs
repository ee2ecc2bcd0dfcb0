//! The files that are checked, and places in them.

use std::path::Path;

use super::input::Reach;

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
    /// The value of another file that it is.
    within: Option<Spot>,
}

/// A text over several lines, below a `|` or `>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// `|`: the lines are those of the value.
    pub literal: bool,
    /// The first and last line.
    pub lines: (u32, u32),
    /// Columns that do not belong to the value.
    pub indent: u32,
}

/// Longer blocks are not looked through.
const MOST_LINES: u32 = 2000;

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
pub struct Sources {
    /// Which further files may be read.
    pub reach: Reach,
    all: Vec<Source>,
}

impl Sources {
    /// Adds a file, or finds it if it was added before.
    pub fn add(&mut self, shown: &str, text: String) -> usize {
        if let Some(known) = self.find(shown) {
            return known;
        }
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let lines = std::iter::once(0).chain(ends.map(|(at, _)| at.saturating_add(1))).collect();
        self.all.push(Source { shown: shown.to_owned(), text, lines, within: None });
        self.all.len().saturating_sub(1)
    }

    /// Adds a text that is a value of another file, which begins at this place.
    pub fn add_within(&mut self, shown: &str, text: String, at: Spot) -> usize {
        let file = self.add(shown, text);
        if let Some(source) = self.all.get_mut(file) {
            source.within = Some(at);
        }
        file
    }

    /// The place that a reader of a file named; in a value of another file, the place there.
    pub fn place(&self, shown: &str, line: Option<u32>, column: Option<u32>) -> Option<Spot> {
        let file = self.find(shown)?;
        let within = self.get(file).and_then(|source| source.within);
        Some(match (line, within) {
            (Some(line), None) => Spot { file, line, column: column.unwrap_or(1) },
            (None, None) => Spot::whole(file),
            (line, Some(at)) => match (line, self.block(at).filter(|block| block.literal)) {
                (Some(line), Some(block)) => Spot {
                    file: at.file,
                    line: at.line.saturating_add(line),
                    column: column.unwrap_or(1).saturating_add(block.indent),
                },
                _ => at,
            },
        })
    }

    /// The block that a value or its key at this place announces at the end of its line.
    pub fn block(&self, at: Spot) -> Option<Block> {
        let line = self.line(at)?;
        let rest = line.char_indices().nth(usize::try_from(at.column).ok()?.checked_sub(1)?);
        let rest = rest.and_then(|(from, _)| line.get(from..)).unwrap_or_default();
        let rest = rest.split(" #").next().unwrap_or_default();
        let mark = rest.split_whitespace().next_back()?;
        let literal = mark.starts_with('|');
        let style = |letter: char| matches!(letter, '+' | '-' | '1'..='9');
        if !(literal || mark.starts_with('>')) || !mark.chars().skip(1).all(style) {
            return None;
        }
        let indent_of = |line: &str| line.chars().take_while(|letter| *letter == ' ').count();
        let outer = indent_of(line);
        let mut block: Option<Block> = None;
        let first = at.line.saturating_add(1);
        for number in first..first.saturating_add(MOST_LINES) {
            let Some(line) = self.line(Spot { file: at.file, line: number, column: 1 }) else {
                break;
            };
            if line.trim().is_empty() {
                continue;
            }
            let indent = indent_of(line);
            if indent <= outer {
                break;
            }
            let indent = u32::try_from(indent).unwrap_or(u32::MAX);
            let so_far = block.get_or_insert(Block { literal, lines: (number, number), indent });
            so_far.lines.1 = number;
        }
        block
    }

    /// The index of a file.
    pub fn find(&self, shown: &str) -> Option<usize> {
        self.all.iter().position(|source| source.shown == shown)
    }

    /// A file.
    pub fn get(&self, file: usize) -> Option<&Source> {
        self.all.get(file)
    }

    /// How a file is shown.
    pub fn shown(&self, file: usize) -> &str {
        self.all.get(file).map_or("", |source| source.shown.as_str())
    }

    /// The line of a place, without its end.
    pub fn line(&self, spot: Spot) -> Option<&str> {
        let number = usize::try_from(spot.line.checked_sub(1)?).ok()?;
        let source = self.all.get(spot.file)?;
        // The place behind the last line feed is no line.
        let rest = source.text.get(*source.lines.get(number)?..).filter(|rest| !rest.is_empty())?;
        let line = rest.split('\n').next()?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks() {
        let text = "a: |\n  one\n\n  two\nb: >- # c\n    - x\nlist:\n  - >\n    z\n  - y |\nc: |\n";
        let mut sources = Sources::default();
        let file = sources.add("a.yml", text.to_owned());
        let block = |line, column| sources.block(Spot { file, line, column });
        let expected =
            |literal, first, last, indent| Some(Block { literal, lines: (first, last), indent });
        for (line, column, expected) in [
            (1, 4, expected(true, 2, 4, 2)),
            (1, 1, expected(true, 2, 4, 2)),
            (5, 4, expected(false, 6, 6, 4)),
            (8, 5, expected(false, 9, 9, 4)),
            (2, 3, None),
            (11, 4, None),
            (99, 1, None),
        ] {
            assert_eq!(block(line, column), expected, "{line}:{column}");
        }
    }

    #[test]
    fn places_within() {
        let mut sources = Sources::default();
        let text = "content: |\n\n  a: 1\n  b: 2\nplain: x\n";
        let file = sources.add("a.yml", text.to_owned());
        sources.add_within(
            "a.yml:1",
            "\na: 1\nb: 2\n".to_owned(),
            Spot { file, line: 1, column: 10 },
        );
        sources.add_within("a.yml:5", "x".to_owned(), Spot { file, line: 5, column: 8 });
        for (shown, line, column, expected) in [
            ("a.yml:1", Some(3), Some(4), Some((4, 6))),
            ("a.yml:1", None, None, Some((1, 10))),
            ("a.yml:5", Some(3), Some(4), Some((5, 8))),
            ("a.yml", Some(3), Some(4), Some((3, 4))),
            ("b.yml", Some(3), Some(4), None),
        ] {
            let found = sources.place(shown, line, column).map(|spot| (spot.line, spot.column));
            assert_eq!(found, expected, "{shown}");
        }
    }
}
