//! Who is translated, base64 cut anywhere, trailers in frames, preflights.

use std::pin::Pin;
use std::task::{Context as TaskContext, Poll, Waker};

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};

use super::answer::translate;
use super::request::{Malformed, Quantum};
use super::*;
use crate::body::{Body, Changed};
use crate::http1::Error;

fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

#[test]
fn who_is_translated() {
    let grpc = |value| ("content-type", value);
    let asks = |value| ("access-control-request-headers", value);
    let method = ("access-control-request-method", "POST");
    type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Kind);
    let table: &[Row<'_>] = &[
        ("POST", &[grpc("application/grpc-web")], Kind::Web(Form::Binary)),
        ("POST", &[grpc("application/grpc-web+proto")], Kind::Web(Form::Binary)),
        ("POST", &[grpc("application/grpc-web-text")], Kind::Web(Form::Text)),
        ("POST", &[grpc("application/grpc-web-text+proto")], Kind::Web(Form::Text)),
        ("POST", &[grpc("application/grpc")], Kind::Other),
        ("POST", &[grpc("Application/grpc-web")], Kind::Other),
        ("POST", &[], Kind::Other),
        ("PUT", &[grpc("application/grpc-web")], Kind::Other),
        ("GET", &[grpc("application/grpc-web")], Kind::Other),
        ("OPTIONS", &[asks("content-type,x-grpc-web"), method], Kind::Preflight),
        ("OPTIONS", &[asks("X-GRPC-Web"), method], Kind::Preflight),
        ("OPTIONS", &[asks("x-grpc-web")], Kind::Web(Form::Binary)),
        ("OPTIONS", &[asks("x-other"), method], Kind::Other),
        ("OPTIONS", &[], Kind::Other),
        ("POST", &[asks("x-grpc-web"), method], Kind::Other),
    ];
    for (method, headers, expected) in table {
        assert_eq!(kind(&head(method, headers)), *expected, "{method} {headers:?}");
    }
}

/// Decoded in two pieces, cut after `cut` letters.
fn decode(letters: &[u8], cut: usize) -> Result<Vec<u8>, Malformed> {
    let (mut quantum, mut decoded) = (Quantum::default(), Vec::new());
    quantum.decode(&letters[..cut], &mut decoded)?;
    quantum.decode(&letters[cut..], &mut decoded)?;
    if quantum.is_whole() { Ok(decoded) } else { Err(Malformed) }
}

