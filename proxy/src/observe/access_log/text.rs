//! Writing text of clients into lines so that it can neither end one nor forge another.

use std::io::Write as _;

/// The longest value shown, in bytes; the rest is cut off.
const LONGEST: usize = 16 << 10;

fn bounded(text: &[u8]) -> &[u8] {
    text.get(..LONGEST).unwrap_or(text)
}

/// Writes text for a common-log-format line. Quotes and backslashes are escaped where `quoted`,
/// control characters and bytes that are no UTF-8 always (`\x1b`).
pub(super) fn clf(line: &mut Vec<u8>, text: &[u8], quoted: bool) {
    for chunk in bounded(text).utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' if quoted => line.extend([b'\\', c as u8]),
                // The second range has its own controls, and some terminals obey them.
                c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                    let mut bytes = [0; 4];
                    c.encode_utf8(&mut bytes).bytes().for_each(|byte| hex(line, byte));
                }
                c => {
                    let mut bytes = [0; 4];
                    line.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        chunk.invalid().iter().for_each(|byte| hex(line, *byte));
    }
}

fn hex(line: &mut Vec<u8>, byte: u8) {
    // Writing to memory cannot fail.
    let _ = write!(line, "\\x{byte:02x}");
}

/// Writes a JSON string, quotes included, as Go does: `&`, `<` and `>` escaped, bytes that are no
/// UTF-8 replaced.
pub(super) fn json(line: &mut Vec<u8>, text: &[u8]) {
    line.push(b'"');
    for chunk in bounded(text).utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => line.extend([b'\\', c as u8]),
                '\n' => line.extend_from_slice(b"\\n"),
                '\r' => line.extend_from_slice(b"\\r"),
                '\t' => line.extend_from_slice(b"\\t"),
                c if c.is_control() || matches!(c, '&' | '<' | '>' | '\u{2028}' | '\u{2029}') => {
                    let _ = write!(line, "\\u{:04x}", u32::from(c));
                }
                c => {
                    let mut bytes = [0; 4];
                    line.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        if !chunk.invalid().is_empty() {
            line.extend_from_slice(b"\\ufffd");
        }
    }
    line.push(b'"');
}

/// Writes a number.
pub(super) fn number(line: &mut Vec<u8>, number: impl std::fmt::Display) {
    let _ = write!(line, "{number}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn clf_text() {
        let table: &[(&[u8], bool, &str)] = &[
            (b"plain", true, "plain"),
            (b"cu\"rl\\[2J", true, "cu\\\"rl\\\\[2J"),
            (b"9.9.9.9, junk\"x", false, "9.9.9.9, junk\"x"),
            (b"a\nb\r\x1b[2J\x7f", false, "a\\x0ab\\x0d\\x1b[2J\\x7f"),
            ("réf\u{9b}\u{2028}".as_bytes(), true, "réf\\xc2\\x9b\\xe2\\x80\\xa8"),
            (b"\xff\xc3", true, "\\xff\\xc3"),
        ];
        for (text, quoted, expected) in table {
            let mut line = Vec::new();
            clf(&mut line, text, *quoted);
            assert_eq!(String::from_utf8_lossy(&line), *expected);
        }
    }

    #[test]
    fn long_values_are_cut() {
        let mut line = Vec::new();
        clf(&mut line, &vec![b'a'; 1 << 20], true);
        assert_eq!(line.len(), LONGEST);
    }

    proptest! {
        #[test]
        fn any_bytes_stay_on_their_line(text: Vec<u8>) {
            let mut line = Vec::new();
            clf(&mut line, &text, true);
            let shown = std::str::from_utf8(&line).unwrap();
            prop_assert!(!shown.chars().any(char::is_control));
            // Every quote is escaped by an odd number of backslashes.
            let escaped = shown.split('"').rev().skip(1).all(|part| {
                part.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
            });
            prop_assert!(escaped, "{}", shown);
        }

        #[test]
        fn json_parses_back(text: String) {
            let mut line = Vec::new();
            json(&mut line, text.as_bytes());
            let parsed: String = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(parsed, text);
        }

        #[test]
        fn json_of_any_bytes_parses(text: Vec<u8>) {
            let mut line = Vec::new();
            json(&mut line, &text);
            prop_assert!(serde_json::from_slice::<String>(&line).is_ok());
        }
    }
}
