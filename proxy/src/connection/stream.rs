//! A client's stream: what was read to tell the protocol comes first, and bytes tell what the
//! connection is doing.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, HALF_TUNNEL, LINGER, LINGERING, TUNNEL};
use crate::clock;
use crate::transport::Transport;

/// A client's stream: bytes that were read to tell the protocol are read again, and each read
/// shows that the client is alive.
#[derive(Debug)]
pub struct Stream {
    inner: TcpStream,
    read_already: Bytes,
    activity: Rc<Activity>,
}

impl Stream {
    /// `read_already` comes first.
    pub fn new(inner: TcpStream, read_already: Bytes, activity: Rc<Activity>) -> Self {
        Self { inner, read_already, activity }
    }

    /// The socket, which the kernel probes from now on, and what it told. Only once everything read already is used.
    pub fn into_parts(self) -> (TcpStream, Rc<Activity>) {
        self.activity.probe_now(&self.inner);
        (self.inner, self.activity)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.read_already.is_empty() {
            let length = self.read_already.len().min(buffer.remaining());
            buffer.put_slice(&self.read_already[..length]);
            self.read_already.advance(length);
            return Poll::Ready(Ok(()));
        }
        self.activity.probe_if_due(&self.inner);
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.activity.has_read(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, bytes))?;
        self.activity.has_written(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write_vectored(cx, slices))?;
        self.activity.has_written(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let phase = this.activity.phase.get();
        if phase != LINGERING {
            ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
            this.activity.has_shut_down();
            if matches!(phase, TUNNEL | HALF_TUNNEL) || !this.activity.unread.get() {
                return Poll::Ready(Ok(()));
            }
            // The sweep ends it when the time is over.
            this.activity.enter(LINGERING, clock::ticks(LINGER));
        }
        let mut waste = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut waste);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

/// A client's stream, in or without TLS.
pub type ClientStream = Transport<Stream, TlsStream<Stream>>;

impl ClientStream {
    /// The socket, if nothing is between it and HTTP.
    pub fn plain(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(&stream.inner),
            Self::Tls(_) => None,
        }
    }
}
