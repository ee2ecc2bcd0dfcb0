//! The default rule: the part of Go's templates that people use in it.
//!
//! Served: text, `{{ pipeline }}` with trim markers and comments, `.Name`, `.ContainerName`,
//! `.Labels`, `.Labels.key`, literals, parentheses, pipes, and the functions in [`call`]. Anything
//! else is refused when the template is read, naming the construct (Traefik: Docker provider,
//! `defaultRule`; Go: `text/template`; Sprig for the functions).

use std::collections::BTreeMap;

use super::name::normalize;

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

const MAX_DEPTH: usize = 50;

/// The names [`call`] knows.
const FUNCTIONS: &[&str] = &[
    "normalize",
    "index",
    "trimPrefix",
    "trimSuffix",
    "trimAll",
    "trim",
    "lower",
    "upper",
    "replace",
    "default",
    "coalesce",
    "splitList",
    "first",
    "last",
    "join",
    "print",
    "printf",
    "quote",
    "squote",
    "toString",
];

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
        }
        Ok(out)
    }
}

/// Where the action's `}}` is, outside of strings.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) => {
                if escaped {
                    escaped = false;
                } else if c == '\\' && open == '"' {
                    escaped = true;
                } else if c == open {
                    quote = None;
                }
            }
            None if c == '"' || c == '`' => quote = Some(c),
            None if text.get(at..).is_some_and(|rest| rest.starts_with("}}")) => return Some(at),
            None => {}
        }
    }
    None
}

fn parse_action(action: &str) -> Result<Pipeline, String> {
    let mut tokens = tokens(action)?;
    tokens.reverse();
    let pipeline = parse_pipeline(&mut tokens, 0)?;
    match tokens.pop() {
        None => Ok(pipeline),
        Some(token) => Err(format!("unexpected {:?} in {{{{ {action} }}}}", token.text())),
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Open,
    Close,
    Pipe,
}

impl Token {
    fn text(&self) -> &str {
        match self {
            Token::Word(text) | Token::Text(text) => text,
            Token::Open => "(",
            Token::Close => ")",
            Token::Pipe => "|",
        }
    }
}

fn tokens(action: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = action.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '|' => tokens.push(Token::Pipe),
            '"' | '`' => {
                let mut text = String::new();
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some('\\') if c == '"' => match chars.next() {
                            Some('n') => text.push('\n'),
                            Some('t') => text.push('\t'),
                            Some(other) => text.push(other),
                            None => return Err(format!("unclosed string in {{{{ {action} }}}}")),
                        },
                        Some(other) => text.push(other),
                        None => return Err(format!("unclosed string in {{{{ {action} }}}}")),
                    }
                }
                tokens.push(Token::Text(text));
            }
            c => {
                let mut word = String::from(c);
                while let Some(next) = chars.peek() {
                    if next.is_whitespace() || matches!(next, '(' | ')' | '|' | '"' | '`') {
                        break;
                    }
                    word.push(*next);
                    chars.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    Ok(tokens)
}

/// Takes tokens off the end of the reversed list.
fn parse_pipeline(tokens: &mut Vec<Token>, depth: usize) -> Result<Pipeline, String> {
    if depth > MAX_DEPTH {
        return Err("too many nested parentheses".into());
    }
    let mut pipeline = vec![parse_command(tokens, depth)?];
    while tokens.last() == Some(&Token::Pipe) {
        tokens.pop();
        let command = parse_command(tokens, depth)?;
        if command.function.is_none() {
            return Err("a pipe must lead into a function".into());
        }
        pipeline.push(command);
    }
    Ok(pipeline)
}

fn parse_command(tokens: &mut Vec<Token>, depth: usize) -> Result<Command, String> {
    let mut function = None;
    let mut arguments = Vec::new();
    let mut first = true;
    loop {
        match tokens.last() {
            None | Some(Token::Pipe | Token::Close) => break,
            Some(Token::Word(word)) if first && is_function(word) => {
                function = Some(word.clone());
                tokens.pop();
            }
            Some(_) => arguments.push(parse_term(tokens, depth)?),
        }
        first = false;
    }
    match (&function, arguments.len()) {
        (None, 0) => Err("an empty action or pipe".into()),
        (None, 1) | (Some(_), _) => Ok(Command { function, arguments }),
        (None, _) => Err("arguments after a value that is no function".into()),
    }
}

fn is_function(word: &str) -> bool {
    FUNCTIONS.contains(&word)
}

fn parse_term(tokens: &mut Vec<Token>, depth: usize) -> Result<Term, String> {
    match tokens.pop() {
        Some(Token::Text(text)) => Ok(Term::Value(Value::Text(text))),
        Some(Token::Open) => {
            let nested = parse_pipeline(tokens, depth + 1)?;
            match tokens.pop() {
                Some(Token::Close) => Ok(Term::Nested(nested)),
                _ => Err("a missing )".into()),
            }
        }
        Some(Token::Word(word)) => match word.as_str() {
            ".Name" => Ok(Term::Name),
            ".ContainerName" => Ok(Term::ContainerName),
            ".Labels" => Ok(Term::Labels),
            "true" => Ok(Term::Value(Value::Bool(true))),
            "false" => Ok(Term::Value(Value::Bool(false))),
            word => {
                if let Some(key) = word.strip_prefix(".Labels.") {
                    return Ok(Term::Label(key.to_owned()));
                }
                if let Ok(number) = word.parse() {
                    return Ok(Term::Value(Value::Number(number)));
                }
                if is_function(word) {
                    // Go: a function name as an argument calls it without arguments.
                    return Err(format!("{word:?} as an argument without parentheses"));
                }
                Err(format!(
                    "{word:?} is not served in a default rule; expected .Name, .ContainerName, \
                     .Labels, a string, or one of {}",
                    FUNCTIONS.join(", ")
                ))
            }
        },
        Some(token) => Err(format!("unexpected {:?}", token.text())),
        None => Err("an argument is missing".into()),
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
                Term::Label(key) => label(data, key),
                Term::Nested(nested) => run(nested, data)?,
            });
        }
        arguments.extend(piped.take());
        piped = match &command.function {
            Some(function) => Some(call(function, arguments, data)?),
            None => arguments.pop(),
        };
    }
    piped.ok_or_else(|| "an empty action".into())
}

