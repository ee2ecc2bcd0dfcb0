//! `$NAME`, `${NAME:-default}` and their kin, as `docker stack deploy` and `docker compose` read
//! them (Compose specification: interpolation).

use std::rc::Rc;

use super::source::Spot;
use super::yaml::{Node, Value};

/// `${a:-${b:-...}}` goes no deeper.
const MOST_DEPTH: usize = 16;
/// One value does not grow beyond.
const MOST_BYTES: usize = 1 << 20;
/// All values of a file together that variables stand in.
const MOST_BYTES_IN_ALL: usize = 16 << 20;
/// More oddities of one value than anybody reads.
const MOST_ODDITIES: usize = 20;
/// Nobody gives a variable a longer value in a file.
const MOST_VALUE: usize = 64 << 10;

/// What is odd about a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// A `$` that begins nothing: the engine's client refuses the file.
    Invalid {
        /// From the `$` on, as far as it goes.
        text: String,
    },
    /// A variable that is not set and has no default: it becomes nothing.
    Unset {
        /// Its name.
        name: String,
    },
    /// `${NAME:?message}` and not set: the client refuses the file.
    Required {
        /// Its name.
        name: String,
        /// As written.
        message: String,
    },
    /// `${NAME:+value}`: `docker stack deploy` refuses the file.
    Alternative {
        /// As far as the operator.
        text: String,
    },
    /// `${NAME:-${OTHER}}`: `docker stack deploy` takes the default as it stands.
    Nested {
        /// The default.
        text: String,
    },
}

/// An oddity and where it was written.
#[derive(Clone, Debug)]
pub struct Found {
    /// What.
    pub oddity: Oddity,
    /// The value.
    pub at: Spot,
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// The value as written.
    pub raw: Rc<str>,
}

/// What may still be written into a file.
pub struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MOST_BYTES_IN_ALL)
    }
}

/// Replaces variables in all values below a node. `Err`: the value there makes the file too large.
pub fn tree(
    node: &mut Node,
    lookup: &dyn Fn(&str) -> Option<String>,
    budget: &mut Budget,
    found: &mut Vec<Found>,
) -> Result<(), Spot> {
    let mut path = Vec::new();
    walk(node, lookup, budget, &mut path, found)
}

fn walk(
    node: &mut Node,
    lookup: &dyn Fn(&str) -> Option<String>,
    budget: &mut Budget,
    path: &mut Vec<String>,
    found: &mut Vec<Found>,
) -> Result<(), Spot> {
    match &mut node.value {
        Value::Text(raw) if raw.contains('$') => {
            let mut oddities = Vec::new();
            let text = replace(raw, lookup, &mut oddities);
            budget.0 = budget.0.checked_sub(text.len()).ok_or(node.at)?;
            let written: Rc<str> = raw.as_str().into();
            for oddity in oddities.into_iter().take(MOST_ODDITIES) {
                let raw = written.clone();
                found.push(Found { oddity, at: node.at, path: path.clone(), raw });
            }
            *raw = text;
        }
        Value::List(elements) => {
            for element in elements {
                walk(element, lookup, budget, path, found)?;
            }
        }
        Value::Map(pairs) => {
            for pair in pairs {
                path.push(pair.key.clone());
                walk(&mut pair.node, lookup, budget, path, found)?;
                path.pop();
            }
        }
        _ => {}
    }
    Ok(())
}

/// Replaces variables in one text.
pub fn replace(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    oddities: &mut Vec<Oddity>,
) -> String {
    let mut out = String::new();
    part(text, lookup, 0, &mut out, oddities);
    out
}

