//! The reading of one Go pattern: token by token, without recursion, printing Rust's form.

/// What is wrong and the offending part of the pattern.
type Wrong = (&'static str, String);

const ESCAPE: &str = "invalid escape sequence";
const RANGE: &str = "invalid character class range";
const PERL: &str = "invalid or unsupported Perl syntax";
const REPEAT_SIZE: &str = "invalid repeat count";

/// Go's bound on a repeat count and on the product of nested ones.
const REPEAT_LIMIT: u32 = 1000;

/// Deeper groups are refused here (Go: 1000), so that nothing after this sees them.
const DEPTH_LIMIT: usize = 200;

/// An open group.
struct Group {
    /// `U` outside it.
    ungreedy: bool,
    /// The largest product of repeats so far in the group around it.
    product: u32,
}

/// What a repetition operator would apply to.
#[derive(Clone, Copy)]
struct Atom {
    /// Where it ends in the output.
    end: usize,
    /// The largest product of nested repeats in it.
    product: u32,
}

pub(super) struct Translator<'p> {
    pattern: &'p str,
    at: usize,
    out: String,
    groups: Vec<Group>,
    atom: Option<Atom>,
    /// Where the operator that was just read begins, for stacked operators.
    operator: Option<usize>,
    ungreedy: bool,
    /// The largest product of repeats in the group being read.
    product: u32,
    names: Vec<&'p str>,
}

impl<'p> Translator<'p> {
    pub(super) fn new(pattern: &'p str) -> Self {
        Self {
            pattern,
            at: 0,
            out: String::with_capacity(pattern.len() + 16),
            groups: Vec::new(),
            atom: None,
            operator: None,
            ungreedy: false,
            product: 1,
            names: Vec::new(),
        }
    }

