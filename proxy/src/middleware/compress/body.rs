//! A body that is compressed while it passes: a piece at a time, so that the thread's other requests
//! go on, and never more of it held than the encoder needs.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::super::begun::PATIENCE;
use super::encoder::{Encoder, Then};
use crate::body::{Body, Changed};
use crate::http1::Error;

/// So much is compressed before the output is looked at, bytes.
const PIECE: usize = 16 * 1024;

/// So much is compressed before others get their turn, bytes: about a millisecond.
const TURN: usize = 64 * 1024;

/// So much output leaves without waiting for more, bytes.
const FRAME: usize = 16 * 1024;

/// A compressed body.
#[derive(Debug)]
pub struct Compressed {
    original: Body,
    /// `None`: all is encoded.
    encoder: Option<Encoder>,
    /// Read, but not encoded yet.
    input: Bytes,
    /// Encoded, but not handed out yet.
    out: Vec<u8>,
    /// The encoder may hold something back.
    unflushed: bool,
    /// The original comes as it is made: whoever waits for it waits for each piece.
    live: bool,
    /// Until when a pause of the original is no pause yet.
    pause: Option<Pin<Box<Sleep>>>,
    /// What was encoded in this turn, bytes.
    worked: usize,
    /// Taken from the original, bytes.
    given: u64,
    /// What follows the last byte.
    end: Option<Result<HeaderMap, Error>>,
}

impl Compressed {
    /// `live`: the original's length is unknown.
    pub fn new(original: Body, encoder: Encoder, live: bool) -> Self {
        Self {
            original,
            encoder: Some(encoder),
            input: Bytes::new(),
            out: Vec::new(),
            unflushed: false,
            live,
            pause: None,
            worked: 0,
            given: 0,
            end: None,
        }
    }

    fn encode(&mut self, input: &[u8], then: Then) -> Result<(), Error> {
        let Some(encoder) = &mut self.encoder else { return Ok(()) };
        let encoded = encoder.encode(input, then, &mut self.out);
        self.unflushed = then == Then::More;
        if then == Then::End || encoded.is_err() {
            // Its memory goes before the last bytes do.
            self.encoder = None;
        }
        encoded.map_err(Error::Io)
    }

    /// Encodes the next piece of what was read. False: the turn is over.
    fn work(&mut self) -> Result<bool, Error> {
        if self.worked >= TURN {
            self.worked = 0;
            return Ok(false);
        }
        let piece = self.input.split_to(self.input.len().min(PIECE));
        if self.input.is_empty() {
            // An empty rest would keep the server's buffer.
            self.input = Bytes::new();
        }
        self.worked += piece.len();
        // Told at once that it is all, the encoder need not keep any of it.
        let last = self.input.is_empty() && self.original.is_end_stream();
        self.encode(&piece, if last { Then::End } else { Then::More })?;
        Ok(true)
    }

    /// What the original brings next, taken in.
    fn take(&mut self, next: Option<Result<Frame<Bytes>, Error>>) -> Result<(), Error> {
        self.pause = None;
        match next {
            None => self.encode(&[], Then::End),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    self.given = self.given.saturating_add(data.len() as u64);
                    self.input = data;
                    Ok(())
                }
                Err(frame) => {
                    self.end = frame.into_trailers().ok().map(Ok);
                    self.encode(&[], Then::End)
                }
            },
            Some(Err(error)) => {
                // What has come goes on its way; the stream's missing end tells the rest.
                if self.unflushed {
                    self.encode(&[], Then::Flush)?;
                }
                self.encoder = None;
                self.end = Some(Err(error));
                Ok(())
            }
        }
    }

    /// While the original pauses: has the encoder tell what it knows. A body of known length may
    /// pause for a moment, as Traefik's.
    fn poll_pause(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        // Whatever follows is another turn.
        self.worked = 0;
        if !self.unflushed {
            return Poll::Ready(Ok(()));
        }
        if !self.live {
            let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
            ready!(pause.as_mut().poll(cx));
            self.pause = None;
        }
        Poll::Ready(self.encode(&[], Then::Flush))
    }

    fn hand_out(&mut self) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.out).into()))))
    }
}

