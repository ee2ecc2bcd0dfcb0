//! `contentType` on the wire: what is looked at, and how long for.

use std::time::{Duration, Instant};

use crate::stage::Stage;

const ROUTERS: &str = "ct: {rule: 'Host(`ct.test`)', service: app, middlewares: [ct]}
    no: {rule: 'Host(`no.test`)', service: app, middlewares: [no]}";
const MIDDLEWARES: &str = "ct: {contentType: {}}
    no: {contentType: {autoDetect: false}}";

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

#[test]
fn types() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let table: &[(&[&str], Option<&str>)] = &[
        (&["body <html>"], Some(HTML)),
        (&["body <html>", "chunked"], Some(HTML)),
        (&["body <html>", "until-close"], Some(HTML)),
        // In pieces of two letters: what has a length is waited for, what has none is not.
        (&["body <html>", "halves 30"], Some(HTML)),
        (&["body <html>", "drip 30"], Some(TEXT)),
        (&["text 0"], None),
        (&["text 0", "chunked"], None),
        (&["body <html>", "status 304"], None),
        (&["body <html>", "status 204"], None),
        (&["body <html>", "header Content-Type: a/b"], Some("a/b")),
        (&["body <html>", "header Content-Type:"], Some("")),
        (&["body <html>", "header Content-Encoding: br"], None),
        (&["hex 00"], Some("application/octet-stream")),
        (&["bytes 3000000"], Some("application/octet-stream")),
    ];
    for (orders, expected) in table {
        let orders = [*orders, &["untyped"]].concat();
        let answer = stage.get("ct.test", &orders);
        assert_eq!(answer.header("content-type"), *expected, "{orders:?}");
        assert_eq!(stage.get("no.test", &orders).body, answer.body, "{orders:?}");
    }
    assert_eq!(stage.get("no.test", &["body <html>", "untyped"]).header("content-type"), None);
}

#[test]
fn no_body_no_type() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let request = "HEAD / HTTP/1.1\r\nHost: ct.test\r\nX-Do: body <html>\r\nX-Do: untyped\r\n\r\n";
    let answer = stage.connect().exchange(request).unwrap();
    assert_eq!(answer.header("content-type"), None);
    assert_eq!(answer.header("content-length"), Some("6"));
}

/// Nobody waits long for bytes that may not come.
#[test]
fn a_slow_body() {
    let stage = Stage::set(ROUTERS, MIDDLEWARES);
    let mut client = stage.connect();
    let orders = "X-Do: body <html>x\r\nX-Do: untyped\r\nX-Do: halves 4000\r\n";
    client.send(format!("GET / HTTP/1.1\r\nHost: ct.test\r\n{orders}\r\n")).unwrap();
    let begun = Instant::now();
    let head = client.head().unwrap();
    assert!(begun.elapsed() < Duration::from_millis(3500), "{:?}", begun.elapsed());
    assert_eq!(head.header("content-type"), Some(TEXT));
    assert_eq!(client.bytes(7).unwrap(), b"<html>x");
}
