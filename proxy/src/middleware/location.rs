//! Redirect targets: read as a URL and printed again, so that a `Location` is always well formed.
//!
//! The rules are those of Go's `net/url`, because they decide which targets Traefik redirects to
//! and which it answers with 502.

use super::escape::{Part, escape, print, unescape};

/// Reads a URL reference and prints it in its normal form: scheme in lower case, what is illegal
/// in user info, host, path and fragment escaped, the query as it is. `None`: it is none.
pub(super) fn normalize(url: &[u8]) -> Option<Vec<u8>> {
    let (url, fragment) = cut(url, b'#');
    if url.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return None;
    }
    let (scheme, rest) = scheme(url)?;
    let (rest, query) = cut(rest, b'?');
    let mut printed = Vec::with_capacity(url.len() + 16);
    if let Some(scheme) = scheme {
        printed.extend(scheme.to_ascii_lowercase());
        printed.push(b':');
    }
    if scheme.is_some() && !rest.starts_with(b"/") {
        // `mailto:a@b`: nothing in it is ours to read.
        printed.extend_from_slice(rest);
    } else {
        let double = rest.strip_prefix(b"//");
        let (authority, path) = match double {
            Some(rest) if scheme.is_some() || !rest.starts_with(b"/") => {
                let slash = rest.iter().position(|byte| *byte == b'/').unwrap_or(rest.len());
                let (authority, path) = rest.split_at_checked(slash)?;
                (Some(authority), path)
            }
            _ => (None, rest),
        };
        if scheme.is_none() && authority.is_none() && !rest.starts_with(b"/") {
            // `a:b/c` would be read back as a scheme.
            let (segment, _) = cut(rest, b'/');
            if segment.contains(&b':') {
                return None;
            }
        }
        let raw = path.to_vec();
        let path = print(&unescape(path)?, Some(raw), Part::Path);
        if let Some(authority) = authority {
            let authority = self::authority(authority)?;
            if !authority.is_empty() || !path.is_empty() {
                printed.extend_from_slice(b"//");
            }
            printed.extend(authority);
        }
        printed.extend(path);
    }
    if let Some(query) = query {
        printed.push(b'?');
        printed.extend_from_slice(query);
    }
    if let Some(fragment) = fragment.filter(|fragment| !fragment.is_empty()) {
        printed.push(b'#');
        printed.extend(print(&unescape(fragment)?, Some(fragment.to_vec()), Part::Fragment));
    }
    Some(printed)
}

/// The scheme, if there is one, and what follows. `None`: a colon without a scheme.
fn scheme(url: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    for (at, byte) in url.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return None,
            b':' => {
                let (scheme, rest) = url.split_at_checked(at)?;
                return Some((Some(scheme), rest.get(1..)?));
            }
            _ => break,
        }
    }
    Some((None, url))
}

/// `[user[:password]@]host[:port]`, normal.
fn authority(authority: &[u8]) -> Option<Vec<u8>> {
    let mut printed = Vec::with_capacity(authority.len());
    let host = match authority.iter().rposition(|byte| *byte == b'@') {
        Some(at) => {
            let (user, host) = authority.split_at_checked(at)?;
            let allowed =
                |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
            if !user.iter().all(allowed) {
                return None;
            }
            let (name, password) = cut(user, b':');
            printed.extend(escape(&unescape(name)?, Part::UserInfo));
            if let Some(password) = password {
                printed.push(b':');
                printed.extend(escape(&unescape(password)?, Part::UserInfo));
            }
            printed.push(b'@');
            host.get(1..)?
        }
        None => authority,
    };
    printed.extend(self::host(host)?);
    Some(printed)
}

