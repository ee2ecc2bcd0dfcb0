//! `compress`: answers in an encoding that the client accepts.
//!
//! Traefik has two handlers, one for gzip and one for the others, which differ in what they look at;
//! so do we where it shows ([`Compress::admits`]).

mod body;
mod encoder;
mod media_type;
mod negotiate;
mod spare;

#[cfg(test)]
mod tests;

use http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue, VARY,
};
use http::{Method, Response, StatusCode, request};
use http_body::Body as _;
use swarmgate_config::routing;

use self::body::Compressed;
use self::encoder::{Encoder, Then};
use self::negotiate::{Encoding, Offer};
use super::begun::Begun;
use super::content_type::{self, GzipSniffing, Sniffing};
use super::{Answering, Around, Context, Rest};
use crate::body::Body;
use crate::serve::answered::Answered;
use crate::serve::service::Request;

/// A service says with it that this answer is not to be compressed with gzip.
const NO_GZIP: HeaderName = HeaderName::from_static("no-gzip-compression");

const VARY_VALUE: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// A shorter body is not worth it, bytes.
const LEAST: u64 = 1024;

/// A result up to this size is waited for, so that its head can tell its length, bytes; Go does so.
const SMALL: usize = 2048;

/// A built `compress` (Traefik: Compress).
#[derive(Debug)]
pub struct Compress {
    offer: Offer,
    /// In bytes, when the length is known.
    least: u64,
    /// Media types of answers, and of requests, that are left alone.
    excluded: Vec<String>,
    /// The only media types of answers that are not; empty: all.
    included: Vec<String>,
}

/// What was decided when the request came.
#[derive(Clone, Copy, Debug)]
struct Chosen {
    encoding: Encoding,
    /// The client did not name gzip: then it does not get it, but the answer is as if it might.
    refused: bool,
    /// The type of what is compressed is to be found out.
    sniffing: bool,
}

impl Compress {
    pub(super) fn build(written: &routing::Compress) -> Result<Self, String> {
        let (excluded, included) =
            (&written.excluded_content_types, &written.included_content_types);
        if !excluded.is_empty() && !included.is_empty() {
            return Err("excludedContentTypes and includedContentTypes options are mutually \
                        exclusive"
                .into());
        }
        let named = |name: &str, what: &str| {
            Encoding::named(name)
                .ok_or_else(|| format!("unsupported {what}: {name}; expected gzip, br or zstd"))
        };
        let encodings = written.encodings.iter().map(|name| named(name, "encoding"));
        let encodings = encodings.collect::<Result<Vec<_>, _>>()?;
        if encodings.is_empty() {
            return Err("at least one encoding must be specified: gzip, br or zstd".into());
        }
        let default = match &*written.default_encoding {
            "" => None,
            name => Some(named(name, "default encoding")?),
        };
        if default.is_some_and(|default| !encodings.contains(&default)) {
            return Err(format!(
                "unsupported default encoding: {}; expected one of encodings",
                written.default_encoding
            ));
        }
        let mut excluded = types(excluded, "excluded")?;
        excluded.push("application/grpc".into());
        Ok(Self {
            offer: Offer { encodings, default },
            least: match u64::try_from(written.min_response_body_bytes) {
                Ok(0) | Err(_) => LEAST,
                Ok(least) => least,
            },
            excluded,
            included: types(included, "included")?,
        })
    }

    /// What the answer to this request gets, if it is for us at all.
    fn choose(&self, head: &request::Parts) -> Option<Chosen> {
        if head.method == Method::HEAD {
            return None;
        }
        let of_request = first(&head.headers, CONTENT_TYPE);
        if media_type::parse(of_request).is_some_and(|(name, _)| self.excludes(&name)) {
            return None;
        }
        let encoding = self.offer.choose(&head.headers)?;
        let refused = encoding == Encoding::Gzip && !negotiate::names_gzip(&head.headers);
        let sniffing = head.extensions.get::<Sniffing>().is_some()
            || encoding == Encoding::Gzip && head.extensions.get::<GzipSniffing>().is_some();
        Some(Chosen { encoding, refused, sniffing })
    }

    fn excludes(&self, name: &str) -> bool {
        self.excluded.iter().any(|excluded| excluded == name)
    }

    /// Whether an answer of this `Content-Type` is compressed. Of one that makes no sense gzip knows
    /// that it is not included, but not that it is excluded; the others leave it alone.
    fn admits(&self, encoding: Encoding, written: &[u8]) -> bool {
        match media_type::parse(written) {
            Some((name, true)) if self.included.is_empty() => !self.excludes(&name),
            Some((name, true)) => self.included.iter().any(|included| *included == name),
            Some((_, false)) | None => encoding == Encoding::Gzip && self.included.is_empty(),
        }
    }

