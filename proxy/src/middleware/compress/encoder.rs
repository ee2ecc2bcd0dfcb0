//! The three encoders behind one face: bytes in, bytes out, flushed when asked to.
//!
//! Levels and windows are for answers that are made for one client: little time, and memory that
//! many open streams can have at once.

use std::fmt;
use std::io::{self, Write};

use brotli::CompressorWriter;
use flate2::{Compress, Compression, FlushCompress, Status};
use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, InBuffer, OutBuffer};

use super::negotiate::Encoding;
use super::spare;

/// Room for the output of one step, bytes.
const ROOM: usize = 8 * 1024;

/// The default, 6, takes a quarter more time for one part in fifty. A stream holds 0.4 MiB.
const GZIP_LEVEL: u32 = 4;
const GZIP_WINDOW: u8 = 15;

/// From 5 on it takes half as much time again, and more memory.
const BROTLI_QUALITY: u32 = 4;

/// zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// What brotli and zstd look back on, as a power of two: 256 KiB of a body with a length, 64 KiB of
/// one that may stay open for hours. A stream holds up to 2.2 MiB of memory then, or 1.8 MiB.
const WINDOW: u32 = 18;
const LIVE_WINDOW: u32 = 16;

/// How large zstd's tables are where the length does not tell, as powers of two: for matches of
/// eight bytes, and of five. The level's own are of the size of a megabyte, and cleared first.
const LIVE_TABLES: (u32, u32) = (15, 14);

/// What is done behind some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// More may follow at once.
    More,
    /// The decoder must be able to tell everything up to here.
    Flush,
    /// It is all.
    End,
}

/// An encoder at work; empty: the stream has ended. Dropped, it gives its memory back, but for what
/// the thread keeps for its next answer ([`spare`]).
#[allow(missing_docs)]
pub enum Encoder {
    Gzip(Option<Box<Compress>>),
    Brotli(Option<Box<CompressorWriter<Vec<u8>>>>),
    Zstd(Option<CCtx<'static>>),
}

impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gzip(_) => "gzip",
            Self::Brotli(_) => "br",
            Self::Zstd(_) => "zstd",
        })
    }
}

impl Encoder {
    /// For a body of so many bytes, if that is known: a small one needs less memory.
    ///
    /// # Errors
    /// There is no memory for it.
    pub fn new(encoding: Encoding, length: Option<u64>) -> io::Result<Self> {
        let window = if length.is_some() { WINDOW } else { LIVE_WINDOW };
        Ok(match encoding {
            Encoding::Gzip => Self::Gzip(Some(spare::gzip().unwrap_or_else(|| {
                Box::new(Compress::new_gzip(Compression::new(GZIP_LEVEL), GZIP_WINDOW))
            }))),
            Encoding::Brotli => {
                let writer = CompressorWriter::new(Vec::new(), ROOM, BROTLI_QUALITY, window);
                Self::Brotli(Some(Box::new(writer)))
            }
            Encoding::Zstd => {
                let context = spare::zstd(length).or_else(CCtx::try_create);
                let mut context = context.ok_or(io::ErrorKind::OutOfMemory)?;
                // Zero: what the level and a known length make of it.
                let (long, short) = if length.is_some() { (0, 0) } else { LIVE_TABLES };
                for parameter in [
                    CParameter::CompressionLevel(ZSTD_LEVEL),
                    CParameter::WindowLog(window),
                    CParameter::HashLog(long),
                    CParameter::ChainLog(short),
                ] {
                    context.set_parameter(parameter).map_err(zstd)?;
                }
                context.set_pledged_src_size(length).map_err(zstd)?;
                Self::Zstd(Some(context))
            }
        })
    }

