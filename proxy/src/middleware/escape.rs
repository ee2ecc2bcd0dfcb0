//! Percent-escaping of URL parts by Go's rules, which decide what Traefik sends and redirects to.

/// A part of a URL; each has its own set of bytes that may stand bare (RFC 3986 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Path,
    Host,
    UserInfo,
    Fragment,
}

/// Whether Go writes the byte as `%XX` when it prints decoded text.
fn must_escape(byte: u8, part: Part) -> bool {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => false,
        b'$' | b'&' | b'+' | b',' | b';' | b'=' => false,
        b'/' | b':' | b'@' => match part {
            Part::Path | Part::Fragment => false,
            Part::Host => byte != b':',
            Part::UserInfo => true,
        },
        b'?' => part != Part::Fragment,
        b'!' | b'(' | b')' | b'*' => matches!(part, Part::Path | Part::UserInfo),
        b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => part != Part::Host,
        _ => true,
    }
}

/// Prints decoded text as this part of a URL.
pub(super) fn escape(decoded: &[u8], part: Part) -> Vec<u8> {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut printed = Vec::with_capacity(decoded.len());
    for &byte in decoded {
        if must_escape(byte, part) {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            printed.extend([b'%', HEX[high], HEX[low]]);
        } else {
            printed.push(byte);
        }
    }
    printed
}

/// Decodes every `%XX`. `None`: a `%` is not followed by two hex digits.
pub(super) fn unescape(escaped: &[u8]) -> Option<Vec<u8>> {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(escaped.len());
    let mut bytes = escaped.iter();
    while let Some(&byte) = bytes.next() {
        if byte == b'%' {
            let value = hex(bytes.next())? * 16 + hex(bytes.next())?;
            decoded.push(u8::try_from(value).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

/// Whether decoding and printing again gives the same text: it has one form only.
pub(super) fn is_plain(text: &[u8], part: Part) -> bool {
    text.iter().all(|byte| !must_escape(*byte, part))
}

/// Whether every byte may stand as it is in an escaped text that somebody else wrote; wider than
/// what [`escape`] leaves bare.
fn is_valid(escaped: &[u8], part: Part) -> bool {
    escaped.iter().all(|&byte| match byte {
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
        | b'@' | b'[' | b']' | b'%' => true,
        _ => !must_escape(byte, part),
    })
}

/// Prints a text known in both forms: as it was escaped if that is valid and still means the
/// decoded form, else by our own rules.
pub(super) fn print(decoded: &[u8], raw: Option<Vec<u8>>, part: Part) -> Vec<u8> {
    match raw {
        Some(raw) if is_valid(&raw, part) && unescape(&raw).as_deref() == Some(decoded) => raw,
        _ => escape(decoded, part),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_as_go() {
        let all = "azAZ09-_.~$&+,;=/:@?!()*'[]<>\"%# |é\u{0}";
        let table = [
            (
                Part::Path,
                "azAZ09-_.~$&+,;=/:@%3F%21%28%29%2A%27%5B%5D%3C%3E%22%25%23%20%7C%C3%A9%00",
            ),
            (Part::Host, "azAZ09-_.~$&+,;=%2F:%40%3F!()*'[]<>\"%25%23%20%7C%C3%A9%00"),
            (
                Part::UserInfo,
                "azAZ09-_.~$&+,;=%2F%3A%40%3F%21%28%29%2A%27%5B%5D%3C%3E%22%25%23%20%7C%C3%A9%00",
            ),
            (Part::Fragment, "azAZ09-_.~$&+,;=/:@?!()*%27%5B%5D%3C%3E%22%25%23%20%7C%C3%A9%00"),
        ];
        for (part, expected) in table {
            let printed = escape(all.as_bytes(), part);
            assert_eq!(String::from_utf8_lossy(&printed), expected, "{part:?}");
            assert_eq!(unescape(&printed).as_deref(), Some(all.as_bytes()), "{part:?}");
        }
    }

    #[test]
    fn refuses_broken_escapes() {
        for text in ["%", "%4", "%zz", "a%+1b", "%4g"] {
            assert_eq!(unescape(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn prints_the_form_that_still_fits() {
        let table = [
            ("/a/b", Some("/a%2Fb"), "/a%2Fb"),
            ("/a!b", Some("/a!b"), "/a!b"),
            ("/a!b", None, "/a%21b"),
            ("/a|b", Some("/a|b"), "/a%7Cb"),
            ("/c", Some("/a%2Fb"), "/c"),
            ("/a", Some("/a%"), "/a"),
        ];
        for (decoded, raw, expected) in table {
            let raw = raw.map(|raw| raw.as_bytes().to_vec());
            let printed = print(decoded.as_bytes(), raw, Part::Path);
            assert_eq!(String::from_utf8_lossy(&printed), expected, "{decoded}");
        }
    }
}
