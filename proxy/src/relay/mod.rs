//! Bytes both ways between two streams until both have ended, with as few copies as the kernel
//! allows.
//!
//! Small messages are copied through a [`buffer`] that is borrowed while they are on their way; a
//! flood between two plain sockets goes through a [`pipe`] without being copied ([`mod@splice`]).
//! What is idle holds neither. [`mod@splice`] also moves large bodies of known length.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

pub mod buffer;
mod flow;
pub mod pipe;
pub mod splice;
#[cfg(test)]
mod tests;

use flow::Flow;

/// A stream of bytes that is not a plain socket, such as TLS.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// One end of a tunnel.
pub enum Side {
    /// A socket that bytes may bypass us from and to.
    Plain(TcpStream),
    /// Anything else: its bytes are copied.
    Other(Box<dyn Stream>),
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client.
    ToServer,
    /// To the client.
    ToClient,
}

/// What has happened in a direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// So many bytes were read from the source; 0: it has ended. What was read before the tunnel
    /// began is not told.
    Read(usize),
    /// So many bytes were written to the destination.
    Written(usize),
    /// The destination was told that no more will come.
    ShutDown,
}

/// What a tunnel was.
#[derive(Debug)]
pub struct Relayed {
    /// Bytes written to the server.
    pub to_server: u64,
    /// Bytes written to the client.
    pub to_client: u64,
    /// Whether both sides have ended in peace.
    pub result: io::Result<()>,
}

/// Passes bytes both ways until both sides have ended or either fails; when one ends, the other's
/// writing side is shut down after the last byte. `first_to_server` and `first_to_client` were
/// read before and go first. `seen` is told everything that happens.
pub async fn relay(
    mut client: Side,
    mut server: Side,
    first_to_server: Bytes,
    first_to_client: Bytes,
    seen: impl Fn(Direction, Event),
) -> Relayed {
    let mut up = Flow::new(Direction::ToServer, first_to_server);
    let mut down = Flow::new(Direction::ToClient, first_to_client);
    let result = poll_fn(|cx| {
        let up = up.poll(cx, &mut client, &mut server, &seen)?;
        let down = down.poll(cx, &mut server, &mut client, &seen)?;
        if up.is_ready() && down.is_ready() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await;
    Relayed { to_server: up.passed, to_client: down.passed, result }
}

impl AsyncRead for Side {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Side {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Other(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl std::fmt::Debug for Side {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Plain(_) => "Side::Plain",
            Self::Other(_) => "Side::Other",
        })
    }
}