    /// Takes all of `input`, and appends to `out` what comes of it.
    ///
    /// # Errors
    /// The encoder's own; it is of no use afterwards.
    pub fn encode(&mut self, input: &[u8], then: Then, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Gzip(compress) => {
                let Some(at_work) = compress else { return Ok(()) };
                gzip(at_work, input, then, out)?;
            }
            Self::Brotli(writer) => {
                let Some(at_work) = writer else { return Ok(()) };
                at_work.write_all(input)?;
                if then == Then::Flush {
                    at_work.flush()?;
                }
                out.append(at_work.get_mut());
                if then == Then::End
                    && let Some(ended) = writer.take()
                {
                    out.append(&mut ended.into_inner());
                }
            }
            Self::Zstd(context) => {
                let Some(at_work) = context else { return Ok(()) };
                compress(at_work, input, then, out)?;
            }
        }
        if then == Then::End {
            self.leave();
        }
        Ok(())
    }

    /// Leaves to the thread's next answer what it can use.
    fn leave(&mut self) {
        match self {
            Self::Gzip(compress) => compress.take().map_or((), spare::keep_gzip),
            Self::Brotli(writer) => *writer = None,
            Self::Zstd(context) => context.take().map_or((), spare::keep_zstd),
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.leave();
    }
}

fn gzip(
    compress: &mut Compress,
    mut input: &[u8],
    then: Then,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    let flush = match then {
        Then::More => FlushCompress::None,
        Then::Flush => FlushCompress::Sync,
        Then::End => FlushCompress::Finish,
    };
    loop {
        out.reserve(ROOM);
        let before = compress.total_in();
        let status = compress.compress_vec(input, out, flush).map_err(io::Error::other)?;
        let taken = usize::try_from(compress.total_in() - before).unwrap_or(usize::MAX);
        input = input.get(taken..).unwrap_or_default();
        let done = match then {
            Then::End => status == Status::StreamEnd,
            // With room left there was nothing more to say.
            Then::More | Then::Flush => input.is_empty() && out.len() < out.capacity(),
        };
        if done {
            return Ok(());
        }
    }
}

fn compress(context: &mut CCtx<'_>, input: &[u8], then: Then, out: &mut Vec<u8>) -> io::Result<()> {
    let directive = match then {
        Then::More => ZSTD_EndDirective::ZSTD_e_continue,
        Then::Flush => ZSTD_EndDirective::ZSTD_e_flush,
        Then::End => ZSTD_EndDirective::ZSTD_e_end,
    };
    let mut input = InBuffer::around(input);
    let length = input.src.len();
    loop {
        // All at once where it fits: that is what spares the encoder a copy.
        let room = match then {
            Then::End => zstd_safe::compress_bound(length - input.pos()).max(ROOM),
            Then::More | Then::Flush => ROOM,
        };
        out.reserve(room);
        let at = out.len();
        let mut output = OutBuffer::around_pos(out, at);
        // What is left is told in bytes; while there is more to come, it may stay.
        let left = context.compress_stream2(&mut output, &mut input, directive).map_err(zstd)?;
        let done = match then {
            Then::More => input.pos() == length,
            Then::Flush | Then::End => left == 0,
        };
        if done {
            return Ok(());
        }
    }
}

