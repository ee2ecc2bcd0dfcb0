//! From text to a condition: Go's precedence, one pass, bounded depth.

use std::iter::Peekable;
use std::str::CharIndices;

use super::{Comparison, Expression, Function, Kind, Literal};

/// The longest expression, bytes.
const LONGEST: usize = 4096;

/// So many parentheses may stand in each other.
const DEEPEST: usize = 64;

/// A piece of text.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Literal(Literal),
    Or,
    And,
    Compare(Comparison),
    Open,
    Close,
    Comma,
    End,
}

/// What a part of an expression is, before it is known what it is for.
enum Part<F> {
    Condition(Expression<F>),
    Call(F, &'static str, Kind),
    Literal(Literal),
}

struct Parser<'t, F> {
    text: &'t str,
    functions: &'t [Function<F>],
    chars: Peekable<CharIndices<'t>>,
    token: Token,
    /// Where the token begins, bytes.
    at: usize,
    depth: usize,
}

pub(super) fn parse<F>(text: &str, functions: &[Function<F>]) -> Result<Expression<F>, String> {
    if text.len() > LONGEST {
        return Err(format!("it has {} bytes; expected at most {LONGEST}", text.len()));
    }
    let chars = text.char_indices().peekable();
    let mut parser = Parser { text, functions, chars, token: Token::End, at: 0, depth: 0 };
    parser.next()?;
    let condition = parser.condition()?;
    match parser.token {
        Token::End => Ok(condition),
        _ => Err(parser.expected("&&, || or the end")),
    }
}

