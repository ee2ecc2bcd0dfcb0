//! `redirectRegex`: redirects URLs that match a pattern.

use std::cell::RefCell;
use std::sync::Arc;

use http::request;
use regex::Regex;
use swarmgate_config::routing;
use swarmgate_config::rule::go_regex;

use super::template::Template;
use super::{Context, Edit, Flow, redirect};

/// A built `redirectRegex` (Traefik: RedirectRegex).
#[derive(Debug)]
pub struct RedirectRegex {
    regex: Arc<Regex>,
    replacement: Template,
    permanent: bool,
}

thread_local! {
    /// The URL that is matched: one buffer a thread, because most requests are not redirected.
    static SUBJECT: RefCell<String> = const { RefCell::new(String::new()) };
}

impl RedirectRegex {
    pub(super) fn build(written: &routing::RedirectRegex) -> Result<Self, String> {
        let regex = go_regex::compile(&written.regex)?;
        let replacement = Template::parse(&written.replacement, &regex);
        Ok(Self { regex, replacement, permanent: written.permanent })
    }

    /// All matches replaced; `None` when that changes nothing.
    fn rewrite(&self, subject: &str) -> Option<String> {
        let mut target = self.replacement.replace_all(&self.regex, subject)?;
        // A template like `/$1` means a path of this host. With `//evil.test` captured, browsers
        // would read the result as another host.
        if self.replacement.is_own_path() && target.starts_with("//") {
            let slashes = target.bytes().take_while(|byte| *byte == b'/').count();
            target.drain(1..slashes);
        }
        (target != subject).then_some(target)
    }
}