fn zstd(code: usize) -> io::Error {
    io::Error::other(zstd_safe::get_error_name(code))
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read;

    use flate2::{Decompress, FlushDecompress};
    use proptest::prelude::*;

    use super::*;

    pub const ALL: [Encoding; 3] = [Encoding::Gzip, Encoding::Brotli, Encoding::Zstd];

    /// What a decoder tells of so much of a stream, and whether it has ended.
    pub fn decode(encoding: Encoding, coded: &[u8]) -> (Vec<u8>, bool) {
        let mut out = Vec::new();
        let ended = match encoding {
            Encoding::Gzip => {
                let mut decompress = Decompress::new_gzip(15);
                loop {
                    out.reserve(ROOM);
                    let rest = &coded[usize::try_from(decompress.total_in()).unwrap()..];
                    let none = FlushDecompress::None;
                    let status = decompress.decompress_vec(rest, &mut out, none).unwrap();
                    if status == Status::StreamEnd {
                        break decompress.total_in() == coded.len() as u64;
                    }
                    if out.len() < out.capacity() {
                        break false;
                    }
                }
            }
            Encoding::Brotli => {
                let mut decompressor = brotli::Decompressor::new(coded, ROOM);
                decompressor.read_to_end(&mut out).is_ok()
            }
            Encoding::Zstd => {
                let (mut context, mut input) = (zstd_safe::DCtx::create(), InBuffer::around(coded));
                loop {
                    out.reserve(ROOM);
                    let at = out.len();
                    let mut output = OutBuffer::around_pos(&mut out, at);
                    let left = context.decompress_stream(&mut output, &mut input).unwrap();
                    if left == 0 || out.len() < out.capacity() {
                        break left == 0 && input.pos() == coded.len();
                    }
                }
            }
        };
        (out, ended)
    }

    #[test]
    fn each_flush_tells_everything() {
        for encoding in ALL {
            let mut encoder = Encoder::new(encoding, None).unwrap();
            let (mut coded, mut sent) = (Vec::new(), Vec::new());
            for number in 0..50 {
                let event = format!("data: {number}\n\n");
                sent.extend_from_slice(event.as_bytes());
                encoder.encode(event.as_bytes(), Then::Flush, &mut coded).unwrap();
                assert_eq!(decode(encoding, &coded), (sent.clone(), false), "{encoding:?}");
            }
            encoder.encode(b"", Then::End, &mut coded).unwrap();
            assert_eq!(decode(encoding, &coded), (sent, true), "{encoding:?}");
        }
    }

    #[test]
    fn nothing_is_a_stream_too() {
        for encoding in ALL {
            for length in [None, Some(0)] {
                let mut coded = Vec::new();
                let mut encoder = Encoder::new(encoding, length).unwrap();
                encoder.encode(b"", Then::End, &mut coded).unwrap();
                assert_eq!(decode(encoding, &coded), (vec![], true), "{encoding:?}");
                assert!(!coded.is_empty());
            }
        }
    }

    #[test]
    fn without_an_end_it_is_broken() {
        for encoding in ALL {
            let mut coded = Vec::new();
            let mut encoder = Encoder::new(encoding, None).unwrap();
            encoder.encode(&[b'x'; 5000], Then::Flush, &mut coded).unwrap();
            assert_eq!(decode(encoding, &coded), (vec![b'x'; 5000], false), "{encoding:?}");
        }
    }

    /// What one stream may hold, as far as it can be asked.
    #[test]
    fn memory_is_bounded() {
        let mut out = Vec::new();
        let noise = super::super::tests::noise(1 << 20);
        let mut held = |length| {
            let mut encoder = Encoder::new(Encoding::Zstd, length).unwrap();
            for piece in noise.chunks(10_000) {
                encoder.encode(piece, Then::More, &mut out).unwrap();
            }
            let Encoder::Zstd(Some(context)) = &encoder else { panic!("no zstd") };
            context.sizeof()
        };
        let (live, known) = (held(None), held(Some(noise.len() as u64)));
        assert!(live < 3 << 18 && known < 5 << 19, "{live} and {known} bytes");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_pieces(
            pieces in prop::collection::vec((0..3_u8, 0..40_000_usize, any::<bool>()), 0..12),
        ) {
            for encoding in ALL {
                let (mut coded, mut sent) = (Vec::new(), Vec::new());
                let mut encoder = Encoder::new(encoding, None).unwrap();
                for (kind, length, flush) in &pieces {
                    // Nothing but zeros, something like text, and noise.
                    let piece: Vec<u8> = (0..*length as u64)
                        .map(|at| match kind {
                            0 => 0,
                            1 => b"etaoin shrdlu"[(at * at % 13) as usize],
                            _ => (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8,
                        })
                        .collect();
                    let then = if *flush { Then::Flush } else { Then::More };
                    encoder.encode(&piece, then, &mut coded).unwrap();
                    sent.extend_from_slice(&piece);
                    if *flush {
                        prop_assert_eq!(decode(encoding, &coded).0, sent.clone());
                    }
                }
                encoder.encode(b"", Then::End, &mut coded).unwrap();
                prop_assert!(decode(encoding, &coded) == (sent, true), "{:?}", encoding);
            }
        }
    }
}