/// `host[:port]`, normal: a bracketed IPv6 address, or a name in which only bytes beyond ASCII
/// may be escaped.
fn host(host: &[u8]) -> Option<Vec<u8>> {
    let name = if host.starts_with(b"[") {
        let end = host.iter().rposition(|byte| *byte == b']')?;
        if !is_port(host.get(end + 1..)?) {
            return None;
        }
        let inner = std::str::from_utf8(host.get(1..end)?).ok()?;
        let (address, zone) = match inner.split_once("%25") {
            Some((address, zone)) => (address, Some(zone)),
            None => (inner, None),
        };
        address.parse::<std::net::Ipv6Addr>().ok()?;
        if let Some(zone) = zone {
            let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
            return (!zone.is_empty() && zone.bytes().all(allowed)).then(|| host.to_vec());
        }
        return Some(host.to_vec());
    } else {
        let (name, port) = match host.iter().position(|byte| *byte == b':') {
            Some(colon) => host.split_at_checked(colon)?,
            None => (host, &b""[..]),
        };
        if !is_port(port) {
            return None;
        }
        name
    };
    let allowed = |byte: &u8| {
        byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=<>\"".contains(byte) || *byte >= 0x80
    };
    let mut rest = name;
    while let Some((byte, after)) = rest.split_first() {
        rest = if *byte == b'%' {
            // `%41` for `A` would be a second spelling of the same host.
            let escaped = unescape(rest.get(..3)?)?;
            if escaped.first().is_none_or(|byte| byte.is_ascii()) {
                return None;
            }
            rest.get(3..)?
        } else if allowed(byte) {
            after
        } else {
            return None;
        };
    }
    Some(escape(&unescape(host)?, Part::Host))
}

/// Empty, or a colon and any number of digits.
fn is_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let mut halves = text.splitn(2, |byte| *byte == at);
    (halves.next().unwrap_or_default(), halves.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_forms() {
        let table: &[(&str, Option<&str>)] = &[
            ("", Some("")),
            ("https://a.test/x y/z?q=a b", Some("https://a.test/x%20y/z?q=a b")),
            ("HTTPS://A.test", Some("https://A.test")),
            ("https:///x", Some("https:///x")),
            ("http://a.test:x/", None),
            ("http://a:b:c/", None),
            ("http://a%41/", None),
            ("http://a%C3%A9/", Some("http://a%C3%A9/")),
            ("http://aé/", Some("http://a%C3%A9/")),
            ("http://a b/", None),
            ("http://[::1]:8/x", Some("http://[::1]:8/x")),
            ("http://[::1/x", None),
            ("http://[::g]/x", None),
            ("http://[fe80::1%25eth0]/", Some("http://[fe80::1%25eth0]/")),
            ("http://::1/x", None),
            ("http://h:/x", Some("http://h:/x")),
            ("https://u:p%40@h/p#fr ag", Some("https://u:p%40@h/p#fr%20ag")),
            ("https://u ser@h/", None),
            (":foo", None),
            ("mailto:a b@c", Some("mailto:a b@c")),
            ("a:b/c", Some("a:b/c")),
            ("1a:b/c", None),
            ("/a:b", Some("/a:b")),
            ("x?a", Some("x?a")),
            ("?a", Some("?a")),
            ("/x?", Some("/x?")),
            ("/x?#y", Some("/x?#y")),
            ("/x#", Some("/x")),
            ("/\\evil", Some("/%5Cevil")),
            ("//evil/x", Some("//evil/x")),
            ("///evil/x", Some("///evil/x")),
            ("/a\nb", None),
            ("/%zz", None),
            ("/x?%zz", Some("/x?%zz")),
            ("/\"<>^`{|}", Some("/%22%3C%3E%5E%60%7B%7C%7D")),
            ("/a!b'()*[]$&+,;=:@", Some("/a!b'()*[]$&+,;=:@")),
            ("/%0A%0D%09%00", Some("/%0A%0D%09%00")),
        ];
        for (url, expected) in table {
            let printed = normalize(url.as_bytes());
            let printed = printed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert_eq!(printed.as_deref(), *expected, "{url:?}");
        }
    }
}
