//! Constraints: a boolean expression over labels that decides which containers are kept.
//!
//! Grammar (Traefik: providers, constraints): `Label("key", "value")`, `LabelRegex("key", "re")`,
//! `!`, `&&`, `||`, parentheses; strings in double quotes or backticks. Empty means everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;
use swarmgate_config::rule::go_regex;

/// Nesting that no person writes; deeper ones would only exhaust the stack.
const MAX_DEPTH: usize = 100;
/// Bytes of an expression: chains of `&&` and `||` are walked recursively too.
const MAX_LENGTH: usize = 16 * 1024;

/// A parsed constraints expression.
#[derive(Clone, Debug)]
pub struct Constraint(Option<Expr>);

#[derive(Clone, Debug)]
enum Expr {
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Not(Box<Expr>),
    Label {
        key: String,
        value: String,
    },
    /// `None`: the regular expression is invalid and matches nothing, as in Traefik.
    LabelRegex {
        key: String,
        regex: Option<Arc<Regex>>,
    },
}

impl Constraint {
    /// Parses an expression; the error names the column (from 1), what was found and expected.
    /// The second part are warnings.
    pub fn parse(text: &str) -> Result<(Self, Vec<String>), String> {
        if text.trim().is_empty() {
            return Ok((Self(None), Vec::new()));
        }
        if text.len() > MAX_LENGTH {
            return Err(format!("{} bytes; expected at most {MAX_LENGTH}", text.len()));
        }
        let mut parser = Parser { text, at: 0, warnings: Vec::new() };
        let expr = parser.or(0)?;
        parser.skip_space();
        if parser.at < text.len() {
            return Err(parser.unexpected("&&, || or the end"));
        }
        Ok((Self(Some(expr)), parser.warnings))
    }

    /// Whether the labels satisfy it. An absent label equals the empty string.
    pub fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.as_ref().is_none_or(|expr| expr.matches(labels))
    }
}

impl Expr {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let get = |key: &String| labels.get(key).map_or("", String::as_str);
        match self {
            Expr::And(left, right) => left.matches(labels) && right.matches(labels),
            Expr::Or(left, right) => left.matches(labels) || right.matches(labels),
            Expr::Not(inner) => !inner.matches(labels),
            Expr::Label { key, value } => get(key) == value,
            Expr::LabelRegex { key, regex } => {
                regex.as_ref().is_some_and(|regex| regex.is_match(get(key)))
            }
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    warnings: Vec<String>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn unexpected(&mut self, expected: &str) -> String {
        self.skip_space();
        let column = self.text.get(..self.at).unwrap_or_default().chars().count() + 1;
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("{found:?}") };
        format!("column {column}: found {found}, expected {expected}")
    }

    fn or(&mut self, depth: usize) -> Result<Expr, String> {
        let mut left = self.and(depth)?;
        while self.eat("||") {
            left = Expr::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Ok(left)
    }

    fn and(&mut self, depth: usize) -> Result<Expr, String> {
        let mut left = self.unary(depth)?;
        while self.eat("&&") {
            left = Expr::And(Box::new(left), Box::new(self.unary(depth)?));
        }
        Ok(left)
    }

    fn unary(&mut self, depth: usize) -> Result<Expr, String> {
        if depth >= MAX_DEPTH {
            return Err(self.unexpected("fewer nested parentheses"));
        }
        if self.eat("!") {
            return Ok(Expr::Not(Box::new(self.unary(depth + 1)?)));
        }
        if self.eat("(") {
            let inner = self.or(depth + 1)?;
            return if self.eat(")") { Ok(inner) } else { Err(self.unexpected(")")) };
        }
        self.skip_space();
        let length = self.rest().find(|c: char| !c.is_alphanumeric()).unwrap_or(self.rest().len());
        let name = self.rest().get(..length).unwrap_or_default();
        if name != "Label" && name != "LabelRegex" {
            return Err(self.unexpected("Label(...), LabelRegex(...), ! or ("));
        }
        self.at += length;
        if !self.eat("(") {
            return Err(self.unexpected("("));
        }
        let key = self.string()?;
        if !self.eat(",") {
            return Err(self.unexpected("a comma and a second string"));
        }
        let value = self.string()?;
        if !self.eat(")") {
            return Err(self.unexpected(")"));
        }
        if name == "Label" {
            return Ok(Expr::Label { key, value });
        }
        let regex = match go_regex::compile(&value) {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.warnings
                    .push(format!("LabelRegex({key:?}, {value:?}) matches nothing: {error}"));
                None
            }
        };
        Ok(Expr::LabelRegex { key, regex })
    }

