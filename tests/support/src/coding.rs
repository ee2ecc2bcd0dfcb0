//! Content codings, undone.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd_safe::{DCtx, InBuffer, OutBuffer};

/// Room for each step, bytes.
const ROOM: usize = 64 * 1024;

/// A body in `gzip`, `br` or `zstd` as far as it has come, and whether that is a whole stream and
/// nothing else; `None`: another coding, or no stream of this one.
pub fn decode(coding: &str, coded: &[u8]) -> Option<(Vec<u8>, bool)> {
    match coding {
        "gzip" => gzip(coded),
        "br" => brotli(coded),
        "zstd" => zstd(coded),
        _ => None,
    }
}

fn gzip(coded: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (mut decompress, mut out) = (Decompress::new_gzip(15), Vec::new());
    loop {
        out.reserve(ROOM);
        let taken = usize::try_from(decompress.total_in()).ok()?;
        let rest = coded.get(taken..)?;
        let status = decompress.decompress_vec(rest, &mut out, FlushDecompress::None).ok()?;
        if status == Status::StreamEnd {
            return Some((out, decompress.total_in() == coded.len() as u64));
        }
        if out.len() < out.capacity() {
            return Some((out, false));
        }
    }
}

fn brotli(coded: &[u8]) -> Option<(Vec<u8>, bool)> {
    let alloc = StandardAlloc::default;
    let mut state = BrotliState::new(alloc(), alloc(), alloc());
    let (mut out, mut room) = (Vec::new(), vec![0; ROOM]);
    let (mut left, mut taken, mut total) = (coded.len(), 0, 0);
    loop {
        let (mut free, mut made) = (room.len(), 0);
        let result = BrotliDecompressStream(
            &mut left, &mut taken, coded, &mut free, &mut made, &mut room, &mut total, &mut state,
        );
        out.extend_from_slice(room.get(..made)?);
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::NeedsMoreInput => return Some((out, false)),
            BrotliResult::ResultSuccess => return Some((out, left == 0)),
            BrotliResult::ResultFailure => return None,
        }
    }
}

fn zstd(coded: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (mut context, mut out, mut input) = (DCtx::create(), Vec::new(), InBuffer::around(coded));
    loop {
        out.reserve(ROOM);
        let at = out.len();
        let step = context.decompress_stream(&mut OutBuffer::around_pos(&mut out, at), &mut input);
        let left = step.ok()?;
        if left == 0 || out.len() < out.capacity() {
            return Some((out, left == 0 && input.pos() == coded.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `abc`, as gzip, brotli and zstd themselves write it.
    #[test]
    fn streams_of_others() {
        let gzip: &[u8] = &[
            0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x4c, 0x4a, 6, 0, 0xc2, 0x41, 0x24, 0x35, 3,
            0, 0, 0,
        ];
        let brotli: &[u8] = &[0x0b, 1, 0x80, b'a', b'b', b'c', 3];
        let zstd: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 0x19, 0, 0, b'a', b'b', b'c'];
        for (coding, coded) in [("gzip", gzip), ("br", brotli), ("zstd", zstd)] {
            assert_eq!(decode(coding, coded), Some((b"abc".to_vec(), true)), "{coding}");
            for cut in 0..coded.len() {
                let part = decode(coding, &coded[..cut]);
                assert!(!part.is_some_and(|(_, ended)| ended), "{coding} {cut}");
            }
            let more = [coded, b"x"].concat();
            assert!(!decode(coding, &more).is_some_and(|(_, ended)| ended), "{coding}");
        }
        assert_eq!(decode("gzip", b"plain text, no stream"), None);
        assert_eq!(decode("zstd", b"plain text, no stream"), None);
        assert_eq!(decode("deflate", b""), None);
    }
}
