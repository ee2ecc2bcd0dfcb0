//! WebSocket at the upstream: the handshake's answer, and frames sent back as they came.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::frame;

/// Longer payloads close the connection: nothing that is measured is near it.
const LONGEST: u64 = 1 << 20;

/// The answer that accepts an upgrade (RFC 6455 section 4.2.2).
pub(super) fn accept(key: &[u8]) -> Vec<u8> {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key);
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n\r\n",
        STANDARD.encode(hash.finish())
    )
    .into_bytes()
}

/// What [`echo`] did with its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Echoed {
    /// Bytes of whole frames, which have been answered.
    pub taken: usize,
    /// The connection ends when `out` is sent.
    pub close: bool,
}

/// Answers the whole frames in `bytes` into `out`: messages with themselves, pings with pongs, a
/// close with a close.
pub(super) fn echo(bytes: &mut [u8], out: &mut Vec<u8>) -> Echoed {
    let mut taken = 0;
    while let Some(rest) = bytes.get_mut(taken..)
        && let Some(header) = frame::header(rest)
    {
        if header.payload > LONGEST {
            return Echoed { taken, close: true };
        }
        let end = header.size + header.payload as usize;
        let Some(payload) = rest.get_mut(header.size..end) else {
            break;
        };
        if let Some(key) = header.mask {
            frame::unmask(payload, key);
        }
        taken += end;
        match header.opcode {
            frame::PONG => {}
            frame::PING => frame::write(out, true, frame::PONG, None, payload),
            frame::CLOSE => {
                frame::write(out, true, frame::CLOSE, None, payload);
                return Echoed { taken, close: true };
            }
            opcode => frame::write(out, header.last, opcode, None, payload),
        }
    }
    Echoed { taken, close: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_key_is_accepted_as_the_rfc_says() {
        let answer = String::from_utf8(accept(b"dGhlIHNhbXBsZSBub25jZQ==")).unwrap();
        assert!(
            answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"),
            "{answer}"
        );
    }

    #[test]
    fn frames_come_back_unmasked() {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, true, frame::BINARY, Some([9, 8, 7, 6]), b"one");
        frame::write(&mut bytes, true, frame::PING, Some([1, 1, 1, 1]), b"two");
        frame::write(&mut bytes, true, frame::PONG, Some([1, 1, 1, 1]), b"none");
        let whole = bytes.len();
        frame::write(&mut bytes, true, frame::BINARY, Some([1, 1, 1, 1]), b"later");
        bytes.pop();
        let mut expected = Vec::new();
        frame::write(&mut expected, true, frame::BINARY, None, b"one");
        frame::write(&mut expected, true, frame::PONG, None, b"two");
        let mut out = Vec::new();
        assert_eq!(echo(&mut bytes, &mut out), Echoed { taken: whole, close: false });
        assert_eq!(out, expected);
    }

    #[test]
    fn a_close_ends_it() {
        let mut bytes = Vec::new();
        frame::write(&mut bytes, true, frame::CLOSE, Some([0; 4]), &[3, 232]);
        let mut out = Vec::new();
        assert!(echo(&mut bytes, &mut out).close);
        assert_eq!(out, [0x88, 2, 3, 232]);
        let mut huge = vec![0x82, 127, 0, 0, 1, 0, 0, 0, 0, 0];
        assert!(echo(&mut huge, &mut Vec::new()).close);
    }
}
