//! The YAML that people write most, read in one pass, places included.
//!
//! Block maps and block lists of scalars on one line, short lists in brackets, comments: whoever
//! writes 10,000 routers writes them so, and the library takes three passes over them and ten
//! times as long. Whatever is not surely read as the library reads it (anchors, multi-line
//! scalars, escapes, documents, tabs, mistakes of any kind) is left to the library: [`read`] gives
//! nothing then. A property test compares the two.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_yaml::Value;

use super::place::{FileSource, Place, Source};
use super::tree::{Id, ROOT, Scalar, ScalarKind, Shape, Tree};
use crate::breath::breathe;

/// The library stops at 128 levels.
const MOST_DEPTH: usize = 60;

/// The library stops looking for a key's colon after 1024 characters.
const MOST_KEY: usize = 1000;

/// So many keys of one map are compared one by one.
const FEW: usize = 16;

/// The names of a list's first elements.
const INDEXES: [&str; 8] = ["0", "1", "2", "3", "4", "5", "6", "7"];

/// Reads a whole text, or nothing: then the library has to. `None` is no mistake in the text.
pub(super) fn read<'s>(source: FileSource<'s>, text: &'s str) -> Result<Tree<'s>, FileSource<'s>> {
    let mut reader = Reader {
        tree: Tree::new(Source::Flags),
        lines: Lines { rest: text, number: 0 },
        line: None,
    };
    match reader.document() {
        Some(()) => {
            reader.tree.source = Source::File(source);
            Ok(reader.tree)
        }
        None => Err(source),
    }
}

/// What is left of a line.
#[derive(Clone, Copy)]
struct Line<'s> {
    /// From 1.
    number: u32,
    /// Where the content begins, from 0. Only blanks and dashes stand before it.
    column: usize,
    /// Not empty; no blanks at its end.
    content: &'s str,
    /// All of it: only then are columns of bytes columns of characters.
    ascii: bool,
}

impl<'s> Line<'s> {
    /// Whether a list's element begins here.
    fn is_element(&self) -> bool {
        self.content.strip_prefix('-').is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    }

    /// The line without its first bytes and the blanks behind them.
    fn after(&self, bytes: usize) -> Option<Self> {
        let rest = self.content.get(bytes..)?;
        let content = rest.trim_start_matches(' ');
        let skipped = bytes.checked_add(rest.len().checked_sub(content.len())?)?;
        Some(Self { column: self.column.checked_add(skipped)?, content, ..*self })
    }

    /// Nothing more, or a comment.
    fn is_blank(&self) -> bool {
        self.content.is_empty() || self.content.starts_with('#')
    }

    fn place(&self) -> Option<Place> {
        let column = u32::try_from(self.column).ok()?.checked_add(1)?;
        Some(Place::At { line: self.number, column })
    }
}

/// The lines that say something.
struct Lines<'s> {
    rest: &'s str,
    number: u32,
}

impl<'s> Lines<'s> {
    /// `Some(None)` is the end, `None` a line for the library.
    fn next(&mut self) -> Option<Option<Line<'s>>> {
        while !self.rest.is_empty() {
            breathe();
            let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
            self.rest = rest;
            self.number = self.number.checked_add(1)?;
            let ascii = line.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            if !ascii && !line.chars().all(is_ordinary) {
                return None;
            }
            let trimmed = line.trim_start_matches(' ');
            let content = trimmed.trim_end_matches(' ');
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            let column = line.len().checked_sub(trimmed.len())?;
            // Directives and the marks between documents.
            if column == 0 && ["---", "...", "%"].iter().any(|mark| content.starts_with(mark)) {
                return None;
            }
            return Some(Some(Line { number: self.number, column, content, ascii }));
        }
        Some(None)
    }
}

/// Neither a control character nor one that ends a line for the library.
fn is_ordinary(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}')
}

struct Reader<'s> {
    tree: Tree<'s>,
    lines: Lines<'s>,
    /// Where we are.
    line: Option<Line<'s>>,
}

/// What a scalar turns out to be; nothing at all for null.
type Resolved<'s> = Option<Scalar<'s>>;

impl<'s> Reader<'s> {
    fn document(&mut self) -> Option<()> {
        self.advance()?;
        let first = self.line?;
        if first.column != 0 || first.is_element() {
            return None;
        }
        self.map(ROOT, 0, 0)?;
        self.line.is_none().then_some(())
    }

    fn advance(&mut self) -> Option<()> {
        self.line = self.lines.next()?;
        Some(())
    }

