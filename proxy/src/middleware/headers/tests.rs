//! Tables for `headers`: custom headers here, the rest in files of their own.

mod cors;
mod security;

use http::header::HeaderValue;

use crate::middleware::Middleware;
use crate::middleware::NoForwardedFor;
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
        let mut sent: Vec<(&str, &[u8])> =
            sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
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
    for (status, edited) in [(200, true), (404, true), (502, true), (101, false), (103, false)] {
        let mut answer = http::Response::new(());
        *answer.status_mut() = http::StatusCode::from_u16(status).unwrap();
        answer.headers_mut().insert("x-up", "1".parse().unwrap());
        answer.headers_mut().insert("server", "theirs".parse().unwrap());
        answer.headers_mut().append("server", "theirs".parse().unwrap());
        let (mut head, ()) = answer.into_parts();
        let context = crate::middleware::tests::context("h.test", false);
        let Middleware::Edit(edit) = &middleware else { panic!("it waits") };
        let (request, ()) = http::Request::new(()).into_parts();
        edit.on_response(&mut head, &request, &context);
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
        (r#"{"customResponseHeaders":{"X-A":"a\u0007b"}}"#, "customResponseHeaders.X-A has"),
        (r#"{"customResponseHeaders":{"X-A":"a\u0000b"}}"#, "control character"),
    ];
    for (options, expected) in table {
        let error = build(&format!(r#"{{"headers":{options}}}"#)).unwrap_err();
        assert!(error.contains(expected), "{options}: {error}");
    }
}
