//! What an encoder leaves to the next answer of its thread: one costs more to make than a small
//! answer costs to compress.
//!
//! zstd asks the processor what it can do whenever a context is made, and in a virtual machine that
//! question goes to the host; gzip clears all of its memory. One of each is kept by a thread, and none
//! that is large: most small answers are compressed in one go, so that the next finds it again.

use std::cell::Cell;
use std::thread::LocalKey;

use flate2::Compress;
use zstd_safe::{CCtx, ResetDirective};

/// A larger context of zstd is not kept, bytes.
const KEPT: usize = 1 << 20;

/// A body of more bytes would make a kept context larger than that.
const LARGE: u64 = 64 * 1024;

type Spare<T> = LocalKey<Cell<Option<T>>>;

thread_local! {
    /// 0.4 MiB.
    static GZIP: Cell<Option<Box<Compress>>> = const { Cell::new(None) };
    static ZSTD: Cell<Option<CCtx<'static>>> = const { Cell::new(None) };
}

/// An encoder that was left, as good as new.
pub(super) fn gzip() -> Option<Box<Compress>> {
    take(&GZIP)
}

/// The same for a body of so many bytes, if that is known. Its parameters are still to be set.
pub(super) fn zstd(length: Option<u64>) -> Option<CCtx<'static>> {
    if length.is_some_and(|length| length > LARGE) { None } else { take(&ZSTD) }
}

/// Whatever it was at.
pub(super) fn keep_gzip(mut compress: Box<Compress>) {
    compress.reset();
    keep(&GZIP, compress);
}

/// Whatever it was at.
pub(super) fn keep_zstd(mut context: CCtx<'static>) {
    if context.reset(ResetDirective::SessionOnly).is_ok() && context.sizeof() <= KEPT {
        keep(&ZSTD, context);
    }
}

fn take<T>(spare: &'static Spare<T>) -> Option<T> {
    spare.try_with(Cell::take).ok().flatten()
}

/// A thread that ends keeps nothing.
fn keep<T>(spare: &'static Spare<T>, encoder: T) {
    let _ = spare.try_with(|spare| spare.set(Some(encoder)));
}

#[cfg(test)]
mod tests {
    use super::super::encoder::{Encoder, Then};
    use super::super::negotiate::Encoding;
    use super::super::tests::noise;
    use super::*;

    /// Whether the thread has one of each for the next answer.
    fn spares() -> (bool, bool) {
        let kept = (gzip(), zstd(None));
        let spares = (kept.0.is_some(), kept.1.is_some());
        give_back(kept);
        spares
    }

    fn give_back((gzip, zstd): (Option<Box<Compress>>, Option<CCtx<'static>>)) {
        if let Some(gzip) = gzip {
            keep_gzip(gzip);
        }
        if let Some(zstd) = zstd {
            keep_zstd(zstd);
        }
    }

    fn encode(encoder: &mut Encoder, body: &[u8], last: Then) -> Vec<u8> {
        let mut out = Vec::new();
        for piece in body.chunks(16 * 1024) {
            encoder.encode(piece, Then::More, &mut out).unwrap();
        }
        encoder.encode(&[], last, &mut out).unwrap();
        out
    }

    fn forget() {
        let _ = (gzip(), zstd(None));
    }

    #[test]
    fn one_of_each_is_kept() {
        forget();
        for (encoding, at_work, expected) in [
            (Encoding::Gzip, (false, false), (true, false)),
            (Encoding::Zstd, (true, false), (true, true)),
        ] {
            for then in [Then::More, Then::Flush, Then::End] {
                let new = |_| Encoder::new(encoding, Some(5)).unwrap();
                let mut many: Vec<Encoder> = (0..3).map(new).collect();
                assert_eq!(spares(), at_work, "{encoding:?} {then:?}");
                for encoder in &mut many {
                    encode(encoder, b"hello", then);
                }
                drop(many);
                assert_eq!(spares(), expected, "{encoding:?} {then:?}");
            }
        }
    }

    /// What was in it before does not show, not even in how it is written.
    #[test]
    fn as_good_as_new() {
        for encoding in [Encoding::Gzip, Encoding::Zstd] {
            forget();
            for length in [0, 1, 1024, 20_000, 60_000, 100_000] {
                let body = [b"some text ".repeat(length / 20), noise(length / 2)].concat();
                for known in [Some(body.len() as u64), None] {
                    let coded = || {
                        let mut encoder = Encoder::new(encoding, known).unwrap();
                        encode(&mut encoder, &body, Then::End)
                    };
                    let again = coded();
                    let kept = (gzip(), zstd(None));
                    let new = coded();
                    assert!(again == new, "{encoding:?} {length} {known:?}");
                    give_back(kept);
                }
            }
        }
    }

    #[test]
    fn nothing_large_is_kept() {
        forget();
        let large = noise(1 << 20);
        for length in [Some(LARGE), None] {
            let body = large.get(..length.map_or(1 << 20, |length| length as usize)).unwrap();
            encode(&mut Encoder::new(Encoding::Zstd, length).unwrap(), body, Then::End);
            let kept = zstd(None).expect("as large as one may be");
            assert!(kept.sizeof() <= KEPT, "{} bytes", kept.sizeof());
        }
        // It takes none that is kept, and is not kept itself.
        for kept in [false, true] {
            if kept {
                encode(&mut Encoder::new(Encoding::Zstd, None).unwrap(), b"x", Then::End);
            }
            let length = Some(large.len() as u64);
            encode(&mut Encoder::new(Encoding::Zstd, length).unwrap(), &large, Then::End);
            assert_eq!(spares().1, kept);
            zstd(None);
        }
    }
}
