//! The server's answer that has to be known whole.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use http_body::Body as _;

use crate::body::Body;
use crate::http1::Error;
use crate::middleware::kept::Whole;

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

#[cfg(test)]
mod tests {
    use super::*;

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
