//! The URL of the HTTP provider: where to dial, what to ask for, what to show.

use base64::Engine as _;
use http::{HeaderValue, Uri};

/// A URL taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Whether it is `https`.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub target: String,
    /// `Basic ...`, of `user:password@`.
    pub authorization: Option<HeaderValue>,
}

impl Url {
    /// Reads an absolute URL; the error says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("{what}; expected a URL such as https://host/path");
        // What follows `#` is not sent.
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|error| wrong(&format!("no URL: {error}")))?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(other) => return Err(wrong(&format!("scheme {other:?} is not known"))),
            None => return Err(wrong("it has no scheme")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it has no host"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(wrong("it has no host"));
        }
        let place = authority.as_str().rsplit('@').next().unwrap_or_default();
        let port = place.strip_prefix(authority.host()).unwrap_or_default();
        if port.len() > 1 && authority.port_u16().is_none() {
            return Err(wrong("its port is no number"));
        }
        let authorization = match authority.as_str().rsplit_once('@') {
            None => None,
            Some((user, _)) => {
                let user = unescape(user);
                let pair = if user.contains(&b':') { user } else { [&user[..], b":"].concat() };
                let encoded = base64::engine::general_purpose::STANDARD.encode(pair);
                let value = HeaderValue::from_str(&format!("Basic {encoded}"));
                let mut value = value.map_err(|error| wrong(&error.to_string()))?;
                value.set_sensitive(true);
                Some(value)
            }
        };
        let standard = if tls { 443 } else { 80 };
        let target = uri.path_and_query().map_or("/", |it| it.as_str());
        let target = if target.starts_with('/') { target.into() } else { format!("/{target}") };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(standard),
            target,
            authorization,
        })
    }

    /// What a `Location` leads to (RFC 9110 section 10.2.2, RFC 3986 section 5.2).
    pub fn join(&self, location: &str) -> Result<Self, String> {
        // What follows `#` is not sent.
        let location = location.split('#').next().unwrap_or_default();
        // Only a scheme puts a colon into the first part.
        if location.split(['/', '?']).next().is_some_and(|first| first.contains(':')) {
            return Self::parse(location);
        }
        let scheme = if self.tls { "https" } else { "http" };
        if location.starts_with("//") {
            return Self::parse(&format!("{scheme}:{location}"));
        }
        let path = self.target.split('?').next().unwrap_or("/");
        let target = match location {
            "" => self.target.clone(),
            _ if location.starts_with('/') => plain(location),
            _ if location.starts_with('?') => format!("{path}{location}"),
            _ => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                plain(&format!("{folder}/{location}"))
            }
        };
        let joined = Self::parse(&format!("{scheme}://{}{target}", self.authority()))?;
        Ok(Self { authorization: self.authorization.clone(), ..joined })
    }

    /// Whether another URL is of the same server, so that it may see the same secrets.
    pub fn is_same_server(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    /// Host and port as in `Host`; a standard port is left out.
    pub fn authority(&self) -> String {
        let host =
            if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let standard = if self.tls { 443 } else { 80 };
        if self.port == standard { host } else { format!("{host}:{}", self.port) }
    }

    /// For messages: without user and password, and without the query, which may be a secret too.
    pub fn shown(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let path = self.target.split('?').next().unwrap_or("/");
        format!("{scheme}://{}{path}", self.authority())
    }
}

/// Resolves `.` and `..` in a path that begins with `/`; a query stays as it is.
fn plain(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = path.split('/').skip(1).peekable();
    while let Some(part) = rest.next() {
        let last = rest.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    parts.pop();
                }
                if last {
                    parts.push("");
                }
            }
            _ => parts.push(part),
        }
    }
    format!("/{}{query}", parts.join("/"))
}

/// Takes percent escapes back.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    out.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                out.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                out.push(b'%');
                out.extend_from_slice(part.as_bytes());
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let table = [
            ("http://h", "false h 80 / -", "http://h/"),
            ("https://h/a/b.yml?t=secret#x", "true h 443 /a/b.yml?t=secret -", "https://h/a/b.yml"),
            ("http://h:81?q", "false h 81 /?q -", "http://h:81/"),
            ("http://[::1]:8/x", "false ::1 8 /x -", "http://[::1]:8/x"),
            ("https://h:443/", "true h 443 / -", "https://h/"),
            ("http://u:p%40@h/", "false h 80 / Basic dTpwQA==", "http://h/"),
            ("http://u@h/", "false h 80 / Basic dTo=", "http://h/"),
        ];
        for (text, expected, shown) in table {
            let url = Url::parse(text).unwrap();
            let authorization = url.authorization.as_ref().map_or("-", |it| it.to_str().unwrap());
            let Url { tls, host, port, target, .. } = &url;
            assert_eq!(format!("{tls} {host} {port} {target} {authorization}"), expected, "{text}");
            assert_eq!(url.shown(), shown, "{text}");
        }
        for text in ["", "h/path", "/path", "ftp://h/", "http://", "http:///x", "http://h:x/"] {
            assert!(Url::parse(text).unwrap_err().contains("expected a URL"), "{text}");
        }
    }

    #[test]
    fn locations() {
        let from = Url::parse("https://u:p@h:8/a/b?c").unwrap();
        let table = [
            ("/x", "https://h:8/x", true),
            ("x", "https://h:8/a/x", true),
            ("?x", "https://h:8/a/b", true),
            ("https://h:8/z", "https://h:8/z", true),
            ("//other/z", "https://other/z", false),
            ("http://h:8/z", "http://h:8/z", false),
            ("", "https://h:8/a/b", true),
            ("#part", "https://h:8/a/b", true),
            ("/d?u=http://x/y", "https://h:8/d", true),
            ("d#http://x/y", "https://h:8/a/d", true),
            ("../x", "https://h:8/x", true),
            ("../../x/./y/../z?../q", "https://h:8/x/z", true),
            ("..", "https://h:8/", true),
            (".", "https://h:8/a/", true),
            ("/x/..", "https://h:8/", true),
            ("/..//x", "https://h:8//x", true),
        ];
        for (location, expected, same) in table {
            let to = from.join(location).unwrap();
            assert_eq!(to.shown(), expected, "{location}");
            assert_eq!(from.is_same_server(&to), same, "{location}");
        }
        assert_eq!(from.join("/d?u=http://x/../y").unwrap().target, "/d?u=http://x/../y");
        for location in ["gopher://x/", "mailto:a@b", "http:x"] {
            assert!(from.join(location).is_err(), "{location}");
        }
    }
}
