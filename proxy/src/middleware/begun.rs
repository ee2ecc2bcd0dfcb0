//! An answer's body whose first bytes were looked at before its head leaves.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::timeout;

use crate::body::{Body, Changed};
use crate::http1::Error;

/// How long a head waits for the first bytes behind it; Traefik flushes as often.
pub(super) const PATIENCE: Duration = Duration::from_millis(100);

/// What came behind the bytes: the end, an error or trailers.
type Seen = Option<Result<Frame<Bytes>, Error>>;

/// A body, and what was read of it already.
#[derive(Debug)]
pub(super) struct Begun {
    data: Bytes,
    behind: Option<Seen>,
    original: Body,
}

impl Begun {
    /// Reads until there are `wanted` bytes, or the body is over, or [`PATIENCE`] is.
    pub(super) async fn read(original: Body, wanted: usize) -> Self {
        let mut begun = Self { data: Bytes::new(), behind: None, original };
        // Late bytes are not lost: they are still to be read.
        let _ = timeout(PATIENCE, poll_fn(|cx| begun.poll_read(cx, wanted))).await;
        begun
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, wanted: usize) -> Poll<()> {
        while self.data.len() < wanted && self.behind.is_none() {
            match ready!(Pin::new(&mut self.original).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.append(data),
                    Err(frame) => self.behind = Some(Some(Ok(frame))),
                },
                seen => self.behind = Some(seen),
            }
        }
        Poll::Ready(())
    }

    fn append(&mut self, data: Bytes) {
        if self.data.is_empty() {
            self.data = data;
        } else {
            let mut both = BytesMut::with_capacity(self.data.len() + data.len());
            both.extend_from_slice(&self.data);
            both.extend_from_slice(&data);
            self.data = both.freeze();
        }
    }

    /// What was read.
    pub(super) fn data(&self) -> &[u8] {
        &self.data
    }

    /// Whether it is over without having had a byte, whatever the reason.
    pub(super) fn is_barren(&self) -> bool {
        self.data.is_empty() && self.behind.is_some()
    }

    /// The body as it was.
    pub(super) fn into_body(self) -> Body {
        match (self.original, self.behind) {
            (Body::Empty, None | Some(None)) => Body::Full(self.data),
            (original, None) if self.data.is_empty() => original,
            (original, behind) => {
                Body::Changed(Box::new(Self { data: self.data, behind, original }))
            }
        }
    }
}

impl HttpBody for Begun {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.data.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.data)))));
        }
        match &mut self.behind {
            None => Pin::new(&mut self.original).poll_frame(cx),
            // Once told, it is over.
            Some(seen) => Poll::Ready(seen.take()),
        }
    }

    fn is_end_stream(&self) -> bool {
        let over = match &self.behind {
            None => self.original.is_end_stream(),
            Some(seen) => seen.is_none(),
        };
        self.data.is_empty() && over
    }

    fn size_hint(&self) -> SizeHint {
        let behind = match &self.behind {
            None => self.original.size_hint().exact(),
            Some(seen) => seen.is_none().then_some(0),
        };
        let whole = behind.and_then(|behind| behind.checked_add(self.data.len() as u64));
        whole.map(SizeHint::with_exact).unwrap_or_default()
    }
}

impl Changed for Begun {
    fn original(&self) -> Option<&Body> {
        Some(&self.original)
    }

    fn original_mut(&mut self) -> Option<&mut Body> {
        Some(&mut self.original)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::super::scripted::{Step, run, scripted};
    use super::*;

    #[test]
    fn what_is_read_and_what_is_left() {
        use Step::{Data, Fail, Never, Trailer};
        type Row = (Vec<Step>, usize, &'static str, bool, Option<u64>);
        let table: Vec<Row> = vec![
            (vec![], 1, "", true, Some(0)),
            (vec![Data(b"abc"), Data(b"def")], 1, "abc", false, None),
            (vec![Data(b"abc"), Data(b"def")], 4, "abcdef", false, None),
            (vec![Data(b"abc"), Data(b"def")], 7, "abcdef", false, Some(6)),
            (vec![Data(b""), Data(b"a")], 1, "a", false, None),
            (vec![Trailer], 1, "", true, None),
            (vec![Data(b"a"), Trailer], 2, "a", false, None),
            (vec![Fail], 1, "", true, None),
            (vec![Data(b"a"), Fail], 2, "a", false, None),
            (vec![Never], 1, "", false, None),
            (vec![Data(b"a"), Never], 2, "a", false, None),
        ];
        for (steps, wanted, data, barren, exact) in table {
            let what = format!("{steps:?} {wanted}");
            run(async {
                let begun = Begun::read(scripted(steps.clone()), wanted).await;
                assert_eq!(begun.data(), data.as_bytes(), "{what}");
                assert_eq!(begun.is_barren(), barren, "{what}");
                assert_eq!(begun.size_hint().exact(), exact, "{what}");
                if steps.iter().any(|step| matches!(step, Never)) {
                    return;
                }
                let mut all = Vec::new();
                let (mut body, mut trailers, mut failed) = (begun.into_body(), false, false);
                while let Some(frame) = body.frame().await {
                    match frame.map(Frame::into_data) {
                        Ok(Ok(data)) => all.extend_from_slice(&data),
                        Ok(Err(_)) => trailers = true,
                        Err(_) => failed = true,
                    }
                }
                let sent: Vec<u8> = steps.iter().flat_map(|step| step.data().to_vec()).collect();
                assert_eq!(all, sent, "{what}");
                assert_eq!(trailers, steps.iter().any(|step| matches!(step, Trailer)), "{what}");
                assert_eq!(failed, steps.iter().any(|step| matches!(step, Fail)), "{what}");
            });
        }
    }

    #[test]
    fn our_own_bytes_stay_our_own() {
        run(async {
            let begun = Begun::read(Body::from("abc"), 512).await;
            assert_eq!(begun.data(), b"abc");
            assert!(matches!(begun.into_body(), Body::Full(bytes) if bytes == "abc"));
            let begun = Begun::read(Body::Empty, 512).await;
            assert!(begun.is_barren());
            assert!(begun.into_body().is_end_stream());
        });
    }
}
