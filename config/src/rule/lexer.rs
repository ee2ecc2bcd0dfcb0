//! A rule's text -> tokens, by Go's lexical rules.
//!
//! Go puts a semicolon at a newline that follows a word, a string or `)`; that is why a rule may
//! be broken after an operator but not before one (Go: lexical elements).

use super::RuleError;

/// A place in the rule: line and column (in bytes), both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Place {
    /// An error here.
    pub(super) fn error(self, message: impl std::fmt::Display) -> RuleError {
        RuleError { message: format!("{}:{}: {message}", self.line, self.column) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token<'r> {
    Word(&'r str),
    /// The string's value, unquoted.
    Text(String),
    Open,
    Close,
    Comma,
    And,
    Or,
    Not,
    /// A newline where Go ends the expression.
    Newline,
    End,
    /// Anything else that Go knows or does not know.
    Other(&'r str),
}

impl Token<'_> {
    /// The token for messages.
    pub(super) fn found(&self) -> String {
        match self {
            Token::Word(word) => format!("{word:?}"),
            Token::Text(text) => format!("the string {:?}", shortened(text)),
            Token::Open => "'('".into(),
            Token::Close => "')'".into(),
            Token::Comma => "','".into(),
            Token::And => "'&&'".into(),
            Token::Or => "'||'".into(),
            Token::Not => "'!'".into(),
            Token::Newline => "a newline, which ends the rule here".into(),
            Token::End => "'EOF'".into(),
            Token::Other(text) => format!("'{}'", text.escape_debug()),
        }
    }
}

/// The beginning of a long text, for messages.
pub(crate) fn shortened(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

pub(super) struct Lexer<'r> {
    rule: &'r str,
    at: usize,
    line: usize,
    line_start: usize,
    /// Whether a newline now would end the expression.
    ends: bool,
}

impl<'r> Lexer<'r> {
    pub(super) fn new(rule: &'r str) -> Self {
        // Go skips a byte order mark at the beginning.
        let at = if rule.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Self { rule, at, line: 1, line_start: 0, ends: false }
    }

    /// The next token and where it begins. After [`Token::End`] always that again.
    pub(super) fn next(&mut self) -> Result<(Token<'r>, Place), RuleError> {
        if let Some(place) = self.skip_blanks()? {
            self.ends = false;
            return Ok((Token::Newline, place));
        }
        let place = self.place();
        let start = self.at;
        let Some(c) = self.peek() else { return Ok((Token::End, place)) };
        self.bump(c);
        let token = match c {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '!' if self.peek() != Some('=') => Token::Not,
            '&' if self.eat("&") => Token::And,
            '|' if self.eat("|") => Token::Or,
            '`' => Token::Text(self.raw_string(place)?),
            '"' => Token::Text(self.quoted_string(place)?),
            c if c == '_' || c.is_alphabetic() => {
                while let Some(c) = self.peek().filter(|c| *c == '_' || c.is_alphanumeric()) {
                    self.bump(c);
                }
                Token::Word(self.since(start))
            }
            '\'' => {
                return Err(place.error(
                    "found a single quote; expected a string in backquotes or double quotes",
                ));
            }
            c if c.is_ascii_digit() => {
                while let Some(c) = self.peek().filter(|c| *c == '.' || c.is_alphanumeric()) {
                    self.bump(c);
                }
                Token::Other(self.since(start))
            }
            _ => {
                // `==`, `!=` and the like are shown whole.
                self.eat("=");
                Token::Other(self.since(start))
            }
        };
        self.ends = matches!(token, Token::Word(_) | Token::Text(_) | Token::Close);
        Ok((token, place))
    }

    /// Skips blanks and comments. `Some`: a newline that ends the expression was met.
    fn skip_blanks(&mut self) -> Result<Option<Place>, RuleError> {
        loop {
            let place = self.place();
            let rest = self.rest();
            if rest.starts_with("//") {
                let length = rest.find('\n').unwrap_or(rest.len());
                self.at += length;
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(place.error("comment not terminated; expected '*/'"));
                };
                let mut newline = false;
                for c in rest.get(..end + 2).unwrap_or_default().chars() {
                    newline |= c == '\n';
                    self.bump(c);
                }
                if newline && self.ends {
                    return Ok(Some(place));
                }
            } else {
                match self.peek() {
                    Some('\n') if self.ends => {
                        self.bump('\n');
                        return Ok(Some(place));
                    }
                    Some(c @ (' ' | '\t' | '\r' | '\n')) => self.bump(c),
                    _ => return Ok(None),
                }
            }
        }
    }

    fn raw_string(&mut self, start: Place) -> Result<String, RuleError> {
        let Some(length) = self.rest().find('`') else {
            return Err(start.error("string not terminated; expected a closing backquote"));
        };
        let mut value = String::with_capacity(length);
        for c in self.rest().get(..length).unwrap_or_default().chars() {
            self.bump(c);
            // Go drops carriage returns from raw strings.
            if c != '\r' {
                value.push(c);
            }
        }
        self.bump('`');
        Ok(value)
    }

    fn quoted_string(&mut self, start: Place) -> Result<String, RuleError> {
        let mut value: Vec<u8> = Vec::new();
        loop {
            let place = self.place();
            match self.peek() {
                None | Some('\n') => {
                    return Err(start.error("string not terminated; expected a closing '\"'"));
                }
                Some('"') => {
                    self.bump('"');
                    break;
                }
                Some('\\') => {
                    self.bump('\\');
                    self.escape(place, &mut value)?;
                }
                Some(c) => {
                    self.bump(c);
                    value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
        String::from_utf8(value)
            .map_err(|_| start.error("the string's escapes do not give valid UTF-8"))
    }

    /// An escape after its backslash (Go: string literals).
    fn escape(&mut self, place: Place, value: &mut Vec<u8>) -> Result<(), RuleError> {
        let wrong = || {
            place.error("unknown escape in a double-quoted string; expected one of Go's, or backquotes around a string with backslashes")
        };
        let c = self.peek().ok_or_else(wrong)?;
        if c == '\n' {
            return Err(wrong());
        }
        let plain = match c {
            'a' => Some(0x07),
            'b' => Some(0x08),
            'f' => Some(0x0C),
            'n' => Some(b'\n'),
            'r' => Some(b'\r'),
            't' => Some(b'\t'),
            'v' => Some(0x0B),
            '\\' => Some(b'\\'),
            '"' => Some(b'"'),
            _ => None,
        };
        if let Some(byte) = plain {
            self.bump(c);
            value.push(byte);
            return Ok(());
        }
        let (digits, radix) = match c {
            '0'..='7' => (3, 8),
            'x' => (2, 16),
            'u' => (4, 16),
            'U' => (8, 16),
            _ => return Err(wrong()),
        };
        if radix == 16 {
            self.bump(c);
        }
        let mut code: u32 = 0;
        for _ in 0..digits {
            let c = self.peek().ok_or_else(wrong)?;
            let digit = c.to_digit(radix).ok_or_else(wrong)?;
            self.bump(c);
            code = code
                .checked_mul(radix)
                .and_then(|code| code.checked_add(digit))
                .ok_or_else(wrong)?;
        }
        if digits <= 3 {
            value.push(u8::try_from(code).map_err(|_| wrong())?);
        } else {
            let c = char::from_u32(code).ok_or_else(wrong)?;
            value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        Ok(())
    }

    fn place(&self) -> Place {
        Place { line: self.line, column: self.at.saturating_sub(self.line_start) + 1 }
    }

    fn rest(&self) -> &'r str {
        self.rule.get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'r str {
        self.rule.get(start..self.at).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self, c: char) {
        self.at += c.len_utf8();
        if c == '\n' {
            self.line += 1;
            self.line_start = self.at;
        }
    }

    fn eat(&mut self, text: &str) -> bool {
        let eaten = self.rest().starts_with(text);
        if eaten {
            self.at += text.len();
        }
        eaten
    }
}
