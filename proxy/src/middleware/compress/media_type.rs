//! A `Content-Type` as Go's `mime.ParseMediaType` reads it.

use std::borrow::Cow;

/// More make no sense: each is compared with all before it, and clients send what they like.
const MOST_PARAMETERS: usize = 64;

/// `text/html` of `Text/HTML; charset=utf-8`, and whether the parameters make sense, too; `None`:
/// there is no type.
pub(super) fn parse(value: &[u8]) -> Option<(Cow<'_, str>, bool)> {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let (name, mut rest) = value.split_at_checked(end)?;
    let name = name.trim_ascii();
    let (first, behind) = token(name);
    let subtype = match behind.split_first() {
        None => None,
        Some((b'/', behind)) => Some(token(behind)),
        Some(_) => return None,
    };
    if first.is_empty()
        || subtype.is_some_and(|(subtype, behind)| subtype.is_empty() || !behind.is_empty())
    {
        return None;
    }
    let name = std::str::from_utf8(name).ok()?;
    let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    let mut known: Vec<(&[u8], Cow<'_, [u8]>)> = Vec::new();
    loop {
        if known.len() > MOST_PARAMETERS {
            return Some((name, false));
        }
        rest = rest.trim_ascii_start();
        if rest.is_empty() || rest.trim_ascii() == b";" {
            return Some((name, true));
        }
        let Some((key, text, behind)) = parameter(rest) else { return Some((name, false)) };
        match known.iter().find(|(other, _)| other.eq_ignore_ascii_case(key)) {
            Some((_, other)) if *other != text => return None,
            Some(_) => {}
            None => known.push((key, text)),
        }
        rest = behind;
    }
}

/// A parameter's name and value, and what follows it.
type Parameter<'a> = (&'a [u8], Cow<'a, [u8]>, &'a [u8]);

/// The `; charset=utf-8` that the text begins with.
fn parameter(text: &[u8]) -> Option<Parameter<'_>> {
    let text = text.strip_prefix(b";")?.trim_ascii_start();
    let (key, text) = token(text);
    if key.is_empty() {
        return None;
    }
    let text = text.trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    if let Some(quoted) = text.strip_prefix(b"\"") {
        let (value, rest) = unquote(quoted)?;
        return Some((key, Cow::Owned(value), rest));
    }
    let (value, rest) = token(text);
    (!value.is_empty()).then_some((key, Cow::Borrowed(value), rest))
}

/// What stands before the closing quote, and what follows it. Only special characters are escaped:
/// browsers wrote paths with backslashes once.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = text;
    loop {
        match rest {
            [b'"', behind @ ..] => return Some((value, behind)),
            [b'\\', escaped, behind @ ..] if is_special(*escaped) => {
                value.push(*escaped);
                rest = behind;
            }
            [] | [b'\r' | b'\n', ..] => return None,
            [byte, behind @ ..] => {
                value.push(*byte);
                rest = behind;
            }
        }
    }
}

fn token(text: &[u8]) -> (&[u8], &[u8]) {
    let is_token = |byte: &u8| byte.is_ascii_graphic() && !is_special(*byte);
    let end = text.iter().position(|byte| !is_token(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, b""))
}

fn is_special(byte: u8) -> bool {
    b"()<>@,;:\\\"/[]?=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_without_end() {
        let with = |count: usize| {
            let parameters = (0..count).map(|number| format!(";p{number}=v"));
            format!("text/html{}", parameters.collect::<String>())
        };
        for (count, sense) in [(1, true), (MOST_PARAMETERS, true), (100_000, false)] {
            let text = with(count);
            let (name, makes_sense) = parse(text.as_bytes()).unwrap();
            assert_eq!((&*name, makes_sense), ("text/html", sense), "{count}");
        }
    }

    #[test]
    fn as_go_reads_them() {
        let table: &[(&str, Option<(&str, bool)>)] = &[
            ("text/html", Some(("text/html", true))),
            (" Text/HTML ; Charset=UTF-8", Some(("text/html", true))),
            ("text", Some(("text", true))),
            ("text/*", Some(("text/*", true))),
            ("*", Some(("*", true))),
            ("", None),
            (";", None),
            ("; charset=utf-8", None),
            ("/html", None),
            ("text/", None),
            ("text/html/x", None),
            ("text html", None),
            ("text/html, text/plain", None),
            ("text/é", None),
            ("text/html;", Some(("text/html", true))),
            ("text/html ; ", Some(("text/html", true))),
            ("text/html;;", Some(("text/html", false))),
            ("text/html; charset", Some(("text/html", false))),
            ("text/html; charset=", Some(("text/html", false))),
            ("text/html; charset=\"\"", Some(("text/html", true))),
            ("text/html; charset = utf-8 ; a=b", Some(("text/html", true))),
            ("text/html; charset=utf-8 x", Some(("text/html", false))),
            ("text/html; =utf-8", Some(("text/html", false))),
            ("text/html; a=\"b;c\\\"\\d\"; e=f", Some(("text/html", true))),
            ("text/html; a=\"b", Some(("text/html", false))),
            ("text/html; a=b; A=b", Some(("text/html", true))),
            ("text/html; a=b; a=\"b\"", Some(("text/html", true))),
            ("text/html; a=b; A=c", None),
        ];
        for (value, expected) in table {
            let parsed = parse(value.as_bytes());
            let parsed = parsed.as_ref().map(|(name, fine)| (&**name, *fine));
            assert_eq!(parsed, *expected, "{value:?}");
        }
    }
}