    /// The map whose first key stands here.
    fn map(&mut self, id: Id, column: usize, depth: usize) -> Option<()> {
        if depth > MOST_DEPTH {
            return None;
        }
        self.tree.node_mut(id).shape = Shape::Map;
        let mut keys = Keys::default();
        while let Some(line) = self.line.filter(|line| line.column >= column) {
            if line.column > column || line.is_element() {
                return None;
            }
            let (name, value) = key(&line)??;
            if !keys.insert(name) {
                return None;
            }
            let place = line.place()?;
            if !value.is_blank() {
                self.inline(id, name, place, &value)?;
                self.advance()?;
                continue;
            }
            self.advance()?;
            // Nothing behind a key means that the key is not set.
            let Some(next) = self.line else { break };
            if next.column > column || (next.column == column && next.is_element()) {
                let child = self.tree.add(id, name, place);
                match next.is_element() {
                    true => self.list(child, next.column, depth.checked_add(1)?)?,
                    false => self.map(child, next.column, depth.checked_add(1)?)?,
                }
            }
        }
        Some(())
    }

    /// The list whose first dash stands here.
    fn list(&mut self, id: Id, column: usize, depth: usize) -> Option<()> {
        self.tree.node_mut(id).shape = Shape::List;
        let mut index = 0;
        // A key in the column of its list's dashes ends the list.
        while let Some(line) = self.line.filter(|line| line.column >= column) {
            if line.column > column {
                return None;
            }
            if !line.is_element() {
                break;
            }
            let element = line.after(1)?;
            if element.is_blank() || element.is_element() {
                return None;
            }
            match key(&element)? {
                Some(_) => {
                    let child = self.tree.add(id, name_of(index), element.place()?);
                    self.line = Some(element);
                    self.map(child, element.column, depth.checked_add(1)?)?;
                }
                None => {
                    self.inline(id, name_of(index), element.place()?, &element)?;
                    self.advance()?;
                }
            }
            index = index.checked_add(1)?;
        }
        Some(())
    }

    /// A value on the line of its key or dash.
    fn inline(
        &mut self,
        parent: Id,
        name: impl Into<Cow<'s, str>>,
        place: Place,
        value: &Line<'s>,
    ) -> Option<()> {
        let in_list = self.tree.node(parent).shape == Shape::List;
        match value.content.as_bytes().first()? {
            // Lists of lists: seldom enough.
            b'[' | b'{' if in_list => None,
            b'[' => {
                let child = self.tree.add(parent, name, place);
                self.brackets(child, value)
            }
            b'{' => {
                value.after(1)?.content.strip_prefix('}')?;
                let end = value.after(1)?.after(1)?;
                let child = self.tree.add(parent, name, place);
                self.tree.node_mut(child).shape = Shape::Map;
                is_end(value, &end).then_some(())
            }
            _ => {
                let scalar = match quoted(value.content)? {
                    Some((text, length)) => {
                        let end = value.after(length)?;
                        if !is_end(value, &end) {
                            return None;
                        }
                        Some(Scalar { text: text.into(), kind: ScalarKind::Text })
                    }
                    None => plain(value.content)?,
                };
                // An element that is null stays in its list: seldom enough, too.
                if scalar.is_none() && in_list {
                    return None;
                }
                if let Some(scalar) = scalar {
                    let child = self.tree.add(parent, name, place);
                    self.tree.node_mut(child).scalars.push(scalar);
                }
                Some(())
            }
        }
    }

    /// `[a, "b"]`
    fn brackets(&mut self, id: Id, value: &Line<'s>) -> Option<()> {
        self.tree.node_mut(id).shape = Shape::List;
        if !value.ascii {
            return None;
        }
        let mut at = value.after(1)?;
        let mut index = 0;
        while !at.content.starts_with(']') {
            if index > 0 {
                at.content.strip_prefix(',')?;
                at = at.after(1)?;
            }
            let (scalar, length) = match quoted(at.content)? {
                Some((text, length)) => {
                    (Scalar { text: text.into(), kind: ScalarKind::Text }, length)
                }
                None => {
                    let length = at.content.bytes().take_while(|byte| is_simple(*byte)).count();
                    (resolve(at.content.get(..length)?)??, length)
                }
            };
            let child = self.tree.add(id, name_of(index), at.place()?);
            self.tree.node_mut(child).scalars.push(scalar);
            at = at.after(length)?;
            index = index.checked_add(1)?;
        }
        is_end(value, &at.after(1)?).then_some(())
    }
}

/// Whether a value ends here: a comment is one only behind a blank.
fn is_end(value: &Line<'_>, end: &Line<'_>) -> bool {
    let before = value.content.len().checked_sub(end.content.len().saturating_add(1));
    let blank = || before.and_then(|at| value.content.as_bytes().get(at)) == Some(&b' ');
    end.content.is_empty() || (end.content.starts_with('#') && blank())
}

