//! `headers`: sets and removes headers of requests and answers.

use std::collections::BTreeMap;

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRAILER,
    TRANSFER_ENCODING,
};
use http::{request, response};
use swarmgate_config::routing;

use super::{Context, Edit, Flow, ForwardedHost, NoForwardedFor};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A built `headers` (Traefik: Headers; custom request and response headers).
#[derive(Debug, Default)]
pub struct Headers {
    request: Edits,
    response: Edits,
    /// The host that the server is told.
    host: Option<HeaderValue>,
    /// The client's address is not told to the server.
    no_forwarded_for: bool,
}

#[derive(Debug, Default)]
struct Edits {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, HeaderValue)>,
}

impl Edits {
    fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    fn apply(&self, headers: &mut HeaderMap) {
        for name in &self.remove {
            headers.remove(name);
        }
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
    }

    fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.remove.iter().chain(self.set.iter().map(|(name, _)| name))
    }
}

impl Headers {
    pub(super) fn build(written: &routing::Headers) -> Result<Self, String> {
        if *written == routing::Headers::default() {
            return Err("headers configuration not valid".into());
        }
        let mut built = Self {
            request: edits("customRequestHeaders", &written.custom_request_headers)?,
            response: edits("customResponseHeaders", &written.custom_response_headers)?,
            ..Self::default()
        };
        // The host is no header to Traefik: it can be changed but not removed.
        if let Some(at) = built.request.set.iter().position(|(name, _)| *name == HOST) {
            built.host = Some(built.request.set.swap_remove(at).1);
        }
        built.request.remove.retain(|name| *name != HOST);
        // What frames the message is ours alone; Traefik ignores these as well.
        built.request.set.retain(|(name, _)| *name != CONNECTION);
        // Only this spelling keeps the address back, as with Traefik.
        built.no_forwarded_for =
            written.custom_request_headers.get("X-Forwarded-For").is_some_and(String::is_empty);
        Ok(built)
    }
}

fn edits(option: &str, written: &BTreeMap<String, String>) -> Result<Edits, String> {
    let mut edits = Edits::default();
    for (name, value) in written {
        let Ok(parsed) = HeaderName::from_bytes(name.as_bytes()) else {
            return Err(format!(
                "{option} has {name:?}, which is no header name; expected letters, digits and \
                 dashes"
            ));
        };
        if [CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER].contains(&parsed) {
            continue;
        }
        if value.is_empty() {
            edits.remove.push(parsed);
            continue;
        }
        match HeaderValue::from_bytes(value.trim().as_bytes()) {
            Ok(value) => edits.set.push((parsed, value)),
            Err(_) => {
                return Err(format!(
                    "{option}.{name} has a line break or another control character; expected one \
                     line of text"
                ));
            }
        }
    }
    Ok(edits)
}

/// Removes headers that a server's CGI-style variables would take for the ones we write
/// (`X_User` for `X-User`), so that no client can shadow them.
fn remove_aliases(headers: &mut HeaderMap, edits: &Edits) {
    let odd = |name: &HeaderName| {
        name.as_str().bytes().any(|byte| !byte.is_ascii_alphanumeric() && byte != b'-')
    };
    if !headers.keys().any(odd) {
        return;
    }
    let fold = |byte: u8| if byte.is_ascii_alphanumeric() { byte } else { b'-' };
    let aliases: Vec<HeaderName> = headers
        .keys()
        .filter(|name| odd(name))
        .filter(|name| {
            let folded = || name.as_str().bytes().map(fold);
            edits.names().any(|ours| ours.as_str().bytes().map(fold).eq(folded()))
        })
        .cloned()
        .collect();
    for name in aliases {
        headers.remove(name);
    }
}

impl Edit for Headers {
    fn on_request(&self, head: &mut request::Parts, _: &Context<'_>) -> Flow {
        if !self.request.is_empty() {
            remove_aliases(&mut head.headers, &self.request);
            self.request.apply(&mut head.headers);
            if self.no_forwarded_for {
                head.extensions.insert(NoForwardedFor);
            } else if head.extensions.get::<NoForwardedFor>().is_some()
                && self.request.set.iter().any(|(name, _)| *name == X_FORWARDED_FOR)
            {
                head.extensions.remove::<NoForwardedFor>();
            }
        }
        if let Some(host) = &self.host {
            head.headers.insert(HOST, host.clone());
            head.extensions.insert(ForwardedHost(host.clone()));
        }
        Flow::Next
    }

