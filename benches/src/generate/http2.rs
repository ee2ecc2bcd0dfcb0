//! HTTP/2 on one connection (RFC 9113): many GETs at a time, their answers counted to their ends.

use super::expected::Expected;
use super::frames::{self, Frame, Reader, kind};
use super::hpack::{self, END_HEADERS, END_STREAM};
use super::outcome::Cause;
use super::speech::{Begun, Seen};

/// Bytes that a server may send ahead on a stream (a browser's figure)
const STREAM_WINDOW: u32 = 6 << 20;
/// and on the connection.
const CONNECTION_WINDOW: u32 = 15 << 20;
/// The connection's window before it is widened (section 6.9.2).
const FIRST_WINDOW: u32 = 65_535;
/// The greatest stream number.
const LAST_STREAM: u32 = 0x7fff_ffff;

/// A request on its stream.
#[derive(Debug)]
struct Stream {
    id: u32,
    begun: Begun,
    /// Once its head has come.
    status: Option<Option<u16>>,
    body: u64,
    /// Bytes of the window that are not given back yet.
    taken: u32,
}

/// The protocol's state.
#[derive(Debug)]
pub(super) struct Http2 {
    /// No more streams than this at a time: ours and the target's limit.
    limit: usize,
    /// The connection carries one request.
    single: bool,
    expected: Expected,
    reader: Reader,
    streams: Vec<Stream>,
    next: u32,
    /// Bytes of the connection's window that are not given back yet.
    taken: u32,
    /// A head goes on in CONTINUATION frames; whether its stream ends with it.
    head_of: Option<(u32, bool)>,
    finished: bool,
}

impl Http2 {
    pub fn new(streams: usize, single: bool, expected: Expected) -> Self {
        Self {
            limit: if single { 1 } else { streams.max(1) },
            single,
            expected,
            reader: Reader::default(),
            streams: Vec::new(),
            next: 1,
            taken: 0,
            head_of: None,
            finished: false,
        }
    }

    /// The preface, the settings (no push; a wide window for each stream), a wide window for all.
    pub fn hello(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        frames::settings(out, &[(2, 0), (4, STREAM_WINDOW)]);
        frames::window_update(out, 0, CONNECTION_WINDOW - FIRST_WINDOW);
    }

    pub fn room(&self) -> usize {
        if self.finished { 0 } else { self.limit.saturating_sub(self.streams.len()) }
    }

    pub fn begin(&mut self, begun: Begun, request: &[u8], out: &mut Vec<u8>) {
        let id = self.next;
        let at = out.len();
        out.extend_from_slice(request);
        if let Some(place) = out.get_mut(at + 5..at + 9) {
            place.copy_from_slice(&id.to_be_bytes());
        }
        self.streams.push(Stream { id, begun, status: None, body: 0, taken: 0 });
        self.next += 2;
        self.finished |= self.single || self.next > LAST_STREAM;
    }

    pub fn outstanding(&self) -> impl Iterator<Item = Begun> {
        self.streams.iter().map(|stream| stream.begun)
    }

    pub fn finished(&self) -> bool {
        self.finished
    }

