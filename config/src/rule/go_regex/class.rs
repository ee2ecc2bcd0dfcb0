//! Character classes of Go patterns: `[...]`, `\d`, `\pL`; ASCII but for the last.

use super::escape::push_literal;
use super::translator::{Translator, Wrong, shortened};

const RANGE: &str = "invalid character class range";

impl Translator<'_> {
    pub(super) fn class(&mut self) -> Result<(), Wrong> {
        let start = self.at;
        self.at += 1;
        let mut class = String::from("[");
        if self.peek() == Some('^') {
            self.at += 1;
            class.push('^');
        }
        let mut first = true;
        loop {
            let rest = self.rest();
            if rest.starts_with(']') && !first {
                self.at += 1;
                break;
            }
            first = false;
            if let Some(inside) = rest.strip_prefix("[:")
                && let Some(end) = inside.find(":]")
            {
                let name = inside.get(..end).unwrap_or_default();
                self.at += end + 4;
                if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return Err((RANGE, format!("[:{name}:]")));
                }
                class.push_str(&format!("[:{name}:]"));
                continue;
            }
            if self.class_escape_here(&mut class)? {
                continue;
            }
            let range_start = self.at;
            let low = self.class_char(start)?;
            let mut high = low;
            let rest = self.rest();
            if rest.starts_with('-') && rest.len() >= 2 && !rest.starts_with("-]") {
                self.at += 1;
                high = self.class_char(start)?;
                if high < low {
                    return Err((RANGE, self.since(range_start)));
                }
            }
            push_literal(&mut class, low);
            if high != low {
                class.push('-');
                push_literal(&mut class, high);
            }
        }
        class.push(']');
        self.emit(&class);
        Ok(())
    }

    pub(super) fn class_escape_here(&mut self, class: &mut String) -> Result<bool, Wrong> {
        if self.rest().starts_with('\\') { self.class_escape(class) } else { Ok(false) }
    }

    pub(super) fn class_char(&mut self, class_start: usize) -> Result<char, Wrong> {
        match self.peek() {
            None => Err((
                "missing closing ]",
                shortened(self.pattern.get(class_start..).unwrap_or_default()),
            )),
            Some('\\') => self.escaped_char(),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(c)
            }
        }
    }

    /// `\d`, `\pL` and the like: prints the inside of a class. False: it is none of them.
    pub(super) fn class_escape(&mut self, class: &mut String) -> Result<bool, Wrong> {
        let rest = self.rest();
        let inside = match rest.as_bytes().get(1) {
            Some(b'd') => "0-9",
            Some(b'D') => "[^0-9]",
            Some(b's') => "\\t\\n\\x0C\\r\\x20",
            Some(b'S') => "[^\\t\\n\\x0C\\r\\x20]",
            Some(b'w') => "0-9A-Za-z_",
            Some(b'W') => "[^0-9A-Za-z_]",
            Some(b'p' | b'P') => return self.unicode_class(class).map(|()| true),
            _ => return Ok(false),
        };
        class.push_str(inside);
        self.at += 2;
        Ok(true)
    }

    pub(super) fn unicode_class(&mut self, class: &mut String) -> Result<(), Wrong> {
        let start = self.at;
        let mut negated = self.rest().starts_with("\\P");
        self.at += 2;
        let mut name = match self.peek() {
            Some('{') => {
                let rest = self.rest();
                let Some(end) = rest.find('}') else {
                    self.at = self.pattern.len();
                    return Err((RANGE, shortened(&self.since(start))));
                };
                self.at += end + 1;
                rest.get(1..end).unwrap_or_default()
            }
            Some(c) => {
                let name = self.rest().get(..c.len_utf8()).unwrap_or_default();
                self.at += c.len_utf8();
                name
            }
            None => "",
        };
        if let Some(stripped) = name.strip_prefix('^') {
            negated = !negated;
            name = stripped;
        }
        // Go compares names loosely and knows general categories and scripts, nothing else.
        let name: String = name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect();
        let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric());
        let letter = if negated { 'P' } else { 'p' };
        let property = ["gc", "sc"]
            .map(|kind| format!("\\{letter}{{{kind}={name}}}"))
            .into_iter()
            .find(|property| plain && regex::Regex::new(property).is_ok());
        let Some(property) = property else {
            return Err((RANGE, shortened(&self.since(start))));
        };
        class.push_str(&property);
        Ok(())
    }
}

/// The names between `[:` and `:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];