fn part(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    depth: usize,
    out: &mut String,
    oddities: &mut Vec<Oddity>,
) {
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        push(out, before);
        let from = rest.get(before.len()..).unwrap_or_default();
        if let Some(after) = after.strip_prefix('$') {
            push(out, "$");
            rest = after;
            continue;
        }
        if let Some(inner) = after.strip_prefix('{') {
            let Some(end) = closing(inner) else {
                oddities.push(Oddity::Invalid { text: shown(from) });
                push(out, from);
                return;
            };
            let (body, tail) = inner.split_at(end);
            let whole = from.get(..end.saturating_add(3)).unwrap_or(from);
            if !braced(body, lookup, depth, out, oddities) {
                oddities.push(Oddity::Invalid { text: shown(whole) });
                push(out, whole);
            }
            rest = tail.strip_prefix('}').unwrap_or_default();
            continue;
        }
        let name = name(after);
        if name.is_empty() {
            let end = from.char_indices().nth(2).map_or(from.len(), |(at, _)| at);
            oddities.push(Oddity::Invalid { text: from.get(..end).unwrap_or(from).to_owned() });
            push(out, "$");
            rest = after;
            continue;
        }
        match lookup(name) {
            Some(value) => push(out, &value),
            None => oddities.push(Oddity::Unset { name: name.to_owned() }),
        }
        rest = after.get(name.len()..).unwrap_or_default();
    }
    push(out, rest);
}

/// What stands in braces; false when it is nothing that a client knows.
fn braced(
    body: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
    depth: usize,
    out: &mut String,
    oddities: &mut Vec<Oddity>,
) -> bool {
    let name = name(body);
    let operator = body.get(name.len()..).unwrap_or_default();
    if name.is_empty() || depth > MOST_DEPTH {
        return false;
    }
    let value = lookup(name);
    let filled = value.as_ref().filter(|value| !value.is_empty());
    let (colon, mark) = match operator.strip_prefix(':') {
        Some(mark) => (true, mark),
        None => (false, operator),
    };
    let given = if colon { filled } else { value.as_ref() };
    match (mark.chars().next(), given) {
        (None, _) if colon => return false,
        (None, Some(value)) => push(out, value),
        (None, None) => oddities.push(Oddity::Unset { name: name.to_owned() }),
        (Some('-' | '?'), Some(value)) => push(out, value),
        (Some('-'), None) => {
            let text = mark.get(1..).unwrap_or_default();
            if text.replace("$$", "").contains('$') {
                oddities.push(Oddity::Nested { text: shown(text) });
            }
            part(mark.get(1..).unwrap_or_default(), lookup, depth.saturating_add(1), out, oddities);
        }
        (Some('?'), None) => oddities.push(Oddity::Required {
            name: name.to_owned(),
            message: mark.get(1..).unwrap_or_default().to_owned(),
        }),
        (Some('+'), Some(_)) => {
            oddities.push(alternative(body, mark));
            part(mark.get(1..).unwrap_or_default(), lookup, depth.saturating_add(1), out, oddities);
        }
        (Some('+'), None) => oddities.push(alternative(body, mark)),
        (Some(_), _) => return false,
    }
    true
}

fn alternative(body: &str, mark: &str) -> Oddity {
    let end = body.len().saturating_sub(mark.len()).saturating_add(1);
    Oddity::Alternative { text: shown(&format!("${{{}", body.get(..end).unwrap_or(body))) }
}

/// The byte of the brace that closes, inner ones passed over.
fn closing(inner: &str) -> Option<usize> {
    let mut open = 0_usize;
    let mut before = ' ';
    for (at, letter) in inner.char_indices() {
        match letter {
            '{' if before == '$' => open = open.saturating_add(1),
            '}' if open == 0 => return Some(at),
            '}' => open = open.saturating_sub(1),
            _ => {}
        }
        before = letter;
    }
    None
}

fn name(text: &str) -> &str {
    let letters = |(at, c): (usize, char)| {
        !(c.is_ascii_alphabetic() || c == '_' || (at > 0 && c.is_ascii_digit()))
    };
    let end = text.char_indices().find(|pair| letters(*pair)).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or_default()
}

fn push(out: &mut String, text: &str) {
    let room = MOST_BYTES.saturating_sub(out.len());
    let end = (0..=text.len().min(room)).rev().find(|end| text.is_char_boundary(*end));
    out.push_str(text.get(..end.unwrap_or(0)).unwrap_or_default());
}

fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

