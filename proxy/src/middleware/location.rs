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

/// Where a URL reference leads that was found at `base`, an absolute URL in normal form, as Go sees
/// it (RFC 3986 section 5.2). `None`: it is none.
pub(super) fn resolve(base: &[u8], reference: &[u8]) -> Option<Vec<u8>> {
    let reference = normalize(reference)?;
    let found = Taken::apart(&reference)?;
    if found.scheme.is_some() && found.authority.is_none() && !found.path.starts_with(b"/") {
        return Some(reference);
    }
    let base = Taken::apart(base)?;
    let mut printed = Vec::with_capacity(base.path.len() + reference.len() + 32);
    printed.extend_from_slice(found.scheme.or(base.scheme)?);
    printed.push(b':');
    let mut query = found.query;
    if found.scheme.is_some() || found.authority.is_some() {
        if let Some(authority) = found.authority {
            printed.extend_from_slice(b"//");
            printed.extend_from_slice(authority);
        }
        printed.extend(without_dots(found.path));
    } else {
        printed.extend_from_slice(b"//");
        printed.extend_from_slice(base.authority?);
        if found.path.is_empty() {
            query = query.or(base.query);
            printed.extend(without_dots(base.path));
        } else if found.path.starts_with(b"/") {
            printed.extend(without_dots(found.path));
        } else {
            let after = base.path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            let folder = base.path.get(..after).unwrap_or_default();
            printed.extend(without_dots(&[folder, found.path].concat()));
        }
    }
    if let Some(query) = query {
        printed.push(b'?');
        printed.extend_from_slice(query);
    }
    if let Some(fragment) = found.fragment {
        printed.push(b'#');
        printed.extend_from_slice(fragment);
    }
    Some(printed)
}

/// A URL in normal form, taken apart.
struct Taken<'u> {
    scheme: Option<&'u [u8]>,
    authority: Option<&'u [u8]>,
    path: &'u [u8],
    query: Option<&'u [u8]>,
    fragment: Option<&'u [u8]>,
}

impl<'u> Taken<'u> {
    fn apart(url: &'u [u8]) -> Option<Self> {
        let (url, fragment) = cut(url, b'#');
        let (url, query) = cut(url, b'?');
        let (scheme, rest) = scheme(url)?;
        let (authority, path) = match rest.strip_prefix(b"//") {
            Some(after) if scheme.is_some() || !after.starts_with(b"/") => {
                let slash = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
                let (authority, path) = after.split_at_checked(slash)?;
                (Some(authority), path)
            }
            _ => (None, rest),
        };
        Some(Self { scheme, authority, path, query, fragment })
    }
}

/// A path without `.` and `..` segments; it begins with one slash, unless nothing is left.
fn without_dots(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return Vec::new();
    }
    let mut clean: Vec<&[u8]> = Vec::new();
    let mut last: &[u8] = b"";
    for segment in path.split(|byte| *byte == b'/') {
        last = segment;
        match segment {
            b"." => {}
            b".." => drop(clean.pop()),
            segment => clean.push(segment),
        }
    }
    let mut joined = clean.join(&b'/');
    if matches!(last, b"." | b"..") {
        joined.push(b'/');
    }
    // What was absolute begins with an empty segment, unless `..` took that, too.
    if joined.first() != Some(&b'/') {
        joined.insert(0, b'/');
    }
    joined
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
    fn references() {
        // Base, reference, where it leads.
        let table: &[(&str, &str, Option<&str>)] = &[
            ("http://a/b/c?q", "https://x.test/y?z#f", Some("https://x.test/y?z#f")),
            ("http://a/b/c?q", "https://x.test", Some("https://x.test")),
            ("http://a/b/c?q", "//x.test/y", Some("http://x.test/y")),
            ("http://a/b/c?q", "/y", Some("http://a/y")),
            ("http://a/b/c?q", "y", Some("http://a/b/y")),
            ("http://a/b/c?q", "y?z#f", Some("http://a/b/y?z#f")),
            ("http://a/b/c?q", "./y", Some("http://a/b/y")),
            ("http://a/b/c?q", "../y", Some("http://a/y")),
            ("http://a/b/c?q", "../../../y", Some("http://a/y")),
            ("http://a/b/c?q", "..", Some("http://a/")),
            ("http://a/b/c/d?q", "..", Some("http://a/b/")),
            ("http://a/b/c?q", ".", Some("http://a/b/")),
            ("http://a/b/c?q", "?z", Some("http://a/b/c?z")),
            ("http://a/b/c?q", "#f", Some("http://a/b/c?q#f")),
            ("http://a/b/c?q", "", Some("http://a/b/c?q")),
            ("http://a?q", "y", Some("http://a/y")),
            ("http://a", "?z", Some("http://a?z")),
            (
                "http://a:9091/",
                "/login?rd=https://h.test/",
                Some("http://a:9091/login?rd=https://h.test/"),
            ),
            ("http://a/b", "/x/./y/../z", Some("http://a/x/z")),
            ("http://a/b", "https://x.test/y/../z", Some("https://x.test/z")),
            ("http://a/b", "mailto:x@y", Some("mailto:x@y")),
            ("http://a/b", "http:/x", Some("http:/x")),
            ("http://a/b", "/a b", Some("http://a/a%20b")),
            ("http://a/b", "///evil/x", Some("http://a///evil/x")),
            ("http://a/b", "http://x:y/", None),
            ("http://a/b", "%zz", None),
            ("http://a/b", ":x", None),
        ];
        for (base, reference, expected) in table {
            let found = resolve(base.as_bytes(), reference.as_bytes());
            let found = found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            assert_eq!(found.as_deref(), *expected, "{base} {reference}");
        }
    }

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
