//! The values of a query parameter, as Go's `url.ParseQuery` reads them.

/// The undecoded values of all parameters named `key`. A pair with a broken escape, or with a
/// semicolon, is dropped; the others still count.
pub(super) fn values<'q>(query: Option<&'q str>, key: &'q [u8]) -> impl Iterator<Item = &'q [u8]> {
    query
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty() && is_sound(pair.as_bytes()))
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(move |(name, _)| equals(name.as_bytes(), key))
        .map(|(_, value)| value.as_bytes())
}

/// Whether the encoded text stands for `plain`; decodes on the way, without a copy.
pub(super) fn equals(encoded: &[u8], plain: &[u8]) -> bool {
    decoded(encoded).eq(plain.iter().copied())
}

pub(super) fn decode(encoded: &[u8]) -> Vec<u8> {
    decoded(encoded).collect()
}

fn decoded(encoded: &[u8]) -> impl Iterator<Item = u8> {
    let mut rest = encoded.iter();
    std::iter::from_fn(move || {
        Some(match *rest.next()? {
            b'+' => b' ',
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(*b).to_digit(16));
                // Pairs with broken escapes were dropped before.
                let code = digit()? * 16 + digit()?;
                u8::try_from(code).ok()?
            }
            byte => byte,
        })
    })
}

fn is_sound(pair: &[u8]) -> bool {
    let mut rest = pair.iter();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().is_some_and(u8::is_ascii_hexdigit);
        match byte {
            b';' => return false,
            b'%' if !(digit() && digit()) => return false,
            _ => {}
        }
    }
    true
}
