//! Text of outsiders inside messages: quoted, and never longer than a person reads.

/// Cuts a text to about `most` bytes.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let head = (0..=most).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    format!("{head}...")
}

/// Quotes a text, shortened.
pub(crate) fn quote(text: &str) -> String {
    format!("{:?}", shorten(text, 120))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_on_a_character() {
        assert_eq!(shorten("abc", 3), "abc");
        assert_eq!(shorten("abcd", 3), "abc...");
        assert_eq!(shorten("aé", 2), "a...");
        assert_eq!(quote("a\"b\n"), r#""a\"b\n""#);
        assert!(quote(&"x".repeat(1 << 20)).len() < 200);
    }
}
