//! What is asked: a URL and what a client would add to it, read as a client would read it.

use std::net::{IpAddr, Ipv4Addr};

use http::header::HOST;
use http::uri::PathAndQuery;
use http::{HeaderName, HeaderValue, Method, Uri, request};
use serde::{Deserialize, Serialize};
use swarmgate_config::secret;

/// Longer URLs are no question.
const LONGEST_URL: usize = 16 * 1024;
/// More headers are no question.
const MOST_HEADERS: usize = 200;

/// A client of which nothing is known (RFC 5737).
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Question {
    /// `http://host[:port]/path?query`; without a scheme it is `http`.
    pub url: String,
    /// The method; empty means GET.
    pub method: String,
    /// Header lines: `Name: value`.
    pub headers: Vec<String>,
    /// The client's address; empty means somebody unknown (192.0.2.1).
    pub from: String,
    /// The entry point's name; empty means the one that the URL leads to.
    pub entry_point: String,
}

/// What a command asks the running proxy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ask {
    /// What would become of a request.
    Explain(Question),
    /// All routes; what is not empty is a filter.
    #[serde(rename_all = "camelCase")]
    Routes {
        /// The host.
        host: String,
        /// The entry point's name.
        entry_point: String,
    },
}

/// A URL, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The scheme is `https` or `wss`.
    pub tls: bool,
    /// The scheme is `ws` or `wss`.
    pub websocket: bool,
    /// `Host` as a client sends it: the port only where it is not the scheme's own.
    pub host: String,
    /// The host alone, without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub target: String,
    /// The URL as it may be repeated: without its user.
    pub shown: String,
}

impl Target {
    /// Takes a URL apart as a client does: what may not stand in a request is escaped.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(url: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the URL {what}; expected http://host[:port]/path");
        if url.len() > LONGEST_URL {
            return Err(wrong(&format!("has {} bytes, at most {LONGEST_URL} are read", url.len())));
        }
        if url.chars().any(char::is_control) {
            return Err(wrong("has a control character"));
        }
        let given = url.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '#']));
        // `//host` is a browser's short form.
        let short = url.strip_prefix("//").unwrap_or(url);
        let (scheme, rest) = given.unwrap_or(("http", short));
        let start = short.get(..7).unwrap_or(short).to_ascii_lowercase();
        let schemes = ["http:/", "https:/", "ws:/", "wss:/"];
        if given.is_none() && schemes.iter().any(|scheme| start.starts_with(scheme)) {
            return Err(wrong("has one slash behind its scheme"));
        }
        let shown = match given {
            Some(_) => secret::url(url),
            None => secret::url(&format!("://{rest}")).trim_start_matches("://").to_owned(),
        };
        let (tls, websocket) = match scheme.to_ascii_lowercase().as_str() {
            "http" => (false, false),
            "https" => (true, false),
            "ws" => (false, true),
            "wss" => (true, true),
            _ => return Err(wrong(&format!("has the scheme {scheme:?}"))),
        };
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let authority = authority.rsplit('@').next().unwrap_or_default();
        if !authority.is_ascii() {
            return Err("the URL's host is not ASCII; expected its xn-- form".into());
        }
        if !authority.contains('[') && authority.matches(':').count() > 1 {
            return Err("the URL's host has several colons; expected brackets around an IPv6 \
                        address: http://[::1]/"
                .into());
        }
        let (name, port) = split_port(authority).ok_or_else(|| wrong("has no valid port"))?;
        if name.is_empty() {
            return Err(wrong("has no host"));
        }
        let ours =
            |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:[]%".contains(&byte);
        if !name.bytes().all(ours) {
            return Err(wrong(&format!("has the host {name:?}")));
        }
        let own = if tls { 443 } else { 80 };
        let host = match port {
            Some(port) if port != own => format!("{name}:{port}"),
            _ => name.to_owned(),
        };
        let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
        let target = escaped(path);
        Ok(Self { tls, websocket, host, name, port: port.unwrap_or(own), target, shown })
    }
}