    fn on_response(&self, head: &mut response::Parts, _: &Context<'_>) {
        if !head.status.is_informational() {
            self.response.apply(&mut head.headers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::middleware::Middleware;
    use crate::middleware::tests::{build, send, send_with};

    fn request_headers(options: &str) -> Middleware {
        build(&format!(r#"{{"headers":{{"customRequestHeaders":{options}}}}}"#)).unwrap()
    }

    #[test]
    fn request() {
        // Options, headers sent by the client, headers sent on.
        type Lines = &'static [(&'static str, &'static str)];
        let table: &[(&str, Lines, Lines)] = &[
            (r#"{"X-Set":"v"}"#, &[("x-set", "1"), ("x-set", "2")], &[("x-set", "v")]),
            (r#"{"x-low":" sp "}"#, &[], &[("x-low", "sp")]),
            (r#"{"X-Del":""}"#, &[("x-del", "1"), ("x-other", "2")], &[("x-other", "2")]),
            (r#"{"X-Utf":"é"}"#, &[], &[("x-utf", "é")]),
            (r#"{"Host":""}"#, &[("host", "h.test")], &[("host", "h.test")]),
            (r#"{"host":"new.test"}"#, &[("host", "h.test")], &[("host", "new.test")]),
            (
                r#"{"Connection":"close","Content-Length":"7","Transfer-Encoding":"x"}"#,
                &[("content-length", "3")],
                &[("content-length", "3")],
            ),
            (r#"{"Content-Length":""}"#, &[("content-length", "3")], &[("content-length", "3")]),
            (
                r#"{"X-User":"me"}"#,
                &[("x_user", "admin"), ("x.user", "root"), ("x_users", "kept")],
                &[("x-user", "me"), ("x_users", "kept")],
            ),
            (r#"{"X-User":""}"#, &[("x_user", "admin")], &[]),
        ];
        for (options, client, expected) in table {
            let flow = send_with(&[&request_headers(options)], "h.test", "/", false, |head| {
                for (name, value) in *client {
                    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
                    head.headers.append(*name, value);
                }
            });
            let sent = flow.expect_next();
            let mut sent: Vec<(&str, &[u8])> = sent
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
                .collect();
            sent.sort();
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| (*name, value.as_bytes())).collect();
            assert_eq!(sent, expected, "{options}");
        }
    }

    #[test]
    fn response() {
        let options = r#"{"headers":{"customResponseHeaders":{
            "X-Up":"","X-Add":"1","server":"mine","Content-Length":"5","X-Tab":"a\tb"}}}"#;
        let middleware = build(options).unwrap();
        for (status, edited) in [(200, true), (404, true), (502, true), (101, false), (103, false)]
        {
            let mut answer = http::Response::new(());
            *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
            answer.headers_mut().insert("x-up", "1".parse().unwrap());
            answer.headers_mut().insert("server", "theirs".parse().unwrap());
            answer.headers_mut().append("server", "theirs".parse().unwrap());
            let (mut head, ()) = answer.into_parts();
            let context = crate::middleware::tests::context("h.test", false);
            let Middleware::Edit(edit) = &middleware else { panic!("it waits") };
            edit.on_response(&mut head, &context);
            if edited {
                assert_eq!(head.headers.len(), 3, "{status}");
                assert_eq!(head.headers["server"], "mine", "{status}");
                assert_eq!(head.headers["x-add"], "1", "{status}");
                assert_eq!(head.headers["x-tab"], "a\tb", "{status}");
            } else {
                assert_eq!(head.headers.len(), 3, "{status}");
                assert_eq!(head.headers["x-up"], "1", "{status}");
            }
        }
    }

    #[test]
    fn forwarded_for() {
        let exact = request_headers(r#"{"X-Forwarded-For":""}"#);
        let other = request_headers(r#"{"x-forwarded-for":""}"#);
        let set = request_headers(r#"{"X-Forwarded-For":"9.9.9.9"}"#);
        for (chain, suppressed) in [
            (vec![&exact], true),
            (vec![&other], false),
            (vec![&exact, &set], false),
            (vec![&set, &exact], true),
        ] {
            let sent = send(&chain, "h.test", "/").expect_next();
            let marked = sent.extensions.get::<NoForwardedFor>().is_some();
            assert_eq!(marked, suppressed, "{chain:?}");
        }
    }

    #[test]
    fn later_middlewares_see_the_new_host() {
        let host = request_headers(r#"{"Host":"new.test"}"#);
        let redirect = build(r#"{"redirectScheme":{"scheme":"https"}}"#).unwrap();
        let answer = send(&[&host, &redirect], "h.test", "/x").expect_answer();
        assert_eq!(answer.headers()["location"], "https://new.test/x");
    }

    #[test]
    fn refused() {
        let table = [
            (r#"{}"#, "headers configuration not valid"),
            (r#"{"customRequestHeaders":{"bad name":"x"}}"#, "no header name"),
            (r#"{"customResponseHeaders":{"":"x"}}"#, "no header name"),
            (r#"{"customRequestHeaders":{"X-A":"a\r\nY: b"}}"#, "customRequestHeaders.X-A has"),
            (r#"{"customResponseHeaders":{"X-A":"a\nb"}}"#, "customResponseHeaders.X-A has"),
            (r#"{"customResponseHeaders":{"X-A":"a\u0000b"}}"#, "control character"),
        ];
        for (options, expected) in table {
            let error = build(&format!(r#"{{"headers":{options}}}"#)).unwrap_err();
            assert!(error.contains(expected), "{options}: {error}");
        }
    }
}