impl HttpBody for Compressed {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            if this.out.len() >= FRAME {
                return this.hand_out();
            }
            if this.encoder.is_none() {
                if !this.out.is_empty() {
                    return this.hand_out();
                }
                return Poll::Ready(this.end.take().map(|end| end.map(Frame::trailers)));
            }
            if !this.input.is_empty() {
                if !this.work()? {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                continue;
            }
            match Pin::new(&mut this.original).poll_frame(cx) {
                Poll::Ready(next) => this.take(next)?,
                Poll::Pending => {
                    ready!(this.poll_pause(cx))?;
                    return if this.out.is_empty() { Poll::Pending } else { this.hand_out() };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.encoder.is_none() && self.out.is_empty() && self.end.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl Changed for Compressed {
    fn original(&self) -> Option<&Body> {
        Some(&self.original)
    }

    fn original_mut(&mut self) -> Option<&mut Body> {
        Some(&mut self.original)
    }

    fn given(&self) -> Option<u64> {
        self.original.given().or(Some(self.given))
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::super::super::scripted::Step::{Data, Fail, Later, Made, Never, Trailer};
    use super::super::super::scripted::{Step, measured, run, scripted};
    use super::super::encoder::tests::{ALL, decode};
    use super::super::negotiate::Encoding;
    use super::super::tests::noise;
    use super::*;

    fn compressed(encoding: Encoding, original: Body, live: bool) -> Compressed {
        Compressed::new(original, Encoder::new(encoding, None).unwrap(), live)
    }

    fn poll(body: &mut Compressed) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()))
    }

    /// Everything that comes, how often it paused, whether trailers came, and whether it broke.
    fn drain(body: &mut Compressed) -> (Vec<u8>, usize, bool, bool) {
        let (mut coded, mut pauses, mut trailers) = (Vec::new(), 0, false);
        loop {
            match poll(body) {
                Poll::Ready(None) => return (coded, pauses, trailers, false),
                Poll::Ready(Some(Err(_))) => return (coded, pauses, trailers, true),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        assert!(!data.is_empty(), "an empty piece");
                        coded.extend_from_slice(&data);
                    }
                    Err(_) => trailers = true,
                },
                Poll::Pending => pauses += 1,
            }
        }
    }

    #[test]
    fn events_leave_at_once() {
        for encoding in ALL {
            let steps = vec![Data(b"data: 1\n\n"), Later, Data(b"data: 2\n\n"), Never];
            let mut body = compressed(encoding, scripted(steps), true);
            let mut coded = Vec::new();
            for expected in ["data: 1\n\n", "data: 1\n\ndata: 2\n\n"] {
                let Poll::Ready(Some(Ok(frame))) = poll(&mut body) else { panic!("waits") };
                coded.extend_from_slice(&frame.into_data().unwrap());
                assert_eq!(decode(encoding, &coded), (expected.into(), false), "{encoding:?}");
            }
            assert!(poll(&mut body).is_pending());
        }
    }

    #[test]
    fn a_known_length_waits_a_moment() {
        run(async {
            for encoding in ALL {
                let original = measured(vec![Data(b"first"), Never, Data(b"second")]);
                let mut body = compressed(encoding, original, false);
                assert!(poll(&mut body).is_pending());
                let begun = tokio::time::Instant::now();
                let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
                assert!(begun.elapsed() >= PATIENCE, "{:?}", begun.elapsed());
                let data = frame.unwrap().unwrap().into_data().unwrap();
                assert_eq!(decode(encoding, &data), (b"first".to_vec(), false), "{encoding:?}");
            }
        });
    }

    #[test]
    fn ends() {
        for encoding in ALL {
            for (last, trailers, failed) in
                [(None, false, false), (Some(Trailer), true, false), (Some(Fail), false, true)]
            {
                let mut steps = vec![Data(b"some "), Data(b""), Data(b"bytes")];
                steps.extend(last);
                let mut body = compressed(encoding, scripted(steps), true);
                let (coded, _, seen, broken) = drain(&mut body);
                assert_eq!((seen, broken), (trailers, failed), "{encoding:?}");
                // What broke off has no end.
                assert_eq!(decode(encoding, &coded), (b"some bytes".to_vec(), !failed));
                assert!(body.is_end_stream());
                assert_eq!(body.given(), Some(10));
                assert!(matches!(poll(&mut body), Poll::Ready(None)));
            }
            let mut body = compressed(encoding, scripted(vec![Fail]), true);
            assert_eq!(drain(&mut body), (vec![], 0, false, true), "{encoding:?}");
        }
    }

