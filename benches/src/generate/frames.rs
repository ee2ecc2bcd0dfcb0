//! HTTP/2 frames (RFC 9113 section 6): reading them from a stream of bytes, writing the few that a
//! client needs.

/// Frame types.
pub(super) mod kind {
    pub const DATA: u8 = 0;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// The flag of SETTINGS and PING that they are an answer.
pub(super) const ACK: u8 = 0x1;
/// The flag that the payload is padded.
pub(super) const PADDED: u8 = 0x8;
/// The flag that a HEADERS frame has a priority.
pub(super) const PRIORITY: u8 = 0x20;
/// The error code of a stream that was not looked at.
pub(super) const REFUSED: u32 = 7;
/// The setting that limits streams.
pub(super) const MAX_CONCURRENT_STREAMS: u16 = 3;

/// Bytes of a frame's header.
const HEADER: usize = 9;
/// We do not announce more than the payload that each side must take.
const LONGEST: u32 = 16_384;

/// A frame, or a piece of an unpadded DATA frame (which is handed on without waiting for the rest).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    /// Bytes of the payload, here.
    pub length: u32,
    pub payload: &'a [u8],
    /// Nothing of the frame is to come.
    pub whole: bool,
}

impl<'a> Frame<'a> {
    /// The payload without its padding; `None` if there is more padding than payload.
    pub fn unpadded(&self) -> Option<&'a [u8]> {
        if self.flags & PADDED == 0 {
            return Some(self.payload);
        }
        let (&padding, rest) = self.payload.split_first()?;
        rest.get(..rest.len().checked_sub(usize::from(padding))?)
    }
}

/// A frame that is longer than we allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

/// What a header says.
#[derive(Debug, Clone, Copy)]
struct Header {
    kind: u8,
    flags: u8,
    stream: u32,
    left: u32,
}

/// Finds frames in bytes that come in any pieces.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The begin of a header or of a payload whose rest has not come; emptied with the next call.
    part: Vec<u8>,
    /// `part` is what the last call has returned.
    used: bool,
    header: Option<Header>,
}

impl Reader {
    /// The next frame, taken from the begin of `bytes`; `None` when all is taken.
    pub fn next<'a, 'b: 'a>(
        &'a mut self,
        bytes: &mut &'b [u8],
    ) -> Result<Option<Frame<'a>>, TooLong> {
        if std::mem::take(&mut self.used) {
            self.part.clear();
        }
        let header = match self.header {
            Some(header) => header,
            None => {
                let Some(header) = self.header(bytes) else { return Ok(None) };
                if header.left > LONGEST {
                    return Err(TooLong);
                }
                self.header = Some(header);
                header
            }
        };
        let Header { kind, flags, stream, left } = header;
        let frame = |payload: &'a [u8], whole| {
            let length = payload.len() as u32;
            Ok(Some(Frame { kind, flags, stream, length, payload, whole }))
        };
        if self.part.is_empty()
            && let Some((payload, rest)) = bytes.split_at_checked(left as usize)
        {
            *bytes = rest;
            self.header = None;
            return frame(payload, true);
        }
        if kind == kind::DATA && flags & PADDED == 0 {
            let payload = std::mem::take(bytes);
            if payload.is_empty() {
                return Ok(None);
            }
            self.header = Some(Header { left: left - payload.len() as u32, ..header });
            return frame(payload, false);
        }
        let missing = (left as usize).saturating_sub(self.part.len()).min(bytes.len());
        if let Some((more, rest)) = bytes.split_at_checked(missing) {
            self.part.extend_from_slice(more);
            *bytes = rest;
        }
        if self.part.len() < left as usize {
            return Ok(None);
        }
        self.header = None;
        self.used = true;
        frame(&self.part, true)
    }

    fn header(&mut self, bytes: &mut &[u8]) -> Option<Header> {
        let missing = HEADER.saturating_sub(self.part.len()).min(bytes.len());
        let (more, rest) = bytes.split_at_checked(missing)?;
        *bytes = rest;
        let whole = if self.part.is_empty() && more.len() == HEADER {
            more
        } else {
            self.part.extend_from_slice(more);
            &self.part
        };
        let &[a, b, c, kind, flags, s, t, u, v] = whole else { return None };
        let header = Header {
            kind,
            flags,
            stream: u32::from_be_bytes([s & 0x7f, t, u, v]),
            left: u32::from_be_bytes([0, a, b, c]),
        };
        self.part.clear();
        Some(header)
    }
}

