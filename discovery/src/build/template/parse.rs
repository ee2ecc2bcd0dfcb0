//! A template's actions: text between braces -> pipelines of commands.

use super::functions::FUNCTIONS;
use super::{Command, Pipeline, Term, Value};

const MAX_DEPTH: usize = 50;

/// Where the action's `}}` is, outside of strings.
pub(super) fn closing(text: &str) -> Option<usize> {
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

/// Reads what stands between the braces.
pub(super) fn parse_action(action: &str) -> Result<Pipeline, String> {
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