    fn string(&mut self) -> Result<String, String> {
        self.skip_space();
        if self.eat("`") {
            let Some(end) = self.rest().find('`') else {
                return Err(self.unexpected("a closing backtick"));
            };
            let text = self.rest().get(..end).unwrap_or_default().to_owned();
            self.at += end + 1;
            return Ok(text);
        }
        if !self.eat("\"") {
            return Err(self.unexpected("a string in double quotes or backticks"));
        }
        let mut text = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((offset, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += offset + 1;
                    return Ok(text);
                }
                '\\' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    _ => {
                        self.at += offset;
                        return Err(self.unexpected("\\\\, \\\", \\n or \\t after a backslash"));
                    }
                },
                c => text.push(c),
            }
        }
        self.at = self.text.len();
        Err(self.unexpected("a closing double quote"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let labels: BTreeMap<String, String> = [("a", "1"), ("b", "x.y"), ("team", "blue-1")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let table = [
            ("", true),
            ("  ", true),
            (r#"Label("a","1")"#, true),
            (r#"Label("a", "2")"#, false),
            ("Label(`a`,`1`)", true),
            (r#"Label("absent","")"#, true),
            (r#"Label("A","1")"#, false),
            (r#"!Label("a","1")"#, false),
            (r#"!!Label("a","1")"#, true),
            (r#"Label("a","2") || Label("a","1")"#, true),
            (r#"Label("a","1") && Label("b","x.y")"#, true),
            // && binds closer than ||.
            (r#"Label("a","1") || Label("a","1") && Label("a","2")"#, true),
            (r#"(Label("a","1") || Label("a","1")) && Label("a","2")"#, false),
            (r#"LabelRegex("team","blue")"#, true),
            (r#"LabelRegex("team","^lue")"#, false),
            ("LabelRegex(`b`, `^x\\.y$`)", true),
            // An invalid regular expression matches nothing.
            (r#"LabelRegex("team","(")"#, false),
        ];
        for (text, expected) in table {
            let (constraint, _) = Constraint::parse(text).unwrap();
            assert_eq!(constraint.matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn mistakes() {
        let deep = format!("{}Label(`a`,`b`)", "(".repeat(5_000));
        let nots = format!("{}Label(`a`,`b`)", "!".repeat(5_000));
        let table = [
            ("tag==foo", "column 1: found \"tag==foo\""),
            (r#"Label("a")"#, "a comma and a second string"),
            (r#"Label("a","b""#, "expected )"),
            (r#"Label("a","b") &"#, "column 16"),
            (r#"Label("a","b") && "#, "found the end"),
            (r#"Label("a"#, "closing double quote"),
            ("Label(`a", "closing backtick"),
            ("Label(a,b)", "string in double quotes or backticks"),
            (r#"Label("é","b") x"#, "column 16"),
            (r#"label("a","b")"#, "Label(...)"),
            (&deep, "fewer nested"),
            (&nots, "fewer nested"),
        ];
        for (text, expected) in table {
            let error = Constraint::parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
        let (_, warnings) = Constraint::parse(r#"LabelRegex("a","(")"#).unwrap();
        assert_eq!(warnings.len(), 1);
    }
}