fn label(data: Data<'_>, key: &str) -> Value {
    Value::Text(data.labels.get(key).cloned().unwrap_or_default())
}

fn show(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(value) => value.to_string(),
        Value::List(list) => format!("[{}]", list.join(" ")),
        Value::Labels => "map[]".into(),
    }
}

fn empty(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Number(number) => *number == 0,
        Value::Bool(value) => !value,
        Value::List(list) => list.is_empty(),
        Value::Labels => false,
    }
}

/// Calls a function; the subject comes last, as Sprig has it.
fn call(function: &str, arguments: Vec<Value>, data: Data<'_>) -> Result<Value, String> {
    let wrong = |expected: &str| Err(format!("{function}: expected {expected}"));
    let text = |value: &Value| match value {
        Value::List(_) | Value::Labels => Err(format!("{function}: expected a string")),
        value => Ok(show(value)),
    };
    let one = |change: &dyn Fn(&str) -> String| match &arguments[..] {
        [value] => Ok(Value::Text(change(&text(value)?))),
        _ => wrong("one string"),
    };
    let two = |change: &dyn Fn(&str, &str) -> String| match &arguments[..] {
        [first, subject] => Ok(Value::Text(change(&text(first)?, &text(subject)?))),
        _ => wrong("two strings"),
    };
    match function {
        "normalize" => one(&normalize),
        "lower" => one(&|subject| subject.to_lowercase()),
        "upper" => one(&|subject| subject.to_uppercase()),
        "trim" => one(&|subject| subject.trim().to_owned()),
        "toString" => one(&str::to_owned),
        "quote" => one(&|subject| format!("{subject:?}")),
        "squote" => one(&|subject| format!("'{subject}'")),
        "trimPrefix" => {
            two(&|prefix, subject| subject.strip_prefix(prefix).unwrap_or(subject).to_owned())
        }
        "trimSuffix" => {
            two(&|suffix, subject| subject.strip_suffix(suffix).unwrap_or(subject).to_owned())
        }
        "trimAll" => two(&|cut, subject| subject.trim_matches(|c| cut.contains(c)).to_owned()),
        "replace" => match &arguments[..] {
            [old, new, subject] => {
                let (old, new, subject) = (text(old)?, text(new)?, text(subject)?);
                Ok(Value::Text(subject.replace(&old, &new)))
            }
            _ => wrong("three strings"),
        },
        "default" => match &arguments[..] {
            [default] => Ok(default.clone()),
            [default, value] => Ok(if empty(value) { default } else { value }.clone()),
            _ => wrong("a default and a value"),
        },
        "coalesce" => {
            let found = arguments.into_iter().find(|value| !empty(value));
            Ok(found.unwrap_or_else(|| Value::Text(String::new())))
        }
        "splitList" => match &arguments[..] {
            [separator, subject] => {
                let (separator, subject) = (text(separator)?, text(subject)?);
                let parts: Vec<String> = if separator.is_empty() {
                    subject.chars().map(String::from).collect()
                } else {
                    subject.split(&*separator).map(str::to_owned).collect()
                };
                Ok(Value::List(parts))
            }
            _ => wrong("a separator and a string"),
        },
        "first" | "last" => match &arguments[..] {
            [Value::List(list)] => {
                let found = if function == "first" { list.first() } else { list.last() };
                Ok(Value::Text(found.cloned().unwrap_or_default()))
            }
            _ => wrong("a list"),
        },
        "join" => match &arguments[..] {
            [separator, Value::List(list)] => Ok(Value::Text(list.join(&text(separator)?))),
            _ => wrong("a separator and a list"),
        },
        "index" => match &arguments[..] {
            [Value::Labels, key] => Ok(label(data, &text(key)?)),
            [Value::List(list), Value::Number(at)] => usize::try_from(*at)
                .ok()
                .and_then(|at| list.get(at))
                .map(|part| Value::Text(part.clone()))
                .ok_or_else(|| format!("index out of range: {at}")),
            _ => wrong(".Labels and a key, or a list and a number"),
        },
        "print" => Ok(Value::Text(arguments.iter().map(show).collect())),
        "printf" => printf(&arguments),
        other => Err(format!("function {other:?} not defined")),
    }
}