    /// An original that says of its last piece that it is the last.
    #[test]
    fn the_last_piece_ends_it() {
        for encoding in ALL {
            for length in [1, 1024, PIECE, PIECE + 1, TURN, TURN + 1, 3 * TURN] {
                let (sent, length) = (noise(length), length as u64);
                let original = Body::from(Bytes::from(sent.clone()));
                let encoder = Encoder::new(encoding, Some(length)).unwrap();
                let mut body = Compressed::new(original, encoder, false);
                let (coded, _, trailers, broken) = drain(&mut body);
                assert_eq!((trailers, broken, body.given()), (false, false, Some(length)));
                assert!(decode(encoding, &coded) == (sent, true), "{encoding:?} {length}");
                assert!(body.is_end_stream());
            }
        }
    }

    /// Clients that leave in the middle of it take nothing along, and leave nothing behind.
    #[test]
    fn what_was_left_serves_the_next() {
        for encoding in ALL {
            for round in 0..20_u8 {
                let secret = Bytes::from(vec![b'a' + round; 40_000]);
                let mut left = compressed(encoding, scripted(vec![Made(secret), Never]), true);
                assert!(poll(&mut left).is_ready());
                let sent = noise(100 * usize::from(round) + 1);
                for live in [false, true] {
                    let original = scripted(vec![Made(sent.clone().into())]);
                    let length = (!live).then_some(sent.len() as u64);
                    let encoder = Encoder::new(encoding, length).unwrap();
                    let (coded, ..) = drain(&mut Compressed::new(original, encoder, live));
                    assert!(decode(encoding, &coded) == (sent.clone(), true), "{encoding:?}");
                }
            }
        }
    }

    #[test]
    fn others_get_their_turn() {
        for encoding in ALL {
            // It compresses to next to nothing, so that output alone would never end a turn.
            let zeros = Bytes::from(vec![0; 1 << 20]);
            let mut body = compressed(encoding, scripted(vec![Made(zeros.clone())]), true);
            let (coded, pauses, ..) = drain(&mut body);
            assert_eq!(pauses, (1 << 20) / TURN - 1, "{encoding:?}");
            assert!(decode(encoding, &coded) == (zeros.to_vec(), true), "{encoding:?}");
            assert!(coded.len() < 8 * 1024, "{}", coded.len());
        }
    }

    #[test]
    fn output_is_handed_out_in_pieces() {
        for encoding in ALL {
            let noise = noise(1 << 20);
            let steps = vec![Made(Bytes::from(noise.clone()))];
            let mut body = compressed(encoding, scripted(steps), true);
            let mut coded = Vec::new();
            loop {
                match poll(&mut body) {
                    Poll::Ready(None) => break,
                    Poll::Ready(frame) => {
                        let data = frame.unwrap().unwrap().into_data().unwrap();
                        assert!(data.len() < 512 * 1024, "{} bytes at once", data.len());
                        coded.extend_from_slice(&data);
                    }
                    Poll::Pending => {}
                }
                assert!(body.out.capacity() < 1 << 20);
            }
            assert!(decode(encoding, &coded) == (noise, true), "{encoding:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_chunks(
            chunks in prop::collection::vec((0..100_000_usize, any::<bool>()), 0..10),
        ) {
            for encoding in ALL {
                let (mut steps, mut sent) = (Vec::new(), Vec::new());
                for (length, pause) in &chunks {
                    let chunk: Vec<u8> = (0..*length).map(|at| (at % 251) as u8).collect();
                    sent.extend_from_slice(&chunk);
                    steps.push(Made(Bytes::from(chunk)));
                    steps.extend(pause.then_some(Later));
                }
                let mut body = compressed(encoding, scripted(steps), true);
                let (coded, _, _, broken) = drain(&mut body);
                prop_assert!(!broken);
                prop_assert!(decode(encoding, &coded) == (sent, true), "{:?}", encoding);
            }
        }
    }

    #[test]
    fn the_body_behind_it_is_known() {
        let mut body = compressed(Encoding::Gzip, Body::from("x"), false);
        assert!(matches!(body.original(), Some(Body::Full(_))));
        assert!(body.original_mut().is_some());
        assert!(body.size_hint().exact().is_none() && !body.is_end_stream());
        let _: Step = Never;
    }
}
