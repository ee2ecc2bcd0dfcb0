//! Step 3, detection: the first bytes tell TLS, HTTP/2 with prior knowledge and HTTP/1 apart.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio::net::TcpStream;

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A TLS record of type handshake comes first (RFC 8446 section 5.1).
    Tls,
    /// The HTTP/2 connection preface comes first (RFC 9113 section 3.4).
    Http2,
    /// Anything else.
    Http1,
}

const HANDSHAKE_RECORD: u8 = 0x16;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The first read takes up to so many bytes, which is most requests' head.
const FIRST_READ: usize = 4096;

/// Reads until the protocol is clear; returns it with the bytes read. Nothing is allocated before
/// the first byte arrives.
pub async fn detect(stream: &TcpStream) -> io::Result<(Protocol, Bytes)> {
    let mut begun = BytesMut::new();
    loop {
        stream.readable().await?;
        match read(stream, &mut begun) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if let Some(protocol) = tell(&begun) {
            return Ok((protocol, begun.freeze()));
        }
    }
}

/// A function of its own, so that the buffer does not live in the connection's task.
fn read(stream: &TcpStream, begun: &mut BytesMut) -> io::Result<()> {
    let mut buffer = [0; FIRST_READ];
    let length = stream.try_read(&mut buffer)?;
    if length == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    begun.extend_from_slice(buffer.get(..length).unwrap_or_default());
    Ok(())
}

fn tell(begun: &[u8]) -> Option<Protocol> {
    match begun.first()? {
        &HANDSHAKE_RECORD => Some(Protocol::Tls),
        _ if begun.starts_with(PREFACE) => Some(Protocol::Http2),
        _ if PREFACE.starts_with(begun) => None,
        _ => Some(Protocol::Http1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telling() {
        let table: &[(&[u8], Option<Protocol>)] = &[
            (b"", None),
            (b"\x16\x03\x01", Some(Protocol::Tls)),
            (b"G", Some(Protocol::Http1)),
            (b"P", None),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r", None),
            (PREFACE, Some(Protocol::Http2)),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0", Some(Protocol::Http2)),
            (b"POST / HTTP/1.1", Some(Protocol::Http1)),
            (b"PRI * HTTP/1.1", Some(Protocol::Http1)),
            (b"\r\nGET", Some(Protocol::Http1)),
        ];
        for (begun, expected) in table {
            assert_eq!(tell(begun), *expected, "{begun:?}");
        }
    }
}
