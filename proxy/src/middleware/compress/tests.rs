//! What is compressed, and what an answer looks like then.

use bytes::Bytes;
use http::Request as HttpRequest;
use http_body_util::BodyExt;

use super::super::scripted::Step::{Data, Fail, Later, Made, Never, Trailer};
use super::super::scripted::{Step, measured, run, scripted};
use super::encoder::tests::decode;
use super::*;

fn build(options: &str) -> Result<Compress, String> {
    Compress::build(&serde_json::from_str(options).unwrap())
}

/// What came of an answer: its encoding and type, and its body decoded.
#[derive(Debug, PartialEq)]
struct Seen {
    encoding: Option<String>,
    kind: Option<String>,
    /// `Content-Length` or the body's own length.
    length: bool,
    body: Vec<u8>,
}

/// Has a middleware with these options see to an answer with these headers.
fn answered(
    options: &str,
    accept: &str,
    headers: &[(&str, &str)],
    body: Body,
    sniffing: bool,
) -> (Response<Body>, Option<Chosen>) {
    let compress = build(options).unwrap();
    let request = HttpRequest::builder().header("accept-encoding", accept).body(()).unwrap();
    let (mut request, ()) = request.into_parts();
    if sniffing {
        request.extensions.insert(Sniffing);
    }
    let mut response = Response::new(body);
    for (name, value) in headers {
        let name = HeaderName::try_from(*name).unwrap();
        response.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let chosen = compress.choose(&request);
    let response = match chosen {
        Some(chosen) => run(compress.answer(response.into(), chosen)).response,
        None => response,
    };
    (response, chosen)
}

fn seen(response: Response<Body>) -> Seen {
    let text = |name: HeaderName| {
        let value = response.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let (encoding, kind) = (text(CONTENT_ENCODING), text(CONTENT_TYPE));
    let length = response.body().size_hint().exact().is_some();
    let coded = run(response.into_body().collect()).unwrap().to_bytes().to_vec();
    let body = match encoding.as_deref().and_then(Encoding::named) {
        Some(encoding) => {
            let (body, ended) = decode(encoding, &coded);
            assert!(ended, "a whole stream");
            body
        }
        None => coded,
    };
    Seen { encoding, kind, length, body }
}

fn long() -> Vec<u8> {
    b"Some text that says little. ".repeat(200)
}

#[test]
fn bad_options() {
    let table = [
        (
            r#"{"encodings":["gzip","deflate"]}"#,
            "unsupported encoding: deflate; expected gzip, br or zstd",
        ),
        (r#"{"encodings":["GZIP"]}"#, "unsupported encoding: GZIP; expected gzip, br or zstd"),
        (
            r#"{"defaultEncoding":"x"}"#,
            "unsupported default encoding: x; expected gzip, br or zstd",
        ),
        (
            r#"{"encodings":["gzip"],"defaultEncoding":"br"}"#,
            "unsupported default encoding: br; expected one of encodings",
        ),
        (
            r#"{"excludedContentTypes":["a/b"],"includedContentTypes":["a/b"]}"#,
            "excludedContentTypes and includedContentTypes options are mutually exclusive",
        ),
        (
            r#"{"excludedContentTypes":["text/html, a/b"]}"#,
            "parsing excluded media type: \"text/html, a/b\" is none; expected one such as text/html",
        ),
        (
            r#"{"includedContentTypes":["text/html; charset"]}"#,
            "parsing included media type: \"text/html; charset\" is none; expected one such as text/html",
        ),
        (
            r#"{"includedContentTypes":[""]}"#,
            "parsing included media type: \"\" is none; expected one such as text/html",
        ),
    ];
    for (options, expected) in table {
        assert_eq!(build(options).unwrap_err(), expected, "{options}");
    }
    let none = routing::Compress { encodings: Vec::new(), ..routing::Compress::default() };
    let error = Compress::build(&none).unwrap_err();
    assert_eq!(error, "at least one encoding must be specified: gzip, br or zstd");
    for (least, expected) in [(-1, 1024), (0, 1024), (1, 1), (1_i64 << 40, 1_u64 << 40)] {
        let compress = build(&format!(r#"{{"minResponseBodyBytes":{least}}}"#)).unwrap();
        assert_eq!(compress.least, expected, "{least}");
    }
}

#[test]
fn which_requests() {
    let compress =
        build(r#"{"excludedContentTypes":["Text/HTML; a=b"],"defaultEncoding":"br"}"#).unwrap();
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Option<(Encoding, bool)>);
    let table: &[Row<'_>] = &[
        ("GET", &[], Some((Encoding::Brotli, false))),
        ("GET", &[("accept-encoding", "gzip")], Some((Encoding::Gzip, false))),
        ("HEAD", &[("accept-encoding", "gzip")], None),
        (
            "POST",
            &[("accept-encoding", "gzip"), ("content-type", "a/b")],
            Some((Encoding::Gzip, false)),
        ),
        ("POST", &[("accept-encoding", "gzip"), ("content-type", "text/html; c")], None),
        ("POST", &[("accept-encoding", "gzip"), ("content-type", "application/grpc")], None),
        (
            "POST",
            &[("accept-encoding", "gzip"), ("content-type", "application/grpc+proto")],
            Some((Encoding::Gzip, false)),
        ),
        // The second handler of Traefik only looks at the first line.
        (
            "GET",
            &[("accept-encoding", "x"), ("accept-encoding", "gzip")],
            Some((Encoding::Gzip, true)),
        ),
    ];
    for (method, headers, expected) in table {
        let mut request = HttpRequest::builder().method(*method);
        for (name, value) in *headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        let chosen = compress.choose(&head).map(|chosen| (chosen.encoding, chosen.refused));
        assert_eq!(chosen, *expected, "{method} {headers:?}");
    }
}

#[test]
fn which_answers() {
    // Encodings: none, gzip, br; what follows is the same for zstd as for br.
    let (both, gzip, br, none) = ((true, true), (true, false), (false, true), (false, false));
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], (bool, bool));
    let excluded = r#"{"excludedContentTypes":["text/html"]}"#;
    let included = r#"{"includedContentTypes":["text/html"]}"#;
    let table: &[Row<'_>] = &[
        ("{}", &[("content-type", "text/html")], both),
        ("{}", &[], both),
        ("{}", &[("content-type", "")], both),
        ("{}", &[("content-type", "text/html; charset")], gzip),
        ("{}", &[("content-type", "no type")], gzip),
        ("{}", &[("content-type", "application/grpc")], none),
        ("{}", &[("content-type", "application/grpc-web")], both),
        ("{}", &[("content-encoding", "identity")], none),
        ("{}", &[("content-encoding", "")], both),
        ("{}", &[("content-range", "bytes 0-9/10")], none),
        ("{}", &[("no-gzip-compression", "")], br),
        ("{}", &[("cache-control", "no-transform")], both),
        (excluded, &[("content-type", "Text/Html; charset=utf-8")], none),
        (excluded, &[("content-type", "text/html; charset")], gzip),
        (excluded, &[("content-type", "text/plain")], both),
        (excluded, &[], both),
        (included, &[("content-type", "text/html; charset=utf-8")], both),
        (included, &[("content-type", "text/html; charset")], none),
        (included, &[("content-type", "text/plain")], none),
        // It shows no HTML.
        (included, &[], br),
        (r#"{"includedContentTypes":["text/*"]}"#, &[("content-type", "text/html")], none),
        (r#"{"includedContentTypes":["text/plain"]}"#, &[], both),
        (r#"{"excludedContentTypes":["text/plain"]}"#, &[], br),
    ];
    for (options, headers, (by_gzip, by_br)) in table {
        for (accept, expected) in [("gzip", by_gzip), ("br", by_br), ("zstd", by_br)] {
            let bodies = [
                Body::from(Bytes::from(long())),
                measured(vec![Later, Made(long().into())]),
                scripted(vec![Later, Made(long().into())]),
            ];
            for body in bodies {
                let what = format!("{options} {headers:?} {accept} {body:?}");
                let (response, _) = answered(options, accept, headers, body, false);
                assert_eq!(response.headers()["vary"], "Accept-Encoding", "{what}");
                let gone = accept == "gzip" || !headers.contains(&("no-gzip-compression", ""));
                assert_eq!(response.headers().contains_key(NO_GZIP), !gone, "{what}");
                let seen = seen(response);
                let encoded = seen.encoding.as_deref() == Some(accept);
                assert_eq!(encoded, *expected, "{what}");
                assert!(seen.body == long(), "{what}");
            }
        }
    }
}

#[test]
fn lengths() {
    let exact = |length: usize| measured(vec![Made(vec![b'x'; length].into())]);
    let table: Vec<(Body, bool, bool)> = vec![
        (exact(1023), false, true),
        (exact(1024), true, true),
        (Body::from("x".repeat(1023)), false, true),
        (Body::from("x".repeat(1024)), true, true),
        (Body::Empty, false, true),
        (scripted(vec![Data(b"x")]), true, false),
        (scripted(vec![]), false, true),
        (scripted(vec![Data(b"x"), Trailer]), true, false),
        (measured(vec![Made(noise(5000).into())]), true, false),
    ];
    for (number, (body, encoded, length)) in table.into_iter().enumerate() {
        let what = format!("row {number}");
        let (response, _) = answered("{}", "gzip", &[("content-type", "a/b")], body, false);
        assert_eq!(response.headers().contains_key(CONTENT_ENCODING), encoded, "{what}");
        assert_eq!(response.body().size_hint().exact().is_some(), length, "{what}");
        seen(response);
    }
}

/// Bytes that nothing makes shorter (Knuth's MMIX generator).
pub(super) fn noise(length: usize) -> Vec<u8> {
    let (factor, term) = (6_364_136_223_846_793_005, 1_442_695_040_888_963_407);
    let next = |state: &u64| Some(state.wrapping_mul(factor).wrapping_add(term));
    std::iter::successors(Some(1_u64), next).map(|state| (state >> 56) as u8).take(length).collect()
}

#[test]
fn headers_of_a_compressed_answer() {
    let headers = [
        ("content-type", "text/plain"),
        ("content-length", "5600"),
        ("accept-ranges", "bytes"),
        ("etag", "\"x\""),
        ("vary", "Cookie"),
    ];
    for accept in ["gzip", "br", "zstd"] {
        let (response, _) =
            answered("{}", accept, &headers, measured(vec![Made(long().into())]), false);
        let headers = response.headers();
        assert!(!headers.contains_key("content-length") && !headers.contains_key("accept-ranges"));
        assert_eq!(headers["etag"], "\"x\"");
        let vary: Vec<_> = headers.get_all("vary").iter().collect();
        assert_eq!(vary, ["Cookie", "Accept-Encoding"]);
        let seen = seen(response);
        assert_eq!((seen.encoding.as_deref(), seen.length), (Some(accept), true));
        assert!(seen.body == long());
    }
}

#[test]
fn types_are_named_where_they_are_looked_for() {
    for (headers, sniffing, expected) in [
        (&[][..], false, None),
        (&[], true, Some("text/plain; charset=utf-8")),
        (&[("content-type", "")], true, Some("")),
        (&[("content-type", "a/b")], true, Some("a/b")),
    ] {
        for accept in ["gzip", "br", "zstd"] {
            let body = measured(vec![Made(long().into())]);
            let (response, _) = answered("{}", accept, headers, body, sniffing);
            let seen = seen(response);
            assert_eq!(seen.kind.as_deref(), expected, "{headers:?} {sniffing} {accept}");
            assert_eq!(seen.encoding.as_deref(), Some(accept));
        }
    }
}

#[test]
fn a_refused_gzip_leaves_its_traces() {
    let headers = [("no-gzip-compression", "1")];
    let (response, chosen) = answered("{}", "*", &headers, Body::from("x".repeat(5000)), false);
    assert!(chosen.unwrap().refused);
    assert_eq!(response.headers()["vary"], "Accept-Encoding");
    assert!(!response.headers().contains_key(NO_GZIP));
    assert!(!response.headers().contains_key(CONTENT_ENCODING));
}

/// Nothing comes for a long time: the head does not wait for ever.
#[test]
fn a_silent_stream() {
    for accept in ["gzip", "br", "zstd"] {
        let headers = [("content-type", "text/event-stream")];
        let (response, _) = answered("{}", accept, &headers, scripted(vec![Never]), false);
        assert_eq!(response.headers()[CONTENT_ENCODING], accept);
    }
}

#[test]
fn what_breaks_off_stays_broken() {
    let table: Vec<Vec<Step>> = vec![
        vec![Fail],
        vec![Data(b"x"), Fail],
        vec![Made(long().into()), Fail],
        vec![Made(noise(100_000).into()), Later, Fail],
    ];
    for steps in table {
        for known in [false, true] {
            for accept in ["gzip", "br", "zstd"] {
                let original =
                    if known { measured(steps.clone()) } else { scripted(steps.clone()) };
                let options = r#"{"minResponseBodyBytes":1}"#;
                let (response, _) = answered(options, accept, &[], original, false);
                let collected = run(response.into_body().collect());
                assert!(collected.is_err(), "{accept} {known}");
            }
        }
    }
}

#[test]
fn what_is_told() {
    let compress = build("{}").unwrap();
    let context = super::super::tests::context("h.test", false);
    let table = [
        ("br", "compresses an answer of 1024 bytes or more, or of unknown length, with br"),
        (
            "*",
            "does not compress the answer: gzip is not named in the first line of Accept-Encoding",
        ),
        ("identity", "does not compress the answer to this request"),
    ];
    for (accept, expected) in table {
        let request = HttpRequest::builder().header("accept-encoding", accept);
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(compress.would_do(&head, &context), [expected]);
    }
    let (head, ()) = HttpRequest::new(()).into_parts();
    let told = compress.would_do(&head, &context);
    assert_eq!(told, ["does not compress the answer: there is no Accept-Encoding"]);
}