    /// What the head alone says: whether it may be compressed.
    fn permits(&self, chosen: Chosen, headers: &HeaderMap, length: Option<u64>) -> bool {
        let typed = first(headers, CONTENT_TYPE);
        !chosen.refused
            && length.is_none_or(|length| length >= self.least)
            && first(headers, CONTENT_ENCODING).is_empty()
            && first(headers, CONTENT_RANGE).is_empty()
            && (typed.is_empty() || self.admits(chosen.encoding, typed))
    }

    /// Sees to an answer of whoever stands behind.
    async fn answer(&self, answered: Answered, chosen: Chosen) -> Answered {
        let Answered { response, tunnel, held, unreached } = answered;
        let (mut head, body) = response.into_parts();
        head.headers.append(VARY, VARY_VALUE);
        let declined = chosen.encoding == Encoding::Gzip && head.headers.remove(NO_GZIP).is_some();
        let length = body.size_hint().exact();
        let permitted = !declined
            && head.status != StatusCode::SWITCHING_PROTOCOLS
            && self.permits(chosen, &head.headers, length);
        let body = match permitted {
            true => self.compress(&mut head.headers, body, chosen).await,
            false => body,
        };
        Answered { response: Response::from_parts(head, body), tunnel, held, unreached }
    }

    /// Compresses a body if what it begins with does not forbid it.
    async fn compress(&self, headers: &mut HeaderMap, body: Body, chosen: Chosen) -> Body {
        let Chosen { encoding, sniffing, .. } = chosen;
        let length = body.size_hint().exact();
        let untyped = first(headers, CONTENT_TYPE).is_empty();
        // Gzip looks at the type that the bytes show where nobody says one.
        let looks = untyped && (sniffing || encoding == Encoding::Gzip);
        let body = if looks || length.is_none() {
            let begun = Begun::read(body, 1).await;
            if begun.is_barren() {
                return begun.into_body();
            }
            let shown = content_type::sniff(begun.data());
            if untyped && encoding == Encoding::Gzip && !self.admits(encoding, shown.as_bytes()) {
                return begun.into_body();
            }
            if sniffing && !begun.data().is_empty() && !headers.contains_key(CONTENT_TYPE) {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(shown));
            }
            begun.into_body()
        } else {
            body
        };
        let Ok(encoder) = Encoder::new(encoding, length) else { return body };
        headers.insert(CONTENT_ENCODING, encoding.value());
        headers.remove(CONTENT_LENGTH);
        // Nobody could serve a part of it.
        headers.remove(ACCEPT_RANGES);
        let compressed = Body::Changed(Box::new(Compressed::new(body, encoder, length.is_none())));
        match length {
            Some(_) => Begun::read(compressed, SMALL + 1).await.into_body(),
            None => compressed,
        }
    }
}

impl Around for Compress {
    fn around<'f>(&'f self, request: &'f mut Request<'_>, rest: Rest) -> Answering<'f> {
        let chosen = self.choose(request.head);
        let answering = rest.run(request);
        let Some(chosen) = chosen else { return answering };
        Box::pin(async move { self.answer(answering.await, chosen).await })
    }

    fn would_do(&self, head: &request::Parts, _: &Context<'_>) -> Vec<String> {
        let told = match self.choose(head) {
            Some(Chosen { encoding, refused: false, .. }) => format!(
                "compresses an answer of {} bytes or more, or of unknown length, with {}",
                self.least,
                encoding.name()
            ),
            Some(_) => "does not compress the answer: gzip is not named in the first line of \
                        Accept-Encoding"
                .into(),
            None if !head.headers.contains_key(ACCEPT_ENCODING) => {
                "does not compress the answer: there is no Accept-Encoding".into()
            }
            None => "does not compress the answer to this request".into(),
        };
        vec![told]
    }
}

/// How many bytes some pieces of one body become; without a length each leaves at once. For the
/// micro benchmarks; `None`: there is no such encoding.
pub fn encoded(name: &str, pieces: &[&[u8]], length: Option<u64>) -> Option<usize> {
    let mut encoder = Encoder::new(Encoding::named(name)?, length).ok()?;
    let between = if length.is_some() { Then::More } else { Then::Flush };
    let mut out = Vec::new();
    let (last, before) = pieces.split_last()?;
    for piece in before {
        encoder.encode(piece, between, &mut out).ok()?;
    }
    encoder.encode(last, Then::End, &mut out).ok()?;
    Some(out.len())
}

/// The media types of an option, without their parameters.
fn types(written: &[String], what: &str) -> Result<Vec<String>, String> {
    let parse = |text: &String| match media_type::parse(text.as_bytes()) {
        Some((name, true)) => Ok(name.into_owned()),
        _ => Err(format!(
            "parsing {what} media type: {text:?} is none; expected one such as text/html"
        )),
    };
    written.iter().map(parse).collect()
}

/// A header's first line; empty when absent, as Go has it.
fn first(headers: &HeaderMap, name: HeaderName) -> &[u8] {
    headers.get(name).map(HeaderValue::as_bytes).unwrap_or_default()
}
