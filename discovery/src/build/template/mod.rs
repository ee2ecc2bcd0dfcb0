//! The default rule: the part of Go's templates that people use in it.
//!
//! Served: text, `{{ pipeline }}` with trim markers and comments, `.Name`, `.ContainerName`,
//! `.Labels`, `.Labels.key`, literals, parentheses, pipes, and the functions in [`functions`]. Anything
//! else is refused when the template is read, naming the construct (Traefik: Docker provider,
//! `defaultRule`; Go: `text/template`; Sprig for the functions).

mod functions;
mod parse;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::functions::{call, label, show};
use self::parse::{closing, parse_action};

/// The longest rule that may come out, in bytes: each router of a service may ask for one.
const MOST_RENDERED: usize = 8 * 1024;

/// The longest text on the way there: labels can be long, and functions make them longer.
const MOST_TEXT: usize = 64 * 1024;

/// What a template can refer to.
#[derive(Clone, Copy, Debug)]
pub struct Data<'a> {
    /// `.Name`: the normalised base name.
    pub name: &'a str,
    /// `.ContainerName`.
    pub container_name: &'a str,
    /// `.Labels`.
    pub labels: &'a BTreeMap<String, String>,
}

/// A parsed template.
#[derive(Clone, Debug)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Pipeline(Pipeline),
}

/// Commands joined by `|`; each one's result is the last argument of the next.
type Pipeline = Vec<Command>;

#[derive(Clone, Debug)]
struct Command {
    function: Option<String>,
    arguments: Vec<Term>,
}

#[derive(Clone, Debug)]
enum Term {
    Value(Value),
    Name,
    ContainerName,
    Labels,
    Label(String),
    Nested(Pipeline),
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(String),
    Number(i64),
    Bool(bool),
    List(Vec<String>),
    Labels,
}

impl Value {
    /// About how many bytes it has as text.
    fn size(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::List(list) => list.iter().map(|part| part.len().saturating_add(1)).sum(),
            Value::Number(_) | Value::Bool(_) | Value::Labels => 0,
        }
    }
}

fn too_long() -> String {
    format!("a text becomes longer than {MOST_TEXT} bytes")
}

impl Template {
    /// Traefik's default: ``Host(`{{ normalize .Name }}`)``.
    pub fn standard() -> Self {
        Self::parse("Host(`{{ normalize .Name }}`)").unwrap_or(Self { parts: Vec::new() })
    }

    /// Parses a template; the error names the construct that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut trim_next = false;
        while let Some(start) = rest.find("{{") {
            let (before, after) = rest.split_at(start);
            let after = after.strip_prefix("{{").unwrap_or_default();
            let end = closing(after).ok_or_else(|| format!("unclosed action \"{{{{{after}\""))?;
            let (action, remaining) = after.split_at(end);
            rest = remaining.strip_prefix("}}").unwrap_or_default();

            let before = if trim_next { before.trim_start() } else { before };
            let (action, trim_before) = match action.strip_prefix('-') {
                Some(stripped) if stripped.starts_with(char::is_whitespace) => (stripped, true),
                _ => (action, false),
            };
            let (action, trim_after) = match action.strip_suffix('-') {
                Some(stripped) if stripped.ends_with(char::is_whitespace) => (stripped, true),
                _ => (action, false),
            };
            trim_next = trim_after;
            let before = if trim_before { before.trim_end() } else { before };
            parts.push(Part::Text(before.to_owned()));
            let action = action.trim();
            if action.starts_with("/*") && action.ends_with("*/") {
                continue;
            }
            parts.push(Part::Pipeline(parse_action(action)?));
        }
        parts.push(Part::Text(if trim_next { rest.trim_start() } else { rest }.to_owned()));
        Ok(Self { parts })
    }

    /// Renders it for one container or service.
    pub fn render(&self, data: Data<'_>) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Pipeline(pipeline) => out.push_str(&show(&run(pipeline, data)?)),
            }
            if out.len() > MOST_RENDERED {
                return Err(format!("it renders to more than {MOST_RENDERED} bytes"));
            }
        }
        Ok(out)
    }
}

fn run(pipeline: &Pipeline, data: Data<'_>) -> Result<Value, String> {
    let mut piped = None;
    for command in pipeline {
        let mut arguments = Vec::with_capacity(command.arguments.len() + 1);
        for term in &command.arguments {
            arguments.push(match term {
                Term::Value(value) => value.clone(),
                Term::Name => Value::Text(data.name.to_owned()),
                Term::ContainerName => Value::Text(data.container_name.to_owned()),
                Term::Labels => Value::Labels,
                Term::Label(key) => label(data, key)?,
                Term::Nested(nested) => run(nested, data)?,
            });
        }
        arguments.extend(piped.take());
        piped = match &command.function {
            Some(function) => Some(call(function, arguments, data)?),
            None => arguments.pop(),
        };
        if piped.as_ref().is_some_and(|value| value.size() > MOST_TEXT) {
            return Err(too_long());
        }
    }
    piped.ok_or_else(|| "an empty action".into())
}