fn write(out: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Appends SETTINGS.
pub(super) fn settings(out: &mut Vec<u8>, values: &[(u16, u32)]) {
    let mut payload = Vec::with_capacity(values.len() * 6);
    for (name, value) in values {
        payload.extend_from_slice(&name.to_be_bytes());
        payload.extend_from_slice(&value.to_be_bytes());
    }
    write(out, kind::SETTINGS, 0, 0, &payload);
}

/// Appends the answer to SETTINGS.
pub(super) fn settings_ack(out: &mut Vec<u8>) {
    write(out, kind::SETTINGS, ACK, 0, &[]);
}

/// Appends the answer to a PING.
pub(super) fn ping_ack(out: &mut Vec<u8>, payload: &[u8]) {
    write(out, kind::PING, ACK, 0, payload);
}

/// Appends WINDOW_UPDATE for a stream, or for the connection (stream 0).
pub(super) fn window_update(out: &mut Vec<u8>, stream: u32, bytes: u32) {
    write(out, kind::WINDOW_UPDATE, 0, stream, &bytes.to_be_bytes());
}

/// What a SETTINGS payload sets.
pub(super) fn read_settings(payload: &[u8]) -> impl Iterator<Item = (u16, u32)> {
    payload
        .as_chunks::<6>()
        .0
        .iter()
        .map(|&[a, b, c, d, e, f]| (u16::from_be_bytes([a, b]), u32::from_be_bytes([c, d, e, f])))
}

/// The last stream that a GOAWAY's sender has looked at.
pub(super) fn goaway(payload: &[u8]) -> Option<u32> {
    payload.first_chunk::<4>().map(|id| u32::from_be_bytes(*id) & 0x7fff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of `bytes` in pieces: kind, stream, all payload, number of times handed on.
    fn read(bytes: &[u8], piece: usize) -> Result<Vec<(u8, u32, Vec<u8>)>, TooLong> {
        let mut reader = Reader::default();
        let (mut found, mut data) = (Vec::new(), Vec::new());
        for mut bytes in bytes.chunks(piece) {
            while let Some(frame) = reader.next(&mut bytes)? {
                assert_eq!(frame.length as usize, frame.payload.len());
                data.extend_from_slice(frame.payload);
                if frame.whole {
                    found.push((frame.kind, frame.stream, std::mem::take(&mut data)));
                }
            }
        }
        Ok(found)
    }

    #[test]
    fn frames_are_found_in_any_pieces() {
        let mut bytes = Vec::new();
        settings(&mut bytes, &[(2, 0), (4, 1)]);
        settings_ack(&mut bytes);
        write(&mut bytes, kind::DATA, 0, 3, &[7; 300]);
        write(&mut bytes, kind::DATA, 1, 3, &[]);
        write(&mut bytes, kind::DATA, PADDED, 5, &[2, 1, 1, 0, 0]);
        ping_ack(&mut bytes, &[1, 2, 3, 4, 5, 6, 7, 8]);
        let expected = vec![
            (kind::SETTINGS, 0, vec![0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1]),
            (kind::SETTINGS, 0, vec![]),
            (kind::DATA, 3, vec![7; 300]),
            (kind::DATA, 3, vec![]),
            (kind::DATA, 5, vec![2, 1, 1, 0, 0]),
            (kind::PING, 0, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        ];
        for piece in [1, 2, 5, 9, 10, 100, 309, 1000] {
            assert_eq!(read(&bytes, piece).unwrap(), expected, "by {piece}");
        }
    }

    #[test]
    fn padding_and_lengths_are_checked() {
        let frame =
            |payload| Frame { kind: 0, flags: PADDED, stream: 1, length: 0, payload, whole: true };
        assert_eq!(frame(&[2, 1, 1, 0, 0]).unpadded(), Some(&[1, 1][..]));
        assert_eq!(frame(&[3, 1, 1]).unpadded(), None);
        assert_eq!(frame(&[]).unpadded(), None);
        assert_eq!(read(&[1, 0, 0, 0, 0, 0, 0, 0, 1], 9), Err(TooLong));
        let settings: Vec<(u16, u32)> = read_settings(&[0, 3, 0, 0, 0, 100, 1]).collect();
        assert_eq!(settings, [(MAX_CONCURRENT_STREAMS, 100)]);
        assert_eq!((goaway(&[0x80, 0, 0, 5, 0]), goaway(&[1])), (Some(5), None));
    }
}