impl<F> Parser<'_, F> {
    fn expected(&self, what: &str) -> String {
        self.wrong(self.at, &format!("expected {what}"))
    }

    fn wrong(&self, at: usize, what: &str) -> String {
        let before = self.text.get(..at).unwrap_or(self.text);
        format!("{what} at column {} of {:?}", before.chars().count().saturating_add(1), self.text)
    }

    fn condition(&mut self) -> Result<Expression<F>, String> {
        let at = self.at;
        let part = self.either()?;
        self.truth(part, at)
    }

    /// A part that has to be a condition.
    fn truth(&self, part: Part<F>, at: usize) -> Result<Expression<F>, String> {
        match part {
            Part::Condition(condition) => Ok(condition),
            Part::Call(function, _, Kind::Truth) => Ok(Expression::Is(function)),
            Part::Call(_, name, kind) => {
                let with = example(kind);
                Err(self.wrong(
                    at,
                    &format!("{name}() is no condition: expected it compared with {with}"),
                ))
            }
            Part::Literal(_) => Err(self.wrong(at, "expected a condition")),
        }
    }

    fn either(&mut self) -> Result<Part<F>, String> {
        let at = self.at;
        let mut left = self.both()?;
        while self.token == Token::Or {
            self.next()?;
            let first = self.truth(left, at)?;
            let at = self.at;
            let second = self.both()?;
            let second = self.truth(second, at)?;
            left = Part::Condition(Expression::Either(Box::new((first, second))));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Part<F>, String> {
        let at = self.at;
        let mut left = self.comparison()?;
        while self.token == Token::And {
            self.next()?;
            let first = self.truth(left, at)?;
            let at = self.at;
            let second = self.comparison()?;
            let second = self.truth(second, at)?;
            left = Part::Condition(Expression::Both(Box::new((first, second))));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Part<F>, String> {
        let at = self.at;
        let mut left = self.primary()?;
        while let Token::Compare(comparison) = self.token {
            let (function, name, kind) = match left {
                Part::Call(function, name, kind) if kind != Kind::Truth => (function, name, kind),
                _ => {
                    let names = names(self.functions, |function| function.gives != Kind::Truth);
                    return Err(self.wrong(
                        at,
                        &format!("only functions are compared, on the left: expected {names}"),
                    ));
                }
            };
            if kind == Kind::Text && !matches!(comparison, Comparison::Equal | Comparison::Unequal)
            {
                return Err(self.expected(&format!("== or != behind {name}()")));
            }
            self.next()?;
            let at = self.at;
            let Part::Literal(literal) = self.primary()? else {
                return Err(self.wrong(at, &format!("expected {}", example(kind))));
            };
            if literal.kind() != kind {
                return Err(self.wrong(at, &format!("expected {}", example(kind))));
            }
            left = Part::Condition(Expression::Compare(function, comparison, literal));
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<Part<F>, String> {
        let at = self.at;
        match self.token.clone() {
            Token::Open => {
                if self.depth >= DEEPEST {
                    return Err(self.expected(&format!("at most {DEEPEST} nested parentheses")));
                }
                self.depth += 1;
                self.next()?;
                let inner = self.either()?;
                self.depth -= 1;
                self.close()?;
                Ok(inner)
            }
            Token::Literal(literal) => {
                self.next()?;
                Ok(Part::Literal(literal))
            }
            Token::Name(name) => {
                let functions = self.functions;
                let Some(function) = functions.iter().find(|function| function.name == name) else {
                    return Err(self.expected(&names(functions, |_| true)));
                };
                self.next()?;
                if self.token != Token::Open {
                    return Err(self.expected(&format!("( behind {name}")));
                }
                self.next()?;
                let arguments = self.arguments(function)?;
                match (function.make)(&arguments) {
                    Some(made) => Ok(Part::Call(made, function.name, function.gives)),
                    None => Err(self.wrong(at, &format!("{name} does not take these arguments"))),
                }
            }
            _ => Err(self.expected(&names(self.functions, |_| true))),
        }
    }

    fn arguments(&mut self, function: &Function<F>) -> Result<Vec<Literal>, String> {
        let mut arguments = Vec::with_capacity(function.takes.len());
        for (number, kind) in function.takes.iter().enumerate() {
            if number > 0 {
                if self.token != Token::Comma {
                    let count = function.takes.len();
                    return Err(self
                        .expected(&format!("a comma: {} takes {count} arguments", function.name)));
                }
                self.next()?;
            }
            match &self.token {
                Token::Literal(literal) if literal.kind() == *kind => {
                    arguments.push(literal.clone());
                }
                _ => {
                    return Err(self.expected(&format!(
                        "{} for {}",
                        example(*kind),
                        function.name
                    )));
                }
            }
            self.next()?;
        }
        // Go allows one behind the last.
        if self.token == Token::Comma && !arguments.is_empty() {
            self.next()?;
        }
        self.close()?;
        Ok(arguments)
    }

    fn close(&mut self) -> Result<(), String> {
        if self.token != Token::Close {
            return Err(self.expected(")"));
        }
        self.next()
    }

    /// Reads the next token.
    fn next(&mut self) -> Result<(), String> {
        while self.chars.next_if(|(_, char)| char.is_ascii_whitespace()).is_some() {}
        let Some((at, char)) = self.chars.next() else {
            (self.at, self.token) = (self.text.len(), Token::End);
            return Ok(());
        };
        self.at = at;
        self.token = match char {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '&' if self.follows('&') => Token::And,
            '|' if self.follows('|') => Token::Or,
            '=' if self.follows('=') => Token::Compare(Comparison::Equal),
            '!' if self.follows('=') => Token::Compare(Comparison::Unequal),
            '<' if self.follows('=') => Token::Compare(Comparison::LessOrEqual),
            '<' => Token::Compare(Comparison::Less),
            '>' if self.follows('=') => Token::Compare(Comparison::GreaterOrEqual),
            '>' => Token::Compare(Comparison::Greater),
            '!' => return Err(self.expected("no !: it is not understood")),
            '0'..='9' | '.' => Token::Literal(self.number(at)?),
            '"' => Token::Literal(self.quoted()?),
            '`' => Token::Literal(self.raw()?),
            'A'..='Z' | 'a'..='z' | '_' => Token::Name(self.word(at).to_owned()),
            _ => return Err(self.expected("a function, a literal, an operator or a parenthesis")),
        };
        Ok(())
    }

    fn follows(&mut self, wanted: char) -> bool {
        self.chars.next_if(|(_, char)| *char == wanted).is_some()
    }

    /// Letters, digits and underscores, from `at` on.
    fn word(&mut self, at: usize) -> &str {
        while self.chars.next_if(|(_, c)| c.is_ascii_alphanumeric() || *c == '_').is_some() {}
        self.since(at)
    }

    fn since(&mut self, at: usize) -> &str {
        let end = self.chars.peek().map_or(self.text.len(), |(end, _)| *end);
        self.text.get(at..end).unwrap_or_default()
    }

    fn number(&mut self, at: usize) -> Result<Literal, String> {
        let mut last = ' ';
        while let Some((_, char)) = self.chars.next_if(|(_, char)| {
            char.is_ascii_alphanumeric()
                || *char == '.'
                || *char == '_'
                || matches!(*char, '+' | '-') && matches!(last, 'e' | 'E')
        }) {
            last = char;
        }
        let text = self.since(at).to_owned();
        let bad = || self.expected("a number such as 5 or 0.5");
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Literal::Whole).map_err(|_| bad());
        }
        // Rust's own words for no number do not begin with a digit or a dot.
        let number: f64 = text.parse().map_err(|_| bad())?;
        if number.is_finite() { Ok(Literal::Fraction(number)) } else { Err(bad()) }
    }

    fn quoted(&mut self) -> Result<Literal, String> {
        let mut text = String::new();
        loop {
            let char = match self.chars.next() {
                Some((_, '"')) => return Ok(Literal::Text(text.into())),
                None | Some((_, '\n')) => return Err(self.expected("a text that ends with \"")),
                Some((_, '\\')) => match self.chars.next() {
                    Some((_, char @ ('"' | '\\'))) => char,
                    Some((_, 'n')) => '\n',
                    Some((_, 'r')) => '\r',
                    Some((_, 't')) => '\t',
                    _ => {
                        return Err(self
                            .expected("a text without other escapes than \\\" \\\\ \\n \\r \\t"));
                    }
                },
                Some((_, char)) => char,
            };
            text.push(char);
        }
    }

    fn raw(&mut self) -> Result<Literal, String> {
        let mut text = String::new();
        loop {
            match self.chars.next() {
                Some((_, '`')) => return Ok(Literal::Text(text.into())),
                Some((_, char)) => text.push(char),
                None => return Err(self.expected("a text that ends with a backquote")),
            }
        }
    }
}

impl Literal {
    fn kind(&self) -> Kind {
        match self {
            Self::Whole(_) => Kind::Whole,
            Self::Fraction(_) => Kind::Fraction,
            Self::Text(_) => Kind::Text,
        }
    }
}

fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Truth => "a condition",
        Kind::Whole => "a whole number such as 5",
        Kind::Fraction => "a number with a point such as 0.5",
        Kind::Text => "a text such as \"GET\"",
    }
}

/// `A(), B() or C()`.
fn names<F>(functions: &[Function<F>], wanted: impl Fn(&Function<F>) -> bool) -> String {
    let mut names: Vec<String> = functions
        .iter()
        .filter(|function| wanted(function))
        .map(|function| format!("{}()", function.name))
        .collect();
    let last = names.pop().unwrap_or_default();
    match names.is_empty() {
        true => last,
        false => format!("{} or {last}", names.join(", ")),
    }
}