impl Edit for RedirectRegex {
    /// The pattern sees `scheme://host/path?query`: the scheme of this connection, the host as
    /// sent, the canonical path.
    fn on_request(&self, head: &mut request::Parts, context: &Context<'_>) -> Flow {
        SUBJECT.with_borrow_mut(|subject| {
            subject.clear();
            subject.push_str(if context.tls { "https://" } else { "http://" });
            subject.push_str(&go_regex::text(super::host(head, context)));
            subject.push_str(&super::target(head));
            match self.rewrite(subject) {
                Some(target) => redirect::to(target.as_bytes(), self.permanent, &head.method),
                None => Flow::Next,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::middleware::tests::{build, send, send_with};

    const PATH: &str = "^https?://[^/]+/(.*)$";

    fn options(regex: &str, replacement: &str) -> crate::middleware::Middleware {
        let options = serde_json::json!({
            "redirectRegex": { "regex": regex, "replacement": replacement }
        });
        build(&options.to_string()).unwrap()
    }

    #[test]
    fn redirects() {
        // Regex, replacement, host, target, Location (None: goes on): seen with Traefik 3.7.15
        // unless marked.
        let table: &[(&str, &str, &str, &str, Option<&str>)] = &[
            (PATH, "/n/$1", "h.test", "/x?y=1", Some("/n/x?y=1")),
            (PATH, "/n/$1", "h.test", "/a;b?x;y", Some("/n/a;b?x;y")),
            (PATH, "https://a.test/${1}", "h.test", "/x?y=1", Some("https://a.test/x?y=1")),
            (PATH, "https://a.test/${1}", "H.TEST:80", "/x", Some("https://a.test/x")),
            ("^.*$", "", "h.test", "/", Some("")),
            (
                PATH,
                "https://a.test/x y/$1?q=a b",
                "h.test",
                "/z",
                Some("https://a.test/x%20y/z?q=a b"),
            ),
            ("^.*$", "mailto:a b@c", "h.test", "/", Some("mailto:a b@c")),
            ("^https://zzz", "x", "h.test", "/", None),
            ("^(.*)$", "$1", "h.test", "/x?y", None),
            ("rcaps", "X", "rcaps.test", "/", Some("http://X.test/")),
            ("rcaps", "X", "rcaps.test:99", "/x", Some("http://X.test:99/x")),
            ("rcaps", "X", "RCAPS.test", "/x", None),
            (
                "^(?P<s>https?)://([^/]+)/(.*)$",
                "$s://t.test/$$/${2}/$1_z/$9/${nope}/$3",
                "h.test",
                "/p%2Fq?a%20b",
                Some("http://t.test/$/h.test////p%2Fq?a%20b"),
            ),
            ("a", "b", "h.test", "/aaa?a", Some("http://h.test/bbb?b")),
            (PATH, "/$1", "h.test", "/%5Cevil", Some("/%5Cevil")),
            (PATH, "/$1", "h.test", "/", Some("/")),
            ("^https?://[^/]+(.*)$", "$1", "h.test", "/x", Some("/x")),
            (PATH, "$1", "h.test", "/a:b/c", Some("a:b/c")),
            (PATH, "$1", "h.test", "/", Some("")),
            (PATH, "$1", "h.test", "/?a", Some("?a")),
            (
                PATH,
                "https://u:p%40@[::1]:8/$1#fr ag",
                "h.test",
                "/p",
                Some("https://u:p%40@[::1]:8/p#fr%20ag"),
            ),
            (
                PATH,
                "https://a.test/$1",
                "h.test",
                "/%0A%0D%09%00",
                Some("https://a.test/%0A%0D%09%00"),
            ),
            (
                PATH,
                "https://a.test/$1",
                "h.test",
                "/a!b'()*[]$&+,;=:@",
                Some("https://a.test/a!b'()*[]$&+,;=:@"),
            ),
            // Only with `sanitizePath: false`. Traefik sends the browser to evil.test; we do not.
            (PATH, "/$1", "h.test", "//evil.test/x", Some("/evil.test/x")),
            // Here the template asks for it.
            (PATH, "//other.test/$1", "h.test", "/x", Some("//other.test/x")),
            ("^https?:(//.*)$", "$1", "h.test", "/x", Some("//h.test/x")),
        ];
        for (regex, replacement, host, target, expected) in table {
            let flow = send(&[&options(regex, replacement)], host, target);
            let case = format!("{regex} {replacement} {host} {target}");
            match expected {
                Some(location) => {
                    let answer = flow.expect_answer();
                    assert_eq!(answer.status(), 302, "{case}");
                    assert_eq!(answer.headers()["location"], *location, "{case}");
                    assert!(!answer.headers().contains_key("content-type"), "{case}");
                }
                None => drop(flow.expect_next()),
            }
        }
    }

    #[test]
    fn request_text_is_never_a_template() {
        let middleware = options(PATH, "/n/$1");
        let answer = send(&[&middleware], "h.test", "/$1${1}$$?$0").expect_answer();
        assert_eq!(answer.headers()["location"], "/n/$1$%7B1%7D$$?$0");
    }

    #[test]
    fn what_is_no_url_is_a_bad_gateway() {
        for (replacement, target) in
            [("http://a.test:x/", "/"), (":foo", "/"), ("http://$1/", "/a%41")]
        {
            let answer = send(&[&options(PATH, replacement)], "h.test", target).expect_answer();
            assert_eq!(answer.status(), 502, "{replacement}");
        }
    }

    #[test]
    fn statuses() {
        for (permanent, method, status) in [
            (false, "GET", 302),
            (false, "HEAD", 307),
            (false, "POST", 307),
            (true, "GET", 301),
            (true, "HEAD", 308),
            (true, "POST", 308),
        ] {
            let middleware = build(&format!(
                r#"{{"redirectRegex":{{"regex":".","replacement":"x","permanent":{permanent}}}}}"#
            ))
            .unwrap();
            let flow = send_with(&[&middleware], "h.test", "/", false, |head| {
                head.method = method.parse().unwrap();
            });
            assert_eq!(flow.expect_answer().status(), status, "{permanent} {method}");
        }
    }

    #[test]
    fn the_scheme_is_the_connections() {
        let middleware = options("^https://h.test/", "https://x.test/");
        for (tls, redirected) in [(true, true), (false, false)] {
            let flow = send_with(&[&middleware], "h.test", "/", tls, |head| {
                head.headers.insert("x-forwarded-proto", "https".parse().unwrap());
            });
            assert_eq!(flow.is_answer(), redirected);
        }
    }

    #[test]
    fn bad_patterns() {
        let error = build(r#"{"redirectRegex":{"regex":"(","replacement":"x"}}"#).unwrap_err();
        assert!(error.contains('('), "{error}");
    }
}