/// The lines of a `.env` file: `NAME=value`, quotes taken off, comments passed over.
pub fn dotenv(text: &str) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.strip_prefix("export ").unwrap_or(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else { continue };
        let value = value.trim();
        let quoted = |quote: char| value.strip_prefix(quote).and_then(|v| v.split_once(quote));
        let value = match quoted('"').or_else(|| quoted('\'')) {
            Some((inside, _)) => inside,
            None => value.split_once(" #").map_or(value, |(value, _)| value.trim_end()),
        };
        let end = (0..=value.len().min(MOST_VALUE)).rev().find(|end| value.is_char_boundary(*end));
        let value = value.get(..end.unwrap_or(0)).unwrap_or_default();
        variables.push((name.trim().to_owned(), value.to_owned()));
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let lookup = |name: &str| match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let invalid = |text: &str| vec![Oddity::Invalid { text: text.into() }];
        let unset = |name: &str| vec![Oddity::Unset { name: name.into() }];
        let plus = |text: &str| Oddity::Alternative { text: text.into() };
        let nested = |text: &str| vec![Oddity::Nested { text: text.into() }];
        let required =
            |message: &str| vec![Oddity::Required { name: "X".into(), message: message.into() }];
        let table: Vec<(&str, &str, Vec<Oddity>)> = vec![
            ("plain", "plain", vec![]),
            ("$A-${A}", "a-a", vec![]),
            ("$$A $$", "$A $", vec![]),
            ("$X.", ".", unset("X")),
            ("${X}", "", unset("X")),
            ("${X:-d}${X-d}${EMPTY:-e}${EMPTY-e}${EMPTY}", "dde", vec![]),
            ("${A:+v}${X+v}", "v", vec![plus("${A:+"), plus("${X+")]),
            ("${EMPTY:+v}${EMPTY+v}", "v", vec![plus("${EMPTY:+"), plus("${EMPTY+")]),
            ("${X:-${A}}", "a", nested("${A}")),
            ("${X:-${Y:-z}}", "z", nested("${Y:-z}")),
            ("${X:-$$}", "$", vec![]),
            ("${X:?no X}", "", required("no X")),
            ("${X?}", "", required("")),
            ("${1}", "${1}", invalid("${1}")),
            ("$1", "$1", invalid("$1")),
            ("a$", "a$", invalid("$")),
            ("${A", "${A", invalid("${A")),
            ("${A:}", "${A:}", invalid("${A:}")),
            ("${A!b}", "${A!b}", invalid("${A!b}")),
            ("$é", "$é", invalid("$é")),
        ];
        for (text, expected, oddities) in table {
            let mut found = Vec::new();
            assert_eq!(replace(text, &lookup, &mut found), expected, "{text}");
            assert_eq!(found, oddities, "{text}");
        }
    }

    #[test]
    fn a_file_does_not_grow_without_bound() {
        let at = Spot { file: 0, line: 1, column: 1 };
        let elements = || vec![Node { at, value: Value::Text("$BIG".into()) }; 20];
        for (size, expected) in [(1000, Ok(())), (1 << 20, Err(at))] {
            let mut node = Node { at, value: Value::List(elements()) };
            let value = "x".repeat(size);
            let lookup = |_: &str| Some(value.clone());
            let mut found = Vec::new();
            let result = tree(&mut node, &lookup, &mut Budget::default(), &mut found);
            assert_eq!(result, expected, "{size}");
        }
        let mut node = Node { at, value: Value::Text("$A ".repeat(1000)) };
        let mut found = Vec::new();
        tree(&mut node, &|_| None, &mut Budget::default(), &mut found).unwrap();
        assert_eq!(found.len(), MOST_ODDITIES);
    }

    #[test]
    fn environment_files() {
        let text = "# comment\nA=1\nexport B = two \nC=\"x # y\" # z\nD='q'\nE=v # c\nnothing\n";
        let expected = [("A", "1"), ("B", "two"), ("C", "x # y"), ("D", "q"), ("E", "v")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(dotenv(text), expected);
    }
}
