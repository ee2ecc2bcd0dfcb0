//! Security headers, and the check of the host.

use super::cors::{answered, headers, lines};
use super::*;

#[test]
fn headers_of_the_answer() {
    // Options, over TLS?, what the answer says.
    let table: &[(&str, bool, &[&str])] = &[
        (r#"{"frameDeny":true}"#, false, &["x-frame-options: DENY"]),
        (
            r#"{"frameDeny":true,"customFrameOptionsValue":"SAMEORIGIN"}"#,
            false,
            &["x-frame-options: SAMEORIGIN"],
        ),
        (r#"{"contentTypeNosniff":true}"#, false, &["x-content-type-options: nosniff"]),
        (r#"{"browserXssFilter":true}"#, false, &["x-xss-protection: 1; mode=block"]),
        (r#"{"customBrowserXSSValue":"0"}"#, false, &["x-xss-protection: 0"]),
        (
            r#"{"referrerPolicy":"same-origin","permissionsPolicy":"camera=()"}"#,
            false,
            &["permissions-policy: camera=()", "referrer-policy: same-origin"],
        ),
        (
            r#"{"contentSecurityPolicy":"default-src 'self';\nimg-src *\n","contentSecurityPolicyReportOnly":"x"}"#,
            false,
            &[
                "content-security-policy-report-only: x",
                "content-security-policy: default-src 'self'; img-src *",
            ],
        ),
        (r#"{"stsSeconds":5}"#, false, &[]),
        (r#"{"stsSeconds":5}"#, true, &["strict-transport-security: max-age=5"]),
        (
            r#"{"stsSeconds":5,"stsIncludeSubdomains":true,"stsPreload":true,"forceSTSHeader":true}"#,
            false,
            &["strict-transport-security: max-age=5; includeSubDomains; preload"],
        ),
        (r#"{"stsPreload":true,"forceSTSHeader":true}"#, true, &[]),
        (r#"{"publicKey":"pin"}"#, false, &[]),
        (r#"{"publicKey":"pin"}"#, true, &["public-key-pins: pin"]),
        (
            r#"{"isDevelopment":true,"stsSeconds":5,"forceSTSHeader":true,"publicKey":"p","allowedHosts":["x"],"frameDeny":true}"#,
            true,
            &["x-frame-options: DENY"],
        ),
        (
            r#"{"frameDeny":true,"customResponseHeaders":{"X-Frame-Options":"mine"}}"#,
            false,
            &["x-frame-options: mine"],
        ),
        (r#"{"sslRedirect":true,"sslHost":"x.test","featurePolicy":"x"}"#, false, &[]),
    ];
    for (options, tls, expected) in table {
        assert_eq!(answered(&headers(options), *tls, &[], &[]), *expected, "{options}");
    }
}

#[test]
fn the_services_own_are_replaced() {
    let middleware = headers(r#"{"frameDeny":true,"stsSeconds":1}"#);
    let theirs = [
        ("x-frame-options", "a"),
        ("x-frame-options", "b"),
        ("strict-transport-security", "theirs"),
    ];
    let kept = ["strict-transport-security: theirs", "x-frame-options: DENY"];
    assert_eq!(answered(&middleware, false, &[], &theirs), kept);
    let replaced = ["strict-transport-security: max-age=1", "x-frame-options: DENY"];
    assert_eq!(answered(&middleware, true, &[], &theirs), replaced);
}

#[test]
fn secure_by_a_header() {
    let proto = r#"{"stsSeconds":1,"sslProxyHeaders":{"X-Proto":"https","X-Tls":"on"}}"#;
    let set = r#"{"stsSeconds":1,"sslProxyHeaders":{"X-Proto":"https"},
        "customRequestHeaders":{"X-Proto":"https"}}"#;
    for (options, asked, secure) in [
        (proto, &[][..], false),
        (proto, &[("x-proto", "https")], true),
        (proto, &[("x-proto", "HTTPS")], false),
        (proto, &[("x-tls", "on"), ("x-proto", "http")], true),
        (proto, &[("x-proto", "http"), ("x-proto", "https")], false),
        (set, &[], true),
    ] {
        let lines = answered(&headers(options), false, asked, &[]);
        assert_eq!(!lines.is_empty(), secure, "{options} {asked:?}");
    }
}

/// Another middleware's opinion does not count, nor does what later ones make of the headers.
#[test]
fn secure_to_each_its_own() {
    let one = headers(r#"{"stsSeconds":1,"sslProxyHeaders":{"X-One":"on"}}"#);
    let two = headers(r#"{"stsSeconds":2,"sslProxyHeaders":{"X-Two":"on"}}"#);
    let sets = headers(r#"{"customRequestHeaders":{"X-Two":"on","X-One":""}}"#);
    let request = send_with(&[&one, &two, &sets], "h.test", "/", false, |head| {
        head.headers.insert("x-one", HeaderValue::from_static("on"));
    });
    let request = request.expect_next();
    for (middleware, secure) in [(&one, true), (&two, false)] {
        let (mut answer, ()) = http::Response::new(()).into_parts();
        let Middleware::Edit(edit) = middleware else { panic!("it waits") };
        edit.on_response(&mut answer, &request, &crate::middleware::tests::context("h", false));
        assert_eq!(answer.headers.len(), usize::from(secure), "{middleware:?}");
    }
}

#[test]
fn hosts() {
    let plain = r#"{"allowedHosts":["A.test","b.test:81"],"frameDeny":true,
        "customResponseHeaders":{"X-R":"r"},"accessControlAllowOriginList":["*"]}"#;
    let told = r#"{"allowedHosts":["a.test"],"hostsProxyHeaders":["X-One","X-Two"]}"#;
    let set = r#"{"allowedHosts":["a.test"],"customRequestHeaders":{"Host":"a.test"}}"#;
    for (options, host, asked, allowed) in [
        (plain, "a.TEST", &[][..], true),
        (plain, "a.test:80", &[], false),
        (plain, "b.test:81", &[], true),
        (plain, "b.test", &[], false),
        (plain, "", &[], false),
        (told, "a.test", &[], true),
        (told, "b.test", &[("x-two", "a.test")], true),
        (told, "a.test", &[("x-one", "b.test"), ("x-two", "a.test")], false),
        (told, "b.test", &[("x-one", ""), ("x-two", "A.test")], true),
        (set, "b.test", &[], true),
    ] {
        let sent = send_with(&[&headers(options)], host, "/", false, |head| {
            for (name, value) in asked {
                head.headers.insert(*name, value.parse().unwrap());
            }
        });
        assert_eq!(!sent.is_answer(), allowed, "{options} {host} {asked:?}");
        if options == plain && sent.is_answer() {
            let answer = sent.expect_answer();
            assert_eq!(answer.status(), 500);
            let expected = [
                "access-control-allow-origin: *",
                "content-type: text/plain; charset=utf-8",
                "x-content-type-options: nosniff",
                "x-r: r",
            ];
            assert_eq!(lines(answer.headers()), expected);
            assert_eq!(answer.into_body().into_own(), "Bad Host\n");
        }
    }
}

#[test]
fn nonces() {
    let options = r#"{"contentSecurityPolicy":"script-src $NONCE 20% $NONCE",
        "contentSecurityPolicyReportOnly":"100%s"}"#;
    let middleware = headers(options);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let lines = answered(&middleware, false, &[], &[]);
        assert_eq!(lines[0], "content-security-policy-report-only: 100%s");
        let policy = lines[1].strip_prefix("content-security-policy: script-src ").unwrap();
        let (one, two) = policy.split_once(" 20% ").unwrap();
        assert_eq!(one, two);
        let nonce = one.strip_prefix("'nonce-").and_then(|it| it.strip_suffix('\'')).unwrap();
        assert_eq!(nonce.len(), 22, "{nonce}");
        seen.push(nonce.to_owned());
    }
    assert_ne!(seen[0], seen[1]);
}

#[test]
fn refused_options() {
    for (options, expected) in [
        (r#"{"accessControlAllowOriginListRegex":["("]}"#, "error occurred during origin parsing"),
        (r#"{"sslProxyHeaders":{"a b":"c"},"stsSeconds":1}"#, "sslProxyHeaders has \"a b\""),
        (r#"{"hostsProxyHeaders":["a b"]}"#, "hostsProxyHeaders has \"a b\""),
        (r#"{"contentSecurityPolicy":"a\u0000b"}"#, "contentSecurityPolicy has a control"),
        (r#"{"accessControlAllowHeaders":["a\u0001"]}"#, "accessControlAllowHeaders has a control"),
        (r#"{"frameDeny":false,"sslRedirect":false}"#, "headers configuration not valid"),
    ] {
        let error = build(&format!(r#"{{"headers":{options}}}"#)).unwrap_err();
        assert!(error.contains(expected), "{options}: {error}");
    }
}