    pub fn feed(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<u8>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Cause> {
        // The reader is taken out while its frame is looked at.
        let mut reader = std::mem::take(&mut self.reader);
        let result = loop {
            match reader.next(&mut bytes) {
                Ok(Some(frame)) => {
                    if let Err(cause) = self.frame(frame, out, seen) {
                        break Err(cause);
                    }
                }
                Ok(None) => break Ok(()),
                Err(frames::TooLong) => break Err(Cause::Protocol),
            }
        };
        self.reader = reader;
        if self.taken > CONNECTION_WINDOW / 2 {
            frames::window_update(out, 0, self.taken);
            self.taken = 0;
        }
        result
    }

    fn frame(
        &mut self,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Cause> {
        let Frame { kind, flags, stream, .. } = frame;
        if self.head_of.is_some() && kind != kind::CONTINUATION {
            return Err(Cause::Protocol);
        }
        match kind {
            kind::DATA => self.data(frame, out, seen)?,
            hpack::HEADERS => {
                let mut block = frame.unpadded().ok_or(Cause::Protocol)?;
                if flags & frames::PRIORITY != 0 {
                    block = block.get(5..).ok_or(Cause::Protocol)?;
                }
                if let Some(stream) = self.streams.iter_mut().find(|known| known.id == stream) {
                    let status = hpack::status(block);
                    let early = status.is_some_and(|status| (100..200).contains(&status));
                    // Trailers have none, and 103 is not yet the answer.
                    if stream.status.is_none() && !early {
                        stream.status = Some(status);
                    }
                }
                let ends = flags & END_STREAM != 0;
                if flags & END_HEADERS == 0 {
                    self.head_of = Some((stream, ends));
                } else if ends {
                    self.end(stream, seen);
                }
            }
            kind::CONTINUATION => match self.head_of {
                Some((id, ends)) if id == stream => {
                    if flags & END_HEADERS != 0 {
                        self.head_of = None;
                        if ends {
                            self.end(stream, seen);
                        }
                    }
                }
                _ => return Err(Cause::Protocol),
            },
            kind::RST_STREAM => {
                let refused = frame.payload == frames::REFUSED.to_be_bytes();
                if let Some(stream) = self.take(stream) {
                    seen.push(if refused {
                        Seen::Again(stream.begun)
                    } else {
                        Seen::Failed(stream.begun, Cause::Reset)
                    });
                }
            }
            kind::SETTINGS if flags & frames::ACK == 0 => {
                for (name, value) in frames::read_settings(frame.payload) {
                    if name == frames::MAX_CONCURRENT_STREAMS {
                        self.limit = self.limit.min(value as usize).max(1);
                    }
                }
                frames::settings_ack(out);
            }
            kind::PING if flags & frames::ACK == 0 => frames::ping_ack(out, frame.payload),
            kind::GOAWAY => {
                let last = frames::goaway(frame.payload).ok_or(Cause::Protocol)?;
                self.finished = true;
                self.streams.retain(|stream| {
                    if stream.id > last {
                        seen.push(Seen::Again(stream.begun));
                    }
                    stream.id <= last
                });
            }
            // We send no body: windows for us, priorities, and what is unknown do not matter.
            _ => {}
        }
        Ok(())
    }

    fn data(
        &mut self,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
        seen: &mut Vec<Seen>,
    ) -> Result<(), Cause> {
        let length = frame.length;
        self.taken = self.taken.saturating_add(length);
        let ends = frame.flags & END_STREAM != 0 && frame.whole;
        if let Some(stream) = self.streams.iter_mut().find(|known| known.id == frame.stream) {
            if stream.status.is_none() {
                return Err(Cause::Protocol);
            }
            stream.body += match frame.flags & frames::PADDED {
                0 => u64::from(length),
                _ => frame.unpadded().ok_or(Cause::Protocol)?.len() as u64,
            };
            stream.taken = stream.taken.saturating_add(length);
            if !ends && stream.taken > STREAM_WINDOW / 2 {
                frames::window_update(out, stream.id, stream.taken);
                stream.taken = 0;
            }
        }
        if ends {
            self.end(frame.stream, seen);
        }
        Ok(())
    }

    fn take(&mut self, id: u32) -> Option<Stream> {
        let at = self.streams.iter().position(|stream| stream.id == id)?;
        Some(self.streams.swap_remove(at))
    }

    fn end(&mut self, id: u32, seen: &mut Vec<Seen>) {
        let Some(Stream { begun, status, body, .. }) = self.take(id) else { return };
        seen.push(match self.expected.judge(status.flatten(), body) {
            Some(cause) => Seen::Failed(begun, cause),
            None => Seen::Answered(begun, body),
        });
    }
}

#[cfg(test)]
#[path = "http2_tests.rs"]
mod tests;
