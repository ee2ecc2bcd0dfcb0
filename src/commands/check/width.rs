//! How many columns of a terminal a text takes: letters of East Asia take two, marks none (Unicode
//! Standard Annex 11, in its main ranges).

/// Columns of a letter.
pub fn of(letter: char) -> usize {
    match u32::from(letter) {
        0x300..=0x36f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1f6ff
        | 0x1f900..=0x1f9ff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Columns of a text.
pub fn of_text(text: &str) -> usize {
    text.chars().map(of).sum()
}

/// The text, or its beginning and a mark where it takes more columns.
pub fn shorten(text: &str, width: usize) -> String {
    if of_text(text) <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut columns = 1_usize;
    for letter in text.chars() {
        columns = columns.saturating_add(of(letter));
        if columns > width {
            break;
        }
        cut.push(letter);
    }
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths() {
        for (text, width, short) in [
            ("abc", 3, "abc"),
            ("日本語", 6, "日本…"),
            ("e\u{301}a", 2, "e\u{301}a"),
            ("😀x", 3, "😀x"),
            ("", 0, ""),
        ] {
            assert_eq!(of_text(text), width, "{text}");
            assert_eq!(shorten(text, 5), short, "{text}");
        }
        assert_eq!(shorten("abcdef", 0), "…");
    }
}
