//! One view: the canonical host, path and query that matching, middlewares and forwarding share.
//!
//! Computed once, before anything looks at a request; nothing is decoded twice afterwards
//! (reference: HTTP routing §4, §5, §13).

use std::borrow::Cow;
use std::net::Ipv6Addr;

/// The canonical host: port removed, brackets of IPv6 removed, trimmed, lower-cased. Borrows when
/// nothing changes.
///
/// Only ASCII is lower-cased: elsewhere Unicode would turn a Kelvin sign into `k`, and thus one
/// host into another.
pub fn host(as_sent: &str) -> Cow<'_, str> {
    let bare = without_port(as_sent).trim();
    if bare.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(bare.to_ascii_lowercase())
    } else {
        Cow::Borrowed(bare)
    }
}

/// The host as sent without its port; IPv6 keeps its brackets where there is none (Go's
/// `net.SplitHostPort`, by which templates of v2 rules see hosts).
pub fn split_port(as_sent: &str) -> &str {
    match as_sent.rsplit_once(':') {
        Some((bracketed, _)) if as_sent.starts_with('[') => match bracketed.strip_suffix(']') {
            Some(rest) => rest.get(1..).unwrap_or_default(),
            None => as_sent,
        },
        Some((name, _)) if !name.contains(':') => name,
        _ => as_sent,
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port` -> the host; what is none of these stays whole.
fn without_port(host: &str) -> &str {
    if let Some(inside) = host.strip_prefix('[') {
        return match inside.split_once(']') {
            // `[a.test]` is no other name of `a.test`, and a zone is no part of a host.
            Some((address, rest))
                if (rest.is_empty() || rest.starts_with(':'))
                    && address.parse::<Ipv6Addr>().is_ok() =>
            {
                address
            }
            _ => host,
        };
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        // No colon, or a bare IPv6 address.
        _ => host,
    }
}

/// Whether the path holds a `%` without two hexadecimal digits behind it. Such a request deserves
/// 400: everybody behind us would read it in his own way.
pub fn has_broken_escape(escaped: &str) -> bool {
    let mut rest = escaped.as_bytes();
    while let Some(at) = rest.iter().position(|b| *b == b'%') {
        rest = rest.get(at + 1..).unwrap_or_default();
        if escape(rest).is_none() {
            return true;
        }
    }
    false
}

/// Brings an escaped path to its canonical form: escapes of unreserved characters decoded, the
/// others in upper case, characters that are illegal in a path escaped; with `sanitize`, `//`,
/// `/./` and `/../` collapsed as well. `None`: it is canonical already. The query is never part
/// of it.
pub fn path(escaped: &str, sanitize: bool) -> Option<String> {
    let normal = normalise(escaped);
    let current = normal.as_deref().unwrap_or(escaped);
    if sanitize && let Some(clean) = clean(current) {
        return Some(clean);
    }
    normal
}

/// The two hexadecimal digits at the beginning, as a byte.
fn escape(text: &[u8]) -> Option<u8> {
    let digit = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16));
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Letters, digits and `-._~`: RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Reserved characters that a path may hold as they are, `/` included.
fn is_plain_reserved(byte: u8) -> bool {
    matches!(
        byte,
        b'/' | b'!'
            | b'$'
            | b'&'
            | b'\''
            | b'('
            | b')'
            | b'*'
            | b'+'
            | b','
            | b';'
            | b'='
            | b':'
            | b'@'
            | b'['
            | b']'
    )
}

fn normalise(escaped: &str) -> Option<String> {
    let bytes = escaped.as_bytes();
    let canonical = |at: usize, byte: u8| match byte {
        b'%' => {
            let rest = bytes.get(at + 1..).unwrap_or_default();
            let lower = rest.iter().take(2).any(u8::is_ascii_lowercase);
            // A broken escape is not ours to repair; the caller refuses it.
            escape(rest).is_none_or(|byte| !lower && !is_unreserved(byte))
        }
        byte => is_unreserved(byte) || is_plain_reserved(byte),
    };
    let first = bytes.iter().enumerate().find(|(at, byte)| !canonical(*at, **byte))?.0;
    let mut normal = String::with_capacity(bytes.len() + 8);
    // Everything before `first` is ASCII, hence a character boundary.
    normal.push_str(escaped.get(..first).unwrap_or_default());
    let mut at = first;
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        match byte {
            b'%' => match escape(bytes.get(at..).unwrap_or_default()) {
                Some(byte) => {
                    at += 2;
                    if is_unreserved(byte) {
                        normal.push(char::from(byte));
                    } else {
                        push_escape(&mut normal, byte);
                    }
                }
                None => normal.push('%'),
            },
            byte if is_unreserved(byte) || is_plain_reserved(byte) => normal.push(byte.into()),
            byte => push_escape(&mut normal, byte),
        }
    }
    Some(normal)
}

fn push_escape(text: &mut String, byte: u8) {
    const HEX: [u8; 16] = *b"0123456789ABCDEF";
    text.push('%');
    for digit in [byte >> 4, byte & 15] {
        text.push(HEX.get(usize::from(digit)).copied().unwrap_or(b'0').into());
    }
}

/// Collapses empty, `.` and `..` segments. A slash at the end stays, but none is added: `/a/.` is
/// `/a` (unlike RFC 3986 §5.2.4). `None`: nothing to do.
fn clean(path: &str) -> Option<String> {
    if path == "*" {
        return None;
    }
    let (rooted, rest) = match path.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (false, path),
    };
    let last_empty = rest.is_empty() || rest.ends_with('/');
    let inner = rest.strip_suffix('/').unwrap_or(rest);
    let odd = |segment: &str| matches!(segment, "" | "." | "..");
    let is_clean = rest.is_empty() || !inner.split('/').any(odd);
    if rooted && is_clean {
        return None;
    }
    let mut clean = String::with_capacity(path.len() + 1);
    for segment in rest.split('/') {
        match segment {
            "" | "." => {}
            ".." => clean.truncate(clean.rfind('/').unwrap_or_default()),
            segment => {
                clean.push('/');
                clean.push_str(segment);
            }
        }
    }
    if clean.is_empty() || last_empty {
        clean.push('/');
    }
    Some(clean)
}

/// What path matchers see: every escape decoded but those of reserved characters and `%`. Borrows
/// when there is no escape.
pub fn routing_path(canonical: &str) -> Cow<'_, [u8]> {
    let bytes = canonical.as_bytes();
    if !bytes.contains(&b'%') {
        return Cow::Borrowed(bytes);
    }
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at).copied() {
        at += 1;
        if byte == b'%'
            && let Some(byte) = escape(bytes.get(at..).unwrap_or_default())
            && !keeps_escape(byte)
        {
            decoded.push(byte);
            at += 2;
        } else {
            decoded.push(byte);
        }
    }
    Cow::Owned(decoded)
}

/// Whether an escape of this byte means something else than the byte.
fn keeps_escape(byte: u8) -> bool {
    is_plain_reserved(byte) || matches!(byte, b'?' | b'#' | b'%')
}

/// Deals with the semicolons of a query: each becomes `&`, or `%3B` with `encode`. `None`: there
/// are none.
pub fn query(raw: &str, encode: bool) -> Option<String> {
    raw.contains(';').then(|| raw.replace(';', if encode { "%3B" } else { "&" }))
}

#[cfg(test)]
mod tests;
