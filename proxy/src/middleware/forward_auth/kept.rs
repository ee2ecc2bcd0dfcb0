//! Bodies that have to be known whole: the request's, which is sent twice, and the server's.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http_body::Body as _;

use crate::body::{Body, RequestBody, RequestBodyError};
use crate::failure::Failure;
use crate::http1::Error;
use crate::serve::service::Request;

/// How long a body may be, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit(pub(super) u64);

impl Limit {
    /// As written: a negative number is none.
    pub(super) fn of(written: Option<i64>) -> Option<Self> {
        written.and_then(|limit| u64::try_from(limit).ok()).map(Self)
    }

    fn allows(self, length: usize) -> bool {
        length as u64 <= self.0
    }
}

/// What became of a request's body.
#[derive(Debug)]
pub(super) enum Kept {
    /// There is none.
    Nothing,
    /// All of it; the request has it, too.
    Whole(Bytes),
    /// It is longer than allowed, and not all has been read.
    TooLarge,
    /// It did not arrive whole.
    Broken(Failure),
}

/// Reads a request's body, and gives it back to the request.
pub(super) async fn keep(request: &mut Request<'_>, limit: Limit) -> Kept {
    if request.body.is_ended() {
        return Kept::Nothing;
    }
    let announced = request.head.headers.get(CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| !limit.allows(length)) {
        return Kept::TooLarge;
    }
    let mut whole = Whole::default();
    while let Some(data) = poll_fn(|cx| request.body.poll_data(cx)).await {
        match data {
            Ok(data) if !limit.allows(whole.length().saturating_add(data.len())) => {
                return Kept::TooLarge;
            }
            Ok(data) => whole.push(data),
            Err(RequestBodyError::TimedOut) => return Kept::Broken(Failure::RequestBodyTimeout),
            Err(RequestBodyError::Client(error)) => {
                return Kept::Broken(Failure::RequestBody(error));
            }
        }
    }
    let bytes = whole.finish();
    *request.body = RequestBody::read(bytes.clone());
    Kept::Whole(bytes)
}

/// Reads an answer's body to its end; what is not `wanted` is not kept. `None`: it is too long.
///
/// # Errors
/// It breaks off.
pub(super) async fn read(
    mut body: Body,
    limit: Option<Limit>,
    wanted: bool,
) -> Result<Option<Bytes>, Error> {
    let mut whole = Whole::default();
    let mut length = 0_usize;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(data) = frame?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if limit.is_some_and(|limit| !limit.allows(length)) {
            return Ok(None);
        }
        if wanted {
            whole.push(data);
        }
    }
    Ok(Some(whole.finish()))
}

/// Pieces put together; a lone one is taken as it is.
#[derive(Debug, Default)]
struct Whole {
    first: Bytes,
    joined: BytesMut,
}

impl Whole {
    fn length(&self) -> usize {
        self.first.len().saturating_add(self.joined.len())
    }

    fn push(&mut self, data: Bytes) {
        if self.length() == 0 {
            self.first = data;
            return;
        }
        let first = std::mem::take(&mut self.first);
        self.joined.extend_from_slice(&first);
        self.joined.extend_from_slice(&data);
    }

    fn finish(self) -> Bytes {
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
    fn limits() {
        let allows = |written, length| Limit::of(Some(written)).is_none_or(|it| it.allows(length));
        for (written, length, expected) in
            [(-1, usize::MAX, true), (0, 0, true), (0, 1, false), (5, 5, true), (5, 6, false)]
        {
            assert_eq!(allows(written, length), expected, "{written} {length}");
        }
        assert!(Limit::of(None).is_none());
    }
}
