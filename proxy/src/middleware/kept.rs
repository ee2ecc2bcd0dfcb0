//! A request's body, read whole up to a bound: for those who send it twice.

use std::future::poll_fn;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::request;

use crate::body::RequestBody;
use crate::failure::Failure;
use crate::serve::service::Request;

/// What became of a request's body.
#[derive(Debug)]
pub(super) enum Kept {
    /// There is none.
    Nothing,
    /// All of it; the request has it, too.
    Whole(Bytes),
    /// It is longer than allowed. The request has all of it.
    TooLarge,
    /// It did not arrive whole.
    Broken(Failure),
}

/// Reads a request's body of at most so many bytes, and gives it back to the request.
pub(super) async fn keep(request: &mut Request<'_>, most: u64) -> Kept {
    if request.body.is_ended() {
        return Kept::Nothing;
    }
    if announced(request.head).is_some_and(|length| length > most) {
        return Kept::TooLarge;
    }
    let mut whole = Whole::default();
    while let Some(data) = poll_fn(|cx| request.body.poll_data(cx)).await {
        match data {
            Ok(data) => whole.push(data),
            Err(error) => return Kept::Broken(error.into()),
        }
        if whole.length() as u64 > most {
            request.body.give_back(whole.finish());
            return Kept::TooLarge;
        }
    }
    let bytes = whole.finish();
    *request.body = RequestBody::read(bytes.clone());
    Kept::Whole(bytes)
}

/// The length that a request says its body has.
pub(super) fn announced(head: &request::Parts) -> Option<u64> {
    if head.headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    head.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Pieces put together; a lone one is taken as it is.
#[derive(Debug, Default)]
pub(super) struct Whole {
    first: Bytes,
    joined: BytesMut,
}

impl Whole {
    fn length(&self) -> usize {
        self.first.len().saturating_add(self.joined.len())
    }

    pub(super) fn push(&mut self, data: Bytes) {
        if self.length() == 0 {
            self.first = data;
            return;
        }
        let first = std::mem::take(&mut self.first);
        self.joined.extend_from_slice(&first);
        self.joined.extend_from_slice(&data);
    }

    pub(super) fn finish(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces() {
        for pieces in [&[][..], &["", "a"], &["abc"], &["a", "", "b", "cd"]] {
            let mut whole = Whole::default();
            for piece in pieces {
                whole.push(Bytes::from_static(piece.as_bytes()));
            }
            assert_eq!(whole.length(), pieces.concat().len());
            assert_eq!(whole.finish(), pieces.concat(), "{pieces:?}");
        }
    }

    #[test]
    fn lengths() {
        type Row = (&'static [(&'static str, &'static str)], Option<u64>);
        let table: &[Row] = &[
            (&[], None),
            (&[("content-length", "7")], Some(7)),
            (&[("content-length", "9223372036854775807")], Some(9_223_372_036_854_775_807)),
            (&[("content-length", "7"), ("transfer-encoding", "chunked")], None),
        ];
        for (headers, expected) in table {
            let builder =
                headers.iter().fold(http::Request::builder(), |builder, (name, value)| {
                    builder.header(*name, *value)
                });
            let (head, ()) = builder.body(()).unwrap().into_parts();
            assert_eq!(announced(&head), *expected, "{headers:?}");
        }
    }
}