    pub(super) fn translate(mut self) -> Result<String, Wrong> {
        while let Some(c) = self.peek() {
            let operator = self.operator.take();
            match c {
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    self.atom = None;
                }
                '*' | '+' | '?' => {
                    let start = self.at;
                    self.at += 1;
                    self.repeat(start, operator, c.encode_utf8(&mut [0; 4]), None)?;
                }
                '{' => self.braces(operator)?,
                '[' => self.class()?,
                '^' | '$' => {
                    self.at += 1;
                    // Wrapped, because Go repeats assertions freely.
                    self.emit(&format!("(?:{c})"));
                }
                '.' => {
                    self.at += 1;
                    self.emit(".");
                }
                '\\' => self.escape()?,
                _ => {
                    self.at += c.len_utf8();
                    self.literal(c);
                }
            }
        }
        match self.groups.first() {
            Some(_) => Err(("missing closing )", self.pattern.to_owned())),
            None => Ok(self.out),
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'p str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    /// The pattern from `start` to here.
    fn since(&self, start: usize) -> String {
        self.pattern.get(start..self.at).unwrap_or_default().to_owned()
    }

    fn emit(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = Some(Atom { end: self.out.len(), product: 1 });
    }

    fn literal(&mut self, c: char) {
        push_literal(&mut self.out, c);
        self.atom = Some(Atom { end: self.out.len(), product: 1 });
    }

    fn open(&mut self) -> Result<(), Wrong> {
        let start = self.at;
        if self.groups.len() >= DEPTH_LIMIT {
            return Err(("expression nests too deeply", shortened(self.pattern)));
        }
        let group = Group { ungreedy: self.ungreedy, product: self.product };
        self.at += 1;
        if self.rest().starts_with("?P<") || self.rest().starts_with("?<") {
            let name = self.group_name(start)?;
            let first = name.chars().next().unwrap_or_default();
            if first.is_ascii_digit() || self.names.contains(&name) {
                self.out.push('(');
            } else {
                self.names.push(name);
                self.out.push_str("(?P<");
                self.out.push_str(name);
                self.out.push('>');
            }
        } else if self.rest().starts_with('?') {
            self.at += 1;
            if !self.flags(start)? {
                // A directive such as `(?i)`: no group, and the atom before it stays repeatable.
                return Ok(());
            }
        } else {
            self.out.push('(');
        }
        self.groups.push(group);
        self.product = 1;
        self.atom = None;
        Ok(())
    }

    fn group_name(&mut self, start: usize) -> Result<&'p str, Wrong> {
        const WRONG: &str = "invalid named capture";
        let rest = self.rest();
        let name_at = rest.find('<').map_or(0, |at| at + 1);
        let Some(end) = rest.find('>') else {
            return Err((WRONG, shortened(self.pattern.get(start..).unwrap_or_default())));
        };
        let name = rest.get(name_at..end).unwrap_or_default();
        self.at += end + 1;
        if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
            return Err((WRONG, self.since(start)));
        }
        Ok(name)
    }

    /// Reads `flags:` or `flags)`. True: a group was opened.
    fn flags(&mut self, start: usize) -> Result<bool, Wrong> {
        let mut set = [None; 3];
        let mut ungreedy = self.ungreedy;
        let (mut on, mut seen) = (true, false);
        loop {
            let Some(c) = self.peek() else {
                return Err(("missing closing )", self.pattern.to_owned()));
            };
            self.at += c.len_utf8();
            match c {
                'i' | 'm' | 's' | 'U' => {
                    seen = true;
                    match c {
                        'i' => set[0] = Some(on),
                        'm' => set[1] = Some(on),
                        's' => set[2] = Some(on),
                        _ => ungreedy = on,
                    }
                }
                '-' if on => (on, seen) = (false, false),
                ':' | ')' if on || seen => {
                    let group = c == ':';
                    let mut positive = String::new();
                    let mut negative = String::new();
                    for (flag, set) in ['i', 'm', 's'].into_iter().zip(set) {
                        match set {
                            Some(true) => positive.push(flag),
                            Some(false) => negative.push(flag),
                            None => {}
                        }
                    }
                    let dash = if negative.is_empty() { "" } else { "-" };
                    let any = !(positive.is_empty() && negative.is_empty());
                    if group {
                        self.out.push_str(&format!("(?{positive}{dash}{negative}:"));
                    } else if any {
                        self.out.push_str(&format!("(?{positive}{dash}{negative})"));
                    }
                    self.ungreedy = ungreedy;
                    return Ok(group);
                }
                _ => return Err((PERL, self.since(start))),
            }
        }
    }

    fn close(&mut self) -> Result<(), Wrong> {
        let Some(group) = self.groups.pop() else {
            return Err(("unexpected )", self.pattern.to_owned()));
        };
        self.at += 1;
        self.out.push(')');
        self.atom = Some(Atom { end: self.out.len(), product: self.product });
        self.product = self.product.max(group.product);
        self.ungreedy = group.ungreedy;
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}`; anything else is literal text.
    fn braces(&mut self, operator: Option<usize>) -> Result<(), Wrong> {
        let start = self.at;
        let Some((min, max, length)) = parse_repeat(self.rest()) else {
            self.at += 1;
            self.literal('{');
            return Ok(());
        };
        self.at += length;
        let bad = |n: Option<u32>| n.is_none_or(|n| n > REPEAT_LIMIT);
        if bad(min) || max.is_some_and(bad) {
            return Err((REPEAT_SIZE, self.since(start)));
        }
        let min = min.unwrap_or_default();
        let max = max.flatten();
        if max.is_some_and(|max| max < min) {
            return Err((REPEAT_SIZE, self.since(start)));
        }
        let text = match max {
            Some(max) if max == min => format!("{{{min}}}"),
            Some(max) => format!("{{{min},{max}}}"),
            None => format!("{{{min},}}"),
        };
        self.repeat(start, operator, &text, Some(max.unwrap_or(min)))
    }

    /// Applies an operator to the last atom; `count` is a counted repeat's larger number.
    fn repeat(
        &mut self,
        start: usize,
        before: Option<usize>,
        text: &str,
        count: Option<u32>,
    ) -> Result<(), Wrong> {
        let end_of_operator = self.at;
        let lazy = self.rest().starts_with('?');
        if lazy {
            self.at += 1;
        }
        if let Some(before) = before {
            return Err(("invalid nested repetition operator", self.since(before)));
        }
        let Some(mut atom) = self.atom else {
            let operator = self.pattern.get(start..end_of_operator).unwrap_or_default();
            return Err(("missing argument to repetition operator", operator.to_owned()));
        };
        if let Some(count) = count {
            let product = atom.product.saturating_mul(count.max(1));
            if count >= 2 && product > REPEAT_LIMIT {
                self.at = end_of_operator;
                return Err((REPEAT_SIZE, self.since(start)));
            }
            atom.product = product;
        }
        let lazy = if lazy != self.ungreedy { "?" } else { "" };
        // The atom may have been followed by a flag directive, hence not a plain push.
        let operator = format!("{text}{lazy}");
        self.out.insert_str(atom.end, &operator);
        atom.end += operator.len();
        self.product = self.product.max(atom.product);
        self.atom = Some(atom);
        self.operator = Some(start);
        Ok(())
    }

    /// A backslash outside a class.
    fn escape(&mut self) -> Result<(), Wrong> {
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

    /// `\d`, `\pL` and the like: prints the inside of a class. False: it is none of them.
    fn class_escape(&mut self, class: &mut String) -> Result<bool, Wrong> {
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

    fn unicode_class(&mut self, class: &mut String) -> Result<(), Wrong> {
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
        let plain =
            !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let property = format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' });
        if !plain || regex::Regex::new(&property).is_err() {
            return Err((RANGE, shortened(&self.since(start))));
        }
        class.push_str(&property);
        Ok(())
    }

    /// An escape that stands for one character.
    fn escaped_char(&mut self) -> Result<char, Wrong> {
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
    fn hexadecimal(&mut self) -> Option<u32> {
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

    fn class(&mut self) -> Result<(), Wrong> {
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

    fn class_escape_here(&mut self, class: &mut String) -> Result<bool, Wrong> {
        if self.rest().starts_with('\\') { self.class_escape(class) } else { Ok(false) }
    }

    fn class_char(&mut self, class_start: usize) -> Result<char, Wrong> {
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
}

/// The names between `[:` and `:]`.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Prints a character so that it stands for itself, inside and outside classes.
fn push_literal(out: &mut String, c: char) {
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

/// Lower bound, upper bound, length of `{n}`, `{n,}` or `{n,m}`. An inner `None` is a number too
/// large to read; an outer `None` of the upper bound means there is none.
#[allow(clippy::type_complexity)]
fn parse_repeat(text: &str) -> Option<(Option<u32>, Option<Option<u32>>, usize)> {
    let inside = text.strip_prefix('{')?;
    let inside = inside.get(..inside.find('}')?)?;
    // Go takes no leading zero as a number.
    let number = |text: &str| -> Option<Option<u32>> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let plain = digits && (text.len() == 1 || !text.starts_with('0'));
        plain.then(|| text.parse().ok())
    };
    let length = inside.len() + 2;
    match inside.split_once(',') {
        None => number(inside).map(|n| (n, Some(n), length)),
        Some((min, "")) => number(min).map(|min| (min, None, length)),
        Some((min, max)) => Some((number(min)?, Some(number(max)?), length)),
    }
}

/// The beginning of a long part, for messages.
fn shortened(part: &str) -> String {
    match part.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", part.get(..end).unwrap_or_default()),
        None => part.to_owned(),
    }
}
