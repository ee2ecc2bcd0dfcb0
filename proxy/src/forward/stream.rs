//! The stream to a server: plain or TLS.

use std::io;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::transport::Transport;

/// A stream to a server.
pub type ServerStream = Transport<TcpStream, TlsStream<TcpStream>>;

impl ServerStream {
    /// The socket, if nothing is between it and HTTP.
    pub fn plain(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Tls(_) => None,
        }
    }

    /// Asks the kernel, whatever the event loop knows, whether the server has hung up, or has said
    /// something that nobody asked for. What it says within TLS may be a session ticket.
    pub fn has_hung_up(&self) -> bool {
        let socket = match self {
            Self::Plain(stream) => SockRef::from(stream),
            Self::Tls(stream) => SockRef::from(stream.get_ref().0),
        };
        match socket.peek(&mut [std::mem::MaybeUninit::uninit()]) {
            Ok(length) => length == 0 || self.plain().is_some(),
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}