fn name_of(index: usize) -> Cow<'static, str> {
    match INDEXES.get(index) {
        Some(name) => (*name).into(),
        None => index.to_string().into(),
    }
}

/// The key that a line begins with, and what is behind its colon; `Some(None)`: it has none.
fn key<'s>(line: &Line<'s>) -> Option<Option<(&'s str, Line<'s>)>> {
    let content = line.content;
    let (name, length) = match quoted(content)? {
        Some((name, length)) => match content.as_bytes().get(length) {
            Some(b':') => (name, length),
            _ => return Some(None),
        },
        None => {
            let Some(length) = colon(content) else { return Some(None) };
            let name = content.get(..length)?;
            if !may_be_plain(name) || name.ends_with(' ') || name.contains(" #") || name == "<<" {
                return None;
            }
            // `80` and `true` are names, `0x50` is the name `80`, and no name is null.
            (resolve(name)??.text == name).then_some((name, length))?
        }
    };
    let colon = length.checked_add(1)?;
    if length > MOST_KEY || content.as_bytes().get(colon).is_some_and(|byte| *byte != b' ') {
        return None;
    }
    Some(Some((name, line.after(colon)?)))
}

/// The first colon that a blank or the line's end follows.
fn colon(content: &str) -> Option<usize> {
    let bytes = content.as_bytes();
    let mut colons = content.match_indices(':').map(|(at, _)| at);
    colons.find(|at| matches!(bytes.get(at.saturating_add(1)), None | Some(b' ')))
}

/// The text between quotes, and the length of both with it. `Some(None)`: there are no quotes.
fn quoted(content: &str) -> Option<Option<(&str, usize)>> {
    let quote = match content.as_bytes().first()? {
        b'"' => '"',
        b'\'' => '\'',
        _ => return Some(None),
    };
    let (text, rest) = content.get(1..)?.split_once(quote)?;
    // Escapes.
    if (quote == '"' && text.contains('\\')) || rest.starts_with(quote) {
        return None;
    }
    Some(Some((text, text.len().checked_add(2)?)))
}

/// A scalar without quotes; a comment may follow.
fn plain(content: &str) -> Option<Resolved<'_>> {
    let text = match content.split_once(" #") {
        Some((text, _)) => text.trim_end_matches(' '),
        None => content,
    };
    if !may_be_plain(text) || colon(text).is_some() {
        return None;
    }
    resolve(text)
}

/// Whether a scalar without quotes may begin so. The library knows a few more.
fn may_be_plain(text: &str) -> bool {
    match text.as_bytes() {
        [b'-', second, ..] => second.is_ascii_digit(),
        [first, ..] => !b"-?:,[]{}#&*!|>'\"%@`".contains(first),
        [] => false,
    }
}

/// What may stand in brackets without quotes.
fn is_simple(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._/".contains(&byte)
}

/// Text, number, truth or nothing: the library decides where it could be anything but text.
fn resolve(text: &str) -> Option<Resolved<'_>> {
    let first = text.as_bytes().first()?;
    // null, true, false and their spellings.
    let word = text.len() <= 5 && b"nNtTfF".contains(first);
    if !word && !first.is_ascii_digit() && !b"+-.~".contains(first) {
        return Some(Some(Scalar { text: text.into(), kind: ScalarKind::Text }));
    }
    if text.starts_with("...") || text.starts_with("---") {
        return None;
    }
    Some(Some(match serde_yaml::from_str(text).ok()? {
        Value::Null => return Some(None),
        Value::Bool(value) => Scalar { text: value.to_string().into(), kind: ScalarKind::Bool },
        Value::Number(number) => {
            Scalar { text: number.to_string().into(), kind: ScalarKind::Number }
        }
        Value::String(same) if same == text => Scalar { text: text.into(), kind: ScalarKind::Text },
        _ => return None,
    }))
}

/// The keys of one map.
#[derive(Default)]
struct Keys<'s> {
    few: Vec<&'s str>,
    /// No table that is hashed anew, at once, when it grows.
    many: BTreeSet<&'s str>,
}

impl<'s> Keys<'s> {
    /// Whether it is a new one.
    fn insert(&mut self, name: &'s str) -> bool {
        if self.few.len() < FEW {
            let new = !self.few.contains(&name);
            self.few.push(name);
            return new;
        }
        if self.many.is_empty() {
            self.many.extend(&self.few);
        }
        self.many.insert(name)
    }
}

#[cfg(test)]
mod tests;
