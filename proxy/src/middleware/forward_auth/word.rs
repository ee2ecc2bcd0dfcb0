//! What the server says of the client and the request then carries: `authResponseHeaders` and
//! `authResponseHeadersRegex`.
//!
//! What the client says under one of these names never stands beside it or in its place, in no
//! spelling that a server could take for it.

use std::sync::Arc;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use regex::Regex;
use swarmgate_config::routing;
use swarmgate_config::rule::go_regex;

use super::header_names;
use crate::forward::headers::{MANAGED, are_aliases};

/// They frame or route the message, and nobody else's are put in their place.
const OURS: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_LENGTH,
    HOST,
    HeaderName::from_static("keep-alive"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Which headers are the server's to set.
#[derive(Debug)]
pub(super) struct Word {
    listed: Box<[HeaderName]>,
    regex: Option<Arc<Regex>>,
    /// The pattern as it was written.
    pattern: Box<str>,
}

impl Word {
    pub(super) fn build(written: &routing::ForwardAuth) -> Result<Self, String> {
        let regex = Some(&written.auth_response_headers_regex).filter(|regex| !regex.is_empty());
        let regex = regex.map(|regex| go_regex::compile(regex)).transpose();
        Ok(Self {
            listed: header_names("authResponseHeaders", &written.auth_response_headers)?,
            regex: regex.map_err(|error| format!("authResponseHeadersRegex: {error}"))?,
            pattern: written.auth_response_headers_regex.as_str().into(),
        })
    }

    /// Takes what the client says away, and puts what the server says in its place.
    pub(super) fn put(&self, request: &mut HeaderMap, said: &HeaderMap) {
        if self.listed.is_empty() && self.regex.is_none() {
            return;
        }
        let mut spelled = String::new();
        let theirs: Vec<HeaderName> = request
            .keys()
            .filter(|name| self.is_theirs(name, &mut spelled) || self.shadows(name, &mut spelled))
            .cloned()
            .collect();
        for name in theirs {
            request.remove(name);
        }
        for name in said.keys().filter(|name| self.is_theirs(name, &mut spelled)) {
            for value in said.get_all(name) {
                request.append(name, value.clone());
            }
        }
    }

    /// Whether a header of this name is the server's. Patterns see names as Go spells them.
    fn is_theirs(&self, name: &HeaderName, spelled: &mut String) -> bool {
        if OURS.contains(name) {
            return false;
        }
        self.listed.contains(name)
            || self.regex.as_ref().is_some_and(|regex| {
                spell(name.as_str().bytes(), spelled);
                regex.is_match(spelled)
            })
    }

    /// Whether a CGI-style server could take it for one of those, whichever of the two is spelled
    /// oddly.
    fn shadows(&self, name: &HeaderName, spelled: &mut String) -> bool {
        if OURS.contains(name) {
            return false;
        }
        if self.listed.iter().any(|listed| are_aliases(listed.as_str(), name.as_str())) {
            return true;
        }
        let Some(regex) = &self.regex else { return false };
        let mut matches = |mark: u8| {
            let marked = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { mark };
            if name.as_str().bytes().all(|byte| marked(byte) == byte) {
                return false;
            }
            spell(name.as_str().bytes().map(marked), spelled);
            regex.is_match(spelled)
        };
        // Our own words about the client stay.
        matches(b'-')
            || self.pattern.contains('_') && !MANAGED.contains(&name.as_str()) && matches(b'_')
    }

    /// The same in words.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told = Vec::new();
        if !self.listed.is_empty() {
            let mut spelled = String::new();
            let names: Vec<String> = self
                .listed
                .iter()
                .map(|name| {
                    spell(name.as_str().bytes(), &mut spelled);
                    spelled.clone()
                })
                .collect();
            let names = names.join(", ");
            told.push(format!(
                "sets the request's {names} to what that answer says, or removes them"
            ));
        }
        if self.regex.is_some() {
            told.push(format!("the same for every header whose name matches {}", self.pattern));
        }
        told
    }
}

