//! WebSocket frames (RFC 6455 section 5.2): reading a header, writing small ones.

/// The opcode of a binary message.
pub(crate) const BINARY: u8 = 2;
/// The opcode that closes.
pub(crate) const CLOSE: u8 = 8;
/// The opcode of a ping.
pub(crate) const PING: u8 = 9;
/// The opcode of a pong.
pub(crate) const PONG: u8 = 10;

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// The message's last frame.
    pub last: bool,
    /// What it is: [`BINARY`], [`CLOSE`] and so on.
    pub opcode: u8,
    /// The key that the payload is masked with.
    pub mask: Option<[u8; 4]>,
    /// Bytes of the header itself.
    pub size: usize,
    /// Bytes of the payload.
    pub payload: u64,
}

/// Reads the header at the begin of `bytes`; `None` while it is not whole.
pub(crate) fn header(bytes: &[u8]) -> Option<Header> {
    let (&first, rest) = bytes.split_first()?;
    let (&second, rest) = rest.split_first()?;
    let (payload, rest, length) = match second & 0x7f {
        126 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (u64::from(u16::from_be_bytes(*length)), rest, 2)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk::<8>()?;
            (u64::from_be_bytes(*length), rest, 8)
        }
        short => (u64::from(short), rest, 0),
    };
    let mask = if second & 0x80 == 0 { None } else { Some(*rest.first_chunk::<4>()?) };
    let size = 2 + length + if mask.is_some() { 4 } else { 0 };
    Some(Header { last: first & 0x80 != 0, opcode: first & 0x0f, mask, size, payload })
}

/// Appends a frame with `payload`, masked with `mask` if there is one. `last`: the message's last.
pub(crate) fn write(
    out: &mut Vec<u8>,
    last: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    payload: &[u8],
) {
    out.push(if last { 0x80 } else { 0 } | (opcode & 0x0f));
    let masked = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        length @ 0..126 => out.push(masked | length as u8),
        length @ 126..0x1_0000 => {
            out.push(masked | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            out.push(masked | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let at = out.len();
    if let Some(key) = mask {
        out.extend_from_slice(&key);
        out.extend_from_slice(payload);
        unmask(out.get_mut(at + 4..).unwrap_or_default(), key);
    } else {
        out.extend_from_slice(payload);
    }
}

/// Masks or unmasks `payload` in place (the same thing).
pub(crate) fn unmask(payload: &mut [u8], key: [u8; 4]) {
    for chunk in payload.chunks_mut(4) {
        for (byte, key) in chunk.iter_mut().zip(key) {
            *byte ^= key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_frame_reads_back() {
        for (length, size) in [(0, 2), (64, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let payload: Vec<u8> = (0..length).map(|at| at as u8).collect();
                let mut bytes = Vec::new();
                write(&mut bytes, true, BINARY, mask, &payload);
                let size = size + if mask.is_some() { 4 } else { 0 };
                let read = header(&bytes).unwrap();
                let expected =
                    Header { last: true, opcode: BINARY, mask, size, payload: length as u64 };
                assert_eq!(read, expected);
                for short in 0..size {
                    assert_eq!(header(&bytes[..short]), None, "{short} of {size} bytes");
                }
                if let Some(key) = mask {
                    unmask(&mut bytes[size..], key);
                }
                assert_eq!(&bytes[size..], payload);
            }
        }
    }
}
