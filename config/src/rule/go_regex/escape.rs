//! Backslashes of Go patterns outside of classes, and characters printed so that they mean
//! themselves.

use super::translator::{Translator, Wrong};

const ESCAPE: &str = "invalid escape sequence";

impl Translator<'_> {
    /// A backslash outside a class.
    pub(super) fn escape(&mut self) -> Result<(), Wrong> {
        let rest = self.rest();
        if let Some(quoted) = rest.strip_prefix("\\Q") {
            let (literal, length) = match quoted.find("\\E") {
                Some(end) => (quoted.get(..end).unwrap_or_default(), end + 4),
                None => (quoted, rest.len()),
            };
            self.at += length;
            for c in literal.chars() {
                self.literal(c);
            }
            return Ok(());
        }
        let assertion = match rest.as_bytes().get(1) {
            Some(b'A') => Some("(?:\\A)"),
            Some(b'z') => Some("(?:\\z)"),
            Some(b'b') => Some("(?-u:\\b)"),
            Some(b'B') => Some("(?-u:\\B)"),
            _ => None,
        };
        if let Some(assertion) = assertion {
            self.at += 2;
            self.emit(assertion);
            return Ok(());
        }
        let mut class = String::new();
        if self.class_escape(&mut class)? {
            self.emit(&format!("[{class}]"));
            return Ok(());
        }
        let c = self.escaped_char()?;
        self.literal(c);
        Ok(())
    }

    /// An escape that stands for one character.
    pub(super) fn escaped_char(&mut self) -> Result<char, Wrong> {
        let start = self.at;
        self.at += 1;
        let Some(c) = self.peek() else {
            return Err(("trailing backslash at end of expression", String::new()));
        };
        self.at += c.len_utf8();
        let octal = |c: Option<char>| c.filter(|c| matches!(c, '0'..='7'));
        let code = match c {
            '1'..='7' if octal(self.peek()).is_none() => None,
            '0'..='7' => {
                let mut code = u32::from(c) - u32::from('0');
                for _ in 0..2 {
                    let Some(digit) = octal(self.peek()).and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    self.at += 1;
                }
                Some(code)
            }
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0C),
            'n' => Some(0x0A),
            'r' => Some(0x0D),
            't' => Some(0x09),
            'v' => Some(0x0B),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code.and_then(char::from_u32).ok_or_else(|| (ESCAPE, self.since(start)))
    }

    /// After `\x`: two digits, or any number in braces. On `None`, `at` is behind what was wrong.
    pub(super) fn hexadecimal(&mut self) -> Option<u32> {
        let mut code: u32 = 0;
        if self.peek() != Some('{') {
            for _ in 0..2 {
                let c = self.peek()?;
                self.at += c.len_utf8();
                code = code * 16 + c.to_digit(16)?;
            }
            return Some(code);
        }
        self.at += 1;
        let mut digits = 0;
        loop {
            let c = self.peek()?;
            self.at += c.len_utf8();
            if c == '}' {
                return (digits > 0).then_some(code);
            }
            code = code * 16 + c.to_digit(16)?;
            digits += 1;
            if code > u32::from(char::MAX) {
                return None;
            }
        }
    }
}

/// Prints a character so that it stands for itself, inside and outside classes.
pub(super) fn push_literal(out: &mut String, c: char) {
    match c {
        c if c.is_ascii_alphanumeric() || !c.is_ascii() || c == '_' => out.push(c),
        ' ' | '/' | ':' | '<' | '>' | ',' | '=' | '"' | '\'' | '@' | '%' | '!' | ';' | '`' => {
            out.push(c);
        }
        c if c.is_ascii_punctuation() => {
            out.push('\\');
            out.push(c);
        }
        c => out.push_str(&format!("\\x{:02X}", u32::from(c))),
    }
}
