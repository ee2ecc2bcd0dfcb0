//! Replacement templates of Go's `regexp`: `$1`, `${1}`, `$name`, `${name}`, `$$`.

use regex::{Captures, Regex};

/// A parsed template.
#[derive(Debug, Default)]
pub(super) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Group(usize),
}

impl Template {
    /// Parses it for one pattern. A group that the pattern does not have stands for nothing; a
    /// `$` that begins no reference stands for itself.
    pub fn parse(text: &str, regex: &Regex) -> Self {
        let mut template = Self::default();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            template.literal(before);
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                template.literal("$");
                rest = after;
            } else if let Some((name, after)) = reference(rest) {
                rest = after;
                if let Some(group) = group(name, regex) {
                    template.pieces.push(Piece::Group(group));
                }
            } else {
                template.literal("$");
            }
        }
        template.literal(rest);
        template
    }

    fn literal(&mut self, text: &str) {
        match self.pieces.last_mut() {
            _ if text.is_empty() => {}
            Some(Piece::Literal(last)) => last.push_str(text),
            _ => self.pieces.push(Piece::Literal(text.to_owned())),
        }
    }

    /// Writes the template with what the groups captured.
    fn expand(&self, captures: &Captures<'_>, into: &mut String) {
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => into.push_str(text),
                Piece::Group(group) => {
                    into.push_str(captures.get(*group).map_or("", |found| found.as_str()));
                }
            }
        }
    }

    /// `subject` with every match of `regex` replaced; `None`: there is no match.
    pub fn replace_all(&self, regex: &Regex, subject: &str) -> Option<String> {
        let mut matches = regex.captures_iter(subject).peekable();
        matches.peek()?;
        let mut replaced = String::with_capacity(subject.len() + 32);
        let mut copied = 0;
        for captures in matches {
            let whole = captures.get(0)?;
            replaced.push_str(subject.get(copied..whole.start())?);
            self.expand(&captures, &mut replaced);
            copied = whole.end();
        }
        replaced.push_str(subject.get(copied..)?);
        Some(replaced)
    }

    /// Whether it begins with exactly one slash of its own.
    pub fn is_own_path(&self) -> bool {
        match self.pieces.first() {
            Some(Piece::Literal(text)) => text.starts_with('/') && !text.starts_with("//"),
            _ => false,
        }
    }
}

/// A reference's name and what follows it; `rest` begins after the `$`.
fn reference(rest: &str) -> Option<(&str, &str)> {
    let (braced, text) = match rest.strip_prefix('{') {
        Some(text) => (true, text),
        None => (false, rest),
    };
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, after) = text.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    Some((name, if braced { after.strip_prefix('}')? } else { after }))
}

fn group(name: &str, regex: &Regex) -> Option<usize> {
    if name.bytes().all(|byte| byte.is_ascii_digit()) && (name == "0" || !name.starts_with('0')) {
        return name.parse().ok().filter(|group| *group < regex.captures_len());
    }
    regex.capture_names().position(|other| other == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_as_go() {
        let regex = Regex::new("(?P<first>a)(b)(?P<third>c)?").unwrap();
        let captures = regex.captures("ab").unwrap();
        let table = [
            ("", ""),
            ("x", "x"),
            ("$0", "ab"),
            ("$1-$2", "a-b"),
            ("${1}2", "a2"),
            ("$12", ""),
            ("$1x", ""),
            ("$1_z", ""),
            ("${1}_z", "a_z"),
            ("$first", "a"),
            ("${first}s", "as"),
            ("$third", ""),
            ("$nope${9}", ""),
            ("$01", ""),
            ("$$1", "$1"),
            ("$$$1", "$a"),
            ("$", "$"),
            ("a$", "a$"),
            ("$-", "$-"),
            ("${1", "${1"),
            ("${}", "${}"),
            ("${a b}", "${a b}"),
            ("$é", ""),
            ("$99999999999999999999999", ""),
        ];
        for (template, expected) in table {
            let mut expanded = String::new();
            Template::parse(template, &regex).expand(&captures, &mut expanded);
            assert_eq!(expanded, expected, "{template:?}");
        }
    }

    #[test]
    fn own_paths() {
        let regex = Regex::new("(.)").unwrap();
        for (template, own) in
            [("/$1", true), ("/x", true), ("//$1", false), ("$1", false), ("", false), ("a", false)]
        {
            assert_eq!(Template::parse(template, &regex).is_own_path(), own, "{template}");
        }
    }
}