#[test]
fn base64_however_it_is_cut() {
    let table: &[(&str, Option<&[u8]>)] = &[
        ("", Some(b"")),
        ("AAECAw==", Some(&[0, 1, 2, 3])),
        ("aGVsbG8=", Some(b"hello")),
        ("aGVs\r\nbG8=", Some(b"hello")),
        ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
        // Messages that were written one by one.
        ("aGk=aGk=", Some(b"hihi")),
        ("aA==aGk=aGVs", Some(b"hhihel")),
        ("aGk", None),
        ("aG=k", None),
        ("a===", None),
        ("====", None),
        ("=", None),
        ("aGk=\0", None),
        ("aGk-", None),
        ("a b=", None),
        ("aA=", None),
    ];
    for (letters, expected) in table {
        for cut in 0..=letters.len() {
            let decoded = decode(letters.as_bytes(), cut).ok();
            assert_eq!(decoded.as_deref(), *expected, "{letters:?} cut at {cut}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn base64_of_anything(bytes: Vec<u8>, cut: usize) {
        use base64::Engine;
        let letters = base64::prelude::BASE64_STANDARD.encode(&bytes).into_bytes();
        let cut = cut % (letters.len() + 1);
        proptest::prop_assert_eq!(decode(&letters, cut), Ok(bytes));
    }

    #[test]
    fn anything_for_base64(letters: Vec<u8>) {
        // Whatever comes, it is decoded or refused.
        let _ = decode(&letters, letters.len() / 2);
    }
}

/// A server's body: these pieces, then perhaps trailers.
#[derive(Debug)]
struct Served(Vec<Frame<Bytes>>);

impl http_body::Body for Served {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.0.is_empty() { Poll::Ready(None) } else { Poll::Ready(Some(Ok(self.0.remove(0)))) }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Changed for Served {
    fn original(&self) -> Option<&Body> {
        None
    }

    fn original_mut(&mut self) -> Option<&mut Body> {
        None
    }
}

fn served(pieces: &[&'static str], trailers: &[(&'static str, &'static str)]) -> Body {
    let mut frames: Vec<Frame<Bytes>> =
        pieces.iter().map(|piece| Frame::data(Bytes::from_static(piece.as_bytes()))).collect();
    if !trailers.is_empty() {
        let pairs = trailers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        frames.push(Frame::trailers(pairs.collect::<HeaderMap>()));
    }
    Body::Changed(Box::new(Served(frames)))
}

fn pieces(answer: Response<Body>) -> Vec<Bytes> {
    let mut body = answer.into_body();
    let mut cx = TaskContext::from_waker(Waker::noop());
    let mut pieces = Vec::new();
    while let Poll::Ready(Some(frame)) = Pin::new(&mut body).poll_frame(&mut cx) {
        pieces.push(frame.unwrap().into_data().expect("no trailers any more"));
    }
    assert!(body.is_end_stream());
    pieces
}

fn answer(headers: &[(&str, &str)], body: Body) -> Response<Body> {
    let mut answer = Response::builder();
    for (name, value) in headers {
        answer = answer.header(*name, *value);
    }
    answer.body(body).unwrap()
}

#[test]
fn trailers_become_a_frame() {
    let trailers = [("grpc-status", "0"), ("grpc-message", "well done"), ("x-known", "no")];
    let given = answer(
        &[
            ("content-type", "application/grpc+proto"),
            ("x-known", "yes"),
            ("trailer", "grpc-status"),
            ("content-length", "5"),
        ],
        served(&["ab", "", "cde"], &trailers),
    );
    let changed = translate(given, Form::Binary, Some(HeaderValue::from_static("https://o")));
    let headers = changed.headers().clone();
    assert_eq!(headers["content-type"], "application/grpc-web+proto");
    assert_eq!(headers["access-control-allow-origin"], "https://o");
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert_eq!(headers["vary"], "Origin");
    assert!(!headers.contains_key("trailer") && !headers.contains_key("content-length"));
    let exposed = headers["access-control-expose-headers"].to_str().unwrap();
    for name in ["Content-Type", "X-Known", "grpc-status", "grpc-message"] {
        assert!(exposed.split(", ").any(|it| it == name), "{exposed}");
    }
    let lines = b"grpc-message: well done\r\ngrpc-status: 0\r\n";
    let frame = [&[0x80, 0, 0, 0, u8::try_from(lines.len()).unwrap()], &lines[..]].concat();
    assert_eq!(pieces(changed), [&b"ab"[..], b"cde", &frame]);
}

#[test]
fn what_pages_may_see() {
    let given = answer(
        &[
            ("x-known", "yes"),
            ("connection", "close"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
        ],
        Body::Empty,
    );
    let changed = translate(given, Form::Binary, None);
    let exposed = &changed.headers()["access-control-expose-headers"];
    assert_eq!(exposed, "X-Known, Vary, Content-Type, grpc-status, grpc-message");
    assert_eq!(changed.headers()["connection"], "close", "it is not ours to remove");
}

#[test]
fn as_text() {
    let given = answer(
        &[("content-type", "application/grpc")],
        served(&["hello", "hi"], &[("grpc-status", "0")]),
    );
    let changed = translate(given, Form::Text, None);
    assert_eq!(changed.headers()["content-type"], "application/grpc-web-text");
    assert!(!changed.headers().contains_key("access-control-allow-origin"));
    let pieces = pieces(changed);
    assert_eq!(pieces[..2], [&b"aGVsbG8="[..], b"aGk="]);
    assert_eq!(pieces[2], "gAAAABBncnBjLXN0YXR1czogMA0K");
}

#[test]
fn without_trailers_or_body() {
    let empty = [0x80, 0, 0, 0, 0];
    let changed = translate(answer(&[("grpc-status", "5")], Body::Empty), Form::Binary, None);
    assert_eq!(pieces(changed), [&empty[..]]);
    for status in
        [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED, StatusCode::SWITCHING_PROTOCOLS]
    {
        let mut given = answer(&[], Body::Empty);
        *given.status_mut() = status;
        let changed = translate(given, Form::Text, None);
        assert!(matches!(changed.body(), Body::Empty), "{status}");
    }
}

#[test]
fn preflights() {
    let origins = Origins::build(&["https://a.test".into()]);
    let ask = |method: &'static str, origin: &'static str| {
        origins.preflight(&head(
            "OPTIONS",
            &[
                ("access-control-request-headers", "x-grpc-web,Content-TYPE, x-user_agent,,a!b"),
                ("access-control-request-method", method),
                ("origin", origin),
            ],
        ))
    };
    let told = ask("post", "https://a.test");
    let headers = told.headers();
    assert_eq!(told.status(), StatusCode::OK);
    assert_eq!(headers["access-control-allow-origin"], "https://a.test");
    assert_eq!(headers["access-control-allow-methods"], "POST");
    let asked = &headers["access-control-allow-headers"];
    assert_eq!(asked, "X-Grpc-Web, Content-Type, X-User_Agent, Ab");
    assert_eq!(headers["access-control-allow-credentials"], "true");
    assert_eq!(headers["access-control-max-age"], "600");
    let varies: Vec<_> = headers.get_all("vary").iter().collect();
    assert_eq!(
        varies,
        ["Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"]
    );
    for (method, origin) in [("POST", "https://b.test"), ("PUT", "https://a.test"), ("POST", "")] {
        let told = ask(method, origin);
        assert_eq!((told.status(), told.headers().len()), (StatusCode::OK, 3), "{method} {origin}");
    }
    let any = Origins::build(&["*".into()]);
    assert!(any.allows(Some(&HeaderValue::from_static("x")), &Method::POST));
    assert!(!any.allows(None, &Method::POST));
}

#[test]
fn a_body_that_nobody_has_read_is_taken_back() {
    let mut cx = TaskContext::from_waker(Waker::noop());
    let mut next = |body: &mut RequestBody| match body.poll_data(&mut cx) {
        Poll::Ready(Some(Ok(data))) => data,
        other => panic!("{other:?}"),
    };
    let text = || RequestBody::read(Bytes::from_static(b"aGk="));
    let mut body = RequestBody::made(Box::new(Decoded::new(text())));
    assert!(body.unmake());
    assert_eq!(next(&mut body), "aGk=");

    let mut body = RequestBody::made(Box::new(Decoded::new(text())));
    let data = next(&mut body);
    body.give_back(data);
    assert!(!body.unmake());
    assert_eq!(next(&mut body), "hi");
    assert!(!text().unmake());
}