fn printf(arguments: &[Value]) -> Result<Value, String> {
    let Some((Value::Text(format), mut rest)) = arguments.split_first() else {
        return Err("printf: expected a format".into());
    };
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(verb @ ('s' | 'v' | 'd' | 'q')) => {
                let Some((value, others)) = rest.split_first() else {
                    return Err(format!("printf: no argument for %{verb}"));
                };
                rest = others;
                let shown = show(value);
                out.push_str(&if verb == 'q' { format!("{shown:?}") } else { shown });
            }
            other => {
                let verb = other.map(String::from).unwrap_or_default();
                return Err(format!("printf: %{verb} is not served; expected %s, %v, %d or %q"));
            }
        }
    }
    Ok(Value::Text(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(text: &str) -> Result<String, String> {
        let labels = [("my.key", "value"), ("empty", ""), ("team", "blue")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into();
        let data = Data { name: "shop-web", container_name: "shop_web.1", labels: &labels };
        Template::parse(text)?.render(data)
    }

    #[test]
    fn templates() {
        let table = [
            ("Host(`a.test`)", "Host(`a.test`)"),
            ("Host(`{{ .Name }}.test`)", "Host(`shop-web.test`)"),
            ("{{.Name}}", "shop-web"),
            ("a {{- .Name -}} b", "ashop-webb"),
            ("{{/* why */}}x", "x"),
            ("{{ normalize .ContainerName }}", "shop-web-1"),
            (r#"{{ index .Labels "my.key" }}"#, "value"),
            (r#"{{ index .Labels "absent" }}"#, ""),
            ("{{ .Labels.team }}", "blue"),
            (r#"{{ trimPrefix "shop-" .Name }}"#, "web"),
            (r#"{{ .Name | trimPrefix "shop-" | upper }}"#, "WEB"),
            (r#"{{ trimSuffix `-web` .Name }}"#, "shop"),
            (r#"{{ replace "-" "." .Name }}"#, "shop.web"),
            (r#"{{ index .Labels "empty" | default "d" }}"#, "d"),
            (r#"{{ default .Name (index .Labels "team") }}"#, "blue"),
            (r#"{{ coalesce (index .Labels "x") .Labels.team "z" }}"#, "blue"),
            (r#"{{ splitList "-" .Name | last }}"#, "web"),
            (r#"{{ first (splitList "-" .Name) }}"#, "shop"),
            (r#"{{ index (splitList "-" .Name) 1 }}"#, "web"),
            (r#"{{ splitList "-" .Name | join "." }}"#, "shop.web"),
            (r#"{{ printf "%s.%s%%" .Name "x" }}"#, "shop-web.x%"),
            (r#"{{ "}}" }}"#, "}}"),
        ];
        for (text, expected) in table {
            assert_eq!(render(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(
            Template::standard().render(Data {
                name: "x_y",
                container_name: "",
                labels: &BTreeMap::new()
            }),
            Ok("Host(`x-y`)".into())
        );
    }

    #[test]
    fn what_is_not_served_is_named() {
        let deep = format!("{{{{ {} }}}}", "(".repeat(10_000));
        let table = [
            ("{{ if .Name }}x{{ end }}", "\"if\""),
            ("{{ range .Labels }}", "\"range\""),
            ("{{ $x := 1 }}", "\"$x\""),
            ("{{ sha256sum .Name }}", "\"sha256sum\""),
            ("{{ .Nme }}", "\".Nme\""),
            ("{{ .Name", "unclosed action"),
            ("{{ \"x }}", "unclosed action"),
            ("{{ }}", "an empty action"),
            ("{{ .Name | }}", "an empty action or pipe"),
            ("{{ .Name | .Name }}", "must lead into a function"),
            ("{{ (upper .Name }}", "missing )"),
            ("{{ .Name .Name }}", "no function"),
            ("{{ upper .Name ) }}", "unexpected \")\""),
            ("{{ upper }}", "one string"),
            ("{{ index (splitList \"-\" .Name) 7 }}", "out of range"),
            ("{{ printf \"%x\" 1 }}", "%x is not served"),
            (&deep, "too many nested"),
        ];
        for (text, expected) in table {
            let error = render(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