/// `host[:port]`; `None` when the port is none.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let from = authority.rfind(']').unwrap_or_default();
    let Some(colon) = authority.get(from..)?.find(':') else { return Some((authority, None)) };
    let (name, port) = authority.split_at_checked(from.saturating_add(colon))?;
    let port = port.strip_prefix(':')?;
    if port.is_empty() {
        return Some((name, None));
    }
    let number = port.parse::<u16>().ok().filter(|number| *number > 0)?;
    port.bytes().all(|byte| byte.is_ascii_digit()).then_some((name, Some(number)))
}

/// Path and query as a client sends them: a slash at the beginning, nothing that is no URL.
fn escaped(path: &str) -> String {
    let mut target = String::with_capacity(path.len().saturating_add(1));
    if !path.starts_with('/') {
        target.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                target.push_str(&format!("%{byte:02X}"));
            }
            byte => target.push(byte.into()),
        }
    }
    target
}

impl Question {
    /// The request's head as a client sends it.
    ///
    /// # Errors
    /// What is wrong with the method or a header.
    pub(super) fn head(&self, target: &Target) -> Result<request::Parts, String> {
        let method = if self.method.is_empty() { "GET" } else { &self.method };
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| format!("{method:?} is no method; expected one such as GET"))?;
        let path = PathAndQuery::try_from(target.target.as_str())
            .map_err(|_| "the URL's path cannot be sent; expected /path?query".to_owned())?;
        let (mut head, ()) = http::Request::new(()).into_parts();
        head.method = method;
        head.uri = Uri::from(path);
        let host = HeaderValue::from_str(&target.host)
            .map_err(|_| "the URL's host cannot be sent".to_owned())?;
        head.headers.insert(HOST, host);
        if target.websocket {
            let words = [("connection", "Upgrade"), ("upgrade", "websocket")];
            for (name, value) in words {
                head.headers.insert(name, HeaderValue::from_static(value));
            }
        }
        if self.headers.len() > MOST_HEADERS {
            return Err(format!("more than {MOST_HEADERS} headers"));
        }
        let mut names_host = false;
        for line in &self.headers {
            let wrong = || format!("{line:?} is no header; expected 'Name: value'");
            let (name, value) = line.split_once(':').ok_or_else(wrong)?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
            let value = HeaderValue::from_bytes(value.trim().as_bytes()).map_err(|_| wrong())?;
            // The first one replaces the URL's; what a second one does, the proxy says.
            if name == HOST && !names_host {
                names_host = true;
                head.headers.insert(name, value);
            } else {
                head.headers
                    .try_append(name, value)
                    .map_err(|_| format!("more than {MOST_HEADERS} headers"))?;
            }
        }
        Ok(head)
    }

    /// The client's address.
    ///
    /// # Errors
    /// When it is none.
    pub(super) fn client(&self) -> Result<IpAddr, String> {
        if self.from.is_empty() {
            return Ok(STRANGER);
        }
        let bare = self.from.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_err(|_| {
            format!(
                "{:?} is no IP address; expected one such as 10.0.0.7, without a port or zone",
                self.from
            )
        })
    }

    /// Whether all of it can be understood, without asking anybody.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        let target = Target::parse(&self.url)?;
        self.head(&target)?;
        self.client().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        // URL; TLS, host as sent, name, port, target.
        let table = [
            ("http://a.test", (false, "a.test", "a.test", 80, "/")),
            ("a.test/x", (false, "a.test", "a.test", 80, "/x")),
            ("https://a.test:443/x?y=1#z", (true, "a.test", "a.test", 443, "/x?y=1")),
            ("HTTPS://A.test:8443", (true, "A.test:8443", "A.test", 8443, "/")),
            ("http://u:p@a.test:80?q", (false, "a.test", "a.test", 80, "/?q")),
            ("http://[::1]:81/", (false, "[::1]:81", "::1", 81, "/")),
            ("http://[::1]", (false, "[::1]", "::1", 80, "/")),
            ("http://a.test:/", (false, "a.test", "a.test", 80, "/")),
            ("wss://a.test/ws", (true, "a.test", "a.test", 443, "/ws")),
            ("http://a.test/a b/é?\"", (false, "a.test", "a.test", 80, "/a%20b/%C3%A9?%22")),
            ("http://a.test/../x//y", (false, "a.test", "a.test", 80, "/../x//y")),
            ("http://a.test/http://b", (false, "a.test", "a.test", 80, "/http://b")),
            ("a.test/http://b", (false, "a.test", "a.test", 80, "/http://b")),
            ("//a.test/x", (false, "a.test", "a.test", 80, "/x")),
            ("http:81/x", (false, "http:81", "http", 81, "/x")),
        ];
        for (url, expected) in table {
            let parsed = Target::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            let Target { tls, host, name, port, target, .. } = &parsed;
            assert_eq!((*tls, &**host, &**name, *port, &**target), expected, "{url}");
        }
    }

    #[test]
    fn users_are_not_repeated() {
        for (url, expected) in [
            ("http://u:p@a.test/x@y", "http://xxxx@a.test/x@y"),
            ("u:p@a.test/x", "xxxx@a.test/x"),
            ("//u:p@a.test", "xxxx@a.test"),
            ("a.test/http://u@b", "a.test/http://u@b"),
            ("a.test/x", "a.test/x"),
            ("https://a.test", "https://a.test"),
        ] {
            assert_eq!(Target::parse(url).unwrap().shown, expected, "{url}");
        }
    }

    #[test]
    fn hostile_urls() {
        let long = format!("http://a.test/{}", "x".repeat(LONGEST_URL));
        let table = [
            ("", "no host"),
            ("http://", "no host"),
            ("http:///x", "no host"),
            ("ftp://a.test", "scheme \"ftp\""),
            ("http://a.test:0/", "port"),
            ("http://a.test:65536/", "port"),
            ("http://a.test:+8/", "port"),
            ("http://a.test:x/", "port"),
            ("http://a b/", "host \"a b\""),
            ("http://a.test/\u{1b}[31m", "control character"),
            ("http://a.test/\r\nHost: b", "control character"),
            ("http://größe.test/", "xn--"),
            ("http:/a.test/", "one slash"),
            ("HTTPS:/a.test/", "one slash"),
            ("::1", "brackets"),
            ("http://fe80::1:80/", "brackets"),
            (&long, "bytes"),
        ];
        for (url, expected) in table {
            let error = Target::parse(url).unwrap_err();
            assert!(error.contains(expected), "{url:?}: {error}");
        }
    }

    #[test]
    fn what_a_client_adds() {
        let ask = |method: &str, headers: &[&str], from: &str| Question {
            url: "http://a.test".into(),
            method: method.into(),
            headers: headers.iter().map(|line| (*line).to_owned()).collect(),
            from: from.into(),
            ..Question::default()
        };
        assert_eq!(ask("", &["X-A: 1", "x-a:2"], "").check(), Ok(()));
        assert_eq!(ask("PURGE", &["Host: b.test"], "[::1]").check(), Ok(()));
        for (question, expected) in [
            (ask("G T", &[], ""), "no method"),
            (ask("", &["X-A"], ""), "no header"),
            (ask("", &["X A: 1"], ""), "no header"),
            (ask("", &["X-A: a\nb"], ""), "no header"),
            (ask("", &[], "home"), "no IP address"),
            (ask("", &[], "1.2.3.4:5"), "without a port"),
            (ask("", &[], "fe80::1%eth0"), "zone"),
            (ask("", &["a: b"; 201], ""), "more than 200"),
        ] {
            let error = question.check().unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
