//! Colours for people, and text that cannot paint by itself.

/// Paints, or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Whether a person looks.
    pub colour: bool,
}

impl Paint {
    /// What is well.
    pub fn good(self, text: &str) -> String {
        self.with("32", text)
    }

    /// What is not.
    pub fn bad(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What deserves a look.
    pub fn odd(self, text: &str) -> String {
        self.with("33", text)
    }

    /// What structures.
    pub fn strong(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What may be passed over.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        let text = clean(text);
        if self.colour && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text
        }
    }
}

/// Rules, labels and headers come from anywhere: no control character gets to the terminal.
pub fn clean(text: &str) -> String {
    let odd = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(odd) {
        return text.to_owned();
    }
    let mut cleaned = String::with_capacity(text.len());
    for c in text.chars() {
        if odd(c) {
            cleaned.extend(c.escape_default());
        } else {
            cleaned.push(c);
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_else_paints() {
        let plain = Paint::default();
        assert_eq!(plain.bad("a\u{1b}[31mb\nc\u{202e}"), "a\\u{1b}[31mb\\nc\\u{202e}");
        assert_eq!(Paint { colour: true }.good("a\tb"), "\u{1b}[32ma\\tb\u{1b}[0m");
        assert_eq!(clean("é ✓"), "é ✓");
    }
}
