//! An answer of gRPC as a browser can read it: its trailers are the last frame of its body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{BufMut, Bytes, BytesMut};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS,
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VARY,
};
use http::{Response, StatusCode};
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::{Form, GRPC};
use crate::body::{Body, Changed};
use crate::http1::Error;

/// A frame with this flag holds trailers (gRPC-Web: HTTP wire protocols).
const TRAILERS: u8 = 0x80;

/// Names of the connection that an answer came by: no page sees them.
const OF_CONNECTION: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Translates an answer. `origin`: whose pages may read it.
pub(super) fn translate(
    answer: Response<Body>,
    form: Form,
    origin: Option<HeaderValue>,
) -> Response<Body> {
    let (mut head, body) = answer.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Response::from_parts(head, body);
    }
    let headers = &mut head.headers;
    headers.remove(TRAILER);
    if let Some(changed) = media_type(headers, form) {
        headers.insert(CONTENT_TYPE, changed);
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        // What the service says itself stands.
        headers.entry(ACCESS_CONTROL_ALLOW_ORIGIN).or_insert(origin);
        let credentials = headers.entry(ACCESS_CONTROL_ALLOW_CREDENTIALS);
        credentials.or_insert(HeaderValue::from_static("true"));
    }
    let has_body = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_body {
        headers.remove(CONTENT_LENGTH);
    }
    if let Some(names) = exposed(headers) {
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
    }
    if !has_body {
        return Response::from_parts(head, body);
    }
    let known = headers.keys().cloned().collect();
    let body = Framed { body, form, known, trailers: HeaderMap::new(), ended: false };
    Response::from_parts(head, Body::Changed(Box::new(body)))
}

fn media_type(headers: &HeaderMap, form: Form) -> Option<HeaderValue> {
    let written = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    HeaderValue::try_from(written.replace(GRPC, form.media_type())).ok()
}

/// Everything that the page is to see of the head, and what may come in trailers.
fn exposed(headers: &HeaderMap) -> Option<HeaderValue> {
    let told = headers.keys().filter(|name| !OF_CONNECTION.contains(name));
    let mut names: Vec<String> = told.map(spelled).collect();
    // As Traefik does, whether there is one or not.
    if !headers.contains_key(CONTENT_TYPE) {
        names.push("Content-Type".into());
    }
    names.push("grpc-status".into());
    names.push("grpc-message".into());
    HeaderValue::try_from(names.join(", ")).ok()
}

/// `content-type` -> `Content-Type`.
fn spelled(name: &HeaderName) -> String {
    let mut upper = true;
    let letters = name.as_str().chars().map(|letter| {
        let spelled = if upper { letter.to_ascii_uppercase() } else { letter };
        upper = letter == '-';
        spelled
    });
    letters.collect()
}

/// A body with its trailers behind it.
#[derive(Debug)]
pub(super) struct Framed {
    body: Body,
    form: Form,
    /// Names that the head has: trailers of the same name are not told again.
    known: Vec<HeaderName>,
    trailers: HeaderMap,
    ended: bool,
}

impl Framed {
    /// As the client wants it. Each piece is base64 of its own, with padding: it can leave at once.
    fn written(&self, data: Bytes) -> Bytes {
        match self.form {
            Form::Binary => data,
            Form::Text => Bytes::from(BASE64_STANDARD.encode(&data)),
        }
    }
}

/// The last frame: a flag, four bytes of length, and a line for each trailer, by name.
fn last_frame(trailers: &HeaderMap, known: &[HeaderName]) -> Bytes {
    let told = trailers.iter().filter(|(name, _)| !known.contains(name));
    let mut lines: Vec<(&HeaderName, &[u8])> =
        told.map(|(name, value)| (name, value.as_bytes().trim_ascii())).collect();
    lines.sort_by(|(one, _), (other, _)| one.as_str().cmp(other.as_str()));
    let mut block = BytesMut::new();
    for (name, value) in lines {
        block.put_slice(name.as_str().as_bytes());
        block.put_slice(b": ");
        block.put_slice(value);
        block.put_slice(b"\r\n");
    }
    let mut frame = BytesMut::with_capacity(block.len() + 5);
    frame.put_u8(TRAILERS);
    // Trailers are bounded as heads are.
    frame.put_u32(u32::try_from(block.len()).unwrap_or(u32::MAX));
    frame.put_slice(&block);
    frame.freeze()
}

impl HttpBody for Framed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            let data = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if data.is_empty() => continue,
                    Ok(data) if this.body.is_end_stream() => {
                        this.ended = true;
                        let last = last_frame(&this.trailers, &this.known);
                        Bytes::from([&data[..], &last].concat())
                    }
                    Ok(data) => data,
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            this.trailers.extend(trailers);
                        }
                        continue;
                    }
                },
                Some(Err(error)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.ended = true;
                    last_frame(&this.trailers, &this.known)
                }
            };
            return Poll::Ready(Some(Ok(Frame::data(this.written(data)))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Changed for Framed {
    fn original(&self) -> Option<&Body> {
        Some(&self.body)
    }

    fn original_mut(&mut self) -> Option<&mut Body> {
        Some(&mut self.body)
    }
}