/// Writes a name as Go spells it: `X-Auth-User`.
fn spell(name: impl Iterator<Item = u8>, into: &mut String) {
    into.clear();
    let mut first = true;
    for byte in name {
        into.push(char::from(if first { byte.to_ascii_uppercase() } else { byte }));
        first = byte == b'-';
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Headers<'a> = &'a [(&'a str, &'a str)];

    fn map(headers: Headers<'_>) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn headers() {
        // Listed, pattern, the client's, the server's, what the request carries then.
        let table: &[(&[&str], &str, Headers<'_>, Headers<'_>, Headers<'_>)] = &[
            (&[], "", &[("x-user", "me")], &[("x-user", "bob")], &[("x-user", "me")]),
            (&["X-User"], "", &[("x-user", "me")], &[], &[]),
            (
                &["x-USER"],
                "",
                &[("x-user", "me"), ("x-user", "too"), ("x-other", "o")],
                &[("x-user", "bob"), ("x-user", "ann"), ("x-more", "m")],
                &[("x-other", "o"), ("x-user", "ann"), ("x-user", "bob")],
            ),
            (
                &["X-Auth-User"],
                "",
                &[("x_auth_user", "me"), ("x.auth-user", "me"), ("x_auth", "o")],
                &[("x-auth-user", "bob")],
                &[("x-auth-user", "bob"), ("x_auth", "o")],
            ),
            (&["X-Auth-User"], "", &[("x_auth_user", "me")], &[], &[]),
            // The option is spelled oddly, and the client plainly.
            (
                &["X_Auth_User", "Content_Length"],
                "",
                &[("x-auth-user", "me"), ("x-other", "o"), ("content-length", "3")],
                &[("x_auth_user", "bob")],
                &[("content-length", "3"), ("x-other", "o"), ("x_auth_user", "bob")],
            ),
            (
                &[],
                "^X_",
                &[("x-user", "me"), ("accept", "a"), ("x-real-ip", "i")],
                &[("x_user", "bob")],
                &[("accept", "a"), ("x-real-ip", "i"), ("x_user", "bob")],
            ),
            (
                &[],
                "^[^-]*$",
                &[("accept-encoding", "a"), ("x-user", "me")],
                &[],
                &[("accept-encoding", "a"), ("x-user", "me")],
            ),
            (
                &["X_Auth_User", "X-Auth-User"],
                "",
                &[("x_auth_user", "me")],
                &[("x-auth-user", "bob"), ("x_auth_user", "bob")],
                &[("x-auth-user", "bob"), ("x_auth_user", "bob")],
            ),
            (
                &[],
                "^X-Auth-",
                &[("x-auth-user", "me"), ("x_auth_group", "me"), ("x-other", "o")],
                &[("x-auth-name", "bob"), ("x-other", "n")],
                &[("x-auth-name", "bob"), ("x-other", "o")],
            ),
            (&[], "^x-auth-", &[("x-auth-user", "me")], &[], &[("x-auth-user", "me")]),
            (
                &["Content-Length", "Host"],
                ".*",
                &[("host", "h"), ("content-length", "5"), ("accept", "a")],
                &[("content-length", "0"), ("host", "evil"), ("date", "d"), ("upgrade", "x")],
                &[("content-length", "5"), ("date", "d"), ("host", "h")],
            ),
        ];
        for (listed, regex, client, server, expected) in table {
            let written = routing::ForwardAuth {
                auth_response_headers: listed.iter().map(ToString::to_string).collect(),
                auth_response_headers_regex: (*regex).to_owned(),
                ..routing::ForwardAuth::default()
            };
            let mut request = map(client);
            Word::build(&written).unwrap().put(&mut request, &map(server));
            let mut left: Vec<_> =
                request.iter().map(|(name, it)| (name.as_str(), it.to_str().unwrap())).collect();
            left.sort_unstable();
            assert_eq!(left, *expected, "{listed:?} {regex} {client:?} {server:?}");
        }
    }
}
