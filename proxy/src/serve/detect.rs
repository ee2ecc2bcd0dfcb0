//! Step 3, detection: the first bytes tell TLS, HTTP/2 with prior knowledge and HTTP/1 apart.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::{io, mem};

use bytes::Bytes;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use crate::connection::Activity;
use crate::http1::buffer;

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

/// Reads until the protocol is clear; returns it with the bytes read. Nothing is allocated before
/// the first byte arrives.
///
/// # Errors
/// The connection failed, or ended before.
pub async fn detect(stream: &mut TcpStream, activity: &Activity) -> io::Result<(Protocol, Bytes)> {
    let mut begun = Bytes::new();
    poll_fn(|cx| {
        activity.probe_if_due(stream);
        loop {
            begun = ready!(buffer::with_scratch(|scratch| {
                let mut read = ReadBuf::new(scratch);
                ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
                Poll::Ready(match (read.filled(), &*begun) {
                    ([], _) => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
                    (all, []) => Ok(Bytes::copy_from_slice(all)),
                    (more, before) => Ok(Bytes::from([before, more].concat())),
                })
            }))?;
            if let Some(protocol) = tell(&begun) {
                return Poll::Ready(Ok((protocol, mem::take(&mut begun))));
            }
        }
    })
    .await
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
