//! Preflights, and what other answers say of origins.

use http::{Method, Response};

use super::*;
use crate::middleware::tests::context;

/// Headers as sorted `name: value` lines.
pub(super) fn lines(headers: &http::HeaderMap) -> Vec<String> {
    let line = |(name, value): (&http::HeaderName, &HeaderValue)| {
        format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<String> = headers.iter().map(line).collect();
    lines.sort();
    lines
}

/// The headers of an answer that the service gave with `theirs`, to a request with `asked`.
pub(super) fn answered(
    middleware: &Middleware,
    tls: bool,
    asked: &[(&'static str, &str)],
    theirs: &[(&'static str, &str)],
) -> Vec<String> {
    let request = send_with(&[middleware], "h.test", "/", tls, |head| {
        for (name, value) in asked {
            head.headers.append(*name, value.parse().unwrap());
        }
    });
    let request = request.expect_next();
    let (mut answer, ()) = Response::new(()).into_parts();
    for (name, value) in theirs {
        answer.headers.append(*name, value.parse().unwrap());
    }
    let Middleware::Edit(edit) = middleware else { panic!("it waits") };
    edit.on_response(&mut answer, &request, &context("h.test", tls));
    lines(&answer.headers)
}

pub(super) fn headers(options: &str) -> Middleware {
    build(&format!(r#"{{"headers":{options}}}"#)).unwrap()
}

#[test]
fn origins() {
    const LIST: &str = r#"{"accessControlAllowOriginList":["https://a.test","null"]}"#;
    const ANY: &str = r#"{"accessControlAllowOriginList":["*"]}"#;
    const MIXED: &str = r#"{"accessControlAllowOriginList":["https://a.test","*"]}"#;
    const WITH: &str =
        r#"{"accessControlAllowOriginList":["*"],"accessControlAllowCredentials":true}"#;
    const RE: &str = r#"{"accessControlAllowOriginListRegex":["https://.*\\.ok\\.test"]}"#;
    const ALL: &str = r#"{"accessControlAllowOriginListRegex":[".*"]}"#;
    // Options, origin, what is told; the service said `theirs`.
    for (options, origin, told) in [
        (LIST, "https://a.test", "https://a.test"),
        (LIST, "https://A.test", "theirs"),
        (LIST, "https://a.test.evil", "theirs"),
        (LIST, "null", "null"),
        (LIST, "", "theirs"),
        (ANY, "https://b.test", "*"),
        (ANY, "", "*"),
        (MIXED, "https://a.test", "https://a.test"),
        (MIXED, "https://b.test", "*"),
        (WITH, "https://b.test", "https://b.test"),
        (WITH, "", "theirs"),
        (RE, "https://x.ok.test", "https://x.ok.test"),
        (RE, "https://x.ok.test.evil", "https://x.ok.test.evil"),
        (RE, "http://x.ok.test", "theirs"),
        (ALL, "x", "x"),
        (ALL, "", "theirs"),
    ] {
        let middleware = headers(options);
        for asked in [&[("origin", origin)][..], &[]] {
            // An empty origin is as good as none.
            if asked.is_empty() && !origin.is_empty() {
                continue;
            }
            let theirs = [("access-control-allow-origin", "theirs")];
            let lines = answered(&middleware, false, asked, &theirs);
            let expected = format!("access-control-allow-origin: {told}");
            assert!(lines.contains(&expected), "{options} {asked:?}: {lines:?}");
            let credentials = options == WITH;
            assert_eq!(lines.len(), 1 + usize::from(credentials), "{options}: {lines:?}");
        }
    }
}

#[test]
fn an_origin_taken_away_is_not_told() {
    let both = headers(
        r#"{"accessControlAllowOriginList":["https://a.test"],"customRequestHeaders":{"Origin":""}}"#,
    );
    assert!(answered(&both, false, &[("origin", "https://a.test")], &[]).is_empty());
}

#[test]
fn vary() {
    let middleware = headers(r#"{"addVaryHeader":true}"#);
    for (theirs, expected) in [
        (&[][..], &["Origin"][..]),
        (&["Accept"], &["Accept,Origin"]),
        (&["Accept", "Cookie"], &["Accept,Origin", "Cookie"]),
        (&["Origin"], &["Origin"]),
        (&["Accept, origin"], &["Accept, origin"]),
        (&["Accept", "Origin"], &["Accept", "Origin"]),
        (&["*"], &["*"]),
        (&[""], &["Origin"]),
        (&["X-Origin"], &["X-Origin,Origin"]),
    ] {
        let theirs: Vec<_> = theirs.iter().map(|line| ("vary", *line)).collect();
        let expected: Vec<_> = expected.iter().map(|line| format!("vary: {line}")).collect();
        assert_eq!(answered(&middleware, false, &[], &theirs), expected, "{theirs:?}");
    }
}

#[test]
fn preflights() {
    const FULL: &str = r#"{"accessControlAllowOriginList":["https://a.test"],
        "accessControlAllowMethods":["GET","PUT"],"accessControlAllowHeaders":["X-A","X-B"],
        "accessControlExposeHeaders":["X-C"],"accessControlMaxAge":60,"addVaryHeader":true,
        "customResponseHeaders":{"X-D":"d"},"frameDeny":true,"allowedHosts":["other.test"]}"#;
    const WILD: &str = r#"{"accessControlAllowCredentials":true,
        "accessControlAllowMethods":["GET","*"],"accessControlAllowHeaders":["*"],
        "accessControlExposeHeaders":["*"]}"#;
    const STARS: &str = r#"{"accessControlAllowMethods":["*"],"accessControlAllowHeaders":["*"]}"#;
    // Options, origin, method and headers asked for, and what is told after `access-control-`.
    let table: &[(&str, &str, &str, &str, &[&str])] = &[
        (
            FULL,
            "https://a.test",
            "PUT",
            "x-z",
            &[
                "allow-headers: X-A,X-B",
                "allow-methods: GET,PUT",
                "allow-origin: https://a.test",
                "expose-headers: X-C",
                "max-age: 60",
            ],
        ),
        (
            FULL,
            "https://b.test",
            "PUT",
            "",
            &[
                "allow-headers: X-A,X-B",
                "allow-methods: GET,PUT",
                "expose-headers: X-C",
                "max-age: 60",
            ],
        ),
        (
            WILD,
            "o",
            "PUT",
            "x-a, x-b",
            &["allow-credentials: true", "allow-headers: x-a, x-b", "allow-methods: PUT"],
        ),
        (WILD, "o", "PUT", "", &["allow-credentials: true", "allow-methods: PUT"]),
        (STARS, "o", "PUT", "x-a", &["allow-headers: *", "allow-methods: *"]),
        (r#"{"accessControlMaxAge":-1}"#, "o", "PUT", "", &["max-age: -1"]),
        (r#"{"addVaryHeader":true}"#, "o", "PUT", "", &[]),
    ];
    for (options, origin, method, asked, expected) in table {
        let answer = send_with(&[&headers(options)], "h.test", "/", false, |head| {
            head.method = Method::OPTIONS;
            head.headers.insert("origin", origin.parse().unwrap());
            head.headers.insert("access-control-request-method", method.parse().unwrap());
            head.headers.insert("access-control-request-headers", asked.parse().unwrap());
        });
        let answer = answer.expect_answer();
        assert_eq!(answer.status(), 200);
        let expected: Vec<_> =
            expected.iter().map(|line| format!("access-control-{line}")).collect();
        assert_eq!(lines(answer.headers()), expected, "{options} {origin}");
    }
}

#[test]
fn what_is_no_preflight() {
    let cors = headers(r#"{"accessControlMaxAge":1}"#);
    let without = headers(r#"{"frameDeny":true}"#);
    let asked = ("access-control-request-method", "PUT");
    for (middleware, method, sent) in [
        (&without, Method::OPTIONS, &[("origin", "o"), asked][..]),
        (&cors, Method::GET, &[("origin", "o"), asked]),
        (&cors, Method::OPTIONS, &[asked]),
        (&cors, Method::OPTIONS, &[("origin", ""), asked]),
        (&cors, Method::OPTIONS, &[("origin", "o")]),
        (&cors, Method::OPTIONS, &[("origin", "o"), ("access-control-request-method", "")]),
    ] {
        let sent = send_with(&[middleware], "h.test", "/", false, |head| {
            head.method = method.clone();
            for (name, value) in sent {
                head.headers.insert(*name, value.parse().unwrap());
            }
        });
        assert!(!sent.is_answer(), "{middleware:?} {method}");
    }
}
