//! The reading of one Go pattern: token by token, without recursion, printing Rust's form.
//!
//! Groups, flags and repeats are here; [`super::escape`] and [`super::class`] read the rest.

use super::escape::push_literal;

/// What is wrong and the offending part of the pattern.
pub(super) type Wrong = (&'static str, String);

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
    pub(super) pattern: &'p str,
    /// Where the reading is.
    pub(super) at: usize,
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

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn rest(&self) -> &'p str {
        self.pattern.get(self.at..).unwrap_or_default()
    }

    /// The pattern from `start` to here.
    pub(super) fn since(&self, start: usize) -> String {
        self.pattern.get(start..self.at).unwrap_or_default().to_owned()
    }

    pub(super) fn emit(&mut self, text: &str) {
        self.out.push_str(text);
        self.atom = Some(Atom { end: self.out.len(), product: 1 });
    }

    pub(super) fn literal(&mut self, c: char) {
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
pub(super) fn shortened(part: &str) -> String {
    match part.char_indices().nth(100) {
        Some((end, _)) => format!("{}...", part.get(..end).unwrap_or_default()),
        None => part.to_owned(),
    }
}
